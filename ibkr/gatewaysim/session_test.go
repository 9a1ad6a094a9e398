package gatewaysim_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
)

// flags returns whether the session is authenticated, connected and competing.
func (b *bench) flags() [3]bool {
	b.t.Helper()
	o := b.get("/iserver/auth/status").(map[string]any)
	return [3]bool{o["authenticated"].(bool), o["connected"].(bool), o["competing"].(bool)}
}

func (b *bench) init(compete string) map[string]any {
	b.t.Helper()
	return b.ask("POST", "/iserver/auth/ssodh/init", `{"publish":true,"compete":`+compete+`}`).(map[string]any)
}

// A session that is not tickled for six minutes dies, and /iserver with it; ssodh/init opens another, which
// knows nothing of the last.
func TestSessionDies(t *testing.T) {
	b := open(t, nil).ready()
	m := b.Market()
	m.Advance(6*time.Minute - time.Second)
	b.ask("POST", "/tickle", "")
	m.Advance(6*time.Minute - time.Second)
	require.Equal(t, [3]bool{true, true, false}, b.flags(), "tickled in time")
	m.Advance(time.Second)
	require.Equal(t, [3]bool{false, true, false}, b.flags(), "not tickled in time")
	status, text := b.try("GET", "/iserver/accounts", "")
	require.Equal(t, 400, status)
	require.Contains(t, text, "no bridge")
	b.get("/portfolio/" + first + "/ledger")
	b.ask("POST", "/tickle", "")
	require.Equal(t, [3]bool{false, true, false}, b.flags(), "a tickle revives nothing")

	require.Equal(t, true, b.init("true")["authenticated"])
	require.Equal(t, [3]bool{true, true, false}, b.flags(), "after init")
	status, _ = b.try("POST", "/iserver/account/"+first+"/orders", b.order(first, "r", "BUY", "1", "90"))
	require.Equal(t, 400, status, "the new session was not asked for its accounts")
	b.get("/iserver/accounts")
	b.place(first, "r", "BUY", "1", "90")
	require.Empty(t, rows(b.get("/iserver/account/orders"), "orders"), "the first live orders of a session")
	require.Len(t, rows(b.get("/iserver/account/orders"), "orders"), 1)
}

func TestInitWantsPublish(t *testing.T) {
	b := open(t, nil)
	status, _ := b.try("POST", "/iserver/auth/ssodh/init", `{"publish":false,"compete":true}`)
	require.Equal(t, 500, status)
}

func TestCompeting(t *testing.T) {
	b := open(t, nil).ready()
	b.Compete()
	require.Equal(t, [3]bool{false, true, true}, b.flags())
	require.Equal(t, true, b.init("false")["competing"], "it gives way")
	require.Equal(t, [3]bool{false, true, true}, b.flags())
	require.Equal(t, true, b.init("true")["authenticated"], "it takes the session back")
	require.Equal(t, [3]bool{true, true, false}, b.flags())
	b.Compete()
	b.EndCompeting()
	require.Equal(t, [3]bool{false, true, false}, b.flags(), "nobody has the session")
	require.Equal(t, true, b.init("false")["authenticated"])
}

// The session ends at midnight in New York, and /iserver is down from one o'clock for five minutes, while
// /portfolio works on.
func TestNight(t *testing.T) {
	b := open(t, nil).ready()
	m := b.Market()
	to := func(at string) {
		t.Helper()
		until, err := time.Parse(time.RFC3339, at)
		require.NoError(t, err)
		for m.Now().Before(until) {
			m.Advance(min(until.Sub(m.Now()), 5*time.Minute))
			b.ask("POST", "/tickle", "")
		}
	}
	to("2026-06-01T23:59:59-04:00")
	require.Equal(t, [3]bool{true, true, false}, b.flags(), "before the reset")
	to("2026-06-02T00:00:00-04:00")
	require.Equal(t, [3]bool{false, true, false}, b.flags(), "after the reset")
	b.init("true")
	to("2026-06-02T01:00:00-04:00")
	require.Equal(t, false, b.flags()[1], "connected in the maintenance")
	status, _ := b.try("GET", "/iserver/accounts", "")
	require.Equal(t, 503, status)
	status, _ = b.try("POST", "/iserver/auth/ssodh/init", `{"publish":true,"compete":true}`)
	require.Equal(t, 503, status)
	b.get("/portfolio/" + first + "/ledger")
	to("2026-06-02T01:05:00-04:00")
	require.Equal(t, [3]bool{false, true, false}, b.flags(), "after the maintenance")
	require.Equal(t, true, b.init("true")["authenticated"])
}

// On Saturday evenings everything is down.
func TestSaturday(t *testing.T) {
	m, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Start: time.Date(2026, 6, 6, 23, 59, 0, 0, time.UTC)}) // 19:59 in New York
	require.NoError(t, err)
	b := open(t, func(c *gatewaysim.Config) { c.Market = m }).ready()
	require.False(t, m.Open())
	for _, want := range []int{200, 503, 503, 200} {
		status, _ := b.try("GET", "/portfolio/"+first+"/ledger", "")
		require.Equal(t, want, status, "at %s", m.Now())
		m.Advance(time.Minute)
		if want == 503 {
			m.Advance(28 * time.Minute)
		}
		m.Advance(15 * time.Second)
	}
	require.Equal(t, [3]bool{false, true, false}, b.flags())
}

func TestLoginEnds(t *testing.T) {
	b := open(t, nil).ready()
	expires := b.get("/sso/validate").(map[string]any)
	require.Equal(t, []any{2.0, true}, []any{expires["LOGIN_TYPE"], expires["RESULT"]})
	b.Market().Advance(24 * time.Hour)
	for _, path := range []string{"/iserver/auth/status", "/portfolio/accounts", "/sso/validate"} {
		status, _ := b.try("GET", path, "")
		require.Equal(t, 401, status, path)
	}
	b.LogIn()
	require.Equal(t, [3]bool{true, true, false}, b.flags())
	b.ExpireLogin()
	status, _ := b.try("GET", "/iserver/accounts", "")
	require.Equal(t, 401, status)
}

func TestLogoutHealsAndReauthenticates(t *testing.T) {
	b := open(t, nil).ready()
	b.Compete()
	b.ask("POST", "/logout", "")
	require.Equal(t, [3]bool{false, true, false}, b.flags())
	b.ask("POST", "/iserver/reauthenticate", "")
	require.Equal(t, [3]bool{true, true, false}, b.flags())
}

// What has to be asked first is refused without.
func TestOrderOfCalls(t *testing.T) {
	b := open(t, nil)
	for _, path := range []string{"/portfolio/" + first + "/ledger", "/portfolio/" + first + "/positions/0", "/portfolio2/" + first + "/positions",
		"/iserver/marketdata/snapshot?conids=1&fields=31"} {
		status, _ := b.try("GET", path, "")
		require.Equal(t, 400, status, path)
	}
	status, _ := b.try("POST", "/iserver/account/"+first+"/orders", b.order(first, "r", "BUY", "1", "90"))
	require.Equal(t, 400, status)
	status, _ = b.try("GET", "/nothing", "")
	require.Equal(t, 404, status)
}

func TestAccounts(t *testing.T) {
	b := open(t, func(c *gatewaysim.Config) { c.Groups = []string{"All"}; c.Live = true; c.Accounts[0].Alias = "main" })
	o := b.get("/iserver/accounts").(map[string]any)
	require.Equal(t, []any{first, second, "All"}, o["accounts"], "those that may be traded in")
	require.Equal(t, []any{first, false, []any{"All"}}, []any{o["selectedAccount"], o["isPaper"], o["groups"]})
	var ids []any
	for _, row := range rows(b.get("/portfolio/accounts"), "") {
		ids = append(ids, row["accountId"], row["brokerageAccess"])
	}
	require.Equal(t, []any{first, true, second, true, view, false}, ids, "those that may be viewed")
	b.ask("POST", "/iserver/account", `{"acctId":"`+second+`"}`)
	require.Equal(t, second, b.get("/iserver/accounts").(map[string]any)["selectedAccount"])
	for _, id := range []string{view, "All", "U1"} {
		status, _ := b.try("POST", "/iserver/account", `{"acctId":"`+id+`"}`)
		require.Equal(t, 500, status, id)
	}
	require.NoError(t, b.SelectAccount(first))
	require.ErrorIs(t, b.SelectAccount(view), gatewaysim.ErrUnknown)
}
