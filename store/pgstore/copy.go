package pgstore

import (
	"context"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"

	"github.com/ai-ots/accounts/internal/pgschema"
)

// minCopied is how many entries a batch has at least that goes by COPY. Of fewer than some 300
// entries the round trips of the transaction cost more than COPY saves.
const minCopied = 1000

// copiedBy returns how many entries a batch has at least that goes by COPY on the pool, and 0 for
// none. COPY is no part of database/sql: what lib/pq makes of it, another driver does not
// understand, nor may one that wraps lib/pq.
func copiedBy(db *sqlx.DB) int {
	if _, is := db.Driver().(*pq.Driver); is {
		return minCopied
	}
	return 0
}

// byCopy reports whether the batch goes by COPY, and alone. One that amends trades does not: its
// rows replace others.
func (s *Store) byCopy(g *batchGroup, r *rows) bool {
	return len(g.batches) == 1 && s.copies(len(r.entry.rows)) && !r.amends
}

func (s *Store) copies(entries int) bool { return s.minCopied > 0 && entries >= s.minCopied }

// appendByCopy appends the only batch of a group in a transaction. The statement for groups does in
// it all that it does of a batch, but for the rows of entries and trades: those are copied behind
// it. Nothing was written where an error comes before the commit. Until then the caller may leave,
// and its batch is never appended.
func (s *Store) appendByCopy(g *batchGroup, r *rows) error {
	p := g.batches[0]
	ctx, sent := context.WithoutCancel(p.ctx), 0
	err := pgschema.PastBroken(ctx, s.db, func() (again bool, err error) {
		if err := s.queue.wanted(g); err != nil {
			return false, err
		}
		begin := func() error { return s.queue.begin(g) }
		sent, err = s.changeOnce(ctx, ctx, begin, func(ctx context.Context, tx *sqlx.Tx) error { return s.copyIn(ctx, tx, g, r) })
		return sent == 0, err
	})
	if sent == 0 {
		err = notWritten(err)
	} else {
		err = outcome(err, sent)
	}
	p.sent, p.err = max(p.sent, sent), err
	return err
}

// copyIn writes a batch's rows in the transaction. errRefused where the batch was not accepted,
// errSpoilt where its caller has left.
func (s *Store) copyIn(ctx context.Context, tx *sqlx.Tx, g *batchGroup, r *rows) error {
	if _, err := tx.ExecContext(ctx, copyLimits, s.lockLimit); err != nil {
		return err
	}
	accepted := false
	bare := &rows{batch: r.batch, entry: source{columns: entryColumns}, trade: source{columns: tradeColumns}, position: r.position}
	found, err := tx.QueryxContext(ctx, s.sql.group.text, bare.args(&s.sql, s.sql.group, s.channel())...)
	if err = eachRow(found, err, func(func(...any) error) error { accepted = true; return nil }); err != nil {
		return err
	}
	if !accepted {
		return errRefused
	}
	id := r.batch.rows[0].texts[0]
	if err = s.copyRows(ctx, tx, g, entryTable, id, &r.entry); err == nil && len(r.trade.rows) > 0 {
		err = s.copyRows(ctx, tx, g, tradeTable, id, &r.trade)
	}
	return err
}

// copyLimits end a transaction, which holds a journal, where its process hangs between statements
// or the network is cut off. For a client that sends nothing amid COPY, PostgreSQL has a limit from
// version 17 on: that of the whole transaction.
const copyLimits = `
	SELECT set_config('idle_in_transaction_session_timeout', $1, true), set_config('tcp_keepalives_idle', '5', true),
		set_config('tcp_keepalives_interval', '2', true), set_config('tcp_keepalives_count', '3', true),
		(SELECT set_config(name, '5min', true) FROM pg_settings WHERE name = 'transaction_timeout')`

// lookEvery is after how many copied rows copyRows looks whether anybody still waits for the batch:
// until the transaction ends, nobody else can append to the journal.
const lookEvery = 256

// copyRows copies the rows of a source into a table. There the profile has the place of the batch's
// number.
func (s *Store) copyRows(ctx context.Context, tx *sqlx.Tx, g *batchGroup, table, id string, rows *source) error {
	st, err := tx.PrepareContext(ctx, s.schema.in("COPY "+table+" FROM STDIN"))
	if err != nil {
		return err
	}
	defer func() { _ = st.Close() }() // before the transaction ends, or lib/pq would still read the answers
	var args []any
	for i := range rows.rows {
		if i%lookEvery == 0 {
			if err := s.queue.wanted(g); err != nil {
				return err
			}
		}
		args = rows.row(args[:0], i)
		args[0] = id
		if _, err := st.ExecContext(ctx, args...); err != nil {
			return err
		}
	}
	_, err = st.ExecContext(ctx) // sends the rest, and waits for the server's answer
	return err
}
