package pgstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/ai-ots/accounts"
)

// SaveCheckpoint implements accounts.Store.
func (s *Store) SaveCheckpoint(ctx context.Context, c accounts.Checkpoint) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if c.Slot < 0 || c.Slot > accounts.MaxSlot {
		if _, miss := s.head(ctx, c.ProfileID); miss != nil {
			return miss
		}
		return fmt.Errorf("%w checkpoint of profile %q: slot %d", accounts.ErrInvalid, c.ProfileID, c.Slot)
	}
	_, err := s.write(ctx, `
		INSERT INTO trading.journal_checkpoints AS old (profile_id, slot, seq, hash, state) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (profile_id, slot) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, state = excluded.state
			WHERE old.seq <= excluded.seq`,
		string(c.ProfileID), c.Slot, c.Seq, c.Hash[:], append([]byte{}, c.State...))
	if hasState(err, invalidEncoding, stringTooLong) {
		return notFound(c.ProfileID)
	}
	return s.failed(ctx, err, "save checkpoint of profile %q", c.ProfileID)
}

// checkpointStatement reads the newest checkpoint up to an entry: no row where there is no such
// profile, a row of NULLs where there is no checkpoint. A profile has 63 at most, all beside each
// other in the primary key, and only the one that is returned has its state read.
const checkpointStatement = `
	SELECT c.slot, c.seq, c.hash, c.state
	FROM trading.account_profiles p
	LEFT JOIN LATERAL (
		SELECT * FROM trading.journal_checkpoints c
		WHERE c.profile_id = p.profile_id AND c.seq <= $2
		ORDER BY c.seq DESC, c.slot LIMIT 1
	) c ON true
	WHERE p.profile_id = $1`

// Checkpoint implements accounts.Store.
func (s *Store) Checkpoint(ctx context.Context, id accounts.ProfileID, upTo int64) (accounts.Checkpoint, error) {
	if err := s.ready(ctx); err != nil {
		return accounts.Checkpoint{}, err
	}
	row, err := get[struct {
		Slot  sql.NullInt64 `db:"slot"`
		Seq   sql.NullInt64 `db:"seq"`
		Hash  []byte        `db:"hash"`
		State []byte        `db:"state"`
	}](ctx, s, checkpointStatement, string(id), upTo)
	switch {
	case missing(err):
		return accounts.Checkpoint{}, notFound(id)
	case err != nil:
		return accounts.Checkpoint{}, s.failed(ctx, err, "read checkpoint of profile %q", id)
	case !row.Seq.Valid:
		return accounts.Checkpoint{}, fmt.Errorf("%w of profile %q up to entry %d", accounts.ErrNoCheckpoint, id, upTo)
	}
	c := accounts.Checkpoint{ProfileID: id, Slot: int(row.Slot.Int64), Seq: row.Seq.Int64, State: row.State}
	copy(c.Hash[:], row.Hash)
	return c, nil
}
