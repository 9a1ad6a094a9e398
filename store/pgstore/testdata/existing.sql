-- The shared tables as a deployed system has them, with what its later scripts added, and rows.
CREATE SCHEMA trading;
CREATE FUNCTION trading.update_updated_at_column() RETURNS trigger LANGUAGE plpgsql AS
'BEGIN NEW.updated_at = now(); RETURN NEW; END';
CREATE TABLE trading.positions (
	id bigserial PRIMARY KEY,
	user_id varchar(50) NOT NULL,
	symbol varchar(10) NOT NULL,
	position_type varchar(10) NOT NULL CHECK (position_type IN ('STOCK', 'OPTION')),
	side varchar(5) NOT NULL CHECK (side IN ('LONG', 'SHORT')),
	quantity numeric(15,6) NOT NULL,
	entry_price numeric(12,4) NOT NULL,
	current_price numeric(12,4),
	unrealized_pnl numeric(15,4),
	realized_pnl numeric(15,4) DEFAULT 0,
	option_details jsonb,
	opened_at timestamptz NOT NULL DEFAULT now(),
	closed_at timestamptz,
	created_at timestamptz DEFAULT now(),
	updated_at timestamptz DEFAULT now()
);
CREATE TABLE trading.signals (
	id bigserial,
	symbol varchar(10) NOT NULL,
	signal_type varchar(10) NOT NULL CHECK (signal_type IN ('BUY', 'SELL', 'HOLD')),
	confidence numeric(5,4) NOT NULL CHECK (confidence >= 0 AND confidence <= 1),
	target_price numeric(12,4),
	stop_loss numeric(12,4),
	reasoning text,
	model_version varchar(50),
	features jsonb,
	"timestamp" timestamptz NOT NULL DEFAULT now(),
	expires_at timestamptz,
	created_at timestamptz DEFAULT now(),
	updated_at timestamptz DEFAULT now()
);
CREATE TABLE trading.performance_metrics (
	id bigserial,
	user_id varchar(50) NOT NULL,
	metric_name varchar(50) NOT NULL,
	metric_value numeric(15,6) NOT NULL,
	period_start timestamptz NOT NULL,
	period_end timestamptz NOT NULL,
	"timestamp" timestamptz NOT NULL,
	metadata jsonb,
	PRIMARY KEY (id, "timestamp")
);
CREATE TRIGGER update_positions_updated_at BEFORE UPDATE ON trading.positions
	FOR EACH ROW EXECUTE FUNCTION trading.update_updated_at_column();
CREATE TRIGGER update_signals_updated_at BEFORE UPDATE ON trading.signals
	FOR EACH ROW EXECUTE FUNCTION trading.update_updated_at_column();
INSERT INTO trading.positions (user_id, symbol, position_type, side, quantity, entry_price)
	SELECT 'user' || n % 7, 'SYM' || n % 50, 'STOCK', CASE n % 3 WHEN 0 THEN 'SHORT' ELSE 'LONG' END, n, 10 + n / 100.0
	FROM generate_series(1, 2000) n;
INSERT INTO trading.signals (symbol, signal_type, confidence)
	SELECT 'SYM' || n % 50, 'BUY', 0.5 FROM generate_series(1, 2000) n;
