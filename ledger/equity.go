package ledger

import (
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
}

// normalize checks every field and cuts the time to microseconds in UTC.
func (p *EquityPoint) normalize() error {
	v := &invalid.Error{What: "equity point"}
	checkTime(v, "Time", p.Time)
	for _, f := range []struct {
		name string
		d    Decimal
	}{{"Equity", p.Equity}, {"Cash", p.Cash}, {"Realized", p.Realized}, {"Unrealized", p.Unrealized}, {"Capital", p.Capital}} {
		v.Check(f.d.Abs().LessThan(num.MaxNotional), f.name, "%.40s is 1e18 or more", f.d)
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
	return wire.AppendDecimal(b, "capital", p.Capital, false)
}

func (EquityPoint) fact()               {}
func (p *EquityPoint) kind() EntryKind  { return KindEquity }
func (p *EquityPoint) when() time.Time  { return p.Time }
func (p *EquityPoint) entryKey() string { return "e:" + p.Time.Format(time.RFC3339Nano) }
