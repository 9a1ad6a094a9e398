package pgstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgschema"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/store/storetest"
)

// A store that appends by COPY from one entry on passes what of the suite is about appends. What reads finds
// the same rows; see TestCopyLeavesTheSameRows.
func TestStoreByCopy(t *testing.T) {
	one, other := keepPools(t, "postgres"), keepPools(t, "pgx")
	copying := func(t *testing.T, dsn string) *Store {
		s := one.store(t, dsn, WithListenDSN(dsn))
		s.minCopied = 1
		return s
	}
	t.Run("one", func(t *testing.T) {
		storetest.Run(t, func(t *testing.T) accounts.Store { return copying(t, migrated.Reused(t)) },
			storetest.General, storetest.Append, storetest.Locked, storetest.Concurrency)
	})
	t.Run("shared", func(t *testing.T) {
		storetest.RunShared(t, func(t *testing.T) (a, b accounts.Store) {
			dsn := migrated.Reused(t)
			return copying(t, dsn), other.store(t, dsn, WithListenDSN(dsn))
		})
	})
}

// oddly returns the fills with others among them: keys, texts and bytes that COPY writes in its own way.
func (f *fills) oddly(n int) accounts.Batch {
	b := f.next(n)
	hash := b.Entries[0].Prev
	for i := range b.Entries {
		e := &b.Entries[i]
		switch i % 7 {
		case 1:
			e.Kind, e.Key, e.Payload = "note", fmt.Sprintf("\\N\\.\t\n\r\"'{,}\b é€ %d", e.Seq), []byte{0, '\\', '\t', '\n', 0xff}
		case 3:
			e.Kind, e.Key, e.Payload = "note", "", []byte{}
		case 5:
			e.Payload = fmt.Appendf(nil, `{"v":1,"exec_id":"%s.%d","order_id":"\\.\t\n\\N'\"{}","instrument":{"sec_type":"STK","symbol":"ABC","currency":"EUR","multiplier":"1"},`+
				`"quantity":"-0.000001","price":"0.1234567890123456789","commission":"-1","commission_currency":"USD","time":"2025-05-16T13:30:01.123456Z"}`, "odd", e.Seq)
		}
		e.Prev = hash
		e.Hash = e.Sum()
		hash = e.Hash
	}
	f.hash = hash
	return b
}

// Either way leaves the same rows, byte for byte, but for what a table numbers by itself.
func TestCopyLeavesTheSameRows(t *testing.T) {
	for _, n := range []int{minCopied - 1, minCopied, minCopied + 1, 3 * minCopied} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			var left []string
			for _, minCopied := range []int{minCopied, 0} {
				db := open(t, "postgres", migrated.Database(t))
				s, err := New(t.Context(), db)
				require.NoError(t, err, "New failed")
				require.Equal(t, copiedBy(db), s.minCopied, "what a store with lib/pq copies")
				s.minCopied = minCopied
				copied := noteCopies(t, db)
				require.NoError(t, s.CreateProfile(t.Context(), testProfile(0)), "CreateProfile failed")
				f := fills{id: testProfile(0).ID}
				require.NoError(t, s.Append(t.Context(), f.next(3)), "Append failed")
				require.NoError(t, s.Append(t.Context(), f.oddly(n)), "Append failed")
				require.NoError(t, s.Append(t.Context(), f.next(1)), "Append failed behind it")
				want := []string{}
				if s.copies(n) {
					want = []string{"journal_entries", "trades"}
				}
				require.Equal(t, want, copied(), "the tables that were copied to")
				left = append(left, rowsLeft(t, db))
				require.NoError(t, s.Close(), "Close failed")
			}
			require.Equal(t, left[1], left[0], "the rows")
		})
	}
}

// noteCopies notes COPY. It returns what returns the tables that were copied to.
func noteCopies(t *testing.T, db *sqlx.DB) func() []string {
	run(t, db, `CREATE TABLE copies (name text)`, `CREATE FUNCTION note_copy() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN IF current_query() LIKE 'COPY%' THEN INSERT INTO copies VALUES (TG_TABLE_NAME); END IF; RETURN NULL; END $$`)
	for _, table := range []string{"journal_entries", "trades"} {
		run(t, db, `CREATE TRIGGER noted AFTER INSERT ON trading.`+table+` EXECUTE FUNCTION note_copy()`)
	}
	return func() []string {
		names := []string{}
		require.NoError(t, db.Select(&names, `SELECT name FROM copies ORDER BY name`), "copies")
		return names
	}
}

// rowsLeft are the rows of what appends write.
func rowsLeft(t *testing.T, db *sqlx.DB) string {
	return value[string](t, db, `
		SELECT string_agg(row, E'\n' ORDER BY row COLLATE "C") FROM (
			SELECT 'entry ' || j::text FROM trading.journal_entries j
			UNION ALL SELECT 'head ' || h::text FROM trading.journal_heads h
			UNION ALL SELECT 'trade ' || (to_jsonb(t) - 'id')::text FROM trading.trades t
			UNION ALL SELECT 'position ' || (to_jsonb(p) - '{id,created_at,updated_at}'::text[])::text FROM trading.positions p
		) AS all_of_them (row)`)
}

// Drivers that do not have lib/pq's COPY append as they did.
func TestCopyIsLibPQs(t *testing.T) {
	dsn := migrated.Reused(t)
	own, err := Open(t.Context(), dsn)
	require.NoError(t, err, "Open failed")
	for s, want := range map[*Store]bool{own: true, newStore(t, "postgres", dsn): true, newStore(t, "pgx", dsn): false} {
		require.Equal(t, want, s.copies(minCopied), "%T", s.db.Driver())
		require.False(t, s.copies(minCopied-1), "a smaller batch")
		require.NoError(t, s.Close(), "Close failed")
	}
}

// Keys that the journal has are named, wherever they are in the batch, and nothing of it is written.
func TestCopyOfDuplicates(t *testing.T) {
	db := open(t, "postgres", migrated.Database(t))
	s, err := New(t.Context(), db)
	require.NoError(t, err, "New failed")
	require.NoError(t, s.CreateProfile(t.Context(), testProfile(0)), "CreateProfile failed")
	f := fills{id: testProfile(0).ID}
	first := f.next(3)
	require.NoError(t, s.Append(t.Context(), first), "Append failed")
	before, twice := rowsLeft(t, db), f
	b := twice.next(2 * minCopied)
	for at, of := range map[int]int{minCopied: 1, 2*minCopied - 1: 0} {
		b.Entries[at].Key = first.Entries[of].Key
	}
	for i := range b.Entries {
		e := &b.Entries[i]
		if i > 0 {
			e.Prev = b.Entries[i-1].Hash
		}
		e.Hash = e.Sum()
	}
	err = s.Append(t.Context(), b)
	var refused *accounts.DuplicateError
	require.ErrorAs(t, err, &refused, "keys that the journal has")
	require.Equal(t, []accounts.Duplicate{{Key: first.Entries[1].Key, Seq: 2}, {Key: first.Entries[0].Key, Seq: 1}}, refused.Duplicates, "the keys")
	require.Equal(t, before, rowsLeft(t, db), "a batch that was refused left rows")

	again := f
	again.hash[0]++
	require.ErrorIs(t, s.Append(t.Context(), again.next(minCopied)), accounts.ErrConflict, "another hash")
	require.ErrorIs(t, s.Append(t.Context(), (&fills{id: f.id}).next(minCopied)), accounts.ErrConflict, "another place")
	require.ErrorIs(t, s.Append(t.Context(), (&fills{id: "nobody"}).next(minCopied)), accounts.ErrProfileNotFound, "no profile")
	require.Equal(t, before, rowsLeft(t, db), "a batch that was refused left rows")

	run(t, db, `INSERT INTO trading.trades (account_profile_id, journal_seq, exec_id) VALUES ('profile-00', 500, 'stray')`)
	require.NoError(t, s.Append(t.Context(), f.next(minCopied)), "where a trade's row is there already")
	require.NoError(t, s.Verify(t.Context(), f.id), "Verify")
	run(t, db, `INSERT INTO trading.journal_entries SELECT profile_id, seq + 500, kind, '', recorded_at, payload, prev, hash FROM trading.journal_entries WHERE seq = 1003`)
	require.ErrorIs(t, s.Append(t.Context(), f.next(minCopied)), accounts.ErrCorrupt, "an entry behind the journal's end")
	require.NoError(t, s.Close(), "Close failed")
}

// PostgreSQL has no COPY for roles that row-level security is for.
func TestCopyWithRowSecurity(t *testing.T) {
	t.Parallel()
	server, admin := ownServer(t)
	run(t, admin, `CREATE ROLE secured LOGIN`, `GRANT USAGE ON SCHEMA trading TO secured`, `GRANT ALL ON ALL TABLES IN SCHEMA trading TO secured`,
		`GRANT ALL ON ALL SEQUENCES IN SCHEMA trading TO secured`, `ALTER TABLE trading.trades ENABLE ROW LEVEL SECURITY`,
		`CREATE POLICY everything ON trading.trades USING (true) WITH CHECK (true)`)
	s := newStore(t, "postgres", "host="+server.Folder()+" user=secured dbname=postgres sslmode=disable")
	f := fills{id: testProfile(0).ID}
	require.NoError(t, s.Append(t.Context(), f.next(minCopied)), "Append failed")
	require.NoError(t, s.Verify(t.Context(), f.id), "Verify")
	require.NoError(t, s.Close(), "Close failed")
}

// The locks at which the server waits, amid COPY and at the commit.
const (
	amidCopy = 1
	atCommit = 2
)

// waitIn has the server wait for these locks, amid every COPY and at its commit.
func waitIn(t *testing.T, db *sqlx.DB) {
	run(t, db, `CREATE FUNCTION waiting() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN PERFORM pg_advisory_xact_lock_shared(TG_ARGV[0]::int); RETURN NEW; END $$`,
		`CREATE TRIGGER waiting BEFORE INSERT ON trading.journal_entries FOR EACH ROW WHEN (NEW.seq = 1500) EXECUTE FUNCTION waiting(1)`,
		`CREATE CONSTRAINT TRIGGER waiting AFTER UPDATE ON trading.journal_heads DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
			WHEN (NEW.seq = 2000) EXECUTE FUNCTION waiting(2)`)
}

// Whatever goes wrong before the commit, surely nothing was written; at the commit nobody knows.
func TestFaultsOfCopy(t *testing.T) {
	t.Parallel()
	server, _ := ownServer(t)
	proxy := pgtest.NewProxy(t, server)
	waitIn(t, open(t, "postgres", server.DSN()))
	for i, c := range []struct {
		name      string
		lock      int
		fault     func(t *testing.T, unlock func(), leave context.CancelFunc)
		unknown   bool
		is        error // nil where it may be appended, by another connection
		committed bool
	}{
		{"cut amid COPY", amidCopy, func(_ *testing.T, unlock func(), _ context.CancelFunc) { proxy.Cut(); unlock() }, false, nil, false},
		{"the server stops amid COPY", amidCopy, func(t *testing.T, unlock func(), _ context.CancelFunc) { restart(t, server) }, false, nil, false},
		{"the caller leaves amid COPY", amidCopy, func(_ *testing.T, _ func(), leave context.CancelFunc) { leave() }, false, context.Canceled, false},
		{"cut before the answer", atCommit, func(t *testing.T, unlock func(), _ context.CancelFunc) {
			held := proxy.HoldAnswers()
			unlock()
			<-held
			proxy.Cut()
		}, true, accounts.ErrOutcomeUnknown, true},
		{"the server stops at the commit", atCommit, func(t *testing.T, _ func(), _ context.CancelFunc) { restart(t, server) }, true, accounts.ErrOutcomeUnknown, false},
		{"the caller leaves at the commit", atCommit, func(_ *testing.T, _ func(), leave context.CancelFunc) { leave() }, true, context.Canceled, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := open(t, "postgres", server.DSN())
			s := newStore(t, "postgres", proxy.DSN())
			t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
			p := testProfile(90 + i)
			require.NoError(t, s.CreateProfile(t.Context(), p), "CreateProfile failed")
			f := fills{id: p.ID}
			next := f
			ctx, leave := context.WithTimeout(t.Context(), time.Minute)
			defer leave()
			lock := blocked(t, db, fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d)`, c.lock))
			unlock := func() { _ = lock.Rollback() } // an error where the server is another one
			result, b := make(chan error, 1), next.next(2*minCopied)
			go func() { result <- s.Append(ctx, b) }()
			awaitLocks(t, db, 1)
			c.fault(t, unlock, leave)
			err := endOf(t, result)
			unlock()
			require.Equal(t, c.unknown, errors.Is(err, accounts.ErrOutcomeUnknown), "whether nobody knows: %v", err)
			switch {
			case c.is != nil:
				require.ErrorIs(t, err, c.is, "Append")
			case err != nil:
				require.ErrorIs(t, err, accounts.ErrUnavailable, "Append")
			}
			again := s.Append(guarded(t), b) // which waits for what goes on without its caller
			if err == nil || c.committed {
				require.ErrorIs(t, again, accounts.ErrConflict, "the batch was not appended")
			} else {
				require.NoError(t, again, "the batch was appended, or the store is of no use afterwards")
			}
			require.Equal(t, int64(2*minCopied), value[int64](t, db, `SELECT seq FROM trading.journal_heads WHERE profile_id = $1`, string(f.id)), "the journal's end")
			require.NoError(t, s.Append(guarded(t), next.next(1)), "behind it")
			require.NoError(t, s.Verify(t.Context(), f.id), "Verify")
		})
	}
}

// A batch that nobody waits for any longer is not copied to its end: until then nobody else could append to
// the journal. A sequence counts what the server got, though the transaction is rolled back.
func TestCopyEndsWithoutItsCaller(t *testing.T) {
	const entries = 20 * minCopied // far more than is on its way when the server waits
	db := open(t, "postgres", migrated.Database(t))
	waitIn(t, db)
	run(t, db, `CREATE SEQUENCE copied`, `CREATE FUNCTION count_copied() RETURNS trigger LANGUAGE plpgsql AS
			$$ BEGIN PERFORM nextval('copied'); RETURN NEW; END $$`,
		`CREATE TRIGGER counted BEFORE INSERT ON trading.journal_entries FOR EACH ROW EXECUTE FUNCTION count_copied()`)
	s, err := New(t.Context(), db)
	require.NoError(t, err, "New failed")
	require.NoError(t, s.CreateProfile(t.Context(), testProfile(0)), "CreateProfile failed")
	f := fills{id: testProfile(0).ID}
	next := f
	lock := blocked(t, db, fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d)`, amidCopy))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	result, b := make(chan error, 1), next.next(entries)
	go func() { result <- s.Append(ctx, b) }()
	awaitLocks(t, db, 1)
	leave()
	err = endOf(t, result)
	require.ErrorIs(t, err, context.Canceled, "Append")
	require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, "Append")
	require.NoError(t, lock.Rollback(), "unlock")
	require.NoError(t, s.Append(guarded(t), f.next(1)), "behind what goes on without its caller")
	require.Less(t, value[int64](t, db, `SELECT last_value FROM copied`), int64(entries), "what was copied")
	require.NoError(t, s.Verify(t.Context(), f.id), "Verify")
	require.NoError(t, s.Close(), "Close failed")
}

// A batch whose caller has left is not tried again.
func TestCopyIsNotTriedWithoutItsCaller(t *testing.T) {
	m := newMock(t, false)
	s := m.open(t)
	g := &batchGroup{batches: []*pending{{batch: bought, ctx: t.Context()}}, spoilt: true}
	require.ErrorIs(t, s.appendByCopy(g, s.join(s.rowsOf(&bought))), errSpoilt, "appendByCopy")
	require.NoError(t, m.ExpectationsWereMet(), "not everything was asked")
	require.NoError(t, s.Close(), "Close failed")
}

func restart(t *testing.T, server *pgtest.Server) {
	require.NoError(t, server.StopImmediately(), "stop the server")
	require.NoError(t, server.Start(), "start the server")
}

// endOf returns the result of an append that a fault has ended.
func endOf(t *testing.T, result <-chan error) error {
	t.Helper()
	select {
	case err := <-result:
		return err
	case <-guarded(t).Done():
		require.Fail(t, "the append hangs")
		return nil
	}
}

// What is lost before the commit was surely not written, and is tried once more; what the server refuses goes
// by a statement, of which the careful one is for what is there already.
func TestEveryStepOfCopyFails(t *testing.T) {
	steps := transaction(execute("tcp_keepalives_idle", 0), accepted(groupText, 0),
		prepare("COPY trading.journal_entries"), execute("COPY trading.journal_entries", 0), execute("COPY trading.journal_entries", 1),
		prepare("COPY trading.trades"), execute("COPY trading.trades", 0), execute("COPY trading.trades", 1))
	key := &pq.Error{Code: uniqueViolation, Constraint: "journal_entries_key"}
	for i, s := range steps {
		for name, err := range map[string]error{"reset": errReset, "shut down": serverError("57P01"), "refused": serverError(featureNotSupported), "there already": key} {
			t.Run(fmt.Sprint(i, " ", s.verb, " ", s.text, "/", name), func(t *testing.T) {
				m := newMock(t, false)
				store := m.open(t)
				store.minCopied = 1
				failing := append(slices.Clone(steps[:i]), s.with(err))
				m.expect(failing...)
				var is error
				switch {
				case pgschema.Lost(err) && s.verb == "commit":
					is = accounts.ErrOutcomeUnknown
				case pgschema.Lost(err):
					m.expect(failing...)
					is = accounts.ErrUnavailable
				case err == key:
					m.expect(accepted(carefulText, 0))
				default:
					m.expect(accepted(fillText, 0))
				}
				got := store.Append(guarded(t), bought)
				for _, sentinel := range sentinels {
					require.Equal(t, sentinel == is, errors.Is(got, sentinel), "whether %v is %q", got, sentinel)
				}
				require.Equal(t, is == nil, got == nil, "Append: %v", got)
				require.NoError(t, m.ExpectationsWereMet(), "not everything was asked")
				m.expect(steps...)
				require.NoError(t, store.Append(guarded(t), bought), "the store is of no use afterwards")
				require.NoError(t, store.Close(), "Close failed")
			})
		}
	}
}
