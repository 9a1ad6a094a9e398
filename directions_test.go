package accounts_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "github.com/ai-ots/accounts"

// floor is where packages stand: they import what is on floors below theirs.
type floor struct {
	// packages are paths in the module. One that ends in "/..." stands for all below it, but for what
	// another floor names.
	packages []string
	within   bool // they may import each other
}

// floors are those of the library, from the lowest. A new package has to be placed here.
var floors = []floor{
	{packages: []string{"invalid", "internal/hub", "internal/text", "internal/wire"}},
	{packages: []string{"internal/num"}},
	{packages: []string{"ledger"}},
	{packages: []string{"risk"}},
	{packages: []string{"internal/exposure", "sizing", "performance", "reconcile", "credentials"}},
	{packages: []string{""}},
	{packages: []string{"internal/pgschema"}},
	{packages: []string{"store/...", "credentials/..."}},
	{packages: []string{"broker", "broker/...", "ibkr/..."}, within: true},
	{packages: []string{"httpapi", "users", "users/..."}, within: true},
	{packages: []string{"cmd/...", "examples/..."}, within: true},
}

// forTests are packages that tests alone import.
var forTests = []string{"internal/desktest", "internal/flextest", "internal/goldentest", "internal/payloadtest",
	"internal/pgtest", "internal/rulemodel", "internal/rulemodel/faults"}

// foreign is what the root and all below it may import from elsewhere; the standard library apart,
// of which they may not import what is in banned.
var (
	foreign = []string{"github.com/google/uuid", "github.com/quagmt/udecimal",
		"github.com/rickar/cal/v2"}
	banned = []string{"database/sql", "net/http", "net/rpc", "time/tzdata"}
)

// listed is a package as "go list" tells of it.
type listed struct {
	ImportPath string
	Imports    []string // those of tests are not among them
	Deps       []string
	Export     string
}

// goList runs "go list" in the module's folder.
func goList(t *testing.T, args ...string) (list []listed) {
	t.Helper()
	command := append([]string{"list", "-json=ImportPath,Imports,Deps,Export"}, args...)
	cmd := exec.CommandContext(t.Context(), "go", command...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "go list failed: %s", &stderr)
	for dec := json.NewDecoder(bytes.NewReader(out)); dec.More(); {
		var p listed
		require.NoError(t, dec.Decode(&p), "go list said something else")
		list = append(list, p)
	}
	return list
}

// within returns the package's path in the module; false for one of another.
func within(path string) (string, bool) {
	if path == module {
		return "", true
	}
	return strings.CutPrefix(path, module+"/")
}

// floorOf returns the number of the floor that a package of the module is on, -1 if it was not
// placed.
func floorOf(path string) int {
	wide, length := -1, 0
	for n, f := range floors {
		for _, p := range f.packages {
			folder, all := strings.CutSuffix(p, "...")
			if p == path {
				return n
			}
			if all && strings.HasPrefix(path, folder) && len(folder) > length {
				wide, length = n, len(folder)
			}
		}
	}
	return wide
}

// wrongImports returns what packages import that they may not, in a sentence for each.
func wrongImports(list []listed) (wrong []string) {
	root := floorOf("")
	say := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	for _, p := range list {
		path, own := within(p.ImportPath)
		if !own || slices.Contains(forTests, path) {
			continue
		}
		at := floorOf(path)
		if at < 0 {
			say("%s is on no floor: place it in directions_test.go", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			to, own := within(imported)
			switch {
			case !own:
				if at <= root && !permittedImport(imported) {
					say("%s imports %s: the root and what is below it does without", p.ImportPath, imported)
				}
			case slices.Contains(forTests, to):
				say("%s imports %s, which is for tests alone", p.ImportPath, imported)
			case to == "internal/exposure" && path != "":
				say("%s imports %s, which is the root's alone", p.ImportPath, imported)
			case floorOf(to) > at || floorOf(to) == at && !floors[at].within:
				say("%s imports %s, which does not stand below it", p.ImportPath, imported)
			}
		}
		if at <= root && slices.Contains(p.Deps, "net/http") { // database/sql comes with udecimal
			say("%s comes to net/http by way of what it imports", p.ImportPath)
		}
	}
	return wrong
}

// permittedImport reports whether the root and what is below it may import a package of another
// module.
func permittedImport(path string) bool {
	under := func(p string) bool { return path == p || strings.HasPrefix(path, p+"/") }
	if first, _, _ := strings.Cut(path, "/"); !strings.Contains(first, ".") {
		return !slices.ContainsFunc(banned, under)
	}
	return slices.ContainsFunc(foreign, under)
}

func TestDirections(t *testing.T) {
	list := goList(t, "./...")
	require.Empty(t, wrongImports(list), "imports go one way, as the table says")
	seen := map[string]bool{}
	for _, p := range list {
		path, _ := within(p.ImportPath)
		seen[path] = true
	}
	for _, path := range forTests {
		require.True(t, seen[path], "%s is gone: take it out of directions_test.go", path)
	}
}

// TestDirectionsAreHeld: graphs that are wrong are found out.
func TestDirectionsAreHeld(t *testing.T) {
	for name, c := range map[string]struct {
		from    string
		imports []string
		wrong   string // part of the sentence, empty if nothing is
	}{
		"down":                       {"", []string{"internal/exposure", "ledger", "internal/hub"}, ""},
		"the lowest":                 {"internal/num", []string{"invalid"}, ""},
		"up":                         {"ledger", []string{"risk"}, "ledger imports " + module + "/risk, which does not stand below it"},
		"up to the root":             {"risk", []string{""}, "which does not stand below it"},
		"beside":                     {"sizing", []string{"performance"}, "which does not stand below it"},
		"a store from another":       {"store/memstore", []string{"store/pgstore"}, "which does not stand below it"},
		"the root from a store":      {"", []string{"store/memstore"}, "which does not stand below it"},
		"credentials from its store": {"credentials", []string{"credentials/memcreds"}, "which does not stand below it"},
		"a store of credentials":     {"credentials/keychain", []string{"credentials", ""}, ""},
		"a broker from another":      {"ibkr/cpapi", []string{"broker", "ibkr/cpapi/oauth1"}, ""},
		"a broker from users":        {"broker", []string{"users"}, "which does not stand below it"},
		"the judge, by a store":      {"store/memstore", []string{"internal/exposure"}, "which is the root's alone"},
		"the judge, by a neighbour":  {"sizing", []string{"internal/exposure"}, "which is the root's alone"},
		"what is for tests":          {"examples/quickstart", []string{"internal/desktest"}, "which is for tests alone"},
		"a package that is new":      {"clock", nil, "is on no floor"},
		"a new internal one":         {"internal/clock", nil, "is on no floor"},
		"SQL":                        {"", []string{"=database/sql"}, "imports database/sql: the root"},
		"a driver's interface":       {"ledger", []string{"=database/sql/driver"}, "imports database/sql/driver: the root"},
		"HTTP":                       {"risk", []string{"=net/http"}, "imports net/http: the root"},
		"a driver":                   {"", []string{"=github.com/lib/pq"}, "imports github.com/lib/pq: the root"},
		"an example's dependency":    {"performance", []string{"=golang.org/x/term"}, "imports golang.org/x/term: the root"},
		"all time zones":             {"risk", []string{"=time/tzdata"}, "imports time/tzdata: the root"},
		"a permitted one":            {"ledger", []string{"=github.com/quagmt/udecimal", "=time", "=github.com/rickar/cal/v2/us"}, ""},
		"one that sounds like it":    {"ledger", []string{"=github.com/quagmt/udecimals"}, "imports github.com/quagmt/udecimals: the root"},
		"a driver, in a store":       {"store/pgstore", []string{"=github.com/lib/pq", "=database/sql", ""}, ""},
		"HTTP by way of another":     {"ledger", []string{"+net/http"}, "comes to net/http"},
		"another module's":           {"=example.com/x", []string{"internal/exposure"}, ""},
	} {
		p := listed{ImportPath: full(c.from)}
		for _, i := range c.imports {
			if dep, far := strings.CutPrefix(i, "+"); far {
				p.Deps = append(p.Deps, dep)
				continue
			}
			p.Imports = append(p.Imports, full(i))
		}
		got := wrongImports([]listed{p})
		if c.wrong == "" {
			require.Empty(t, got, name)
			continue
		}
		require.Len(t, got, 1, "%s: %v", name, got)
		require.Contains(t, got[0], c.wrong, name)
	}
}

// full is a package's path from its path in the module, or behind a "=" itself.
func full(path string) string {
	if other, ok := strings.CutPrefix(path, "="); ok {
		return other
	}
	return strings.TrimSuffix(module+"/"+path, "/")
}
