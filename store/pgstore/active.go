package pgstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ai-ots/accounts"
)

// An owner's row stays when there is no active profile any more: its revision goes on.
const setActive = `
		ON CONFLICT (owner_id) DO UPDATE SET
			profile_id = excluded.profile_id, revision = active_profiles.revision + 1, switched_at = excluded.switched_at
		RETURNING owner_id
	)
	SELECT pg_notify($3, $4) FROM switched`

const clearStatement = `WITH switched AS (
		INSERT INTO trading.active_profiles (owner_id, profile_id, switched_at) VALUES ($1, NULL, $2)` + setActive

// switchStatement switches nothing where the owner has no such profile, or the server is not
// admitted.
var switchStatement = `WITH used AS (
		UPDATE trading.account_profiles p SET last_used_at = $2
		FROM (VALUES ($6::bigint, $7::bigint)) AS asked (timeline, standbys)
		WHERE p.profile_id = $5 AND p.owner_id = $1 AND ` + admitted("asked") + `
		RETURNING p.owner_id, p.profile_id
	), switched AS (
		INSERT INTO trading.active_profiles (owner_id, profile_id, switched_at)
		SELECT owner_id, profile_id, $2 FROM used` + setActive

// SetActiveProfile implements accounts.Store.
func (s *Store) SetActiveProfile(ctx context.Context, owner accounts.OwnerID, id accounts.ProfileID, at time.Time) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	note := switchNote(owner, id, at)
	if id == "" {
		_, err := s.write(ctx, clearStatement, string(owner), stored(at), s.channel(), note)
		return s.failed(ctx, err, "clear the active profile of owner %q", owner)
	}
	known, err := s.switchTo(ctx, owner, id, at, note)
	if missing(err) || err == nil && !known {
		return notFound(id)
	}
	return s.failed(ctx, err, "switch owner %q to profile %q", owner, id)
}

// switchTo switches, and reports whether the owner has the profile. It is one statement: where that
// switches nothing, the server is asked why.
func (s *Store) switchTo(ctx context.Context, owner accounts.OwnerID, id accounts.ProfileID, at time.Time, note string) (known bool, err error) {
	again := false // it was sent again after a connection was lost
	for tries := 1; ; tries++ {
		rows, sent, err := send(ctx, s,
			[]any{string(owner), nullTime(at), s.channel(), note, string(id), s.timeline.highest.Load(), s.standbys}, s.sql.switches.affect)
		again = again || sent > 1
		if err == nil && rows == 0 {
			err = s.admit(ctx)
		}
		if err == nil && rows == 0 {
			known, err = get[bool](ctx, s, `SELECT EXISTS (SELECT FROM trading.account_profiles WHERE profile_id = $1 AND owner_id = $2)`,
				string(id), string(owner))
		}
		switch {
		case err == nil && rows == 0 && known && tries < maxTries:
			s.retry.Pause(ctx, tries) // the server became another one
			continue
		case err == nil && rows == 0 && known:
			err = fmt.Errorf("%w: the server became another one meanwhile", accounts.ErrUnavailable)
		}
		if err != nil && again && !errors.Is(err, accounts.ErrOutcomeUnknown) {
			err = unknown(ctx, err)
		}
		return known || rows > 0, err
	}
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
