package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// patience is how long a check waits for what must happen. It is long, because it is only ever
// used up by a store that is broken.
const patience = time.Minute

// day is an arbitrary moment with whole microseconds.
var day = time.Date(2025, time.May, 16, 13, 30, 0, 123_456_000, time.UTC)

// profile returns a valid profile of no owner with the id, whose name is derived from it.
func profile(id accounts.ProfileID) accounts.AccountProfile {
	p := accounts.Balanced50K("DU1234567")
	p.ID, p.Name, p.Version = id, "Name of "+string(id), 1
	p.Gateway = accounts.Gateway{Host: "127.0.0.1", Port: 4002, ClientID: 7}
	p.CreatedAt, p.UpdatedAt = day, day.Add(time.Second)
	p.Limits = shortest(p.EffectiveLimits())
	p.Limits.AllowedSymbols = []string{"XYZ", "ABC"}
	return p
}

// shortest returns the limits with every decimal in its shortest form: how many zeros end it is not
// part of its value, and no store need keep them.
func shortest(limits risk.Limits) *risk.Limits {
	text, err := json.Marshal(limits)
	if err == nil {
		err = json.Unmarshal(text, &limits)
	}
	if err != nil {
		panic(err) // limits of the library's own are JSON both ways
	}
	return &limits
}

// owned returns a profile of the owner.
func owned(owner accounts.OwnerID, id accounts.ProfileID) accounts.AccountProfile {
	p := profile(id)
	p.Owner = owner
	return p
}

// create stores the profiles and returns the first, as it was stored.
func create(t T, s accounts.Store, profiles ...accounts.AccountProfile) accounts.AccountProfile {
	t.Helper()
	for _, p := range profiles {
		require.NoError(t, s.CreateProfile(t.Context(), p), "CreateProfile of %q failed", p.ID)
	}
	return profiles[0]
}

// load returns the profile as the store has it now.
func load(t T, s accounts.Store, id accounts.ProfileID) accounts.AccountProfile {
	t.Helper()
	p, err := s.Profile(t.Context(), id)
	require.NoError(t, err, "Profile %q cannot be read", id)
	return p
}

// requireProfile compares a profile with what is stored under its id.
func requireProfile(t T, s accounts.Store, want accounts.AccountProfile, message string) {
	t.Helper()
	require.Equal(t, want, load(t, s, want.ID), message)
}

// journal makes batches for one profile with a sound hash chain.
type journal struct {
	id   accounts.ProfileID
	last int64
	hash accounts.Hash
}

// batch returns the next batch with one entry for each key and goes on behind it.
func (j *journal) batch(keys ...string) accounts.Batch {
	b := accounts.Batch{ProfileID: j.id, After: j.last, Hash: j.hash}
	for _, key := range keys {
		b.Entries = append(b.Entries, j.entry(key))
	}
	b.Positions = []ledger.Position{{Instrument: ledger.NewStock("NU", "USD"), LastTrade: day}}
	return b
}

// entry returns the next entry and goes on behind it.
func (j *journal) entry(key string) accounts.Entry {
	j.last++
	e := accounts.Entry{
		ProfileID: j.id,
		Seq:       j.last,
		Kind:      ledger.KindCash,
		Key:       key,
		Time:      day.Add(time.Duration(j.last) * time.Microsecond),
		Payload:   fmt.Appendf(nil, `{"v":1, "n":%d, "key":%q}`, j.last, key),
		Prev:      j.hash,
	}
	e.Hash = e.Sum()
	j.hash = e.Hash
	return e
}

// keys returns n different keys with the prefix.
func keys(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s-%d", prefix, i)
	}
	return list
}

// appendAll appends the batches and returns all their entries.
func appendAll(t T, s accounts.Store, batches ...accounts.Batch) []accounts.Entry {
	t.Helper()
	var all []accounts.Entry
	for _, b := range batches {
		require.NoError(t, s.Append(t.Context(), b), "Append to %q after entry %d failed", b.ProfileID, b.After)
		all = append(all, b.Entries...)
	}
	return all
}

// read returns what Entries yields until it ends or yields an error.
func read(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64) ([]accounts.Entry, error) {
	var found []accounts.Entry
	for e, err := range s.Entries(ctx, id, after) {
		if err != nil {
			return found, err
		}
		found = append(found, e)
	}
	return found, nil
}

// requireEntries checks that the profile's journal consists of just these entries.
func requireEntries(t T, s accounts.Store, id accounts.ProfileID, want []accounts.Entry, message string) {
	t.Helper()
	got, err := read(t.Context(), s, id, 0)
	require.NoError(t, err, "the journal of %q cannot be read", id)
	requireSame(t, want, got, message)
}

// requireSame compares entries one by one: a difference is told without printing all of them.
func requireSame(t T, want, got []accounts.Entry, message string) {
	t.Helper()
	for i := range min(len(want), len(got)) {
		require.Equal(t, want[i], got[i], "%s: entry %d differs", message, i+1)
	}
	require.Len(t, got, len(want), message)
}

// cloneEntries copies entries and their payloads.
func cloneEntries(entries []accounts.Entry) []accounts.Entry {
	entries = slices.Clone(entries)
	for i := range entries {
		entries[i].Payload = slices.Clone(entries[i].Payload)
	}
	return entries
}

// within runs f on its own goroutine and fails if it does not return in time: for what a broken
// store would block for ever.
func within(t T, what string, f func() error) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		require.FailNow(t, what+" did not return")
		return nil
	}
}
