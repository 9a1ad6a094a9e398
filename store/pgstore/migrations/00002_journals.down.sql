SET LOCAL lock_timeout = '200ms';

-- Refuses to destroy what cannot be made again.

-- +goose StatementBegin
DO $$
BEGIN
	IF EXISTS (SELECT FROM trading.journal_entries) THEN
		RAISE EXCEPTION 'the journals are not empty: what accounts did is recorded nowhere else'
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'To go on all the same, copy journal_entries away and empty it by hand.';
	END IF;
END $$;
-- +goose StatementEnd

DROP TABLE trading.active_profiles;
DROP TABLE trading.journal_checkpoints;
DROP TABLE trading.journal_heads;
DROP TABLE trading.journal_entries;

-- Profiles that there are stay, with the columns they would have without this library.
-- +goose StatementBegin
DO $$
DECLARE
	ours name;
BEGIN
	IF NOT EXISTS (SELECT FROM trading.account_profiles) THEN
		DROP TABLE trading.account_profiles;
		RETURN;
	END IF;
	DROP INDEX trading.account_profiles_owner_name_key, trading.account_profiles_id_bytes_idx;
	FOR ours IN SELECT attname FROM pg_attribute
		WHERE attrelid = 'trading.account_profiles'::regclass AND attnum > 0 AND NOT attisdropped
			AND col_description(attrelid, attnum) = 'made by the accounts library' LOOP
		EXECUTE format('ALTER TABLE trading.account_profiles DROP COLUMN %I', ours);
	END LOOP;
END $$;
-- +goose StatementEnd
