package main

import (
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every fault still fits the library, and makes a difference to its text.
func TestEveryFaultFitsTheLibrary(t *testing.T) {
	names := map[string]bool{}
	for _, f := range faults {
		text, err := os.ReadFile("../../../" + f.file)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(text), f.was), "%s: how often the text is in %s", f.name, f.file)
		require.NotEqual(t, f.was, f.is, f.name)
		require.False(t, names[f.name], "%s is there twice", f.name)
		names[f.name] = true
	}
	require.GreaterOrEqual(t, len(faults), 40)
}

// exports returns a reader of what the compiler wrote of the packages that the library's import.
func exports(t *testing.T) importer.Lookup {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}", ".").Output()
	require.NoError(t, err)
	written := map[string]string{}
	for line := range strings.Lines(string(out)) {
		path, file, _ := strings.Cut(strings.TrimSpace(line), "\t")
		written[path] = file
	}
	return func(path string) (io.ReadCloser, error) { return os.Open(written[path]) }
}

// Every fault compiles.
func TestEveryFaultCompiles(t *testing.T) {
	t.Chdir("../../..") // where the paths of the faults begin
	files := token.NewFileSet()
	imports := importer.ForCompiler(files, "gc", exports(t))
	packages := map[string][]*ast.File{}
	for _, f := range faults {
		dir := filepath.Dir(f.file)
		if packages[dir] == nil {
			of, err := build.ImportDir(dir, 0)
			require.NoError(t, err)
			for _, name := range of.GoFiles {
				file, err := parser.ParseFile(files, filepath.Join(dir, name), nil, 0)
				require.NoError(t, err)
				packages[dir] = append(packages[dir], file)
			}
		}
		text, err := os.ReadFile(f.file)
		require.NoError(t, err)
		faulty, err := parser.ParseFile(files, f.file, strings.Replace(string(text), f.was, f.is, 1), 0)
		require.NoError(t, err, f.name)
		all := []*ast.File{faulty}
		for _, file := range packages[dir] {
			if files.Position(file.Package).Filename != filepath.FromSlash(f.file) {
				all = append(all, file)
			}
		}
		_, err = (&types.Config{Importer: imports}).Check(dir, files, all, nil)
		require.NoError(t, err, "%s does not compile", f.name)
	}
}
