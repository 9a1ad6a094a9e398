package pgstore

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// damaged is another value of a column, by its type.
var damaged = map[string]string{
	"bigint":                   `coalesce(%[1]s, 0) + 1000000`,
	"numeric":                  `CASE WHEN coalesce(%[1]s, 0) > 1000 THEN %[1]s - 1 ELSE coalesce(%[1]s, 0) + 1 END`,
	"text":                     `coalesce(%[1]s, '') || 'x'`,
	"jsonb":                    `coalesce(%[1]s, '{}') || '{"strike": "1"}'`,
	"timestamp with time zone": `CASE WHEN %[1]s > '2000-01-01' THEN NULL ELSE '1999-01-01'::timestamptz END`,
	"character varying":        `CASE WHEN %[1]s IN ('XX', 'STOCK', 'LONG') THEN CASE %[1]s WHEN 'STOCK' THEN 'OPTION' WHEN 'LONG' THEN 'SHORT' ELSE 'YY' END WHEN %[1]s = 'SHORT' THEN 'LONG' WHEN %[1]s = 'OPTION' THEN 'STOCK' ELSE 'XX' END`,
}

// others are columns that the library does not write, or only when it inserts a row.
var others = map[string]string{
	"positions": "id current_price unrealized_pnl created_at updated_at",
	"trades":    "id",
}

// Every column that the library writes is vouched for, found from the catalog, so that a new one is covered
// by itself: damage to it is found and named, and mended.
func TestVerifyFindsDamageInEveryColumn(t *testing.T) {
	t.Parallel()
	b := newBook(t, "postgres")
	fillBook(t, b)
	id, db := testProfile(0).ID, b.store.db
	var columns []struct {
		Table  string `db:"table_name"`
		Column string `db:"column_name"`
		Type   string `db:"data_type"`
		Null   string `db:"is_nullable"`
	}
	for table, not := range others {
		require.NoError(t, db.SelectContext(t.Context(), &columns, `SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
			WHERE table_schema = 'trading' AND table_name = $1 AND column_name <> ALL (string_to_array($2, ' '))`, table, not), "columns")
		for _, c := range columns {
			for _, rows := range []string{"every", "closed_at IS NULL", "closed_at IS NOT NULL", "the first"} {
				where := `account_profile_id = 'profile-00'`
				switch {
				case rows == "the first":
					where += ` AND journal_seq = (SELECT min(journal_seq) FROM trading.` + table + `)`
				case rows != "every" && table == "trades":
					continue
				case rows != "every":
					// Of a position of which cancellations left nothing nobody can tell when that was.
					where += ` AND instrument_key <> 'STK:GONE:USD' AND ` + rows
				}
				value := fmt.Sprintf(damaged[c.Type], c.Column)
				require.NotEmpty(t, value, "no damage for a column of type %s", c.Type)
				if c.Type == "timestamp with time zone" && c.Null == "NO" || c.Column == "closed_at" {
					value = `'1999-01-01'`
				}
				if c.Column == "account_profile_id" {
					value = `NULL`
				}
				requireDamageFound(t, b, fmt.Sprintf(`UPDATE trading.%s SET %s = %s WHERE %s`, table, c.Column, value, where), c.Column)
			}
		}
		columns = nil
	}
	for _, c := range []struct{ damage, says string }{
		{`UPDATE trading.positions SET closed_at = 'infinity' WHERE instrument_key = 'STK:NU:USD'`, "closed_at"},
		{`UPDATE trading.positions SET last_trade_at = 'infinity'`, "last_trade_at"},
		{`UPDATE trading.positions SET unrealized_pnl = 7 WHERE instrument_key = 'STK:NU:USD'`, "unrealized_pnl"},
		{`DELETE FROM trading.positions WHERE instrument_key = 'STK:NU:USD'`, "lacks"},
		{`DELETE FROM trading.trades WHERE journal_seq = 2`, "lacks"},
		{`INSERT INTO trading.trades (account_profile_id, journal_seq) VALUES ('profile-00', 999)`, "no trade is in force"},
		{`INSERT INTO trading.trades (account_profile_id, exec_id) VALUES ('profile-00', 'another')`, "no entry"},
		{`INSERT INTO trading.positions (user_id, account_profile_id, symbol, position_type, side, quantity, entry_price)
			VALUES ('profile-00', 'profile-00', 'OTHER', 'STOCK', 'LONG', 1000, 1)`, "no entry"},
		{`INSERT INTO trading.positions (user_id, account_profile_id, symbol, position_type, side, quantity, entry_price, closed_at, exact_realized)
			VALUES ('profile-00', 'profile-00', 'OTHER', 'STOCK', 'LONG', 1000, 1, now(), 5)`, "no entry"},
		{`INSERT INTO trading.positions (user_id, account_profile_id, instrument_key, symbol, position_type, side, quantity, entry_price)
			VALUES ('profile-00', 'profile-00', 'STK:OTHER:USD', 'OTHER', 'STOCK', 'LONG', 1000, 1)`, "STK:OTHER:USD"},
	} {
		requireDamageFound(t, b, c.damage, c.says)
	}
	// What others write is theirs, and so is what was adopted.
	run(t, db, `UPDATE trading.positions SET current_price = 5, unrealized_pnl = 7 WHERE closed_at IS NULL`,
		`INSERT INTO trading.positions (user_id, account_profile_id, symbol, position_type, side, quantity, entry_price, closed_at)
			VALUES ('profile-00', 'profile-00', 'OLD', 'STOCK', 'LONG', 1000, 1, now())`)
	require.NoError(t, b.store.Verify(t.Context(), id), "what others write is held against the journal")
}

func requireDamageFound(t *testing.T, b *book, damage, says string) {
	t.Helper()
	id := testProfile(0).ID
	n, err := b.store.db.ExecContext(t.Context(), damage)
	require.NoError(t, err, "%s", damage)
	rows, err := n.RowsAffected()
	require.NoError(t, err, "%s", damage)
	require.NotZero(t, rows, "nothing was damaged: %s", damage)
	err = b.store.Verify(t.Context(), id)
	var found *ProjectionError
	require.ErrorAs(t, err, &found, "not found: %s", damage)
	require.Contains(t, fmt.Sprint(found.Problems), saysOf(says), "the error does not name what is damaged: %s", damage)
	require.NoError(t, b.store.Rebuild(t.Context(), id), "Rebuild failed after %s", damage)
	require.NoError(t, b.store.Verify(t.Context(), id), "not mended: %s", damage)
}

// saysOf is what an error says of a column: one that tells which row it is makes another row of it.
func saysOf(column string) string {
	switch column {
	case "account_profile_id":
		return "lacks"
	case "instrument_key", "journal_seq":
		return ""
	}
	return column
}

// Heads, entries behind them and checkpoints that the journal does not bear out are no projection: the
// journal cannot be trusted, and is not taken for one.
func TestVerifyFindsDamageToTheJournal(t *testing.T) {
	t.Parallel()
	b := newBook(t, "postgres")
	fillBook(t, b)
	id, db := testProfile(0).ID, b.store.db
	require.NoError(t, b.SaveCheckpoint(t.Context()), "SaveCheckpoint failed")
	for _, damage := range []string{
		`UPDATE trading.journal_heads SET seq = seq + 1`,
		`UPDATE trading.journal_heads SET seq = seq - 1`,
		`DELETE FROM trading.journal_heads`,
		`INSERT INTO trading.journal_entries SELECT profile_id, seq + 1, kind, '', recorded_at, payload, hash, hash FROM trading.journal_entries ORDER BY seq DESC LIMIT 1`,
		`INSERT INTO trading.journal_entries SELECT profile_id, seq + 100000, kind, '', recorded_at, payload, hash, hash FROM trading.journal_entries WHERE seq = 1`,
		`DELETE FROM trading.journal_entries WHERE seq = 2`,
		`DELETE FROM trading.journal_entries WHERE seq = (SELECT max(seq) FROM trading.journal_entries)`,
		`UPDATE trading.journal_checkpoints SET seq = seq + 1`,
		`UPDATE trading.journal_checkpoints SET seq = seq - 1`,
		`UPDATE trading.journal_checkpoints SET hash = sha256('')`,
	} {
		run(t, db, `CREATE TABLE heads AS TABLE trading.journal_heads`, `CREATE TABLE entries AS TABLE trading.journal_entries`, `CREATE TABLE checkpoints AS TABLE trading.journal_checkpoints`, damage)
		require.ErrorIs(t, b.store.Verify(t.Context(), id), accounts.ErrCorrupt, "not found: %s", damage)
		require.ErrorIs(t, b.store.Rebuild(t.Context(), id), accounts.ErrCorrupt, "rows were made from a journal that cannot be trusted: %s", damage)
		run(t, db, `DELETE FROM trading.journal_checkpoints`, `DELETE FROM trading.journal_heads`, `DELETE FROM trading.journal_entries`,
			`INSERT INTO trading.journal_heads TABLE heads`, `INSERT INTO trading.journal_entries TABLE entries`, `INSERT INTO trading.journal_checkpoints TABLE checkpoints`,
			`DROP TABLE heads, entries, checkpoints`)
		require.NoError(t, b.store.Verify(t.Context(), id), "after putting back: %s", damage)
	}
}
