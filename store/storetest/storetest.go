// Package storetest is the conformance suite that any accounts.Store runs: one check for each
// sentence of its contract. A store that passes it can take the place of any other that does.
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T) accounts.Store { return memstore.New() })
//	}
//
// RunLeases and RunLeaseModel are the suite of accounts.LeaseStore.
//
// The suite proves that it can fail: its own tests run every check against a store that breaks
// just the sentence in question.
package storetest

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// T is the part of *testing.T that the checks use.
type T interface {
	require.TestingT
	Helper()
	Context() context.Context
}

// Subject is what some checks of the suite are about. A second configuration of a store that passes
// the whole suite may run the checks alone in which it can differ.
type Subject int

// The subjects.
const (
	General     Subject = iota // what holds for every method
	Profiles                   // the methods about profiles
	Active                     // SetActiveProfile and ActiveProfile
	Append                     // the method
	Locked                     // AppendLocked
	Entries                    // the method
	Lookup                     // the method
	Checkpoints                // SaveCheckpoint and Checkpoint
	Watch                      // the method
	Concurrency                // calls at once
)

// check is one sentence of the contract and what proves it.
type check struct {
	name string // the sentence, shortened
	run  func(T, accounts.Store)
}

// suite is all checks. Each is given an empty store of its own.
var suite = []struct {
	about  Subject
	checks func() []check
}{
	{General, generalChecks}, {Profiles, profileChecks}, {Active, activeChecks}, {Append, appendChecks}, {Locked, lockedChecks},
	{Entries, entriesChecks}, {Lookup, lookupChecks}, {Checkpoints, checkpointChecks}, {Watch, watchChecks}, {Concurrency, concurrencyChecks},
}

// checks returns the checks about the subjects; without subjects, all.
func checks(about ...Subject) []check {
	var list []check
	for _, part := range suite {
		if isAbout(about, part.about) {
			list = append(list, part.checks()...)
		}
	}
	return list
}

func isAbout(chosen []Subject, s Subject) bool { return len(chosen) == 0 || slices.Contains(chosen, s) }

// Run runs the suite, or its checks about the subjects, each check as a parallel subtest of t.
// newStore is called once for each, concurrently, and must return a fresh, empty store that is open
// and shares nothing with the others; it fails t if it cannot. The suite closes the store when the
// subtest is over.
func Run(t *testing.T, newStore func(t *testing.T) accounts.Store, about ...Subject) {
	t.Helper()
	for _, c := range checks(about...) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newStore(t)
			closeAfter(t, s)
			c.run(t, s)
		})
	}
}

// RunShared runs the checks about several processes that use one store: newStores returns two
// stores, opened separately, that keep their data in one place, which is fresh and empty. It is
// for stores that can be opened twice; otherwise as Run.
func RunShared(t *testing.T, newStores func(t *testing.T) (a, b accounts.Store), about ...Subject) {
	t.Helper()
	for _, c := range sharedChecks() {
		if !isAbout(about, c.about) {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a, b := newStores(t)
			closeAfter(t, a)
			closeAfter(t, b)
			c.run(t, a, b)
		})
	}
}

func closeAfter(t *testing.T, s accounts.Store) {
	t.Cleanup(func() {
		require.NoError(t, s.Close(), "Close, at the end of the test, failed")
	})
}
