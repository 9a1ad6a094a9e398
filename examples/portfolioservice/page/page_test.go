package page

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A config that cannot work is refused with every wrong field.
func TestNewRefuses(t *testing.T) {
	_, err := New(t.Context(), Config{})
	require.ErrorIs(t, err, accounts.ErrInvalid)
	require.ErrorContains(t, err, "Manager")
	require.ErrorContains(t, err, "Auth")
}

// Whoever is not known is sent to the sign-in page, from every page, and is told of no account.
func TestStrangersAreSentToSignIn(t *testing.T) {
	r := rich(t)
	for _, route := range table() {
		if route.right == 0 {
			continue
		}
		a := r.do("nobody", route.method, r.fill(route.path), "")
		require.Equal(t, http.StatusSeeOther, a.Code, "%s %s", route.method, route.path)
		to, next, _ := strings.Cut(a.Header().Get("Location"), "?next=")
		require.Equal(t, signInPath, to, route.path)
		require.Equal(t, nextOf(route.path), next, route.path)
		require.NotContains(t, a.Body.String(), "Optimal", route.path)
	}
}

// Another owner's profile is as though it were not there: the same page as of an id that nobody has.
func TestForeignProfilesDoNotExist(t *testing.T) {
	r := rich(t)
	foreign := r.ids["Bob's own"]
	for _, route := range table() {
		if !hasProfile(route.path) {
			continue
		}
		a := r.do("ann", route.method, r.fillWith(route.path, foreign), "")
		b := r.do("ann", route.method, r.fillWith(route.path, "nobody's"), "")
		text := a.text(t, http.StatusNotFound)
		require.Contains(t, text, "There is no such profile.", route.path)
		require.Equal(t, withoutID(text), withoutID(b.text(t, http.StatusNotFound)), route.path)
		require.NotContains(t, text, "Bob", route.path)
	}
}

// Who may only look is refused what more is needed for, and is offered none of it.
func TestRights(t *testing.T) {
	r := rich(t)
	for _, route := range table() {
		if httpapi.Read.Has(route.right) {
			continue
		}
		text := r.do("guest", route.method, r.fill(route.path), "").text(t, http.StatusForbidden)
		require.Contains(t, text, "You may look, but not do this.", route.path)
	}
	text := r.get("guest", "/").text(t, http.StatusOK)
	for _, offer := range []string{"/halt", "/resume", "/new", "/switch"} {
		require.NotContains(t, text, offer+`"`)
	}
}

// Errors are pages in a person's words, which tell nothing of the inside.
func TestErrorPages(t *testing.T) {
	r := rich(t)
	require.Contains(t, r.get("ann", "/nowhere").text(t, http.StatusNotFound), "There is no such page.")
	require.Contains(t, r.get("ann", "//").text(t, http.StatusNotFound), "There is no such page.")
	a := r.do("ann", http.MethodDelete, "/", "")
	require.Contains(t, a.text(t, http.StatusMethodNotAllowed), "cannot be asked for in this way")
	require.Equal(t, "GET, HEAD", a.Header().Get("Allow"))
	a = r.do("ann", http.MethodPost, "/", "", "Sec-Fetch-Site", "cross-site")
	require.Contains(t, a.text(t, http.StatusForbidden), "Another site asked for this.")
	require.NoError(t, r.store.Close())
	text := r.get("ann", "/").text(t, http.StatusServiceUnavailable)
	require.Contains(t, text, "Try again")
	require.NotContains(t, text, "store: closed")
	require.Contains(t, r.log.String(), "a request failed")
}

// A page of another site neither reads nor opens a stream by itself; a person who follows its link does.
func TestOtherSitesRead(t *testing.T) {
	r := rich(t)
	for _, path := range []string{"/", "/events", "/activity", "/static/page.js", "/nowhere"} {
		for _, from := range []string{"cross-site", "same-site"} {
			for _, mode := range []string{"no-cors", "cors", ""} {
				r.get("ann", path, "Sec-Fetch-Site", from, "Sec-Fetch-Mode", mode).text(t, http.StatusForbidden)
			}
		}
	}
	r.get("ann", "/activity", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate").text(t, http.StatusOK)
	r.get("ann", "/activity", "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors").text(t, http.StatusOK)
}

// An old browser says by Referer alone where a form is from.
func TestFormsOfOldBrowsers(t *testing.T) {
	r := rich(t)
	post := func(status int, headers ...string) {
		t.Helper()
		r.do("ann", http.MethodPost, "/halt", "reason=", append(headers, "Sec-Fetch-Site", "")...).text(t, status)
	}
	post(http.StatusForbidden)
	post(http.StatusForbidden, "Referer", "http://evil.example/example.com")
	post(http.StatusForbidden, "Referer", "http://example.com:99/")
	post(http.StatusForbidden, "Origin", "null", "Referer", "http://example.com/halt")
	post(http.StatusUnprocessableEntity, "Referer", "http://example.com/halt")
	post(http.StatusUnprocessableEntity, "Origin", "http://example.com")
}

// A name that somebody else owns is not taken for the service's.
func TestHosts(t *testing.T) {
	r := newRig(t)
	h, err := New(t.Context(), Config{Manager: r.manager, Auth: httpapi.Loopback{Caller: httpapi.Caller{Owner: "ann", Rights: httpapi.AllRights}}, Clock: r.clock.Now})
	require.NoError(t, err)
	r.handler = h
	require.Equal(t, http.StatusMisdirectedRequest, r.get("", "http://rebound.example/").Code)
	require.Equal(t, http.StatusSeeOther, r.get("", "http://localhost/").Code, "the request does not come from loopback")
}

// Every answer carries the policy, is not kept, and the assets can be asked for again.
func TestHeaders(t *testing.T) {
	r := rich(t)
	for _, path := range []string{"/", "/nowhere", cssPath, jsPath, iconPath} {
		h := r.get("ann", path).Header()
		require.Equal(t, policy, h.Get("Content-Security-Policy"), path)
		require.Equal(t, "nosniff", h.Get("X-Content-Type-Options"), path)
	}
	require.Equal(t, "no-store", r.get("ann", "/").Header().Get("Cache-Control"))
	css := r.get("nobody", cssPath)
	require.Contains(t, css.text(t, http.StatusOK), "--env-live")
	require.Contains(t, css.Body.String(), ".strip")
	require.Equal(t, http.StatusNotModified, r.get("nobody", cssPath, "If-None-Match", css.Header().Get("ETag")).Code)
}

// Nothing of the sum of live money is paper money, and a sum of which a part is not known is not known.
func TestTotals(t *testing.T) {
	r := rich(t)
	live, paper := dec("0"), dec("0")
	for _, name := range []string{"Optimal-100K", "Conservative-250K"} {
		live = live.Add(r.portfolio("ann", name).Snapshot().Equity)
	}
	for _, name := range []string{"Aggressive-25K", "Balanced-50K"} {
		paper = paper.Add(r.portfolio("ann", name).Snapshot().Equity)
	}
	text := plain(r.get("ann", "/").text(t, http.StatusOK))
	require.Contains(t, text, cents(live).in("USD").String())
	require.Contains(t, text, cents(paper).in("USD").String())
	require.NotContains(t, text, cents(live.Add(paper)).String())
	unknown := account{Name: "Lost"}
	unknown.Profile.Mode, unknown.Profile.BaseCurrency = accounts.ModeLive, "USD"
	known := unknown
	known.Equity = cents(dec("5"))
	totals := totalsOf([]account{known, unknown}, true)
	require.Len(t, totals, 1)
	require.False(t, totals[0].Equity.Known)
	require.Equal(t, "not known, because that of Lost is not", totals[0].Lacks)
	euro := known
	euro.Profile.BaseCurrency = "EUR"
	require.Len(t, totalsOf([]account{known, euro}, true), 2, "currencies are not added")
}

// Accounts are told apart by colour, shape, initial and line, and keep all of that when others are archived.
func TestIdentity(t *testing.T) {
	p := accounts.Optimal100K("U1234567")
	seen := map[string]bool{}
	for n := range 24 {
		id := identify(n, p)
		key := id.Hue + id.Shape
		require.False(t, seen[key], "the identity of account %d is another's", n)
		seen[key] = true
	}
	require.Equal(t, identity{Hue: "a1", Line: "d1", Initial: "O", Masked: "U•••4567"}, identify(0, p))
	require.Equal(t, "a1 square", identify(8, p).Hue+" "+identify(8, p).Shape)
	require.Equal(t, "DU•••0025", masked("DU1000025"))

	r := rich(t)
	before := r.get("ann", "/").text(t, http.StatusOK)
	require.Contains(t, before, `<span class="tile a4" aria-hidden="true">C</span>`)
	require.NoError(t, r.manager.ArchiveProfile(owned("ann"), r.ids["Aggressive-25K"]))
	after := r.get("ann", "/").text(t, http.StatusOK)
	require.Contains(t, after, `<span class="tile a4" aria-hidden="true">C</span>`)
	require.NotContains(t, after, ">Aggressive-25K</span><span class=\"m\">")
}

// Old marks are said to be old, and nothing is guessed from them.
func TestStaleMarks(t *testing.T) {
	r := rich(t)
	r.clock.set(rigNow.Add(11 * time.Minute))
	text := plain(r.get("ann", "/").text(t, http.StatusOK))
	require.Contains(t, text, "4 accounts are not live")
	require.Contains(t, text, "Not all live")
	require.Contains(t, text, "marks 11 min old")
}
