SET LOCAL lock_timeout = '200ms';

ALTER TABLE trading.positions
	DROP CONSTRAINT IF EXISTS positions_account_profile_id_fkey,
	DROP CONSTRAINT IF EXISTS positions_exact_scale_check;

-- Columns that this library did not make stay, but for the one that tells whose a row is.
-- +goose StatementBegin
DO $$
DECLARE
	ours name;
BEGIN
	FOR ours IN SELECT attname FROM pg_attribute
		WHERE attrelid = 'trading.positions'::regclass AND attnum > 0 AND NOT attisdropped
			AND (attname = 'account_profile_id' OR col_description(attrelid, attnum) = 'made by the accounts library') LOOP
		EXECUTE format('ALTER TABLE trading.positions DROP COLUMN %I', ours);
	END LOOP;
END $$;
-- +goose StatementEnd
