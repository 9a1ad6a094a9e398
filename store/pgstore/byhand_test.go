package pgstore

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// bareInsert is what appends are measured against: one row of a trade, prepared, in its own transaction.
func bareInsert(b *testing.B, db *sqlx.DB) func(id string, seq int64) {
	st, err := db.PreparexContext(b.Context(), `INSERT INTO trading.trades (account_profile_id, journal_seq, exec_id, trade_kind,
		instrument_key, exact_quantity, exact_price, exact_proceeds, exact_commission, exact_taxes, instrument_currency, traded_at)
		VALUES ($1, $2, $3, 'execution', 'STK:XYZ:USD', 1, 41.25, -41.25, 1, 0, 'USD', now())`)
	require.NoError(b, err, "prepare")
	return func(id string, seq int64) {
		if _, err := st.ExecContext(b.Context(), id, seq, fmt.Sprint("0000e0d5.", seq)); err != nil {
			b.Error(err)
		}
	}
}

// unnestInsert is what batches are measured against: rows of trades from arrays.
func unnestInsert(b *testing.B, db *sqlx.DB) func(n int) error {
	st, err := db.PreparexContext(b.Context(), `INSERT INTO trading.trades (account_profile_id, journal_seq, exec_id, trade_kind,
		instrument_key, exact_quantity, exact_price, exact_proceeds, exact_commission, exact_taxes, instrument_currency, traded_at)
		SELECT $1, seq, exec, 'execution', 'STK:XYZ:USD', 1, 41.25, -41.25, 1, 0, 'USD', now() FROM unnest($2::bigint[], $3::text[]) AS x (seq, exec)`)
	require.NoError(b, err, "prepare")
	var seq int64 = 2e9
	return func(n int) error {
		var seqs pq.Int64Array
		var execs pq.StringArray
		for range n {
			seq++
			seqs, execs = append(seqs, seq), append(execs, fmt.Sprint("0000e0d5.", seq))
		}
		_, err := st.ExecContext(b.Context(), "profile-00", seqs, execs)
		return err
	}
}

// bareUpsert is what switches are measured against: the row of another owner, prepared, with no news of it.
func bareUpsert(b *testing.B, db *sqlx.DB) func() {
	st, err := db.PreparexContext(b.Context(), `INSERT INTO trading.active_profiles (owner_id, profile_id, switched_at) VALUES ('other', $1, now())
		ON CONFLICT (owner_id) DO UPDATE SET profile_id = excluded.profile_id, revision = active_profiles.revision + 1, switched_at = excluded.switched_at`)
	require.NoError(b, err, "prepare")
	n := 0
	return func() {
		n++
		_, err := st.ExecContext(b.Context(), string(testProfile(n%2).ID))
		require.NoError(b, err, "upsert")
	}
}

// byHand writes the rows of fills as a program would that knows one contract and checks nothing but the
// number: what is no number, key, payload or hash is constant.
type byHand struct {
	db  *sqlx.DB
	id  string
	seq int64
}

// newByHand is for a profile that nobody else writes to. It makes the row of the position.
func newByHand(b *testing.B, db *sqlx.DB, id accounts.ProfileID) *byHand {
	_, err := db.ExecContext(b.Context(), `INSERT INTO trading.positions (account_profile_id, instrument_key, journal_seq, user_id, symbol,
			position_type, side, quantity, entry_price, exact_quantity, exact_basis, exact_realized, exact_realized_base, exact_unconverted,
			exact_commissions, exact_taxes, last_trade_at)
		VALUES ($1, 'STK:XYZ:USD', 0, $1, 'XYZ', 'STOCK', 'LONG', 1, 42.25, 0, 0, 0, 0, 0, 0, 0, now())`, string(id))
	require.NoError(b, err, "insert the position")
	return &byHand{db: db, id: string(id)}
}

// next returns what is not constant.
func (h *byHand) next() (seq int64, key string, payload, hash []byte) {
	h.seq++
	payload = fmt.Appendf(nil, `{"v":1,"exec_id":"0000e0d5.%08x.01.01","instrument":{"sec_type":"STK","symbol":"XYZ","currency":"USD","multiplier":"1"},`+
		`"quantity":"1","price":"41.25","commission":"1","time":"2025-05-16T13:30:01.123456Z"}`, h.seq)
	sum := sha256.Sum256(payload)
	return h.seq, fmt.Sprintf("x:0000e0d5.%08x.01", h.seq), payload, sum[:]
}

const (
	handJournal = `journal AS (
		INSERT INTO trading.journal_entries (profile_id, seq, kind, key, recorded_at, payload, prev, hash)
		SELECT profile_id, seq, 'trade', key, now(), payload, hash, hash FROM fills
	),
	trades AS (
		INSERT INTO trading.trades (account_profile_id, journal_seq, exec_id, trade_kind,
			instrument_key, exact_quantity, exact_price, exact_proceeds, exact_commission, exact_taxes, instrument_currency, traded_at)
		SELECT profile_id, seq, key, 'execution', 'STK:XYZ:USD', 1, 41.25, -41.25, 1, 0, 'USD', now() FROM fills
	)
	UPDATE trading.positions SET journal_seq = $2::bigint, exact_quantity = $2::bigint, exact_basis = $2::bigint * 42.25,
		exact_commissions = $2::bigint, quantity = $2::bigint, last_trade_at = now()
	FROM head WHERE account_profile_id = head.profile_id AND instrument_key = 'STK:XYZ:USD'`
	handHead = `WITH head AS (UPDATE trading.journal_heads SET seq = $2::bigint WHERE profile_id = $1::text AND seq = $2::bigint - `
)

// run prepares a statement and returns what runs it, which must change the position.
func (h *byHand) run(b *testing.B, statement string) func(args ...any) error {
	st, err := h.db.PreparexContext(b.Context(), statement)
	require.NoError(b, err, "prepare")
	return func(args ...any) error {
		changed, err := st.ExecContext(b.Context(), args...)
		if err != nil {
			return err
		}
		if n, err := changed.RowsAffected(); n != 1 || err != nil {
			return fmt.Errorf("%d positions changed: %w", n, err)
		}
		return nil
	}
}

// fill returns what writes the rows of one fill in one statement.
func (h *byHand) fill(b *testing.B) func() error {
	run := h.run(b, handHead+`1 RETURNING profile_id),
	fills AS (SELECT profile_id, $2::bigint AS seq, $3::text AS key, $4::bytea AS payload, $5::bytea AS hash FROM head),`+handJournal)
	return func() error {
		seq, key, payload, hash := h.next()
		return run(h.id, seq, key, payload, hash)
	}
}

// fills returns what writes the rows of n fills in one statement, by unnest.
func (h *byHand) fills(b *testing.B) func(n int) error {
	run := h.run(b, handHead+`cardinality($3::bigint[]) RETURNING profile_id),
	fills AS MATERIALIZED (SELECT * FROM head, unnest($3::bigint[], $4::text[], $5::bytea[], $6::bytea[]) AS x (seq, key, payload, hash)),`+handJournal)
	return func(n int) error {
		seqs, keys, payloads, hashes := make(pq.Int64Array, n), make(pq.StringArray, n), make(pq.ByteaArray, n), make(pq.ByteaArray, n)
		for i := range n {
			seqs[i], keys[i], payloads[i], hashes[i] = h.next()
		}
		return run(h.id, h.seq, seqs, keys, payloads, hashes)
	}
}

// copying copies the rows of n fills in one transaction, and returns fills a second.
func (h *byHand) copying(b *testing.B, n int, copies ...func(tx *sqlx.Tx, first, last int64) error) func() float64 {
	return func() float64 {
		began := time.Now()
		tx, err := h.db.BeginTxx(b.Context(), nil)
		require.NoError(b, err, "begin")
		first := h.seq + 1
		h.seq += int64(n)
		for _, f := range copies {
			require.NoError(b, f(tx, first, h.seq), "COPY")
		}
		require.NoError(b, tx.Commit(), "commit")
		return float64(n) / time.Since(began).Seconds()
	}
}

func (h *byHand) copyEntries(tx *sqlx.Tx, first, last int64) error {
	at := byHand{seq: first - 1}
	return copyIn(tx, "profile_id, seq, kind, key, recorded_at, payload, prev, hash", "journal_entries", first, last, func(int64) []any {
		seq, key, payload, hash := at.next()
		return []any{h.id, seq, "trade", key, time.Now(), payload, hash, hash}
	})
}

func (h *byHand) copyTrades(tx *sqlx.Tx, first, last int64) error {
	return copyIn(tx, "account_profile_id, journal_seq, exec_id, trade_kind, instrument_key, exact_quantity, exact_price, exact_proceeds, "+
		"exact_commission, exact_taxes, instrument_currency, traded_at", "trades", first, last, func(seq int64) []any {
		return []any{h.id, seq, fmt.Sprint("0000e0d5.", seq), "execution", "STK:XYZ:USD", "1", "41.25", "-41.25", "1", "0", "USD", time.Now()}
	})
}

// copyIn copies a row for each number into the table.
func copyIn(tx *sqlx.Tx, columns, table string, first, last int64, row func(seq int64) []any) error {
	st, err := tx.Prepare("COPY trading." + table + " (" + columns + ") FROM STDIN")
	if err != nil {
		return err
	}
	for seq := first; seq <= last; seq++ {
		if _, err := st.Exec(row(seq)...); err != nil {
			return err
		}
	}
	if _, err = st.Exec(); err != nil {
		return err
	}
	return st.Close()
}
