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
		('journal_seq', 'bigint'),  -- the entry that holds it
		('exec_id', 'text'),
		('order_id', 'text'),
		('trade_kind', 'text'),  -- execution, expiry, assignment, exercise, corporate
		('instrument_key', 'text'),  -- such as STK:NU:USD
		('exact_quantity', 'numeric'),  -- negative for a sale
		('exact_price', 'numeric'),
		('exact_proceeds', 'numeric'),  -- negative for money that went
		('exact_commission', 'numeric'),  -- a cost is positive
		('exact_taxes', 'numeric'),
		('instrument_currency', 'character varying(3)'),
		('commission_currency', 'character varying(3)'),  -- NULL: as the instrument
		('traded_at', 'timestamp with time zone')
	) AS w (name, type) LOOP
		SELECT format_type(atttypid, atttypmod) AS type, attnotnull INTO there FROM pg_attribute
			WHERE attrelid = 'trading.trades'::regclass AND attname = wanted.name AND NOT attisdropped;
		IF NOT FOUND THEN
			EXECUTE format('ALTER TABLE trading.trades ADD COLUMN %I %s', wanted.name, wanted.type);
			IF wanted.name <> 'account_profile_id' THEN  -- which goes in any case
				EXECUTE format('COMMENT ON COLUMN trading.trades.%I IS %L', wanted.name, 'made by the accounts library');
			END IF;
		ELSIF there.type <> wanted.type THEN
			clash := concat_ws('; ', clash, format('%I is %s, not %s', wanted.name, there.type, wanted.type));
		END IF;
	END LOOP;
	IF clash IS NOT NULL THEN
		RAISE EXCEPTION 'table trades has columns of its own under names that are needed: %', clash
			USING ERRCODE = 'duplicate_column';
	END IF;
END $$;
-- +goose StatementEnd

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
