package pgstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/risk"
)

// One row that this version does not understand leaves all others as they are, may trade nothing, and
// cannot be written over.
func TestUnreadableProfile(t *testing.T) {
	t.Parallel()
	s := newStore(t, "postgres", migrated.Reused(t))
	t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
	for i := range 4 {
		require.NoError(t, s.CreateProfile(t.Context(), testProfile(i)), "CreateProfile failed")
	}
	run(t, s.db, `UPDATE trading.account_profiles SET limits = '{"account": "margin", "a_newer_limit": 1}' WHERE profile_id = 'profile-01'`,
		`UPDATE trading.account_profiles SET created_at = 'infinity', last_used_at = '-infinity' WHERE profile_id = 'profile-02'`)
	_, err := s.Profile(t.Context(), "profile-01")
	require.ErrorIs(t, err, accounts.ErrInvalid, "limits that nobody knows were taken")
	require.ErrorContains(t, err, `"profile-01", column limits`, "the error does not say which row and column")
	p, err := s.Profile(t.Context(), "profile-02")
	require.NoError(t, err, "a time that is infinite")
	require.True(t, p.CreatedAt.IsZero(), "a time that is infinite is a time")

	list, err := s.Profiles(t.Context(), accounts.ProfileFilter{})
	require.NoError(t, err, "one row fails the list")
	require.Len(t, list, 4, "a profile is not listed")
	odd := list[1]
	require.Equal(t, accounts.StatusSuspended, odd.Status, "it may be traded")
	require.Equal(t, &risk.Limits{}, odd.Limits, "its limits permit something")
	odd.Limits = nil
	require.ErrorIs(t, s.UpdateProfile(t.Context(), odd), accounts.ErrConflict, "the limits that nobody knows were written over")

	// A page that lacks it is as long as another.
	f := accounts.ProfileFilter{Statuses: []accounts.ProfileStatus{accounts.StatusActive}, Limit: 2}
	list, err = s.Profiles(t.Context(), f)
	require.NoError(t, err, "one row fails the list")
	require.Len(t, list, 2, "a short page looks like the last one")
	require.Equal(t, accounts.ProfileID("profile-02"), list[1].ID, "the page has another than the next")
	f.After = list[1].ID
	list, err = s.Profiles(t.Context(), f)
	require.NoError(t, err, "one row fails the list")
	require.Len(t, list, 1, "the last page")
}
