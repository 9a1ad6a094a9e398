package pgstore

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
)

// subject is what events are merged by: one kind about one profile, or one owner for switches.
type subject struct {
	kind accounts.EventKind
	id   string
}

func subjectOf(e accounts.Event) subject {
	if e.Kind == accounts.EventSwitched {
		return subject{e.Kind, string(e.Owner)}
	}
	return subject{e.Kind, string(e.ProfileID)}
}

// Watch implements accounts.Store. The first call opens the store's connection for notifications,
// or begins to ask every poll interval where there is none, and may block for some seconds; all
// watchers share it until Close. When the connection is lost it is opened again, and what was
// missed is told from how far journals and profiles have come meanwhile.
func (s *Store) Watch(ctx context.Context) (<-chan accounts.Event, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if err := s.watch.start(ctx); err != nil {
		return nil, s.failed(ctx, err, "watch")
	}
	return s.events.Subscribe(ctx, nil)
}

// watcher follows what every process changes and publishes it to the store's hub.
type watcher struct {
	store *Store

	// The goroutine's alone once it runs.
	known     known
	deafUntil time.Time // when to try to listen again after nothing came through

	mu      sync.Mutex // held while starting, so that others wait for it
	running bool
	closed  bool
	ctx     context.Context
	cancel  context.CancelFunc
	done    chan struct{}
}

func (w *watcher) init(s *Store) {
	w.store, w.done = s, make(chan struct{})
	w.ctx, w.cancel = context.WithCancel(context.Background())
}

// start begins to follow, unless that has begun.
func (w *watcher) start(ctx context.Context) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return accounts.ErrClosed
	}
	if w.running {
		return nil
	}
	l, err := w.listen(ctx)
	if err != nil {
		return err
	}
	now, err := w.store.snapshot(ctx)
	if err != nil {
		l.close()
		return err
	}
	w.known = newKnown()
	w.known.learn(now)
	w.running = true
	go func() {
		defer close(w.done)
		w.run(l)
	}()
	return nil
}

// close ends the goroutine and waits for it.
func (w *watcher) close() {
	w.cancel()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.running {
		<-w.done
	}
}

// run follows notifications while there is a connection for them, and asks while there is none.
func (w *watcher) run(l *listener) {
	for w.ctx.Err() == nil {
		if l != nil {
			w.follow(l)
			l.close()
			l = nil
			w.store.wait(w.ctx, time.Millisecond*20)
		} else {
			w.store.wait(w.ctx, w.store.poll)
		}
		if w.store.listenDSN != "" {
			l, _ = w.listen(w.ctx) // while that fails, asking will do
		}
		if !w.catchUp() && l != nil {
			// What was missed is still to be told, and nothing would remind of it: begin again.
			l.close()
			l = nil
		}
	}
	l.close()
}

func (s *Store) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// follow publishes what notifications hint at, until the connection is lost or the store cannot be
// asked: then everything must be looked at again.
func (w *watcher) follow(l *listener) {
	ping := time.NewTicker(pingInterval)
	defer ping.Stop()
	for {
		select {
		case n, open := <-l.notes:
			if !open || !w.look(l.gather(n)) {
				return
			}
		case <-ping.C:
			l.ping()
		case <-w.ctx.Done():
			return
		}
	}
}

// look publishes what is new about what was hinted at, and reports whether that could be asked.
func (w *watcher) look(h hints) bool {
	if h.empty() {
		return true
	}
	return w.tell(w.store.changes(w.ctx, h))
}

// catchUp publishes what changed since it was last told, and reports whether that could be asked.
func (w *watcher) catchUp() bool { return w.tell(w.store.snapshot(w.ctx)) }

// tell publishes the changes that are news, and reports whether there was no error.
func (w *watcher) tell(changes []change, err error) bool {
	for _, c := range changes {
		if w.known.isNews(c) {
			w.store.events.Publish(c.event)
		}
	}
	return err == nil
}

// change is an event with a number that grows with every one of its subject: the journal's last
// sequence number, the profile's version, the owner's switches.
type change struct {
	event  accounts.Event
	number int64
}

// known is the newest number of each subject that was published. All are the store's own: nothing
// that a notification says is kept.
type known map[subject]int64

func newKnown() known { return known{} }

func (k known) learn(changes []change) {
	for _, c := range changes {
		k[subjectOf(c.event)] = c.number
	}
}

// isNews reports whether the change is another than what is known, and makes it known. A number
// below the known one is news too: a restored database is to be looked at.
func (k known) isNews(c change) bool {
	key := subjectOf(c.event)
	newest, told := k[key]
	k[key] = c.number
	return !told || c.number != newest
}

// snapshot returns everything as though it had just changed: one change for each subject.
func (s *Store) snapshot(ctx context.Context) ([]change, error) {
	profiles, err := list[changedProfile](ctx, s, profilesStatement)
	if err != nil {
		return nil, err
	}
	switches, err := list[changedOwner](ctx, s, switchesStatement)
	return changesOf(profiles, switches), err
}

// changes returns the profiles and owners that were hinted at as though they had just changed. What
// there is not is left out.
func (s *Store) changes(ctx context.Context, h hints) ([]change, error) {
	var profiles []changedProfile
	var switches []changedOwner
	var err error
	if len(h.profiles) > 0 {
		if profiles, err = listOf[changedProfile](ctx, s, s.sql.hintedProfiles, idsOf(h.profiles)); err != nil {
			return nil, err
		}
	}
	if len(h.owners) > 0 {
		switches, err = listOf[changedOwner](ctx, s, s.sql.hintedOwners, idsOf(h.owners))
	}
	return changesOf(profiles, switches), err
}

func idsOf(set map[string]bool) any { return textArray(slices.Collect(maps.Keys(set))) }

// finite is an expression for a time, or the present where that is NULL or infinite: the odd row of
// one profile must not keep the events of all others back.
func finite(at string) string {
	return `CASE WHEN isfinite(` + at + `) THEN ` + at + ` ELSE now() END`
}

// profilesStatement asks for the profiles and the ends of their journals.
var profilesStatement = `
	SELECT p.profile_id, p.owner_id, p.version, coalesce(h.seq, 0) AS head,
		` + finite("coalesce(p.updated_at, p.created_at)") + ` AS at, ` + finite("e.recorded_at") + ` AS recorded_at
	FROM trading.account_profiles p LEFT JOIN trading.journal_heads h USING (profile_id)
	LEFT JOIN trading.journal_entries e ON e.profile_id = h.profile_id AND e.seq = h.seq`

type changedProfile struct {
	ID       string    `db:"profile_id"`
	Owner    string    `db:"owner_id"`
	Version  int64     `db:"version"`
	Head     int64     `db:"head"`
	At       time.Time `db:"at"`
	Recorded time.Time `db:"recorded_at"`
}

// switchesStatement asks for the active profiles of owners.
var switchesStatement = `
	SELECT owner_id, coalesce(profile_id, '') AS profile_id, revision, ` + finite("switched_at") + ` AS switched_at
	FROM trading.active_profiles`

type changedOwner struct {
	Owner    string    `db:"owner_id"`
	ID       string    `db:"profile_id"`
	Revision int64     `db:"revision"`
	At       time.Time `db:"switched_at"`
}

func changesOf(profiles []changedProfile, switches []changedOwner) (out []change) {
	for _, p := range profiles {
		e := accounts.Event{Kind: accounts.EventProfile, ProfileID: accounts.ProfileID(p.ID), Owner: accounts.OwnerID(p.Owner), Time: p.At.UTC()}
		out = append(out, change{e, p.Version})
		if p.Head > 0 {
			e.Kind, e.Seq, e.Time = accounts.EventRecorded, p.Head, p.Recorded.UTC()
			out = append(out, change{e, p.Head})
		}
	}
	for _, w := range switches {
		e := accounts.Event{Kind: accounts.EventSwitched, ProfileID: accounts.ProfileID(w.ID), Owner: accounts.OwnerID(w.Owner), Time: w.At.UTC()}
		out = append(out, change{e, w.Revision})
	}
	return out
}

// A notification holds one event a line, as a JSON array: kind, profile, owner, number, time in
// microseconds. What a later version adds behind or besides is ignored. This version reads the
// kind, the profile and the owner, and asks for the rest: every role that may connect can notify.

func note(kind accounts.EventKind, id accounts.ProfileID, owner accounts.OwnerID, number int64, at time.Time) string {
	text, err := json.Marshal([]any{kind, id, owner, number, at.UnixMicro()})
	if err != nil { // strings and numbers always marshal
		return ""
	}
	return string(text)
}

func profileNote(p *accounts.AccountProfile) string {
	at := p.UpdatedAt
	if at.IsZero() {
		at = p.CreatedAt
	}
	return note(accounts.EventProfile, p.ID, p.Owner, 0, at)
}

func switchNote(owner accounts.OwnerID, id accounts.ProfileID, at time.Time) string {
	return note(accounts.EventSwitched, id, owner, 0, at)
}
