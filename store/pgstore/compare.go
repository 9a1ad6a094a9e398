package pgstore

import (
	"context"
	"database/sql"

	"github.com/jmoiron/sqlx"
	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/ledger"
)

// compare holds the rows against the fold.
func (s *Store) compare(ctx context.Context, tx *sqlx.Tx, f *folded) error {
	found := &ProjectionError{ProfileID: f.id}
	if err := s.compareTrades(ctx, tx, f, found); err != nil {
		return err
	}
	if err := s.comparePositions(ctx, tx, f, found); err != nil {
		return err
	}
	if len(found.Problems) > 0 {
		return found
	}
	return nil
}

func (s *Store) compareTrades(ctx context.Context, tx *sqlx.Tx, f *folded, found *ProjectionError) error {
	rows, err := tx.QueryxContext(ctx, s.schema.in(`
		SELECT journal_seq, coalesce(exec_id, ''), coalesce(order_id, ''), coalesce(trade_kind, ''), coalesce(instrument_key, ''),
			exact_quantity::text, exact_price::text, exact_proceeds::text, exact_commission::text, exact_taxes::text,
			coalesce(instrument_currency, ''), coalesce(commission_currency, ''), traded_at
		FROM trading.trades WHERE account_profile_id = $1 AND journal_seq IS NOT NULL`), string(f.id))
	seen := 0
	err = eachRow(rows, err, func(scan func(...any) error) error {
		var (
			place   int64
			texts   [6]string
			figures [5]sql.NullString
			at      sql.NullTime
		)
		if err := scan(&place, &texts[0], &texts[1], &texts[2], &texts[3], &figures[0], &figures[1], &figures[2],
			&figures[3], &figures[4], &texts[4], &texts[5], &at); err != nil {
			return err
		}
		t := f.trades[place]
		if t == nil {
			found.add("trades has a row at %d, where no trade is in force", place)
			return nil
		}
		seen++
		want := [6]string{string(t.ExecID), string(t.OrderID), string(kindOf(t)), string(t.Instrument.Key()), string(t.Instrument.Currency), string(t.CommissionCurrency)}
		if texts != want || !timeOf(at).Equal(t.Time) ||
			!sameFigures(figures[:], t.Quantity, t.Price, proceeds(t), t.Commission, t.Taxes) {
			found.add("the row of trades at %d is not trade %q of the journal", place, t.ExecID)
		}
		return nil
	})
	if err == nil && seen < len(f.trades) {
		found.add("trades lacks %d of %d rows", len(f.trades)-seen, len(f.trades))
	}
	return err
}

// positionRow is a row of positions as Verify reads it.
type positionRow struct {
	Key   ledger.InstrumentKey `db:"instrument_key"`
	Open  bool                 `db:"open"`
	Trade sql.NullTime         `db:"last_trade_at"`

	Quantity    sql.NullString `db:"exact_quantity"`
	Basis       sql.NullString `db:"exact_basis"`
	Realized    sql.NullString `db:"exact_realized"`
	Base        sql.NullString `db:"exact_realized_base"`
	Unconverted sql.NullString `db:"exact_unconverted"`
	Commissions sql.NullString `db:"exact_commissions"`
	Taxes       sql.NullString `db:"exact_taxes"`

	// What services see that know nothing of this library.
	User     string         `db:"user_id"`
	Symbol   string         `db:"symbol"`
	Type     string         `db:"position_type"`
	Side     string         `db:"side"`
	Size     sql.NullString `db:"quantity"`
	Price    sql.NullString `db:"entry_price"`
	Realizes sql.NullString `db:"realized_pnl"`
}

func (s *Store) comparePositions(ctx context.Context, tx *sqlx.Tx, f *folded, found *ProjectionError) error {
	want := map[ledger.InstrumentKey]ledger.Position{}
	for _, p := range f.fold.Book().Positions() {
		want[p.Instrument.Key()] = p
	}
	rows, err := tx.QueryxContext(ctx, s.schema.in(`
		SELECT instrument_key, closed_at IS NULL AS open, last_trade_at,
			exact_quantity::text, exact_basis::text, exact_realized::text, exact_realized_base::text,
			exact_unconverted::text, exact_commissions::text, exact_taxes::text,
			user_id::text, symbol::text, position_type::text, side::text, quantity::text, entry_price::text, realized_pnl::text
		FROM trading.positions WHERE account_profile_id = $1 AND instrument_key IS NOT NULL`), string(f.id))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // whatever it could say, Err says
	for rows.Next() {
		var row positionRow
		if err := rows.StructScan(&row); err != nil {
			return err
		}
		p, known := want[row.Key] // the zero position where cancellations left nothing
		delete(want, row.Key)
		if !row.exactly(&p) {
			found.add("the row of positions for %s is not the book's position of %s", row.Key, p.Quantity)
		} else if known && !row.shows(&p, f.userID) {
			found.add("the row of positions for %s shows other services something else", row.Key)
		}
	}
	for key := range want {
		found.add("positions lacks a row for %s", key)
	}
	return rows.Err()
}

// exactly reports whether the figures are the position's.
func (r *positionRow) exactly(p *ledger.Position) bool {
	return timeOf(r.Trade).Equal(p.LastTrade) && r.Open != p.Quantity.IsZero() && sameFigures(
		[]sql.NullString{r.Quantity, r.Basis, r.Realized, r.Base, r.Unconverted, r.Commissions, r.Taxes},
		p.Quantity, p.Basis, p.Realized, p.RealizedBase, p.Unconverted, p.Commissions, p.Taxes)
}

// shows reports whether other services see the position. Of one that is closed they see what it was,
// which the book no longer knows.
func (r *positionRow) shows(p *ledger.Position, userID string) bool {
	w := visibleOf(p, nil)
	same := r.User == userID && r.Symbol == w.symbol && r.Type == w.kind && sameFigures([]sql.NullString{r.Realizes}, w.realized)
	if !r.Open {
		return same
	}
	return same && r.Side == w.side && sameFigures([]sql.NullString{r.Size, r.Price}, w.quantity, w.price)
}

// sameFigures compares numbers, which may be written in several ways.
func sameFigures(texts []sql.NullString, want ...ledger.Decimal) bool {
	for i, text := range texts {
		d, err := udecimal.Parse(text.String)
		if err != nil || !d.Equal(want[i]) {
			return false
		}
	}
	return true
}
