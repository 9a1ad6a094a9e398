package pgstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// LegacyRows says which rows, written before this library came, AdoptLegacyRows gives to a profile.
type LegacyRows struct {
	// UserID selects rows of positions, and those of trades where that table has a column user_id.
	UserID string
	// Signals adds every signal that has no profile: nothing in them tells whose they are.
	Signals bool
	// Currency is what the entry prices of positions in force are in, and their contracts': the
	// rows do not say. It may be empty where Instrument tells.
	Currency ledger.Currency
	// Instrument, if not nil, tells what contract a position in force is of, in place of what is
	// understood without it. An error ends the adoption.
	Instrument func(p LegacyPosition) (ledger.Instrument, error)
	// Opening, if not nil, may change what a position in force opens the journal with, such as a
	// lot's basis or a conversion rate. An error ends the adoption, and so does an opening of no
	// lots.
	Opening func(p LegacyPosition, o ledger.Opening) (ledger.Opening, error)
	// BatchSize is how many rows one transaction holds at most; zero means 500.
	BatchSize int
}

// LegacyPosition is a row of positions as other services wrote it.
type LegacyPosition struct {
	ID           int64     `db:"id"`
	UserID       string    `db:"user_id"`
	Symbol       string    `db:"symbol"`
	PositionType string    `db:"position_type"`  // STOCK or OPTION
	Side         string    `db:"side"`           // LONG or SHORT
	Quantity     string    `db:"quantity"`       // a decimal; its sign says nothing
	EntryPrice   string    `db:"entry_price"`    // a decimal, of one unit
	Details      string    `db:"option_details"` // JSON; empty for none
	OpenedAt     time.Time // zero for a time that is infinite
	Open         bool      `db:"open"`
}

// legacyRow is a row of positions as the store reads it.
type legacyRow struct {
	LegacyPosition
	At sql.NullTime `db:"opened_at"`
}

const legacyColumns = `id, user_id, symbol, position_type, side, quantity::text AS quantity, entry_price::text AS entry_price,
		coalesce(option_details::text, '') AS option_details, CASE WHEN isfinite(opened_at) THEN opened_at END AS opened_at,
		closed_at IS NULL AS open`

// legacyRows are rows as they were read.
func legacyRows(rows []legacyRow) []LegacyPosition {
	list := make([]LegacyPosition, len(rows))
	for i := range rows {
		list[i] = rows[i].LegacyPosition
		list[i].OpenedAt = timeOf(rows[i].At)
	}
	return list
}

// Adoption is how many rows were given to a profile.
type Adoption struct {
	Positions int64 // of positions
	Openings  int64 // of those, positions in force, each an opening balance in the journal
	Trades    int64
	Signals   int64
}

// AdoptLegacyRows gives rows without a profile to the profile, and writes an opening balance to its
// journal for each position that is in force: its lot, opened when the row says, at the row's entry
// price.
//
// Row and opening balance change in one transaction, batch by batch. Each batch is complete when it
// is done, so that after an error or an interruption the next call goes on with what is left; a
// second call finds nothing. A row in force is closed with its figures as they are, and a new one,
// kept by this library, goes on in its place: sums over a user stay what they were if the profile's
// Owner is that user. Other services must no longer change rows that are adopted.
//
// Options are understood if option_details has strike, expiry (expiration, expiration_date) and
// right (option_type, type), and maybe multiplier. Nothing else about a contract is guessed, its
// currency neither. accounts.ErrInvalid, with the row's id, for a position that is not understood,
// that contradicts another of the same contract, long here, short there, whose opened_at is
// infinite, or whose id another row had that was adopted before.
func (s *Store) AdoptLegacyRows(ctx context.Context, id accounts.ProfileID, rows LegacyRows) (Adoption, error) {
	a := adopter{Store: s, rows: rows, id: id}
	err := s.ready(ctx)
	if err == nil {
		err = a.run(ctx, a.adopt)
	}
	return a.done, s.failed(ctx, err, "adopt rows of user %q for profile %q", rows.UserID, id)
}

// PreviewLegacyRows says what AdoptLegacyRows would do for the profile as of now, and changes
// nothing. It reads every row, and refuses what AdoptLegacyRows would refuse, with the same errors.
func (s *Store) PreviewLegacyRows(ctx context.Context, id accounts.ProfileID, rows LegacyRows) (Adoption, error) {
	a := adopter{Store: s, rows: rows, id: id}
	err := s.ready(ctx)
	if err == nil {
		err = a.run(ctx, a.preview)
	}
	return a.done, s.failed(ctx, err, "look at rows of user %q for profile %q", rows.UserID, id)
}

// adopter is the store as the portfolio sees it that writes the opening balances: its appends take
// the rows along.
type adopter struct {
	*Store
	rows    LegacyRows
	id      accounts.ProfileID
	batch   []LegacyPosition // whose openings are being written
	wanted  []ledger.Opening // what they are
	claimed bool
	done    Adoption
}

// run gives the work the profile's portfolio.
func (a *adopter) run(ctx context.Context, work func(context.Context, *accounts.Portfolio) error) (err error) {
	if a.rows.UserID == "" {
		return fmt.Errorf("%w: UserID is empty", accounts.ErrInvalid)
	}
	if a.rows.BatchSize <= 0 {
		a.rows.BatchSize = 500
	}
	m, err := accounts.New(a)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	p, err := m.Portfolio(ctx, a.id)
	if err != nil {
		return err
	}
	return work(ctx, p)
}

func (a *adopter) adopt(ctx context.Context, p *accounts.Portfolio) error {
	if err := a.adoptPositions(ctx, p); err != nil {
		return err
	}
	if err := a.adoptTrades(ctx); err != nil || !a.rows.Signals {
		return err
	}
	return a.adoptSignals(ctx)
}

// Watch is for nobody: no other process's changes matter to an adoption.
func (a *adopter) Watch(ctx context.Context) (<-chan accounts.Event, error) {
	none := make(chan accounts.Event)
	context.AfterFunc(ctx, func() { close(none) })
	return none, nil
}

// Close leaves the store open: it is the caller's.
func (a *adopter) Close() error { return nil }

const legacyPositions = `
	SELECT ` + legacyColumns + `
	FROM trading.positions WHERE account_profile_id IS NULL AND user_id = $1 AND id > $2 ORDER BY id LIMIT $3`

func (a *adopter) adoptPositions(ctx context.Context, p *accounts.Portfolio) error {
	for last := int64(0); ; {
		rows, err := list[legacyRow](ctx, a.Store, legacyPositions, a.rows.UserID, last, a.rows.BatchSize)
		if err != nil || len(rows) == 0 {
			return reason(ctx, err)
		}
		a.batch = legacyRows(rows)
		openings, err := a.openings(p, sides{})
		if err != nil {
			return err
		}
		err = a.record(ctx, p, openings)
		if errors.Is(err, errChanged) {
			continue // read the rows again
		}
		if err != nil {
			return fmt.Errorf("positions %d to %d: %w", a.batch[0].ID, a.batch[len(a.batch)-1].ID, err)
		}
		last = a.batch[len(a.batch)-1].ID
		a.done.Positions += int64(len(a.batch))
		a.done.Openings += int64(len(openings))
	}
}

// openings are those of the batch's positions in force.
func (a *adopter) openings(p *accounts.Portfolio, seen sides) (list []ledger.Opening, err error) {
	for i := range a.batch {
		if !a.batch[i].Open {
			continue
		}
		o, err := a.opening(&a.batch[i])
		if err == nil {
			err = seen.check(p, a.batch[i].ID, &o)
		}
		if err != nil {
			return nil, fmt.Errorf("position %d: %w", a.batch[i].ID, err)
		}
		list = append(list, o)
	}
	return list, nil
}

// sides are of which row each contract is first, and whether long.
type sides map[ledger.InstrumentKey]struct {
	id    int64
	short bool
}

// check refuses a row that contradicts another of its contract, or what the profile holds.
func (s sides) check(p *accounts.Portfolio, id int64, o *ledger.Opening) error {
	if len(o.Lots) == 0 {
		return fmt.Errorf("%w: an opening of no lots", accounts.ErrInvalid)
	}
	key, short := o.Instrument.Key(), o.Lots[0].Quantity.IsNeg()
	first, known := s[key]
	switch held, _ := p.Position(key); {
	case known && first.short != short:
		return fmt.Errorf("%w: of %s, position %d is the other way around, long or short", accounts.ErrInvalid, key, first.id)
	case !held.Quantity.IsZero() && held.Quantity.IsNeg() != short:
		return fmt.Errorf("%w: the profile holds %s of %s, the other way around", accounts.ErrInvalid, held.Quantity, key)
	case !known:
		first.id, first.short = id, short
		s[key] = first
	}
	return nil
}

// record writes the batch's openings, and with them its rows.
func (a *adopter) record(ctx context.Context, p *accounts.Portfolio, openings []ledger.Opening) error {
	a.claimed, a.wanted = false, openings
	if len(openings) > 0 {
		_, err := p.Record(ctx, ledger.Facts(openings)...)
		if errors.Is(err, accounts.ErrIDReused) { // by a row that had this id before; see checkNew
			return fmt.Errorf("%w: the row is not adopted: %w", accounts.ErrInvalid, err)
		}
		if err != nil {
			return err
		}
	}
	if a.claimed {
		return nil
	}
	// None is in force: then only the rows are left. Or the journal has them all. If that was this
	// batch, when the connection was lost, the rows are claimed too, and no longer what was read.
	return a.change(ctx, func(ctx context.Context, tx *sqlx.Tx) error {
		if err := a.claim(ctx, tx); err != nil {
			return err
		}
		return a.checkNew(nil)
	})
}

// checkNew returns ErrInvalid unless the entries hold every opening that is wanted. What is missing
// is in the journal already, for a row that had this id before, and closing this one would lose it.
func (a *adopter) checkNew(entries []accounts.Entry) error {
	held := make(map[string]bool, len(entries))
	for i := range entries {
		held[entries[i].Key] = true
	}
	for i := range a.wanted {
		if id := a.wanted[i].ID; !held["o:"+id] {
			return fmt.Errorf("%w: the journal has an opening balance %q already, and the row is not adopted", accounts.ErrInvalid, id)
		}
	}
	return nil
}

// opening is the opening balance that a row stands for, as of now.
func (a *adopter) opening(p *LegacyPosition) (ledger.Opening, error) {
	quantity, err := udecimal.Parse(p.Quantity)
	if err != nil {
		return ledger.Opening{}, fmt.Errorf("%w: quantity %.40q", accounts.ErrInvalid, p.Quantity)
	}
	price, err := udecimal.Parse(p.EntryPrice)
	if err != nil {
		return ledger.Opening{}, fmt.Errorf("%w: entry price %.40q", accounts.ErrInvalid, p.EntryPrice)
	}
	if p.OpenedAt.IsZero() {
		return ledger.Opening{}, fmt.Errorf("%w: opened_at is infinite", accounts.ErrInvalid)
	}
	quantity = quantity.Abs()
	if p.Side == "SHORT" {
		quantity = quantity.Neg()
	}
	i, err := a.instrument(p)
	if err != nil {
		return ledger.Opening{}, err
	}
	multiplier := i.Multiplier
	if multiplier.IsZero() {
		multiplier = udecimal.One
	}
	o := ledger.Opening{
		ID: fmt.Sprint("positions-", p.ID), Instrument: i, Time: time.Now(),
		Lots: []ledger.Lot{{Quantity: quantity, Basis: quantity.Mul(multiplier).Mul(price), OpenedAt: p.OpenedAt}},
	}
	if a.rows.Opening != nil {
		return a.rows.Opening(*p, o)
	}
	return o, nil
}

func (a *adopter) instrument(p *LegacyPosition) (ledger.Instrument, error) {
	if a.rows.Instrument != nil {
		return a.rows.Instrument(*p)
	}
	if a.rows.Currency == "" {
		return ledger.Instrument{}, fmt.Errorf("%w: the row names no currency: set Currency or Instrument", accounts.ErrInvalid)
	}
	return p.instrument(a.rows.Currency)
}

// errChanged says that rows changed after they were read: read them again.
var errChanged = errors.New("rows changed meanwhile")

// Append appends to the journal and claims the batch's rows, or neither.
func (a *adopter) Append(ctx context.Context, b accounts.Batch) error {
	return a.AppendLocked(ctx, b.ProfileID, b.After, returning(b))
}

// AppendLocked is Append under the lock of the journal.
func (a *adopter) AppendLocked(ctx context.Context, id accounts.ProfileID, after int64, decide decision) error {
	claims := false
	put := func(ctx context.Context, tx *sqlx.Tx, b accounts.Batch) error {
		claims = len(b.Entries) > 0
		if !claims {
			return a.appendIn(ctx, tx, b)
		}
		return a.put(ctx, tx, b)
	}
	err := a.appendLocked(ctx, id, after, decide, put)
	a.claimed = err == nil && claims
	return a.failed(ctx, err, "append to profile %q after entry %d", id, after)
}

// put appends and claims in a transaction.
func (a *adopter) put(ctx context.Context, tx *sqlx.Tx, b accounts.Batch) error {
	if err := a.checkNew(b.Entries); err != nil {
		return err
	}
	if err := a.claim(ctx, tx); err != nil {
		return err
	}
	return a.appendIn(ctx, tx, b)
}

// claim gives the batch's rows to the profile, if they still are what was read.
func (a *adopter) claim(ctx context.Context, tx *sqlx.Tx) error {
	ids := make(pq.Int64Array, len(a.batch))
	for i := range a.batch {
		ids[i] = a.batch[i].ID
	}
	var rows []legacyRow
	if err := tx.SelectContext(ctx, &rows, a.schema.in(`
		SELECT `+legacyColumns+`
		FROM trading.positions WHERE account_profile_id IS NULL AND id = ANY ($1) ORDER BY id FOR UPDATE`), ids); err != nil {
		return err
	}
	now := legacyRows(rows)
	if len(now) != len(a.batch) {
		return errChanged
	}
	for i := range now {
		if !now[i].OpenedAt.Equal(a.batch[i].OpenedAt) {
			return errChanged
		}
		now[i].OpenedAt = a.batch[i].OpenedAt
		if now[i] != a.batch[i] {
			return errChanged
		}
	}
	// Without a projection there is no other row that goes on in the place of one in force.
	_, err := tx.ExecContext(ctx, a.schema.in(`
		UPDATE trading.positions SET account_profile_id = $1,
			unrealized_pnl = CASE WHEN closed_at IS NULL AND $3 THEN 0 ELSE unrealized_pnl END,
			closed_at = CASE WHEN $3 THEN coalesce(closed_at, now()) ELSE closed_at END
		WHERE id = ANY ($2)`), string(a.id), ids, a.projection)
	return err
}

// adoptTrades gives a site's own trades to the profile, where they name a user.
func (a *adopter) adoptTrades(ctx context.Context) error {
	named, err := a.namesUsers(ctx)
	if err != nil || !named {
		return err
	}
	return a.inBatches(&a.done.Trades, func() (int64, error) {
		w, err := a.write(ctx, `UPDATE trading.trades SET account_profile_id = $1
			WHERE account_profile_id IS NULL AND ctid = ANY (ARRAY(
				SELECT ctid FROM trading.trades WHERE account_profile_id IS NULL AND user_id::text = $2 LIMIT $3 FOR UPDATE))`,
			string(a.id), a.rows.UserID, a.rows.BatchSize)
		return w.rows, err
	})
}

// namesUsers reports whether the table of trades has a column user_id.
func (a *adopter) namesUsers(ctx context.Context) (bool, error) {
	return get[bool](ctx, a.Store, `SELECT EXISTS (SELECT FROM pg_attribute
		WHERE attrelid = 'trading.trades'::regclass AND attname = 'user_id' AND NOT attisdropped)`)
}

func (a *adopter) inBatches(total *int64, batch func() (int64, error)) error {
	for {
		n, err := batch()
		*total += n
		if err != nil || n == 0 {
			return err
		}
	}
}

// adoptSignals goes by their times, which have an index, and which hypertables are divided by.
func (a *adopter) adoptSignals(ctx context.Context) error {
	for {
		last, err := get[sql.NullTime](ctx, a.Store, `SELECT max("timestamp") FROM (
			SELECT "timestamp" FROM trading.signals WHERE account_profile_id IS NULL ORDER BY "timestamp" LIMIT $1) s`,
			a.rows.BatchSize)
		if err != nil || !last.Valid {
			return err
		}
		w, err := a.write(ctx, `UPDATE trading.signals SET account_profile_id = $1 WHERE account_profile_id IS NULL AND "timestamp" <= $2`,
			string(a.id), last.Time)
		a.done.Signals += w.rows
		if err != nil {
			return err
		}
	}
}
