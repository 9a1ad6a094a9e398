package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

var update = flag.Bool("update", false, "write the golden files anew")

// outcome is what a run of the program left.
type outcome struct {
	code           int
	stdout, stderr string
}

func statements(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), args, &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

// in writes the files into a folder of their own and goes there, so that their names are short
// and the same on every machine.
func in(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	t.Chdir(dir)
}

func sample(t *testing.T, name string) string {
	t.Helper()
	b, err := samples.ReadFile("samples/" + name)
	require.NoError(t, err)
	return string(b)
}

// edit replaces old, which must be there exactly once.
func edit(t *testing.T, s, old, replacement string) string {
	t.Helper()
	require.Equal(t, 1, strings.Count(s, old), "the sample must have %q once", old)
	return strings.Replace(s, old, replacement, 1)
}

func requireGolden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "output differs from %s; run the test with -update if that is meant", path)
}

// The document's shape, apart from the program's own types: a change of it must be noticed.
type (
	wantDocument struct {
		Profiles []wantProfile `json:"profiles"`
	}
	wantProfile struct {
		ProfileID     string         `json:"profile_id"`
		IBKRAccountID string         `json:"ibkr_account_id"`
		Trades        int            `json:"trades"`
		Closings      []wantClosing  `json:"closings"`
		OpenPositions []wantPosition `json:"open_positions"`
		Breaks        []wantBreak    `json:"breaks"`
		Cash          []wantMoney    `json:"cash"`
		Unrealized    []wantMoney    `json:"unrealized"`
		Notes         []wantNote     `json:"notes"`
		Unread        map[string]int `json:"unread"`
	}
	wantMoney struct {
		Currency     string  `json:"currency"`
		Amount       *string `json:"amount"`
		BrokerAmount *string `json:"broker_amount"`
	}
	wantNote struct {
		File        string `json:"file"`
		Line        int    `json:"line"`
		Section     string `json:"section"`
		Text        string `json:"text"`
		Rows        int    `json:"rows"`
		Consequence string `json:"consequence"`
	}
	wantClosing struct {
		ExecID         string  `json:"exec_id"`
		TransactionID  string  `json:"transaction_id"`
		ConID          string  `json:"conid"`
		Symbol         string  `json:"symbol"`
		Quantity       string  `json:"quantity"`
		Realized       string  `json:"realized"`
		BrokerRealized *string `json:"broker_realized"`
		Inferred       bool    `json:"inferred"`
	}
	wantPosition struct {
		ConID           string  `json:"conid"`
		Symbol          string  `json:"symbol"`
		Quantity        string  `json:"quantity"`
		CostBasis       string  `json:"cost_basis"`
		BrokerCostBasis *string `json:"broker_cost_basis"`
		Inferred        bool    `json:"inferred"`
	}
	wantBreak struct {
		ProfileID  string `json:"profile_id"`
		Contract   string `json:"contract"`
		ExecID     string `json:"exec_id"`
		Currency   string `json:"currency"`
		Field      string `json:"field"`
		Ours       string `json:"ours"`
		Theirs     string `json:"theirs"`
		Difference string `json:"difference"`
	}
)

// readDocument runs the program with -json and reads what it printed: one document and nothing else.
func readDocument(t *testing.T, code int, args ...string) []wantProfile {
	t.Helper()
	got := statements(t, append([]string{"-json"}, args...)...)
	require.Equal(t, code, got.code, "exit code; stderr: %s", got.stderr)
	dec := json.NewDecoder(strings.NewReader(got.stdout))
	dec.DisallowUnknownFields()
	var doc wantDocument
	require.NoError(t, dec.Decode(&doc))
	_, err := dec.Token()
	require.ErrorIs(t, err, io.EOF, "something follows the document")
	for _, p := range doc.Profiles {
		require.NotNil(t, p.Closings, "a list must not be null")
		require.NotNil(t, p.OpenPositions, "a list must not be null")
		require.NotNil(t, p.Breaks, "a list must not be null")
		require.NotNil(t, p.Cash, "a list must not be null")
		require.NotNil(t, p.Unrealized, "a list must not be null")
		require.NotNil(t, p.Notes, "a list must not be null")
		require.NotNil(t, p.Unread, "a map must not be null")
	}
	return doc.Profiles
}

func TestSamplesReconcile(t *testing.T) {
	tables := statements(t)
	require.Equal(t, exitReconciled, tables.code, "the samples must reconcile: %s", tables.stderr)
	require.Empty(t, tables.stderr, "there is nothing to say about the samples")
	requireGolden(t, "samples.txt", tables.stdout)

	require.Len(t, readDocument(t, exitReconciled), 2)
	requireGolden(t, "samples.json", statements(t, "-json").stdout)
}

func TestHelp(t *testing.T) {
	got := statements(t, "-h")
	require.Equal(t, exitReconciled, got.code)
	require.Empty(t, got.stderr)
	require.Contains(t, got.stdout, "usage: statements [flags] [file …]")
	for _, name := range []string{"-account", "-dsn", "-json", "-schema", "-strict", "-tolerance", "-zone"} {
		require.Contains(t, got.stdout, "\n  "+name, "help must describe every flag")
	}
}

func TestFlagsBehindReason(t *testing.T) {
	for _, c := range []struct {
		args []string
		says []string
	}{
		{[]string{"-frobnicate"}, []string{"-frobnicate", "-h shows the flags"}},
		{[]string{"-json=perhaps"}, []string{"perhaps", "-json"}},
		{[]string{"-zone"}, []string{"-zone"}},
		{[]string{"-zone", "Mars/Olympus"}, []string{"-zone", "Mars/Olympus"}},
		{[]string{"-zone", ""}, []string{"-zone", "no time zone"}},
		{[]string{"-tolerance", "0"}, []string{"-tolerance", `"0"`}},
		{[]string{"-tolerance", "-0.01"}, []string{"-tolerance", `"-0.01"`}},
		{[]string{"-tolerance", "1e-2"}, []string{"-tolerance", `"1e-2"`}},
		{[]string{"-tolerance", ""}, []string{"-tolerance", `""`}},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			got := statements(t, c.args...)
			require.Equal(t, exitUnreadable, got.code)
			require.Empty(t, got.stdout)
			requireOneLine(t, got.stderr, c.says...)
		})
	}
}

// requireOneLine checks that stderr is one line that begins with the program's name and says all of it.
func requireOneLine(t *testing.T, stderr string, says ...string) {
	t.Helper()
	require.True(t, strings.HasPrefix(stderr, "statements: "), "stderr: %q", stderr)
	require.Equal(t, 1, strings.Count(stderr, "\n"), "an error is one line: %q", stderr)
	for _, s := range says {
		require.Contains(t, stderr, s)
	}
}

func TestInterrupted(t *testing.T) {
	in(t, map[string]string{"a.xml": sample(t, "small.xml")})
	ctx := canceled(t)
	var stdout, stderr bytes.Buffer
	require.Equal(t, exitUnreadable, run(ctx, []string{"a.xml"}, &stdout, &stderr))
	require.Empty(t, stdout.String())
	require.Equal(t, "statements: interrupted\n", stderr.String())
}

func TestOutputFails(t *testing.T) {
	for _, args := range [][]string{nil, {"-json"}} {
		var stderr bytes.Buffer
		require.Equal(t, exitUnreadable, run(t.Context(), args, brokenPipe{}, &stderr))
		require.Equal(t, "statements: "+errPipe.Error()+"\n", stderr.String())
	}
}

var errPipe = errors.New("broken pipe")

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, errPipe }

// TestRunsAlike proves that nothing that is seen depends on the order of a map.
func TestRunsAlike(t *testing.T) {
	var many strings.Builder
	for _, digit := range "7381946205" {
		account := "U555000" + string(digit)
		many.WriteString(statement(account, "20250201", "20250228", buy(account, "3", "20250203", "5")+sell(account, "4", "20250204", "9")))
		many.WriteString(statement(account, "20250101", "20250131", buy(account, "1", "20250106", "10")+sell(account, "2", "20250107", "4")))
	}
	in(t, map[string]string{"many.xml": response(many.String()), "small.xml": sample(t, "small.xml"), "medium.csv": sample(t, "medium.csv")})
	for _, form := range []string{"-json=false", "-json"} {
		args := []string{form, "many.xml", "medium.csv", "small.xml", "many.xml"}
		first := statements(t, args...)
		require.Equal(t, exitReconciled, first.code, "stderr: %s", first.stderr)
		for range 10 {
			require.Equal(t, first, statements(t, args...), "the same input must give the same output")
		}
	}
}

func TestProgressBar(t *testing.T) {
	for _, c := range []struct {
		size     int64
		terminal bool
		want     bool
	}{
		{0, true, false}, {1 << 20, true, false}, {1<<20 + 1, true, true}, {1<<20 + 1, false, false}, {1 << 40, false, false},
	} {
		require.Equal(t, c.want, wantsBar(c.size, c.terminal), "%d bytes, terminal %t", c.size, c.terminal)
	}

	padding := strings.Repeat("<!-- more than a megabyte of nothing -->\n", 30_000)
	in(t, map[string]string{"big.xml": edit(t, sample(t, "small.xml"), "</FlexStatements>", "</FlexStatements>"+padding)})
	stderr, err := os.Create("stderr")
	require.NoError(t, err)
	code := run(t.Context(), []string{"big.xml"}, io.Discard, stderr)
	require.NoError(t, stderr.Close())
	require.Equal(t, exitReconciled, code)
	said, err := os.ReadFile("stderr")
	require.NoError(t, err)
	require.Empty(t, string(said), "no bar where nobody watches")
}
