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
	_, err := s.affect(ctx, `
		INSERT INTO trading.journal_checkpoints AS old (profile_id, seq, hash, state) VALUES ($1, $2, $3, $4)
		ON CONFLICT (profile_id) DO UPDATE SET seq = excluded.seq, hash = excluded.hash, state = excluded.state
			WHERE old.seq <= excluded.seq`,
		string(c.ProfileID), c.Seq, c.Hash[:], append([]byte{}, c.State...))
	if hasState(err, invalidEncoding, stringTooLong) {
		return notFound(c.ProfileID)
	}
	return s.failed(ctx, err, "save checkpoint of profile %q", c.ProfileID)
}

// Checkpoint implements accounts.Store.
func (s *Store) Checkpoint(ctx context.Context, id accounts.ProfileID) (accounts.Checkpoint, error) {
	if err := s.ready(ctx); err != nil {
		return accounts.Checkpoint{}, err
	}
	var row struct {
		Seq   sql.NullInt64 `db:"seq"`
		Hash  []byte        `db:"hash"`
		State []byte        `db:"state"`
	}
	err := s.get(ctx, &row, `
		SELECT c.seq, c.hash, c.state
		FROM trading.account_profiles p LEFT JOIN trading.journal_checkpoints c USING (profile_id)
		WHERE p.profile_id = $1`, string(id))
	switch {
	case missing(err):
		return accounts.Checkpoint{}, notFound(id)
	case err != nil:
		return accounts.Checkpoint{}, s.failed(ctx, err, "read checkpoint of profile %q", id)
	case !row.Seq.Valid:
		return accounts.Checkpoint{}, fmt.Errorf("%w of profile %q", accounts.ErrNoCheckpoint, id)
	}
	c := accounts.Checkpoint{ProfileID: id, Seq: row.Seq.Int64, State: row.State}
	copy(c.Hash[:], row.Hash)
	return c, nil
}
