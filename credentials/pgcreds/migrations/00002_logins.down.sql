-- Refuses what the version before cannot keep.

SET LOCAL lock_timeout = '200ms';

-- +goose StatementBegin
DO $$
BEGIN
	LOCK TABLE trading.credentials IN ACCESS EXCLUSIVE MODE;
	IF EXISTS (SELECT FROM trading.credentials GROUP BY login_key HAVING count(DISTINCT kind) > 1 OR length(login_key) > 50) THEN
		RAISE EXCEPTION 'there are logins with credentials of several kinds, or with long ids: the version before cannot keep them'
			USING ERRCODE = 'object_not_in_prerequisite_state',
			HINT = 'To go on all the same, delete them by hand.';
	END IF;
END $$;
-- +goose StatementEnd

DROP FUNCTION trading.delete_credentials(text, text[]);
DROP FUNCTION trading.put_credentials(text, text, bigint, text[], bytea[]);

ALTER TABLE trading.credentials
	DROP CONSTRAINT credentials_pkey,
	DROP COLUMN kind,
	ALTER COLUMN login_key TYPE varchar(50) COLLATE "C",
	ADD CONSTRAINT credentials_pkey PRIMARY KEY (login_key, field);
ALTER TABLE trading.credentials RENAME COLUMN login_key TO profile_id;

-- +goose StatementBegin
CREATE FUNCTION trading.put_credentials(of_profile text, under_key bigint, new_fields text[], new_sealed bytea[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('accounts credentials ' || of_profile, 0));
	DELETE FROM trading.credentials c WHERE c.profile_id = of_profile AND c.field <> ALL (new_fields);
	INSERT INTO trading.credentials (profile_id, field, key_id, sealed)
	SELECT of_profile, n.name, under_key, n.content FROM unnest(new_fields, new_sealed) AS n (name, content)
	ON CONFLICT (profile_id, field) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed;
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION trading.delete_credentials(of_profile text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('accounts credentials ' || of_profile, 0));
	DELETE FROM trading.credentials c WHERE c.profile_id = of_profile;
END $$;
-- +goose StatementEnd
