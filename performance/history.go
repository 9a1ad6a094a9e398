package performance

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// History is the part of a journal that performance is worked out from: equity points, trades with
// what they closed, and fees. Its slices only grow, so a copy stays as it is while the original
// follows the journal. The original is not safe for concurrent use; copies are, but for Follow.
type History struct {
	base     ledger.Currency
	zone     *time.Location // of the trading day
	points   []point        // in the order of their times
	turns    series[turn, *turn]
	closings series[closing, *closing]
	trips    series[trip, *trip]
	fees     series[charge, *charge]
	// under has what the round trips under way have realized so far, and abroad the positions in
	// foreign currencies. Copies of h read neither.
	under  map[ledger.InstrumentKey]converted
	abroad *abroad
}

// NewHistory returns the history of an empty journal. base is the profile's base currency, zone
// that of its trading day.
func NewHistory(base ledger.Currency, zone *time.Location) *History {
	return &History{base: base, zone: zone, under: map[ledger.InstrumentKey]converted{}, abroad: newAbroad()}
}

// Zone returns the time zone of the trading day.
func (h *History) Zone() *time.Location { return h.zone }

// Follow takes the payload of entry seq, which was folded into the book, with the part of a
// position that it closed. It ignores payloads that no figure needs. It returns false for an
// amendment: then the history must be made anew from the whole journal, with every fact in force in
// its effective order.
func (h *History) Follow(seq int64, f any, c ledger.Closed) bool {
	switch f := f.(type) {
	case *ledger.Trade:
		h.trade(f, c)
	case *ledger.Split:
		h.split(f)
	case *ledger.Opening:
		if h.foreign(&f.Instrument) {
			h.abroad.open(f)
		}
	case *ledger.Transfer:
		h.transfer(f, c)
	case *ledger.EquityPoint:
		h.point(seq, f)
	case *ledger.CashMovement:
		if f.Kind == ledger.Fee {
			h.fees.add(charge{f.Time, inBase(f.Amount.Neg(), f.Currency, h.base, f.FXRate)})
		}
	case *ledger.Restatement:
		for _, s := range f.Shifts {
			h.shift(s)
		}
	case *ledger.Amendment:
		return false
	}
	return true
}

// trade takes a trade in, with the part of a position that it closed.
func (h *History) trade(t *ledger.Trade, c ledger.Closed) {
	i := &t.Instrument
	if i.SecType == ledger.Forex {
		h.exchange(t)
		return
	}
	h.turns.add(turn{t.Time, inBase(t.Amount(), i.Currency, h.base, t.FXRate),
		inBase(t.Commission.Add(t.Taxes), i.Currency, h.base, t.FXRate)})
	gain := inBase(c.Realized, i.Currency, h.base, t.FXRate)
	if h.foreign(i) {
		gain = h.abroad.trade(t, c)
	}
	if c.Quantity.IsZero() {
		return
	}
	key := t.Contract()
	soFar, begun := h.under[key]
	if !t.Exercised() {
		h.closings.add(closing{t.Time, gain})
		soFar, begun = soFar.plus(gain), true
		h.under[key] = soFar
	}
	if c.Ended && begun {
		h.trips.add(trip{t.Time, soFar})
		delete(h.under, key)
	}
}

// exchange takes a currency trade in. It does not count as a trade, but its commission and taxes
// are fees.
func (h *History) exchange(t *ledger.Trade) {
	paid, rate := t.Instrument.Currency, t.FXRate
	if !t.Taxes.IsZero() {
		h.fees.add(charge{t.Time, inBase(t.Taxes, paid, h.base, rate)})
	}
	if t.CommissionCurrency != "" {
		paid, rate = t.CommissionCurrency, ledger.Decimal{} // FXRate is of the other currency
	}
	if !t.Commission.IsZero() {
		h.fees.add(charge{t.Time, inBase(t.Commission, paid, h.base, rate)})
	}
}

// foreign reports whether a contract's price is paid in a foreign currency, so that the currency's
// gain is a part of what it realizes. Futures and CFDs move no price, and what they gain comes when
// they are closed.
func (h *History) foreign(i *ledger.Instrument) bool {
	return i.Currency != h.base && i.SettlesNotional()
}

// split moves a round trip under way to the contract that its position moved to.
func (h *History) split(s *ledger.Split) {
	if from, to := h.foreign(&s.From), h.foreign(&s.To); from || to {
		h.abroad.split(s, from)
	}
	from, to := s.From.Key(), s.To.Key()
	if soFar, begun := h.under[from]; begun && from != to && !s.SpinsOff() {
		delete(h.under, from)
		h.under[to] = h.under[to].plus(soFar)
	}
}

// transfer takes a transfer in, with whether the position ended: then a round trip under way is
// over.
func (h *History) transfer(t *ledger.Transfer, c ledger.Closed) {
	key := t.Instrument.Key()
	if h.foreign(&t.Instrument) {
		h.abroad.transfer(t, c)
	}
	if soFar, begun := h.under[key]; begun && c.Ended {
		h.trips.add(trip{t.Time, soFar})
		delete(h.under, key)
	}
}

// point takes an equity point in.
func (h *History) point(seq int64, f *ledger.EquityPoint) {
	v := point{at: f.Time, date: ledger.DateOf(f.Time.In(h.zone)), equity: f.Equity, capital: f.Capital, kind: f.InKind,
		held: f.Notional, derived: f.Derived, before: f.Before, seq: seq}
	v.day, v.next = calendarOf(h.zone).around(v.date)
	if n := len(h.points); n == 0 || v.compare(h.points[n-1]) >= 0 {
		h.points = append(h.points, v)
		h.measure(n, n+1)
		return
	}
	i, _ := slices.BinarySearchFunc(h.points, v, point.compare)
	h.points = slices.Insert(slices.Clone(h.points), i, v) // copies of h share the old slice
	h.measure(i, i+2)
}

// measure works out what follows from the points from one index up to another, and from the ones
// before them.
func (h *History) measure(from, to int) {
	for i := from; i < to; i++ {
		p := &h.points[i]
		p.ratios = p.ratiosOf()
		if i > 0 {
			p.step, p.sound = stepOf(&h.points[i-1], p)
		}
	}
}

// shift adds to the equity of derived points what they did not contain.
func (h *History) shift(s ledger.Shift) {
	h.points = slices.Clone(h.points) // copies of h share the old slice
	first := len(h.points)
	for i := range h.points {
		if p := &h.points[i]; p.derived && p.seq > s.Behind {
			p.equity = p.equity.Add(s.By)
			first = min(first, i)
		}
	}
	h.measure(first, len(h.points))
}

// Report works out how the profile did in the window. It returns invalid.Err for a window that is
// not valid. Its cost is in proportion to the length of the history.
func (h History) Report(w Window) (Report, error) {
	if err := w.Validate(); err != nil {
		return Report{}, err
	}
	out := Report{Currency: h.base}
	points := within(h.points, w)
	out.fromPoints(points, w)
	out.fromTrades(&h, w)
	out.turnover(points)
	return out, nil
}

// point is an equity point with its trading day, in base currency.
type point struct {
	at              time.Time
	date            ledger.Date
	equity, capital ledger.Decimal
	kind            ledger.Decimal   // what came in kind; known of derived points
	held            *ledger.Notional // nil if it is not known; never changed
	derived         bool             // from the book, with which it is restated
	before          bool             // before capital that came or went then
	seq             int64            // the number of the entry

	// What follows is worked out once, from the above and the point before.
	day, next ledger.Date // the trading day that date belongs to, and the one after it
	ratios    ratios
	step      step // from the point before
	sound     bool // whether step is defined
}

// compare orders points by time. Of the same time, one before capital that comes or goes comes
// first.
func (p point) compare(q point) int {
	if c := p.at.Compare(q.at); c != 0 || p.before == q.before {
		return c
	}
	if p.before {
		return -1
	}
	return 1
}

// turn is a trade.
type turn struct {
	at   time.Time
	cash converted // the proceeds, negative for a purchase
	fees converted
}

// closing is the realized P&L of a trade that closed something.
type closing struct {
	at       time.Time
	realized converted
}

// trip is the realized P&L of a round trip that ended.
type trip struct {
	at       time.Time
	realized converted
}

// charge is a fee that was not charged on a trade.
type charge struct {
	at   time.Time
	cost converted
}

// converted is money in base currency or, if lacks is set, in that currency, for want of a rate.
type converted struct {
	value ledger.Decimal
	lacks ledger.Currency // empty if converted
}

// plus returns the sum, which cannot be converted if one of the two cannot.
func (c converted) plus(d converted) converted {
	if c.lacks == "" {
		c.lacks = d.lacks
	}
	c.value = c.value.Add(d.value)
	return c
}

// negated returns the amount with the other sign.
func (c converted) negated() converted { return converted{c.value.Neg(), c.lacks} }

// inBase converts a value to base currency if it has a rate.
func inBase(value ledger.Decimal, currency, base ledger.Currency, rate ledger.Decimal) converted {
	switch {
	case currency == base || value.IsZero():
		return converted{value: value}
	case rate.IsZero():
		return converted{value: value, lacks: currency}
	}
	return converted{value: num.Convert(value, rate)}
}

// within returns the points of a window: from the last one at or before its beginning, or the first
// if there is none, to the last one at or before its end.
func within(all []point, w Window) []point {
	begin, end := 0, len(all)
	if !w.From.IsZero() {
		i, _ := slices.BinarySearchFunc(all, w.From, func(v point, t time.Time) int {
			if v.at.After(t) {
				return 1
			}
			return -1
		})
		begin = max(i-1, 0)
	}
	if !w.To.IsZero() {
		end, _ = slices.BinarySearchFunc(all, w.To, func(v point, t time.Time) int {
			if v.at.After(t) {
				return 1
			}
			return -1
		})
	}
	if begin >= end {
		return nil
	}
	return all[begin:end]
}
