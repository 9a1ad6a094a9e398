package exposure

import (
	"maps"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// refreshCash adds the cash up in base currency.
func (e *exposure) refreshCash(a *Account, m *Market) {
	cash := a.CashTotals(m.Prices)
	e.balance, e.capital, e.unrated, e.cashRates = cash.Balance, cash.Capital, !cash.Known(), cash.Oldest
	e.unsettled = ledger.Decimal{}
	for _, s := range a.memory.sales {
		if settlesOn(s.Date) <= e.today || s.Amount.IsZero() {
			continue
		}
		rate, at, known := m.Rate(s.Currency)
		e.unsettled = e.unsettled.Add(num.Convert(s.Amount, rate))
		e.unrated = e.unrated || !known
		if known && s.Currency != m.Base && (e.cashRates.IsZero() || at.Before(e.cashRates)) {
			e.cashRates = at
		}
	}
}

// age finds the oldest mark and rate in use.
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
		older(&e.oldest, c.at)
		if c.margined() {
			older(&e.oldest, c.terms.underlyingAt)
		}
		if c.instrument.Currency != last && c.instrument.Currency != m.Base {
			last = c.instrument.Currency
			older(&e.rates, m.Rates[last].Time)
		}
	}
}

// equity is what the book is worth; false if that cannot be told.
func (e *exposure) equity() (ledger.Decimal, bool) {
	return e.balance.Add(e.held), e.unknown == 0 && !e.unrated
}

// exposure is a book at marks: what it is worth and what it puts at risk. It is kept up contract by contract, so that an
// order can be checked without going through everything that is held. Whoever changes the book or a
// mark notes what is stale; the rest happens when somebody asks.
type exposure struct {
	contracts  map[ledger.InstrumentKey]*contract
	list       []*contract
	groups     map[underlyingKey]*group
	strategies map[string]ledger.Decimal
	sectors    map[string]ledger.Decimal
	total      figures
	held       ledger.Decimal // what is held adds to equity
	unknown    int            // contracts without a mark or rate
	spending   ledger.Decimal // what working buys will take out of the cash
	written    int            // options that are short, or would be

	oldest time.Time
	rates  time.Time // the oldest conversion rate in use for contracts; zero for none

	balance, capital ledger.Decimal // cash and net capital in base currency
	unsettled        ledger.Decimal // of the balance
	unrated          bool           // of the cash or the capital something could not be converted
	cashRates        time.Time      // the oldest rate by which something was; zero for none

	policy *Policy
	today  ledger.Date
	window ledger.Date // the first of five business days of which the last is today
	bounds bounds
	room   ledger.Decimal // see tightest
	roomed bool           // room is up to date
	aged   bool           // oldest and rates are
}

// Market is what orders are judged by: prices, what is permitted, and the time.
type Market struct {
	*ledger.Prices
	Policy *Policy
	Now    time.Time
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

// refresh works out again what is stale.
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
	if equity, known := e.equity(); a.stale.cash || known != e.bounds.known || !equity.Equal(e.bounds.equity) {
		e.bounds = e.resolve(a)
	}
	e.aged, e.roomed = true, false
}

// rebuild begins anew.
func (e *exposure) rebuild(a *Account, m *Market) {
	*e = exposure{
		contracts: map[ledger.InstrumentKey]*contract{}, groups: map[underlyingKey]*group{}, strategies: map[string]ledger.Decimal{},
		sectors: map[string]ledger.Decimal{}, policy: e.policy, today: e.today, window: e.window,
	}
	for _, key := range a.Contracts() {
		e.update(a, m, key)
	}
	for _, key := range slices.Sorted(maps.Keys(a.memory.working)) {
		e.update(a, m, key)
	}
}

// updateOptions updates the short options on a stock whose mark changed: their margin depends on it.
func (e *exposure) updateOptions(a *Account, m *Market, u underlyingKey) {
	g := e.groups[u]
	if g == nil {
		return
	}
	for _, c := range slices.Clone(g.contracts) {
		if c.instrument.IsOption() {
			c.at = time.Time{} // for its terms
			e.update(a, m, c.key)
		}
	}
}

// update works one contract out again.
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
	at, margined := c.at, c.margined()
	c.measure(a, m, e.policy, h, orders, e.today)
	e.aged = e.aged && c.at.Equal(at) && c.margined() == margined
	e.setSector(c.group, a.memory.sectors[c.group.key])
	e.count(c, true)
}

// enter makes room for a contract.
func (e *exposure) enter(key ledger.InstrumentKey, h *ledger.Holding, orders []*working) *contract {
	c := &contract{key: key, index: len(e.list)}
	if len(orders) > 0 {
		c.instrument = &orders[0].Instrument
	}
	if h != nil {
		c.instrument = &h.Instrument
	}
	i := *c.instrument // orders and holdings come and go
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

// forget drops a contract of which nothing is held or working any longer.
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

// count adds a contract to the sums, or takes it off them.
func (e *exposure) count(c *contract, in bool) {
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

// countSector adds to a sector's exposure.
func (e *exposure) countSector(sector string, by ledger.Decimal) {
	if sector == "" {
		return
	}
	if e.sectors[sector] = e.sectors[sector].Add(by); e.sectors[sector].IsZero() {
		delete(e.sectors, sector)
	}
}

// tagged applies the sector of an order to every contract on its underlying, even if the order is gone again before
// anybody looks.
func (a *Account) tagged(o *risk.Order) {
	if a.exposure == nil || o.Sector == "" {
		return
	}
	if g := a.exposure.groups[underlyingOf(&o.Instrument)]; g != nil {
		a.exposure.setSector(g, o.Sector)
		a.stale.touchCash() // the sums changed
	}
}

// setSector moves a group to the sector.
func (e *exposure) setSector(g *group, sector string) {
	if g.sector != sector {
		e.countSector(g.sector, g.worst.Neg())
		g.sector = sector
		e.countSector(sector, g.worst)
	}
}
