-- +goose NO TRANSACTION
DROP INDEX IF EXISTS trading.signals_account_timestamp_idx;
ALTER TABLE trading.signals DROP CONSTRAINT IF EXISTS signals_account_profile_id_fkey;
