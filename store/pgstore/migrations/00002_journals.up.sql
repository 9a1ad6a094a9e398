-- Profiles, and the journals that are the truth about them. Every row of the other tables can be
-- made again from journal_entries.

-- A row with these six columns alone is a valid profile; the others have defaults.
CREATE TABLE IF NOT EXISTS trading.account_profiles (
	profile_id varchar(50) PRIMARY KEY,
	profile_name varchar(100) NOT NULL,
	ibkr_account_id varchar(50) NOT NULL,
	capital_level varchar(20) NOT NULL,
	risk_tolerance varchar(20) NOT NULL,
	created_at timestamptz DEFAULT now()
);

ALTER TABLE trading.account_profiles
	ADD COLUMN IF NOT EXISTS owner_id varchar(50) NOT NULL DEFAULT '',
	ADD COLUMN IF NOT EXISTS mode varchar(20),            -- NULL: what the account id says
	ADD COLUMN IF NOT EXISTS status varchar(20) NOT NULL DEFAULT 'active',
	ADD COLUMN IF NOT EXISTS base_currency varchar(3) NOT NULL DEFAULT 'USD',
	ADD COLUMN IF NOT EXISTS gateway_host varchar(255) NOT NULL DEFAULT '',
	ADD COLUMN IF NOT EXISTS gateway_port bigint NOT NULL DEFAULT 0,
	ADD COLUMN IF NOT EXISTS gateway_client_id bigint NOT NULL DEFAULT 0,
	ADD COLUMN IF NOT EXISTS limits jsonb,                -- NULL: the defaults of level and tolerance
	ADD COLUMN IF NOT EXISTS version bigint NOT NULL DEFAULT 1,
	ADD COLUMN IF NOT EXISTS updated_at timestamptz,
	ADD COLUMN IF NOT EXISTS last_used_at timestamptz;    -- NULL: never

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
