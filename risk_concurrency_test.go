package accounts_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// crowd is one profile on one store, traded through several managers, as several processes would. Of XYZ, marked at
// 100, it may hold exposure of 10,000.
type crowd struct {
	store      *memstore.Store
	profile    accounts.AccountProfile
	portfolios []*accounts.Portfolio
}

func newCrowd(t testing.TB, managers int) *crowd {
	t.Helper()
	c := &crowd{store: memstore.New()}
	limits := loose()
	limits.PositionSize = risk.Limit{Amount: dec("10000")}
	for i := range managers {
		m := newManagerOn(t, c.store)
		if i == 0 {
			p := accounts.Optimal100K("DU1000100")
			p.Limits = limits
			var err error
			c.profile, err = m.CreateProfile(t.Context(), p)
			require.NoError(t, err)
		}
		p, err := m.Portfolio(t.Context(), c.profile.ID)
		require.NoError(t, err)
		if i == 0 {
			require.NoError(t, errOf(p.Record(t.Context(), ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: at(0)})))
		}
		require.NoError(t, p.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: now}))
		c.portfolios = append(c.portfolios, p)
	}
	return c
}

// together runs do for n workers at the same time, each on one of the portfolios.
func (c *crowd) together(n int, do func(worker int, p *accounts.Portfolio)) {
	var wg sync.WaitGroup
	for w := range n {
		wg.Go(func() { do(w, c.portfolios[w%len(c.portfolios)]) })
	}
	wg.Wait()
}

// walk reads the journal and keeps its own account of what is held and working, in whole shares.
// each is told of every entry with the greatest exposure that was possible behind it.
func (c *crowd) walk(t testing.TB, each func(e accounts.Entry, payload any, exposure int64)) (holds int) {
	t.Helper()
	var held int64
	left := map[ledger.OrderID]int64{}
	whole := func(d ledger.Decimal) int64 {
		n, err := d.Int64()
		require.NoError(t, err)
		return n
	}
	for _, e := range readAll(t, c.store, c.profile.ID) {
		payload, err := e.Decode()
		require.NoError(t, err)
		switch f := payload.(type) {
		case *risk.Hold:
			left[f.Order.ID] = whole(f.Order.Quantity)
			holds++
		case *risk.Release:
			delete(left, f.OrderID)
		case *ledger.Trade:
			held += whole(f.Quantity)
			if left[f.OrderID] -= whole(f.Quantity); left[f.OrderID] == 0 {
				delete(left, f.OrderID)
			}
		}
		up, down := held, held
		for _, n := range left {
			if n > 0 {
				up += n
			} else {
				down += n
			}
		}
		each(e, payload, 100*max(up, -down))
	}
	return holds
}

// TestNoInterleavingPassesALimit: reservations, fills, releases and repeated calls from many goroutines and several
// managers at once. At every entry of the journal, what is held and could be filled is within the limit.
func TestNoInterleavingPassesALimit(t *testing.T) {
	c := newCrowd(t, 3)
	c.together(12, func(w int, p *accounts.Portfolio) {
		random := rand.New(rand.NewPCG(7, uint64(w)))
		var working []risk.Order
		for i := range 40 {
			quantity := fmt.Sprint(random.IntN(61) - 30)
			if quantity == "0" {
				quantity = "1"
			}
			o := order(ledger.OrderID(fmt.Sprintf("o-%d-%d", w, i)), xyz, quantity)
			_, err := p.Reserve(t.Context(), o)
			if err == nil {
				working = append(working, o)
			} else if !errors.Is(err, accounts.ErrRefused) {
				panic(err)
			}
			if len(working) == 0 || random.IntN(3) == 0 {
				continue
			}
			o, working = working[0], working[1:]
			if random.IntN(2) == 0 {
				err = p.Release(t.Context(), o.ID, "test")
			} else {
				_, err = p.Record(t.Context(), ledger.Trade{ExecID: ledger.ExecID("e-" + o.ID), OrderID: o.ID, Instrument: xyz,
					Quantity: o.Quantity, Price: dec("100"), Time: now})
			}
			if err != nil {
				panic(err)
			}
		}
	})
	most := int64(0)
	holds := c.walk(t, func(e accounts.Entry, _ any, exposure int64) {
		require.LessOrEqual(t, exposure, int64(10_000), "entry %d lets exposure pass the limit", e.Seq)
		most = max(most, exposure)
	})
	require.Greater(t, holds, 50, "there must have been something to hold")
	require.Greater(t, most, int64(9_000), "the limit must have been used")
	for _, p := range c.portfolios {
		require.NoError(t, p.Verify(t.Context()))
	}
}

// TestReleasingEverythingReturnsToTheStart: and as many orders were accepted as the limit has room for, not one less.
func TestReleasingEverythingReturnsToTheStart(t *testing.T) {
	c := newCrowd(t, 3)
	_, err := c.portfolios[0].Record(t.Context(), ledger.Trade{ExecID: "own", Instrument: xyz, Quantity: dec("20"), Price: dec("100"), Time: now})
	require.NoError(t, err)
	require.NoError(t, c.portfolios[0].RecordEquity(t.Context(), now))
	figures := func() string {
		r := c.portfolios[0].Snapshot().Risk
		var use []risk.Usage
		for _, u := range r.Usage {
			if u.Rule != risk.RuleOrders {
				use = append(use, u)
			}
		}
		return asJSON(t, []any{r.Gross, r.Net, r.Margin, use, r.Orders})
	}
	before := figures()
	var mu sync.Mutex
	var held []ledger.OrderID
	c.together(16, func(w int, p *accounts.Portfolio) {
		for i := range 5 {
			o := order(ledger.OrderID(fmt.Sprintf("o-%d-%d", w, i)), xyz, "10")
			if _, err := p.Reserve(t.Context(), o); err == nil {
				mu.Lock()
				held = append(held, o.ID)
				mu.Unlock()
			}
		}
	})
	require.Len(t, held, 8, "80 of 100 shares were left to buy")
	c.together(len(held), func(w int, p *accounts.Portfolio) {
		if err := p.Release(t.Context(), held[w], "test"); err != nil {
			panic(err)
		}
	})
	require.NoError(t, c.portfolios[0].Halt(t.Context(), "to catch up")) // a command sees what the others wrote
	require.NoError(t, c.portfolios[0].Resume(t.Context(), "done"))
	require.Equal(t, before, figures(), "after everything was released it is as though nothing had been held")
}

// TestHaltedProfileAcceptsNothing: whoever halts, and whoever has not heard of it, behind the halt
// there is no hold; nor after a restart.
func TestHaltedProfileAcceptsNothing(t *testing.T) {
	c := newCrowd(t, 4)
	c.together(8, func(w int, p *accounts.Portfolio) {
		for i := range 20 {
			if w == 0 && i == 10 {
				if err := p.Halt(t.Context(), "kill switch"); err != nil {
					panic(err)
				}
			}
			_, err := p.Reserve(t.Context(), order(ledger.OrderID(fmt.Sprintf("o-%d-%d", w, i)), xyz, []string{"1", "-1"}[i%2]))
			if err != nil && !errors.Is(err, accounts.ErrRefused) {
				panic(err)
			}
		}
	})
	halted := false
	holds := c.walk(t, func(e accounts.Entry, payload any, _ int64) {
		if s, ok := payload.(*risk.StateChange); ok {
			halted = s.State == risk.TradingHalted
		}
		require.False(t, halted && e.Kind == risk.KindHold, "entry %d holds an order behind the halt", e.Seq)
	})
	require.Positive(t, holds)
	require.True(t, halted)
	p, err := newManagerOn(t, c.store).Portfolio(t.Context(), c.profile.ID)
	require.NoError(t, err)
	require.NoError(t, p.Mark(ledger.Mark{Instrument: xyz, Price: dec("100"), Time: now}))
	require.Equal(t, risk.TradingHalted, p.Snapshot().Risk.State, "a restart forgot the halt")
	_, err = p.Reserve(t.Context(), order("after", xyz, "1"))
	require.ErrorIs(t, err, accounts.ErrRefused)
}

// TestOneDecisionForAnID: however many ask at once, and wherever, an id is decided once.
func TestOneDecisionForAnID(t *testing.T) {
	c := newCrowd(t, 3)
	for _, quantity := range []string{"10", "101"} { // within the limit, and not
		id := ledger.OrderID("same-" + quantity)
		var mu sync.Mutex
		outcomes := map[string]int{}
		c.together(24, func(_ int, p *accounts.Portfolio) {
			d, err := p.Reserve(t.Context(), order(id, xyz, quantity))
			if err != nil && !errors.Is(err, accounts.ErrRefused) {
				panic(err)
			}
			mu.Lock()
			defer mu.Unlock()
			outcomes[d.String()]++
		})
		require.Len(t, outcomes, 1, "one id, one decision: %v", outcomes)
		for _, p := range c.portfolios {
			_, err := p.Reserve(t.Context(), order(id, xyz, "9"))
			require.ErrorIs(t, err, accounts.ErrIDReused, "another order with the id")
		}
	}
	n := c.walk(t, func(accounts.Entry, any, int64) {})
	require.Equal(t, 1, n, "one order is held")
	require.NoError(t, c.portfolios[1].Release(t.Context(), "same-10", "test"))
	for _, p := range c.portfolios {
		d, err := p.Reserve(t.Context(), order("same-10", xyz, "10"))
		require.ErrorIs(t, err, accounts.ErrRefused, "a released order is not held again")
		require.True(t, d.Broken(risk.RuleDone), d.String())
	}
}
