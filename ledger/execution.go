package ledger

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
)

// execution is what the journal holds of one execution at present.
type execution struct {
	version    int
	instrument Instrument
	cancelled  bool
}

// Cancellation takes back an execution as though it had never been: the broker broke the trade.
type Cancellation struct {
	ExecID  ExecID    `json:"exec_id"` // of the cancellation itself; makes it idempotent
	Cancels ExecID    `json:"cancels"` // ErrExecutionNotFound if it is not in the journal
	Time    time.Time `json:"time"`
}

func (c *Cancellation) normalize() error {
	v := &invalid.Error{What: "cancellation"}
	v.Check(validExecID(c.ExecID), "ExecID", "%.120q is not 1 to 100 bytes of printable ASCII", c.ExecID)
	v.Check(validExecID(c.Cancels), "Cancels", "%.120q is not 1 to 100 bytes of printable ASCII", c.Cancels)
	checkTime(v, "Time", c.Time)
	if err := v.Err(); err != nil {
		return fmt.Errorf("cancellation %.60q: %w", c.ExecID, err)
	}
	c.Time = wire.Time(c.Time)
	return nil
}

func (Cancellation) fact()               {}
func (c *Cancellation) kind() EntryKind  { return KindAmendment }
func (c *Cancellation) when() time.Time  { return c.Time }
func (c *Cancellation) entryKey() string { return "k:" + string(c.ExecID) }

func (c *Cancellation) appendFields(b []byte) []byte {
	return wire.AppendFields(b, &Amendment{Cancellation: c})
}

// ExecID names one execution, as the broker does. Ids of IBKR's form, such as
// "0000d514.5159662d.01.02" (four parts of letters and digits, the last of two digits), end in a
// correction number: the same id with a higher one replaces the earlier execution. Ids of any
// other form are opaque.
type ExecID string

// Correction parts the id into what all versions of the execution share and the correction number;
// 0 for an id that has none.
func (id ExecID) Correction() (root string, number int) {
	s := string(id)
	n := len(s)
	if n < 8 || s[n-3] != '.' || !text.Digits(s[n-2:]) || !threeParts(s[:n-3]) {
		return s, 0
	}
	return s[:n-3], int(s[n-2]-'0')*10 + int(s[n-1]-'0')
}

// threeParts reports whether s is three parts of letters and digits with points between them.
func threeParts(s string) bool {
	points, length := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.' && length > 0:
			points, length = points+1, 0
		case '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			length++
		default:
			return false
		}
	}
	return points == 2 && length > 0
}

// ExecutionKey is the key of an execution's entry, which all its versions share.
func ExecutionKey(id ExecID) string {
	root, _ := id.Correction()
	return "x:" + root
}

func validExecID(id ExecID) bool { return len(id) >= 1 && len(id) <= 100 && text.ASCII(string(id)) }

// inForce returns the newest version of the execution that the entry at a place brought as was.
func (b *Book) inForce(was *Trade, place int64) execution {
	_, version := was.ExecID.Correction()
	x := execution{version: version, instrument: was.Instrument}
	if a, changed := b.changes[place]; changed {
		switch {
		case a.Trade != nil:
			_, x.version = a.Trade.ExecID.Correction()
		case a.Cancellation != nil:
			_, x.version = a.Cancellation.Cancels.Correction()
			x.cancelled = true
		}
	}
	return x
}
