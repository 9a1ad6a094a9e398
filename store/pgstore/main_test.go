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
var migrated = pgtest.Template{Prepare: func(dsn string) error {
	db, err := sqlx.Open("postgres", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	return Migrate(contextForever, db)
}}

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
	db, err := sqlx.Open("postgres", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
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
}
