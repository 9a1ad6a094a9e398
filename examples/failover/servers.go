package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lib/pq"
)

// cluster is a primary and its standbys. In production another program looks after that, such as
// Patroni.
type cluster struct {
	dir      string
	primary  *node
	standbys []*node
	dead     *node // the primary that was killed last, until it is a standby
}

// node is a server in a folder of its own, on a unix socket.
type node struct {
	name, dir string
	bin       string // where its programs are
}

// start starts a primary and its standbys. A commit waits for any one of these.
func start(ctx context.Context, n int) (_ *cluster, err error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	c := &cluster{}
	if c.dir, err = os.MkdirTemp("", "failover-"); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, c.remove())
		}
	}()
	if err := giveAway(c.dir); err != nil {
		return nil, err
	}
	for i := range n {
		one := &node{name: "node" + strconv.Itoa(i+1), dir: filepath.Join(c.dir, strconv.Itoa(i+1)), bin: bin}
		if err := errors.Join(os.Mkdir(one.dir, 0o700), giveAway(one.dir)); err != nil {
			return nil, err
		}
		if i > 0 {
			c.standbys = append(c.standbys, one)
			continue
		}
		c.primary = one
		if err := one.create(ctx); err != nil {
			return nil, err
		}
	}
	for _, s := range c.standbys {
		if err := s.follow(ctx, c.primary); err != nil {
			return nil, err
		}
	}
	return c, c.settle(ctx)
}

// remove ends what runs and deletes all of it.
func (c *cluster) remove() error {
	for _, n := range append(c.standbys, c.primary, c.dead) {
		if n != nil {
			_ = n.kill(context.Background()) // it may be dead already
		}
	}
	return os.RemoveAll(c.dir)
}

// dsn lists every server, for whoever wants the one that takes writes.
func (c *cluster) dsn() string {
	var dirs []string
	for _, n := range append([]*node{c.primary}, c.standbys...) {
		dirs = append(dirs, n.dir)
	}
	slices.Sort(dirs)
	return "host=" + strings.Join(dirs, ",") + " user=postgres dbname=postgres sslmode=disable connect_timeout=5" +
		" target_session_attrs=read-write"
}

// failOver kills the primary and promotes the standby that is ahead: it has whatever any standby
// has confirmed.
func (c *cluster) failOver(ctx context.Context) error {
	if err := c.primary.kill(ctx); err != nil {
		return err
	}
	var ahead *node
	var best int64
	for _, s := range c.standbys {
		if err := s.await(ctx, `SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`); err != nil { // what came is on its disk
			return err
		}
		received, err := ask[int64](ctx, s, `SELECT (pg_last_wal_receive_lsn() - '0/0')::bigint`)
		if err != nil {
			return err
		}
		if ahead == nil || received > best {
			ahead, best = s, received
		}
	}
	if err := ahead.run(ctx, "pg_ctl", "-D", ahead.data(), "-w", "promote"); err != nil {
		return err
	}
	c.dead, c.primary = c.primary, ahead
	c.standbys = slices.DeleteFunc(c.standbys, func(s *node) bool { return s == ahead })
	for _, s := range c.standbys {
		follow := "ALTER SYSTEM SET primary_conninfo = " + pq.QuoteLiteral(s.source(ahead))
		if err := s.execute(ctx, follow); err != nil {
			return err
		}
		if err := s.execute(ctx, "SELECT pg_reload_conf()"); err != nil {
			return err
		}
	}
	return nil
}

// rejoin makes the dead primary a standby, with a copy of its successor's data.
func (c *cluster) rejoin(ctx context.Context) error {
	if err := os.RemoveAll(c.dead.data()); err != nil {
		return err
	}
	if err := c.dead.follow(ctx, c.primary); err != nil {
		return err
	}
	c.standbys, c.dead = append(c.standbys, c.dead), nil
	return c.settle(ctx)
}

// settle waits until every standby follows the primary, and the primary waits for one of them.
func (c *cluster) settle(ctx context.Context) error {
	return c.primary.await(ctx, fmt.Sprintf(
		`SELECT count(*) = %d FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'quorum'`, len(c.standbys)))
}

func (n *node) data() string { return filepath.Join(n.dir, "data") }

func (n *node) dsn() string {
	return "host=" + n.dir + " user=postgres dbname=postgres sslmode=disable connect_timeout=5"
}

// source is how the node connects to the server that it follows.
func (n *node) source(primary *node) string {
	return "host=" + primary.dir + " user=postgres application_name=" + n.name
}

// create makes the first server.
func (n *node) create(ctx context.Context) error {
	if err := n.run(ctx, "initdb", "-D", n.data(), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C"); err != nil {
		return err
	}
	return n.start(ctx)
}

// follow makes the node a standby.
func (n *node) follow(ctx context.Context, primary *node) error {
	if err := n.run(ctx, "pg_basebackup", "-D", n.data(), "-R", "-c", "fast", "-d", n.source(primary)); err != nil {
		return err
	}
	return n.start(ctx)
}

// start has synchronous_standby_names on every node, so that one that is promoted waits for
// standbys too. Of a server that was killed, some processes may be there for a moment, and another
// does not start meanwhile.
func (n *node) start(ctx context.Context) (err error) {
	for range 20 {
		err = n.run(ctx, "pg_ctl", "-D", n.data(), "-w", "-l", filepath.Join(n.dir, "log"),
			"-o", "-k "+n.dir+" -c listen_addresses= -c wal_keep_size=64MB -c synchronous_standby_names='ANY 1 (*)'", "start")
		if err == nil || ctx.Err() != nil {
			break
		}
		pause(ctx)
	}
	return err
}

// pause waits a little, or until ctx ends.
func pause(ctx context.Context) {
	select {
	case <-time.After(50 * time.Millisecond):
	case <-ctx.Done():
	}
}

// kill ends the server's first process with SIGKILL; the others notice and end.
func (n *node) kill(ctx context.Context) error {
	text, err := os.ReadFile(filepath.Join(n.data(), "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	pid, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	if err := p.Kill(); err != nil {
		return err
	}
	for ctx.Err() == nil { // until its socket answers nobody
		if _, err := ask[int](ctx, n, "SELECT 1"); err != nil {
			break
		}
	}
	return ctx.Err()
}

// run runs one of the server's programs.
func (n *node) run(ctx context.Context, program string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(n.bin, program), args...)
	cmd.Dir = n.dir
	runUnprivileged(cmd)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", program, err, out)
	}
	return nil
}

func (n *node) execute(ctx context.Context, statement string) (err error) {
	db, err := sql.Open("postgres", n.dsn())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	_, err = db.ExecContext(ctx, statement)
	return err
}

// await asks until the answer is true: a server tells nobody of its state by itself.
func (n *node) await(ctx context.Context, query string) error {
	for {
		if yes, err := ask[bool](ctx, n, query); err != nil || yes {
			return err
		}
		pause(ctx)
	}
}

func ask[T any](ctx context.Context, n *node, query string) (answer T, err error) {
	db, err := sql.Open("postgres", n.dsn())
	if err != nil {
		return answer, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return answer, db.QueryRowContext(ctx, query).Scan(&answer)
}

// programs returns the folder with the server's programs.
func programs() (string, error) {
	folders := []string{os.Getenv("ACCOUNTS_PG_BIN")}
	if path, err := exec.LookPath("initdb"); err == nil {
		folders = append(folders, filepath.Dir(path))
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql*/bin", "/usr/local/opt/postgresql*/bin"} {
		found, _ := filepath.Glob(pattern) // of a pattern that is well formed
		slices.Reverse(found)              // newest first
		folders = append(folders, found...)
	}
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		if _, err := exec.LookPath(filepath.Join(folder, "pg_basebackup")); err == nil {
			return folder, nil
		}
	}
	return "", errors.New("no initdb, pg_ctl and pg_basebackup of PostgreSQL found: name their folder in $ACCOUNTS_PG_BIN")
}
