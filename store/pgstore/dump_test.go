package pgstore

import "testing"

// dump returns everything that the schema holds, but for rows, in a form that can be compared. It asks
// the catalogs: pg_dump refuses servers that are newer than itself.
func dump(t testing.TB, dsn, schema string) string {
	t.Helper()
	return value[string](t, open(t, "postgres", dsn), dumpStatement, schema)
}

// dumpStatement numbers columns as they stand, without those that were dropped. Names of constraints
// that a column is not null, which PostgreSQL 18 has, are no more than an echo of that.
const dumpStatement = `
WITH class AS (
	SELECT c.oid, c.relkind, c.relname, n.nspname || '.' || c.relname AS name
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1
), line (text) AS (
	SELECT concat_ws(' ', 'class', relkind, name, obj_description(oid, 'pg_class'), pg_get_viewdef(oid)) FROM class
	UNION ALL
	SELECT concat_ws(' ', 'column', c.name, row_number() OVER (PARTITION BY c.oid ORDER BY a.attnum), a.attname,
		format_type(a.atttypid, a.atttypmod), CASE WHEN a.attnotnull THEN 'not null' END, a.attidentity, a.attgenerated,
		pg_get_expr(d.adbin, d.adrelid), col_description(c.oid, a.attnum))
	FROM class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
	LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
	UNION ALL
	SELECT concat_ws(' ', 'constraint', c.name, k.conname, pg_get_constraintdef(k.oid), k.convalidated)
	FROM class c JOIN pg_constraint k ON k.conrelid = c.oid WHERE k.contype <> 'n'
	UNION ALL
	SELECT concat_ws(' ', 'index', pg_get_indexdef(i.indexrelid), i.indisvalid)
	FROM class c JOIN pg_index i ON i.indrelid = c.oid
	UNION ALL
	SELECT concat_ws(' ', 'trigger', pg_get_triggerdef(g.oid), g.tgenabled)
	FROM class c JOIN pg_trigger g ON g.tgrelid = c.oid WHERE NOT g.tgisinternal
	UNION ALL
	SELECT concat_ws(' ', 'sequence', $1 || '.' || q.sequencename, q.data_type, q.start_value, q.increment_by, q.cycle)
	FROM pg_sequences q WHERE q.schemaname = $1
	UNION ALL
	SELECT concat_ws(' ', 'function', pg_get_functiondef(f.oid))
	FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace WHERE n.nspname = $1
	UNION ALL
	SELECT concat_ws(' ', 'type', y.typname, y.typtype, (SELECT string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder) FROM pg_enum e WHERE e.enumtypid = y.oid))
	FROM pg_type y JOIN pg_namespace n ON n.oid = y.typnamespace WHERE n.nspname = $1 AND y.typcategory <> 'A'
)
SELECT coalesce(string_agg(text, E'\n' ORDER BY text COLLATE "C"), '') FROM line`
