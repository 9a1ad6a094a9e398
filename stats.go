package accounts

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/ai-ots/accounts/internal/wire"
)

// Stats are a manager's figures, for metrics and health pages: of everybody's profiles, whatever
// the owner. Counters count from New on and never go down; gauges are as of the call. The figures
// are not all of the same instant. Stats tell no amount and no id.
type Stats struct {
	Portfolios      int64 `json:"portfolios"`        // gauge: how many are open
	Opening         int64 `json:"opening"`           // gauge: how many are being opened
	OpenFailures    int64 `json:"open_failures"`     // openings that failed
	WatchRestarts   int64 `json:"watch_restarts"`    // broken watches on the store taken up again
	WatchFailures   int64 `json:"watch_failures"`    // tries to take up a watch again that failed
	CatchUpFailures int64 `json:"catch_up_failures"` // tries to follow other processes that failed
	HookFailures    int64 `json:"hook_failures"`     // OnSwitch hooks that returned an error
	ObserverPanics  int64 `json:"observer_panics"`   // of observers and of the logger's handler
	Activity              // of all portfolios together, and the manager's own calls to the store
}

// PortfolioStats are the figures of one portfolio; see Stats.
type PortfolioStats struct {
	ProfileID ProfileID `json:"profile_id"`
	Seq       int64     `json:"seq"` // gauge: the last entry in the book
	Activity
}

// Activity counts what portfolios do. Waiting is a gauge, everything else a counter.
//
// Entries ÷ Groups is the mean number of entries in an append. A growing Waiting says that more is
// recorded than the store can take; many Conflicts say that several processes write to one profile.
type Activity struct {
	Waiting  int64 `json:"waiting"`  // callers in line behind the group that has its turn
	Commands int64 `json:"commands"` // commands that had their turn, whatever came of them
	Failures int64 `json:"failures"` // of these, with an error; a refused order is none
	GivenUp  int64 `json:"given_up"` // commands whose context ended before their turn came

	Groups       int64 `json:"groups"`       // appends that succeeded, each for one command or several
	Entries      int64 `json:"entries"`      // entries in them
	Restatements int64 `json:"restatements"` // of these, those that restate the book

	Retries    int64 `json:"retries"`    // times that a group was decided again
	Conflicts  int64 `json:"conflicts"`  // appends refused because another process had appended
	Duplicates int64 `json:"duplicates"` // keys in refused appends that the journal had already
	Unknown    int64 `json:"unknown"`    // appends of which it is not known whether they took place

	Checkpoints        int64 `json:"checkpoints"` // checkpoints saved
	CheckpointFailures int64 `json:"checkpoint_failures"`
	CatchUps           int64 `json:"catch_ups"` // readings of what might have been appended elsewhere
	CaughtUp           int64 `json:"caught_up"` // entries found by them

	Store StoreStats `json:"store"`
}

// add adds up the figures of several portfolios.
func (a *Activity) add(b *Activity) {
	a.Waiting += b.Waiting
	a.Commands += b.Commands
	a.Failures += b.Failures
	a.GivenUp += b.GivenUp
	a.Groups += b.Groups
	a.Entries += b.Entries
	a.Restatements += b.Restatements
	a.Retries += b.Retries
	a.Conflicts += b.Conflicts
	a.Duplicates += b.Duplicates
	a.Unknown += b.Unknown
	a.Checkpoints += b.Checkpoints
	a.CheckpointFailures += b.CheckpointFailures
	a.CatchUps += b.CatchUps
	a.CaughtUp += b.CaughtUp
	a.Store.add(&b.Store)
}

// StoreStats are the calls to the store.
type StoreStats struct {
	// Append are the calls to Append and AppendLocked. Those to a store that answers within 50 µs
	// are timed one in 16 times as long as nobody observes, because reading the clock would show;
	// all others always.
	Append CallStats `json:"append"`
	// Entries are the readings of journals, from the first entry to the last that was wanted, with
	// what the reader did in between. The opening of a portfolio is among them.
	Entries    CallStats `json:"entries"`
	Lookup     CallStats `json:"lookup"`
	Checkpoint CallStats `json:"checkpoint"` // Checkpoint and SaveCheckpoint
	Profile    CallStats `json:"profile"`    // everything about profiles and the active one, and Watch
}

func (s *StoreStats) add(b *StoreStats) {
	s.Append.add(b.Append)
	s.Entries.add(b.Entries)
	s.Lookup.add(b.Lookup)
	s.Checkpoint.add(b.Checkpoint)
	s.Profile.add(b.Profile)
}

// CallStats are the calls of one sort. Total ÷ Timed is the mean duration. Durations are text in
// JSON, such as "1.5ms".
type CallStats struct {
	Calls  int64         `json:"calls"`  // calls that ended
	Errors int64         `json:"errors"` // of these, with an error, also one like ErrNoCheckpoint
	Timed  int64         `json:"timed"`  // of these, those that were timed
	Total  time.Duration `json:"total"`  // of those that were timed
	Max    time.Duration `json:"max"`    // the longest of those that were timed, since New
}

// callStats is CallStats with its durations as JSON has them.
type callStats struct {
	Calls  int64         `json:"calls"`
	Errors int64         `json:"errors"`
	Timed  int64         `json:"timed"`
	Total  wire.Duration `json:"total"`
	Max    wire.Duration `json:"max"`
}

// MarshalJSON writes durations as text.
func (s CallStats) MarshalJSON() ([]byte, error) {
	return json.Marshal(callStats{s.Calls, s.Errors, s.Timed, wire.Duration(s.Total), wire.Duration(s.Max)})
}

// UnmarshalJSON reads what MarshalJSON writes.
func (s *CallStats) UnmarshalJSON(data []byte) error {
	var c callStats
	if err := json.Unmarshal(data, &c); err != nil {
		return err
	}
	*s = CallStats{c.Calls, c.Errors, c.Timed, time.Duration(c.Total), time.Duration(c.Max)}
	return nil
}

func (s *CallStats) add(b CallStats) {
	s.Calls += b.Calls
	s.Errors += b.Errors
	s.Timed += b.Timed
	s.Total += b.Total
	s.Max = max(s.Max, b.Max)
}

const (
	// sampled is how many appends to a quick store there are to each that is timed.
	sampled = 16
	// quick is the duration below which reading the clock twice would show.
	quick = 50 * time.Microsecond
)

// meter counts calls of one sort.
type meter struct {
	calls, errors, timed, total, longest atomic.Int64
	slow                                 atomic.Bool // the last that was timed took long
}

// due reports whether the next call is to be timed.
func (m *meter) due() bool { return m.slow.Load() || m.calls.Load()%sampled == 0 }

// count counts a call that ended.
func (m *meter) count(err error) {
	m.calls.Add(1)
	if err != nil {
		m.errors.Add(1)
	}
}

// time takes the duration of a call.
func (m *meter) time(d time.Duration) {
	m.slow.Store(d >= quick)
	m.timed.Add(1)
	m.total.Add(int64(d))
	m.raise(int64(d))
}

func (m *meter) raise(d int64) {
	for {
		longest := m.longest.Load()
		if d <= longest || m.longest.CompareAndSwap(longest, d) {
			return
		}
	}
}

func (m *meter) stats() CallStats {
	return CallStats{
		Calls: m.calls.Load(), Errors: m.errors.Load(), Timed: m.timed.Load(),
		Total: time.Duration(m.total.Load()), Max: time.Duration(m.longest.Load()),
	}
}

// add takes over what another meter counted.
func (m *meter) add(b *meter) {
	m.calls.Add(b.calls.Load())
	m.errors.Add(b.errors.Load())
	m.timed.Add(b.timed.Load())
	m.total.Add(b.total.Load())
	m.raise(b.longest.Load())
}

// meters are the calls of one portfolio or of a manager, so that portfolios do not contend for
// them.
type meters struct{ append, entries, lookup, checkpoint, profile meter }

func (m *meters) stats() StoreStats {
	return StoreStats{
		Append: m.append.stats(), Entries: m.entries.stats(), Lookup: m.lookup.stats(),
		Checkpoint: m.checkpoint.stats(), Profile: m.profile.stats(),
	}
}

func (m *meters) add(b *meters) {
	m.append.add(&b.append)
	m.entries.add(&b.entries)
	m.lookup.add(&b.lookup)
	m.checkpoint.add(&b.checkpoint)
	m.profile.add(&b.profile)
}

// counters are what a portfolio counts of what happens rarely. What happens with every command is
// counted under locks that are held then anyway: see queue and appends.
type counters struct {
	retries, conflicts, duplicates, unknown atomic.Int64
	checkpoints, checkpointFailures         atomic.Int64
	catchUps, caughtUp, catchUpFailures     atomic.Int64
}

// appends are what a portfolio appended.
type appends struct{ groups, entries, restatements int64 }

// managerCounters are what a manager counts besides.
type managerCounters struct {
	openFailures, watchRestarts, watchFailures, hookFailures atomic.Int64
}

// count counts a command that had its turn.
func (q *queue) count(cmd *command) {
	if cmd.refresh != 0 {
		return
	}
	q.commands++
	if cmd.err != nil {
		q.failures++
	}
}

// countTry counts a try of a group beyond the first, and logs that the group takes the journal's
// lock.
func (p *Portfolio) countTry(ctx context.Context, try int) {
	if try == 1 {
		return
	}
	p.counters.retries.Add(1)
	if try == optimisticTries+1 {
		p.tel.logAt(ctx, slog.LevelWarn, "append was refused again and again, taking the journal's lock", profileAttr(p.id),
			slog.Int64(keySeq, p.live.seq), slog.Int(keyAttempt, try))
	}
}

// notSaved logs that a checkpoint was not saved.
func (p *Portfolio) notSaved(ctx context.Context, err error) {
	p.tel.logAt(ctx, slog.LevelWarn, "checkpoint not saved", profileAttr(p.id),
		slog.Int64(keySeq, p.visible.Load()), errAttr(err))
}

// refused counts an append that the store refused because the journal knows more.
func (p *Portfolio) refused(ctx context.Context, counter *atomic.Int64, n int) {
	counter.Add(int64(n))
	p.tel.logAt(ctx, slog.LevelDebug, "append refused, deciding again", profileAttr(p.id),
		slog.Int64(keySeq, p.live.seq), slog.Bool(keyDuplicate, counter == &p.counters.duplicates))
}

// errPanicked is logged for a panic of the store, or of whatever decides. The panic itself goes on.
var errPanicked = errors.New("panic while recording")

// noteCorrupt logs the first of the errors in a row that tell that the journal is corrupt.
func (p *Portfolio) noteCorrupt(ctx context.Context, err error) {
	if !p.corrupt {
		p.tel.logCorrupt(ctx, p.id, err)
	}
	p.corrupt = errors.Is(err, ErrCorrupt)
}

// outcomeUnknown counts and logs an append that may have taken place.
func (p *Portfolio) outcomeUnknown(ctx context.Context, entries int, err error) {
	p.counters.unknown.Add(1)
	p.tel.logAt(ctx, slog.LevelError, "outcome of an append is unknown", profileAttr(p.id),
		slog.Int64(keySeq, p.live.seq), slog.Int(keyEntries, entries), errAttr(err))
}

// Stats returns the portfolio's figures. Stats does no I/O, and works after Close as well.
func (p *Portfolio) Stats() PortfolioStats {
	s := PortfolioStats{ProfileID: p.id, Seq: p.visible.Load()}
	c := &p.counters
	s.Retries, s.Conflicts = c.retries.Load(), c.conflicts.Load()
	s.Duplicates, s.Unknown = c.duplicates.Load(), c.unknown.Load()
	s.Checkpoints, s.CheckpointFailures = c.checkpoints.Load(), c.checkpointFailures.Load()
	s.CatchUps, s.CaughtUp = c.catchUps.Load(), c.caughtUp.Load()
	s.Store = p.store.met.stats()

	p.queue.mu.Lock()
	s.Waiting = int64(len(p.queue.waiting))
	s.Commands, s.Failures, s.GivenUp = p.queue.commands, p.queue.failures, p.queue.givenUp
	p.queue.mu.Unlock()

	p.mu.RLock()
	w := p.written
	s.Groups, s.Entries, s.Restatements = w.groups, w.entries, w.restatements
	p.mu.RUnlock()
	return s
}

// Stats returns the manager's figures, of all owners' profiles. Stats does no I/O, and works after
// Close as well. Its cost is in proportion to the number of open portfolios.
func (m *MultiAccountManager) Stats() Stats {
	var s Stats
	var open []*Portfolio
	m.mu.Lock()
	for _, slot := range m.portfolios {
		if slot.p != nil {
			open = append(open, slot.p)
		}
	}
	s.Opening = int64(len(m.portfolios) - len(open))
	s.OpenFailures = m.counters.openFailures.Load()
	s.Store = m.store.met.stats()
	m.mu.Unlock()

	s.Portfolios = int64(len(open))
	s.WatchRestarts, s.WatchFailures = m.counters.watchRestarts.Load(), m.counters.watchFailures.Load()
	s.HookFailures, s.ObserverPanics = m.counters.hookFailures.Load(), m.tel.panics.Load()
	for _, p := range open {
		one := p.Stats()
		s.add(&one.Activity)
		s.CatchUpFailures += p.counters.catchUpFailures.Load()
	}
	return s
}
