// Command statements reads Interactive Brokers statements, of Flex queries and activity statements,
// gives each account in each file a profile of its own, and shows what the library makes of it
// beside what the broker says.
//
//	go run ./examples/statements [flags] [file …]
//
// Without files it reads two samples that come with it. With -dsn it keeps profiles and journals in
// PostgreSQL, not in memory, and prints the same. It exits with 0 when everything reconciles, 1
// with breaks or when nothing was read, 2 for input that cannot be read or a database that cannot
// be used.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	_ "time/tzdata" // not every machine has time zones

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/examples/internal/storage"
	"github.com/ai-ots/accounts/ledger"
)

// Exit codes.
const (
	exitReconciled = 0
	exitBreaks     = 1
	exitUnreadable = 2
)

const usage = `usage: statements [flags] [file …]

Reads Interactive Brokers statements: Flex queries (activity or trade confirmations, XML or CSV) and
activity statements (CSV, in English). It gives each account in each file a profile of its own, and
prints our figures beside the broker's, in one table per profile, then every break: a difference
beyond the tolerance. "-" is a figure that a side does not state. What is read and not interpreted
goes to stderr, and with -json into the document. Without files it reads two samples that come with it.

With -dsn, profiles and journals are kept in PostgreSQL 14 or newer, in a schema that is made for them;
what is printed is the same. Every run needs a new schema: one with profiles is refused, and left as it
is. A run that fails leaves what it has written. A password may be in $PGPASSWORD or ~/.pgpass.

exit code: 0 everything reconciles; 1 there are breaks, or nothing was read of an account or of its
trades, or with -strict anything that moves money or positions; 2 something cannot be read, or the
database cannot be used

flags:
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// options are the command line.
type options struct {
	files     []string
	json      bool
	strict    bool
	account   string
	tolerance ledger.Decimal
	zone      string
	storage   storage.Flags
}

// run is main with everything it touches passed in. What goes to stdout is whole: after an error
// nothing does.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return exitReconciled
	}
	var reports []*report
	if err == nil {
		reports, err = reconcileFiles(ctx, o, stderr)
	}
	if err == nil {
		err = write(stdout, o, reports)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(stderr, "statements:", err)
		return exitUnreadable
	}
	code := exitReconciled
	for _, r := range reports {
		r.writeNotes(stderr)
		if len(r.breaks) > 0 || r.readNothing() || o.strict && len(r.unread()) > 0 {
			code = exitBreaks
		}
	}
	return code
}

// parse reads the command line; help goes to stdout, for there it was asked for.
func parse(args []string, stdout io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("statements", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.BoolVar(&o.json, "json", false, "print one JSON document instead of tables")
	tolerance := flags.String("tolerance", "", "`difference` allowed in each figure; what the broker's rounding explains if not given")
	flags.BoolVar(&o.strict, "strict", false, "exit with 1 when anything that moves money or positions was not interpreted")
	flags.StringVar(&o.account, "account", "", "`id` of the account of files that name none, or mask it, such as U1234567")
	flags.StringVar(&o.zone, "zone", "America/New_York", "time `zone` of a statement's times where it names none")
	o.storage.Add(flags, "statements")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return o, err
	}
	if err != nil {
		return o, fmt.Errorf("%w; -h shows the flags", err)
	}
	o.files = flags.Args()
	if err := o.storage.Check(); err != nil {
		return o, err
	}
	given := false
	flags.Visit(func(f *flag.Flag) { given = given || f.Name == "tolerance" })
	if !given {
		return o, nil
	}
	if o.tolerance, err = ledger.ParseDecimal(*tolerance); err != nil || !o.tolerance.IsPos() {
		return o, fmt.Errorf("-tolerance %q is not a positive number", *tolerance)
	}
	return o, nil
}

// reconcileFiles reads all input and imports it into profiles of an empty store.
func reconcileFiles(ctx context.Context, o options, stderr io.Writer) (_ []*report, err error) {
	files, err := readFiles(ctx, o, stderr)
	if err != nil {
		return nil, err
	}
	store, err := o.storage.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	manager, err := accounts.New(store)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, manager.Close()) }()
	return importAll(ctx, manager, files, o.tolerance)
}

func write(stdout io.Writer, o options, reports []*report) error {
	out := bufio.NewWriter(stdout) // remembers the first error until Flush
	if o.json {
		if err := writeJSON(out, reports); err != nil {
			return err
		}
	} else {
		writeTables(out, reports)
	}
	return out.Flush()
}
