package pgcreds

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/credentials/credtest"
	"github.com/ai-ots/accounts/internal/pgtest"
)

// shadowSize is beyond what the process uses: only the race detector's tables are larger.
const shadowSize = 1 << 30

// Once a caller has wiped what it had, and the store that keeps secrets in memory is closed, a core of
// the process has the secret nowhere: neither in use nor left over from before.
func TestNothingStaysInMemory(t *testing.T) {
	t.Parallel()
	secret := make([]byte, heldSize)
	_, _ = rand.Read(secret) // never fails
	server := pgtest.NewServer(t)
	require.NoError(t, Migrate(t.Context(), open(t, "postgres", server.DSN())), "Migrate failed")
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, WriteKeyset(path, newKeys(t)), "WriteKeyset failed")
	c := startChild(t, "hold", server.DSN(), path)
	defer c.kill()

	c.say(t, secret)
	c.await(t, "held")
	require.NotZero(t, c.find(t, string(secret)), "a secret that the process holds is not found in its memory")
	c.say(t, []byte("\n"))
	c.await(t, "wiped")
	require.Zero(t, c.find(t, credtest.Forms(secret)...), "the secret is in the memory of a process that has wiped it")
}

func (c *child) say(t *testing.T, text []byte) {
	t.Helper()
	_, err := c.stdin.Write(text)
	require.NoError(t, err, "write to another process")
}

func (c *child) await(t *testing.T, line string) {
	t.Helper()
	require.True(t, c.lines.Scan(), "another process ended")
	require.Equal(t, line, c.lines.Text(), "what another process says")
}

// find returns how often the texts are in the memory that the process can write: heap, stacks and variables.
func (c *child) find(t *testing.T, texts ...string) (n int) {
	t.Helper()
	proc := fmt.Sprintf("/proc/%d/", c.cmd.Process.Pid)
	maps, err := os.Open(proc + "maps")
	require.NoError(t, err, "read the list of the process's memory")
	defer maps.Close()
	memory, err := os.Open(proc + "mem")
	require.NoError(t, err, "read the process's memory")
	defer memory.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var start, end uint64
		var access string
		_, err := fmt.Sscanf(lines.Text(), "%x-%x %s", &start, &end, &access)
		require.NoError(t, err, "line %q of the list of the process's memory", lines.Text())
		if access[:2] != "rw" || end-start > shadowSize {
			continue
		}
		part := make([]byte, end-start)
		_, err = memory.ReadAt(part, int64(start))
		require.NoError(t, err, "read the process's memory at %x", start)
		for _, text := range texts {
			n += bytes.Count(part, []byte(text))
		}
	}
	return n
}
