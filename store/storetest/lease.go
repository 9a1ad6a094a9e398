package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// LeaseStore is a store of leases that can be closed.
type LeaseStore interface {
	accounts.LeaseStore
	Close() error
}

// leaseCheck is one sentence of the contract of accounts.LeaseStore and what proves it.
type leaseCheck struct {
	name string // the sentence, shortened
	run  func(t T, a, b LeaseStore)
}

// RunLeases runs the suite of accounts.LeaseStore, each check as a parallel subtest of t. newStores
// returns two stores, opened separately, that keep their leases in one place, which is fresh and
// empty: they stand for two processes. A store that cannot be opened twice is returned twice. The
// suite closes both. See RunLeaseModel for the passing of time.
func RunLeases(t *testing.T, newStores func(t *testing.T) (a, b LeaseStore)) {
	t.Helper()
	for _, c := range leaseChecks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := newStores(t)
			t.Cleanup(func() {
				require.NoError(t, errors.Join(a.Close(), b.Close()), "Close, at the end of the test, failed")
			})
			c.run(t, a, b)
		})
	}
}

func leaseChecks() []leaseCheck {
	return []leaseCheck{
		{"the fence is 1 for the first lease of a name", checkFirstFence},
		{"names and holders are compared byte by byte", checkLeaseBytes},
		{"another holder is told who has the lease and for how long", checkLeased},
		{"a refused Lease changes nothing", checkLeasedChangesNothing},
		{"the fence stays when the holder renews", checkRenewal},
		{"a renewal makes the lease longer", checkRenewalExtends},
		{"a renewal never shortens the lease", checkRenewalKeeps},
		{"a lease that has ended is another's, with the next fence", checkLeaseEnds},
		{"a lease that has ended is its holder's with the next fence", checkLeaseEndsForItsHolder},
		{"a lease lasts for as long as its holder counts", checkLeaseLasts},
		{"EndLease ends the lease at once", checkEndLease},
		{"the fence never falls", checkFenceNeverFalls},
		{"EndLease leaves a lease that its holder does not have", checkEndLeaseOfAnother},
		{"Lease refuses what is invalid, and no more", checkInvalidLease},
		{"a done context is refused before anything happens to a lease", checkLeaseDoneContext},
		{"after Close there are no leases", checkLeaseClosed},
		{"of many that race for a lease exactly one has it", checkLeaseRace},
		{"calls of one holder at once succeed with one fence", checkRenewalRace},
		{"calls about one lease are linearizable", checkLeaseLinearizable},
	}
}

// long is a ttl that does not end within a test.
const long = accounts.MaxLease

// take takes a lease that nobody else may have.
func take(t T, s accounts.LeaseStore, name, holder string, ttl time.Duration) accounts.Lease {
	t.Helper()
	l, err := s.Lease(t.Context(), name, holder, ttl)
	require.NoError(t, err, "Lease of %q for %q failed", name, holder)
	require.Equal(t, accounts.Lease{Name: name, Holder: holder, Fence: l.Fence}, l, "the lease is not what was asked for")
	return l
}

func requireFence(t T, want int64, l accounts.Lease, message string) {
	t.Helper()
	require.Equal(t, want, l.Fence, "%s", message)
}

func requireLeased(t T, s accounts.LeaseStore, name, holder, other string, message string) {
	t.Helper()
	_, err := s.Lease(t.Context(), name, holder, long)
	require.ErrorIs(t, err, accounts.ErrLeased, "%s", message)
	var leased *accounts.LeasedError
	require.ErrorAs(t, err, &leased, "%s", message)
	require.Equal(t, other, leased.Holder, "%s: another holder is named", message)
}

// obtain takes a lease as soon as no other holder has it.
func obtain(ctx context.Context, s accounts.LeaseStore, name, holder string, ttl time.Duration) (accounts.Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		l, err := s.Lease(ctx, name, holder, ttl)
		var leased *accounts.LeasedError
		if !errors.As(err, &leased) {
			return l, err
		}
		wait := time.NewTimer(min(max(leased.Left, time.Millisecond), 10*time.Millisecond))
		select {
		case <-wait.C:
		case <-ctx.Done():
			wait.Stop()
			return l, fmt.Errorf("waited in vain: %w: %w", ctx.Err(), err)
		}
	}
}

// awaitEnd waits until a lease of the shortest ttl, taken now, has ended: another holder has it
// then.
func awaitEnd(t T, a, b accounts.LeaseStore) {
	t.Helper()
	for holder, s := range []accounts.LeaseStore{a, b} {
		_, err := obtain(t.Context(), s, "probe", fmt.Sprint(holder), accounts.MinLease)
		require.NoError(t, err, "a lease does not end")
	}
}

// "The lease's Fence is 1 for the first lease of a name."
func checkFirstFence(t T, a, b LeaseStore) {
	requireFence(t, 1, take(t, a, "one", "a", long), "the first lease of the first name")
	requireFence(t, 1, take(t, b, "two", "b", long), "the first lease of another name")
	requireFence(t, 1, take(t, b, "three", "a", long), "the first lease of a third name")
}

// Names and holders that only look alike are others.
func checkLeaseBytes(t T, a, b LeaseStore) {
	for _, name := range []string{"name", "Name", "name ", " name", "na me", "n%", "n_me", `n\me`, "n'me", `n"me`, "$1"} {
		requireFence(t, 1, take(t, a, name, "holder of "+name, long), fmt.Sprintf("%q is taken for another name", name))
	}
	for _, holder := range []string{"Holder of name", "holder of name ", " holder of name", "h%", "h_lder of name"} {
		requireLeased(t, b, "name", holder, "holder of name", fmt.Sprintf("%q is taken for the holder", holder))
	}
}

// "While another holder's lease has not ended, the error is a *LeasedError (ErrLeased)".
func checkLeased(t T, a, b LeaseStore) {
	take(t, a, "name", "a", long)
	for _, s := range []LeaseStore{a, b} {
		l, err := s.Lease(t.Context(), "name", "b", accounts.MinLease)
		require.ErrorIs(t, err, accounts.ErrLeased, "two holders have one lease")
		require.Zero(t, l, "a refused Lease returns a lease")
		var leased *accounts.LeasedError
		require.ErrorAs(t, err, &leased, "the error does not say who has the lease")
		require.Equal(t, "name", leased.Name, "the error names another lease")
		require.Equal(t, "a", leased.Holder, "the error names another holder")
		require.Positive(t, leased.Left, "a lease that is refused has ended")
		require.LessOrEqual(t, leased.Left, long, "the lease runs for longer than was asked for")
		require.Greater(t, leased.Left, long/2, "most of the lease is over already")
	}
}

// "and nothing is changed": neither who has the lease nor for how long.
func checkLeasedChangesNothing(t T, a, b LeaseStore) {
	first := take(t, a, "name", "a", long)
	requireLeased(t, b, "name", "b", "a", "two holders have one lease")
	requireLeased(t, b, "name", "b", "a", "a refusal took the lease")
	require.Equal(t, first, take(t, a, "name", "a", long), "a refusal changed the fence")

	take(t, a, "short", "a", accounts.MinLease)
	l, err := obtain(t.Context(), b, "short", "b", long)
	require.NoError(t, err, "refusals made a lease longer")
	requireFence(t, 2, l, "refusals counted")
}

// "It stays when the holder renews a lease that has not ended."
func checkRenewal(t T, a, b LeaseStore) {
	end(t, a, take(t, a, "name", "a", long))
	first := take(t, a, "name", "a", long)
	for range 3 {
		require.Equal(t, first, take(t, a, "name", "a", long), "a renewal changed the lease")
		require.Equal(t, first, take(t, b, "name", "a", accounts.MinLease), "a renewal by another process of the holder changed the lease")
	}
	requireLeased(t, b, "name", "b", "a", "a renewal lost the lease")
}

// "it ends ttl from now".
func checkRenewalExtends(t T, a, b LeaseStore) {
	take(t, a, "name", "a", accounts.MinLease)
	take(t, a, "name", "a", long) // anew, if that took long
	awaitEnd(t, a, b)
	requireLeased(t, b, "name", "b", "a", "a renewed lease ended when it would have without")
}

// "A renewal never shortens a lease".
func checkRenewalKeeps(t T, a, b LeaseStore) {
	end(t, a, take(t, a, "name", "a", long))
	first := take(t, a, "name", "a", long)
	require.Equal(t, first, take(t, b, "name", "a", accounts.MinLease), "a renewal changed the lease")
	awaitEnd(t, a, b)
	requireLeased(t, b, "name", "b", "a", "a renewal made the lease shorter")
	require.Equal(t, first, take(t, a, "name", "a", long), "a renewal made the lease shorter")
}

// "It is higher by one each time the lease is taken anew: by another holder".
func checkLeaseEnds(t T, a, b LeaseStore) {
	for fence := int64(1); fence <= 4; fence++ {
		s := []LeaseStore{a, b}[fence%2]
		l, err := obtain(t.Context(), s, "name", fmt.Sprint("holder ", fence), accounts.MinLease)
		require.NoError(t, err, "a lease does not end")
		requireFence(t, fence, l, "another holder took the lease")
	}
}

// "or by the same one after its lease ended".
func checkLeaseEndsForItsHolder(t T, a, b LeaseStore) {
	for fence := int64(1); fence <= 3; fence++ {
		requireFence(t, fence, take(t, a, "name", "a", accounts.MinLease), "the holder took its lease anew")
		awaitEnd(t, a, b)
	}
}

// "A holder counts its own time: from before its last call of Lease that succeeded, by its
// monotonic clock. The lease lasts at least ttl from that moment."
func checkLeaseLasts(t T, a, b LeaseStore) {
	const holders = 8
	type holding struct {
		fence        int64
		before, from time.Time
	}
	all := make([]holding, holders)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	errs := contend(holders, func(i int) error {
		for {
			before := time.Now()
			l, err := []LeaseStore{a, b}[i%2].Lease(ctx, "name", fmt.Sprint("holder ", i), accounts.MinLease)
			if !errors.Is(err, accounts.ErrLeased) {
				all[i] = holding{l.Fence, before, time.Now()}
				return err
			}
			if err := pause(ctx); err != nil {
				return fmt.Errorf("waited in vain: %w", err)
			}
		}
	})
	require.NoError(t, errors.Join(errs...), "Lease failed")
	slices.SortFunc(all, func(x, y holding) int { return int(x.fence - y.fence) })
	for i, h := range all {
		require.Equal(t, int64(i+1), h.fence, "the fences of %d holders, one after another", holders)
		if i > 0 {
			end := all[i-1].before.Add(accounts.MinLease)
			require.False(t, h.from.Before(end), "a lease began %s before the one before ended", end.Sub(h.from))
		}
	}
}

// pause lets others go on.
func pause(ctx context.Context) error {
	wait := time.NewTimer(time.Millisecond)
	defer wait.Stop()
	select {
	case <-wait.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func end(t T, s accounts.LeaseStore, l accounts.Lease) {
	t.Helper()
	require.NoError(t, s.EndLease(t.Context(), l), "EndLease of %+v failed", l)
}

// "EndLease ends the lease now: another holder may have the name at once."
func checkEndLease(t T, a, b LeaseStore) {
	other := take(t, a, "other", "a", long)
	l := take(t, a, "name", "a", long)
	end(t, a, l)
	requireFence(t, 2, take(t, b, "name", "b", long), "another holder took the lease that was ended")
	requireLeased(t, a, "name", "a", "b", "the lease that was ended is its holder's still")
	require.Equal(t, other, take(t, a, "other", "a", long), "another lease was ended too")

	l = take(t, a, "again", "a", long)
	end(t, b, l)
	requireFence(t, 2, take(t, a, "again", "a", long), "the holder took the lease anew that it had ended")
}

// "It never falls, and EndLease does not reset it."
func checkFenceNeverFalls(t T, a, b LeaseStore) {
	for fence := int64(1); fence <= 20; fence++ {
		s, holder := []LeaseStore{a, b}[fence%2], fmt.Sprint("holder ", fence%3)
		l := take(t, s, "name", holder, long)
		requireFence(t, fence, l, "each lease is taken anew")
		end(t, s, l)
	}
}

// "A lease that its holder does not have under its fence … is left as it is, and is no error."
func checkEndLeaseOfAnother(t T, a, b LeaseStore) {
	first := take(t, a, "name", "a", long)
	end(t, a, first)
	second := take(t, b, "name", "b", long)
	for _, l := range []accounts.Lease{
		first,
		{Name: "name", Holder: "a", Fence: 2}, {Name: "name", Holder: "B", Fence: 2}, {Name: "name", Holder: "", Fence: 2},
		{Name: "name", Holder: "b", Fence: 1}, {Name: "name", Holder: "b", Fence: 3}, {Name: "name", Holder: "b"}, {Name: "name", Holder: "b", Fence: -2},
		{Name: "Name", Holder: "b", Fence: 2}, {Name: "unknown", Holder: "b", Fence: 1}, {},
		{Name: "name\x00", Holder: "b", Fence: 2}, {Name: "\xff", Holder: "b\xff", Fence: 2}, {Name: strings.Repeat("n", 1000), Holder: "b", Fence: 2},
	} {
		end(t, a, l)
		requireLeased(t, a, "name", "a", "b", fmt.Sprintf("EndLease of %+v ended another lease", l))
	}
	require.Equal(t, second, take(t, b, "name", "b", long), "the lease was ended and taken anew")
	requireFence(t, 1, take(t, a, "unknown", "a", long), "EndLease made a lease")

	third := take(t, a, "ends", "a", accounts.MinLease)
	awaitEnd(t, a, b)
	end(t, a, third)
	end(t, b, third)
	requireFence(t, 2, take(t, b, "ends", "b", long), "EndLease of a lease that had ended counted")
}

// "ErrInvalid unless the name and the holder are 1 to 100 printable ASCII characters, and ttl is
// from MinLease to MaxLease."
func checkInvalidLease(t T, a, b LeaseStore) {
	longest := strings.Repeat("~", 100)
	texts := []string{"", longest + "~", "a\n", "\ta", "a\x00", "\x7f", "ä", "\xff", strings.Repeat("ä", 50)}
	for _, s := range texts {
		_, err := a.Lease(t.Context(), s, "a", long)
		require.ErrorIs(t, err, accounts.ErrInvalid, "name %q was accepted", s)
		_, err = a.Lease(t.Context(), "name", s, long)
		require.ErrorIs(t, err, accounts.ErrInvalid, "holder %q was accepted", s)
	}
	for _, ttl := range []time.Duration{0, -long, 1, accounts.MinLease - 1, accounts.MaxLease + 1, 1 << 62} {
		_, err := a.Lease(t.Context(), "name", "a", ttl)
		require.ErrorIs(t, err, accounts.ErrInvalid, "ttl %s was accepted", ttl)
	}
	requireFence(t, 1, take(t, b, "name", "b", long), "what was refused took the lease")
	for _, s := range []string{"x", " ", "~", longest, `{"name": 'of' a $lease;--}`} {
		requireFence(t, 1, take(t, a, s, s, accounts.MinLease), "the first lease of a name")
	}
	requireFence(t, 1, take(t, a, "longest", "a", accounts.MaxLease), "the first lease of a name")
	requireFence(t, 1, take(t, a, "odd", "a", accounts.MinLease+1), "the first lease of a name")
}
