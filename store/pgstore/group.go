package pgstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgschema"
)

// pending is a batch that is to be appended.
type pending struct {
	batch accounts.Batch
	rows  *rows // of the batch, made before it waits: nothing else of it is read afterwards
	ctx   context.Context
	alone bool          // not in a group with others
	done  chan struct{} // closed when err and sent are there
	err   error
	sent  int // how often: more than once where a connection was lost meanwhile

	// The queue's mutex guards these.
	group    *batchGroup // nil while the batch waits
	left     bool        // nobody waits for it
	finished bool
}

// batchGroup is batches of different profiles that are appended together.
type batchGroup struct {
	batches []*pending
	callers int  // how many wait for it
	begun   bool // it may have been sent
	spoilt  bool // a caller left before it was sent: it must not be sent like this
}

// queue combines appends. At any time at most one group is under way that somebody waits for: what
// comes meanwhile waits, and goes into the next, one batch of each profile. There is one and not
// several because groups that share a profile would wait for each other. A group whose callers have
// all left goes on behind the next ones: one connection that is dead must not hold everybody up.
type queue struct {
	mu      sync.Mutex
	busy    bool
	current *batchGroup // nil until it is taken
	waiting []*pending
}

// What a group holds at most. Beyond it larger groups are no faster, and a failure costs more.
const (
	maxBatches = 128
	maxEntries = 4096
)

// submit appends the batch, alone or in a group, and returns how often it was sent. errRefused when
// it was not accepted. When ctx ends first, the append goes on without the caller if it has begun,
// and is never made if it has not; it does not read then what the caller's caller may change.
func (s *Store) submit(ctx context.Context, p *pending) (sent int, err error) {
	q := &s.queue
	p.done = make(chan struct{})
	p.rows = s.rowsOf(&p.batch)
	if ctx.Done() != nil {
		p.rows.keep()
	}
	q.mu.Lock()
	q.waiting = append(q.waiting, p)
	lead := !q.busy
	q.busy = true
	q.mu.Unlock()
	switch {
	case lead && ctx.Done() == nil:
		s.lead()
	case lead:
		go s.lead()
	}
	select {
	case <-p.done:
		return p.sent, p.err
	case <-ctx.Done():
	}
	switch finished, begun := s.abandon(p); {
	case finished:
		return p.sent, p.err
	case begun:
		return 0, fmt.Errorf("%w: the append goes on without its caller: %w", accounts.ErrOutcomeUnknown, ctx.Err())
	}
	return 0, ctx.Err()
}

// lead appends what waits as one group, and has others lead on. It waits while too many writes are
// under way; whoever waits in the queue meanwhile may leave, and was not appended.
func (s *Store) lead() {
	q := &s.queue
	err := s.writes.Do(context.Background(), func(context.Context) error {
		if g := q.take(); g != nil {
			s.appendGroup(g)
		}
		return nil
	})
	if err == nil {
		return
	}
	q.mu.Lock() // the store was closed
	defer q.mu.Unlock()
	for _, p := range q.waiting {
		p.finish(err)
	}
	q.waiting, q.busy = nil, false
}

// take makes a group of what waits, of the first that waits and what goes with that. nil when
// nobody waits any longer: then nobody leads.
func (q *queue) take() *batchGroup {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.waiting) == 0 {
		q.busy = false
		return nil
	}
	if len(q.waiting) == 1 {
		p := q.waiting[0]
		p.group = &batchGroup{batches: q.waiting, callers: 1}
		q.waiting, q.current = nil, p.group
		return p.group
	}
	g, entries := &batchGroup{}, 0
	profiles := map[accounts.ProfileID]bool{}
	alone := q.waiting[0].alone
	q.waiting = slices.DeleteFunc(q.waiting, func(p *pending) bool {
		if len(g.batches) > 0 && (alone || p.alone || profiles[p.batch.ProfileID] ||
			len(g.batches) == maxBatches || entries+len(p.batch.Entries) > maxEntries) {
			return false
		}
		profiles[p.batch.ProfileID] = true
		g.batches, entries = append(g.batches, p), entries+len(p.batch.Entries)
		p.group = g
		return true
	})
	g.callers = len(g.batches)
	q.current = g
	return g
}

// abandon leaves a batch without its caller. finished says that its outcome is there, begun that it
// may have been sent; it never will be if it has not.
func (s *Store) abandon(p *pending) (finished, begun bool) {
	q := &s.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	g := p.group
	switch {
	case p.finished:
		return true, true
	case g == nil:
		q.waiting = slices.DeleteFunc(q.waiting, func(x *pending) bool { return x == p })
		return false, false
	}
	p.left = true
	g.spoilt = g.spoilt || !g.begun
	if g.callers--; g.callers == 0 && q.current == g {
		s.leadOn()
	}
	return false, g.begun
}

// leadOn has the next group led, if anybody waits. The caller holds the queue's mutex.
func (s *Store) leadOn() {
	q := &s.queue
	q.current, q.busy = nil, len(q.waiting) > 0
	if q.busy {
		go s.lead()
	}
}

// begin notes that the group is sent, unless somebody left meanwhile.
func (q *queue) begin(g *batchGroup) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if g.spoilt {
		return errSpoilt
	}
	g.begun = true
	return nil
}

// wanted returns errSpoilt where somebody has left a group before it was sent.
func (q *queue) wanted(g *batchGroup) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if g.spoilt {
		return errSpoilt
	}
	return nil
}

// errSpoilt keeps a group from being sent that somebody has left.
var errSpoilt = errors.New("a caller left before the append began")

// mend takes those out of a group that left before it was sent. It reports whether anybody is left.
func (q *queue) mend(g *batchGroup) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	g.batches = slices.DeleteFunc(g.batches, func(p *pending) bool { return p.left })
	g.spoilt = false
	return len(g.batches) > 0
}

// finish gives the batch its outcome. The caller holds the queue's mutex.
func (p *pending) finish(err error) {
	p.err, p.finished = err, true
	close(p.done)
}

// appendGroup appends a group, wakes whom it was for, and has others lead on.
func (s *Store) appendGroup(g *batchGroup) {
	q := &s.queue
	defer func() {
		panicked := recover() // a driver: nobody must wait for ever, nor may one append end the process
		q.mu.Lock()
		defer q.mu.Unlock()
		for _, p := range g.batches {
			if panicked != nil {
				p.err = fmt.Errorf("%w: the driver panicked: %v", accounts.ErrOutcomeUnknown, panicked)
			}
			p.finish(p.err)
		}
		if q.current == g {
			s.leadOn()
		}
	}()
	for errors.Is(s.appendBatches(g), errSpoilt) && q.mend(g) {
	}
}

// appendBatches appends batches of different profiles with one statement and gives each its error.
// errSpoilt when it was not sent.
func (s *Store) appendBatches(g *batchGroup) error {
	all := make([]*rows, len(g.batches))
	for i, p := range g.batches {
		all[i] = p.rows
	}
	r := s.join(all...)
	shape := r.shape(&s.sql)
	var err error
	if s.byCopy(g, r) {
		// What the server refuses of COPY, it may allow of a statement: with row-level security it
		// does.
		if err = s.appendByCopy(g, r); !aborted(err) {
			return err
		}
	}
	if !thereAlready(err) {
		err = s.appendRows(g, r, shape)
	}
	if shape != s.sql.careful && thereAlready(err) {
		err = s.appendRows(g, r, s.sql.careful)
	}
	return err
}

// thereAlready reports whether a key or a row of a trade is there already. That is rare, and so not
// looked for each time.
func thereAlready(err error) bool {
	return violates(err, "journal_entries_key") || violates(err, "trades_account_seq_key")
}

// appendRows runs one statement and gives each batch its error: errRefused where it was not
// accepted.
func (s *Store) appendRows(g *batchGroup, r *rows, st *statement) error {
	for _, p := range g.batches {
		p.err = errRefused
	}
	spoilt := false
	channel := &sending{value: s.channel(), begin: func() error {
		err := s.queue.begin(g)
		spoilt = err != nil
		return err
	}}
	ctx := g.batches[0].ctx
	if ctx.Done() != nil {
		ctx = context.WithoutCancel(ctx)
	}
	each := func(scan func(...any) error) error {
		var n int
		var told sql.RawBytes
		into := []any{&n, &told}
		if st == s.sql.group || st == s.sql.careful {
			into = into[:1]
		}
		if err := scan(into...); err != nil {
			return err
		}
		if n < 0 || n >= len(g.batches) {
			return fmt.Errorf("batch %d of %d accepted", n, len(g.batches))
		}
		g.batches[n].err = nil
		return nil
	}
	args := r.args(&s.sql, st, channel)
	err := pgschema.PastBroken(ctx, s.db, func() (again bool, err error) {
		err = s.query(ctx, st, each, args...)
		return channel.sent == 0, err
	})
	if spoilt {
		return errSpoilt
	}
	if !aborted(err) {
		err = outcome(err, channel.sent)
	}
	for _, p := range g.batches {
		p.sent = max(p.sent, channel.sent)
		if err != nil {
			p.err = err
		}
	}
	return err
}
