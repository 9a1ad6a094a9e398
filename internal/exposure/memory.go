package exposure

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// memory is what an account remembers about orders, trading and losses. It is the fold of the
// journal alone.
type memory struct {
	// policy is the newest in the journal; nil for none.
	policy *Policy
	state  risk.StateChange
	orders map[ledger.OrderID]*working
	// working holds the orders by contract, in the order of their holds.
	working map[ledger.InstrumentKey][]*working
	// tags holds the strategies' parts of each position, ordered by strategy.
	tags    map[ledger.InstrumentKey][]risk.StrategyPart
	sectors map[underlyingKey]string
	recent  recent
	// day counts the day of the newest order or trade; trades holds earlier days with day trades.
	day    dayCount
	trades []dayCount
	opened openings
	// sales holds the proceeds that may be unsettled, ordered by day and currency.
	sales []risk.Sale
	// refused holds the newest refusals and breaches, oldest first.
	refused []risk.Incident
	loss    lossState
	// fences holds the highest number of each lease under which an order was sent; nil for none.
	fences map[string]int64

	// today is the day that dateOf was last asked for.
	today dayRange
}

// newMemory returns the memory of an empty journal.
func newMemory() memory {
	return memory{
		orders: map[ledger.OrderID]*working{}, working: map[ledger.InstrumentKey][]*working{},
		tags: map[ledger.InstrumentKey][]risk.StrategyPart{}, sectors: map[underlyingKey]string{},
		opened: openings{},
	}
}

// clone returns a copy that shares nothing that changes.
func (r *memory) clone() memory {
	c := *r
	c.orders = make(map[ledger.OrderID]*working, len(r.orders))
	c.working = make(map[ledger.InstrumentKey][]*working, len(r.working))
	for key, list := range r.working {
		for _, w := range list {
			n := *w
			c.orders[w.ID] = &n
			c.working[key] = append(c.working[key], &n)
		}
	}
	c.tags = make(map[ledger.InstrumentKey][]risk.StrategyPart, len(r.tags))
	for key, list := range r.tags {
		c.tags[key] = slices.Clone(list)
	}
	c.sectors = maps.Clone(r.sectors)
	c.opened, c.fences = openingsOf(r.opened.days()), maps.Clone(r.fences)
	c.recent, c.trades = r.recent.clone(), slices.Clone(r.trades)
	c.sales, c.refused = slices.Clone(r.sales), slices.Clone(r.refused)
	c.loss.Steps = slices.Clone(r.loss.Steps)
	return c
}

// dayCount counts the orders and trades of one trading day.
type dayCount struct {
	Date   ledger.Date `json:"date"`
	Orders int         `json:"orders,omitempty"`
	Trades int         `json:"trades,omitempty"`
	Day    int         `json:"day,omitempty"` // day trades
}

// dayRange is a trading day with its beginning and end, which saves dateOf the calendar for most
// times.
type dayRange struct {
	date     ledger.Date
	from, to time.Time
}

// maxDays is the number of calendar days before the newest day with an order or an execution of
// which day trades, openings and sales are kept: more than any rule looks back.
const maxDays = 14

// maxRefused is the number of refusals and breaches that are kept for reports.
const maxRefused = 32

// zone returns the time zone of the trading day: America/New_York without a policy. The callers of
// NewAccount make sure beforehand that this zone can be loaded.
func (r *memory) zone() *time.Location {
	if r.policy == nil {
		zone, _ := risk.NewYork()
		return zone
	}
	return r.policy.zone
}

// dateOf returns the trading day of a time.
func (r *memory) dateOf(t time.Time) ledger.Date {
	if d := &r.today; t.Before(d.from) || !t.Before(d.to) {
		zone := r.zone()
		d.date = ledger.DateOf(t.In(zone))
		d.from = beginning(d.date, zone)
		d.to = beginning(ledger.DateOf(d.date.Time(time.UTC).AddDate(0, 0, 1)), zone)
	}
	return r.today.date
}

// beginning returns the first instant of a day in the zone. That is not midnight where the clock is
// put forward over midnight.
func beginning(d ledger.Date, zone *time.Location) time.Time {
	t := d.Time(zone)
	for ledger.DateOf(t) < d {
		t = t.Add(30 * time.Minute)
	}
	return t
}

// setPolicy folds a policy in, unless the one in force is newer.
func (r *memory) setPolicy(c *risk.PolicyChange) {
	if r.policy == nil || c.Version > r.policy.version {
		r.policy, r.today = NewPolicy(c.Version, c.Status, c.Limits), dayRange{}
	}
}

// tradingState returns the state in force; active if it never changed.
func (r *memory) tradingState() risk.TradingState {
	if r.state.State == "" {
		return risk.TradingActive
	}
	return r.state.State
}

// hold folds an accepted order in. exit is true for an order that only closes a position: it does
// not set the underlying's sector.
func (r *memory) hold(h *risk.Hold, key ledger.InstrumentKey, exit bool) {
	w := &working{Order: &h.Order, heldAt: h.Time, key: key}
	r.orders[w.ID] = w
	r.working[w.key] = append(r.working[w.key], w)
	if w.Sector != "" && !exit {
		r.sectors[underlyingOf(&w.Instrument)] = w.Sector
	}
	r.countsOf(max(r.dateOf(h.Time), r.day.Date)).Orders++ // a fill may be dated ahead of our clock
	r.recent.add(sent{h.Time, w.key, w.Quantity, w.Price}, r.policy)
}

// send folds in that a working order is about to be sent.
func (r *memory) send(d *risk.Dispatch) {
	if d.Lease != "" && d.Fence > r.fences[d.Lease] {
		if r.fences == nil {
			r.fences = map[string]int64{}
		}
		r.fences[d.Lease] = d.Fence
	}
	if w := r.orders[d.OrderID]; w != nil {
		w.sent = d
	}
}

// drop removes a working order.
func (r *memory) drop(w *working) {
	delete(r.orders, w.ID)
	list := slices.DeleteFunc(r.working[w.key], func(x *working) bool { return x == w })
	if len(list) == 0 {
		delete(r.working, w.key)
		return
	}
	r.working[w.key] = list
}

// countsOf returns the counts of a day, and begins the day if it is newer than any before. For a
// day that has ended it returns a throw-away counter; see addDayTrades.
func (r *memory) countsOf(d ledger.Date) *dayCount {
	if d > r.day.Date {
		ended := r.day
		r.day = dayCount{Date: d}
		r.addDayTrades(ended.Date, ended.Day)
		r.forget()
	}
	if d < r.day.Date {
		return &dayCount{}
	}
	return &r.day
}

// addDayTrades adds day trades to the count of their day.
func (r *memory) addDayTrades(d ledger.Date, n int) {
	switch {
	case n == 0 || !r.keeps(d):
		return
	case d == r.day.Date:
		r.day.Day += n
		return
	}
	at, found := slices.BinarySearchFunc(r.trades, d, func(c dayCount, d ledger.Date) int { return cmp.Compare(c.Date, d) })
	if !found {
		r.trades = slices.Insert(r.trades, at, dayCount{Date: d})
	}
	r.trades[at].Day += n
}

// horizon returns the oldest day of which anything is kept.
func (r *memory) horizon() ledger.Date {
	newest := r.day.Date
	if newest == 0 {
		return 0
	}
	return ledger.DateOf(newest.Time(time.UTC).AddDate(0, 0, -maxDays))
}

// keeps reports whether anything of a day is kept.
func (r *memory) keeps(d ledger.Date) bool { return d >= r.day.Date || d >= r.horizon() }

// forget lets go of what lies before the horizon.
func (r *memory) forget() {
	horizon := r.horizon()
	r.trades = slices.DeleteFunc(r.trades, func(c dayCount) bool { return c.Date < horizon })
	r.sales = slices.DeleteFunc(r.sales, func(s risk.Sale) bool { return s.Date < horizon })
	r.opened.forget(horizon)
}

// fill folds in what a trade means for its order, the strategies, the day's counts and the
// unsettled cash. It runs after the book has the trade. h is the position then, nil for a currency
// trade, and c the part of a position that the trade closed.
func (r *memory) fill(t *ledger.Trade, h *ledger.Holding, c ledger.Closed, late bool) {
	r.traded(t, h, c, r.fillOrder(t, t.Contract()), late)
}

// traded is fill but for the order, whose strategy is given.
func (r *memory) traded(t *ledger.Trade, h *ledger.Holding, c ledger.Closed, strategy string, late bool) {
	key := t.Contract()
	if h == nil { // a currency trade
		return
	}
	if strategy != "" || len(r.tags[key]) > 0 {
		r.retag(key, strategy, t.Quantity, h.Quantity, late)
	}
	date := r.dateOf(t.Time)
	switch {
	case t.Kind == ledger.Execution:
		r.countTrade(t, date, c)
	case !late:
		r.replaced(key, t.Quantity, h.Quantity)
	}
	if t.Amount().IsPos() && t.Instrument.SettlesNotional() {
		if net := t.Net(); net.IsPos() { // else the sale cost more than it brought
			r.sold(date, t.Instrument.Currency, net)
		}
	}
}

// fillOrder counts a trade as a fill of the working order that it names, if there is one, and
// returns the order's strategy.
func (r *memory) fillOrder(t *ledger.Trade, key ledger.InstrumentKey) string {
	if len(r.orders) == 0 {
		return ""
	}
	w := r.orders[t.OrderID]
	if w == nil || w.key != key || w.Quantity.IsNeg() != t.Quantity.IsNeg() {
		return ""
	}
	w.filled = w.filled.Add(t.Quantity)
	if w.filled.Abs().GreaterThanOrEqual(w.Quantity.Abs()) {
		r.drop(w)
	}
	return w.Strategy
}

// assign folds in that the order of an earlier trade became known. h is the position, nil if there
// is none.
func (r *memory) assign(t *ledger.Trade, h *ledger.Holding) {
	key := t.Contract()
	strategy := r.fillOrder(t, key)
	switch {
	case strategy == "":
	case h == nil: // the restatement that follows brings the position
		r.retag(key, strategy, t.Quantity, ledger.Decimal{}, true)
	default:
		r.retag(key, strategy, t.Quantity, h.Quantity, false)
	}
}

// retag gives a fill to the strategy whose order it filled. The strategies' parts together never
// exceed the position: a trade without a strategy reduces their parts, in the order of their names.
func (r *memory) retag(key ledger.InstrumentKey, strategy string, quantity, position ledger.Decimal, late bool) {
	list := r.tags[key]
	if strategy != "" {
		i := slices.IndexFunc(list, func(x risk.StrategyPart) bool { return x.Strategy == strategy })
		if i < 0 {
			list = append(list, risk.StrategyPart{Strategy: strategy})
			slices.SortFunc(list, func(a, b risk.StrategyPart) int { return cmp.Compare(a.Strategy, b.Strategy) })
			i = slices.IndexFunc(list, func(x risk.StrategyPart) bool { return x.Strategy == strategy })
		}
		list[i].Quantity = list[i].Quantity.Add(quantity)
	}
	if !late {
		list = clipTags(list, position)
	}
	if len(list) == 0 {
		delete(r.tags, key)
		return
	}
	r.tags[key] = list
}

// clipTags reduces the strategies' parts to the position. Parts with another sign than the position
// go.
func clipTags(list []risk.StrategyPart, position ledger.Decimal) []risk.StrategyPart {
	var same ledger.Decimal
	for i := range list {
		if list[i].Quantity.IsNeg() != position.IsNeg() || position.IsZero() {
			list[i].Quantity = ledger.Decimal{}
		}
		same = same.Add(list[i].Quantity.Abs())
	}
	over := same.Sub(position.Abs())
	for i := range list {
		if !over.IsPos() {
			break
		}
		cut := num.Min(over, list[i].Quantity.Abs())
		list[i].Quantity = list[i].Quantity.Sub(num.WithSign(cut, list[i].Quantity))
		over = over.Sub(cut)
	}
	return slices.DeleteFunc(list, func(x risk.StrategyPart) bool { return x.Quantity.IsZero() })
}

// clip reduces the strategies' parts of a contract to its position.
func (r *memory) clip(key ledger.InstrumentKey, position ledger.Decimal) {
	list := r.tags[key]
	if len(list) == 0 {
		return
	}
	if list = clipTags(list, position); len(list) == 0 {
		delete(r.tags, key)
		return
	}
	r.tags[key] = list
}

// transferred folds in that a part of a position, quantity, came or went otherwise than by a trade.
// position is what is there then: the strategies have no more, and what has left cannot be closed
// on the day any longer.
func (r *memory) transferred(key ledger.InstrumentKey, quantity, position ledger.Decimal) {
	r.clip(key, position)
	r.replaced(key, quantity, position)
}

// replaced folds in that a quantity came to a position, or went, which no execution opened or
// closed. Where the position came to zero, from zero, or past it, nothing is there that an
// execution opened.
func (r *memory) replaced(key ledger.InstrumentKey, quantity, position ledger.Decimal) {
	if before := position.Sub(quantity); position.IsZero() || before.IsZero() || before.IsNeg() != position.IsNeg() {
		delete(r.opened, key)
	}
}

// split scales the strategies' parts of the contract from and moves them to the contract to, whose
// position is given. In a spin-off the parts of from stay beside them.
func (r *memory) split(s *ledger.Split, from, to ledger.InstrumentKey, position ledger.Decimal) {
	list := r.tags[from]
	if len(list) == 0 {
		return
	}
	if s.SpinsOff() {
		list = slices.Clone(list)
	} else {
		delete(r.tags, from)
	}
	for i := range list {
		list[i].Quantity = s.Scale(list[i].Quantity)
	}
	if list = clipTags(list, position); len(list) > 0 {
		r.tags[to] = list
	}
}

// countTrade counts an execution, and a day trade if it closes a position opened on the same day.
func (r *memory) countTrade(t *ledger.Trade, date ledger.Date, c ledger.Closed) {
	r.countsOf(date).Trades++
	opened := r.opened.of(t.Contract())
	if !c.Quantity.IsZero() && *opened == date {
		r.addDayTrades(date, 1)
		*opened = 0
	}
	if date > *opened && !c.Quantity.Equal(t.Quantity) && r.keeps(date) { // a late one opened earlier
		*opened = date
	}
}

// dayTradesSince returns the number of day trades on or after a day.
func (r *memory) dayTradesSince(d ledger.Date) int {
	n := 0
	for _, day := range r.trades {
		if day.Date >= d {
			n += day.Day
		}
	}
	if r.day.Date >= d {
		n += r.day.Day
	}
	return n
}

// sold adds the proceeds of a sale to the cash that is not settled. The sales are ordered by day
// and currency.
func (r *memory) sold(d ledger.Date, currency ledger.Currency, amount ledger.Decimal) {
	if !r.keeps(d) {
		return
	}
	at := len(r.sales) - 1
	found := at >= 0 && r.sales[at].Date == d && r.sales[at].Currency == currency // nearly always
	if !found {
		at, found = slices.BinarySearchFunc(r.sales, risk.Sale{Date: d, Currency: currency}, compareSales)
	}
	if !found {
		r.sales = slices.Insert(r.sales, at, risk.Sale{Date: d, Currency: currency})
	}
	r.sales[at].Amount = r.sales[at].Amount.Add(amount)
}

// compareSales orders sales by day and currency.
func compareSales(a, b risk.Sale) int {
	return cmp.Or(cmp.Compare(a.Date, b.Date), cmp.Compare(a.Currency, b.Currency))
}

// change folds a change of the trading state in. Losses named in Recount are counted from there. c
// is the book's capital.
func (r *memory) change(s *risk.StateChange, seq int64, c capital) {
	r.state = *s
	for _, rule := range s.Recount {
		switch rule {
		case risk.RuleDailyLoss:
			profit := s.Equity.Sub(s.Capital).Sub(c.kind)
			r.loss.Before, r.loss.Profit, r.loss.Date = profit, profit, r.dateOf(s.Time)
			r.loss.BeforeEntry, r.loss.Entry = seq, seq
			r.loss.Lost, r.loss.Warned = 0, 0
		case risk.RuleDrawdown:
			r.loss.reset(mark{r.dateOf(s.Time), seq, s.Equity})
			r.loss.Equity, r.loss.Severity = s.Equity, risk.SeverityNormal
			r.loss.Rated, r.loss.Unrated, r.loss.Derived = c.cash.Add(c.kind), s.Capital.Sub(c.cash), true
			r.loss.Waits = false
		}
	}
}

// breach folds a breach in.
func (r *memory) breach(b *risk.Breach) {
	switch {
	case b.Rule == risk.RuleDrawdown:
		r.loss.Severity = b.Severity
	case b.Severity >= risk.SeveritySevere:
		r.loss.Lost = r.dateOf(b.Time)
	default:
		r.loss.Warned = r.dateOf(b.Time)
	}
	if b.Severity > risk.SeverityNormal {
		r.note(risk.Incident{Time: b.Time, Rule: b.Rule, Severity: b.Severity})
	}
}

// refuse folds a refusal in.
func (r *memory) refuse(f *risk.Refusal) {
	n := risk.Incident{Time: f.Time, OrderID: f.Order.ID}
	if len(f.Violations) > 0 {
		n.Rule = f.Violations[0].Rule
	}
	r.note(n)
}

// note appends an incident, and drops the oldest beyond maxRefused.
func (r *memory) note(n risk.Incident) {
	if len(r.refused) == maxRefused {
		r.refused = slices.Delete(r.refused, 0, 1)
	}
	r.refused = append(r.refused, n)
}
