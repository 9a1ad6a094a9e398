package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

func watchChecks() []check {
	return []check{
		{"Watch tells of a profile created and updated", checkWatchProfile},
		{"Watch tells of an owner's switch", checkWatchSwitch},
		{"Watch tells of a journal that grew, and how far", checkWatchRecorded},
		{"Watch merges events for a slow reader and never misses the newest", checkWatchMerges},
		{"Watch merges nothing but one kind about one profile or owner", checkWatchKeepsApart},
		{"Watch is in the order of sequence numbers", checkWatchOrder},
		{"Watch closes its channel when its context ends", checkWatchContext},
		{"Watch closes its channel when the store is closed", checkWatchClose},
		{"Watch serves any number of watchers", checkManyWatchers},
	}
}

// watch returns a channel that lives as long as the test.
func watch(t T, s accounts.Store) <-chan accounts.Event {
	t.Helper()
	events, err := s.Watch(t.Context())
	require.NoError(t, err, "Watch failed")
	return events
}

// receive awaits an event. ok is false when the channel is closed.
func receive(t T, events <-chan accounts.Event, what string) (e accounts.Event, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	select {
	case e, ok = <-events:
		return e, ok
	case <-ctx.Done():
		require.FailNow(t, "waited in vain for "+what)
		return accounts.Event{}, false
	}
}

// await reads until it has seen every one of the events, apart from their times, and returns all
// that it read, without times.
func await(t T, events <-chan accounts.Event, want ...accounts.Event) []accounts.Event {
	t.Helper()
	missing := make(map[accounts.Event]bool)
	for _, e := range want {
		missing[e] = true
	}
	var all []accounts.Event
	for len(missing) > 0 {
		e, ok := receive(t, events, fmt.Sprintf("%+v", missing))
		require.True(t, ok, "the channel was closed before %+v", missing)
		require.Equal(t, time.UTC, e.Time.Location(), "the time of an event is not in UTC")
		require.NoError(t, e.Err, "an event of a store carries an error")
		e.Time = time.Time{}
		all = append(all, e)
		delete(missing, e)
	}
	return all
}

// requireEnd reads until the channel is closed.
func requireEnd(t T, events <-chan accounts.Event, message string) {
	t.Helper()
	for ok := true; ok; {
		_, ok = receive(t, events, "the end of the channel: "+message)
	}
}

func profileEvent(p accounts.AccountProfile) accounts.Event {
	return accounts.Event{Kind: accounts.EventProfile, ProfileID: p.ID, Owner: p.Owner}
}

func switchEvent(owner accounts.OwnerID, id accounts.ProfileID) accounts.Event {
	return accounts.Event{Kind: accounts.EventSwitched, ProfileID: id, Owner: owner}
}

func recordEvent(p accounts.AccountProfile, seq int64) accounts.Event {
	return accounts.Event{Kind: accounts.EventRecorded, ProfileID: p.ID, Owner: p.Owner, Seq: seq}
}

// "EventProfile": "a profile was created, updated or archived".
func checkWatchProfile(t T, s accounts.Store) {
	events := watch(t, s)
	p := create(t, s, owned("owner", "p"))
	await(t, events, profileEvent(p))
	require.NoError(t, s.UpdateProfile(t.Context(), archived(p)), "UpdateProfile failed")
	await(t, events, profileEvent(p))
}

// "EventSwitched": "the new active profile, empty when there is none".
func checkWatchSwitch(t T, s accounts.Store) {
	create(t, s, owned("owner", "p"), owned("owner", "q"), profile("r"))
	events := watch(t, s)
	for _, e := range []accounts.Event{
		switchEvent("owner", "p"), switchEvent("owner", "q"), switchEvent("owner", ""), switchEvent("", "r"),
	} {
		setActive(t, s, e.Owner, e.ProfileID, day)
		await(t, events, e)
	}
}

// "EventRecorded: the journal's last sequence number at the time".
func checkWatchRecorded(t T, s accounts.Store) {
	p := create(t, s, owned("owner", "p"))
	events := watch(t, s)
	j := journal{id: "p"}
	for _, n := range []int{1, 3, 1} {
		appendAll(t, s, j.batch(make([]string, n)...))
		await(t, events, recordEvent(p, j.last))
	}
}

// "a slow reader finds several events of one kind about one profile (one owner, for switches)
// merged into the newest, but never misses the newest." A second watcher tells when everything
// is on its way; what the store then has at hand for the slow one is little.
func checkWatchMerges(t T, s accounts.Store) {
	p := create(t, s, owned("owner", "p"), owned("owner", "q"))
	slow, quick := watch(t, s), watch(t, s)
	j := journal{id: "p"}
	const rounds = 200
	last := p
	for i := range rounds {
		appendAll(t, s, j.batch(""))
		last.Gateway.ClientID = i
		require.NoError(t, s.UpdateProfile(t.Context(), last), "UpdateProfile failed")
		last.Version++
		setActive(t, s, "owner", []accounts.ProfileID{"p", "q"}[i%2], day)
	}
	setActive(t, s, "owner", "", day)
	newest := []accounts.Event{recordEvent(p, rounds), switchEvent("owner", "")}
	await(t, quick, newest...)
	seen := map[accounts.EventKind]int{}
	for _, e := range await(t, slow, newest...) {
		seen[e.Kind]++
	}
	for kind, n := range seen {
		require.Less(t, n, rounds/2, "the events of kind %s were not merged for a slow reader", kind)
	}
}

// "several events of one kind about one profile (one owner, for switches)": other events are not
// merged, however slow the reader.
func checkWatchKeepsApart(t T, s accounts.Store) {
	events := watch(t, s)
	a, b := owned("a", "a1"), owned("b", "b1")
	create(t, s, a, b)
	want := []accounts.Event{profileEvent(a), profileEvent(b)}
	for _, p := range []accounts.AccountProfile{a, b} {
		j := journal{id: p.ID}
		appendAll(t, s, j.batch(""), j.batch(""))
		setActive(t, s, p.Owner, p.ID, day)
		want = append(want, recordEvent(p, 2), switchEvent(p.Owner, p.ID))
	}
	await(t, events, want...)
}

// "Events of one profile arrive in the order of their sequence numbers."
func checkWatchOrder(t T, s accounts.Store) {
	p := create(t, s, profile("p"))
	events := watch(t, s)
	const batches = 300
	ctx, failed := t.Context(), make(chan error, 1)
	go func() {
		j := journal{id: "p"}
		for range batches {
			if err := s.Append(ctx, j.batch("")); err != nil {
				failed <- err
				return
			}
		}
		failed <- nil
	}()
	last := int64(0)
	for _, e := range await(t, events, recordEvent(p, batches)) {
		if e.Kind == accounts.EventRecorded {
			require.Greater(t, e.Seq, last, "an event came after one with a higher sequence number")
			last = e.Seq
		}
	}
	require.NoError(t, <-failed, "Append failed")
}

// "The channel is closed when ctx ends", its own and no other's, also with something unread in it.
func checkWatchContext(t T, s accounts.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended, err := s.Watch(ctx)
	require.NoError(t, err, "Watch failed")
	unread, err := s.Watch(ctx)
	require.NoError(t, err, "Watch failed")
	other := watch(t, s)
	await(t, ended, profileEvent(create(t, s, profile("p"))))
	cancel()
	requireEnd(t, ended, "its context ended")
	requireEnd(t, unread, "its context ended with something unread in it")
	await(t, other, profileEvent(create(t, s, profile("q"))))
}

// "or the store is closed." "Close … closes the channels of Watch."
func checkWatchClose(t T, s accounts.Store) {
	idle, unread := watch(t, s), watch(t, s)
	await(t, idle, profileEvent(create(t, s, profile("p"))))
	require.NoError(t, within(t, "Close with something unread", s.Close), "Close failed")
	requireEnd(t, idle, "the store was closed")
	requireEnd(t, unread, "the store was closed with something unread in it")
}

// Any number of watchers, of whom only the last reads: none holds up another or the store.
func checkManyWatchers(t T, s accounts.Store) {
	for range 64 {
		watch(t, s)
	}
	events := watch(t, s)
	p := create(t, s, profile("p"))
	j := journal{id: "p"}
	for range 10 {
		b := j.batch("", "")
		require.NoError(t, within(t, "Append with idle watchers", func() error { return s.Append(t.Context(), b) }), "Append failed")
	}
	await(t, events, recordEvent(p, 20))
}
