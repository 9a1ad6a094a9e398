package pgstore

import (
	"context"
	"errors"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts/internal/pgschema"
)

// statements are those of the hot paths, prepared where a session is one's own for long enough.
type statements struct {
	entry *statement // append one entry
	fill  *statement // append one entry with its trade and position
	group *statement // append any number of batches
	page  *statement // read entries
	// hintedProfiles and hintedOwners ask for what notifications hint at.
	hintedProfiles, hintedOwners *statement
	// switches makes a profile the owner's active one.
	switches *statement
	// careful is group for what the others fail at: keys and rows that are there already.
	careful *statement
}

type statement struct {
	text     string
	prepared *sqlx.Stmt // nil behind a pooler
}

// prepare returns the statements, prepared where that can be.
func (s *Store) prepare(ctx context.Context) (st statements, err error) {
	st.entry = &statement{text: s.schema.in(singleStatement(false))}
	st.fill = &statement{text: s.schema.in(singleStatement(true))}
	st.group = &statement{text: s.schema.in(groupStatement(false))}
	st.careful = &statement{text: s.schema.in(groupStatement(true))}
	st.page = &statement{text: s.schema.in(pageStatement)}
	st.switches = &statement{text: s.schema.in(switchStatement)}
	st.hintedProfiles = &statement{text: s.schema.in(profilesStatement + ` WHERE p.profile_id = ANY ($1::text[])`)}
	st.hintedOwners = &statement{text: s.schema.in(switchesStatement + ` WHERE owner_id = ANY ($1::text[])`)}
	if s.reads.Pooled {
		return st, nil
	}
	for _, x := range st.all() {
		if x.prepared, err = s.db.PreparexContext(ctx, x.text); err != nil {
			return st, errors.Join(err, st.close())
		}
	}
	if ctx.Err() != nil { // the caller has left, and nobody else closes them
		return st, errors.Join(ctx.Err(), st.close())
	}
	return st, nil
}

func (st *statements) all() []*statement {
	return []*statement{st.entry, st.fill, st.group, st.careful, st.page, st.switches, st.hintedProfiles, st.hintedOwners}
}

func (st *statements) close() error {
	var errs []error
	for _, x := range st.all() {
		if x != nil && x.prepared != nil {
			errs = append(errs, x.prepared.Close())
		}
	}
	return errors.Join(errs...)
}

// query runs a statement and calls each with what scans every row.
func (s *Store) query(ctx context.Context, st *statement, each func(scan func(...any) error) error, args ...any) error {
	if st.prepared != nil {
		rows, err := st.prepared.QueryxContext(ctx, args...)
		return eachRow(rows, err, each)
	}
	return pgschema.OneSession(ctx, s.db, s.reads.Pooled, func(q querier) error {
		rows, err := q.QueryxContext(ctx, st.text, args...)
		return eachRow(rows, err, each)
	})
}

// affect runs a statement on the pool, or in a transaction of a pooler's, and returns how many rows
// it affected.
func (st *statement) affect(ctx context.Context, q querier, args []any) (int64, error) {
	if st.prepared == nil {
		return affectOn(ctx, q, st.text, args)
	}
	result, err := st.prepared.ExecContext(ctx, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

func eachRow(rows *sqlx.Rows, err error, each func(scan func(...any) error) error) error {
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // whatever it could say, Err says
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
