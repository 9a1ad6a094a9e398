package exposure

import (
	"maps"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// exposure is the measure of an account at marks: its equity, and what its positions and working
// orders put at risk. It is kept up contract by contract, so that the cost of judging an order does
// not grow with the number of positions. A change of the book or of a mark is only noted, in
// Account.stale; weigh brings the measure up to date when it is asked for.
type exposure struct {
	// contracts holds every contract that is held or has working orders; list holds the same in no
	// particular order.
	contracts map[ledger.InstrumentKey]*contract
	list      []*contract
	groups    map[underlyingKey]*group
	// strategies and sectors are the exposures by name, in base currency.
	strategies map[string]ledger.Decimal
	sectors    map[string]ledger.Decimal
	// total is the sum of the contracts' figures.
	total figures
	// held is the amount that positions add to equity, in base currency.
	held ledger.Decimal
	// unknown counts the contracts without a mark or a conversion rate.
	unknown int
	// spending is the cash that working buys will take when they fill, in base currency.
	spending ledger.Decimal
	// variation is what held futures and CFDs have gained or, below zero, lost, and margins is the
	// margin that futures and CFDs take, in base currency.
	variation, margins ledger.Decimal
	// unspent counts the contracts of which nothing tells what they take of the cash.
	unspent int
	// written counts the options that are short, or would be if every working sale filled.
	written int

	// oldest is the time of the oldest mark in use, rates that of the oldest conversion rate in use
	// for contracts; zero for none.
	oldest time.Time
	rates  time.Time

	// balance is all cash and capital the net capital, in cash and in kind, in base currency.
	// unratedKind is what of it came in kind without a rate.
	balance, capital, unratedKind ledger.Decimal
	// unsettled is the part of balance that sales brought and that has not settled.
	unsettled ledger.Decimal
	// unrated is true if a part of the cash could not be converted, unratedSales if a part of
	// unsettled could not, and unratedCapital if a part of the capital could not.
	unrated, unratedSales, unratedCapital bool
	// cashRates is the time of the oldest conversion rate in use for cash; zero for none.
	cashRates time.Time

	policy *Policy
	today  ledger.Date
	// window is the first of the five business days that end with today.
	window ledger.Date
	bounds bounds
	// room is the result of tightest, where roomed says that it is up to date.
	room   ledger.Decimal
	roomed bool
	// freshUntil is the last moment at which every mark and rate in use is fresh by the limits;
	// zero if none is in use that grows old.
	freshUntil time.Time
	// aged is true while oldest and rates are up to date.
	aged bool
	// matching is what need works with.
	matching matching
}

// weigh brings the account's exposure up to date with the book and the market, and returns it.
func (a *Account) weigh(m *Market) *exposure {
	if a.exposure == nil {
		a.exposure = &exposure{}
	}
	e, today := a.exposure, a.memory.dateOf(m.Now)
	if e.policy != m.Policy || e.today != today {
		if e.today != today {
			e.window = businessDaysBefore(today, 5)
		}
		e.policy, e.today = m.Policy, today
		a.stale.TouchAll()
	}
	if !a.stale.none() {
		e.refresh(a, m)
		a.stale.clear()
	}
	return e
}

// refresh measures again what the account's stale notes say.
func (e *exposure) refresh(a *Account, m *Market) {
	if a.stale.all {
		e.rebuild(a, m)
	}
	for _, key := range a.stale.keys {
		e.update(a, m, key)
		if mark, marked := m.Marks[key]; marked && mark.Instrument.SecType == ledger.Stock {
			e.updateOptions(a, m, underlyingOf(&mark.Instrument))
		}
	}
	if a.stale.cash {
		e.refreshCash(a, m)
	}
	if !e.aged {
		e.age(m)
	}
	if equity, known := e.equity(); a.stale.cash || known != e.bounds.known || !equity.Equal(e.bounds.equity) ||
		!e.settled().Equal(e.bounds.settled) {
		e.bounds = e.resolve(a)
	}
	e.aged, e.roomed = true, false
	e.expire()
}

// expire works out freshUntil.
func (e *exposure) expire() {
	e.freshUntil = time.Time{}
	limits := &e.policy.limits
	earlier := func(t time.Time, age time.Duration) {
		if until := t.Add(age); !t.IsZero() && (e.freshUntil.IsZero() || until.Before(e.freshUntil)) {
			e.freshUntil = until
		}
	}
	earlier(e.oldest, limits.MarkAge)
	earlier(e.rates, limits.RateAge)
	earlier(e.cashRates, limits.RateAge)
}

// rebuild measures every contract from nothing.
func (e *exposure) rebuild(a *Account, m *Market) {
	*e = exposure{
		contracts: map[ledger.InstrumentKey]*contract{}, groups: map[underlyingKey]*group{},
		strategies: map[string]ledger.Decimal{}, sectors: map[string]ledger.Decimal{},
		policy: e.policy, today: e.today, window: e.window,
	}
	for _, key := range a.Contracts() {
		e.update(a, m, key)
	}
	for _, key := range slices.Sorted(maps.Keys(a.memory.working)) {
		e.update(a, m, key)
	}
}

// update measures one contract again, and drops it if nothing of it is held or working any longer.
func (e *exposure) update(a *Account, m *Market, key ledger.InstrumentKey) {
	h, orders := a.Holding(key), a.memory.working[key]
	held := h != nil && !h.Quantity.IsZero()
	c := e.contracts[key]
	if c == nil && !held && len(orders) == 0 {
		return
	}
	if c != nil {
		e.count(c, false)
	}
	if !held && len(orders) == 0 {
		e.forget(c)
		return
	}
	if c == nil {
		c = e.enter(key, h, orders)
	}
	at, margined := c.markedAt, c.margined()
	c.measure(a, m, e.policy, h, orders, e.today)
	e.aged = e.aged && c.markedAt.Equal(at) && c.margined() == margined
	e.setSector(c.group, a.memory.sectors[c.group.key])
	e.count(c, true)
}

// updateOptions measures the options on a stock whose mark changed: the margin of short options
// depends on it.
func (e *exposure) updateOptions(a *Account, m *Market, u underlyingKey) {
	g := e.groups[u]
	if g == nil {
		return
	}
	for _, c := range slices.Clone(g.contracts) {
		if c.instrument.IsOption() {
			c.markedAt = time.Time{} // so that measure makes its terms anew
			e.update(a, m, c.key)
		}
	}
}

// enter adds a contract that was not held or working before.
func (e *exposure) enter(key ledger.InstrumentKey, h *ledger.Holding, orders []*working) *contract {
	c := &contract{key: key, index: len(e.list)}
	if len(orders) > 0 {
		c.instrument = &orders[0].Instrument
	}
	if h != nil {
		c.instrument = &h.Instrument
	}
	i := *c.instrument
	c.instrument = &i
	u := underlyingOf(c.instrument)
	g := e.groups[u]
	if g == nil {
		g = &group{key: u}
		e.groups[u] = g
	}
	g.contracts = append(g.contracts, c)
	c.group = g
	e.contracts[key], e.list = c, append(e.list, c)
	return c
}

// forget drops a contract that is neither held nor working any longer.
func (e *exposure) forget(c *contract) {
	e.aged = false
	last := len(e.list) - 1
	e.list[c.index] = e.list[last]
	e.list[c.index].index = c.index
	e.list = e.list[:last]
	delete(e.contracts, c.key)
	g := c.group
	g.contracts = slices.DeleteFunc(g.contracts, func(x *contract) bool { return x == c })
	if len(g.contracts) == 0 {
		delete(e.groups, g.key)
	}
}

// count adds a contract's figures to the sums, or subtracts them.
func (e *exposure) count(c *contract, in bool) {
	c.group.needed = false
	by, sum := 1, ledger.Decimal.Add
	if !in {
		by, sum = -1, ledger.Decimal.Sub
	}
	if !c.known {
		e.unknown += by
	}
	if in {
		e.total.add(&c.figures)
	} else {
		e.total.sub(&c.figures)
	}
	e.held, e.spending = sum(e.held, c.worth), sum(e.spending, c.spending)
	if !c.instrument.SettlesNotional() {
		e.variation, e.margins = sum(e.variation, c.worth), sum(e.margins, c.figures.initial)
	}
	if c.unspent {
		e.unspent += by
	}
	if c.writes {
		e.written += by
	}
	for _, s := range c.strategies {
		if e.strategies[s.strategy] = sum(e.strategies[s.strategy], s.worst); e.strategies[s.strategy].IsZero() {
			delete(e.strategies, s.strategy)
		}
	}
	worst := sum(ledger.Decimal{}, c.figures.worst)
	c.group.worst = c.group.worst.Add(worst)
	e.countSector(c.group.sector, worst)
}

// setSector moves a group to a sector.
func (e *exposure) setSector(g *group, sector string) {
	if g.sector != sector {
		e.countSector(g.sector, g.worst.Neg())
		g.sector = sector
		e.countSector(sector, g.worst)
	}
}

// countSector adds an amount to a sector's exposure.
func (e *exposure) countSector(sector string, by ledger.Decimal) {
	if sector == "" {
		return
	}
	if e.sectors[sector] = e.sectors[sector].Add(by); e.sectors[sector].IsZero() {
		delete(e.sectors, sector)
	}
}

// refreshCash adds up the cash, the capital and the unsettled sales in base currency.
func (e *exposure) refreshCash(a *Account, m *Market) {
	cash := a.CashTotals(m.Prices)
	e.balance, e.capital = cash.Balance, cash.Capital.Add(cash.InKind)
	e.unratedKind = cash.InKind.Sub(a.InKind())
	e.unrated, e.unratedCapital, e.cashRates = !cash.BalanceKnown(), !cash.Known(), cash.Oldest
	e.unsettled, e.unratedSales = ledger.Decimal{}, false
	spends := e.policy.limits.Account == risk.CashAccount // the settled cash alone
	for _, s := range a.memory.sales {
		if settlesOn(s.Date) <= e.today || s.Amount.IsZero() {
			continue
		}
		rate, at, known := m.Rate(s.Currency)
		e.unsettled = e.unsettled.Add(num.Convert(s.Amount, rate))
		e.unratedSales = e.unratedSales || !known
		e.unrated = e.unrated || spends && !known
		if spends && known && s.Currency != m.Base && (e.cashRates.IsZero() || at.Before(e.cashRates)) {
			e.cashRates = at
		}
	}
}

// equity returns cash plus the worth of all positions, in base currency; false if a mark or a
// conversion rate is missing.
func (e *exposure) equity() (ledger.Decimal, bool) {
	return e.balance.Add(e.held), e.unknown == 0 && !e.unrated && !e.unratedCapital
}

// settled returns the cash that can be spent, in base currency: what sales brought counts from the
// next business day on, and what held futures and CFDs have lost counts at once, for the broker
// takes it every day.
func (e *exposure) settled() ledger.Decimal {
	return e.balance.Sub(e.unsettled).Add(num.Min(e.variation, ledger.Decimal{}))
}

// heldKnown reports whether equity lacks no mark and no conversion rate, though an order that works
// in what is not held may lack them.
func (e *exposure) heldKnown() bool {
	lacks := func(c *contract) bool { return !c.known && !c.stake.held.IsZero() }
	return !e.unrated && !e.unratedCapital && !slices.ContainsFunc(e.list, lacks)
}

// age finds the oldest mark and the oldest conversion rate in use.
func (e *exposure) age(m *Market) {
	e.oldest, e.rates = time.Time{}, time.Time{}
	older := func(t *time.Time, u time.Time) {
		if t.IsZero() || u.Before(*t) {
			*t = u
		}
	}
	last := m.Base
	for _, c := range e.list {
		if !c.known {
			continue
		}
		older(&e.oldest, c.markedAt)
		if c.margined() {
			older(&e.oldest, c.terms.underlyingAt)
		}
		if c.instrument.Currency != last && c.instrument.Currency != m.Base {
			last = c.instrument.Currency
			older(&e.rates, m.Rates[last].Time)
		}
	}
}
