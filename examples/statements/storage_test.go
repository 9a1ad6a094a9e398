package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/store/pgstore"
)

// kept returns each profile's newest hash, which covers its whole journal. It holds the rows for other
// services against the journals.
func kept(t *testing.T, dsn, schema string) map[accounts.ProfileID]accounts.Hash {
	t.Helper()
	store, err := pgstore.Open(t.Context(), dsn, pgstore.WithSchema(schema))
	require.NoError(t, err, "open schema %s", schema)
	defer store.Close()
	profiles, err := store.Profiles(t.Context(), accounts.ProfileFilter{})
	require.NoError(t, err, "list the profiles")
	newest := map[accounts.ProfileID]accounts.Hash{}
	for _, p := range profiles {
		require.NoError(t, store.Verify(t.Context(), p.ID), "the rows of %s are not what its journal says", p.ID)
		for e, err := range store.Entries(t.Context(), p.ID, 0) {
			require.NoError(t, err, "read the journal of %s", p.ID)
			newest[p.ID] = e.Hash
		}
	}
	return newest
}

// What is printed does not depend on where the journals are.
func TestOnPostgreSQL(t *testing.T) {
	dsn := pgtest.Database(t)
	cash := `currency="USD" levelOfDetail="Currency" fromDate="20250102" toDate="20250131" startingCash="25000" endingCash="`
	in(t, map[string]string{
		"small.xml": sample(t, "small.xml"), "medium.csv": sample(t, "medium.csv"),
		"wrong.xml": edit(t, sample(t, "small.xml"), cash, cash+"1"),
		"two.xml": response(statement("U5550001", "20250201", "20250228", sell("U5550001", "4", "20250204", "9")) +
			statement("U5550002", "20250101", "20250131", buy("U5550002", "1", "20250106", "10")+sell("U5550002", "2", "20250107", "4"))),
	})
	for schema, c := range map[string]struct {
		code, profiles int
		args           []string
	}{
		"tables":     {exitReconciled, 2, nil},
		"document":   {exitReconciled, 2, []string{"-json"}},
		"files":      {exitReconciled, 5, []string{"small.xml", "two.xml", "medium.csv", "small.xml"}},
		"files_json": {exitReconciled, 3, []string{"-json", "two.xml", "small.xml"}},
		"breaks":     {exitBreaks, 1, []string{"wrong.xml"}},
	} {
		want := statements(t, c.args...)
		require.Equal(t, c.code, want.code, "%s: exit code from memory: %s", schema, want.stderr)
		got := statements(t, append([]string{"-dsn", dsn, "-schema", schema}, c.args...)...)
		require.Equal(t, want, got, "%s: not what is printed from memory", schema)
		require.Len(t, kept(t, dsn, schema), c.profiles, "%s: not every profile has a journal", schema)
	}
}

func TestSecondRunIsRefused(t *testing.T) {
	dsn := pgtest.Database(t)
	require.Equal(t, exitReconciled, statements(t, "-dsn", dsn).code, "the first run")
	before := kept(t, dsn, "statements")
	in(t, map[string]string{"other.xml": response(statement("U5550009", "20250101", "20250131", buy("U5550009", "1", "20250106", "10")))})
	for _, more := range [][]string{nil, {"-json"}, {"other.xml"}} {
		again := statements(t, append([]string{"-dsn", dsn}, more...)...)
		require.Equal(t, exitUnreadable, again.code, "a second run went among the first one's profiles")
		require.Empty(t, again.stdout, "after an error nothing goes to stdout")
		requireOneLine(t, again.stderr, "statements holds profiles already", "-schema")
		require.Equal(t, before, kept(t, dsn, "statements"), "a run that was refused wrote something")
	}
}

func TestUnreachableServer(t *testing.T) {
	for _, args := range [][]string{
		{"-dsn", "postgres://user:s3cret@localhost:1/none?sslmode=disable&connect_timeout=2"},
		{"-dsn", "host=localhost,127.0.0.1 port=1,1 user=user password=s3cret sslmode=disable connect_timeout=2"},
		{"-dsn", "postgres://user:s3cret@local host/"}, {"-dsn", "host='s3cret"}, {"-dsn", ""}, {"-schema", "elsewhere"},
	} {
		got := statements(t, args...)
		require.Equal(t, exitUnreadable, got.code, "%q", args)
		require.Empty(t, got.stdout, "%q: after an error nothing goes to stdout", args)
		requireOneLine(t, got.stderr, "-dsn")
		require.NotContains(t, got.stderr, "s3cret", "a password is printed")
	}
}
