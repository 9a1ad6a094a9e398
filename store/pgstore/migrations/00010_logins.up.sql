-- The login whose credentials a profile uses. Several profiles of an owner may name one.

SET LOCAL lock_timeout = '200ms';

-- A column that is there already must be what is needed. One that is added is marked: it alone goes
-- when this is taken back.
-- +goose StatementBegin
DO $$
DECLARE
	there record;
BEGIN
	SELECT format_type(atttypid, atttypmod) AS type, attnotnull INTO there FROM pg_attribute
		WHERE attrelid = 'trading.account_profiles'::regclass AND attname = 'login_id' AND NOT attisdropped;
	IF NOT FOUND THEN
		ALTER TABLE trading.account_profiles ADD COLUMN login_id varchar(50) NOT NULL DEFAULT ''; -- '': one of its own
		COMMENT ON COLUMN trading.account_profiles.login_id IS 'made by the accounts library';
	ELSIF there.type <> 'character varying(50)' OR NOT there.attnotnull THEN
		RAISE EXCEPTION 'table account_profiles has a column of its own under a name that is needed: login_id is %, or may be null', there.type
			USING ERRCODE = 'duplicate_column';
	END IF;
END $$;
-- +goose StatementEnd
