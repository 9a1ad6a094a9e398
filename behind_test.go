package accounts_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// swapped is a store whose journals another store takes over: a failover to a replica that lacks the last
// transactions, or a backup played back, beneath a process that goes on running.
type swapped struct {
	accounts.Store
	appends int
}

func (s *swapped) Append(ctx context.Context, b accounts.Batch) error {
	s.appends++
	return s.Store.Append(ctx, b)
}

// A command ends with ErrCorrupt where the journal ends before what the process knows, and does not ask for ever.
func TestCommandsEndWhereTheJournalIsBehind(t *testing.T) {
	s := &swapped{Store: memstore.New()}
	b := newBenchOn(t, s)
	for n := 1; n <= 10; n++ {
		b.Record(t, trade(n, xyz, "1", "10"))
	}
	replica := memstore.New()
	require.NoError(t, replica.CreateProfile(t.Context(), b.Profile))
	for _, e := range readAll(t, s.Store, b.Profile.ID)[:8] {
		batch := accounts.Batch{ProfileID: b.Profile.ID, After: e.Seq - 1, Hash: e.Prev, Entries: []accounts.Entry{e}}
		require.NoError(t, replica.Append(t.Context(), batch))
	}
	s.Store, s.appends = replica, 0
	for _, err := range b.Portfolio.Trades(t.Context(), accounts.TradeFilter{}) {
		if err != nil {
			require.ErrorIs(t, err, accounts.ErrCorrupt, "trades")
			s.appends++
		}
	}
	require.Equal(t, 1, s.appends, "a list that is short looks whole")
	for what, command := range map[string]func() error{
		"record": func() error { return errOf(b.Portfolio.Record(t.Context(), trade(11, xyz, "1", "10"))) },
		"cancel": func() error {
			return errOf(b.Portfolio.Record(t.Context(), ledger.Cancellation{ExecID: "k", Cancels: "exec-3", Time: at(20)}))
		},
		"reserve": func() error { _, err := b.Portfolio.Reserve(t.Context(), order("o", xyz, "1", "10")); return err },
		"halt":    func() error { return b.Portfolio.Halt(t.Context(), "stop") },
	} {
		s.appends = 0
		err := command()
		require.ErrorIs(t, err, accounts.ErrCorrupt, "%s: the journal lost entries", what)
		require.LessOrEqual(t, s.appends, 2, "%s asks again and again", what)
	}
}
