package pgstore

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-ots/accounts"
)

// SetActiveProfile implements accounts.Store.
func (s *Store) SetActiveProfile(ctx context.Context, owner accounts.OwnerID, id accounts.ProfileID, at time.Time) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	// An owner's row stays when there is no active profile any more: its revision goes on.
	const set = `
			ON CONFLICT (owner_id) DO UPDATE SET
				profile_id = excluded.profile_id, revision = active_profiles.revision + 1, switched_at = excluded.switched_at
			RETURNING owner_id
		)
		SELECT pg_notify($3, $4) FROM switched`
	note := switchNote(owner, id, at)
	if id == "" {
		_, err := s.write(ctx, `WITH switched AS (
			INSERT INTO trading.active_profiles (owner_id, profile_id, switched_at) VALUES ($1, NULL, $2)`+set,
			string(owner), stored(at), s.channel(), note)
		return s.failed(ctx, err, "clear the active profile of owner %q", owner)
	}
	w, err := s.write(ctx, `WITH used AS (
			UPDATE trading.account_profiles SET last_used_at = $2 WHERE profile_id = $5 AND owner_id = $1
			RETURNING owner_id, profile_id
		), switched AS (
			INSERT INTO trading.active_profiles (owner_id, profile_id, switched_at)
			SELECT owner_id, profile_id, $2 FROM used`+set,
		string(owner), nullTime(at), s.channel(), note, string(id))
	if missing(err) || err == nil && w.rows == 0 {
		return notFound(id)
	}
	return s.failed(ctx, err, "switch owner %q to profile %q", owner, id)
}

// ActiveProfile implements accounts.Store.
func (s *Store) ActiveProfile(ctx context.Context, owner accounts.OwnerID) (accounts.ProfileID, error) {
	if err := s.ready(ctx); err != nil {
		return "", err
	}
	id, err := get[accounts.ProfileID](ctx, s, `SELECT profile_id FROM trading.active_profiles WHERE owner_id = $1 AND profile_id IS NOT NULL`, string(owner))
	if missing(err) {
		return "", fmt.Errorf("%w: owner %q", accounts.ErrNoActiveProfile, owner)
	}
	return id, s.failed(ctx, err, "read the active profile of owner %q", owner)
}
