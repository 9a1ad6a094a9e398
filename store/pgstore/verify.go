package pgstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgschema"
	"github.com/ai-ots/accounts/ledger"
)

// ErrProjection is returned by Verify when rows of positions or trades are not what the journal
// says. The error is a *ProjectionError. Rebuild mends it.
var ErrProjection = errors.New("projection differs from the journal")

// ProjectionError lists how rows differ from the journal, the first hundred of them.
type ProjectionError struct {
	ProfileID accounts.ProfileID
	Problems  []string
}

// Error names the profile, the count and the first problem.
func (e *ProjectionError) Error() string {
	return fmt.Sprintf("profile %q: %v in %d places, first: %s", e.ProfileID, ErrProjection, len(e.Problems), e.Problems[0])
}

// Unwrap returns ErrProjection.
func (e *ProjectionError) Unwrap() error { return ErrProjection }

// add notes a problem.
func (e *ProjectionError) add(format string, args ...any) {
	if len(e.Problems) < 100 {
		e.Problems = append(e.Problems, fmt.Sprintf(format, args...))
	}
}

// Verify reads the profile's whole journal, as of one moment, and checks its numbering and hash
// chain, that it ends where its head says and reaches what its checkpoints stand for, and that the
// rows of positions and trades are what it says: every column that the library writes, that no row
// is missing, and that none is there that should not be. accounts.ErrCorrupt when the journal
// cannot be trusted, ErrProjection when only the rows are wrong. It changes nothing and holds
// nobody up.
//
// Not everything in a row follows from the journal. Of when a position was opened, Verify knows
// that it must be among the times of the contract's trades and lots; of the size and price of one
// that is closed, that the position had them once. Of rows that were adopted, Verify knows only
// that they are closed, and that the library's columns are empty. Columns that other services write
// are theirs: the current price, and the unrealized P&L of what is open.
func (s *Store) Verify(ctx context.Context, id accounts.ProfileID) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	_, err := pgschema.Reread(ctx, s.reads, func(ctx context.Context) (struct{}, error) {
		return struct{}{}, s.transaction(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, func(tx *sqlx.Tx) error {
			f, err := s.fold(ctx, tx, id, "")
			if err != nil || !s.projection {
				return err
			}
			return s.compare(ctx, tx, f)
		})
	})
	return s.failed(ctx, err, "verify profile %q", id)
}

// Rebuild writes the rows of positions and trades anew from the profile's journal. Appends to the
// profile wait meanwhile, and other services see the rows before or after. Rows that bear the
// profile and that neither the journal nor an adoption accounts for bear none afterwards. It
// refuses a journal that cannot be trusted with accounts.ErrCorrupt. A store WithoutProjection
// checks the journal and writes nothing. When ctx ends, the rows stay as they were, unless the
// error is accounts.ErrOutcomeUnknown.
func (s *Store) Rebuild(ctx context.Context, id accounts.ProfileID) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	err := s.change(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		f, err := s.fold(ctx, tx, id, " FOR UPDATE OF h")
		if err != nil || !s.projection {
			return err
		}
		return s.rewrite(ctx, tx, f)
	})
	return s.failed(ctx, err, "rebuild rows of profile %q", id)
}

func (s *Store) transaction(ctx context.Context, opts *sql.TxOptions, f func(*sqlx.Tx) error) error {
	tx, err := s.db.BeginTxx(ctx, opts)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // an error once it is committed
	if err := f(tx); err != nil {
		return err
	}
	return tx.Commit()
}

// folded is what a journal says that the rows should be, and the rows of positions as they are.
type folded struct {
	id          accounts.ProfileID
	userID      string // what rows of positions have
	seq         int64
	fold        *accounts.Fold
	trades      map[int64]*ledger.Trade // in force, by place
	last        map[ledger.InstrumentKey]*ledger.Trade
	positions   map[ledger.InstrumentKey]*tracked
	rows        map[ledger.InstrumentKey]*positionRow
	checkpoints map[int64][]byte // their hashes, by the entry they stand for
	wrong       []int64          // the rows of positions that are not what they should be
}

// fold reads the journal in a transaction and checks it on the way.
func (s *Store) fold(ctx context.Context, tx *sqlx.Tx, id accounts.ProfileID, lock string) (*folded, error) {
	profile, err := s.journalOf(ctx, tx, id, lock)
	if err != nil {
		return nil, err
	}
	f := &folded{id: id, userID: profile.User, fold: accounts.NewFold(id, ledger.Currency(profile.Base)),
		trades: map[int64]*ledger.Trade{}, last: map[ledger.InstrumentKey]*ledger.Trade{},
		positions: map[ledger.InstrumentKey]*tracked{}, rows: map[ledger.InstrumentKey]*positionRow{}, checkpoints: map[int64][]byte{}}
	if s.projection {
		rows, err := s.positionsOf(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			f.rows[rows[i].Key] = &rows[i]
		}
	}
	if err := s.readCheckpoints(ctx, tx, f); err != nil {
		return nil, err
	}
	for {
		page, err := s.pageIn(ctx, tx, id, f.seq, f.seq+lastPage)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if err := f.apply(&page[i]); err != nil {
				return nil, err
			}
		}
		if len(page) == 0 {
			break
		}
	}
	return f, f.checkEnd(profile)
}

// journalRow is where a journal ends, and whose it is.
type journalRow struct {
	Base string `db:"base_currency"`
	User string `db:"user_id"`
	Head int64  `db:"seq"`
	Last int64  `db:"last"` // the highest number of an entry, which should be the head's
}

// journalOf reads where the profile's journal ends, and locks that if lock says so.
func (s *Store) journalOf(ctx context.Context, tx *sqlx.Tx, id accounts.ProfileID, lock string) (journalRow, error) {
	const last = `, coalesce((SELECT max(e.seq) FROM trading.journal_entries e WHERE e.profile_id = p.profile_id), 0) AS last`
	const columns = `SELECT p.base_currency, coalesce(nullif(p.owner_id, ''), p.profile_id) AS user_id`
	var row journalRow
	err := tx.GetContext(ctx, &row, s.schema.in(columns+`, h.seq`+last+`
		FROM trading.account_profiles p JOIN trading.journal_heads h USING (profile_id)
		WHERE p.profile_id = $1`+lock), string(id))
	if errors.Is(err, sql.ErrNoRows) {
		// There may be no head yet, where nothing was ever appended to a profile that was inserted
		// by other means. It is asked in the transaction: the pool may have no second connection.
		err = tx.GetContext(ctx, &row, s.schema.in(columns+`, 0 AS seq`+last+`
			FROM trading.account_profiles p WHERE p.profile_id = $1`), string(id))
	}
	if missing(err) {
		return row, notFound(id)
	}
	return row, err
}

// readCheckpoints reads what the profile's checkpoints stand for.
func (s *Store) readCheckpoints(ctx context.Context, tx *sqlx.Tx, f *folded) error {
	rows, err := tx.QueryxContext(ctx, s.schema.in(`SELECT seq, hash FROM trading.journal_checkpoints WHERE profile_id = $1`), string(f.id))
	return eachRow(rows, err, func(scan func(...any) error) error {
		var seq int64
		var hash []byte
		err := scan(&seq, &hash)
		f.checkpoints[seq] = hash
		return err
	})
}

// checkEnd checks that the journal ends where its head says, and reaches what its checkpoints stand
// for.
func (f *folded) checkEnd(j journalRow) error {
	corrupt := &accounts.CorruptError{ProfileID: f.id, Seq: f.seq + 1}
	switch {
	case f.seq < j.Head:
		corrupt.Reason = fmt.Sprintf("missing: the journal's head is %d", j.Head)
	case f.seq > j.Head:
		corrupt.Seq, corrupt.Reason = j.Head+1, fmt.Sprintf("lies behind the journal's head, which is %d", j.Head)
	case j.Last > f.seq:
		corrupt.Seq, corrupt.Reason = j.Last, fmt.Sprintf("lies behind the journal's head, which is %d", j.Head)
	default:
		for seq := range f.checkpoints {
			if seq > f.seq {
				corrupt.Reason = fmt.Sprintf("missing: there is a checkpoint of entry %d", seq)
				return corrupt
			}
		}
		return nil
	}
	return corrupt
}

func (f *folded) apply(e *accounts.Entry) error {
	if err := f.fold.Apply(*e); err != nil {
		return err
	}
	f.seq = e.Seq
	if hash, kept := f.checkpoints[e.Seq]; kept && !bytes.Equal(hash, e.Hash[:]) {
		return &accounts.CorruptError{ProfileID: f.id, Seq: e.Seq, Reason: "is not the entry of which there is a checkpoint"}
	}
	payload, err := e.Decode()
	if err != nil {
		return err
	}
	t, changes := tradeIn(e, payload)
	switch {
	case !changes:
	case t.trade == nil:
		delete(f.trades, t.place)
	default:
		f.trades[t.place] = t.trade
		f.last[t.trade.Instrument.Key()] = t.trade
	}
	f.track(e, payload)
	return nil
}

// pageIn is page within a transaction.
func (s *Store) pageIn(ctx context.Context, tx *sqlx.Tx, id accounts.ProfileID, after, last int64) ([]accounts.Entry, error) {
	var page []accounts.Entry
	rows, err := tx.QueryxContext(ctx, s.schema.in(pageStatement), string(id), after, last)
	err = eachRow(rows, err, func(scan func(...any) error) error {
		e, err := scanEntry(id, scan)
		page = append(page, e)
		return err
	})
	return page, err
}

// rewrite replaces the rows by what the fold says. Of positions that are right nothing changes that
// the journal alone does not tell, such as since when they are open.
func (s *Store) rewrite(ctx context.Context, tx *sqlx.Tx, f *folded) error {
	if err := s.removeWrong(ctx, tx, f); err != nil {
		return err
	}
	const chunk = 1000
	r := newRows()
	flush := func(limit int) error {
		if len(r.trade.rows)+len(r.position.rows) <= limit {
			return nil
		}
		r.batch.add([]int64{0, 0, 0, 0, f.seq, 0}, []string{string(f.id)}, nil)
		args := r.position.arrays(r.trade.arrays(r.batch.arrays([]any{s.channel()})))
		_, err := tx.ExecContext(ctx, s.schema.in(rebuildStatement()), args...)
		r = newRows()
		return err
	}
	for place, t := range f.trades {
		r.trade.add([]int64{0, place}, tradeTexts(t, t.Instrument.Key()))
		if err := flush(chunk); err != nil {
			return err
		}
	}
	for _, p := range f.fold.Book().Positions() {
		key := p.Instrument.Key()
		r.position.add([]int64{0}, positionTexts(&p, key, f.last[key], opened(p.Lots)))
		if err := flush(chunk); err != nil {
			return err
		}
	}
	return flush(0)
}

// removeWrong makes room for what is right: it deletes the rows of trades, and those of positions
// that are wrong, and takes the profile off rows that others wrote.
func (s *Store) removeWrong(ctx context.Context, tx *sqlx.Tx, f *folded) error {
	f.comparePositions(&ProjectionError{})
	positions, trades, args, err := s.strays(ctx, tx, f)
	if err != nil {
		return err
	}
	for _, statement := range []struct {
		text string
		args []any
	}{
		{`UPDATE trading.trades SET account_profile_id = NULL WHERE ` + trades, args},
		{`UPDATE trading.positions SET account_profile_id = NULL WHERE ` + positions, []any{string(f.id)}},
		{`DELETE FROM trading.trades WHERE account_profile_id = $1 AND journal_seq IS NOT NULL`, []any{string(f.id)}},
		{`DELETE FROM trading.positions WHERE account_profile_id = $1 AND id = ANY ($2)`, []any{string(f.id), pq.Int64Array(f.wrong)}},
	} {
		if _, err := tx.ExecContext(ctx, s.schema.in(statement.text), statement.args...); err != nil {
			return err
		}
	}
	return nil
}

// rebuildStatement writes rows of one profile's projection, and tells nobody: nothing changed but
// them.
func rebuildStatement() string {
	return fill(unnestOf, rebuildSources, `
WITH accepted AS MATERIALIZED (
	SELECT b.n, p.profile_id, p.owner_id, b.last
	FROM (SELECT * FROM {batch}) b JOIN trading.account_profiles p ON p.profile_id = b.profile_id
),`+replaceTrades+addPositions+`
unused AS (SELECT $1::text)
SELECT n FROM accepted`)
}
