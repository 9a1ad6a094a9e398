package pgstore

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	childEnv    = "PGSTORE_CHILD" // which of children the test binary is to be
	childDSNEnv = "PGSTORE_CHILD_DSN"
	childArgEnv = "PGSTORE_CHILD_ARG"
)

// children are what other processes do in tests. They tell on standard output, and end when their
// standard input does.
var children = map[string]func(){"load": loadChild, "lease": leaseChild, "reserve": reserveChild, "soak": soakChild, "migrate": migrateChild}

// child is another process: this test binary.
type child struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	lines *bufio.Scanner
}

func startChild(t *testing.T, name, dsn, arg string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childEnv+"="+name, childDSNEnv+"="+dsn, childArgEnv+"="+arg)
	c.cmd.Stderr = os.Stderr
	var err error
	c.stdin, err = c.cmd.StdinPipe()
	require.NoError(t, err, "pipe")
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err, "pipe")
	c.lines = bufio.NewScanner(out)
	c.lines.Buffer(nil, 1<<20)
	require.NoError(t, c.cmd.Start(), "start another process")
	return c
}

// kill ends the process with SIGKILL and returns what it had said before.
func (c *child) kill() (rest []string) {
	_ = c.cmd.Process.Kill()
	for c.lines.Scan() {
		rest = append(rest, c.lines.Text())
	}
	_ = c.cmd.Wait()
	return rest
}

// untilOrphaned returns when the parent is gone, or has closed the child's standard input.
func untilOrphaned() { _, _ = io.Copy(io.Discard, os.Stdin) }
