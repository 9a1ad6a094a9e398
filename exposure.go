package accounts

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// underlyingKey tells what contracts have in common: a stock with its options, a future with its
// own, in one currency. Futures have a space of their own: CL is crude oil there, and Colgate elsewhere.
type underlyingKey struct {
	Symbol   string   `json:"symbol"`
	Currency Currency `json:"currency"`
	Futures  bool     `json:"futures,omitempty"`
}

func (u underlyingKey) compare(v underlyingKey) int {
	switch {
	case u.Symbol != v.Symbol:
		return cmp.Compare(u.Symbol, v.Symbol)
	case u.Currency != v.Currency:
		return cmp.Compare(u.Currency, v.Currency)
	case u.Futures == v.Futures:
		return 0
	case u.Futures:
		return 1
	}
	return -1
}

// underlyingOf returns the key for an instrument that has its defaults.
func underlyingOf(i *Instrument) underlyingKey {
	switch i.SecType {
	case Future, FutureOption:
		return underlyingKey{i.Symbol, i.Currency, true}
	case Option, Warrant:
		return underlyingKey{i.Underlying, i.Currency, false}
	}
	return underlyingKey{i.Symbol, i.Currency, false}
}

// contract is what is held and working of one contract, at its mark.
type contract struct {
	key        InstrumentKey
	instrument *Instrument
	group      *group
	index      int // in exposure.list
	stake      stake
	terms      terms
	figures    figures
	worth      Decimal   // what it adds to equity
	spending   Decimal   // what working buys will take out of the cash
	writes     bool      // it is an option that is short, or would be
	at         time.Time // the mark's
	known      bool      // there is a mark and a rate
	strategies []strategyShare
}

// strategyShare is what a contract adds to one strategy's exposure.
type strategyShare struct {
	strategy string
	held     Decimal
	worst    Decimal
}

// group is what contracts on one underlying come to.
type group struct {
	key       underlyingKey
	contracts []*contract
	worst     Decimal
	sector    string
}

// exposure is a book at marks: what it is worth and what it puts at risk. It is kept up contract by contract, so that an
// order can be checked without going through everything that is held. Whoever changes the book or a
// mark notes what is stale; the rest happens when somebody asks.
type exposure struct {
	contracts  map[InstrumentKey]*contract
	list       []*contract
	groups     map[underlyingKey]*group
	strategies map[string]Decimal
	sectors    map[string]Decimal
	total      figures
	held       Decimal // what is held adds to equity
	unknown    int     // contracts without a mark or rate
	spending   Decimal // what working buys will take out of the cash
	written    int     // options that are short, or would be

	oldest time.Time
	rates  time.Time // the oldest conversion rate in use for contracts; zero for none

	balance, capital Decimal   // cash and net capital in base currency
	unsettled        Decimal   // of the balance
	unrated          bool      // of the cash or the capital something could not be converted
	cashRates        time.Time // the oldest rate by which something was; zero for none

	policy *policy
	today  Date
	window Date // the first of five business days of which the last is today
	bounds bounds
	room   Decimal // see tightest
	roomed bool    // room is up to date
	aged   bool    // oldest and rates are
}

// maxStale is how many contracts are updated one by one; beyond it all are.
const maxStale = 1024

// stale is what changed since an exposure was last brought up to date. The zero value is nothing.
type stale struct {
	keys      []InstrumentKey
	all, cash bool // everything changed, the cash did
}

// touch notes that something about a contract changed.
func (s *stale) touch(key InstrumentKey) {
	switch {
	case s.all:
	case len(s.keys) == maxStale:
		s.touchAll()
	case len(s.keys) == 0 || s.keys[len(s.keys)-1] != key:
		s.keys = append(s.keys, key)
	}
}

// touchCash notes that a cash balance changed.
func (s *stale) touchCash() { s.cash = true }

// touchAll notes that anything may have changed.
func (s *stale) touchAll() { s.all, s.cash, s.keys = true, true, s.keys[:0] }

// take moves what another one noted to this one.
func (s *stale) take(from *stale) {
	if from.all {
		s.touchAll()
	}
	for _, key := range from.keys {
		s.touch(key)
	}
	s.cash = s.cash || from.cash
	from.clear()
}

// none reports whether nothing changed.
func (s *stale) none() bool { return !s.all && !s.cash && len(s.keys) == 0 }

func (s *stale) clear() { s.all, s.cash, s.keys = false, false, s.keys[:0] }

// market is what orders are judged by: prices, what is permitted, and the time.
type market struct {
	*Prices
	policy *policy
	now    time.Time
}

// weigh brings the account's exposure up to date with the book and the market, and returns it.
func (a *account) weigh(m *market) *exposure {
	if a.exposure == nil {
		a.exposure = &exposure{}
	}
	e, today := a.exposure, a.risk.dateOf(m.now)
	if e.policy != m.policy || e.today != today {
		if e.today != today {
			e.window = businessDaysBefore(today, 5)
		}
		e.policy, e.today = m.policy, today
		a.stale.touchAll()
	}
	if !a.stale.none() {
		e.refresh(a, m)
		a.stale.clear()
	}
	return e
}

// refresh works out again what is stale.
func (e *exposure) refresh(a *account, m *market) {
	if a.stale.all {
		e.rebuild(a, m)
	}
	for _, key := range a.stale.keys {
		e.update(a, m, key)
		if mark, marked := m.Marks[key]; marked && mark.Instrument.SecType == Stock {
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
func (e *exposure) rebuild(a *account, m *market) {
	*e = exposure{
		contracts: map[InstrumentKey]*contract{}, groups: map[underlyingKey]*group{}, strategies: map[string]Decimal{},
		sectors: map[string]Decimal{}, policy: e.policy, today: e.today, window: e.window,
	}
	for _, key := range a.Contracts() {
		e.update(a, m, key)
	}
	for _, key := range slices.Sorted(maps.Keys(a.risk.working)) {
		e.update(a, m, key)
	}
}

// updateOptions updates the short options on a stock whose mark changed: their margin depends on it.
func (e *exposure) updateOptions(a *account, m *market, u underlyingKey) {
	g := e.groups[u]
	if g == nil {
		return
	}
	for _, c := range slices.Clone(g.contracts) {
		if c.instrument.deliverable() {
			c.at = time.Time{} // for its terms
			e.update(a, m, c.key)
		}
	}
}

// update works one contract out again.
func (e *exposure) update(a *account, m *market, key InstrumentKey) {
	h, orders := a.Holding(key), a.risk.working[key]
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
	at := c.at
	c.measure(a, m, e.policy, h, orders, e.today)
	e.aged = e.aged && c.at.Equal(at)
	e.setSector(c.group, a.risk.sectors[c.group.key])
	e.count(c, true)
}

// enter makes room for a contract.
func (e *exposure) enter(key InstrumentKey, h *holding, orders []*working) *contract {
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
	by, sum := 1, Decimal.Add
	if !in {
		by, sum = -1, Decimal.Sub
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
	worst := sum(Decimal{}, c.figures.worst)
	c.group.worst = c.group.worst.Add(worst)
	e.countSector(c.group.sector, worst)
}

// countSector adds to a sector's exposure.
func (e *exposure) countSector(sector string, by Decimal) {
	if sector == "" {
		return
	}
	if e.sectors[sector] = e.sectors[sector].Add(by); e.sectors[sector].IsZero() {
		delete(e.sectors, sector)
	}
}

// tagged applies the sector of an order to every contract on its underlying, even if the order is gone again before
// anybody looks.
func (a *account) tagged(o *Order) {
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
