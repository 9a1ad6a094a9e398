-- +goose NO TRANSACTION
-- Checks the rows that were there before. This reads the tables and holds nobody up.
ALTER TABLE trading.positions VALIDATE CONSTRAINT positions_account_profile_id_fkey;
ALTER TABLE trading.positions VALIDATE CONSTRAINT positions_exact_scale_check;
ALTER TABLE trading.trades VALIDATE CONSTRAINT trades_account_profile_id_fkey;
ALTER TABLE trading.trades VALIDATE CONSTRAINT trades_exact_scale_check;

-- An index that an interrupted run left unfinished is made anew.
DROP INDEX CONCURRENTLY IF EXISTS trading.positions_account_instrument_key;
CREATE UNIQUE INDEX CONCURRENTLY positions_account_instrument_key
	ON trading.positions (account_profile_id, instrument_key);
DROP INDEX CONCURRENTLY IF EXISTS trading.trades_account_seq_key;
CREATE UNIQUE INDEX CONCURRENTLY trades_account_seq_key
	ON trading.trades (account_profile_id, journal_seq);
DROP INDEX CONCURRENTLY IF EXISTS trading.trades_account_traded_idx;
CREATE INDEX CONCURRENTLY trades_account_traded_idx
	ON trading.trades (account_profile_id, traded_at);
