-- +goose NO TRANSACTION
-- +goose StatementBegin
DO $$
BEGIN
	SET LOCAL lock_timeout = '200ms';
	DROP INDEX IF EXISTS trading.signals_account_timestamp_idx;
	ALTER TABLE trading.signals DROP CONSTRAINT IF EXISTS signals_account_profile_id_fkey;
END $$;
-- +goose StatementEnd
