package pgstore

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
)

var day = time.Date(2025, time.May, 16, 13, 30, 0, 0, time.UTC)

// book is a portfolio on a store whose shared tables have every constraint of a deployed system.
type book struct {
	*accounts.Portfolio
	store *Store
	n     int
}

var deployed = pgtest.Template{Prepare: prepareDeployed}

func newBook(t *testing.T, driver string) *book {
	t.Helper()
	s := newStore(t, driver, deployed.Database(t))
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	m, err := accounts.New(s)
	require.NoError(t, err, "manager")
	t.Cleanup(func() { require.NoError(t, m.Close(), "Close of the manager failed") })
	require.NoError(t, s.CreateProfile(t.Context(), testProfile(0)), "CreateProfile failed")
	p, err := m.Portfolio(t.Context(), testProfile(0).ID)
	require.NoError(t, err, "Portfolio failed")
	return &book{p, s, 0}
}

// trade records a fill, a minute after the one before.
func (b *book) trade(t *testing.T, i ledger.Instrument, quantity, price string) ledger.ExecID {
	t.Helper()
	b.n++
	id := ledger.ExecID(fmt.Sprintf("0000e0d5.%08x.01.01", b.n))
	b.record(t, ledger.Trade{ExecID: id, Instrument: i, Quantity: udecimal.MustParse(quantity), Price: udecimal.MustParse(price),
		Commission: udecimal.MustParse("1"), Time: day.Add(time.Duration(b.n) * time.Minute)})
	return id
}

func (b *book) record(t *testing.T, facts ...ledger.Fact) {
	t.Helper()
	_, err := b.Record(t.Context(), facts...)
	require.NoError(t, err, "Record failed")
	require.NoError(t, b.store.Verify(t.Context(), testProfile(0).ID), "the rows are not what the journal says")
}

// fillBook records whatever the old columns can and cannot hold.
func fillBook(t *testing.T, b *book) {
	stock, option := ledger.NewStock("NU", "USD"), ledger.NewOption("NU", 20250620, ledger.Call, udecimal.MustParse("12"), "USD")
	future := ledger.Instrument{SecType: ledger.Future, Symbol: "ES", Currency: "USD", Expiry: 20250620, Multiplier: udecimal.MustParse("50"), LocalSymbol: "ESM5"}
	b.trade(t, stock, "100", "11.123456789")
	b.trade(t, stock, "-40", "12")
	b.trade(t, option, "-3", "0.55")
	b.trade(t, future, "2", "5000.25")
	b.trade(t, ledger.NewStock("A VERY LONG SYMBOL INDEED", "USD"), "0.0000001", "0.00001")
	b.trade(t, ledger.NewStock("HUGE", "USD"), "900000000000", "900000")
	b.trade(t, stock, "-160", "13") // flips
	b.trade(t, stock, "100", "12")  // flat
	cancelled := b.trade(t, ledger.NewStock("GONE", "USD"), "5", "5")
	_, err := b.Record(t.Context(), ledger.Cancellation{ExecID: "c", Cancels: cancelled, Time: day.Add(time.Hour)})
	require.NoError(t, err, "cancelling failed")
	b.record(t, ledger.Trade{ExecID: "0000e0d5.00000001.01.02", Instrument: stock, Quantity: udecimal.MustParse("100"),
		Price: udecimal.MustParse("11"), Time: day.Add(time.Minute)}) // corrects the first
	at := day.Add(2 * time.Hour)
	b.record(t, ledger.Trade{ExecID: "one", Instrument: ledger.NewStock("QUICK", "USD"), Quantity: udecimal.MustParse("7"), Price: udecimal.MustParse("3"), Time: at},
		ledger.Trade{ExecID: "two", Instrument: ledger.NewStock("QUICK", "USD"), Quantity: udecimal.MustParse("-7"), Price: udecimal.MustParse("4"), Time: at.Add(time.Second)})
	b.transfers(t, at)
}

// transfers records positions that come and go otherwise than by trades.
func (b *book) transfers(t *testing.T, at time.Time) {
	came, went := ledger.NewStock("CAME", "USD"), ledger.NewStock("WENT", "USD")
	lots := []ledger.Lot{{Quantity: udecimal.MustParse("8"), Basis: udecimal.MustParse("80"), OpenedAt: day.AddDate(-1, 0, 0)}}
	b.record(t, ledger.Transfer{ID: "1", Instrument: came, Quantity: udecimal.MustParse("8"), Lots: lots, Time: at})
	b.record(t, ledger.Transfer{ID: "2", Instrument: came, Quantity: udecimal.MustParse("-3"), Time: at.Add(time.Second)})
	b.record(t, ledger.Trade{ExecID: "w1", Instrument: went, Quantity: udecimal.MustParse("6"), Price: udecimal.MustParse("3"), Time: at})
	b.record(t, ledger.Transfer{ID: "3", Instrument: went, Quantity: udecimal.MustParse("-6"), Time: at.Add(time.Second)})
	late := ledger.Transfer{ID: "4", Instrument: came, Quantity: udecimal.MustParse("-1"), Price: udecimal.MustParse("11"), Time: at.Add(time.Millisecond)}
	b.record(t, late)
	late.FXRate = udecimal.One
	b.record(t, late)
}

func TestProjection(t *testing.T) {
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBook(t, driver)
			fillBook(t, b)
			for _, c := range []struct{ key, want string }{
				{"STK:NU:USD", "NU STOCK SHORT 100.000000 closed"},
				{"OPT:NU:20250620:C:12:100:USD", "NU OPTION SHORT 3.000000 open"},
				{"FUT:ES:20250620:50:USD", "FUT:ES STOCK LONG 2.000000 open"},
				{"STK:A VERY LONG SYMBOL INDEED:USD", "A VERY LO~ STOCK LONG 0.000001 open"},
				{"STK:HUGE:USD", "HUGE STOCK LONG 999999999.999999 open"},
				{"STK:QUICK:USD", "QUICK STOCK LONG 7.000000 closed"},
				{"STK:CAME:USD", "CAME STOCK LONG 4.000000 open"},
				{"STK:WENT:USD", "WENT STOCK LONG 6.000000 closed"},
			} {
				require.Equal(t, c.want, value[string](t, b.store.db, `SELECT concat_ws(' ', symbol, position_type, side, quantity,
					CASE WHEN closed_at IS NULL THEN 'open' ELSE 'closed' END) FROM trading.positions WHERE instrument_key = $1`, c.key), "the row of %s", c.key)
			}
			require.True(t, value[time.Time](t, b.store.db, `SELECT opened_at FROM trading.positions WHERE symbol = 'CAME'`).Equal(day.AddDate(-1, 0, 0)),
				"what came was not opened when its lot was")
			require.Equal(t, "11", value[string](t, b.store.db, `SELECT exact_price::text FROM trading.trades WHERE journal_seq = 1`), "a corrected trade's row")
			require.Zero(t, value[int](t, b.store.db, `SELECT count(*) FROM trading.trades WHERE instrument_key = 'STK:GONE:USD'`), "a cancelled trade kept its row")
		})
	}
}

func TestVerifyFindsAndRebuildMends(t *testing.T) {
	t.Parallel()
	b := newBook(t, "postgres")
	fillBook(t, b)
	id := testProfile(0).ID
	const opened = `SELECT string_agg(concat_ws(' ', instrument_key, opened_at), ',' ORDER BY instrument_key) FROM trading.positions`
	before := value[string](t, b.store.db, opened)
	require.NoError(t, b.store.Rebuild(t.Context(), id), "Rebuild failed")
	require.Equal(t, before, value[string](t, b.store.db, opened), "since when positions are open")
	for _, damage := range []string{
		`DELETE FROM trading.trades WHERE journal_seq = 2`,
		`UPDATE trading.trades SET exact_price = exact_price + 0.01 WHERE journal_seq = 3`,
		`UPDATE trading.trades SET exact_price = exact_price + 1e-25 WHERE journal_seq = 3`, // more places than a figure has here
		`UPDATE trading.trades SET exact_taxes = 'NaN' WHERE journal_seq = 3`,
		`UPDATE trading.positions SET exact_basis = exact_basis + 1e-25 WHERE instrument_key = 'STK:HUGE:USD'`,
		`UPDATE trading.positions SET exact_realized_base = 'NaN' WHERE instrument_key = 'STK:HUGE:USD'`,
		`INSERT INTO trading.trades (account_profile_id, journal_seq) VALUES ('profile-00', 999)`,
		`DELETE FROM trading.positions WHERE instrument_key = 'STK:NU:USD'`,
		`UPDATE trading.positions SET exact_realized = 5 WHERE instrument_key = 'STK:HUGE:USD'`,
		`UPDATE trading.positions SET closed_at = now() WHERE instrument_key = 'STK:HUGE:USD'`,
		`UPDATE trading.positions SET user_id = 'somebody' WHERE instrument_key = 'STK:NU:USD'`,
		`UPDATE trading.positions SET symbol = 'AAPL' WHERE instrument_key = 'STK:NU:USD'`,
		`UPDATE trading.positions SET realized_pnl = realized_pnl + 0.01 WHERE instrument_key = 'STK:NU:USD'`,
		`UPDATE trading.positions SET side = 'LONG' WHERE instrument_key LIKE 'OPT:NU%'`,
		`UPDATE trading.positions SET quantity = 4 WHERE instrument_key LIKE 'OPT:NU%'`,
		`UPDATE trading.positions SET entry_price = 1 WHERE instrument_key LIKE 'OPT:NU%'`,
	} {
		run(t, b.store.db, damage)
		require.ErrorIs(t, b.store.Verify(t.Context(), id), ErrProjection, "not found: %s", damage)
		require.NoError(t, b.store.Rebuild(t.Context(), id), "Rebuild failed after %s", damage)
		require.NoError(t, b.store.Verify(t.Context(), id), "not mended: %s", damage)
	}
	for _, odd := range []accounts.ProfileID{"a\x00", "a\xff", ""} {
		require.ErrorIs(t, b.store.Verify(t.Context(), odd), accounts.ErrProfileNotFound, "Verify of %q", odd)
		require.ErrorIs(t, b.store.Rebuild(t.Context(), odd), accounts.ErrProfileNotFound, "Rebuild of %q", odd)
	}
	run(t, b.store.db, `UPDATE trading.journal_entries SET payload = convert_to(replace(convert_from(payload, 'UTF8'), '"13"', '"14"'), 'UTF8')`)
	require.ErrorIs(t, b.store.Verify(t.Context(), id), accounts.ErrCorrupt, "a changed journal was not found")
	require.ErrorIs(t, b.store.Rebuild(t.Context(), id), accounts.ErrCorrupt, "rows were made from a journal that cannot be trusted")
}

func TestRebuildWithoutProjectionWritesNothing(t *testing.T) {
	t.Parallel()
	s := newStore(t, "postgres", migrated.Reused(t), WithoutProjection())
	t.Cleanup(func() { _ = s.Close() })
	require.NoError(t, s.CreateProfile(t.Context(), testProfile(0)), "CreateProfile failed")
	f := fills{id: testProfile(0).ID}
	require.NoError(t, s.Append(t.Context(), f.next(2)), "Append failed")
	require.NoError(t, s.Rebuild(t.Context(), f.id), "Rebuild failed")
	require.Zero(t, value[int](t, s.db, `SELECT count(*) FROM trading.trades`), "rows were written all the same")
}

// The plan's own SQL makes a profile that the library can use and append to.
func TestProfileInsertedByPlan(t *testing.T) {
	t.Parallel()
	s := newStore(t, "postgres", migrated.Reused(t))
	t.Cleanup(func() { _ = s.Close() })
	run(t, s.db, `INSERT INTO trading.account_profiles (profile_id, profile_name, ibkr_account_id, capital_level, risk_tolerance, created_at)
		VALUES ('aggressive-25k', 'Aggressive-25K', 'DU1234567', '25k', 'HIGH', now())`)
	p, err := s.Profile(t.Context(), "aggressive-25k")
	require.NoError(t, err, "Profile failed")
	require.NoError(t, p.Validate(), "the plan's profile is not valid")
	require.Equal(t, accounts.ModePaper, p.Mode, "the mode is not what the account id says")
	f := fills{id: p.ID}
	require.NoError(t, s.Append(t.Context(), f.next(1)), "Append to the plan's profile failed")
	require.NoError(t, s.Append(t.Context(), f.next(3)), "Append to the plan's profile failed")
	require.NoError(t, s.Verify(t.Context(), p.ID), "Verify failed")
	require.NoError(t, s.UpdateProfile(t.Context(), p), "UpdateProfile failed")
}

// readAgain is a store that makes the rows of every batch twice: of what the entries were made of, and of
// what they say.
type readAgain struct {
	*Store
	t *testing.T
}

func (s readAgain) Append(ctx context.Context, b accounts.Batch) error {
	if len(b.Entries) > 0 {
		told := accounts.Batch{ProfileID: b.ProfileID, After: b.After, Hash: b.Hash, Entries: b.Entries, Positions: b.Positions}
		require.Equal(s.t, s.rowsOf(&told), s.rowsOf(&b), "the rows are not what the entries say")
	}
	return s.Store.Append(ctx, b)
}

func TestRowsAreWhatTheEntriesSay(t *testing.T) {
	t.Parallel()
	b := newBook(t, "postgres")
	m, err := accounts.New(readAgain{b.store, t})
	require.NoError(t, err, "manager")
	t.Cleanup(func() { require.NoError(t, m.Close(), "Close of the manager failed") })
	b.Portfolio, err = m.Portfolio(t.Context(), testProfile(0).ID)
	require.NoError(t, err, "Portfolio failed")
	fillBook(t, b)
}
