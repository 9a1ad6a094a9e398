// Command portfolioservice is the library as a service: accounts over HTTP, a broker behind them,
// and a strategy that trades.
//
//	go run ./examples/portfolioservice
//
// By itself it serves four paper accounts, from 25,000 to 250,000 USD, on this machine alone, and a
// sample strategy trades them at a paper broker with simulated prices, within the limits of each:
// the smallest account soon has all the day trades that it may have. It prints the address, at
// which a browser finds the page. The API is under /api/v1 and described by /api/v1/openapi.json;
// /healthz, /readyz and /metrics are for operators. The log is JSON, on standard error.
//
// With -dsn profiles and journals are in PostgreSQL, and several processes may serve them. One of
// them works the broker, and another takes over when that one ends. With -gateway the broker is
// IBKR's Client Portal, and the strategy trades only with -trade. With -token-file callers need a
// token; without one the service listens on this machine's own addresses and no other.
//
// # The paper broker and several processes
//
// Each process has a paper broker of its own, which forgets everything with the process. The books
// are the truth of the paper accounts: the process that takes over begins its paper broker with the
// cash and the positions of the books. A fill counts once it is booked. What a killed process had
// filled and not booked never happened; an order that was still open with it is let go, and is not
// sent again. Prices are the same in every process with the same -seed. A broker that outlives the
// processes is the simulated gateway:
//
//	go run ./cmd/gatewaysim -listen 127.0.0.1:5000
//	go run ./examples/portfolioservice -dsn … -gateway https://127.0.0.1:5000/v1/api -fingerprint … -trade
//
// # Stopping
//
// An interrupt stops the service in order: /readyz answers 503, the strategy ends, streams end,
// requests under way finish, the broker's session is closed and its lease given back, and the store
// is closed. A second interrupt ends the process at once. Nothing is lost by either.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // not every machine has time zones
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "portfolioservice:", err)
		os.Exit(1)
	}
}

// run is main with everything it touches passed in. The address goes to stdout, and the log to
// stderr.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args, stdout)
	if err != nil {
		return err
	}
	return serve(ctx, o, stdout, stderr)
}

// serve runs the service until the context ends.
func serve(ctx context.Context, o options, stdout, stderr io.Writer) error {
	s, err := start(ctx, o, stderr)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "listening on http://%s\n", s.address)
	if err == nil {
		err = s.wait(ctx)
	}
	return errors.Join(err, s.stop())
}
