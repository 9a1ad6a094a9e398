package pgcreds

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/memcreds"
)

const (
	childEnv     = "PGCREDS_CHILD" // makes the test binary another process, and says what it does
	childDSNEnv  = "PGCREDS_CHILD_DSN"
	childKeysEnv = "PGCREDS_CHILD_KEYS"
)

// heldSize is the size of the secret that another process is given.
const heldSize = 32

var childWork = map[string]func(ctx context.Context, s *Store) error{"rotate": rotateInChild, "hold": holdInChild}

func childMain(work string) {
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
		return childWork[work](ctx, s)
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, "another process:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// rotateInChild rotates, and tells after every batch how far it is.
func rotateInChild(ctx context.Context, s *Store) error {
	_, err := s.Rotate(ctx, func(n int64) { fmt.Println(n) })
	return err
}

// holdInChild reads a secret from its standard input and does with it what there is to do. It says
// "held" while it has it, and "wiped" once it was told to go on and has let go of it.
func holdInChild(ctx context.Context, s *Store) error {
	secret := make([]byte, heldSize)
	if _, err := io.ReadFull(os.Stdin, secret); err != nil {
		return err
	}
	memory := memcreds.New()
	for _, store := range []accounts.CredentialStore{s, memory} {
		if err := putAndGet(ctx, store, secret); err != nil {
			return err
		}
	}
	if _, err := s.Rotate(ctx, nil); err != nil {
		return err
	}
	fmt.Println("held")
	if _, err := os.Stdin.Read(make([]byte, 1)); err != nil {
		return err
	}
	clear(secret)
	if err := errors.Join(memory.Close(), s.Close()); err != nil {
		return err
	}
	fmt.Println("wiped")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until it ends
	return nil
}

// putAndGet leaves the secret with the store alone.
func putAndGet(ctx context.Context, s accounts.CredentialStore, secret []byte) error {
	c := credentials.Set{"password": credentials.NewSecret(secret)}
	defer c.Wipe()
	if err := s.Put(ctx, "a", c); err != nil {
		return err
	}
	got, err := s.Get(ctx, "a", "")
	if err != nil {
		return err
	}
	defer got.Wipe()
	if !got["password"].Equal(c["password"]) {
		return errors.New("another secret came back")
	}
	return nil
}

// child is another process: this test binary.
type child struct {
	cmd   *exec.Cmd
	stdin io.Writer
	lines *bufio.Scanner
}

func startChild(t *testing.T, work, dsn, keys string) *child {
	t.Helper()
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), childEnv+"="+work, childDSNEnv+"="+dsn, childKeysEnv+"="+keys)
	c.cmd.Stderr = os.Stderr
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err, "pipe")
	c.stdin, err = c.cmd.StdinPipe()
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
