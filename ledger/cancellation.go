package ledger

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
)

// Cancellation takes an execution back, as though it had never been: the broker broke the trade.
// The execution named by Cancels must be in the journal.
type Cancellation struct {
	ExecID  ExecID    `json:"exec_id"` // the cancellation's own id; makes it idempotent
	Cancels ExecID    `json:"cancels"` // the execution that is taken back
	Time    time.Time `json:"time"`
}

// normalize checks every field and cuts the time to microseconds in UTC.
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
