package accounts

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// stage is a following with what surrounds it: a journal and a profile that grow, a store that tells
// of that late, merged, or never, a portfolio that reads, and a subscriber. The subscriber is the
// model: whenever it is told something it looks at the portfolio. When everything has come to rest, it
// must have seen the newest.
type stage struct {
	f following

	head, version int64 // of the store
	hints         []hint

	opening             bool
	readHead, readKnown int64 // what an opening or a look has read so far; readHead -1 for nothing
	seq, known          int64 // the portfolio's journal and profile
	appending           int64 // the entry of the portfolio's own append under way, 0 for none
	looking             *look

	seenSeq, seenKnown int64 // what the subscriber saw in the portfolio
	toldSeq            int64
	owed               map[EventKind]bool // heard of since the subscriber was last told
	excused            map[EventKind]bool // the portfolio failed for good at what was heard last
}

// hint is what the store tells of, or a lie that somebody else puts in between.
type hint struct {
	Event
	lie bool
}

func newStage() *stage {
	return &stage{readHead: -1, owed: map[EventKind]bool{}, excused: map[EventKind]bool{}}
}

// act carries out what the following asks for, and checks what may be checked at any time.
func (s *stage) act(t *rapid.T, do actions) {
	require.False(t, s.f.closed && (do.tell != nil || do.look != nil), "something is to be done after the end")
	for _, e := range do.tell {
		s.owed[e.Kind] = false
		if !s.f.open {
			continue // nobody has the portfolio
		}
		if e.Kind == EventRecorded && e.Seq != 0 {
			require.LessOrEqual(t, e.Seq, s.seq, "told of an entry before the portfolio knows it")
			require.Greater(t, e.Seq, s.toldSeq, "told of an entry again, or of an earlier one")
			s.toldSeq = e.Seq
		}
		s.seenSeq, s.seenKnown = s.seq, s.known
	}
	if do.look != nil {
		require.Nil(t, s.looking, "two catch-ups at a time")
		require.True(t, s.f.open, "nobody has the portfolio, and it is to catch up")
		require.True(t, do.look.profile || do.look.journal > 0, "a look for nothing")
		s.looking, s.readHead = do.look, -1
	}
	require.LessOrEqual(t, len(s.f.waiting)+len(s.f.current), 4, "what is kept grows with what is heard")
}

// append adds an entry to the journal, of which the store tells.
func (s *stage) append() {
	s.head++
	s.hint(Event{Kind: EventRecorded, Seq: s.head})
}

// hint lets the store tell of an event, behind what it has told.
func (s *stage) hint(e Event) { s.hints = append(s.hints, hint{Event: e}) }

// merge drops all but the newest of each kind of what was not heard yet.
func (s *stage) merge() {
	newest := map[EventKind]int{}
	for i, h := range s.hints {
		if !h.lie {
			newest[h.Kind] = i
		}
	}
	var kept []hint
	for i, h := range s.hints {
		if h.lie || newest[h.Kind] == i {
			kept = append(kept, h)
		}
	}
	s.hints = kept
}

// restart is a watch of the store that breaks off and is taken up again: everything may have changed.
func (s *stage) restart() {
	s.hints = nil
	s.hint(Event{Kind: EventProfile})
	s.hint(Event{Kind: EventRecorded})
}

// lie tells of an entry that there may not be.
func (s *stage) lie(t *rapid.T) {
	seq := rapid.SampledFrom([]int64{1, 2, 1000, math.MaxInt64, math.MinInt64}).Draw(t, "entry that somebody makes up")
	s.hints = append(s.hints, hint{Event{Kind: EventRecorded, Seq: seq}, true})
}

// hear passes on the first hint.
func (s *stage) hear(t *rapid.T) {
	e := s.hints[0]
	s.hints = s.hints[1:]
	s.owed[e.Kind] = s.owed[e.Kind] || !e.lie && (e.Kind == EventProfile || e.Seq == 0 || e.Seq > s.toldSeq)
	s.excused[e.Kind] = false
	s.act(t, s.f.heard(e.Event, s.visible()))
}

// visible is what the manager says is the portfolio's last entry: none before it is open.
func (s *stage) visible() int64 {
	if s.f.open {
		return s.seq
	}
	return 0
}

// read is the moment in which an opening or a look reads the store.
func (s *stage) read() { s.readHead, s.readKnown = s.head, s.version }

// waits reports whether a look for entries must wait for an append of the portfolio's own.
func (s *stage) waits() bool { return s.appending > s.seq && s.looking.journal > 0 }

// finish ends the look under way.
func (s *stage) finish(t *rapid.T, o outcome) {
	l := s.looking
	if s.looking = nil; o == caughtUp {
		if l.profile {
			s.known = max(s.known, s.readKnown)
		}
		if l.journal > 0 {
			s.seq = max(s.seq, s.readHead)
		}
	}
	if o == noMoreTry {
		s.excused[EventProfile] = s.excused[EventProfile] || l.profile
		s.excused[EventRecorded] = s.excused[EventRecorded] || l.journal > 0
	}
	s.act(t, s.f.ended(o, s.seq))
	if o != caughtUp && !s.f.closed {
		require.False(t, s.owed[EventProfile] || s.owed[EventRecorded], "subscribers wait for a store that fails")
	}
}

// beginAppend begins an append of the portfolio's own, which has read what is there before.
func (s *stage) beginAppend() {
	s.seq = s.head
	s.append()
	s.appending = s.head
}

// endAppend makes the portfolio's own append visible.
func (s *stage) endAppend() { s.seq, s.appending = s.appending, 0 }

// open ends the opening.
func (s *stage) open(t *rapid.T) {
	s.opening, s.seq, s.known = false, s.readHead, s.readKnown
	s.seenSeq, s.seenKnown = s.seq, s.known // whoever gets a portfolio looks at it
	s.act(t, s.f.opened(s.seq))
}

// move is something that may happen now.
type move struct {
	name string
	can  bool
	do   func(t *rapid.T)
}

// next draws one of the moves that are possible now, and makes it.
func (s *stage) next(t *rapid.T) {
	moves := slices.DeleteFunc([]move{
		{"another process appends", s.appending == 0, func(*rapid.T) { s.append() }},
		{"an append of its own begins", s.f.open && s.appending == 0, func(*rapid.T) { s.beginAppend() }},
		{"an append of its own ends", s.appending > 0, func(*rapid.T) { s.endAppend() }},
		{"the profile changes", true, func(*rapid.T) { s.version++; s.hint(Event{Kind: EventProfile}) }},
		{"the store merges hints", len(s.hints) > 1, func(*rapid.T) { s.merge() }},
		{"the store's watch restarts", true, func(*rapid.T) { s.restart() }},
		{"somebody lies", true, s.lie},
		{"a hint is heard", len(s.hints) > 0, s.hear},
		{"the opening begins", !s.f.open && !s.opening, func(*rapid.T) { s.opening, s.readHead = true, -1 }},
		{"the opening fails", s.opening, func(*rapid.T) { s.opening, s.f = false, following{} }},
		{"the opening ends", s.opening && s.readHead >= 0, s.open},
		{"the store is read", s.opening || s.looking != nil && !s.waits(), func(*rapid.T) { s.read() }},
		{"the look succeeds", s.looking != nil && s.readHead >= 0, func(t *rapid.T) { s.finish(t, caughtUp) }},
		{"the look fails", s.looking != nil, func(t *rapid.T) { s.finish(t, tryAgain) }},
		{"the look fails for good", s.looking != nil, func(t *rapid.T) { s.finish(t, noMoreTry) }},
	}, func(m move) bool { return !m.can })
	m := moves[rapid.IntRange(0, len(moves)-1).Draw(t, "move")]
	t.Log(m.name)
	m.do(t)
}

// rest lets everything come to its end, without a failure.
func (s *stage) rest(t *rapid.T) {
	if s.appending > 0 {
		s.endAppend()
	}
	if s.opening {
		s.read()
		s.open(t)
	}
	for steps := 0; len(s.hints) > 0 || s.looking != nil; steps++ {
		require.Less(t, steps, 1000, "it never comes to rest")
		if s.looking != nil {
			s.read()
			s.finish(t, caughtUp)
			continue
		}
		s.hear(t)
	}
}

// checkRest checks what must hold once everything has come to rest.
func (s *stage) checkRest(t *rapid.T) {
	require.False(t, s.owed[EventProfile], "a subscriber was never told that the profile changed")
	require.False(t, s.owed[EventRecorded], "a subscriber was never told that the journal grew")
	require.Empty(t, s.f.current, "a catch-up is under way that nobody makes")
	if !s.f.open {
		return
	}
	if len(s.f.waiting) > 0 {
		require.True(t, s.excused[EventProfile] || s.excused[EventRecorded], "something waits for nothing")
	}
	if !s.excused[EventRecorded] {
		require.Equal(t, s.head, s.seq, "the portfolio does not know the newest entry")
		require.Equal(t, s.head, s.seenSeq, "the subscriber was not told once the newest entry was there to find")
	}
	if !s.excused[EventProfile] {
		require.Equal(t, s.version, s.known, "the portfolio does not know the newest profile")
		require.Equal(t, s.version, s.seenKnown, "the subscriber was not told once the newest profile was there to find")
	}
}

// Whatever happens in whatever order: a subscriber never misses the newest, is never told of an entry
// before the portfolio knows it, nor of an earlier one after a later one, and a portfolio catches up
// once at a time.
func TestPropertyFollowing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := newStage()
		for range rapid.IntRange(1, 60).Draw(t, "moves") {
			s.next(t)
		}
		if rapid.Bool().Draw(t, "closed") {
			s.f.close()
			s.rest(t)
			return
		}
		s.rest(t)
		s.checkRest(t)
	})
}
