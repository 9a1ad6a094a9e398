package pgcreds

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
)

const (
	childDSNEnv  = "PGCREDS_CHILD_DSN" // makes the test binary another process
	childKeysEnv = "PGCREDS_CHILD_KEYS"
)

// rotateChild is a process that rotates, and tells after every batch how far it is.
func rotateChild() {
	ctx := context.Background()
	err := func() error {
		keys, err := ReadKeyset(os.Getenv(childKeysEnv))
		if err != nil {
			return err
		}
		db, err := sqlx.Open("postgres", os.Getenv(childDSNEnv))
		if err != nil {
			return err
		}
		s, err := New(ctx, db, keys)
		if err != nil {
			return err
		}
		_, err = s.Rotate(ctx, func(n int64) { fmt.Println(n) })
		return err
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "another process:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child is another process: this test binary.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
}

func startRotating(t *testing.T, dsn, keys string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childDSNEnv+"="+dsn, childKeysEnv+"="+keys)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err, "pipe")
	c.lines = bufio.NewScanner(out)
	require.NoError(t, c.cmd.Start(), "start another process")
	return c
}

// kill ends the process with SIGKILL.
func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	for c.lines.Scan() {
	}
	_ = c.cmd.Wait()
}
