// Command gatewaysim serves a simulated gateway of IBKR's Client Portal Web API, for people who
// want to look: one login with four paper accounts, and a market that moves and never closes.
//
//	gatewaysim -listen 127.0.0.1:5000
//
// It prints the base of the URLs and the fingerprint of its certificate, and serves until it is
// interrupted. Nothing that it holds is kept.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // not every machine has time zones

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/ledger"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "gatewaysim:", err)
		os.Exit(1)
	}
}

// levels are the accounts with what each begins with, in USD.
var levels = []struct{ id, cash string }{
	{"DU1000025", "25000"}, {"DU1000050", "50000"}, {"DU1000100", "100000"}, {"DU1000250", "250000"},
}

// prices are the stocks with what each costs at first.
var prices = []struct{ symbol, price string }{{"SPY", "600"}, {"QQQ", "520"}, {"AAPL", "230"}, {"MSFT", "430"}}

// run serves until the context ends.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("gatewaysim", flag.ContinueOnError)
	flags.SetOutput(out)
	listen := flags.String("listen", "127.0.0.1:0", "the `address` to serve at; port 0 takes a free one")
	seed := flags.Uint64("seed", 1, "the seed of the prices")
	questions := flags.Bool("questions", false, "ask before orders are taken, as a new login is asked")
	pacing := flags.Bool("pacing", true, "refuse requests that come faster than IBKR lets them")
	if err := flags.Parse(args); err != nil {
		return err
	}
	market, err := newMarket(*seed)
	if err != nil {
		return err
	}
	config := gatewaysim.Config{Market: market, Listen: *listen, Pacing: gatewaysim.Pacing{Off: !*pacing}}
	if *questions {
		config.Questions = gatewaysim.Precautions()
	}
	for _, l := range levels {
		config.Accounts = append(config.Accounts, gatewaysim.Account{ID: l.id, Cash: ledger.MustDecimal(l.cash)})
	}
	g, err := gatewaysim.New(config)
	if err != nil {
		return err
	}
	if err := g.Start(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "url          %s\nfingerprint  %s\n", g.URL(), g.Fingerprint())
	for _, a := range config.Accounts {
		if err == nil {
			_, err = fmt.Fprintf(out, "account      %s with %s USD\n", a.ID, a.Cash)
		}
	}
	if err == nil {
		<-ctx.Done()
	}
	if other := g.Close(); err == nil {
		err = other
	}
	return err
}

// newMarket returns a market in real time whose prices move.
func newMarket(seed uint64) (*gatewaysim.Market, error) {
	m, err := gatewaysim.NewMarket(gatewaysim.MarketConfig{Realtime: true, AlwaysOpen: true, Liquidity: ledger.MustDecimal("50")})
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, p := range prices {
		c, err := m.Stock(p.symbol, ledger.MustDecimal(p.price))
		if err != nil {
			return nil, err
		}
		ids = append(ids, c.ConID)
	}
	return m, m.Walk(gatewaysim.Walk{Seed: seed}, ids...)
}
