-- What later scripts of that system add to positions.
ALTER TABLE trading.positions ADD CONSTRAINT check_quantity_not_zero CHECK (quantity <> 0);
ALTER TABLE trading.positions ADD CONSTRAINT check_entry_price_positive CHECK (entry_price > 0);
CREATE INDEX idx_positions_user_symbol ON trading.positions (user_id, symbol);
