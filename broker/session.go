package broker

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ai-ots/accounts"
)

// run works the login whenever the lease allows it, until the context ends.
func (e *Engine) run(ctx context.Context) {
	told := ""
	for ctx.Err() == nil {
		lease, until, err := e.takeLease(ctx)
		if err != nil {
			if text := err.Error(); text != told && !errors.Is(err, accounts.ErrLeased) {
				e.notify(Notice{Kind: NoticeStandby, Reason: text})
				told = text
			}
			pause(ctx, e.config.LeaseFor/3)
			continue
		}
		e.work(ctx, lease, until)
	}
}

// takeLease takes the lease, and returns it with the time until which it runs by the process' own
// clock. That time is counted from before the store was asked. Without leases the time is nil.
func (e *Engine) takeLease(ctx context.Context) (accounts.Lease, *atomic.Pointer[time.Time], error) {
	c := &e.config
	if c.Leases == nil {
		return accounts.Lease{}, nil, nil
	}
	asking, cancel := context.WithTimeout(ctx, c.LeaseFor)
	defer cancel()
	until := time.Now().Add(c.LeaseFor)
	lease, err := c.Leases.Lease(asking, c.Login, c.Holder, c.LeaseFor)
	if err != nil {
		return accounts.Lease{}, nil, err
	}
	end := &atomic.Pointer[time.Time]{}
	end.Store(&until)
	return lease, end, nil
}

// keepLease renews the lease until the context ends, and returns before if the lease is lost.
func (e *Engine) keepLease(ctx context.Context, lease accounts.Lease, end *atomic.Pointer[time.Time]) {
	c := &e.config
	for {
		pause(ctx, min(c.LeaseFor/3, time.Until(*end.Load())))
		if ctx.Err() != nil {
			return
		}
		until := time.Now().Add(c.LeaseFor)
		asking, cancel := context.WithDeadline(ctx, *end.Load())
		renewed, err := c.Leases.Lease(asking, c.Login, c.Holder, c.LeaseFor)
		cancel()
		switch {
		case err == nil && renewed.Fence == lease.Fence:
			end.Store(&until)
		case err == nil || errors.Is(err, accounts.ErrLeased) || !time.Now().Before(*end.Load()):
			return
		}
	}
}

// work works the login under a lease, until the lease is lost or the context ends.
func (e *Engine) work(ctx context.Context, lease accounts.Lease, end *atomic.Pointer[time.Time]) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var keeping sync.WaitGroup
	var until func() time.Time
	if end != nil {
		until = func() time.Time { return *end.Load() }
		keeping.Go(func() {
			defer cancel()
			e.keepLease(ctx, lease, end)
		})
	}
	e.setLeads(true)
	e.notify(Notice{Kind: NoticeWorks, Reason: fmt.Sprintf("lease %d", lease.Fence)})
	for ctx.Err() == nil {
		if err := e.connected(ctx, lease, until); err != nil {
			e.notify(Notice{Kind: NoticeSession, Reason: err.Error()})
		}
		pause(ctx, e.config.LeaseFor/3) // a session that ends at once must not be asked for in a loop
	}
	e.setLeads(false)
	keeping.Wait()
	if end != nil {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), e.config.LeaseFor)
		_ = e.config.Leases.EndLease(ending, lease) // else the lease ends by itself
		cancel()
	}
	e.notify(Notice{Kind: NoticeStandby})
}

// connected opens a session and works it until the session is closed or the context ends.
func (e *Engine) connected(ctx context.Context, lease accounts.Lease, until func() time.Time) error {
	connecting, cancel := context.WithTimeout(ctx, e.config.Timeout)
	defer cancel()
	b, err := e.config.Connect(connecting)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }() // a session that cannot be closed ends by itself
	ctx, end := context.WithCancel(ctx)
	defer end()
	events, err := b.Watch(ctx)
	if err != nil {
		return err
	}
	s := &session{broker: b, lease: lease.Name, fence: lease.Fence, until: until}
	var group sync.WaitGroup
	defer group.Wait()
	defer s.sends.Wait()
	defer end() // workers and sends end before the broker is closed
	defer e.setSession(nil, nil)
	states, err := e.config.Manager.Subscribe(ctx, accounts.EventState)
	if err != nil {
		return err
	}
	group.Go(func() { e.heed(states) })
	e.setSession(s, func(w *worker) { group.Go(func() { w.work(ctx, s) }) })
	last := b.Status()
	e.notify(Notice{Kind: NoticeSession, Reason: string(last.Session)})
	for event := range events {
		now := b.Status()
		changed := event.Kind == EventSession && (now.Session != last.Session || !now.Since.Equal(last.Since))
		if changed || now.Reason != last.Reason { // the broker may ask something of a person, while the session goes on
			e.notify(Notice{Kind: NoticeSession, Reason: fmt.Sprintf("%s %s", now.Session, now.Reason)})
		}
		last = now
		for _, w := range e.all() {
			if changed {
				w.lose("the session is new")
			}
			w.hear(event)
		}
	}
	return nil
}

// heed hears of changes of the trading state, by any process, until the channel is closed: the
// orders that are on their way for a profile that is halted are called back, without waiting for a
// look that is under way.
func (e *Engine) heed(states <-chan accounts.Event) {
	for event := range states {
		w, err := e.attached(event.ProfileID)
		if err != nil {
			continue
		}
		w.recallIfHalted()
		w.hint()
	}
}

// setLeads notes whether the process has the lease.
func (e *Engine) setLeads(leads bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.leads = leads
}

// setSession makes the session the one that is worked, and starts every worker in it; nil for none.
func (e *Engine) setSession(s *session, start func(w *worker)) {
	if s != nil {
		e.loseAll("the session is new")
	}
	e.mu.Lock()
	e.session, e.starting = s, start
	if start != nil {
		for _, w := range e.workers {
			start(w)
		}
	}
	e.mu.Unlock()
	if s == nil {
		e.loseAll("the session has ended")
	}
}

// loseAll says that every account is out of step, and why.
func (e *Engine) loseAll(reason string) {
	for _, w := range e.all() {
		w.lose(reason)
	}
}

// pause waits for a while, or until the context ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
