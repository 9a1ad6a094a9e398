package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) { pgtest.Main(m) }

// runs returns what the program prints with the arguments.
func runs(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := run(t.Context(), args, &out, &errs)
	require.Equal(t, want, code, "exit code of %v: %s", args, errs.String())
	return out.String(), errs.String()
}

func requireGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(file, []byte(got), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "%s is not what is printed; run the test with -update if that is right", file)
}

// TestSampleRun: the same input gives the same figures, to the byte. The run itself proves every journal and holds
// the library's books against the broker's.
func TestSampleRun(t *testing.T) {
	text, notes := runs(t, exitDone)
	require.Contains(t, text, "synthetic", "figures of made-up prices must say so")
	require.Empty(t, notes)
	requireGolden(t, "sample.txt", text)
	document, notes := runs(t, exitDone, "-json")
	require.Contains(t, notes, "synthetic")
	requireGolden(t, "sample.json", document)
	var c accounts.Comparison
	require.NoError(t, json.Unmarshal([]byte(document), &c), "the document must be a comparison")
	require.Len(t, c.Standings, 4)
	again, _ := runs(t, exitDone, "-json")
	require.Equal(t, document, again, "the same input must give the same figures")
}

// TestPage: one file that needs nothing else, with everything in it labelled.
func TestPage(t *testing.T) {
	file := filepath.Join(t.TempDir(), "report.html")
	runs(t, exitDone, "-html", file, "-to", "2022-12-30")
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	text := string(data)
	for _, p := range presets() {
		require.Contains(t, text, p.Name)
	}
	require.Equal(t, 4, strings.Count(text, "<svg"), "two charts, each for a desk and for a phone")
	require.Contains(t, text, "synthetic")
	for _, address := range regexp.MustCompile(`https?://[^"' <]+`).FindAllString(text, -1) {
		require.Contains(t, []string{"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}, address, "the page must not need the network")
	}
	require.NotContains(t, text, "<script")
	require.NotRegexp(t, `(src|href)=`, text, "the page must need nothing else")
	runs(t, exitFailed, "-html", filepath.Join(file, "no", "such", "folder"), "-to", "2022-06-30")
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"-prices", "SPY"}, "is not SYMBOL=FILE"},
		{[]string{"-prices", "SPY=no-such-file.csv"}, "no-such-file.csv"},
		{[]string{"-prices", "A=x", "-prices", "A=y"}, "names A a second time"},
		{[]string{"-split", "AAPL=2014-06-09"}, "is not SYMBOL=DATE:NEW:OLD"},
		{[]string{"-split", "AAPL=2014-06-09:7:1"}, "there are no prices of it"},
		{[]string{"-split", "AAPL=2014-06-09:0:1"}, "is not a number of shares"},
		{[]string{"-from", "yesterday"}, "is not yyyy-mm-dd"},
		{[]string{"-from", "2024-01-02", "-to", "2023-01-02"}, "-to 2023-01-02 is before -from 2024-01-02"},
		{[]string{"-from", "2031-01-02"}, "0 trading days"},
		{[]string{"-review", "-1"}, "is negative"},
		{[]string{"-dsn", ""}, "is empty"},
		{[]string{"-schema", "elsewhere"}, "nowhere without -dsn"},
		{[]string{"sample"}, `"sample" is no flag`},
	} {
		out, errs := runs(t, exitInput, c.args...)
		require.Contains(t, errs, c.want, "%v", c.args)
		require.Empty(t, out, "after an error nothing goes to stdout")
	}
	out, _ := runs(t, exitDone, "-h")
	require.Contains(t, out, "exit code")
}

// TestSplitInARun: a split changes no figure but the number of shares.
func TestSplitInARun(t *testing.T) {
	var plain, split strings.Builder
	plain.WriteString("Date,Open,Close\n")
	split.WriteString("Date,Open,Close\n")
	date, price := ledger.Date(20240102), 0
	for i := range 150 {
		date = ledger.DateOf(date.Time(marketZone(t)).AddDate(0, 0, 1))
		price = 40_00 + 20*i
		plain.WriteString(row(date, price))
		if i >= 100 {
			price /= 4
		}
		split.WriteString(row(date, price))
	}
	at := ledger.DateOf(ledger.Date(20240102).Time(marketZone(t)).AddDate(0, 0, 101))
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "plain.csv"), []byte(plain.String()), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "split.csv"), []byte(split.String()), 0o600))
	var figures [2]accounts.Comparison
	a, _ := runs(t, exitDone, "-json", "-prices", "XYZ="+filepath.Join(dir, "plain.csv"), "-to", at.String())
	b, _ := runs(t, exitDone, "-json", "-prices", "XYZ="+filepath.Join(dir, "split.csv"), "-split", "XYZ="+at.String()+":4:1", "-to", at.String())
	require.NoError(t, json.Unmarshal([]byte(a), &figures[0]))
	require.NoError(t, json.Unmarshal([]byte(b), &figures[1]))
	for i := range figures[0].Standings {
		p, q := figures[0].Standings[i].Performance, figures[1].Standings[i].Performance
		require.Positive(t, p.Trades, "there must be something held")
		require.Equal(t, p.EndEquity.String(), q.EndEquity.String(), "the split changed what %s is worth", figures[0].Standings[i].Name)
	}
}

func marketZone(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(exchange)
	require.NoError(t, err)
	return zone
}

func row(d ledger.Date, cents int) string {
	return fmt.Sprintf("%s,%d.%02d,%d.%02d\n", d, cents/100, cents%100, cents/100, cents%100)
}
