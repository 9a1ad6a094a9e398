package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

func entriesChecks() []check {
	return []check{
		{"Entries yields what lies above after, in ascending order without a gap", checkAfter},
		{"Entries of a profile without entries, or past the end, yields nothing", checkNoEntries},
		{"Entries of an unknown profile yields ErrProfileNotFound", checkEntriesMiss},
		{"Entries yields an error once, as the last pair, with a zero Entry", checkErrorPair},
		{"Entries is as of some moment not before the call", checkAsOf},
		{"Entries stops with the context's error when it ends", checkEntriesCanceled},
		{"breaking out of Entries early releases what it held", checkBreak},
	}
}

// "Entries yields the profile's entries with a sequence number above after, in ascending order
// without a gap". Long enough to cross the pages and blocks of a store.
func checkAfter(t T, s accounts.Store) {
	create(t, s, profile("p"), profile("q"))
	j, other := journal{id: "p"}, journal{id: "q"}
	var want []accounts.Entry
	for i := range 25 {
		want = append(want, appendAll(t, s, j.batch(keys(fmt.Sprint("batch-", i), 100)...))...)
		appendAll(t, s, other.batch("", ""))
	}
	for _, after := range []int64{-7, -1, 0, 1, 63, 64, 65, 1000, 1234, 2499} {
		got, err := read(t.Context(), s, "p", after)
		require.NoError(t, err, "Entries after %d failed", after)
		requireSame(t, want[max(after, 0):], got, "not the entries above after")
	}
}

// "a profile without entries, or after past the end, yields nothing."
func checkNoEntries(t T, s accounts.Store) {
	create(t, s, profile("p"), profile("q"))
	j := journal{id: "q"}
	appendAll(t, s, j.batch("a", "b"))
	for _, c := range []struct {
		id    accounts.ProfileID
		after int64
	}{{"p", 0}, {"p", 5}, {"q", 2}, {"q", 3}, {"q", 1 << 62}} {
		got, err := read(t.Context(), s, c.id, c.after)
		require.NoError(t, err, "Entries of %q after %d yielded an error", c.id, c.after)
		require.Empty(t, got, "Entries of %q after %d yielded something", c.id, c.after)
	}
}

// "An unknown profile yields ErrProfileNotFound".
func checkEntriesMiss(t T, s accounts.Store) {
	create(t, s, profile("p"))
	for _, after := range []int64{0, 7} {
		got, err := read(t.Context(), s, "unknown", after)
		require.ErrorIs(t, err, accounts.ErrProfileNotFound, "an unknown profile has a journal")
		require.Empty(t, got, "an unknown profile has entries")
	}
}

// "An error is yielded once, as the last pair, with a zero Entry."
func checkErrorPair(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	appendAll(t, s, j.batch("a"))
	done, cancel := context.WithCancel(t.Context())
	cancel()
	requireErrorPair(t.Context(), t, s, "unknown", accounts.ErrProfileNotFound)
	requireErrorPair(done, t, s, "p", context.Canceled)
	require.NoError(t, s.Close(), "Close failed")
	requireErrorPair(t.Context(), t, s, "p", accounts.ErrClosed)
}

func requireErrorPair(ctx context.Context, t T, s accounts.Store, id accounts.ProfileID, target error) {
	t.Helper()
	pairs := 0
	for e, err := range s.Entries(ctx, id, 0) { // goes on after the error, as the loop of a careless caller does
		pairs++
		require.ErrorIs(t, err, target, "pair %d does not carry the error", pairs)
		require.Zero(t, e, "an error came with an entry")
	}
	require.Equal(t, 1, pairs, "the error was not yielded once")
}

// "as of some moment not before the call": everything that was there at the call, and of what is
// appended during the iteration whole batches or nothing. Appending meanwhile is possible.
func checkAsOf(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	first := appendAll(t, s, j.batch(keys("first", 100)...))
	later := j.batch(keys("later", 50)...)
	var got []accounts.Entry
	for e, err := range s.Entries(t.Context(), "p", 0) {
		require.NoError(t, err, "Entries failed")
		if len(got) == 0 {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			err := within(t, "Append during an iteration", func() error { return s.Append(ctx, later) })
			cancel()
			require.NoError(t, err, "Append during an iteration failed")
		}
		got = append(got, e)
	}
	want := first
	if len(got) > len(first) {
		want = append(want, later.Entries...)
	}
	requireSame(t, want, got, "the iteration shows the journal as it was at no moment")
	requireEntries(t, s, "p", append(first, later.Entries...), "a new iteration does not show what was appended")
}

// "The iteration stops with the context's error when it ends."
func checkEntriesCanceled(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	appendAll(t, s, j.batch(keys("k", 500)...))
	for _, stop := range []int{1, 64, 300} {
		ctx, cancel := context.WithCancel(t.Context())
		seen, last := 0, error(nil)
		for e, err := range s.Entries(ctx, "p", 0) {
			require.NoError(t, last, "the iteration went on after its error")
			last = err
			if err != nil {
				require.Zero(t, e, "an error came with an entry")
				continue
			}
			if seen++; seen == stop {
				cancel()
			}
		}
		cancel()
		require.ErrorIs(t, last, context.Canceled, "the end of the context did not end the iteration with its error")
		require.Equal(t, stop, seen, "the iteration went on after its context ended")
	}
}

// "Breaking out early is allowed and releases what the iteration held." Often enough to use up a
// pool of connections, and under a deadline for a store that then waits for ever.
func checkBreak(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	want := appendAll(t, s, j.batch(keys("k", 300)...))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for i := range 100 {
		err := within(t, "an iteration after one that was left", func() error {
			for _, err := range s.Entries(ctx, "p", 0) {
				return err // leaves the loop with the first pair
			}
			return nil
		})
		require.NoError(t, err, "iteration %d failed", i)
	}
	b := j.batch("last")
	b.Entries[0].Time = day.Add(time.Minute)
	err := within(t, "Append after iterations that were left", func() error { return s.Append(ctx, b) })
	require.NoError(t, err, "Append failed after iterations that were left")
	requireEntries(t, s, "p", append(want, b.Entries...), "iterations that were left changed the journal")
}
