package browser

import (
	_ "embed" // the list of packages
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// The one package that is fetched from the npm registry, with its hash.
var (
	//go:embed axe/package.json
	packages []byte
	//go:embed axe/package-lock.json
	lock []byte
)

// Axe is the scanner for accessibility, as a script.
type Axe string

// NewAxe fetches the scanner. The test is left out where there is no npm and no browser is
// required.
func NewAxe(t testing.TB) Axe {
	t.Helper()
	if _, err := exec.LookPath("npm"); err != nil {
		const missing = "the scanner for accessibility needs npm: run `make node`, which installs npm where it can"
		if os.Getenv(Required) == "" {
			t.Skip("left out: " + missing)
		}
		t.Fatal(missing)
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "package.json"), packages, 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "package-lock.json"), lock, 0o600))
	cmd := exec.CommandContext(t.Context(), "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "npm: %s", out)
	script, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	require.NoError(t, err)
	return Axe(script)
}

// Finding is what the scanner finds fault with.
type Finding struct {
	ID, Impact, Help string
	Nodes            []struct {
		HTML           string
		FailureSummary string
	}
}

// String returns the finding with what it was found at.
func (f Finding) String() string {
	text := fmt.Sprintf("%s (%s): %s", f.ID, f.Impact, f.Help)
	for _, n := range f.Nodes {
		text += fmt.Sprintf("\n  %.200s\n  %.300s", n.HTML, n.FailureSummary)
	}
	return text
}

// Scan returns what the scanner finds in the page of a tab by the rules of WCAG 2.2, levels A and
// AA, and by best practice: of every impact.
func (a Axe) Scan(tab *Tab) []Finding {
	tab.t.Helper()
	Eval[any](tab, string(a)+"\n;0")
	return Eval[[]Finding](tab, `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v =>
		({ID: v.id, Impact: v.impact, Help: v.help, Nodes: v.nodes.map(n => ({HTML: n.html, FailureSummary: n.failureSummary}))})))`)
}
