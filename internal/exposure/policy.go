package exposure

import (
	"time"

	"github.com/ai-ots/accounts/risk"
)

// Policy is what a profile may do: its status and limits, from the profile or from the journal.
type Policy struct {
	version int64 // the profile's version
	status  risk.ProfileStatus
	limits  risk.Limits
	zone    *time.Location // of the trading day
	sound   bool           // the limits are valid
}

// NewPolicy returns a policy with the limits. Limits that are not valid permit no order, except one
// that only reduces a position.
func NewPolicy(version int64, status risk.ProfileStatus, limits risk.Limits) *Policy {
	zone, err := limits.Location()
	if err != nil { // no book could be folded by it, and no journal takes it
		limits = risk.Limits{}
		zone, _ = risk.NewYork()
	}
	return &Policy{version: version, status: status, limits: limits, zone: zone, sound: limits.Validate() == nil}
}

// Zone returns the time zone of the trading day.
func (p *Policy) Zone() *time.Location { return p.zone }

// Change returns the policy as an entry.
func (p *Policy) Change(at time.Time) *risk.PolicyChange {
	return &risk.PolicyChange{Version: p.version, Status: p.status, Limits: p.limits, Time: at}
}
