package gatewaysim_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/ledger"
)

// life is a gateway that a property drives, in process.
type life struct {
	*gatewaysim.Gateway
	t         *rapid.T
	contracts []gatewaysim.Contract
	deposits  map[string]ledger.Decimal // by account and currency
	statuses  map[string][]gatewaysim.Status
	refs      int
}

func (l *life) ask(method, path, body string) {
	w := httptest.NewRecorder()
	l.ServeHTTP(w, httptest.NewRequest(method, "/v1/api"+path, strings.NewReader(body)))
	require.NotEqual(l.t, 500, w.Code, "%s %s: %s", method, path, w.Body)
}

func (l *life) account() string {
	return rapid.SampledFrom([]string{first, second}).Draw(l.t, "account")
}

func (l *life) contract() gatewaysim.Contract {
	return rapid.SampledFrom(l.contracts).Draw(l.t, "contract")
}

func whole(t *rapid.T, label string, low, high int) ledger.Decimal {
	return dec(fmt.Sprint(rapid.IntRange(low, high).Draw(t, label)))
}

// any returns an order of an account, whatever its state; false if there is none.
func (l *life) any(account string) (gatewaysim.TrueOrder, bool) {
	truth, err := l.Truth(account)
	require.NoError(l.t, err)
	if len(truth.Orders) == 0 {
		return gatewaysim.TrueOrder{}, false
	}
	return rapid.SampledFrom(truth.Orders).Draw(l.t, "order"), true
}

func (l *life) place(*rapid.T) {
	account, c := l.account(), l.contract()
	l.refs += rapid.IntRange(0, 1).Draw(l.t, "new ref") // now and then one that was used
	kind := rapid.SampledFrom([]string{`"MKT"`, `"LMT"`, `"STP"`, `"STOP_LIMIT"`}).Draw(l.t, "kind")
	l.ask("POST", "/iserver/account/"+account+"/orders", fmt.Sprintf(
		`{"orders":[{"acctId":%q,"conid":%d,"cOID":"r%d","orderType":%s,"side":%q,"quantity":%s,"price":%s,"auxPrice":%s,"tif":%q,"manualIndicator":false,"extOperator":"x"}]}`,
		account, c.ConID, l.refs, kind, rapid.SampledFrom([]string{"BUY", "SELL"}).Draw(l.t, "side"), whole(l.t, "quantity", 1, 9),
		whole(l.t, "price", 95, 105), whole(l.t, "stop", 95, 105), rapid.SampledFrom([]string{"DAY", "GTC"}).Draw(l.t, "tif")))
}

func (l *life) quote(*rapid.T) {
	bid := whole(l.t, "bid", 95, 105)
	require.NoError(l.t, l.Market().SetQuote(l.contract().ConID, gatewaysim.Quote{Bid: bid, Ask: bid.Add(whole(l.t, "spread", 0, 2)), Last: bid}))
}

func (l *life) cancel(*rapid.T) {
	account := l.account()
	if o, found := l.any(account); found {
		l.ask("DELETE", fmt.Sprintf("/iserver/account/%s/order/%d", account, o.ID), "")
	}
}

// The calls of scripts may be refused; what matters is that the books still add up.
func (l *life) confirm(*rapid.T) {
	if o, found := l.any(l.account()); found {
		_ = l.ConfirmCancel(o.ID)
	}
}

func (l *life) turn(*rapid.T) {
	if o, found := l.any(l.account()); found {
		_ = l.SetStatus(o.ID, rapid.SampledFrom([]gatewaysim.Status{gatewaysim.Inactive, gatewaysim.PendingSubmit, gatewaysim.PreSubmitted,
			gatewaysim.Submitted, gatewaysim.WarnState, gatewaysim.PreCancelled, gatewaysim.Cancelled}).Draw(l.t, "status"), "")
	}
}

func (l *life) fill(*rapid.T) {
	if o, found := l.any(l.account()); found {
		_, _ = l.Fill(o.ID, whole(l.t, "quantity", 1, 9), whole(l.t, "price", 95, 105))
	}
}

func (l *life) correct(*rapid.T) {
	truth, err := l.Truth(l.account())
	require.NoError(l.t, err)
	if len(truth.Executions) > 0 {
		e := rapid.SampledFrom(truth.Executions).Draw(l.t, "execution")
		_, _ = l.Correct(e.ID, whole(l.t, "quantity", 1, 9), whole(l.t, "price", 95, 105), whole(l.t, "commission", 0, 3))
	}
}

func (l *life) liquidate(*rapid.T) {
	_, err := l.Liquidate(l.account(), l.contract().ConID, whole(l.t, "quantity", 1, 5).Neg(), whole(l.t, "price", 95, 105))
	require.NoError(l.t, err)
}

func (l *life) deposit(*rapid.T) {
	account, amount := l.account(), whole(l.t, "amount", -50, 50)
	require.NoError(l.t, l.Deposit(account, "EUR", amount))
	l.deposits[account+"EUR"] = l.deposits[account+"EUR"].Add(amount)
}

func (l *life) advance(*rapid.T) {
	l.Market().Advance(time.Duration(rapid.IntRange(1, 30*60).Draw(l.t, "minutes")) * time.Minute)
	l.LogIn() // a new session every time, whatever ended the last
	l.ask("GET", "/iserver/accounts", "")
}

// check compares every account with what its executions and deposits come to.
func (l *life) check(*rapid.T) {
	for _, account := range []string{first, second} {
		truth, err := l.Truth(account)
		require.NoError(l.t, err)
		l.checkBooks(&truth)
		l.checkOrders(&truth)
	}
}

func (l *life) checkBooks(truth *gatewaysim.Truth) {
	byID, held, cash := map[int64]gatewaysim.Contract{}, map[int64]ledger.Decimal{}, map[ledger.Currency]ledger.Decimal{"USD": dec("100000")}
	for _, c := range l.contracts {
		byID[c.ConID] = c
	}
	move := func(c ledger.Currency, amount ledger.Decimal) { cash[c] = cash[c].Add(amount) }
	for _, e := range truth.Executions {
		c := byID[e.ConID]
		held[e.ConID] = held[e.ConID].Add(e.Quantity)
		move(c.Currency, e.Quantity.Mul(e.Price).Mul(c.Multiplier).Neg()) // of a future what it has gained is left, below
		if e.Charged {
			move(c.Currency, e.Commission.Neg())
		}
	}
	for id, quantity := range held { // futures are worth nothing beside what they have gained
		if c := byID[id]; c.SecType == "FUT" && !quantity.IsZero() {
			q, _ := l.Market().QuoteOf(id)
			move(c.Currency, quantity.Mul(q.Mark).Mul(c.Multiplier))
		}
	}
	move("EUR", l.deposits[truth.Account+"EUR"])
	for _, c := range []ledger.Currency{"USD", "EUR"} {
		// averages are rounded, and what a future has gained is told by its average
		require.True(l.t, cash[c].Sub(truth.Cash[c]).Abs().LessThan(dec("0.0001")), "%s of %s: executions come to %s, and the cash is %s", c, truth.Account,
			cash[c], truth.Cash[c])
	}
	for _, p := range truth.Positions {
		require.Equal(l.t, held[p.Contract.ConID].String(), p.Quantity.String(), "what %s holds of %s", truth.Account, p.Contract.Symbol)
		delete(held, p.Contract.ConID)
	}
	for id, quantity := range held {
		require.True(l.t, quantity.IsZero(), "%s of contract %d are not among the positions", quantity, id)
	}
}

func (l *life) checkOrders(truth *gatewaysim.Truth) {
	for ref, n := range truth.Placed {
		require.LessOrEqual(l.t, n, truth.Requested[ref], "orders under %s, and requests", ref)
	}
	filled := map[int64]ledger.Decimal{}
	for _, e := range truth.Executions {
		filled[e.OrderID] = filled[e.OrderID].Add(e.Quantity)
	}
	for n, o := range truth.Orders {
		require.Equal(l.t, filled[o.ID].String(), o.Filled.String(), "what order %d has filled", o.ID)
		require.False(l.t, o.Filled.Abs().GreaterThan(o.Quantity.Abs()), "order %d filled more than it is", o.ID)
		key := fmt.Sprintf("%s %d", truth.Account, n)
		before := l.statuses[key]
		require.GreaterOrEqual(l.t, len(o.History), len(before))
		require.True(l.t, slices.Equal(before, o.History[:len(before)]), "the history of order %d was rewritten: %v, %v", o.ID, before, o.History)
		for _, s := range o.History[:len(o.History)-1] {
			require.False(l.t, s.Terminal(), "order %d went on after %s: %v", o.ID, s, o.History)
		}
		l.statuses[key] = append([]gatewaysim.Status{}, o.History...)
	}
}

// After any script the books of each account are what its executions and deposits come to, and no order goes
// on after it has ended.
func TestBooksAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Liquidity: dec("5"), CommissionDelay: time.Duration(rapid.IntRange(0, 1).Draw(t, "late")) * time.Hour})
		require.NoError(t, err)
		require.NoError(t, m.SetRate("EUR", dec("1.1")))
		g, err := gatewaysim.New(gatewaysim.Config{Market: m, Pacing: gatewaysim.Pacing{Off: true}, ManualCancels: rapid.Bool().Draw(t, "manual cancels"),
			Accounts: []gatewaysim.Account{{ID: first, Cash: dec("100000")}, {ID: second, Cash: dec("100000")}}})
		require.NoError(t, err)
		defer func() { require.NoError(t, g.Close()) }()
		l := &life{Gateway: g, t: t, deposits: map[string]ledger.Decimal{}, statuses: map[string][]gatewaysim.Status{}}
		spy, err := m.Stock("SPY", dec("100"))
		require.NoError(t, err)
		l.contracts = append(l.contracts, spy)
		for _, c := range []gatewaysim.Contract{{SecType: "STK", Symbol: "SAP", Currency: "EUR", Abroad: true},
			{SecType: "FUT", Symbol: "ES", Underlying: spy.ConID, Expiry: 20261218, Multiplier: dec("50")},
			{SecType: "OPT", Symbol: "SPY", Underlying: spy.ConID, Expiry: 20261218, Right: "P", Strike: dec("90")}} {
			c, err := m.Add(c)
			require.NoError(t, err)
			require.NoError(t, m.SetPrice(c.ConID, dec("100")))
			l.contracts = append(l.contracts, c)
		}
		l.ask("GET", "/iserver/accounts", "")
		t.Repeat(map[string]func(*rapid.T){"place": l.place, "quote": l.quote, "cancel": l.cancel, "confirm": l.confirm, "status": l.turn,
			"fill": l.fill, "correct": l.correct, "liquidate": l.liquidate, "deposit": l.deposit, "advance": l.advance, "": l.check})
	})
}
