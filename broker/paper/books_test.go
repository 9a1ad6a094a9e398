package paper_test

import (
	"fmt"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/broker/paper"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

var contracts = []ledger.Instrument{
	xyz,
	ledger.NewOption("XYZ", 20270115, ledger.Call, dec("100"), "USD"),
	ledger.NewStock("SAP", "EUR"),
	{SecType: ledger.Future, Symbol: "CL", Currency: "USD", Expiry: 20270120, Multiplier: dec("1000")},
	{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"},
}

// day is a broker with two accounts, and a portfolio for each that hears of executions alone.
type day struct {
	*rapid.T
	broker     *paper.Broker
	portfolios map[broker.AccountID]*accounts.Portfolio
	clock      time.Time
	orders     int
	working    []broker.Ticket
}

func newDay(rt *rapid.T, t *testing.T) *day {
	d := &day{T: rt, clock: time.Date(2026, 6, 1, 14, 0, 0, 0, time.UTC), portfolios: map[broker.AccountID]*accounts.Portfolio{}}
	o := paper.Options{Clock: func() time.Time { return d.clock }, Spread: dec("0.002"), LateCommissions: rapid.Bool().Draw(rt, "late commissions")}
	if rapid.Bool().Draw(rt, "commissions") {
		o.Commission = func(f *ledger.Trade) ledger.Decimal { return dec("0.35").Add(f.Quantity.Abs().Mul(dec("0.01"))) }
	}
	if rapid.Bool().Draw(rt, "parts") {
		o.Liquidity = dec("4")
	}
	d.broker = opened(t, o)
	m, err := accounts.New(memstore.New(), accounts.WithClock(func() time.Time { return d.clock }))
	require.NoError(rt, err)
	rt.Cleanup(func() { require.NoError(rt, m.Close()) })
	for _, id := range []broker.AccountID{mine, other} {
		profile := accounts.Optimal100K(string(id))
		profile.Name = string(id)
		p, err := m.CreateProfile(t.Context(), profile)
		require.NoError(rt, err)
		d.portfolios[id], err = m.Portfolio(t.Context(), p.ID)
		require.NoError(rt, err)
		_, err = d.portfolios[id].Record(t.Context(), ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: d.clock})
		require.NoError(rt, err)
	}
	return d
}

func (d *day) account() broker.AccountID {
	return rapid.SampledFrom([]broker.AccountID{mine, other}).Draw(d.T, "account")
}

// place sends an order, whose answer may be lost.
func (d *day) place(t *testing.T) {
	i := rapid.SampledFrom(contracts).Draw(d.T, "contract")
	quantity := rapid.IntRange(1, 9).Draw(d.T, "quantity")
	if rapid.Bool().Draw(d.T, "sells") {
		quantity = -quantity
	}
	d.orders++
	k := market(broker.Ref(fmt.Sprint("o", d.orders)), i, fmt.Sprint(quantity))
	if rapid.Bool().Draw(d.T, "limit") {
		k = limit(k.Ref, i, fmt.Sprint(quantity), fmt.Sprint(rapid.IntRange(80, 120).Draw(d.T, "price")))
	}
	if f := rapid.SampledFrom([]paper.Fault{"", "", paper.LostAnswer, paper.LostRequest, paper.Rejected}).Draw(d.T, "fault"); f != "" {
		d.broker.Fail(paper.OpPlace, "", f, "", 1)
	}
	_, err := d.broker.Place(t.Context(), d.account(), k)
	if err == nil {
		d.working = append(d.working, k)
	}
}

// correct corrects one execution that the broker has told.
func (d *day) correct(t *testing.T) {
	id := d.account()
	list, err := d.broker.Executions(t.Context(), id, time.Time{})
	require.NoError(d, err)
	if len(list.List) == 0 {
		return
	}
	e := rapid.SampledFrom(list.List).Draw(d.T, "execution").Trade
	if e.Instrument.SettlesNotional() {
		n := rapid.IntRange(1, int(e.Quantity.Abs().InexactFloat64())).Draw(d.T, "right quantity")
		quantity := dec(fmt.Sprint(n))
		if e.Quantity.IsNeg() {
			quantity = quantity.Neg()
		}
		_, err = d.broker.Correct(id, e.ExecID, quantity, dec(fmt.Sprint(rapid.IntRange(80, 120).Draw(d.T, "right price"))))
		require.NoError(d, err)
	}
}

// hear records what the broker tells of both accounts.
func (d *day) hear(t *testing.T) {
	for id, p := range d.portfolios {
		list, err := d.broker.Executions(t.Context(), id, time.Time{})
		require.NoError(d, err)
		for _, e := range list.List {
			_, err := p.Record(t.Context(), e.Trade)
			require.NoError(d, err, "execution %s", e.Trade.ExecID)
		}
	}
}

// A portfolio that hears of every execution, however often, in parts, corrected and with commissions that
// come later, holds what its account at the broker holds: to the cent, and nothing of another account's.
func TestPropertyBooksAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		d := newDay(rt, t)
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			d.clock = d.clock.Add(time.Second)
			switch rapid.IntRange(0, 6).Draw(rt, "step") {
			case 0, 1:
				d.place(t)
			case 2, 3:
				require.NoError(rt, d.broker.Price(rapid.SampledFrom(contracts).Draw(rt, "contract"), dec(fmt.Sprint(rapid.IntRange(80, 120).Draw(rt, "price")))))
			case 4:
				if len(d.working) > 0 {
					_ = d.broker.Cancel(t.Context(), d.account(), rapid.SampledFrom(d.working).Draw(rt, "cancelled").Ref)
				}
			case 5:
				d.hear(t)
			case 6:
				if rapid.Bool().Draw(rt, "told") {
					d.broker.TellCommissions()
				} else {
					d.correct(t)
				}
			}
		}
		d.broker.TellCommissions()
		d.hear(t)
		for id, p := range d.portfolios {
			s, err := d.broker.Statement(id)
			require.NoError(rt, err)
			r, err := p.Reconcile(t.Context(), s)
			require.NoError(rt, err)
			require.Empty(rt, r.Breaks, id)
			require.Empty(rt, r.Unchecked, id)
			require.NoError(rt, p.Verify(t.Context()))
		}
	})
}
