// Command capitallevels trades the four presets, from 25,000 to 250,000 USD, beside each other: the
// same signals, each account at its own size and within its own limits, at a paper broker.
//
//	go run ./examples/capitallevels [flags]
//
// Without prices it trades a synthetic sample that comes with it. With -dsn it keeps profiles and
// journals in PostgreSQL, not in memory, and comes to the same. It exits with 0 when done, 1 when
// something failed, 2 for flags or prices that cannot be used.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"slices"
	"strings"
	_ "time/tzdata" // not every machine has time zones

	"github.com/ai-ots/accounts/examples/internal/storage"
	"github.com/ai-ots/accounts/ledger"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitInput  = 2
)

const usage = `usage: capitallevels [flags]

Trades the four presets beside each other at a paper broker (2.50 USD a trade, 0.1 % spread): one
trend-following strategy emits signals at the close, every account sizes and checks them by its
own capital and limits, and what is accepted is filled at the next opening. Prints the comparison,
what became of the signals, and what is held at the end. Without -prices it trades a synthetic
sample that comes with it.

Prices are daily bars in CSV with the columns Date, Open and Close, and High and Low if there are any, as
Yahoo and Stooq name them. They must be those of the day, not adjusted for later splits; tell of splits with -split.

With -dsn, profiles and journals are kept in PostgreSQL 14 or newer, in a schema that is made for them; the
figures are the same. Every run needs a new schema: one with profiles is refused, and left as it is. A run
that fails leaves what it has written. A password may be in $PGPASSWORD or ~/.pgpass.

exit code: 0 done, 1 something failed, 2 flags or prices cannot be used

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
	prices   map[string]string // file by symbol
	splits   map[string][]split
	from, to ledger.Date
	review   int
	html     string
	json     bool
	storage  storage.Flags
}

// run is main with everything it touches passed in. What goes to stdout is whole: after an error
// nothing does.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	fail := func(code int, err error) int {
		if ctx.Err() != nil {
			err = errors.New("interrupted")
		}
		fmt.Fprintln(stderr, "capitallevels:", err)
		return code
	}
	o, err := parse(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		return exitDone
	}
	var m *market
	if err == nil {
		m, err = readMarket(ctx, o)
	}
	if err != nil {
		return fail(exitInput, err)
	}
	for _, note := range m.notes {
		fmt.Fprintln(stderr, note)
	}
	r, err := trade(ctx, o, m, stderr)
	if err == nil && o.html != "" {
		err = writePage(o.html, r)
	}
	if err == nil {
		err = write(stdout, stderr, o, r)
	}
	if err != nil {
		return fail(exitFailed, err)
	}
	return exitDone
}

// trade simulates the market on an empty store, and shows how far it has come.
func trade(ctx context.Context, o options, m *market, stderr io.Writer) (_ *report, err error) {
	store, err := o.storage.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	show := newDisplay(stderr, len(m.days))
	defer show.close()
	return simulate(ctx, store, m, o.review, show.day)
}

func write(stdout, stderr io.Writer, o options, r *report) error {
	out := bufio.NewWriter(stdout) // remembers the first error until Flush
	if o.json {
		enc := json.NewEncoder(out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(r.Comparison); err != nil {
			return err
		}
		fmt.Fprintln(stderr, "prices:", r.Source) // the document has no place for it
	} else {
		r.writeText(out)
	}
	return out.Flush()
}

// parse reads the command line; help goes to stdout, for there it was asked for.
func parse(args []string, stdout io.Writer) (options, error) {
	o := options{prices: map[string]string{}, splits: map[string][]split{}}
	flags := flag.NewFlagSet("capitallevels", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Func("prices", "`SYMBOL=FILE` of daily bars; once for each symbol", o.addPrices)
	flags.Func("split", "`SYMBOL=DATE:NEW:OLD`, a stock split, such as AAPL=2014-06-09:7:1; once for each", o.addSplit)
	flags.Func("from", "first `date` of trading; earlier bars are for the averages alone", dateFlag(&o.from))
	flags.Func("to", "last `date` of trading", dateFlag(&o.to))
	flags.IntVar(&o.review, "review", 20, "trading `days` after which a person resumes a profile that losses have stopped; 0 for never")
	flags.StringVar(&o.html, "html", "", "also write a page with charts to the `file`")
	flags.BoolVar(&o.json, "json", false, "print the comparison as JSON and nothing else")
	o.storage.Add(flags, "capitallevels")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		flags.SetOutput(stdout)
		flags.PrintDefaults()
		return o, err
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("%q is no flag", flags.Arg(0))
	}
	if err != nil {
		return o, fmt.Errorf("%w; -h shows the flags", err)
	}
	if err := o.storage.Check(); err != nil {
		return o, err
	}
	if o.review < 0 {
		return o, fmt.Errorf("-review %d is negative", o.review)
	}
	if o.from != 0 && o.to != 0 && o.to < o.from {
		return o, fmt.Errorf("-to %s is before -from %s", o.to, o.from)
	}
	return o, nil
}

var symbolPattern = regexp.MustCompile(`^[A-Z0-9][A-Z0-9. -]{0,11}$`)

func (o *options) addPrices(s string) error {
	symbol, name, ok := strings.Cut(s, "=")
	switch {
	case !ok || name == "" || !symbolPattern.MatchString(symbol):
		return errors.New("is not SYMBOL=FILE, with a symbol such as SPY")
	case o.prices[symbol] != "":
		return fmt.Errorf("names %s a second time", symbol)
	}
	o.prices[symbol] = name
	return nil
}

func (o *options) addSplit(s string) error {
	symbol, terms, _ := strings.Cut(s, "=")
	parts := strings.Split(terms, ":")
	if len(parts) != 3 || !symbolPattern.MatchString(symbol) {
		return errors.New("is not SYMBOL=DATE:NEW:OLD, such as AAPL=2014-06-09:7:1")
	}
	var x split
	var err error
	if x.date, err = ledger.ParseDate(parts[0]); err != nil {
		return fmt.Errorf("date %q is not yyyy-mm-dd", parts[0])
	}
	for i, to := range []*ledger.Decimal{&x.numerator, &x.denominator} {
		if *to, err = ledger.ParseDecimal(parts[1+i]); err != nil || !to.IsPos() || to.GreaterThan(days(1000)) {
			return fmt.Errorf("%q is not a number of shares from above 0 to 1000", parts[1+i])
		}
	}
	if slices.ContainsFunc(o.splits[symbol], func(y split) bool { return x.date == y.date }) {
		return fmt.Errorf("names %s a second time", x.date)
	}
	o.splits[symbol] = append(o.splits[symbol], x)
	slices.SortFunc(o.splits[symbol], func(x, y split) int { return int(x.date) - int(y.date) })
	return nil
}

func dateFlag(to *ledger.Date) func(string) error {
	return func(s string) (err error) {
		if *to, err = ledger.ParseDate(s); err != nil {
			return fmt.Errorf("date %q is not yyyy-mm-dd", s)
		}
		return nil
	}
}
