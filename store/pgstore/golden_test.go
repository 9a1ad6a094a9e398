package pgstore

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/goldentest"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
)

// What an earlier version stored in PostgreSQL opens, is what it was, and goes on.
func TestGoldenDatabase(t *testing.T) {
	j := goldentest.Load(t, "../../testdata/golden", "full")
	id := accounts.ProfileID(j.Profile.ID)
	for name, driver := range drivers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, driver, pgtest.Database(t))
			const schema = "golden"
			require.NoError(t, Migrate(t.Context(), db, WithSchema(schema)), "migrate an empty schema")
			loadGolden(t, db, schema)
			s, err := New(t.Context(), db, WithSchema(schema))
			require.NoError(t, err, "New failed")
			t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })

			requireGolden(t, s, j)
			require.NoError(t, s.Verify(t.Context(), id), "Verify finds fault with what was stored")
			before := goldenRows(t, s)
			require.NoError(t, s.Rebuild(t.Context(), id), "Rebuild failed")
			require.Equal(t, before, goldenRows(t, s), "Rebuild repaired what was right")
			require.NoError(t, s.Verify(t.Context(), id), "Verify finds fault with what Rebuild wrote")

			p := j.Open(t, s)
			require.Equal(t, j.State, goldentest.State(t, p, &j.Profile, j.End), "the state at the end is another")
			require.NoError(t, p.Verify(t.Context()), "the portfolio's Verify finds fault")
			added, err := p.Record(t.Context(), ledger.Trade{ExecID: "one-more", Instrument: ledger.NewStock("MORE", "USD"),
				Quantity: udecimal.MustParse("10"), Price: udecimal.MustParse("12.5"), Time: j.Profile.Now})
			require.NoError(t, err, "record one more trade")
			require.Equal(t, 1, added, "the trade is not new")
			require.Equal(t, j.Last().Seq+1, p.Seq(), "the journal did not go on at its end")
			require.NoError(t, p.SaveCheckpoint(t.Context()), "save a checkpoint")
			require.NoError(t, s.Verify(t.Context(), id), "Verify finds fault after one more trade")
			require.NoError(t, p.Verify(t.Context()), "the portfolio's Verify finds fault after one more trade")
		})
	}
}

// loadGolden runs the dump in the schema.
func loadGolden(t *testing.T, db *sqlx.DB, schema string) {
	t.Helper()
	text, err := os.ReadFile("testdata/golden/full.sql")
	require.NoError(t, err, "read the dump")
	tx, err := db.BeginTxx(t.Context(), nil)
	require.NoError(t, err, "begin")
	defer func() { _ = tx.Rollback() }()
	for _, statement := range []string{"SET LOCAL search_path TO " + schema, string(text)} {
		_, err = tx.ExecContext(t.Context(), statement)
		require.NoError(t, err, "the dump cannot be loaded into today's tables")
	}
	require.NoError(t, tx.Commit(), "commit")
}

// requireGolden compares profiles, entries, checkpoint and active profile with the golden files.
func requireGolden(t *testing.T, s *Store, j *goldentest.Journal) {
	t.Helper()
	profile := j.Profile.Stored()
	stored, err := s.Profile(t.Context(), profile.ID)
	require.NoError(t, err, "read the profile")
	want, err := json.Marshal(profile) // decimals of one value have several forms
	require.NoError(t, err, "write the profile")
	got, err := json.Marshal(stored)
	require.NoError(t, err, "write the profile")
	require.Equal(t, string(want), string(got), "the profile is read otherwise")
	spare, err := s.Profile(t.Context(), "golden-spare")
	require.NoError(t, err, "read the profile without a journal")
	require.Nil(t, spare.Limits, "limits of the profile that has none")
	var entries []accounts.Entry
	for e, err := range s.Entries(t.Context(), profile.ID, 0) {
		require.NoError(t, err, "read the journal")
		entries = append(entries, e)
	}
	require.Equal(t, j.Entries, entries, "the journal is read otherwise")
	c, err := s.Checkpoint(t.Context(), profile.ID, math.MaxInt64)
	require.NoError(t, err, "read the checkpoint")
	require.Equal(t, j.Middle, c, "the checkpoint is read otherwise")
	active, err := s.ActiveProfile(t.Context(), profile.Owner)
	require.NoError(t, err, "read the active profile")
	require.Equal(t, profile.ID, active, "the owner's active profile is another")
}

// goldenRows is the rows of positions and trades, but for what a server counts or times itself and
// the entry up to which a position was last written.
func goldenRows(t *testing.T, s *Store) []string {
	t.Helper()
	var rows []string
	for _, query := range []string{
		`SELECT (to_jsonb(r) - 'id' - 'created_at' - 'updated_at' - 'journal_seq')::text FROM trading.positions r`,
		`SELECT (to_jsonb(r) - 'id')::text FROM trading.trades r`,
	} {
		var some []string
		require.NoError(t, s.db.SelectContext(t.Context(), &some, s.schema.in(query)), "read rows")
		require.NotEmpty(t, some, "no rows from %s", query)
		rows = append(rows, some...)
	}
	slices.Sort(rows)
	return rows
}
