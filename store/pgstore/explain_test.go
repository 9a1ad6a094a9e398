package pgstore

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The statements of the hot paths find what they need by an index: with plans made on empty tables,
// which prepared statements may keep, and with plans made on large ones.
func TestNoHotStatementScansATable(t *testing.T) {
	t.Parallel()
	s := newStore(t, "postgres", migrated.Database(t))
	t.Cleanup(func() { _ = s.Close() })
	// What a table of a few rows costs to scan is no more than its index: here it is the index that counts.
	s.db.SetMaxOpenConns(1)
	run(t, s.db, `SET plan_cache_mode = force_generic_plan`)
	requirePlans(t, s, "on empty tables")
	run(t, s.db, `INSERT INTO trading.account_profiles SELECT 'p' || n, 'name ' || n, 'DU1', '25K', 'low' FROM generate_series(1, 2000) n`,
		`INSERT INTO trading.journal_heads SELECT profile_id, 50 FROM trading.account_profiles`,
		`INSERT INTO trading.journal_entries SELECT 'p' || n, seq, 'trade', 'x:' || n || '.' || seq, now(), '', '', '' FROM generate_series(1, 2000) n, generate_series(1, 50) seq`,
		`INSERT INTO trading.journal_checkpoints (profile_id, slot, seq, hash, state) SELECT 'p' || n, slot, slot, '', '' FROM generate_series(1, 2000) n, generate_series(0, 62) slot`,
		`INSERT INTO trading.leases SELECT 'n' || n, 'h', 1, now() FROM generate_series(1, 2000) n`,
		`INSERT INTO trading.trades (account_profile_id, journal_seq, traded_at) SELECT profile_id, seq, recorded_at FROM trading.journal_entries`,
		`INSERT INTO trading.positions (account_profile_id, instrument_key, user_id, symbol, position_type, side, quantity, entry_price)
			SELECT 'p' || n, 'k' || k, 'u', 's', 'STOCK', 'LONG', 1, 1 FROM generate_series(1, 2000) n, generate_series(1, 5) k`,
		`ANALYZE`)
	requirePlans(t, s, "on large tables")
}

func requirePlans(t *testing.T, s *Store, when string) {
	t.Helper()
	f := fills{id: "p1", seq: 50}
	one, two := f.next(1), fills{id: "p2", seq: 50}
	other := two.next(20)
	single, group := s.join(s.rowsOf(&one)), s.join(s.rowsOf(&one), s.rowsOf(&other))
	for name, x := range map[string]struct {
		text string
		args []any
	}{
		"one fill":     {s.sql.fill.text, single.args(&s.sql, s.sql.fill, s.channel())},
		"group":        {s.sql.group.text, group.args(&s.sql, s.sql.group, s.channel())},
		"careful":      {s.sql.careful.text, group.args(&s.sql, s.sql.careful, s.channel())},
		"barrier":      {s.schema.in(barrierStatement + admitted("batch")), []any{"p1", 50, make([]byte, 32), 0, 0}},
		"lock":         {s.schema.in(lockStatement), []any{"p1", lockLimit}},
		"checkpoint":   {s.schema.in(checkpointStatement), []any{"p1", 10}},
		"lease":        {s.schema.in(leaseStatement), []any{"n1", "h", 1_000_000, 0, 0}},
		"page":         {s.sql.page.text, []any{"p1", 10, 20}},
		"lookup":       {lookupStatement, []any{"p1", textArray([]string{"x:1.1", "x:1.50", "x:2.1", "none"})}},
		"positions":    {`SELECT * FROM trading.positions WHERE account_profile_id = $1`, []any{"p1"}},
		"day's trades": {`SELECT * FROM trading.trades WHERE account_profile_id = $1 AND traded_at >= now() - interval '1 day'`, []any{"p1"}},
	} {
		var plan []string
		require.NoError(t, s.db.SelectContext(t.Context(), &plan, "EXPLAIN "+x.text, x.args...), "EXPLAIN of %s failed", name)
		for _, line := range plan {
			require.NotContains(t, line, "Seq Scan", "%s %s scans a table:\n%s", name, when, strings.Join(plan, "\n"))
		}
		switch name {
		case "lookup":
			requireKeyIndex(t, plan, when)
			require.NotContains(t, strings.Join(plan, "\n"), "journal_entries_pkey", "a journal is walked through to find a key %s", when)
		case "careful":
			requireKeyIndex(t, plan, when)
			requireProbe(t, plan, when)
		case "one fill", "group", "barrier":
			requireProbe(t, plan, when)
		}
	}
}

// requireProbe checks that the hash is read from the one entry that a batch continues, and that the plan
// does nothing else with the primary key.
func requireProbe(t *testing.T, plan []string, when string) {
	t.Helper()
	text := strings.Join(plan, "\n")
	require.Equal(t, 1, strings.Count(text, "journal_entries_pkey"), "more than one probe of the primary key %s:\n%s", when, text)
	_, probe, _ := strings.Cut(text, "journal_entries_pkey")
	_, condition, _ := strings.Cut(probe, "Index Cond: ")
	condition, _, _ = strings.Cut(condition, "\n")
	require.Contains(t, condition, "profile_id", "the hash is not read by number and profile %s:\n%s", when, text)
	require.Contains(t, condition, "seq = ", "the hash is not read by number and profile %s:\n%s", when, text)
}

// requireKeyIndex checks that keys are looked up in their index.
func requireKeyIndex(t *testing.T, plan []string, when string) {
	t.Helper()
	text := strings.Join(plan, "\n")
	require.Contains(t, text, "journal_entries_key", "keys are not looked up in their index %s:\n%s", when, text)
}
