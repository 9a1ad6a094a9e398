package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// generalChecks are about what holds for every method.
func generalChecks() []check {
	return []check{
		{"a context that is already done is refused before anything happens", checkDoneContext},
		{"an append that fails changed nothing, unless its outcome is unknown", checkOutcome},
		{"after Close every method returns ErrClosed", checkClosed},
		{"a second Close is not an error", checkSecondClose},
		{"Ping is nil while the store can be used, and changes nothing", checkPing},
		{"values given never alias what is kept", checkNoAliasIn},
		{"values returned never alias what is kept", checkNoAliasOut},
		{"the caller may reuse every slice once Append has returned", checkBatchReuse},
		{"times are kept at microsecond precision and returned in UTC", checkTimes},
		{"a zero time stays zero", checkZeroTime},
	}
}

// call is one method, called in a way that would succeed and change something.
type call struct {
	name string
	do   func(context.Context) error
}

// calls returns every method but Close, for a store prepared with prepareCalls. A refused call
// must leave everything as it was: none of what they would store is there already.
func calls(s accounts.Store) []call {
	changed := owned("owner", "p")
	changed.Name = "Changed"
	j := journal{id: "p"}
	j.batch("first") // is in the journal already
	empty, second := j.batch(), j.batch("second")
	third := j.batch("third")
	return []call{
		{"CreateProfile", func(ctx context.Context) error { return s.CreateProfile(ctx, owned("owner", "new")) }},
		{"UpdateProfile", func(ctx context.Context) error { return s.UpdateProfile(ctx, changed) }},
		{"Profile", func(ctx context.Context) error { _, err := s.Profile(ctx, "p"); return err }},
		{"Profiles", func(ctx context.Context) error { _, err := s.Profiles(ctx, accounts.ProfileFilter{}); return err }},
		{"SetActiveProfile", func(ctx context.Context) error { return s.SetActiveProfile(ctx, "owner", "q", day.Add(time.Hour)) }},
		{"ActiveProfile", func(ctx context.Context) error { _, err := s.ActiveProfile(ctx, "owner"); return err }},
		{"Append of an empty batch", func(ctx context.Context) error { return s.Append(ctx, empty) }},
		{"Append", func(ctx context.Context) error { return s.Append(ctx, second) }},
		{"AppendLocked", func(ctx context.Context) error { return s.AppendLocked(ctx, "p", 0, returns(third, nil)) }},
		{"Entries", func(ctx context.Context) error { _, err := read(ctx, s, "p", 0); return err }},
		{"Lookup", func(ctx context.Context) error { _, err := s.Lookup(ctx, "p", []string{"first"}); return err }},
		{"Lookup without keys", func(ctx context.Context) error { _, err := s.Lookup(ctx, "p", nil); return err }},
		{"SaveCheckpoint", func(ctx context.Context) error {
			return s.SaveCheckpoint(ctx, accounts.Checkpoint{ProfileID: "p", Seq: 2, State: []byte("new")})
		}},
		{"Checkpoint", func(ctx context.Context) error { _, err := s.Checkpoint(ctx, "p", newest); return err }},
		{"Ping", s.Ping},
		{"Watch", func(ctx context.Context) error { _, err := s.Watch(ctx); return err }},
	}
}

// prepareCalls fills the store for calls.
func prepareCalls(t T, s accounts.Store) {
	t.Helper()
	create(t, s, owned("owner", "p"), owned("owner", "q"))
	require.NoError(t, s.SetActiveProfile(t.Context(), "owner", "p", day), "SetActiveProfile failed")
	j := journal{id: "p"}
	appendAll(t, s, j.batch("first"))
	require.NoError(t, s.SaveCheckpoint(t.Context(), accounts.Checkpoint{ProfileID: "p", Seq: 1, State: []byte("old")}),
		"SaveCheckpoint failed")
}

// contents is everything that a store prepared with prepareCalls can be asked.
type contents struct {
	profiles   []accounts.AccountProfile
	active     accounts.ProfileID
	entries    []accounts.Entry
	checkpoint accounts.Checkpoint
}

func contentsOf(t T, s accounts.Store) contents {
	t.Helper()
	var (
		c   contents
		err error
	)
	c.profiles, err = s.Profiles(t.Context(), accounts.ProfileFilter{})
	require.NoError(t, err, "Profiles failed")
	c.active, err = s.ActiveProfile(t.Context(), "owner")
	require.NoError(t, err, "ActiveProfile failed")
	c.entries, err = read(t.Context(), s, "p", 0)
	require.NoError(t, err, "Entries failed")
	c.checkpoint, err = s.Checkpoint(t.Context(), "p", newest)
	require.NoError(t, err, "Checkpoint failed")
	return c
}

// "A context that is already done is refused with the context's error before anything happens."
func checkDoneContext(t T, s accounts.Store) {
	prepareCalls(t, s)
	before := contentsOf(t, s)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer cancel()
	for _, c := range calls(s) {
		require.ErrorIs(t, c.do(canceled), context.Canceled, "%s accepted a canceled context", c.name)
		require.ErrorIs(t, c.do(expired), context.DeadlineExceeded, "%s accepted an expired context", c.name)
	}
	require.Equal(t, before, contentsOf(t, s), "a refused call changed something")
	// The same calls with a living context prove that nothing but the context was wrong.
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for _, c := range calls(s) {
		require.NoError(t, c.do(ctx), "%s failed with a living context", c.name)
	}
}

// "Atomic: a call that returns an error changed nothing, unless the error is ErrOutcomeUnknown;
// then the call changed everything, or nothing, or will yet." Contexts end at many moments of an
// append. What would be ErrUnavailable, no store can be made to show from outside.
func checkOutcome(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	var want []accounts.Entry
	for round := range 60 {
		next := j
		b := next.batch(keys(fmt.Sprint("round-", round), 2)...)
		err := hasty(t, s, b, 5*round, round%2 == 0)
		switch {
		case err == nil:
			j, want = next, append(want, b.Entries...)
			continue
		case !errors.Is(err, accounts.ErrOutcomeUnknown):
			require.ErrorIs(t, err, context.Canceled, "an append failed for another reason than the end of its context")
			require.NoError(t, s.Append(t.Context(), j.batch()), "an append whose outcome was told changed something")
			continue
		}
		require.ErrorIs(t, err, context.Canceled, "an unknown outcome does not tell the end of the context")
		other := j
		instead := other.batch(fmt.Sprint("instead-", round)) // what was under way is behind it, or never comes
		switch err := s.Append(t.Context(), instead); {
		case err == nil:
			j, want = other, append(want, instead.Entries...)
		default:
			require.ErrorIs(t, err, accounts.ErrConflict, "an append that nothing was in the way of")
			require.NoError(t, s.Append(t.Context(), next.batch()), "an append whose outcome was unknown changed neither everything nor nothing")
			j, want = next, append(want, b.Entries...)
		}
	}
	requireEntries(t, s, "p", want, "the journal is not what was told")
}

// hasty appends under a context that ends after a while.
func hasty(t T, s accounts.Store, b accounts.Batch, while int, locked bool) error {
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		for range while {
			runtime.Gosched()
		}
		cancel()
	})
	if locked {
		return s.AppendLocked(ctx, b.ProfileID, b.After, returns(b, nil))
	}
	return s.Append(ctx, b)
}

// "After Close every method returns ErrClosed."
func checkClosed(t T, s accounts.Store) {
	prepareCalls(t, s)
	require.NoError(t, s.Close(), "Close failed")
	for _, c := range calls(s) {
		require.ErrorIs(t, c.do(t.Context()), accounts.ErrClosed, "%s worked after Close", c.name)
	}
}

// "A second Close is not an error."
func checkSecondClose(t T, s accounts.Store) {
	require.NoError(t, s.Close(), "the first Close failed")
	require.NoError(t, s.Close(), "the second Close failed")
}

// "Ping returns nil when the store can be reached and used": empty or not. "It changes nothing."
func checkPing(t T, s accounts.Store) {
	require.NoError(t, s.Ping(t.Context()), "Ping of an empty store failed")
	prepareCalls(t, s)
	before := contentsOf(t, s)
	for range 3 {
		require.NoError(t, s.Ping(t.Context()), "Ping failed")
	}
	require.Equal(t, before, contentsOf(t, s), "Ping changed something")
	require.NoError(t, s.Close(), "Close failed")
	require.ErrorIs(t, s.Ping(t.Context()), accounts.ErrClosed, "Ping answers for a store that is closed")
}

// "The store keeps copies of what it is given … down to the payload bytes."
func checkNoAliasIn(t T, s accounts.Store) {
	given := profile("p")
	create(t, s, given)
	given.Limits.AllowedSymbols[0] = "changed"
	require.Equal(t, profile("p"), load(t, s, "p"), "the store kept the limits it was given, not a copy")
	j := journal{id: "p"}
	b := j.batch("a", "b")
	want := cloneEntries(b.Entries)
	appendAll(t, s, b)
	clear(b.Entries[0].Payload)
	requireEntries(t, s, "p", want, "the store kept the payload it was given, not a copy")

	c := accounts.Checkpoint{ProfileID: "p", Seq: 2, Hash: j.hash, State: []byte("state")}
	require.NoError(t, s.SaveCheckpoint(t.Context(), c), "SaveCheckpoint failed")
	clear(c.State)
	got, err := s.Checkpoint(t.Context(), "p", newest)
	require.NoError(t, err, "Checkpoint failed")
	require.Equal(t, []byte("state"), got.State, "the store kept the checkpoint's state it was given, not a copy")
}

// "… and returns copies of what it keeps, down to the payload bytes."
func checkNoAliasOut(t T, s accounts.Store) {
	create(t, s, profile("p"), profile("q"))
	j := journal{id: "p"}
	want := cloneEntries(appendAll(t, s, j.batch("a", "b", "c")))
	got, err := read(t.Context(), s, "p", 0)
	require.NoError(t, err, "Entries failed")
	for i := range got {
		clear(got[i].Payload)
		_ = append(got[i].Payload, "runs into whatever lies behind it"...)
	}
	requireEntries(t, s, "p", want, "a payload that was returned is the stored one")

	c := accounts.Checkpoint{ProfileID: "p", Seq: 3, Hash: j.hash, State: []byte("state")}
	require.NoError(t, s.SaveCheckpoint(t.Context(), c), "SaveCheckpoint failed")
	first, err := s.Checkpoint(t.Context(), "p", newest)
	require.NoError(t, err, "Checkpoint failed")
	clear(first.State)
	again, err := s.Checkpoint(t.Context(), "p", newest)
	require.NoError(t, err, "Checkpoint failed")
	require.Equal(t, []byte("state"), again.State, "a checkpoint's state that was returned is the stored one")

	load(t, s, "p").Limits.AllowedSymbols[0] = "changed"
	require.Equal(t, profile("p"), load(t, s, "p"), "limits that were returned are the stored ones")

	list, err := s.Profiles(t.Context(), accounts.ProfileFilter{})
	require.NoError(t, err, "Profiles failed")
	list[0].Limits.AllowedSymbols[0] = "changed"
	clear(list)
	list, err = s.Profiles(t.Context(), accounts.ProfileFilter{})
	require.NoError(t, err, "Profiles failed")
	require.Equal(t, []accounts.AccountProfile{profile("p"), profile("q")}, list, "a list of profiles that was returned is the stored one")
}

// "The store copies what it keeps: the caller may reuse every slice once Append has returned."
func checkBatchReuse(t T, s accounts.Store) {
	create(t, s, profile("p"))
	j := journal{id: "p"}
	var (
		want    []accounts.Entry
		entries []accounts.Entry
		payload []byte
	)
	for range 10 {
		entries, payload = entries[:0], payload[:0]
		for range 3 {
			e := j.entry("")
			from := len(payload)
			payload = append(payload, e.Payload...)
			want = append(want, e)
			e.Payload = payload[from:]
			entries = append(entries, e)
		}
		b := accounts.Batch{ProfileID: "p", After: entries[0].Seq - 1, Hash: entries[0].Prev, Entries: entries}
		require.NoError(t, s.Append(t.Context(), b), "Append failed")
	}
	requireEntries(t, s, "p", want, "reusing the batch's slices changed what is stored")
}

// "Times are kept at microsecond precision and returned in UTC." Cut off, not rounded: the hash
// of an entry covers its time in whole microseconds, so rounding up would break the chain.
func checkTimes(t T, s accounts.Store) {
	zone := time.FixedZone("somewhere", -5*60*60)
	at := func(hours int) time.Time {
		return day.Add(time.Duration(hours)*time.Hour + 999*time.Nanosecond).In(zone)
	}
	kept := func(hours int) time.Time { return day.Add(time.Duration(hours) * time.Hour) }

	p := profile("p")
	p.CreatedAt, p.UpdatedAt, p.LastUsedAt = at(1), at(2), at(3)
	create(t, s, p)
	p.CreatedAt, p.UpdatedAt, p.LastUsedAt = kept(1), kept(2), kept(3)
	requireProfile(t, s, p, "CreateProfile: a time is not in UTC, cut to microseconds")

	p.UpdatedAt = at(4)
	require.NoError(t, s.UpdateProfile(t.Context(), p), "UpdateProfile failed")
	p.UpdatedAt, p.Version = kept(4), 2
	requireProfile(t, s, p, "UpdateProfile: a time is not in UTC, cut to microseconds")

	require.NoError(t, s.SetActiveProfile(t.Context(), "", "p", at(5)), "SetActiveProfile failed")
	p.LastUsedAt = kept(5)
	requireProfile(t, s, p, "SetActiveProfile: the time is not in UTC, cut to microseconds")
	list, err := s.Profiles(t.Context(), accounts.ProfileFilter{})
	require.NoError(t, err, "Profiles failed")
	require.Equal(t, []accounts.AccountProfile{p}, list, "Profiles: a time is not in UTC, cut to microseconds")

	j := journal{id: "p"}
	e := j.entry("a")
	e.Time = at(6)
	e.Hash = e.Sum()
	require.NoError(t, s.Append(t.Context(), accounts.Batch{ProfileID: "p", Entries: []accounts.Entry{e}}), "Append failed")
	e.Time = kept(6)
	require.Equal(t, e.Hash, e.Sum(), "the test itself is wrong: cutting the time off changed the hash")
	requireEntries(t, s, "p", []accounts.Entry{e}, "Append: the time is not in UTC, cut to microseconds")
}

// "CreateProfile stores a new profile exactly as given", with LastUsedAt "zero if never".
func checkZeroTime(t T, s accounts.Store) {
	create(t, s, profile("p"))
	require.True(t, load(t, s, "p").LastUsedAt.IsZero(), "LastUsedAt of a profile that was never switched to is not zero")
}
