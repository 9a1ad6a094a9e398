package pgstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"reflect"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// positionRow is a row of positions as Verify reads it.
type positionRow struct {
	ID         int64                `db:"id"`
	Key        ledger.InstrumentKey `db:"instrument_key"`
	Seq        sql.NullInt64        `db:"journal_seq"`
	Open       bool                 `db:"open"`
	OpenedAt   sql.NullString       `db:"opened_at"`
	ClosedAt   sql.NullString       `db:"closed_at"`
	LastTrade  sql.NullString       `db:"last_trade_at"`
	LastClose  sql.NullString       `db:"last_close_at"`
	Currency   sql.NullString       `db:"instrument_currency"`
	Details    sql.NullString       `db:"option_details"`
	Unrealized sql.NullString       `db:"unrealized_pnl"`

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

// positionsOf reads the rows of the profile's positions.
func (s *Store) positionsOf(ctx context.Context, tx *sqlx.Tx, id accounts.ProfileID) ([]positionRow, error) {
	var rows []positionRow
	err := tx.SelectContext(ctx, &rows, s.schema.in(`
		SELECT id, instrument_key, journal_seq, closed_at IS NULL AS open, `+microsOf("opened_at")+` AS opened_at,
			`+microsOf("closed_at")+` AS closed_at, `+microsOf("last_trade_at")+` AS last_trade_at, `+microsOf("last_close_at")+` AS last_close_at,
			instrument_currency, option_details::text, unrealized_pnl::text,
			exact_quantity::text, exact_basis::text, exact_realized::text, exact_realized_base::text,
			exact_unconverted::text, exact_commissions::text, exact_taxes::text,
			user_id::text, symbol::text, position_type::text, side::text, quantity::text, entry_price::text, realized_pnl::text
		FROM trading.positions WHERE account_profile_id = $1 AND instrument_key IS NOT NULL`), string(id))
	return rows, err
}

// tracked is a contract that the journal tells of, and its row.
type tracked struct {
	position ledger.Position // as it stands; of a contract of which cancellations left nothing, with no figures
	changed  int64           // the last entry that changed it
	from, to time.Time       // when its trades were and its lots were opened, of all that there ever were
	row      *positionRow    // nil for none
	shown    bool            // the row is closed, and shows what the position was at one time
}

// track follows what an entry does to the positions.
func (f *folded) track(e *accounts.Entry, payload any) {
	for _, p := range f.fold.Book().Changed(nil, []any{payload}) {
		key := p.Instrument.Key()
		t := f.positions[key]
		if t == nil {
			t = &tracked{row: f.rows[key]}
			f.positions[key] = t
		}
		t.position, t.changed = p, e.Seq
		t.during(p.LastTrade)
		switch x := payload.(type) {
		case *ledger.Trade:
			t.during(x.Time)
		case *ledger.Opening:
			t.during(opened(x.Lots))
		case *ledger.Transfer:
			t.during(x.Time)
			t.during(opened(x.Lots))
		case *ledger.Restatement:
			t.duringRestated(x, key)
		}
		if t.row == nil || t.row.Open || t.shown {
			continue
		}
		t.shown = t.row.showsSize(visibleOf(&p, f.last[key]))
	}
}

// duringRestated notes when the lots of the position were opened that a restatement states.
func (t *tracked) duringRestated(r *ledger.Restatement, key ledger.InstrumentKey) {
	for i := range r.Positions {
		if r.Positions[i].Instrument.Key() == key {
			t.during(opened(r.Positions[i].Lots))
		}
	}
}

// during notes a time of the position's.
func (t *tracked) during(at time.Time) {
	at = stored(at)
	if at.IsZero() {
		return
	}
	if t.from.IsZero() || at.Before(t.from) {
		t.from = at
	}
	if at.After(t.to) {
		t.to = at
	}
}

// comparePositions notes how rows differ from the positions, and which these are.
func (f *folded) comparePositions(found *ProjectionError) {
	for _, p := range f.fold.Book().Positions() {
		if t := f.positions[p.Instrument.Key()]; t != nil {
			t.during(opened(p.Lots))
		}
	}
	for key, row := range f.rows {
		t := f.positions[key]
		if t == nil {
			found.add("positions has a row for %s, of which the journal does not tell", key)
			f.wrong = append(f.wrong, row.ID)
			continue
		}
		if d := row.differences(t, f); len(*d) > 0 {
			found.add("the row of positions for %s is not the book's position of %s in %s", key, t.position.Quantity, d)
			f.wrong = append(f.wrong, row.ID)
		}
	}
	for _, key := range f.fold.Book().Contracts() {
		if f.rows[key] == nil {
			found.add("positions lacks a row for %s", key)
		}
	}
}

// differences are the columns in which the row is not the position. What others write is left out:
// the current price, and the unrealized P&L while the position is open. So is what only the moment
// of an append told: when a position was closed of which cancellations left nothing.
func (r *positionRow) differences(t *tracked, f *folded) *differences {
	p, d := &t.position, &differences{}
	d.unless(r.Seq.Valid && r.Seq.Int64 >= t.changed && r.Seq.Int64 <= f.seq, "journal_seq")
	d.unless(sameFigure(r.Quantity, p.Quantity), "exact_quantity")
	d.unless(sameFigure(r.Basis, p.Basis), "exact_basis")
	d.unless(sameFigure(r.Realized, p.Realized), "exact_realized")
	d.unless(sameFigure(r.Base, p.RealizedBase), "exact_realized_base")
	d.unless(sameFigure(r.Unconverted, p.Unconverted), "exact_unconverted")
	d.unless(sameFigure(r.Commissions, p.Commissions), "exact_commissions")
	d.unless(sameFigure(r.Taxes, p.Taxes), "exact_taxes")
	d.unless(r.Currency.String == string(p.Instrument.Currency), "instrument_currency")
	d.unless(sameTime(r.LastTrade, p.LastTrade), "last_trade_at")
	d.unless(sameTime(r.LastClose, p.LastClose), "last_close_at")

	w := visibleOf(p, nil)
	d.unless(r.User == f.userID, "user_id")
	d.unless(r.Symbol == w.symbol, "symbol")
	d.unless(r.Type == w.kind, "position_type")
	d.unless(sameFigure(r.Realizes, w.realized), "realized_pnl")
	d.unless(sameJSON(r.Details.String, detailsOf(&p.Instrument)), "option_details")
	at, known := timeIn(r.OpenedAt)
	d.unless(known && !at.Before(t.from) && (t.to.IsZero() || !at.After(t.to)), "opened_at")
	if r.Open {
		d.unless(!p.Quantity.IsZero(), "closed_at")
		d.unless(r.showsSize(w), "side, quantity, entry_price")
		return d
	}
	d.unless(p.Quantity.IsZero() && r.closedAsOf(p), "closed_at")
	d.unless(t.shown, "side, quantity, entry_price")
	d.unless(!r.Unrealized.Valid || sameFigure(r.Unrealized, ledger.Decimal{}), "unrealized_pnl")
	return d
}

// closedAsOf reports whether the row says when the position was closed.
func (r *positionRow) closedAsOf(p *ledger.Position) bool {
	switch {
	case !p.LastClose.IsZero():
		return sameTime(r.ClosedAt, p.LastClose)
	case !p.LastTrade.IsZero():
		return sameTime(r.ClosedAt, p.LastTrade)
	}
	_, known := timeIn(r.ClosedAt)
	return known
}

func (r *positionRow) showsSize(w visible) bool {
	return r.Side == w.side && sameFigure(r.Size, w.quantity) && sameFigure(r.Price, w.price)
}

// sameJSON compares texts of JSON, of which PostgreSQL keeps neither order nor white space.
func sameJSON(text, want string) bool {
	if text == "" || want == "" {
		return text == want
	}
	decode := func(text string) (v any) {
		dec := json.NewDecoder(strings.NewReader(text))
		dec.UseNumber()
		if dec.Decode(&v) != nil {
			return nil
		}
		return v
	}
	a, b := decode(text), decode(want)
	return a != nil && reflect.DeepEqual(a, b)
}
