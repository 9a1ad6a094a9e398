package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts"
)

func one(check string) []string { return []string{check} }

// swallow makes nil of one error.
func swallow(err, target error) error {
	if errors.Is(err, target) {
		return nil
	}
	return err
}

func profileMutants() []mutant {
	return slices.Concat(createMutants(), updateMutants(), listMutants())
}

// creating breaks CreateProfile.
func creating(f func(context.Context, accounts.Store, accounts.AccountProfile) error) func(accounts.Store) *broken {
	return func(s accounts.Store) *broken {
		return &broken{Store: s, create: func(ctx context.Context, p accounts.AccountProfile) error { return f(ctx, s, p) }}
	}
}

func createMutants() []mutant {
	return []mutant{
		{name: "creates with defaults", caught: one("CreateProfile stores a profile exactly as given"),
			breaks: creating(func(ctx context.Context, s accounts.Store, p accounts.AccountProfile) error {
				return s.CreateProfile(ctx, p.WithDefaults())
			})},
		{name: "creates with version 1", caught: one("CreateProfile stores a profile exactly as given"),
			breaks: creating(func(ctx context.Context, s accounts.Store, p accounts.AccountProfile) error {
				p.Version = 1
				return s.CreateProfile(ctx, p)
			})},
		{name: "creates without a login", caught: one("CreateProfile stores a profile exactly as given"),
			breaks: creating(func(ctx context.Context, s accounts.Store, p accounts.AccountProfile) error {
				p.Login = ""
				return s.CreateProfile(ctx, p)
			})},
		{name: "creates an id twice", caught: []string{"CreateProfile refuses an id that is taken", "of concurrent creations of one id or name exactly one wins"},
			breaks: creating(func(ctx context.Context, s accounts.Store, p accounts.AccountProfile) error {
				return swallow(s.CreateProfile(ctx, p), accounts.ErrProfileExists)
			})},
		{name: "creates a name twice", caught: []string{"CreateProfile refuses a name that the owner's other profile has", "of concurrent creations of one id or name exactly one wins"},
			breaks: creating(func(ctx context.Context, s accounts.Store, p accounts.AccountProfile) error {
				return swallow(s.CreateProfile(ctx, p), accounts.ErrNameTaken)
			})},
		{name: "archived profiles' names are free", caught: one("CreateProfile refuses a name that the owner's other profile has"),
			breaks: creating(func(ctx context.Context, s accounts.Store, p accounts.AccountProfile) error {
				archived, _ := s.Profiles(ctx, accounts.ProfileFilter{Owner: &p.Owner, Statuses: []accounts.ProfileStatus{accounts.StatusArchived}})
				if slices.ContainsFunc(archived, func(x accounts.AccountProfile) bool { return x.Name == p.Name }) {
					return nil
				}
				return s.CreateProfile(ctx, p)
			})},
		{name: "names are unique across owners", caught: one("names are unique within an owner, not across owners"),
			breaks: creating(func(ctx context.Context, s accounts.Store, p accounts.AccountProfile) error {
				all, _ := s.Profiles(ctx, accounts.ProfileFilter{})
				if slices.ContainsFunc(all, func(x accounts.AccountProfile) bool { return x.Name == p.Name }) {
					return accounts.ErrNameTaken
				}
				return s.CreateProfile(ctx, p)
			})},
		{name: "names ignore case", caught: one("names are unique within an owner, not across owners"),
			breaks: creating(func(ctx context.Context, s accounts.Store, p accounts.AccountProfile) error {
				p.Name = strings.ToLower(p.Name)
				return s.CreateProfile(ctx, p)
			})},
		{name: "names are never let go", caught: one("UpdateProfile lets go of the name before"), breaks: func(s accounts.Store) *broken {
			ever := map[string]bool{}
			return creating(func(ctx context.Context, s accounts.Store, p accounts.AccountProfile) error {
				if ever[p.Name] {
					return accounts.ErrNameTaken
				}
				ever[p.Name] = true
				return s.CreateProfile(ctx, p)
			})(s)
		}},
	}
}

// updating breaks UpdateProfile; old is the stored profile.
func updating(f func(ctx context.Context, s accounts.Store, p, old accounts.AccountProfile) error) func(accounts.Store) *broken {
	return func(s accounts.Store) *broken {
		return &broken{Store: s, update: func(ctx context.Context, p accounts.AccountProfile) error {
			old, _ := s.Profile(ctx, p.ID)
			return f(ctx, s, p, old)
		}}
	}
}

func ignoresVersion(s accounts.Store) *broken {
	return updating(func(ctx context.Context, s accounts.Store, p, old accounts.AccountProfile) error {
		for {
			p.Version = old.Version
			err := s.UpdateProfile(ctx, p)
			if !errors.Is(err, accounts.ErrConflict) {
				return err
			}
			old, _ = s.Profile(ctx, p.ID)
		}
	})(s)
}

func updateMutants() []mutant {
	return []mutant{
		{name: "updates all but the gateway", caught: one("UpdateProfile replaces the profile and counts the version"),
			breaks: updating(func(ctx context.Context, s accounts.Store, p, old accounts.AccountProfile) error {
				p.Gateway = old.Gateway
				return s.UpdateProfile(ctx, p)
			})},
		{name: "updates all but the login", caught: one("UpdateProfile replaces the profile and counts the version"),
			breaks: updating(func(ctx context.Context, s accounts.Store, p, old accounts.AccountProfile) error {
				p.Login = old.Login
				return s.UpdateProfile(ctx, p)
			})},
		{name: "updates any version", caught: []string{"UpdateProfile refuses any other version", "of concurrent updates of one version exactly one wins"}, breaks: ignoresVersion},
		{name: "updates what is not there", caught: one("UpdateProfile of an unknown profile is a miss"),
			breaks: updating(func(ctx context.Context, s accounts.Store, p, old accounts.AccountProfile) error {
				if old.ID == "" {
					return s.CreateProfile(ctx, p)
				}
				return s.UpdateProfile(ctx, p)
			})},
		{name: "updates another owner's", caught: one("UpdateProfile with a different owner is a miss"),
			breaks: updating(func(ctx context.Context, s accounts.Store, p, old accounts.AccountProfile) error {
				p.Owner = old.Owner
				return s.UpdateProfile(ctx, p)
			})},
		{name: "tells another owner of a conflict", caught: one("UpdateProfile with a different owner is a miss"),
			breaks: updating(func(ctx context.Context, s accounts.Store, p, old accounts.AccountProfile) error {
				if p.Version != old.Version {
					return accounts.ErrConflict
				}
				return s.UpdateProfile(ctx, p)
			})},
		{name: "refuses a different CreatedAt", caught: one("UpdateProfile ignores a different CreatedAt"),
			breaks: updating(func(ctx context.Context, s accounts.Store, p, old accounts.AccountProfile) error {
				if !p.CreatedAt.Equal(old.CreatedAt) {
					return accounts.ErrConflict
				}
				return s.UpdateProfile(ctx, p)
			})},
		{name: "replaces LastUsedAt", caught: one("UpdateProfile ignores a different LastUsedAt"),
			breaks: updating(func(ctx context.Context, s accounts.Store, p, _ accounts.AccountProfile) error {
				if err := s.UpdateProfile(ctx, p); err != nil {
					return err
				}
				return s.SetActiveProfile(ctx, p.Owner, p.ID, p.LastUsedAt)
			})},
		{name: "replaces CreatedAt", caught: one("UpdateProfile ignores a different CreatedAt"), breaks: func(s accounts.Store) *broken {
			var created time.Time
			b := eachProfile(s, func(p *accounts.AccountProfile) { p.CreatedAt = created })
			b.update = func(ctx context.Context, p accounts.AccountProfile) error {
				created = p.CreatedAt
				return s.UpdateProfile(ctx, p)
			}
			return b
		}},
		{name: "renames to another's name", caught: one("UpdateProfile refuses a name that the owner's other profile has"),
			breaks: updating(func(ctx context.Context, s accounts.Store, p, _ accounts.AccountProfile) error {
				return swallow(s.UpdateProfile(ctx, p), accounts.ErrNameTaken)
			})},
		{name: "looks at the name first", caught: one("UpdateProfile tells a conflict before a taken name"),
			breaks: updating(func(ctx context.Context, s accounts.Store, p, old accounts.AccountProfile) error {
				if p.Version != old.Version && p.Name != old.Name {
					return accounts.ErrNameTaken
				}
				return s.UpdateProfile(ctx, p)
			})},
	}
}

// listing breaks Profiles: before changes the filter, after the result.
func listing(before func(*accounts.ProfileFilter), after func([]accounts.AccountProfile) []accounts.AccountProfile) func(accounts.Store) *broken {
	return func(s accounts.Store) *broken {
		return &broken{Store: s, profiles: func(ctx context.Context, f accounts.ProfileFilter) ([]accounts.AccountProfile, error) {
			if before != nil {
				before(&f)
			}
			list, err := s.Profiles(ctx, f)
			if after != nil {
				list = after(list)
			}
			return list, err
		}}
	}
}

func listMutants() []mutant {
	return []mutant{
		{name: "archived profiles are gone", caught: one("Profile returns the profile with the id, whatever its status"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, profile: func(ctx context.Context, id accounts.ProfileID) (accounts.AccountProfile, error) {
				p, err := s.Profile(ctx, id)
				if p.Status == accounts.StatusArchived {
					return accounts.AccountProfile{}, accounts.ErrProfileNotFound
				}
				return p, err
			}}
		}},
		{name: "ids ignore case", caught: one("Profile of an unknown id is a miss"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, profile: func(ctx context.Context, id accounts.ProfileID) (accounts.AccountProfile, error) {
				return s.Profile(ctx, accounts.ProfileID(strings.ToLower(string(id))))
			}}
		}},
		{name: "ignores levels", caught: one("Profiles returns what matches the filter"), breaks: listing(func(f *accounts.ProfileFilter) { f.Levels = nil }, nil)},
		{name: "ignores accounts", caught: one("Profiles returns what matches the filter"), breaks: listing(func(f *accounts.ProfileFilter) { f.IBKRAccountID = "" }, nil)},
		{name: "accounts ignore case", caught: one("Profiles returns what matches the filter"), breaks: listing(func(f *accounts.ProfileFilter) { f.IBKRAccountID = strings.ToUpper(f.IBKRAccountID) }, nil)},
		{name: "the empty owner is every owner", caught: one("Profiles returns what matches the filter"), breaks: listing(func(f *accounts.ProfileFilter) {
			if f.Owner != nil && *f.Owner == "" {
				f.Owner = nil
			}
		}, nil)},
		{name: "sorts as people do", caught: one("Profiles is in ascending order of id"), breaks: listing(nil, func(list []accounts.AccountProfile) []accounts.AccountProfile {
			slices.SortStableFunc(list, func(a, b accounts.AccountProfile) int {
				return strings.Compare(strings.ToLower(string(a.ID)), strings.ToLower(string(b.ID)))
			})
			return list
		})},
		{name: "none is nil", caught: one("Profiles without a match is an empty slice and no error"), breaks: listing(nil, func(list []accounts.AccountProfile) []accounts.AccountProfile {
			if len(list) == 0 {
				return nil
			}
			return list
		})},
		{name: "a page is one too long", caught: one("Profiles pages by After and Limit"), breaks: listing(func(f *accounts.ProfileFilter) {
			if f.Limit > 0 {
				f.Limit++
			}
		}, nil)},
		{name: "limits before it filters", caught: one("Profiles pages by After and Limit"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, profiles: func(ctx context.Context, f accounts.ProfileFilter) ([]accounts.AccountProfile, error) {
				list, err := s.Profiles(ctx, accounts.ProfileFilter{After: f.After, Limit: f.Limit})
				return slices.DeleteFunc(list, func(p accounts.AccountProfile) bool { return !f.Matches(p) }), err
			}}
		}},
	}
}

// switching breaks SetActiveProfile; old is the profile that is active.
func switching(f func(ctx context.Context, s accounts.Store, owner accounts.OwnerID, id, old accounts.ProfileID, at time.Time) error) func(accounts.Store) *broken {
	return func(s accounts.Store) *broken {
		return &broken{Store: s, setActive: func(ctx context.Context, owner accounts.OwnerID, id accounts.ProfileID, at time.Time) error {
			old, _ := s.ActiveProfile(ctx, owner)
			return f(ctx, s, owner, id, old, at)
		}}
	}
}

func activeMutants() []mutant {
	return []mutant{
		{name: "the first switch stays", caught: one("ActiveProfile returns the id last set for the owner"),
			breaks: switching(func(ctx context.Context, s accounts.Store, owner accounts.OwnerID, id, old accounts.ProfileID, at time.Time) error {
				if old != "" {
					return nil
				}
				return s.SetActiveProfile(ctx, owner, id, at)
			})},
		{name: "none is an empty id", caught: one("ActiveProfile is ErrNoActiveProfile when there is none"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, active: func(ctx context.Context, owner accounts.OwnerID) (accounts.ProfileID, error) {
				id, err := s.ActiveProfile(ctx, owner)
				return id, swallow(err, accounts.ErrNoActiveProfile)
			}}
		}},
		{name: "a switch counts the version", caught: one("SetActiveProfile sets LastUsedAt and nothing else"),
			breaks: switching(func(ctx context.Context, s accounts.Store, owner accounts.OwnerID, id, _ accounts.ProfileID, at time.Time) error {
				err := s.SetActiveProfile(ctx, owner, id, at)
				p, _ := s.Profile(ctx, id)
				return errors.Join(err, s.UpdateProfile(ctx, p))
			})},
		{name: "an empty id changes nothing", caught: one("SetActiveProfile with an empty id leaves the owner without one and touches no profile"),
			breaks: switching(func(ctx context.Context, s accounts.Store, owner accounts.OwnerID, id, _ accounts.ProfileID, at time.Time) error {
				if id == "" {
					return nil
				}
				return s.SetActiveProfile(ctx, owner, id, at)
			})},
		{name: "an empty id touches the profile before", caught: one("SetActiveProfile with an empty id leaves the owner without one and touches no profile"),
			breaks: switching(func(ctx context.Context, s accounts.Store, owner accounts.OwnerID, id, old accounts.ProfileID, at time.Time) error {
				if id == "" && old != "" {
					if err := s.SetActiveProfile(ctx, owner, old, at); err != nil {
						return err
					}
				}
				return s.SetActiveProfile(ctx, owner, id, at)
			})},
		{name: "switches to nothing", caught: one("SetActiveProfile refuses what the owner does not have"),
			breaks: switching(func(ctx context.Context, s accounts.Store, owner accounts.OwnerID, id, _ accounts.ProfileID, at time.Time) error {
				return swallow(s.SetActiveProfile(ctx, owner, id, at), accounts.ErrProfileNotFound)
			})},
		{name: "refuses a repeated switch", caught: one("repeating SetActiveProfile is not an error"),
			breaks: switching(func(ctx context.Context, s accounts.Store, owner accounts.OwnerID, id, old accounts.ProfileID, at time.Time) error {
				if id == old {
					return accounts.ErrConflict
				}
				return s.SetActiveProfile(ctx, owner, id, at)
			})},
	}
}
