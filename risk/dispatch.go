package risk

import (
	"time"

	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// Dispatch is the entry that says that a held order is about to be sent to the broker. It is
// written before the first byte is sent, and once for an order: who writes it may send the order,
// and nobody else ever. An order without it was surely not sent. One with it may have been.
type Dispatch struct {
	OrderID ledger.OrderID `json:"order_id"`
	// Ref is the name under which the broker is told of the order, 1 to 64 printable bytes.
	Ref string `json:"ref"`
	// Terms are the terms of the order's execution in words, for people; 1 to 200 printable bytes.
	Terms string `json:"terms"`
	// Lease names the lease under which the order is sent, and Fence is its number; both are zero
	// without a lease. A number lower than one that the journal has of the lease is that of a
	// process whose lease has passed to another.
	Lease string    `json:"lease,omitempty"`
	Fence int64     `json:"fence,omitempty"`
	Time  time.Time `json:"time"`
}

// MaxRef, MaxTerms and MaxLease are the lengths of a reference, of terms in words and of a lease's
// name at most, in bytes.
const (
	MaxRef   = 64
	MaxTerms = 200
	MaxLease = 100
)

// Validate checks the fields that a caller fills in; its error is an [invalid.Error] (ErrInvalid).
func (d *Dispatch) Validate() error {
	v := &invalid.Error{What: "dispatch"}
	v.Check(d.Ref != "" && len(d.Ref) <= MaxRef && text.Printable(d.Ref, false), "Ref", "%.80q is not 1 to %d printable bytes", d.Ref, MaxRef)
	v.Check(d.Terms != "" && len(d.Terms) <= MaxTerms && text.Printable(d.Terms, true), "Terms", "are not 1 to %d printable bytes", MaxTerms)
	v.Check(len(d.Lease) <= MaxLease && text.Printable(d.Lease, true), "Lease", "%.120q is not at most %d printable bytes", d.Lease, MaxLease)
	v.Check(d.Fence >= 0 && (d.Fence > 0) == (d.Lease != ""), "Fence", "%d of lease %.60q", d.Fence, d.Lease)
	return v.Err()
}

func (d *Dispatch) kind() ledger.EntryKind { return KindDispatch }
func (d *Dispatch) entryKey() string       { return "d:" + string(d.OrderID) }

func (d *Dispatch) appendFields(b []byte) []byte {
	b = wire.AppendString(b, "order_id", d.OrderID, false)
	b = wire.AppendString(b, "ref", d.Ref, false)
	b = wire.AppendString(b, "terms", d.Terms, false)
	b = wire.AppendString(b, "lease", d.Lease, true)
	b = wire.AppendInt(b, "fence", d.Fence, true)
	return wire.AppendTime(b, "time", d.Time)
}
