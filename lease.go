package accounts

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
)

// Lease is the right of one holder to do something alone, until the lease ends.
type Lease struct {
	Name   string `json:"name"`   // what is done alone
	Holder string `json:"holder"` // who may do it
	Fence  int64  `json:"fence"`  // 1 or more: which holding of the name this is; see LeaseStore
}

// LeaseStore keeps leases, so that of several processes one works and another takes over when the
// first dies. Both stores of the library are one. Package storetest has the conformance suite.
//
// What holds for both methods:
//
//   - Safe for concurrent use. Calls about one name are linearizable.
//   - Time is the store's clock: that of the PostgreSQL server, or of the process that has the store
//     in memory. The clocks of the processes that ask do not matter.
//   - Every method of Store returns ErrUnavailable, ErrOutcomeUnknown, ErrClosed and the errors of a
//     context, and so do these. A lease is as durable as the store's other writes. No call is
//     cancelled: a caller whose context ends while a call is under way leaves with ErrOutcomeUnknown,
//     and the call goes on.
//
// A holder counts its own time: from before its last call of Lease that succeeded, by its monotonic
// clock (time.Now and time.Since). The lease lasts at least ttl from that moment. A holder that has
// not renewed in time must stop, whatever it is doing: another may have the lease. A clock that is
// set forward ends leases early, and so does a failover to a server whose clock is ahead. The fence
// then tells the holders apart: whatever takes orders from several holders refuses a lower fence
// than it has seen.
type LeaseStore interface {
	// Lease takes the lease of the name for the holder, or renews the lease that the holder has,
	// for ttl from now. While another holder's lease has not ended, the error is a *LeasedError
	// (ErrLeased), and nothing is changed.
	//
	// The lease's Fence is 1 for the first lease of a name. It stays when the holder renews a lease
	// that has not ended. It is higher by one each time the lease is taken anew: by another holder,
	// or by the same one after its lease ended. It never falls, and EndLease does not reset it.
	//
	// A renewal never shortens a lease: it ends ttl from now, or later if it would have ended
	// later. Of calls of one holder at once each succeeds, with the same fence. After
	// ErrOutcomeUnknown the holder may call Lease again: it gets the lease that the first call
	// took, or takes it.
	//
	// ErrInvalid unless the name and the holder are 1 to 100 printable ASCII characters, and ttl is
	// from MinLease to MaxLease.
	Lease(ctx context.Context, name, holder string, ttl time.Duration) (Lease, error)

	// EndLease ends the lease now: another holder may have the name at once. A lease that its
	// holder does not have under its fence, because it has ended, was ended or was taken by
	// another, and one that never was, is left as it is, and is no error.
	EndLease(ctx context.Context, l Lease) error
}

// The shortest and the longest time for which a lease may be taken or renewed.
const (
	MinLease = 100 * time.Millisecond
	MaxLease = time.Hour
)

// maxLeaseText is the length of the longest name or holder, in bytes.
const maxLeaseText = 100

// CheckLease is for stores: it returns a *ValidationError (ErrInvalid) for what LeaseStore.Lease
// refuses whatever the store holds.
func CheckLease(name, holder string, ttl time.Duration) error {
	v := invalid.Error{What: "lease"}
	v.Check(validLeaseText(name), "Name", "must be 1 to %d printable ASCII characters", maxLeaseText)
	v.Check(validLeaseText(holder), "Holder", "must be 1 to %d printable ASCII characters", maxLeaseText)
	v.Check(ttl >= MinLease && ttl <= MaxLease, "TTL", "%s is not from %s to %s", ttl, MinLease, MaxLease)
	return v.Err()
}

func validLeaseText(s string) bool { return len(s) >= 1 && len(s) <= maxLeaseText && text.ASCII(s) }

// LeasedError says who has a lease that was asked for. It matches ErrLeased.
type LeasedError struct {
	Name   string        `json:"name"`
	Holder string        `json:"holder"` // who has the lease
	Left   time.Duration `json:"left"`   // until the lease ends, if its holder does not renew or end it
}

// Error names the lease, its holder and how long the lease still runs.
func (e *LeasedError) Error() string {
	return fmt.Sprintf("%v: %q is %q's for another %s", ErrLeased, e.Name, e.Holder, e.Left)
}

// Unwrap returns ErrLeased.
func (e *LeasedError) Unwrap() error { return ErrLeased }

// leasedJSON is a LeasedError as JSON. Left here takes the place of the embedded one.
type leasedJSON struct {
	plainLeased
	Left wire.Duration `json:"left"`
}

type plainLeased LeasedError

// MarshalJSON writes the duration as text, such as "5s".
func (e LeasedError) MarshalJSON() ([]byte, error) {
	return json.Marshal(leasedJSON{plainLeased(e), wire.Duration(e.Left)})
}

// UnmarshalJSON reads what MarshalJSON writes, and a duration in nanoseconds too.
func (e *LeasedError) UnmarshalJSON(data []byte) error {
	in := leasedJSON{plainLeased(*e), wire.Duration(e.Left)}
	if err := json.Unmarshal(data, &in); err != nil {
		return err
	}
	*e = LeasedError(in.plainLeased)
	e.Left = time.Duration(in.Left)
	return nil
}
