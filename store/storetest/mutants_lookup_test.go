package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/ai-ots/accounts"
)

// lookUp is a Lookup.
type lookUp func(ctx context.Context, id accounts.ProfileID, keys []string) (map[string]int64, error)

// looking breaks Lookup; sound is the store's own.
func looking(f func(ctx context.Context, sound lookUp, id accounts.ProfileID, keys []string) (map[string]int64, error)) func(accounts.Store) *broken {
	return func(s accounts.Store) *broken {
		return &broken{Store: s, lookup: func(ctx context.Context, id accounts.ProfileID, keys []string) (map[string]int64, error) {
			return f(ctx, s.Lookup, id, keys)
		}}
	}
}

// found breaks what Lookup finds.
func found(change func(keys []string, found map[string]int64) map[string]int64) func(accounts.Store) *broken {
	return looking(func(ctx context.Context, sound lookUp, id accounts.ProfileID, keys []string) (map[string]int64, error) {
		m, err := sound(ctx, id, keys)
		if err != nil {
			return nil, err
		}
		return change(keys, m), nil
	})
}

func lookupMutants() []mutant { return slices.Concat(findingMutants(), missingMutants()) }

func findingMutants() []mutant {
	return []mutant{
		{name: "counts from zero", caught: one("Lookup returns the sequence numbers of the keys that the journal has"),
			breaks: found(func(_ []string, found map[string]int64) map[string]int64 {
				for key := range found {
					found[key]--
				}
				return found
			})},
		{name: "looks up the first key", caught: one("Lookup returns the sequence numbers of the keys that the journal has"),
			breaks: looking(func(ctx context.Context, sound lookUp, id accounts.ProfileID, keys []string) (map[string]int64, error) {
				return sound(ctx, id, keys[:min(1, len(keys))])
			})},
		{name: "looks up so many keys and no more", caught: one("Lookup returns the sequence numbers of the keys that the journal has"),
			breaks: looking(func(ctx context.Context, sound lookUp, id accounts.ProfileID, keys []string) (map[string]int64, error) {
				return sound(ctx, id, keys[:min(1000, len(keys))])
			})},
		{name: "looks into one journal for all", caught: one("Lookup returns the sequence numbers of the keys that the journal has"),
			breaks: looking(func(ctx context.Context, sound lookUp, id accounts.ProfileID, keys []string) (map[string]int64, error) {
				return sound(ctx, "p", keys)
			})},
		{name: "remembers that a key was lacking", caught: []string{"Lookup is as of some moment not before the call", "calls on one profile's journal are linearizable"}, breaks: func(s accounts.Store) *broken {
			var lacking sync.Map
			return found(func(keys []string, found map[string]int64) map[string]int64 {
				for _, key := range keys {
					if _, exists := found[key]; !exists {
						lacking.Store(key, true)
					} else if _, before := lacking.Load(key); before {
						delete(found, key)
					}
				}
				return found
			})(s)
		}},
		{name: "returns the map it keeps", caught: one("Lookup returns a map of the caller's own, and leaves the keys as they are"), breaks: func(s accounts.Store) *broken {
			kept := map[string]int64{}
			return found(func(_ []string, found map[string]int64) map[string]int64 {
				for key, seq := range found {
					if _, exists := kept[key]; !exists {
						kept[key] = seq
					}
				}
				return kept
			})(s)
		}},
		{name: "sorts the keys it is given", caught: one("Lookup returns a map of the caller's own, and leaves the keys as they are"),
			breaks: looking(func(ctx context.Context, sound lookUp, id accounts.ProfileID, keys []string) (map[string]int64, error) {
				slices.Sort(keys)
				return sound(ctx, id, keys)
			})},
	}
}

func missingMutants() []mutant {
	return []mutant{
		{name: "what is lacking is at zero", caught: one("Lookup leaves out keys that the journal lacks"),
			breaks: found(func(keys []string, found map[string]int64) map[string]int64 {
				for _, key := range keys {
					found[key] += 0
				}
				return found
			})},
		{name: "looks for patterns", caught: one("Lookup leaves out keys that the journal lacks"),
			breaks: looking(func(ctx context.Context, sound lookUp, id accounts.ProfileID, keys []string) (map[string]int64, error) {
				found, err := sound(ctx, id, keys)
				if slices.Contains(keys, "%") && err == nil {
					found["%"] = 1
				}
				return found, err
			})},
		{name: "chokes on what no column holds", caught: one("Lookup leaves out keys that the journal lacks"),
			breaks: looking(func(ctx context.Context, sound lookUp, id accounts.ProfileID, keys []string) (map[string]int64, error) {
				if strings.Contains(strings.Join(keys, ""), "\x00") {
					return nil, fmt.Errorf("%w: a key has a zero byte", accounts.ErrInvalid)
				}
				return sound(ctx, id, keys)
			})},
		{name: "nothing is nil", caught: one("Lookup without keys, or where none is found, is an empty map and not nil"),
			breaks: found(func(_ []string, found map[string]int64) map[string]int64 {
				if len(found) == 0 {
					return nil
				}
				return found
			})},
		{name: "no keys are invalid", caught: one("Lookup without keys, or where none is found, is an empty map and not nil"),
			breaks: looking(func(ctx context.Context, sound lookUp, id accounts.ProfileID, keys []string) (map[string]int64, error) {
				if len(keys) == 0 {
					return nil, accounts.ErrInvalid
				}
				return sound(ctx, id, keys)
			})},
		{name: "finds the empty key", caught: one("Lookup ignores the empty key and repeats"),
			breaks: found(func(keys []string, found map[string]int64) map[string]int64 {
				if slices.Contains(keys, "") {
					found[""] = 1
				}
				return found
			})},
		{name: "refuses repeats", caught: one("Lookup ignores the empty key and repeats"),
			breaks: looking(func(ctx context.Context, sound lookUp, id accounts.ProfileID, keys []string) (map[string]int64, error) {
				if sorted := slices.Sorted(slices.Values(keys)); len(slices.Compact(sorted)) < len(keys) {
					return nil, accounts.ErrInvalid
				}
				return sound(ctx, id, keys)
			})},
		{name: "an unknown profile lacks every key", caught: one("Lookup in the journal of an unknown profile is a miss, with or without keys"),
			breaks: looking(func(ctx context.Context, sound lookUp, id accounts.ProfileID, keys []string) (map[string]int64, error) {
				found, err := sound(ctx, id, keys)
				return found, swallow(err, accounts.ErrProfileNotFound)
			})},
		{name: "looks at nothing without keys", caught: []string{"Lookup in the journal of an unknown profile is a miss, with or without keys", "after Close every method returns ErrClosed"},
			breaks: looking(func(ctx context.Context, sound lookUp, id accounts.ProfileID, keys []string) (map[string]int64, error) {
				if len(keys) == 0 {
					return map[string]int64{}, ctx.Err()
				}
				return sound(ctx, id, keys)
			})},
	}
}
