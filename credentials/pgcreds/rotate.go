package pgcreds

import (
	"context"
	"fmt"

	"github.com/lib/pq"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgschema"
)

// Rotation is what a call of Rotate did. Rows are what is counted: one for each field of a set, and
// one more for each set.
type Rotation struct {
	Rewritten int64            // rows that are now under the primary key
	Left      map[uint32]int64 // rows under other keys when it ended, by key id; empty when all is done
}

// rotationBatch is how many rows are read, encrypted and written at a time.
const rotationBatch = 100

// Rotate encrypts whatever is not under the primary key anew, batch by batch, while readers and
// writers go on: nobody waits for more than one batch's statement. It can be interrupted at any
// moment, by ctx or by the end of the process, and called again; several may run at once. progress,
// if not nil, is told after every batch how many rows this call has rewritten.
//
// When ctx ends in the middle of a batch, the batch goes on without the caller, who is told
// accounts.ErrOutcomeUnknown.
//
// Rows that cannot be decrypted stay as they are; the error then wraps ErrUnreadable for the first
// of them, and everything else is rewritten all the same. Where a process writes under an old key
// still, rows may be left without an error: see Left, and KeyUse.
func (s *Store) Rotate(ctx context.Context, progress func(rewritten int64)) (Rotation, error) {
	var done Rotation
	var unreadable int64
	var first error
	for last := (rotationRow{}); ; {
		if err := s.ready(ctx); err != nil {
			return done, err
		}
		batch, err := s.oldRows(ctx, last)
		if err != nil {
			return done, s.failed(ctx, err, "rotate credentials")
		}
		if len(batch) == 0 {
			break
		}
		last = batch[len(batch)-1]
		old, fresh, errs := s.reseal(batch)
		if unreadable += int64(len(errs)); first == nil && len(errs) > 0 {
			first = errs[0]
		}
		n, err := s.replace(ctx, old, fresh)
		done.Rewritten += n
		if err != nil {
			return done, s.failed(ctx, err, "rotate credentials")
		}
		if progress != nil {
			progress(done.Rewritten)
		}
	}
	use, err := s.KeyUse(ctx)
	if err != nil {
		return done, err
	}
	delete(use, s.vault.primary)
	done.Left = use
	if first != nil {
		return done, fmt.Errorf("rotate credentials: %d rows stay under their keys, the first: %w", unreadable, first)
	}
	return done, nil
}

// reseal encrypts a batch under the primary key, and opens each set's manifest once. It returns
// the rows that could be, as they were and as they are to be, and an error for each that could not.
func (s *Store) reseal(batch []rotationRow) (old []rotationRow, fresh []row, errs []error) {
	var put []byte
	var manifestErr error
	for _, r := range batch {
		if r.First {
			put, _, manifestErr = s.vault.openManifest(r.LoginKey, row{KeyID: r.ManifestKeyID, Sealed: r.Manifest})
		}
		n, err := row{}, manifestErr
		if err == nil {
			n, err = s.vault.reseal(r.LoginKey, r.row, put)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("login %q, kind %q: %w", r.LoginKey, r.Kind, err))
			continue
		}
		old, fresh = append(old, r), append(fresh, n)
	}
	return old, fresh, errs
}

// rotationRow is a row under an old key. The first one of a set in a batch has the set's
// manifest beside it, and no other, so that a batch is no larger for it.
type rotationRow struct {
	row
	LoginKey      accounts.LoginKey `db:"login_key"`
	Kind          string            `db:"kind"`
	First         bool              `db:"first"`
	ManifestKeyID int64             `db:"manifest_key_id"`
	Manifest      []byte            `db:"manifest"`
}

// oldRows returns the rows behind the last one that are not under the primary key. Rows and
// manifests are of one statement, and so of the same Puts.
func (s *Store) oldRows(ctx context.Context, last rotationRow) ([]rotationRow, error) {
	return pgschema.List[rotationRow](ctx, s.reads, s.schema.In(`
		SELECT c.*, coalesce(m.key_id, -1) AS manifest_key_id, coalesce(m.sealed, '') AS manifest
		FROM (
			SELECT *, row_number() OVER (PARTITION BY login_key, kind ORDER BY field) = 1 AS first
			FROM (
				SELECT login_key, kind, field, key_id, sealed FROM trading.credentials
				WHERE key_id <> $1::bigint AND (login_key, kind, field) > ($2::text, $3::text, $4::text)
				ORDER BY login_key, kind, field LIMIT $5::bigint
			) AS batch
		) AS c LEFT JOIN trading.credentials m ON c.first AND m.login_key = c.login_key AND m.kind = c.kind AND m.field = ''
		ORDER BY c.login_key, c.kind, c.field`),
		int64(s.vault.primary), string(last.LoginKey), last.Kind, last.Field, rotationBatch)
}

// replace writes fresh rows in place of those old ones that are still there, and returns how many.
// First it takes all that nobody holds, in one statement that waits for nobody, then each other one
// by itself: whoever waits holds nothing that a writer could wait for.
func (s *Store) replace(ctx context.Context, old []rotationRow, fresh []row) (n int64, err error) {
	n, err = s.replaceFree(ctx, old, fresh)
	if err != nil || n == int64(len(old)) {
		return n, err
	}
	st := statement{text: s.schema.In(`
		UPDATE trading.credentials SET key_id = $6::bigint, sealed = $5::bytea
		WHERE login_key = $1::text AND kind = $2::text AND field = $3::text AND sealed = $4::bytea`)}
	for i := range old {
		one, err := s.write(ctx, st, string(old[i].LoginKey), old[i].Kind, old[i].Field, old[i].Sealed, fresh[i].Sealed, fresh[i].KeyID)
		n += one
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (s *Store) replaceFree(ctx context.Context, old []rotationRow, fresh []row) (int64, error) {
	var keys, kinds, fields pq.StringArray
	var was, is pq.ByteaArray
	for i := range old {
		keys, kinds, fields = append(keys, string(old[i].LoginKey)), append(kinds, old[i].Kind), append(fields, old[i].Field)
		was, is = append(was, old[i].Sealed), append(is, fresh[i].Sealed)
	}
	if len(keys) == 0 {
		return 0, nil
	}
	st := statement{text: s.schema.In(`
		WITH fresh AS (
			SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::bytea[]) AS f (login_key, kind, field, was, sealed)
		), free AS MATERIALIZED (
			SELECT c.login_key, c.kind, c.field, f.sealed
			FROM trading.credentials c JOIN fresh f
				ON c.login_key = f.login_key AND c.kind = f.kind AND c.field = f.field AND c.sealed = f.was
			FOR UPDATE OF c SKIP LOCKED
		)
		UPDATE trading.credentials c SET key_id = $6::bigint, sealed = free.sealed
		FROM free WHERE c.login_key = free.login_key AND c.kind = free.kind AND c.field = free.field`)}
	return s.write(ctx, st, keys, kinds, fields, was, is, int64(s.vault.primary))
}

// KeyUse returns how many rows are under each key, by its id. A key that is not in it, and is not
// the primary one of any process, is no longer needed.
func (s *Store) KeyUse(ctx context.Context) (map[uint32]int64, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	rows, err := pgschema.List[struct {
		KeyID uint32 `db:"key_id"`
		Count int64  `db:"count"`
	}](ctx, s.reads, s.schema.In(`SELECT key_id, count(*) AS count FROM trading.credentials GROUP BY key_id`))
	if err != nil {
		return nil, s.failed(ctx, err, "count credentials by key")
	}
	use := make(map[uint32]int64, len(rows))
	for _, r := range rows {
		use[r.KeyID] = r.Count
	}
	return use, nil
}
