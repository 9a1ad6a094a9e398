package cpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

var update = flag.Bool("update", false, "write the golden files anew")

// payload is a recorded answer of the API.
type payload struct {
	Request  struct{ Path string }
	Response struct {
		StatusCode int
		Body       json.RawMessage
	}
}

func readPayload(t testing.TB, name string) *reply {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "payloads", name+".json"))
	require.NoError(t, err)
	var p payload
	require.NoError(t, json.Unmarshal(b, &p), name)
	return &reply{path: p.Request.Path, status: p.Response.StatusCode, body: p.Response.Body}
}

// into adapts a decoder to the table.
func into[T any](decode func(*reply) (T, error)) func(*reply) (any, error) {
	return func(r *reply) (any, error) { return decode(r) }
}

// decoders say what reads which payload. What the client does not ask for is read as it is.
var decoders = map[string]func(*reply) (any, error){
	"Accounts-GET-iserver-accounts":              goldenAccounts,
	"Accounts-POST-switch-account":               into(decodeSelected),
	"Orders-DELETE-cancel-order":                 into(decodeCancelled),
	"Orders-GET-live-orders":                     goldenOrders,
	"Orders-GET-live-orders-empty":               goldenOrders,
	"Orders-GET-trades":                          goldenTrades,
	"Orders-GET-trades-empty":                    goldenTrades,
	"Orders-POST-modify-order-submitted":         goldenSaid,
	"Orders-POST-place-order-confirmation":       goldenSaid,
	"Orders-POST-place-order-submitted":          goldenSaid,
	"Orders-POST-reply-submitted":                goldenSaid,
	"Orders-POST-whatif-order":                   into(decodeWhatIf),
	"Portfolio-GET-portfolio-accounts":           into(decodeViewed),
	"Portfolio-GET-subaccounts2":                 into(decodeViewed),
	"Portfolio-GET-portfolio-subaccounts":        into(decodeViewed),
	"Portfolio-GET-portfolio-ledger":             goldenLedger,
	"Portfolio-GET-portfolio-position-by-conid":  into(decodeHeld),
	"Portfolio-GET-portfolio-positions-empty":    into(decodeHeld),
	"Portfolio-GET-portfolio-positions-page0":    into(decodeHeld),
	"Portfolio-GET-portfolio-positions-by-conid": goldenByConID,
	"Portfolio-GET-portfolio2-positions":         goldenMarks,
	"Session-GET-auth-status":                    goldenStatus,
	"Session-POST-ssodh-init":                    goldenStatus,
	"Session-POST-tickle":                        into(decodeTickle),
}

func goldenAccounts(r *reply) (any, error) {
	t, err := decodeTraded(r)
	if err != nil {
		return nil, err
	}
	paper := true
	return map[string]any{"traded": t, "accounts": accountsOf(&t, nil, &paper)}, nil
}

var spy = ledger.Instrument{SecType: ledger.Stock, Symbol: "SPY", Currency: "USD", ConID: 756733}

// both are a row as it was read and what it becomes, or why it becomes nothing.
type both struct {
	Row    any    `json:"row"`
	Is     any    `json:"is,omitempty"`
	Reason string `json:"reason,omitempty"`
}

func goldenOrders(r *reply) (any, error) {
	rows, err := decodeOrders(r)
	out := []both{}
	for _, row := range rows {
		o, err := row.order(spy, broker.AccountID(row.account()))
		if err != nil {
			return nil, err
		}
		out = append(out, both{Row: row, Is: o})
	}
	return out, err
}

func goldenTrades(r *reply) (any, error) {
	rows, err := decodeTrades(r)
	out := []both{}
	for _, row := range rows {
		e, err := row.execution(spy, broker.AccountID(row.account()))
		b := both{Row: row, Is: e}
		if err != nil {
			b.Is, b.Reason = nil, err.Error()
		}
		out = append(out, b)
	}
	return out, err
}

func goldenSaid(r *reply) (any, error) {
	s, err := decodeSaid(r)
	return map[string]any{"ack": s.ack, "question": s.question}, err
}

func goldenLedger(r *reply) (any, error) {
	rows, err := decodeLedger(r)
	return map[string]any{"rows": rows, "balances": balances(rows, "USD")}, err
}

func goldenByConID(r *reply) (any, error) {
	rows := map[string][]held{}
	err := r.decode(&rows)
	return rows, err
}

func goldenMarks(r *reply) (any, error) {
	rows, err := decodeHeld(r)
	out := []both{}
	for _, row := range rows {
		out = append(out, both{Row: row, Is: row.mark(spy)})
	}
	return out, err
}

func goldenStatus(r *reply) (any, error) {
	s, err := decodeStatus(r)
	state, reason := stateOf(s, err)
	return map[string]any{"status": s, "state": state, "reason": reason}, err
}

// asItIs reads an answer that the client does not ask for: it is no refusal and can be read.
func asItIs(r *reply) (any, error) {
	var v any
	err := r.decode(&v)
	return v, err
}

// What every recorded answer becomes does not change by mistake.
func TestRecordedPayloads(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "payloads", "*.json"))
	require.NoError(t, err)
	require.Len(t, files, 42, "recorded payloads")
	used := 0
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) {
			decode, known := decoders[name]
			if !known {
				decode = asItIs
			} else {
				used++
			}
			got, err := decode(readPayload(t, name))
			require.NoError(t, err)
			text, err := json.MarshalIndent(got, "", "  ")
			require.NoError(t, err)
			text = append(text, '\n')
			golden := filepath.Join("testdata", "golden", name+".json")
			if *update {
				require.NoError(t, os.WriteFile(golden, text, 0o644))
			}
			want, err := os.ReadFile(golden)
			require.NoError(t, err)
			require.Equal(t, string(want), string(text))
		})
	}
	require.Equal(t, len(decoders), used, "a decoder of the table has no payload")
}

// No secret and no name of a person is in the recorded answers.
func TestRecordedPayloadsAreAnonymous(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "payloads", "*.json"))
	require.NoError(t, err)
	for _, file := range files {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, field := range []string{`"accountTitle"`, `"displayName"`} {
			for rest := b; ; {
				_, after, found := bytes.Cut(rest, []byte(field))
				if !found {
					break
				}
				require.True(t, bytes.HasPrefix(bytes.TrimLeft(after, ": "), []byte(`"Test User"`)), "%s: %s", file, field)
				rest = after
			}
		}
	}
}

func TestNumbers(t *testing.T) {
	for in, want := range map[string]string{
		`3.0`: "3", `"3.0"`: "3", `"1,006,413"`: "1006413", `1.3107e-4`: "0.00013107", `"1E+3"`: "1000", `-0.0`: "0",
		`584.3133333333334`: "584.313333333333", `0.30000000000000004`: "0.3", `971869.6000000001`: "971869.6",
		`999999999999999.9`: "ERROR", `"-1.5"`: "-1.5", `null`: "none", `""`: "none", `" "`: "none", `1.7976931348623157E308`: "none",
		`"1.7976931348623157E308"`: "none", `"9223372036854775807"`: "ERROR", `1e-30`: "0", `"C193.18"`: "ERROR", `"1.2M"`: "ERROR",
		`true`: "ERROR", `[1]`: "ERROR", `{}`: "ERROR", `"1.2.3"`: "ERROR", `"1e"`: "ERROR", `"--1"`: "ERROR", `"+5"`: "5", `"."`: "ERROR",
		`".5"`: "0.5", `"5."`: "5", `"1e99999999999"`: "ERROR", `99999999999999.95`: "100000000000000",
		`0.00000000000000000001`: "0", `1e14`: "100000000000000", `123456789012345`: "123456789012345",
	} {
		var n number
		err := json.Unmarshal([]byte(in), &n)
		got := n.value.String()
		switch {
		case err != nil:
			got = "ERROR"
		case !n.told:
			got = "none"
		}
		require.Equal(t, want, got, "%s: %v", in, err)
	}
}

func TestIdsAndFlags(t *testing.T) {
	for in, want := range map[string]int64{`756733`: 756733, `"756733"`: 756733, `756733.0`: 756733, `null`: 0, `""`: 0, `-1`: -1, `17437897932`: 17437897932,
		`9007199254740993`: 9007199254740993} {
		var w whole
		require.NoError(t, json.Unmarshal([]byte(in), &w), in)
		require.Equal(t, want, int64(w), in)
	}
	for _, in := range []string{`1.5`, `"x"`, `{}`, `[]`, `true`} {
		require.Error(t, json.Unmarshal([]byte(in), new(whole)), in)
	}
	for in, want := range map[string]bool{`true`: true, `"true"`: true, `1`: true, `"1"`: true, `false`: false, `"0"`: false, `null`: false, `""`: false} {
		var f boolean
		require.NoError(t, json.Unmarshal([]byte(in), &f), in)
		require.Equal(t, want, bool(f), in)
	}
	require.Error(t, json.Unmarshal([]byte(`"maybe"`), new(boolean)))
}

func TestTimes(t *testing.T) {
	at := time.Date(2026, 4, 1, 23, 40, 47, 0, time.UTC)
	require.Equal(t, at, instant(1775086847000), "milliseconds")
	require.Equal(t, at, instant(1775086847), "seconds")
	require.True(t, instant(0).IsZero())
	require.True(t, instant(-1).IsZero())
	require.Equal(t, at, clockTime("260401234047", "060102150405"))
	require.True(t, clockTime("yesterday", "060102150405").IsZero())
}
