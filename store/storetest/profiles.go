package storetest

import (
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

func profileChecks() []check {
	return []check{
		{"CreateProfile stores a profile exactly as given", checkCreate},
		{"CreateProfile refuses an id that is taken", checkCreateTakenID},
		{"CreateProfile refuses a name that the owner's other profile has", checkCreateTakenName},
		{"names are unique within an owner, not across owners", checkNamePerOwner},
		{"UpdateProfile replaces the profile and counts the version", checkUpdate},
		{"UpdateProfile refuses any other version", checkUpdateVersion},
		{"UpdateProfile of an unknown profile is a miss", checkUpdateMiss},
		{"UpdateProfile with a different owner is a miss", checkUpdateOwner},
		{"UpdateProfile ignores a different CreatedAt", checkUpdateCreatedAt},
		{"UpdateProfile ignores a different LastUsedAt", checkUpdateLastUsedAt},
		{"UpdateProfile refuses a name that the owner's other profile has", checkUpdateTakenName},
		{"UpdateProfile lets go of the name before", checkUpdateFreesName},
		{"UpdateProfile tells a conflict before a taken name", checkUpdatePrecedence},
		{"Profile returns the profile with the id, whatever its status", checkProfileStatus},
		{"Profile of an unknown id is a miss", checkProfileMiss},
		{"Profiles returns what matches the filter", checkFilter},
		{"Profiles is in ascending order of id", checkOrder},
		{"Profiles without a match is an empty slice and no error", checkNoMatch},
		{"Profiles pages by After and Limit", checkPaging},
	}
}

// archived returns the profile with StatusArchived.
func archived(p accounts.AccountProfile) accounts.AccountProfile {
	p.Status = accounts.StatusArchived
	return p
}

// "CreateProfile stores a new profile exactly as given": no defaults, no checks, any version.
func checkCreate(t T, s accounts.Store) {
	full := owned("owner", "full")
	full.Name = "Имя 'of' \"it\" — 100%; \\"
	full.RiskTolerance, full.CapitalLevel, full.Mode = accounts.RiskHigh, "7M", accounts.ModeLive
	full.Status, full.BaseCurrency, full.IBKRAccountID = accounts.StatusSuspended, "CNH", "U7654321"
	full.Version, full.LastUsedAt, full.Login = 42, day.Add(time.Hour), "main"
	bare := accounts.AccountProfile{ID: "bare", Name: "bare"}
	create(t, s, full, bare)
	requireProfile(t, s, full, "a profile was not stored as given")
	requireProfile(t, s, bare, "a profile without optional fields was not stored as given")
}

// "ErrProfileExists when the id is taken".
func checkCreateTakenID(t T, s accounts.Store) {
	p := create(t, s, profile("p"))
	again := owned("another", "p")
	again.Name = "Another"
	require.ErrorIs(t, s.CreateProfile(t.Context(), again), accounts.ErrProfileExists, "an id was accepted twice")
	require.ErrorIs(t, s.CreateProfile(t.Context(), p), accounts.ErrProfileExists,
		"with both id and name taken it is the profile that exists already")
	requireProfile(t, s, p, "a refused CreateProfile changed the profile")
}

// "ErrNameTaken when another profile of the same owner, archived ones included, has the name."
func checkCreateTakenName(t T, s accounts.Store) {
	create(t, s, owned("owner", "p"), archived(owned("owner", "old")), profile("nobody's"))
	for _, name := range []string{"Name of p", "Name of old"} {
		p := owned("owner", "new")
		p.Name = name
		require.ErrorIs(t, s.CreateProfile(t.Context(), p), accounts.ErrNameTaken, "the name %q was accepted twice", name)
	}
	p := profile("new")
	p.Name = "Name of nobody's"
	require.ErrorIs(t, s.CreateProfile(t.Context(), p), accounts.ErrNameTaken,
		"names of profiles without an owner are not unique")
	_, err := s.Profile(t.Context(), "new")
	require.ErrorIs(t, err, accounts.ErrProfileNotFound, "a refused CreateProfile stored the profile")
}

// "… another profile of the same owner": another owner's may have the name, and names differ in
// case and spaces.
func checkNamePerOwner(t T, s accounts.Store) {
	for i, p := range []accounts.AccountProfile{owned("a", "p0"), owned("b", "p1"), profile("p2")} {
		p.Name = "Shared"
		require.NoError(t, s.CreateProfile(t.Context(), p), "profile %d: another owner's name was refused", i)
	}
	for i, name := range []string{"shared", "SHARED", "Shared ", "Sharéd"} {
		p := profile(accounts.ProfileID(fmt.Sprintf("other-%d", i)))
		p.Name = name
		require.NoError(t, s.CreateProfile(t.Context(), p), "%q was taken for another name", name)
	}
}

// "UpdateProfile replaces the profile with p.ID if the stored Version equals p.Version, and
// stores it with Version+1."
func checkUpdate(t T, s accounts.Store) {
	p := create(t, s, owned("owner", "p"), owned("owner", "q"))
	p.Name, p.IBKRAccountID, p.CapitalLevel = "New name", "U1", "1M"
	p.RiskTolerance, p.Mode, p.Status = accounts.RiskLow, accounts.ModeLive, accounts.StatusInactive
	p.BaseCurrency, p.Gateway, p.Login = "EUR", accounts.Gateway{Host: "gateway", Port: 7496, ClientID: 1}, "other"
	p.UpdatedAt = day.Add(time.Hour)
	require.NoError(t, s.UpdateProfile(t.Context(), p), "UpdateProfile with the stored version failed")
	p.Version++
	requireProfile(t, s, p, "UpdateProfile did not replace every field and count the version")
	p.Gateway, p.Login = accounts.Gateway{}, ""
	require.NoError(t, s.UpdateProfile(t.Context(), p), "UpdateProfile under the same name failed")
	p.Version++
	requireProfile(t, s, p, "a second UpdateProfile did not replace the profile")
	requireProfile(t, s, owned("owner", "q"), "UpdateProfile changed another profile")
}

// "ErrConflict on any other version."
func checkUpdateVersion(t T, s accounts.Store) {
	p := profile("p")
	p.Version = 5
	create(t, s, p)
	for _, version := range []int64{4, 6, 0, -1} {
		changed := p
		changed.Version, changed.Name = version, "Changed"
		require.ErrorIs(t, s.UpdateProfile(t.Context(), changed), accounts.ErrConflict,
			"version %d was accepted where 5 is stored", version)
	}
	requireProfile(t, s, p, "a refused UpdateProfile changed the profile")
}

// "ErrProfileNotFound on a miss".
func checkUpdateMiss(t T, s accounts.Store) {
	create(t, s, profile("p"))
	require.ErrorIs(t, s.UpdateProfile(t.Context(), profile("unknown")), accounts.ErrProfileNotFound,
		"an unknown profile was updated")
	_, err := s.Profile(t.Context(), "unknown")
	require.ErrorIs(t, err, accounts.ErrProfileNotFound, "UpdateProfile stored a new profile")
}

// "a different Owner is a miss".
func checkUpdateOwner(t T, s accounts.Store) {
	p := create(t, s, owned("owner", "p"))
	for _, owner := range []accounts.OwnerID{"another", ""} {
		changed := p
		changed.Owner = owner
		require.ErrorIs(t, s.UpdateProfile(t.Context(), changed), accounts.ErrProfileNotFound,
			"owner %q updated another's profile", owner)
		changed.Version++
		require.ErrorIs(t, s.UpdateProfile(t.Context(), changed), accounts.ErrProfileNotFound,
			"owner %q was told something about the version of another's profile", owner)
	}
	requireProfile(t, s, p, "a refused UpdateProfile changed the profile")
}

// "a different … LastUsedAt is ignored": a switch between reading and updating must not be lost.
func checkUpdateLastUsedAt(t T, s accounts.Store) {
	p := profile("p")
	create(t, s, p)
	require.NoError(t, s.SetActiveProfile(t.Context(), p.Owner, p.ID, day.Add(time.Hour)), "SetActiveProfile failed")
	require.NoError(t, s.UpdateProfile(t.Context(), p), "an update based on an earlier read was refused")
	require.Equal(t, day.Add(time.Hour), load(t, s, "p").LastUsedAt, "UpdateProfile changed LastUsedAt")
}

// "a different CreatedAt is ignored".
func checkUpdateCreatedAt(t T, s accounts.Store) {
	p := create(t, s, profile("p"))
	changed := p
	changed.CreatedAt = day.Add(time.Hour)
	require.NoError(t, s.UpdateProfile(t.Context(), changed), "a different CreatedAt was refused")
	require.Equal(t, p.CreatedAt, load(t, s, "p").CreatedAt, "UpdateProfile changed CreatedAt")
}

// "ErrNameTaken as for CreateProfile."
func checkUpdateTakenName(t T, s accounts.Store) {
	p := create(t, s, owned("owner", "p"), archived(owned("owner", "old")), owned("another", "q"))
	changed := p
	changed.Name = "Name of old"
	require.ErrorIs(t, s.UpdateProfile(t.Context(), changed), accounts.ErrNameTaken,
		"a profile was renamed to another's name")
	requireProfile(t, s, p, "a refused UpdateProfile changed the profile")
	changed.Name = "Name of q"
	require.NoError(t, s.UpdateProfile(t.Context(), changed), "the name of another owner's profile was refused")
}

// "another profile … has the name": the name before is free, the new one is not.
func checkUpdateFreesName(t T, s accounts.Store) {
	p := create(t, s, profile("p"))
	p.Name = "New name"
	require.NoError(t, s.UpdateProfile(t.Context(), p), "UpdateProfile failed")
	heir := profile("heir")
	heir.Name = "New name"
	require.ErrorIs(t, s.CreateProfile(t.Context(), heir), accounts.ErrNameTaken, "the new name was accepted twice")
	heir.Name = "Name of p"
	require.NoError(t, s.CreateProfile(t.Context(), heir), "a name that was let go is still taken")
}

// The errors of UpdateProfile in the order in which the contract names them.
func checkUpdatePrecedence(t T, s accounts.Store) {
	p := create(t, s, profile("p"), profile("q"))
	p.Name, p.Version = "Name of q", 9
	require.ErrorIs(t, s.UpdateProfile(t.Context(), p), accounts.ErrConflict,
		"with a stale version and a taken name it is the conflict that counts")
}

// "Profile returns the profile with the id, whatever its status."
func checkProfileStatus(t T, s accounts.Store) {
	for _, status := range []accounts.ProfileStatus{
		accounts.StatusActive, accounts.StatusInactive, accounts.StatusSuspended, accounts.StatusArchived,
	} {
		p := profile(accounts.ProfileID(status))
		p.Status = status
		create(t, s, p)
		requireProfile(t, s, p, "Profile returned something else")
	}
}

// "ErrProfileNotFound on a miss." Ids are compared byte by byte.
func checkProfileMiss(t T, s accounts.Store) {
	create(t, s, profile("p"))
	for _, id := range []accounts.ProfileID{"unknown", "P", "p ", ""} {
		_, err := s.Profile(t.Context(), id)
		require.ErrorIs(t, err, accounts.ErrProfileNotFound, "there is no profile %q", id)
	}
}

// fleet stores two owners' profiles of every status and of two levels, each level with one account.
func fleet(t T, s accounts.Store) []accounts.AccountProfile {
	t.Helper()
	var all []accounts.AccountProfile
	for _, owner := range []accounts.OwnerID{"", "alice", "bob"} {
		for _, status := range []accounts.ProfileStatus{accounts.StatusActive, accounts.StatusArchived, accounts.StatusInactive} {
			for _, level := range []accounts.CapitalLevel{accounts.Level100K, accounts.Level25K} {
				p := owned(owner, accounts.ProfileID(fmt.Sprintf("%s.%s.%s", owner, status, level)))
				p.Status, p.CapitalLevel, p.IBKRAccountID = status, level, fmt.Sprint("U-", level)
				all = append(all, p)
			}
		}
	}
	for i := range all { // stored in another order than they are to be listed in
		create(t, s, all[len(all)-1-i])
	}
	return all // ascending by id, as the loops are
}

// "Profiles returns the profiles that match the filter"; "Zero fields select everything."
func checkFilter(t T, s accounts.Store) {
	all := fleet(t, s)
	none, alice, unknown := accounts.OwnerID(""), accounts.OwnerID("alice"), accounts.OwnerID("unknown")
	active, archived := accounts.StatusActive, accounts.StatusArchived
	for _, f := range []accounts.ProfileFilter{
		{},
		{Owner: &none},
		{Owner: &alice},
		{Owner: &unknown},
		{Statuses: []accounts.ProfileStatus{active}},
		{Statuses: []accounts.ProfileStatus{archived, active}},
		{Statuses: []accounts.ProfileStatus{}},
		{Statuses: []accounts.ProfileStatus{"unknown"}},
		{Levels: []accounts.CapitalLevel{accounts.Level25K}},
		{Levels: []accounts.CapitalLevel{accounts.Level25K, "9M"}},
		{Owner: &alice, Statuses: []accounts.ProfileStatus{active}, Levels: []accounts.CapitalLevel{accounts.Level100K}},
		{Owner: &alice, Levels: []accounts.CapitalLevel{accounts.Level25K}, After: "alice.active.25K"},
		{IBKRAccountID: "U-25K"},
		{IBKRAccountID: "u-25k"},
		{IBKRAccountID: "U-25"},
		{IBKRAccountID: "U%"},
		{IBKRAccountID: "U-\x00"},
		{Owner: &alice, IBKRAccountID: "U-100K", Statuses: []accounts.ProfileStatus{active}},
		{IBKRAccountID: "U-100K", After: "alice.archived.100K", Limit: -1},
		{After: "bob"},
		{Limit: -1},
	} {
		want := []accounts.AccountProfile{}
		for _, p := range all {
			if f.Matches(p) {
				want = append(want, p)
			}
		}
		got, err := s.Profiles(t.Context(), f)
		require.NoError(t, err, "Profiles failed with %+v", f)
		require.Equal(t, ids(want), ids(got), "Profiles returned others than those that match %+v", f)
		require.Equal(t, want, got, "Profiles returned something else than what is stored, with %+v", f)
	}
}

func ids(profiles []accounts.AccountProfile) []accounts.ProfileID {
	list := make([]accounts.ProfileID, len(profiles))
	for i, p := range profiles {
		list[i] = p.ID
	}
	return list
}

// "in ascending order of id": byte by byte, as Go compares strings and no collation does.
func checkOrder(t T, s accounts.Store) {
	want := []accounts.ProfileID{"!", "-a", "1", "10", "2", "A", "B", "Z-", "Za", "_", "a", "a-1", "a1", "b", "~"}
	for i := range want {
		create(t, s, profile(want[(i*7+3)%len(want)])) // 7 has no factor in common with 15
	}
	got, err := s.Profiles(t.Context(), accounts.ProfileFilter{})
	require.NoError(t, err, "Profiles failed")
	require.Equal(t, want, ids(got), "Profiles is not in ascending order of id")
	got, err = s.Profiles(t.Context(), accounts.ProfileFilter{After: "Z-"})
	require.NoError(t, err, "Profiles failed")
	require.Equal(t, want[8:], ids(got), "After selects by another order than that of the list")
}

// "none is an empty slice and no error."
func checkNoMatch(t T, s accounts.Store) {
	for range 2 {
		got, err := s.Profiles(t.Context(), accounts.ProfileFilter{After: "z"})
		require.NoError(t, err, "no match was taken for an error")
		require.NotNil(t, got, "no match is nil instead of an empty slice")
		require.Empty(t, got, "Profiles returned what does not match")
		if _, err := s.Profile(t.Context(), "p"); err != nil {
			create(t, s, profile("p")) // and once more with a profile that does not match
		}
	}
}

// "After: only ids above it: the last id of the page before. Limit: at most so many".
func checkPaging(t T, s accounts.Store) {
	all := fleet(t, s)
	alice := accounts.OwnerID("alice")
	for _, f := range []accounts.ProfileFilter{{}, {Owner: &alice}} {
		want, err := s.Profiles(t.Context(), f)
		require.NoError(t, err, "Profiles failed")
		for f.Limit = 1; f.Limit <= len(all)+1; f.Limit++ {
			var got []accounts.AccountProfile
			for f.After = ""; ; f.After = got[len(got)-1].ID {
				page, err := s.Profiles(t.Context(), f)
				require.NoError(t, err, "Profiles failed")
				require.LessOrEqual(t, len(page), f.Limit, "a page is larger than the limit")
				got = append(got, page...)
				if len(page) < f.Limit {
					break
				}
			}
			require.Equal(t, ids(want), ids(got), "pages of %d do not add up to the whole list", f.Limit)
		}
	}
}
