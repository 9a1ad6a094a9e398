-- +goose NO TRANSACTION
-- For a hypertable: one chunk at a time, so that nobody waits for more than one chunk's index. A
-- foreign key is left out: it cannot be added to compressed chunks.
CREATE INDEX IF NOT EXISTS signals_account_timestamp_idx
	ON trading.signals (account_profile_id, "timestamp") WITH (timescaledb.transaction_per_chunk);
