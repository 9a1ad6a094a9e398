package hub

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errTest = errors.New("closed")

type event struct {
	key string
	n   int
}

func newHub(t *testing.T) *Hub[event, string] {
	h := New(func(e event) string { return e.key }, errTest)
	t.Cleanup(h.Close)
	return h
}

func subscribe(t *testing.T, h *Hub[event, string], filter func(event) bool) <-chan event {
	t.Helper()
	events, err := h.Subscribe(t.Context(), filter)
	require.NoError(t, err, "an open hub refused a watcher")
	return events
}

// next awaits one event; ok is false when the channel is closed.
func next(t *testing.T, events <-chan event) (e event, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	select {
	case e, ok = <-events:
	case <-ctx.Done():
		require.FailNow(t, "waited in vain for an event or the end of the channel")
	}
	return e, ok
}

func requireEnd(t *testing.T, events <-chan event) {
	t.Helper()
	for ok := true; ok; {
		_, ok = next(t, events)
	}
}

func TestEveryWatcherGetsEveryKey(t *testing.T) {
	h := newHub(t)
	var watchers []<-chan event
	for range 100 {
		watchers = append(watchers, subscribe(t, h, nil))
	}
	want := []event{{"a", 1}, {"b", 1}, {"c", 1}}
	for _, e := range want {
		h.Publish(e)
	}
	for i, w := range watchers {
		for _, e := range want {
			got, ok := next(t, w)
			require.True(t, ok, "the channel of watcher %d is closed", i)
			require.Equal(t, e, got, "watcher %d got something else, or out of order", i)
		}
	}
}

func TestSlowReaderFindsEventsMerged(t *testing.T) {
	h := newHub(t)
	slow := subscribe(t, h, nil)
	const rounds = 10_000
	for n := 1; n <= rounds; n++ {
		h.Publish(event{"a", n})
		h.Publish(event{"b", n})
	}
	newest, received := map[string]int{}, 0
	for newest["a"] < rounds || newest["b"] < rounds {
		e, ok := next(t, slow)
		require.True(t, ok, "the channel was closed")
		require.Greater(t, e.n, newest[e.key], "an older event of %q came after a newer one", e.key)
		newest[e.key] = e.n
		received++
	}
	require.LessOrEqual(t, received, 4, "events of one key were not merged")
}

// The merging is looked at without the goroutine, where nothing depends on timing.
func TestMergingKeepsTheOrderOfFirstArrival(t *testing.T) {
	s := newSubscription[event, string](nil)
	for _, e := range []event{{"a", 1}, {"b", 1}, {"a", 2}, {"c", 1}, {"b", 2}} {
		s.put(e.key, e)
	}
	require.Equal(t, []string{"a", "b", "c"}, s.order, "keys are not in the order of first arrival")
	for _, want := range []event{{"a", 2}, {"b", 2}, {"c", 1}} {
		head, ok := s.head()
		require.True(t, ok, "nothing waits although %v was not sent", want)
		require.Equal(t, want, head.event, "not the newest event in the order of first arrival")
		s.sent(head.version)
	}
	require.Empty(t, s.waiting, "something was kept after it was sent")
	_, ok := s.head()
	require.False(t, ok, "something waits after everything was sent")
}

func TestEventReplacedWhileItIsSentIsStillOwed(t *testing.T) {
	s := newSubscription[event, string](nil)
	s.put("a", event{"a", 1})
	s.put("b", event{"b", 1})
	head, _ := s.head()
	s.put("a", event{"a", 2})
	s.sent(head.version) // the reader took the event in the moment in which it was replaced
	for _, want := range []event{{"b", 1}, {"a", 2}} {
		head, ok := s.head()
		require.True(t, ok, "%v was lost", want)
		require.Equal(t, want, head.event, "not what the reader is owed")
		s.sent(head.version)
	}
}

func TestFilter(t *testing.T) {
	h := newHub(t)
	even := subscribe(t, h, func(e event) bool { return e.n%2 == 0 })
	h.Publish(event{"a", 1})
	h.Publish(event{"b", 2})
	h.Publish(event{"b", 3})
	got, _ := next(t, even)
	require.Equal(t, event{"b", 2}, got, "the filter let something else through")
}

func TestEndOfContextClosesOneChannel(t *testing.T) {
	h := newHub(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended, err := h.Subscribe(ctx, nil)
	require.NoError(t, err, "an open hub refused a watcher")
	other := subscribe(t, h, nil)
	h.Publish(event{"a", 1}) // left unread: it must not keep the channel open
	cancel()
	requireEnd(t, ended)
	h.Publish(event{"b", 1})
	for _, want := range []event{{"a", 1}, {"b", 1}} {
		got, ok := next(t, other)
		require.True(t, ok, "the end of one watcher's context closed another's channel")
		require.Equal(t, want, got, "the other watcher missed something")
	}
}

func TestWatchedUntilTheLastWatcherEnds(t *testing.T) {
	h := newHub(t)
	require.False(t, h.Watched(), "a new hub is watched")
	ctx, cancel := context.WithCancel(t.Context())
	events, err := h.Subscribe(ctx, nil)
	require.NoError(t, err, "an open hub refused a watcher")
	require.True(t, h.Watched(), "a hub with a watcher is not watched")
	cancel()
	requireEnd(t, events)
	require.False(t, h.Watched(), "a watcher is kept although its channel is closed")
}

func TestClose(t *testing.T) {
	h := newHub(t)
	read, unread := subscribe(t, h, nil), subscribe(t, h, nil)
	h.Publish(event{"a", 1})
	next(t, read)
	h.Close()
	h.Close()
	requireEnd(t, read)
	requireEnd(t, unread)
	h.Publish(event{"a", 2})
	_, err := h.Subscribe(t.Context(), nil)
	require.ErrorIs(t, err, errTest, "a closed hub accepted a watcher")
}

func TestDoneContextIsRefused(t *testing.T) {
	h := newHub(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := h.Subscribe(ctx, nil)
	require.ErrorIs(t, err, context.Canceled, "a done context was accepted")
	require.False(t, h.Watched(), "a refused watcher was kept")
}

// Publishers, readers, watchers that come and go, all at once: every key's newest event reaches
// whoever stays.
func TestNewestIsNeverMissed(t *testing.T) {
	h := newHub(t)
	const keys, rounds = 8, 2_000
	stays := subscribe(t, h, nil)
	var wg sync.WaitGroup
	for k := range keys {
		wg.Go(func() {
			for n := 1; n <= rounds; n++ {
				h.Publish(event{string(rune('a' + k)), n})
			}
		})
	}
	wg.Go(func() {
		for range 200 {
			ctx, cancel := context.WithCancel(t.Context())
			if events, err := h.Subscribe(ctx, nil); err == nil {
				cancel()
				for range events {
				}
			}
			cancel()
		}
	})
	newest := map[string]int{}
	for complete := 0; complete < keys; {
		e, ok := next(t, stays)
		require.True(t, ok, "the channel was closed")
		require.Greater(t, e.n, newest[e.key], "an older event of %q came after a newer one", e.key)
		newest[e.key] = e.n
		if e.n == rounds {
			complete++
		}
	}
	wg.Wait()
}

func BenchmarkPublishUnwatched(b *testing.B) {
	h := New(func(e event) string { return e.key }, errTest)
	defer h.Close()
	b.ReportAllocs()
	for b.Loop() {
		h.Publish(event{"a", 1})
	}
}

func BenchmarkPublishToOneWatcher(b *testing.B) {
	h := New(func(e event) string { return e.key }, errTest)
	defer h.Close()
	if _, err := h.Subscribe(b.Context(), nil); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		h.Publish(event{"a", 1})
	}
}
