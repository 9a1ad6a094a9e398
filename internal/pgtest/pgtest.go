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
// Where there is neither that nor a server's binaries, or no PgBouncer for those that need one, tests
// are skipped, or fail if $ACCOUNTS_REQUIRE_PG is set, as `make test` does. It starts nothing where there is
// no unix: there, $ACCOUNTS_TEST_DSN is the only way.
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
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		shared.stop()
		os.Exit(code)
	}))
}

// shared is the server of the test binary.
var shared lazyServer

type lazyServer struct {
	once     sync.Once
	server   *Server
	dsn      string
	strategy string // how databases are copied, as CREATE DATABASE takes it
	err      error
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

// strategy has the template's files copied, which costs half of what a copy block by block does where nothing
// is flushed. Before PostgreSQL 15 there is no other way, and no word for it.
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

func (l *lazyServer) stop() {
	if l.server != nil {
		l.server.close()
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

	once sync.Once
	name string
	err  error
}

// Database is like the function Database, for a copy of the template.
func (p *Template) Database(t testing.TB) string {
	t.Helper()
	server := serverOf(t)
	p.once.Do(func() {
		p.name = nextName()
		if p.err = admin(server, "CREATE DATABASE "+p.name+" TEMPLATE template0"); p.err == nil {
			p.err = p.Prepare(withDatabase(server, p.name))
		}
	})
	if p.err != nil {
		t.Fatalf("prepare the template database: %v", p.err)
	}
	return create(t, server, p.name)
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
	if err := admin(server, "CREATE DATABASE "+name+" TEMPLATE "+template+shared.strategy); err != nil {
		t.Fatalf("create a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := admin(server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return withDatabase(server, name)
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
