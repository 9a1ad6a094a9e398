package gatewaysim_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
)

// faulty opens a bench whose client has a connection for every request, so that it sends none again by
// itself.
func faulty(t *testing.T, change func(c *gatewaysim.Config)) *bench {
	t.Helper()
	b := open(t, change).ready()
	b.client.Transport.(*http.Transport).DisableKeepAlives = true
	return b
}

// orders returns how many orders an account has, and how often one was asked for.
func (b *bench) orders(account string) [2]int {
	truth, asked := b.truth(account), 0
	for _, n := range truth.Requested {
		asked += n
	}
	return [2]int{len(truth.Orders), asked}
}

func TestBrokenConnections(t *testing.T) {
	b := faulty(t, nil)
	path := "/iserver/account/" + first + "/orders"
	lost := b.inject(gatewaysim.Fault{Kind: gatewaysim.DropRequest, Route: gatewaysim.RoutePlace})
	status, _ := b.try("POST", path, b.order(first, "a", "BUY", "1", "90"))
	require.Equal(t, []any{0, [2]int{0, 0}, 1}, []any{status, b.orders(first), lost.Hits()}, "nothing was processed")
	b.inject(gatewaysim.Fault{Kind: gatewaysim.DropAnswer, Route: gatewaysim.RoutePlace})
	status, _ = b.try("POST", path, b.order(first, "a", "BUY", "1", "90"))
	require.Equal(t, []any{0, [2]int{1, 1}}, []any{status, b.orders(first)}, "the order was placed, and the answer was lost")
	b.place(first, "b", "BUY", "1", "90")
	b.inject(gatewaysim.Fault{Kind: gatewaysim.CutAnswer, Route: gatewaysim.RoutePlace})
	status, _ = b.try("POST", path, b.order(first, "c", "BUY", "1", "90"))
	require.Equal(t, []any{0, [2]int{3, 3}}, []any{status, b.orders(first)}, "half of the answer came")
	log := b.Requests()
	last := log[len(log)-3]
	require.Equal(t, []any{"POST", path, first, 0, []gatewaysim.FaultKind{gatewaysim.DropAnswer}}, []any{last.Method, last.Path, last.Account, last.Status, last.Faults})
	require.Equal(t, 4, b.Counts()[gatewaysim.RoutePlace])
}

func TestHeldRequests(t *testing.T) {
	b := faulty(t, nil)
	for kind, placed := range map[gatewaysim.FaultKind]int{gatewaysim.HoldRequest: 0, gatewaysim.HoldAnswer: 1} {
		before := b.orders(first)[0]
		held := b.inject(gatewaysim.Fault{Kind: kind, Route: gatewaysim.RoutePlace, Account: first})
		answer := make(chan int, 1)
		go func() {
			status, _ := b.try("POST", "/iserver/account/"+first+"/orders", b.order(first, string(kind[:7]), "BUY", "1", "90"))
			answer <- status
		}()
		<-held.Reached()
		require.Equal(t, before+placed, b.orders(first)[0], kind)
		b.place(second, string(kind), "BUY", "1", "90") // others are answered meanwhile
		require.Empty(t, answer, "%s answers before it is released", kind)
		held.Release()
		require.Equal(t, 200, <-answer, kind)
		require.Equal(t, before+1, b.orders(first)[0], kind)
	}
}

// Close ends what a fault holds.
func TestCloseEndsHeldRequests(t *testing.T) {
	b := faulty(t, nil)
	held := b.inject(gatewaysim.Fault{Kind: gatewaysim.HoldAnswer})
	answer := make(chan int, 1)
	go func() { status, _ := b.try("POST", "/tickle", ""); answer <- status }()
	<-held.Reached()
	require.NoError(t, b.Close())
	require.Zero(t, <-answer)
	require.NoError(t, b.Close())
	status, _ := b.try("POST", "/tickle", "")
	require.Zero(t, status, "a closed gateway answers")
	require.Error(t, b.Start(), "a gateway that was started")
}

// Faults that answer in the gateway's place process nothing, unless they are told to.
func TestAnswersInPlace(t *testing.T) {
	for kind, want := range map[gatewaysim.FaultKind]struct {
		status int
		text   string
	}{
		gatewaysim.Answer401: {401, "not authenticated"}, gatewaysim.Answer429: {429, "Too many"}, gatewaysim.Answer500: {500, "unknown"},
		gatewaysim.Answer503: {503, "Unavailable"}, gatewaysim.AnswerHTML: {200, "<html>"},
		gatewaysim.AnswerText: {503, "Service"}, gatewaysim.AnswerRedirect: {302, ""}, gatewaysim.AnswerEmpty: {200, ""},
		gatewaysim.AnswerNoBridge: {400, "no bridge"}, gatewaysim.AnswerError: {200, `{"error":"out of order"}`},
	} {
		b := faulty(t, nil)
		for n, processed := range []bool{false, true} {
			b.inject(gatewaysim.Fault{Kind: kind, Route: gatewaysim.RoutePlace, Processed: processed, Text: "out of order"})
			status, text := b.try("POST", "/iserver/account/"+first+"/orders", b.order(first, "a", "BUY", "1", "90"))
			require.Equal(t, want.status, status, kind)
			require.Contains(t, text, want.text, kind)
			require.Equal(t, n, b.orders(first)[0], "%s, processed: %t", kind, processed)
		}
		require.Equal(t, [3]bool{true, true, false}, b.flags(), "the session is as before")
	}
}

func TestFaultsOfSessions(t *testing.T) {
	for kind, check := range map[gatewaysim.FaultKind]func(b *bench){
		gatewaysim.SessionDies:     func(b *bench) { require.Equal(t, [3]bool{false, true, false}, b.flags()) },
		gatewaysim.SessionCompetes: func(b *bench) { require.Equal(t, [3]bool{false, true, true}, b.flags()) },
		gatewaysim.NightlyReset: func(b *bench) {
			require.Equal(t, "nightly reset", b.get("/iserver/auth/status").(map[string]any)["fail"])
		},
		gatewaysim.LoginExpires: func(b *bench) { status, _ := b.try("GET", "/iserver/auth/status", ""); require.Equal(t, 401, status) },
		gatewaysim.AccountSwitched: func(b *bench) {
			require.Equal(t, second, b.get("/iserver/accounts").(map[string]any)["selectedAccount"])
		},
		gatewaysim.LiveOrdersForgot: func(b *bench) { require.Len(t, b.live(first), 1, "it was forgotten once") },
		gatewaysim.SnapshotsForgot: func(b *bench) {
			path := fmt.Sprintf("/iserver/marketdata/snapshot?fields=31&conids=%d", b.spy)
			b.get(path)
			require.Contains(t, rows(b.get(path), "")[0], "31")
			b.inject(gatewaysim.Fault{Kind: gatewaysim.SnapshotsForgot})
			require.NotContains(t, rows(b.get(path), "")[0], "31")
		},
	} {
		b := faulty(t, nil)
		b.place(first, "a", "BUY", "1", "90")
		n := b.inject(gatewaysim.Fault{Kind: kind, Route: gatewaysim.RouteOrders, Text: second})
		_, text := b.try("GET", "/iserver/account/orders?accountId="+first, "")
		usable := kind == gatewaysim.AccountSwitched || kind == gatewaysim.SnapshotsForgot
		require.Equal(t, usable, strings.Contains(text, `"order_ref"`), "%s: the answer has the order", kind)
		require.Equal(t, 1, n.Hits(), kind)
		check(b)
	}
}

// The rows of an answer come otherwise than they are.
func TestFaultsOfRows(t *testing.T) {
	b := faulty(t, nil)
	for n := range 4 {
		b.place(first, fmt.Sprintf("a%d", n), "BUY", "1", "90")
	}
	list := func() []map[string]any { return rows(b.get("/iserver/account/orders?accountId="+first), "orders") }
	bent := func(kind gatewaysim.FaultKind) []map[string]any {
		b.inject(gatewaysim.Fault{Kind: kind, Route: gatewaysim.RouteOrders})
		return list()
	}
	require.Empty(t, bent(gatewaysim.ListEmpty))
	require.Len(t, bent(gatewaysim.ListPartial), 2)
	require.Len(t, bent(gatewaysim.NewestMissing), 3)
	foreign := bent(gatewaysim.RowsForeign)
	require.Len(t, foreign, 5)
	require.Equal(t, []any{"U9999999", "U9999999"}, []any{foreign[4]["acct"], foreign[4]["account"]})
	segments := bent(gatewaysim.RowsSegment)
	require.Len(t, segments, 8)
	require.Equal(t, first+"C", segments[4]["acct"])
	for _, row := range bent(gatewaysim.RowsNoAccount) {
		require.NotContains(t, row, "acct")
		require.NotContains(t, row, "account")
	}
	changed := bent(gatewaysim.TypesChanged)[0]
	require.IsType(t, []any{"", 0.0, ""}, []any{changed["orderId"], changed["price"], changed["conid"]})
	require.IsType(t, "", changed["orderId"])
	require.IsType(t, 0.0, changed["price"])
	b.inject(gatewaysim.Fault{Kind: gatewaysim.NumbersOdd, Route: gatewaysim.RouteLedger})
	_, text := b.try("GET", "/portfolio/"+first+"/ledger", "")
	require.Contains(t, text, `"cashbalance":2.5e+04`)
	require.Len(t, list(), 4, "each fault strikes once")

	positions := "/portfolio2/" + first + "/positions"
	require.Empty(t, b.get(positions))
	b.inject(gatewaysim.Fault{Kind: gatewaysim.AnswerStale, Route: gatewaysim.RoutePositionsNow})
	require.NoError(t, b.SetPosition(first, b.spy, dec("1"), dec("1")))
	require.Empty(t, b.get(positions), "what was so before")
	require.Len(t, b.get(positions), 1)
	b.inject(gatewaysim.Fault{Kind: gatewaysim.ListEmpty, Route: gatewaysim.RoutePositionsNow, Account: first})
	require.NoError(t, b.SetPosition(second, b.spy, dec("1"), dec("1")))
	require.Len(t, b.get("/portfolio2/"+second+"/positions"), 1, "the fault is about another account")
	require.Empty(t, b.get(positions))

	b.inject(gatewaysim.Fault{Kind: gatewaysim.RowsSegment, Route: gatewaysim.RoutePortfolio})
	var ids []any
	for _, row := range rows(b.get("/portfolio/accounts"), "")[3:] {
		ids = append(ids, row["id"], row["accountId"])
	}
	require.Equal(t, []any{first + "C", first + "C", second + "C", second + "C", view + "C", view + "C"}, ids)

	b.inject(gatewaysim.Fault{Kind: gatewaysim.ModeWrong})
	require.Equal(t, false, b.get("/iserver/accounts").(map[string]any)["isPaper"])

	require.NoError(t, b.Market().SetRate("EUR", dec("1.25")))
	b.inject(gatewaysim.Fault{Kind: gatewaysim.RatesInverted})
	require.Equal(t, 0.8, b.get("/iserver/exchangerate?source=EUR&target=USD").(map[string]any)["rate"])

	snapshot := fmt.Sprintf("/iserver/marketdata/snapshot?fields=31,84&conids=%d", b.spy)
	b.get(snapshot)
	require.NoError(t, b.Market().SetPrice(b.spy, dec("1234.5")))
	b.inject(gatewaysim.Fault{Kind: gatewaysim.NumbersOdd})
	require.Equal(t, "1,234.5", rows(b.get(snapshot), "")[0]["31"])
	b.inject(gatewaysim.Fault{Kind: gatewaysim.SnapshotsPartial})
	require.NotContains(t, rows(b.get(snapshot), "")[0], "84")
}

func TestFaultsOfOrders(t *testing.T) {
	b := faulty(t, nil)
	post := func(ref string) map[string]any {
		t.Helper()
		answer := b.ask("POST", "/iserver/account/"+first+"/orders", b.order(first, ref, "BUY", "1", "101"))
		if list := rows(answer, ""); len(list) > 0 {
			return list[0]
		}
		return answer.(map[string]any)
	}
	n := post("a")["order_id"]
	b.inject(gatewaysim.Fault{Kind: gatewaysim.OrderIDReused, Account: first})
	require.Equal(t, n, post("b")["order_id"])
	require.NotEqual(t, n, post("c")["order_id"])
	b.inject(gatewaysim.Fault{Kind: gatewaysim.RefuseOrder, Text: "no funds", Account: second, Times: gatewaysim.Always})
	require.NotEmpty(t, post("d")["order_id"], "the fault is about another account")
	b.inject(gatewaysim.Fault{Kind: gatewaysim.RefuseOrder, Text: "no funds", Skip: 1})
	require.NotEmpty(t, post("e")["order_id"], "the first is spared")
	require.Equal(t, "no funds", post("f")["error"])
	b.inject(gatewaysim.Fault{Kind: gatewaysim.DuplicateRef})
	require.Contains(t, post("g")["error"], "already registered")
	require.Zero(t, b.truth(first).Placed["g"])
	b.inject(gatewaysim.Fault{Kind: gatewaysim.UnknownQuestion})
	require.Equal(t, []any{"o99999"}, post("h")["messageIds"])

	b.Ask(gatewaysim.Question{ID: "o383", Times: 1})
	asked := post("i")
	b.inject(gatewaysim.Fault{Kind: gatewaysim.QuestionVoided, Route: gatewaysim.RouteReply})
	status, _ := b.try("POST", "/iserver/reply/"+asked["id"].(string), `{"confirmed":true}`)
	require.Equal(t, 503, status)

	cash := b.truth(first).Cash["USD"]
	b.inject(gatewaysim.Fault{Kind: gatewaysim.CommissionLate})
	b.inject(gatewaysim.Fault{Kind: gatewaysim.CommissionNever, Skip: 1})
	post("late")
	post("never")
	require.Equal(t, "201", cash.Sub(b.truth(first).Cash["USD"]).String(), "the one that is never told is charged")
	require.Equal(t, 1, b.TellCommissions())
	require.Equal(t, "202", cash.Sub(b.truth(first).Cash["USD"]).String())
	var told []any
	for _, e := range b.truth(first).Executions[5:] {
		told = append(told, e.Ref, e.Told, e.Charged)
	}
	require.Equal(t, []any{"late", true, true, "never", false, true}, told)
}

// Faults of sessions can strike after the request was processed: the order is there, and the session is gone.
func TestFaultsAfterwards(t *testing.T) {
	b := faulty(t, nil)
	b.inject(gatewaysim.Fault{Kind: gatewaysim.SessionDies, Route: gatewaysim.RoutePlace, Processed: true})
	require.NotEmpty(t, b.place(first, "a", "BUY", "1", "90")["order_id"])
	require.Equal(t, [3]bool{false, true, false}, b.flags())
	b.init("true")
	b.ready()
	b.inject(gatewaysim.Fault{Kind: gatewaysim.LockAddress, Route: gatewaysim.RoutePlace, Processed: true})
	status, _ := b.try("POST", "/iserver/account/"+first+"/orders", b.order(first, "b", "BUY", "1", "90"))
	require.Equal(t, []any{429, [2]int{2, 2}}, []any{status, b.orders(first)})
	status, _ = b.try("POST", "/tickle", "")
	require.Equal(t, 429, status)
}

func TestCancelledFaults(t *testing.T) {
	b := faulty(t, nil)
	n := b.inject(gatewaysim.Fault{Kind: gatewaysim.Answer500, Times: gatewaysim.Always})
	for range 3 {
		status, _ := b.try("POST", "/tickle", "")
		require.Equal(t, 500, status)
	}
	n.Cancel()
	b.ask("POST", "/tickle", "")
	require.Equal(t, 3, n.Hits())
}

func TestWrongFaults(t *testing.T) {
	b := faulty(t, nil)
	for name, f := range map[string]gatewaysim.Fault{
		"kind": {Kind: "odd"}, "route": {Kind: gatewaysim.Answer500, Route: "GET /odd"}, "account": {Kind: gatewaysim.Answer500, Account: "U1"},
		"a route for orders": {Kind: gatewaysim.RefuseOrder, Route: gatewaysim.RoutePlace}, "to no account": {Kind: gatewaysim.AccountSwitched},
		"held and processed": {Kind: gatewaysim.HoldRequest, Processed: true},
		"count":              {Kind: gatewaysim.Answer500, Times: -2},
	} {
		_, err := b.Inject(f)
		require.Error(t, err, name)
	}
}
