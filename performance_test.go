package accounts_test

import (
	"context"
	"encoding/json"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/store/memstore"
)

// What was kept up entry by entry is what the whole journal tells, corrections, late trades and
// cancellations included.
func TestPerformanceFollowsTheJournal(t *testing.T) {
	b := newBench(t)
	check := func(what string) {
		t.Helper()
		kept, err := b.Portfolio.Performance(t.Context(), performance.Window{})
		require.NoError(t, err)
		read, err := b.Reopen(t).Performance(t.Context(), performance.Window{})
		require.NoError(t, err)
		require.Equal(t, asJSON(t, read), asJSON(t, kept), what)
	}
	check("nothing yet")
	b.Record(t, trade(1, xyz, "100", "10"), trade(5, xyz, "-100", "12"))
	check("a closing")
	b.Record(t, ledger.CashMovement{ID: "f", Kind: ledger.Fee, Currency: "USD", Amount: dec("-3.5"), Time: at(6)}, point(at(7), "1000", "1000"))
	check("a fee and a point")
	b.Record(t, trade(3, xyz, "-50", "11"))
	check("a late trade")
	b.Record(t, ledger.Cancellation{ExecID: "k", Cancels: "exec-5", Time: at(8)})
	check("a cancellation")
	b.Record(t, point(at(4), "900", "1000"))
	check("an older point")
	p, err := b.Portfolio.Performance(t.Context(), performance.Window{From: at(4), To: at(7)})
	require.NoError(t, err)
	require.Equal(t, []int{2, 0}, []int{p.Points, p.Trades}, "the window has two points and no trade in force")
	require.Equal(t, "3.5", p.Fees.String())
	_, err = b.Portfolio.Performance(t.Context(), performance.Window{From: at(4), To: at(3)})
	require.ErrorIs(t, err, accounts.ErrInvalid)
}

// Entries that come while the journal is read do not hold up the answer, which is as of the call.
func TestPerformanceOfABusyProfile(t *testing.T) {
	store := &busyStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	// A journal of two entries: a portfolio that catches up reads from the last it knows on.
	b.Record(t, ledger.CashMovement{ID: "f", Kind: ledger.Fee, Currency: "USD", Amount: dec("-3.5"), Time: at(0)})
	b.Record(t, point(at(1), "1000", "1000"))
	minute := 1
	store.before = func() {
		if minute == 20 {
			return
		}
		minute++
		b.Record(t, point(at(minute), "1000", "1000"))
	}
	for want := 1; want <= 3; want++ {
		reads := store.reads.Load()
		p, err := b.Portfolio.Performance(t.Context(), performance.Window{})
		require.NoError(t, err)
		require.Equal(t, want, p.Points, "points at the time of the call")
		require.EqualValues(t, reads+1, store.reads.Load(), "the journal is read once")
	}
	store.before = nil
	for _, want := range []int64{1, 0} {
		reads := store.reads.Load()
		p, err := b.Portfolio.Performance(t.Context(), performance.Window{})
		require.NoError(t, err)
		require.Equal(t, 4, p.Points)
		require.Equal(t, reads+want, store.reads.Load(), "a history that is up to date is kept")
	}
}

// busyStore does something each time that a journal is read from its beginning, and counts these
// times. The watch reads from further on, at moments of its own.
type busyStore struct {
	accounts.Store
	before func()
	reads  atomic.Int64
}

func (s *busyStore) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	if after == 0 {
		s.reads.Add(1)
		if s.before != nil {
			s.before()
		}
	}
	return s.Store.Entries(ctx, id, after)
}

func asJSON(t require.TestingT, v any) string {
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}
