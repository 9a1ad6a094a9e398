// Command statements reads Interactive Brokers Flex statements, gives each account in each file a
// profile of its own, and shows what the library makes of it beside what the broker says.
//
//	go run ./examples/statements [flags] [file …]
//
// Without files it reads two samples that come with it. It exits with 0 when everything
// reconciles, 1 with breaks, 2 for input that cannot be read.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/memstore"
)

// Exit codes.
const (
	exitReconciled = 0
	exitBreaks     = 1
	exitUnreadable = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main with everything it touches passed in.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("statements", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "print one JSON document instead of tables")
	tolerance := flags.String("tolerance", "0.01", "difference allowed per unit of quantity")
	zone := flags.String("zone", "America/New_York", "time zone of times without one")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: statements [flags] [file …]")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return exitReconciled
		}
		return exitUnreadable
	}
	fail := func(err error) int {
		fmt.Fprintln(stderr, "statements:", err)
		return exitUnreadable
	}
	allowed, err := accounts.ParseDecimal(*tolerance)
	if err != nil || !allowed.IsPos() {
		return fail(fmt.Errorf("-tolerance %q is not a positive number", *tolerance))
	}
	files, err := readFiles(flags.Args(), *zone, stderr)
	if err != nil {
		return fail(err)
	}
	manager, err := accounts.New(memstore.New())
	if err != nil {
		return fail(err)
	}
	defer manager.Close()
	reports, err := importAll(ctx, manager, files, allowed)
	if err != nil {
		return fail(err)
	}
	if *asJSON {
		err = writeJSON(stdout, reports)
	} else {
		err = writeTables(stdout, reports)
	}
	if err != nil {
		return fail(err)
	}
	for _, r := range reports {
		r.writeNotes(stderr)
	}
	for _, r := range reports {
		if len(r.breaks) > 0 {
			return exitBreaks
		}
	}
	return exitReconciled
}
