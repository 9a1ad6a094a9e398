package performance

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// History is the part of a journal that performance is worked out from: equity points, trades with
// what they closed, and fees. Its slices only grow, so a copy stays as it is while the original
// follows the journal. The original is not safe for concurrent use; copies are.
type History struct {
	base     ledger.Currency
	zone     *time.Location // of the trading day
	points   []point        // in the order of their times
	turns    []turn
	closings []outcome
	fees     []charge
}

// NewHistory returns the history of an empty journal. base is the profile's base currency, zone
// that of its trading day.
func NewHistory(base ledger.Currency, zone *time.Location) *History {
	return &History{base: base, zone: zone}
}

// Follow takes a payload that was folded into the book, with the part of a position that it closed.
// It returns false for an amendment or a restatement: then the history must be made anew from the
// whole journal, by Trade with each trade in force and Fact with each other fact.
func (h *History) Follow(f any, c ledger.Closed) bool {
	switch f := f.(type) {
	case *ledger.Trade:
		h.Trade(f, c)
	case *ledger.EquityPoint, *ledger.CashMovement:
		h.Fact(f)
	case *ledger.Amendment, *ledger.Restatement:
		return false
	}
	return true
}

// Trade takes a trade in, with the part of a position that it closed. A currency trade does not
// count as a trade, but its commission is a fee.
func (h *History) Trade(t *ledger.Trade, c ledger.Closed) {
	i := &t.Instrument
	if i.SecType == ledger.Forex {
		currency := t.CommissionCurrency
		if currency == "" {
			currency = i.Currency
		}
		if !t.Commission.IsZero() {
			rate := t.FXRate
			if currency != i.Currency {
				rate = ledger.Decimal{}
			}
			h.fees = append(h.fees, charge{t.Time, inBase(t.Commission, currency, h.base, rate)})
		}
		return
	}
	h.turns = append(h.turns, turn{t.Time, inBase(t.Amount(), i.Currency, h.base, t.FXRate),
		inBase(t.Commission.Add(t.Taxes), i.Currency, h.base, t.FXRate)})
	if !c.Quantity.IsZero() && !t.Exercised() {
		h.closings = append(h.closings, outcome{t.Time, inBase(c.Realized, i.Currency, h.base, t.FXRate)})
	}
}

// Fact takes an equity point or a cash movement in. It ignores other payloads.
func (h *History) Fact(f any) {
	switch f := f.(type) {
	case *ledger.EquityPoint:
		v := point{f.Time, ledger.DateOf(f.Time.In(h.zone)), f.Equity, f.Capital, f.Cash}
		if n := len(h.points); n == 0 || !v.at.Before(h.points[n-1].at) {
			h.points = append(h.points, v)
			return
		}
		i, _ := slices.BinarySearchFunc(h.points, v, func(a, b point) int { return a.at.Compare(b.at) })
		h.points = slices.Insert(slices.Clone(h.points), i, v) // copies of h share the old slice
	case *ledger.CashMovement:
		if f.Kind == ledger.Fee {
			h.fees = append(h.fees, charge{f.Time, inBase(f.Amount.Neg(), f.Currency, h.base, f.FXRate)})
		}
	}
}

// Report works out how the profile did in the window. It returns invalid.Err for a window that ends
// before it begins. Its cost is in proportion to the length of the history.
func (h History) Report(w Window) (Report, error) {
	if err := w.Validate(); err != nil {
		return Report{}, err
	}
	var out Report
	out.fromPoints(h.points, w)
	out.fromTrades(h, w)
	out.turnover(h.points, w)
	return out, nil
}

// point is an equity point with its trading day, in base currency.
type point struct {
	at                    time.Time
	date                  ledger.Date
	equity, capital, cash ledger.Decimal
}

// turn is a trade.
type turn struct {
	at   time.Time
	cash converted // the proceeds, negative for a purchase
	fees converted
}

// outcome is the realized P&L of a trade that closed something.
type outcome struct {
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
