package keychain

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const pingEnv = "KEYCHAIN_PING" // set in the process that pings where nothing answers

// TestPingWhereNothingAnswers pings from a process of its own, as a process keeps its connection to
// the bus.
func TestPingWhereNothingAnswers(t *testing.T) {
	if os.Getenv(pingEnv) != "" {
		s, err := New("test")
		require.NoError(t, err, "New failed")
		require.ErrorIs(t, s.Ping(t.Context()), ErrUnavailable, "nothing answers a ping")
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPingWhereNothingAnswers$", "-test.v")
	cmd.Env = append(os.Environ(), pingEnv+"=yes", "DBUS_SESSION_BUS_ADDRESS=unix:path="+filepath.Join(t.TempDir(), "none"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "a ping without a bus: %s", out)
	require.Contains(t, string(out), "--- PASS: TestPingWhereNothingAnswers", "the test did not run")
}
