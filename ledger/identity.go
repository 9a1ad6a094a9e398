package ledger

import (
	"fmt"
	"strings"
	"time"
)

// Differences returns the names of the fields in which a fact contradicts the fact with the same id
// that was recorded before; nil if it says the same. Both are normalized. An [Amendment] stands for
// the fact that it records.
//
// Sources that name the same thing may differ in these, which are no contradiction:
//   - the broker's names for a contract and its Underlying, which are hints, and so are the Symbol
//     and the Note of a [CashMovement], a MarketRate, the Price of an [Opening] or a [Transfer], and the
//     Basis of a [Transfer];
//   - the fractions of a second of a time, where one of the two has none;
//   - the Notional of an [EquityPoint], where one of the two has none, whether the point is derived, and
//     its InKind, Rates and Unrated;
//   - what one of the two leaves open: OrderID, FXRate, and the costs of a trade with CommissionPending;
//     see [Completion].
func Differences(recorded, again Payload) []string {
	var d differences
	switch was := factIn(recorded).(type) {
	case *Trade:
		if t, ok := factIn(again).(*Trade); ok {
			return d.trade(was, t)
		}
	case *CashMovement:
		if m, ok := factIn(again).(*CashMovement); ok {
			return d.cash(was, m)
		}
	case *Split:
		if s, ok := factIn(again).(*Split); ok {
			return d.split(was, s)
		}
	case *Opening:
		if o, ok := factIn(again).(*Opening); ok {
			return d.opening(was, o)
		}
	case *Transfer:
		if t, ok := factIn(again).(*Transfer); ok {
			return d.transfer(was, t)
		}
	case *Cancellation:
		if c, ok := factIn(again).(*Cancellation); ok {
			return d.cancellation(was, c)
		}
	case *EquityPoint:
		if p, ok := factIn(again).(*EquityPoint); ok {
			return d.equity(was, p)
		}
	}
	return []string{"type"}
}

// CheckSame returns ErrIDReused, with the id and the fields, if there are [Differences].
func CheckSame(recorded, again Payload) error {
	if d := Differences(recorded, again); len(d) > 0 {
		_, id, _ := strings.Cut(again.entryKey(), ":")
		return fmt.Errorf("%s %.120q with another %s: %w", again.kind(), id, strings.Join(d, ", "), ErrIDReused)
	}
	return nil
}

// factIn returns the fact that a payload records.
func factIn(p Payload) Payload {
	if a, amends := p.(*Amendment); amends {
		return a.Fact()
	}
	return p
}

// differences are the names of fields.
type differences []string

// rate compares the conversion rates, either of which may not be known.
func (d *differences) rate(was, again Decimal) {
	d.unless(was.Equal(again) || was.IsZero() || again.IsZero(), "FXRate")
}

func (d *differences) unless(same bool, field string) {
	if !same {
		*d = append(*d, field)
	}
}

func (d differences) trade(was, t *Trade) []string {
	d.unless(was.ExecID == t.ExecID, "ExecID")
	d.unless(was.OrderID == t.OrderID || was.OrderID == "" || t.OrderID == "", "OrderID")
	d.unless(was.Kind == t.Kind, "Kind")
	d.unless(was.Contract() == t.Contract(), "Instrument")
	d.unless(was.Quantity.Equal(t.Quantity), "Quantity")
	d.unless(was.Price.Equal(t.Price), "Price")
	d.unless(was.Amount().Equal(t.Amount()), "Proceeds")
	if !was.CommissionPending && !t.CommissionPending {
		d.unless(was.Commission.Equal(t.Commission), "Commission")
		d.unless(was.CommissionCurrency == t.CommissionCurrency, "CommissionCurrency")
		d.unless(was.Taxes.Equal(t.Taxes), "Taxes")
	}
	d.rate(was.FXRate, t.FXRate)
	d.unless(sameMoment(was.Time, t.Time), "Time")
	return d
}

func (d differences) cash(was, m *CashMovement) []string {
	d.unless(was.ID == m.ID, "ID")
	d.unless(was.Kind == m.Kind, "Kind")
	d.unless(was.Currency == m.Currency, "Currency")
	d.unless(was.Amount.Equal(m.Amount), "Amount")
	d.rate(was.FXRate, m.FXRate)
	d.unless(sameMoment(was.Time, m.Time), "Time")
	return d
}

func (d differences) split(was, s *Split) []string {
	d.unless(was.ID == s.ID, "ID")
	d.unless(was.From.Key() == s.From.Key(), "From")
	d.unless(was.To.Key() == s.To.Key(), "To")
	d.unless(was.Numerator.Equal(s.Numerator), "Numerator")
	d.unless(was.Denominator.Equal(s.Denominator), "Denominator")
	d.unless(was.Part.Equal(s.Part), "Part")
	d.unless(was.Whole.Equal(s.Whole), "Whole")
	d.unless(was.Rate.Equal(s.Rate), "Rate")
	d.unless(sameMoment(was.Time, s.Time), "Time")
	return d
}

func (d differences) opening(was, o *Opening) []string {
	d.unless(was.ID == o.ID, "ID")
	d.unless(was.Instrument.Key() == o.Instrument.Key(), "Instrument")
	d.lots(was.Lots, o.Lots)
	d.rate(was.FXRate, o.FXRate)
	d.unless(sameMoment(was.Time, o.Time), "Time")
	return d
}

func (d differences) transfer(was, t *Transfer) []string {
	d.unless(was.ID == t.ID, "ID")
	d.unless(was.Instrument.Key() == t.Instrument.Key(), "Instrument")
	d.unless(was.Quantity.Equal(t.Quantity), "Quantity")
	d.lots(was.Lots, t.Lots)
	d.rate(was.FXRate, t.FXRate)
	d.unless(sameMoment(was.Time, t.Time), "Time")
	return d
}

func (d *differences) lots(was, again []Lot) {
	d.unless(len(was) == len(again), "Lots")
	for i := range min(len(was), len(again)) {
		d.lot(fmt.Sprintf("Lots[%d].", i), &was[i], &again[i])
	}
}

func (d *differences) lot(name string, was, l *Lot) {
	d.unless(was.ExecID == l.ExecID, name+"ExecID")
	d.unless(was.Quantity.Equal(l.Quantity), name+"Quantity")
	d.unless(was.Basis.Equal(l.Basis), name+"Basis")
	d.unless(sameMoment(was.OpenedAt, l.OpenedAt), name+"OpenedAt")
	d.unless(was.Inferred == l.Inferred, name+"Inferred")
}

func (d differences) cancellation(was, c *Cancellation) []string {
	d.unless(was.ExecID == c.ExecID, "ExecID")
	d.unless(was.Cancels == c.Cancels, "Cancels")
	d.unless(sameMoment(was.Time, c.Time), "Time")
	return d
}

func (d differences) equity(was, p *EquityPoint) []string {
	d.unless(was.Time.Equal(p.Time), "Time")
	d.unless(was.Equity.Equal(p.Equity), "Equity")
	d.unless(was.Cash.Equal(p.Cash), "Cash")
	d.unless(was.Realized.Equal(p.Realized), "Realized")
	d.unless(was.Unrealized.Equal(p.Unrealized), "Unrealized")
	d.unless(was.Capital.Equal(p.Capital), "Capital")
	d.unless(was.Notional == nil || p.Notional == nil || was.Notional.same(p.Notional), "Notional")
	return d
}

// sameMoment reports whether two times may stand for one moment: they are equal, or would be if
// both were cut to the second, as one of them is.
func sameMoment(a, b time.Time) bool {
	x, y := a.Truncate(time.Second), b.Truncate(time.Second)
	return a.Equal(b) || x.Equal(y) && (a.Equal(x) || b.Equal(y))
}
