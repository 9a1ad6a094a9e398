-- What this library knows of a position, beside the columns of others. Existing rows keep NULL in
-- all of them. Exact figures are plain numeric: numeric(p,s) would round without a word.

-- Whoever works on the table must not wait behind this: it gives up soon, and is tried again.
SET LOCAL lock_timeout = '200ms';

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
		('account_profile_id', 'character varying(50)'),
		('instrument_key', 'text'),  -- such as STK:NU:USD, OPT:NU:20250516:C:12:100:USD
		('journal_seq', 'bigint'),  -- the entry after which it stood like this
		('exact_quantity', 'numeric'),  -- negative for short, zero for flat
		('exact_basis', 'numeric'),  -- what the open lots cost
		('exact_realized', 'numeric'),  -- in the currency of the instrument
		('exact_realized_base', 'numeric'),  -- in the base currency of the profile
		('exact_unconverted', 'numeric'),  -- realized without a conversion rate
		('exact_commissions', 'numeric'),
		('exact_taxes', 'numeric'),
		('instrument_currency', 'character varying(3)'),
		('last_trade_at', 'timestamp with time zone'),
		('last_close_at', 'timestamp with time zone')
	) AS w (name, type) LOOP
		SELECT format_type(atttypid, atttypmod) AS type, attnotnull INTO there FROM pg_attribute
			WHERE attrelid = 'trading.positions'::regclass AND attname = wanted.name AND NOT attisdropped;
		IF NOT FOUND THEN
			EXECUTE format('ALTER TABLE trading.positions ADD COLUMN %I %s', wanted.name, wanted.type);
			IF wanted.name <> 'account_profile_id' THEN  -- which goes in any case
				EXECUTE format('COMMENT ON COLUMN trading.positions.%I IS %L', wanted.name, 'made by the accounts library');
			END IF;
		ELSIF there.type <> wanted.type THEN
			clash := concat_ws('; ', clash, format('%I is %s, not %s', wanted.name, there.type, wanted.type));
		END IF;
	END LOOP;
	IF clash IS NOT NULL THEN
		RAISE EXCEPTION 'table positions has columns of its own under names that are needed: %', clash
			USING ERRCODE = 'duplicate_column';
	END IF;
END $$;
-- +goose StatementEnd

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
