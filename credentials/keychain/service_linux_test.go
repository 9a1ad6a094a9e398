package keychain

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials/credtest"
)

const (
	serviceEnv = "KEYCHAIN_SECRET_SERVICE"   // set in the process that a throwaway service belongs to
	requireEnv = "ACCOUNTS_REQUIRE_KEYCHAIN" // fail where there is no service to be had
)

// begin starts a GNOME Keyring whose login keyring is new and open, on a bus of its own, and then what
// it is given: --unlock returns when the service has its name on the bus.
const begin = `printf 'throwaway' | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$0" "$@"`

// TestSecretService runs the suite on a real Secret Service, in a home folder and on a bus of its own.
// Both end with the process that uses them.
func TestSecretService(t *testing.T) {
	if os.Getenv(serviceEnv) != "" {
		credtest.Run(t, func(t *testing.T) accounts.CredentialStore {
			s, err := New(strings.ReplaceAll(t.Name(), "/", " ")[len("TestSecretService"):])
			require.NoError(t, err, "New failed")
			return s
		})
		return
	}
	for _, program := range []string{"dbus-run-session", "gnome-keyring-daemon"} {
		if _, err := exec.LookPath(program); errors.Is(err, exec.ErrNotFound) {
			const missing = "the test on a real Secret Service needs dbus-run-session and gnome-keyring-daemon: run `make keychain`, which installs them where it can"
			if os.Getenv(requireEnv) == "" {
				t.Skip("left out: " + missing)
			}
			t.Fatal(missing)
		}
	}
	home := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "dbus-run-session", "--", "sh", "-c", begin, os.Args[0], "-test.run=^TestSecretService$", "-test.v")
	cmd.Env = append(os.Environ(), serviceEnv+"=yes", "HOME="+home, "XDG_DATA_HOME="+home, "XDG_RUNTIME_DIR="+home, "XDG_CACHE_HOME="+home, "XDG_CONFIG_HOME="+home)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "the suite fails on the Secret Service: %s", out)
	require.Contains(t, string(out), "--- PASS: TestSecretService/nothing_leaks", "the suite did not run")
}
