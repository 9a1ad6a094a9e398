package cpapi

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// FuzzReplies decodes whatever a gateway may answer as everything that it may be. Nothing panics, and what
// is read keeps the promises that callers rely on.
func FuzzReplies(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "payloads", "*.json"))
	require.NoError(f, err)
	for _, file := range files {
		r := readPayload(f, strings.TrimSuffix(filepath.Base(file), ".json"))
		f.Add(r.status, []byte(r.body))
	}
	f.Add(200, []byte(`{"error":{"message":"x"}}`))
	f.Add(200, []byte(`[{"31":"C1","84":1e3,"_updated":1}]`))
	f.Add(503, []byte(`<html>`))
	f.Add(200, []byte(`{"topic":"smd+756733","conid":756733,"31":"5","84":"4.9","86":"","6509":"RpB","_updated":4102444800000}`))
	f.Add(200, []byte(`{"topic":"ntf","args":[{"reqId":"29042","messageId":"p12","prompt":true,"options":["Yes"],"text":"Use?"},{"id":118,"text":"x"}]}`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		r := &reply{path: "/x", status: status, body: body}
		if rows, err := decodeOrders(r); err == nil {
			for _, row := range rows {
				if o, err := row.order(spy, mine); err == nil {
					require.NotEmpty(t, o.BrokerID)
					require.NotEmpty(t, o.Status)
				}
			}
		}
		if rows, err := decodeTrades(r); err == nil {
			for _, row := range newest(rows) {
				if e, err := row.execution(spy, mine); err == nil {
					require.False(t, e.Trade.CommissionPending && !e.Trade.Commission.IsZero())
					require.NoError(t, e.Trade.Normalize())
				}
			}
		}
		if rows, err := decodeHeld(r); err == nil {
			for _, row := range rows {
				require.Positive(t, int64(row.ConID))
				_ = row.mark(spy)
			}
		}
		if rows, err := decodeLedger(r); err == nil {
			_ = balances(rows, "USD")
		}
		if rows, err := decodeSnapshots(r); err == nil {
			for _, row := range rows {
				_, _, _ = row.quote(spy)
			}
		}
		if rows, err := decodeViewed(r); err == nil {
			if may, err := decodeTraded(r); err == nil {
				_ = accountsOf(&may, rows, nil)
			}
			_ = accountsOf(&traded{}, rows, nil)
		}
		said, err := verdict(r, true, nil)
		require.True(t, (said.ack != nil) != (said.question != nil) || err != nil, "neither an order, nor a question, nor an error")
		_, _ = decodeStatus(r)
		_, _ = decodeTickle(r)
		_, _ = decodeSelected(r)
		_, _ = decodeCancelled(r)
		_, _ = decodeWhatIf(r)
		var k contractInfo
		if r.decode(&k) == nil {
			if i, err := k.instrument("F"); err == nil {
				require.NoError(t, i.Validate())
			}
		}
		if m, _, err := decodeMessage(body); err == nil {
			_ = decodeNotifications(m.Args)
		}
		l, now := newLines(1), time.Now()
		l.begin()
		l.want(now, map[int64]ledger.Instrument{756733: spy})
		_ = l.commands(now)
		l.hear(now, "smd+756733", body)
		l.base(now, snapshot{ConID: 756733, Last: "1", Updated: whole(now.UnixMilli())})
		l.hear(now, "smd+756733", body)
		if row, told := l.row(now, 756733); told {
			require.Equal(t, whole(756733), row.ConID)
			_, _, err := row.quote(spy)
			require.NoError(t, err, "a row that cannot be read was kept")
		}
	})
}

// FuzzNumbers reads numbers: what is told is a plain decimal, and the same again when it is written.
func FuzzNumbers(f *testing.F) {
	for _, s := range []string{"3.0", "1,006,413", "1.3107e-4", "584.3133333333334", "", "C1", "1e400", "-0", "1.7976931348623157E308", "9e14", ".", "1e-400"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parseNumber(s)
		if err != nil {
			require.False(t, n.told)
			return
		}
		if !n.told {
			require.True(t, n.value.IsZero())
			return
		}
		again, err := parseNumber(n.value.String())
		require.NoError(t, err, "%q is %s", s, n.value)
		require.True(t, again.value.Equal(n.value), "%q is %s, and then %s", s, n.value, again.value)
		text, err := json.Marshal(n)
		require.NoError(t, err)
		require.JSONEq(t, `"`+n.value.String()+`"`, string(text))
	})
}

// The client is a broker, and what-if an interface besides.
var (
	_ broker.Broker = (*Client)(nil)
	_ Judge         = (*Client)(nil)
)
