package accounts_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// dispatch is what a desk's order o is dispatched with.
func dispatch(id ledger.OrderID, fence int64) risk.Dispatch {
	d := risk.Dispatch{OrderID: id, Ref: "ref-" + string(id), Terms: "limit 100 day", Fence: fence}
	if fence > 0 {
		d.Lease = "login"
	}
	return d
}

// sentOrder returns a working order of the report.
func sentOrder(t *testing.T, p *accounts.Portfolio, id ledger.OrderID) risk.WorkingOrder {
	t.Helper()
	list := p.Snapshot().Risk.Orders
	i := slices.IndexFunc(list, func(w risk.WorkingOrder) bool { return w.ID == id })
	require.GreaterOrEqual(t, i, 0, "order %s does not work", id)
	return list[i]
}

// TestAnOrderIsDispatchedOnce: by whichever process comes first, restarts and checkpoints between.
func TestAnOrderIsDispatchedOnce(t *testing.T) {
	d := newDesk(t, nil)
	d.Mark(t, xyz, "100")
	d.Accept(t, order("o", xyz, "10"))
	require.Empty(t, sentOrder(t, d.Portfolio, "o").Ref, "an order that is only held was not sent")
	require.NoError(t, d.Portfolio.Dispatch(t.Context(), dispatch("o", 2)))
	seq := d.Portfolio.Seq()
	var stored risk.Dispatch
	d.LastEntry(t, risk.KindDispatch, &stored)
	require.Equal(t, d.Now(), stored.Time, "the time of a dispatch is the manager's")

	check := func(p *accounts.Portfolio) {
		t.Helper()
		w := sentOrder(t, p, "o")
		require.Equal(t, []any{"ref-o", "limit 100 day", d.Now()}, []any{w.Ref, w.Terms, w.SentAt}, "what the report says of the dispatch")
		require.ErrorIs(t, p.Dispatch(t.Context(), dispatch("o", 2)), accounts.ErrDispatched)
		require.Equal(t, seq, p.Seq(), "a second dispatch leaves nothing")
	}
	check(d.Portfolio)
	other, err := d.Another(t).Portfolio(t.Context(), d.Profile.ID)
	require.NoError(t, err)
	check(other)
	require.NoError(t, d.Portfolio.SaveCheckpoint(t.Context()))
	d.Restart(t)
	check(d.Portfolio)

	d.Mark(t, xyz, "100")
	d.Accept(t, order("p", xyz, "11"))
	require.ErrorIs(t, d.Portfolio.Dispatch(t.Context(), dispatch("p", 1)), accounts.ErrFenced, "a lease that passed on, after a checkpoint")
	elsewhere := dispatch("p", 1)
	elsewhere.Lease = "another login"
	require.NoError(t, d.Portfolio.Dispatch(t.Context(), elsewhere), "leases have numbers of their own")
}

// TestWhatCannotBeDispatched: such a call leaves nothing in the journal.
func TestWhatCannotBeDispatched(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.OrderQuantity = dec("50") })
	d.Mark(t, xyz, "100")
	d.Accept(t, order("filled", xyz, "10"))
	d.Fill(t, "filled", xyz, "10", "100")
	d.Accept(t, order("released", xyz, "10"))
	require.NoError(t, d.Portfolio.Release(t.Context(), "released", "cancelled"))
	d.Refuse(t, order("refused", xyz, "60"), broken(risk.RuleQuantity, "", "60", "50"))
	d.Accept(t, order("o", xyz, "12"))
	for _, id := range []ledger.OrderID{"filled", "released", "refused", "never", ""} {
		require.ErrorIs(t, d.Portfolio.Dispatch(t.Context(), dispatch(id, 0)), accounts.ErrOrderNotFound, "%q", id)
	}
	for field, change := range map[string]func(*risk.Dispatch){
		"Ref":   func(x *risk.Dispatch) { x.Ref = strings.Repeat("r", risk.MaxRef+1) },
		"Terms": func(x *risk.Dispatch) { x.Terms = "" },
		"Fence": func(x *risk.Dispatch) { x.Fence = 1 },
		"Lease": func(x *risk.Dispatch) { x.Lease, x.Fence = strings.Repeat("l", risk.MaxLease+1), 1 },
	} {
		wrong := dispatch("o", 0)
		change(&wrong)
		require.Equal(t, []string{field}, desktest.WrongFields(t, d.Portfolio.Dispatch(t.Context(), wrong)))
	}
	require.Empty(t, sentOrder(t, d.Portfolio, "o").Ref)

	require.NoError(t, d.Portfolio.Halt(t.Context(), "stop"))
	var refusal *accounts.RefusalError
	require.ErrorAs(t, d.Portfolio.Dispatch(t.Context(), dispatch("o", 0)), &refusal, "no order is dispatched after a halt")
	require.Equal(t, risk.RuleState, refusal.Decision.Violations[0].Rule)
	require.Empty(t, sentOrder(t, d.Portfolio, "o").Ref, "the order stays held, and is not sent")
	require.NoError(t, d.Portfolio.Resume(t.Context(), "go on"))
	require.NoError(t, d.Portfolio.Dispatch(t.Context(), dispatch("o", 0)), "an order that was barred can be dispatched later")
}

// TestProcessesRaceToDispatch: of many processes one may send an order, and none once a halt has returned.
func TestProcessesRaceToDispatch(t *testing.T) {
	d := newDesk(t, nil)
	d.Mark(t, xyz, "100")
	portfolios := []*accounts.Portfolio{d.Portfolio}
	for range 3 {
		p, err := d.Another(t).Portfolio(t.Context(), d.Profile.ID)
		require.NoError(t, err)
		require.NoError(t, p.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: d.Now()}))
		portfolios = append(portfolios, p)
	}
	for round := range 20 {
		id := ledger.OrderID(fmt.Sprint("o-", round))
		d.Accept(t, order(id, xyz, fmt.Sprint(round+1)))
		var sent atomic.Int32
		var halted atomic.Bool
		var group sync.WaitGroup
		for i, p := range portfolios {
			group.Go(func() {
				if i == 3 && round%2 == 1 {
					if err := p.Halt(t.Context(), "stop"); err != nil {
						t.Errorf("halt: %v", err)
					}
					halted.Store(true)
				}
				after := halted.Load()
				switch err := p.Dispatch(t.Context(), dispatch(id, 1)); {
				case err == nil:
					sent.Add(1)
					if after {
						t.Errorf("order %s was dispatched after the halt", id)
					}
				case !errors.Is(err, accounts.ErrDispatched) && !errors.Is(err, accounts.ErrRefused):
					t.Errorf("dispatch: %v", err)
				}
			})
		}
		group.Wait()
		require.LessOrEqual(t, sent.Load(), int32(1), "order %s was dispatched twice", id)
		require.Equal(t, sent.Load() == 1, sentOrder(t, d.Portfolio, id).Ref != "", "what the report says")
		if round%2 == 1 {
			require.NoError(t, d.Portfolio.Resume(t.Context(), "go on"))
		} else {
			require.Equal(t, int32(1), sent.Load(), "somebody must have dispatched order %s", id)
		}
	}
}
