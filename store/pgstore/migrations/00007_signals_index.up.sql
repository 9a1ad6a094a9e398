-- +goose NO TRANSACTION
-- For a plain table. Where signals is a hypertable, 00007_signals_index.hypertable.up.sql takes the
-- place of this file: there, neither concurrent indexes nor unchecked foreign keys are to be had.

-- +goose StatementBegin
DO $$
BEGIN
	SET LOCAL lock_timeout = '200ms';
	ALTER TABLE trading.signals
		DROP CONSTRAINT IF EXISTS signals_account_profile_id_fkey,
		ADD CONSTRAINT signals_account_profile_id_fkey FOREIGN KEY (account_profile_id)
			REFERENCES trading.account_profiles (profile_id) NOT VALID;
END $$;
-- +goose StatementEnd
ALTER TABLE trading.signals VALIDATE CONSTRAINT signals_account_profile_id_fkey;

DROP INDEX CONCURRENTLY IF EXISTS trading.signals_account_timestamp_idx;
CREATE INDEX CONCURRENTLY signals_account_timestamp_idx
	ON trading.signals (account_profile_id, "timestamp");
