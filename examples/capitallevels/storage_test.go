package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/pgtest"
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

	text, notes := runs(t, exitFailed, "-dsn", dsn)
	require.Empty(t, text)
	require.Contains(t, notes, "capitallevels holds profiles already", "a second run went among the first one's profiles")
}
