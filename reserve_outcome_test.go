package accounts_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// A caller that does not learn what became of its order asks again, with the same id, and then knows.
func TestReserveAfterALostAnswer(t *testing.T) {
	lost := errors.New("connection lost")
	for name, write := range map[string]bool{"and it was written": true, "and it was not": false} {
		t.Run(name, func(t *testing.T) {
			store := &hookedStore{Store: memstore.New()}
			b := newBenchOn(t, store)
			b.record(t, ledger.CashMovement{ID: "c", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: at(0)})
			require.NoError(t, b.portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: now}))
			before := b.portfolio.Snapshot().Risk

			store.append = func(ctx context.Context, batch accounts.Batch) error {
				if write {
					return errors.Join(store.Store.Append(ctx, batch), lost)
				}
				return lost
			}
			o := order("o", xyz, "10", "100")
			d, err := b.portfolio.Reserve(t.Context(), o)
			require.ErrorIs(t, err, lost)
			require.False(t, d.Allowed, "an order nobody knows of must not be sent")

			store.append = nil
			for range 2 {
				d, err = b.portfolio.Reserve(t.Context(), o)
				require.NoError(t, err)
				require.True(t, d.Allowed)
				require.Len(t, b.portfolio.Snapshot().Risk.Orders, 1, "held once")
			}

			store.append = func(ctx context.Context, batch accounts.Batch) error {
				if write {
					return errors.Join(store.Store.Append(ctx, batch), lost)
				}
				return lost
			}
			require.ErrorIs(t, b.portfolio.Release(t.Context(), "o", "cancelled"), lost)
			store.append = nil
			require.NoError(t, b.portfolio.Release(t.Context(), "o", "cancelled"), "letting go twice is safe")
			after := b.portfolio.Snapshot().Risk
			require.Empty(t, after.Orders)
			require.Equal(t, []string{before.Gross.String(), before.Net.String(), before.Margin.String()},
				[]string{after.Gross.String(), after.Net.String(), after.Margin.String()}, "what was held is given back")
			require.NoError(t, b.portfolio.Verify(t.Context()))
		})
	}
}

// A context that ends while the order is being written leaves its caller with ErrOutcomeUnknown, and the
// truth with the journal.
func TestReserveWhoseCallerGivesUp(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	b.record(t, ledger.CashMovement{ID: "c", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: at(0)})
	require.NoError(t, b.portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: now}))
	ctx, cancel := context.WithCancel(t.Context())
	written := make(chan struct{})
	var disturbed atomic.Bool
	store.append = func(_ context.Context, batch accounts.Batch) error {
		if disturbed.Swap(true) {
			return store.Store.Append(t.Context(), batch)
		}
		defer close(written)
		cancel()
		return errors.Join(store.Store.Append(context.WithoutCancel(ctx), batch), ctx.Err())
	}
	_, err := b.portfolio.Reserve(ctx, order("o", xyz, "10", "100"))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, accounts.ErrOutcomeUnknown)
	<-written // the caller does not wait for it
	d, err := b.portfolio.Reserve(t.Context(), order("o", xyz, "10", "100"))
	require.NoError(t, err)
	require.True(t, d.Allowed, "asked again it is the same order")
	require.Len(t, b.portfolio.Snapshot().Risk.Orders, 1)

	other, err := newManagerOn(t, store).Portfolio(t.Context(), b.profile.ID)
	require.NoError(t, err)
	require.Len(t, other.Snapshot().Risk.Orders, 1, "another process counts it: it is in the journal")
	_, err = b.portfolio.Reserve(ctx, order("p", xyz, "1", "100"))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, "a context that is done before is refused, and nothing was written")
}
