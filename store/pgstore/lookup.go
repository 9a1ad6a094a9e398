package pgstore

import (
	"context"
	"database/sql"
	"strings"
	"unicode/utf8"

	"github.com/ai-ots/accounts"
)

// lookupStatement finds keys in a journal: no row where there is no such profile, a row of NULLs
// where nothing is found. It compares the profile as knownKey does, and for the same reason.
const lookupStatement = `
	SELECT j.key, j.seq
	FROM trading.account_profiles p
	LEFT JOIN trading.journal_entries j
		ON j.key = ANY ($2::text[]) AND j.key <> '' AND j.profile_id || '' = p.profile_id
	WHERE p.profile_id = $1`

// Lookup implements accounts.Store. It is one query, which the index on keys answers.
func (s *Store) Lookup(ctx context.Context, id accounts.ProfileID, keys []string) (map[string]int64, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	rows, err := list[struct {
		Key sql.NullString `db:"key"`
		Seq sql.NullInt64  `db:"seq"`
	}](ctx, s, lookupStatement, string(id), textArray(storable(keys)))
	if err != nil && !missing(err) {
		return nil, s.failed(ctx, err, "look up keys in the journal of profile %q", id)
	}
	if len(rows) == 0 {
		return nil, notFound(id)
	}
	found := make(map[string]int64, len(rows))
	for _, r := range rows {
		if r.Key.Valid {
			found[r.Key.String] = r.Seq.Int64
		}
	}
	return found, nil
}

// storable returns the keys that a column can hold. No journal has any other.
func storable(keys []string) []string {
	out := make([]string, 0, len(keys))
	for _, key := range keys {
		if utf8.ValidString(key) && !strings.Contains(key, "\x00") {
			out = append(out, key)
		}
	}
	return out
}
