package pgtest

import (
	"bufio"
	"database/sql"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

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

func TestRestartKeepsWhatWasCommitted(t *testing.T) {
	s := NewServer(t)
	require.NoError(t, admin(s.DSN(), "CREATE TABLE kept AS SELECT 'kept' AS word"), "create")
	require.NoError(t, s.StopImmediately(), "stop")
	require.Error(t, admin(s.DSN(), "SELECT 1"), "a stopped server answers")
	require.NoError(t, s.Start(), "start")
	require.Equal(t, "kept", query(t, s.DSN(), "SELECT word FROM kept"), "what was committed is gone")
}

// child is a test binary that starts a server, tells where, and waits to be killed.
func child() {
	s, err := startServer()
	if err != nil {
		os.Exit(1)
	}
	os.Stdout.WriteString(s.dir + "\n")
	time.Sleep(time.Hour)
}

func TestServerGoesWhenTheBinaryIsKilled(t *testing.T) {
	if _, err := binaries(); err != nil {
		end(t, err)
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "PGTEST_CHILD=1")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err, "pipe")
	require.NoError(t, cmd.Start(), "start the child")
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err, "the child did not start a server")
	dir := strings.TrimSpace(line)
	require.DirExists(t, dir, "the child's server has no folder")
	require.NoError(t, cmd.Process.Kill(), "kill the child")
	_ = cmd.Wait()
	require.Eventually(t, func() bool {
		_, err := os.Stat(dir)
		return errors.Is(err, fs.ErrNotExist)
	}, time.Minute, 20*time.Millisecond, "the folder outlived the test binary")
}

func TestDatabaseNameReplacesTheOneGiven(t *testing.T) {
	require.Equal(t, "host=h dbname=a dbname=b", withDatabase("host=h dbname=a", "b"))
	require.Equal(t, "postgres://u@h/b?sslmode=disable", withDatabase("postgres://u@h/a?sslmode=disable", "b"))
}
