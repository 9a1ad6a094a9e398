package main

import (
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/internal/pgtest"
)

// The kill switch cancels what works while the database is gone, or says nothing: on the page and at the API.
func TestHaltWithoutDatabase(t *testing.T) {
	for name, end := range map[string]func(*pgtest.Server) error{"gone": (*pgtest.Server).Kill, "silent": (*pgtest.Server).Silence} {
		for _, path := range []string{"/api/v1/halt", "/halt", "/p/paper-250k/halt"} {
			t.Run(name+path, func(t *testing.T) {
				cluster := pgtest.NewCluster(t)
				o, err := parse(quick("-every", "1h", "-lease", "15s", "-dsn", cluster.DSN()), io.Discard)
				require.NoError(t, err)
				var log lines
				s, err := start(t.Context(), o, &log)
				require.NoError(t, err)
				defer func() { _ = s.stop() }() // the database is not there
				i := &instance{t: t, url: "http://" + s.address, log: &log}
				i.until("the strategy's one signal has filled", i.all(1))
				order := `{"instrument":{"sec_type":"STK","symbol":"AAPL","currency":"USD"},"quantity":"1","type":"limit","limit":"10"}`
				i.call(201, "POST", "/api/v1/profiles/paper-250k/orders", order, "Idempotency-Key", "resting")
				p, err := s.manager.Portfolio(t.Context(), "paper-250k")
				require.NoError(t, err)
				require.NoError(t, end(cluster.Primary()))
				ctx, stop := timeout(t)
				defer stop()
				body, headers := `{"reason":"enough"}`, []string(nil)
				switch path {
				case "/halt":
					body, headers = "reason=enough", []string{"Content-Type", "application/x-www-form-urlencoded", "Origin", i.url}
				case "/p/paper-250k/halt":
					body, headers = "reason=enough&profile=paper-250k", []string{"Content-Type", "application/x-www-form-urlencoded", "Origin", i.url}
				}
				answered := make(chan int, 1)
				go func() { status, _, _ := i.ask(ctx, "POST", path, body, headers...); answered <- status }()
				for works := true; works; {
					paper := s.login.(*paperLogin)
					paper.mu.Lock()
					list, err := paper.broker.Orders(ctx, broker.AccountID(p.IBKRAccountID()))
					paper.mu.Unlock()
					require.NoError(t, err, "the order works")
					works = false
					for _, o := range list.List {
						works = works || !o.Status.Terminal()
					}
					pause(ctx, 10*time.Millisecond)
				}
				_ = cluster.Primary().Wake() // the answer is that of a halt that was late; one that is gone does not wake
				<-answered
			})
		}
	}
}
