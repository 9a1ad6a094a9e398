package cpapi

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long tests wait for what must come.
const patience = 20 * time.Second

// The login's accounts: two whole ones, one that it may only view, a segment and a group.
const (
	mine   broker.AccountID = "DU100001"
	theirs broker.AccountID = "DU100002"
	view   broker.AccountID = "DU100003"
)

// call is a request that the fake gateway got.
type call struct {
	Method, Path, Query, Body string
	At                        time.Time
	r                         *http.Request
}

func (c call) String() string { return c.Method + " " + c.Path }

// answerer answers the nth request of a route, from 0.
type answerer func(n int, c call) (status int, body string)

// fake is a gateway that answers with recorded payloads, or what a test says.
type fake struct {
	t      *testing.T
	server *httptest.Server

	mu      sync.Mutex
	routes  map[string]answerer
	mux     *http.ServeMux
	counts  map[string]int
	calls   []call
	sockets chan *websocket.Conn // those that were opened
}

func always(status int, body string) answerer {
	return func(int, call) (int, string) { return status, body }
}

// recorded is the body of a recorded payload, of the test's first account.
func recorded(t testing.TB, name string) string {
	return strings.ReplaceAll(string(readPayload(t, name).body), "U1234567", string(mine))
}

// newFake returns a gateway that listens.
func newFake(t *testing.T) *fake {
	f := newDeafFake(t)
	f.server = httptest.NewUnstartedServer(f)
	f.server.Config.ErrorLog = log.New(io.Discard, "", 0) // connections break on purpose
	f.server.StartTLS()
	t.Cleanup(f.server.Close)
	return f
}

// newDeafFake returns a gateway without a network.
func newDeafFake(t *testing.T) *fake {
	f := &fake{t: t, routes: map[string]answerer{}, counts: map[string]int{}, sockets: make(chan *websocket.Conn, 64)}
	ok := func(route, payload string) { f.routes[route] = always(200, recorded(t, payload)) }
	ok("POST /tickle", "Session-POST-tickle")
	ok("GET /iserver/auth/status", "Session-GET-auth-status")
	ok("POST /iserver/auth/ssodh/init", "Session-POST-ssodh-init")
	f.routes["GET /iserver/accounts"] = always(200, `{"accounts":["All","DU100001","DU100002","DU100001C"],"groups":["All"],"aliases":{"DU100001":"first"},"selectedAccount":"DU100001","isPaper":true}`)
	f.routes["GET /portfolio/accounts"] = always(200, portfolioAccounts("DU100001", "DU100002", "DU100003", "DU100001C"))
	f.routes["GET /portfolio/subaccounts"] = always(503, `{"error":"not an advisor","statusCode":503}`)
	ok("POST /iserver/account", "Accounts-POST-switch-account")
	f.routes["GET /iserver/account/orders"] = always(200, `{"orders":[],"snapshot":false}`)
	f.routes["GET /iserver/account/trades"] = always(200, `[]`)
	f.routes["POST /portfolio/{account}/positions/invalidate"] = always(200, `{"message":"success"}`)
	f.routes["GET /portfolio/{account}/positions/{page}"] = always(200, `[]`)
	f.routes["GET /portfolio2/{account}/positions"] = always(200, `[]`)
	f.routes["GET /portfolio/{account}/ledger"] = func(_ int, c call) (int, string) {
		return 200, strings.ReplaceAll(recorded(t, "Portfolio-GET-portfolio-ledger"), string(mine), strings.Split(c.Path, "/")[2])
	}
	f.routes["GET /iserver/contract/{conid}/info"] = func(_ int, c call) (int, string) {
		body, found := contractBodies[strings.Split(c.Path, "/")[3]]
		if !found {
			return 500, `{"error":"no contract"}`
		}
		return 200, body
	}
	f.routes["GET /trsrv/stocks"] = always(200, `{"SPY":[{"name":"SPDR","assetClass":"STK","contracts":[{"conid":756733,"exchange":"ARCA","isUS":true},{"conid":5,"exchange":"MEXI","isUS":false}]}]}`)
	ok("POST /iserver/account/{account}/orders", "Orders-POST-place-order-submitted")
	ok("POST /iserver/reply/{id}", "Orders-POST-reply-submitted")
	ok("DELETE /iserver/account/{account}/order/{id}", "Orders-DELETE-cancel-order")
	f.build()
	return f
}

func portfolioAccounts(ids ...string) string {
	var rows []string
	for _, id := range ids {
		rows = append(rows, fmt.Sprintf(`{"id":%q,"accountId":%q,"currency":"USD","type":"DEMO","accountAlias":null}`, id, id))
	}
	return "[" + strings.Join(rows, ",") + "]"
}

// contractBodies are the contracts that the fake knows, by id.
var contractBodies = map[string]string{
	"756733":    `{"con_id":756733,"symbol":"SPY","local_symbol":"SPY","trading_class":"SPY","instrument_type":"STK","currency":"USD","multiplier":null,"maturity_date":null}`,
	"320227571": `{"con_id":320227571,"symbol":"QQQ","local_symbol":"QQQ","instrument_type":"STK","currency":"USD","multiplier":""}`,
	"416904":    `{"con_id":416904,"symbol":"SPX","local_symbol":"SPX","instrument_type":"IND","currency":"USD"}`,
	"700":       `{"con_id":700,"symbol":"SPX","local_symbol":"SPXW  270115C05000000","trading_class":"SPXW","instrument_type":"OPT","currency":"USD","multiplier":"100","maturity_date":"20270115","strike":"5000","right":"CALL","underlying_con_id":416904}`,
	"701":       `{"con_id":701,"symbol":"SPX","local_symbol":"SPX   270115C05000000","trading_class":"SPX","instrument_type":"OPT","currency":"USD","multiplier":"100","maturity_date":"20270115","strike":"5000","right":"CALL","underlying_con_id":416904}`,
	"800":       `{"con_id":800,"symbol":"CL","local_symbol":"CLG7","instrument_type":"FUT","currency":"USD","multiplier":"1000","maturity_date":"20270120"}`,
	"801":       `{"con_id":801,"symbol":"CL","local_symbol":"LOG7 C6000","trading_class":"LO","instrument_type":"FOP","currency":"USD","multiplier":"1000","maturity_date":"20270114","strike":"60","right":"C","underlying_con_id":800}`,
	"950":       `{"con_id":950,"symbol":"EUR","local_symbol":"EUR.USD","instrument_type":"CASH","currency":"USD"}`,
	"900":       `{"con_id":900,"symbol":"SPY","local_symbol":"SPY","instrument_type":"BAG","currency":"USD"}`,
}

// on changes what a route answers.
func (f *fake) on(route string, a answerer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.routes[route] = a
	f.counts[route] = 0
	f.build()
}

func (f *fake) build() {
	f.mux = http.NewServeMux()
	for route := range f.routes {
		method, path, _ := strings.Cut(route, " ")
		f.mux.HandleFunc(method+" /v1/api"+path, func(w http.ResponseWriter, r *http.Request) { f.serve(route, w, r) })
	}
	f.mux.HandleFunc("/v1/api/ws", f.socket)
}

// ServeHTTP implements [http.Handler].
func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	mux := f.mux
	f.mu.Unlock()
	mux.ServeHTTP(w, r)
}

func (f *fake) serve(route string, w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	c := call{Method: r.Method, Path: strings.TrimPrefix(r.URL.Path, "/v1/api"), Query: r.URL.RawQuery, Body: string(body), At: time.Now(), r: r}
	f.mu.Lock()
	a, n := f.routes[route], f.counts[route]
	f.counts[route]++
	f.calls = append(f.calls, c)
	f.mu.Unlock()
	status, text := a(n, c)
	if status == 0 { // drop the connection
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

func (f *fake) socket(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.calls = append(f.calls, call{Method: "WS", Path: "/ws", Query: r.URL.RawQuery, r: r})
	f.mu.Unlock()
	conn, err := websocket.Accept(w, r, nil)
	if err == nil {
		f.sockets <- conn
	}
}

// count returns how many requests a route or a path got.
func (f *fake) count(name string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if c.String() == name {
			n++
		}
	}
	return n
}

// asked returns the requests of which keep holds.
func (f *fake) asked(keep func(call) bool) []call {
	f.mu.Lock()
	calls := slices.Clone(f.calls)
	f.mu.Unlock()
	return slices.DeleteFunc(calls, func(c call) bool { return !keep(c) })
}

// quick are limits under which tests need not wait.
var quick = Limits{Session: Rate{Requests: 1000, Per: time.Second, Burst: 1000}, Slow: Rate{Requests: 1000, Per: time.Second, Burst: 1000},
	Timeout: 5 * time.Second, Tickle: time.Hour, Warm: time.Millisecond, Retry: time.Millisecond, RetryMax: 10 * time.Millisecond, Ping: time.Hour}

func (f *fake) config() Config {
	return Config{URL: f.server.URL + "/v1/api", InsecureLoopback: true, Limits: quick, Breaker: NewBreaker()}
}

func (f *fake) open(config Config) *Client {
	c, err := Open(f.t.Context(), config)
	require.NoError(f.t, err)
	f.t.Cleanup(func() { require.NoError(f.t, c.Close()) })
	return c
}

// client returns a client with a session.
func (f *fake) client() *Client {
	c := f.open(f.config())
	require.True(f.t, c.Status().Usable(), "%+v", c.Status())
	return c
}

// until waits until something is so.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-ctx.Done():
			require.FailNow(t, "did not come to be", what)
		case <-tick.C:
		}
	}
}

var dec = ledger.MustDecimal

// limit returns a limit order for the day in SPY.
func limit(ref broker.Ref, quantity, price string) broker.Ticket {
	return broker.Ticket{Ref: ref, Order: risk.Order{ID: ledger.OrderID(ref), Instrument: spy, Quantity: dec(quantity), Price: dec(price)},
		Terms: broker.Terms{Type: broker.LimitOrder, Limit: dec(price), TIF: broker.Day}}
}

// orderRow is a row of live orders.
func orderRow(id int64, account broker.AccountID, ref, status string) string {
	return fmt.Sprintf(`{"acct":%q,"account":%q,"conid":756733,"orderId":%d,"order_ref":%q,"side":"BUY","totalSize":3.0,"filledQuantity":0.0,
		"remainingQuantity":3.0,"status":%q,"orderType":"Limit","origOrderType":"LIMIT","price":"90.00","timeInForce":"DAY"}`, account, account, id, ref, status)
}

func orderList(rows ...string) string {
	return `{"orders":[` + strings.Join(rows, ",") + `],"snapshot":true}`
}

// tradeRow is a row of trades; more are fields that are added.
func tradeRow(id string, account broker.AccountID, ref string, at time.Time, more string) string {
	return fmt.Sprintf(`{"execution_id":%q,"account":%q,"accountCode":%q,"conid":756733,"order_ref":%q,"side":"B","size":3.0,"price":"90.5","sec_type":"STK",
		"trade_time_r":%d%s}`, id, account, account, ref, at.UnixMilli(), more)
}

func tradeList(rows ...string) string { return "[" + strings.Join(rows, ",") + "]" }
