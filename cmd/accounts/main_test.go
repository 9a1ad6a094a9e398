package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials/pgcreds"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/store/pgstore"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var update = flag.Bool("update", false, "write the golden files anew")

// migrated is a database with all tables.
var migrated = pgtest.Template{Prepare: func(dsn string) error {
	if err := pgstore.Migrate(context.Background(), dsn); err != nil {
		return err
	}
	return pgcreds.Migrate(context.Background(), dsn)
}}

// outcome is what a run of the command left.
type outcome struct {
	code           int
	stdout, stderr string
}

// desk is a database that the command is told of.
type desk struct {
	t   *testing.T
	dsn string
	db  *sqlx.DB
}

func newDesk(t *testing.T) *desk { return deskOn(t, migrated.Database(t)) }

func deskOn(t *testing.T, dsn string) *desk {
	t.Helper()
	db, err := sqlx.Open("postgres", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return &desk{t, dsn, db}
}

// run runs the command on the desk's database.
func (d *desk) run(args ...string) outcome {
	d.t.Helper()
	return runWith(d.t, d.t.Context(), "", map[string]string{"ACCOUNTS_DSN": d.dsn}, args...)
}

func runWith(t *testing.T, ctx context.Context, stdin string, env map[string]string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(ctx, args, strings.NewReader(stdin), &stdout, &stderr, func(name string) string { return env[name] })
	if stderr.Len() > 0 {
		require.Equal(t, 1, strings.Count(stderr.String(), "\n"), "an error is one line: %q", &stderr)
		require.True(t, strings.HasPrefix(stderr.String(), "accounts"), "stderr: %q", &stderr)
	}
	return outcome{code, stdout.String(), stderr.String()}
}

// want runs the command, which must end with the code and say nothing on standard error, unless it fails.
func (d *desk) want(code int, args ...string) outcome {
	d.t.Helper()
	got := d.run(args...)
	require.Equal(d.t, code, got.code, "%v: stdout: %s stderr: %s", args, got.stdout, got.stderr)
	require.Equal(d.t, code == exitFailed || code == exitUsage, got.stderr != "", "%v: stderr: %s", args, got.stderr)
	return got
}

// json runs the command with -json, and reads its document.
func (d *desk) json(code int, to any, args ...string) {
	d.t.Helper()
	readDocument(d.t, d.want(code, append(args, "-json")...).stdout, to)
}

// readDocument reads one document, with nothing behind it and no field that the type lacks.
func readDocument(t *testing.T, text string, to any) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	dec.DisallowUnknownFields()
	require.NoError(t, dec.Decode(to), "%s", text)
	_, err := dec.Token()
	require.ErrorIs(t, err, io.EOF, "something follows the document: %s", text)
}

// sql runs a statement.
func (d *desk) sql(statement string, args ...any) {
	d.t.Helper()
	_, err := d.db.ExecContext(d.t.Context(), statement, args...)
	require.NoError(d.t, err, "%.200s", statement)
}

// create creates a profile by the command.
func (d *desk) create(id, account string) {
	d.t.Helper()
	d.want(exitDone, "profiles", "create", "-id", id, "-name", id, "-account", account, "-level", "100K", "-risk", "balanced")
}

// store opens the desk's store for the test.
func (d *desk) store(opts ...pgstore.Option) *pgstore.Store {
	d.t.Helper()
	s, err := pgstore.Open(d.t.Context(), d.dsn, opts...)
	require.NoError(d.t, err)
	d.t.Cleanup(func() { require.NoError(d.t, s.Close()) })
	return s
}

// portfolio opens a portfolio for the test.
func portfolio(t *testing.T, s accounts.Store, id accounts.ProfileID) *accounts.Portfolio {
	t.Helper()
	m, err := accounts.New(s)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	p, err := m.Portfolio(t.Context(), id)
	require.NoError(t, err)
	return p
}

func requireGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "%s differs; run the test with -update if that is meant", path)
}

func TestHelp(t *testing.T) {
	for _, asked := range [][]string{{"help"}, {"-h"}, {"--help"}} {
		got := runWith(t, t.Context(), "", nil, asked...)
		require.Equal(t, outcome{stdout: got.stdout}, got, "%v", asked)
		requireGolden(t, "help/accounts.txt", got.stdout)
	}
	for _, c := range commands {
		for _, asked := range []string{"help " + c.name, c.name + " -h", c.name + " -json --help"} {
			got := runWith(t, t.Context(), "", nil, strings.Fields(asked)...)
			require.Equal(t, outcome{stdout: got.stdout}, got, asked)
			requireGolden(t, "help/"+strings.ReplaceAll(c.name, " ", "-")+".txt", got.stdout)
			for line := range strings.Lines(got.stdout) {
				require.LessOrEqual(t, len(line), 150, "help wraps: %s", line)
			}
		}
	}
}

// Wrong command lines say what is wrong, and do nothing.
func TestUsage(t *testing.T) {
	dir := t.TempDir()
	open, empty := filepath.Join(dir, "open"), filepath.Join(dir, "empty")
	require.NoError(t, os.WriteFile(open, []byte("postgres://u:hunter2@h/db\n"), 0o644))
	require.NoError(t, os.WriteFile(empty, []byte("\n"), 0o600))
	for args, says := range map[string]string{
		"":                                "no command",
		"frobnicate":                      "frobnicate",
		"migrate":                         "up, down, status",
		"migrate sideways":                "up, down, status",
		"help frobnicate":                 "frobnicate",
		"verify -frobnicate":              "-frobnicate",
		"verify -timeout 0s":              "-timeout",
		"verify -timeout soon":            "-timeout",
		"verify -dsn a -dsn-file b":       "two databases",
		"verify -dsn=":                    "-dsn is empty",
		"verify -dsn-file " + open:        "chmod 600",
		"verify -dsn-file " + empty:       "is empty",
		"verify -dsn-file " + dir + "/no": "-dsn-file",
		"migrate up now":                  "unexpected argument",
		"migrate down":                    "name the tables",
		"rebuild":                         "-all",
		"rebuild -all p":                  "-all",
		"adopt p":                         "-user",
		"adopt":                           "one profile",
		"import":                          "files",
		"import -zone Mars/Olympus x":     "-zone",
		"import -tolerance 0 x":           "-tolerance",
		"halt -reason x":                  "one profile",
		"halt p":                          "-reason",
		"halt -all":                       "-reason",
		"halt -all p -reason x":           "-all",
		"resume p":                        "-reason",
		"resume -reason x a b":            "not 2",
		"keys status":                     "no keyset",
		"export":                          "one profile",
		"export p -json":                  "-o",
		"restore":                         "one file",
		"profiles archive":                "one profile",
		"profiles list -status asleep":    "-status",
	} {
		t.Run(args, func(t *testing.T) {
			if says == "chmod 600" && runtime.GOOS == "windows" {
				return // where permissions mean little
			}
			got := runWith(t, t.Context(), "", nil, strings.Fields(args)...)
			if args == "migrate down" { // which asks the database first
				got = newDesk(t).run("migrate", "down")
			}
			require.Equal(t, exitUsage, got.code, "%+v", got)
			require.Empty(t, got.stdout)
			require.Contains(t, got.stderr, says)
			require.NotContains(t, got.stderr, "hunter2")
		})
	}
	got := runWith(t, t.Context(), "", nil, "verify")
	require.Equal(t, exitUsage, got.code)
	require.Contains(t, got.stderr, "no database is named")
}

// No password is taken from a command line, and none is ever printed.
func TestNoSecretIsPrinted(t *testing.T) {
	const secret = "hunter2"
	for _, dsn := range []string{
		"postgres://u:hunter2@127.0.0.1/db", "postgresql://u:hun/ter2@h@127.0.0.1/db?sslmode=disable", "postgres://127.0.0.1/db?user=u&password=hunter2",
		"postgres://127.0.0.1/db?pass%77ord=hunter2", "host=127.0.0.1 password=hunter2", "host=127.0.0.1 PASSWORD = 'hunter2'",
		"host=127.0.0.1 sslpassword=hunter2",
	} {
		for _, args := range [][]string{{"verify", "-dsn", dsn}, {"verify", "-dsn=" + dsn}, {"verify", dsn}, {dsn}, {"migrate", dsn}, {"help", dsn}} {
			got := runWith(t, t.Context(), "", nil, args...)
			require.Equal(t, exitUsage, got.code, "%v", args)
			require.Contains(t, got.stderr, "$ACCOUNTS_DSN", "the reason must say what to do instead")
			require.NotContains(t, got.stdout+got.stderr, secret, "%v", args)
			require.NotContains(t, got.stdout+got.stderr, "ter2", "%v", args)
		}
	}
	keys := filepath.Join(t.TempDir(), "keyset.json")
	h, err := pgcreds.NewKeyset()
	require.NoError(t, err)
	require.NoError(t, pgcreds.WriteKeyset(keys, h))
	small := filepath.Join("..", "..", "examples", "statements", "samples", "small.xml")
	file := exportedFile(t)
	for _, dsn := range []string{
		"postgres://u:hunter2@127.0.0.1:1/db?connect_timeout=5", "host=127.0.0.1 port=1 user=u password=hunter2", // nobody is there
		"postgres://u:hunter2@[::1/db", "host='127.0.0.1 password=hunter2", "postgres://u:hunter2@h:1,h:2/db", // they cannot be read
		"postgres://u:hunter2@h/db?password=hunter2",
	} {
		named := filepath.Join(t.TempDir(), "dsn")
		require.NoError(t, os.WriteFile(named, []byte(dsn+"\n"), 0o600))
		for _, line := range []string{
			"migrate up", "migrate status", "migrate down -journals 0 -yes", "profiles list", "profiles create -name n -account DU1 -level 25K -risk low",
			"profiles archive p -yes", "verify", "rebuild -all -yes", "adopt p -user u -yes", "import " + small, "reconcile " + small,
			"halt p -reason r", "halt -all -reason r", "resume p -reason r", "keys status -keyset-file " + keys, "keys rotate -yes -keyset-file " + keys,
			"export p", "restore -yes " + file,
		} {
			for env, args := range map[string][]string{dsn: strings.Fields(line), "": append(strings.Fields(line), "-dsn-file", named)} {
				got := runWith(t, t.Context(), "", map[string]string{"ACCOUNTS_DSN": env}, args...)
				require.Equal(t, exitFailed, got.code, "%s: %+v", line, got)
				require.Empty(t, got.stdout, line)
				require.NotContains(t, got.stderr, secret, "%s", line)
			}
		}
	}
}

// The database is named by a flag, a file, a variable or PostgreSQL's own environment.
func TestNamedDatabase(t *testing.T) {
	d := newDesk(t)
	c, err := pq.NewConfig(d.dsn)
	require.NoError(t, err)
	dsn := fmt.Sprintf("host='%s' port=%d user='%s' dbname='%s' sslmode=%s", c.Host, c.Port, c.User, c.Database, c.SSLMode)
	t.Setenv("PGPASSWORD", c.Password)
	file := filepath.Join(t.TempDir(), "dsn")
	require.NoError(t, os.WriteFile(file, []byte(dsn+"\n"), 0o644), "it has no password: anybody may read it")
	t.Setenv("PGHOST", c.Host)
	t.Setenv("PGPORT", fmt.Sprint(c.Port))
	t.Setenv("PGUSER", c.User)
	t.Setenv("PGDATABASE", c.Database)
	t.Setenv("PGSSLMODE", string(c.SSLMode))
	const nowhere = "host=127.0.0.1 port=1 user=u"
	for name, given := range map[string]struct {
		env  map[string]string
		args []string
	}{
		"a flag":         {map[string]string{"ACCOUNTS_DSN": nowhere}, []string{"-dsn", dsn}},
		"a file":         {map[string]string{"ACCOUNTS_DSN": nowhere}, []string{"-dsn-file", file}},
		"a variable":     {map[string]string{"ACCOUNTS_DSN": dsn, "PGHOST": "127.0.0.1"}, nil},
		"PostgreSQL's":   {map[string]string{"PGHOST": c.Host}, nil},
		"behind a break": {map[string]string{"ACCOUNTS_DSN": dsn}, []string{"--"}},
	} {
		got := runWith(t, t.Context(), "", given.env, append([]string{"verify"}, given.args...)...)
		require.Equal(t, exitDone, got.code, "%s: %+v", name, got)
	}
}

func TestPasswords(t *testing.T) {
	for text, has := range map[string]bool{
		"": false, "host=h user=u": false, "postgres://u@h:5432/db": false, "postgres://h/db?user=u": false, "a:b@c": false, "statement.xml": false,
		"postgres://u:p@h": true, "postgres://:p@h": true, "password=p": true, "postgres://u@h/db?password=p": true, "%70assword=x": true,
		"postgres://u:p%zz@h": true,
	} {
		require.Equal(t, has, hasPassword(text), "%q", text)
	}
}

// A command ends with its context and with its time, and says which.
func TestEnds(t *testing.T) {
	d := newDesk(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got := runWith(t, ctx, "", map[string]string{"ACCOUNTS_DSN": d.dsn}, "verify")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.stderr, "interrupted")
	got = d.run("verify", "-timeout", "1ns")
	require.Equal(t, exitFailed, got.code)
	require.Contains(t, got.stderr, "not done within -timeout 1ns")
	require.Empty(t, got.stdout)
}

// What cannot be printed is a failure.
func TestOutputFails(t *testing.T) {
	d := newDesk(t)
	for _, args := range [][]string{{"help"}, {"help", "verify"}, {"verify"}, {"verify", "-json"}} {
		var stderr bytes.Buffer
		code := run(t.Context(), args, nil, brokenPipe{}, &stderr, func(string) string { return d.dsn })
		require.Equal(t, exitFailed, code, "%v", args)
		require.Contains(t, stderr.String(), io.ErrClosedPipe.Error())
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// A bar stands on one line, never goes back beyond it, and leaves nothing behind.
func TestProgress(t *testing.T) {
	var out bytes.Buffer
	p := &progress{out: &out, what: "entries", total: 4}
	p.set(1)
	require.Equal(t, "\rentries [=======                       ]  25%  1 of 4", out.String())
	p.set(2) // at once: not drawn
	require.NotContains(t, out.String(), "50%")
	p.close()
	require.NotContains(t, out.String(), "\n")
	require.True(t, strings.HasSuffix(out.String(), " \r"), "the line is not taken away")
	var none *progress
	none.add(1)
	none.set(2)
	none.close()
	e := &call{stderr: &out, env: func(string) string { return "" }}
	require.Nil(t, e.progress("x", 1), "a bar where there is no terminal")
	f, err := os.Create(filepath.Join(t.TempDir(), "f"))
	require.NoError(t, err)
	defer f.Close()
	e.stderr = f
	require.Nil(t, e.progress("x", 1), "a bar in a file")
}
