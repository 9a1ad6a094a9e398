package risk

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// Hold is the entry of an accepted order. From here on the order's exposure counts against every
// limit, until fills or a [Release] end that.
type Hold struct {
	Order Order `json:"order"`
	// Warnings are the limits that the order brought to their warning level.
	Warnings []Violation `json:"warnings,omitempty"`
	Time     time.Time   `json:"time"`

	// key is the key of the order's contract, set by Normalize and Decode.
	key ledger.InstrumentKey
}

// Normalize fills in the order's defaults, trims its decimals and checks every field; see
// [Order.Normalize].
func (h *Hold) Normalize() error {
	err := h.Order.Normalize()
	h.derive()
	return err
}

// Contract returns the key of the order's contract. It does not allocate for a normalized hold.
func (h *Hold) Contract() ledger.InstrumentKey {
	if h.key == "" {
		return h.Order.Instrument.Key()
	}
	return h.key
}

// derive caches the key of the order's contract, which is used often.
func (h *Hold) derive() { h.key = h.Order.Instrument.Key() }

func (h *Hold) kind() ledger.EntryKind { return KindHold }

// entryKey returns the order's key. A hold and a refusal share it, so that an order is decided
// once.
func (h *Hold) entryKey() string { return OrderKey(h.Order.ID) }

func (h *Hold) appendFields(b []byte) []byte {
	b = append(wire.AppendName(b, "order"), '{')
	b = wire.AppendString(b, "id", h.Order.ID, false)
	b = h.Order.Instrument.AppendJSON(b, "instrument")
	b = wire.AppendDecimal(b, "quantity", h.Order.Quantity, false)
	b = wire.AppendDecimal(b, "price", h.Order.Price, true)
	b = wire.AppendString(b, "strategy", h.Order.Strategy, true)
	b = wire.AppendString(b, "sector", h.Order.Sector, true)
	b = append(wire.AppendString(b, "signal", h.Order.Signal, true), '}')
	if len(h.Warnings) > 0 {
		b = wire.AppendJSON(wire.AppendName(b, "warnings"), h.Warnings)
	}
	return wire.AppendTime(b, "time", h.Time)
}

// Release is the entry that ends the hold on a working order: what is not filled no longer counts.
type Release struct {
	OrderID ledger.OrderID `json:"order_id"`
	// Cause is RuleAllOrNone for an order that was let go because another profile did not take its
	// signal; empty for every other release.
	Cause  Rule      `json:"cause,omitempty"`
	Reason string    `json:"reason"`
	Time   time.Time `json:"time"`
}

func (r *Release) kind() ledger.EntryKind { return KindRelease }
func (r *Release) entryKey() string       { return "r:" + string(r.OrderID) }

func (r *Release) appendFields(b []byte) []byte {
	b = wire.AppendString(b, "order_id", r.OrderID, false)
	b = wire.AppendString(b, "cause", r.Cause, true)
	b = wire.AppendString(b, "reason", r.Reason, false)
	return wire.AppendTime(b, "time", r.Time)
}

// Refusal is the entry of a refused order.
type Refusal struct {
	Order      Order       `json:"order"`
	Violations []Violation `json:"violations"`
	// Undecided is true where nothing but what is not known speaks against the order. The order's
	// ID is not decided then, and the entry has no key.
	Undecided bool      `json:"undecided,omitempty"`
	Time      time.Time `json:"time"`
}

func (r *Refusal) kind() ledger.EntryKind       { return KindRefusal }
func (r *Refusal) appendFields(b []byte) []byte { return wire.AppendFields(b, (*storedRefusal)(r)) }

// entryKey returns the order's key, and none where the order is still undecided.
func (r *Refusal) entryKey() string {
	if r.Undecided {
		return ""
	}
	return OrderKey(r.Order.ID)
}

// Breach is the entry of a loss or drawdown that came to another level. Limit and Actual are money
// in base currency for RuleDailyLoss, and fractions of the high-water mark for RuleDrawdown.
type Breach struct {
	Rule     Rule           `json:"rule"`
	Severity Severity       `json:"severity"`
	Limit    ledger.Decimal `json:"limit"`
	Actual   ledger.Decimal `json:"actual"`
	Time     time.Time      `json:"time"`
}

func (b *Breach) kind() ledger.EntryKind        { return KindBreach }
func (b *Breach) entryKey() string              { return "" }
func (b *Breach) appendFields(to []byte) []byte { return wire.AppendFields(to, b) }

// StateChange is the entry of a change of the trading state.
type StateChange struct {
	State  TradingState `json:"state"`
	Cause  Rule         `json:"cause,omitempty"` // the rule that was broken; empty for a person's decision
	Reason string       `json:"reason"`
	// Equity and Capital, in base currency, are set by a resumption from which losses are counted
	// anew.
	Equity  ledger.Decimal `json:"equity,omitzero"`
	Capital ledger.Decimal `json:"capital,omitzero"`
	// Recount names the losses that are counted anew: RuleDailyLoss, RuleDrawdown, or both.
	Recount []Rule    `json:"recount,omitempty"`
	Time    time.Time `json:"time"`
}

func (s *StateChange) kind() ledger.EntryKind       { return KindState }
func (s *StateChange) entryKey() string             { return "" }
func (s *StateChange) appendFields(b []byte) []byte { return wire.AppendFields(b, (*storedState)(s)) }

// PolicyChange is the entry of the limits and the status that are in force from here on. It tells
// them to every process that trades the profile, before that process decides about an order.
type PolicyChange struct {
	Version int64         `json:"version"` // the version of the profile
	Status  ProfileStatus `json:"status"`
	Limits  Limits        `json:"limits"`
	Time    time.Time     `json:"time"`
}

func (c *PolicyChange) kind() ledger.EntryKind       { return KindPolicy }
func (c *PolicyChange) entryKey() string             { return fmt.Sprintf("p:%d", c.Version) }
func (c *PolicyChange) appendFields(b []byte) []byte { return wire.AppendFields(b, c.stored()) }

// MaxReason is the length of a reason that a person gives, at most, in bytes.
const MaxReason = 500

// CheckReason returns invalid.Err unless the reason for a person's decision is 1 to 500 printable
// bytes.
func CheckReason(reason string) error {
	if reason == "" || len(reason) > MaxReason || !text.Printable(reason, true) {
		return fmt.Errorf("%w: reason is not 1 to %d printable bytes", invalid.Err, MaxReason)
	}
	return nil
}
