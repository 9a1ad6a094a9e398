-- +goose NO TRANSACTION
DROP INDEX CONCURRENTLY IF EXISTS trading.trades_account_traded_idx;
DROP INDEX CONCURRENTLY IF EXISTS trading.trades_account_seq_key;
DROP INDEX CONCURRENTLY IF EXISTS trading.positions_account_instrument_key;
