package pgcreds

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
)

func TestRotate(t *testing.T) {
	everywhere(t, func(t *testing.T, s *Store) {
		keys := newKeys(t)
		first := newStore(t, s.db, keys)
		const profiles = rotationBatch // and so two batches and more
		for i := range profiles {
			require.NoError(t, first.Put(t.Context(), profile(i), creds("username", "u", "password", fmt.Sprint(i))), "Put failed")
		}
		more, old := rotated(t, keys)
		second := newStore(t, s.db, more)
		primary := second.vault.primary
		require.NoError(t, second.Put(t.Context(), profile(0), creds("password", "0")), "Put failed")

		use, err := second.KeyUse(t.Context())
		require.NoError(t, err, "KeyUse failed")
		require.Equal(t, map[uint32]int64{old: 3 * (profiles - 1), primary: 2}, use, "rows by key")
		var told []int64
		done, err := second.Rotate(t.Context(), func(n int64) { told = append(told, n) })
		require.NoError(t, err, "Rotate failed")
		require.Equal(t, int64(3*(profiles-1)), done.Rewritten, "rows rewritten")
		require.Empty(t, done.Left, "rows are left")
		require.Equal(t, []int64{100, 200, 297}, told, "progress")
		done, err = second.Rotate(t.Context(), nil)
		require.NoError(t, err, "a second Rotate failed")
		require.Zero(t, done.Rewritten, "a second Rotate had something to do")

		last, err := RemoveKey(more, old)
		require.NoError(t, err, "RemoveKey failed")
		third := newStore(t, s.db, last)
		for i := range profiles {
			c, err := third.Get(t.Context(), profile(i), "")
			require.NoError(t, err, "the old key is needed still")
			require.Equal(t, fmt.Sprint(i), string(c["password"].Reveal()), "another password")
		}
		_, err = first.Get(t.Context(), profile(0), "")
		require.ErrorIs(t, err, ErrUnknownKey, "the old keyset reads still")
	})
}

func profile(i int) accounts.LoginKey { return accounts.LoginKey(fmt.Sprintf("profile-%05d", i)) }

// Rows that cannot be decrypted hold nothing up, and are neither rewritten nor lost.
func TestRotateLeavesWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Reused(t))
	keys, lost := newKeys(t), newKeys(t)
	first := newStore(t, db, keys)
	for i := range 3 {
		require.NoError(t, first.Put(t.Context(), profile(i), creds("k", "v")), "Put failed")
	}
	other := newStore(t, db, lost)
	require.NoError(t, other.Put(t.Context(), profile(3), creds("k", "v")), "Put failed")
	run(t, db, `DELETE FROM trading.credentials WHERE login_key = $1 AND field = ''`, string(profile(1)))
	before := stored(t, db, profile(1))
	more, old := rotated(t, keys)
	s := newStore(t, db, more)
	done, err := s.Rotate(t.Context(), nil)
	require.ErrorIs(t, err, ErrTampered, "the first row that cannot be read")
	require.ErrorContains(t, err, "3 rows stay", "how many cannot be read")
	require.Equal(t, Rotation{Rewritten: 4, Left: map[uint32]int64{old: 1, other.vault.primary: 2}}, done, "what was done")
	require.Equal(t, before, stored(t, db, profile(1)), "a row that cannot be read was changed")
	for i, want := range []error{nil, ErrTampered, nil, ErrUnknownKey} {
		_, err := s.Get(t.Context(), profile(i), "")
		require.ErrorIs(t, err, want, "profile %d", i)
	}
}

// A row that a writer holds is waited for, and what the writer puts is what stays.
func TestRotateWaitsForAWriter(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Reused(t))
	keys := newKeys(t)
	first := newStore(t, db, keys)
	for i := range 3 {
		require.NoError(t, first.Put(t.Context(), profile(i), creds("k", "old")), "Put failed")
	}
	more, _ := rotated(t, keys)
	s := newStore(t, db, more)
	rows, err := s.vault.seal(profile(1), creds("k", "new"))
	require.NoError(t, err, "seal")
	tx, err := db.BeginTxx(t.Context(), nil)
	require.NoError(t, err, "begin")
	for _, r := range rows {
		_, err = tx.ExecContext(t.Context(), `UPDATE trading.credentials SET key_id = $3, sealed = $4 WHERE login_key = $1 AND field = $2`, string(profile(1)), r.Field, r.KeyID, r.Sealed)
		require.NoError(t, err, "write")
	}
	var g group
	var done Rotation
	g.Go(func() (err error) {
		done, err = s.Rotate(t.Context(), nil)
		return err
	})
	waiting := func() bool {
		return value[int](t, db, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) > 0
	}
	require.Eventually(t, waiting, timeLimit, poll, "Rotate does not wait")
	require.Equal(t, 4, value[int](t, db, `SELECT count(*) FROM trading.credentials WHERE key_id = $1`, int64(s.vault.primary)), "the rows that nobody holds were not rewritten first")
	require.NoError(t, tx.Commit(), "commit")
	require.NoError(t, g.Wait(), "Rotate failed")
	require.Equal(t, int64(4), done.Rewritten, "what the writer wrote was rewritten")
	require.Empty(t, done.Left, "rows are left")
	c, err := s.Get(t.Context(), profile(1), "")
	require.NoError(t, err, "Get failed")
	requireCreds(t, creds("k", "new"), c, "what the writer put")
}

func TestRotateEndsWithItsContext(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Reused(t))
	keys := newKeys(t)
	first := newStore(t, db, keys)
	for i := range rotationBatch {
		require.NoError(t, first.Put(t.Context(), profile(i), creds("k", "v")), "Put failed")
	}
	more, _ := rotated(t, keys)
	s := newStore(t, db, more)
	ctx, stop := context.WithCancel(t.Context())
	done, err := s.Rotate(ctx, func(int64) { stop() })
	require.ErrorIs(t, err, context.Canceled, "the context is done")
	require.Equal(t, int64(rotationBatch), done.Rewritten, "what was done is not told")
	require.Panics(t, func() { _, _ = s.Rotate(t.Context(), func(int64) { panic("caller") }) }, "a panic of the caller's")
	done, err = s.Rotate(t.Context(), nil)
	require.NoError(t, err, "Rotate cannot be resumed")
	require.Empty(t, done.Left, "rows are left")
}

// rounds is how much is done: briefly among the other tests, in full when asked for.
func rounds(brief, full int) int {
	if os.Getenv("ACCOUNTS_FAULTS") == "full" {
		return full
	}
	return brief
}

// A process that rotates is killed again and again, while others read and write: nothing is lost, and at
// the end the old key is not needed.
func TestKilledRotation(t *testing.T) {
	t.Parallel()
	count, kills := rounds(2_000, 10_000), rounds(4, 20)
	dsn := migrated.Database(t)
	db := open(t, "postgres", dsn)
	keys := newKeys(t)
	l := &load{first: newStore(t, db, keys), count: count, passwords: make([]atomic.Int64, count)}
	l.fill(t)
	more, old := rotated(t, keys)
	path := filepath.Join(t.TempDir(), "keys.json")
	require.NoError(t, WriteKeyset(path, more), "WriteKeyset failed")
	l.store = newStore(t, db, more)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var g group
	for w := range loadWriters {
		g.Go(func() error { return l.write(ctx, w) })
		g.Go(func() error { return l.read(ctx) })
	}
	batches := 3 * count / rotationBatch
	for killed := 0; killed < kills; {
		c := startChild(t, "rotate", dsn, path)
		if !c.lines.Scan() { // what was left went between two kills
			require.NoError(t, c.cmd.Wait(), "another process failed")
			require.Equal(t, kills, killed, "the rotation was over too soon: only so many kills")
		}
		for range rand.IntN(max(1, batches/(2*kills))) {
			c.lines.Scan()
		}
		c.kill()
		killed++
	}
	use, err := l.store.KeyUse(t.Context())
	require.NoError(t, err, "KeyUse failed")
	done, err := l.store.Rotate(t.Context(), nil)
	require.NoError(t, err, "the rotation cannot be resumed")
	require.Empty(t, done.Left, "rows are left under the old key")
	stop()
	require.NoError(t, g.Wait(), "a reader or writer failed")

	last, err := RemoveKey(more, old)
	require.NoError(t, err, "RemoveKey failed")
	l.requireAll(t, newStore(t, db, last))
	t.Logf("%d credentials, %d kills, %d reads and %d writes meanwhile, %d rows were left for the last call",
		count, kills, l.reads.Load(), l.writes.Load(), use[old])
}

const loadWriters = 2

// load is profiles whose passwords change. Each is written by one writer; the number that is its
// password only grows.
type load struct {
	first, store *Store
	count        int
	passwords    []atomic.Int64 // the newest that was acknowledged
	reads        atomic.Int64
	writes       atomic.Int64
}

func (l *load) creds(i int, n int64) credentials.Set {
	return creds("username", string(profile(i)), "password", fmt.Sprint(n))
}

// fill puts everything under the first key.
func (l *load) fill(t *testing.T) {
	t.Helper()
	var g group
	for w := range 4 {
		g.Go(func() error {
			for i := w; i < l.count; i += 4 {
				if err := l.first.Put(t.Context(), profile(i), l.creds(i, 0)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait(), "Put failed")
}

func (l *load) write(ctx context.Context, writer int) error {
	for n := int64(1); ctx.Err() == nil; n++ {
		i := rand.IntN(l.count/loadWriters)*loadWriters + writer
		if err := l.store.Put(context.WithoutCancel(ctx), profile(i), l.creds(i, n)); err != nil {
			return err
		}
		l.passwords[i].Store(n)
		l.writes.Add(1)
	}
	return nil
}

func (l *load) read(ctx context.Context) error {
	for ctx.Err() == nil {
		i := rand.IntN(l.count)
		if err := l.check(context.WithoutCancel(ctx), l.store, i); err != nil {
			return err
		}
		l.reads.Add(1)
	}
	return nil
}

// check gets a profile's credentials, which must not be older than acknowledged.
func (l *load) check(ctx context.Context, s *Store, i int) error {
	least := l.passwords[i].Load()
	c, err := s.Get(ctx, profile(i), "")
	if err != nil {
		return err
	}
	var n int64
	if _, err := fmt.Sscan(string(c["password"].Reveal()), &n); err != nil || n < least || len(c) != 2 {
		return errors.Join(err, fmt.Errorf("profile %d: password %d, after %d was acknowledged", i, n, least))
	}
	if string(c["username"].Reveal()) != string(profile(i)) {
		return fmt.Errorf("profile %d: another's username", i)
	}
	return nil
}

func (l *load) requireAll(t *testing.T, s *Store) {
	t.Helper()
	ids, err := s.List(t.Context())
	require.NoError(t, err, "List failed")
	require.Len(t, ids, l.count, "credentials were lost")
	var g group
	for w := range 4 {
		g.Go(func() error {
			for i := w; i < l.count; i += 4 {
				if err := l.check(t.Context(), s, i); err != nil {
					return err
				}
			}
			return nil
		})
	}
	require.NoError(t, g.Wait(), "credentials cannot be read without the old key")
}

// Sets of one login are rotated each with its own list of names, also where a batch ends between two of
// its rows.
func TestRotateWithSeveralKinds(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Reused(t))
	keys := newKeys(t)
	s := newStore(t, db, keys)
	const logins = rotationBatch // and so seven batches and more
	sets := []credentials.Set{creds("k", "v"), credentials.NewGatewaySession(),
		creds("kind", "flex", "flex_token", "1", "flex_query_id", "2")}
	for i := range logins {
		for _, c := range sets {
			require.NoError(t, s.Put(t.Context(), profile(i), c), "Put failed")
		}
	}
	more, old := rotated(t, keys)
	done, err := newStore(t, db, more).Rotate(t.Context(), nil)
	require.NoError(t, err, "Rotate failed")
	require.Equal(t, Rotation{Rewritten: logins * (2 + 2 + 4), Left: map[uint32]int64{}}, done, "what Rotate did")
	last, err := RemoveKey(more, old)
	require.NoError(t, err, "RemoveKey failed")
	s = newStore(t, db, last)
	for i := range logins {
		for _, want := range sets {
			got, err := s.Get(t.Context(), profile(i), want.Kind())
			require.NoError(t, err, "Get failed")
			requireCreds(t, want, got, "what was rotated")
		}
	}
}
