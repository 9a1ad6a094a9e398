package accounts_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/memstore"
)

// unprintable panics when it is printed.
type unprintable struct{}

func (unprintable) String() string { panic(unprintable{}) }

// An observer that ends the goroutine in which a portfolio is opened, as a failed test does, leaves
// no portfolio that is neither open nor failed.
func TestAnObserverThatEndsAnOpening(t *testing.T) {
	exit := true
	m, err := accounts.New(memstore.New(), accounts.WithObserver(observe(func(_ context.Context, o accounts.Observation) {
		if o.Kind == accounts.ObservedOpen && exit {
			exit = false
			runtime.Goexit()
		}
	})))
	require.NoError(t, err)
	profile, err := m.CreateProfile(t.Context(), accounts.Optimal100K("DU1000100"))
	require.NoError(t, err)
	_, err = m.Portfolio(t.Context(), profile.ID)
	require.ErrorIs(t, err, accounts.ErrOutcomeUnknown, "an opening that was broken off")
	_, err = m.Portfolio(t.Context(), profile.ID)
	require.NoError(t, err, "the next call tries again")
	require.NoError(t, m.Close())
}

func TestAnObserverThatPanicsUnprintably(t *testing.T) {
	m, err := accounts.New(memstore.New(), accounts.WithObserver(observe(func(context.Context, accounts.Observation) {
		panic(unprintable{})
	})))
	require.NoError(t, err)
	profile, err := m.CreateProfile(t.Context(), accounts.Optimal100K("DU1000100"))
	require.NoError(t, err)
	p, err := m.Portfolio(t.Context(), profile.ID)
	require.NoError(t, err)
	require.NoError(t, errOf(p.Record(t.Context(), trade(1, xyz, "1", "1"))))
	require.NoError(t, m.Close())
}
