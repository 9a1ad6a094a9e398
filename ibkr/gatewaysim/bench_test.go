package gatewaysim_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var dec = ledger.MustDecimal

// bench is a gateway with a client.
type bench struct {
	*gatewaysim.Gateway
	t      *testing.T
	client *http.Client
	spy    int64 // a stock at 100
}

const first, second, view = "DU1000025", "DU1000050", "DU1000099"

// open starts a gateway with two accounts and one that can only be viewed, whose pacing is off unless the
// change says otherwise.
func open(t *testing.T, change func(c *gatewaysim.Config)) *bench {
	t.Helper()
	c := gatewaysim.Config{
		Accounts: []gatewaysim.Account{{ID: first, Cash: dec("25000"), Segment: true}, {ID: second, Cash: dec("50000")},
			{ID: view, Cash: dec("1000"), ViewOnly: true}},
		Pacing: gatewaysim.Pacing{Off: true},
	}
	if change != nil {
		change(&c)
	}
	g, err := gatewaysim.New(c)
	require.NoError(t, err)
	require.NoError(t, g.Start())
	b := &bench{Gateway: g, t: t, client: g.Client()}
	b.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	t.Cleanup(func() {
		b.client.CloseIdleConnections()
		require.NoError(t, g.Close())
	})
	spy, err := g.Market().Stock("SPY", dec("100"))
	require.NoError(t, err)
	b.spy = spy.ConID
	return b
}

// ready makes the calls that others want to come first.
func (b *bench) ready() *bench {
	b.t.Helper()
	b.get("/iserver/accounts")
	b.get("/portfolio/accounts")
	for _, id := range []string{first, second} {
		b.get("/iserver/account/orders?accountId=" + id)
	}
	return b
}

// try makes a request and returns the status and the body; zero if the connection broke.
func (b *bench) try(method, path, body string) (int, string) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.URL()+path, bytes.NewBufferString(body))
	require.NoError(b.t, err)
	r.GetBody = nil // nothing is sent again by itself
	answer, err := b.client.Do(r)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return 0, ""
	}
	return answer.StatusCode, string(text)
}

// ask makes a request that is answered with status 200, and returns what the body says.
func (b *bench) ask(method, path, body string) any {
	b.t.Helper()
	status, text := b.try(method, path, body)
	require.Equal(b.t, 200, status, "%s %s: %s", method, path, text)
	var out any
	require.NoError(b.t, json.Unmarshal([]byte(text), &out), "%s %s: %s", method, path, text)
	return out
}

func (b *bench) get(path string) any { b.t.Helper(); return b.ask("GET", path, "") }

// rows returns the list that an answer is, or has under a name.
func rows(v any, name string) []map[string]any {
	if o, isObject := v.(map[string]any); isObject {
		v = o[name]
	}
	out := []map[string]any{}
	list, _ := v.([]any)
	for _, e := range list {
		if row, isObject := e.(map[string]any); isObject {
			out = append(out, row)
		}
	}
	return out
}

// order is the body of a request to place a limit order for the day.
func (b *bench) order(account, ref, side, quantity, limit string) string {
	text, err := json.Marshal(map[string]any{"orders": []any{map[string]any{"acctId": account, "conid": b.spy, "cOID": ref, "orderType": "LMT",
		"side": side, "quantity": json.Number(quantity), "price": json.Number(limit), "tif": "DAY"}}})
	require.NoError(b.t, err)
	return string(text)
}

// place places a limit order for the day and returns the first row of the answer.
func (b *bench) place(account, ref, side, quantity, limit string) map[string]any {
	b.t.Helper()
	answer := rows(b.ask("POST", "/iserver/account/"+account+"/orders", b.order(account, ref, side, quantity, limit)), "")
	require.Len(b.t, answer, 1, "the answer to an order")
	return answer[0]
}

func (b *bench) truth(account string) gatewaysim.Truth {
	b.t.Helper()
	truth, err := b.Truth(account)
	require.NoError(b.t, err)
	return truth
}

// inject injects a fault.
func (b *bench) inject(f gatewaysim.Fault) *gatewaysim.Injection {
	b.t.Helper()
	n, err := b.Inject(f)
	require.NoError(b.t, err)
	return n
}
