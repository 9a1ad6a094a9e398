package pgstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
)

// soakNews is how far each journal goes as a subscriber knows.
type soakNews struct {
	mu   sync.Mutex
	last map[accounts.ProfileID]int64
	more chan struct{} // closed when it learns of more
}

func newSoakNews() soakNews {
	return soakNews{last: map[accounts.ProfileID]int64{}, more: make(chan struct{})}
}

func (n *soakNews) learn(id accounts.ProfileID, seq int64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if seq > n.last[id] {
		n.last[id] = seq
		close(n.more)
		n.more = make(chan struct{})
	}
}

// of returns the last entry of a journal that is known.
func (n *soakNews) of(id accounts.ProfileID) int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last[id]
}

// errNotTold says that a subscriber does not hear of the newest.
var errNotTold = errors.New("a subscriber was not told")

// await waits until these ends of journals are known.
func (n *soakNews) await(ctx context.Context, heads map[accounts.ProfileID]int64) error {
	for {
		n.mu.Lock()
		behind, more := "", n.more
		for id, head := range heads {
			if n.last[id] < head {
				behind += fmt.Sprintf("of profile %s entry %d, not %d; ", id, n.last[id], head)
			}
		}
		n.mu.Unlock()
		if behind == "" {
			return nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return fmt.Errorf("%w: the newest that it knows is %s", errNotTold, behind)
		}
	}
}

// follow takes what the subscriber is told. An event without a number says to look, as often as it takes.
func (p *soakProcess) follow(events <-chan accounts.Event) {
	for e := range events {
		if e.Kind != accounts.EventRecorded {
			continue
		}
		p.told.learn(e.ProfileID, e.Seq)
		for e.Seq == 0 && p.ctx.Err() == nil && p.look(e.ProfileID) != nil {
			soakPause(p.ctx)
		}
	}
}

// look reads how far the journal goes.
func (p *soakProcess) look(id accounts.ProfileID) error {
	for e, err := range p.store.Entries(p.ctx, id, p.told.of(id)) {
		if err != nil {
			return err
		}
		p.told.learn(id, e.Seq)
	}
	return nil
}

// soakPause keeps tries at a server that is away apart.
func soakPause(ctx context.Context) {
	pause := time.NewTimer(50 * time.Millisecond)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
}
