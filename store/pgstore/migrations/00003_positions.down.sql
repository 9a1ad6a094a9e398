SET LOCAL lock_timeout = '200ms';

ALTER TABLE trading.positions
	DROP COLUMN IF EXISTS account_profile_id,
	DROP COLUMN IF EXISTS instrument_key,
	DROP COLUMN IF EXISTS journal_seq,
	DROP COLUMN IF EXISTS exact_quantity,
	DROP COLUMN IF EXISTS exact_basis,
	DROP COLUMN IF EXISTS exact_realized,
	DROP COLUMN IF EXISTS exact_realized_base,
	DROP COLUMN IF EXISTS exact_unconverted,
	DROP COLUMN IF EXISTS exact_commissions,
	DROP COLUMN IF EXISTS exact_taxes,
	DROP COLUMN IF EXISTS instrument_currency,
	DROP COLUMN IF EXISTS last_trade_at,
	DROP COLUMN IF EXISTS last_close_at;
