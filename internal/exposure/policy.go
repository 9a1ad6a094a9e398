package exposure

import (
	"time"

	"github.com/ai-ots/accounts/risk"
)

// Policy is what a profile may do, as the journal or the profile itself says.
type Policy struct {
	version int64
	status  risk.ProfileStatus
	limits  risk.Limits
	zone    *time.Location
	sound   bool // the limits are valid
}

// NewPolicy takes limits that may be anything: what is not sound permits nothing.
func NewPolicy(version int64, status risk.ProfileStatus, limits risk.Limits) *Policy {
	zone, err := limits.Location()
	if err != nil { // no book could be folded by it, and no journal takes it
		limits = risk.Limits{}
		zone, _ = risk.NewYork()
	}
	return &Policy{version: version, status: status, limits: limits, zone: zone, sound: limits.Validate() == nil}
}

// Change is the policy as an entry.
func (p *Policy) Change(at time.Time) *risk.PolicyChange {
	return &risk.PolicyChange{Version: p.version, Status: p.status, Limits: p.limits, Time: at}
}
