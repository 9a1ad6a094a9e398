// Command accounts is the operator's command for profiles and journals in PostgreSQL: it migrates
// the schema, lists and makes profiles, verifies and rebuilds, imports and reconciles statements,
// halts and resumes trading, rotates keys, and takes journals out of one store and into another.
//
//	accounts help
//	accounts help restore
//
// The database is named by $ACCOUNTS_DSN, by the file of -dsn-file, or by PostgreSQL's own
// environment. No secret is taken from a command line, and none is printed.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // not every machine has time zones

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/pgstore"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
	exitFound  = 3
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second interrupt ends the program at once
	code := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}

// commands are the sub-commands in the order in which help lists them.
var commands = []*command{
	migrateUp, migrateDown, migrateStatus,
	profilesList, profilesCreate, profilesArchive,
	verify, rebuild, adopt,
	importStatements, reconcileStatements,
	halt, resume,
	keysStatus, keysRotate,
	exportJournal, restoreJournal,
}

// run is main with everything that it touches passed in. It returns the exit code.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, env func(string) string) int {
	if err := checkArguments(args); err != nil {
		return fail(stderr, "accounts", err)
	}
	c, args, help, err := choose(args)
	switch {
	case err != nil:
		return fail(stderr, "accounts", err)
	case c == nil:
		return say(stdout, stderr, overview(commands))
	case help:
		return say(stdout, stderr, c.help())
	}
	e := &call{command: c, stdin: stdin, stdout: stdout, stderr: stderr, env: env}
	if err := e.parse(args); errors.Is(err, errHelp) {
		return say(stdout, stderr, c.help())
	} else if err != nil {
		return fail(stderr, "accounts "+c.name, err)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, e.timeout, fmt.Errorf("not done within -timeout %v", e.timeout))
	defer cancel()
	found, err := e.act(accounts.AsSystem(ctx), e)
	if found != nil {
		err = errors.Join(err, e.print(found))
	}
	switch {
	case err != nil:
		if ctx.Err() != nil {
			err = fmt.Errorf("%w: %w", ended(ctx), err)
		}
		return fail(stderr, "accounts "+c.name, err)
	case found != nil && found.found():
		return exitFound
	}
	return exitDone
}

// choose returns the sub-command that the arguments begin with and the arguments behind its name;
// no command where help about all of them is asked for.
func choose(args []string) (c *command, rest []string, help bool, err error) {
	if len(args) > 0 && args[0] == "help" {
		help, args = true, args[1:]
	}
	if len(args) == 0 {
		if help {
			return nil, nil, true, nil
		}
		return nil, nil, false, usage("no command is named")
	}
	if args[0] == "-h" || args[0] == "-help" || args[0] == "--help" {
		return nil, nil, true, nil
	}
	for n := min(2, len(args)); n > 0; n-- {
		name := strings.Join(args[:n], " ")
		for _, c := range commands {
			if c.name == name {
				return c, args[n:], help, nil
			}
		}
	}
	for _, c := range commands {
		if group, _, is := strings.Cut(c.name, " "); is && group == args[0] {
			return nil, nil, false, usage("%s needs one of its sub-commands: %s", group, members(group))
		}
	}
	return nil, nil, false, usage("no command %.40q", args[0])
}

// members names the sub-commands of a group.
func members(group string) string {
	var names []string
	for _, c := range commands {
		if name, is := strings.CutPrefix(c.name, group+" "); is {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// ended says why the context ended.
func ended(ctx context.Context) error {
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) {
		return cause
	}
	return errors.New("interrupted")
}

func say(stdout, stderr io.Writer, text string) int {
	if _, err := io.WriteString(stdout, text); err != nil {
		return fail(stderr, "accounts", err)
	}
	return exitDone
}

// fail prints the error as one line.
func fail(stderr io.Writer, who string, err error) int {
	code, more := exitFailed, ""
	switch {
	case errors.Is(err, errUsage):
		code, more = exitUsage, "; accounts help shows how"
		if name, is := strings.CutPrefix(who, "accounts "); is {
			more = "; accounts help " + name + " shows how"
		}
	case errors.Is(err, pgstore.ErrSchema): // of pgcreds too
		more = "; accounts migrate status shows where the schema stands, and accounts migrate up brings it there"
	}
	text := strings.NewReplacer(":\n", ": ", "\n", "; ").Replace(err.Error())
	fmt.Fprintf(stderr, "%s: %s%s\n", who, text, more)
	return code
}
