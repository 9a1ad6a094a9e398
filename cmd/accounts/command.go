package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// command is a sub-command.
type command struct {
	name    string // such as "migrate up"
	args    string // what comes behind the flags, for help; empty for nothing
	summary string // one line
	text    string // what help says about it
	timeout time.Duration
	tables  bool // it is about tables, and opens no store of journals
	// setup adds the command's flags, and returns what the command does once they are parsed.
	setup func(*flag.FlagSet) action
}

// action does what a command is for. What it returns is printed, with an error too: a part of the
// work may be done.
type action func(ctx context.Context, c *call) (answer, error)

// answer is what a command found or did. It is a JSON document, too.
type answer interface {
	// write writes the answer as text, in cells that tabs end. Errors are the writer's to remember.
	write(w io.Writer)
	// found reports whether something was found that asks for a person.
	found() bool
}

// call is one run of a command.
type call struct {
	*command
	act     action
	args    []string // behind the flags
	json    bool
	timeout time.Duration
	db      database
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	env     func(string) string
}

// Timeouts: that of commands that do not say another, and that of those that may read or write all
// there is.
const (
	defaultTimeout = 10 * time.Minute
	longTimeout    = 2 * time.Hour
)

var (
	errUsage = errors.New("usage")
	errHelp  = flag.ErrHelp
)

// usageError is a command line that cannot be understood, or that is refused.
type usageError struct{ text string }

func (e *usageError) Error() string { return e.text }
func (e *usageError) Unwrap() error { return errUsage }

func usage(format string, args ...any) error { return &usageError{fmt.Sprintf(format, args...)} }

// flags returns the command's flags.
func (c *command) flags(e *call) (*flag.FlagSet, action) {
	set := flag.NewFlagSet(c.name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	set.Usage = func() {}
	set.BoolVar(&e.json, "json", false, "print one JSON document instead of text")
	timeout := c.timeout
	if timeout == 0 {
		timeout = defaultTimeout
	}
	set.DurationVar(&e.timeout, "timeout", timeout, "give up after this `time`")
	e.db.add(set)
	if !c.tables {
		set.BoolVar(&e.db.bare, "without-projection", false, "for a site whose tables positions and trades are not the library's to fill")
	}
	return set, c.setup(set)
}

// parse reads the arguments. Flags may stand before and behind other arguments, up to "--".
func (e *call) parse(args []string) error {
	set, act := e.command.flags(e)
	e.act = act
	for len(args) > 0 {
		if err := set.Parse(args); errors.Is(err, errHelp) {
			return err
		} else if err != nil {
			return usage("%v", err)
		}
		rest := set.Args()
		if n := len(args) - len(rest); n > 0 && args[n-1] == "--" {
			e.args = append(e.args, rest...)
			break
		}
		if args = nil; len(rest) > 0 {
			e.args, args = append(e.args, rest[0]), rest[1:]
		}
	}
	if e.timeout <= 0 {
		return usage("-timeout %v is not positive", e.timeout)
	}
	if e.command.args == "" && len(e.args) > 0 {
		return usage("unexpected argument %.40q", e.args[0])
	}
	return e.db.check()
}

// one returns the only argument.
func (e *call) one(what string) (string, error) {
	if len(e.args) != 1 || e.args[0] == "" {
		return "", usage("name one %s, not %d", what, len(e.args))
	}
	return e.args[0], nil
}

// print writes the answer.
func (e *call) print(a answer) error {
	if e.json {
		enc := json.NewEncoder(e.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(a)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 0, 2, ' ', 0)
	a.write(w)
	return w.Flush()
}

// help is what is said about the command.
func (c *command) help() string {
	var b strings.Builder
	line := "usage: accounts " + c.name + " [flags]"
	if c.args != "" {
		line += " " + c.args
	}
	fmt.Fprintf(&b, "%s\n\n%s\n\n%s\n\nflags:\n", line, c.summary, strings.TrimSpace(c.text))
	set, _ := c.flags(&call{})
	set.SetOutput(&b)
	set.PrintDefaults()
	return b.String()
}

const exitCodes = `exit codes:
  0  done
  1  failed: the reason is on standard error
  2  the command line is wrong, or the database is not named as it should be: nothing was done
  3  something was found that asks for a person: damage, differing rows, breaks, migrations that are
     pending, or a plan that waits for -yes
`

// overview is what is said about all commands.
func overview(list []*command) string {
	var b strings.Builder
	b.WriteString(`usage: accounts <command> [flags] [arguments]

Looks after the profiles and journals of a trading system in PostgreSQL.

commands:
`)
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, c := range list {
		fmt.Fprintf(w, "  %s\t%s\n", c.name, c.summary)
	}
	w.Flush()
	b.WriteString(`
accounts help <command> shows what the command does and its flags.

Which database: a data source name of PostgreSQL (a URL or key=value pairs) in $ACCOUNTS_DSN or in the
file of -dsn-file; or else PostgreSQL's own environment ($PGHOST, $PGDATABASE, $PGSERVICE and so on). The
password may be in $PGPASSWORD or ~/.pgpass too. -dsn takes a data source name without a password.
Everybody on the machine can read a command line: no secret is taken from there.

A profile is named by its id or by its account at the broker.

What takes something away or changes much shows a plan first, and does it with -yes: migrate down,
profiles archive, rebuild, adopt, keys rotate, restore. Without -yes nothing is changed.

-json prints one JSON document: names in snake_case, money as strings, times in UTC. Ctrl-C ends a
command where it can be ended; a second one ends it at once.

` + exitCodes)
	return b.String()
}
