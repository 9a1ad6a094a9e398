package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// counterVec counts calls and adds up their durations by labels, as a metrics library would.
type counterVec struct {
	mu    sync.Mutex
	count map[string]int
	total map[string]time.Duration
}

// Observe implements accounts.Observer.
func (c *counterVec) Observe(_ context.Context, o accounts.Observation) {
	labels := fmt.Sprintf("kind=%q,op=%q,failed=\"%t\"", o.Kind, o.Op, o.Err != nil)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count[labels]++
	c.total[labels] += o.Duration
}

// An adapter to Prometheus or OpenTelemetry is an Observer of a few lines. The profile is left out of
// the labels here, for there may be many.
func ExampleWithObserver() {
	ctx := context.Background()
	metrics := &counterVec{count: map[string]int{}, total: map[string]time.Duration{}}
	manager, end := exampleManager(accounts.WithObserver(metrics))
	defer end()
	profile, err := manager.CreateProfile(ctx, accounts.Optimal100K("DU1000100"))
	check(err)
	portfolio, err := manager.Portfolio(ctx, profile.ID)
	check(err)
	for range 2 { // the second time the journal has it already
		_, err = portfolio.Record(ctx, ledger.CashMovement{ID: "wire-1", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: noon})
		check(err)
	}

	metrics.mu.Lock()
	defer metrics.mu.Unlock()
	for _, labels := range slices.Sorted(maps.Keys(metrics.count)) {
		if strings.Contains(labels, "append") || strings.Contains(labels, "record") {
			fmt.Printf("accounts_calls_total{%s} %d\n", labels, metrics.count[labels])
		}
	}
	// Output:
	// accounts_calls_total{kind="command",op="record",failed="false"} 2
	// accounts_calls_total{kind="store",op="append",failed="false"} 1
	// accounts_calls_total{kind="store",op="append",failed="true"} 1
}

// What an operator should know is logged in addition to being returned.
func ExampleWithLogger() {
	ctx := context.Background()
	withoutTime := func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTime}))
	connect := func(context.Context, accounts.AccountProfile, accounts.AccountProfile) error {
		return errors.New("login of DU1000100: connection refused")
	}
	manager, end := exampleManager(accounts.WithLogger(logger), accounts.OnSwitch(connect))
	defer end()
	profile := accounts.Optimal100K("DU1000100")
	profile.ID = "optimal"
	_, err := manager.CreateProfile(ctx, profile)
	check(err)

	_, err = manager.SwitchProfile(ctx, "optimal")
	fmt.Println(err)
	// Output:
	// level=WARN msg="switch hook failed" profile=optimal hook=1 undo=false err="login of (account): connection refused"
	// switch to profile "optimal": hook 1: login of DU1000100: connection refused
}
