package cpapi

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
)

// connection returns the next websocket that the client opens.
func (f *fake) connection() *websocket.Conn {
	f.t.Helper()
	select {
	case conn := <-f.sockets:
		return conn
	case <-time.After(patience):
		require.FailNow(f.t, "the client opens no websocket")
		return nil
	}
}

// said returns the next message of the client's.
func clientSaid(t *testing.T, conn *websocket.Conn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	_, b, err := conn.Read(ctx)
	require.NoError(t, err)
	return string(b)
}

func say(t *testing.T, conn *websocket.Conn, text string) {
	t.Helper()
	require.NoError(t, conn.Write(t.Context(), websocket.MessageText, []byte(text)))
}

// subscribed reads the client's subscriptions.
func subscribed(t *testing.T, conn *websocket.Conn) {
	t.Helper()
	for _, s := range subscriptions {
		require.Equal(t, s, clientSaid(t, conn))
	}
}

// heard waits for an event.
func heard(t *testing.T, events <-chan broker.Event, want broker.Event) {
	t.Helper()
	deadline := time.After(patience)
	for {
		select {
		case e, open := <-events:
			require.True(t, open)
			if e == want {
				return
			}
		case <-deadline:
			require.FailNow(t, "no such event", "%+v", want)
		}
	}
}

func TestStreamHints(t *testing.T) {
	f := newFake(t)
	f.on("POST /tickle", always(200, tickled(status(true, true, false, ""))))
	c := f.client()
	events, err := c.Watch(t.Context())
	require.NoError(t, err)
	conn := f.connection()
	defer func() { _ = conn.CloseNow() }()
	subscribed(t, conn)
	dialled := f.asked(func(c call) bool { return c.Path == "/ws" })
	require.Contains(t, dialled[0].r.Header.Get("Cookie"), `api={"session":"s3cr3t-session"}`)
	for _, m := range []struct {
		text string
		want broker.Event
	}{
		{`{"topic":"sor","args":[{"acct":"DU100001","orderId":1,"status":"Filled"}]}`, broker.Event{Kind: broker.EventOrders, Account: mine}},
		{`{"topic":"sor","args":[{"orderId":1}]}`, broker.Event{Kind: broker.EventOrders}},
		{`{"topic":"str","args":[{"execution_id":"1","account":"DU100002"}]}`, broker.Event{Kind: broker.EventExecutions, Account: theirs}},
		{`{"topic":"str","args":[{"execution_id":"1","accountCode":"DU100002"}]}`, broker.Event{Kind: broker.EventPositions, Account: theirs}},
	} {
		say(t, conn, `not JSON`)
		say(t, conn, `{"topic":"system","hb":1}`)
		say(t, conn, `{"topic":"sor","args":[{"acct":"U999"}]}`)
		say(t, conn, m.text)
		heard(t, events, m.want)
	}
}

// Messages about accounts that the login does not have would make the queue of hints grow without bound.
func TestHintsAreBounded(t *testing.T) {
	c := newFake(t).client()
	events, err := c.Watch(t.Context())
	require.NoError(t, err)
	for n := range 10_000 {
		c.hear(1, []byte(`{"topic":"sor","args":[{"acct":"U`+strings.Repeat("1", n%50)+`"},{"acct":"DU100001"},{"acct":"DU100002"}]}`))
	}
	c.hint(broker.EventQuotes, "")
	seen := 0
	for e := range events {
		seen++
		require.NotContains(t, string(e.Account), "U11")
		if e.Kind == broker.EventQuotes {
			break
		}
	}
	require.Less(t, seen, 20, "hints are not merged")
}

// Public sources: ibind#115, ibind#81, Lean.IB#249: a websocket that broke was not opened again, or without its
// subscriptions, and what had happened in between was missed.
func TestReport13StreamComesBack(t *testing.T) {
	f := newFake(t)
	c := f.client()
	events, err := c.Watch(t.Context())
	require.NoError(t, err)
	heard(t, events, broker.Event{Kind: broker.EventSession})
	for range 3 {
		conn := f.connection()
		subscribed(t, conn)
		_ = conn.CloseNow()
	}
	conn := f.connection()
	subscribed(t, conn)
	heard(t, events, broker.Event{Kind: broker.EventSession})
	_ = conn.CloseNow()
}

// A websocket that is silent is broken, whatever TCP says.
func TestSilentStream(t *testing.T) {
	f := newFake(t)
	config := f.config()
	config.Limits.Ping = 5 * time.Millisecond
	f.open(config)
	conn := f.connection()
	subscribed(t, conn)
	require.Equal(t, "tic", clientSaid(t, conn))
	again := f.connection()
	subscribed(t, again)
	_ = conn.CloseNow()
	_ = again.CloseNow()
}

// The stream tells that the session is lost before the next sign of life would.
func TestStreamTellsOfTheSession(t *testing.T) {
	f := newFake(t)
	c := f.client()
	conn := f.connection()
	subscribed(t, conn)
	say(t, conn, `{"topic":"sts","args":{"authenticated":true}}`)
	f.on("POST /tickle", always(200, tickled(status(true, true, true, ""))))
	say(t, conn, `{"topic":"sts","args":{"authenticated":false,"competing":true}}`)
	until(t, "a session that competes", func() bool { return c.Status().Session == broker.SessionCompeting })
	f.on("POST /tickle", always(200, recorded(t, "Session-POST-tickle")))
	until(t, "a session", func() bool { return c.Status().Usable() })
	again := f.connection()
	subscribed(t, again)
	_ = conn.CloseNow()
	_ = again.CloseNow()
}

// A gateway without a websocket has no hints; everything else works, and the client keeps trying.
func TestNoStream(t *testing.T) {
	f := newFake(t)
	f.mu.Lock()
	f.mux.HandleFunc("GET /v1/api/ws", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) })
	f.mu.Unlock()
	c := f.client()
	_, err := c.Orders(t.Context(), mine)
	require.NoError(t, err)
}
