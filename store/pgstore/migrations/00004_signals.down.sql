SET LOCAL lock_timeout = '200ms';

ALTER TABLE trading.signals
	DROP COLUMN IF EXISTS account_profile_id;
