package risk_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// TestNoTimeZones: without the zone of New York nothing is permitted, and nothing begins.
func TestNoTimeZones(t *testing.T) {
	bare := loose()
	named := bare.Clone()
	named.TimeZone = "Europe/Atlantis"
	require.NoError(t, bare.Validate(), "the zone of New York")
	store := memstore.New()
	t.Cleanup(func() { require.NoError(t, store.Close(), "close the store") })
	risk.LoseNewYork(t)

	for _, limits := range []risk.Limits{*bare, named} {
		err := limits.Validate()
		require.Equal(t, []string{"TimeZone"}, wrongFields(t, err), "limits in %q", limits.TimeZone)
		require.ErrorContains(t, err, "import time/tzdata", "what to do is not said")
	}
	_, err := accounts.New(store)
	require.Equal(t, []string{"time zone"}, wrongFields(t, err),
		"a manager without the zone that days are counted in")
	require.ErrorContains(t, err, "import time/tzdata", "New does not say what to do")
	fold := accounts.NewFold("p", "USD")
	err = fold.Apply(accounts.Entry{ProfileID: "p", Seq: 1})
	require.ErrorIs(t, err, invalid.Err, "a book was folded without the zone")
	require.NotErrorIs(t, err, accounts.ErrCorrupt, "what is missing is not in the journal")
	require.Zero(t, fold.Seq(), "the book has changed")
}

func TestLocation(t *testing.T) {
	for name, want := range map[string]string{"": "America/New_York",
		"America/New_York": "America/New_York", "Europe/Berlin": "Europe/Berlin"} {
		l := risk.Limits{TimeZone: name}
		zone, err := l.Location()
		require.NoError(t, err, "zone %q", name)
		require.Equal(t, want, zone.String(), "zone %q", name)
	}
	for _, name := range []string{"Local", "Europe/Atlantis", "../etc/passwd"} {
		l := risk.Limits{TimeZone: name}
		zone, err := l.Location()
		require.Error(t, err, "zone %q", name)
		require.Nil(t, zone, "another zone takes the place of %q", name)
	}
}
