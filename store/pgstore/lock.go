package pgstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgschema"
)

// lockLimit is the usual config.lockLimit.
const lockLimit = "10s"

// maxLocked is how many appends of AppendLocked are under way at once, without a caller or with
// one.
const maxLocked = 16

// decision is what AppendLocked is given.
type decision = func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error)

// returning is a decision that was made before.
func returning(b accounts.Batch) decision {
	return func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) { return b, nil }
}

// AppendLocked implements accounts.Store. It is one transaction, which locks the head of the
// journal, and takes one connection of the pool until it returns. tail reads on that connection,
// page by page. Where the pool has no other connection, decide must make no other call of the
// store. Callers of one store that wait for the same journal have one connection between them.
//
// The lock ends with the transaction: at once when the process dies, and after ten seconds in which
// decide neither reads from tail nor returns. AppendLocked then fails, and nothing was appended.
//
// The context ends waiting, and reading from tail. A batch that decide returns after the context
// has ended is not appended. One that it returned in time is appended without regard to the
// context: a caller that cannot wait for that leaves with ErrOutcomeUnknown.
func (s *Store) AppendLocked(
	ctx context.Context, id accounts.ProfileID, after int64,
	decide func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error),
) error {
	var given error // decide's own
	err := s.appendLocked(ctx, id, after, func(tail iter.Seq2[accounts.Entry, error]) (b accounts.Batch, err error) {
		b, given = decide(tail)
		return b, given
	}, s.appendIn)
	if given != nil {
		return given
	}
	return s.failed(ctx, err, "append to profile %q under the lock", id)
}

// appendLocked is AppendLocked, where put appends the batch in the transaction, with the database's
// own errors.
func (s *Store) appendLocked(
	ctx context.Context, id accounts.ProfileID, after int64, decide decision,
	put func(context.Context, *sqlx.Tx, accounts.Batch) error,
) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if err := s.admit(ctx); err != nil {
		return err
	}
	h, err := s.hold(ctx, id)
	if err != nil {
		return err
	}
	underWay := false
	defer func() { // also when decide panics
		if !underWay {
			h.release()
		}
	}()
	b, err := decide(h.tail(ctx, after))
	if err != nil {
		return err
	}
	if b.ProfileID != id {
		return fmt.Errorf("%w batch for profile %q: the journal of profile %q is locked", accounts.ErrInvalid, b.ProfileID, id)
	}
	if err := b.Check(); err != nil {
		return err
	}
	// Its payloads are read again, from what the caller does not change: the append may outlive its
	// caller.
	b = accounts.Batch{ProfileID: b.ProfileID, After: b.After, Hash: b.Hash, Entries: b.Entries, Positions: b.Positions}
	err = s.locked.Run(ctx, func(_ context.Context, begin func() error) error {
		defer h.release()
		if !h.keep() {
			return s.ready(ctx)
		}
		if err := begin(); err != nil {
			h.end() // nobody waits for it
			return err
		}
		return h.finish(b, put)
	})
	underWay = errors.Is(err, accounts.ErrOutcomeUnknown) // or over; then it released the journal itself
	if errors.Is(err, errRefused) {
		return fmt.Errorf("%w: the server became another one meanwhile", accounts.ErrUnavailable)
	}
	return err
}

// heldJournal is a transaction that has locked a journal.
type heldJournal struct {
	s    *Store
	id   accounts.ProfileID
	last int64 // the number of the last entry
	tx   *sqlx.Tx
	ctx  context.Context // of the transaction: without the caller's end once it is to be kept
	end  context.CancelFunc
	keep func() bool // has the end of the caller or of the store not end the transaction, unless it has already
	turn func()      // ends the caller's turn
}

// lockStatement locks a head. In READ COMMITTED it returns what is there when it has got the lock.
const lockStatement = `
	SELECT seq, set_config('idle_in_transaction_session_timeout', $2, true)
	FROM trading.journal_heads WHERE profile_id = $1 FOR UPDATE`

// hold locks the journal. ErrProfileNotFound on a miss, the context's error when that ends first,
// ErrClosed when the store is closed first.
func (s *Store) hold(ctx context.Context, id accounts.ProfileID) (h *heldJournal, err error) {
	turn, err := s.lockQueues.take(ctx, s.ended, id)
	if err != nil {
		return nil, err
	}
	defer func() { // also when the driver panics
		if h == nil {
			turn()
		}
	}()
	h, err = s.lock(ctx, id)
	if errors.Is(err, sql.ErrNoRows) {
		err = s.makeHead(ctx, id)
		switch {
		case errors.Is(err, errRefused):
			h, err = s.lock(ctx, id)
		case hasState(err, stringTooLong, foreignKeyViolation):
			err = notFound(id)
		}
	}
	if err == nil {
		h.turn = turn
		return h, nil
	}
	switch {
	case s.ready(ctx) != nil: // nothing was written, whatever became of the connection
		return nil, s.ready(ctx)
	case missing(err):
		return nil, notFound(id)
	}
	return nil, notWritten(pgschema.NotBegun(err))
}

// lock begins a transaction and locks the head. sql.ErrNoRows when there is none. What a caller has
// left is ended by the end that it left for.
func (s *Store) lock(ctx context.Context, id accounts.ProfileID) (*heldJournal, error) {
	return pgschema.Read(ctx, s.reads, func(context.Context) (h *heldJournal, err error) {
		err = pgschema.PastBroken(ctx, s.db, func() (bool, error) {
			h, err = s.lockOnce(ctx, id)
			return true, err
		})
		if err == nil && s.ready(ctx) != nil { // the caller has left
			h.takeBack()
			h.let()
			return nil, s.ready(ctx)
		}
		return h, err
	})
}

func (s *Store) lockOnce(ctx context.Context, id accounts.ProfileID) (*heldJournal, error) {
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	caller, store := context.AfterFunc(ctx, end), context.AfterFunc(s.ended, end)
	h := &heldJournal{s: s, id: id, ctx: running, end: end, keep: func() bool {
		first, second := caller(), store()
		return first && second
	}}
	tx, err := s.db.BeginTxx(running, &sql.TxOptions{Isolation: sql.LevelReadCommitted})
	if err == nil {
		h.tx = tx
		err = tx.QueryRowxContext(running, s.schema.in(lockStatement), string(id), s.lockLimit).Scan(&h.last, new(string))
	}
	if err != nil {
		h.takeBack()
		h.let()
		return nil, err
	}
	return h, nil
}

// release takes back what is not committed, and unlocks the journal. Where the server says nothing,
// the end of the caller or of the store ends waiting, and the transaction with it.
func (h *heldJournal) release() {
	_, _ = pgschema.Within(h.ctx, h.s.reads, func(context.Context) (_ struct{}, _ error) { h.takeBack(); return })
	h.let()
	h.turn()
}

// takeBack takes back what is not committed.
func (h *heldJournal) takeBack() {
	if h.tx != nil && h.ctx.Err() == nil { // else its end takes it back
		_ = h.tx.Rollback() // an error once it is committed
	}
}

// let ends the transaction's context.
func (h *heldJournal) let() {
	h.keep()
	h.end()
}

// tail yields the entries above after. Nobody adds any while the journal is held.
func (h *heldJournal) tail(ctx context.Context, after int64) iter.Seq2[accounts.Entry, error] {
	page := func(after, last int64) ([]accounts.Entry, error) {
		entries, err := pgschema.Within(h.ctx, h.s.reads, func(context.Context) ([]accounts.Entry, error) {
			return h.s.pageIn(h.ctx, h.tx, h.id, after, last)
		})
		return entries, h.s.failed(ctx, err, "read the journal of profile %q", h.id)
	}
	return func(yield func(accounts.Entry, error) bool) {
		h.s.readPages(ctx, max(after, 0), h.last, yield, page)
	}
}

// finish appends the batch and commits. Nothing was appended where an error comes before the
// commit. Of a deadlock with somebody who works on the rows of positions or trades the savepoint
// lets go of those rows, and not of the journal.
func (h *heldJournal) finish(b accounts.Batch, put func(context.Context, *sqlx.Tx, accounts.Batch) error) error {
	_, err := h.tx.ExecContext(h.ctx, `SAVEPOINT decided`)
	for tries := 0; err == nil; tries++ {
		if err = put(h.ctx, h.tx, b); err == nil || !hasState(err, deadlockDetected) || tries >= maxTries {
			break
		}
		_, err = h.tx.ExecContext(h.ctx, `ROLLBACK TO SAVEPOINT decided`)
	}
	if err != nil {
		return notWritten(err)
	}
	return outcome(h.tx.Commit(), 1)
}

// barrierStatement writes a head as it is, if the journal ends where a batch says.
const barrierStatement = `
	UPDATE trading.journal_heads h SET seq = h.seq
	FROM (VALUES ($1::text, $2::bigint, $3::bytea, $4::bigint, $5::bigint))
		AS batch (profile_id, after, behind, timeline, standbys)
	WHERE h.profile_id = batch.profile_id AND h.seq = batch.after AND ` + continues + ` AND `

// notWritten says of a connection that was lost before a commit was sent that nothing was written.
func notWritten(err error) error {
	if pgschema.Lost(err) || pgschema.Unavailable(err) || hasState(err, idleTimeout, pgschema.ReadOnly) {
		return pgschema.NotReached(err)
	}
	return err
}

// idleTimeout is the server's word for a transaction that asked nothing for lockLimit.
const idleTimeout = "25P03"

// appendIn appends the batch in a transaction of the caller's, or returns why it is refused:
// errNoHead and errRefused as of reasonIn.
func (s *Store) appendIn(ctx context.Context, tx *sqlx.Tx, b accounts.Batch) error {
	accepted, err := s.putIn(ctx, tx, &b)
	switch {
	case violates(err, "journal_entries_pkey"):
		return beyondTheEnd(&b)
	case err != nil || accepted:
		return err
	}
	why, err := s.reasonIn(ctx, tx, b)
	if err != nil {
		return err
	}
	return why
}

// putIn is appendIn without the reason. It takes the careful statement: one that fails would fail
// the transaction.
func (s *Store) putIn(ctx context.Context, tx *sqlx.Tx, b *accounts.Batch) (accepted bool, err error) {
	if len(b.Entries) == 0 {
		result, err := tx.ExecContext(ctx, s.schema.in(barrierStatement+admitted("batch")), string(b.ProfileID), b.After, b.Hash[:],
			s.timeline.highest.Load(), s.standbys)
		if err != nil {
			return false, err
		}
		n, err := result.RowsAffected()
		return n > 0, err
	}
	r := s.join(s.rowsOf(b))
	rows, err := tx.QueryxContext(ctx, s.sql.careful.text, r.args(&s.sql, s.sql.careful, s.channel())...)
	err = eachRow(rows, err, func(func(...any) error) error { accepted = true; return nil })
	return accepted, err
}
