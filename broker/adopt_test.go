package broker_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/broker/paper"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// TestAdoption: a book begins with what the account holds, and what made that is booked no second time, by this
// process or the next; what comes later is.
func TestAdoption(t *testing.T) {
	r := &rig{store: memstore.New()}
	r.clock.Store(desktest.Now.UnixMicro())
	r.paper = paper.New(paper.Options{Clock: r.Now, Commission: func(*ledger.Trade) ledger.Decimal { return dec("1") }})
	r.manager = r.newManager(t)
	require.NoError(t, r.paper.Open(
		broker.Account{ID: "DU1000200", Kind: broker.WholeAccount, Mode: accounts.ModePaper, Currency: "USD", Tradable: true},
		broker.Balance{Currency: "USD", Cash: dec("100000")}))
	p := accounts.Optimal100K("DU1000200")
	p.Limits = desktest.Loose()
	p, err := r.manager.CreateProfile(t.Context(), p)
	require.NoError(t, err)
	r.ids = []accounts.ProfileID{p.ID}
	require.NoError(t, r.paper.Price(stock, dec("100")))
	require.NoError(t, r.paper.Price(call, dec("5")))
	byHand := func(i ledger.Instrument, quantity, limit string) {
		_, err := r.paper.PlaceByHand("DU1000200", broker.Ticket{Order: risk.Order{ID: "hand", Instrument: i, Quantity: dec(quantity), Price: dec(limit)},
			Terms: day(limit)})
		require.NoError(t, err)
	}
	byHand(stock, "30", "101")
	byHand(call, "-2", "4")
	h := &hooked{Broker: r.paper}
	h.answer(hooks{positions: func(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Position], error) {
		x, err := r.paper.Positions(ctx, a)
		for i := range x.List { // the paper broker tells no averages
			x.List[i].Average = x.List[i].Mark.Price
		}
		return x, err
	}})
	adopt := func(c *broker.Config) {
		c.Adopt, c.Connect = true, func(context.Context) (broker.Broker, error) { return h, nil }
	}
	r.engine = r.start(t, r.manager, adopt)
	for {
		if _, err = r.engine.Discover(t.Context()); err == nil {
			break // the session is there
		}
		require.NoError(t, t.Context().Err())
	}
	require.ErrorIs(t, r.engine.Sync(t.Context()), broker.ErrNotReady, "the account has traded just now")
	require.Zero(t, r.portfolio(t, 0).Seq(), "nothing is booked before the account is adopted")

	same := func(trades int) {
		t.Helper()
		r.sync(t)
		r.sync(t)
		require.Empty(t, r.engine.Status().Accounts[0].Breaks)
		n := 0
		for _, err := range r.portfolio(t, 0).Trades(t.Context(), accounts.TradeFilter{}) {
			require.NoError(t, err)
			n++
		}
		require.Equal(t, trades, n, "executions in the book")
		for i, quantity := range map[*ledger.Instrument]string{&stock: "30", &call: "-2"} {
			held, _ := r.portfolio(t, 0).Position(i.Key())
			if trades > 0 && i == &stock {
				quantity = "35"
			}
			require.Equal(t, quantity, held.Quantity.String(), i.Symbol)
		}
		cash, err := r.paper.Cash(t.Context(), "DU1000200")
		require.NoError(t, err)
		ours := r.portfolio(t, 0).Cash()["USD"]
		require.Equal(t, cash.List[0].Cash.String(), ours.Balance().String(), "cash")
	}
	r.Advance(2 * time.Minute)
	same(0)
	r.Advance(time.Minute)
	require.NoError(t, r.paper.Price(stock, dec("100")))
	byHand(stock, "5", "101")
	same(1)
	require.NoError(t, r.engine.Close())
	r.manager = r.newManager(t)
	r.engine = r.start(t, r.manager, adopt)
	same(1)
}

// A profile that has a history is not adopted.
func TestAHistoryIsNotAdopted(t *testing.T) {
	r := newRig(t, 1, func(c *broker.Config) { c.Adopt = true })
	r.Advance(time.Hour)
	seq := r.portfolio(t, 0).Seq()
	r.sync(t)
	for x, err := range r.portfolio(t, 0).Facts(t.Context(), accounts.Page{After: seq}) {
		require.NoError(t, err)
		require.Fail(t, "something was booked", "%v", x.Value)
	}
}
