package exposure

import (
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Policy is what a profile may do: its status and limits, from the profile or from the journal.
type Policy struct {
	version int64 // the profile's version
	status  risk.ProfileStatus
	limits  risk.Limits
	zone    *time.Location // of the trading day
	sound   bool           // the limits are valid

	// The limits on counts; 0 is no limit.
	perMinute, perDay, trades, positions number
}

// number is a limit on a count, and the count from which on its use is a warning.
type number struct{ at, warn int }

func newNumber(at int, warnAt ledger.Decimal) number {
	warn, err := num.Convert(num.Int(int64(at)), warnAt).Ceil().Int64()
	if err != nil || warn > int64(at) {
		return number{at: at, warn: at}
	}
	return number{at: at, warn: max(int(warn), 1)}
}

// NewPolicy returns a policy with the limits. Limits that are not valid permit no order, except one
// that only reduces a position.
func NewPolicy(version int64, status risk.ProfileStatus, limits risk.Limits) *Policy {
	zone, err := limits.Location()
	if err != nil { // no book could be folded by it, and no journal takes it
		limits = risk.Limits{}
		zone, _ = risk.NewYork()
	}
	of := func(at int) number { return newNumber(at, limits.WarnAt) }
	return &Policy{version: version, status: status, limits: limits, zone: zone, sound: limits.Validate() == nil,
		perMinute: of(limits.OrdersPerMinute), perDay: of(limits.OrdersPerDay), trades: of(limits.TradesPerDay),
		positions: of(limits.OpenPositions)}
}

// Zone returns the time zone of the trading day.
func (p *Policy) Zone() *time.Location { return p.zone }

// Change returns the policy as an entry.
func (p *Policy) Change(at time.Time) *risk.PolicyChange {
	return &risk.PolicyChange{Version: p.version, Status: p.status, Limits: p.limits, Time: at}
}
