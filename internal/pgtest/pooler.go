package pgtest

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lib/pq"
)

// errNoPooler is what is said where there is no PgBouncer.
var errNoPooler = errors.New("this test needs PgBouncer: run `make postgres`, which installs it where it can, " +
	"or put the program into $" + envPooler)

// NewPooler starts a PgBouncer that hands the sessions of the database out by transaction, and that
// lives as long as the test. It returns the data source name of the database through the pooler.
// The pooler has few sessions, so that clients meet in them.
func NewPooler(t testing.TB, dsn string) string {
	t.Helper()
	p, through, err := startPooler(dsn)
	end(t, err)
	t.Cleanup(p.close)
	return through
}

// poolerSupervisor runs the pooler until its standard input ends. The pooler keeps nothing that
// could be lost: it is killed.
const poolerSupervisor = `
program=$1 dir=$2
trap '' INT TERM HUP
"$program" "$dir/pgbouncer.ini" </dev/null 2>&1 &
while read -r _; do :; done
kill -KILL $!
wait $!
rm -rf "$dir"
`

// pooler is a running PgBouncer.
type pooler struct {
	*process
	drained chan struct{} // closed when the pooler can say no more
}

func startPooler(dsn string) (_ *pooler, through string, err error) {
	if err := supported(); err != nil {
		return nil, "", err
	}
	program, err := poolerProgram()
	if err != nil {
		return nil, "", err
	}
	server, err := pq.NewConfig(dsn)
	if err != nil {
		return nil, "", fmt.Errorf("start PgBouncer: %w", err)
	}
	as, err := unprivileged()
	if err != nil {
		return nil, "", err
	}
	dir, err := folder("accounts-pool-", as)
	if err != nil {
		return nil, "", err
	}
	if err := os.WriteFile(filepath.Join(dir, "pgbouncer.ini"), []byte(poolerConfig(dir, server)), 0o644); err != nil {
		return nil, "", errors.Join(err, os.RemoveAll(dir))
	}
	process, err := supervise(dir, as, poolerSupervisor, program, dir)
	if err != nil {
		return nil, "", err
	}
	p := &pooler{process: process, drained: make(chan struct{})}
	through = fmt.Sprintf("host=%s port=%d user=any dbname=%s sslmode=disable", dir, poolerPort, server.Database)
	if err := errors.Join(p.await(), answers(through)); err != nil {
		p.close()
		return nil, "", fmt.Errorf("start PgBouncer: %w", err)
	}
	return p, through, nil
}

// poolerPort is no more than part of the socket's name.
const poolerPort = 6432

// poolerConfig lets everybody in and logs in to the server as the data source name says.
func poolerConfig(dir string, server pq.Config) string {
	tls := server.SSLMode
	if strings.HasPrefix(server.Host, "/") {
		tls = "disable"
	}
	login := "user=" + quoted(server.User)
	if server.Password != "" {
		login += " password=" + quoted(server.Password)
	}
	return fmt.Sprintf(`[databases]
* = host=%s port=%d %s

[pgbouncer]
listen_port = %d
unix_socket_dir = %s
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 500
server_tls_sslmode = %s
`, server.Host, server.Port, login, poolerPort, dir, tls)
}

// quoted is a value as PgBouncer's connection strings take it.
func quoted(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

// await reads what the pooler says until it is up, and from then on, since a full pipe would stop
// it.
func (p *pooler) await() error {
	said := ""
	lines := bufio.NewScanner(p.out)
	for lines.Scan() {
		said += lines.Text() + "\n"
		if strings.Contains(lines.Text(), "process up") {
			go func() {
				defer close(p.drained)
				_, _ = io.Copy(io.Discard, p.out)
			}()
			return nil
		}
	}
	close(p.drained)
	return errors.New(said)
}

// close ends the pooler and waits until its folder is gone.
func (p *pooler) close() {
	_ = p.stdin.Close()
	<-p.drained
	_ = p.cmd.Wait()
}

// answers waits for the answer of the server behind the pooler.
func answers(dsn string) error {
	db, err := sql.Open("postgres", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.Ping()
}

// poolerProgram returns the path of PgBouncer.
func poolerProgram() (string, error) {
	name := os.Getenv(envPooler)
	if name == "" {
		name = "pgbouncer"
	}
	for _, candidate := range []string{name, "/usr/sbin/" + name} { // Debian's is not in everybody's path
		if path, err := exec.LookPath(candidate); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", errNoPooler
}
