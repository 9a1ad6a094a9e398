package cpapi

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

const subscribedSPY = `smd+756733+{"fields":["31","84","86","6509"]}`

// told is a message about SPY's quote.
func told(fields string, updated int64) string {
	return fmt.Sprintf(`{"topic":"smd+756733","conid":756733,"conidEx":"756733","server_id":"q0","_updated":%d,%s}`, updated, fields)
}

// streamFake is a fake whose client hints at quotes soon, and whose snapshots have SPY at a price that the test sets.
func streamFake(t *testing.T) (*fake, *Client) {
	f := newFake(t)
	f.on("GET /iserver/marketdata/snapshot", always(200, `[{"conid":756733,"31":"91","84":"90","86":"92","6509":"RB","_updated":1775086847000}]`))
	config := f.config()
	config.Limits.Quotes = time.Millisecond
	c := f.open(config)
	return f, c
}

// bid asks for SPY's quote and returns its bid.
func bid(t *testing.T, c *Client) string {
	t.Helper()
	quotes, err := c.Quotes(t.Context(), []ledger.Instrument{spy})
	require.NoError(t, err)
	require.Len(t, quotes, 1)
	return quotes[0].Bid.String()
}

// A contract that is asked for is subscribed to. What the stream tells of it is hinted at, and taken for its quote
// once a snapshot was there to join the changes to. After a break it is subscribed to again, and asked for again.
func TestQuotesStream(t *testing.T) {
	f, c := streamFake(t)
	events, err := c.Watch(t.Context())
	require.NoError(t, err)
	snapshots := func() int { return f.count("GET /iserver/marketdata/snapshot") }
	conn := f.connection()
	subscribed(t, conn)
	require.Equal(t, "90", bid(t, c))
	require.Equal(t, subscribedSPY, clientSaid(t, conn))
	say(t, conn, told(`"31":"91","84":"90","86":"92","6509":"RpB"`, 1775086847000))
	heard(t, events, broker.Event{Kind: broker.EventQuotes})
	require.Equal(t, "90", bid(t, c))
	before := snapshots()
	say(t, conn, told(`"84":"90.5"`, 1775086847500))
	heard(t, events, broker.Event{Kind: broker.EventQuotes})
	require.Equal(t, "90.5", bid(t, c), "the change was joined to the snapshot")
	require.Equal(t, before, snapshots(), "what the stream tells was asked for")
	q, err := c.Quotes(t.Context(), []ledger.Instrument{spy})
	require.NoError(t, err)
	require.Equal(t, []string{"91", "92", "2026-04-01T23:40:47.5Z"}, []string{q[0].Last.String(), q[0].Ask.String(), q[0].Time.Format(time.RFC3339Nano)})

	_ = conn.CloseNow()
	conn = f.connection()
	subscribed(t, conn)
	require.Equal(t, subscribedSPY, clientSaid(t, conn), "subscribed to again")
	require.Equal(t, "90", bid(t, c), "what a connection of before has told is forgotten")
	require.Greater(t, snapshots(), before)
	_ = conn.CloseNow()
}

// A message that cannot be read, or is about a contract that nobody asked for, changes nothing; and one that comes
// late makes the row one to ask for.
func TestOddMessagesAboutQuotes(t *testing.T) {
	f, c := streamFake(t)
	events, err := c.Watch(t.Context())
	require.NoError(t, err)
	conn := f.connection()
	defer func() { _ = conn.CloseNow() }()
	subscribed(t, conn)
	bid(t, c)
	require.Equal(t, subscribedSPY, clientSaid(t, conn))
	say(t, conn, told(`"31":"91","84":"90","86":"92"`, 1775086847000))
	heard(t, events, broker.Event{Kind: broker.EventQuotes})
	bid(t, c) // a snapshot after the stream began
	asked := f.count("GET /iserver/marketdata/snapshot")
	for _, odd := range []string{
		`{"topic":"smd+756733","conid":756733,"84":{"a":1}}`, `{"topic":"smd+756733","conid":5,"84":"1"}`, `{"topic":"smd+756733","84":"nonsense"}`,
		`{"topic":"smd+756733","_updated":"x","84":"1"}`, `{"topic":"smd+5","conid":5,"84":"1"}`, `{"topic":"smd+28812380;;;6/-1,6/2","conid":756733,"84":"1"}`,
		`{"topic":"smd+","84":"1"}`, `{"topic":"smd","conid":756733,"84":"1"}`, `{"topic":"smd+756733","conid":756733,"84":"1"`,
	} {
		say(t, conn, odd)
	}
	say(t, conn, `{"topic":"sor","args":[{"acct":"DU100001"}]}`)
	heard(t, events, broker.Event{Kind: broker.EventOrders, Account: mine}) // all before it were heard
	require.Equal(t, "90", bid(t, c))
	require.Equal(t, asked, f.count("GET /iserver/marketdata/snapshot"))

	f.on("GET /iserver/marketdata/snapshot", always(200, `[{"conid":756733,"31":"91","84":"89","86":"92","6509":"RB","_updated":1775086848000}]`))
	say(t, conn, told(`"84":"90.1"`, 1775086846000))
	say(t, conn, `{"topic":"sor","args":[{"acct":"DU100002"}]}`)
	heard(t, events, broker.Event{Kind: broker.EventOrders, Account: theirs})
	require.Equal(t, "89", bid(t, c), "a snapshot tells what came out of its order")
	require.Equal(t, 1, f.count("GET /iserver/marketdata/snapshot")-asked)
}

// No more contracts are streamed than there are lines; those that nobody asks for make room.
func TestLinesAreBounded(t *testing.T) {
	l, now := newLines(3), time.Now()
	l.begin()
	want := func(ids ...int64) []string {
		m := map[int64]ledger.Instrument{}
		for _, id := range ids {
			m[id] = spy
		}
		l.want(now, m)
		list := l.commands(now)
		slices.Sort(list)
		for n, s := range list {
			list[n] = strings.TrimSuffix(s, `+{"fields":["31","84","86","6509"]}`)
		}
		return list
	}
	require.Equal(t, []string{"smd+1", "smd+2", "smd+3"}, want(1, 2, 3))
	require.Empty(t, want(1, 2, 3, 4, 5), "there are three lines")
	now = now.Add(lineIdle - 1)
	require.Empty(t, want(1, 2, 4))
	now = now.Add(1)
	list := want(4)
	require.Equal(t, []string{"smd+4", "umd+3+{}"}, list)
	now = now.Add(lineIdle)
	require.Equal(t, []string{"umd+1+{}", "umd+2+{}", "umd+4+{}"}, want())
	require.Empty(t, l.byID)
	l = newLines(-1)
	l.begin()
	require.Empty(t, want(1), "a client that streams none")
}

// An option is subscribed to in a new session only once its underlying was searched for there.
func TestDerivativesAreNotSubscribedEarly(t *testing.T) {
	l, now := newLines(3), time.Now()
	option := ledger.NewOption("SPY", 20270115, ledger.Call, dec("500"), "USD")
	contracts := map[int64]ledger.Instrument{1: option, 2: spy}
	l.begin()
	l.want(now, contracts)
	require.Len(t, l.commands(now), 2)
	l.end()
	l.begin()
	require.Equal(t, []string{strings.ReplaceAll(subscribedSPY, "756733", "2")}, l.commands(now))
	l.want(now, contracts)
	require.Equal(t, []string{strings.ReplaceAll(subscribedSPY, "756733", "1")}, l.commands(now))
}

// Whatever is asked for, told, told twice, told late, lost with its connection or forgotten: what is taken from the
// stream is what a snapshot would tell, and there are never more lines than the limit.
func TestStreamedQuotesAreTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, now := newLines(2), time.Unix(1_775_086_847, 0)
		type truth struct{ last, bid, ask, updated int }
		is := map[int64]truth{}
		message := map[int64]string{} // the newest of each contract
		for id := range int64(3) {
			is[id+1] = truth{100, 99, 101, 1000}
		}
		row := func(id int64) snapshot {
			w := is[id]
			return snapshot{ConID: whole(id), Last: text(fmt.Sprint(w.last)), Bid: text(fmt.Sprint(w.bid)), Ask: text(fmt.Sprint(w.ask)),
				Availability: "RB", Updated: whole(w.updated)}
		}
		tell := func(id int64, body string) {
			topic := fmt.Sprintf("smd+%d", id)
			l.hear(now, topic, []byte(body))
		}
		full := func(id int64) string {
			w := is[id]
			return fmt.Sprintf(`{"conid":%d,"31":"%d","84":"%d","86":"%d","6509":"RB","_updated":%d}`, id, w.last, w.bid, w.ask, w.updated)
		}
		active := map[int64]bool{} // what the server tells
		obey := func() {
			for _, text := range l.commands(now) {
				parts := strings.SplitN(text, "+", 3)
				var id int64
				_, err := fmt.Sscan(parts[1], &id)
				require.NoError(t, err)
				if active[id] = parts[0] == "smd"; active[id] {
					tell(id, full(id))
				} else {
					delete(active, id)
				}
			}
			require.LessOrEqual(t, len(active), 2, "lines")
		}
		l.begin()
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			id := int64(rapid.IntRange(1, 3).Draw(t, "contract"))
			switch rapid.SampledFrom([]string{"ask", "move", "move", "move", "again", "late", "break", "wait", "long", "odd"}).Draw(t, "what") {
			case "ask":
				l.want(now, map[int64]ledger.Instrument{id: spy})
				obey()
				if got, ok := l.row(now, id); ok {
					require.Equal(t, row(id), got, "what the stream tells of contract %d", id)
				} else {
					l.base(now, row(id))
				}
			case "move":
				w := is[id]
				w.updated += rapid.IntRange(1, 5).Draw(t, "ms")
				field, price := "31", &w.last
				switch rapid.IntRange(0, 2).Draw(t, "field") {
				case 1:
					field, price = "84", &w.bid
				case 2:
					field, price = "86", &w.ask
				}
				*price += rapid.IntRange(-3, 3).Draw(t, "by")
				is[id] = w
				message[id] = fmt.Sprintf(`{"conid":%d,"%s":"%d","_updated":%d}`, id, field, *price, w.updated)
				if active[id] {
					tell(id, message[id])
				}
			case "again":
				if active[id] && message[id] != "" {
					tell(id, message[id])
				}
			case "late":
				if active[id] {
					tell(id, fmt.Sprintf(`{"conid":%d,"84":"1","_updated":%d}`, id, is[id].updated-1))
				}
			case "break":
				l.end()
				clear(active)
				l.begin()
				obey()
			case "wait":
				now = now.Add(lineFresh / 2)
			case "long":
				now = now.Add(lineIdle / 2)
				obey()
			case "odd":
				tell(id, rapid.SampledFrom([]string{`{"84":{}}`, `{"conid":9,"84":"1"}`, `{"84":"x"}`, `[`, ``, `null`}).Draw(t, "body"))
			}
		}
	})
}
