package storetest

import (
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

func activeChecks() []check {
	return []check{
		{"ActiveProfile returns the id last set for the owner", checkActive},
		{"ActiveProfile is ErrNoActiveProfile when there is none", checkNoActive},
		{"SetActiveProfile sets LastUsedAt and nothing else", checkActiveTouches},
		{"SetActiveProfile with an empty id leaves the owner without one and touches no profile", checkActiveCleared},
		{"SetActiveProfile refuses what the owner does not have", checkActiveMiss},
		{"repeating SetActiveProfile is not an error", checkActiveRepeated},
	}
}

func setActive(t T, s accounts.Store, owner accounts.OwnerID, id accounts.ProfileID, at time.Time) {
	t.Helper()
	require.NoError(t, s.SetActiveProfile(t.Context(), owner, id, at), "SetActiveProfile of %q for owner %q failed", id, owner)
}

func requireActive(t T, s accounts.Store, owner accounts.OwnerID, want accounts.ProfileID, message string) {
	t.Helper()
	got, err := s.ActiveProfile(t.Context(), owner)
	require.NoError(t, err, message)
	require.Equal(t, want, got, message)
}

// "ActiveProfile returns the id last set for the owner."
func checkActive(t T, s accounts.Store) {
	create(t, s, owned("a", "a1"), owned("a", "a2"), owned("b", "b1"), profile("p"))
	setActive(t, s, "a", "a1", day)
	setActive(t, s, "b", "b1", day)
	setActive(t, s, "", "p", day)
	setActive(t, s, "a", "a2", day)
	requireActive(t, s, "a", "a2", "not the profile that was set last")
	requireActive(t, s, "b", "b1", "another owner's switch changed it")
	requireActive(t, s, "", "p", "the empty owner is an owner like any other")
	setActive(t, s, "a", "a1", day.Add(-time.Hour))
	requireActive(t, s, "a", "a1", "last is what was set last, whatever its time")
}

// "ErrNoActiveProfile when there is none."
func checkNoActive(t T, s accounts.Store) {
	create(t, s, owned("a", "a1"), owned("b", "b1"))
	setActive(t, s, "b", "b1", day)
	for _, owner := range []accounts.OwnerID{"a", "", "unknown"} {
		_, err := s.ActiveProfile(t.Context(), owner)
		require.ErrorIs(t, err, accounts.ErrNoActiveProfile, "owner %q never had an active profile", owner)
	}
}

// "sets that profile's LastUsedAt to at, without changing its Version."
func checkActiveTouches(t T, s accounts.Store) {
	p := create(t, s, profile("p"), profile("q"))
	for _, at := range []time.Time{day.Add(time.Hour), day.Add(time.Minute)} {
		setActive(t, s, "", "p", at)
		p.LastUsedAt = at
		requireProfile(t, s, p, "SetActiveProfile did not set LastUsedAt, or changed something else")
	}
	requireProfile(t, s, profile("q"), "SetActiveProfile touched another profile")
	p.Name = "New name"
	require.NoError(t, s.UpdateProfile(t.Context(), p), "UpdateProfile with the version from before the switch failed")
}

// "An empty id leaves the owner without an active profile and touches no profile."
func checkActiveCleared(t T, s accounts.Store) {
	p := create(t, s, owned("a", "a1"), owned("b", "b1"))
	setActive(t, s, "a", "", day) // there was none
	setActive(t, s, "a", "a1", day)
	setActive(t, s, "b", "b1", day)
	setActive(t, s, "a", "", day.Add(time.Hour))
	_, err := s.ActiveProfile(t.Context(), "a")
	require.ErrorIs(t, err, accounts.ErrNoActiveProfile, "an empty id left the owner with an active profile")
	requireActive(t, s, "b", "b1", "an empty id changed another owner's active profile")
	p.LastUsedAt = day
	requireProfile(t, s, p, "an empty id touched the profile that was active")
}

// "ErrProfileNotFound when the owner has no profile with the id."
func checkActiveMiss(t T, s accounts.Store) {
	create(t, s, owned("a", "a1"), owned("b", "b1"), profile("p"))
	setActive(t, s, "a", "a1", day)
	for _, id := range []accounts.ProfileID{"unknown", "b1", "p"} {
		err := s.SetActiveProfile(t.Context(), "a", id, day.Add(time.Hour))
		require.ErrorIs(t, err, accounts.ErrProfileNotFound, "owner a switched to %q, which it does not have", id)
	}
	err := s.SetActiveProfile(t.Context(), "", "a1", day)
	require.ErrorIs(t, err, accounts.ErrProfileNotFound, "the empty owner switched to another owner's profile")
	requireActive(t, s, "a", "a1", "a refused SetActiveProfile changed the active profile")
	requireProfile(t, s, owned("b", "b1"), "a refused SetActiveProfile touched another owner's profile")
}

// "Repeating it is not an error."
func checkActiveRepeated(t T, s accounts.Store) {
	create(t, s, profile("p"))
	for range 3 {
		setActive(t, s, "", "p", day)
	}
	requireActive(t, s, "", "p", "repeating SetActiveProfile changed the active profile")
}
