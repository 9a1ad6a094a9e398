package accounts

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestNoTimeZones is a machine without time zones, for a program that does not import time/tzdata.
func TestNoTimeZones(t *testing.T) {
	bare := DefaultLimits(Level100K, RiskBalanced)
	named := bare.Clone()
	named.TimeZone = "Europe/Atlantis"
	require.NoError(t, bare.Validate(), "the zone of New York")
	load := newYork
	t.Cleanup(func() { newYork = load })
	newYork = func() (*time.Location, error) { return loadZone("America/Atlantis") }

	for _, limits := range []RiskLimits{bare, named} {
		err := limits.Validate()
		require.ErrorIs(t, err, ErrInvalid, "limits in %q", limits.TimeZone)
		require.ErrorContains(t, err, "import time/tzdata", "what to do is not said")
		require.False(t, newPolicy(1, StatusActive, limits).sound, "limits in %q permit something", limits.TimeZone)
	}
	_, err := New(nil)
	require.ErrorIs(t, err, ErrInvalid)
	require.ErrorContains(t, err, "import time/tzdata", "New does not say what to do")
	book := NewBook("p", "USD")
	err = book.Apply(Entry{ProfileID: "p", Seq: 1})
	require.ErrorIs(t, err, ErrInvalid, "a book was folded without the zone")
	require.NotErrorIs(t, err, ErrCorrupt, "what is missing is not in the journal")
	require.Zero(t, book.Seq(), "the book has changed")
}

func TestCheckpointInAnUnknownZoneIsNotUsed(t *testing.T) {
	limits := DefaultLimits(Level100K, RiskBalanced)
	for name, want := range map[string]bool{"": true, "Europe/Berlin": true, "Europe/Atlantis": false} {
		limits.TimeZone = name
		b := NewBook("p", "USD")
		b.seq = 1
		b.risk.policy = &policy{version: 1, status: StatusActive, limits: limits, zone: time.UTC, sound: true}
		c, err := b.checkpoint()
		require.NoError(t, err)
		_, ok := bookFrom(c, "p", "USD")
		require.Equal(t, want, ok, "zone %q", name)
	}
}
