package pgstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts"
)

// Append implements accounts.Store. It is one round trip; while an append of this store is under way,
// others wait and then share a statement, each accepted or refused by itself. A caller whose context
// ends while its append is under way gets the context's error, and the append may have happened.
//
// Where somebody else has locked the journal, Append waits for the lock as AppendLocked does, and
// appends to other journals go on. So does a batch without entries, which writes all the same: its
// commit waits for a synchronous standby, as every commit does, and thereby for all commits before it.
func (s *Store) Append(ctx context.Context, b accounts.Batch) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := b.Check(); err != nil {
		if _, miss := s.head(ctx, b.ProfileID); miss != nil {
			return miss
		}
		return err
	}
	again := false               // it was sent again after a connection was lost: what refuses it may be itself
	locks := len(b.Entries) == 0 // it waits for the lock
	for alone, tries := false, 0; ; tries++ {
		var err error
		if locks {
			err = s.appendLocked(ctx, b.ProfileID, b.After, returning(b), s.appendIn)
		} else {
			p := &pending{batch: b, ctx: ctx, alone: alone}
			err = s.submit(ctx, p)
			if ctx.Err() == nil {
				again = again || p.sent > 1 // else the leader may be at it still
			}
		}
		switch {
		case err == nil:
			return nil
		case locks:
		case errors.Is(err, errRefused), violates(err, "journal_entries_key"):
			err = s.refusal(ctx, b)
		case hasState(err, deadlockDetected, serializationFailure) && tries < maxTries:
			continue
		case aborted(err) && !alone && ctx.Err() == nil:
			alone = true // what is wrong may be another's batch of the same group
			continue
		case violates(err, "journal_entries_pkey"):
			err = beyondTheEnd(&b)
		}
		if again && (errors.Is(err, accounts.ErrConflict) || errors.Is(err, accounts.ErrDuplicate)) {
			err = s.repeated(ctx, b, err)
		}
		if errors.Is(err, errRefused) && !locks {
			locks = true // somebody has the head locked, or had
			continue
		}
		return s.failed(ctx, err, "append to profile %q after entry %d", b.ProfileID, b.After)
	}
}

// beyondTheEnd says that the journal has an entry in the place of the batch's first, behind its end.
func beyondTheEnd(b *accounts.Batch) error {
	return &accounts.CorruptError{ProfileID: b.ProfileID, Seq: b.After + 1, Reason: "exists behind the journal's end"}
}

// maxTries bounds how often a write is repeated that was refused for no reason that can be found, or
// for a deadlock with somebody else's statement.
const maxTries = 100

// errRefused says that a batch was not accepted, and that why is still to be found out.
var errRefused = errors.New("refused")

// repeated returns what became of a batch that was refused when it was sent again: nil where the
// journal has it, from when the connection was lost, else the refusal.
func (s *Store) repeated(ctx context.Context, b accounts.Batch, refusal error) error {
	if isOfServer(refusal) {
		return fmt.Errorf("%w: %w", accounts.ErrOutcomeUnknown, refusal)
	}
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
	if err := s.admit(ctx); err != nil {
		return err
	}
	var why error
	err := s.do(ctx, func(q querier) (err error) {
		why, err = s.reasonIn(ctx, q, b)
		return err
	})
	if err != nil && !missing(err) {
		return err
	}
	if errors.Is(why, errNoHead) {
		return s.makeHead(ctx, b.ProfileID)
	}
	return why
}

// errNoHead says that a profile was inserted by other means, without the head of its journal.
var errNoHead = errors.New("profile without a head of its journal")

// reasonIn is refusal in a session of the caller's, but for the head that it would make: that is
// errNoHead. err says that the database could not be asked.
func (s *Store) reasonIn(ctx context.Context, q querier, b accounts.Batch) (why, err error) {
	keys := make([]string, 0, len(b.Entries))
	for i := range b.Entries {
		if b.Entries[i].Key != "" {
			keys = append(keys, b.Entries[i].Key)
		}
	}
	var found []struct {
		Head sql.NullInt64  `db:"head"`
		Hash []byte         `db:"hash"`
		Key  sql.NullString `db:"key"`
		Seq  sql.NullInt64  `db:"seq"`
	}
	why = notFound(b.ProfileID)
	err = sqlx.SelectContext(ctx, q, &found, s.schema.in(`
		SELECT b.head, b.hash, j.key, j.seq
		FROM (
			SELECT p.profile_id, h.seq AS head, last.hash
			FROM trading.account_profiles p
			LEFT JOIN trading.journal_heads h ON h.profile_id = p.profile_id
			LEFT JOIN trading.journal_entries last ON last.profile_id = h.profile_id AND last.seq = h.seq
			WHERE p.profile_id = $1
		) b
		LEFT JOIN unnest($2::text[]) AS e (key) ON true
		LEFT JOIN LATERAL (`+knownKey+`) j ON true`), string(b.ProfileID), textArray(keys))
	if err != nil || len(found) == 0 {
		return why, err
	}
	if !found[0].Head.Valid {
		return errNoHead, nil
	}
	if err := endsElsewhere(b, found[0].Head.Int64, found[0].Hash); err != nil {
		return err, nil
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
		return refused, nil
	}
	return errRefused, nil
}

// endsElsewhere returns ErrConflict unless the journal, which ends with entry head of the hash, ends
// where the batch says. A journal that lacks its last entry has no hash: it was cut, and the caller
// finds that out when it reads.
func endsElsewhere(b accounts.Batch, head int64, hash []byte) error {
	at := "without that entry"
	var end accounts.Hash
	if len(hash) == len(end) || head == 0 {
		copy(end[:], hash)
		if head == b.After && end == b.Hash {
			return nil
		}
		at = fmt.Sprintf("(%.8s)", end)
	}
	return fmt.Errorf("%w: journal of profile %q ends with entry %d %s, not %d (%.8s)",
		accounts.ErrConflict, b.ProfileID, head, at, b.After, b.Hash)
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
