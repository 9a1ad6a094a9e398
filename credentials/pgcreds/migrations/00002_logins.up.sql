-- A login has credentials of several kinds, and several profiles may share it. What was a profile's is
-- what the login of that profile's own has: rows keep their ids, to which their ciphertext is bound.

SET LOCAL lock_timeout = '200ms';

ALTER TABLE trading.credentials RENAME COLUMN profile_id TO login_key;
ALTER TABLE trading.credentials
	ALTER COLUMN login_key TYPE varchar(101) COLLATE "C", -- an owner and a login's id with a space between
	ADD COLUMN kind varchar(50) COLLATE "C" NOT NULL DEFAULT '', -- '' for credentials without a kind
	DROP CONSTRAINT credentials_pkey,
	ADD CONSTRAINT credentials_pkey PRIMARY KEY (login_key, kind, field);

-- The kind itself is encrypted. Its fields say which it is: each kind has exactly its own.
UPDATE trading.credentials c SET kind = k.kind
FROM (
	SELECT login_key, CASE
		WHEN bool_or(field = 'flex_token') THEN 'flex'
		WHEN bool_or(field = 'consumer_key') THEN 'oauth_1.0a'
		WHEN bool_or(field = 'username') THEN 'gateway_login'
		ELSE 'gateway_session'
	END AS kind
	FROM trading.credentials GROUP BY login_key HAVING bool_or(field = 'kind')
) AS k
WHERE c.login_key = k.login_key;

DROP FUNCTION trading.put_credentials(text, bigint, text[], bytea[]);
DROP FUNCTION trading.delete_credentials(text);

-- Writes of one login wait for each other. Each statement of a function sees what was committed
-- before it, so that the second writer finds the rows of the first.

-- +goose StatementBegin
CREATE FUNCTION trading.put_credentials(of_login text, of_kind text, under_key bigint, new_fields text[], new_sealed bytea[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('accounts credentials ' || of_login, 0));
	DELETE FROM trading.credentials c
	WHERE c.login_key = of_login AND c.kind = of_kind AND c.field <> ALL (new_fields);
	INSERT INTO trading.credentials (login_key, kind, field, key_id, sealed)
	SELECT of_login, of_kind, n.name, under_key, n.content FROM unnest(new_fields, new_sealed) AS n (name, content)
	ON CONFLICT (login_key, kind, field) DO UPDATE SET key_id = excluded.key_id, sealed = excluded.sealed;
END $$;
-- +goose StatementEnd

-- Deletes every kind where none is named.

-- +goose StatementBegin
CREATE FUNCTION trading.delete_credentials(of_login text, of_kinds text[])
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
	PERFORM pg_advisory_xact_lock(hashtextextended('accounts credentials ' || of_login, 0));
	DELETE FROM trading.credentials c
	WHERE c.login_key = of_login AND (cardinality(of_kinds) = 0 OR c.kind = ANY (of_kinds));
END $$;
-- +goose StatementEnd
