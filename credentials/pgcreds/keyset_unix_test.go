//go:build unix

package pgcreds

import (
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

func TestPipeIsNoKeysetFile(t *testing.T) {
	t.Parallel()
	pipe := filepath.Join(t.TempDir(), "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600), "mkfifo")
	_, err := ReadKeyset(pipe)
	require.ErrorIs(t, err, accounts.ErrInvalid, "a pipe")
}

// A pipe that takes the file's place at any moment is refused, and not waited for.
func TestPipeInTheFilesPlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	targets := []string{filepath.Join(dir, "good"), filepath.Join(dir, "pipe")}
	require.NoError(t, WriteKeyset(targets[0], newKeys(t)), "WriteKeyset failed")
	require.NoError(t, syscall.Mkfifo(targets[1], 0o600), "mkfifo")
	swap := func(i int) error {
		next := filepath.Join(dir, "next")
		if err := os.Symlink(targets[i%2], next); err != nil {
			return err
		}
		return os.Rename(next, path)
	}
	require.NoError(t, swap(0), "link")
	stop := make(chan struct{})
	var swapping sync.WaitGroup
	swapping.Go(func() {
		for i := 1; ; i++ {
			select {
			case <-stop:
				return
			default:
				if err := swap(i); err != nil {
					t.Errorf("swap: %v", err)
					return
				}
			}
		}
	})
	refused := 0
	for range 2000 {
		if _, err := ReadKeyset(path); err != nil {
			require.ErrorIs(t, err, accounts.ErrInvalid, "a pipe in the file's place")
			refused++
		}
	}
	close(stop)
	swapping.Wait()
	require.NotZero(t, refused, "the pipe never was in the file's place")
}

// owned is what a file's look tells, with another owner.
type owned struct {
	fs.FileInfo
	uid int
}

func (o owned) Sys() any { return &syscall.Stat_t{Uid: uint32(o.uid)} }

// A file that another user has written, and so knows, is refused; root's is not.
func TestKeysetOfAnotherUserIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, WriteKeyset(path, newKeys(t)), "WriteKeyset failed")
	info, err := os.Stat(path)
	require.NoError(t, err, "stat")
	require.NoError(t, trusted(info), "the user's own file")
	require.NoError(t, trusted(owned{info, 0}), "root's file")
	another := os.Geteuid() + 4711
	err = trusted(owned{info, another})
	require.ErrorIs(t, err, accounts.ErrInvalid, "another user's file")
	require.ErrorContains(t, err, "belongs to user", "why is not said")
	if os.Geteuid() == 0 { // who alone can give a file away
		require.NoError(t, os.Chown(path, another, another), "chown")
		_, err = ReadKeyset(path)
		require.ErrorIs(t, err, accounts.ErrInvalid, "another user's file was read")
	}
}
