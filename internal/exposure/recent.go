package exposure

import (
	"math"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// sent is an accepted order, for the rules on duplicates and on orders a minute.
type sent struct {
	Time     time.Time            `json:"time"`
	Key      ledger.InstrumentKey `json:"key"`
	Quantity ledger.Decimal       `json:"quantity"`
	Price    ledger.Decimal       `json:"price,omitzero"`
}

// recent holds the orders accepted within the last minute or the duplicate window, oldest first.
type recent struct {
	// orders may begin with some that are forgotten: they are let go together, in one go.
	orders    []sent
	forgotten int
}

// maxUnasked is the number of orders of the last minute that are kept while no rule asks for them.
const maxUnasked = 256

// list returns the orders. The caller must not keep the slice.
func (r *recent) list() []sent { return r.orders[r.forgotten:] }

// add keeps an accepted order for as long as a rule of the policy, which may be nil, looks back at
// it. Where no rule does, it keeps the newest maxUnasked of the last minute, for a rule that is yet
// to come.
func (r *recent) add(s sent, p *Policy) {
	window, most := time.Minute, math.MaxInt
	if p != nil {
		window = max(window, p.limits.DuplicateWindow)
		if p.limits.OrdersPerMinute == 0 && p.limits.DuplicateWindow == 0 {
			most = maxUnasked
		}
	}
	r.forgotten = max(r.forgotten, len(r.orders)+1-most)
	for r.forgotten < len(r.orders) && s.Time.Sub(r.orders[r.forgotten].Time) > window {
		r.forgotten++
	}
	if r.forgotten > len(r.orders)/2 {
		r.orders, r.forgotten = slices.Delete(r.orders, 0, r.forgotten), 0
	}
	r.orders = append(r.orders, s)
}

// clone returns a copy that shares nothing that changes.
func (r *recent) clone() recent { return recent{orders: slices.Clone(r.list())} }
