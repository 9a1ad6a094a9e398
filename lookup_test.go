package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// countingStore counts the entries that are read, and appends by what became of them.
type countingStore struct {
	accounts.Store
	read, accepted, refused atomic.Int64
	onLookup                func(ctx context.Context, id accounts.ProfileID, keys []string) (map[string]int64, error)
}

func (s *countingStore) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	return func(yield func(accounts.Entry, error) bool) {
		for e, err := range s.Store.Entries(ctx, id, after) {
			s.read.Add(1)
			if !yield(e, err) {
				return
			}
		}
	}
}

func (s *countingStore) Append(ctx context.Context, b accounts.Batch) error {
	err := s.Store.Append(ctx, b)
	switch {
	case len(b.Entries) == 0: // a barrier
	case err != nil:
		s.refused.Add(1)
	default:
		s.accepted.Add(1)
	}
	return err
}

func (s *countingStore) Lookup(ctx context.Context, id accounts.ProfileID, keys []string) (map[string]int64, error) {
	if s.onLookup != nil {
		return s.onLookup(ctx, id, keys)
	}
	return s.Store.Lookup(ctx, id, keys)
}

// counts are what a call cost.
type counts struct{ read, accepted, refused int64 }

// cost runs f and returns what it cost.
func (s *countingStore) cost(f func()) counts {
	before := counts{s.read.Load(), s.accepted.Load(), s.refused.Load()}
	f()
	return counts{s.read.Load() - before.read, s.accepted.Load() - before.accepted, s.refused.Load() - before.refused}
}

// longBench is a bench with a journal of some length: an order that is done and one that was
// refused, a position that was split and sold, an execution that was taken back, and many deposits.
func longBench(t *testing.T) (*bench, *countingStore) {
	t.Helper()
	store := &countingStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	deposits := make([]ledger.Fact, 500)
	for i := range deposits {
		deposits[i] = ledger.CashMovement{ID: fmt.Sprint("d", i), Kind: ledger.Deposit, Currency: "USD", Amount: dec("1000"), Time: at(0)}
	}
	b.Record(t, deposits...)
	require.NoError(t, b.Portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: now}))
	_, err := b.Portfolio.Reserve(t.Context(), order("done", xyz, "1", "100"))
	require.NoError(t, err, "an order that is within every limit")
	require.NoError(t, b.Portfolio.Release(t.Context(), "done", "cancelled"))
	_, err = b.Portfolio.Reserve(t.Context(), order("refused", xyz, "100000", "100"))
	require.ErrorIs(t, err, accounts.ErrRefused, "an order that is beyond every limit")
	sold := trade(4, xyz, "-20", "5")
	b.Record(t, trade(1, xyz, "10", "10"), twoForOne, trade(3, xyz, "1", "10"), takenBack, sold)
	return b, store
}

var (
	twoForOne = ledger.Split{ID: "s", From: xyz, To: xyz, Numerator: dec("2"), Denominator: dec("1"), Time: at(2)}
	takenBack = ledger.Cancellation{ExecID: "k", Cancels: "exec-3", Time: at(5)}
)

// Whether the journal has something is looked up: neither by reading all of it, nor by an append
// that it must refuse.
func TestWhatTheJournalHasIsLookedUp(t *testing.T) {
	b, store := longBench(t)
	p, ctx := b.Portfolio, t.Context()
	gone := trade(6, xyz, "5", "10")
	for name, c := range map[string]struct {
		do   func() error
		is   error
		read int64 // entries, at most
	}{
		"release of an unknown order":             {func() error { return p.Release(ctx, "unknown", "expired") }, accounts.ErrOrderNotFound, 0},
		"release of an order that is done":        {func() error { return p.Release(ctx, "done", "expired") }, nil, 1},
		"release of an order that was refused":    {func() error { return p.Release(ctx, "refused", "expired") }, accounts.ErrOrderNotFound, 1},
		"cancellation of an unknown execution":    {func() error { return errOf(p.Record(ctx, cancels("k2", gone.ExecID))) }, accounts.ErrExecutionNotFound, 0},
		"the same cancellation":                   {func() error { return errOf(p.Record(ctx, takenBack)) }, nil, 3}, // what is between the two in one go
		"another cancellation of the same":        {func() error { return errOf(p.Record(ctx, cancels("k3", "exec-3"))) }, nil, 1},
		"a known split of what is held no longer": {func() error { return errOf(p.Record(ctx, twoForOne)) }, nil, 1},
		"a new split of what is held no longer": {func() error {
			other := twoForOne
			other.ID, other.Time = "s2", now
			return errOf(p.Record(ctx, other))
		}, accounts.ErrPositionNotFound, 0},
	} {
		cost := store.cost(func() { require.ErrorIs(t, c.do(), c.is, name) })
		require.Zero(t, cost.accepted, "%s changes the journal", name)
		require.Zero(t, cost.refused, "%s tries an append in vain", name)
		require.LessOrEqual(t, cost.read, c.read, "%s reads more than what it is about", name)
	}
	require.NoError(t, p.Verify(ctx))
}

func cancels(id, execution ledger.ExecID) ledger.Cancellation {
	return ledger.Cancellation{ExecID: id, Cancels: execution, Time: at(7)}
}

// What fits the book is appended at once, as it is new as a rule: that it is known shows by the one
// append that the journal refuses. Nothing is read but what each fact is compared with.
func TestKnownFactsAgain(t *testing.T) {
	b, store := longBench(t)
	again := []ledger.Fact{
		trade(1, xyz, "10", "10"), trade(3, xyz, "1", "10"), takenBack, twoForOne,
		ledger.CashMovement{ID: "d7", Kind: ledger.Deposit, Currency: "USD", Amount: dec("1000"), Time: at(0)},
	}
	for _, p := range []*accounts.Portfolio{b.Portfolio, b.Reopen(t)} {
		cost := store.cost(func() {
			added, err := p.Record(t.Context(), again...)
			require.NoError(t, err, "known facts were refused")
			require.Zero(t, added, "known facts were taken for new ones")
		})
		require.Zero(t, cost.accepted, "known facts changed the journal")
		require.LessOrEqual(t, cost.refused, int64(1), "known facts were appended more than once")
		require.LessOrEqual(t, cost.read, int64(2*len(again)), "more was read than what the facts are compared with")
	}
}

// Taking an execution back reads the journal once, to fold it again, and not to find the execution.
func TestCancellationReadsTheJournalOnce(t *testing.T) {
	b, store := longBench(t)
	length := int64(len(readAll(t, b.Store, b.Profile.ID)))
	cost := store.cost(func() { require.NoError(t, errOf(b.Portfolio.Record(t.Context(), cancels("k4", "exec-1")))) })
	require.Equal(t, counts{accepted: 1}, counts{accepted: cost.accepted, refused: cost.refused}, "not one append")
	require.LessOrEqual(t, cost.read, length+1, "the journal was read more than once")
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}

// What another process wrote counts, whichever of the two look-ups it comes before.
func TestReleaseSeesWhatAnotherProcessHeld(t *testing.T) {
	for name, after := range map[string]bool{"before the look-up": false, "right after it": true} {
		t.Run(name, func(t *testing.T) {
			b, store := longBench(t)
			other := b.Reopen(t)
			require.NoError(t, other.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: now}))
			looked := 0
			store.onLookup = func(ctx context.Context, id accounts.ProfileID, keys []string) (map[string]int64, error) {
				if looked++; looked > 1 {
					return store.Store.Lookup(ctx, id, keys)
				}
				found, err := map[string]int64{}, error(nil)
				if after {
					found, err = store.Store.Lookup(ctx, id, keys)
				}
				_, reserved := other.Reserve(ctx, order("theirs", xyz, "2", "100"))
				if !after {
					found, err = store.Store.Lookup(ctx, id, keys)
				}
				return found, errors.Join(err, reserved)
			}
			require.NoError(t, b.Portfolio.Release(t.Context(), "theirs", "cancelled"), "another process's order is not known")
			require.Equal(t, 1, looked, "the order was not in the book after catching up")
			require.Empty(t, b.Portfolio.Snapshot().Risk.Orders, "the order was not let go")
			require.NoError(t, b.Portfolio.Verify(t.Context()))
		})
	}
}

// A command that fails on a book that lags behind decides again on the newest.
func TestCommandThatFailsOnAnOldBookDecidesAgain(t *testing.T) {
	b, store := longBench(t)
	other, err := newManagerOn(t, store.Store).Portfolio(t.Context(), b.Profile.ID) // whose events nobody awaits
	require.NoError(t, err)
	split := twoForOne
	split.ID, split.Time = "s3", at(9)
	store.onLookup = func(ctx context.Context, id accounts.ProfileID, keys []string) (map[string]int64, error) {
		store.onLookup = nil
		_, err := other.Record(ctx, trade(8, xyz, "3", "10"))
		return map[string]int64{}, err
	}
	require.NoError(t, errOf(b.Portfolio.Record(t.Context(), split)), "what another process bought is not there to be split")
	requirePosition(t, b.Portfolio, xyz, "6", "31", "-2")
}

// A store that finds a key where its journal has no entry is corrupt, and nobody waits for that
// entry.
func TestKeyBehindTheJournalsEnd(t *testing.T) {
	b, store := longBench(t)
	store.onLookup = func(context.Context, accounts.ProfileID, []string) (map[string]int64, error) {
		return map[string]int64{"h:unknown": 1 << 40}, nil
	}
	var corrupt *accounts.CorruptError
	require.ErrorAs(t, b.Portfolio.Release(t.Context(), "unknown", "expired"), &corrupt, "nobody noticed")
	require.Equal(t, int64(1<<40), corrupt.Seq, "another entry is blamed")
}

// What the store says is what the caller hears.
func TestLookupThatFails(t *testing.T) {
	b, store := longBench(t)
	lost := errors.New("connection lost")
	store.onLookup = func(context.Context, accounts.ProfileID, []string) (map[string]int64, error) { return nil, lost }
	require.ErrorIs(t, b.Portfolio.Release(t.Context(), "unknown", "expired"), lost)
	require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), cancels("k5", "none"))), lost)
	store.onLookup = nil
	require.ErrorIs(t, b.Portfolio.Release(t.Context(), "unknown", "expired"), accounts.ErrOrderNotFound, "the portfolio is of no use afterwards")
}

// A manager that opened the profile before any order was decided can let go of one that another has held.
func TestReleaseByAManagerThatIsBehind(t *testing.T) {
	for range 20 { // it may happen to have heard of the order
		d := newDesk(t, nil)
		behind, err := d.Another(t).Portfolio(t.Context(), d.Profile.ID)
		require.NoError(t, err)
		d.Accept(t, order("a", xyz, "10"))
		require.NoError(t, behind.Release(t.Context(), "a", "cancelled"))
		require.ErrorIs(t, behind.Release(t.Context(), "b", "cancelled"), accounts.ErrOrderNotFound)
	}
}

func TestCancellingOnAPortfolioThatIsBehind(t *testing.T) {
	for range 50 {
		b := newBench(t)
		behind := b.Reopen(t)
		b.Record(t, trade(1, xyz, "10", "5"))
		_, err := behind.Record(t.Context(),
			ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("1"), Time: at(2)},
			ledger.Cancellation{ExecID: "k", Cancels: "exec-1", Time: at(3)})
		require.NoError(t, err)
		require.Empty(t, behind.Positions())
		require.NoError(t, behind.Verify(t.Context()))
	}
}

// What many cancellations take back is looked up and read at once, and not for one after the other.
func TestManyCancellationsAtOnce(t *testing.T) {
	b, store := longBench(t)
	const n = 200
	bought, back := make([]ledger.Fact, n), make([]ledger.Fact, n)
	for i := range n {
		one := trade(100+i, xyz, "1", "10")
		one.Time = at(10)
		bought[i], back[i] = one, cancels(ledger.ExecID(fmt.Sprint("back-", i)), one.ExecID)
	}
	b.Record(t, bought...)
	var lookups atomic.Int64
	store.onLookup = func(ctx context.Context, id accounts.ProfileID, keys []string) (map[string]int64, error) {
		lookups.Add(1)
		return store.Store.Lookup(ctx, id, keys)
	}
	cost := store.cost(func() { b.Record(t, back...) })
	require.LessOrEqual(t, lookups.Load(), int64(3), "how often keys are looked up")
	require.LessOrEqual(t, cost.read, int64(3*(1200+n)), "how many entries are read: the journal, to match lots again, and the executions")
	require.EqualValues(t, 1, cost.accepted)
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}
