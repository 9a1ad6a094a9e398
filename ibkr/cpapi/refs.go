package cpapi

import (
	"strconv"
	"sync"
	"time"

	"github.com/ai-ots/accounts/broker"
)

const (
	// refsKept is how long a reference is remembered: longer than IBKR refuses one, which is a day.
	refsKept = 48 * time.Hour
	// idsTrusted is how long an order's id is used without looking it up: ids come again on other
	// days.
	idsTrusted = 6 * time.Hour
)

// placed is what is known of an order that was placed in this process.
type placed struct {
	at      time.Time
	account broker.AccountID
	id      string // empty until the broker has told
	ended   bool
}

// refs are the orders of this process by their references. It is safe for concurrent use.
type refs struct {
	mu    sync.Mutex
	byRef map[broker.Ref]*placed
}

// take reserves a reference, and reports whether it was free.
func (r *refs) take(ref broker.Ref, id broker.AccountID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.byRef == nil {
		r.byRef = map[broker.Ref]*placed{}
	}
	now := time.Now()
	if p := r.byRef[ref]; p != nil && now.Sub(p.at) < refsKept {
		return false
	}
	for other, p := range r.byRef {
		if now.Sub(p.at) >= refsKept {
			delete(r.byRef, other)
		}
	}
	r.byRef[ref] = &placed{at: now, account: id}
	return true
}

// free gives a reference back that surely no order has.
func (r *refs) free(ref broker.Ref) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byRef, ref)
}

// named notes the broker's id of an order.
func (r *refs) named(ref broker.Ref, id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.byRef[ref]; p != nil {
		p.id = id
	}
}

// saw notes which orders have ended.
func (r *refs) saw(rows []liveOrder) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, row := range rows {
		if p := r.byRef[broker.Ref(row.Ref)]; p != nil && p.id == strconv.FormatInt(int64(row.ID), 10) {
			p.ended = statusOf(row.Status).Terminal()
		}
	}
}

// known returns the broker's id of an order of this process; false if it is not known any more.
func (r *refs) known(ref broker.Ref, account broker.AccountID) (id string, ended, found bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.byRef[ref]
	if p == nil || p.account != account || p.id == "" || time.Since(p.at) > idsTrusted {
		return "", false, false
	}
	return p.id, p.ended, true
}

// ours reports whether an order of the account with the broker's id works by what this process
// knows.
func (r *refs) ours(id string, account broker.AccountID) (works bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.byRef {
		if p.id == id && p.account == account && !p.ended && time.Since(p.at) <= idsTrusted {
			return true
		}
	}
	return false
}
