package accounts_test

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// leak looks for internal types in what a package offers.
type leak struct {
	pkg   *types.Package
	seen  map[types.Type]bool
	found []string
}

// leaks returns where a package's exported API mentions a type of an internal package, in a
// sentence for each.
func leaks(pkg *types.Package) []string {
	l := &leak{pkg: pkg, seen: map[types.Type]bool{}}
	for _, name := range pkg.Scope().Names() {
		o := pkg.Scope().Lookup(name)
		if !o.Exported() {
			continue
		}
		where := pkg.Name() + "." + name
		if n, ok := o.Type().(*types.Named); ok && o.Pkg() == n.Obj().Pkg() && o.Name() == n.Obj().Name() {
			l.named(n, where)
			continue
		}
		l.visit(types.Unalias(o.Type()), where)
	}
	return l.found
}

// named looks at what a type of the package itself is made of, and at its methods.
func (l *leak) named(n *types.Named, where string) {
	if l.seen[n] {
		return
	}
	l.seen[n] = true
	l.visit(n.Underlying(), where)
	for m := range n.Methods() {
		if m.Exported() {
			l.visit(m.Type(), where+"."+m.Name())
		}
	}
}

func (l *leak) visit(t types.Type, where string) {
	switch t := types.Unalias(t).(type) {
	case *types.Named:
		for a := range t.TypeArgs().Types() {
			l.visit(a, where)
		}
		switch p := t.Obj().Pkg(); {
		case p == nil: // error
		case p == l.pkg:
			l.named(t.Origin(), p.Name()+"."+t.Obj().Name())
		case strings.Contains("/"+p.Path()+"/", "/internal/"):
			l.found = append(l.found, fmt.Sprintf("%s mentions %s.%s", where, p.Path(), t.Obj().Name()))
		}
	case *types.Pointer:
		l.visit(t.Elem(), where)
	case *types.Slice:
		l.visit(t.Elem(), where)
	case *types.Array:
		l.visit(t.Elem(), where)
	case *types.Chan:
		l.visit(t.Elem(), where)
	case *types.Map:
		l.visit(t.Key(), where)
		l.visit(t.Elem(), where)
	case *types.Signature:
		for p := range t.TypeParams().TypeParams() {
			l.visit(p.Constraint(), where)
		}
		for v := range t.Params().Variables() {
			l.visit(v.Type(), where)
		}
		for v := range t.Results().Variables() {
			l.visit(v.Type(), where)
		}
	case *types.Struct:
		for f := range t.Fields() {
			if f.Exported() || f.Embedded() {
				l.visit(f.Type(), where+"."+f.Name())
			}
		}
	case *types.Interface:
		for m := range t.ExplicitMethods() {
			if m.Exported() {
				l.visit(m.Type(), where+"."+m.Name())
			}
		}
		for e := range t.EmbeddedTypes() {
			l.visit(e, where)
		}
	case *types.Union:
		for u := range t.Terms() {
			l.visit(u.Type(), where)
		}
	}
}

// TestPublicPackagesOfferNothingInternal: nobody outside could name the type.
func TestPublicPackagesOfferNothingInternal(t *testing.T) {
	exports := map[string]string{}
	var public []string
	for _, p := range goList(t, "-export", "-deps", "./...") {
		exports[p.ImportPath] = p.Export
		path, own := within(p.ImportPath)
		program := strings.HasPrefix(path, "examples/") || strings.HasPrefix(path, "cmd/")
		if own && !program && !strings.Contains(path, "internal/") {
			public = append(public, p.ImportPath)
		}
	}
	require.Contains(t, public, module, "go list knows nothing of the root")
	open := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	imports := importer.ForCompiler(token.NewFileSet(), "gc", open)
	for _, path := range public {
		pkg, err := imports.Import(path)
		require.NoError(t, err, "read what %s offers", path)
		require.Empty(t, leaks(pkg), path)
	}
}

// inside is an importer of one internal package.
type inside struct{ pkg *types.Package }

func (i inside) Import(string) (*types.Package, error) { return i.pkg, nil }

// TestInternalTypesAreFoundOut: wherever they hide in what a package offers.
func TestInternalTypesAreFoundOut(t *testing.T) {
	check := func(path, source string, from types.Importer) *types.Package {
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, path+".go", source, 0)
		require.NoError(t, err, source)
		pkg, err := (&types.Config{Importer: from}).Check(path, fset, []*ast.File{file}, nil)
		require.NoError(t, err, source)
		return pkg
	}
	internal := check("m/internal/x",
		"package x\ntype T struct{}\ntype L[E any] []E\ntype I interface{ M() }\nconst C = 1\nvar V int", nil)
	for source, want := range map[string]string{
		"func F(x.T) {}":                                    "p.F mentions m/internal/x.T",
		"func F() (int, *x.T) { return 0, nil }":            "p.F mentions m/internal/x.T",
		"func F(map[string][]chan x.T) {}":                  "p.F mentions m/internal/x.T",
		"func F(func([2]x.T)) {}":                           "p.F mentions m/internal/x.T",
		"func F[E x.I](E) {}":                               "p.F mentions m/internal/x.I",
		"var V x.T":                                         "p.V mentions m/internal/x.T",
		"type A = x.T":                                      "p.A mentions m/internal/x.T",
		"type A = []x.T":                                    "p.A mentions m/internal/x.T",
		"type S struct{ F x.T }":                            "p.S.F mentions m/internal/x.T",
		"type S struct{ x.T }":                              "p.S.T mentions m/internal/x.T",
		"type S struct{ s }; type s struct{ F x.T }":        "p.s.F mentions m/internal/x.T",
		"type s struct{ F x.T }; func F() s { return s{} }": "p.s.F mentions m/internal/x.T",
		"type S struct{}; func (S) M(x.T) {}":               "p.S.M mentions m/internal/x.T",
		"type S struct{}; func (*S) M() x.T { panic(0) }":   "p.S.M mentions m/internal/x.T",
		"type I interface{ M(x.T) }":                        "p.I.M mentions m/internal/x.T",
		"type I interface{ x.I }":                           "p.I mentions m/internal/x.I",
		"func F(x.L[int]) {}":                               "p.F mentions m/internal/x.L",
		"type G[E any] []E; var V G[x.T]":                   "p.V mentions m/internal/x.T",
		"type S struct{ f x.T }":                            "",
		"type S struct{}; func (S) m(x.T) {}":               "",
		"type s struct{ F x.T }; var v s":                   "",
		"func f(x.T) {}":                                    "",
		"const C = x.C":                                     "",
		"var V = x.V":                                       "",
		"type S struct{ Next *S; E error }; var _ x.T":      "",
	} {
		got := leaks(check("p", "package p\nimport \"m/internal/x\"\nvar _ = x.C\n"+source,
			inside{internal}))
		require.Equal(t, want, strings.Join(got, "; "), source)
	}
}
