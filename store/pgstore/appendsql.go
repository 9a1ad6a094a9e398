package pgstore

import "strings"

// What the rows of an append have.
var (
	batchColumns = define("batch", `timeline bigint, standbys bigint, after bigint, last bigint, micros bigint, profile_id text, behind bytea`)
	entryColumns = define("entry", `seq bigint, kind text, key text, recorded_at timestamptz, payload bytea, prev bytea, hash bytea`)
	tradeColumns = define("trade", `place bigint, exec_id text, order_id text NULL, trade_kind text, instrument_key text,
		quantity numeric, price numeric, proceeds numeric, commission numeric, taxes numeric,
		currency text, commission_currency text NULL, traded_at timestamptz`)
	cancelledColumns = define("cancelled", `place bigint`)
	positionColumns  = define("position", `instrument_key text, symbol text, position_type text, side text,
		quantity numeric, entry_price numeric, realized_pnl numeric, details jsonb, currency text,
		exact_quantity numeric, basis numeric, realized numeric, realized_base numeric, unconverted numeric,
		commissions numeric, taxes numeric, last_trade_at timestamptz, last_close_at timestamptz, since timestamptz`)
)

// Which sources a statement has, in the order of its parameters.
var (
	entrySources   = []*columns{batchColumns, entryColumns}
	fillSources    = []*columns{batchColumns, entryColumns, tradeColumns, positionColumns} // of groups as well
	carefulSources = []*columns{batchColumns, entryColumns, tradeColumns, positionColumns, cancelledColumns}
	rebuildSources = []*columns{batchColumns, tradeColumns, positionColumns}
)

// An append is one statement, so that the rows of a batch become durable together with one round
// trip and one flush; for a large batch see appendByCopy. accepted are the batches whose journal
// ends where they continue, on a server that is admitted; everything else joins them.

// continues holds where the entry that a batch continues has the hash that the batch says. It is a
// probe of the primary key, and not a column of the head: the entries are the truth, and a process
// of an older version, which runs on while the schema is migrated, would not keep the column.
//
// The statement sees entries as of its snapshot, and the head's newest version, which may be newer:
// READ COMMITTED looks again at the row that was locked, and at nothing else. That accepts no batch
// wrongly. Entries are never changed, so the entry that the snapshot has is that of the newest
// version too. An entry that came behind the snapshot is not seen: its batch is refused, though it
// may continue the journal. Then refusal finds no reason, and Append locks the head, and looks
// again with a snapshot that is newer than the lock.
//
// It is a scalar subquery. The planner could answer EXISTS, which is under a condition here, by
// reading all entries into a hash table.
const continues = `batch.behind = CASE batch.after
		WHEN 0 THEN decode(repeat('00', 32), 'hex') -- the hash before the first entry
		ELSE (SELECT e.hash FROM trading.journal_entries e WHERE e.profile_id = batch.profile_id AND e.seq = batch.after)
	END
	`

// groupStatement appends batches of different profiles, each as a whole or not at all, and returns
// the number n of those that were accepted. Its parameters are the channel and the sources as
// arrays.
//
// A head that somebody else has locked is left out, and its batch is not accepted: no journal waits
// for another's lock. Nothing else is locked that another store could want. What locked returns is
// the newest version of each head, not that of the statement's snapshot; the index
// journal_entries_key catches a key that the snapshot is too old for.
//
// The careful one leaves out batches with a key that the journal has, and takes rows of trades as
// it finds them. The other one, at two thirds of the cost, violates journal_entries_key or
// trades_account_seq_key then, and nothing is accepted.
func groupStatement(careful bool) string {
	sources, known, unknown, more := fillSources, "", "", addTrades
	if careful {
		sources, known, unknown = carefulSources, knownBatches, "AND batch.n NOT IN (SELECT n FROM known)"
		more = replaceTrades + removeTrades
	}
	return fill(unnestOf, sources, `
WITH entries AS MATERIALIZED (SELECT * FROM {entry}),
batches AS MATERIALIZED (SELECT * FROM {batch}),
locked AS MATERIALIZED (
	SELECT profile_id, seq FROM trading.journal_heads
	WHERE profile_id = ANY (ARRAY(SELECT profile_id::varchar FROM batches))
	FOR NO KEY UPDATE SKIP LOCKED
),`+known+`
accepted AS MATERIALIZED (
	SELECT batch.n, p.profile_id, p.owner_id, batch.last, batch.micros
	FROM batches batch
	JOIN locked l ON l.profile_id = batch.profile_id AND l.seq = batch.after AND `+admitted("batch")+`
	JOIN trading.account_profiles p ON p.profile_id = batch.profile_id
	WHERE `+continues+unknown+`
),
head AS (
	UPDATE trading.journal_heads h SET seq = a.last FROM accepted a WHERE h.profile_id = a.profile_id
),
`+strings.Replace(addJournal, "{entry}", "entries", 1)+more+addPositions+`
told AS MATERIALIZED (
	SELECT pg_notify($1, string_agg(json_build_array('recorded', profile_id, owner_id, last, micros)::text, E'\n'))
	FROM accepted GROUP BY n / 8 -- a notification holds 8000 bytes, and escaped ids can be long
)
SELECT n FROM accepted, (SELECT count(*) FROM told) AS all_of_them`)
}

const knownBatches = `
known AS MATERIALIZED (
	SELECT DISTINCT e.n
	FROM entries e JOIN batches b USING (n)
	JOIN LATERAL (` + knownKey + `) j ON true
),`

// knownKey finds a key in a journal. The profile is compared as an expression, so that only the
// index journal_entries_key, which begins with the key, can answer this. A plan that is made while
// the tables are small may otherwise go through a whole journal by its primary key, and plans of
// prepared statements last: that was measured at 20 ms for 21 keys after 10,000 entries.
const knownKey = `
		SELECT j.key, j.seq FROM trading.journal_entries j
		WHERE j.key = e.key AND j.key <> '' AND j.profile_id || '' = b.profile_id`

// singleStatement appends one entry, with one trade and the position it changed if fill is set. It
// does what groupStatement does at a third of the cost, but for a key that the journal has: that
// violates journal_entries_key. Its parameters are the channel and the sources' values.
func singleStatement(withFill bool) string {
	sources, more := entrySources, ""
	if withFill {
		sources, more = fillSources, addTrades+addPositions
	}
	return fill(valuesOf, sources, `
WITH head AS MATERIALIZED (
	SELECT h.ctid FROM {batch} JOIN trading.journal_heads h ON h.profile_id = batch.profile_id
	WHERE h.seq = batch.after AND `+continues+` FOR NO KEY UPDATE OF h SKIP LOCKED
),
accepted AS (
	UPDATE trading.journal_heads h SET seq = batch.last
	FROM {batch} JOIN trading.account_profiles p ON p.profile_id = batch.profile_id
	WHERE h.ctid = (SELECT ctid FROM head) AND `+admitted("batch")+`
	RETURNING batch.n, p.profile_id, p.owner_id, batch.last, batch.micros
),
`+strings.TrimSuffix(strings.TrimSpace(addJournal+more), ",")+`
SELECT n, pg_notify($1, json_build_array('recorded', profile_id, owner_id, last, micros)::text) FROM accepted`)
}

// fill writes sources into a statement, in the order of their parameters, from $2 on.
func fill(write form, sources []*columns, statement string) string {
	next := 2
	var texts []string
	for _, s := range sources {
		var text string
		text, next = write(s, next)
		texts = append(texts, "{"+s.name+"}", text)
	}
	return strings.NewReplacer(texts...).Replace(statement)
}

// Which columns of the tables an append fills: the profile, then those of the source, in its order.
const (
	entryTable = `trading.journal_entries (profile_id, seq, kind, key, recorded_at, payload, prev, hash)`
	tradeTable = `trading.trades (account_profile_id, journal_seq, exec_id, order_id, trade_kind, instrument_key,
		exact_quantity, exact_price, exact_proceeds, exact_commission, exact_taxes, instrument_currency,
		commission_currency, traded_at)`
)

const addJournal = `
journal AS (
	INSERT INTO ` + entryTable + `
	SELECT a.profile_id, seq, kind, key, recorded_at, payload, prev, hash
	FROM {entry} JOIN accepted a USING (n)
),
`

const insertTrades = `
trades AS (
	INSERT INTO ` + tradeTable + `
	SELECT a.profile_id, place, exec_id, order_id, trade_kind, instrument_key, quantity, price,
		proceeds, commission, taxes, currency, commission_currency, traded_at
	FROM {trade} JOIN accepted a USING (n)
`

const addTrades = insertTrades + `
),
`

// replaceTrades is addTrades where there may be rows already: those that corrections replace.
const replaceTrades = insertTrades + `
	ON CONFLICT (account_profile_id, journal_seq) DO UPDATE SET
		exec_id = excluded.exec_id, order_id = excluded.order_id, trade_kind = excluded.trade_kind,
		instrument_key = excluded.instrument_key, exact_quantity = excluded.exact_quantity,
		exact_price = excluded.exact_price, exact_proceeds = excluded.exact_proceeds,
		exact_commission = excluded.exact_commission, exact_taxes = excluded.exact_taxes,
		instrument_currency = excluded.instrument_currency, commission_currency = excluded.commission_currency,
		traded_at = excluded.traded_at
),
`

const removeTrades = `
gone AS (
	DELETE FROM trading.trades t USING {cancelled} JOIN accepted a USING (n)
	WHERE t.account_profile_id = a.profile_id AND t.journal_seq = cancelled.place
),
`

const addPositions = `
positions AS (
	INSERT INTO trading.positions AS old (account_profile_id, instrument_key, journal_seq, user_id, symbol,
		position_type, side, quantity, entry_price, realized_pnl, option_details, opened_at, closed_at,
		instrument_currency, exact_quantity, exact_basis, exact_realized, exact_realized_base, exact_unconverted,
		exact_commissions, exact_taxes, last_trade_at, last_close_at)
	SELECT a.profile_id, instrument_key, a.last, CASE a.owner_id WHEN '' THEN a.profile_id ELSE a.owner_id END, symbol,
		position_type, side, quantity, entry_price, realized_pnl, details,
		coalesce(since, last_trade_at, now()),
		CASE WHEN exact_quantity = 0
			THEN coalesce(last_close_at, last_trade_at, now()) END,
		currency, exact_quantity, basis, realized, realized_base,
		unconverted, commissions, taxes, last_trade_at,
		last_close_at
	FROM {position} JOIN accepted a USING (n)
	ON CONFLICT (account_profile_id, instrument_key) DO UPDATE SET
		journal_seq = excluded.journal_seq, user_id = excluded.user_id, symbol = excluded.symbol,
		position_type = excluded.position_type, option_details = excluded.option_details,
		instrument_currency = excluded.instrument_currency,
		side = CASE WHEN excluded.exact_quantity = 0 THEN old.side ELSE excluded.side END,
		quantity = CASE WHEN excluded.exact_quantity = 0 THEN old.quantity ELSE excluded.quantity END,
		entry_price = CASE WHEN excluded.exact_quantity = 0 THEN old.entry_price ELSE excluded.entry_price END,
		unrealized_pnl = CASE WHEN excluded.exact_quantity = 0 THEN 0 ELSE old.unrealized_pnl END,
		realized_pnl = excluded.realized_pnl,
		opened_at = CASE WHEN excluded.exact_quantity <> 0 AND old.closed_at IS NOT NULL OR excluded.side <> old.side AND excluded.exact_quantity <> 0
			THEN excluded.opened_at ELSE old.opened_at END,
		closed_at = excluded.closed_at,
		exact_quantity = excluded.exact_quantity, exact_basis = excluded.exact_basis,
		exact_realized = excluded.exact_realized, exact_realized_base = excluded.exact_realized_base,
		exact_unconverted = excluded.exact_unconverted, exact_commissions = excluded.exact_commissions,
		exact_taxes = excluded.exact_taxes, last_trade_at = excluded.last_trade_at, last_close_at = excluded.last_close_at
),
`
