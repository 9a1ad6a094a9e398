package pgstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgschema"
)

// Append implements accounts.Store. It is one round trip; while an append of this store is under
// way, others wait and then share a statement, each accepted or refused by itself. No append is
// cancelled: a caller whose context ends while its append waits gets the context's error, and one
// whose append is under way gets accounts.ErrOutcomeUnknown too, and the append goes on.
//
// Where the pool is lib/pq's, a batch of 1,000 entries or more goes alone, and by COPY: in a
// transaction, in several round trips. A caller that leaves while the batch is copied gets the
// context's error alone, and nothing was appended. A process that is stopped amid COPY, and not
// ended, holds the journal until it goes on: with PostgreSQL 17 and later for five minutes at most.
// Where trades are amended, where somebody else has locked the journal, and where the server allows
// no COPY, as with row-level security, a statement writes the batch, as it does any other.
//
// Where somebody else has locked the journal, Append waits for the lock as AppendLocked does, and
// appends to other journals go on. So does a batch without entries, which writes all the same: its
// commit waits for a synchronous standby, as every commit does, and thereby for all commits before
// it.
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
	return s.failed(ctx, s.append(ctx, b), "append to profile %q after entry %d", b.ProfileID, b.After)
}

// append is Append for a batch that some journal could accept. It takes the lock where the batch
// was refused for no reason that can be found: somebody has the head locked, or had.
func (s *Store) append(ctx context.Context, b accounts.Batch) error {
	again := false // it was sent again after a connection was lost: what refuses it may be itself
	locks := len(b.Entries) == 0
	for alone, tries := s.copies(len(b.Entries)), 0; ; tries++ {
		if locks {
			return s.settle(ctx, b, again, s.appendLocked(ctx, b.ProfileID, b.After, returning(b), s.appendIn))
		}
		sent, err := s.submit(ctx, &pending{batch: b, ctx: ctx, alone: alone})
		again = again || sent > 1
		switch {
		case err == nil:
			return nil
		case errors.Is(err, errRefused), violates(err, "journal_entries_key"):
			if err = s.refusal(ctx, b); errors.Is(err, errRefused) {
				locks = true
				continue
			}
		case s.gaveUp(err):
			if tries < maxTries && s.retry.Pause(ctx, tries+1) {
				continue
			}
			err = fmt.Errorf("%w: gave up after %d tries, the last: %w", accounts.ErrConflict, tries+1, err)
		case aborted(err) && !alone && ctx.Err() == nil:
			alone = true // what is wrong may be another's batch of the same group
			continue
		case violates(err, "journal_entries_pkey"):
			err = beyondTheEnd(&b)
		}
		return s.settle(ctx, b, again, err)
	}
}

// gaveUp reports whether the server gave a statement up for the sake of another, and nobody has
// tried it again and again already.
func (s *Store) gaveUp(err error) bool {
	return hasState(err, deadlockDetected, serializationFailure) && !errors.Is(err, accounts.ErrConflict)
}

// settle returns what became of a batch that ended with the error, and that may have been appended
// before, when the connection was lost.
func (s *Store) settle(ctx context.Context, b accounts.Batch, again bool, err error) error {
	switch {
	case err == nil || !again || errors.Is(err, accounts.ErrOutcomeUnknown):
		return err
	case errors.Is(err, accounts.ErrConflict), errors.Is(err, accounts.ErrDuplicate):
		return s.repeated(ctx, b, err)
	}
	return unknown(ctx, err)
}

// beyondTheEnd says that the journal has an entry in the place of the batch's first, behind its
// end.
func beyondTheEnd(b *accounts.Batch) error {
	return &accounts.CorruptError{ProfileID: b.ProfileID, Seq: b.After + 1, Reason: "exists behind the journal's end"}
}

// errRefused says that a batch was not accepted, and that why is still to be found out.
var errRefused = errors.New("refused")

// repeated returns what became of a batch that was refused when it was sent again: nil where the
// journal has it, from when the connection was lost, else the refusal. That the entries can be seen
// does not say that they are durable: a barrier behind the journal's end does.
func (s *Store) repeated(ctx context.Context, b accounts.Batch, refusal error) error {
	if isOfServer(refusal) {
		return fmt.Errorf("%w: %w", accounts.ErrOutcomeUnknown, refusal)
	}
	last := &b.Entries[len(b.Entries)-1]
	err := s.appendLocked(ctx, b.ProfileID, last.Seq-1, func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
		barrier := accounts.Batch{ProfileID: b.ProfileID}
		for e, err := range tail {
			if err != nil {
				return barrier, err
			}
			if e.Seq == last.Seq && e.Hash != last.Hash {
				break
			}
			barrier.After, barrier.Hash = e.Seq, e.Hash
		}
		if barrier.After < last.Seq {
			return barrier, refusal
		}
		return barrier, nil
	}, s.appendIn)
	if err != nil && err != refusal {
		return unknown(ctx, err)
	}
	return err
}

// refusal returns why a batch was refused, all of it as of one moment; errRefused when there is no
// reason any longer.
func (s *Store) refusal(ctx context.Context, b accounts.Batch) error {
	if err := s.admit(ctx); err != nil {
		return err
	}
	b.Entries = slices.Clone(b.Entries) // the caller may leave, and change its own
	why, err := pgschema.Ask(ctx, s.reads, func(ctx context.Context, q querier) (error, error) { return s.reasonIn(ctx, q, b) })
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

// endsElsewhere returns ErrConflict unless the journal, which ends with entry head of the hash,
// ends where the batch says. A journal that lacks its last entry has no hash: it was cut, and the
// caller finds that out when it reads.
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

// makeHead gives a profile that was inserted by other means the head of an empty journal, and
// returns errRefused: now it can be appended to.
func (s *Store) makeHead(ctx context.Context, id accounts.ProfileID) error {
	_, err := s.write(ctx, `INSERT INTO trading.journal_heads (profile_id) VALUES ($1) ON CONFLICT DO NOTHING`, string(id))
	if err != nil {
		return err
	}
	return errRefused
}
