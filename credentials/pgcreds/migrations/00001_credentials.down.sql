-- Refuses to destroy what cannot be made again.

-- +goose StatementBegin
DO $$
BEGIN
	LOCK TABLE trading.credentials IN ACCESS EXCLUSIVE MODE;
	IF EXISTS (SELECT FROM trading.credentials) THEN
		RAISE EXCEPTION 'there are credentials: they are kept nowhere else'
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'To go on all the same, delete them by hand.';
	END IF;
END $$;
-- +goose StatementEnd

DROP FUNCTION trading.delete_credentials(text);
DROP FUNCTION trading.put_credentials(text, bigint, text[], bytea[]);
DROP TABLE trading.credentials;
