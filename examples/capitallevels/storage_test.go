package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/store/pgstore"
)

// What is printed does not depend on where the journals are.
func TestOnPostgreSQL(t *testing.T) {
	dsn := pgtest.Database(t)
	var pages, texts [2]string
	for i, storage := range [][]string{nil, {"-dsn", dsn}} {
		file := filepath.Join(t.TempDir(), "page.html")
		texts[i], _ = runs(t, exitDone, append(storage, "-html", file)...)
		page, err := os.ReadFile(file)
		require.NoError(t, err, "read the page")
		pages[i] = string(page)
	}
	require.Equal(t, texts[0], texts[1], "the text is not what is printed from memory")
	require.Equal(t, pages[0], pages[1], "the page is not what is written from memory")
	document, _ := runs(t, exitDone, "-json", "-dsn", dsn, "-schema", "another")
	requireGolden(t, "sample.json", document)

	before := kept(t, dsn, "capitallevels")
	require.Len(t, before, len(presets()), "not every preset has a journal")
	file := filepath.Join(t.TempDir(), "page.html")
	text, notes := runs(t, exitFailed, "-dsn", dsn, "-html", file)
	require.Empty(t, text, "after an error nothing goes to stdout")
	require.NoFileExists(t, file, "after an error there is no page")
	require.Contains(t, notes, "capitallevels holds profiles already", "a second run went among the first one's profiles")
	require.Equal(t, 1, strings.Count(notes, "\n"), "an error is one line: %q", notes)
	require.Equal(t, before, kept(t, dsn, "capitallevels"), "a run that was refused wrote something")
}

// kept returns each profile's newest hash, which covers its whole journal. It holds the rows for other
// services against the journals.
func kept(t *testing.T, dsn, schema string) map[accounts.ProfileID]accounts.Hash {
	t.Helper()
	store, err := pgstore.Open(t.Context(), dsn, pgstore.WithSchema(schema))
	require.NoError(t, err, "open schema %s", schema)
	defer store.Close()
	newest := map[accounts.ProfileID]accounts.Hash{}
	profiles, err := store.Profiles(t.Context(), accounts.ProfileFilter{})
	require.NoError(t, err, "list the profiles")
	for _, p := range profiles {
		require.NoError(t, store.Verify(t.Context(), p.ID), "the rows of %s are not what its journal says", p.ID)
		for e, err := range store.Entries(t.Context(), p.ID, 0) {
			require.NoError(t, err, "read the journal of %s", p.ID)
			newest[p.ID] = e.Hash
		}
	}
	return newest
}

func TestUnreachableServer(t *testing.T) {
	for _, dsn := range []string{
		"postgres://user:s3cret@localhost:1/none?sslmode=disable&connect_timeout=2",
		"host=localhost,127.0.0.1 port=1,1 user=user password=s3cret sslmode=disable connect_timeout=2",
		"postgres://user:s3cret@local host/", "host='s3cret",
	} {
		text, notes := runs(t, exitFailed, "-dsn", dsn)
		require.Empty(t, text, "after an error nothing goes to stdout")
		require.Regexp(t, `^capitallevels: -dsn: [^\n]+\n$`, notes, "an error is one line")
		require.NotContains(t, notes, "s3cret", "a password is printed")
	}
}
