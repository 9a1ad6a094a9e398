package storetest

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"github.com/ai-ots/accounts"
)

// appendingLocked breaks AppendLocked.
func appendingLocked(f func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error) func(accounts.Store) *broken {
	return func(s accounts.Store) *broken {
		return &broken{Store: s, locked: func(ctx context.Context, id accounts.ProfileID, after int64, decide decision) error {
			return f(ctx, s, id, after, decide)
		}}
	}
}

// optimistic decides without a lock.
func optimistic(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
	if _, err := s.Profile(ctx, id); err != nil {
		return err
	}
	b, err := decide(s.Entries(ctx, id, after))
	if err != nil {
		return err
	}
	return s.Append(ctx, b)
}

// locks are a lock for each key, for which nobody waits longer than a context.
type locks struct {
	mu   sync.Mutex
	held map[accounts.ProfileID]chan struct{}
}

func (l *locks) acquire(ctx context.Context, id accounts.ProfileID) (release func(), err error) {
	l.mu.Lock()
	if l.held == nil {
		l.held = map[accounts.ProfileID]chan struct{}{}
	}
	if l.held[id] == nil {
		l.held[id] = make(chan struct{}, 1)
	}
	lock := l.held[id]
	l.mu.Unlock()
	select {
	case lock <- struct{}{}:
		return func() { <-lock }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// guarded has a lock of its own for all appends to what key says.
func guarded(s accounts.Store, key func(accounts.ProfileID) accounts.ProfileID, always bool) *broken {
	var l locks
	return &broken{Store: s,
		append: func(ctx context.Context, b accounts.Batch) error {
			release, err := l.acquire(ctx, key(b.ProfileID))
			if err != nil {
				return err
			}
			defer release()
			return s.Append(ctx, b)
		},
		locked: func(ctx context.Context, id accounts.ProfileID, after int64, decide decision) error {
			release, err := l.acquire(ctx, key(id))
			if err != nil {
				return err
			}
			if always {
				defer release()
			}
			err = s.AppendLocked(ctx, id, after, decide)
			if !always { // not when decide panics
				release()
			}
			return err
		},
	}
}

func itself(id accounts.ProfileID) accounts.ProfileID { return id }
func nothing(accounts.ProfileID) accounts.ProfileID   { return "" }

func lockedMutants() []mutant {
	const (
		appends   = "AppendLocked appends the batch that decide returns"
		tail      = "AppendLocked calls decide with the entries above after"
		excludes  = "AppendLocked lets no other append get in between"
		never     = "AppendLocked never loses against other appends"
		fails     = "AppendLocked returns decide's error as it is and appends nothing"
		errs      = "AppendLocked has the errors of Append"
		foreign   = "AppendLocked refuses a batch for another profile"
		empty     = "AppendLocked of an empty batch is accepted or refused as by Append"
		waiting   = "waiting for AppendLocked's lock ends with the context, and nothing was written"
		late      = "AppendLocked after a decide that outlived the context appends nothing"
		apart     = "AppendLocked does not hold up other profiles"
		panicking = "AppendLocked unlocks the journal when decide panics"
		reads     = "reading within decide does not wait for the lock"
	)
	return []mutant{
		{name: "locks nothing", caught: []string{excludes, never, foreign}, breaks: appendingLocked(optimistic)},
		{name: "locks Append out and not itself", caught: one(excludes), breaks: locksAppendOut},
		{name: "appends nothing under the lock", caught: []string{appends, linear}, breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
			nothing := errors.New("nothing")
			return swallow(s.AppendLocked(ctx, id, after, func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
				_, err := decide(tail)
				return accounts.Batch{}, errors.Join(err, nothing)
			}), nothing)
		})},
		{name: "keeps the payload that decide returns", caught: one(appends), breaks: func(s accounts.Store) *broken {
			b := keepsPayloads(s)
			b.locked = func(ctx context.Context, id accounts.ProfileID, after int64, decide decision) error {
				return optimistic(ctx, &broken{Store: s, append: b.append}, id, after, decide)
			}
			return b
		}},
		{name: "the tail begins one early", caught: one(tail), breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
			return s.AppendLocked(ctx, id, after-1, decide)
		})},
		{name: "the tail is the journal before the lock", caught: []string{never}, breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
			before, err := read(ctx, s, id, after)
			if err != nil {
				return err
			}
			return s.AppendLocked(ctx, id, after, func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
				return decide(func(yield func(accounts.Entry, error) bool) {
					for _, e := range before {
						if !yield(e, nil) {
							return
						}
					}
				})
			})
		})},
		{name: "the tail is one page", caught: one(tail), breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
			return s.AppendLocked(ctx, id, after, func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
				return decide(func(yield func(accounts.Entry, error) bool) {
					n := 0
					for e, err := range tail {
						if n++; n > 500 || !yield(e, err) {
							return
						}
					}
				})
			})
		})},
		{name: "wraps decide's error", caught: one(fails), breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
			if err := s.AppendLocked(ctx, id, after, decide); err != nil {
				return fmt.Errorf("append: %w", err)
			}
			return nil
		})},
		{name: "appends though decide fails", caught: one(fails), breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
			var given error
			err := s.AppendLocked(ctx, id, after, func(tail iter.Seq2[accounts.Entry, error]) (b accounts.Batch, err error) {
				b, given = decide(tail)
				return b, nil
			})
			if given != nil {
				return given
			}
			return err
		})},
		{name: "asks about an unknown profile", caught: one(errs), breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
			err := s.AppendLocked(ctx, id, after, decide)
			if errors.Is(err, accounts.ErrProfileNotFound) {
				_, _ = decide(s.Entries(ctx, id, after))
			}
			return err
		})},
		{name: "says conflict to everything", caught: one(errs), breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
			err := s.AppendLocked(ctx, id, after, decide)
			if errors.Is(err, accounts.ErrDuplicate) {
				return accounts.ErrConflict
			}
			return err
		})},
		{name: "makes the batch continue the journal", caught: []string{errs, empty}, breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
			return s.AppendLocked(ctx, id, after, func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
				b, err := decide(tail)
				if err == nil && b.Check() == nil {
					end := endOf(ctx, s, b.ProfileID)
					b.Entries = cloneEntries(b.Entries)
					renumber(&b, end.last)
					rechain(&b, end.hash)
				}
				return b, err
			})
		})},
		{name: "appends to the journal that the batch says", caught: one(foreign), breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
			var other accounts.Batch
			err := s.AppendLocked(ctx, id, after, func(tail iter.Seq2[accounts.Entry, error]) (b accounts.Batch, err error) {
				other, err = decide(tail)
				return other, err
			})
			if errors.Is(err, accounts.ErrInvalid) && other.ProfileID != id {
				return s.Append(ctx, other)
			}
			return err
		})},
		{name: "an empty batch needs nothing", caught: one(empty), breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
			none := false
			err := s.AppendLocked(ctx, id, after, func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
				b, err := decide(tail)
				none = len(b.Entries) == 0
				return b, err
			})
			if none {
				err = swallow(err, accounts.ErrConflict)
			}
			return err
		})},
		{name: "waits without an end", caught: []string{waiting, excludes}, waits: true, breaks: func(s accounts.Store) *broken {
			b := guarded(s, itself, true)
			sound := b.locked
			b.locked = func(ctx context.Context, id accounts.ProfileID, after int64, decide decision) error {
				return sound(context.WithoutCancel(ctx), id, after, decide)
			}
			return b
		}},
		{name: "does not know what waiting wrote", caught: one(waiting), breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
			err := s.AppendLocked(ctx, id, after, decide)
			if err != nil && ctx.Err() != nil {
				return fmt.Errorf("%w: %w", accounts.ErrOutcomeUnknown, err)
			}
			return err
		})},
		{name: "decides without the lock when the context ends", caught: one(waiting), breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
			err := s.AppendLocked(ctx, id, after, decide)
			if ctx.Err() != nil {
				_, _ = decide(s.Entries(ctx, id, after))
			}
			return err
		})},
		{name: "appends what came too late", caught: one(late), breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) error {
			err := s.AppendLocked(context.WithoutCancel(ctx), id, after, decide)
			return errors.Join(err, ctx.Err())
		})},
		{name: "one lock for all profiles", caught: one(apart), waits: true, breaks: func(s accounts.Store) *broken { return guarded(s, nothing, true) }},
		{name: "stays locked when decide panics", caught: one(panicking), waits: true, breaks: func(s accounts.Store) *broken { return guarded(s, itself, false) }},
		{name: "swallows decide's panic", caught: one(panicking), breaks: appendingLocked(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, decide decision) (err error) {
			defer func() {
				if recover() != nil {
					err = accounts.ErrOutcomeUnknown
				}
			}()
			return s.AppendLocked(ctx, id, after, decide)
		})},
		{name: "reading waits for the lock", caught: one(reads), waits: true, breaks: func(s accounts.Store) *broken {
			var l locks
			return &broken{Store: s,
				locked: func(ctx context.Context, id accounts.ProfileID, after int64, decide decision) error {
					release, err := l.acquire(ctx, id)
					if err != nil {
						return err
					}
					defer release()
					return s.AppendLocked(ctx, id, after, decide)
				},
				lookup: func(ctx context.Context, id accounts.ProfileID, keys []string) (map[string]int64, error) {
					release, err := l.acquire(ctx, id)
					if err != nil {
						return nil, err
					}
					defer release()
					return s.Lookup(ctx, id, keys)
				},
			}
		}},
	}
}

// locksAppendOut lets several decide at once, and appends wait for all of them.
func locksAppendOut(s accounts.Store) *broken {
	var mu sync.Mutex
	deciding, free := 0, make(chan struct{})
	close(free)
	enter := func(by int) {
		mu.Lock()
		defer mu.Unlock()
		if deciding == 0 {
			free = make(chan struct{})
		}
		if deciding += by; deciding == 0 {
			close(free)
		}
	}
	return &broken{Store: s,
		append: func(ctx context.Context, b accounts.Batch) error {
			mu.Lock()
			wait := free
			mu.Unlock()
			select {
			case <-wait:
				return s.Append(ctx, b)
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		locked: func(ctx context.Context, id accounts.ProfileID, after int64, decide decision) error {
			enter(1)
			defer enter(-1)
			return optimistic(ctx, s, id, after, decide)
		},
	}
}
