package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// "A context that is already done is refused with the context's error before anything happens."
func checkLeaseDoneContext(t T, a, b LeaseStore) {
	l := take(t, a, "name", "a", long)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for want, ctx := range map[error]context.Context{context.Canceled: canceled, context.DeadlineExceeded: expired} {
		_, err := a.Lease(ctx, "free", "a", long)
		require.ErrorIs(t, err, want, "Lease accepted a context that is done")
		require.ErrorIs(t, a.EndLease(ctx, l), want, "EndLease accepted a context that is done")
	}
	requireFence(t, 1, take(t, b, "free", "b", long), "a refused Lease took the lease")
	requireLeased(t, b, "name", "b", "a", "a refused EndLease ended the lease")
}

// "After Close every method returns ErrClosed."
func checkLeaseClosed(t T, a, b LeaseStore) {
	l := take(t, a, "name", "a", long)
	require.NoError(t, a.Close(), "Close failed")
	_, err := a.Lease(t.Context(), "name", "a", long)
	require.ErrorIs(t, err, accounts.ErrClosed, "Lease worked after Close")
	require.ErrorIs(t, a.EndLease(t.Context(), l), accounts.ErrClosed, "EndLease worked after Close")
	require.NoError(t, b.Close(), "Close failed")
}

// racers is how many goroutines race for one lease.
const racers = 32

// "Calls about one name are linearizable": one of many gets a lease that nobody has; each that gets
// the lease has it alone until it ends the lease, and fences rise in the order of holding.
func checkLeaseRace(t T, a, b LeaseStore) {
	ctx, stores := t.Context(), []LeaseStore{a, b}
	holder := func(i int) string { return fmt.Sprint("holder ", i) }
	for round := range 5 {
		errs := contend(racers, func(i int) error {
			_, err := stores[i%2].Lease(ctx, fmt.Sprint("round ", round), holder(i), long)
			return err
		})
		requireOneWinner(t, errs, accounts.ErrLeased, "Lease of a name that nobody had")
	}
	const each = 2
	var inside, last atomic.Int64
	errs := contend(racers, func(i int) error {
		for range each {
			l, err := obtain(ctx, stores[i%2], "name", holder(i), long)
			if err != nil {
				return err
			}
			if n := inside.Add(1); n != 1 {
				return fmt.Errorf("%d have the lease", n)
			}
			if before := last.Swap(l.Fence); before != l.Fence-1 {
				return fmt.Errorf("fence %d comes after %d", l.Fence, before)
			}
			inside.Add(-1)
			if err := stores[i%2].EndLease(ctx, l); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, errors.Join(errs...), "many raced for a lease")
	require.Equal(t, int64(racers*each), last.Load(), "the fence does not count the holdings")
}

// "Of calls of one holder at once each succeeds, with the same fence", whoever else asks.
func checkRenewalRace(t T, a, b LeaseStore) {
	ctx, stores := t.Context(), []LeaseStore{a, b}
	for round := range 5 {
		name := fmt.Sprint("round ", round)
		end(t, a, take(t, a, name, "before", long))
		errs := contend(contenders, func(i int) error {
			l, err := stores[i%2].Lease(ctx, name, "a", long)
			if err == nil && l.Fence != 2 {
				err = fmt.Errorf("fence %d", l.Fence)
			}
			return err
		})
		require.NoError(t, errors.Join(errs...), "one holder took a lease many times at once")
	}
	take(t, a, "name", "a", long)
	errs := contend(contenders, func(i int) error {
		for n := range 10 {
			holder, ttl := "a", accounts.MinLease*time.Duration(1+n)
			if i%2 == 0 {
				holder = fmt.Sprint("b", i)
			}
			l, err := stores[i/2%2].Lease(ctx, "name", holder, ttl)
			switch {
			case holder != "a" && !errors.Is(err, accounts.ErrLeased):
				return fmt.Errorf("another holder got the lease, or %w", err)
			case holder == "a" && (err != nil || l.Fence != 1):
				return fmt.Errorf("a renewal has fence %d and error %w", l.Fence, err)
			}
		}
		return nil
	})
	require.NoError(t, errors.Join(errs...), "a holder renews while others ask")
}

// leaseState is a lease that does not end by itself, after some calls.
type leaseState struct {
	holder string // "" where the lease was ended
	fence  int64
}

// leaseStep is a call of Lease, or of EndLease where the fence is not 0.
type leaseStep struct {
	holder string
	fence  int64
}

// leaseOutcome is the answer of Lease: a fence, or who has the lease.
type leaseOutcome struct {
	fence int64
	other string
}

// after returns what a call must answer, and the state that it leaves.
func (s leaseState) after(in leaseStep) (leaseOutcome, leaseState) {
	switch {
	case in.fence != 0 && s == leaseState(in):
		return leaseOutcome{}, leaseState{fence: s.fence}
	case in.fence != 0:
		return leaseOutcome{}, s
	case s.holder == "":
		return leaseOutcome{fence: s.fence + 1}, leaseState{in.holder, s.fence + 1}
	case s.holder != in.holder:
		return leaseOutcome{other: s.holder}, s
	}
	return leaseOutcome{fence: s.fence}, s
}

var leaseOrder = porcupine.Model{
	Init: func() any { return leaseState{} },
	Step: func(state, input, output any) (bool, any) {
		want, next := state.(leaseState).after(input.(leaseStep))
		return want == output.(leaseOutcome), next
	},
}

// "Calls about one name are linearizable."
func checkLeaseLinearizable(t T, a, b LeaseStore) {
	const clients, each = 6, 30
	ctx := t.Context()
	var moment atomic.Int64 // a clock that never stands still
	histories := make([][]porcupine.Operation, clients)
	errs := contend(clients, func(i int) error {
		rnd := rand.New(rand.NewPCG(2, uint64(i)))
		s, known := []LeaseStore{a, b}[i%2], leaseStep{fence: 1}
		for range each {
			in := leaseStep{holder: fmt.Sprint("holder ", rnd.IntN(3))}
			if rnd.IntN(3) == 0 && known.holder != "" {
				in = known
			}
			call := moment.Add(1)
			out, err := in.do(ctx, s)
			if err != nil {
				return err
			}
			histories[i] = append(histories[i], porcupine.Operation{
				ClientId: i, Input: in, Call: call, Output: out, Return: moment.Add(1)})
			if out.fence != 0 {
				known = leaseStep{in.holder, out.fence}
			}
		}
		return nil
	})
	require.NoError(t, errors.Join(errs...), "a call failed with an error that the contract does not name")
	var history []porcupine.Operation
	for _, h := range histories {
		history = append(history, h...)
	}
	result := porcupine.CheckOperationsTimeout(leaseOrder, history, patience)
	require.Equal(t, porcupine.Ok, result, "the calls fit no order in which they could have been made")
}

// do makes the call.
func (in leaseStep) do(ctx context.Context, s accounts.LeaseStore) (leaseOutcome, error) {
	if in.fence != 0 {
		return leaseOutcome{}, s.EndLease(ctx, accounts.Lease{Name: "name", Holder: in.holder, Fence: in.fence})
	}
	l, err := s.Lease(ctx, "name", in.holder, long)
	var leased *accounts.LeasedError
	if errors.As(err, &leased) {
		return leaseOutcome{other: leased.Holder}, nil
	}
	return leaseOutcome{fence: l.Fence}, err
}
