package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"runtime"
	"slices"
	"strings"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/pgstore"
)

// database is where profiles and journals are.
type database struct {
	dsn, file, schema string
	bare              bool // without a projection
	given             bool // -dsn
}

func (d *database) add(set *flag.FlagSet) {
	set.Func("dsn", "the database's data source `name`, without a password; $ACCOUNTS_DSN if it is not given", func(s string) error {
		d.dsn, d.given = s, true
		return nil
	})
	set.StringVar(&d.file, "dsn-file", "", "a `file` with the data source name, which nobody else may read if a password is in it")
	set.StringVar(&d.schema, "schema", pgstore.DefaultSchema, "the `schema` of the tables")
}

// checkArguments refuses a command line that has a password in it, before anything of it can be
// printed.
func checkArguments(args []string) error {
	if slices.ContainsFunc(args, hasPassword) {
		return usage("an argument has a password, or what looks like one, and everybody on the machine can read it: put the password " +
			"into $PGPASSWORD or ~/.pgpass, or the data source name into $ACCOUNTS_DSN or the file of -dsn-file")
	}
	return nil
}

// check refuses flags that do not go together.
func (d *database) check() error {
	switch {
	case d.given && d.file != "":
		return usage("-dsn and -dsn-file name two databases")
	case d.given && d.dsn == "":
		return usage("-dsn is empty")
	}
	return nil
}

var passwordPattern = regexp.MustCompile(`(?i)passw(or)?d\s*=`)

// hasPassword reports whether a text is a data source name that has a password, or may have one.
func hasPassword(dsn string) bool {
	plain, err := url.QueryUnescape(dsn)
	if err != nil {
		plain = dsn
	}
	if passwordPattern.MatchString(dsn) || passwordPattern.MatchString(plain) {
		return true
	}
	_, rest, isURL := strings.Cut(dsn, "://")
	if !isURL {
		return false
	}
	at := strings.LastIndex(rest, "@") // a password that was not escaped may have one
	return at >= 0 && strings.Contains(rest[:at], ":")
}

// ownNames are the variables of PostgreSQL's that name a database.
var ownNames = []string{"PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER", "PGSERVICE"}

// name returns the data source name; an empty one leaves all to PostgreSQL's own environment.
func (d *database) name(env func(string) string) (string, error) {
	switch {
	case d.given:
		return d.dsn, nil
	case d.file != "":
		return readName(d.file)
	case env("ACCOUNTS_DSN") != "":
		return env("ACCOUNTS_DSN"), nil
	}
	for _, name := range ownNames {
		if env(name) != "" {
			return "", nil
		}
	}
	return "", usage("no database is named: set $ACCOUNTS_DSN, or give -dsn-file")
}

// maxName is far beyond what a data source name has, in bytes.
const maxName = 1 << 16

// readName reads a data source name from a file.
func readName(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", usage("-dsn-file: %v", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", usage("-dsn-file: %v", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxName))
	if err != nil {
		return "", usage("-dsn-file: %v", err)
	}
	dsn := strings.TrimSpace(string(text))
	switch {
	case dsn == "":
		return "", usage("-dsn-file: %s is empty", path)
	case hasPassword(dsn) && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0:
		return "", usage("-dsn-file: %s has a password, and its permissions are %04o: nobody but its owner may have any (chmod 600)",
			path, info.Mode().Perm())
	}
	return dsn, nil
}

// store opens the store, which the caller closes.
func (e *call) store(ctx context.Context) (*pgstore.Store, error) {
	dsn, err := e.db.name(e.env)
	if err != nil {
		return nil, err
	}
	opts := []pgstore.Option{pgstore.WithSchema(e.db.schema)}
	if e.db.bare {
		opts = append(opts, pgstore.WithoutProjection())
	}
	return pgstore.Open(ctx, dsn, opts...)
}

// withStore gives f the store, and closes the store behind f.
func (e *call) withStore(ctx context.Context, f func(*pgstore.Store) error) (err error) {
	s, err := e.store(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return f(s)
}

// withManager gives f a manager on the store, and closes both behind f.
func (e *call) withManager(
	ctx context.Context, f func(*accounts.MultiAccountManager, *pgstore.Store) error, opts ...accounts.ManagerOption,
) error {
	return e.withStore(ctx, func(s *pgstore.Store) (err error) {
		m, err := accounts.New(s, opts...)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, m.Close()) }()
		return f(m, s)
	})
}

// find returns the profile that a person names: by its id, or else by its account at the broker.
func find(ctx context.Context, s accounts.Store, name string) (accounts.AccountProfile, error) {
	p, err := s.Profile(ctx, accounts.ProfileID(name))
	if !errors.Is(err, accounts.ErrProfileNotFound) {
		return p, err
	}
	list, listing := s.Profiles(ctx, accounts.ProfileFilter{IBKRAccountID: name, Statuses: inUse, Limit: 2})
	switch {
	case listing != nil:
		return p, listing
	case name == "" || len(list) == 0:
		return p, fmt.Errorf("%w: neither an id nor an account %.60q", accounts.ErrProfileNotFound, name)
	case len(list) > 1:
		return p, fmt.Errorf("%w: %q and %q at least have account %s: name one", accounts.ErrAmbiguous, list[0].ID, list[1].ID, name)
	}
	return list[0], nil
}

// inUse are the statuses of profiles that are not archived.
var inUse = []accounts.ProfileStatus{accounts.StatusActive, accounts.StatusInactive, accounts.StatusSuspended}

// chosen returns the profiles that the arguments name, or all of them where none is named. Archived
// ones are among them: their journals are kept.
func (e *call) chosen(ctx context.Context, s accounts.Store) ([]accounts.AccountProfile, error) {
	if len(e.args) == 0 {
		return s.Profiles(ctx, accounts.ProfileFilter{})
	}
	var list []accounts.AccountProfile
	for _, name := range e.args {
		p, err := find(ctx, s, name)
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}
