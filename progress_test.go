package accounts_test

import (
	"context"
	"fmt"
	"iter"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// contested is a store in which another process is always faster: it appends before every optimistic
// append.
type contested struct {
	accounts.Store
	unwatched
	faster func()
	tries  int // optimistic appends
}

func (s *contested) Watch(ctx context.Context) (<-chan accounts.Event, error) {
	return s.unwatched.Watch(ctx)
}

func (s *contested) Append(ctx context.Context, b accounts.Batch) error {
	s.tries++
	if faster := s.faster; faster != nil {
		s.faster = nil // what it appends is not contested
		faster()
		s.faster = faster
	}
	return s.Store.Append(ctx, b)
}

// correctable are fills whose executions can be corrected.
func correctable(n int) []ledger.Fact {
	var out []ledger.Fact
	for i := range n {
		t := trade(1, xyz, []string{"1", "-1"}[i%2], "10")
		t.ExecID, t.Time = ledger.ExecID(fmt.Sprintf("0000aaaa.bbbbbbbb.%06d.01", i)), second(i)
		out = append(out, t)
	}
	return out
}

// Every command ends although another process is always faster, and what it says is in the book.
func TestEveryCommandEndsBesideAFasterProcess(t *testing.T) {
	s := &contested{Store: memstore.New()}
	b := newBenchOn(t, s)
	fills := correctable(100)
	b.Record(t, fills...)
	b.Record(t, money("d"))
	require.NoError(t, b.Portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("10"), Time: now},
		ledger.Mark{Instrument: ledger.NewStock("ABC", "USD"), Price: dec("10"), Time: now}))
	other, err := newManager(t, alone(s.Store.(*memstore.Store))).Portfolio(t.Context(), b.Profile.ID)
	require.NoError(t, err)
	n := 0
	s.faster = func() {
		n++
		f := trade(0, ledger.NewStock("ABC", "USD"), "1", "10")
		f.ExecID, f.Time = ledger.ExecID(fmt.Sprint("faster-", n)), now
		require.NoError(t, errOf(other.Record(background, f)))
	}
	corrected := fills[50].(ledger.Trade)
	corrected.ExecID, corrected.Price = "0000aaaa.bbbbbbbb.000050.02", dec("12")
	late := trade(1, xyz, "1", "11")
	late.Time = second(20)
	for _, c := range []struct {
		name string
		do   func() error
	}{
		{"a fill", func() error { return errOf(b.Portfolio.Record(t.Context(), trade(900, xyz, "1", "10"))) }},
		{"a late fill", func() error { return errOf(b.Portfolio.Record(t.Context(), late)) }},
		{"a correction", func() error { return errOf(b.Portfolio.Record(t.Context(), corrected)) }},
		{"a cancellation", func() error {
			return errOf(b.Portfolio.Record(t.Context(), cancels("k", "0000aaaa.bbbbbbbb.000060.01")))
		}},
		{"known fills", func() error { return errOf(b.Portfolio.Record(t.Context(), fills...)) }},
		{"an order", func() error { _, err := b.Portfolio.Reserve(t.Context(), order("o", xyz, "1", "10")); return err }},
		{"the order again", func() error { _, err := b.Portfolio.Reserve(t.Context(), order("o", xyz, "1", "10")); return err }},
		{"its release", func() error { return b.Portfolio.Release(t.Context(), "o", "cancelled") }},
		{"a reduction", func() error { return b.Portfolio.Reduce(t.Context(), "slowly") }},
		{"a halt", func() error { return b.Portfolio.Halt(t.Context(), "stop") }},
		{"a halt again", func() error { return b.Portfolio.Halt(t.Context(), "stop") }},
	} {
		s.tries = 0
		require.NoError(t, c.do(), c.name)
		require.LessOrEqual(t, s.tries, 8, "%s is tried again and again", c.name)
	}
	require.NoError(t, b.Portfolio.Verify(t.Context()))
	require.Equal(t, risk.TradingHalted, b.Reopen(t).Snapshot().Risk.State, "the halt is not in the journal")
}

// Another process changes history all the time: what was folded is of no use, again and again. The
// command takes the lock then.
func TestARestatementEndsBesideOthers(t *testing.T) {
	s := &contested{Store: memstore.New()}
	b := newBenchOn(t, s)
	fills := correctable(400)
	b.Record(t, fills...)
	other, err := newManager(t, alone(s.Store.(*memstore.Store))).Portfolio(t.Context(), b.Profile.ID)
	require.NoError(t, err)
	n := 100
	s.faster = func() {
		n++
		require.NoError(t, errOf(other.Record(background, cancels(ledger.ExecID(fmt.Sprint("k", n)), ledger.ExecID(fmt.Sprintf("0000aaaa.bbbbbbbb.%06d.01", n))))))
	}
	require.NoError(t, errOf(b.Portfolio.Record(t.Context(), cancels("k", "0000aaaa.bbbbbbbb.000007.01"))))
	require.Less(t, n, 150, "it is folded again and again")
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}

// starved is a contested store that has no connection for others while it holds a journal's lock.
type starved struct {
	*contested
	locked atomic.Bool
}

func (s *starved) AppendLocked(
	ctx context.Context, id accounts.ProfileID, after int64, decide func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error),
) error {
	if faster := s.faster; faster != nil {
		s.faster = nil
		faster()
		s.faster = faster
	}
	return s.contested.AppendLocked(ctx, id, after, func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
		s.locked.Store(true)
		defer s.locked.Store(false)
		return decide(tail)
	})
}

func (s *starved) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	if !s.locked.Load() {
		return s.contested.Entries(ctx, id, after)
	}
	return func(yield func(accounts.Entry, error) bool) {
		<-ctx.Done()
		yield(accounts.Entry{}, ctx.Err())
	}
}

// Nobody holds a journal's lock for ever because what is needed under the lock cannot be read.
func TestALockIsNotHeldForReadingThatDoesNotEnd(t *testing.T) {
	was := accounts.LimitLockedStudy(10 * time.Millisecond)
	t.Cleanup(func() { accounts.LimitLockedStudy(was) })
	s := &starved{contested: &contested{Store: memstore.New()}}
	b := newBenchOn(t, s)
	b.Record(t, correctable(100)...)
	other, err := newManager(t, alone(s.Store.(*memstore.Store))).Portfolio(t.Context(), b.Profile.ID)
	require.NoError(t, err)
	n := 10
	s.faster = func() {
		n++
		require.NoError(t, errOf(other.Record(background, cancels(ledger.ExecID(fmt.Sprint("k", n)), ledger.ExecID(fmt.Sprintf("0000aaaa.bbbbbbbb.%06d.01", n))))))
	}
	correction := cancels("k", "0000aaaa.bbbbbbbb.000007.01")
	require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), correction)), accounts.ErrUnavailable)
	s.faster = nil
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop"))
	require.NoError(t, errOf(b.Portfolio.Record(t.Context(), correction)), "in calm times")
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}

// reading is a store whose journals are read slowly: each reading from far back waits.
type reading struct {
	accounts.Store
	unwatched
	begun chan struct{} // told of every such reading
	goOn  chan struct{} // closed to let them go on
}

func (s *reading) Watch(ctx context.Context) (<-chan accounts.Event, error) {
	return s.unwatched.Watch(ctx)
}

func (s *reading) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	return func(yield func(accounts.Entry, error) bool) {
		if after == 0 {
			select {
			case s.begun <- struct{}{}:
			default:
			}
			<-s.goOn
		}
		for e, err := range s.Store.Entries(ctx, id, after) {
			if !yield(e, err) {
				return
			}
		}
	}
}

// While a correction reads the journal, every other command of the portfolio has its turn, and the
// correction takes what they wrote into account.
func TestNobodyWaitsForARestatement(t *testing.T) {
	s := &reading{Store: memstore.New(), begun: make(chan struct{}, 1), goOn: make(chan struct{})}
	close(s.goOn)
	b := newBenchOn(t, s)
	b.Record(t, append(correctable(50), money("d"))...)
	require.NoError(t, b.Portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("10"), Time: now}))
	s.goOn = make(chan struct{})
	select {
	case <-s.begun:
	default:
	}
	done := make(chan error, 1)
	go func() { done <- errOf(b.Portfolio.Record(t.Context(), cancels("k", "0000aaaa.bbbbbbbb.000007.01"))) }()
	<-s.begun
	require.NoError(t, errOf(b.Portfolio.Record(t.Context(), trade(900, xyz, "1", "10"))), "a fill")
	_, err := b.Portfolio.Reserve(t.Context(), order("o", xyz, "1", "10"))
	require.NoError(t, err, "an order")
	require.NoError(t, b.Portfolio.Release(t.Context(), "o", "cancelled"), "its release")
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop"), "the kill switch")
	select {
	case err := <-done:
		t.Fatalf("the cancellation was decided without reading the journal: %v", err)
	default:
	}
	close(s.goOn)
	require.NoError(t, <-done)
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}

// A late fill reads what lies behind it, and not the whole journal, in a process that has just begun
// as well.
func TestALateFillCostsWhatLiesBehindIt(t *testing.T) {
	store := &countingStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	fills := correctable(20_000)
	for batch := range 40 {
		b.Record(t, fills[batch*500:batch*500+500]...)
	}
	n := 0
	late := func(p *accounts.Portfolio, at, most int) {
		n++
		f := trade(1, xyz, "-1", "10")
		f.ExecID, f.Time = ledger.ExecID(fmt.Sprint("late-", n)), second(at)
		cost := store.cost(func() { require.NoError(t, errOf(p.Record(t.Context(), f))) })
		require.LessOrEqual(t, cost.read, int64(most), "late fill %d reads too much", n)
	}
	other := b.Reopen(t)
	for _, behind := range []int{10, 500, 3_000, 8_000} {
		late(b.Portfolio, 20_000-behind, 4*behind+4*1024)
		late(other, 20_000-behind, 4*behind+4*1024)
	}
	f := trade(1, xyz, "1", "10")
	f.ExecID, f.Time = "next", second(20_010)
	b.Record(t, f)
	late(b.Portfolio, 20_005, 1024) // what was changed far back does not make it dear
	late(other, 20_005, 1024)
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}

// Known facts are looked up in one query, and compared with what is read in one go.
func TestKnownFactsAreReadInOneGo(t *testing.T) {
	s := &queries{Store: memstore.New()}
	b := newBenchOn(t, s)
	fills := correctable(3_000)
	b.Record(t, fills...)
	late := trade(1, xyz, "-1", "10")
	late.Time = second(5)
	s.entries, s.lookups = 0, 0
	require.NoError(t, errOf(b.Portfolio.Record(t.Context(), append(fills[2_700:], late)...)))
	require.LessOrEqual(t, s.lookups, 1, "look-ups")
	require.LessOrEqual(t, s.entries, 3, "readings of the journal")
}

// queries counts the questions asked of a store.
type queries struct {
	accounts.Store
	unwatched
	entries, lookups int
}

func (s *queries) Watch(ctx context.Context) (<-chan accounts.Event, error) {
	return s.unwatched.Watch(ctx)
}

func (s *queries) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	s.entries++
	return s.Store.Entries(ctx, id, after)
}

func (s *queries) Lookup(ctx context.Context, id accounts.ProfileID, keys []string) (map[string]int64, error) {
	s.lookups++
	return s.Store.Lookup(ctx, id, keys)
}

// TestPropertyLateFactsFromCheckpoints: whatever is late, corrected or cancelled, and wherever
// checkpoints lie, the book is what the journal gives in its effective order, in two processes.
func TestPropertyLateFactsFromCheckpoints(t *testing.T) {
	call := ledger.Instrument{SecType: ledger.Option, Symbol: "XYZ", Underlying: "XYZ", Currency: "USD", Multiplier: dec("100"),
		Strike: dec("50"), Right: ledger.Call, Expiry: ledger.NewDate(2026, 12, 18)}
	held := []ledger.Instrument{xyz, ledger.NewStock("ABC", "USD"), call}
	rapid.Check(t, func(rt *rapid.T) {
		s := memstore.New()
		b := newBenchOn(t, s)
		other, err := newManager(t, alone(s)).Portfolio(t.Context(), b.Profile.ID)
		require.NoError(rt, err)
		both := []*accounts.Portfolio{b.Portfolio, other}
		var fills []ledger.Trade
		for i := range rapid.IntRange(5, 60).Draw(rt, "steps") {
			p := both[rapid.IntRange(0, 1).Draw(rt, "process")]
			switch kind := rapid.IntRange(0, 12).Draw(rt, "kind"); {
			case kind > 9:
				exercise(rt, p, call, i, second(max(0, i-rapid.IntRange(0, 3).Draw(rt, "late"))))
			case kind < 6 || len(fills) == 0:
				f := trade(1, held[rapid.IntRange(0, 2).Draw(rt, "contract")], fmt.Sprint(rapid.IntRange(-3, 3).Filter(func(n int) bool { return n != 0 }).Draw(rt, "quantity")), "10")
				f.ExecID, f.Time = ledger.ExecID(fmt.Sprintf("0000aaaa.bbbbbbbb.%06d.01", i)), second(max(0, i-rapid.SampledFrom([]int{0, 0, 0, 1, 2, 10, 40}).Draw(rt, "late")))
				require.NoError(rt, errOf(p.Record(background, f)))
				fills = append(fills, f)
			case kind == 6:
				f := fills[rapid.IntRange(0, len(fills)-1).Draw(rt, "which")]
				version := rapid.IntRange(2, 4).Draw(rt, "version")
				f.ExecID, f.Price = f.ExecID[:len(f.ExecID)-1]+ledger.ExecID(fmt.Sprint(version)), dec(fmt.Sprint(9+version))
				require.NoError(rt, errOf(p.Record(background, f)))
			case kind == 7:
				f := fills[rapid.IntRange(0, len(fills)-1).Draw(rt, "which")]
				require.NoError(rt, errOf(p.Record(background, cancels(ledger.ExecID(fmt.Sprint("k", i)), f.ExecID))))
			default:
				require.NoError(rt, p.SaveCheckpoint(background))
			}
		}
		for _, p := range both {
			catchUp(rt, p)
			require.True(rt, accounts.DraftIsLive(p), "the draft is not the durable book")
			require.NoError(rt, p.Verify(background), "a restatement is not what the journal gives")
		}
		require.Equal(rt, asJSON(rt, both[0].Snapshot()), asJSON(rt, both[1].Snapshot()), "two processes differ")
	})
}

// exercise records that a call is exercised or assigned, and what that delivers, together or one by one.
func exercise(rt *rapid.T, p *accounts.Portfolio, call ledger.Instrument, n int, at time.Time) {
	option, delivery := trade(1, call, "-1", "0"), trade(1, xyz, "100", "50")
	if rapid.Bool().Draw(rt, "assigned") {
		option.Quantity, delivery.Quantity = dec("1"), dec("-100")
	}
	facts := []*ledger.Trade{&option, &delivery}
	for i, f := range facts {
		f.ExecID, f.Kind, f.Time = ledger.ExecID(fmt.Sprint("exercise", n, i)), ledger.Exercise, at
	}
	switch rapid.IntRange(0, 2).Draw(rt, "recorded") {
	case 0:
		require.NoError(rt, errOf(p.Record(background, option, delivery)))
	case 1:
		require.NoError(rt, errOf(p.Record(background, option)))
		require.NoError(rt, errOf(p.Record(background, delivery)))
	case 2:
		require.NoError(rt, errOf(p.Record(background, delivery)))
		require.NoError(rt, errOf(p.Record(background, option)))
	}
}

// What its caller has given up is not tried again: it must not come after what others were told since.
func TestWhatWasGivenUpIsNotTriedAgain(t *testing.T) {
	s := &contested{Store: memstore.New()}
	b := newBenchOn(t, s)
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop"))
	other, err := newManager(t, alone(s.Store.(*memstore.Store))).Portfolio(t.Context(), b.Profile.ID)
	require.NoError(t, err)
	ctx, giveUp := context.WithCancel(t.Context())
	s.faster = func() {
		giveUp()
		require.NoError(t, other.Reduce(background, "only exits"))
		require.NoError(t, other.Halt(background, "stop again"))
	}
	require.ErrorIs(t, b.Portfolio.Resume(ctx, "go on"), context.Canceled)
	require.Equal(t, risk.TradingHalted, b.Reopen(t).Snapshot().Risk.State, "a resumption that was given up came after a halt")
}

// What an append of unknown outcome may still read is not used again.
func TestBatchOfUnknownOutcomeIsLeftAlone(t *testing.T) {
	s := &recorder{Store: memstore.New()}
	b := newBenchOn(t, s)
	s.fails = accounts.ErrOutcomeUnknown
	require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), trade(1, xyz, "1", "10"))), accounts.ErrOutcomeUnknown)
	s.fails = nil
	b.Record(t, trade(2, xyz, "2", "10"))
	lent := s.batches[0]
	require.NoError(t, lent.Check(), "the batch was changed")
	require.Equal(t, lent.Entries[0].Hash, lent.Entries[0].Sum(), "an entry was changed")
}
