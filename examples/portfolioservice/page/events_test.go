package page

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/httpapi"
)

// listen opens a stream, and returns the kinds of its events.
func listen(t *testing.T, r *rig, who, path string) <-chan string {
	t.Helper()
	server := httptest.NewServer(r.handler)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, server.URL+path, nil)
	require.NoError(t, err)
	req.Header.Set("X-Caller", who)
	res, err := server.Client().Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, res.Body.Close()) })
	require.Equal(t, "text/event-stream", res.Header.Get("Content-Type"))
	out := make(chan string, 100)
	lines := bufio.NewScanner(res.Body)
	require.True(t, lines.Scan())
	require.Equal(t, "retry: 2000", lines.Text(), "the stream has begun")
	go func() {
		defer close(out)
		for lines.Scan() {
			if kind, found := strings.CutPrefix(lines.Text(), "event: "); found {
				out <- kind
			}
		}
	}()
	return out
}

// next returns the next event; "" if none comes.
func next(t *testing.T, events <-chan string) string {
	t.Helper()
	select {
	case kind := <-events:
		return kind
	case <-time.After(10 * time.Second):
		return ""
	}
}

// A stream tells of the caller's accounts, or of one of them, and of nobody else's.
func TestEvents(t *testing.T) {
	r := rich(t)
	all := listen(t, r, "ann", "/events")
	one := listen(t, r, "ann", "/events?account="+string(r.ids["Balanced-50K"]))
	require.NoError(t, r.portfolio("bob", "Bob's own").Halt(owned("bob"), "not ann's"))
	require.NoError(t, r.portfolio("ann", "Optimal-100K").Halt(owned("ann"), "of one account"))
	require.Equal(t, "changed", next(t, all))
	require.Empty(t, one, "the other account is not that of the stream")
	require.NoError(t, r.portfolio("ann", "Balanced-50K").Halt(owned("ann"), "of the other"))
	require.Equal(t, "changed", next(t, one))
	require.Equal(t, http.StatusNotFound, r.get("ann", "/events?account="+string(r.ids["Bob's own"])).Code)
}

// A stream ends with the manager, and streams are bounded.
func TestStreamsEnd(t *testing.T) {
	r := rich(t)
	events := listen(t, r, "ann", "/events")
	require.NoError(t, r.manager.Close())
	require.Equal(t, "end", next(t, events))

	s := streams{of: map[string]int{}}
	for range maxStreamsEach {
		require.True(t, s.begin("ann"))
	}
	require.False(t, s.begin("ann"), "too many of one caller")
	require.True(t, s.begin("bob"))
	s.end("ann")
	require.True(t, s.begin("ann"))
}

// A caller who is not known any more, or may not look, or is another, loses the stream.
func TestStreamsAreOfTheirCaller(t *testing.T) {
	r := newRig(t)
	req := httptest.NewRequest(http.MethodGet, "/events", nil)
	req.Header.Set("X-Caller", "ann")
	c := r.handler.(*Page).newCall(httptest.NewRecorder(), req, &route{right: httpapi.Read})
	require.NoError(t, c.authenticate())
	s := &stream{call: c}
	require.True(t, s.allowed())
	r.auth.set("ann", httpapi.Caller{Name: "ann", Owner: "ann"})
	require.False(t, s.allowed(), "the right is gone")
	r.auth.set("ann", httpapi.Caller{Name: "ann", Owner: "bob", Rights: httpapi.AllRights})
	require.False(t, s.allowed(), "it is another")
	r.auth.forget("ann")
	require.False(t, s.allowed(), "nobody is known")
}
