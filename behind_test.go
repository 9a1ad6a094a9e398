package accounts_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// swapped is a store whose journals another store takes over: a failover to a replica that lacks the last
// transactions, or a backup played back, beneath a process that goes on running.
type swapped struct {
	accounts.Store
	unwatched
	appends int
}

// unwatched is the part of a store that tells nobody of changes, so that nothing reads the store but what
// the test does.
type unwatched struct{}

// Watch returns a channel without events.
func (unwatched) Watch(ctx context.Context) (<-chan accounts.Event, error) {
	events := make(chan accounts.Event)
	context.AfterFunc(ctx, func() { close(events) })
	return events, nil
}

// Watch implements accounts.Store.
func (s *swapped) Watch(ctx context.Context) (<-chan accounts.Event, error) {
	return s.unwatched.Watch(ctx)
}

func (s *swapped) Append(ctx context.Context, b accounts.Batch) error {
	s.appends++
	return s.Store.Append(ctx, b)
}

// A command ends with ErrCorrupt where the journal ends before what the process knows, and does not ask for ever.
func TestCommandsEndWhereTheJournalIsBehind(t *testing.T) {
	s := &swapped{Store: memstore.New()}
	b := newBenchOn(t, s)
	for n := 1; n <= 10; n++ {
		b.Record(t, trade(n, xyz, "1", "10"))
	}
	s.Store, s.appends = copyJournal(t, s.Store, b.Profile, 8), 0
	for _, err := range b.Portfolio.Trades(t.Context(), accounts.TradeFilter{}) {
		if err != nil {
			require.ErrorIs(t, err, accounts.ErrCorrupt, "trades")
			s.appends++
		}
	}
	require.Equal(t, 1, s.appends, "a list that is short looks whole")
	for what, command := range map[string]func() error{
		"record": func() error { return errOf(b.Portfolio.Record(t.Context(), trade(11, xyz, "1", "10"))) },
		"cancel": func() error {
			return errOf(b.Portfolio.Record(t.Context(), ledger.Cancellation{ExecID: "k", Cancels: "exec-3", Time: at(20)}))
		},
		"reserve":  func() error { _, err := b.Portfolio.Reserve(t.Context(), order("o", xyz, "1", "10")); return err },
		"halt":     func() error { return b.Portfolio.Halt(t.Context(), "stop") },
		"catch up": func() error { return b.Portfolio.CatchUp(t.Context()) },
	} {
		s.appends = 0
		err := command()
		require.ErrorIs(t, err, accounts.ErrCorrupt, "%s: the journal lost entries", what)
		require.LessOrEqual(t, s.appends, 2, "%s asks again and again", what)
	}
}

// copyJournal makes a store with the profile and the first entries of its journal.
func copyJournal(t *testing.T, from accounts.Store, p accounts.AccountProfile, upTo int) *memstore.Store {
	t.Helper()
	to := memstore.New()
	require.NoError(t, to.CreateProfile(t.Context(), p))
	for _, e := range readAll(t, from, p.ID)[:upTo] {
		require.NoError(t, to.Append(t.Context(), accounts.Batch{ProfileID: p.ID, After: e.Seq - 1, Hash: e.Prev, Entries: []accounts.Entry{e}}))
	}
	return to
}

// Others went on where the journal was cut off, and have come as far. Nothing is written behind entries
// that the process never saw, and the journal stays whole for those who go on.
func TestNothingIsWrittenBehindAForeignEntry(t *testing.T) {
	for name, more := range map[string]int{"as long": 2, "longer": 5, "shorter": 1} {
		t.Run(name, func(t *testing.T) {
			s := &swapped{Store: memstore.New()}
			b := newBenchOn(t, s)
			for n := 1; n <= 10; n++ {
				b.Record(t, trade(n, xyz, "1", "10"))
			}
			s.Store = copyJournal(t, s.Store, b.Profile, 8)
			other := b.Reopen(t)
			for n := range more {
				require.NoError(t, errOf(other.Record(t.Context(), trade(21+n, xyz, "5", "10"))))
			}
			var corrupt *accounts.CorruptError
			require.ErrorAs(t, errOf(b.Portfolio.Record(t.Context(), trade(11, xyz, "1", "10"))), &corrupt, "a fill went behind entries never seen")
			require.EqualValues(t, 10, corrupt.Seq, "another entry is blamed")
			require.ErrorIs(t, b.Portfolio.Halt(t.Context(), "stop"), accounts.ErrCorrupt, "the halt")
			require.ErrorIs(t, b.Portfolio.Verify(t.Context()), accounts.ErrCorrupt, "Verify")
			again := b.Reopen(t)
			require.NoError(t, again.Verify(t.Context()), "the journal is broken for those who go on")
			require.NoError(t, errOf(again.Record(t.Context(), trade(31, xyz, "1", "10"))), "nobody can go on")
		})
	}
}

// A checkpoint of an entry that the journal lacks, or has another entry for, is evidence that entries
// were lost. A checkpoint that is damaged is evidence of nothing.
func TestACheckpointBeyondTheJournalIsEvidence(t *testing.T) {
	b := newBench(t)
	for n := 1; n <= 10; n++ {
		b.Record(t, trade(n, xyz, "1", "10"))
	}
	require.NoError(t, b.Portfolio.SaveCheckpoint(t.Context()))
	c, err := b.Store.Checkpoint(t.Context(), b.Profile.ID, math.MaxInt64)
	require.NoError(t, err)
	open := func(upTo int, damage func(*accounts.Checkpoint)) error {
		cut := copyJournal(t, b.Store, b.Profile, upTo)
		c := c
		c.State = bytes.Clone(c.State)
		damage(&c)
		require.NoError(t, cut.SaveCheckpoint(t.Context(), c))
		_, err := newManagerOn(t, cut).Portfolio(t.Context(), b.Profile.ID)
		return err
	}
	whole := func(*accounts.Checkpoint) {}
	require.NoError(t, open(10, whole), "the journal has the entry")
	require.ErrorIs(t, open(9, whole), accounts.ErrCorrupt, "the checkpoint's entry is gone, and nobody hears of it")
	require.ErrorIs(t, open(0, whole), accounts.ErrCorrupt, "every entry is gone, and nobody hears of it")
	require.NoError(t, open(9, func(c *accounts.Checkpoint) { c.State[40] ^= 1 }), "a damaged checkpoint stands for nothing")
	require.NoError(t, open(9, func(c *accounts.Checkpoint) { c.Seq++ }), "a checkpoint whose number was changed stands for nothing")
}

// recorder keeps the batches that were appended.
type recorder struct {
	accounts.Store
	unwatched
	batches []accounts.Batch
	fails   error
}

func (s *recorder) Watch(ctx context.Context) (<-chan accounts.Event, error) {
	return s.unwatched.Watch(ctx)
}

func (s *recorder) Append(ctx context.Context, b accounts.Batch) error {
	s.batches = append(s.batches, b)
	if s.fails != nil {
		return s.fails
	}
	return s.Store.Append(ctx, b)
}

// An answer without an entry of its own that rests on entries which this process has only read follows
// a barrier: those entries may be on one server alone. One that rests on the process's own does not.
func TestAnswersRestOnWhatIsDurable(t *testing.T) {
	s := &recorder{Store: memstore.New()}
	b := newBenchOn(t, s)
	b.Record(t, money("d"), trade(1, xyz, "1", "10"))
	require.NoError(t, b.Portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("10"), Time: now}))
	_, err := b.Portfolio.Reserve(t.Context(), order("o", xyz, "1", "10"))
	require.NoError(t, err)
	require.NoError(t, b.Portfolio.Halt(t.Context(), "stop"))
	head := readAll(t, s.Store, b.Profile.ID)
	last := head[len(head)-1]
	for name, again := range map[string]func(p *accounts.Portfolio) error{
		"known facts": func(p *accounts.Portfolio) error {
			return errOf(p.Record(t.Context(), money("d"), trade(1, xyz, "1", "10")))
		},
		"a held order": func(p *accounts.Portfolio) error {
			d, err := p.Reserve(t.Context(), order("o", xyz, "1", "10"))
			if errors.Is(err, accounts.ErrRefused) && d.Repeat {
				return nil // held, and not to be sent while trading is halted
			}
			return err
		},
		"a halt": func(p *accounts.Portfolio) error { return p.Halt(t.Context(), "stop") },
	} {
		s.batches = nil
		require.NoError(t, again(b.Portfolio), name)
		for _, batch := range s.batches {
			if name == "a halt" {
				break // it rests on nobody else's append under way either
			}
			require.NotEmpty(t, batch.Entries, "%s: the process's own entries need no barrier", name)
		}
		read := b.Reopen(t) // which has read what others wrote
		s.batches = nil
		require.NoError(t, again(read), name)
		require.NotEmpty(t, s.batches, "%s: answered from what was only read", name)
		barrier := s.batches[len(s.batches)-1]
		require.Empty(t, barrier.Entries, name)
		require.Equal(t, last.Hash, barrier.Hash, "%s: a barrier elsewhere", name)
		require.Equal(t, last.Seq, barrier.After, "%s: a barrier elsewhere", name)
		s.fails = accounts.ErrUnavailable
		require.ErrorIs(t, again(b.Reopen(t)), accounts.ErrUnavailable, "%s: answered although the barrier failed", name)
		s.fails = nil
	}
}

// An unavailable store has written nothing, and the caller hears that.
func TestUnavailableIsNotUnknown(t *testing.T) {
	s := &recorder{Store: memstore.New()}
	b := newBenchOn(t, s)
	s.fails = fmt.Errorf("append: %w", accounts.ErrUnavailable)
	err := errOf(b.Portfolio.Record(t.Context(), trade(1, xyz, "1", "10")))
	require.ErrorIs(t, err, accounts.ErrUnavailable)
	require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, "what surely did not happen is called unknown")
	s.fails = fmt.Errorf("append: %w: %w", accounts.ErrUnavailable, accounts.ErrOutcomeUnknown)
	require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), trade(1, xyz, "1", "10"))), accounts.ErrOutcomeUnknown)
	s.fails = nil
	require.NoError(t, errOf(b.Portfolio.Record(t.Context(), trade(1, xyz, "1", "10"))))
}
