package storetest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts"
)

func one(check string) []string { return []string{check} }

func generalMutants() []mutant {
	zone := time.FixedZone("elsewhere", 3600)
	return []mutant{
		{name: "Close closes nothing", caught: one("after Close every method returns ErrClosed"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, close: func() error { return nil }}
		}},
		{name: "second Close is an error", caught: []string{"a second Close is not an error", "concurrent Close is not an error"}, breaks: func(s accounts.Store) *broken {
			first := make(chan struct{}, 1)
			first <- struct{}{}
			return &broken{Store: s, close: func() error {
				select {
				case <-first:
					return s.Close()
				default:
					return accounts.ErrClosed
				}
			}}
		}},
		{name: "keeps the payload it is given", caught: []string{"values given never alias what is kept", "the caller may reuse every slice once Append has returned"}, breaks: keepsPayloads},
		{name: "keeps the state it is given", caught: one("values given never alias what is kept"), breaks: func(s accounts.Store) *broken {
			var kept accounts.Checkpoint
			return &broken{Store: s,
				save:       func(_ context.Context, c accounts.Checkpoint) error { kept = c; return nil },
				checkpoint: func(context.Context, accounts.ProfileID) (accounts.Checkpoint, error) { return kept, nil },
			}
		}},
		{name: "returns the payload it keeps", caught: one("values returned never alias what is kept"), breaks: func(s accounts.Store) *broken {
			kept := map[int64][]byte{}
			return eachEntry(s, func(e *accounts.Entry) {
				if kept[e.Seq] == nil {
					kept[e.Seq] = e.Payload
				}
				e.Payload = kept[e.Seq]
			})
		}},
		{name: "returns the state it keeps", caught: one("values returned never alias what is kept"), breaks: func(s accounts.Store) *broken {
			var kept *accounts.Checkpoint
			return &broken{Store: s, checkpoint: func(ctx context.Context, id accounts.ProfileID) (accounts.Checkpoint, error) {
				if kept == nil {
					c, _ := s.Checkpoint(ctx, id)
					kept = &c
				}
				return *kept, nil
			}}
		}},
		{name: "returns the list it keeps", caught: one("values returned never alias what is kept"), breaks: func(s accounts.Store) *broken {
			var kept []accounts.AccountProfile
			return &broken{Store: s, profiles: func(ctx context.Context, f accounts.ProfileFilter) (_ []accounts.AccountProfile, err error) {
				if kept == nil {
					kept, err = s.Profiles(ctx, f)
				}
				return kept, err
			}}
		}},
		{name: "profiles' times are in a zone", caught: one("times are kept at microsecond precision and returned in UTC"), breaks: func(s accounts.Store) *broken {
			return eachProfile(s, func(p *accounts.AccountProfile) { p.UpdatedAt = p.UpdatedAt.In(zone) })
		}},
		{name: "entries' times are in a zone", caught: one("times are kept at microsecond precision and returned in UTC"), breaks: func(s accounts.Store) *broken {
			return eachEntry(s, func(e *accounts.Entry) { e.Time = e.Time.In(zone) })
		}},
		{name: "entries' times are rounded", caught: one("times are kept at microsecond precision and returned in UTC"), breaks: func(s accounts.Store) *broken {
			return eachBatch(s, func(b *accounts.Batch) { b.Entries[0].Time = b.Entries[0].Time.Round(time.Microsecond) })
		}},
		{name: "switching rounds the time", caught: one("times are kept at microsecond precision and returned in UTC"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, setActive: func(ctx context.Context, owner accounts.OwnerID, id accounts.ProfileID, at time.Time) error {
				return s.SetActiveProfile(ctx, owner, id, at.Round(time.Microsecond))
			}}
		}},
		{name: "never is 1970", caught: one("a zero time stays zero"), breaks: func(s accounts.Store) *broken {
			return eachProfile(s, func(p *accounts.AccountProfile) {
				if p.LastUsedAt.IsZero() {
					p.LastUsedAt = time.Unix(0, 0).UTC()
				}
			})
		}},
	}
}

func keepsPayloads(s accounts.Store) *broken {
	kept := map[int64][]byte{}
	b := eachEntry(s, func(e *accounts.Entry) { e.Payload = slices.Clone(kept[e.Seq]) })
	b.append = func(ctx context.Context, batch accounts.Batch) error {
		for _, e := range batch.Entries {
			kept[e.Seq] = e.Payload
		}
		return s.Append(ctx, batch)
	}
	return b
}

// deafMutants each have one method that does not look at the context.
func deafMutants() []mutant {
	deaf := context.WithoutCancel
	var list []mutant
	add := func(name string, breaks func(accounts.Store) *broken) {
		list = append(list, mutant{name: name + " does not look at the context",
			caught: one("a context that is already done is refused before anything happens"), breaks: breaks})
	}
	add("CreateProfile", func(s accounts.Store) *broken {
		return &broken{Store: s, create: func(ctx context.Context, p accounts.AccountProfile) error { return s.CreateProfile(deaf(ctx), p) }}
	})
	add("CreateProfile, which acts first,", func(s accounts.Store) *broken {
		return &broken{Store: s, create: func(ctx context.Context, p accounts.AccountProfile) error {
			return errors.Join(s.CreateProfile(deaf(ctx), p), ctx.Err())
		}}
	})
	add("UpdateProfile", func(s accounts.Store) *broken {
		return &broken{Store: s, update: func(ctx context.Context, p accounts.AccountProfile) error { return s.UpdateProfile(deaf(ctx), p) }}
	})
	add("Profile", func(s accounts.Store) *broken {
		return &broken{Store: s, profile: func(ctx context.Context, id accounts.ProfileID) (accounts.AccountProfile, error) {
			return s.Profile(deaf(ctx), id)
		}}
	})
	add("Profiles", func(s accounts.Store) *broken {
		return &broken{Store: s, profiles: func(ctx context.Context, f accounts.ProfileFilter) ([]accounts.AccountProfile, error) {
			return s.Profiles(deaf(ctx), f)
		}}
	})
	add("SetActiveProfile", func(s accounts.Store) *broken {
		return &broken{Store: s, setActive: func(ctx context.Context, owner accounts.OwnerID, id accounts.ProfileID, at time.Time) error {
			return s.SetActiveProfile(deaf(ctx), owner, id, at)
		}}
	})
	add("ActiveProfile", func(s accounts.Store) *broken {
		return &broken{Store: s, active: func(ctx context.Context, owner accounts.OwnerID) (accounts.ProfileID, error) {
			return s.ActiveProfile(deaf(ctx), owner)
		}}
	})
	add("Append", func(s accounts.Store) *broken {
		return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error { return s.Append(deaf(ctx), b) }}
	})
	add("Append of an empty batch", func(s accounts.Store) *broken {
		return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error {
			if len(b.Entries) == 0 {
				return nil
			}
			return s.Append(ctx, b)
		}}
	})
	add("Entries", func(s accounts.Store) *broken {
		return &broken{Store: s, entries: func(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
			return s.Entries(deaf(ctx), id, after)
		}}
	})
	add("SaveCheckpoint", func(s accounts.Store) *broken {
		return &broken{Store: s, save: func(ctx context.Context, c accounts.Checkpoint) error { return s.SaveCheckpoint(deaf(ctx), c) }}
	})
	add("Checkpoint", func(s accounts.Store) *broken {
		return &broken{Store: s, checkpoint: func(ctx context.Context, id accounts.ProfileID) (accounts.Checkpoint, error) {
			return s.Checkpoint(deaf(ctx), id)
		}}
	})
	add("Watch", func(s accounts.Store) *broken {
		return &broken{Store: s, watch: func(ctx context.Context) (<-chan accounts.Event, error) { return s.Watch(deaf(ctx)) }}
	})
	return list
}

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
