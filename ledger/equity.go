package ledger

import (
	"maps"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
)

// EquityPoint is the worth of a profile at one time. Amounts are in the profile's base currency.
type EquityPoint struct {
	Time       time.Time `json:"time"` // makes it idempotent
	Equity     Decimal   `json:"equity"`
	Cash       Decimal   `json:"cash"`
	Realized   Decimal   `json:"realized"`   // since the journal began
	Unrealized Decimal   `json:"unrealized"` // at that time's marks
	Capital    Decimal   `json:"capital"`    // net deposits, withdrawals and opening balances since the journal began
	// InKind is what positions were worth that came otherwise than by trades since then, when they
	// came. Only a derived point knows it.
	InKind Decimal `json:"in_kind,omitzero"`
	// Rates are the conversion rates, above zero, at which foreign cash and capital counted; nil if
	// there was none, or the rates are not known.
	Rates map[Currency]Decimal `json:"rates,omitempty"`
	// Unrated lists the currencies of what was realized without a rate that is known, in ascending
	// order, each once: Realized lacks those sums. So do Capital and InKind together where capital
	// came and went to the same amount. The equity lacks nothing. Nil for none.
	Unrated []Currency `json:"unrated,omitempty"`
	// Notional is what was held then, by notional. Nil means that it is not known.
	Notional *Notional `json:"notional,omitempty"`
	// Derived says that the point was worked out from the book and its marks, as RecordEquity does,
	// and not told by the broker. A change of history moves it; see [Shift].
	Derived bool `json:"derived,omitempty"`
	// Before says that the point stands before capital that came or went at that moment: the next
	// entry is a deposit, a withdrawal or an opening. It has an id of its own, beside a point of
	// the same time.
	Before bool `json:"before,omitempty"`
}

// Notional is what is held by notional, in base currency: the sums of quantity × multiplier × mark.
// Futures and CFDs count with the whole of it, though little or none of it is in the equity.
// Options count with their own price, for their delta is not known. Cash in foreign currencies does
// not count. Gross exposure is Long + Short, net exposure Long − Short.
type Notional struct {
	Long  Decimal `json:"long"`  // of positions held, never negative
	Short Decimal `json:"short"` // of positions sold short, as a magnitude: never negative
}

// add takes in a position of a value.
func (n *Notional) add(quantity, value Decimal) {
	// A future with a negative price counts with its size, on the side that it is held.
	if quantity.IsNeg() {
		n.Short = n.Short.Add(value.Abs())
	} else {
		n.Long = n.Long.Add(value.Abs())
	}
}

func (n *Notional) same(m *Notional) bool { return n.Long.Equal(m.Long) && n.Short.Equal(m.Short) }

// normalize checks every field and cuts the time to microseconds in UTC.
func (p *EquityPoint) normalize() error {
	v := &invalid.Error{What: "equity point"}
	checkTime(v, "Time", p.Time)
	for _, f := range []struct {
		name string
		d    Decimal
	}{{"Equity", p.Equity}, {"Cash", p.Cash}, {"Realized", p.Realized}, {"Unrealized", p.Unrealized}, {"Capital", p.Capital}, {"InKind", p.InKind}} {
		v.Check(f.d.Abs().LessThan(num.MaxNotional), f.name, "%.40s is 1e18 or more", f.d)
	}
	if p.Rates != nil {
		p.Rates = maps.Clone(p.Rates) // the caller keeps his own
		for currency, rate := range p.Rates {
			v.Check(currency.Valid() && rate.IsPos() && rate.LessThan(num.MaxNotional), "Rates", "%.10q has %.40s", currency, rate)
			p.Rates[currency] = num.Trim(rate)
		}
	}
	for _, currency := range p.Unrated {
		v.Check(currency.Valid(), "Unrated", "%.10q is no currency", currency)
	}
	p.Unrated = append([]Currency(nil), p.Unrated...) // the caller keeps his own
	slices.Sort(p.Unrated)
	p.Unrated = slices.Compact(p.Unrated)
	if n := p.Notional; n != nil {
		p.Notional = &Notional{num.Trim(n.Long), num.Trim(n.Short)} // the caller keeps his own
		for _, f := range []struct {
			name string
			d    Decimal
		}{{"Notional.Long", n.Long}, {"Notional.Short", n.Short}} {
			v.Check(!f.d.IsNeg() && f.d.LessThan(num.MaxNotional), f.name, "%.40s is negative, or 1e18 or more", f.d)
		}
	}
	if err := v.Err(); err != nil {
		return err
	}
	p.Time = wire.Time(p.Time)
	return nil
}

func (p *EquityPoint) appendFields(b []byte) []byte {
	b = wire.AppendTime(b, "time", p.Time)
	b = wire.AppendDecimal(b, "equity", p.Equity, false)
	b = wire.AppendDecimal(b, "cash", p.Cash, false)
	b = wire.AppendDecimal(b, "realized", p.Realized, false)
	b = wire.AppendDecimal(b, "unrealized", p.Unrealized, false)
	b = wire.AppendDecimal(b, "capital", p.Capital, false)
	b = wire.AppendDecimal(b, "in_kind", p.InKind, true)
	if len(p.Rates) > 0 {
		b = wire.AppendJSON(wire.AppendName(b, "rates"), p.Rates)
	}
	if len(p.Unrated) > 0 {
		b = wire.AppendJSON(wire.AppendName(b, "unrated"), p.Unrated)
	}
	if n := p.Notional; n != nil {
		b = append(wire.AppendName(b, "notional"), '{')
		b = wire.AppendDecimal(b, "long", n.Long, false)
		b = append(wire.AppendDecimal(b, "short", n.Short, false), '}')
	}
	return wire.AppendTrue(wire.AppendTrue(b, "derived", p.Derived), "before", p.Before)
}

// scan reads a point without rates in the very form that appendFields writes. It returns false for
// any other form, and the point is of no use then.
func (p *EquityPoint) scan(data []byte) bool {
	s := wire.NewScanner(data)
	s.Text("time", &p.Time)
	s.Text("equity", &p.Equity)
	s.Text("cash", &p.Cash)
	s.Text("realized", &p.Realized)
	s.Text("unrealized", &p.Unrealized)
	s.Text("capital", &p.Capital)
	s.Text("in_kind", &p.InKind)
	if s.Open("notional") {
		p.Notional = &Notional{}
		s.Text("long", &p.Notional.Long)
		s.Text("short", &p.Notional.Short)
		s.Close()
	}
	p.Derived, p.Before = s.True("derived"), s.True("before")
	var b [wire.ScanSize]byte
	return s.Done(p.appendFields(wire.AppendVersion(append(b[:0], '{'))))
}

func (EquityPoint) fact()              {}
func (p *EquityPoint) kind() EntryKind { return KindEquity }
func (p *EquityPoint) when() time.Time { return p.Time }
func (p *EquityPoint) entryKey() string {
	at := p.Time.Format(time.RFC3339Nano)
	if p.Before {
		return "b:" + at
	}
	return "e:" + at
}
