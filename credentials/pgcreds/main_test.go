package pgcreds

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/internal/pgtest"
)

func TestMain(m *testing.M) {
	if work := os.Getenv(childEnv); work != "" {
		childMain(work)
	}
	pgtest.Main(m)
}

// drivers are those that every test of behaviour runs with, by their names in database/sql.
var drivers = map[string]string{"lib_pq": "postgres", "pgx": "pgx"}

// migrated is an empty database with the schema.
var migrated = pgtest.Template{
	Prepare: func(dsn string) error {
		db, err := sqlx.Open("postgres", dsn)
		if err != nil {
			return err
		}
		defer db.Close()
		return Migrate(context.Background(), db)
	},
	Empty: `BEGIN; LOCK trading.credentials IN EXCLUSIVE MODE; DELETE FROM trading.credentials; COMMIT`,
}

// open returns a pool that is closed with the test.
func open(t testing.TB, driver, dsn string) *sqlx.DB {
	t.Helper()
	db, err := sqlx.Open(driver, dsn)
	require.NoError(t, err, "open")
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// newStore returns a store that is closed with the test.
func newStore(t testing.TB, db *sqlx.DB, keys *keyset.Handle, opts ...Option) *Store {
	t.Helper()
	s, err := New(t.Context(), db, keys, opts...)
	require.NoError(t, err, "New failed")
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	return s
}

func newKeys(t testing.TB) *keyset.Handle {
	t.Helper()
	h, err := NewKeyset()
	require.NoError(t, err, "NewKeyset failed")
	return h
}

// rotated returns the keyset with a new primary key, and the id of the old one.
func rotated(t testing.TB, h *keyset.Handle) (*keyset.Handle, uint32) {
	t.Helper()
	old := h.KeysetInfo().GetPrimaryKeyId()
	h, id, err := AddKey(h)
	require.NoError(t, err, "AddKey failed")
	h, err = SetPrimary(h, id)
	require.NoError(t, err, "SetPrimary failed")
	return h, old
}

// run runs statements.
func run(t testing.TB, db *sqlx.DB, statement string, args ...any) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err, "%.200s", statement)
}

// value returns what a query of one value answers.
func value[T any](t testing.TB, db *sqlx.DB, query string, args ...any) T {
	t.Helper()
	var v T
	require.NoError(t, db.GetContext(t.Context(), &v, query, args...), "%.200s", query)
	return v
}

// creds makes credentials of names and secrets in turn.
func creds(parts ...string) credentials.Set {
	c := credentials.Set{}
	for i := 0; i < len(parts); i += 2 {
		c[parts[i]] = credentials.NewSecret([]byte(parts[i+1]))
	}
	return c
}

// requireCreds fails unless a and b have the same names and secrets.
func requireCreds(t testing.TB, want, got credentials.Set, what string) {
	t.Helper()
	require.Len(t, got, len(want), "%s: there are more or fewer fields", what)
	for name, s := range want {
		require.True(t, s.Equal(got[name]), "%s: field %s is another", what, name)
	}
}

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
