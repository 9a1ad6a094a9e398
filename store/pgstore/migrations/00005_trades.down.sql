SET LOCAL lock_timeout = '200ms';

-- A table that this library made goes; one that was there before loses the columns it was given.
-- +goose StatementBegin
DO $$
BEGIN
	IF obj_description('trading.trades'::regclass) LIKE '%made by the accounts library%' THEN
		DROP TABLE trading.trades;
	ELSE
		ALTER TABLE trading.trades
			DROP COLUMN IF EXISTS account_profile_id,
			DROP COLUMN IF EXISTS journal_seq,
			DROP COLUMN IF EXISTS exec_id,
			DROP COLUMN IF EXISTS order_id,
			DROP COLUMN IF EXISTS trade_kind,
			DROP COLUMN IF EXISTS instrument_key,
			DROP COLUMN IF EXISTS exact_quantity,
			DROP COLUMN IF EXISTS exact_price,
			DROP COLUMN IF EXISTS exact_proceeds,
			DROP COLUMN IF EXISTS exact_commission,
			DROP COLUMN IF EXISTS exact_taxes,
			DROP COLUMN IF EXISTS instrument_currency,
			DROP COLUMN IF EXISTS commission_currency,
			DROP COLUMN IF EXISTS traded_at;
	END IF;
END $$;
-- +goose StatementEnd
