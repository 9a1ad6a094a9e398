package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/sizing"
	"github.com/ai-ots/accounts/store/memstore"
)

// A process that hears of nothing holds no order against what another process has changed.
func TestProcessThatHearsNothing(t *testing.T) {
	for name, change := range map[string]func(d *desk){
		"halted":     func(d *desk) { require.NoError(t, d.Portfolio.Halt(background, "x")) },
		"suspended":  func(d *desk) { suspend(t, background, d.Manager, d.Profile.ID) },
		"tightened":  func(d *desk) { d.Tighten(t, func(l *risk.Limits) { l.OrderQuantity = dec("1") }) },
		"archived":   func(d *desk) { require.NoError(t, d.Manager.ArchiveProfile(background, d.Profile.ID)) },
		"restricted": func(d *desk) { d.Tighten(t, func(l *risk.Limits) { l.RestrictedSymbols = []string{"XYZ"} }) },
	} {
		d := newDesk(t, nil)
		deaf := &fakeStore{Store: d.Store.(*memstore.Store)}
		deaf.onWatch = func(context.Context) (<-chan accounts.Event, error) { return make(chan accounts.Event), nil }
		p, err := newManager(t, deaf, accounts.WithClock(d.Now)).Portfolio(background, d.Profile.ID)
		require.NoError(t, err)
		require.NoError(t, p.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: d.Now()}))
		_, err = p.Reserve(background, order("before", xyz, "10"))
		require.NoError(t, err)
		change(d)
		_, err = p.Reserve(background, order("after", xyz, "11"))
		require.ErrorIs(t, err, accounts.ErrRefused, name)
	}
}

// everything is what the workers of TestEverythingAtOnce do.
type everything struct {
	d          *desk
	managers   []*accounts.MultiAccountManager
	portfolios []*accounts.Portfolio
}

// do does the nth thing of worker w, under a context that may end in the midst of it. Its error does
// not matter.
func (a *everything) do(r *rand.Rand, w, n int) {
	ctx, cancel := context.WithCancel(background)
	defer cancel()
	if r.IntN(4) == 0 {
		ctx, cancel = context.WithTimeout(ctx, time.Duration(r.IntN(500))*time.Microsecond)
		defer cancel()
	}
	p, m := a.portfolios[r.IntN(len(a.portfolios))], a.managers[r.IntN(len(a.managers))]
	earlier := ledger.OrderID(fmt.Sprintf("%d-%d", w, r.IntN(n+1)))
	id := fmt.Sprintf("%d-%d", w, n)
	switch r.IntN(12) {
	case 0, 1:
		_, _ = p.Reserve(ctx, order(ledger.OrderID(id), xyz, fmt.Sprint(1+r.IntN(5))))
	case 2:
		_ = p.Release(ctx, earlier, "x")
	case 3, 4:
		_, _ = p.Record(ctx, ledger.Trade{ExecID: ledger.ExecID(id), OrderID: earlier, Instrument: xyz,
			Quantity: dec([]string{"1", "-1"}[r.IntN(2)]), Price: dec("100"), Time: a.d.Now().Add(-time.Duration(r.IntN(3)) * time.Second)})
	case 5:
		_ = p.Mark(ledger.Mark{Instrument: xyz, Price: dec(fmt.Sprint(95 + r.IntN(10))), Time: a.d.Now()})
	case 6:
		p.Check(order("", xyz, "1"))
		p.Snapshot()
	case 7:
		_ = p.Resume(ctx, "x")
	case 8:
		if profile, err := m.Profile(ctx, a.d.Profile.ID); err == nil {
			profile.Limits.OrdersPerDay = 1 + r.IntN(1000000)
			_, _ = m.UpdateProfile(ctx, profile)
		}
	case 9:
		_, _ = m.Route(ctx, accounts.Signal{ID: risk.SignalID(id), Instrument: xyz, Action: accounts.SignalBuy},
			accounts.WithSizer(sizing.FixedNotional{Amount: dec("100")}))
	case 10:
		if events, err := m.Subscribe(ctx); err == nil {
			select {
			case <-events:
			default:
			}
		}
	case 11:
		_ = p.RecordEquity(ctx, a.d.Now())
	}
	a.d.Advance(time.Duration(r.IntN(2000)) * time.Microsecond)
}

// Whatever is done at the same time through several processes, with contexts that end in the midst of
// it: the journal verifies, and all come to the same book.
func TestEverythingAtOnce(t *testing.T) {
	const workers, each = 8, 60
	d := newDesk(t, func(l *risk.Limits) { l.Leverage = dec("90") })
	a := &everything{d: d}
	for range 3 {
		m := d.Another(t)
		p, err := m.Portfolio(background, d.Profile.ID)
		require.NoError(t, err)
		a.managers, a.portfolios = append(a.managers, m), append(a.portfolios, p)
	}
	var working sync.WaitGroup
	for w := range workers {
		working.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(w)))
			for n := range each {
				a.do(r, w, n)
			}
		})
	}
	working.Wait()
	for _, p := range a.portfolios {
		require.NoError(t, p.Verify(background), "the journal does not verify")
		if err := p.Release(background, "none", "to read what the others wrote"); !errors.Is(err, accounts.ErrOrderNotFound) {
			require.NoError(t, err)
		}
	}
	for _, p := range a.portfolios {
		require.Equal(t, a.portfolios[0].Snapshot().Hash, p.Snapshot().Hash, "two processes come to different books")
	}
}
