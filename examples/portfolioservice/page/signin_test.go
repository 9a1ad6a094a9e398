package page

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
)

// aToken is the token of the tests' caller.
const aToken = "correct-horse-battery"

// gate is a rig whose callers sign in with a token.
type gate struct {
	*rig
	page *Page
}

func newGate(t *testing.T) *gate {
	t.Helper()
	g := &gate{rig: rich(t)}
	auth, err := httpapi.NewBearerToken(aToken, httpapi.Caller{Name: "ann", Owner: "ann", Rights: httpapi.AllRights})
	require.NoError(t, err)
	g.serve(auth)
	return g
}

// serve serves the pages to the callers of an authenticator.
func (g *gate) serve(auth httpapi.Authenticator) {
	g.t.Helper()
	life, end := context.WithCancel(context.Background())
	g.t.Cleanup(end)
	h, err := New(life, Config{Manager: g.manager, Auth: auth, Clock: g.clock.Now, Logger: slog.New(slog.NewTextHandler(g.log, nil))})
	require.NoError(g.t, err)
	g.handler, g.page = h, h
}

// try sends a token.
func (g *gate) try(token string, headers ...string) answer {
	return g.do("", http.MethodPost, signInPath, url.Values{"token": {token}}.Encode(), headers...)
}

// cookieOf returns the cookie that an answer sets.
func cookieOf(t *testing.T, a answer) *http.Cookie {
	t.Helper()
	list := a.Result().Cookies()
	require.Len(t, list, 1)
	return list[0]
}

// Who is not known yet cannot have much read.
func TestSignInIsSmall(t *testing.T) {
	g := newGate(t)
	require.Contains(t, g.try(strings.Repeat("x", maxStranger)).text(t, http.StatusRequestEntityTooLarge), "This is too large.")
	require.Equal(t, "/", g.try(aToken).Header().Get("Location"))
}

// A token begins a session, which a cookie without meaning names. It ends by signing out, by time, by idleness,
// and when the token is withdrawn.
func TestSignIn(t *testing.T) {
	g := newGate(t)
	require.Contains(t, g.get("", signInPath).text(t, http.StatusOK), `type="password"`)
	require.NoError(t, wellFormed(g.get("", signInPath).Body.String()))
	require.Equal(t, signInPath, g.get("", "/").Header().Get("Location"))
	a := g.try(aToken)
	require.Equal(t, "/", a.Header().Get("Location"))
	cookie := cookieOf(t, a)
	require.True(t, cookie.HttpOnly)
	require.Equal(t, http.SameSiteStrictMode, cookie.SameSite)
	require.Len(t, cookie.Value, 43, "32 random bytes")
	require.NotContains(t, cookie.Value, aToken)
	in := []string{"Cookie", cookie.Name + "=" + cookie.Value}
	require.Contains(t, g.get("", "/", in...).text(t, http.StatusOK), "Optimal-100K")
	require.Equal(t, "/", g.get("", signInPath, in...).Header().Get("Location"), "who is in is not asked")

	second := cookieOf(t, g.try(aToken, in...))
	require.NotEqual(t, cookie.Value, second.Value, "every sign-in makes a new session")
	require.Equal(t, signInPath, g.get("", "/", in...).Header().Get("Location"), "and ends the one before")
	in[1] = second.Name + "=" + second.Value
	a = g.do("", http.MethodPost, "/signout", "", in...)
	require.Equal(t, signInPath, a.Header().Get("Location"))
	require.Negative(t, cookieOf(t, a).MaxAge)
	require.NotEmpty(t, a.Header().Get("Clear-Site-Data"))
	require.Equal(t, signInPath, g.get("", "/", in...).Header().Get("Location"))

	in[1] = second.Name + "=" + cookieOf(t, g.try(aToken)).Value
	for i := range 11 {
		g.clock.set(rigNow.Add(time.Duration(i) * time.Hour))
		g.get("", "/", in...).text(t, http.StatusOK)
	}
	g.clock.set(rigNow.Add(12 * time.Hour))
	require.Equal(t, signInPath, g.get("", "/", in...).Header().Get("Location"), "a session ends after twelve hours")
	in[1] = second.Name + "=" + cookieOf(t, g.try(aToken)).Value
	g.clock.set(rigNow.Add(14 * time.Hour))
	require.Equal(t, signInPath, g.get("", "/", in...).Header().Get("Location"), "and after two without use")
	require.Empty(t, g.page.sessions.of)
	require.NotContains(t, g.log.String(), aToken)
}

// A page that is left open reads itself again, and keeps nobody signed in by that; a person who reads does.
func TestIdleSession(t *testing.T) {
	g := newGate(t)
	in := cookieOf(t, g.try(aToken))
	who := []string{"Cookie", in.Name + "=" + in.Value}
	read := func(after time.Duration, headers ...string) int {
		g.clock.set(g.clock.Now().Add(after))
		return g.get("", "/", append(headers, who...)...).Code
	}
	require.Equal(t, http.StatusOK, read(sessionIdle-time.Minute))
	require.Equal(t, http.StatusOK, read(sessionIdle-time.Minute, readBy, "clock"))
	require.Equal(t, http.StatusSeeOther, read(time.Minute, readBy, "clock"))
}

// A cookie of the same name that another port has set neither keeps a person out nor in.
func TestForeignCookies(t *testing.T) {
	g := newGate(t)
	in := cookieOf(t, g.try(aToken))
	who := []string{"Cookie", in.Name + "=another; " + in.Name + "=" + in.Value}
	g.get("", "/", who...).text(t, http.StatusOK)
	g.do("", http.MethodPost, "/signout", "", who...)
	require.Equal(t, signInPath, g.get("", "/", who...).Header().Get("Location"))
	who[1] = strings.Repeat(in.Name+"=x; ", 100_000)
	require.Equal(t, signInPath, g.get("", "/", who...).Header().Get("Location"))
}

// Over TLS the cookie is bound to the host and to TLS.
func TestSecureCookie(t *testing.T) {
	g := newGate(t)
	req := httptest.NewRequest(http.MethodPost, "https://desk.example"+signInPath, strings.NewReader("token="+aToken))
	req.TLS = &tls.ConnectionState{}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, req)
	cookie := cookieOf(t, answer{w, signInPath})
	require.Equal(t, "__Host-session", cookie.Name)
	require.True(t, cookie.Secure)
	require.Equal(t, "/", cookie.Path)
	require.Empty(t, cookie.Domain)
}

// Whatever is wrong with a token, the answer is the same, and says nothing of the token.
func TestWrongTokens(t *testing.T) {
	g := newGate(t)
	var first string
	for i, token := range []string{"", "x", aToken[:len(aToken)-1], aToken + "x", strings.ToUpper(aToken), strings.Repeat("y", 5000), "Bearer " + aToken, "a\r\nb"} {
		a := g.try(token)
		text := a.text(t, http.StatusForbidden)
		require.Contains(t, text, "The token does not match.")
		require.Empty(t, a.Result().Cookies())
		if token != "" && token != "x" {
			require.NotContains(t, text, token)
		}
		if i == 0 {
			first = text
		}
		require.Equal(t, first, text, "%q", token)
	}
	require.Empty(t, g.page.sessions.of)
	g.do("", http.MethodPost, signInPath, "token=a&token=b").text(t, http.StatusBadRequest)
	g.do("", http.MethodPost, signInPath, "token="+aToken+"&to=x").text(t, http.StatusBadRequest)
	g.do("", http.MethodPost, signInPath, "token="+aToken, "Sec-Fetch-Site", "cross-site").text(t, http.StatusForbidden)
	require.Empty(t, g.page.sessions.of, "nobody is signed in by another site")
}

// An address may try a few times a minute, counted before the token is looked at, whatever a header says of the
// address. How much is remembered is bounded.
func TestAttemptsAreBounded(t *testing.T) {
	g := newGate(t)
	for range maxAttempts {
		g.try("wrong").text(t, http.StatusForbidden)
	}
	a := g.try(aToken, "X-Forwarded-For", "203.0.113.7")
	require.Contains(t, a.text(t, http.StatusTooManyRequests), "Too many attempts.")
	require.NotEmpty(t, a.Header().Get("Retry-After"))
	require.Empty(t, a.Result().Cookies(), "the right token is not looked at either")
	g.clock.set(rigNow.Add(attemptWindow))
	require.Equal(t, http.StatusSeeOther, g.try(aToken).Code)
	for range 2 * maxAttempts {
		require.Equal(t, http.StatusSeeOther, g.try(aToken).Code, "right tokens are not held against anybody")
	}

	k := attempts{of: map[netip.Prefix]*tries{}}
	for i := range 3 * maxAddresses {
		from := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)
		k.count(from, rigNow)
	}
	require.LessOrEqual(t, len(k.of), maxAddresses+1)
	require.False(t, k.count(netip.MustParsePrefix("192.0.2.1/32"), rigNow), "the addresses beyond share one count")
	require.True(t, k.count(netip.MustParsePrefix("192.0.2.1/32"), rigNow.Add(attemptWindow)))
	req := httptest.NewRequest(http.MethodGet, "/", nil)
	req.RemoteAddr = "[2001:db8::1:2:3:4%eth0]:5"
	require.Equal(t, "2001:db8::/64", addressOf(req).String(), "one network, one count")
	req.RemoteAddr = "nonsense"
	require.Equal(t, others, addressOf(req))
}

// Sessions are bounded: the one that was used longest ago makes room.
func TestSessionsAreBounded(t *testing.T) {
	g := newGate(t)
	first := g.page.sessions.begin(aToken, rigNow)
	for i := range maxSessions {
		g.page.sessions.begin(aToken, rigNow.Add(time.Duration(i+1)*time.Millisecond))
	}
	require.Len(t, g.page.sessions.of, maxSessions)
	require.Nil(t, g.page.sessions.find(first, rigNow, true))
}

// After signing in a browser goes to a page of a list, never to an address that somebody wrote.
func TestNext(t *testing.T) {
	g := newGate(t)
	require.Equal(t, "/signin?next=orders", g.get("", "/orders").Header().Get("Location"))
	text := g.get("", "/signin?next=orders").text(t, http.StatusOK)
	require.Equal(t, "/orders", g.send("", formTo(t, text, signInPath).with("token", aToken)).Header().Get("Location"))
	for _, evil := range []string{"//evil.example", `/\evil.example`, "https://evil.example", "%2f%2fevil.example", "\t//evil.example", "/halt", "Orders", ""} {
		a := g.do("", http.MethodPost, signInPath, url.Values{"token": {aToken}, "next": {evil}}.Encode())
		require.Equal(t, "/", a.Header().Get("Location"), evil)
		require.NotContains(t, g.get("", "/signin?next="+url.QueryEscape(evil)).text(t, http.StatusOK), "evil")
	}
}

// withdrawn is an authenticator whose answer a test sets.
type withdrawn struct {
	httpapi.Authenticator
	err error
}

func (w *withdrawn) Authenticate(r *http.Request) (httpapi.Caller, error) {
	if w.err != nil {
		return httpapi.Caller{}, w.err
	}
	return w.Authenticator.Authenticate(r)
}

// The authenticator is asked each time: a token that is withdrawn ends the session's use, and one that cannot be
// looked at is not taken for wrong.
func TestTokenIsWithdrawn(t *testing.T) {
	g := newGate(t)
	auth := &withdrawn{Authenticator: g.page.Auth}
	g.serve(auth)
	cookie := cookieOf(t, g.try(aToken))
	in := []string{"Cookie", cookie.Name + "=" + cookie.Value}
	g.get("", "/", in...).text(t, http.StatusOK)
	auth.err = accounts.ErrUnavailable
	g.get("", "/", in...).text(t, http.StatusServiceUnavailable)
	g.try(aToken).text(t, http.StatusServiceUnavailable)
	auth.err = errors.New("inside words")
	require.NotContains(t, g.try(aToken).text(t, http.StatusInternalServerError), "inside words")
	auth.err = httpapi.ErrUnauthenticated
	require.Equal(t, signInPath, g.get("", "/", in...).Header().Get("Location"))
}

// Signing out ends the session's streams, and no others.
func TestSignOutEndsStreams(t *testing.T) {
	g := newGate(t)
	server := httptest.NewServer(g.handler)
	t.Cleanup(server.Close)
	open := func(cookie *http.Cookie) (*http.Response, context.CancelFunc) {
		ctx, cancel := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+"/events", nil)
		require.NoError(t, err)
		req.AddCookie(cookie)
		res, err := server.Client().Do(req)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, res.StatusCode)
		return res, cancel
	}
	first, second := cookieOf(t, g.try(aToken)), cookieOf(t, g.try(aToken))
	ends, cancelFirst := open(first)
	stays, cancelSecond := open(second)
	defer cancelFirst()
	g.do("", http.MethodPost, "/signout", "", "Cookie", first.Name+"="+first.Value)
	var all bytes.Buffer
	_, err := all.ReadFrom(ends.Body) // it ends
	require.NoError(t, err)
	require.Contains(t, all.String(), "event: end")
	require.NoError(t, ends.Body.Close())
	require.NoError(t, g.portfolio("ann", "Balanced-50K").Halt(owned("ann"), "to be heard of"))
	heard := make([]byte, 0, 200)
	for !strings.Contains(string(heard), "event: changed") {
		chunk := make([]byte, 100)
		n, err := stays.Body.Read(chunk)
		require.NoError(t, err)
		heard = append(heard, chunk[:n]...)
	}
	cancelSecond()
	require.NoError(t, stays.Body.Close())
}

// A service of one machine knows its callers: there is nothing to sign in to, and strangers are told so.
func TestLoopbackNeedsNoSignIn(t *testing.T) {
	g := newGate(t)
	g.serve(httpapi.Loopback{Caller: httpapi.Caller{Owner: "ann", Rights: httpapi.AllRights}})
	require.Contains(t, g.get("", "http://localhost/signin").text(t, http.StatusForbidden), "This service answers its own machine alone.")
	req := httptest.NewRequest(http.MethodGet, "http://localhost/signin", nil)
	req.RemoteAddr = "127.0.0.1:5"
	w := httptest.NewRecorder()
	g.handler.ServeHTTP(w, req)
	require.Equal(t, "/", w.Header().Get("Location"))
	require.Contains(t, g.do("", http.MethodPost, "http://localhost/signin", "token="+aToken).text(t, http.StatusForbidden), "its own machine")
}
