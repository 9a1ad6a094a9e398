// Package servicetest starts the portfolio service for the tests of its clients.
package servicetest

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Symbol is a stock that the service's paper broker has a price of.
const Symbol = "AAPL"

// Profile is the name of an account that the service has.
const Profile = "Balanced-50K"

// Start builds the service and starts it as a process of its own, whose strategy hardly trades. It
// returns the address, such as http://127.0.0.1:40123. The service ends with the test.
func Start(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "portfolioservice.exe") // Windows wants the ending, and others do not mind
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "github.com/ai-ots/accounts/examples/portfolioservice").CombinedOutput()
	require.NoError(t, err, "the service does not build: %s", out)
	var log bytes.Buffer
	cmd := exec.Command(program, "-addr", "127.0.0.1:0", "-every", "1h")
	cmd.Stderr = &log
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		if cmd.Process.Signal(os.Interrupt) != nil { // as on Windows
			_ = cmd.Process.Kill()
		}
		_, _ = io.Copy(io.Discard, stdout)
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err, "the service does not say where it listens: %s", &log)
	_, address, found := strings.Cut(strings.TrimSpace(line), "http://")
	require.True(t, found, "no address: %q", line)
	return "http://" + strings.TrimSuffix(address, "/")
}
