package gatewaysim_test

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
)

// extra are fields that answers have beyond those recorded, as IBKR's documentation has them.
var extra = map[string]map[string]bool{
	"Orders-GET-trades":                       nil, // of which a part was recorded
	"MarketData-GET-snapshot":                 {"6119": true, "7635": true},
	"Portfolio-GET-portfolio-positions-page0": {},
}

// shapeOf describes a value as the recorded shapes do: the type of every field, and of a list its first row.
func shapeOf(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[k] = shapeOf(e)
		}
		return out
	case []any:
		if len(v) == 0 {
			return []any{}
		}
		return []any{shapeOf(v[0])}
	case string:
		return "string"
	case bool:
		return "bool"
	case float64:
		return "number"
	}
	return "null"
}

// differences lists where an answer differs from what was recorded. Lists that are empty on either side say
// nothing of their rows. Fields that the answer has beyond the recorded ones count unless more is true.
func differences(at string, want, got any, more func(field string) bool) (out []string) {
	switch want := want.(type) {
	case map[string]any:
		o, isObject := got.(map[string]any)
		if !isObject {
			return []string{fmt.Sprintf("%s: an object was recorded, not %v", at, got)}
		}
		for k, w := range want {
			g, found := o[k]
			if !found {
				out = append(out, at+"."+k+" is missing")
				continue
			}
			out = append(out, differences(at+"."+k, w, g, more)...)
		}
		for k := range o {
			if _, found := want[k]; !found && !more(k) {
				out = append(out, at+"."+k+" was not recorded")
			}
		}
	case []any:
		list, isList := got.([]any)
		switch {
		case !isList:
			return []string{fmt.Sprintf("%s: a list was recorded, not %v", at, got)}
		case len(want) > 0 && len(list) > 0:
			return differences(at+"[0]", want[0], list[0], more)
		}
	default:
		if want != got {
			out = append(out, fmt.Sprintf("%s: %v was recorded, not %v", at, want, got))
		}
	}
	return out
}

// Every answer has the fields of its recorded payload, of the same types, and no others but those that
// IBKR's documentation has.
func TestShapes(t *testing.T) {
	text, err := os.ReadFile("testdata/shapes.json")
	require.NoError(t, err)
	var shapes map[string]any
	require.NoError(t, json.Unmarshal(text, &shapes))

	seen := map[string]bool{}
	check := func(name string, answer any) {
		t.Helper()
		seen[name] = true
		want, found := shapes[name]
		require.True(t, found, "%s was not recorded", name)
		more := func(field string) bool {
			fields, listed := extra[name]
			return listed && fields == nil || fields[field]
		}
		require.Empty(t, differences(name, want, shapeOf(answer), more), "the shape of %s", name)
	}

	b := open(t, func(c *gatewaysim.Config) { c.Accounts = c.Accounts[:1] })
	m := b.Market()
	require.NoError(t, m.SetQuote(b.spy, gatewaysim.Quote{Bid: dec("99.9"), Ask: dec("100.1"), Last: dec("100"), Close: dec("99")}))
	spy := strconv.FormatInt(b.spy, 10)

	check("Session-GET-auth-status", b.get("/iserver/auth/status"))
	check("Session-POST-ssodh-init", b.ask("POST", "/iserver/auth/ssodh/init", `{"publish":true,"compete":true}`))
	check("Session-POST-tickle", b.ask("POST", "/tickle", ""))
	check("Session-POST-suppress", b.ask("POST", "/iserver/questions/suppress", `{"messageIds":["o1"]}`))
	check("Session-POST-suppress-reset", b.ask("POST", "/iserver/questions/suppress/reset", ""))

	check("Accounts-GET-iserver-accounts", b.get("/iserver/accounts"))
	check("Accounts-POST-switch-account", b.ask("POST", "/iserver/account", `{"acctId":"`+first+`"}`))
	check("Accounts-GET-account-summary", b.get("/iserver/account/"+first+"/summary"))
	for _, name := range []string{"accounts", "subaccounts"} {
		check("Portfolio-GET-portfolio-"+name, b.get("/portfolio/"+name))
	}
	check("Portfolio-GET-subaccounts2", b.get("/portfolio/subaccounts2?page=0"))
	check("Portfolio-GET-portfolio-meta", b.get("/portfolio/"+first+"/meta"))

	check("Orders-GET-live-orders-empty", b.get("/iserver/account/orders"))
	check("Orders-GET-trades-empty", b.get("/iserver/account/trades"))
	check("Orders-POST-whatif-order", b.ask("POST", "/iserver/account/"+first+"/orders/whatif", b.order(first, "", "BUY", "1", "100")))
	market := `{"orders":[{"acctId":"` + first + `","conid":` + spy + `,"orderType":"MKT","side":"BUY","quantity":3,"tif":"DAY"}]}`
	check("Orders-POST-place-order-submitted", b.ask("POST", "/iserver/account/"+first+"/orders", market))
	live := b.get("/iserver/account/orders")
	check("Orders-GET-live-orders", live)
	id := fmt.Sprintf("%.0f", rows(live, "orders")[0]["orderId"])
	check("Orders-GET-order-status", b.get("/iserver/account/order/status/"+id))
	b.place(first, "with-ref", "BUY", "1", "101")
	trades := b.get("/iserver/account/trades").([]any)
	check("Orders-GET-trades", trades[1:])
	low := b.place(first, "low", "BUY", "2", "90")["order_id"].(string)
	check("Orders-POST-modify-order-submitted", b.ask("POST", "/iserver/account/"+first+"/order/"+low,
		`{"acctId":"`+first+`","conid":`+spy+`,"orderType":"LMT","side":"BUY","quantity":2,"price":91,"tif":"DAY"}`))
	check("Orders-DELETE-cancel-order", b.ask("DELETE", "/iserver/account/"+first+"/order/"+low, ""))
	b.Ask(gatewaysim.Question{ID: "o354"})
	question := b.ask("POST", "/iserver/account/"+first+"/orders", b.order(first, "asked", "BUY", "1", "90"))
	check("Orders-POST-place-order-confirmation", question)
	check("Orders-POST-reply-submitted", b.ask("POST", "/iserver/reply/"+rows(question, "")[0]["id"].(string), `{"confirmed":true}`))
	check("Orders-POST-dismiss-notification", b.ask("POST", "/iserver/notification", `{}`))
	check("Portfolio-GET-iserver-account-pnl-partitioned", b.get("/iserver/account/pnl/partitioned"))

	ledger := b.get("/portfolio/" + first + "/ledger")
	check("Portfolio-GET-portfolio-ledger", ledger)
	check("Portfolio-GET-portfolio-summary", b.get("/portfolio/"+first+"/summary"))
	check("Portfolio-GET-portfolio-positions-page0", b.get("/portfolio/"+first+"/positions/0"))
	check("Portfolio-GET-portfolio-positions-empty", b.get("/portfolio/"+first+"/positions/1"))
	check("Portfolio-GET-portfolio-position-by-conid", b.get("/portfolio/"+first+"/position/"+spy))
	check("Portfolio-GET-portfolio2-positions", b.get("/portfolio2/"+first+"/positions"))
	check("Portfolio-POST-portfolio-invalidate", b.ask("POST", "/portfolio/"+first+"/positions/invalidate", ""))

	fields := "/iserver/marketdata/snapshot?fields=31,84,86,85,88,82,83,87,70,71,7635&conids=" + spy
	b.get(fields)
	check("MarketData-GET-snapshot", b.get(fields))
	check("Contracts-GET-contract-info", b.get("/iserver/contract/"+spy+"/info"))
	check("Contracts-GET-trsrv-secdef", b.get("/trsrv/secdef?conids="+spy))
	check("Contracts-GET-exchangerate", b.get("/iserver/exchangerate?source=USD&target=USD"))

	check("Contracts-GET-trsrv-stocks", b.get("/trsrv/stocks?symbols=SPY"))
	check("Portfolio-GET-portfolio-positions-by-conid", b.get("/portfolio/positions/"+spy))
	es, err := m.Add(gatewaysim.Contract{SecType: "FUT", Symbol: "ES", Underlying: b.spy, Expiry: 20261218, Multiplier: dec("50")})
	require.NoError(t, err)
	require.Equal(t, b.spy+1, es.ConID, "the next id")
	check("Contracts-GET-trsrv-futures", b.get("/trsrv/futures?symbols=ES"))
	_, err = m.Chain(b.spy, "SPY", 20260618, dec("100"))
	require.NoError(t, err)
	check("Contracts-GET-secdef-search", b.get("/iserver/secdef/search?symbol=SPY"))
	check("Contracts-GET-secdef-strikes", b.get("/iserver/secdef/strikes?sectype=OPT&month=JUN26&conid="+spy))

	for name := range shapes {
		require.True(t, seen[name], "no test looks at the shape of %s", name)
	}
}
