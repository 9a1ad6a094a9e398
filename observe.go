package accounts

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"regexp"
	"strings"
	"sync/atomic"
	"time"
)

// The keys of what is logged besides time, level and message.
const (
	keyProfile   = "profile"   // the profile's id
	keySeq       = "seq"       // a sequence number of the profile's journal
	keyErr       = "err"       // the text of an error
	keyAttempt   = "attempt"   // how often it was tried
	keyEntries   = "entries"   // how many entries
	keyDuplicate = "duplicate" // the journal had a key already; else it had moved on
	keyHook      = "hook"      // the number of an OnSwitch hook, from 1 on
	keyUndo      = "undo"      // the hook was called the other way around
)

// logAt writes one line. A handler that panics must not take down whom others wait for.
func (t *telemetry) logAt(ctx context.Context, level slog.Level, text string, attrs ...slog.Attr) {
	defer func() {
		if recover() != nil {
			t.panics.Add(1)
		}
	}()
	t.log.LogAttrs(ctx, level, text, attrs...)
}

// panicked counts an observer's panic, and logs the first: it will panic at every call.
func (t *telemetry) panicked(ctx context.Context, value any) {
	t.panics.Add(1)
	if t.told.CompareAndSwap(false, true) {
		t.logAt(ctx, slog.LevelError, "observer panicked",
			slog.String(keyErr, harmless(textOf(value))))
	}
}

// textOf is a panic's value as text, and its type where the value cannot be printed.
func textOf(value any) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("%T", value)
		}
	}()
	return fmt.Sprint(value)
}

func profileAttr(id ProfileID) slog.Attr { return slog.String(keyProfile, string(id)) }

// errAttr is an error as it is logged.
func errAttr(err error) slog.Attr {
	if errors.Is(err, ErrCorrupt) { // the reason may quote a payload
		err = ErrCorrupt
	}
	return slog.String(keyErr, harmless(err.Error()))
}

// accountText finds what looks like a broker's account id in a text. The id may stand inside a
// longer word. A UUID, which the library's own ids are, is found as a whole: parts of it can look
// like one.
var accountText = regexp.MustCompile(`(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|D?[UFI][0-9]{3}[0-9A-Z]*`)

// harmless is a text of a store's or a hook's without account ids, and of limited length.
func harmless(text string) string {
	const most = 1000
	text = accountText.ReplaceAllStringFunc(text, func(found string) string {
		if strings.Contains(found, "-") {
			return found
		}
		return "(account)"
	})
	if len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// seqOf is the entry that an ErrCorrupt is about, 0 if it does not say.
func seqOf(err error) int64 {
	var corrupt *CorruptError
	if errors.As(err, &corrupt) {
		return corrupt.Seq
	}
	return 0
}

// logCorrupt logs that a journal cannot be trusted, where that is what the error says.
func (t *telemetry) logCorrupt(ctx context.Context, id ProfileID, err error) {
	if errors.Is(err, ErrCorrupt) {
		t.logAt(ctx, slog.LevelError, "journal is corrupt", profileAttr(id),
			slog.Int64(keySeq, seqOf(err)), errAttr(err))
	}
}

// tryLevel is the level for the nth failure in a row of what is tried for ever: the first counts.
func tryLevel(attempt int) slog.Level {
	if attempt == 1 {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// Observer is told what a manager and its portfolios do, as it is done: the place for an adapter to
// a system of metrics or traces. See WithObserver.
//
// Observe is called from many goroutines at once, and by the goroutine that did the work, right
// after the work: on one goroutine, the calls to the store come before the command that made them.
// A goroutine may append for other callers, who wait meanwhile. Observe must not block, and must
// call neither a method of the store nor any of the manager or a portfolio but Stats: a command
// that is recorded from within Observe would wait for itself.
//
// The context is the one that the work was done under, so that a span has its parent and an
// exemplar its trace. It may have ended. Where commands of several callers are appended together,
// the store is called with the values of the first caller's context.
//
// A panic of Observe is caught. The first is logged, and all are counted in Stats.ObserverPanics.
type Observer interface {
	Observe(ctx context.Context, o Observation)
}

// ObservationKind says what sort of work an Observation is about.
type ObservationKind string

// The kinds of observation. Others may be added: an Observer ignores those that it does not know.
const (
	// ObservedStore is one call to the store. Op is "append", "append_locked", "entries", "lookup",
	// "checkpoint", "save_checkpoint", "profile", "profiles", "create_profile", "update_profile",
	// "active_profile", "set_active_profile" or "watch".
	ObservedStore ObservationKind = "store"
	// ObservedCommand is one command of a portfolio, with the time that it waited for its turn. Op
	// is "record", "record_equity", "reserve", "route", "release", "state", "policy", "access" (to
	// credentials) or "catch_up". An order that is refused is no error of the command.
	ObservedCommand ObservationKind = "command"
	// ObservedOpen is the opening of a portfolio, for all who wait for it. Op is "open".
	ObservedOpen ObservationKind = "open"
	// ObservedHook is one call of an OnSwitch hook. Op is "switch" or "undo", Count the hook's
	// number, and ProfileID the profile that the hook was to make active. A hook that panics is
	// not observed.
	ObservedHook ObservationKind = "hook"
)

// Observation is one piece of work that has ended. An Observation carries neither a secret nor an
// amount of its own. The text of Err may tell amounts, and the ids of accounts and facts: Err is
// what the caller gets.
type Observation struct {
	Kind      ObservationKind
	Op        string
	ProfileID ProfileID     // empty for calls to the store that are about no single profile
	Begin     time.Time     // by the process's own clock, whatever WithClock says
	Duration  time.Duration // for "entries" with what the reader did between two entries
	Count     int           // entries appended or read, keys looked up, facts of a command
	Err       error         // nil if the work succeeded
}

// telemetry is what a manager and its portfolios tell of themselves with. Log and observe are
// called with no lock held: what they call may ask for Stats.
type telemetry struct {
	log       *slog.Logger
	observers []Observer
	now       func() time.Time // time.Now but in tests; WithClock has no say in how long things take
	panics    atomic.Int64     // of observers and log handlers
	told      atomic.Bool      // a panic of an observer was logged
}

func newTelemetry() *telemetry {
	return &telemetry{log: slog.New(slog.DiscardHandler), now: time.Now}
}

// observed reports whether anybody wants observations.
func (t *telemetry) observed() bool { return len(t.observers) > 0 }

// begin starts an observation.
func (t *telemetry) begin(kind ObservationKind, op string, id ProfileID) Observation {
	return Observation{Kind: kind, Op: op, ProfileID: id, Begin: t.now()}
}

// end completes an observation and tells every observer.
func (t *telemetry) end(ctx context.Context, o *Observation) {
	o.Duration = t.now().Sub(o.Begin)
	for _, observer := range t.observers {
		t.tell(ctx, observer, *o)
	}
}

// tell calls one observer. One that panics must not take down a leader that others wait for.
func (t *telemetry) tell(ctx context.Context, observer Observer, o Observation) {
	defer func() {
		if r := recover(); r != nil {
			t.panicked(ctx, r)
		}
	}()
	observer.Observe(ctx, o)
}

// op names the command for observers.
func (cmd *command) op() string {
	switch cmd.task.(type) {
	case *reservation:
		return "reserve"
	case *routing:
		return "route"
	case *dispatching:
		return "dispatch"
	case *releasing:
		return "release"
	case *changing:
		return "state"
	case policing:
		return "policy"
	case *CredentialAccess:
		return "access"
	}
	switch {
	case cmd.refresh > 0:
		return "catch_up"
	case cmd.judged:
		return "record_equity"
	}
	return "record"
}

// observedStore is a store that counts and times its calls, and tells observers of them.
type observedStore struct {
	Store
	tel *telemetry
	met *meters
}

// end completes a call.
func (s *observedStore) end(ctx context.Context, m *meter, call *Observation) {
	s.tel.end(ctx, call)
	m.time(call.Duration)
	m.count(call.Err)
}

// call starts the observation of a call.
func (s *observedStore) call(op string, id ProfileID) Observation {
	return s.tel.begin(ObservedStore, op, id)
}

// Append implements Store. Calls that are known to be quick are timed only now and then: reading
// the clock twice would show.
func (s *observedStore) Append(ctx context.Context, b Batch) error {
	m := &s.met.append
	if !s.tel.observed() && !m.due() {
		err := s.Store.Append(ctx, b)
		m.count(err)
		return err
	}
	call := s.call("append", b.ProfileID)
	call.Count = len(b.Entries)
	call.Err = s.Store.Append(ctx, b)
	s.end(ctx, m, &call)
	return call.Err
}

// AppendLocked implements Store. What is timed includes waiting for the lock, and deciding.
func (s *observedStore) AppendLocked(
	ctx context.Context, id ProfileID, after int64, decide func(iter.Seq2[Entry, error]) (Batch, error),
) error {
	call := s.call("append_locked", id)
	call.Err = s.Store.AppendLocked(ctx, id, after, func(tail iter.Seq2[Entry, error]) (Batch, error) {
		b, err := decide(tail)
		call.Count = len(b.Entries)
		return b, err
	})
	s.end(ctx, &s.met.append, &call)
	return call.Err
}

// Entries implements Store. What is timed is the whole iteration.
func (s *observedStore) Entries(
	ctx context.Context, id ProfileID, after int64,
) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		call := s.call("entries", id)
		for e, err := range s.Store.Entries(ctx, id, after) {
			if err != nil {
				call.Err = err
			} else {
				call.Count++
			}
			if !yield(e, err) {
				break
			}
		}
		s.end(ctx, &s.met.entries, &call)
	}
}

// Lookup implements Store.
func (s *observedStore) Lookup(
	ctx context.Context, id ProfileID, keys []string,
) (map[string]int64, error) {
	call := s.call("lookup", id)
	call.Count = len(keys)
	found, err := s.Store.Lookup(ctx, id, keys)
	call.Err = err
	s.end(ctx, &s.met.lookup, &call)
	return found, err
}

// SaveCheckpoint implements Store.
func (s *observedStore) SaveCheckpoint(ctx context.Context, c Checkpoint) error {
	call := s.call("save_checkpoint", c.ProfileID)
	call.Err = s.Store.SaveCheckpoint(ctx, c)
	s.end(ctx, &s.met.checkpoint, &call)
	return call.Err
}

// Checkpoint implements Store.
func (s *observedStore) Checkpoint(ctx context.Context, id ProfileID, upTo int64) (Checkpoint, error) {
	call := s.call("checkpoint", id)
	c, err := s.Store.Checkpoint(ctx, id, upTo)
	call.Err = err
	s.end(ctx, &s.met.checkpoint, &call)
	return c, err
}

// CreateProfile implements Store.
func (s *observedStore) CreateProfile(ctx context.Context, p AccountProfile) error {
	call := s.call("create_profile", p.ID)
	call.Err = s.Store.CreateProfile(ctx, p)
	s.end(ctx, &s.met.profile, &call)
	return call.Err
}

// UpdateProfile implements Store.
func (s *observedStore) UpdateProfile(ctx context.Context, p AccountProfile) error {
	call := s.call("update_profile", p.ID)
	call.Err = s.Store.UpdateProfile(ctx, p)
	s.end(ctx, &s.met.profile, &call)
	return call.Err
}

// Profile implements Store.
func (s *observedStore) Profile(ctx context.Context, id ProfileID) (AccountProfile, error) {
	call := s.call("profile", id)
	p, err := s.Store.Profile(ctx, id)
	call.Err = err
	s.end(ctx, &s.met.profile, &call)
	return p, err
}

// Profiles implements Store.
func (s *observedStore) Profiles(ctx context.Context, f ProfileFilter) ([]AccountProfile, error) {
	call := s.call("profiles", "")
	list, err := s.Store.Profiles(ctx, f)
	call.Count, call.Err = len(list), err
	s.end(ctx, &s.met.profile, &call)
	return list, err
}

// SetActiveProfile implements Store.
func (s *observedStore) SetActiveProfile(
	ctx context.Context, owner OwnerID, id ProfileID, at time.Time,
) error {
	call := s.call("set_active_profile", id)
	call.Err = s.Store.SetActiveProfile(ctx, owner, id, at)
	s.end(ctx, &s.met.profile, &call)
	return call.Err
}

// ActiveProfile implements Store.
func (s *observedStore) ActiveProfile(ctx context.Context, owner OwnerID) (ProfileID, error) {
	call := s.call("active_profile", "")
	id, err := s.Store.ActiveProfile(ctx, owner)
	call.ProfileID, call.Err = id, err
	s.end(ctx, &s.met.profile, &call)
	return id, err
}

// Watch implements Store. What is timed is the call, not the watch.
func (s *observedStore) Watch(ctx context.Context) (<-chan Event, error) {
	call := s.call("watch", "")
	changes, err := s.Store.Watch(ctx)
	call.Err = err
	s.end(ctx, &s.met.profile, &call)
	return changes, err
}
