package pgstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// ErrProjection is returned by Verify when rows of positions or trades are not what the journal says.
// The error is a *ProjectionError. Rebuild mends it.
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

// Verify reads the profile's whole journal, as of one moment, and checks its numbering and hash chain,
// where its head is, and that the rows of positions and trades are what it says. accounts.ErrCorrupt
// when the journal cannot be trusted, ErrProjection when only the rows are wrong. It changes nothing
// and holds nobody up.
func (s *Store) Verify(ctx context.Context, id accounts.ProfileID) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	err := s.retry.Do(ctx, func() error {
		return s.transaction(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, func(tx *sqlx.Tx) error {
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
// profile wait meanwhile, and other services see the rows before or after. It refuses a journal that
// cannot be trusted with accounts.ErrCorrupt. A store WithoutProjection checks the journal and writes
// nothing.
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

// folded is what a journal says that the rows should be.
type folded struct {
	id     accounts.ProfileID
	userID string // what rows of positions have
	seq    int64
	fold   *accounts.Fold
	trades map[int64]*ledger.Trade // in force, by place
	last   map[ledger.InstrumentKey]*ledger.Trade
}

// fold reads the journal in a transaction and checks it on the way.
func (s *Store) fold(ctx context.Context, tx *sqlx.Tx, id accounts.ProfileID, lock string) (*folded, error) {
	var profile struct {
		Base string `db:"base_currency"`
		User string `db:"user_id"`
		Head int64  `db:"seq"`
	}
	err := tx.GetContext(ctx, &profile, s.schema.in(`
		SELECT p.base_currency, coalesce(nullif(p.owner_id, ''), p.profile_id) AS user_id, h.seq FROM trading.account_profiles p JOIN trading.journal_heads h USING (profile_id)
		WHERE p.profile_id = $1`+lock), string(id))
	if hasState(err, invalidEncoding) {
		return nil, notFound(id)
	}
	if missing(err) {
		// There may be no head yet, where nothing was ever appended to a profile that was inserted by other
		// means. It is asked in the transaction: the pool may have no second connection.
		profile.Base = "USD"
		err = tx.GetContext(ctx, &profile.Head, s.schema.in(`SELECT 0 FROM trading.account_profiles WHERE profile_id = $1`), string(id))
		if errors.Is(err, sql.ErrNoRows) {
			return nil, notFound(id)
		}
	}
	if err != nil {
		return nil, err
	}
	f := &folded{id: id, userID: profile.User, fold: accounts.NewFold(id, ledger.Currency(profile.Base)),
		trades: map[int64]*ledger.Trade{}, last: map[ledger.InstrumentKey]*ledger.Trade{}}
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
	if f.seq != profile.Head {
		return nil, &accounts.CorruptError{ProfileID: id, Seq: f.seq + 1, Reason: fmt.Sprintf("missing: the journal's head is %d", profile.Head)}
	}
	return f, nil
}

func (f *folded) apply(e *accounts.Entry) error {
	if err := f.fold.Apply(*e); err != nil {
		return err
	}
	f.seq = e.Seq
	t, changes := tradeOf(e)
	switch {
	case !changes:
	case t.trade == nil:
		delete(f.trades, t.place)
	default:
		f.trades[t.place] = t.trade
		f.last[t.trade.Instrument.Key()] = t.trade
	}
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

// rewrite replaces the rows by what the fold says. Of positions that are right in other services' eyes
// nothing changes, such as since when they are open.
func (s *Store) rewrite(ctx context.Context, tx *sqlx.Tx, f *folded) error {
	if _, err := tx.ExecContext(ctx, s.schema.in(
		`DELETE FROM trading.trades WHERE account_profile_id = $1 AND journal_seq IS NOT NULL`), string(f.id)); err != nil {
		return err
	}
	const chunk = 1000
	r := newRows()
	flush := func(limit int) error {
		if r.trade.rows+r.position.rows <= limit {
			return nil
		}
		r.batch.add([]int64{0, 0, f.seq, time.Time{}.UnixMicro(), 0, 0}, []string{string(f.id)}, nil)
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
	keys := pq.StringArray{}
	for _, p := range f.fold.Book().Positions() {
		key := p.Instrument.Key()
		keys = append(keys, string(key))
		r.position.add([]int64{0}, positionTexts(&p, key, f.last[key], opened(p.Lots)))
		if err := flush(chunk); err != nil {
			return err
		}
	}
	if err := flush(0); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, s.schema.in(`
		UPDATE trading.positions SET exact_quantity = 0, exact_basis = 0, exact_realized = 0, exact_realized_base = 0,
			exact_unconverted = 0, exact_commissions = 0, exact_taxes = 0, last_trade_at = NULL, last_close_at = NULL,
			closed_at = coalesce(closed_at, now())
		WHERE account_profile_id = $1 AND instrument_key <> ALL ($2)`), string(f.id), keys)
	return err
}

// rebuildStatement writes rows of one profile's projection, and tells nobody: nothing changed but them.
func rebuildStatement() string {
	r := newRows()
	return fill(unnestOf, []*source{r.batch, r.trade, r.position}, `
WITH accepted AS MATERIALIZED (
	SELECT b.n, p.profile_id, p.owner_id, b.last
	FROM (SELECT * FROM {batch}) b JOIN trading.account_profiles p ON p.profile_id = b.profile_id
),`+replaceTrades+addPositions+`
unused AS (SELECT $1::text)
SELECT n FROM accepted`)
}
