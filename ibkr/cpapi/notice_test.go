package cpapi

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
)

// A prompt is told to people for as long as its session lives, and nobody answers it. Whatever else the topic brings
// is a hint, and nothing of it ends the stream.
func TestPrompts(t *testing.T) {
	f := newFake(t)
	config := f.config()
	config.Limits.Quotes, config.Limits.Tickle = 1e6, 1e6 // signs of life do not take the prompt back
	c := f.open(config)
	events, err := c.Watch(t.Context())
	require.NoError(t, err)
	conn := f.connection()
	defer func() { _ = conn.CloseNow() }()
	subscribed(t, conn)
	heard(t, events, broker.Event{Kind: broker.EventPositions}) // the last of those with which a connection begins
	was := c.Status()
	for _, notice := range []string{
		`{"topic":"ntf","args":{"id":"118","text":"Order SELL 1 MSFT was filled","title":"Order","url":"x"}}`,
		`{"topic":"ntf","args":[{"id":118,"text":"Order SELL 1 MSFT was filled"}]}`,
		`{"topic":"ntf","id":"n1","text":"Dividend received"}`, `{"topic":"ntf","args":[]}`, `{"topic":"ntf","args":7}`, `{"topic":"ntf","args":[[],{"text":{}}]}`,
		`{"topic":"ntf"}`, `{"topic":"blt","args":{"id":"1","message":"bulletin"}}`,
	} {
		say(t, conn, notice)
	}
	heard(t, events, broker.Event{Kind: broker.EventOrders})
	require.Empty(t, c.Status().Reason, "a notice is no question")
	for text, want := range map[string]string{
		`{"orderId":1883733600,"reqId":"29042","messageId":"p12","type":"M","prompt":true,"dismissable":[],"options":["Use on this order","Do not use"],"text":"Use the Price Management Algo?"}`: "p12 Use the Price Management Algo?",
		`{"reqId":7,"title":"A title"}`:                                    "A title",
		`{"reqId":{"odd":1},"text":"x"}`:                                   "something that cannot be read",
		`{"options":[{"a":1}],"text":"` + strings.Repeat("ü", 5000) + `"}`: strings.Repeat("ü", maxWords),
	} {
		for _, args := range []string{text, "[" + text + "]", `[{"id":1,"text":"a notice"},` + text + "]"} {
			say(t, conn, `{"topic":"ntf","args":`+args+`}`)
			until(t, "the prompt is told", func() bool { return strings.HasSuffix(c.Status().Reason, want) })
			require.True(t, c.Status().Usable())
			require.Equal(t, was.Since, c.Status().Since, "the session is what it was")
			heard(t, events, broker.Event{Kind: broker.EventSession})
		}
	}
	signs := f.count("POST /tickle")
	until(t, "signs of life", func() bool { return f.count("POST /tickle") > signs+3 })
	require.NotEmpty(t, c.Status().Reason, "a prompt that a sign of life takes back is not read")
	require.Empty(t, f.asked(func(c call) bool {
		return strings.Contains(c.Path, "notification") || strings.Contains(c.Path, "suppress")
	}), "a prompt was answered")
	require.Equal(t, 1, f.count("WS /ws"), "the stream ended")

	c.lose(c.session(), "a new session is asked for")
	until(t, "a new session", func() bool { return c.Status().Usable() && c.session() > 1 })
	require.Empty(t, c.Status().Reason, "the prompt was of the session before")
}

// What is told late of a session that has ended is no question to anybody.
func TestPromptsOfEarlierSessions(t *testing.T) {
	c := newFake(t).client()
	c.hear(c.session()-1, []byte(`{"topic":"ntf","args":{"reqId":"1","text":"late"}}`))
	require.Empty(t, c.Status().Reason)
}
