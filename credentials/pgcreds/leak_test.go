package pgcreds

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/credtest"
	"github.com/ai-ots/accounts/internal/pgschema"
	"github.com/ai-ots/accounts/internal/pgtest"
)

const (
	timeLimit = time.Minute // after which an event that is awaited is taken not to come
	poll      = 5 * time.Millisecond
)

// known is the secret that must be nowhere.
const known = "Kn0wn-s3cret/that+must=be~nowhere"

// requireAbsent fails when the secret, or a key of a keyset, is in the text.
func requireAbsent(t *testing.T, where string, text []byte, keysets ...*keyset.Handle) {
	t.Helper()
	for _, form := range credtest.Forms([]byte(known)) {
		require.False(t, bytes.Contains(text, []byte(form)), "the secret is in %s", where)
	}
	for i, h := range keysets {
		for _, form := range credtest.Forms(keyBytes(t, h)) {
			require.False(t, bytes.Contains(text, []byte(form)), "a key of keyset %d is in %s", i, where)
		}
	}
}

// keyBytes are those of the last key of a keyset: in its serialization, the value's last 32.
func keyBytes(t *testing.T, h *keyset.Handle) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "keys")
	require.NoError(t, WriteKeyset(path, h), "WriteKeyset failed")
	text, err := os.ReadFile(path)
	require.NoError(t, err, "read")
	var parsed struct {
		Key []struct{ KeyData struct{ Value []byte } }
	}
	require.NoError(t, json.Unmarshal(text, &parsed), "parse")
	value := parsed.Key[len(parsed.Key)-1].KeyData.Value
	return value[len(value)-32:]
}

// heard is everything that a program might print or log.
type heard struct{ bytes.Buffer }

// add prints an error, and each that it wraps, in every way.
func (h *heard) add(err error) {
	if err == nil {
		return
	}
	fmt.Fprintf(h, "%v %+v %#v %s %q %x\n", err, err, err, err, err, err)
	slog.New(slog.NewJSONHandler(h, nil)).Error("failed", "err", err)
	slog.New(slog.NewTextHandler(h, nil)).Error("failed", "err", err)
	_ = json.NewEncoder(h).Encode(err)
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		h.add(e.Unwrap())
	case interface{ Unwrap() []error }:
		for _, e := range e.Unwrap() {
			h.add(e)
		}
	}
}

// mustFail adds an error that there has to be.
func (h *heard) mustFail(t *testing.T, what string, err error) {
	t.Helper()
	require.Error(t, err, "%s went well", what)
	h.add(err)
}

func serverLog(t testing.TB, s *pgtest.Server) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Folder(), "log"))
	require.NoError(t, err, "read the server's log")
	return text
}

// loudServer logs every statement with all that is bound to it, and has the schema.
func loudServer(t *testing.T, settings ...string) (*pgtest.Server, *sqlx.DB) {
	t.Helper()
	server := pgtest.NewServer(t)
	db := open(t, "postgres", server.DSN())
	for _, s := range append(settings, "log_parameter_max_length = -1", "log_parameter_max_length_on_error = -1", "log_error_verbosity = verbose", "log_min_error_statement = debug1") {
		run(t, db, "ALTER SYSTEM SET "+s)
	}
	require.NoError(t, Migrate(t.Context(), db), "Migrate failed")
	require.NoError(t, server.StopImmediately(), "stop the server")
	require.NoError(t, server.Start(), "start the server")
	return server, open(t, "postgres", server.DSN())
}

// requireServerClean looks for the secret and the keys in a dump, the log, and every file of the server's,
// among them those of the tables and the write-ahead log.
func requireServerClean(t *testing.T, s *pgtest.Server, db *sqlx.DB, keys ...*keyset.Handle) {
	t.Helper()
	if dump, ok := s.Dump(t); ok {
		require.Contains(t, string(dump), "COPY trading.credentials (", "the dump lacks the credentials")
		requireAbsent(t, "a dump", dump, keys...)
	}
	run(t, db, `CHECKPOINT`)
	files := 0
	require.NoError(t, filepath.WalkDir(s.Folder(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return ignoreGone(err)
		}
		text, err := os.ReadFile(path)
		requireAbsent(t, path, text, keys...)
		files++
		return ignoreGone(err)
	}), "read the server's files")
	require.Greater(t, files, 100, "where are the server's files")
}

func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// A known secret is put, everything fails that can, and the secret is looked for wherever it might be.
func TestNothingLeaks(t *testing.T) {
	h := &heard{}
	previous := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(h, &slog.HandlerOptions{Level: slog.LevelDebug}))) // log's, too
	t.Cleanup(func() { slog.SetDefault(previous); log.SetOutput(os.Stderr) })
	server, admin := loudServer(t, "log_statement = 'all'", "log_min_messages = debug1")
	keys, wrong := newKeys(t), newKeys(t)
	more, _ := rotated(t, keys)
	secret := creds("username", "u", "password", known)
	for name, driver := range drivers {
		id := accounts.LoginKey(name)
		proxy := pgtest.NewProxy(t, server)
		s := newStore(t, open(t, driver, proxy.DSN()), keys)
		require.NoError(t, s.Put(t.Context(), id, secret), "Put failed")
		got, err := s.Get(t.Context(), id, "")
		require.NoError(t, err, "Get failed")
		requireCreds(t, secret, got, "what was put")
		fmt.Fprintf(h, "%v %+v %#v %s %q %x %v", got, got, got, got, got, got, s)

		_, err = newStore(t, open(t, driver, server.DSN()), wrong).Get(t.Context(), id, "")
		h.mustFail(t, "Get with other keys", err)
		cutWhileAnswering(t, h, proxy, func(ctx context.Context) error { return s.Put(ctx, id, secret) })
		cutWhileAnswering(t, h, proxy, func(ctx context.Context) error { _, err := s.Get(ctx, id, ""); return err })
		cancelWhileWriting(t, h, admin, s, id, secret)
		refusedByServer(t, h, admin, s, id, secret)
		panicInProgress(t, h, newStore(t, open(t, driver, server.DSN()), more), got)

		s = newStore(t, open(t, driver, server.DSN()), more)
		run(t, admin, `UPDATE trading.credentials SET sealed = set_byte(sealed, length(sealed) - 1, get_byte(sealed, length(sealed) - 1) # 255) WHERE field = 'password'`)
		_, err = s.Get(t.Context(), id, "")
		h.mustFail(t, "Get of a corrupted row", err)
		evenMore, _ := rotated(t, more)
		_, err = newStore(t, open(t, driver, server.DSN()), evenMore).Rotate(t.Context(), nil)
		h.mustFail(t, "Rotate of a corrupted row", err)
		require.NoError(t, s.Put(t.Context(), id, secret), "Put failed")
		invalid := creds("\x00", known)
		h.mustFail(t, "a Put of a name that cannot be", s.Put(t.Context(), id, invalid))
		require.NoError(t, server.StopImmediately(), "stop the server")
		h.mustFail(t, "a Put on a stopped server", s.Put(t.Context(), id, secret))
		require.NoError(t, server.Start(), "start the server")
	}
	for i := range 1000 { // as a program would that binds what it should not
		run(t, admin, `SELECT $1::text`, fmt.Sprint("bound-", i))
	}
	require.Contains(t, string(serverLog(t, server)), "bound-999", "the server does not log what is bound")
	requireAbsent(t, "errors and logs", h.Bytes(), keys, more, wrong)
	requireServerClean(t, server, admin, keys, more, wrong)
	t.Logf("%d bytes of errors, %d of the server's log", h.Len(), len(serverLog(t, server)))
}

// cutWhileAnswering loses the connection after the server has done what was asked.
func cutWhileAnswering(t *testing.T, h *heard, proxy *pgtest.Proxy, call func(context.Context) error) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	held, result := proxy.HoldAnswers(), make(chan error, 1)
	go func() { result <- call(ctx) }()
	<-held
	stop() // else it would be tried again, and go well
	proxy.Cut()
	h.mustFail(t, "a call whose connection was cut", <-result)
}

// cancelWhileWriting ends the context of a Put that waits for another writer.
func cancelWhileWriting(t *testing.T, h *heard, admin *sqlx.DB, s *Store, id accounts.LoginKey, c credentials.Set) {
	t.Helper()
	tx, err := admin.BeginTxx(t.Context(), nil)
	require.NoError(t, err, "begin")
	defer func() { require.NoError(t, tx.Rollback(), "rollback") }()
	_, err = tx.ExecContext(t.Context(), `SELECT FROM trading.credentials FOR UPDATE`)
	require.NoError(t, err, "lock")
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	result := make(chan error, 1)
	go func() { result <- s.Put(ctx, id, c) }()
	require.Eventually(t, func() bool {
		return value[int](t, admin, `SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'`) > 0
	}, timeLimit, poll, "Put does not wait")
	stop()
	h.mustFail(t, "a Put that was cancelled", <-result)
}

// refusedByServer has the server quote the row that it does not take.
func refusedByServer(t *testing.T, h *heard, admin *sqlx.DB, s *Store, id accounts.LoginKey, c credentials.Set) {
	t.Helper()
	run(t, admin, `ALTER TABLE trading.credentials ADD CONSTRAINT none CHECK (false) NOT VALID`)
	h.mustFail(t, "a Put that the server refuses", s.Put(t.Context(), id, c))
	run(t, admin, `ALTER TABLE trading.credentials DROP CONSTRAINT none`)
}

// panicInProgress has a caller panic with credentials in hand.
func panicInProgress(t *testing.T, h *heard, s *Store, c credentials.Set) {
	t.Helper()
	defer func() {
		p := recover()
		require.NotNil(t, p, "there was no panic")
		fmt.Fprintf(h, "%v %+v %#v\n%s", p, p, p, debug.Stack())
	}()
	_, err := s.Rotate(t.Context(), func(int64) { panic(c) })
	require.NoError(t, err, "Rotate failed")
}

// The server's disk gets full while a Put writes.
func TestNothingLeaksOnAFullDisk(t *testing.T) {
	t.Parallel()
	server, db := loudServer(t)
	run(t, db, `ALTER TABLE trading.credentials ALTER COLUMN sealed SET STORAGE PLAIN`)
	require.NoError(t, server.StopImmediately(), "stop the server")
	require.NoError(t, server.StartCramped(), "start the server")
	h, keys := &heard{}, newKeys(t)
	db = open(t, "postgres", server.DSN())
	s := newStore(t, db, keys)
	secret := creds("password", known, "key", strings.Repeat("k", 7000))
	require.NoError(t, s.Put(t.Context(), "kept", secret), "Put failed")
	run(t, db, `INSERT INTO trading.credentials SELECT 'filler' || n, '', 1, decode(repeat('00', 7000), 'hex') FROM generate_series(1, 2300) n`)
	var full error
	for n := 0; full == nil; n++ {
		require.Less(t, n, 10_000, "the disk never got full")
		full = s.Put(t.Context(), profile(n), secret)
	}
	require.NotEmpty(t, pgschema.State(full), "not the server refused: %v", full)
	h.add(full)
	got, err := s.Get(t.Context(), "kept", "")
	require.NoError(t, err, "what was there cannot be read on a full disk")
	requireCreds(t, secret, got, "what was there")
	requireAbsent(t, "errors", h.Bytes(), keys)
	requireServerClean(t, server, db, keys)
	t.Logf("the server said: %v", full)
}
