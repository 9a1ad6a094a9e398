package page

import (
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// goodForms returns, for every route that acts, a form that is right, by its pattern. Each is of a rig of its own
// state: nothing is sent.
func (r *rig) goodForms() map[string]filled {
	r.t.Helper()
	page := func(path string) string { return r.get("ann", path).text(r.t, http.StatusOK) }
	of := func(part ...string) filled {
		return formTo(r.t, page(r.path("Balanced-50K", part...)), r.path("Balanced-50K", part...))
	}
	out := map[string]filled{
		"/signin":                    {action: "/signin", values: url.Values{"token": {"wrong"}, "next": {"orders"}}},
		"/signout":                   {action: "/signout", values: url.Values{}},
		"/p/{id}/ticket":             r.ticket("Balanced-50K", buyXLE...),
		"/p/{id}/place":              r.checkedTicket("Balanced-50K", buyXLE...),
		"/p/{id}/cancel":             {action: r.path("Balanced-50K", "cancel"), values: url.Values{"order": {"none"}, "profile": {string(r.ids["Balanced-50K"])}}},
		"/p/{id}/settle":             {action: r.path("Balanced-50K", "settle"), values: url.Values{"order": {"none"}, "reason": {"x"}, "profile": {string(r.ids["Balanced-50K"])}}},
		"/p/{id}/halt":               of("halt"),
		"/p/{id}/reduce":             of("reduce").with("reason", "x"),
		"/p/{id}/resume":             of("resume").with("reason", "x"),
		"/p/{id}/switch":             of("switch"),
		"/p/{id}/edit":               of("edit"),
		"/p/{id}/limits/edit":        of("limits", "edit"),
		"/p/{id}/archive":            of("archive"),
		"/p/{id}/credentials":        of("credentials"),
		"/p/{id}/link":               {action: r.path("Balanced-50K", "link"), values: url.Values{"profile": {string(r.ids["Balanced-50K"])}, "version": {"1"}, "account": {"DU1"}}},
		"/p/{id}/statement":          {action: r.path("Balanced-50K", "statement"), values: url.Values{"profile": {string(r.ids["Balanced-50K"])}, "file": {newOnce()}}},
		"/p/{id}/statement/download": formTo(r.t, page(r.path("Balanced-50K", "statement")), r.path("Balanced-50K", "statement", "download")).with("token", "123", "query", "77"),
		"/signal":                    r.aSignalOf(),
		"/signal/place":              r.asked(r.aSignalOf()),
		"/halt":                      formTo(r.t, page("/halt"), "/halt"),
		"/new":                       r.newPage("account", "DU7777777"),
	}
	for _, route := range table() {
		if _, known := out[route.path]; route.method == http.MethodPost && !known && route.path != "/preferences" {
			require.Fail(r.t, "a form is not tested", route.path)
		}
	}
	return out
}

// some returns the names of a form's fields, at most so many of them: fields that are read in the same way stand for
// each other.
func some(f filled, most int) []string {
	names := slices.Sorted(maps.Keys(f.values))
	step := (len(names) + most - 1) / most
	var out []string
	for i := 0; i < len(names); i += max(step, 1) {
		out = append(out, names[i])
	}
	return out
}

// inside are words that no page may have.
var inside = []string{"goroutine", ".go:", "panic", "runtime", "invalid.Error", "accounts.", "%!", "sql", "store:"}

// No form, however it is broken, breaks anything, tells of the inside, or changes what it must not.
func TestBrokenForms(t *testing.T) {
	r := rich(t)
	forms := r.goodForms()
	before := r.stand()
	read := map[string]bool{} // most are the same page
	refused := func(pattern, what string, a answer) {
		t.Helper()
		require.GreaterOrEqual(t, a.Code, 400, "%s: %s", pattern, what)
		require.Less(t, a.Code, 500, "%s: %s: %s", pattern, what, plain(a.Body.String()))
		text := withoutID(a.Body.String())
		if read[text] {
			return
		}
		read[text] = true
		for _, word := range inside {
			require.NotContains(t, text, word, "%s: %s", pattern, what)
		}
		require.NoError(t, wellFormed(text), "%s: %s", pattern, what)
	}
	for pattern, f := range forms {
		if pattern == "/signout" {
			continue // it has no fields, and takes whatever comes
		}
		post := func(body string, headers ...string) answer {
			return r.do("ann", http.MethodPost, f.action, body, headers...)
		}
		good := f.values.Encode()
		refused(pattern, "an unknown field", post(good+"&surprise=1"))
		for _, name := range some(f, 8) {
			if pattern == "/signal" || pattern == "/signal/place" || name != "kinds" {
				if name != "to" {
					refused(pattern, name+" twice", post(good+"&"+name+"="+url.QueryEscape(f.values.Get(name))))
				}
			}
			refused(pattern, name+" that is no text", post(f.with(name, "\xff\xfe").values.Encode()))
			refused(pattern, name+" with a zero byte", post(f.with(name, "a\x00").values.Encode()))
		}
		refused(pattern, "another type", post(good, "Content-Type", "text/plain"))
		refused(pattern, "JSON", post(`{"reason":"x"}`, "Content-Type", "application/json"))
		refused(pattern, "no escape", post("reason=%zz"))
		refused(pattern, "nothing of a form", post(strings.Repeat("&", 10)+";=;"))
		if pattern != "/p/{id}/statement" {
			refused(pattern, "too much", post(good+"&x="+strings.Repeat("x", maxForm)))
		}
		a := r.do("ann", http.MethodPost, f.action+"?surprise=1", good)
		refused(pattern, "fields in the address", a)
		refused(pattern, "another site", post(good, "Sec-Fetch-Site", "cross-site"))
		refused(pattern, "another origin", post(good, "Sec-Fetch-Site", "", "Origin", "https://evil.example"))
	}
	require.Equal(t, before, r.stand(), "nothing has changed")
	require.Equal(t, 4, r.count())
}

// Odd values in any field of any form are refused or taken, and break nothing.
func TestOddValues(t *testing.T) {
	r := rich(t)
	forms := r.goodForms()
	odd := []string{"", " ", "-1", "0", "1e999", "NaN", "9223372036854775808", "0.0000000000000000001", "<script>alert(1)</script>", `"><b>`, "' OR 1=1 --", "\u202egnp", "a\r\nSet-Cookie: x=y",
		strings.Repeat("9", 3000), strings.Repeat("ä", 3000), "../../etc/passwd", "{{.}}", "null"}
	n := 0
	for pattern, f := range forms {
		for _, name := range some(f, 12) {
			before := r.stand()
			for range 4 {
				value := odd[n%len(odd)] // each field has some, and each value comes to many fields
				n++
				if pattern == "/p/{id}/archive" && name == "profile" || pattern == "/p/{id}/credentials" && value == "" {
					continue
				}
				a := r.send("ann", f.with(name, value))
				require.Less(t, a.Code, 500, "%s: %s is %.50q: %s", pattern, name, value, plain(a.Body.String()))
				require.NotContains(t, a.Body.String(), "<script>alert", "%s: %s", pattern, name)
				require.NotContains(t, a.Body.String(), "ZgotmplZ", "%s: %s is %.50q", pattern, name, value)
				require.Empty(t, a.Header().Get("Set-Cookie"), pattern)
				if a.Code >= 400 {
					require.NoError(t, wellFormed(a.Body.String()), "%s: %s is %.50q", pattern, name, value)
					require.Equal(t, before, r.stand(), "%s: %s is %.50q", pattern, name, value)
				}
				before = r.stand()
			}
		}
	}
	require.NotContains(t, r.log.String(), "panicked")
	require.NotContains(t, r.log.String(), "a request failed")
}

// Nothing is done by looking: reading every page changes nothing, with a form's fields in the address too.
func TestLookingChangesNothing(t *testing.T) {
	r := rich(t)
	forms := r.goodForms()
	before := r.stand()
	for _, path := range r.pages() {
		r.get("ann", path)
	}
	for pattern, f := range forms {
		r.get("ann", f.action+"?"+f.values.Encode())
		a := r.do("ann", http.MethodPut, f.action, f.values.Encode())
		require.Equal(t, http.StatusMethodNotAllowed, a.Code, pattern)
	}
	require.Equal(t, before, r.stand())
	_, err := r.manager.ActiveProfile(owned("ann"))
	require.ErrorIs(t, err, accounts.ErrNoActiveProfile)
}

// However two browsers switch, check and place at the same time, an order is in the account of its ticket, once,
// and nowhere else.
func TestInterleavings(t *testing.T) {
	const steps = 1000
	r := rich(t)
	names := []string{"Balanced-50K", "Optimal-100K"}
	for _, name := range names {
		p := r.profile(name)
		l := p.EffectiveLimits()
		l.DuplicateWindow, l.OrdersPerMinute, l.OrdersPerDay, l.OpenPositions = 0, 0, 0, 0
		p.Limits = &l
		_, err := r.manager.UpdateProfile(owned("ann"), p)
		require.NoError(t, err)
		require.NoError(t, r.manager.SetCredentials(owned("ann"), r.ids[name], gatewaySession()))
	}
	var mu sync.Mutex
	meant := map[ledger.OrderID]string{} // the account of each ticket that was sent, to whatever address
	tab := func(seed uint64) {
		dice := rand.New(rand.NewPCG(seed, 7))
		var open []filled
		var of []string
		for range steps / 2 {
			name := names[dice.IntN(2)]
			switch dice.IntN(4) {
			case 0: // switch, as the other tab may do
				r.do("ann", http.MethodPost, r.path(name, "switch"), "confirm=live")
			case 1: // open a ticket
				if len(open) < 30 {
					open, of = append(open, r.checkedTicket(name, "symbol", "XLE", "quantity", "1", "limit", "91.20", "side", []string{"buy", "sell"}[dice.IntN(2)])), append(of, name)
				}
			default: // place one, now and then at the other account's address
				if len(open) == 0 {
					continue
				}
				i := dice.IntN(len(open))
				f := open[i]
				if dice.IntN(3) == 0 {
					f.action = r.path(name, "place")
				}
				mu.Lock()
				meant[ledger.OrderID("page."+f.values.Get("once"))] = of[i]
				mu.Unlock()
				a := r.send("ann", f)
				if f.action != r.path(of[i], "place") && a.Code != http.StatusConflict {
					t.Errorf("a ticket for %s was answered with %d at %s", of[i], a.Code, f.action)
				}
			}
		}
	}
	var tabs sync.WaitGroup
	for seed := range uint64(2) {
		tabs.Go(func() { tab(seed) })
	}
	tabs.Wait()
	placed := 0
	for name := range r.ids {
		if name == "Bob's own" {
			continue
		}
		for _, id := range r.ordersOf(name) {
			if !strings.HasPrefix(id, "page.") {
				continue
			}
			placed++
			require.Equal(t, meant[ledger.OrderID(id)], name, "an order is in another account than its ticket's")
		}
	}
	require.Greater(t, placed, 20, "the test places orders")
	require.LessOrEqual(t, placed, len(meant), "a ticket places one order")
}

// Pages of another owner's profile are not there for any method, whatever a form says.
func TestForeignForms(t *testing.T) {
	r := rich(t)
	before := r.stand()
	foreign := string(r.ids["Bob's own"])
	for pattern, f := range r.goodForms() {
		if !hasProfile(pattern) {
			continue
		}
		f.action = strings.ReplaceAll(f.action, url.PathEscape(string(r.ids["Balanced-50K"])), url.PathEscape(foreign))
		for _, profile := range []string{foreign, string(r.ids["Balanced-50K"])} {
			text := r.send("ann", f.with("profile", profile)).text(t, http.StatusNotFound)
			require.Contains(t, text, "There is no such profile.", pattern)
			require.NotContains(t, text, "Bob", pattern)
		}
	}
	methods := []string{http.MethodGet, http.MethodPost, http.MethodHead}
	for _, route := range table() {
		if hasProfile(route.path) && slices.Contains(methods, route.method) {
			require.Equal(t, http.StatusNotFound, r.do("ann", route.method, r.fillWith(route.path, accounts.ProfileID(foreign)), "").Code, route.path)
		}
	}
	require.Equal(t, before, r.stand())
}
