-- The checks hold for what is written from now on. A row that is there keeps nobody from going back.

SET LOCAL lock_timeout = '200ms';

ALTER TABLE trading.positions
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
ALTER TABLE trading.trades
	DROP CONSTRAINT IF EXISTS trades_exact_scale_check,
	ADD CONSTRAINT trades_exact_scale_check CHECK (
		scale(exact_quantity) <= 19
		AND scale(exact_price) <= 19
		AND scale(exact_proceeds) <= 19
		AND scale(exact_commission) <= 19
		AND scale(exact_taxes) <= 19
	) NOT VALID;
