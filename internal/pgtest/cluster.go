package pgtest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// Cluster is two servers of the test's own: a primary, and a standby that the primary waits for
// before a commit is acknowledged. There is nobody who fails over by himself: the test kills,
// promotes and seeds again. Its methods are not safe for concurrent use; clients may be at work
// meanwhile.
//
// The names of synchronous standbys are "*" on both servers, so that a promoted standby waits for
// the next one, and answers no commit until there is one.
type Cluster struct {
	primary, standby *Server
}

// NewCluster starts both servers, which live as long as the test.
func NewCluster(t testing.TB) *Cluster {
	t.Helper()
	c, err := startCluster()
	end(t, err)
	t.Cleanup(c.close)
	return c
}

// Primary returns the server that is or was last primary.
func (c *Cluster) Primary() *Server { return c.primary }

// Standby returns the other server.
func (c *Cluster) Standby() *Server { return c.standby }

// DSN returns a data source name that lists both servers and takes the one that accepts writes.
func (c *Cluster) DSN() string {
	return "host=" + c.primary.dir + "," + c.standby.dir + " user=postgres dbname=postgres sslmode=disable" +
		" target_session_attrs=read-write connect_timeout=5"
}

// Promote makes the standby the primary, on a new timeline, and returns when it accepts writes. The
// old primary is left as it is: dead if it was killed, and else a second server that accepts
// writes.
func (c *Cluster) Promote() error {
	if err := c.standby.tell("promote"); err != nil {
		return err
	}
	c.primary, c.standby = c.standby, c.primary
	return nil
}

// Rejoin makes the server that is not primary a standby of the primary with a new copy of its data,
// and returns when the primary waits for it. The server must have been killed or stopped.
func (c *Cluster) Rejoin() error {
	if err := c.standby.tell("seed " + c.primary.dir); err != nil {
		return err
	}
	if err := c.standby.Start(); err != nil {
		return err
	}
	return c.primary.Await(`SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum')`)
}

// Kill ends every process of the server with SIGKILL, as a machine that loses power would.
func (s *Server) Kill() error { return s.tell("kill") }

// Silence stops every process of the server where it is (SIGSTOP): nothing is answered, no
// connection is closed.
func (s *Server) Silence() error { return s.tell("silence") }

// Wake lets a silenced server go on.
func (s *Server) Wake() error { return s.tell("wake") }

// Set sets a parameter of the server's configuration, of those that need no restart, and returns
// when it is in force.
func (s *Server) Set(name, value string) error {
	return s.use(func(ctx context.Context, db *sql.DB) error {
		for _, statement := range []string{"ALTER SYSTEM SET " + name + " = '" + value + "'", "SELECT pg_reload_conf()"} {
			if _, err := db.ExecContext(ctx, statement); err != nil {
				return err
			}
		}
		if err := awaitTrue(ctx, db, "SELECT current_setting('"+name+"') = '"+value+"'"); err != nil {
			return err
		}
		// The server's process for checkpoints tells the others whether to wait for standbys. It
		// reads the configuration before it does what it is asked.
		_, err := db.ExecContext(ctx, "CHECKPOINT")
		return err
	})
}

// Await returns when the query answers true.
func (s *Server) Await(query string) error {
	return s.use(func(ctx context.Context, db *sql.DB) error { return awaitTrue(ctx, db, query) })
}

// use runs f on connections of its own, for a minute at most.
func (s *Server) use(f func(context.Context, *sql.DB) error) (err error) {
	db, err := sql.Open("postgres", s.DSN())
	if err != nil {
		return err
	}
	db.SetMaxIdleConns(-1) // a new connection has the newest configuration
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return errors.Join(f(ctx, db), db.Close())
}

// awaitTrue asks until the answer is true: a server tells nobody of its state by itself.
func awaitTrue(ctx context.Context, db *sql.DB, query string) error {
	for {
		var yes bool
		if err := db.QueryRowContext(ctx, query).Scan(&yes); err != nil || yes {
			return err
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("never true: %s", query)
		}
	}
}

// clusterOptions are what both servers need besides: pages whose history can be told, and a primary
// that does not give a silent standby up while a test lasts.
const clusterOptions = " -c wal_log_hints=on -c full_page_writes=on -c wal_sender_timeout=10min -c wal_keep_size=64MB"

func startCluster() (_ *Cluster, err error) {
	c := &Cluster{}
	defer func() {
		if err != nil {
			c.close()
		}
	}()
	if c.primary, err = startServer(clusterOptions); err != nil {
		return nil, err
	}
	if !hasProgram(c.primary.bin, "pg_basebackup") {
		return nil, errNoBackup
	}
	if c.standby, err = newServer(clusterOptions); err != nil {
		return nil, err
	}
	if err = c.primary.Set("synchronous_standby_names", "*"); err != nil {
		return nil, err
	}
	if err = c.Rejoin(); err != nil {
		log, _ := os.ReadFile(filepath.Join(c.standby.dir, "log"))
		return nil, fmt.Errorf("start a standby: %w: %s", err, log)
	}
	return c, nil
}

func (c *Cluster) close() {
	for _, s := range []*Server{c.primary, c.standby} {
		if s != nil {
			s.close()
		}
	}
}
