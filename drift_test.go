package accounts_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/risk"
)

// permitted are errors that a script may earn: they say no, and change nothing that is not in the
// journal.
func permitted(err error) bool {
	for _, target := range []error{nil, accounts.ErrRefused, accounts.ErrNoMark,
		accounts.ErrPositionNotFound, accounts.ErrOrderNotFound, accounts.ErrInvalid} {
		if errors.Is(err, target) {
			return true
		}
	}
	return false
}

// TestPropertyNothingDrifts: what two processes have worked out step by step is at any time what a
// third works out from the store alone: every figure, and what becomes of an order.
func TestPropertyNothingDrifts(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &script{t: rt, now: now}
		w := newWorld(rt, s.limits(), 2)
		for _, st := range s.begin() {
			require.NoError(rt, st.do(w), st.says)
		}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			st := s.next()
			rt.Log(st.says)
			err := st.do(w)
			require.True(rt, permitted(err), "%s: %v", st.says, err)
			switch s.up(6, "look") {
			case 0:
				requireNoDrift(rt, s, w)
			case 1:
				requireSameDecision(rt, s, w)
			}
		}
		requireNoDrift(rt, s, w)
		require.NoError(rt, w.processes[0].Verify(background), "the journal does not verify")
	})
}

// catchUp makes a process read what others have written.
func catchUp(t *rapid.T, p *accounts.Portfolio) {
	require.NoError(t, p.CatchUp(background), "catch up")
}

// requireNoDrift compares every process with one that opens the profile anew.
func requireNoDrift(t *rapid.T, s *script, w *world) {
	w.fresh(t, func(fresh *accounts.Portfolio) {
		want := asJSON(t, fresh.Snapshot())
		for n, p := range w.processes {
			catchUp(t, p)
			require.True(t, accounts.DraftIsLive(p), "the draft of process %d is not the durable book", n)
			require.Equal(t, want, asJSON(t, p.Snapshot()), "the snapshot of process %d has drifted", n)
		}
		for range 4 {
			o := s.order()
			o.ID = ""
			want := asJSON(t, fresh.Check(o))
			for n, p := range w.processes {
				require.Equal(t, want, asJSON(t, p.Check(o)), "process %d decides otherwise about %s %s", n,
					o.Quantity, o.Instrument.Key())
			}
		}
	})
}

// requireSameDecision compares what a process that has come a long way decides with what one that
// opens the profile anew would.
func requireSameDecision(t *rapid.T, s *script, w *world) {
	o := s.order()
	s.orders = append(s.orders, o)
	p := w.processes[s.up(2, "decides")]
	catchUp(t, p)
	var want risk.Decision
	w.fresh(t, func(fresh *accounts.Portfolio) { want = fresh.Check(o) })
	got, err := p.Reserve(background, o)
	require.True(t, permitted(err), "reserve: %v", err)
	t.Logf("reserve %s: %s %s at %s: %s", o.ID, o.Quantity, o.Instrument.Key(), o.Price, got)
	if got.Broken(risk.RuleState) || want.Broken(risk.RuleState) {
		return // Reserve first writes what was lost, after which trading may only reduce
	}
	require.Equal(t, asJSON(t, want.Violations), asJSON(t, got.Violations),
		"reserved by a process with a past")
}
