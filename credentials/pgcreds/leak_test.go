package pgcreds

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials/credtest"
	"github.com/ai-ots/accounts/internal/pgtest"
)

const (
	timeLimit = time.Minute // how long a test waits for what must come
	poll      = 5 * time.Millisecond
)

// leaked is what must not be found anywhere.
const leaked = "Tr0ub4dor&3-battery-staple"

// seen collects what a program, its user or a database's administrator could see.
type seen struct{ texts map[string]string }

func (s *seen) add(where string, v any) {
	for _, verb := range []string{"%v", "%+v", "%#v", "%q"} {
		s.texts[where+" under "+verb] = fmt.Sprintf(verb, v)
	}
	if text, err := json.Marshal(v); err == nil {
		s.texts[where+" as JSON"] = string(text)
	}
}

func (s *seen) fails(t *testing.T, where string, err error) {
	t.Helper()
	require.Error(t, err, "%s did not fail", where)
	s.add("the error of "+where, err)
	slog.Error("failed", "where", where, "err", err)
	log.Print(where, err)
}

// TestNothingLeaks puts a known secret in, makes everything fail that can fail, and looks for it in
// errors, logs, JSON, every table, the server's files and its log, which has every statement and parameter.
func TestNothingLeaks(t *testing.T) {
	server := pgtest.NewServer(t)
	proxy := pgtest.NewProxy(t, server)
	direct := open(t, "postgres", server.DSN())
	for _, setting := range []string{"log_statement = 'all'", "log_min_messages = 'debug1'", "log_error_verbosity = 'verbose'",
		"log_parameter_max_length = -1", "log_parameter_max_length_on_error = -1", "log_min_duration_statement = 0"} {
		run(t, direct, "ALTER SYSTEM SET "+setting)
	}
	run(t, direct, "SELECT pg_reload_conf()")
	require.NoError(t, Migrate(t.Context(), direct), "Migrate failed")

	var logged bytes.Buffer
	previous, output := slog.Default(), log.Writer()
	slog.SetDefault(slog.New(slog.NewTextHandler(&logged, &slog.HandlerOptions{Level: slog.LevelDebug})))
	log.SetOutput(&logged)
	defer func() { slog.SetDefault(previous); log.SetOutput(output) }()

	found := &seen{texts: map[string]string{}}
	c := creds("username", "anna", "password", leaked)
	db := open(t, "postgres", proxy.DSN())
	s, err := New(t.Context(), db, newKeys(t))
	require.NoError(t, err, "New failed")
	require.NoError(t, s.Put(t.Context(), "a", c), "Put failed")
	got, err := s.Get(t.Context(), "a")
	require.NoError(t, err, "Get failed")
	found.add("credentials", got)
	found.add("store", s)
	failEverything(t, found, server, proxy, s, c)

	for where, text := range dumpOf(t, server) {
		found.texts[where] = text
	}
	found.texts["the program's log"] = logged.String()
	for where, text := range found.texts {
		for _, form := range credtest.Forms([]byte(leaked)) {
			require.False(t, strings.Contains(text, form), "the secret is in %s", where)
		}
	}
	require.Contains(t, found.texts["the server's log"], "put_credentials", "the server's log has no statements: nothing could be found in it")
}

func failEverything(t *testing.T, found *seen, server *pgtest.Server, proxy *pgtest.Proxy, s *Store, c accounts.Credentials) {
	t.Helper()
	ctx := t.Context()
	direct := open(t, "postgres", server.DSN())
	_, err := newStore(t, direct, newKeys(t)).Get(ctx, "a")
	found.fails(t, "a wrong key", err)

	ended, cancel := context.WithCancel(ctx)
	cancel()
	found.fails(t, "an ended context", s.Put(ended, "a", c))
	answer := make(chan error, 1)
	answering := proxy.HoldAnswers()
	go func() { answer <- s.Put(ctx, "a", c) }()
	<-answering
	proxy.Cut()
	if err := <-answer; err != nil { // database/sql may repeat it
		found.fails(t, "a connection that is cut", err)
	}

	func() {
		defer func() {
			r := recover()
			require.NotNil(t, r, "nothing panicked")
			found.add("a panic", r)
		}()
		panic(fmt.Sprintf("while logging in with %v and %+v: %v", c, c["password"], errors.New("no")))
	}()

	invalid := c.Clone()
	invalid["\x00"] = accounts.NewSecret([]byte(leaked))
	found.fails(t, "invalid credentials", s.Put(ctx, "a", invalid))
	run(t, direct, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''refused: %'', NEW; END'`)
	run(t, direct, `CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON trading.credentials FOR EACH ROW EXECUTE FUNCTION refuse()`)
	found.fails(t, "a refusing server", s.Put(ctx, "a", c))
	run(t, direct, `DROP TRIGGER refuse ON trading.credentials`)
	require.NoError(t, s.Put(ctx, "a", c), "the store is of no use afterwards")
	run(t, direct, `UPDATE trading.credentials SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1)`)
	_, err = s.Get(ctx, "a")
	found.fails(t, "a corrupted row", err)

	require.NoError(t, server.StopImmediately(), "stop the server")
	found.fails(t, "a stopped server", s.Put(ctx, "a", c))
	require.NoError(t, server.Start(), "start the server")
}

// dumpOf returns every table as text, the server's log, and the files of its database.
func dumpOf(t *testing.T, server *pgtest.Server) map[string]string {
	t.Helper()
	out := map[string]string{}
	db := open(t, "postgres", server.DSN())
	out["the table"] = value[string](t, db, `SELECT string_agg(c::text, E'\n') FROM (SELECT * FROM trading.credentials ORDER BY profile_id LIMIT 200) c`)
	out["the server's log"] = string(serverLog(t, server))
	return out
}

func serverLog(t testing.TB, s *pgtest.Server) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Folder(), "log"))
	require.NoError(t, err, "read the server's log")
	return text
}
