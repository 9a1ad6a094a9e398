-- Profiles, and the journals that are the truth about them. Every row of the other tables can be
-- made again from journal_entries.

-- Whoever works on a table that is there must not wait behind this: it gives up soon, and is tried again.
SET LOCAL lock_timeout = '200ms';

-- A row with these six columns alone is a valid profile; the others have defaults.
CREATE TABLE IF NOT EXISTS trading.account_profiles (
	profile_id varchar(50) PRIMARY KEY,
	profile_name varchar(100) NOT NULL,
	ibkr_account_id varchar(50) NOT NULL,
	capital_level varchar(20) NOT NULL,
	risk_tolerance varchar(20) NOT NULL,
	created_at timestamptz DEFAULT now()
);

-- A column that is there already must be what is needed. Those that are added are marked: they alone
-- go when this is taken back.
-- +goose StatementBegin
DO $$
DECLARE
	wanted record;
	there record;
	clash text;
BEGIN
	FOR wanted IN SELECT * FROM (VALUES
		('owner_id', 'character varying(50)', 'NOT NULL DEFAULT '''''),
		('mode', 'character varying(20)', ''),  -- NULL: what the account id says
		('status', 'character varying(20)', 'NOT NULL DEFAULT ''active'''),
		('base_currency', 'character varying(3)', 'NOT NULL DEFAULT ''USD'''),
		('gateway_host', 'character varying(255)', 'NOT NULL DEFAULT '''''),
		('gateway_port', 'bigint', 'NOT NULL DEFAULT 0'),
		('gateway_client_id', 'bigint', 'NOT NULL DEFAULT 0'),
		('limits', 'jsonb', ''),  -- NULL: the defaults of level and tolerance
		('version', 'bigint', 'NOT NULL DEFAULT 1'),
		('updated_at', 'timestamp with time zone', ''),
		('last_used_at', 'timestamp with time zone', '')  -- NULL: never
	) AS w (name, type, rest) LOOP
		SELECT format_type(atttypid, atttypmod) AS type, attnotnull INTO there FROM pg_attribute
			WHERE attrelid = 'trading.account_profiles'::regclass AND attname = wanted.name AND NOT attisdropped;
		IF NOT FOUND THEN
			EXECUTE format('ALTER TABLE trading.account_profiles ADD COLUMN %I %s %s', wanted.name, wanted.type, wanted.rest);
			EXECUTE format('COMMENT ON COLUMN trading.account_profiles.%I IS %L', wanted.name, 'made by the accounts library');
		ELSIF there.type <> wanted.type THEN
			clash := concat_ws('; ', clash, format('%I is %s, not %s', wanted.name, there.type, wanted.type));
		ELSIF wanted.rest LIKE 'NOT NULL%' AND NOT there.attnotnull THEN
			clash := concat_ws('; ', clash, format('%I may be null', wanted.name));
		END IF;
	END LOOP;
	IF clash IS NOT NULL THEN
		RAISE EXCEPTION 'table account_profiles has columns of its own under names that are needed: %', clash
			USING ERRCODE = 'duplicate_column';
	END IF;
END $$;
-- +goose StatementEnd

CREATE UNIQUE INDEX IF NOT EXISTS account_profiles_owner_name_key
	ON trading.account_profiles (owner_id, profile_name);

-- Profiles are listed byte by byte, whatever the database's collation.
CREATE INDEX IF NOT EXISTS account_profiles_id_bytes_idx
	ON trading.account_profiles (profile_id COLLATE "C");

-- One row for each thing that ever happened to a profile, numbered without gaps and chained by
-- SHA-256: hash covers prev and every other column. Never update or delete a row. There is no
-- foreign key: an entry is only ever added together with its profile's head, which has one.
CREATE TABLE IF NOT EXISTS trading.journal_entries (
	profile_id varchar(50) NOT NULL,
	seq bigint NOT NULL,
	kind text NOT NULL,
	key text COLLATE "C" NOT NULL,         -- '' for none; compared byte by byte
	recorded_at timestamptz NOT NULL,
	payload bytea NOT NULL,                -- JSON, kept byte for byte: convert_from(payload, 'UTF8')
	prev bytea NOT NULL,
	hash bytea NOT NULL,
	PRIMARY KEY (profile_id, seq)
);

-- Begins with the key: looking one up must never become a walk through the profile's whole journal.
CREATE UNIQUE INDEX IF NOT EXISTS journal_entries_key
	ON trading.journal_entries (key, profile_id) WHERE key <> '';

-- Where each journal ends. Whoever appends locks this row, and no other.
CREATE TABLE IF NOT EXISTS trading.journal_heads (
	profile_id varchar(50) PRIMARY KEY REFERENCES trading.account_profiles (profile_id),
	seq bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);

-- Folded books, so that opening one need not read the whole journal. Safe to empty.
CREATE TABLE IF NOT EXISTS trading.journal_checkpoints (
	profile_id varchar(50) PRIMARY KEY REFERENCES trading.account_profiles (profile_id),
	seq bigint NOT NULL,
	hash bytea NOT NULL,
	state bytea NOT NULL
);

-- The profile that each owner switched to last. revision counts the switches.
CREATE TABLE IF NOT EXISTS trading.active_profiles (
	owner_id varchar(50) PRIMARY KEY,
	profile_id varchar(50) REFERENCES trading.account_profiles (profile_id),
	revision bigint NOT NULL DEFAULT 1,
	switched_at timestamptz NOT NULL
);
