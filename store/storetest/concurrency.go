package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

func concurrencyChecks() []check {
	return []check{
		{"calls on one profile's journal are linearizable", func(t T, s accounts.Store) { checkLinearizable(t, s) }},
		{"of concurrent appends after one entry exactly one wins", func(t T, s accounts.Store) { checkOneAppendWins(t, s) }},
		{"of concurrent updates of one version exactly one wins", func(t T, s accounts.Store) { checkOneUpdateWins(t, s) }},
		{"of concurrent creations of one id or name exactly one wins", checkOneCreationWins},
		{"no update is lost", func(t T, s accounts.Store) { checkNoLostUpdate(t, s) }},
		{"journals of different profiles stay apart", checkIsolation},
		{"Watch never misses the newest while many write", checkWatchUnderLoad},
		{"concurrent Close is not an error", checkConcurrentClose},
	}
}

// sharedCheck is a check of two stores that keep their data in one place.
type sharedCheck struct {
	about Subject
	name  string
	run   func(t T, a, b accounts.Store)
}

func sharedChecks() []sharedCheck {
	return []sharedCheck{
		{General, "what one process stores the other reads", checkShared},
		{Watch, "Watch tells of what another process changed", checkSharedWatch},
		{Concurrency, "one journal used by two processes is linearizable", func(t T, a, b accounts.Store) { checkLinearizable(t, a, b) }},
		{Locked, "AppendLocked lets no other process append in between", func(t T, a, b accounts.Store) { checkLockedExcludes(t, a, b) }},
		{Locked, "AppendLocked never loses against another process", func(t T, a, b accounts.Store) { checkLockedNeverLoses(t, a, b) }},
		{Locked, "AppendLocked does not hold up other profiles of another process", func(t T, a, b accounts.Store) { checkLockedApart(t, a, b) }},
		{Locked, "another process reads a locked journal", func(t T, a, b accounts.Store) { checkLockedReading(t, a, b) }},
		{Concurrency, "of appends by two processes exactly one wins", func(t T, a, b accounts.Store) { checkOneAppendWins(t, a, b) }},
		{Concurrency, "of updates by two processes exactly one wins", func(t T, a, b accounts.Store) { checkOneUpdateWins(t, a, b) }},
		{Concurrency, "no update by two processes is lost", func(t T, a, b accounts.Store) { checkNoLostUpdate(t, a, b) }},
	}
}

// contenders is how many goroutines contend for one thing.
const contenders = 16

// contend calls f concurrently and returns the errors, in the order of the numbers given to f.
func contend(n int, f func(i int) error) []error {
	errs := make([]error, n)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = f(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// requireOneWinner checks that one of the errors is nil and that all others are the loser's. It
// returns the winner's number.
func requireOneWinner(t T, errs []error, loser error, message string) int {
	t.Helper()
	winner := -1
	for i, err := range errs {
		if err != nil {
			require.ErrorIs(t, err, loser, message)
			continue
		}
		require.Equal(t, -1, winner, "%s: there are several winners", message)
		winner = i
	}
	require.NotEqual(t, -1, winner, "%s: nobody won", message)
	return winner
}

// "ErrConflict when the journal's last entry does not have the number Batch.After", however close.
func checkOneAppendWins(t T, stores ...accounts.Store) {
	s, ctx := stores[0], t.Context()
	create(t, s, profile("p"))
	j := journal{id: "p"}
	var want []accounts.Entry
	for round := range 20 {
		batches := make([]accounts.Batch, contenders)
		after := make([]journal, contenders)
		for i := range batches {
			after[i] = j
			batches[i] = after[i].batch(fmt.Sprint(round, "-", i), "")
		}
		errs := contend(contenders, func(i int) error { return stores[i%len(stores)].Append(ctx, batches[i]) })
		winner := requireOneWinner(t, errs, accounts.ErrConflict, "appends after one entry")
		j = after[winner]
		want = append(want, batches[winner].Entries...)
	}
	requireEntries(t, s, "p", want, "the journal does not consist of the winners' entries")
}

// "UpdateProfile replaces the profile … if the stored Version equals p.Version", however close.
func checkOneUpdateWins(t T, stores ...accounts.Store) {
	s, ctx := stores[0], t.Context()
	p := create(t, s, profile("p"))
	for range 20 {
		errs := contend(contenders, func(i int) error {
			changed := p
			changed.Gateway.ClientID = i
			return stores[i%len(stores)].UpdateProfile(ctx, changed)
		})
		p.Gateway.ClientID = requireOneWinner(t, errs, accounts.ErrConflict, "updates of one version")
		p.Version++
		requireProfile(t, s, p, "the profile is not the winner's")
	}
}

// "ErrProfileExists when the id is taken, ErrNameTaken when … has the name", however close.
func checkOneCreationWins(t T, s accounts.Store) {
	ctx := t.Context()
	for round := range 10 {
		id := accounts.ProfileID(fmt.Sprint("same-id-", round))
		errs := contend(contenders, func(i int) error {
			p := profile(id)
			p.Name, p.Gateway.ClientID = fmt.Sprint(round, "-", i), i
			return s.CreateProfile(ctx, p)
		})
		winner := requireOneWinner(t, errs, accounts.ErrProfileExists, "creations of one id")
		require.Equal(t, winner, load(t, s, id).Gateway.ClientID, "the profile is not the winner's")

		errs = contend(contenders, func(i int) error {
			p := profile(accounts.ProfileID(fmt.Sprintf("name-%d-%d", round, i)))
			p.Name = fmt.Sprint("same name ", round)
			return s.CreateProfile(ctx, p)
		})
		requireOneWinner(t, errs, accounts.ErrNameTaken, "creations of one name")
	}
}

// "Calls on one profile are linearizable": many read, count up and write back; those who are
// refused do it again. Switching meanwhile changes no version.
func checkNoLostUpdate(t T, stores ...accounts.Store) {
	ctx := t.Context()
	p := profile("p")
	p.Gateway.ClientID = 0
	create(t, stores[0], p)
	const counters, each = 6, 20
	errs := contend(counters+1, func(g int) error {
		s := stores[g%len(stores)]
		for range each {
			if g == counters {
				if err := s.SetActiveProfile(ctx, "", "p", day); err != nil {
					return err
				}
			} else if err := countUp(ctx, s, "p"); err != nil {
				return err
			}
		}
		return nil
	})
	require.NoError(t, errors.Join(errs...), "counting up failed")
	got := load(t, stores[0], "p")
	require.Equal(t, counters*each, got.Gateway.ClientID, "an update was lost")
	require.Equal(t, int64(1+counters*each), got.Version, "the version does not count the updates")
}

func countUp(ctx context.Context, s accounts.Store, id accounts.ProfileID) error {
	for {
		p, err := s.Profile(ctx, id)
		if err != nil {
			return err
		}
		p.Gateway.ClientID++
		if err := s.UpdateProfile(ctx, p); !errors.Is(err, accounts.ErrConflict) {
			return err
		}
	}
}

// "Store keeps profiles and journals", each its own: concurrent appends under the same keys.
func checkIsolation(t T, s accounts.Store) {
	const profiles, batches = 12, 30
	ctx := t.Context()
	want := make([][]accounts.Entry, profiles)
	id := func(i int) accounts.ProfileID { return accounts.ProfileID(fmt.Sprintf("p%02d", i)) }
	for i := range profiles {
		create(t, s, profile(id(i)))
	}
	errs := contend(profiles, func(i int) error {
		j := journal{id: id(i)}
		for n := range batches {
			b := j.batch(keys(fmt.Sprint("batch-", n), 1+(n+i)%3)...)
			if err := s.Append(ctx, b); err != nil {
				return err
			}
			want[i] = append(want[i], b.Entries...)
		}
		return nil
	})
	require.NoError(t, errors.Join(errs...), "an append to a journal of one's own was refused")
	for i := range profiles {
		requireEntries(t, s, id(i), want[i], "another profile's appends changed the journal")
	}
}

// "never misses the newest", whoever writes meanwhile.
func checkWatchUnderLoad(t T, s accounts.Store) {
	const profiles, batches = 6, 50
	ctx := t.Context()
	watchers := []<-chan accounts.Event{watch(t, s), watch(t, s), watch(t, s)}
	var newest []accounts.Event
	for i := range profiles {
		newest = append(newest, recordEvent(create(t, s, owned("owner", accounts.ProfileID(fmt.Sprint("p", i)))), batches))
	}
	written := make(chan error, 1)
	go func() {
		written <- errors.Join(contend(profiles, func(i int) error {
			j := journal{id: newest[i].ProfileID}
			for range batches {
				if err := s.Append(ctx, j.batch("")); err != nil {
					return err
				}
			}
			return nil
		})...)
	}()
	await(t, watchers[0], newest...) // reads along; the others come late
	require.NoError(t, <-written, "Append failed")
	await(t, watchers[1], newest...)
	await(t, watchers[2], newest...)
}

// "Safe for concurrent use."
func checkConcurrentClose(t T, s accounts.Store) {
	events := watch(t, s)
	require.NoError(t, errors.Join(contend(contenders, func(int) error { return s.Close() })...), "a concurrent Close failed")
	requireEnd(t, events, "the store was closed")
}

// What holds for one process holds for all that use the store.
func checkShared(t T, a, b accounts.Store) {
	prepareCalls(t, a)
	require.Equal(t, contentsOf(t, a), contentsOf(t, b), "the other process reads something else")
	for _, c := range calls(b) {
		require.NoError(t, c.do(t.Context()), "%s by the other process failed", c.name)
	}
	require.Equal(t, contentsOf(t, b), contentsOf(t, a), "what the other process changed is not there")
}

// "in every process that uses the store".
func checkSharedWatch(t T, a, b accounts.Store) {
	there, here := watch(t, b), watch(t, a)
	p := create(t, a, owned("owner", "p"))
	j := journal{id: "p"}
	appendAll(t, a, j.batch("", ""))
	setActive(t, a, "owner", "p", day)
	for _, events := range []<-chan accounts.Event{there, here} {
		await(t, events, profileEvent(p), recordEvent(p, 2), switchEvent("owner", "p"))
	}
}
