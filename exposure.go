package accounts

import (
	"cmp"
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
// mark says what it touched; the rest happens when somebody asks. The methods that say so are no-ops on nil, for books that
// nobody asks.
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

	stale     []InstrumentKey
	all, cash bool // everything is stale, the cash is
	oldest    time.Time
	rates     time.Time // the oldest conversion rate in use for contracts; zero for none

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

func newExposure() *exposure { return &exposure{all: true, cash: true} }

// touch says that something about a contract changed.
func (e *exposure) touch(key InstrumentKey) {
	switch {
	case e == nil || e.all:
	case len(e.stale) == maxStale:
		e.touchAll()
	case len(e.stale) == 0 || e.stale[len(e.stale)-1] != key:
		e.stale = append(e.stale, key)
	}
}

// touchCash says that a cash balance changed.
func (e *exposure) touchCash() {
	if e != nil {
		e.cash = true
	}
}

// touchAll says that anything may have changed.
func (e *exposure) touchAll() {
	if e != nil {
		e.all, e.cash, e.stale = true, true, e.stale[:0]
	}
}

// market is what a portfolio knows of prices, and what it judges a book by.
type market struct {
	base   Currency
	marks  map[InstrumentKey]Mark
	fx     map[Currency]FXRate
	policy *policy
	now    time.Time
}

func (m *market) rate(c Currency) (Decimal, time.Time, bool) {
	if c == m.base {
		return one, time.Time{}, true
	}
	r, ok := m.fx[c]
	return r.Rate, r.Time, ok
}

// refresh brings the exposure up to date with the book and the market.
func (e *exposure) refresh(b *Book, m *market, today Date) {
	if e.policy != m.policy || e.today != today {
		if e.today != today {
			e.window = businessDaysBefore(today, 5)
		}
		e.policy, e.today = m.policy, today
		e.touchAll()
	}
	if !e.all && !e.cash && len(e.stale) == 0 {
		return
	}
	if e.all {
		e.rebuild(b, m)
	}
	for _, key := range e.stale {
		e.update(b, m, key)
		if mark, marked := m.marks[key]; marked && mark.Instrument.SecType == Stock {
			e.updateOptions(b, m, underlyingOf(&mark.Instrument))
		}
	}
	e.stale = e.stale[:0]
	if e.cash {
		e.refreshCash(b, m)
	}
	if !e.aged {
		e.age(m)
	}
	if equity, known := e.equity(); e.cash || known != e.bounds.known || !equity.Equal(e.bounds.equity) {
		e.bounds = e.resolve(b)
	}
	e.all, e.cash, e.aged, e.roomed = false, false, true, false
}

// rebuild begins anew.
func (e *exposure) rebuild(b *Book, m *market) {
	*e = exposure{
		contracts: map[InstrumentKey]*contract{}, groups: map[underlyingKey]*group{}, strategies: map[string]Decimal{},
		sectors: map[string]Decimal{}, cash: true, policy: e.policy, today: e.today, window: e.window,
	}
	for _, key := range sortedKeys(b.positions) {
		e.update(b, m, key)
	}
	for _, key := range sortedKeys(b.risk.working) {
		e.update(b, m, key)
	}
}

// updateOptions updates the short options on a stock whose mark changed: their margin depends on it.
func (e *exposure) updateOptions(b *Book, m *market, u underlyingKey) {
	g := e.groups[u]
	if g == nil {
		return
	}
	for _, c := range slices.Clone(g.contracts) {
		if c.instrument.deliverable() {
			c.at = time.Time{} // for its terms
			e.update(b, m, c.key)
		}
	}
}

// update works one contract out again.
func (e *exposure) update(b *Book, m *market, key InstrumentKey) {
	h, orders := b.positions[key], b.risk.working[key]
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
	c.measure(b, m, e.policy, h, orders, e.today)
	e.aged = e.aged && c.at.Equal(at)
	e.setSector(c.group, b.risk.sectors[c.group.key])
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
	sum := func(a, b Decimal) Decimal {
		if in {
			return a.Add(b)
		}
		return a.Sub(b)
	}
	if !c.known {
		e.unknown += map[bool]int{true: 1, false: -1}[in]
	}
	if in {
		e.total.add(&c.figures)
	} else {
		e.total.sub(&c.figures)
	}
	e.held, e.spending = sum(e.held, c.worth), sum(e.spending, c.spending)
	if c.writes {
		e.written += map[bool]int{true: 1, false: -1}[in]
	}
	for _, s := range c.strategies {
		if e.strategies[s.strategy] = sum(e.strategies[s.strategy], s.worst); e.strategies[s.strategy].IsZero() {
			delete(e.strategies, s.strategy)
		}
	}
	by := c.figures.worst
	if !in {
		by = by.Neg()
	}
	c.group.worst = c.group.worst.Add(by)
	e.countSector(c.group.sector, by)
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

// tagged says that an order told its underlying's sector: that holds for whatever is held of it, even if the order is gone
// again before anybody looks.
func (e *exposure) tagged(o *Order) {
	if e == nil || o.Sector == "" {
		return
	}
	if g := e.groups[underlyingOf(&o.Instrument)]; g != nil {
		e.setSector(g, o.Sector)
		e.touchCash() // the sums changed
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
