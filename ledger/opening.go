package ledger

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
)

// Opening is a position that was held before the journal began, with its cost basis. It moves no
// cash. Its lots are all long or all short. No lot was opened after Time.
type Opening struct {
	ID         string     `json:"id"` // required; makes it idempotent
	Instrument Instrument `json:"instrument"`
	Lots       []Lot      `json:"lots"`
	FXRate     Decimal    `json:"fx_rate,omitzero"`
	Time       time.Time  `json:"time"`
}

// normalize checks every field, trims the decimals and cuts times to microseconds in UTC.
func (o *Opening) normalize() error {
	v := &invalid.Error{What: "opening balance"}
	checkID(v, o.ID)
	v.Check(len(o.Lots) > 0, "Lots", "is empty")
	v.Check(o.Instrument.SecType != Forex, "Instrument", "is a currency pair: open a cash balance")
	num.CheckRate(v, "FXRate", o.FXRate)
	checkTime(v, "Time", o.Time)
	lots := make([]Lot, len(o.Lots))
	for i, l := range o.Lots {
		field := fmt.Sprintf("Lots[%d].", i)
		v.Check(!l.Quantity.IsZero(), field+"Quantity", "is zero")
		num.CheckAmount(v, field+"Quantity", l.Quantity)
		v.Check(l.Quantity.IsNeg() == o.Lots[0].Quantity.IsNeg(), field+"Quantity",
			"%s has another sign than the first", l.Quantity)
		num.CheckAmount(v, field+"Basis", l.Basis)
		checkTime(v, field+"OpenedAt", l.OpenedAt)
		v.Check(!l.OpenedAt.After(o.Time), field+"OpenedAt",
			"%s is after the opening's own time", l.OpenedAt.UTC().Format(time.RFC3339))
		v.Check(l.ExecID == "" || validExecID(l.ExecID), field+"ExecID",
			"%.120q is not at most 100 bytes of printable ASCII", l.ExecID)
		l.Quantity, l.Basis, l.OpenedAt = num.Trim(l.Quantity), num.Trim(l.Basis), wire.Time(l.OpenedAt)
		lots[i] = l
	}
	err := v.Err()
	if err == nil {
		err = o.Instrument.Normalize()
	}
	if err != nil {
		return fmt.Errorf("opening balance %.60q in %s: %w", o.ID, o.Instrument.Key(), err)
	}
	o.FXRate = num.Trim(o.FXRate)
	o.Lots, o.Time = lots, wire.Time(o.Time)
	return nil
}

func (o *Opening) appendFields(b []byte) []byte { return wire.AppendFields(b, (*storedOpening)(o)) }
func (Opening) fact()                           {}
func (o *Opening) kind() EntryKind              { return KindOpening }
func (o *Opening) when() time.Time              { return o.Time }
func (o *Opening) entryKey() string             { return "o:" + o.ID }
