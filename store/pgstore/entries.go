package pgstore

import (
	"context"
	"iter"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgschema"
)

// Pages begin small, as many readers want one entry only, and grow: whoever goes on wants all.
const (
	firstPage = 16
	lastPage  = 2048
)

// Entries implements accounts.Store. It reads page by page and holds no connection while the loop's
// body runs, which may append to the journal it reads. What is yielded is the journal as of the
// beginning of the iteration.
func (s *Store) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	return func(yield func(accounts.Entry, error) bool) {
		if err := s.ready(ctx); err != nil {
			yield(accounts.Entry{}, err)
			return
		}
		last, err := s.head(ctx, id)
		if err == nil && last < after { // the caller knows more than this server has
			err = s.failed(ctx, s.sameHistory(ctx), "read the journal of profile %q", id)
		}
		if err != nil {
			yield(accounts.Entry{}, err)
			return
		}
		s.readPages(ctx, max(after, 0), last, yield, func(after, last int64) ([]accounts.Entry, error) {
			return s.page(ctx, id, after, last)
		})
	}
}

// readPages yields the entries above after, up to and including last, which page reads.
func (s *Store) readPages(
	ctx context.Context, after, last int64, yield func(accounts.Entry, error) bool,
	page func(after, last int64) ([]accounts.Entry, error),
) {
	for size := int64(firstPage); after < last; size = min(4*size, lastPage) {
		entries, err := page(after, min(after+size, last))
		if err != nil {
			yield(accounts.Entry{}, err)
			return
		}
		for i := range entries {
			if err := ctx.Err(); err != nil {
				yield(accounts.Entry{}, err)
				return
			}
			if !yield(entries[i], nil) {
				return
			}
		}
		after = min(after+size, last)
		if err := s.ready(ctx); err != nil && after < last {
			yield(accounts.Entry{}, err)
			return
		}
	}
}

// head returns the last sequence number of the profile's journal. ErrProfileNotFound on a miss.
func (s *Store) head(ctx context.Context, id accounts.ProfileID) (int64, error) {
	last, err := get[int64](ctx, s, `
		SELECT coalesce(h.seq, 0)
		FROM trading.account_profiles p LEFT JOIN trading.journal_heads h USING (profile_id)
		WHERE p.profile_id = $1`, string(id))
	if missing(err) {
		return 0, notFound(id)
	}
	return last, s.failed(ctx, err, "read the journal of profile %q", id)
}

const pageStatement = `
	SELECT seq, kind, key, recorded_at, payload, prev, hash FROM trading.journal_entries
	WHERE profile_id = $1 AND seq > $2 AND seq <= $3 ORDER BY seq`

// page returns the entries above after, up to and including last.
func (s *Store) page(ctx context.Context, id accounts.ProfileID, after, last int64) ([]accounts.Entry, error) {
	page, err := pgschema.Reread(ctx, s.reads, func(ctx context.Context) ([]accounts.Entry, error) {
		page := make([]accounts.Entry, 0, last-after)
		err := s.query(ctx, s.sql.page, func(scan func(...any) error) error {
			e, err := scanEntry(id, scan)
			page = append(page, e)
			return err
		}, string(id), after, last)
		return page, err
	})
	return page, s.failed(ctx, err, "read the journal of profile %q", id)
}

// scanEntry reads a row of pageStatement.
func scanEntry(id accounts.ProfileID, scan func(...any) error) (accounts.Entry, error) {
	e := accounts.Entry{ProfileID: id}
	var (
		at         time.Time
		prev, hash []byte
	)
	if err := scan(&e.Seq, &e.Kind, &e.Key, &at, &e.Payload, &prev, &hash); err != nil {
		return accounts.Entry{}, err
	}
	e.Time = at.UTC()
	copy(e.Prev[:], prev)
	copy(e.Hash[:], hash)
	return e, nil
}
