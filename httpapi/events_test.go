package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/memstore"
)

// sse is a stream of events as a client reads it.
type sse struct {
	t     testing.TB
	body  *http.Response
	lines chan string // closed at the end of the stream
}

// listen opens a stream on a server.
func listen(t testing.TB, server *httptest.Server, token, query string) *sse {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, "GET", server.URL+prefix+"/events"+query, nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := server.Client().Do(req)
	require.NoError(t, err)
	s := &sse{t, res, make(chan string)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(s.lines)
		for scan := bufio.NewScanner(res.Body); scan.Scan(); {
			select {
			case s.lines <- scan.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() { cancel(); _ = res.Body.Close(); <-done })
	return s
}

// next returns the next line with a prefix; false at the end of the stream.
func (s *sse) next(begin string) (string, bool) {
	s.t.Helper()
	guard := time.After(time.Minute)
	for {
		select {
		case line, ok := <-s.lines:
			if !ok || strings.HasPrefix(line, begin) {
				return strings.TrimPrefix(line, begin), ok
			}
		case <-guard:
			require.FailNow(s.t, "waited in vain for "+begin)
		}
	}
}

// event returns the next event.
func (s *sse) event() (e eventView) {
	s.t.Helper()
	text, ok := s.next("data: ")
	require.True(s.t, ok, "the stream ended")
	require.NoError(s.t, json.Unmarshal([]byte(text), &e))
	return e
}

func serve(t testing.TB, r *rig) *httptest.Server {
	server := httptest.NewServer(r.api)
	t.Cleanup(server.Close)
	return server
}

// TestEvents: what one process does, a client of another hears; and not what is another owner's.
func TestEvents(t *testing.T) {
	store := memstore.New()
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	one, two := newRigOn(t, store), newRigOn(t, store)
	p, other := one.profile("ann", "A", "DU1000001"), one.profile("bob", "B", "DU1000002")
	s := listen(t, serve(t, two), "ann", "?kind=state,recorded&profile="+string(p.ID))
	require.Equal(t, 200, s.body.StatusCode)
	require.Equal(t, "text/event-stream", s.body.Header.Get("Content-Type"))
	_, ok := s.next("retry: ")
	require.True(t, ok)
	one.call("bob", "POST", "/profiles/"+string(other.ID)+"/halt", sampleReason).want(t, 200)
	one.call("ann", "POST", "/profiles/"+string(p.ID)+"/halt", sampleReason).want(t, 200)
	for {
		e := s.event()
		require.Equal(t, p.ID, e.ProfileID, "only what the caller sees comes")
		if e.Kind == accounts.EventRecorded {
			break
		}
		require.Equal(t, accounts.EventState, e.Kind)
	}
}

// TestEventsEnd: a stream ends when its caller is no longer known, or loses the right, and with the
// service.
func TestEventsEnd(t *testing.T) {
	r := newRig(t, func(c *Config) { c.KeepAlive = time.Millisecond; c.MaxStreams = 2 })
	life, end := context.WithCancel(context.Background())
	var err error
	r.api, err = New(life, r.api.Config)
	require.NoError(t, err)
	server := serve(t, r)
	s, other := listen(t, server, "ann", ""), listen(t, server, "bob", "")
	_, ok := s.next(": still here")
	require.True(t, ok, "a quiet stream is kept alive")
	over := listen(t, server, "ann", "")
	require.Equal(t, 503, over.body.StatusCode, "streams are bounded")

	one := newRig(t, func(c *Config) { c.MaxStreamsEach = 1 })
	shared := serve(t, one)
	require.Equal(t, 200, listen(t, shared, "ann", "").body.StatusCode)
	require.Equal(t, 503, listen(t, shared, "ann", "").body.StatusCode, "so are those of one caller")
	require.Equal(t, 200, listen(t, shared, "bob", "").body.StatusCode)

	r.auth.forget("ann")
	for ok {
		_, ok = s.next("")
	}
	_, ok = other.next(": still here")
	require.True(t, ok, "the other's stream goes on")
	r.auth.set("bob", Caller{Name: "bob", Owner: "bob", Rights: AllRights &^ Read})
	for ok {
		_, ok = other.next("")
	}
	r.auth.set("bob", Caller{Name: "bob", Owner: "bob", Rights: AllRights})
	third := listen(t, server, "bob", "")
	_, ok = third.next(": still here")
	require.True(t, ok, "a place is free again")
	require.Equal(t, 404, listen(t, server, "bob", "?profile=none").body.StatusCode)
	require.Equal(t, 400, listen(t, server, "bob", "?kind=checkpoint_failed").body.StatusCode)
	r.do(request{method: "GET", path: "/readyz"}).want(t, 200)
	end()
	for ok {
		_, ok = third.next("")
	}
	require.Equal(t, 503, listen(t, server, "bob", "").body.StatusCode, "a service that stops begins no stream")
	r.do(request{method: "GET", path: "/readyz"}).problem(t, CodeUnavailable)
}
