SET LOCAL lock_timeout = '200ms';

-- A table that this library made goes; one that was there before loses the columns it was given.
-- +goose StatementBegin
DO $$
DECLARE
	ours name;
BEGIN
	IF obj_description('trading.trades'::regclass) LIKE '%made by the accounts library%' THEN
		DROP TABLE trading.trades;
		RETURN;
	END IF;
	ALTER TABLE trading.trades
		DROP CONSTRAINT IF EXISTS trades_account_profile_id_fkey,
		DROP CONSTRAINT IF EXISTS trades_exact_scale_check;
	FOR ours IN SELECT attname FROM pg_attribute
		WHERE attrelid = 'trading.trades'::regclass AND attnum > 0 AND NOT attisdropped
			AND (attname = 'account_profile_id' OR col_description(attrelid, attnum) = 'made by the accounts library') LOOP
		EXECUTE format('ALTER TABLE trading.trades DROP COLUMN %I', ours);
	END LOOP;
END $$;
-- +goose StatementEnd
