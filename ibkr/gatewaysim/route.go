package gatewaysim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Route is a kind of request: its method and its path below /v1/api, with names in braces for what
// differs.
type Route string

// The routes that faults strike most.
const (
	RouteStatus       Route = "GET /iserver/auth/status"
	RouteInit         Route = "POST /iserver/auth/ssodh/init"
	RouteTickle       Route = "POST /tickle"
	RouteAccounts     Route = "GET /iserver/accounts"
	RouteSwitch       Route = "POST /iserver/account"
	RoutePortfolio    Route = "GET /portfolio/accounts"
	RoutePositions    Route = "GET /portfolio/{account}/positions/{page}"
	RoutePositionsNow Route = "GET /portfolio2/{account}/positions"
	RouteLedger       Route = "GET /portfolio/{account}/ledger"
	RouteOrders       Route = "GET /iserver/account/orders"
	RouteOrderStatus  Route = "GET /iserver/account/order/status/{order}"
	RouteTrades       Route = "GET /iserver/account/trades"
	RoutePlace        Route = "POST /iserver/account/{account}/orders"
	RouteReply        Route = "POST /iserver/reply/{reply}"
	RouteCancel       Route = "DELETE /iserver/account/{account}/order/{order}"
	RouteModify       Route = "POST /iserver/account/{account}/order/{order}"
	RouteWhatIf       Route = "POST /iserver/account/{account}/orders/whatif"
	RouteSnapshot     Route = "GET /iserver/marketdata/snapshot"
	RouteSocket       Route = "GET /ws"
)

// route is a route with what answers it.
type route struct {
	pattern Route
	answer  func(g *Gateway, c *call) reply
	slow    bool // once in five seconds
	free    bool // works without a brokerage session, though it is below /iserver
}

// routes are all that the gateway answers. The first that fits is taken. A function fills them in,
// because the answers look up routes.
var routes []route

func init() {
	routes = []route{
		{pattern: "GET /sso/validate", answer: (*Gateway).validate},
		{pattern: RouteStatus, answer: (*Gateway).authStatus, free: true},
		{pattern: "POST /iserver/auth/status", answer: (*Gateway).authStatus, free: true},
		{pattern: RouteInit, answer: (*Gateway).initSession, free: true},
		{pattern: "POST /iserver/reauthenticate", answer: (*Gateway).reauthenticate, free: true},
		{pattern: RouteTickle, answer: (*Gateway).tickle},
		{pattern: "GET /tickle", answer: (*Gateway).tickle},
		{pattern: "POST /logout", answer: (*Gateway).logout},

		{pattern: RouteAccounts, answer: (*Gateway).iserverAccounts},
		{pattern: RouteSwitch, answer: (*Gateway).switchAccount},
		{pattern: "GET /iserver/account/pnl/partitioned", answer: (*Gateway).partitionedPnL, slow: true},
		{pattern: RouteOrders, answer: (*Gateway).liveOrders, slow: true},
		{pattern: RouteTrades, answer: (*Gateway).trades, slow: true},
		{pattern: RouteOrderStatus, answer: (*Gateway).orderStatus},
		{pattern: "GET /iserver/account/{account}/summary", answer: (*Gateway).accountSummary},
		{pattern: RouteWhatIf, answer: (*Gateway).whatIf},
		{pattern: RoutePlace, answer: (*Gateway).place},
		{pattern: RouteModify, answer: (*Gateway).modify},
		{pattern: RouteCancel, answer: (*Gateway).cancel},
		{pattern: RouteReply, answer: (*Gateway).answerQuestion},
		{pattern: "POST /iserver/notification", answer: (*Gateway).notification},
		{pattern: "POST /iserver/questions/suppress", answer: (*Gateway).suppress},
		{pattern: "POST /iserver/questions/suppress/reset", answer: (*Gateway).unsuppress},

		{pattern: RoutePortfolio, answer: (*Gateway).portfolioAccounts, slow: true},
		{pattern: "GET /portfolio/subaccounts", answer: (*Gateway).portfolioAccounts, slow: true},
		{pattern: "GET /portfolio/subaccounts2", answer: (*Gateway).subaccountsPage},
		{pattern: "GET /portfolio/positions/{conid}", answer: (*Gateway).positionsByConID},
		{pattern: "GET /portfolio/{account}/meta", answer: (*Gateway).portfolioMeta},
		{pattern: "GET /portfolio/{account}/ledger", answer: (*Gateway).ledger},
		{pattern: "GET /portfolio/{account}/summary", answer: (*Gateway).summary},
		{pattern: "POST /portfolio/{account}/positions/invalidate", answer: (*Gateway).invalidate},
		{pattern: RoutePositions, answer: (*Gateway).positions},
		{pattern: "GET /portfolio/{account}/position/{conid}", answer: (*Gateway).positionByConID},
		{pattern: RoutePositionsNow, answer: (*Gateway).positionsNow},

		{pattern: RouteSnapshot, answer: (*Gateway).snapshot},
		{pattern: "GET /iserver/marketdata/unsubscribeall", answer: (*Gateway).unsubscribeAll},
		{pattern: "GET /iserver/exchangerate", answer: (*Gateway).exchangeRate},
		{pattern: "GET /trsrv/stocks", answer: (*Gateway).stocks},
		{pattern: "GET /trsrv/futures", answer: (*Gateway).futures},
		{pattern: "GET /trsrv/secdef", answer: (*Gateway).secdef},
		{pattern: "GET /iserver/secdef/search", answer: (*Gateway).search},
		{pattern: "POST /iserver/secdef/search", answer: (*Gateway).search},
		{pattern: "GET /iserver/secdef/strikes", answer: (*Gateway).strikes},
		{pattern: "GET /iserver/secdef/info", answer: (*Gateway).secdefInfo},
		{pattern: "GET /iserver/contract/{conid}/info", answer: (*Gateway).contractInfo},
		{pattern: RouteSocket},
	}
}

// call is a request.
type call struct {
	route *route
	vars  map[string]string
	query url.Values
	body  []byte
	path  string
	entry *Request
	came  time.Time // by the clock of pacing
}

// account returns the account that the request names; empty if it names none.
func (c *call) account() string {
	if id := c.vars["account"]; id != "" {
		return id
	}
	if id := c.query.Get("accountId"); id != "" {
		return id
	}
	var body struct {
		ID string `json:"acctId"`
	}
	_ = json.Unmarshal(c.body, &body) // whatever is no such body names no account
	return body.ID
}

// decode reads the body; false for one that is no JSON of the kind.
func (c *call) decode(into any) bool { return json.Unmarshal(c.body, into) == nil }

// newCall finds the route of a request.
func newCall(r *http.Request, body []byte) *call {
	path := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/v1/api"), "/")
	c := &call{query: r.URL.Query(), body: body, path: path}
	for n := range routes {
		if vars, fits := routes[n].pattern.fits(r.Method, path); fits {
			c.route, c.vars = &routes[n], vars
			break
		}
	}
	return c
}

// fits reports whether a request is of the route, and what stands in place of the names in braces.
func (r Route) fits(method, path string) (map[string]string, bool) {
	verb, pattern, _ := strings.Cut(string(r), " ")
	want, got := strings.Split(pattern, "/"), strings.Split(path, "/")
	if verb != method || len(want) != len(got) {
		return nil, false
	}
	vars := map[string]string{}
	for n, part := range want {
		if name, ok := strings.CutPrefix(part, "{"); ok && got[n] != "" {
			vars[strings.TrimSuffix(name, "}")] = got[n]
		} else if part != got[n] {
			return nil, false
		}
	}
	return vars, true
}
