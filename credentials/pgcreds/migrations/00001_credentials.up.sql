-- Secrets of profiles, encrypted by whoever writes them: this database never sees a key or a secret.
-- One row for each field, and one with an empty name that says, encrypted too, which fields there are.
-- A row only decrypts where it was put: neither in another profile's place, nor under another name,
-- nor beside rows of an earlier or later write.
CREATE TABLE trading.credentials (
	profile_id varchar(50) COLLATE "C" NOT NULL,
	field text COLLATE "C" NOT NULL CHECK (octet_length(field) <= 100),
	key_id bigint NOT NULL CHECK (key_id BETWEEN 0 AND 4294967295), -- of the key in the keyset
	sealed bytea NOT NULL,
	PRIMARY KEY (profile_id, field)
);

-- Writes of one profile wait for each other. Each statement of a function sees what was committed
-- before it, so that the second writer finds the rows of the first.

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
