package gatewaysim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
)

// stream is a websocket of a test.
type stream struct {
	b    *bench
	conn *websocket.Conn
}

// dial opens a websocket with a cookie, and with none if it is empty.
func (b *bench) dial(cookie string) *stream {
	b.t.Helper()
	header := http.Header{}
	if cookie != "" {
		header.Set("Cookie", cookie)
	}
	conn, answer, err := websocket.Dial(b.t.Context(), "wss"+strings.TrimPrefix(b.URL(), "https")+"/ws",
		&websocket.DialOptions{HTTPClient: b.client, HTTPHeader: header})
	require.NoError(b.t, err)
	if answer.Body != nil {
		_ = answer.Body.Close()
	}
	b.t.Cleanup(func() { _ = conn.CloseNow() })
	return &stream{b, conn}
}

func (b *bench) session() string {
	b.t.Helper()
	return b.ask("POST", "/tickle", "").(map[string]any)["session"].(string)
}

// open opens a websocket that is greeted.
func (b *bench) stream() *stream {
	b.t.Helper()
	s := b.dial(`api={"session":"` + b.session() + `"}`)
	s.until("sts")
	return s
}

func (s *stream) send(text string) {
	s.b.t.Helper()
	require.NoError(s.b.t, s.conn.Write(s.b.t.Context(), websocket.MessageText, []byte(text)))
}

const patience = 10 * time.Second // a guard against a test that hangs

// next returns the next message; nil if the connection ended.
func (s *stream) next() map[string]any {
	s.b.t.Helper()
	ctx, stop := context.WithTimeout(s.b.t.Context(), patience)
	defer stop()
	_, text, err := s.conn.Read(ctx)
	if err != nil {
		require.NoError(s.b.t, ctx.Err(), "no message came, and the connection did not end")
		return nil
	}
	var out map[string]any
	require.NoError(s.b.t, json.Unmarshal(text, &out))
	return out
}

// until returns the next message of a topic; those before it are dropped.
func (s *stream) until(topic string) map[string]any {
	s.b.t.Helper()
	for {
		m := s.next()
		require.NotNil(s.b.t, m, "the connection ended before a message of %s", topic)
		if m["topic"] == topic {
			return m
		}
	}
}

// settle waits until the gateway has done what was sent before.
func (s *stream) settle() { s.b.t.Helper(); s.send("tic"); s.until("tic") }

func TestGreeting(t *testing.T) {
	b := open(t, nil).ready()
	session := b.session()
	for name, s := range map[string]*stream{
		"cookie": b.dial(`x=y; api={"session":"` + session + `"}`), "escaped": b.dial("api=%7B%22session%22%3A%22" + session + "%22%7D"), "message": b.dial(""),
	} {
		if name == "message" {
			require.Equal(t, map[string]any{"message": "waiting for session"}, s.next())
			s.send(`{"session":"` + session + `"}`)
		}
		require.Equal(t, "simuser1", s.until("system")["success"], name)
		require.Equal(t, []any{first, second}, s.until("act")["args"].(map[string]any)["accounts"])
		require.Equal(t, true, s.until("sts")["args"].(map[string]any)["authenticated"])
		s.send("tic")
		require.Equal(t, true, s.until("tic")["alive"])
	}
	require.Nil(t, b.dial(`api={"session":"wrong"}`).next(), "a wrong session")
}

// Orders come as rows at first, and as what has changed later; executions come with them.
func TestStreams(t *testing.T) {
	b := open(t, func(c *gatewaysim.Config) { c.Market = manual(t) }).ready()
	n := id(b, b.place(first, "a", "BUY", "10", "100"))
	s := b.stream()
	s.send("sor+{}")
	row := rows(s.until("sor")["args"], "")[0]
	require.Equal(t, []any{"a", "Submitted", first}, []any{row["order_ref"], row["status"], row["acct"]})
	s.send(`str+{"realtimeUpdatesOnly":true}`)
	s.settle()
	exec, err := b.Fill(n, dec("4"), dec("100"))
	require.NoError(t, err)
	row = rows(s.until("sor")["args"], "")[0]
	require.Equal(t, []any{4.0, 6.0, first, float64(n)}, []any{row["filledQuantity"], row["remainingQuantity"], row["acct"], row["orderId"]})
	require.NotContains(t, row, "status", "it has not changed")
	row = rows(s.until("str")["args"], "")[0]
	require.Equal(t, []any{exec, "a", 4.0}, []any{row["execution_id"], row["order_ref"], row["size"]})
	_, err = b.Correct(exec, dec("4"), dec("99"), dec("1"))
	require.NoError(t, err)
	require.Equal(t, 99.0, rows(s.until("str")["args"], "")[0]["price"])
	again := b.stream()
	again.send(`str+{"days":2}`)
	require.Len(t, rows(again.until("str")["args"], ""), 2)

	s.send("uor+{}")
	s.send("utr+{}")
	s.settle()
	_, err = b.Fill(n, dec("6"), dec("100"))
	require.NoError(t, err)
	s.send("tic")
	require.Equal(t, "tic", s.next()["topic"], "nothing comes after the end of a subscription")
	s.send("odd+{}")
	require.Contains(t, s.until("error"), "error")
}

// Filters silence the orders of the websocket until a forced list.
func TestFiltersSilence(t *testing.T) {
	b := open(t, nil).ready()
	s := b.stream()
	s.send("sor+{}")
	s.settle()
	b.get("/iserver/account/orders?filters=filled")
	b.place(first, "a", "BUY", "1", "90")
	s.send("tic")
	require.Equal(t, "tic", s.next()["topic"])
	b.get("/iserver/account/orders?force=true")
	b.place(first, "b", "BUY", "1", "90")
	require.Equal(t, "b", rows(s.until("sor")["args"], "")[0]["order_ref"])
}

func TestOtherNews(t *testing.T) {
	b := open(t, nil).ready()
	s := b.stream()
	require.NoError(t, b.SelectAccount(second))
	require.Equal(t, second, s.until("act")["args"].(map[string]any)["selectedAccount"])
	b.Notify("Outage", "soon")
	require.Equal(t, "soon", s.until("ntf")["args"].(map[string]any)["text"])
	s.send("sor+{}")
	s.settle()
	b.inject(gatewaysim.Fault{Kind: gatewaysim.OrdersFiltered})
	b.place(first, "a", "BUY", "1", "90")
	s.send("tic")
	require.Equal(t, "tic", s.next()["topic"], "another client has filtered")
	b.inject(gatewaysim.Fault{Kind: gatewaysim.Answer503, Route: gatewaysim.RouteSocket})
	status, _ := b.try("GET", "/ws", "")
	require.Equal(t, 503, status)
}

func TestSelectedOnly(t *testing.T) {
	b := open(t, func(c *gatewaysim.Config) { c.SelectedOnly = true }).ready()
	s := b.stream()
	s.send("sor+{}")
	s.settle()
	b.place(second, "theirs", "BUY", "1", "90")
	b.place(first, "mine", "BUY", "1", "90")
	require.Equal(t, "mine", rows(s.until("sor")["args"], "")[0]["order_ref"])
}

// Quotes come as what has changed.
func TestQuotesStream(t *testing.T) {
	b := open(t, nil).ready()
	s := b.stream()
	topic := fmt.Sprintf("smd+%d", b.spy)
	s.send(topic + `+{"fields":["31","84","86"]}`)
	m := s.until(topic)
	require.Equal(t, []any{"100", "100", float64(b.spy)}, []any{m["31"], m["84"], m["conid"]})
	require.NoError(t, b.Market().SetQuote(b.spy, gatewaysim.Quote{Bid: dec("99"), Ask: dec("100"), Last: dec("100")}))
	m = s.until(topic)
	require.Equal(t, "99", m["84"])
	require.NotContains(t, m, "31")
	s.send(fmt.Sprintf("umd+%d+{}", b.spy))
	s.settle()
	require.NoError(t, b.Market().SetPrice(b.spy, dec("98")))
	s.send("tic")
	require.Equal(t, "tic", s.next()["topic"])
	s.send(`smd+1+{"fields":["31"]}`)
	s.until("error")
}

// A session that ends is told, and takes its subscriptions with it; heartbeats say that the gateway is there.
func TestSessionsStream(t *testing.T) {
	b := open(t, nil).ready()
	s := b.stream()
	s.send("sor+{}")
	s.settle()
	b.Market().Advance(10 * time.Second)
	require.Contains(t, s.until("system"), "hb")
	b.KillSession()
	require.Equal(t, false, s.until("sts")["args"].(map[string]any)["authenticated"])
	b.init("true")
	require.Equal(t, true, s.until("sts")["args"].(map[string]any)["authenticated"])
	b.get("/iserver/accounts")
	b.place(first, "a", "BUY", "1", "90")
	s.send("tic")
	require.Equal(t, "tic", s.next()["topic"], "nothing is subscribed to after a reset")
	b.ExpireLogin()
	for m := s.next(); m != nil; m = s.next() {
	}
	require.NoError(t, b.Close())
}

func TestFaultsOfSockets(t *testing.T) {
	b := open(t, nil).ready()
	s := b.stream()
	s.send("sor+{}")
	s.settle()
	refs := func(n int) (list []any) {
		t.Helper()
		for range n {
			list = append(list, rows(s.until("sor")["args"], "")[0]["order_ref"])
		}
		return list
	}
	place := func(ref string) { t.Helper(); b.place(first, ref, "BUY", "1", "90") }
	b.inject(gatewaysim.Fault{Kind: gatewaysim.SocketDuplicates, Account: first})
	place("a")
	require.Equal(t, []any{"a", "a"}, refs(2))
	b.inject(gatewaysim.Fault{Kind: gatewaysim.SocketReorders, Account: first})
	place("b")
	place("c")
	require.Equal(t, []any{"c", "b"}, refs(2))
	silent := b.inject(gatewaysim.Fault{Kind: gatewaysim.SocketSilent, Times: gatewaysim.Always})
	place("d")
	b.Market().Advance(10 * time.Second)
	require.Equal(t, 2, silent.Hits(), "an order and a heartbeat")
	silent.Cancel()
	place("e")
	require.Equal(t, []any{"e"}, refs(1))
	b.inject(gatewaysim.Fault{Kind: gatewaysim.SocketDrops})
	place("f")
	require.Nil(t, s.next())
	require.Len(t, b.live(first), 6, "orders are what they are")
}

// There are only so many market data lines; whoever ends one makes room.
func TestMarketDataLines(t *testing.T) {
	b := open(t, func(c *gatewaysim.Config) { c.Lines = 1 }).ready()
	other, err := b.Market().Stock("XYZ", dec("10"))
	require.NoError(t, err)
	s := b.stream()
	subscribe := func(conid int64) { t.Helper(); s.send(fmt.Sprintf(`smd+%d+{"fields":["31"]}`, conid)) }
	subscribe(b.spy)
	s.until(fmt.Sprintf("smd+%d", b.spy))
	subscribe(b.spy)
	s.until(fmt.Sprintf("smd+%d", b.spy))
	subscribe(other.ConID)
	require.Contains(t, s.until("error")["error"], "lines")
	require.Equal(t, []int64{b.spy}, b.Streamed())
	s.send(fmt.Sprintf("umd+%d+{}", b.spy))
	subscribe(other.ConID)
	s.until(fmt.Sprintf("smd+%d", other.ConID))
	require.Equal(t, []int64{other.ConID}, b.Streamed())
}

// A prompt comes as gateways send it, and leaves the order as it is.
func TestSendPrompt(t *testing.T) {
	b := open(t, nil).ready()
	n := id(b, b.place(first, "a", "BUY", "1", "90"))
	s := b.stream()
	reqID := b.SendPrompt(gatewaysim.Prompt{OrderID: n, MessageID: "p12", Text: "Use it?", Options: []string{"Yes", "No"}})
	row := rows(s.until("ntf")["args"], "")[0]
	require.Equal(t, []any{float64(n), reqID, "p12", true, "Use it?", []any{"Yes", "No"}},
		[]any{row["orderId"], row["reqId"], row["messageId"], row["prompt"], row["text"], row["options"]})
	o, found := b.OrderOf(first, "a")
	require.True(t, found)
	require.Equal(t, gatewaysim.Submitted, o.Status)
}
