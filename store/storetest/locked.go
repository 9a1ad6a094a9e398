package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

func lockedChecks() []check {
	return []check{
		{"AppendLocked appends the batch that decide returns", checkLockedAppends},
		{"AppendLocked calls decide with the entries above after", checkLockedTail},
		{"AppendLocked lets no other append get in between", func(t T, s accounts.Store) { checkLockedExcludes(t, s) }},
		{"AppendLocked never loses against other appends", func(t T, s accounts.Store) { checkLockedNeverLoses(t, s) }},
		{"AppendLocked returns decide's error as it is and appends nothing", checkDecideFails},
		{"AppendLocked has the errors of Append", checkLockedErrors},
		{"AppendLocked refuses a batch for another profile", checkLockedForeign},
		{"AppendLocked of an empty batch is accepted or refused as by Append", checkLockedEmpty},
		{"waiting for AppendLocked's lock ends with the context, and nothing was written", checkLockedWaiting},
		{"AppendLocked after a decide that outlived the context appends nothing", checkLockedTooLate},
		{"AppendLocked does not hold up other profiles", func(t T, s accounts.Store) { checkLockedApart(t, s) }},
		{"AppendLocked unlocks the journal when decide panics", checkLockedPanic},
		{"reading within decide does not wait for the lock", func(t T, s accounts.Store) { checkLockedReading(t, s) }},
	}
}

type decision = func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error)

// returns is a decide that reads nothing.
func returns(b accounts.Batch, err error) decision {
	return func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) { return b, err }
}

// continuing is a decide that appends the keys behind the tail, which begins behind j.
func continuing(j *journal, list ...string) decision {
	return func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
		for e, err := range tail {
			if err != nil {
				return accounts.Batch{}, err
			}
			if e.Seq != j.last+1 || e.Prev != j.hash {
				return accounts.Batch{}, fmt.Errorf("the tail has entry %d behind entry %d", e.Seq, j.last)
			}
			j.last, j.hash = e.Seq, e.Hash
		}
		return j.batch(list...), nil
	}
}

// holder is an AppendLocked that is in the middle of deciding.
type holder struct {
	decided chan decided
	done    chan error
}

type decided struct {
	batch accounts.Batch
	err   error
}

// hold locks the profile's journal until finish is called, or the test ends.
func hold(t T, s accounts.Store, id accounts.ProfileID) *holder {
	t.Helper()
	ctx := t.Context()
	h := &holder{decided: make(chan decided, 1), done: make(chan error, 1)}
	entered := make(chan struct{})
	go func() {
		h.done <- s.AppendLocked(ctx, id, 0, func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
			close(entered)
			select {
			case d := <-h.decided:
				return d.batch, d.err
			case <-ctx.Done():
				return accounts.Batch{}, ctx.Err()
			}
		})
	}()
	err := within(t, "AppendLocked of a journal that nobody holds", func() error {
		select {
		case <-entered:
			return nil
		case err := <-h.done:
			return fmt.Errorf("decide was not called: %w", err)
		}
	})
	require.NoError(t, err, "AppendLocked failed")
	return h
}

// finish has decide return the batch, and returns what AppendLocked returns.
func (h *holder) finish(t T, b accounts.Batch) error {
	t.Helper()
	h.decided <- decided{batch: b}
	return within(t, "AppendLocked", func() error { return <-h.done })
}

// "It appends the batch that decide returns, as Append does": whole, kept as given, and told.
func checkLockedAppends(t T, s accounts.Store) {
	p := create(t, s, profile("p"))
	events := watch(t, s)
	j := journal{id: "p"}
	var want []accounts.Entry
	for i := range 4 {
		var given accounts.Batch
		decide := func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
			given = j.batch(keys(fmt.Sprint("batch-", i), 1+i*i)...)
			want = append(want, cloneEntries(given.Entries)...)
			return given, nil
		}
		require.NoError(t, s.AppendLocked(t.Context(), "p", j.last, decide), "AppendLocked failed")
		clear(given.Entries[0].Payload)
		requireEntries(t, s, "p", want, "the journal is not what decide returned")
		await(t, events, recordEvent(p, j.last))
	}
}

// "calls decide with the entries above after, in ascending order without a gap": all of them, also
// where the tail crosses the pages and blocks of a store. Leaving the tail early is allowed.
func checkLockedTail(t T, s accounts.Store) {
	create(t, s, profile("p"), profile("q"))
	j, other := journal{id: "p"}, journal{id: "q"}
	var want []accounts.Entry
	for i := range 20 {
		want = append(want, appendAll(t, s, j.batch(keys(fmt.Sprint("batch-", i), 30+i)...))...)
		appendAll(t, s, other.batch("", ""))
	}
	end := int64(len(want))
	for _, after := range []int64{-7, 0, 1, 63, 64, 65, end - 1, end, end + 1, 1 << 62} {
		var got []accounts.Entry
		decide := func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
			for e, err := range tail {
				if err != nil {
					return accounts.Batch{}, err
				}
				got = append(got, e)
			}
			return j.batch(), nil
		}
		require.NoError(t, s.AppendLocked(t.Context(), "p", after, decide), "AppendLocked after %d failed", after)
		requireSame(t, want[min(max(after, 0), end):], got, "the tail is not the entries above after")

		left := func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
			for range tail {
				break
			}
			return j.batch(), nil
		}
		require.NoError(t, s.AppendLocked(t.Context(), "p", after, left), "AppendLocked with a tail that was left failed")
	}
	empty := journal{id: "q", last: other.last, hash: other.hash}
	require.NoError(t, s.AppendLocked(t.Context(), "q", 0, continuing(&journal{id: "q"}, "last")), "the tail is no journal")
	empty.batch("last")
	appendAll(t, s, empty.batch())
}

// brief is how long an append waits that must end with its context.
const brief = 50 * time.Millisecond

// "locks the profile's journal, so that no other append gets in between": neither Append nor
// another AppendLocked. "Other appends to the journal wait, or end with their own contexts."
func checkLockedExcludes(t T, stores ...accounts.Store) {
	holding, other := stores[0], stores[len(stores)-1]
	create(t, holding, profile("p"))
	j := journal{id: "p"}
	want := appendAll(t, holding, j.batch("first"))
	for round := range 3 {
		h := hold(t, holding, "p")
		for i, rival := range []func(context.Context, accounts.Batch) error{
			other.Append,
			func(ctx context.Context, b accounts.Batch) error {
				return other.AppendLocked(ctx, "p", 0, returns(b, nil))
			},
		} {
			next := j
			b := next.batch(fmt.Sprint("rival-", round, "-", i))
			ctx, cancel := context.WithTimeout(t.Context(), brief)
			err := within(t, "an append to a locked journal", func() error { return rival(ctx, b) })
			cancel()
			require.ErrorIs(t, err, context.DeadlineExceeded, "an append to a locked journal did not wait until its context ended")
		}
		mine := j.batch(fmt.Sprint("mine-", round))
		require.NoError(t, h.finish(t, mine), "somebody appended to a locked journal")
		want = append(want, mine.Entries...)
	}
	requireEntries(t, other, "p", want, "somebody appended to a locked journal")
	requireEntries(t, holding, "p", append(want, appendAll(t, other, j.batch("last"))...), "the journal is still locked")
}

// "so that no other append gets in between": whoever decides on the tail is never refused, whoever
// else appends, and however fast.
func checkLockedNeverLoses(t T, stores ...accounts.Store) {
	const lockers, rivals, each = 4, 4, 15
	ctx := t.Context()
	create(t, stores[0], profile("p"))
	errs := contend(lockers+rivals, func(g int) error {
		s, j := stores[g%len(stores)], journal{id: "p"}
		for i := range each {
			key := fmt.Sprint("caller-", g, "-", i)
			if g < lockers {
				decide := continuing(&j, key)
				slow := func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
					defer yield()
					return decide(tail)
				}
				if err := s.AppendLocked(ctx, "p", j.last, slow); err != nil {
					return fmt.Errorf("AppendLocked lost: %w", err)
				}
			} else if err := appendOptimistically(ctx, s, key); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, errors.Join(errs...), "an append failed")
	got, err := read(ctx, stores[0], "p", 0)
	require.NoError(t, err, "the journal cannot be read")
	require.Len(t, got, (lockers+rivals)*each, "not every append is in the journal once")
	prev := accounts.Hash{}
	for _, e := range got {
		require.Equal(t, prev, e.Prev, "entry %d does not continue the one before", e.Seq)
		prev = e.Hash
	}
}

// yield gives others the time to get in between.
func yield() {
	for range 200 {
		runtime.Gosched()
	}
}

// appendOptimistically appends until nobody was faster.
func appendOptimistically(ctx context.Context, s accounts.Store, key string) error {
	for {
		j := journal{id: "p"}
		b, err := continuing(&j, key)(s.Entries(ctx, "p", 0))
		if err == nil {
			err = s.Append(ctx, b)
		}
		if !errors.Is(err, accounts.ErrConflict) {
			return err
		}
	}
}

// "An error of decide's is returned as it is, and nothing is appended."
func checkDecideFails(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	want := appendAll(t, s, j.batch("a"))
	next := j
	b := next.batch("b")
	for _, given := range []error{errors.New("decide's own"), accounts.ErrConflict, &accounts.DuplicateError{ProfileID: "p"}} {
		err := s.AppendLocked(t.Context(), "p", 0, returns(b, given))
		require.Same(t, given, err, "decide's error was not returned as it is")
		requireEntries(t, s, "p", want, "something was appended though decide failed")
	}
	err := within(t, "Append after a decide that failed", func() error { return s.Append(t.Context(), b) })
	require.NoError(t, err, "the journal is still locked after a decide that failed")
}

// "with the errors of Append": a miss before decide is called, else in Append's order.
func checkLockedErrors(t T, s accounts.Store) {
	create(t, s, profile("p"))
	unknown := journal{id: "unknown"}
	asked := false
	err := s.AppendLocked(t.Context(), "unknown", 0, func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
		asked = true
		return unknown.batch("a"), nil
	})
	require.ErrorIs(t, err, accounts.ErrProfileNotFound, "an unknown profile has a journal")
	require.False(t, asked, "decide was called about an unknown profile")

	j := journal{id: "p"}
	stale := j
	want := appendAll(t, s, j.batch("a", "b"))
	fork := journal{id: "p", last: j.last, hash: accounts.Hash{1}}
	ahead := journal{id: "p", last: j.last + 1, hash: j.hash}
	gap, chain := j, j
	invalid, broken := gap.batch("x", "y"), chain.batch("x", "y")
	invalid.Entries[1].Seq++
	broken.Entries[1].Prev = accounts.Hash{1}
	repeats, known := j, j
	for _, c := range []struct {
		batch accounts.Batch
		is    error
	}{
		{stale.batch("x"), accounts.ErrConflict}, {fork.batch("x"), accounts.ErrConflict}, {ahead.batch("x"), accounts.ErrConflict},
		{invalid, accounts.ErrInvalid}, {broken, accounts.ErrInvalid}, {repeats.batch("x", "x"), accounts.ErrInvalid},
		{known.batch("x", "b", "a"), accounts.ErrDuplicate},
	} {
		err := s.AppendLocked(t.Context(), "p", 0, returns(c.batch, nil))
		require.ErrorIs(t, err, c.is, "a batch that no journal accepts")
		var duplicate *accounts.DuplicateError
		if errors.As(err, &duplicate) {
			require.Equal(t, []accounts.Duplicate{{Key: "b", Seq: 2}, {Key: "a", Seq: 1}}, duplicate.Duplicates, "the error does not list every duplicate")
		}
		requireEntries(t, s, "p", want, "a refused batch changed the journal")
	}
	require.NoError(t, within(t, "Append after refusals", func() error { return s.Append(t.Context(), j.batch("c")) }),
		"the journal is still locked after a batch was refused")
}

// "ErrInvalid when an entry belongs to another profile": so does a batch, as the other's journal is
// not locked.
func checkLockedForeign(t T, s accounts.Store) {
	create(t, s, profile("p"), profile("q"))
	for _, id := range []accounts.ProfileID{"q", "unknown", ""} {
		other := journal{id: id}
		for _, b := range []accounts.Batch{other.batch(), other.batch("a")} {
			err := s.AppendLocked(t.Context(), "p", 0, returns(b, nil))
			require.ErrorIs(t, err, accounts.ErrInvalid, "a batch for profile %q was accepted", id)
		}
	}
	requireEntries(t, s, "p", nil, "a refused batch changed the journal")
	requireEntries(t, s, "q", nil, "a batch went to a journal that was not locked")
}

// "as Append does": a batch without entries too.
func checkLockedEmpty(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	appends := func(b accounts.Batch) error { return s.AppendLocked(t.Context(), "p", 0, returns(b, nil)) }
	require.NoError(t, appends(j.batch()), "an empty batch was refused by an empty journal")
	stale := j
	want := appendAll(t, s, j.batch("a"))
	require.NoError(t, appends(j.batch()), "an empty batch was refused by a journal that ends as it says")
	require.ErrorIs(t, appends(stale.batch()), accounts.ErrConflict, "an empty batch was accepted by a journal that ends elsewhere")
	fork := journal{id: "p", last: 1, hash: accounts.Hash{1}}
	require.ErrorIs(t, appends(fork.batch()), accounts.ErrConflict, "an empty batch was accepted behind another entry")
	requireEntries(t, s, "p", want, "an empty batch changed something")
}

// "Waiting for the lock ends with the context, and the context's error says that nothing was
// written."
func checkLockedWaiting(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	h := hold(t, s, "p")
	ctx, cancel := context.WithTimeout(t.Context(), brief)
	defer cancel()
	asked := false
	err := within(t, "AppendLocked of a locked journal", func() error {
		return s.AppendLocked(ctx, "p", 0, func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
			asked = true
			return accounts.Batch{ProfileID: "p"}, nil
		})
	})
	require.ErrorIs(t, err, context.DeadlineExceeded, "the context did not end waiting for the lock")
	require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, "whoever only waited wrote nothing")
	mine := j.batch("mine")
	require.NoError(t, h.finish(t, mine), "AppendLocked failed")
	require.False(t, asked, "decide was called without the lock")
	requireEntries(t, s, "p", mine.Entries, "whoever gave up waiting changed the journal")
}

// "a call that returns an error changed nothing, unless the error is ErrOutcomeUnknown".
func checkLockedTooLate(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	next := j
	b := next.batch("late")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := s.AppendLocked(ctx, "p", 0, func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
		cancel()
		return b, nil
	})
	require.ErrorIs(t, err, context.Canceled, "the context ended before there was anything to append")
	require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, "nothing was under way")
	err = within(t, "Append after a decide that outlived its context", func() error { return s.Append(t.Context(), j.batch("next")) })
	require.NoError(t, err, "the journal is still locked, or has what was too late")
}

// "locks the profile's journal", and no other: not even while others wait for it.
func checkLockedApart(t T, stores ...accounts.Store) {
	create(t, stores[0], profile("p"), profile("q"))
	h := hold(t, stores[0], "p")
	waiting, cancel := context.WithCancel(t.Context())
	defer cancel()
	gaveUp := make(chan error, 4*len(stores))
	p := journal{id: "p"}
	blocked := p
	b := blocked.batch("blocked")
	for i := range cap(gaveUp) {
		go func() { gaveUp <- stores[i%len(stores)].Append(waiting, b) }()
	}
	q := journal{id: "q"}
	var want []accounts.Entry
	for i := range 30 {
		s, list := stores[i%len(stores)], keys(fmt.Sprint("batch-", i), 1+i%3)
		if i%3 == 2 {
			err := within(t, "AppendLocked of another profile", func() error {
				return s.AppendLocked(t.Context(), "q", q.last, continuing(&q, list...))
			})
			require.NoError(t, err, "AppendLocked of another profile failed")
			continue
		}
		next := q.batch(list...)
		err := within(t, "Append to another profile", func() error { return s.Append(t.Context(), next) })
		require.NoError(t, err, "Append to another profile failed")
	}
	got, err := read(t.Context(), stores[0], "q", 0)
	require.NoError(t, err, "the journal cannot be read")
	require.Len(t, got, int(q.last), "the other profile's journal is not what was appended")
	cancel()
	for range cap(gaveUp) {
		err := within(t, "an append whose context ended", func() error { return <-gaveUp })
		require.ErrorIs(t, err, context.Canceled, "an append to a locked journal did not wait until its context ended")
	}
	want = p.batch("mine").Entries
	require.NoError(t, h.finish(t, accounts.Batch{ProfileID: "p", Entries: want}), "somebody appended to a locked journal")
	requireEntries(t, stores[0], "p", want, "somebody appended to a locked journal")
}

// "and unlocks the journal": whatever decide does.
func checkLockedPanic(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	want := appendAll(t, s, j.batch("a"))
	panicked := func() (value any) {
		defer func() { value = recover() }()
		_ = s.AppendLocked(t.Context(), "p", 0, func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
			panic("decide's own")
		})
		return nil
	}
	require.Equal(t, "decide's own", panicked(), "the panic is lost")
	for _, again := range []func() error{
		func() error { return s.AppendLocked(t.Context(), "p", 0, returns(j.batch(), nil)) },
		func() error { return s.Append(t.Context(), j.batch()) },
	} {
		require.NoError(t, within(t, "an append after a decide that panicked", again), "the journal is still locked after a decide that panicked")
	}
	requireEntries(t, s, "p", want, "a decide that panicked changed the journal")
}

// "Reading the journal within decide does not wait for the lock."
func checkLockedReading(t T, stores ...accounts.Store) {
	prepareCalls(t, stores[0])
	h := hold(t, stores[0], "p")
	for _, s := range stores {
		for _, c := range calls(s) {
			switch c.name {
			case "Entries", "Lookup", "Checkpoint", "Profile", "Ping":
				err := within(t, c.name+" of a locked journal", func() error { return c.do(t.Context()) })
				require.NoError(t, err, "%s of a locked journal failed", c.name)
			}
		}
	}
	j := journal{id: "p"}
	j.batch("first")
	require.NoError(t, h.finish(t, j.batch()), "AppendLocked failed")
}
