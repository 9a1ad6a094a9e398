package pgstore

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lib/pq"

	"github.com/ai-ots/accounts"
)

// pending is a batch that waits to be appended.
type pending struct {
	batch accounts.Batch
	ctx   context.Context
	alone bool      // not in a group with others
	wake  chan bool // true: lead the next group; false: done
	err   error
	sent  int // how often: more than once where a connection was lost meanwhile
}

// queue combines appends. At any time at most one caller leads: it takes what waits, one batch of
// each profile, and appends that as one group. A leader leads once and then wakes the next. There is
// one leader and not several because groups that share a profile would wait for each other.
type queue struct {
	mu      sync.Mutex
	busy    bool
	waiting []*pending
}

// What a group holds at most. Beyond it larger groups are no faster, and a failure costs more.
const (
	maxBatches = 128
	maxEntries = 4096
)

// submit appends the batch, alone or in a group. errRefused when it was not accepted.
func (s *Store) submit(ctx context.Context, p *pending) error {
	q := &s.queue
	q.mu.Lock()
	if !q.busy {
		q.busy = true
		q.mu.Unlock()
		s.lead([]*pending{p})
		return p.err
	}
	p.keep()
	p.wake = make(chan bool, 1)
	q.waiting = append(q.waiting, p)
	q.mu.Unlock()
	select {
	case lead := <-p.wake:
		if lead {
			s.lead(q.take(p))
		}
		return p.err
	case <-ctx.Done():
		q.withdraw(p)
		return ctx.Err()
	}
}

// keep makes the batch the store's own: the caller may give up waiting, and reuse what it gave, while
// the leader works with it.
func (p *pending) keep() {
	p.batch.Entries = slices.Clone(p.batch.Entries)
	for i := range p.batch.Entries {
		p.batch.Entries[i].Payload = bytes.Clone(p.batch.Entries[i].Payload)
	}
	p.batch.Positions = slices.Clone(p.batch.Positions)
}

// take hands the leader its group: its own batch first, then what goes with it.
func (q *queue) take(first *pending) []*pending {
	q.mu.Lock()
	defer q.mu.Unlock()
	group, entries := []*pending{first}, len(first.batch.Entries)
	profiles := map[accounts.ProfileID]bool{first.batch.ProfileID: true}
	q.waiting = slices.DeleteFunc(q.waiting, func(p *pending) bool {
		if p == first {
			return true
		}
		if first.alone || p.alone || profiles[p.batch.ProfileID] || len(group) == maxBatches || entries+len(p.batch.Entries) > maxEntries {
			return false
		}
		profiles[p.batch.ProfileID] = true
		group, entries = append(group, p), entries+len(p.batch.Entries)
		return true
	})
	return group
}

// withdraw takes a batch back that nobody appends yet. If it had been chosen to lead, the next one is.
func (q *queue) withdraw(p *pending) {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.waiting, p)
	if i < 0 {
		return // under way: its leader will find nobody waiting
	}
	q.waiting = slices.Delete(q.waiting, i, i+1)
	select {
	case lead := <-p.wake:
		if lead {
			q.next()
		}
	default:
	}
}

// next wakes the first that waits as leader. The caller holds the mutex and has led.
func (q *queue) next() {
	if len(q.waiting) == 0 {
		q.busy = false
		return
	}
	q.waiting[0].wake <- true
}

// lead appends a group, wakes whom it was for, and hands leadership on.
func (s *Store) lead(group []*pending) {
	ctx, done := group[0].ctx, func() {}
	if len(group) > 1 {
		ctx, done = anyOf(group)
	}
	finished := false
	defer func() {
		done()
		q := &s.queue
		q.mu.Lock()
		defer q.mu.Unlock()
		q.next()
		for i, p := range group {
			if !finished { // a driver panicked: others must not wait for this goroutine for ever
				p.err = accounts.ErrOutcomeUnknown
			}
			if i > 0 {
				p.wake <- false
			}
		}
	}()
	s.appendGroup(ctx, group)
	finished = true
}

// anyOf returns a context that ends when nobody in the group waits any longer: one caller's end must
// not fail the others.
func anyOf(group []*pending) (context.Context, func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(group[0].ctx))
	var left atomic.Int64
	left.Store(int64(len(group)))
	stops := make([]func() bool, 0, len(group))
	for _, p := range group {
		stops = append(stops, context.AfterFunc(p.ctx, func() {
			if left.Add(-1) == 0 {
				cancel()
			}
		}))
	}
	return ctx, func() {
		for _, stop := range stops {
			stop()
		}
		cancel()
	}
}

// appendGroup appends batches of different profiles with one statement and gives each its error.
func (s *Store) appendGroup(ctx context.Context, group []*pending) {
	r := s.newRows()
	for i, p := range group {
		r.addBatch(int64(i), &p.batch)
		if s.projection {
			r.project(int64(i), &p.batch)
		}
	}
	shape := r.shape(&s.sql)
	err := s.appendRows(ctx, r, shape, group)
	if shape != s.sql.careful && (violates(err, "journal_entries_key") || violates(err, "trades_account_seq_key")) {
		// A key or a row is there already: rarely, so that it is not looked for each time.
		_ = s.appendRows(ctx, r, s.sql.careful, group) // each batch has its error
	}
}

// appendRows runs one statement and gives each batch its error: errRefused where it was not accepted.
func (s *Store) appendRows(ctx context.Context, r *rows, st *statement, group []*pending) error {
	for _, p := range group {
		p.err = errRefused
	}
	channel := &counted{value: s.channel()}
	err := s.query(ctx, st, func(scan func(...any) error) error {
		var n int
		var told sql.RawBytes
		into := []any{&n, &told}
		if st == s.sql.group || st == s.sql.careful {
			into = into[:1]
		}
		if err := scan(into...); err != nil {
			return err
		}
		if n < 0 || n >= len(group) {
			return fmt.Errorf("batch %d of %d accepted", n, len(group))
		}
		group[n].err = nil
		return nil
	}, r.args(&s.sql, st, channel)...)
	for _, p := range group {
		p.sent = max(p.sent, channel.sent)
		if err != nil {
			p.err = err
		}
	}
	return err
}

// counted is a text as a parameter that counts how often it is sent. database/sql repeats a statement
// when the driver says that the connection was bad, which lib/pq also says of one that was lost while
// the statement ran: then the first may have done what the second finds done.
type counted struct {
	value string
	sent  int
}

// Value implements driver.Valuer.
func (c *counted) Value() (driver.Value, error) {
	c.sent++
	return c.value, nil
}

func (r *rows) addBatch(n int64, b *accounts.Batch) {
	last := &b.Entries[len(b.Entries)-1]
	r.batch.add([]int64{n, b.After, last.Seq, last.Time.UnixMicro(), r.timeline, r.standbys}, []string{string(b.ProfileID)}, b.Hash[:])
	for i := range b.Entries {
		e := &b.Entries[i]
		r.entry.add([]int64{n, e.Seq}, []string{string(e.Kind), e.Key, string(pq.FormatTimestamp(stored(e.Time)))},
			e.Payload, e.Prev[:], e.Hash[:])
	}
}
