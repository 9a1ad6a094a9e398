package storage

import (
	"flag"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/store/pgstore"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// store returns what an example gets for the arguments.
func store(t *testing.T, args ...string) (accounts.Store, error) {
	t.Helper()
	var f Flags
	flags := flag.NewFlagSet("example", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	f.Add(flags, "example")
	err := flags.Parse(args)
	if err == nil {
		err = f.Check()
	}
	if err != nil {
		return nil, err
	}
	return f.Open(t.Context())
}

// create makes the profile in a store that is closed then.
func create(t *testing.T, id accounts.ProfileID, args ...string) {
	t.Helper()
	s, err := store(t, args...)
	require.NoError(t, err, "open with %v", args)
	p := accounts.Optimal100K("U5550001")
	p.ID = id
	require.NoError(t, s.CreateProfile(t.Context(), p), "create a profile")
	require.NoError(t, s.Close(), "close")
}

// profiles are the ids in a schema.
func profiles(t *testing.T, dsn, schema string) (ids []accounts.ProfileID) {
	t.Helper()
	s, err := pgstore.Open(t.Context(), dsn, pgstore.WithSchema(schema))
	require.NoError(t, err, "open schema %s", schema)
	defer s.Close()
	found, err := s.Profiles(t.Context(), accounts.ProfileFilter{})
	require.NoError(t, err, "list profiles")
	for _, p := range found {
		ids = append(ids, p.ID)
	}
	return ids
}

func TestStoreIsEmpty(t *testing.T) {
	dsn := pgtest.Database(t)
	create(t, "first", "-dsn", dsn)
	_, err := store(t, "-dsn", dsn)
	require.EqualError(t, err, "-schema: example holds profiles already: name a new one, or drop it if nothing in it is needed")
	require.Equal(t, []accounts.ProfileID{"first"}, profiles(t, dsn, "example"), "what was refused changed something")

	create(t, "second", "-dsn", dsn, "-schema", "another")
	require.Equal(t, []accounts.ProfileID{"second"}, profiles(t, dsn, "another"), "the flag names another schema")

	_, err = pgstore.Open(t.Context(), dsn)
	require.ErrorIs(t, err, pgstore.ErrSchema, "an example wrote into the schema of a site")
}

func TestMemoryWithoutFlags(t *testing.T) {
	create(t, "same")
	create(t, "same")
}

// TestReopen: what an earlier run has left is there again.
func TestReopen(t *testing.T) {
	dsn := pgtest.Database(t)
	create(t, "first", "-dsn", dsn)
	var f Flags
	flags := flag.NewFlagSet("example", flag.ContinueOnError)
	f.Add(flags, "example")
	require.False(t, f.Kept())
	require.NoError(t, flags.Parse([]string{"-dsn", dsn}))
	require.True(t, f.Kept())
	s, err := f.Reopen(t.Context())
	require.NoError(t, err)
	defer s.Close()
	_, err = s.Profile(t.Context(), "first")
	require.NoError(t, err)
}

// TestErrors: one line that says why, and never the password.
func TestErrors(t *testing.T) {
	for _, c := range []struct {
		args []string
		says string
	}{
		{[]string{"-dsn", "postgres://me:s3cret@127.0.0.1:1/db?sslmode=disable"}, "no server listens"},
		{[]string{"-dsn", "host=127.0.0.1 port=1 user=me password=s3cret sslmode=disable"}, "no server listens"},
		{[]string{"-dsn", "host=127.0.0.1,127.0.0.2 port=1,1 user=me password=s3cret sslmode=disable"}, "no server listens"},
		{[]string{"-dsn", "postgres://me:s3cret@127.0.0.1:port/db"}, "-dsn: it cannot be read"},
		{[]string{"-dsn", "postgres://me:s3cret@local host/"}, "-dsn: it cannot be read"},
		{[]string{"-dsn", "host=127.0.0.1 password=a s3cret"}, "-dsn: it cannot be read"},
		{[]string{"-dsn", "host='s3cret"}, "-dsn: it cannot be read"},
		{[]string{"-dsn", "postgres://me:s3cret@127.0.0.1:1/db", "-schema", "No Name"}, `schema name "No Name"`},
		{[]string{"-dsn", ""}, "-dsn: is empty"},
		{[]string{"-schema", "elsewhere"}, "-schema elsewhere is nowhere without -dsn"},
	} {
		_, err := store(t, c.args...)
		require.ErrorContains(t, err, c.says, "%q", c.args)
		require.NotContains(t, err.Error(), "\n", "%q: an error is one line", c.args)
		require.NotContains(t, err.Error(), "s3cret", "%q: a password is printed", c.args)
	}
}
