-- What this library knows of a position, beside the columns of others. Existing rows keep NULL in
-- all of them. Exact figures are plain numeric: numeric(p,s) would round without a word.

-- Whoever works on the table must not wait behind this: it gives up soon, and is tried again.
SET LOCAL lock_timeout = '200ms';

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
		('instrument_key', 'text'),
		('journal_seq', 'bigint'),
		('exact_quantity', 'numeric'),
		('exact_basis', 'numeric'),
		('exact_realized', 'numeric'),
		('exact_realized_base', 'numeric'),
		('exact_unconverted', 'numeric'),
		('exact_commissions', 'numeric'),
		('exact_taxes', 'numeric'),
		('instrument_currency', 'character varying(3)'),
		('last_trade_at', 'timestamp with time zone'),
		('last_close_at', 'timestamp with time zone')
	) AS wanted (name, type)
	JOIN pg_attribute a ON a.attrelid = 'trading.positions'::regclass AND a.attname = wanted.name AND NOT a.attisdropped
	WHERE format_type(a.atttypid, a.atttypmod) <> wanted.type;
	IF clash IS NOT NULL THEN
		RAISE EXCEPTION 'table positions has columns of its own under names that are needed: %', clash
			USING ERRCODE = 'duplicate_column';
	END IF;
END $$;
-- +goose StatementEnd

ALTER TABLE trading.positions
	ADD COLUMN IF NOT EXISTS account_profile_id varchar(50),
	ADD COLUMN IF NOT EXISTS instrument_key text,  -- such as STK:NU:USD, OPT:NU:20250516:C:12:100:USD
	ADD COLUMN IF NOT EXISTS journal_seq bigint,  -- the entry after which it stood like this
	ADD COLUMN IF NOT EXISTS exact_quantity numeric,  -- negative for short, zero for flat
	ADD COLUMN IF NOT EXISTS exact_basis numeric,  -- what the open lots cost
	ADD COLUMN IF NOT EXISTS exact_realized numeric,  -- in the currency of the instrument
	ADD COLUMN IF NOT EXISTS exact_realized_base numeric,  -- in the base currency of the profile
	ADD COLUMN IF NOT EXISTS exact_unconverted numeric,  -- realized without a conversion rate
	ADD COLUMN IF NOT EXISTS exact_commissions numeric,
	ADD COLUMN IF NOT EXISTS exact_taxes numeric,
	ADD COLUMN IF NOT EXISTS instrument_currency varchar(3),
	ADD COLUMN IF NOT EXISTS last_trade_at timestamptz,
	ADD COLUMN IF NOT EXISTS last_close_at timestamptz;

-- Not valid means not yet checked for rows that are there: that is done later, without this lock.
ALTER TABLE trading.positions
	DROP CONSTRAINT IF EXISTS positions_account_profile_id_fkey,
	ADD CONSTRAINT positions_account_profile_id_fkey FOREIGN KEY (account_profile_id)
		REFERENCES trading.account_profiles (profile_id) NOT VALID,
	DROP CONSTRAINT IF EXISTS positions_exact_scale_check,
	ADD CONSTRAINT positions_exact_scale_check CHECK (
		scale(exact_quantity) <= 19
		AND scale(exact_basis) <= 19
		AND scale(exact_realized) <= 19
		AND scale(exact_realized_base) <= 19
		AND scale(exact_unconverted) <= 19
		AND scale(exact_commissions) <= 19
		AND scale(exact_taxes) <= 19
	) NOT VALID;
