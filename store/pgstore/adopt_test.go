package pgstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// newLegacy returns a store with two profiles on tables that have 2,000 rows of 7 users.
func newLegacy(t *testing.T, opts ...Option) *Store {
	t.Helper()
	s := newStore(t, "postgres", deployed.Database(t), opts...)
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	for i := range 2 {
		p := testProfile(i)
		p.Owner = "user3"
		require.NoError(t, s.CreateProfile(t.Context(), p), "CreateProfile failed")
	}
	// Rows of which one contract is long here and short there are for a person to decide.
	run(t, s.db, `UPDATE trading.positions SET side = 'LONG', realized_pnl = 1.5, unrealized_pnl = 7`,
		`UPDATE trading.positions SET closed_at = now() WHERE id % 10 = 0`)
	return s
}

const legacySums = `SELECT concat_ws(' ', sum(quantity) FILTER (WHERE closed_at IS NULL), sum(quantity * entry_price) FILTER (WHERE closed_at IS NULL), sum(realized_pnl))
	FROM trading.positions WHERE user_id = 'user3'`

func TestAdoption(t *testing.T) {
	t.Parallel()
	s := newLegacy(t)
	id := testProfile(0).ID
	run(t, s.db, `ALTER TABLE trading.trades ADD COLUMN user_id varchar(50)`,
		`INSERT INTO trading.trades (user_id) SELECT 'user' || n % 7 FROM generate_series(1, 700) n`)
	open := value[int64](t, s.db, `SELECT count(*) FROM trading.positions WHERE user_id = 'user3' AND closed_at IS NULL`)
	quantity := value[string](t, s.db, `SELECT sum(quantity)::text FROM trading.positions WHERE user_id = 'user3' AND closed_at IS NULL`)
	realized := value[string](t, s.db, `SELECT sum(realized_pnl)::text FROM trading.positions WHERE user_id = 'user3'`)
	others := value[string](t, s.db, `SELECT md5(string_agg(p::text, '' ORDER BY id)) FROM trading.positions p WHERE user_id <> 'user3'`)

	what := LegacyRows{UserID: "user3", Currency: "USD", Signals: true, BatchSize: 30}
	all := value[string](t, s.db, `SELECT md5(string_agg(p::text, '' ORDER BY id)) FROM trading.positions p`)
	seen, err := s.PreviewLegacyRows(t.Context(), id, what)
	require.NoError(t, err, "PreviewLegacyRows failed")
	require.Equal(t, all, value[string](t, s.db, `SELECT md5(string_agg(p::text, '' ORDER BY id)) FROM trading.positions p`), "a preview changed rows")
	require.Zero(t, value[int64](t, s.db, `SELECT count(*) FROM trading.journal_entries`), "a preview wrote entries")

	done, err := s.AdoptLegacyRows(t.Context(), id, what)
	require.NoError(t, err, "AdoptLegacyRows failed")
	require.Equal(t, Adoption{Positions: 286, Openings: open, Trades: 100, Signals: 2000}, done, "not every row was adopted")
	require.Equal(t, seen, done, "the preview said something else")
	require.NoError(t, s.Verify(t.Context(), id), "rows and journal differ")
	require.Equal(t, quantity, value[string](t, s.db, `SELECT sum(quantity)::text FROM trading.positions WHERE user_id = 'user3' AND closed_at IS NULL`), "what the user holds changed")
	require.Equal(t, realized, value[string](t, s.db, `SELECT sum(realized_pnl)::text FROM trading.positions WHERE user_id = 'user3'`), "what the user realized changed")
	require.Equal(t, others, value[string](t, s.db, `SELECT md5(string_agg(p::text, '' ORDER BY id)) FROM trading.positions p WHERE user_id <> 'user3'`), "rows of other users changed")
	require.Equal(t, value[string](t, s.db, `SELECT sum(quantity * entry_price)::numeric(30,4)::text FROM trading.positions WHERE account_profile_id = $1 AND instrument_key IS NULL AND id % 10 <> 0`, id),
		value[string](t, s.db, `SELECT sum(exact_basis)::numeric(30,4)::text FROM trading.positions WHERE account_profile_id = $1`, id), "the basis of what is held changed")

	again, err := s.AdoptLegacyRows(t.Context(), id, LegacyRows{UserID: "user3", Currency: "USD", Signals: true})
	require.NoError(t, err, "a second adoption failed")
	require.Zero(t, again, "a second adoption found something")
	seen, err = s.PreviewLegacyRows(t.Context(), id, what)
	require.NoError(t, err, "a second preview failed")
	require.Zero(t, seen, "a second preview found something")
}

// An adoption that is interrupted anywhere has done whole batches, and goes on where it stopped.
func TestAdoptionIsResumed(t *testing.T) {
	t.Parallel()
	s := newLegacy(t)
	id := testProfile(0).ID
	const holdings = `SELECT sum(quantity)::text FROM trading.positions WHERE user_id = 'user3' AND closed_at IS NULL`
	before := value[string](t, s.db, holdings)
	var total Adoption
	for stop := 1; ; stop += 40 {
		ctx, cancel := context.WithCancel(t.Context())
		n := 0
		done, err := s.AdoptLegacyRows(ctx, id, LegacyRows{UserID: "user3", Currency: "USD", BatchSize: 10,
			Opening: func(_ LegacyPosition, o ledger.Opening) (ledger.Opening, error) {
				if n++; n == stop {
					cancel()
				}
				return o, nil
			}})
		cancel()
		total.Positions += done.Positions
		total.Openings += done.Openings
		require.NoError(t, s.Verify(t.Context(), id), "rows and journal differ after an interruption")
		require.Equal(t, before, value[string](t, s.db, holdings), "what the user holds changed")
		if err == nil {
			break
		}
		require.ErrorIs(t, err, context.Canceled)
	}
	require.EqualValues(t, 286, total.Positions, "rows were lost or adopted twice")
	require.EqualValues(t, total.Openings, value[int64](t, s.db, `SELECT count(*) FROM trading.journal_entries WHERE profile_id = $1`, id), "openings were lost or written twice")
}

// Two profiles and a service that changes rows: each row ends in one journal, as it was last.
func TestAdoptionAmongWriters(t *testing.T) {
	t.Parallel()
	s := newLegacy(t)
	ctx, stop := context.WithCancel(t.Context())
	var writer, adopters group
	writer.Go(func() error {
		for ctx.Err() == nil {
			if _, err := s.db.ExecContext(ctx, `UPDATE trading.positions SET quantity = quantity + 1
				WHERE account_profile_id IS NULL AND id = (SELECT min(id) FROM trading.positions WHERE account_profile_id IS NULL AND user_id = 'user3' AND closed_at IS NULL)`); err != nil && ctx.Err() == nil {
				return err
			}
		}
		return nil
	})
	var done [2]Adoption
	for i := range done {
		adopters.Go(func() (err error) {
			done[i], err = s.AdoptLegacyRows(t.Context(), testProfile(i).ID, LegacyRows{UserID: "user3", Currency: "USD", BatchSize: 3})
			return err
		})
	}
	require.NoError(t, adopters.Wait(), "AdoptLegacyRows failed")
	stop()
	require.NoError(t, writer.Wait(), "the service failed")
	require.EqualValues(t, 286, done[0].Positions+done[1].Positions, "rows were lost or adopted twice")
	for i := range done {
		require.NoError(t, s.Verify(t.Context(), testProfile(i).ID), "rows and journal differ")
	}
	require.Equal(t, value[string](t, s.db, `SELECT sum(quantity)::numeric::text FROM trading.positions WHERE instrument_key IS NULL AND user_id = 'user3' AND id % 10 <> 0`),
		value[string](t, s.db, `SELECT sum(exact_quantity)::numeric(20,6)::text FROM trading.positions`), "what was opened is not what the rows say")
}

func TestAdoptionOfOptions(t *testing.T) {
	t.Parallel()
	s := newLegacy(t)
	for _, c := range []struct{ details, want string }{
		{`'{"strike": 12.5, "expiry": "2027-06-18", "right": "C"}'`, "OPT:NU:20270618:C:12.5:100:USD"},
		{`'{"strike": "12.50", "expiration": "2027-06-18T00:00:00Z", "option_type": "put", "multiplier": 10}'`, "OPT:NU:20270618:P:12.5:10:USD"},
		{`'{"strike": 12.5, "expiry": "soon", "right": "C"}'`, "expiry"},
		{`'{"expiry": "2027-06-18", "right": "C"}'`, "strike"},
		{`'{"strike": 12.5, "expiry": "2027-06-18"}'`, "right"},
		{`'{"strike": 12.5, "expiry": "2027-06-18", "right": "C", "multiplier": 0}'`, "multiplier"},
		{`NULL`, "JSON"},
		{`'"NU    270917C00012500"'`, "OPT:NU:20270917:C:12.5:100:USD"},
	} {
		run(t, s.db, `DELETE FROM trading.positions`, `INSERT INTO trading.positions (user_id, symbol, position_type, side, quantity, entry_price, option_details)
			VALUES ('user3', 'NU', 'OPTION', 'SHORT', 2, 0.55, `+c.details+`)`)
		rows := LegacyRows{UserID: "user3", Currency: "USD"}
		if strings.HasPrefix(c.details, `'"`) {
			rows.Instrument = func(p LegacyPosition) (ledger.Instrument, error) {
				return ledger.ParseOCC(strings.Trim(p.Details, `"`))
			}
		}
		done, err := s.AdoptLegacyRows(t.Context(), testProfile(0).ID, rows)
		if c.want[:3] != "OPT" {
			require.ErrorIs(t, err, accounts.ErrInvalid, "%s was accepted", c.details)
			require.ErrorContains(t, err, c.want, "the error does not say what is missing in %s", c.details)
			require.Equal(t, 1, value[int](t, s.db, `SELECT count(*) FROM trading.positions WHERE account_profile_id IS NULL`), "a refused row was changed")
			continue
		}
		require.NoError(t, err, "%s was refused", c.details)
		require.EqualValues(t, 1, done.Openings, "nothing was opened")
		require.Contains(t, []string{"-110", "-220", "-11"}, value[string](t, s.db, `SELECT (exact_basis::float8)::text FROM trading.positions WHERE instrument_key = $1`, c.want), "the basis of %s", c.details)
		require.Equal(t, "-2", value[string](t, s.db, `SELECT exact_quantity::text FROM trading.positions WHERE instrument_key = $1`, c.want), "%s", c.details)
	}
}

func TestRefusedAdoptions(t *testing.T) {
	t.Parallel()
	s := newLegacy(t)
	id := testProfile(0).ID
	own := errors.New("not this one")
	run(t, s.db, `DELETE FROM trading.positions`, `INSERT INTO trading.positions (user_id, symbol, position_type, side, quantity, entry_price)
		VALUES ('user3', 'NU', 'STOCK', 'SHORT', 2, 11), ('user3', 'NU', 'STOCK', 'LONG', 2, 11)`)
	for name, c := range map[string]struct {
		id   accounts.ProfileID
		rows LegacyRows
		want error
	}{
		"no user":                    {id, LegacyRows{}, accounts.ErrInvalid},
		"no profile":                 {"nobody", LegacyRows{UserID: "user3", Currency: "USD"}, accounts.ErrProfileNotFound},
		"long and short":             {id, LegacyRows{UserID: "user3", Currency: "USD"}, accounts.ErrInvalid},
		"the caller's reason":        {id, LegacyRows{UserID: "user3", Currency: "USD", Opening: func(LegacyPosition, ledger.Opening) (ledger.Opening, error) { return ledger.Opening{}, own }}, own},
		"an instrument nobody knows": {id, LegacyRows{UserID: "user3", Currency: "USD", Instrument: func(LegacyPosition) (ledger.Instrument, error) { return ledger.Instrument{}, own }}, own},
		"an opening of nothing": {id, LegacyRows{UserID: "user3", Currency: "USD", Opening: func(LegacyPosition, ledger.Opening) (ledger.Opening, error) { return ledger.Opening{}, nil }},
			accounts.ErrInvalid},
	} {
		_, err := s.PreviewLegacyRows(t.Context(), c.id, c.rows)
		require.ErrorIs(t, err, c.want, "preview of %s", name)
		done, err := s.AdoptLegacyRows(t.Context(), c.id, c.rows)
		require.ErrorIs(t, err, c.want, name)
		require.Zero(t, done, "%s: something is said to be adopted", name)
		require.Equal(t, 2, value[int](t, s.db, `SELECT count(*) FROM trading.positions WHERE account_profile_id IS NULL AND closed_at IS NULL`), "%s: rows were changed", name)
	}
}

// A row whose id another had before is not taken for that one.
func TestAdoptionOfReusedIDs(t *testing.T) {
	t.Parallel()
	s := newLegacy(t)
	id := testProfile(0).ID
	const insert = `INSERT INTO trading.positions (user_id, symbol, position_type, side, quantity, entry_price) VALUES ('user3', '`
	run(t, s.db, `TRUNCATE trading.positions RESTART IDENTITY`, insert+`NU', 'STOCK', 'LONG', 2, 11)`)
	_, err := s.AdoptLegacyRows(t.Context(), id, LegacyRows{UserID: "user3", Currency: "USD"})
	require.NoError(t, err, "AdoptLegacyRows failed")
	for _, more := range []string{"", insert + `XYZ', 'STOCK', 'LONG', 2, 11)`} {
		run(t, s.db, `TRUNCATE trading.positions RESTART IDENTITY`, insert+`AAPL', 'STOCK', 'LONG', 2, 11)`)
		if more != "" {
			run(t, s.db, more)
		}
		rows := value[int](t, s.db, `SELECT count(*) FROM trading.positions`)
		_, err = s.PreviewLegacyRows(t.Context(), id, LegacyRows{UserID: "user3", Currency: "USD"})
		require.ErrorIs(t, err, accounts.ErrInvalid, "a preview takes a row for another")
		require.ErrorContains(t, err, "positions-1", "the preview's error does not say which row")
		done, err := s.AdoptLegacyRows(t.Context(), id, LegacyRows{UserID: "user3", Currency: "USD"})
		require.ErrorIs(t, err, accounts.ErrInvalid, "a row was taken for another")
		require.ErrorContains(t, err, "positions-1", "the error does not say which row")
		require.Zero(t, done, "something is said to be adopted")
		require.Equal(t, rows, value[int](t, s.db, `SELECT count(*) FROM trading.positions WHERE account_profile_id IS NULL AND closed_at IS NULL`), "a position was lost")
	}
}

// A site without a projection keeps its rows in force: nothing goes on in their place.
func TestAdoptionWithoutProjection(t *testing.T) {
	t.Parallel()
	s := newLegacy(t, WithoutProjection())
	before := value[string](t, s.db, legacySums)
	_, err := s.AdoptLegacyRows(t.Context(), testProfile(0).ID, LegacyRows{UserID: "user3", Currency: "USD"})
	require.NoError(t, err, "AdoptLegacyRows failed")
	require.Equal(t, before, value[string](t, s.db, legacySums), "what is in force changed")
	requireOpen(t, s.db, "user3")
}

func requireOpen(t *testing.T, db *sqlx.DB, user string) {
	t.Helper()
	require.NotZero(t, value[int](t, db, `SELECT count(*) FROM trading.positions WHERE user_id = $1 AND account_profile_id IS NOT NULL AND closed_at IS NULL`, user), "rows in force were closed")
}

// Odd rows, each alone on a table with the constraints of a deployed system: what is in force is adopted or
// refused with the row's id, and nothing of it is guessed; of what is closed, nothing matters.
func TestAdoptionOfOddRows(t *testing.T) {
	t.Parallel()
	s := newStore(t, "postgres", migrated.Reused(t))
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	refused := map[string]bool{}
	for i, c := range []struct{ row, says string }{
		{`'AAPL', 'STOCK', 'LONG', 5, 200, NULL, now(), NULL`, ""},
		{`'XYZ', 'STOCK', 'LONG', 0, 10, NULL, now(), NULL`, "Quantity"},
		{`'XYZ', 'STOCK', 'LONG', 'NaN', 10, NULL, now(), NULL`, "quantity"},
		{`'XYZ', 'STOCK', 'LONG', 1, 'NaN', NULL, now(), NULL`, "price"},
		{`' XYZ', 'STOCK', 'LONG', 5, 10, NULL, now(), NULL`, "Symbol"},
		{`'XYZ', 'STOCK', 'LONG', 5, 10, NULL, now() + interval '1 day', NULL`, "OpenedAt"},
		{`'XYZ', 'STOCK', 'LONG', 5, 10, NULL, 'infinity', NULL`, "opened_at is infinite"},
		{`'XYZ', 'STOCK', 'LONG', 5, 10, NULL, '-infinity', NULL`, "opened_at is infinite"},
		{`'XYZ', 'STOCK', 'LONG', 5, 10, NULL, now(), 'infinity'`, ""},
		{`' ', 'STOCK', 'LONG', 0, 0, '[]', 'infinity', now()`, ""},
		{`'XYZ', 'OPTION', 'LONG', 5, 10, '[1]', now(), NULL`, "option_details"},
		{`'XYZ', 'OPTION', 'LONG', 5, 10, 'null', now(), NULL`, "strike"},
	} {
		id := int64(i + 1001)
		p := testProfile(i)
		p.Owner, p.BaseCurrency = "u", "JPY"
		require.NoError(t, s.CreateProfile(t.Context(), p), "CreateProfile failed")
		run(t, s.db, `DELETE FROM trading.positions WHERE account_profile_id IS NULL`, fmt.Sprintf(`INSERT INTO trading.positions
			(id, user_id, symbol, position_type, side, quantity, entry_price, option_details, opened_at, closed_at) VALUES (%d, 'u', %s)`, id, c.row))
		adopt := func(currency ledger.Currency) (Adoption, error) {
			return s.AdoptLegacyRows(t.Context(), p.ID, LegacyRows{UserID: "u", Currency: currency})
		}
		if i == 0 {
			_, err := adopt("")
			require.ErrorIs(t, err, accounts.ErrInvalid, "a currency was guessed")
			require.ErrorContains(t, err, "position 1001: ", "the error does not say which row")
			require.Zero(t, value[int](t, s.db, `SELECT count(*) FROM trading.journal_entries`), "something was adopted all the same")
		}
		seen, refusal := s.PreviewLegacyRows(t.Context(), p.ID, LegacyRows{UserID: "u", Currency: "USD"})
		done, err := adopt("USD")
		require.Equal(t, err == nil, refusal == nil, "the preview said %v of %s", refusal, c.row)
		if c.says == "" {
			require.Equal(t, seen, done, "the preview said something else of %s", c.row)
			require.NoError(t, err, "%s", c.row)
			require.EqualValues(t, 1, done.Positions, "%s", c.row)
		} else {
			refused[c.row] = true
			require.ErrorIs(t, err, accounts.ErrInvalid, "%s", c.row)
			require.ErrorContains(t, err, c.says, "%s", c.row)
			require.Regexp(t, fmt.Sprintf(`positions?[ -]%d\b`, id), err.Error(), "the error does not say which row: %s", c.row)
			require.ErrorContains(t, refusal, c.says, "the preview of %s", c.row)
			require.Regexp(t, fmt.Sprintf(`positions?[ -]%d\b`, id), refusal.Error(), "the preview does not say which row: %s", c.row)
			require.Equal(t, 1, value[int](t, s.db, `SELECT count(*) FROM trading.positions WHERE account_profile_id IS NULL`), "%s was adopted", c.row)
		}
		require.NoError(t, s.Verify(t.Context(), p.ID), "%s", c.row)
	}
	require.Equal(t, 1, value[int](t, s.db, `SELECT count(*) FROM trading.positions WHERE instrument_key = 'STK:AAPL:USD'`), "not in the currency that was said")
}
