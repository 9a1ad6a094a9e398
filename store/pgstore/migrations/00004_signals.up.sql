-- Which account a signal is for. In production the table may be a compressed hypertable, which
-- takes nullable columns without default and nothing else; see also 00007.

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
		('account_profile_id', 'character varying(50)')
	) AS wanted (name, type)
	JOIN pg_attribute a ON a.attrelid = 'trading.signals'::regclass AND a.attname = wanted.name AND NOT a.attisdropped
	WHERE format_type(a.atttypid, a.atttypmod) <> wanted.type;
	IF clash IS NOT NULL THEN
		RAISE EXCEPTION 'table signals has columns of its own under names that are needed: %', clash
			USING ERRCODE = 'duplicate_column';
	END IF;
END $$;
-- +goose StatementEnd

ALTER TABLE trading.signals
	ADD COLUMN IF NOT EXISTS account_profile_id varchar(50);
