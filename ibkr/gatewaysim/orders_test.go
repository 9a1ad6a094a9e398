package gatewaysim_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
)

// live returns the statuses of an account's live orders by their references.
func (b *bench) live(account string) map[string]string {
	b.t.Helper()
	out := map[string]string{}
	for _, row := range rows(b.get("/iserver/account/orders?accountId="+account), "orders") {
		ref, _ := row["order_ref"].(string)
		require.Equal(b.t, account, row["acct"], "the row's account")
		out[ref] = row["status"].(string)
	}
	return out
}

func id(b *bench, answer map[string]any) int64 {
	b.t.Helper()
	text, isText := answer["order_id"].(string)
	require.True(b.t, isText, "no order was placed: %v", answer)
	n, err := strconv.ParseInt(text, 10, 64)
	require.NoError(b.t, err)
	return n
}

func TestOrderFills(t *testing.T) {
	b := open(t, nil).ready()
	b.place(first, "buy", "BUY", "10", "90")
	require.Equal(t, map[string]string{"buy": "Submitted"}, b.live(first))
	require.Empty(t, b.live(second))
	require.NoError(t, b.Market().SetPrice(b.spy, dec("89.5")))
	require.Equal(t, map[string]string{"buy": "Filled"}, b.live(first))
	trades := rows(b.get("/iserver/account/trades?accountId="+first), "")
	require.Len(t, trades, 1)
	require.Equal(t, []any{"BOT", 10.0, 89.5, "buy", "1", first}, []any{trades[0]["side"], trades[0]["size"], trades[0]["price"], trades[0]["order_ref"],
		trades[0]["commission"], trades[0]["account"]})
	truth := b.truth(first)
	require.Equal(t, "24104", truth.Cash["USD"].String(), "25000 less 895 and a commission of 1")
	require.Equal(t, map[string]int{"buy": 1}, truth.Placed)
	require.Empty(t, b.truth(second).Executions, "the other account has nothing of it")
	cash := b.get("/portfolio/" + first + "/ledger").(map[string]any)["USD"].(map[string]any)
	require.Equal(t, []any{24104.0, 24999.0}, []any{cash["cashbalance"], cash["settledcash"]}, "what was traded settles at midnight")
}

// An order without an account goes to the first of the list, whatever the path says.
func TestOrderWithoutAccount(t *testing.T) {
	b := open(t, nil).ready()
	b.ask("POST", "/iserver/account/"+second+"/orders", b.order("", "lost", "BUY", "1", "90"))
	require.Equal(t, []int{1, 0}, []int{len(b.truth(first).Orders), len(b.truth(second).Orders)})
}

func TestQuestions(t *testing.T) {
	b := open(t, func(c *gatewaysim.Config) {
		c.Questions = []gatewaysim.Question{{ID: "o354"}, {ID: "o163", Far: true}, {ID: "o10151", OrderType: "MKT"}}
	}).ready()
	asked := b.place(first, "near", "BUY", "1", "99")
	require.Equal(t, []any{"o354"}, asked["messageIds"])
	require.Contains(t, asked["message"].([]any)[0], "without market data")
	require.Empty(t, b.live(first), "nothing is placed before the answer")
	answer := rows(b.ask("POST", "/iserver/reply/"+asked["id"].(string), `{"confirmed":true}`), "")[0]
	require.NotEmpty(t, answer["order_id"])

	asked = b.place(first, "far", "BUY", "1", "50")
	next := rows(b.ask("POST", "/iserver/reply/"+asked["id"].(string), `{"confirmed":true}`), "")[0]
	require.Equal(t, []any{"o163"}, next["messageIds"], "questions chain")
	require.NotEqual(t, asked["id"], next["id"])
	said := b.ask("POST", "/iserver/reply/"+next["id"].(string), `{"confirmed":false}`)
	require.Contains(t, said, "error")
	require.Equal(t, map[string]string{"near": "Submitted"}, b.live(first))
	require.Equal(t, map[string]int{"near": 1}, b.truth(first).Placed)
	require.Equal(t, map[string]int{"near": 1, "far": 1}, b.truth(first).Requested)

	b.ask("POST", "/iserver/questions/suppress", `{"messageIds":["o354","o163"]}`)
	b.place(first, "suppressed", "BUY", "1", "50")
	require.Equal(t, "Submitted", b.live(first)["suppressed"])
	b.init("true")
	require.Contains(t, b.place(first, "again", "BUY", "1", "50"), "messageIds", "each init forgets what was suppressed")
}

// Any other order request of the session voids a question, and lists do not.
func TestVoidedQuestions(t *testing.T) {
	b := open(t, nil).ready()
	working := id(b, b.place(first, "working", "BUY", "1", "80"))
	b.Ask(gatewaysim.Question{ID: "o383", Account: second})
	for name, request := range map[string][3]string{
		"place":   {"POST", "/iserver/account/" + first + "/orders", b.order(first, "other", "BUY", "1", "90")},
		"cancel":  {"DELETE", fmt.Sprintf("/iserver/account/%s/order/%d", first, working), ""},
		"what-if": {"POST", "/iserver/account/" + first + "/orders/whatif", b.order(first, "", "BUY", "1", "90")},
		"list":    {"GET", "/iserver/account/orders", ""},
	} {
		asked := b.place(second, "asked-"+name, "BUY", "1", "90")
		b.ask(request[0], request[1], request[2])
		status, _ := b.try("POST", "/iserver/reply/"+asked["id"].(string), `{"confirmed":true}`)
		require.Equal(t, map[bool]int{true: 200, false: 503}[name == "list"], status, name)
	}
}

func TestReferencesAreUnique(t *testing.T) {
	b := open(t, nil).ready()
	b.place(first, "ref", "BUY", "1", "90")
	for _, account := range []string{first, second} {
		said := b.ask("POST", "/iserver/account/"+account+"/orders", b.order(account, "ref", "BUY", "1", "90"))
		require.Contains(t, said.(map[string]any)["error"], "Local order ID=ref is already registered")
	}
	require.Equal(t, []any{1, 2}, []any{b.truth(first).Placed["ref"], b.truth(first).Requested["ref"]})
	b.Market().Advance(24 * time.Hour)
	b.LogIn()
	b.ready()
	b.place(first, "ref", "BUY", "1", "90")
	require.Equal(t, 2, b.truth(first).Placed["ref"], "a day later the reference can be used again")
}

func TestCancelling(t *testing.T) {
	b := open(t, nil).ready()
	n := id(b, b.place(first, "a", "BUY", "1", "90"))
	path := "/iserver/account/" + first + "/order/"
	said := b.ask("DELETE", path+strconv.FormatInt(n, 10), "").(map[string]any)
	require.Equal(t, []any{float64(n), -1.0, nil}, []any{said["order_id"], said["conid"], said["account"]}, "cancelled at once")
	require.Equal(t, "Cancelled", b.live(first)["a"])
	for _, gone := range []string{strconv.FormatInt(n, 10), "1", "x"} {
		require.Contains(t, b.ask("DELETE", path+gone, "").(map[string]any)["error"], "doesn't exist", gone)
	}
	theirs := id(b, b.place(second, "theirs", "BUY", "1", "90"))
	require.Contains(t, b.ask("DELETE", path+strconv.FormatInt(theirs, 10), ""), "error", "an order of another account")
	b.place(first, "b", "BUY", "1", "90")
	b.place(first, "c", "BUY", "1", "90")
	b.ask("DELETE", path+"-1", "")
	require.Equal(t, map[string]string{"a": "Cancelled", "b": "Cancelled", "c": "Cancelled"}, b.live(first))
	require.Equal(t, "Submitted", b.live(second)["theirs"], "all of the account are cancelled, and no others")
}

// An order can fill while its cancellation is under way.
func TestFillsWhileCancelling(t *testing.T) {
	b := open(t, func(c *gatewaysim.Config) { c.ManualCancels = true }).ready()
	n := id(b, b.place(first, "a", "BUY", "10", "90"))
	said := b.ask("DELETE", fmt.Sprintf("/iserver/account/%s/order/%d", first, n), "").(map[string]any)
	require.Equal(t, []any{float64(b.spy), first}, []any{said["conid"], said["account"]}, "it is only asked for")
	require.Equal(t, "PendingCancel", b.live(first)["a"])
	_, err := b.Fill(n, dec("4"), dec("90"))
	require.NoError(t, err)
	require.NoError(t, b.SetStatus(n, gatewaysim.PreCancelled, ""))
	require.NoError(t, b.ConfirmCancel(n))
	require.Error(t, b.ConfirmCancel(n))
	require.ErrorIs(t, b.ConfirmCancel(1), gatewaysim.ErrUnknown)
	truth := b.truth(first).Orders[0]
	require.Equal(t, "4", truth.Filled.String())
	require.Equal(t, []gatewaysim.Status{"Submitted", "PendingCancel", "PreCancelled", "Cancelled"}, truth.History)
	_, err = b.Fill(n, dec("1"), dec("90"))
	require.Error(t, err, "what has ended does not fill")
}

func TestStatusesGoForward(t *testing.T) {
	b := open(t, func(c *gatewaysim.Config) { c.Market = manual(t) }).ready()
	n := id(b, b.place(first, "a", "BUY", "1", "101"))
	for _, step := range []struct {
		to gatewaysim.Status
		ok bool
	}{{gatewaysim.PreSubmitted, false}, {gatewaysim.Inactive, true}, {gatewaysim.PendingSubmit, true}, {gatewaysim.PreSubmitted, true},
		{gatewaysim.Filled, false}, {"Odd", false}, {gatewaysim.Cancelled, true}, {gatewaysim.Submitted, false}} {
		require.Equal(t, step.ok, b.SetStatus(n, step.to, "") == nil, "to %s", step.to)
	}
	require.ErrorIs(t, b.SetStatus(1, gatewaysim.Cancelled, ""), gatewaysim.ErrUnknown)
}

// manual returns a market in which nothing fills by itself.
func manual(t *testing.T) *gatewaysim.Market {
	t.Helper()
	m, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Manual: true})
	require.NoError(t, err)
	return m
}

// Orders for the day end at the close, and others work on, over the night and over sessions.
func TestDays(t *testing.T) {
	b := open(t, nil).ready()
	b.place(first, "day", "BUY", "1", "90")
	gtc := fmt.Sprintf(`{"orders":[{"acctId":%q,"conid":%d,"cOID":"gtc","orderType":"LMT","side":"BUY","quantity":1,"price":"90","tif":"GTC"}]}`, first, b.spy)
	b.ask("POST", "/iserver/account/"+first+"/orders", gtc)
	b.Market().Advance(6 * time.Hour) // 16:00 in New York
	require.False(t, b.Market().Open())
	b.init("true")
	b.ready()
	require.Equal(t, map[string]string{"day": "Cancelled", "gtc": "Submitted"}, b.live(first))
	b.place(first, "late", "BUY", "1", "101")
	require.Equal(t, "PreSubmitted", b.live(first)["late"], "it waits for the opening")
	b.Market().Advance(17*time.Hour + 30*time.Minute) // 9:30
	b.init("true")
	b.ready()
	require.Equal(t, map[string]string{"gtc": "Submitted", "late": "Filled"}, b.live(first), "what ended yesterday is not listed")
	require.NoError(t, b.Market().SetPrice(b.spy, dec("90")))
	require.Equal(t, "Filled", b.live(first)["gtc"])
	require.Len(t, rows(b.get("/iserver/account/trades"), ""), 2)
}

func TestOutsideHours(t *testing.T) {
	b := open(t, nil).ready()
	b.Market().Advance(7 * time.Hour) // 17:00 in New York
	b.init("true")
	b.ready()
	body := fmt.Sprintf(`{"orders":[{"acctId":%q,"conid":%d,"cOID":"x","orderType":"LMT","side":"BUY","quantity":1,"price":101,"tif":"DAY","outsideRTH":true}]}`,
		first, b.spy)
	b.ask("POST", "/iserver/account/"+first+"/orders", body)
	require.Equal(t, "Filled", b.live(first)["x"])
}

func TestStops(t *testing.T) {
	b := open(t, nil).ready()
	place := func(ref, terms string) {
		t.Helper()
		b.ask("POST", "/iserver/account/"+first+"/orders", fmt.Sprintf(`{"orders":[{"acctId":%q,"conid":%d,"cOID":%q,"side":"BUY","quantity":1,"tif":"DAY",%s}]}`,
			first, b.spy, ref, terms))
	}
	place("stop", `"orderType":"STP","price":105`)
	place("stop-limit", `"orderType":"STOP_LIMIT","price":106,"auxPrice":105`)
	require.Equal(t, map[string]string{"stop": "PreSubmitted", "stop-limit": "PreSubmitted"}, b.live(first))
	for _, row := range rows(b.get("/iserver/account/orders"), "orders") {
		want := map[string][2]string{"stop": {"105", "105"}, "stop-limit": {"106", "105"}}[row["order_ref"].(string)]
		require.Equal(t, []any{want[0], want[1]}, []any{row["price"], row["auxPrice"]})
	}
	require.NoError(t, b.Market().SetPrice(b.spy, dec("107")))
	require.Equal(t, map[string]string{"stop": "Filled", "stop-limit": "Submitted"}, b.live(first), "the limit is not reached")
	require.NoError(t, b.Market().SetPrice(b.spy, dec("106")))
	require.Equal(t, "Filled", b.live(first)["stop-limit"])
}

// The first list of a session is empty, a forced one too, and filters are IBKR's spellings.
func TestLiveOrders(t *testing.T) {
	b := open(t, nil)
	b.get("/iserver/accounts")
	b.place(first, "a", "BUY", "1", "90")
	count := func(query string) int { t.Helper(); return len(rows(b.get("/iserver/account/orders"+query), "orders")) }
	require.Equal(t, []int{0, 1, 0, 1}, []int{count(""), count(""), count("?force=true"), count("")})
	require.Equal(t, []int{1, 0}, []int{count("?filters=submitted"), count("?filters=filled,cancelled")})
	status, _ := b.try("GET", "/iserver/account/orders?filters=Submitted", "")
	require.Equal(t, 500, status)
	require.Equal(t, 0, count("?accountId="+second), "the first list of the other account")
	status, _ = b.try("GET", "/iserver/account/orders?accountId=U1", "")
	require.Equal(t, 500, status)
}

// Order status is about the selected account, and about what changed in this session.
func TestOrderStatus(t *testing.T) {
	b := open(t, nil).ready()
	mine := id(b, b.place(first, "a", "BUY", "1", "101"))
	theirs := id(b, b.place(second, "b", "BUY", "1", "90"))
	status := func(n int64) int {
		s, _ := b.try("GET", fmt.Sprintf("/iserver/account/order/status/%d", n), "")
		return s
	}
	require.Equal(t, []int{200, 503}, []int{status(mine), status(theirs)})
	b.ask("POST", "/iserver/account", `{"acctId":"`+second+`"}`)
	require.Equal(t, []int{503, 200}, []int{status(mine), status(theirs)})
	b.KillSession()
	b.init("true")
	require.Equal(t, 503, status(mine), "it was filled in an earlier session")
}

// Where the lists do not know the parameter, they are about the selected account.
func TestListsOfTheSelected(t *testing.T) {
	b := open(t, func(c *gatewaysim.Config) { c.NoAccountParam = true }).ready()
	b.place(second, "theirs", "BUY", "1", "101")
	for _, path := range []string{"/iserver/account/orders", "/iserver/account/trades"} {
		require.Empty(t, rows(b.get(path+"?accountId="+second), "orders"))
	}
	b.ask("POST", "/iserver/account", `{"acctId":"`+second+`"}`)
	b.get("/iserver/account/orders")
	require.Len(t, rows(b.get("/iserver/account/orders?accountId="+first), "orders"), 1)
	require.Len(t, rows(b.get("/iserver/account/trades?accountId="+first), ""), 1)
}

func TestModify(t *testing.T) {
	b := open(t, nil).ready()
	n := id(b, b.place(first, "a", "BUY", "5", "90"))
	path := fmt.Sprintf("/iserver/account/%s/order/%d", first, n)
	body := `{"acctId":"` + first + `","conid":` + strconv.FormatInt(b.spy, 10) + `,"orderType":"LMT","side":%q,"quantity":%d,"price":101,"tif":"DAY"}`
	require.Contains(t, b.ask("POST", path, fmt.Sprintf(body, "SELL", 5)), "error", "the side stays")
	b.ask("POST", path, fmt.Sprintf(body, "BUY", 3))
	truth := b.truth(first)
	require.Len(t, truth.Orders, 1)
	require.Equal(t, []any{"3", gatewaysim.Filled}, []any{truth.Orders[0].Filled.String(), truth.Orders[0].Status})
	require.Contains(t, b.ask("POST", path, fmt.Sprintf(body, "BUY", 3)), "error", "it has ended")
}

func TestRefusedOrders(t *testing.T) {
	b := open(t, func(c *gatewaysim.Config) { c.Groups = []string{"All"} }).ready()
	es, err := b.Market().Add(gatewaysim.Contract{SecType: "FUT", Symbol: "ES", Underlying: b.spy, Expiry: 20261218, Multiplier: dec("50")})
	require.NoError(t, err)
	index, err := b.Market().Add(gatewaysim.Contract{SecType: "IND", Symbol: "SPX"})
	require.NoError(t, err)
	base := `"acctId":"` + first + `","conid":%d,"side":"BUY","quantity":1,"tif":"DAY","orderType":"LMT","price":90`
	good := fmt.Sprintf(base, b.spy)
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"no orders":            {`{}`, 400},
		"no JSON":              {`x`, 400},
		"two":                  {`{"orders":[{` + good + `},{` + good + `}]}`, 200},
		"a view":               {`{"orders":[{` + good + `,"acctId":"` + view + `"}]}`, 400},
		"an unknown account":   {`{"orders":[{` + good + `,"acctId":"U1"}]}`, 400},
		"a group":              {`{"orders":[{` + good + `,"acctId":"All"}]}`, 200},
		"an unknown contract":  {`{"orders":[{` + fmt.Sprintf(base, 1) + `}]}`, 200},
		"an index":             {`{"orders":[{` + fmt.Sprintf(base, index.ConID) + `}]}`, 200},
		"a future, unattended": {`{"orders":[{` + fmt.Sprintf(base, es.ConID) + `}]}`, 200},
		"a fraction":           {`{"orders":[{` + good + `,"quantity":0.5}]}`, 200},
		"a bracket":            {`{"orders":[{` + good + `,"parentId":"p"}]}`, 200},
		"a time in force":      {`{"orders":[{` + good + `,"tif":"IOC"}]}`, 200},
		"a side":               {`{"orders":[{` + good + `,"side":"buy"}]}`, 200},
		"a type":               {`{"orders":[{` + good + `,"orderType":"TRAIL"}]}`, 200},
		"no price":             {`{"orders":[{` + good + `,"price":0}]}`, 200},
		"no stop":              {`{"orders":[{` + good + `,"orderType":"STOP_LIMIT"}]}`, 200},
	} {
		status, text := b.try("POST", "/iserver/account/"+first+"/orders", c.body)
		require.Equal(t, c.status, status, "%s: %s", name, text)
		require.Contains(t, text, `"error"`, name)
	}
	require.Empty(t, b.truth(first).Orders, "nothing was placed")
	b.ask("POST", "/iserver/account/"+first+"/orders", `{"orders":[{`+fmt.Sprintf(base, es.ConID)+`,"manualIndicator":false,"extOperator":"me"}]}`)
	b.ask("POST", "/iserver/account/"+first+"/orders", `{"orders":[{`+good+`,"conid":null,"conidex":"`+strconv.FormatInt(b.spy, 10)+`@SMART"}]}`)
	require.Len(t, b.truth(first).Orders, 2)
}

func TestWhatIf(t *testing.T) {
	b := open(t, nil).ready()
	ask := func() any {
		t.Helper()
		return b.ask("POST", "/iserver/account/"+first+"/orders/whatif", b.order(first, "", "BUY", "200", "101")).(map[string]any)["warn"]
	}
	require.Contains(t, ask(), "without having market data")
	b.get(fmt.Sprintf("/iserver/marketdata/snapshot?fields=31&conids=%d", b.spy))
	require.Nil(t, ask())
	require.Empty(t, b.truth(first).Orders)
}
