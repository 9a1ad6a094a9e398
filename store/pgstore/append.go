package pgstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/ai-ots/accounts"
)

// Append implements accounts.Store. It is one round trip; while an append of this store is under way,
// others wait and then share a statement, each accepted or refused by itself. A caller whose context
// ends while its append is under way gets the context's error, and the append may have happened.
func (s *Store) Append(ctx context.Context, b accounts.Batch) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if len(b.Entries) == 0 {
		return nil
	}
	if err := checkBatch(b); err != nil {
		if _, miss := s.head(ctx, b.ProfileID); miss != nil {
			return miss
		}
		return err
	}
	again := false // it was sent again after a connection was lost: what refuses it may be itself
	for alone, tries := false, 0; ; tries++ {
		p := &pending{batch: b, ctx: ctx, alone: alone}
		err := s.submit(ctx, p)
		if ctx.Err() == nil {
			again = again || p.sent > 1 // else the leader may be at it still
		}
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errRefused), violates(err, "journal_entries_key"):
			err = s.refusal(ctx, b)
			if again && !errors.Is(err, errRefused) {
				err = s.repeated(ctx, b, err)
			}
			if err == nil {
				return nil
			}
		case hasState(err, deadlockDetected, serializationFailure) && tries < maxTries:
			continue
		case aborted(err) && !alone && ctx.Err() == nil:
			alone = true // what is wrong may be another's batch of the same group
			continue
		case violates(err, "journal_entries_pkey"):
			err = &accounts.CorruptError{ProfileID: b.ProfileID, Seq: b.After + 1, Reason: "exists behind the journal's end"}
		}
		if !errors.Is(err, errRefused) || tries >= maxTries {
			return s.failed(ctx, err, "append to profile %q after entry %d", b.ProfileID, b.After)
		}
	}
}

// maxTries bounds how often an append is repeated that was refused for no reason that can be found,
// or for a deadlock with somebody else's statement.
const maxTries = 100

// errRefused says that a batch was not accepted, and that why is still to be found out.
var errRefused = errors.New("refused")

// repeated returns what became of a batch that was refused when it was sent again: nil where the
// journal has it, from when the connection was lost, else the refusal.
func (s *Store) repeated(ctx context.Context, b accounts.Batch, refusal error) error {
	last := &b.Entries[len(b.Entries)-1]
	page, err := s.page(ctx, b.ProfileID, last.Seq-1, last.Seq)
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", accounts.ErrOutcomeUnknown, err)
	case len(page) == 1 && page[0].Hash == last.Hash:
		return nil
	}
	return refusal
}

// refusal returns why a batch was refused, all of it as of one moment; errRefused when there is no
// reason any longer.
func (s *Store) refusal(ctx context.Context, b accounts.Batch) error {
	keys := make([]string, 0, len(b.Entries))
	for i := range b.Entries {
		if b.Entries[i].Key != "" {
			keys = append(keys, b.Entries[i].Key)
		}
	}
	var found []struct {
		Head sql.NullInt64  `db:"head"`
		Key  sql.NullString `db:"key"`
		Seq  sql.NullInt64  `db:"seq"`
	}
	err := s.list(ctx, &found, `
		SELECT b.head, j.key, j.seq
		FROM (
			SELECT p.profile_id, h.seq AS head
			FROM trading.account_profiles p LEFT JOIN trading.journal_heads h USING (profile_id)
			WHERE p.profile_id = $1
		) b
		LEFT JOIN unnest($2::text[]) AS e (key) ON true
		LEFT JOIN LATERAL (`+knownKey+`) j ON true`, string(b.ProfileID), textArray(keys))
	switch {
	case err != nil && !missing(err):
		return err
	case len(found) == 0:
		return notFound(b.ProfileID)
	case !found[0].Head.Valid:
		return s.makeHead(ctx, b.ProfileID)
	case found[0].Head.Int64 != b.After:
		return fmt.Errorf("%w: journal of profile %q ends with entry %d, not %d",
			accounts.ErrConflict, b.ProfileID, found[0].Head.Int64, b.After)
	}
	seqs := make(map[string]int64, len(found))
	for _, f := range found {
		if f.Key.Valid {
			seqs[f.Key.String] = f.Seq.Int64
		}
	}
	refused := &accounts.DuplicateError{ProfileID: b.ProfileID}
	for _, key := range keys {
		if seq, exists := seqs[key]; exists {
			refused.Duplicates = append(refused.Duplicates, accounts.Duplicate{Key: key, Seq: seq})
		}
	}
	if len(refused.Duplicates) > 0 {
		return refused
	}
	return errRefused
}

// makeHead gives a profile that was inserted by other means the head of an empty journal, and returns
// errRefused: now it can be appended to.
func (s *Store) makeHead(ctx context.Context, id accounts.ProfileID) error {
	_, err := s.affect(ctx, `INSERT INTO trading.journal_heads (profile_id) VALUES ($1) ON CONFLICT DO NOTHING`, string(id))
	if err != nil {
		return err
	}
	return errRefused
}

// checkBatch returns ErrInvalid for a batch that no journal could accept.
func checkBatch(b accounts.Batch) error {
	seen := make(map[string]struct{}, len(b.Entries))
	for i := range b.Entries {
		e := &b.Entries[i]
		if e.ProfileID != b.ProfileID {
			return fmt.Errorf("%w batch for profile %q: entry %d belongs to profile %q", accounts.ErrInvalid, b.ProfileID, e.Seq, e.ProfileID)
		}
		if want := b.After + 1 + int64(i); e.Seq != want {
			return fmt.Errorf("%w batch for profile %q: entry %d in the place of %d", accounts.ErrInvalid, b.ProfileID, e.Seq, want)
		}
		if _, repeated := seen[e.Key]; repeated && e.Key != "" {
			return fmt.Errorf("%w batch for profile %q: key %q occurs twice", accounts.ErrInvalid, b.ProfileID, e.Key)
		}
		seen[e.Key] = struct{}{}
	}
	return nil
}
