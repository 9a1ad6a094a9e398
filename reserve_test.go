package accounts_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// A caller that does not learn what became of its order asks again, with the same id, and then knows.
func TestReserveAfterALostAnswer(t *testing.T) {
	lost := errors.New("connection lost")
	for name, write := range map[string]bool{"and it was written": true, "and it was not": false} {
		t.Run(name, func(t *testing.T) {
			store := &hookedStore{Store: memstore.New()}
			b := newBenchOn(t, store)
			b.Record(t, ledger.CashMovement{ID: "c", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: at(0)})
			require.NoError(t, b.Portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: now}))
			before := b.Portfolio.Snapshot().Risk

			store.append = func(ctx context.Context, batch accounts.Batch) error {
				if write {
					return errors.Join(store.Store.Append(ctx, batch), lost)
				}
				return lost
			}
			o := order("o", xyz, "10", "100")
			d, err := b.Portfolio.Reserve(t.Context(), o)
			require.ErrorIs(t, err, lost)
			require.False(t, d.Allowed, "an order nobody knows of must not be sent")

			store.append = nil
			for range 2 {
				d, err = b.Portfolio.Reserve(t.Context(), o)
				require.NoError(t, err)
				require.True(t, d.Allowed)
				require.Len(t, b.Portfolio.Snapshot().Risk.Orders, 1, "held once")
			}

			store.append = func(ctx context.Context, batch accounts.Batch) error {
				if write {
					return errors.Join(store.Store.Append(ctx, batch), lost)
				}
				return lost
			}
			require.ErrorIs(t, b.Portfolio.Release(t.Context(), "o", "cancelled"), lost)
			store.append = nil
			require.NoError(t, b.Portfolio.Release(t.Context(), "o", "cancelled"), "letting go twice is safe")
			after := b.Portfolio.Snapshot().Risk
			require.Empty(t, after.Orders)
			require.Equal(t, []string{before.Gross.String(), before.Net.String(), before.Margin.String()},
				[]string{after.Gross.String(), after.Net.String(), after.Margin.String()}, "what was held is given back")
			require.NoError(t, b.Portfolio.Verify(t.Context()))
		})
	}
}

// A context that ends while the order is being written leaves its caller with ErrOutcomeUnknown, and the
// truth with the journal.
func TestReserveWhoseCallerGivesUp(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	b.Record(t, ledger.CashMovement{ID: "c", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: at(0)})
	require.NoError(t, b.Portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: now}))
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
	_, err := b.Portfolio.Reserve(ctx, order("o", xyz, "10", "100"))
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, accounts.ErrOutcomeUnknown)
	<-written // the caller does not wait for it
	d, err := b.Portfolio.Reserve(t.Context(), order("o", xyz, "10", "100"))
	require.NoError(t, err)
	require.True(t, d.Allowed, "asked again it is the same order")
	require.Len(t, b.Portfolio.Snapshot().Risk.Orders, 1)

	other, err := newManagerOn(t, store).Portfolio(t.Context(), b.Profile.ID)
	require.NoError(t, err)
	require.Len(t, other.Snapshot().Risk.Orders, 1, "another process counts it: it is in the journal")
	_, err = b.Portfolio.Reserve(ctx, order("p", xyz, "1", "100"))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, "a context that is done before is refused, and nothing was written")
}

// TestOrderDecidedOnce: an id is decided once, whatever holds by then.
func TestOrderDecidedOnce(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.OrderQuantity = dec("10"); l.DuplicateWindow = time.Minute })
	o := order("one", xyz, "10")
	d.Accept(t, o)
	seq := d.Portfolio.Seq()
	again := func(o risk.Order, want ...string) {
		t.Helper()
		got, err := d.Portfolio.Reserve(t.Context(), o)
		require.Equal(t, want, allSaid(got.Violations))
		require.Equal(t, len(want) == 0, got.Allowed)
		require.Equal(t, len(want) != 0, err != nil, "the error must go with the decision: %v", err)
		require.Equal(t, seq, d.Portfolio.Seq(), "the same order again must leave nothing in the journal")
	}
	again(o, []string{}...)
	require.True(t, d.Portfolio.Check(o).Allowed, "an order that works already is allowed")
	other := o
	other.Quantity = dec("9")
	_, err := d.Portfolio.Reserve(t.Context(), other)
	require.ErrorIs(t, err, accounts.ErrIDReused, "another order with the id")

	large := order("large", xyz, "11")
	d.Refuse(t, large, broken(risk.RuleQuantity, "", "11", "10"))
	d.Tighten(t, func(l *risk.Limits) { l.OrderQuantity = dec("11") })
	seq = d.Portfolio.Seq()
	again(large, broken(risk.RuleQuantity, "", "11", "10"))

	require.NoError(t, d.Portfolio.Release(t.Context(), "one", "cancelled"))
	seq = d.Portfolio.Seq()
	again(o, broken(risk.RuleDone, "", "0", "0"))
	d.Restart(t)
	d.Mark(t, xyz, "100")
	again(o, broken(risk.RuleDone, "", "0", "0"))
	require.ErrorIs(t, d.Portfolio.Release(t.Context(), "large", "x"), accounts.ErrOrderNotFound, "a refused order was never held")
}

// TestDecisionReads: a decision says what happened in a sentence, and survives JSON.
func TestDecisionReads(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.OrderQuantity = dec("10"); l.RestrictedSymbols = []string{"XYZ"} })
	got := d.Refuse(t, order("o", xyz, "11"), broken(risk.RuleRestricted, "XYZ", "0", "0"), broken(risk.RuleQuantity, "", "11", "10"))
	require.Equal(t, `order "o" refused: symbol_restricted of XYZ: restricted; order_quantity (11, limit 10)`, got.String())
	_, err := d.Portfolio.Reserve(t.Context(), order("o", xyz, "11"))
	require.EqualError(t, err, fmt.Sprintf("profile %q: %s", d.Profile.ID, got))
	data, err := json.Marshal(got)
	require.NoError(t, err)
	var back risk.Decision
	require.NoError(t, json.Unmarshal(data, &back))
	require.Equal(t, got.String(), back.String(), "a decision must survive JSON")
}
