package cpapi

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

const (
	placePath  = "POST /iserver/account/DU100001/orders"
	placeRoute = "POST /iserver/account/{account}/orders"
)

// ask is a question.
func ask(id string, messages ...string) string {
	return fmt.Sprintf(`[{"id":%q,"message":["Are you sure?"],"isSuppressed":false,"messageIds":[%s]}]`, id, `"`+strings.Join(messages, `","`)+`"`)
}

// Public sources: ib_insync#131, Lean PR#362: an order without an account went to the default one.
func TestReport04AccountInPathAndBody(t *testing.T) {
	f := newFake(t)
	c := f.client()
	ticket := limit("my-ref", "-3.5", "90.25")
	ticket.Terms.TIF, ticket.Terms.OutsideHours = broker.GoodTillCanceled, true
	ack, err := c.Place(t.Context(), theirs, ticket)
	require.NoError(t, err)
	require.Equal(t, broker.Ack{BrokerID: "123456789", Status: broker.OrderWorking}, ack)
	sent := f.asked(func(c call) bool { return strings.HasSuffix(c.Path, "/orders") && c.Method == http.MethodPost })
	require.Len(t, sent, 1)
	require.Equal(t, "/iserver/account/DU100002/orders", sent[0].Path)
	require.JSONEq(t, `{"orders":[{"acctId":"DU100002","conid":756733,"cOID":"my-ref","orderType":"LMT","side":"SELL","tif":"GTC","quantity":3.5,"price":90.25,"outsideRTH":true}]}`, sent[0].Body)
}

func TestTickets(t *testing.T) {
	f := newFake(t)
	config := f.config()
	config.Operator = "desk7"
	c := f.open(config)
	oil := ledger.Instrument{SecType: ledger.Future, Symbol: "CL", Currency: "USD", Expiry: 20270120, Multiplier: dec("1000"), ConID: 800}
	f.on("GET /trsrv/futures", always(200, `{"CL":[{"conid":800,"expirationDate":20270120,"ltd":20270120},{"conid":801,"expirationDate":20270220,"ltd":20270219}]}`))
	for n, want := range map[string]struct {
		terms broker.Terms
		body  string
	}{
		"m": {broker.Terms{Type: broker.MarketOrder}, `"orderType":"MKT"`}, "s": {broker.Terms{Type: broker.StopOrder, Stop: dec("61.5")}, `"orderType":"STP","price":61.5`},
		"sl": {broker.Terms{Type: broker.StopLimitOrder, Stop: dec("61.5"), Limit: dec("62")}, `"orderType":"STOP_LIMIT","price":62,"auxPrice":61.5`},
	} {
		ticket := limit(broker.Ref(n), "2", "1")
		ticket.Order.Instrument, ticket.Terms = oil, want.terms
		ticket.Terms.TIF = broker.Day
		ticket.Order.Price = ticket.Terms.Worst()
		_, err := c.Place(t.Context(), mine, ticket)
		require.NoError(t, err, n)
		sent := f.asked(func(c call) bool { return c.String() == placePath })
		require.JSONEq(t, fmt.Sprintf(`{"orders":[{"acctId":"DU100001","conid":800,"cOID":%q,%s,"side":"BUY","tif":"DAY","quantity":2,"outsideRTH":false,"manualIndicator":false,"extOperator":"desk7"}]}`,
			n, want.body), sent[len(sent)-1].Body)
	}
}

// Public source: EasyIB#10: a refusal was read as a list, and every question was answered yes.
func TestReport18ThreeShapes(t *testing.T) {
	for name, c := range map[string]struct {
		answers map[string]string // by route
		status  int
		want    error // nil for placed
		reason  string
		replies int
	}{
		"an order":               {map[string]string{placeRoute: recorded(t, "Orders-POST-place-order-submitted")}, 200, nil, "", 0},
		"a question, then one":   {map[string]string{placeRoute: ask("q1", "o354"), "POST /iserver/reply/{id}": recorded(t, "Orders-POST-reply-submitted")}, 200, nil, "", 1},
		"the recorded question":  {map[string]string{placeRoute: recorded(t, "Orders-POST-place-order-confirmation")}, 200, nil, "", 1},
		"a refusal":              {map[string]string{placeRoute: `{"error":"no margin"}`}, 200, broker.ErrRejected, "no margin", 0},
		"a refusal, 400":         {map[string]string{placeRoute: `{"error":"wrong tick","statusCode":400}`}, 400, broker.ErrRejected, "wrong tick", 0},
		"a refusal in a list":    {map[string]string{placeRoute: `[{"error":"no margin"}]`}, 200, broker.ErrRejected, "no margin", 0},
		"a refusal in an object": {map[string]string{placeRoute: `{"error":{"message":"no margin"}}`}, 200, broker.ErrRejected, "no margin", 0},
		"refused after a yes":    {map[string]string{placeRoute: ask("q1", "o354"), "POST /iserver/reply/{id}": `{"error":"no margin"}`}, 200, broker.ErrRejected, "no margin", 1},
		"a duplicate":            {map[string]string{placeRoute: `{"error":"Local order ID=r is already registered."}`}, 200, broker.ErrDuplicateRef, "", 0},
		"read only":              {map[string]string{placeRoute: `{"error":"You are logged in read-only"}`}, 403, broker.ErrRejected, "read-only", 0},
		"neither":                {map[string]string{placeRoute: `[{}]`}, 200, broker.ErrOutcomeUnknown, "", 0},
		"an empty list":          {map[string]string{placeRoute: `[]`}, 200, broker.ErrOutcomeUnknown, "", 0},
		"nothing":                {map[string]string{placeRoute: ``}, 200, broker.ErrOutcomeUnknown, "", 0},
		"a web page":             {map[string]string{placeRoute: `<html>`}, 200, broker.ErrOutcomeUnknown, "", 0},
		"a fault":                {map[string]string{placeRoute: `{"error":"fault"}`}, 500, broker.ErrOutcomeUnknown, "", 0},
		"unavailable":            {map[string]string{placeRoute: `{"error":"fault","statusCode":503}`}, 503, broker.ErrOutcomeUnknown, "", 0},
		"too many requests":      {map[string]string{placeRoute: ``}, 429, broker.ErrOutcomeUnknown, "", 0},
		"no login":               {map[string]string{placeRoute: `Access Denied`}, 401, broker.ErrLoginNeeded, "", 0},
		"no session":             {map[string]string{placeRoute: `{"error":"Bad Request: no bridge"}`}, 400, broker.ErrNotConnected, "", 0},
	} {
		f := newFake(t)
		cl := f.client()
		for route, body := range c.answers {
			f.on(route, always(c.status, body))
		}
		_, err := cl.Place(t.Context(), mine, limit("r", "1", "90"))
		require.ErrorIs(t, err, c.want, name)
		require.Equal(t, c.want == broker.ErrOutcomeUnknown, errors.Is(err, broker.ErrOutcomeUnknown), name)
		if c.want == broker.ErrRejected {
			var rejected *broker.RejectionError
			require.ErrorAs(t, err, &rejected, name)
			require.Equal(t, broker.Ref("r"), rejected.Ref)
			require.Contains(t, rejected.Reason, c.reason, name)
		}
		require.Equal(t, 1, f.count(placePath), name)
		require.Len(t, f.asked(func(c call) bool { return strings.HasPrefix(c.Path, "/iserver/reply/") }), c.replies, name)
	}
}

// Public sources: ibind#42, ibind#135: a question that nobody knew left its order undecided.
func TestReport16UnknownQuestions(t *testing.T) {
	for name, question := range map[string]string{
		"an id that is not in the list": ask("q1", "o163"), "one of two": ask("q1", "o354", "p6"), "no ids": `[{"id":"q1","message":["Are you sure?"]}]`,
		"ids of nothing": `[{"id":"q1","message":"Are you sure?","messageIds":[]}]`,
	} {
		f := newFake(t)
		c := f.client()
		f.on(placeRoute, always(200, question))
		_, err := c.Place(t.Context(), mine, limit("r", "1", "90"))
		require.ErrorIs(t, err, broker.ErrRejected, name)
		var asked *QuestionError
		require.ErrorAs(t, err, &asked, name)
		require.Contains(t, asked.Text, "Are you sure?")
		require.Contains(t, asked.Error(), "answered no")
		replies := f.asked(func(c call) bool { return c.Path == "/iserver/reply/q1" })
		require.Len(t, replies, 1, name)
		require.JSONEq(t, `{"confirmed":false}`, replies[0].Body, name)
		f.on(placeRoute, always(200, recorded(t, "Orders-POST-place-order-submitted")))
		_, err = c.Place(t.Context(), mine, limit("r", "1", "90"))
		require.NoError(t, err, "the reference of an order that is surely not there is free")
	}
}

// Questions follow each other, and end.
func TestQuestionsAreBounded(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on(placeRoute, always(200, ask("q", "o354")))
	f.on("POST /iserver/reply/{id}", func(n int, _ call) (int, string) {
		if n < 2 {
			return 200, ask("q", "o10151")
		}
		return 200, recorded(t, "Orders-POST-reply-submitted")
	})
	ack, err := c.Place(t.Context(), mine, limit("a", "1", "90"))
	require.NoError(t, err)
	require.Equal(t, "987654321", ack.BrokerID)
	f.on("POST /iserver/reply/{id}", always(200, ask("q", "o10151")))
	_, err = c.Place(t.Context(), mine, limit("b", "1", "90"))
	require.ErrorIs(t, err, broker.ErrRejected)
	require.Less(t, f.count("POST /iserver/reply/q"), 3+2*maxQuestions)
}

// Public sources: ibind#35, ibind#103: any other request about orders voids a question.
func TestReport17OneConversationAtATime(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on(placeRoute, func(n int, _ call) (int, string) { return 200, ask(fmt.Sprint("q", n), "o354") })
	f.on("GET /iserver/account/orders", always(200, orderList(orderRow(77, mine, "by-hand", "Submitted"))))
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			_, err := c.Place(t.Context(), []broker.AccountID{mine, theirs}[n%2], limit(broker.Ref(fmt.Sprint("r", n)), "1", "90"))
			require.NoError(t, err)
		})
	}
	all.Go(func() { require.NoError(t, c.CancelByID(t.Context(), mine, "77")) })
	all.Wait()
	open := ""
	for _, c := range f.asked(func(c call) bool {
		return strings.HasSuffix(c.Path, "/orders") && c.Method == http.MethodPost || strings.HasPrefix(c.Path, "/iserver/reply/") || c.Method == http.MethodDelete
	}) {
		if rest, reply := strings.CutPrefix(c.Path, "/iserver/reply/"); reply {
			require.NotEmpty(t, open, "a reply to nothing: %s", rest)
			open = ""
			continue
		}
		require.Empty(t, open, "%s came between a question and its answer", c)
		if c.Method == http.MethodPost {
			open = c.Path
		}
	}
	require.Empty(t, open)
}

// A reply that was voided places no order, unless the server broke over it.
func TestVoidedReplies(t *testing.T) {
	for status, want := range map[int]error{400: broker.ErrRejected, 404: broker.ErrRejected, 503: broker.ErrOutcomeUnknown, 500: broker.ErrOutcomeUnknown} {
		f := newFake(t)
		c := f.client()
		f.on(placeRoute, always(200, ask("q", "o354")))
		f.on("POST /iserver/reply/{id}", always(status, `{"error":"reply id not found"}`))
		_, err := c.Place(t.Context(), mine, limit("r", "1", "90"))
		require.ErrorIs(t, err, want, status)
	}
}

// Public sources: ibind's rest_client.py, nautilus#4564: a request that placed an order was sent again after
// a timeout.
func TestReport19OrdersAreSentOnce(t *testing.T) {
	for name, answer := range map[string]answerer{
		"dropped": always(0, ""), "half": always(500, ""), "late": nil,
	} {
		f := newFake(t)
		config := f.config()
		release := make(chan struct{})
		t.Cleanup(func() { close(release) }) // before the fake's own, which waits for its answers
		if answer == nil {
			config.Limits.Timeout = time.Second
		}
		c := f.open(config)
		until(t, "a session", func() bool { return c.Status().Usable() })
		_, err := c.Place(t.Context(), mine, limit("first", "1", "90")) // a connection that is kept
		require.NoError(t, err)
		if answer == nil {
			answer = func(int, call) (int, string) { <-release; return 200, "[]" }
		}
		f.on(placeRoute, answer)
		f.on("DELETE /iserver/account/{account}/order/{id}", answer)
		_, err = c.Place(t.Context(), mine, limit("r", "1", "90"))
		require.ErrorIs(t, err, broker.ErrOutcomeUnknown, name)
		require.NotErrorIs(t, err, broker.ErrNotConnected, "one answer, not two: %s", name)
		require.Equal(t, 2, f.count(placePath), "%s: sent again", name)
		_, err = c.Place(t.Context(), mine, limit("r", "1", "90"))
		require.ErrorIs(t, err, broker.ErrDuplicateRef, "%s: the order may be there", name)
		require.ErrorIs(t, c.Cancel(t.Context(), mine, "first"), broker.ErrOutcomeUnknown, name)
		require.Len(t, f.asked(func(c call) bool { return c.Method == http.MethodDelete }), 1, name)
	}
}

// What ends before a byte was sent is surely not there, and the order may be placed again.
func TestNothingWasSent(t *testing.T) {
	f := newFake(t)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, dead.Close())
	var refuse bool
	var mu sync.Mutex
	transport := f.server.Client().Transport.(*http.Transport).Clone()
	dial := (&net.Dialer{}).DialContext
	transport.DisableKeepAlives = true
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		if refuse {
			address = dead.Addr().String()
		}
		return dial(ctx, network, address)
	}
	config := f.config()
	config.InsecureLoopback, config.Transport = false, transport
	c := f.open(config)
	_, err = c.Place(t.Context(), mine, limit("first", "1", "90"))
	require.NoError(t, err)
	mu.Lock()
	refuse = true
	mu.Unlock()
	_, err = c.Place(t.Context(), mine, limit("r", "1", "90"))
	require.ErrorIs(t, err, broker.ErrNotConnected)
	require.NotErrorIs(t, err, broker.ErrOutcomeUnknown)
	mu.Lock()
	refuse = false
	mu.Unlock()
	_, err = c.Place(t.Context(), mine, limit("r", "1", "90"))
	require.NoError(t, err)
}

// silent is a transport that does not tell when it writes.
type silent struct{ http.RoundTripper }

func (s silent) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/orders") && r.Method == http.MethodPost {
		return nil, errors.New("lost")
	}
	return s.RoundTripper.RoundTrip(r)
}

func TestTransportThatDoesNotTell(t *testing.T) {
	f := newFake(t)
	config := f.config()
	config.InsecureLoopback, config.Transport = false, silent{f.server.Client().Transport}
	c := f.open(config)
	_, err := c.Place(t.Context(), mine, limit("r", "1", "90"))
	require.ErrorIs(t, err, broker.ErrOutcomeUnknown, "it may have written")
}

// A context that ends after the order was sent leaves its outcome unknown; one that ends before does not.
func TestContextOfAnOrder(t *testing.T) {
	f := newFake(t)
	c := f.client()
	ctx, cancel := context.WithCancel(t.Context())
	release := make(chan struct{})
	defer close(release)
	f.on(placeRoute, func(int, call) (int, string) { cancel(); <-release; return 200, "[]" })
	_, err := c.Place(ctx, mine, limit("r", "1", "90"))
	require.ErrorIs(t, err, broker.ErrOutcomeUnknown)
	_, err = c.Place(ctx, mine, limit("s", "1", "90"))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, broker.ErrOutcomeUnknown)
	require.Equal(t, 1, f.count(placePath))
}

// Public sources: nautilus#4247, Lean.IB#242: ids of orders come again, and fills went to the wrong order.
func TestReport09OrdersByReference(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on("GET /iserver/account/orders", always(200, orderList(orderRow(123456789, theirs, "other", "Submitted"), orderRow(5, mine, "", "Submitted"))))
	ack, err := c.Place(t.Context(), mine, limit("r", "1", "90"))
	require.NoError(t, err)
	require.ErrorIs(t, c.CancelByID(t.Context(), theirs, "5"), broker.ErrOrderNotFound, "another account's order")
	require.ErrorIs(t, c.Cancel(t.Context(), theirs, "r"), broker.ErrOrderNotFound, "another account's order")
	for _, id := range []string{"-1", "0", "", "none", "+5", "05", "5 ", "9999999999999999999999"} {
		require.ErrorIs(t, c.CancelByID(t.Context(), mine, id), broker.ErrOrderNotFound, "%q", id)
	}
	require.Empty(t, f.asked(func(c call) bool { return c.Method == http.MethodDelete }))
	require.NoError(t, c.Cancel(t.Context(), mine, "r"))
	require.NoError(t, c.CancelByID(t.Context(), mine, "5"))
	require.Equal(t, []int{1, 1}, []int{f.count("DELETE /iserver/account/DU100001/order/" + ack.BrokerID), f.count("DELETE /iserver/account/DU100001/order/5")})
}

// Public sources: nautilus#5057, Lean.IB#232: orders of an earlier session could not be managed.
func TestReport12OrdersOfAnEarlierSession(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on("GET /iserver/account/orders", func(n int, _ call) (int, string) {
		if n == 0 {
			return 200, orderList()
		}
		return 200, orderList(orderRow(9, mine, "old", "Submitted"), orderRow(8, mine, "old", "Cancelled"), orderRow(7, mine, "done", "Filled"))
	})
	require.NoError(t, c.Cancel(t.Context(), mine, "old"))
	require.ErrorIs(t, c.Cancel(t.Context(), mine, "done"), broker.ErrOrderNotFound)
	require.ErrorIs(t, c.Cancel(t.Context(), mine, "none"), broker.ErrOrderNotFound)
	deleted := f.asked(func(c call) bool { return c.Method == http.MethodDelete })
	require.Len(t, deleted, 1)
	require.Equal(t, "/iserver/account/DU100001/order/9", deleted[0].Path)
}

// An order that the client saw end is not cancelled, and one that the broker does not know is not found.
func TestCancelOfWhatHasEnded(t *testing.T) {
	f := newFake(t)
	c := f.client()
	_, err := c.Place(t.Context(), mine, limit("r", "1", "90"))
	require.NoError(t, err)
	f.on("DELETE /iserver/account/{account}/order/{id}", always(200, `{"error":"OrderID 123456789 doesn't exist"}`))
	require.ErrorIs(t, c.Cancel(t.Context(), mine, "r"), broker.ErrOrderNotFound)
	f.on("GET /iserver/account/orders", always(200, orderList(orderRow(123456789, mine, "r", "Filled"))))
	_, err = c.Orders(t.Context(), mine)
	require.NoError(t, err)
	before := len(f.asked(func(c call) bool { return c.Method == http.MethodDelete }))
	require.ErrorIs(t, c.Cancel(t.Context(), mine, "r"), broker.ErrOrderNotFound)
	require.Len(t, f.asked(func(c call) bool { return c.Method == http.MethodDelete }), before)
	for status, want := range map[int]error{500: broker.ErrOutcomeUnknown, 503: broker.ErrOutcomeUnknown, 401: broker.ErrLoginNeeded} {
		f.on("GET /iserver/account/orders", always(200, orderList(orderRow(5, mine, "s", "Submitted"))))
		f.on("DELETE /iserver/account/{account}/order/{id}", always(status, `<html>`))
		until(t, "a session", func() bool { return c.Status().Usable() })
		require.ErrorIs(t, c.Cancel(t.Context(), mine, "s"), want, status)
	}
}

// A reference is placed once in a process, in whatever account, also by two at once.
func TestReferencesAreTakenOnce(t *testing.T) {
	f := newFake(t)
	c := f.client()
	errs := make([]error, 8)
	var all sync.WaitGroup
	for n := range errs {
		all.Go(func() {
			_, errs[n] = c.Place(t.Context(), []broker.AccountID{mine, theirs}[n%2], limit("r", "1", "90"))
		})
	}
	all.Wait()
	errs = slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, broker.ErrDuplicateRef) })
	require.Equal(t, []error{nil}, errs)
}

// A contract that the broker does not know is no order.
func TestUnknownContractIsRejected(t *testing.T) {
	f := newFake(t)
	c := f.client()
	ticket := limit("r", "1", "90")
	for _, i := range []ledger.Instrument{ledger.NewStock("NOPE", "USD"), {SecType: ledger.Bond, Symbol: "B", Currency: "USD"}} {
		ticket.Order.Instrument = i
		_, err := c.Place(t.Context(), mine, ticket)
		require.ErrorIs(t, err, broker.ErrRejected)
	}
	f.on("GET /trsrv/stocks", always(503, `<html>`))
	ticket.Order.Instrument = ledger.NewStock("LATER", "USD")
	_, err := c.Place(t.Context(), mine, ticket)
	require.NotErrorIs(t, err, broker.ErrRejected, "the broker did not say so")
	require.Error(t, err)
	require.Zero(t, f.count(placePath))
}

func TestWhatIf(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on("POST /iserver/account/{account}/orders/whatif", always(200, recorded(t, "Orders-POST-whatif-order")))
	f.on("GET /iserver/marketdata/snapshot", always(200, `[{"conid":756733,"31":"1","_updated":1775086847000}]`))
	w, err := c.WhatIf(t.Context(), mine, limit("r", "1", "1"))
	require.NoError(t, err)
	require.Equal(t, []string{"0.01 USD", "1006413", "163", "8801"}, []string{w.Commission, w.Equity.Current.String(), w.Equity.Change.String(), w.Initial.After.String()})
	require.NotZero(t, f.count("GET /iserver/marketdata/snapshot"), "what-if wants a snapshot first")
	require.Zero(t, f.count(placePath))
	f.on("POST /iserver/account/{account}/orders/whatif", always(200, `{"amount":null,"error":"no margin","warn":null}`))
	w, err = c.WhatIf(t.Context(), mine, limit("r", "1", "1"))
	require.NoError(t, err)
	require.Equal(t, "no margin", w.Refusal)
	require.Nil(t, w.Equity.Current)
	f.on("POST /iserver/account/{account}/orders/whatif", always(200, `{}`))
	_, err = c.WhatIf(t.Context(), mine, limit("r", "1", "1"))
	require.ErrorIs(t, err, ErrUnreadable)
}
