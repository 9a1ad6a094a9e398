// Package pgtest gives tests a PostgreSQL of their own: a throwaway server started from the
// machine's binaries, listening on a unix socket in a temporary folder only, and on it a fresh
// database for every test that asks.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestSomething(t *testing.T) {
//		db, err := sql.Open("postgres", pgtest.Database(t))
//		…
//	}
//
// There is one server per test binary. It starts with the first test that needs it and goes, with
// its folder, when the binary ends, however it ends: what runs the server waits for a pipe from the
// binary to close.
//
// NewPooler puts a PgBouncer in front of a database for one test; $ACCOUNTS_PGBOUNCER names the
// program where it is not found.
//
// $ACCOUNTS_TEST_DSN names a server to use instead; its user must be allowed to create databases.
// Where there is neither that nor a server's binaries, or no PgBouncer for those that need one,
// tests are skipped, or fail if $ACCOUNTS_REQUIRE_PG is set, as `make test` does. It starts nothing
// where there is no unix: there, $ACCOUNTS_TEST_DSN is the only way.
package pgtest

import (
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	_ "github.com/lib/pq" // the driver
	"go.uber.org/goleak"
)

const (
	envDSN     = "ACCOUNTS_TEST_DSN"    // a server to use instead of starting one
	envBin     = "ACCOUNTS_PG_BIN"      // the folder with postgres, initdb and pg_ctl
	envRequire = "ACCOUNTS_REQUIRE_PG"  // fail instead of skipping
	envPooler  = "ACCOUNTS_PGBOUNCER"   // the program pgbouncer
	envDurable = "ACCOUNTS_PG_FSYNC_ON" // for benchmarks: the server flushes as one in production does
)

// Main runs the tests, checks that they left no goroutine behind, stops the server and exits.
func Main(m *testing.M) {
	goleak.VerifyTestMain(tests{m}, goleak.Cleanup(func(code int) {
		shared.stop()
		blank.close()
		os.Exit(code)
	}))
}

// tests are those of the binary. Behind them no connection is open any more.
type tests struct{ *testing.M }

func (t tests) Run() int {
	defer shared.disconnect()
	return t.M.Run()
}

// shared is the server of the test binary.
var shared lazyServer

type lazyServer struct {
	once     sync.Once
	server   *Server
	dsn      string
	strategy string // how databases are copied, as CREATE DATABASE takes it
	err      error

	mu    sync.Mutex
	kept  []string  // databases that outlive the test for which they were made
	pools []*sql.DB // of those that are emptied
}

func (l *lazyServer) start() (string, error) {
	l.once.Do(func() {
		if l.dsn = os.Getenv(envDSN); l.dsn == "" {
			if l.server, l.err = startServer(""); l.err != nil {
				return
			}
			l.dsn = l.server.DSN()
		}
		l.strategy, l.err = strategy(l.dsn)
	})
	return l.dsn, l.err
}

// strategy has the template's files copied, which costs half of what a copy block by block does
// where nothing is flushed. Before PostgreSQL 15 there is no other way, and no word for it.
func strategy(server string) (string, error) {
	db, err := sql.Open("postgres", server)
	if err != nil {
		return "", err
	}
	defer db.Close()
	var version int
	if err := db.QueryRow("SHOW server_version_num").Scan(&version); err != nil || version < 150000 {
		return "", err
	}
	return " STRATEGY file_copy", nil
}

// keep has a database go with the server at the latest: another's server is left without it.
func (l *lazyServer) keep(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, name)
}

// connect returns a pool of one connection that lasts as long as the tests.
func (l *lazyServer) connect(dsn string) (*sql.DB, error) {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pools = append(l.pools, db)
	return db, nil
}

func (l *lazyServer) disconnect() {
	for _, db := range l.pools {
		_ = db.Close()
	}
}

func (l *lazyServer) stop() {
	if l.server != nil {
		l.server.close()
		return
	}
	for _, name := range l.kept {
		_ = drop(l.dsn, name) // it may not have come about
	}
}

// Database creates an empty database that lives as long as the test, and returns its data source
// name, which lib/pq and pgx both read.
func Database(t testing.TB) string {
	t.Helper()
	return create(t, serverOf(t), "template0")
}

// Template is a database that is prepared once per test binary and copied for each test.
type Template struct {
	Prepare func(dsn string) error
	Empty   string // the statement that takes away what a test left; needed for Reused alone

	once sync.Once
	name string
	err  error

	mu   sync.Mutex
	free []*reused
}

// reused is a database that is empty again.
type reused struct {
	name string
	db   *sql.DB
}

// Database is like the function Database, for a copy of the template.
func (p *Template) Database(t testing.TB) string {
	t.Helper()
	server := p.prepared(t)
	return create(t, server, p.name)
}

// Reused is like Database, for a test that leaves the schema as it is: its database is emptied when
// the test is over, and is the next test's. That costs a tenth of a copy.
func (p *Template) Reused(t testing.TB) string {
	t.Helper()
	server := p.prepared(t)
	r := p.take()
	if r == nil {
		r = p.another(t, server)
	}
	t.Cleanup(func() {
		if _, err := r.db.Exec(p.Empty); err != nil {
			t.Errorf("empty the test's database: %v", err)
			return
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.free = append(p.free, r)
	})
	return withDatabase(server, r.name)
}

// take returns a database that is free, or nil.
func (p *Template) take() *reused {
	p.mu.Lock()
	defer p.mu.Unlock()
	last := len(p.free) - 1
	if last < 0 {
		return nil
	}
	r := p.free[last]
	p.free = p.free[:last]
	return r
}

func (p *Template) another(t testing.TB, server string) *reused {
	t.Helper()
	r := &reused{name: nextName()}
	shared.keep(r.name)
	copyOf(t, server, p.name, r.name)
	var err error
	if r.db, err = shared.connect(withDatabase(server, r.name)); err != nil {
		t.Fatalf("connect to the test's database: %v", err)
	}
	return r
}

// prepared makes the template at the first call, and returns the server's data source name.
func (p *Template) prepared(t testing.TB) string {
	t.Helper()
	server := serverOf(t)
	p.once.Do(func() {
		p.name = nextName()
		shared.keep(p.name)
		if p.err = admin(server, "CREATE DATABASE "+p.name+" TEMPLATE template0"); p.err == nil {
			p.err = p.Prepare(withDatabase(server, p.name))
		}
	})
	if p.err != nil {
		t.Fatalf("prepare the template database: %v", p.err)
	}
	return server
}

// serverOf returns the server's data source name. It ends the test where there is no server.
func serverOf(t testing.TB) string {
	t.Helper()
	dsn, err := shared.start()
	end(t, err)
	return dsn
}

// end fails or skips the test when there is no server.
func end(t testing.TB, err error) {
	t.Helper()
	switch {
	case err == nil:
	case os.Getenv(envRequire) == "" && isMissing(err):
		t.Skipf("left out: %v", err)
	default:
		t.Fatalf("%v", err)
	}
}

var names atomic.Int64

func nextName() string { return fmt.Sprintf("accounts_test_%d_%d", os.Getpid(), names.Add(1)) }

func create(t testing.TB, server, template string) string {
	t.Helper()
	name := nextName()
	copyOf(t, server, template, name)
	t.Cleanup(func() {
		if err := drop(server, name); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return withDatabase(server, name)
}

func copyOf(t testing.TB, server, template, name string) {
	t.Helper()
	if err := admin(server, "CREATE DATABASE "+name+" TEMPLATE "+template+shared.strategy); err != nil {
		t.Fatalf("create a database for the test: %v", err)
	}
}

func drop(server, name string) error {
	return admin(server, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
}

// admin runs one statement that cannot be in a transaction.
func admin(server, statement string) error {
	db, err := sql.Open("postgres", server)
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statement)
	return err
}

// withDatabase returns the data source name with another database.
func withDatabase(dsn, name string) string {
	if u, err := url.Parse(dsn); err == nil && (u.Scheme == "postgres" || u.Scheme == "postgresql") {
		u.Path = "/" + name
		return u.String()
	}
	return dsn + " dbname=" + name // of two the last one counts
}
