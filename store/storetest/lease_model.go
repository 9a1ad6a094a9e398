package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
)

// RunLeaseModel compares a store with a plain model of accounts.LeaseStore, call by call, while
// time passes. with calls its argument once, with a store and with what lets so much time pass by
// the store's clock. Apart from that the clock should stand still, or nearly: forty calls may take
// no more than a minute by it. with may use one store again and again. The caller closes the store.
//
//	storetest.RunLeaseModel(t, func(t *testing.T, run func(accounts.LeaseStore, func(time.Duration))) {
//		synctest.Test(t, func(*testing.T) { run(memstore.New(), time.Sleep) })
//	})
func RunLeaseModel(t *testing.T, with func(t *testing.T, run func(s accounts.LeaseStore, advance func(time.Duration)))) {
	t.Helper()
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		script := leaseScripts().Draw(rt, "calls")
		runs++ // each on names of its own
		var difference error
		with(t, func(s accounts.LeaseStore, advance func(time.Duration)) {
			difference = runLeaseScript(context.Background(), s, fmt.Sprint("run ", runs, " "), script, advance)
		})
		require.NoError(rt, difference, "the store differs from the model")
	})
}

// leaseCall is a call, or time that passes. Times are in steps of ten minutes.
type leaseCall struct {
	name, holder string
	minutes      int // the ttl, or how long to wait
	wait, end    bool
	back         int64 // of the fence to end, behind the newest of the name
}

// leaseScripts are scripts of calls about two names by three holders.
func leaseScripts() *rapid.Generator[[]leaseCall] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) leaseCall {
		kind := rapid.IntRange(0, 5).Draw(t, "kind")
		return leaseCall{
			name:    rapid.SampledFrom([]string{"x", "y"}).Draw(t, "name"),
			holder:  rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "holder"),
			minutes: 10 * rapid.IntRange(1, 6).Draw(t, "minutes"),
			wait:    kind <= 1, end: kind == 2,
			back: int64(max(rapid.IntRange(-3, 1).Draw(t, "back"), 0)),
		}
	}), 1, 40)
}

// modelLease is the model of one name. Its lease has ended where ends is not after now.
type modelLease struct {
	holder string
	fence  int64
	ends   time.Duration
}

// lease is what Lease must do at now: the answer is a fence, or who has the lease and for how long.
func (m *modelLease) lease(now time.Duration, holder string, ttl time.Duration) (fence int64, other string, left time.Duration) {
	switch {
	case m.ends <= now:
		*m = modelLease{holder, m.fence + 1, now + ttl}
	case m.holder != holder:
		return 0, m.holder, m.ends - now
	}
	m.ends = max(m.ends, now+ttl)
	return m.fence, "", 0
}

// endLease is what EndLease must do at now.
func (m *modelLease) endLease(now time.Duration, holder string, fence int64) {
	if m.holder == holder && m.fence == fence {
		m.ends = min(m.ends, now)
	}
}

// runLeaseScript returns the first answer in which the store and the model differ.
func runLeaseScript(
	ctx context.Context, s accounts.LeaseStore, prefix string, script []leaseCall, advance func(time.Duration),
) error {
	model, now := map[string]*modelLease{"x": {}, "y": {}}, time.Duration(0)
	for i, c := range script {
		m, long := model[c.name], time.Duration(c.minutes)*time.Minute
		switch {
		case c.wait:
			advance(long)
			now += long
		case c.end:
			fence := m.fence - c.back
			m.endLease(now, c.holder, fence)
			if err := s.EndLease(ctx, accounts.Lease{Name: prefix + c.name, Holder: c.holder, Fence: fence}); err != nil {
				return fmt.Errorf("call %d, %+v: %w", i, c, err)
			}
		default:
			got, err := s.Lease(ctx, prefix+c.name, c.holder, long)
			fence, other, left := m.lease(now, c.holder, long)
			var leased accounts.LeasedError
			if p := (*accounts.LeasedError)(nil); errors.As(err, &p) {
				leased, err = *p, nil
			}
			if err != nil || got.Fence != fence || leased.Holder != other || leased.Left > left || leased.Left < left-time.Minute {
				return fmt.Errorf("call %d, %+v: fence %d and %+v, not fence %d, or %q for another %s: %w",
					i, c, got.Fence, leased, fence, other, left, err)
			}
		}
	}
	return nil
}
