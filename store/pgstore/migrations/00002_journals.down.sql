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
BEGIN
	IF EXISTS (SELECT FROM trading.account_profiles) THEN
		DROP INDEX trading.account_profiles_owner_name_key, trading.account_profiles_id_bytes_idx;
		ALTER TABLE trading.account_profiles
			DROP COLUMN owner_id, DROP COLUMN mode, DROP COLUMN status, DROP COLUMN base_currency,
			DROP COLUMN gateway_host, DROP COLUMN gateway_port, DROP COLUMN gateway_client_id,
			DROP COLUMN limits, DROP COLUMN version, DROP COLUMN updated_at, DROP COLUMN last_used_at;
	ELSE
		DROP TABLE trading.account_profiles;
	END IF;
END $$;
-- +goose StatementEnd
