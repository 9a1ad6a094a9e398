-- One row for each trade in a journal. Where a site has a table of this name, it gets these columns
-- too, and none of its own are touched.

-- Whoever works on the table must not wait behind this: it gives up soon, and is tried again.
SET LOCAL lock_timeout = '200ms';

-- +goose StatementBegin
DO $$
BEGIN
	IF to_regclass('trading.trades') IS NULL THEN
		CREATE TABLE trading.trades (id bigserial PRIMARY KEY);
		COMMENT ON TABLE trading.trades IS 'made by the accounts library, from the journals';
	END IF;
END $$;
-- +goose StatementEnd

-- A column that is there already must be what is needed.
-- +goose StatementBegin
DO $$
DECLARE
	clash text;
BEGIN
	SELECT string_agg(format('%I is %s, not %s', a.attname, format_type(a.atttypid, a.atttypmod), wanted.type), '; ')
	INTO clash
	FROM (VALUES
		('account_profile_id', 'character varying(50)'),
		('journal_seq', 'bigint'),
		('exec_id', 'text'),
		('order_id', 'text'),
		('trade_kind', 'text'),
		('instrument_key', 'text'),
		('exact_quantity', 'numeric'),
		('exact_price', 'numeric'),
		('exact_proceeds', 'numeric'),
		('exact_commission', 'numeric'),
		('exact_taxes', 'numeric'),
		('instrument_currency', 'character varying(3)'),
		('commission_currency', 'character varying(3)'),
		('traded_at', 'timestamp with time zone')
	) AS wanted (name, type)
	JOIN pg_attribute a ON a.attrelid = 'trading.trades'::regclass AND a.attname = wanted.name AND NOT a.attisdropped
	WHERE format_type(a.atttypid, a.atttypmod) <> wanted.type;
	IF clash IS NOT NULL THEN
		RAISE EXCEPTION 'table trades has columns of its own under names that are needed: %', clash
			USING ERRCODE = 'duplicate_column';
	END IF;
END $$;
-- +goose StatementEnd

ALTER TABLE trading.trades
	ADD COLUMN IF NOT EXISTS account_profile_id varchar(50),
	ADD COLUMN IF NOT EXISTS journal_seq bigint,  -- the entry that holds it
	ADD COLUMN IF NOT EXISTS exec_id text,
	ADD COLUMN IF NOT EXISTS order_id text,
	ADD COLUMN IF NOT EXISTS trade_kind text,  -- execution, expiry, assignment, exercise, corporate
	ADD COLUMN IF NOT EXISTS instrument_key text,  -- such as STK:NU:USD
	ADD COLUMN IF NOT EXISTS exact_quantity numeric,  -- negative for a sale
	ADD COLUMN IF NOT EXISTS exact_price numeric,
	ADD COLUMN IF NOT EXISTS exact_proceeds numeric,  -- negative for money that went
	ADD COLUMN IF NOT EXISTS exact_commission numeric,  -- a cost is positive
	ADD COLUMN IF NOT EXISTS exact_taxes numeric,
	ADD COLUMN IF NOT EXISTS instrument_currency varchar(3),
	ADD COLUMN IF NOT EXISTS commission_currency varchar(3),  -- NULL: as the instrument
	ADD COLUMN IF NOT EXISTS traded_at timestamptz;

-- Not valid means not yet checked for rows that are there: that is done later, without this lock.
ALTER TABLE trading.trades
	DROP CONSTRAINT IF EXISTS trades_account_profile_id_fkey,
	ADD CONSTRAINT trades_account_profile_id_fkey FOREIGN KEY (account_profile_id)
		REFERENCES trading.account_profiles (profile_id) NOT VALID,
	DROP CONSTRAINT IF EXISTS trades_exact_scale_check,
	ADD CONSTRAINT trades_exact_scale_check CHECK (
		scale(exact_quantity) <= 19
		AND scale(exact_price) <= 19
		AND scale(exact_proceeds) <= 19
		AND scale(exact_commission) <= 19
		AND scale(exact_taxes) <= 19
	) NOT VALID;
