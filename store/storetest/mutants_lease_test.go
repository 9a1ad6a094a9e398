package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/memstore"
)

// brokenLeases is a store of leases with some methods replaced; a nil one is the sound store's.
type brokenLeases struct {
	LeaseStore
	lease func(ctx context.Context, name, holder string, ttl time.Duration) (accounts.Lease, error)
	end   func(context.Context, accounts.Lease) error
}

func (b *brokenLeases) Lease(ctx context.Context, name, holder string, ttl time.Duration) (accounts.Lease, error) {
	return or(b.lease != nil, b.lease, b.LeaseStore.Lease)(ctx, name, holder, ttl)
}

func (b *brokenLeases) EndLease(ctx context.Context, l accounts.Lease) error {
	return or(b.end != nil, b.end, b.LeaseStore.EndLease)(ctx, l)
}

// leaseMutant is a store of leases in which one sentence of the contract does not hold.
type leaseMutant struct {
	name   string
	caught []string // the names of the checks that must fail
	model  bool     // the model must see it too
	breaks func(LeaseStore) LeaseStore
}

// leasing breaks Lease.
func leasing(f func(ctx context.Context, s LeaseStore, name, holder string, ttl time.Duration) (accounts.Lease, error)) func(LeaseStore) LeaseStore {
	return func(s LeaseStore) LeaseStore {
		return &brokenLeases{LeaseStore: s, lease: func(ctx context.Context, name, holder string, ttl time.Duration) (accounts.Lease, error) {
			return f(ctx, s, name, holder, ttl)
		}}
	}
}

// ending breaks EndLease.
func ending(f func(ctx context.Context, s LeaseStore, l accounts.Lease) error) func(LeaseStore) LeaseStore {
	return func(s LeaseStore) LeaseStore {
		return &brokenLeases{LeaseStore: s, end: func(ctx context.Context, l accounts.Lease) error { return f(ctx, s, l) }}
	}
}

// answering changes what Lease answers.
func answering(f func(accounts.Lease, error) (accounts.Lease, error)) func(LeaseStore) LeaseStore {
	return leasing(func(ctx context.Context, s LeaseStore, name, holder string, ttl time.Duration) (accounts.Lease, error) {
		return f(s.Lease(ctx, name, holder, ttl))
	})
}

// refusing changes the error of a Lease that is refused because another holder has the lease.
func refusing(f func(accounts.LeasedError) error) func(LeaseStore) LeaseStore {
	return answering(func(l accounts.Lease, err error) (accounts.Lease, error) {
		var leased *accounts.LeasedError
		if errors.As(err, &leased) {
			err = f(*leased)
		}
		return l, err
	})
}

// holders remembers the last fence that each holder was given of each name.
type holders struct {
	mu     sync.Mutex
	fences map[[2]string]int64
}

// renewed notes a lease, and reports whether its holder was given it before.
func (h *holders) renewed(l accounts.Lease) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	key := [2]string{l.Name, l.Holder}
	was := h.fences[key]
	h.fences[key] = l.Fence
	return was == l.Fence
}

// renewing has f answer renewals in the place of the store.
func renewing(f func(ctx context.Context, s LeaseStore, l accounts.Lease, ttl time.Duration) (accounts.Lease, error)) func(LeaseStore) LeaseStore {
	return func(s LeaseStore) LeaseStore {
		known := holders{fences: map[[2]string]int64{}}
		return leasing(func(ctx context.Context, s LeaseStore, name, holder string, ttl time.Duration) (accounts.Lease, error) {
			l, err := s.Lease(ctx, name, holder, min(ttl, accounts.MinLease)) // which makes no lease much longer
			if err != nil {
				return l, err
			}
			if known.renewed(l) {
				return f(ctx, s, l, ttl)
			}
			return s.Lease(ctx, name, holder, ttl)
		})(s)
	}
}

// again ends a lease and takes it anew.
func again(ctx context.Context, s LeaseStore, l accounts.Lease, ttl time.Duration) (accounts.Lease, error) {
	if err := s.EndLease(ctx, l); err != nil {
		return accounts.Lease{}, err
	}
	return s.Lease(ctx, l.Name, l.Holder, max(ttl, accounts.MinLease))
}

// leased has f act when a Lease is refused; current is the lease that another has.
func leased(f func(ctx context.Context, s LeaseStore, current accounts.Lease, left, ttl time.Duration)) func(LeaseStore) LeaseStore {
	return leasing(func(ctx context.Context, s LeaseStore, name, holder string, ttl time.Duration) (accounts.Lease, error) {
		l, err := s.Lease(ctx, name, holder, ttl)
		var leased *accounts.LeasedError
		if errors.As(err, &leased) {
			current, _ := s.Lease(ctx, name, leased.Holder, accounts.MinLease)
			f(ctx, s, current, leased.Left, ttl)
		}
		return l, err
	})
}

// Names of checks that several mutants fail.
const (
	leaseToldWho    = "another holder is told who has the lease and for how long"
	leaseRefusal    = "a refused Lease changes nothing"
	leaseRenewal    = "the fence stays when the holder renews"
	leaseNextFence  = "a lease that has ended is another's, with the next fence"
	leaseOwnFence   = "a lease that has ended is its holder's with the next fence"
	leaseLasts      = "a lease lasts for as long as its holder counts"
	leaseEnded      = "EndLease ends the lease at once"
	leaseNeverFalls = "the fence never falls"
	leaseOfAnother  = "EndLease leaves a lease that its holder does not have"
	leaseInvalid    = "Lease refuses what is invalid, and no more"
	leaseDone       = "a done context is refused before anything happens to a lease"
	leaseRace       = "of many that race for a lease exactly one has it"
	leaseOneHolder  = "calls of one holder at once succeed with one fence"
	leaseOrdered    = "calls about one lease are linearizable"
	leaseBytes      = "names and holders are compared byte by byte"
	leaseFirst      = "the fence is 1 for the first lease of a name"
)

func leaseMutants() []leaseMutant {
	return slices.Concat(fenceMutants(), refusalMutants(), renewalMutants(), endMutants(), leaseInputMutants())
}

func fenceMutants() []leaseMutant {
	fences := func(f func(int64) int64) func(LeaseStore) LeaseStore {
		return answering(func(l accounts.Lease, err error) (accounts.Lease, error) {
			if err == nil {
				l.Fence = f(l.Fence)
			}
			return l, err
		})
	}
	return []leaseMutant{
		{name: "every fence is 1", model: true, caught: []string{leaseNextFence, leaseOwnFence, leaseLasts, leaseEnded, leaseNeverFalls, leaseRace, leaseOrdered},
			breaks: fences(func(int64) int64 { return 1 })},
		{name: "fences begin at 0", model: true, caught: []string{leaseFirst, leaseRefusal}, breaks: fences(func(n int64) int64 { return n - 1 })},
		{name: "fences leave numbers out", model: true, caught: []string{leaseNextFence, leaseRace}, breaks: fences(func(n int64) int64 { return 2*n - 1 })},
		{name: "one fence for all names", caught: one(leaseFirst), breaks: func(s LeaseStore) LeaseStore {
			known := holders{fences: map[[2]string]int64{}}
			return answering(func(l accounts.Lease, err error) (accounts.Lease, error) {
				if err == nil && !known.renewed(l) {
					l.Fence = int64(len(known.fences))
				}
				return l, err
			})(s)
		}},
		{name: "a holder keeps its fence", model: true, caught: []string{leaseOwnFence, leaseEnded}, breaks: func(s LeaseStore) LeaseStore {
			var mu sync.Mutex
			first := map[[2]string]int64{}
			return answering(func(l accounts.Lease, err error) (accounts.Lease, error) {
				mu.Lock()
				defer mu.Unlock()
				key := [2]string{l.Name, l.Holder}
				if first[key] == 0 {
					first[key] = l.Fence
				}
				l.Fence = first[key]
				return l, err
			})(s)
		}},
	}
}

func refusalMutants() []leaseMutant {
	return []leaseMutant{
		{name: "says only that it is leased", caught: one(leaseToldWho), breaks: refusing(func(accounts.LeasedError) error { return accounts.ErrLeased })},
		{name: "names no holder", model: true, caught: one(leaseToldWho), breaks: refusing(func(e accounts.LeasedError) error { e.Holder = ""; return &e })},
		{name: "names no lease", caught: one(leaseToldWho), breaks: refusing(func(e accounts.LeasedError) error { e.Name = ""; return &e })},
		{name: "says that it is over", model: true, caught: one(leaseToldWho), breaks: refusing(func(e accounts.LeasedError) error { e.Left = 0; return &e })},
		{name: "says that it is long", model: true, caught: one(leaseToldWho), breaks: refusing(func(e accounts.LeasedError) error { e.Left *= 2; return &e })},
		{name: "returns what another has", caught: one(leaseToldWho), breaks: answering(func(l accounts.Lease, err error) (accounts.Lease, error) {
			if errors.Is(err, accounts.ErrLeased) {
				l.Fence = 1
			}
			return l, err
		})},
		{name: "takes it from another", model: true, caught: []string{leaseToldWho, leaseRefusal, leaseRace, leaseOrdered, leaseLasts},
			breaks: func(s LeaseStore) LeaseStore {
				taking := leased(func(ctx context.Context, s LeaseStore, current accounts.Lease, _, _ time.Duration) {
					_ = s.EndLease(ctx, current)
				})(s)
				return leasing(func(ctx context.Context, _ LeaseStore, name, holder string, ttl time.Duration) (accounts.Lease, error) {
					l, err := taking.Lease(ctx, name, holder, ttl)
					if errors.Is(err, accounts.ErrLeased) {
						return s.Lease(ctx, name, holder, ttl)
					}
					return l, err
				})(s)
			}},
		{name: "a refusal makes it longer", model: true, caught: one(leaseRefusal),
			breaks: leased(func(ctx context.Context, s LeaseStore, current accounts.Lease, _, ttl time.Duration) {
				_, _ = s.Lease(ctx, current.Name, current.Holder, ttl)
			})},
		{name: "a refusal ends it", model: true, caught: []string{leaseRefusal, leaseOrdered},
			breaks: leased(func(ctx context.Context, s LeaseStore, current accounts.Lease, _, _ time.Duration) {
				_ = s.EndLease(ctx, current)
			})},
		{name: "a refusal counts", model: true, caught: one(leaseRefusal),
			breaks: leased(func(ctx context.Context, s LeaseStore, current accounts.Lease, left, _ time.Duration) {
				_, _ = again(ctx, s, current, left)
			})},
	}
}

func renewalMutants() []leaseMutant {
	return []leaseMutant{
		{name: "a renewal counts", model: true, caught: []string{leaseRenewal, leaseRefusal, leaseOneHolder, leaseOrdered}, breaks: renewing(again)},
		{name: "a renewal is refused", model: true, caught: []string{leaseRenewal, leaseOneHolder},
			breaks: renewing(func(_ context.Context, _ LeaseStore, l accounts.Lease, ttl time.Duration) (accounts.Lease, error) {
				return accounts.Lease{}, &accounts.LeasedError{Name: l.Name, Holder: l.Holder, Left: ttl}
			})},
		{name: "a renewal does nothing", model: true, caught: one("a renewal makes the lease longer"),
			breaks: renewing(func(_ context.Context, _ LeaseStore, l accounts.Lease, _ time.Duration) (accounts.Lease, error) {
				return l, nil
			})},
		{name: "a renewal sets the end", caught: one("a renewal never shortens the lease"),
			breaks: renewing(func(ctx context.Context, s LeaseStore, l accounts.Lease, ttl time.Duration) (accounts.Lease, error) {
				_, err := again(ctx, s, l, ttl)
				return l, err
			})},
		{name: "a lease never ends", model: true, caught: []string{leaseNextFence, leaseOwnFence, leaseLasts, leaseRefusal},
			breaks: leasing(func(ctx context.Context, s LeaseStore, name, holder string, _ time.Duration) (accounts.Lease, error) {
				return s.Lease(ctx, name, holder, long)
			})},
		{name: "a short lease ends at once", caught: one(leaseLasts),
			breaks: leasing(func(ctx context.Context, s LeaseStore, name, holder string, ttl time.Duration) (accounts.Lease, error) {
				l, err := s.Lease(ctx, name, holder, ttl)
				if err == nil && ttl == accounts.MinLease {
					err = s.EndLease(ctx, l)
				}
				return l, err
			})},
	}
}

func endMutants() []leaseMutant {
	return []leaseMutant{
		{name: "EndLease does nothing", model: true, caught: []string{leaseEnded, leaseNeverFalls, leaseOrdered, leaseRace},
			breaks: ending(func(context.Context, LeaseStore, accounts.Lease) error { return nil })},
		{name: "EndLease counts", model: true, caught: []string{leaseEnded, leaseNeverFalls, leaseOrdered},
			breaks: ending(func(ctx context.Context, s LeaseStore, l accounts.Lease) error {
				if err := s.EndLease(ctx, l); err != nil {
					return err
				}
				if l, err := s.Lease(ctx, l.Name, "nobody", long); err == nil {
					return s.EndLease(ctx, l)
				}
				return nil
			})},
		{name: "EndLease forgets the fence", model: true, caught: []string{leaseEnded, leaseNeverFalls}, breaks: forgetsFences},
		{name: "EndLease ignores the fence", model: true, caught: []string{leaseOfAnother, leaseOrdered},
			breaks: ending(func(ctx context.Context, s LeaseStore, l accounts.Lease) error {
				if current, err := s.Lease(ctx, l.Name, l.Holder, accounts.MinLease); err == nil {
					l = current
				}
				return s.EndLease(ctx, l)
			})},
		{name: "EndLease ignores the holder", model: true, caught: one(leaseOfAnother),
			breaks: ending(func(ctx context.Context, s LeaseStore, l accounts.Lease) error {
				var leased *accounts.LeasedError
				if _, err := s.Lease(ctx, l.Name, "nobody", accounts.MinLease); errors.As(err, &leased) {
					l.Holder = leased.Holder
				}
				return s.EndLease(ctx, l)
			})},
		{name: "EndLease ends every name", caught: one(leaseEnded), breaks: func(s LeaseStore) LeaseStore {
			return ending(func(ctx context.Context, s LeaseStore, l accounts.Lease) error {
				return errors.Join(s.EndLease(ctx, l), s.EndLease(ctx, accounts.Lease{Name: "other", Holder: l.Holder, Fence: l.Fence}))
			})(s)
		}},
		{name: "EndLease of nothing is an error", caught: one(leaseOfAnother),
			breaks: ending(func(ctx context.Context, s LeaseStore, l accounts.Lease) error {
				return errors.Join(s.EndLease(ctx, l), accounts.CheckLease(l.Name, l.Holder, long))
			})},
	}
}

// forgetsFences begins at 1 again after an EndLease.
func forgetsFences(s LeaseStore) LeaseStore {
	var mu sync.Mutex
	before := map[string]int64{} // the fences that are forgotten
	forgotten := func(name string) int64 {
		mu.Lock()
		defer mu.Unlock()
		return before[name]
	}
	return &brokenLeases{LeaseStore: s,
		lease: func(ctx context.Context, name, holder string, ttl time.Duration) (accounts.Lease, error) {
			l, err := s.Lease(ctx, name, holder, ttl)
			l.Fence -= forgotten(name)
			return l, err
		},
		end: func(ctx context.Context, l accounts.Lease) error {
			l.Fence += forgotten(l.Name)
			mu.Lock()
			before[l.Name] = l.Fence
			mu.Unlock()
			return s.EndLease(ctx, l)
		}}
}

func leaseInputMutants() []leaseMutant {
	// naming changes what Lease is asked for, and not what it answers.
	naming := func(f func(name, holder string) (string, string)) func(LeaseStore) LeaseStore {
		return leasing(func(ctx context.Context, s LeaseStore, name, holder string, ttl time.Duration) (accounts.Lease, error) {
			n, h := f(name, holder)
			l, err := s.Lease(ctx, n, h, ttl)
			if err == nil {
				l.Name, l.Holder = name, holder
			}
			return l, err
		})
	}
	deaf := context.WithoutCancel
	return []leaseMutant{
		{name: "names ignore case", caught: one(leaseBytes), breaks: naming(func(n, h string) (string, string) { return strings.ToLower(n), h })},
		{name: "names ignore spaces", caught: one(leaseBytes), breaks: naming(func(n, h string) (string, string) { return strings.TrimSpace(n), h })},
		{name: "holders ignore case", caught: one(leaseBytes), breaks: naming(func(n, h string) (string, string) { return n, strings.ToLower(h) })},
		{name: "there is one lease", model: true, caught: []string{leaseFirst, leaseBytes}, breaks: naming(func(_, h string) (string, string) { return "name", h })},
		{name: "takes any name", caught: one(leaseInvalid), breaks: naming(func(n, h string) (string, string) {
			if accounts.CheckLease(n, "a", long) != nil {
				n = "invalid"
			}
			return n, h
		})},
		{name: "takes any holder", caught: one(leaseInvalid), breaks: naming(func(n, h string) (string, string) {
			if accounts.CheckLease("a", h, long) != nil {
				h = "invalid"
			}
			return n, h
		})},
		{name: "takes any ttl", caught: one(leaseInvalid), breaks: leasing(func(ctx context.Context, s LeaseStore, name, holder string, ttl time.Duration) (accounts.Lease, error) {
			return s.Lease(ctx, name, holder, min(max(ttl, accounts.MinLease), accounts.MaxLease))
		})},
		{name: "refuses spaces", caught: []string{leaseInvalid, leaseBytes}, breaks: leasing(func(ctx context.Context, s LeaseStore, name, holder string, ttl time.Duration) (accounts.Lease, error) {
			if strings.Contains(name, " ") {
				return accounts.Lease{}, accounts.ErrInvalid
			}
			return s.Lease(ctx, name, holder, ttl)
		})},
		{name: "what is invalid takes the lease", caught: one(leaseInvalid), breaks: leasing(func(ctx context.Context, s LeaseStore, name, holder string, ttl time.Duration) (accounts.Lease, error) {
			l, err := s.Lease(ctx, name, holder, ttl)
			if errors.Is(err, accounts.ErrInvalid) {
				_, _ = s.Lease(ctx, "name", "invalid", long)
			}
			return l, err
		})},
		{name: "Lease does not look at the context", caught: one(leaseDone), breaks: leasing(func(ctx context.Context, s LeaseStore, name, holder string, ttl time.Duration) (accounts.Lease, error) {
			return s.Lease(deaf(ctx), name, holder, ttl)
		})},
		{name: "Lease acts first", caught: one(leaseDone), breaks: leasing(func(ctx context.Context, s LeaseStore, name, holder string, ttl time.Duration) (accounts.Lease, error) {
			l, err := s.Lease(deaf(ctx), name, holder, ttl)
			return l, errors.Join(ctx.Err(), err)
		})},
		{name: "EndLease does not look at the context", caught: one(leaseDone), breaks: ending(func(ctx context.Context, s LeaseStore, l accounts.Lease) error {
			return s.EndLease(deaf(ctx), l)
		})},
		{name: "EndLease acts first", caught: one(leaseDone), breaks: ending(func(ctx context.Context, s LeaseStore, l accounts.Lease) error {
			return errors.Join(s.EndLease(deaf(ctx), l), ctx.Err())
		})},
		{name: "Close closes nothing", caught: one("after Close there are no leases"), breaks: func(s LeaseStore) LeaseStore {
			return struct {
				accounts.LeaseStore
				neverClosed
			}{LeaseStore: s}
		}},
	}
}

type neverClosed struct{}

func (neverClosed) Close() error { return nil }

// withStores runs f in a bubble, where no time passes in waiting.
func withStores(t *testing.T, f func(t *testing.T, a, b LeaseStore)) {
	synctest.Test(t, func(t *testing.T) {
		a, b := memstore.New(), memstore.New()
		defer a.Close()
		defer b.Close()
		f(t, a, b)
	})
}

// Every check of leases catches the mutants that are made for it, and none is without one.
func TestLeaseChecksCatchBrokenStores(t *testing.T) {
	unused := map[string]leaseCheck{}
	for _, c := range leaseChecks() {
		unused[c.name] = c
	}
	byName := maps.Clone(unused)
	for _, m := range leaseMutants() {
		require.NotEmpty(t, m.caught, "the mutant %q names no check", m.name)
		for _, name := range m.caught {
			delete(unused, name)
			t.Run(m.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				c, exists := byName[name]
				require.True(t, exists, "there is no check %q", name)
				withStores(t, func(t *testing.T, a, _ LeaseStore) {
					s := m.breaks(a)
					require.NotEmpty(t, record(t, 2*patience, func(r T) { c.run(r, s, s) }), "the check passes a store that is broken")
				})
			})
		}
	}
	require.Empty(t, unused, "checks for which no mutant is made")
}

// What fails the mutants is what is broken in them.
func TestLeaseChecksPassASoundStore(t *testing.T) {
	for _, c := range leaseChecks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			withStores(t, func(t *testing.T, a, _ LeaseStore) {
				s := &brokenLeases{LeaseStore: a}
				require.Empty(t, record(t, 2*patience, func(r T) { c.run(r, s, s) }), "a sound store failed")
			})
		})
	}
}

// Two stores that share nothing are no two processes on one store.
func TestLeaseChecksCatchStoresThatShareNothing(t *testing.T) {
	ofOne := []string{leaseFirst, leaseInvalid, "after Close there are no leases"}
	for _, c := range leaseChecks() {
		if slices.Contains(ofOne, c.name) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			withStores(t, func(t *testing.T, a, b LeaseStore) {
				require.NotEmpty(t, record(t, 2*patience, func(r T) { c.run(r, a, b) }), "the check passes two stores that share nothing")
			})
		})
	}
}

// The model catches what is wrong whenever time passes, and passes a sound store.
func TestLeaseModelCatchesBrokenStores(t *testing.T) {
	// differs returns where one of many scripts finds a difference.
	differs := func(t *testing.T, s LeaseStore) error {
		scripts := leaseScripts()
		for seed := range 200 {
			if err := runLeaseScript(t.Context(), s, fmt.Sprint(seed, " "), scripts.Example(seed), time.Sleep); err != nil {
				return err
			}
		}
		return nil
	}
	withStores(t, func(t *testing.T, a, _ LeaseStore) { require.NoError(t, differs(t, a), "a sound store") })
	for _, m := range leaseMutants() {
		if m.model {
			t.Run(m.name, func(t *testing.T) {
				withStores(t, func(t *testing.T, a, _ LeaseStore) {
					require.Error(t, differs(t, m.breaks(a)), "the model takes it for sound")
				})
			})
		}
	}
}
