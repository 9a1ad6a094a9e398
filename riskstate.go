package accounts

import (
	"cmp"
	"slices"
	"time"
)

// riskState is what a book remembers about orders and trading. Like the rest of the book it is the fold of the
// journal alone; restating never goes back over it.
type riskState struct {
	policy *policy // the newest in the journal; nil for none
	state  StateChange
	orders map[OrderID]*working
	// working are the orders by contract, in the order of their holds.
	working map[InstrumentKey][]*working
	tags    map[InstrumentKey][]tag
	sectors map[underlyingKey]string
	recent  []sent   // accepted orders of the last minute or the duplicate window, oldest first
	day     dayCount // of the newest order or trade
	trades  []dayCount
	opened  map[InstrumentKey]Date // when a contract was last bought or sold to open
	sales   []sale
	refused []Refused
	loss    lossState

	today dayRange // the day that was asked for last
}

// dayRange is a day with its beginning and end, so that most times need no calendar.
type dayRange struct {
	date     Date
	from, to time.Time
}

// policy is what a profile may do, as the journal or the profile itself says.
type policy struct {
	version int64
	status  ProfileStatus
	limits  RiskLimits
	zone    *time.Location
	sound   bool // the limits are valid
}

// newPolicy takes limits that may be anything: what is not sound permits nothing.
func newPolicy(version int64, status ProfileStatus, limits RiskLimits) *policy {
	zone, err := limits.location()
	if err != nil { // no book could be folded by it, and no journal takes it
		limits = RiskLimits{}
		zone, _ = newYork()
	}
	return &policy{version: version, status: status, limits: limits, zone: zone, sound: limits.Validate() == nil}
}

// change is the policy as an entry.
func (p *policy) change(at time.Time) *PolicyChange {
	return &PolicyChange{Version: p.version, Status: p.status, Limits: p.limits, Time: at, made: p}
}

// tag is the part of a position that one strategy's orders made.
type tag struct {
	Strategy string  `json:"strategy"`
	Quantity Decimal `json:"quantity"`
}

// sent is an accepted order, for the rules against too many and the same twice.
type sent struct {
	Time     time.Time     `json:"time"`
	Key      InstrumentKey `json:"key"`
	Quantity Decimal       `json:"quantity"`
	Price    Decimal       `json:"price,omitzero"`
}

// dayCount counts what happened on one trading day.
type dayCount struct {
	Date   Date `json:"date"`
	Orders int  `json:"orders,omitempty"`
	Trades int  `json:"trades,omitempty"`
	Day    int  `json:"day,omitempty"` // day trades
}

// sale is cash from one day's sales, which settles later.
type sale struct {
	Date     Date     `json:"date"`
	Currency Currency `json:"currency"`
	Amount   Decimal  `json:"amount"`
}

// lossState is what the day's loss and the drawdown are counted from.
type lossState struct {
	Date     Date     `json:"date,omitzero"`      // of the newest equity point
	Before   Decimal  `json:"before,omitzero"`    // profit since the beginning, at the last point before that day
	Profit   Decimal  `json:"profit,omitzero"`    // at the newest point
	Points   bool     `json:"points,omitempty"`   // there is one
	Equity   Decimal  `json:"equity,omitzero"`    // at the newest point, and what came and went since
	High     Decimal  `json:"high,omitzero"`      // high-water mark, adjusted for what came and went
	Severity Severity `json:"severity,omitempty"` // as last written
	// Lost and Warned are the days for which the loss was written as a breach and as a warning.
	Lost   Date `json:"lost,omitzero"`
	Warned Date `json:"warned,omitzero"`
}

func newRiskState() riskState {
	return riskState{
		orders: map[OrderID]*working{}, working: map[InstrumentKey][]*working{},
		tags: map[InstrumentKey][]tag{}, sectors: map[underlyingKey]string{}, opened: map[InstrumentKey]Date{},
	}
}

func (r *riskState) clone() riskState {
	c := *r
	c.orders = make(map[OrderID]*working, len(r.orders))
	c.working = make(map[InstrumentKey][]*working, len(r.working))
	for key, list := range r.working {
		for _, w := range list {
			n := *w
			c.orders[w.ID] = &n
			c.working[key] = append(c.working[key], &n)
		}
	}
	c.tags = make(map[InstrumentKey][]tag, len(r.tags))
	for key, list := range r.tags {
		c.tags[key] = slices.Clone(list)
	}
	c.sectors = cloneMap(r.sectors)
	c.opened = cloneMap(r.opened)
	c.recent, c.trades = slices.Clone(r.recent), slices.Clone(r.trades)
	c.sales, c.refused = slices.Clone(r.sales), slices.Clone(r.refused)
	return c
}

func cloneMap[K comparable, V any](m map[K]V) map[K]V {
	c := make(map[K]V, len(m))
	for k, v := range m {
		c[k] = v
	}
	return c
}

// zone is that of the trading day. New and Book.Apply have made sure that the default zone is there.
func (r *riskState) zone() *time.Location {
	if r.policy == nil {
		zone, _ := newYork()
		return zone
	}
	return r.policy.zone
}

// dateOf is the trading day of a time.
func (r *riskState) dateOf(t time.Time) Date {
	if d := &r.today; t.Before(d.from) || !t.Before(d.to) {
		zone := r.zone()
		d.date = DateOf(t.In(zone))
		d.from = beginning(d.date, zone)
		d.to = beginning(DateOf(d.date.Time(time.UTC).AddDate(0, 0, 1)), zone)
	}
	return r.today.date
}

// beginning is when a day begins: not at midnight where the clock is put forward over that.
func beginning(d Date, zone *time.Location) time.Time {
	t := d.Time(zone)
	for DateOf(t) < d {
		t = t.Add(30 * time.Minute)
	}
	return t
}

// setPolicy folds a policy in.
func (r *riskState) setPolicy(c *PolicyChange) {
	if r.policy == nil || c.Version > r.policy.version {
		r.policy, r.today = c.policy(), dayRange{}
	}
}

// hold folds an accepted order in.
func (r *riskState) hold(h *Hold, exit bool) {
	w := &working{Order: &h.Order, heldAt: h.Time, key: h.key}
	r.orders[w.ID] = w
	r.working[w.key] = append(r.working[w.key], w)
	if w.Sector != "" && !exit {
		r.sectors[underlyingOf(&w.Instrument)] = w.Sector
	}
	r.onDay(max(r.dateOf(h.Time), r.day.Date)).Orders++ // a fill may be dated ahead of our clock
	window := time.Minute
	if r.policy != nil {
		window = max(window, r.policy.limits.DuplicateWindow)
	}
	old := 0
	for old < len(r.recent) && h.Time.Sub(r.recent[old].Time) > window {
		old++
	}
	r.recent = append(slices.Delete(r.recent, 0, old), sent{h.Time, w.key, w.Quantity, w.Price})
}

// onDay returns the counts of the day, which are no one's if it is over.
func (r *riskState) onDay(d Date) *dayCount {
	if d > r.day.Date {
		if r.day.Day > 0 {
			r.trades = append(r.trades, r.day)
			if n := len(r.trades); n > maxDays {
				r.trades = slices.Delete(r.trades, 0, n-maxDays)
			}
		}
		r.day = dayCount{Date: d}
		clear(r.opened)
	}
	if d < r.day.Date {
		return &dayCount{}
	}
	return &r.day
}

// maxDays is how many days with day trades, and with unsettled sales, are kept: more than any rule looks back.
const maxDays = 10

// drop takes an order off the working ones.
func (r *riskState) drop(w *working) {
	delete(r.orders, w.ID)
	list := slices.DeleteFunc(r.working[w.key], func(x *working) bool { return x == w })
	if len(list) == 0 {
		delete(r.working, w.key)
		return
	}
	r.working[w.key] = list
}

// fill folds in what a trade does to the order that it names, after the trade itself: h is the
// position, and c what of it was closed.
func (r *riskState) fill(t *Trade, h *holding, c closed, late bool) {
	key := t.instrumentKey()
	strategy := ""
	if len(r.orders) > 0 {
		if w := r.orders[t.OrderID]; w != nil && w.key == key && w.Quantity.IsNeg() == t.Quantity.IsNeg() {
			strategy = w.Strategy
			w.filled = w.filled.Add(t.Quantity)
			if w.filled.Abs().GreaterThanOrEqual(w.Quantity.Abs()) {
				r.drop(w)
			}
		}
	}
	if h == nil { // a currency trade
		return
	}
	if strategy != "" || len(r.tags[key]) > 0 {
		r.retag(key, strategy, t.Quantity, h.Quantity, late)
	}
	if t.Kind == Execution {
		r.countTrade(t, key, c)
	}
	if net := t.amount(); net.IsPos() && t.Instrument.settlesNotional() {
		if net = net.Sub(t.Commission).Sub(t.Taxes); net.IsPos() { // else it cost more than it brought, and that is paid
			r.sold(r.dateOf(t.Time), t.Instrument.Currency, net)
		}
	}
}

// retag gives a fill to the strategy whose order it filled. What the strategies have together is
// never more than the position: what was traded without one closes theirs, in the order of their names.
func (r *riskState) retag(key InstrumentKey, strategy string, quantity, position Decimal, late bool) {
	list := r.tags[key]
	if strategy != "" {
		i := slices.IndexFunc(list, func(x tag) bool { return x.Strategy == strategy })
		if i < 0 {
			list = append(list, tag{Strategy: strategy})
			slices.SortFunc(list, func(a, b tag) int { return cmp.Compare(a.Strategy, b.Strategy) })
			i = slices.IndexFunc(list, func(x tag) bool { return x.Strategy == strategy })
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

// clipTags leaves to the strategies no more than the position.
func clipTags(list []tag, position Decimal) []tag {
	var same Decimal
	for i := range list {
		if list[i].Quantity.IsNeg() != position.IsNeg() || position.IsZero() {
			list[i].Quantity = Decimal{}
		}
		same = same.Add(list[i].Quantity.Abs())
	}
	over := same.Sub(position.Abs())
	for i := range list {
		if !over.IsPos() {
			break
		}
		cut := minDecimal(over, list[i].Quantity.Abs())
		list[i].Quantity = list[i].Quantity.Sub(withSign(cut, list[i].Quantity))
		over = over.Sub(cut)
	}
	return slices.DeleteFunc(list, func(x tag) bool { return x.Quantity.IsZero() })
}

// split scales what strategies have of a contract, and moves it to another.
func (r *riskState) split(s *Split, from, to *holding) {
	list := r.tags[from.key]
	if len(list) == 0 {
		return
	}
	delete(r.tags, from.key)
	for i := range list {
		list[i].Quantity = splitQuantity(list[i].Quantity, s)
	}
	if list = clipTags(list, to.Quantity); len(list) > 0 {
		r.tags[to.key] = list
	}
}

// countTrade counts an execution, and a day trade where it closes what was opened the same day.
func (r *riskState) countTrade(t *Trade, key InstrumentKey, c closed) {
	date := r.dateOf(t.Time)
	day := r.onDay(date)
	day.Trades++
	if !c.quantity.IsZero() && r.opened[key] == date {
		day.Day++
		delete(r.opened, key)
	}
	if !c.quantity.Equal(t.Quantity) && date == r.day.Date { // one of an earlier day that comes late hides nothing
		r.opened[key] = date
	}
}

// dayTradesSince counts the day trades since a day.
func (r *riskState) dayTradesSince(d Date) int {
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

// sold adds to the cash that is not settled.
func (r *riskState) sold(d Date, currency Currency, amount Decimal) {
	if n := len(r.sales); n > 0 && r.sales[n-1].Date == d && r.sales[n-1].Currency == currency {
		r.sales[n-1].Amount = r.sales[n-1].Amount.Add(amount)
		return
	}
	newest := d
	for _, s := range r.sales {
		newest = max(newest, s.Date)
	}
	r.sales = append(r.sales, sale{d, currency, amount})
	horizon := DateOf(newest.Time(time.UTC).AddDate(0, 0, -maxDays))
	r.sales = slices.DeleteFunc(r.sales, func(s sale) bool { return s.Date < horizon })
}

// moved adjusts the high-water mark for capital that came or went: in proportion, so that a drawdown
// stays the fraction that it was.
func (l *lossState) moved(amount Decimal) {
	if !l.Points {
		return
	}
	after := l.Equity.Add(amount)
	if l.Equity.IsPos() && after.IsPos() {
		l.High = share(l.High, after, l.Equity)
	} else {
		l.High = maxDecimal(l.High.Add(amount), Decimal{})
	}
	l.Equity = after
}

// point folds an equity point in. Since one that is brought later than it was taken, moved came or went: what was
// withdrawn is no drawdown.
func (l *lossState) point(p *EquityPoint, date Date, moved Decimal) {
	profit, equity := p.Equity.Sub(p.Capital), p.Equity
	if moved.IsNeg() {
		equity = maxDecimal(equity.Add(moved), Decimal{})
	}
	l.High = maxDecimal(l.High, equity)
	if l.Points && date < l.Date { // history
		return
	}
	switch {
	case !l.Points:
		l.Before, l.Date = profit, date
	case date > l.Date:
		l.Before, l.Date = l.Profit, date
	}
	l.Profit, l.Points, l.Equity = profit, true, equity
}

// before returns the profit from which the loss of the day counts.
func (l *lossState) before(today Date) Decimal {
	if today > l.Date {
		return l.Profit
	}
	return l.Before
}

// change folds a change of the trading state in.
func (r *riskState) change(s *StateChange) {
	r.state = *s
	for _, rule := range s.Recount {
		switch rule {
		case RuleDailyLoss:
			profit := s.Equity.Sub(s.Capital)
			r.loss.Before, r.loss.Profit, r.loss.Date = profit, profit, r.dateOf(s.Time)
			r.loss.Lost, r.loss.Warned = 0, 0
		case RuleDrawdown:
			r.loss.High, r.loss.Equity, r.loss.Severity = s.Equity, s.Equity, SeverityNormal
		}
	}
}

// breach folds a breach in.
func (r *riskState) breach(b *Breach) {
	switch {
	case b.Rule == RuleDrawdown:
		r.loss.Severity = b.Severity
	case b.Severity >= SeveritySevere:
		r.loss.Lost = r.dateOf(b.Time)
	default:
		r.loss.Warned = r.dateOf(b.Time)
	}
	if b.Severity > SeverityNormal {
		r.note(Refused{Time: b.Time, Rule: b.Rule, Severity: b.Severity})
	}
}

func (r *riskState) refuse(f *Refusal) {
	n := Refused{Time: f.Time, OrderID: f.Order.ID}
	if len(f.Violations) > 0 {
		n.Rule = f.Violations[0].Rule
	}
	r.note(n)
}

// maxRefused is how many refusals and breaches a report shows.
const maxRefused = 32

func (r *riskState) note(n Refused) {
	if len(r.refused) == maxRefused {
		r.refused = slices.Delete(r.refused, 0, 1)
	}
	r.refused = append(r.refused, n)
}

// tradingState is the state in force.
func (r *riskState) tradingState() TradingState {
	if r.state.State == "" {
		return TradingActive
	}
	return r.state.State
}
