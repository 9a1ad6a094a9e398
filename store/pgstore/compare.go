package pgstore

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/ledger"
)

// compare holds the rows against the fold.
func (s *Store) compare(ctx context.Context, tx *sqlx.Tx, f *folded) error {
	found := &ProjectionError{ProfileID: f.id}
	if err := s.compareTrades(ctx, tx, f, found); err != nil {
		return err
	}
	if err := s.findStrays(ctx, tx, f, found); err != nil {
		return err
	}
	f.comparePositions(found)
	if len(found.Problems) > 0 {
		return found
	}
	return nil
}

// microsOf is a time as text: whole microseconds since 1970, or Infinity, which no driver takes for
// a time.
func microsOf(column string) string {
	return "trunc(extract(epoch FROM " + column + ") * 1000000)::text"
}

// sameTime reports whether a text of microsOf is the time; the zero time is NULL.
func sameTime(text sql.NullString, want time.Time) bool {
	at, known := timeIn(text)
	return known && at.Equal(stored(want)) || !text.Valid && want.IsZero()
}

// timeIn reads a text of microsOf.
func timeIn(text sql.NullString) (time.Time, bool) {
	micros, err := strconv.ParseInt(text.String, 10, 64)
	return time.UnixMicro(micros).UTC(), err == nil
}

// sameFigure compares numbers, which may be written in several ways.
func sameFigure(text sql.NullString, want ledger.Decimal) bool {
	d, err := udecimal.Parse(text.String)
	return err == nil && d.Equal(want)
}

// differences are the columns of a row that are not what they should be.
type differences []string

func (d *differences) unless(same bool, columns ...string) {
	if !same {
		*d = append(*d, columns...)
	}
}

func (d *differences) String() string { return strings.Join(*d, ", ") }

// tradeRow is a row of trades as Verify reads it.
type tradeRow struct {
	Place      int64          `db:"journal_seq"`
	ExecID     string         `db:"exec_id"`
	OrderID    string         `db:"order_id"`
	Kind       string         `db:"trade_kind"`
	Key        string         `db:"instrument_key"`
	Currency   string         `db:"instrument_currency"`
	Commission string         `db:"commission_currency"`
	At         sql.NullString `db:"traded_at"`

	Quantity sql.NullString `db:"exact_quantity"`
	Price    sql.NullString `db:"exact_price"`
	Proceeds sql.NullString `db:"exact_proceeds"`
	Cost     sql.NullString `db:"exact_commission"`
	Taxes    sql.NullString `db:"exact_taxes"`
}

// differences are the columns in which the row is not the trade.
func (r *tradeRow) differences(t *ledger.Trade) *differences {
	d := &differences{}
	d.unless(r.ExecID == string(t.ExecID), "exec_id")
	d.unless(r.OrderID == string(t.OrderID), "order_id")
	d.unless(r.Kind == string(kindOf(t)), "trade_kind")
	d.unless(r.Key == string(t.Instrument.Key()), "instrument_key")
	d.unless(r.Currency == string(t.Instrument.Currency), "instrument_currency")
	d.unless(r.Commission == string(t.CommissionCurrency), "commission_currency")
	d.unless(sameTime(r.At, t.Time), "traded_at")
	d.unless(sameFigure(r.Quantity, t.Quantity), "exact_quantity")
	d.unless(sameFigure(r.Price, t.Price), "exact_price")
	d.unless(sameFigure(r.Proceeds, proceeds(t)), "exact_proceeds")
	d.unless(sameFigure(r.Cost, t.Commission), "exact_commission")
	d.unless(sameFigure(r.Taxes, t.Taxes), "exact_taxes")
	return d
}

func (s *Store) compareTrades(ctx context.Context, tx *sqlx.Tx, f *folded, found *ProjectionError) error {
	rows, err := tx.QueryxContext(ctx, s.schema.in(`
		SELECT journal_seq, coalesce(exec_id, '') AS exec_id, coalesce(order_id, '') AS order_id, coalesce(trade_kind, '') AS trade_kind,
			coalesce(instrument_key, '') AS instrument_key, exact_quantity::text, exact_price::text, exact_proceeds::text,
			exact_commission::text, exact_taxes::text, coalesce(instrument_currency, '') AS instrument_currency,
			coalesce(commission_currency, '') AS commission_currency, `+microsOf("traded_at")+` AS traded_at
		FROM trading.trades WHERE account_profile_id = $1 AND journal_seq IS NOT NULL`), string(f.id))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // whatever it could say, Err says
	seen := 0
	for rows.Next() {
		var row tradeRow
		if err := rows.StructScan(&row); err != nil {
			return err
		}
		t := f.trades[row.Place]
		if t == nil {
			found.add("trades has a row at %d, where no trade is in force", row.Place)
			continue
		}
		seen++
		if d := row.differences(t); len(*d) > 0 {
			found.add("the row of trades at %d is not trade %q of the journal in %s", row.Place, t.ExecID, d)
		}
	}
	if seen < len(f.trades) {
		found.add("trades lacks %d of %d rows", len(f.trades)-seen, len(f.trades))
	}
	return rows.Err()
}

// A stray is a row that bears the profile, came from no entry of the journal, and is none that an
// adoption gave to the profile: those are positions that are closed, and trades of a table that
// names users. Neither has anything in the library's own columns.
const (
	strayPositions = `account_profile_id = $1 AND instrument_key IS NULL AND (closed_at IS NULL OR %s > 0)`
	strayTrades    = `account_profile_id = $1 AND journal_seq IS NULL AND (NOT $2::boolean OR %s > 0)`
)

// strays returns the conditions for strays of both tables, with their parameters.
func (s *Store) strays(ctx context.Context, tx *sqlx.Tx, f *folded) (positions, trades string, tradeArgs []any, err error) {
	var tables []struct {
		Name  string         `db:"name"`
		Ours  pq.StringArray `db:"ours"` // columns that the library made
		Users bool           `db:"users"`
	}
	err = tx.SelectContext(ctx, &tables, s.schema.in(`
		SELECT c.relname AS name, bool_or(a.attname = 'user_id') AS users, coalesce(array_agg(quote_ident(a.attname)) FILTER (
			WHERE a.attname <> 'account_profile_id' AND col_description(c.oid, a.attnum) = 'made by the accounts library'), '{}') AS ours
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
		WHERE c.oid IN ('trading.positions'::regclass, 'trading.trades'::regclass) GROUP BY 1`))
	for _, t := range tables {
		filled := "0"
		if len(t.Ours) > 0 {
			filled = "num_nonnulls(" + strings.Join(t.Ours, ", ") + ")"
		}
		if t.Name == "positions" {
			positions = fmt.Sprintf(strayPositions, filled)
		} else {
			trades, tradeArgs = fmt.Sprintf(strayTrades, filled), []any{string(f.id), t.Users}
		}
	}
	return positions, trades, tradeArgs, err
}

// findStrays notes rows that should not be there.
func (s *Store) findStrays(ctx context.Context, tx *sqlx.Tx, f *folded, found *ProjectionError) error {
	positions, trades, args, err := s.strays(ctx, tx, f)
	if err != nil {
		return err
	}
	for _, q := range []struct {
		table, where string
		args         []any
	}{{"positions", positions, []any{string(f.id)}}, {"trades", trades, args}} {
		var n int
		if err := tx.GetContext(ctx, &n, s.schema.in(`SELECT count(*) FROM trading.`+q.table+` WHERE `+q.where), q.args...); err != nil {
			return err
		}
		if n > 0 {
			found.add("%s has %d rows of the profile that came from no entry of the journal", q.table, n)
		}
	}
	return nil
}
