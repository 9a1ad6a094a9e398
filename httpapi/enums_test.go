package httpapi

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/risk"
)

// constants returns the texts of the constants of a type, from its package's source.
func constants(t *testing.T, of reflect.Type) (list []string) {
	t.Helper()
	folder := filepath.Join("..", strings.TrimPrefix(of.PkgPath(), "github.com/ai-ots/accounts"))
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	require.NoError(t, err)
	require.NotEmpty(t, files, "no source of %s", of)
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		ast.Inspect(parsed, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok {
				return true
			}
			if id, ok := spec.Type.(*ast.Ident); !ok || id.Name != of.Name() {
				return true
			}
			for _, v := range spec.Values {
				if lit, ok := v.(*ast.BasicLit); ok && lit.Kind == token.STRING {
					text, err := strconv.Unquote(lit.Value)
					require.NoError(t, err)
					list = append(list, text)
				}
			}
			return true
		})
	}
	return list
}

// TestEnums: the description has every value that a type has, and no other.
func TestEnums(t *testing.T) {
	for of, list := range enums {
		if of == reflect.TypeFor[risk.Severity]() {
			for i, name := range list {
				require.Equal(t, name, risk.Severity(i).String())
			}
			_, err := risk.Severity(len(list)).MarshalText()
			require.Error(t, err, "there are more severities")
			continue
		}
		require.ElementsMatch(t, constants(t, of), list, "%s", of)
	}
}

// TestCodes: every code has a status and a title, every failure a code, and codes are written alike.
func TestCodes(t *testing.T) {
	listed := constants(t, reflect.TypeFor[Code]())
	require.Len(t, listed, len(codes))
	for _, code := range listed {
		require.Regexp(t, regexp.MustCompile(`^[a-z]+(_[a-z]+)*$`), code)
		require.NotZero(t, codes[Code(code)].status, code)
		require.NotEmpty(t, codes[Code(code)].title, code)
	}
	for _, f := range failures {
		require.Contains(t, codes, f.code)
	}
}

// TestFieldTexts: what the description says of fields is about fields that there are.
func TestFieldTexts(t *testing.T) {
	r := newReflector()
	for of, texts := range fieldTexts {
		r.of(of)
		for name, text := range texts {
			require.Contains(t, r.components[r.named[of]].Properties, name, "%s", of)
			require.Equal(t, text, r.components[r.named[of]].Properties[name].Description)
		}
	}
	for of := range descriptions {
		r.of(of)
		require.NotEmpty(t, r.components[r.named[of]].Description)
	}
}
