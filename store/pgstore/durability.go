package pgstore

import (
	"context"
	"fmt"

	"github.com/ai-ots/accounts"
)

// ErrNotSynchronous is returned by a store with RequireSynchronous where the server does not wait
// for as many synchronous standbys, or does not have them. The call wrote nothing, unless the error
// is accounts.ErrOutcomeUnknown too.
var ErrNotSynchronous = fmt.Errorf("%w: server does not wait for the standbys required", accounts.ErrUnavailable)

// RequireSynchronous has the store accept only a server whose commits wait until n synchronous
// standbys have flushed them to disk: what was acknowledged then survives the loss of any n
// servers, if what takes the primary's place is one of those standbys. Without the option, and with
// 0, nothing is required. accounts.ErrInvalid from New and Open for a negative number.
//
// A server waits for n standbys when synchronous_commit is on or remote_apply in the store's
// sessions (remote_write does not wait for the disk; local and off wait for no standby) and
// synchronous_standby_names asks for n or more: "a, b" for 1, "FIRST 2 (a, b, c)" and "ANY 2 (a, b,
// c)" for 2. A server waits for as long as they are away.
//
// What is checked, and when:
//   - Every append, every Lease and every switch to a profile, in the statement that writes, and
//     of an append by COPY in the transaction that writes: both settings, as they are in the session
//     just then. A promoted server that waits for nobody, and one whose settings were changed, accepts
//     no append and no switch and gives no lease: ErrNotSynchronous, and nothing was written.
//   - Other writes (profiles, checkpoints, EndLease), just before: both settings, in a statement of their own.
//   - New, Open and Ping: besides, whether pg_stat_replication has n synchronous standbys that stream.
//     An append to a server that waits for standbys that are away hangs until they are back. The store's
//     role needs pg_read_all_stats (or pg_monitor) to see standbys; ErrNotSynchronous without it.
//
// What is not checked: a setting that is changed while a commit waits. PostgreSQL acknowledges
// every commit that waits when synchronous_standby_names becomes empty, as Patroni does without
// synchronous_mode_strict. fsync is not checked; see Store.Durability.
func RequireSynchronous(n int) Option { return func(c *config) { c.standbys = n } }

// Durability is what a server promises of a commit that it acknowledges.
type Durability struct {
	// SynchronousCommit is synchronous_commit in the store's sessions: "on", "remote_apply",
	// "remote_write", "local" or "off". With "off" a crash loses what was acknowledged last.
	SynchronousCommit string
	// Fsync and FullPageWrites are the settings of these names. Without either, a crash of the
	// machine can damage everything.
	Fsync, FullPageWrites bool
	// WaitsFor is how many standbys must have flushed a commit before it is acknowledged; 0 where
	// SynchronousCommit is neither "on" nor "remote_apply".
	WaitsFor int
	// Standbys is how many synchronous standbys stream now, or candidates for that where any of
	// several will do; -1 where the store's role may not see them, for want of pg_read_all_stats.
	Standbys int
	// InRecovery says that the server is a standby, or recovers a backup: it takes no writes.
	InRecovery bool
	// Timeline is the number of the history that the server writes, which grows with every
	// promotion; of a server in recovery that of its last restart point, which may be behind. 0
	// where the server does not tell; see RequireTimeline.
	Timeline int64
}

// waitsFor is an expression: how many standbys a commit of the session waits for until they have
// flushed it. A list of names without a number asks for one of them.
const waitsFor = `CASE WHEN current_setting('synchronous_commit') NOT IN ('on', 'remote_apply') THEN 0
	ELSE coalesce(
		(regexp_match(current_setting('synchronous_standby_names'), '^\s*(?:(?:first|any)\s+)?(\d+)\s*\(', 'i'))[1]::bigint,
		(btrim(current_setting('synchronous_standby_names')) <> '')::int)
	END`

// Durability asks the server what it promises now. The answer is of one moment and one session of
// the pool: after a failover, and after a change of the settings, it is another. It may be written
// down, and its Timeline given to the next process; see RequireTimeline.
func (s *Store) Durability(ctx context.Context) (Durability, error) {
	if err := s.ready(ctx); err != nil {
		return Durability{}, err
	}
	d, err := s.durability(ctx)
	return d, s.failed(ctx, err, "ask what the server promises")
}

func (s *Store) durability(ctx context.Context) (Durability, error) {
	timeline := `0`
	if s.timeline.told() {
		timeline = `CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint()) ELSE ` + timelineNow + ` END`
	}
	row, err := get[struct {
		Commit     string `db:"synchronous_commit"`
		Fsync      bool   `db:"fsync"`
		Pages      bool   `db:"full_page_writes"`
		WaitsFor   int    `db:"waits_for"`
		Standbys   int    `db:"standbys"`
		Hidden     int    `db:"hidden"`
		InRecovery bool   `db:"in_recovery"`
		Timeline   int64  `db:"timeline"`
	}](ctx, s, `
		SELECT current_setting('synchronous_commit') AS synchronous_commit, current_setting('fsync')::bool AS fsync,
			current_setting('full_page_writes')::bool AS full_page_writes, `+waitsFor+` AS waits_for,
			count(*) FILTER (WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum')) AS standbys,
			count(pid) FILTER (WHERE state IS NULL) AS hidden,
			pg_is_in_recovery() AS in_recovery, `+timeline+` AS timeline
		FROM pg_stat_replication`)
	if err != nil {
		return Durability{}, err
	}
	if row.Hidden > 0 {
		row.Standbys = -1
	}
	return Durability{SynchronousCommit: row.Commit, Fsync: row.Fsync, FullPageWrites: row.Pages, WaitsFor: row.WaitsFor,
		Standbys: row.Standbys, InRecovery: row.InRecovery, Timeline: row.Timeline}, nil
}

// requireStandbys returns ErrNotSynchronous where the server lacks the standbys that the store
// requires.
func (s *Store) requireStandbys(ctx context.Context) error {
	if s.standbys == 0 {
		return nil
	}
	d, err := s.durability(ctx)
	switch {
	case err != nil:
		return err
	case d.InRecovery:
		return fmt.Errorf("%w: the server is a standby itself", ErrNotSynchronous)
	case d.WaitsFor < s.standbys:
		return waitsForFewer(d.WaitsFor, s.standbys)
	case d.Standbys < 0:
		return fmt.Errorf("%w: the store's role does not see standbys: grant it pg_read_all_stats", ErrNotSynchronous)
	case d.Standbys < s.standbys:
		return fmt.Errorf("%w: %d of the %d synchronous standbys required are there", ErrNotSynchronous, d.Standbys, s.standbys)
	}
	return nil
}

func waitsForFewer(n, wanted int) error {
	return fmt.Errorf("%w: commits wait for %d of %d: see synchronous_commit and synchronous_standby_names", ErrNotSynchronous, n, wanted)
}

// checkRequirements returns ErrInvalid for what no server could be asked for.
func (c *config) checkRequirements() error {
	if c.standbys < 0 {
		return fmt.Errorf("%w: %d synchronous standbys required", accounts.ErrInvalid, c.standbys)
	}
	if c.oldest < 0 {
		return fmt.Errorf("%w: timeline %d required", accounts.ErrInvalid, c.oldest)
	}
	return nil
}
