package pgstore

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-ots/accounts"
)

// leaseStatement returns who has the lease afterwards. The clock is read once the row is locked,
// and once only: a lease that ends between two looks would be taken by halves. A lease that another
// holder has is written as it is, so that its holder is returned as of the same moment.
//
// No row is returned where the server is not admitted: an old primary must not give a lease that
// another has on the new one.
var leaseStatement = `
	INSERT INTO trading.leases AS l (name, holder, fence, ends_at)
	SELECT name, holder, 1, clock_timestamp() + ttl * interval '1 microsecond'
	FROM (VALUES ($1::text, $2::text, $3::bigint, $4::bigint, $5::bigint)) AS asked (name, holder, ttl, timeline, standbys)
	WHERE ` + admitted("asked") + `
	ON CONFLICT (name) DO UPDATE SET (holder, fence, ends_at) = (
		SELECT
			CASE WHEN ended OR own THEN excluded.holder ELSE l.holder END,
			CASE WHEN ended THEN l.fence + 1 ELSE l.fence END,
			CASE WHEN ended OR own THEN greatest(l.ends_at, now + $3::bigint * interval '1 microsecond') ELSE l.ends_at END
		FROM (SELECT now, l.ends_at <= now AS ended, l.holder = excluded.holder AS own
			FROM (SELECT clock_timestamp() AS now OFFSET 0) clock) AS state
	)
	RETURNING holder, fence, greatest(extract(epoch FROM ends_at - clock_timestamp()) * 1000000, 0)::bigint`

// held is an answer to leaseStatement.
type held struct {
	holder string // "" where the server was not admitted
	fence  int64
	left   int64 // in microseconds
}

// Lease implements accounts.LeaseStore. It is one statement, which is refused on a server that
// RequireTimeline or RequireSynchronous does not admit.
func (s *Store) Lease(ctx context.Context, name, holder string, ttl time.Duration) (accounts.Lease, error) {
	if err := s.ready(ctx); err != nil {
		return accounts.Lease{}, err
	}
	if err := accounts.CheckLease(name, holder, ttl); err != nil {
		return accounts.Lease{}, err
	}
	h, err := s.lease(ctx, name, holder, ttl)
	switch {
	case err != nil:
		return accounts.Lease{}, s.failed(ctx, err, "take lease %q for %q", name, holder)
	case h.holder != holder:
		return accounts.Lease{}, &accounts.LeasedError{Name: name, Holder: h.holder, Left: time.Duration(h.left) * time.Microsecond}
	}
	return accounts.Lease{Name: name, Holder: holder, Fence: h.fence}, nil
}

// lease takes the lease, or tells who has it. A statement that was sent again when its connection
// was lost finds the lease that it took before, and renews it. Where a statement returns no row,
// the server is asked why, and not before each.
func (s *Store) lease(ctx context.Context, name, holder string, ttl time.Duration) (held, error) {
	micros := (ttl + time.Microsecond - 1).Microseconds() // rounded up: the holder counts all of it
	for tries := 1; ; tries++ {
		h, sent, err := send(ctx, s, []any{name, holder, micros, s.timeline.highest.Load(), s.standbys},
			func(ctx context.Context, q querier, args []any) (h held, err error) {
				rows, err := q.QueryxContext(ctx, s.schema.in(leaseStatement), args...)
				err = eachRow(rows, err, func(scan func(...any) error) error { return scan(&h.holder, &h.fence, &h.left) })
				return h, err
			})
		switch {
		case err != nil || h.holder != "":
			return h, err
		case sent > 1:
			return h, fmt.Errorf("%w: sent again when the connection was lost, it was refused", accounts.ErrOutcomeUnknown)
		}
		if err := s.admit(ctx); err != nil {
			return h, err
		}
		if tries >= maxTries {
			return h, fmt.Errorf("%w: the server became another one meanwhile", accounts.ErrUnavailable)
		}
		s.retry.Pause(ctx, tries) // the server is another one than the store knew
	}
}

// EndLease implements accounts.LeaseStore. A lease that was ended ends before every clock.
func (s *Store) EndLease(ctx context.Context, l accounts.Lease) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	_, err := s.write(ctx, `UPDATE trading.leases SET ends_at = '-infinity' WHERE name = $1 AND holder = $2 AND fence = $3`,
		l.Name, l.Holder, l.Fence)
	if hasState(err, invalidEncoding) {
		return nil // what no column can hold, nobody has
	}
	return s.failed(ctx, err, "end lease %q of %q", l.Name, l.Holder)
}
