package storetest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // not every machine has time zones

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/memstore"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// inVain is how long a check may wait for what a mutant never does; a sound store needs a few
// milliseconds for it.
const inVain = 300 * time.Millisecond

// recorder is a T that only remembers what failed.
type recorder struct {
	ctx      context.Context
	failures []string
}

func (r *recorder) Helper()                  {}
func (r *recorder) Context() context.Context { return r.ctx }
func (r *recorder) FailNow()                 { runtime.Goexit() }
func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// record runs a check to its end or first failure and returns what failed. The check waits at
// most so long for what does not happen.
func record(t *testing.T, patience time.Duration, run func(T)) []string {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	r := &recorder{ctx: ctx}
	done := make(chan struct{})
	go func() { // FailNow ends the goroutine it is called on
		defer close(done)
		run(r)
	}()
	<-done
	return r.failures
}

// mutant is a store in which one sentence of the contract does not hold.
type mutant struct {
	name   string
	caught []string // the names of the checks that must fail
	waits  bool     // it is caught by waiting in vain
	breaks func(accounts.Store) *broken
}

func mutants() []mutant {
	return slices.Concat(generalMutants(), deafMutants(), profileMutants(), activeMutants(),
		appendMutants(), lockedMutants(), entriesMutants(), lookupMutants(), checkpointMutants(), watchMutants(), concurrencyMutants())
}

// Every check catches the mutants that are made for it.
func TestChecksCatchBrokenStores(t *testing.T) {
	byName := make(map[string]check)
	for _, c := range checks() {
		byName[c.name] = c
	}
	for _, m := range mutants() {
		for _, name := range m.caught {
			t.Run(m.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				c, exists := byName[name]
				require.True(t, exists, "there is no check %q", name)
				patience := patience
				if m.waits {
					patience = inVain
				}
				inner := memstore.New()
				defer inner.Close()
				s := m.breaks(inner)
				failures := record(t, patience, func(r T) { c.run(r, s) })
				require.NotEmpty(t, failures, "the check passes a store that is broken")
				if !m.waits {
					all := strings.Join(failures, "\n")
					require.NotContains(t, all, "in vain", "the check waited where it should have seen")
					require.NotContains(t, all, "did not return", "the check waited where it should have seen")
				}
			})
		}
	}
}

// No check is without a store that it fails, else it would prove nothing.
func TestEveryCheckCanFail(t *testing.T) {
	caught := make(map[string]bool)
	for _, m := range mutants() {
		require.NotEmpty(t, m.caught, "the mutant %q names no check", m.name)
		for _, name := range m.caught {
			caught[name] = true
		}
	}
	for _, c := range checks() {
		require.True(t, caught[c.name], "no mutant is made for the check %q", c.name)
	}
}

// Every check is about one subject, and all subjects together are the suite.
func TestSubjectsAreTheSuite(t *testing.T) {
	var whole, parts []string
	for _, c := range checks() {
		whole = append(whole, c.name)
	}
	for s := General; s <= Concurrency; s++ {
		for _, c := range checks(s) {
			parts = append(parts, c.name)
		}
	}
	require.NotEmpty(t, whole, "there are no checks")
	require.Equal(t, whole, parts, "the checks of the subjects, one after another, are not the suite")
	require.Len(t, checks(Append, Watch), len(checks(Append))+len(checks(Watch)), "two subjects are not the checks of both")
}

// A store that keeps the contract passes under the recorder too: what fails the mutants is what
// is broken in them.
func TestChecksPassASoundStore(t *testing.T) {
	for _, c := range checks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			inner := memstore.New()
			defer inner.Close()
			require.Empty(t, record(t, patience, func(r T) { c.run(r, &broken{Store: inner}) }), "a sound store failed")
		})
	}
}

// Two stores that share nothing are no two processes on one store.
func TestSharedChecksCatchStoresThatShareNothing(t *testing.T) {
	for _, c := range sharedChecks() {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := memstore.New(), memstore.New()
			defer a.Close()
			defer b.Close()
			failures := record(t, inVain, func(r T) { c.run(r, a, b) })
			require.NotEmpty(t, failures, "the check passes two stores that share nothing")
		})
	}
}
