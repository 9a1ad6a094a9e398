package accounts

import (
	"context"
	"time"
)

// Waiting returns how many callers wait for the portfolio's leader to record something.
func Waiting(p *Portfolio) int {
	p.queue.mu.Lock()
	defer p.queue.mu.Unlock()
	n := 0
	for _, cmd := range p.queue.waiting {
		if cmd.facts != nil {
			n++
		}
	}
	return n
}

// LimitLockedStudy changes how long studies under the lock may take, and returns what it was.
func LimitLockedStudy(d time.Duration) (was time.Duration) {
	was, lockedStudy = lockedStudy, d
	return was
}

// Harmless is a text without account ids.
func Harmless(text string) string { return harmless(text) }

// DraftIsLive reports whether the draft is equal to the durable book, as it must be between commands.
func DraftIsLive(p *Portfolio) bool {
	c := &comparing{}
	return p.submit(context.Background(), &command{task: c}) == nil && c.same
}

// comparing is the task of comparing the draft with the live book.
type comparing struct{ same bool }

func (c *comparing) run(p *Portfolio, _ *command) error {
	p.mu.RLock()
	defer p.mu.RUnlock()
	c.same = p.draft.fold.Equal(p.live.Account)
	return nil
}

// Reencode reads an entry's payload and writes it again.
func Reencode(e *Entry) ([]byte, error) {
	p, err := decodePayload(e.Kind, e.Payload)
	if err != nil {
		return nil, err
	}
	return encodePayload(nil, p), nil
}

// SlotOf is the slot of a checkpoint behind another.
func SlotOf(before, seq int64) int { return slotOf(before, seq) }

// LeadersAfter says who leads, in order, where so many corrections that need the lock wait, and a halt
// behind them.
func LeadersAfter(lockers int) []string {
	p := &Portfolio{}
	q := &p.queue
	q.busy = true
	names := map[*command]string{}
	add := func(name string, cmd *command) {
		cmd.ctx, cmd.wake = context.Background(), make(chan bool, 1)
		names[cmd] = name
		q.waiting = append(q.waiting, cmd)
	}
	for range lockers {
		add("correction", &command{studies: &studies{redone: lockAfter}})
	}
	add("halt", &command{task: &changing{}})
	var order []string
	q.mu.Lock()
	q.next()
	q.mu.Unlock()
	for q.busy {
		group := q.take()
		for _, cmd := range group {
			order = append(order, names[cmd])
		}
		p.handOn(group)
	}
	return order
}
