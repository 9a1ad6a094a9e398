package main

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What somebody else has written meanwhile is not written over, and nothing is left behind.
func TestWriteNew(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "out")
	write := func(w io.Writer) error { _, err := io.WriteString(w, "journal"); return err }
	require.ErrorIs(t, writeNew(path, func(w io.Writer) error {
		require.NoError(t, os.WriteFile(path, []byte("another's"), 0o600))
		return write(w)
	}), os.ErrExist)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "another's", string(text))
	require.NoError(t, os.Remove(path))
	require.NoError(t, os.Symlink(filepath.Join(folder, "elsewhere"), path))
	require.ErrorIs(t, writeNew(path, write), os.ErrExist)
	require.NoError(t, os.Remove(path))
	require.NoError(t, writeNew(path, write))
	list, err := os.ReadDir(folder)
	require.NoError(t, err)
	require.Len(t, list, 1)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}
