package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

const token = "Zk3-9fQ_aL0xT7wE"

// The service serves the four presets, and the strategy's orders fill and appear in their books.
func TestTrades(t *testing.T) {
	s := launch(t, quick()...)
	ids := s.profiles()
	for _, p := range presets {
		require.Contains(t, ids, p.id)
	}
	require.Len(t, ids, len(presets))
	s.until("the strategy trades every account", s.all(2))
	snapshot := read[accounts.Snapshot](t, s.call(200, "GET", "/api/v1/profiles/paper-100k/snapshot", ""))
	require.Nil(t, snapshot.Missing, "equity is known")
	require.NotEqual(t, "100000", snapshot.Equity.String(), "the account has traded")
	for _, c := range []struct {
		status       int
		method, path string
	}{
		{200, "GET", "/healthz"}, {200, "GET", "/readyz"}, {200, "GET", "/metrics"}, {200, "GET", "/api/v1/openapi.json"},
		{200, "GET", "/api/v1/profiles/paper-25k/link"}, {200, "GET", "/api/v1/comparison"}, {404, "GET", "/api/v1/nothing"},
		{404, "GET", "/nothing"}, {421, "GET", "/metrics"},
	} {
		host := "127.0.0.1"
		if c.status == http.StatusMisdirectedRequest {
			host = "rebound.example"
		}
		s.call(c.status, c.method, c.path, "", "Host", host)
	}
	s.stop()
	for n, line := range strings.Split(strings.TrimSpace(s.log.String()), "\n") {
		require.True(t, strings.HasPrefix(line, `{"time":`), "line %d of the log is no JSON: %s", n, line)
	}
	for _, p := range presets {
		require.NotContains(t, s.log.String(), p.account, "an account number in the log")
	}
}

// No client can have the server wait for ever, and what takes long has the time that it is promised.
func TestServerTimes(t *testing.T) {
	s := newServer(http.NotFoundHandler())
	require.Positive(t, s.ReadHeaderTimeout)
	require.Positive(t, s.ReadTimeout)
	require.Positive(t, s.IdleTimeout)
	require.Greater(t, s.WriteTimeout, 5*time.Minute+s.ReadTimeout, "the import of statements has five minutes")
}

// The kill switch halts the accounts, and the strategy's next signal is refused.
func TestKillSwitch(t *testing.T) {
	s := launch(t, quick()...)
	s.until("the strategy trades", s.all(1))
	s.call(200, "POST", "/api/v1/halt", `{"reason":"enough"}`)
	before := map[accounts.ProfileID]int{}
	for _, p := range presets {
		before[p.id] = len(s.trades(p.id))
	}
	s.until("signals are refused", func() bool {
		for _, p := range presets {
			text := s.call(200, "GET", "/api/v1/profiles/"+string(p.id)+"/orders?state=refused", "")
			if !strings.Contains(text, `"`+string(risk.RuleState)+`"`) {
				return false
			}
		}
		return true
	})
	for _, p := range presets {
		require.Len(t, s.trades(p.id), before[p.id], "profile %s traded after it was halted", p.id)
	}
}

// An order over HTTP fills, and its key makes no second one.
func TestOrderOverHTTP(t *testing.T) {
	s := launch(t, quick("-every", "1h")...)
	order := `{"instrument":{"sec_type":"STK","symbol":"AAPL","currency":"USD"},"quantity":"5","type":"market"}`
	s.until("the strategy's one signal has filled", s.all(1))
	for n, status := range []int{201, 200} {
		text := s.call(status, "POST", "/api/v1/profiles/paper-50k/orders", order, "Idempotency-Key", "mine")
		require.Contains(t, text, `"sent":true`, "request %d", n)
	}
	s.until("the order is in the book", func() bool {
		return strings.Contains(s.call(200, "GET", "/api/v1/profiles/paper-50k/trades", ""), `"api.mine"`)
	})
	require.Equal(t, 1, strings.Count(s.call(200, "GET", "/api/v1/profiles/paper-50k/trades", ""), `"api.mine"`))
}

// The strategy lets go of what it holds of an order that was never sent. A process leaves such an order when the
// process dies between holding and sending.
func TestOrderNeverSent(t *testing.T) {
	o, err := parse(quick(), io.Discard)
	require.NoError(t, err)
	s, err := start(t.Context(), o, &lines{})
	require.NoError(t, err)
	defer func() { require.NoError(t, s.stop()) }()
	i := &instance{t: t, url: "http://" + s.address}
	i.until("the strategy trades", i.all(1))
	p, err := s.manager.Portfolio(t.Context(), "paper-250k")
	require.NoError(t, err)
	order := risk.Order{ID: "lost", Instrument: newMarket(1).contracts()[0], Quantity: ledger.MustDecimal("1"), Strategy: strategyName}
	_, err = p.Reserve(t.Context(), order)
	require.NoError(t, err)
	order.ID, order.Strategy = "another's", ""
	order.Instrument = newMarket(1).contracts()[1]
	_, err = p.Reserve(t.Context(), order)
	require.NoError(t, err)
	i.until("the order is let go", func() bool {
		text := i.call(200, "GET", "/api/v1/profiles/paper-250k/orders", "")
		require.Contains(t, text, `"another's"`, "an order that is not the strategy's was let go")
		return !strings.Contains(text, `"lost"`)
	})
}

// A profile that is made over HTTP gets an account at the paper broker, with the capital of its level.
func TestNewProfile(t *testing.T) {
	s := launch(t, quick()...)
	made := s.call(201, "POST", "/api/v1/profiles", `{"name":"Fifth","ibkr_account_id":"DU2009999","capital_level":"75K","risk_tolerance":"moderate"}`,
		"Idempotency-Key", "fifth")
	id := read[accounts.AccountProfile](t, made).ID
	s.until("the strategy trades the new account", func() bool { return len(s.trades(id)) > 0 })
	require.Contains(t, s.call(200, "GET", "/api/v1/profiles/"+string(id)+"/activity", ""), `"75000"`, "the account begins with the capital of its level")
}

// With a token file a caller needs the token, for the figures too.
func TestToken(t *testing.T) {
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(token+"\n"), 0o600))
	s := launch(t, quick("-token-file", file)...)
	for _, path := range []string{"/api/v1/profiles", "/metrics", "/api/v1/events"} {
		s.token = ""
		s.call(401, "GET", path, "")
		s.token = "another-" + token
		s.call(401, "GET", path, "")
	}
	s.call(200, "GET", "/healthz", "")
	s.token = token
	s.call(200, "GET", "/api/v1/profiles", "")
	s.call(200, "GET", "/metrics", "")
	s.stop()
	require.NotContains(t, s.log.String(), token, "the log has the token")
}

// What cannot be started safely is refused, and says why.
func TestRefusals(t *testing.T) {
	short := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(short, []byte("short"), 0o600))
	taken := launch(t, quick()...)
	for says, args := range map[string][]string{
		"give -token-file":         {"-addr", ":0"},
		"0.0.0.0:0 can be reached": {"-addr", "0.0.0.0:0"},
		"service.example:0 can":    {"-addr", "service.example:0"},
		"missing port":             {"-addr", "127.0.0.1"},
		"fewer than":               {"-addr", "127.0.0.1:0", "-token-file", short},
		"no such file":             {"-addr", "127.0.0.1:0", "-token-file", short + "er"},
		"without -gateway":         {"-trade"},
		"is no flag":               {"serve"},
		"millisecond":              {"-every", "0s"},
		"negative":                 {"-drain", "-1s"},
		"-lease":                   {"-lease", "1ms"},
		"nowhere without -dsn":     {"-schema", "elsewhere"},
		"no server listens":        {"-addr", "127.0.0.1:0", "-dsn", "postgres://me:s3cret@127.0.0.1:1/db?sslmode=disable"},
		"cannot be had":            {"-addr", strings.TrimPrefix(taken.url, "http://")},
	} {
		var out, log bytes.Buffer
		err := run(t.Context(), args, &out, &log)
		require.ErrorContains(t, err, says, "%q", args)
		require.NotContains(t, err.Error()+log.String(), "s3cret")
		require.NotContains(t, out.String(), "listening", "%q", args)
	}
}

// A service that stops is no longer ready, ends its streams, and lets a request that is under way finish.
func TestGracefulStop(t *testing.T) {
	o, err := parse(quick("-drain", "1s"), io.Discard)
	require.NoError(t, err)
	var log lines
	s, err := start(t.Context(), o, &log)
	require.NoError(t, err)
	i := &instance{t: t, url: "http://" + s.address}
	i.call(200, "GET", "/readyz", "")
	stream, err := client.Get(i.url + "/api/v1/events")
	require.NoError(t, err)
	defer stream.Body.Close()
	reader, writer := io.Pipe() // the request's body, which comes while the service stops
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, i.url+"/api/v1/halt", reader)
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	answered := make(chan string, 1)
	go func() {
		res, err := client.Do(req)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer res.Body.Close()
		answered <- res.Status
	}()
	_, err = io.WriteString(writer, `{"reason":`)
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- s.stop() }()
	_, err = io.Copy(io.Discard, stream.Body)
	require.NoError(t, err, "the stream ends")
	require.Contains(t, i.call(503, "GET", "/readyz", ""), "about to stop")
	_, err = io.WriteString(writer, `"the end"}`)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	require.Equal(t, "200 OK", <-answered, "the request under way")
	require.NoError(t, <-ended)
	_, _, err = i.ask(t.Context(), "GET", "/healthz", "")
	require.Error(t, err, "the service is gone")
	require.Contains(t, log.String(), `"standby"`, "the lease was given back")
}

// Figures are read by Prometheus' own parser, and have no account number.
func TestMetrics(t *testing.T) {
	s := launch(t, quick()...)
	s.until("the strategy trades", s.all(1))
	s.call(200, "POST", "/api/v1/halt", `{"reason":"enough"}`)
	s.until("a signal is refused", func() bool {
		return strings.Contains(s.call(200, "GET", "/metrics", ""), "accounts_orders_refused_total{")
	})
	s.call(404, "GET", "/made/up/"+strings.Repeat("x", 30), "")
	s.call(404, "BREW", "/made/up", "")
	text := s.call(200, "GET", "/metrics", "")
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text))
	require.NoError(t, err)
	for _, p := range presets {
		require.NotContains(t, text, p.account, "an account number")
		labels := map[string]string{"profile": string(p.id)}
		require.GreaterOrEqual(t, value(t, families, "accounts_profile_trades", labels), 1.0)
		require.Equal(t, 1.0, value(t, families, "accounts_account_ready", labels))
		require.Equal(t, 1.0, value(t, families, "accounts_profile_trading_state", map[string]string{"profile": string(p.id), "state": "halted"}))
		require.Less(t, value(t, families, "accounts_profile_oldest_mark_age_seconds", labels), 60.0)
	}
	require.Equal(t, 4.0, value(t, families, "accounts_profiles", map[string]string{"status": "active"}))
	require.Equal(t, 1.0, value(t, families, "accounts_engine_works", map[string]string{"login": "paper"}))
	require.Equal(t, 1.0, value(t, families, "accounts_engine_session", map[string]string{"state": "usable"}))
	require.GreaterOrEqual(t, value(t, families, "accounts_engine_notices_total", map[string]string{"kind": "sent"}), 4.0)
	require.Equal(t, 1.0, value(t, families, "accounts_http_requests_total", map[string]string{"route": "/api/v1/halt", "method": "POST", "code": "200"}))
	require.Equal(t, 1.0, value(t, families, "accounts_http_requests_total", map[string]string{"route": "other", "method": "GET", "code": "404"}))
	require.Equal(t, 1.0, value(t, families, "accounts_http_requests_total", map[string]string{"route": "other", "method": "other", "code": "404"}))
	require.Contains(t, families, "go_goroutines")
	require.NotContains(t, text, "made/up", "a client made up a label")
}

// value returns the value of the one figure of a family that has the labels.
func value(t *testing.T, families map[string]*dto.MetricFamily, name string, labels map[string]string) float64 {
	t.Helper()
	require.Contains(t, families, name)
	var found []float64
	for _, m := range families[name].GetMetric() {
		has := map[string]string{}
		for _, l := range m.GetLabel() {
			has[l.GetName()] = l.GetValue()
		}
		fits := true
		for name, value := range labels {
			fits = fits && has[name] == value
		}
		if fits {
			found = append(found, m.GetGauge().GetValue()+m.GetCounter().GetValue()+m.GetUntyped().GetValue())
		}
	}
	require.Len(t, found, 1, "%s %v", name, labels)
	return found[0]
}

// Prices follow from the seed and the time, and stay near their middle.
func TestMarket(t *testing.T) {
	one, same, other := newMarket(7), newMarket(7), newMarket(8)
	differ := 0
	for n := range 5000 {
		at := time.Unix(int64(1_700_000_000+n), 0)
		for i := range one.stocks {
			price := one.stocks[i].price(at)
			require.Equal(t, price, same.stocks[i].price(at), "the same seed and time")
			if !price.Equal(other.stocks[i].price(at)) {
				differ++
			}
			off := price.Sub(ledger.MustDecimal(fmt.Sprint(one.stocks[i].cents / 100))).Abs()
			require.True(t, off.LessThan(price.Mul(ledger.MustDecimal("0.032"))), "%s costs %s", one.stocks[i].Symbol, price)
		}
	}
	require.Greater(t, differ, 15_000, "another seed")
}

// A second start on the same context does nothing: the context is over.
func TestEndedContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, log bytes.Buffer
	require.Error(t, run(ctx, quick(), &out, &log))
	require.Empty(t, out.String())
}
