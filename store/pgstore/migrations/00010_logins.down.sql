-- Refuses to destroy what cannot be made again.

SET LOCAL lock_timeout = '200ms';

-- +goose StatementBegin
DO $$
BEGIN
	IF col_description('trading.account_profiles'::regclass, (SELECT attnum FROM pg_attribute
		WHERE attrelid = 'trading.account_profiles'::regclass AND attname = 'login_id')) = 'made by the accounts library' THEN
		LOCK TABLE trading.account_profiles IN ACCESS EXCLUSIVE MODE;
		IF EXISTS (SELECT FROM trading.account_profiles WHERE login_id <> '') THEN
			RAISE EXCEPTION 'there are profiles that name a login: which one is recorded nowhere else'
				USING ERRCODE = 'object_not_in_prerequisite_state',
				HINT = 'To go on all the same, empty column login_id of account_profiles by hand.';
		END IF;
		ALTER TABLE trading.account_profiles DROP COLUMN login_id;
	END IF;
END $$;
-- +goose StatementEnd
