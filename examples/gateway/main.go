// Command gateway trades four accounts through one login of IBKR's Client Portal.
//
//	go run ./examples/gateway
//
// By itself it starts a simulated gateway with four paper accounts, from 25,000 to 250,000 USD, and
// trades a day there: a strategy's signals go to every account at its own size, orders fill in
// parts, the answer to one order is lost, the session breaks once, and the kill switch ends the
// day. Then it prints what each book has beside what the gateway truly has, and exits with 1 where
// the two differ.
//
// With -url it looks at a real gateway instead, and changes nothing: the accounts of the login, and
// what they hold.
//
//	go run ./examples/gateway -url https://localhost:5000/v1/api -fingerprint 3f:a2:…
//	go run ./examples/gateway -url https://api.ibkr.com/v1/api -oauth LOGIN
//
// Credentials are those that an application has put into the keychain under the name of
// -application.
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
	"time"
	_ "time/tzdata" // not every machine has time zones
)

// patience is how long a run takes at most.
const patience = 3 * time.Minute

// errDiffers is returned where a book is not the gateway's account.
var errDiffers = errors.New("a book differs from the gateway's account")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "gateway:", err)
		os.Exit(1)
	}
}

// run is main with everything it touches passed in.
func run(ctx context.Context, args []string, out io.Writer) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	flags := flag.NewFlagSet("gateway", flag.ContinueOnError)
	flags.SetOutput(out)
	var r real
	flags.StringVar(&r.url, "url", "", "the `address` of a real gateway to look at; without it, a day is traded in a simulated one")
	flags.StringVar(&r.fingerprint, "fingerprint", "", "the SHA-256 of the real gateway's certificate, in `hex`")
	flags.StringVar(&r.application, "application", "accounts", "the `name` under which the keychain has the credentials")
	flags.StringVar(&r.oauth, "oauth", "", "the `login` whose OAuth credentials are in this machine's keychain, in place of a gateway's own login")
	flags.BoolVar(&r.live, "live", false, "look at live accounts too, and not at those of paper alone")
	seed := flags.Uint64("seed", 7, "the seed of the simulated prices")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if r.url != "" {
		return r.look(ctx, out)
	}
	return trade(ctx, *seed, out)
}
