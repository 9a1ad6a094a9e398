package pgtest

import (
	"bufio"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/lib/pq"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if os.Getenv("PGTEST_CHILD") != "" {
		child()
	}
	Main(m)
}

func query(t *testing.T, dsn, text string) string {
	t.Helper()
	db, err := sql.Open("postgres", dsn)
	require.NoError(t, err, "open")
	defer db.Close()
	var answer string
	require.NoError(t, db.QueryRowContext(t.Context(), text).Scan(&answer), "%s", text)
	return answer
}

func TestDatabasesStayApart(t *testing.T) {
	template := &Template{Prepare: func(dsn string) error { return admin(dsn, "CREATE TABLE prepared AS SELECT 'yes' AS done") }}
	names := make(chan string, 4)
	t.Run("group", func(t *testing.T) {
		for range cap(names) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				dsn := template.Database(t)
				require.Equal(t, "yes", query(t, dsn, "SELECT string_agg(done, ',') FROM prepared"), "not a copy of the template")
				require.NoError(t, admin(dsn, "INSERT INTO prepared VALUES ('again')"), "insert")
				names <- query(t, dsn, "SELECT current_database()")
			})
		}
	})
	close(names)
	seen := map[string]bool{}
	server := serverOf(t)
	for name := range names {
		require.False(t, seen[name], "two tests got one database")
		seen[name] = true
		require.Equal(t, "0", query(t, server, "SELECT count(*) FROM pg_database WHERE datname = '"+name+"'"), "a test's database outlived it")
	}
}

// A database is never two tests' at once, and what one left the next does not find.
func TestReusedDatabasesAreEmptied(t *testing.T) {
	template := &Template{
		Prepare: func(dsn string) error { return admin(dsn, "CREATE TABLE found (word text)") },
		Empty:   "TRUNCATE found",
	}
	names := map[string]int{}
	for range 3 {
		t.Run("", func(t *testing.T) {
			one, other := template.Reused(t), template.Reused(t)
			require.NotEqual(t, one, other, "a database is used twice at once")
			for _, dsn := range []string{one, other} {
				require.Equal(t, "0", query(t, dsn, "SELECT count(*) FROM found"), "the database is not empty")
				require.NoError(t, admin(dsn, "INSERT INTO found VALUES ('left')"), "insert")
				names[query(t, dsn, "SELECT current_database()")]++
			}
		})
	}
	require.Len(t, names, 2, "a database was copied though one was free")
	require.Equal(t, "0", query(t, template.Database(t), "SELECT count(*) FROM found"), "the template is not its own")
}

func TestRestartKeepsWhatWasCommitted(t *testing.T) {
	s := NewServer(t)
	require.NoError(t, admin(s.DSN(), "CREATE TABLE kept AS SELECT 'kept' AS word"), "create")
	require.NoError(t, s.StopImmediately(), "stop")
	require.Error(t, admin(s.DSN(), "SELECT 1"), "a stopped server answers")
	require.NoError(t, s.Start(), "start")
	require.Equal(t, "kept", query(t, s.DSN(), "SELECT word FROM kept"), "what was committed is gone")
}

// child is a test binary that starts a server and a pooler, tells where, and waits to be killed: its
// standard input is a pipe that its parent holds open.
func child() {
	s, err := startServer("")
	if err != nil {
		os.Exit(1)
	}
	folders := []string{s.dir, blank.keeper.dir}
	if p, _, err := startPooler(s.DSN()); err == nil {
		folders = append(folders, p.dir)
	}
	fmt.Println(strings.Join(folders, " "))
	_, _ = io.Copy(io.Discard, os.Stdin)
	os.Exit(0)
}

func TestServersGoWhenTheBinaryIsKilled(t *testing.T) {
	end(t, supported())
	for _, missing := range []func() (string, error){binaries, poolerProgram} {
		_, err := missing()
		end(t, err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PGTEST_CHILD=1")
	in, err := cmd.StdinPipe()
	require.NoError(t, err, "pipe")
	defer in.Close()
	out, err := cmd.StdoutPipe()
	require.NoError(t, err, "pipe")
	require.NoError(t, cmd.Start(), "start the child")
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "the child did not start a server")
	folders := strings.Fields(line)
	require.Len(t, folders, 3, "the child did not start a pooler")
	for _, dir := range folders {
		require.DirExists(t, dir, "the child's server has no folder")
	}
	require.NoError(t, cmd.Process.Kill(), "kill the child")
	_ = cmd.Wait()
	for _, dir := range folders {
		require.Eventually(t, func() bool {
			_, err := os.Stat(dir)
			return errors.Is(err, fs.ErrNotExist)
		}, time.Minute, 20*time.Millisecond, "the folder outlived the test binary")
	}
}

func TestPoolerSharesSessions(t *testing.T) {
	db, err := sql.Open("postgres", NewPooler(t, Database(t)))
	require.NoError(t, err, "open")
	defer db.Close()
	sessions := map[string]bool{}
	for range 8 {
		c, err := db.Conn(t.Context())
		require.NoError(t, err, "connect")
		defer c.Close()
		var pid string
		require.NoError(t, c.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid), "query")
		sessions[pid] = true
	}
	require.LessOrEqual(t, len(sessions), 4, "every connection has a session of its own")
}

func TestPoolerConfigQuotesTheLogin(t *testing.T) {
	server, err := pq.NewConfig(`postgres://u:a'b@h:77/d?sslmode=require`)
	require.NoError(t, err, "parse")
	require.Contains(t, poolerConfig("/dir", server), "* = host=h port=77 user='u' password='a''b'\n", "the login")
	require.Contains(t, poolerConfig("/dir", server), "server_tls_sslmode = require\n", "the encryption")
}

func TestDatabaseNameReplacesTheOneGiven(t *testing.T) {
	require.Equal(t, "host=h dbname=a dbname=b", withDatabase("host=h dbname=a", "b"))
	require.Equal(t, "postgres://u@h/b?sslmode=disable", withDatabase("postgres://u@h/a?sslmode=disable", "b"))
}
