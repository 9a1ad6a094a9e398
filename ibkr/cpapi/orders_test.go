package cpapi

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// Public sources: ib_insync#442, nautilus#4228. A list is empty only where the broker says so.
func TestReport01EmptyOnlyWhenSaid(t *testing.T) {
	for _, route := range []string{"GET /iserver/account/orders", "GET /iserver/account/trades", "GET /portfolio/{account}/positions/{page}",
		"GET /portfolio/{account}/ledger", "GET /portfolio/accounts", "GET /iserver/accounts"} {
		f := newFake(t)
		c := f.client()
		for what, answer := range map[string]answerer{
			"nothing": always(200, ""), "no content": always(204, ""), "null": always(200, "null"), "a web page": always(200, "<html>maintenance</html>"),
			"text": always(200, "please wait"), "an empty object": always(200, "{}"), "half an answer": always(200, `[{"conid":`),
			"a refusal": always(200, `{"error":"cannot"}`), "a fault": always(500, `{"error":"fault"}`), "a page with a fault": always(502, "<html>"),
			"no success": always(200, `{"success":false,"text":"no"}`), "unavailable": always(503, `{"error":"gone","statusCode":503}`), "a string": always(200, `"ok"`),
		} {
			f.on(route, answer)
			for call, err := range reads(t.Context(), c, mine) {
				if call == route {
					require.Error(t, err, "%s: %s is an answer", route, what)
					require.NotErrorIs(t, err, broker.ErrOutcomeUnknown, what)
				}
			}
			until(t, "a session again", func() bool { return c.Status().Usable() })
		}
	}
}

// reads asks for every list, and returns the errors by the routes that matter.
func reads(ctx context.Context, c *Client, id broker.AccountID) map[string]error {
	_, orders := c.Orders(ctx, id)
	_, trades := c.Executions(ctx, id, time.Now().Add(-time.Hour))
	_, positions := c.Positions(ctx, id)
	_, cash := c.Cash(ctx, id)
	_, accounts := c.Accounts(ctx)
	return map[string]error{"GET /iserver/account/orders": orders, "GET /iserver/account/trades": trades, "GET /portfolio/{account}/positions/{page}": positions,
		"GET /portfolio/{account}/ledger": cash, "GET /portfolio/accounts": accounts, "GET /iserver/accounts": accounts}
}

// Public sources: stoqey/ibkr#66, pysystemtrade PR#1264: rows of all accounts were mixed.
func TestReport02RowsOfOtherAccounts(t *testing.T) {
	f := newFake(t)
	c := f.client()
	at := time.Now().Add(-time.Hour)
	f.on("GET /iserver/account/orders", always(200, orderList(orderRow(1, theirs, "a", "Submitted"), orderRow(2, mine, "b", "Submitted"),
		orderRow(3, "DU100001C", "c", "Submitted"), strings.ReplaceAll(orderRow(4, mine, "d", "Submitted"), `"acct":"DU100001"`, `"acct":"DU100002"`),
		strings.ReplaceAll(orderRow(5, "", "e", "Submitted"), `"conid"`, `"x":1,"conid"`))))
	orders, err := c.Orders(t.Context(), mine)
	require.NoError(t, err)
	require.Len(t, orders.List, 1)
	require.Equal(t, broker.Ref("b"), orders.List[0].Ref)
	require.Equal(t, 4, orders.Foreign, "another account's, a segment's, one that contradicts itself, and one that names none of two accounts")
	require.False(t, orders.Complete, "two of the rows may be anybody's")
	f.on("GET /iserver/account/orders", always(200, orderList(orderRow(1, theirs, "a", "Submitted"), orderRow(2, mine, "b", "Submitted"))))
	orders, err = c.Orders(t.Context(), mine)
	require.NoError(t, err)
	require.Equal(t, 1, orders.Foreign)
	require.True(t, orders.Complete, "the account is still selected")

	f.on("GET /iserver/account/trades", always(200, tradeList(tradeRow("0001.01.01.01", theirs, "a", at, ""), tradeRow("0002.01.01.01", mine, "b", at, ""))))
	trades, err := c.Executions(t.Context(), mine, at.Add(-time.Hour))
	require.NoError(t, err)
	require.Len(t, trades.List, 1)
	require.Equal(t, 1, trades.Foreign)
	require.Equal(t, mine, trades.List[0].Account)

	f.on("GET /portfolio/{account}/positions/{page}",
		pages(`[{"acctId":"DU100002","conid":756733,"position":5},{"acctId":"DU100001","conid":756733,"position":3,"avgPrice":90,"multiplier":null}]`))
	positions, err := c.Positions(t.Context(), mine)
	require.NoError(t, err)
	require.Equal(t, []int{1, 1}, []int{len(positions.List), positions.Foreign})
	require.Equal(t, "3", positions.List[0].Quantity.String())
}

// An account that was selected away while a list was read makes the list incomplete.
func TestAccountSelectedAway(t *testing.T) {
	f := newFake(t)
	c := f.client()
	for foreign, list := range []string{orderList(), orderList(orderRow(1, theirs, "a", "Submitted"))} {
		f.on("GET /iserver/account/orders", always(200, list))
		f.on("POST /iserver/account", func(n int, _ call) (int, string) {
			return 200, []string{`{"success":"Account already set"}`, `{"set":true,"acctId":"DU100001"}`}[n]
		})
		orders, err := c.Orders(t.Context(), mine)
		require.NoError(t, err)
		require.False(t, orders.Complete)
		require.Equal(t, foreign, orders.Foreign)
	}
}

// Public source: thetagang PR#646: one account that never answered held up the others.
func TestReport03AccountsAnswerApart(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on("GET /portfolio/{account}/ledger", func(_ int, c call) (int, string) {
		if strings.Contains(c.Path, string(theirs)) {
			return 500, `{"error":"not now"}`
		}
		return 200, recorded(t, "Portfolio-GET-portfolio-ledger")
	})
	_, err := c.Cash(t.Context(), theirs)
	require.Error(t, err)
	cash, err := c.Cash(t.Context(), mine)
	require.NoError(t, err)
	require.True(t, cash.Complete)
}

// Public sources: ibind#12, ibind#90, ibind#119, ibind#129: the first list is a warming up, and filters give
// partial lists and silence the stream.
func TestReport20FirstListProvesNothing(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on("POST /iserver/account", always(200, `{"success":"Account already set"}`))
	f.on("GET /iserver/account/orders", func(n int, _ call) (int, string) {
		if n == 0 {
			return 200, orderList()
		}
		return 200, orderList(orderRow(1, mine, "a", "Submitted"))
	})
	orders, err := c.Orders(t.Context(), mine)
	require.NoError(t, err)
	require.True(t, orders.Complete)
	require.Len(t, orders.List, 1, "the list of the warming up was taken")
	require.Equal(t, 2, f.count("GET /iserver/account/orders"))
	_, err = c.Orders(t.Context(), mine)
	require.NoError(t, err)
	require.Equal(t, 3, f.count("GET /iserver/account/orders"), "a session that is warm is asked once")
	f.on("POST /iserver/account", func(n int, _ call) (int, string) {
		return 200, []string{`{"set":true,"acctId":"DU100001"}`, `{"success":"Account already set"}`}[n]
	})
	_, err = c.Orders(t.Context(), mine)
	require.NoError(t, err)
	require.Equal(t, 5, f.count("GET /iserver/account/orders"), "another account was selected in between")
	for _, c := range f.asked(func(c call) bool { return c.Path == "/iserver/account/orders" }) {
		require.NotContains(t, c.Query, "filters")
		require.NotContains(t, c.Query, "force")
	}
}

// A list whose second request cannot be made proves nothing either.
func TestWarmingUpIsNoAnswer(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on("GET /iserver/account/orders", func(n int, _ call) (int, string) {
		if n == 0 {
			return 200, orderList()
		}
		return 500, `{"error":"not now"}`
	})
	_, err := c.Orders(t.Context(), mine)
	require.Error(t, err)
}

// A thousand orders are as many as IBKR lists: there may be more.
func TestCutListIsNotComplete(t *testing.T) {
	f := newFake(t)
	c := f.client()
	rows := make([]string, maxOrders)
	for n := range rows {
		rows[n] = orderRow(int64(n+1), mine, "", "Submitted")
	}
	f.on("GET /iserver/account/orders", always(200, orderList(rows...)))
	orders, err := c.Orders(t.Context(), mine)
	require.NoError(t, err)
	require.Len(t, orders.List, maxOrders)
	require.False(t, orders.Complete)
}

// An order in a combination cannot be expressed: the list says that it is not all.
func TestCombinationIsLeftOut(t *testing.T) {
	f := newFake(t)
	c := f.client()
	for _, spread := range []string{strings.Replace(orderRow(1, mine, "", "Submitted"), "756733", "900", 1),
		strings.Replace(orderRow(1, mine, "", "Submitted"), `"conid":756733`, `"conid":-1,"secType":"BAG"`, 1)} {
		f.on("GET /iserver/account/orders", always(200, orderList(spread, orderRow(2, mine, "b", "Submitted"))))
		orders, err := c.Orders(t.Context(), mine)
		require.NoError(t, err)
		require.Len(t, orders.List, 1)
		require.False(t, orders.Complete)
	}
}

// Lists of an account that may only be viewed are not complete: it cannot be selected.
func TestAccountThatMayOnlyBeViewed(t *testing.T) {
	f := newFake(t)
	c := f.client()
	orders, err := c.Orders(t.Context(), view)
	require.NoError(t, err)
	require.False(t, orders.Complete)
	trades, err := c.Executions(t.Context(), view, time.Now())
	require.NoError(t, err)
	require.False(t, trades.Complete)
	_, err = c.Place(t.Context(), view, limit("r", "1", "90"))
	require.ErrorIs(t, err, broker.ErrRejected)
	require.ErrorIs(t, c.Cancel(t.Context(), view, "r"), broker.ErrOrderNotFound)
	require.Zero(t, f.count("POST /iserver/account"))
}

// Public source: OpenAlice#1126: a passing status released an order that filled later.
func TestReport30OnlyTerminalStatusesEnd(t *testing.T) {
	for status, want := range map[text]struct {
		is       broker.OrderStatus
		terminal bool
	}{
		"PendingSubmit": {broker.OrderPending, false}, "PreSubmitted": {broker.OrderWorking, false}, "Submitted": {broker.OrderWorking, false},
		"Filled": {broker.OrderFilled, true}, "PendingCancel": {broker.OrderCancelling, false}, "PreCancelled": {broker.OrderCancelling, false},
		"Cancelled": {broker.OrderCancelled, true}, "Inactive": {broker.OrderInactive, false}, "WarnState": {broker.OrderPending, false},
		"Rejected": {broker.OrderCancelled, true}, "Something": {"Something", false}, "submitted": {broker.OrderWorking, false},
	} {
		require.Equal(t, want.is, statusOf(status))
		require.Equal(t, want.terminal, statusOf(status).Terminal(), status)
	}
}

func TestTermsOfOrders(t *testing.T) {
	for body, want := range map[string]broker.Terms{
		`{"orderType":"Limit","price":"90.50","timeInForce":"GTC","outsideRTH":true}`:                            {Type: broker.LimitOrder, Limit: dec("90.5"), TIF: broker.GoodTillCanceled, OutsideHours: true},
		`{"orderType":"Market","origOrderType":"MARKET","price":"","timeInForce":"DAY"}`:                         {Type: broker.MarketOrder, TIF: broker.Day},
		`{"orderType":"Stop","price":95,"timeInForce":"DAY"}`:                                                    {Type: broker.StopOrder, Stop: dec("95"), TIF: broker.Day},
		`{"orderType":"Stop","origOrderType":"STOP","price":"","auxPrice":"95","timeInForce":"DAY"}`:             {Type: broker.StopOrder, Stop: dec("95"), TIF: broker.Day},
		`{"orderType":"Stop Limit","price":"94","stop_price":"95","timeInForce":"DAY"}`:                          {Type: broker.StopLimitOrder, Limit: dec("94"), Stop: dec("95"), TIF: broker.Day},
		`{"orderType":"Stop Limit","origOrderType":"STOP_LIMIT","price":"94","auxPrice":95,"timeInForce":"DAY"}`: {Type: broker.StopLimitOrder, Limit: dec("94"), Stop: dec("95"), TIF: broker.Day},
		`{"orderType":"Trail","timeInForce":"CLOSE"}`:                                                            {},
	} {
		o, err := decodeOrders(&reply{status: 200, body: []byte(orderList(strings.Replace(body, "{", `{"orderId":1,"status":"Filled",`, 1)))})
		require.NoError(t, err, body)
		require.Equal(t, want, o[0].terms(), body)
	}
}

// Contracts have the keys that package flex gives them: an option's symbol is the root of its OSI symbol.
func TestContracts(t *testing.T) {
	c := newFake(t).client()
	for conid, want := range map[int64]ledger.InstrumentKey{
		756733: "STK:SPY:USD", 700: "OPT:SPXW:20270115:C:5000:100:USD", 701: "OPT:SPX:20270115:C:5000:100:USD",
		800: "FUT:CL:20270120:1000:USD", 801: "FOP:CLG7:20270114:C:60:1000:USD",
	} {
		i, err := c.instrument(t.Context(), conid, prioRest)
		require.NoError(t, err)
		require.Equal(t, want, i.Key())
		require.Equal(t, conid, i.ConID)
	}
	_, err := c.instrument(t.Context(), 900, prioRest)
	require.ErrorIs(t, err, errNoTerms)
	_, err = c.instrument(t.Context(), 12345, prioRest)
	require.Error(t, err)
	for body, want := range map[string]ledger.InstrumentKey{
		`{"con_id":1,"symbol":"SPX","trading_class":"SPXW","instrument_type":"OPT","currency":"USD","maturity_date":"20270115","strike":5000.0,"right":"C"}`:                                                            "OPT:SPXW:20270115:C:5000:100:USD",
		`{"con_id":1,"symbol":"DAX","local_symbol":"P ODAX 20270115 9000 M","trading_class":"ODAX","instrument_type":"OPT","currency":"EUR","multiplier":"5","maturity_date":"20270115","strike":"9000","right":"PUT"}`: "OPT:DAX:20270115:P:9000:5:EUR",
		`{"con_id":1,"symbol":"SPX","local_symbol":"SPXW  270115P05000000","instrument_type":"OPT","currency":"USD"}`:                                                                                                   "OPT:SPXW:20270115:P:5000:100:USD",
		`{"con_id":1,"symbol":"SAP","local_symbol":"XY1234","instrument_type":"IOPT","currency":"EUR","multiplier":"0.1","maturity_date":"20270115","strike":"90","right":"C"}`:                                         "WAR:XY1234:20270115:C:90:0.1:EUR",
		`{"con_id":1,"symbol":"T","local_symbol":"T 3 01/15/27","instrument_type":"BILL","currency":"USD"}`:                                                                                                             "BOND:T 3 01/15/27:0.01:USD",
		`{"con_id":1,"symbol":"EUR","local_symbol":"EUR.USD","instrument_type":"CASH","currency":"USD"}`:                                                                                                                "CASH:EUR:USD",
		`{"con_id":1,"symbol":"BRK B","local_symbol":"BRK B","instrument_type":"STK","currency":"USD","strike":0.0,"right":"?"}`:                                                                                        "STK:BRK B:USD",
	} {
		var k contractInfo
		require.NoError(t, (&reply{status: 200, body: []byte(body)}).decode(&k))
		i, err := k.instrument("")
		require.NoError(t, err, body)
		require.Equal(t, want, i.Key())
	}
	for _, body := range []string{`{"con_id":1,"symbol":"X","instrument_type":"FUT","currency":"USD","maturity_date":"20270120"}`, `{"con_id":1,"symbol":"X","instrument_type":"STK","currency":"?"}`,
		`{"con_id":1,"symbol":"X","instrument_type":"OPT","currency":"USD","maturity_date":"soon","strike":"5","right":"C"}`, `{"con_id":1,"symbol":"X","instrument_type":"FOP","currency":"USD"}`} {
		var k contractInfo
		require.NoError(t, (&reply{status: 200, body: []byte(body)}).decode(&k))
		_, err := k.instrument("")
		require.ErrorIs(t, err, ErrUnreadable, body)
	}
}

// What a list has shown does not vanish from it within a session: a list that lacks a part proves nothing.
func TestListsThatForget(t *testing.T) {
	f := newFake(t)
	c := f.client()
	complete := func() [2]bool {
		orders, err := c.Orders(t.Context(), mine)
		require.NoError(t, err)
		trades, err := c.Executions(t.Context(), mine, time.Now().Add(-time.Hour))
		require.NoError(t, err)
		return [2]bool{orders.Complete, trades.Complete}
	}
	lists := func(orders, trades string) {
		f.on("GET /iserver/account/orders", always(200, orders))
		f.on("GET /iserver/account/trades", always(200, trades))
	}
	now := time.Now()
	lists(orderList(orderRow(1, mine, "a", "Submitted"), orderRow(2, mine, "b", "Filled")), tradeList(tradeRow("0001.01.01.01", mine, "b", now, "")))
	require.Equal(t, [2]bool{true, true}, complete())
	lists(orderList(orderRow(1, mine, "a", "Submitted")), tradeList(tradeRow("0001.01.01.02", mine, "b", now, "")))
	require.Equal(t, [2]bool{true, true}, complete(), "an order that has ended may go, and a correction takes the place of its execution")
	lists(orderList(), "[]")
	require.Equal(t, [2]bool{false, false}, complete())
	trades, err := c.Executions(t.Context(), mine, now.Add(time.Minute))
	require.NoError(t, err)
	require.True(t, trades.Complete, "the execution was before")
	lists(orderList(orderRow(1, mine, "a", "Cancelled")), tradeList(tradeRow("0001.01.01.02", mine, "b", now, "")))
	require.Equal(t, [2]bool{true, true}, complete())
	lists(orderList(), tradeList(tradeRow("0001.01.01.02", mine, "b", now, "")))
	require.Equal(t, [2]bool{true, true}, complete(), "it was seen to end")
	_, err = c.Place(t.Context(), mine, limit("c", "1", "90"))
	require.NoError(t, err)
	require.Equal(t, [2]bool{false, true}, complete(), "an order that was just acknowledged is not listed yet")
}

// The account's owner may place orders elsewhere that the library has no terms for. Such an order is listed with what
// is known of it, and the list is whole.
func TestTermsOfOtherKinds(t *testing.T) {
	f := newFake(t)
	c := f.client()
	for _, tif := range []string{`"CLOSE"`, `"GTD"`, `"IOC"`, `"OPG"`, `"OVT"`, `"OND"`, `"GTX"`, `"AUC"`, `""`, `null`, `7`} {
		row := strings.ReplaceAll(orderRow(1, mine, "a", "Submitted"), `"timeInForce":"DAY"`, `"timeInForce":`+tif)
		row = strings.ReplaceAll(strings.ReplaceAll(row, `"orderType":"Limit"`, `"orderType":"Relative"`), `"LIMIT"`, `"REL"`)
		f.on("GET /iserver/account/orders", always(200, orderList(row, orderRow(2, mine, "b", "Submitted"))))
		orders, err := c.Orders(t.Context(), mine)
		require.NoError(t, err, tif)
		require.True(t, orders.Complete, tif)
		require.Len(t, orders.List, 2, tif)
		require.Empty(t, orders.List[0].Terms.TIF, "a time in force that the library has no name for: %s", tif)
		require.Empty(t, orders.List[0].Terms.Type, tif)
		require.Equal(t, broker.Day, orders.List[1].Terms.TIF)
		require.NoError(t, c.CancelByID(t.Context(), mine, "1"), "an order of any terms can be cancelled")
	}
}
