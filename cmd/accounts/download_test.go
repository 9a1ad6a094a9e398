package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/flextest"
)

// A statement is downloaded and imported in one step, and leaves no file. The token is nowhere in what is said.
func TestImportDownloads(t *testing.T) {
	const token = "123456789012345678901234"
	statement, err := os.ReadFile(filepath.Join("..", "..", "examples", "statements", "samples", "small.xml"))
	require.NoError(t, err)
	service := flextest.New(t, token, "77", statement)
	d := newDesk(t)
	d.create("p", "DU9000025")
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(token+"\n"), 0o600))
	var r statementReport
	d.json(exitDone, &r, "import", "-query", "77", "-token-file", file, "-flex-url", service.URL)
	require.Len(t, r.Statements, 1)
	require.Equal(t, "query 77", r.Statements[0].File)
	require.True(t, r.Statements[0].Recorded)
	got := runWith(t, t.Context(), "", map[string]string{"ACCOUNTS_DSN": d.dsn, tokenVariable: token}, "reconcile", "-query", "77", "-flex-url", service.URL)
	require.Equal(t, exitDone, got.code, "%+v", got)

	service.Refuse("1012")
	failed := d.want(exitFailed, "import", "-query", "77", "-token-file", file, "-flex-url", service.URL)
	require.Contains(t, failed.stderr, "1012")
	require.NotContains(t, failed.stderr+failed.stdout, token)
	d.want(exitUsage, "import", "-query", "77")
	d.want(exitUsage, "import", "-query", "77", "-token-file", file, "a.xml")
	require.NotContains(t, d.want(exitFailed, "import", "-query", "x", "-token-file", file).stderr, token)
	d.want(exitFailed, "import", "-query", "77", "-token-file", file+"x")
	require.Contains(t, d.want(exitFailed, "import", "-query", "77", "-token-file", file, "-flex-url", "http://example.com/").stderr, "https")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left, "a statement is left")
}
