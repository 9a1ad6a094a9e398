package gatewaysim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
)

// Whatever is asked, the gateway answers JSON and never breaks.
func FuzzRequests(f *testing.F) {
	for _, seed := range [][3]string{
		{"GET", "/iserver/account/orders?force=true&filters=filled", ""}, {"POST", "/iserver/account/DU1000025/orders", `{"orders":[{"conid":900000001,"orderType":"MKT","side":"BUY","quantity":"1e3","tif":"DAY"}]}`},
		{"POST", "/iserver/reply/x", `{"confirmed":true}`}, {"DELETE", "/iserver/account/DU1000025/order/-1", ""}, {"GET", "/portfolio/DU1000025/positions/99999999999999999999", ""},
		{"GET", "/iserver/secdef/info?conid=900000001&sectype=OPT&strike=1e400", ""}, {"GET", "/iserver/marketdata/snapshot?conids=900000001,-1,x&fields=31", ""},
		{"POST", "/iserver/secdef/search", `{"symbol":5}`}, {"POST", "/iserver/auth/ssodh/init", `{"publish":"x"}`}, {"GET", "/trsrv/stocks?symbols=,,SPY", ""},
		{"POST", "/iserver/account/DU1000025/orders", `{"orders":[{"conid":900000001,"orderType":"LMT","price":99999999999999999999999999999999,"side":"SELL","quantity":99999999999999999999,"tif":"GTC"}]}`},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, method, target, body string) {
		path, query, _ := strings.Cut(target, "?")
		if strings.HasSuffix(path, "/ws") {
			return // a websocket
		}
		g, err := gatewaysim.New(gatewaysim.Config{Accounts: []gatewaysim.Account{{ID: first, Cash: dec("1000")}}, Pacing: gatewaysim.Pacing{Off: true}})
		require.NoError(t, err)
		defer func() { require.NoError(t, g.Close()) }()
		_, err = g.Market().Stock("SPY", dec("100"))
		require.NoError(t, err)
		for _, prepare := range []string{"/iserver/accounts", "/portfolio/accounts"} {
			g.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/v1/api"+prepare, nil))
		}
		for range 2 { // the second time it may be known
			r := httptest.NewRequest(http.MethodGet, "/v1/api/", strings.NewReader(body))
			r.Method, r.URL.Path, r.URL.RawQuery = method, "/v1/api"+path, query
			w := httptest.NewRecorder()
			g.ServeHTTP(w, r)
			require.True(t, json.Valid(w.Body.Bytes()), "%d: %s", w.Code, w.Body)
		}
		for _, look := range []string{"/portfolio/" + first + "/ledger", "/portfolio2/" + first + "/positions", "/iserver/account/orders", "/iserver/account/trades"} {
			w := httptest.NewRecorder()
			g.ServeHTTP(w, httptest.NewRequest("GET", "/v1/api"+look, nil))
			require.True(t, w.Code == http.StatusOK || w.Code == http.StatusBadRequest, "%s: %d", look, w.Code) // after a logout
		}
	})
}
