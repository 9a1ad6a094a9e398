package pgstore

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/ai-ots/accounts"
)

// ErrTimeline is returned where a server is of an earlier timeline than the store has seen, or than
// RequireTimeline names: an old primary that is back and accepts writes that no other server will
// have, or a restored backup. The call wrote nothing, unless the error is
// accounts.ErrOutcomeUnknown too.
var ErrTimeline = fmt.Errorf("%w: server is of an earlier timeline", accounts.ErrUnavailable)

// RequireTimeline names the timeline that a server must have reached: Durability.Timeline, as
// another process or an earlier run last knew it. 0, as without the option, requires none.
// accounts.ErrInvalid from New and Open for a negative number.
//
// PostgreSQL begins a timeline with every promotion and numbers them upwards. A store remembers the
// highest that it has seen, and refuses a server of a lower one with ErrTimeline:
//   - Every append, every Lease and every switch to a profile, in the statement that writes, and of
//     an append by COPY in the transaction that writes.
//   - Other writes (profiles, checkpoints, EndLease), just before, in a statement of their own.
//   - Store.Entries, where the journal is shorter than the caller knows.
//   - New, Open and Ping.
//
// An append, a Lease or a switch on a higher timeline is tried again once the store has learnt of
// it.
//
// What is known is in memory, and the caller's to keep beyond the process: a row in the database
// would be on the old primary too, with the old number. A new process on an old primary notices
// nothing unless RequireTimeline tells it. Nor does a process that has not seen the new primary.
// Two servers that were both promoted from one timeline may have the same number: journals tell
// them apart, by their hashes. Fencing the old primary is left to what manages the servers.
//
// A connection of the pool to the old primary stays open until that primary closes it, and what is
// appended through it is refused until then: limit how long connections live (SetConnMaxLifetime).
//
// Some hosted databases do not tell their timeline: then nothing is guarded, Durability.Timeline is
// 0, and RequireTimeline is ErrTimeline.
func RequireTimeline(number int64) Option { return func(c *config) { c.oldest = number } }

// timelineNow is an expression: the timeline that the server writes. It fails in recovery. Both
// functions read the server's memory; pg_control_checkpoint is behind after a promotion.
const timelineNow = `('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint`

// admitted is the condition under which a batch is appended, on columns of the source batch: the
// server writes the timeline that the store knows, and waits for as many standbys as the store
// requires. Not asked where the column is 0. The expressions are sub-selects of their own so that
// they are evaluated once a statement.
func admitted(batch string) string {
	return `
		CASE WHEN ` + batch + `.timeline = 0 THEN true ELSE ` + batch + `.timeline = (SELECT ` + timelineNow + `) END
		AND CASE WHEN ` + batch + `.standbys = 0 THEN true ELSE ` + batch + `.standbys <= (SELECT ` + waitsFor + `) END`
}

// isOfServer reports whether the error says that the server is not admitted.
func isOfServer(err error) bool {
	return errors.Is(err, ErrTimeline) || errors.Is(err, ErrNotSynchronous)
}

const (
	timelineUntold  = 0  // the server does not tell
	timelineUnknown = -1 // it will: it is in recovery
)

// timeline is the highest timeline that a store has seen.
type timeline struct{ highest atomic.Int64 }

// told reports whether the server tells its timeline.
func (t *timeline) told() bool { return t.highest.Load() != timelineUntold }

// see learns a server's timeline. ErrTimeline where that is lower than the highest.
func (t *timeline) see(number int64) error {
	for {
		highest := t.highest.Load()
		switch {
		case number == timelineUnknown, number == highest:
			return nil
		case number < highest:
			return fmt.Errorf("%w: %d, and %d is known", ErrTimeline, number, highest)
		case t.highest.CompareAndSwap(highest, number):
			return nil
		}
	}
}

// serverNow is what a server is asked before the store writes to it.
type serverNow struct {
	Timeline int64 `db:"timeline"`
	WaitsFor int   `db:"waits_for"`
}

// begin asks the server for the first time.
func (s *Store) begin(ctx context.Context) error {
	s.timeline.highest.Store(timelineUnknown)
	if s.oldest > 0 {
		s.timeline.highest.Store(s.oldest)
	}
	now, err := s.askServer(ctx)
	if hasState(err, featureNotSupported, insufficientPrivilege, undefinedFunction) {
		now.Timeline, err = timelineUntold, nil
	}
	switch {
	case err != nil:
		return err
	case now.Timeline == timelineUntold && s.oldest > 0:
		return fmt.Errorf("%w than %d, or does not tell", ErrTimeline, s.oldest)
	case now.Timeline == timelineUntold:
		s.timeline.highest.Store(timelineUntold)
	default:
		err = s.timeline.see(now.Timeline)
	}
	if err == nil {
		err = s.requireStandbys(ctx)
	}
	return err
}

// askServer asks a server of the pool. Its Timeline is one of the constants above where it is not
// known.
func (s *Store) askServer(ctx context.Context) (serverNow, error) {
	timeline := `0`
	if s.timeline.told() {
		timeline = `CASE WHEN pg_is_in_recovery() THEN -1 ELSE ` + timelineNow + ` END`
	}
	return get[serverNow](ctx, s, `SELECT `+timeline+` AS timeline, `+waitsFor+` AS waits_for`)
}

// admit returns why the store writes nothing to the server: ErrTimeline or ErrNotSynchronous. It
// learns the server's timeline.
func (s *Store) admit(ctx context.Context) error {
	if !s.timeline.told() && s.standbys == 0 {
		return nil
	}
	now, err := s.askServer(ctx)
	if err == nil && s.timeline.told() {
		err = s.timeline.see(now.Timeline)
	}
	if err == nil && now.WaitsFor < s.standbys {
		err = waitsForFewer(now.WaitsFor, s.standbys)
	}
	return err
}

// recheck is for Ping: it returns why the store does not work with the server.
func (s *Store) recheck(ctx context.Context) error {
	if err := s.sameHistory(ctx); err != nil {
		return err
	}
	return s.requireStandbys(ctx)
}

// sameHistory returns ErrTimeline where the server is of an earlier timeline, and learns a later
// one.
func (s *Store) sameHistory(ctx context.Context) error {
	if !s.timeline.told() {
		return nil
	}
	now, err := s.askServer(ctx)
	if err != nil {
		return err
	}
	return s.timeline.see(now.Timeline)
}
