//go:build unix

package pgcreds

import (
	"path/filepath"
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
