package storetest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/risk"
)

func generalMutants() []mutant {
	return slices.Concat(outcomeMutants(), closeMutants(), pingMutants(), aliasMutants(), timeMutants())
}

// outcomeMutants go on without their callers, of whom the checks' own have batches of two entries.
func outcomeMutants() []mutant {
	check := "an append that fails changed nothing, unless its outcome is unknown"
	leaving := func(n int, outcome error) func(accounts.Store) *broken {
		return func(s accounts.Store) *broken {
			return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error {
				if len(b.Entries) != 2 {
					return s.Append(ctx, b)
				}
				b.Entries = b.Entries[:n]
				err := s.Append(context.WithoutCancel(ctx), b)
				<-ctx.Done()
				return errors.Join(err, outcome, ctx.Err())
			}}
		}
	}
	return []mutant{
		{name: "says that nothing happened", caught: one(check), breaks: leaving(2, nil)},
		{name: "an unknown outcome is half a batch", caught: one(check), breaks: leaving(1, accounts.ErrOutcomeUnknown)},
	}
}

func closeMutants() []mutant {
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
	}
}

func pingMutants() []mutant {
	check := "Ping is nil while the store can be used, and changes nothing"
	// pinging breaks Ping.
	pinging := func(f func(context.Context, accounts.Store) error) func(accounts.Store) *broken {
		return func(s accounts.Store) *broken {
			return &broken{Store: s, ping: func(ctx context.Context) error { return f(ctx, s) }}
		}
	}
	return []mutant{
		{name: "never answers a ping", caught: one(check), breaks: pinging(func(context.Context, accounts.Store) error { return accounts.ErrOutcomeUnknown })},
		{name: "needs a profile for a ping", caught: one(check), breaks: pinging(func(ctx context.Context, s accounts.Store) error {
			_, err := s.Profile(ctx, "p")
			return err
		})},
		{name: "answers a ping when closed", caught: []string{check, "after Close every method returns ErrClosed"}, breaks: pinging(func(ctx context.Context, _ accounts.Store) error {
			return ctx.Err()
		})},
		{name: "writes to see whether it can", caught: one(check), breaks: pinging(func(ctx context.Context, s accounts.Store) error {
			return swallow(s.SetActiveProfile(ctx, "owner", "q", day), accounts.ErrProfileNotFound)
		})},
	}
}

func aliasMutants() []mutant {
	return []mutant{
		{name: "keeps the payload it is given", caught: []string{"values given never alias what is kept", "the caller may reuse every slice once Append has returned"}, breaks: keepsPayloads},
		{name: "keeps the state it is given", caught: one("values given never alias what is kept"), breaks: func(s accounts.Store) *broken {
			var kept accounts.Checkpoint
			return &broken{Store: s,
				save:       func(_ context.Context, c accounts.Checkpoint) error { kept = c; return nil },
				checkpoint: func(context.Context, accounts.ProfileID, int64) (accounts.Checkpoint, error) { return kept, nil },
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
			return &broken{Store: s, checkpoint: func(ctx context.Context, id accounts.ProfileID, upTo int64) (accounts.Checkpoint, error) {
				if kept == nil {
					c, _ := s.Checkpoint(ctx, id, upTo)
					kept = &c
				}
				return *kept, nil
			}}
		}},
		{name: "keeps the limits it is given", caught: one("values given never alias what is kept"), breaks: func(s accounts.Store) *broken {
			kept := map[accounts.ProfileID]*risk.Limits{}
			b := eachProfile(s, func(p *accounts.AccountProfile) { p.Limits = kept[p.ID] })
			b.create = func(ctx context.Context, p accounts.AccountProfile) error {
				kept[p.ID] = p.Limits
				return s.CreateProfile(ctx, p)
			}
			return b
		}},
		{name: "returns the limits it keeps", caught: one("values returned never alias what is kept"), breaks: func(s accounts.Store) *broken {
			kept := map[accounts.ProfileID]*risk.Limits{}
			return eachProfile(s, func(p *accounts.AccountProfile) {
				if kept[p.ID] == nil {
					kept[p.ID] = p.Limits
				}
				p.Limits = kept[p.ID]
			})
		}},
		{name: "forgets limits", caught: one("CreateProfile stores a profile exactly as given"), breaks: func(s accounts.Store) *broken {
			return eachProfile(s, func(p *accounts.AccountProfile) { p.Limits = nil })
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
	}
}

func timeMutants() []mutant {
	zone := time.FixedZone("elsewhere", 3600)
	return []mutant{
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
		return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error {
			if len(b.Entries) > 0 {
				ctx = deaf(ctx)
			}
			return s.Append(ctx, b)
		}}
	})
	add("Append of an empty batch", func(s accounts.Store) *broken {
		return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error {
			if len(b.Entries) == 0 {
				return nil
			}
			return s.Append(ctx, b)
		}}
	})
	add("AppendLocked", func(s accounts.Store) *broken {
		return &broken{Store: s, locked: func(ctx context.Context, id accounts.ProfileID, after int64, decide decision) error {
			return s.AppendLocked(deaf(ctx), id, after, decide)
		}}
	})
	add("Entries", func(s accounts.Store) *broken {
		return &broken{Store: s, entries: func(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
			return s.Entries(deaf(ctx), id, after)
		}}
	})
	add("Lookup", func(s accounts.Store) *broken {
		return &broken{Store: s, lookup: func(ctx context.Context, id accounts.ProfileID, keys []string) (map[string]int64, error) {
			return s.Lookup(deaf(ctx), id, keys)
		}}
	})
	add("SaveCheckpoint", func(s accounts.Store) *broken {
		return &broken{Store: s, save: func(ctx context.Context, c accounts.Checkpoint) error { return s.SaveCheckpoint(deaf(ctx), c) }}
	})
	add("Checkpoint", func(s accounts.Store) *broken {
		return &broken{Store: s, checkpoint: func(ctx context.Context, id accounts.ProfileID, upTo int64) (accounts.Checkpoint, error) {
			return s.Checkpoint(deaf(ctx), id, upTo)
		}}
	})
	add("Ping", func(s accounts.Store) *broken {
		return &broken{Store: s, ping: func(ctx context.Context) error { return s.Ping(deaf(ctx)) }}
	})
	add("Watch", func(s accounts.Store) *broken {
		return &broken{Store: s, watch: func(ctx context.Context) (<-chan accounts.Event, error) { return s.Watch(deaf(ctx)) }}
	})
	return list
}
