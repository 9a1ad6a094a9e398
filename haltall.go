package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ai-ots/accounts/risk"
)

// HaltAll halts every profile that ctx sees and that is not archived, all at the same time: the
// kill switch of one owner or, under AsSystem or in a single-user system, of everything. A failure
// of one profile neither stops nor delays another. HaltAll returns when every profile has halted or
// failed; those whose portfolio is open do not wait for others to be opened. It returns nil if all
// have halted, or else the joined errors of the others, each with its profile's id; these are the
// errors of [Portfolio.Halt]. If the profiles cannot be listed, those whose portfolio is open in
// this manager are halted all the same, and the store's error is among the errors: call HaltAll
// again.
func (m *MultiAccountManager) HaltAll(ctx context.Context, reason string) error {
	s, err := m.enter(ctx)
	if err == nil {
		err = risk.CheckReason(reason)
	}
	if err != nil {
		return fmt.Errorf("halt all profiles: %w", err)
	}
	list, err := m.listProfiles(ctx, ProfileFilter{Statuses: []ProfileStatus{StatusActive, StatusInactive,
		StatusSuspended}})
	// Those that trade through this process are open: they do not wait for others to be opened.
	m.mu.Lock()
	open := m.seen(s)
	m.mu.Unlock()
	open = slices.DeleteFunc(open, func(p *Portfolio) bool { return p.profile.Load().Status == StatusArchived })
	here := make(map[ProfileID]bool, len(open))
	for _, p := range open {
		here[p.id] = true
	}
	list = slices.DeleteFunc(list, func(p AccountProfile) bool { return here[p.ID] })

	errs := make([]error, len(open)+len(list)+1)
	if err != nil {
		errs[len(errs)-1] = fmt.Errorf("halt all profiles: %w", err)
	}
	slots := make(chan struct{}, haltedAtOnce)
	spread(len(open)+len(list), func(i int) {
		if i < len(open) {
			errs[i] = open[i].Halt(ctx, reason)
			return
		}
		slots <- struct{}{}
		defer func() { <-slots }()
		id := list[i-len(open)].ID
		p, err := m.portfolio(ctx, s, id)
		if err != nil {
			errs[i] = fmt.Errorf("halt profile %q: %w", id, err)
			return
		}
		errs[i] = p.Halt(ctx, reason)
	})
	return errors.Join(errs...)
}

// OpenProfiles returns the ids of the profiles that ctx sees and whose portfolio is open in this
// manager, in their order: those that trade through this process are. Archived ones are among them
// while orders of theirs work. It asks no store: who stops trading learns of them while the store
// does not answer.
func (m *MultiAccountManager) OpenProfiles(ctx context.Context) ([]ProfileID, error) {
	s, err := m.enter(ctx)
	if err != nil {
		return nil, fmt.Errorf("open profiles: %w", err)
	}
	m.mu.Lock()
	open := m.seen(s)
	m.mu.Unlock()
	ids := []ProfileID{}
	for _, p := range open {
		if p.profile.Load().Status != StatusArchived || len(p.Snapshot().Risk.Orders) > 0 {
			ids = append(ids, p.id)
		}
	}
	slices.Sort(ids)
	return ids, nil
}

// haltedAtOnce bounds how many portfolios HaltAll opens at the same time: each reads a journal.
const haltedAtOnce = 16
