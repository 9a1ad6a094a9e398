package pgstore

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"
	"time"
	_ "time/tzdata" // not every machine has time zones

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/pgtest"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(childEnv); name != "" {
		children[name]()
	}
	pgtest.Main(m)
}

// open returns a pool that is closed with the test.
func open(t testing.TB, driver, dsn string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open(driver, dsn)
	require.NoError(t, err, "open")
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// pools are those of a test that has many, one after another, on the same databases: a connection costs
// more than most of what is done with it.
type pools struct {
	driver string
	mu     sync.Mutex
	byDSN  map[string]*sqlx.DB
}

// keepPools returns pools that are closed with the test.
func keepPools(t testing.TB, driver string) *pools {
	p := &pools{driver: driver, byDSN: map[string]*sqlx.DB{}}
	t.Cleanup(func() {
		for _, db := range p.byDSN {
			_ = db.Close()
		}
	})
	return p
}

// store returns a store on the pool of the database, for many callers at once.
func (p *pools) store(t testing.TB, dsn string, opts ...Option) *Store {
	t.Helper()
	s, err := New(t.Context(), p.open(t, dsn), opts...)
	require.NoError(t, err, "New failed")
	return s
}

func (p *pools) open(t testing.TB, dsn string) *sqlx.DB {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byDSN[dsn] == nil {
		db, err := sqlx.Open(p.driver, dsn)
		require.NoError(t, err, "open")
		db.SetMaxIdleConns(16)
		p.byDSN[dsn] = db
	}
	return p.byDSN[dsn]
}

// run runs statements, one file or several.
func run(t testing.TB, db *sqlx.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		_, err := db.ExecContext(t.Context(), s)
		require.NoError(t, err, "%.200s", s)
	}
}

func file(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile("testdata/" + name)
	require.NoError(t, err, "read")
	return string(text)
}

// value returns what a query of one value answers.
func value[T any](t testing.TB, db *sqlx.DB, query string, args ...any) T {
	t.Helper()
	var v T
	require.NoError(t, db.GetContext(t.Context(), &v, query, args...), "%.200s", query)
	return v
}

// eventually waits until the condition holds, which a query of the test's goroutine may ask for.
func eventually(t testing.TB, holds func() bool, otherwise string, args ...any) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !holds(); time.Sleep(time.Millisecond) {
		require.True(t, time.Now().Before(end), append([]any{otherwise}, args...)...)
	}
}

// migrated is an empty database with the schema.
var migrated = pgtest.Template{
	Prepare: func(dsn string) error {
		return with(dsn, func(db *sqlx.DB) error { return Migrate(contextForever, db) })
	},
	Empty: emptyTables,
}

// emptyTables deletes all rows, in one statement for the sake of foreign keys, once writers that are under
// way are done. To truncate would cost more: there are few rows.
const emptyTables = `DO $$
DECLARE tables text[] = array(SELECT oid::regclass::text FROM pg_class
	WHERE relnamespace = 'trading'::regnamespace AND relkind = 'r' AND relname <> 'accounts_schema_version');
BEGIN
	SET LOCAL lock_timeout = '1min';
	EXECUTE 'LOCK ' || array_to_string(tables, ', ') || ' IN EXCLUSIVE MODE';
	EXECUTE (SELECT 'WITH ' || string_agg(format('d%s AS (DELETE FROM %s)', n, name), ', ') || ' SELECT'
		FROM unnest(tables) WITH ORDINALITY AS t (name, n));
END $$`

// with has f use a pool, and closes it.
func with(dsn string, f func(*sqlx.DB) error) error {
	db, err := sqlx.Open("postgres", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	return f(db)
}

var contextForever = context.Background()

// group runs functions at once and collects their errors.
type group struct {
	wg   sync.WaitGroup
	mu   sync.Mutex
	errs []error
}

func (g *group) Go(f func() error) {
	g.wg.Go(func() {
		err := f()
		g.mu.Lock()
		defer g.mu.Unlock()
		g.errs = append(g.errs, err)
	})
}

func (g *group) Wait() error {
	g.wg.Wait()
	return errors.Join(g.errs...)
}

// prepareDeployed migrates the tables of a deployed system, with every constraint that it has.
func prepareDeployed(dsn string) error {
	return with(dsn, func(db *sqlx.DB) error {
		for _, name := range []string{"existing.sql", "hardened.sql"} {
			text, err := os.ReadFile("testdata/" + name)
			if err == nil {
				_, err = db.Exec(string(text))
			}
			if err != nil {
				return err
			}
		}
		return Migrate(contextForever, db)
	})
}
