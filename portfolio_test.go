package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// hookedStore is a store whose Append a test can watch and disturb.
type hookedStore struct {
	accounts.Store
	append func(context.Context, accounts.Batch) error
}

func (s *hookedStore) Append(ctx context.Context, b accounts.Batch) error {
	if s.append != nil {
		return s.append(ctx, b)
	}
	return s.Store.Append(ctx, b)
}

func TestRecordingTwiceChangesNothing(t *testing.T) {
	b := newBench(t)
	facts := []ledger.Fact{
		trade(1, xyz, "10", "10"), trade(2, xyz, "-4", "12"),
		ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("5"), Time: at(0)},
		ledger.Split{ID: "s", From: xyz, To: xyz, Numerator: dec("2"), Denominator: dec("1"), Time: at(3)},
	}
	added, err := b.Portfolio.Record(t.Context(), facts...)
	require.NoError(t, err)
	require.Equal(t, 4, added)
	before := figures(b.Portfolio)
	for range 2 {
		added, err = b.Portfolio.Record(t.Context(), facts...)
		require.NoError(t, err)
		require.Zero(t, added, "nothing is new the second time")
	}
	added, err = b.Portfolio.Record(t.Context(), trade(1, xyz, "10", "10"), trade(9, xyz, "1", "10"), trade(9, xyz, "1", "10"))
	require.NoError(t, err)
	require.Equal(t, 1, added, "of a known, a new and a repeated trade one is new")
	require.NotEqual(t, before, figures(b.Portfolio))
	require.Len(t, readAll(t, b.Store, b.Profile.ID), 5)
}

func TestRatesAndNamesDoNotDependOnTheOrder(t *testing.T) {
	b := newBench(t)
	sap := ledger.NewStock("SAP", "EUR")
	rated := func(n int, in ledger.Instrument, q, price, rate string) ledger.Trade {
		tr := trade(n, in, q, price)
		tr.FXRate = dec(rate)
		return tr
	}
	named := sap
	named.ConID, named.LocalSymbol = 77, "SAPd"
	b.Record(t, rated(10, sap, "10", "90", "1.1"))
	b.Record(t, rated(5, named, "10", "80", "1.2"))
	b.Record(t, trade(20, sap, "-15", "100"))
	b.Record(t, rated(15, sap, "-1", "100", "2"))
	pos, _ := b.Portfolio.Position(sap.Key())
	require.Equal(t, "37.8", pos.RealizedBase.String(), "18.9 of the closing that has a rate, at that rate")
	require.NoError(t, b.Portfolio.Verify(t.Context()))
	_, err := b.Portfolio.Equity()
	require.ErrorIs(t, err, accounts.ErrNoMark)
	require.NoError(t, b.Portfolio.MarkFX(ledger.FXRate{Currency: "EUR", Rate: dec("1.5"), Time: at(30)}))
	require.NoError(t, b.Portfolio.Mark(ledger.Mark{Instrument: sap, Price: dec("100"), Time: at(30)}))
	_, err = b.Portfolio.Equity()
	require.NoError(t, err, "what was realized without a rate does not keep equity from being known")
	s := b.Portfolio.Snapshot()
	require.Empty(t, s.Unrated)
	require.Equal(t, pos.Unconverted.Mul(dec("1.5")).Add(pos.RealizedBase).String(), s.Realized.String(), "the rest at the live rate")
}

func TestIDsAreNotReused(t *testing.T) {
	b := newBench(t)
	tax := ledger.CashMovement{ID: "77", Kind: ledger.Tax, Currency: "USD", Amount: dec("-15"), Time: at(1)}
	dividend := ledger.CashMovement{ID: "77", Kind: ledger.Dividend, Currency: "USD", Amount: dec("100"), Time: at(1)}
	require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), dividend, tax)), accounts.ErrIDReused)
	require.Zero(t, b.Portfolio.Seq(), "nothing may be recorded")
	b.Record(t, dividend, trade(1, xyz, "10", "10"))
	require.ErrorIs(t, errOf(b.Portfolio.Record(t.Context(), tax)), accounts.ErrIDReused)
	_, err := b.Portfolio.Record(t.Context(), trade(1, xyz, "11", "10"))
	require.ErrorIs(t, err, accounts.ErrIDReused)
	_, err = b.Portfolio.Record(t.Context(), trade(1, ledger.NewStock("ABC", "USD"), "10", "10"))
	require.ErrorIs(t, err, accounts.ErrIDReused)
	serial := func(id string) ledger.Trade {
		tr := trade(5, xyz, "1", "10")
		tr.ExecID = ledger.ExecID(id)
		return tr
	}
	b.Record(t, serial("fill.20260105.01"))
	b.Record(t, serial("fill.20260105.02"))
	requirePosition(t, b.Portfolio, xyz, "12", "123", "0")
}

func TestPanickingStoreBlocksNobody(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	store.append = func(context.Context, accounts.Batch) error { panic("driver") }
	require.Panics(t, func() { _, _ = b.Portfolio.Record(t.Context(), trade(1, xyz, "1", "1")) })
	store.append = nil
	b.Record(t, trade(1, xyz, "1", "1"))
	requirePosition(t, b.Portfolio, xyz, "1", "2", "0")
}

// TestBatchesNameEveryChangedPosition looks at what a store is told for its position rows.
func TestBatchesNameEveryChangedPosition(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	var told []string
	store.append = func(ctx context.Context, batch accounts.Batch) error {
		told = nil
		for _, p := range batch.Positions {
			told = append(told, fmt.Sprint(p.Instrument.Key(), " ", p.Quantity))
			require.Nil(t, p.Lots)
		}
		return store.Store.Append(ctx, batch)
	}
	b.Record(t, trade(1, xyz, "10", "10"))
	require.Equal(t, []string{"STK:XYZ:USD 10"}, told)
	b.Record(t, ledger.Split{ID: "s", From: xyz, To: xyz, Numerator: dec("2"), Denominator: dec("1"), Time: at(2)})
	require.Equal(t, []string{"STK:XYZ:USD 20"}, told, "once, though it is both From and To")
	b.Record(t, trade(3, call, "1", "2"), trade(4, call, "1", "2"))
	require.Equal(t, []string{"OPT:XYZ:20260320:C:50:100:USD 2"}, told)
	b.Record(t, ledger.Cancellation{ExecID: "c3", Cancels: "exec-3", Time: at(9)}, ledger.Cancellation{ExecID: "c4", Cancels: "exec-4", Time: at(9)})
	require.Equal(t, []string{"OPT:XYZ:20260320:C:50:100:USD 0"}, told, "what is gone must be told too")
}

func TestTradeAndClosingFilters(t *testing.T) {
	b := newBench(t)
	b.Record(t, trade(1, xyz, "10", "10"), trade(2, call, "1", "2"), trade(3, xyz, "-10", "12"), trade(4, call, "-1", "3"))
	count := func(f accounts.TradeFilter) (n int) {
		for _, err := range b.Portfolio.Trades(t.Context(), f) {
			require.NoError(t, err)
			n++
		}
		return n
	}
	require.Equal(t, 4, count(accounts.TradeFilter{}))
	require.Equal(t, 2, count(accounts.TradeFilter{From: at(2), To: at(4)}), "From is included, To is not")
	require.Equal(t, 2, count(accounts.TradeFilter{Instruments: []ledger.InstrumentKey{call.Key()}}))
	require.Equal(t, 1, count(accounts.TradeFilter{ExecIDs: map[ledger.ExecID]bool{"exec-3": true}}))
	closings, err := b.Portfolio.Closings(t.Context(), accounts.TradeFilter{Instruments: []ledger.InstrumentKey{xyz.Key()}})
	require.NoError(t, err)
	require.Len(t, closings, 1)
	require.Equal(t, "-10 101 18", fmt.Sprint(closings[0].Value.Quantity, " ", closings[0].Value.Basis, " ", closings[0].Value.Realized))
	for range b.Portfolio.Trades(t.Context(), accounts.TradeFilter{}) {
		break // leaving early is allowed
	}
}

// TestCommandsAreCombined holds the first append back until many commands wait: they must all go
// into one more.
func TestCommandsAreCombined(t *testing.T) {
	const callers = 50
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	first, release := make(chan struct{}), make(chan struct{})
	var sizes []int
	store.append = func(ctx context.Context, batch accounts.Batch) error {
		sizes = append(sizes, len(batch.Entries))
		if len(sizes) == 1 {
			close(first)
			<-release
		}
		return store.Store.Append(ctx, batch)
	}
	var wg sync.WaitGroup
	record := func(n int) {
		wg.Go(func() {
			added, err := b.Portfolio.Record(t.Context(), trade(n, xyz, "1", "10"))
			if err != nil || added != 1 {
				t.Errorf("caller %d: %d added, error %v", n, added, err)
			}
		})
	}
	record(0)
	<-first
	for n := 1; n <= callers; n++ {
		record(n)
	}
	require.Eventually(t, func() bool { return accounts.Waiting(b.Portfolio) == callers }, time.Minute, time.Millisecond)
	require.Empty(t, b.Portfolio.Positions(), "readers may not see what is not durable")
	close(release)
	wg.Wait()
	require.Equal(t, []int{1, callers}, sizes, "one append for the first, one for all that waited")
	pos, _ := b.Portfolio.Position(xyz.Key())
	require.Equal(t, "51", pos.Quantity.String())
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}

// TestOneFailsTheOthersGoOn puts commands that fail, halfway and at once, into one group with good ones.
func TestOneFailsTheOthersGoOn(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	b.Record(t, trade(0, xyz, "5", "10"))
	first, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	store.append = func(ctx context.Context, batch accounts.Batch) error {
		once.Do(func() { close(first); <-release })
		return store.Store.Append(ctx, batch)
	}
	var wg sync.WaitGroup
	results := make([]error, 6)
	run := func(i int, ctx context.Context, facts ...ledger.Fact) {
		wg.Go(func() { _, results[i] = b.Portfolio.Record(ctx, facts...) })
	}
	waiting := func(n int) {
		require.Eventually(t, func() bool { return accounts.Waiting(b.Portfolio) == n }, time.Minute, time.Millisecond)
	}
	unknown := ledger.Cancellation{ExecID: "c", Cancels: "nobody", Time: at(50)}
	impatient, giveUp := context.WithCancel(t.Context())
	run(0, t.Context(), trade(1, xyz, "1", "10"))
	<-first
	run(1, t.Context(), trade(2, xyz, "2", "10"))
	waiting(1)
	run(2, t.Context(), trade(3, xyz, "100", "10"), unknown) // fails after its first fact was folded
	waiting(2)
	run(3, t.Context(), trade(4, xyz, "4", "10"))
	waiting(3)
	run(4, impatient, trade(5, xyz, "100", "10")) // gives up while it waits
	waiting(4)
	giveUp()
	waiting(3)
	run(5, t.Context(), trade(2, xyz, "2", "10")) // the same fill as another caller's
	waiting(4)
	close(release)
	wg.Wait()
	require.NoError(t, errors.Join(results[0], results[1], results[3], results[5]))
	require.ErrorIs(t, results[2], accounts.ErrExecutionNotFound)
	require.ErrorIs(t, results[4], context.Canceled)
	require.NotErrorIs(t, results[4], accounts.ErrOutcomeUnknown, "it never began")
	pos, _ := b.Portfolio.Position(xyz.Key())
	require.Equal(t, "12", pos.Quantity.String(), "5 + 1 + 2 + 4")
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}

func TestCallersOfManyGoroutinesAndManagers(t *testing.T) {
	const writers, each = 8, 40
	b := newBench(t)
	portfolios := []*accounts.Portfolio{b.Portfolio, b.Reopen(t), b.Reopen(t)}
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			p := portfolios[w%len(portfolios)]
			for i := range each {
				n := w*each + i
				facts := []ledger.Fact{trade(n, xyz, "1", "10"), trade(9_999, put, "1", "1")} // one of them everybody's
				if _, err := p.Record(background, facts...); err != nil {
					t.Errorf("writer %d: %v", w, err)
				}
				var sum ledger.Decimal
				for _, pos := range p.Positions() {
					for _, l := range pos.Lots {
						sum = sum.Add(l.Quantity)
					}
					sum = sum.Sub(pos.Quantity)
				}
				if !sum.IsZero() {
					t.Errorf("a reader saw lots that do not add up")
				}
			}
		})
	}
	wg.Wait()
	for i, p := range append(portfolios, b.Reopen(t)) {
		added, err := p.Record(t.Context(), trade(0, xyz, "1", "10")) // catches up; nothing new
		require.NoError(t, err)
		require.Zero(t, added)
		require.NoError(t, p.Verify(t.Context()))
		_ = i
	}
	final := b.Reopen(t)
	pos, _ := final.Position(xyz.Key())
	require.Equal(t, fmt.Sprint(writers*each), pos.Quantity.String(), "every fill once")
	pos, _ = final.Position(put.Key())
	require.Equal(t, "1", pos.Quantity.String(), "everybody's fill once")
}

func TestAppendFails(t *testing.T) {
	store := &hookedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	b.Record(t, trade(0, xyz, "5", "10"))
	broken := errors.New("disk full")

	t.Run("and nothing was written", func(t *testing.T) {
		store.append = func(context.Context, accounts.Batch) error { return broken }
		_, err := b.Portfolio.Record(t.Context(), trade(1, xyz, "1", "10"))
		require.ErrorIs(t, err, broken)
		requirePosition(t, b.Portfolio, xyz, "5", "51", "0")
	})
	t.Run("after it was written", func(t *testing.T) {
		store.append = func(ctx context.Context, batch accounts.Batch) error {
			if len(batch.Entries) == 0 { // nobody knows what became of the append before
				return store.Store.Append(ctx, batch)
			}
			return errors.Join(store.Store.Append(ctx, batch), broken)
		}
		_, err := b.Portfolio.Record(t.Context(), trade(1, xyz, "1", "10"))
		require.ErrorIs(t, err, broken)
		store.append = nil
		added, err := b.Portfolio.Record(t.Context(), trade(1, xyz, "1", "10"))
		require.NoError(t, err)
		require.Zero(t, added, "recording again is safe")
		requirePosition(t, b.Portfolio, xyz, "6", "62", "0")
	})
	t.Run("because the caller gave up", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		store.append = func(ctx context.Context, batch accounts.Batch) error {
			cancel()
			return context.Canceled // not ctx's own error: the append may be for others as well
		}
		_, err := b.Portfolio.Record(ctx, trade(2, xyz, "1", "10"))
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, accounts.ErrOutcomeUnknown)
		store.append = nil
		b.Record(t, trade(2, xyz, "1", "10"))
	})
	_, err := b.Portfolio.Record(func() context.Context { c, cancel := context.WithCancel(t.Context()); cancel(); return c }(), trade(3, xyz, "1", "1"))
	require.ErrorIs(t, err, context.Canceled)
	require.NotErrorIs(t, err, accounts.ErrOutcomeUnknown, "a context that is done before is refused")
	require.NoError(t, b.Portfolio.Verify(t.Context()))
}

func TestClosedManagerEndsItsPortfolios(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.Manager.Close())
	_, err := b.Portfolio.Record(t.Context(), trade(1, xyz, "1", "1"))
	require.ErrorIs(t, err, accounts.ErrClosed)
}

// damagedStore shows a journal that somebody tampered with.
type damagedStore struct {
	accounts.Store
	damage func(*accounts.Entry) bool // false leaves the entry out
}

func (s *damagedStore) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	return func(yield func(accounts.Entry, error) bool) {
		for e, err := range s.Store.Entries(ctx, id, after) {
			if err == nil && s.damage != nil && !s.damage(&e) {
				continue
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

func TestTamperingShows(t *testing.T) {
	store := &damagedStore{Store: memstore.New()}
	b := newBenchOn(t, store)
	b.Record(t, trade(1, xyz, "10", "10"), trade(2, xyz, "-4", "12"), trade(3, xyz, "-4", "12"))
	require.NoError(t, b.Portfolio.Verify(t.Context()))
	for name, damage := range map[string]func(*accounts.Entry) bool{
		"a changed payload":    func(e *accounts.Entry) bool { e.Payload[len(e.Payload)/2] ^= 1; return true },
		"a missing entry":      func(e *accounts.Entry) bool { return e.Seq != 2 },
		"a cut-off end":        func(e *accounts.Entry) bool { return e.Seq < 3 },
		"another time":         func(e *accounts.Entry) bool { e.Time = e.Time.Add(time.Second); return true },
		"another kind":         func(e *accounts.Entry) bool { e.Kind = ledger.KindCash; return true },
		"another key":          func(e *accounts.Entry) bool { e.Key += "x"; return true },
		"another profile":      func(e *accounts.Entry) bool { e.ProfileID = "somebody"; return true },
		"a rewritten entry":    func(e *accounts.Entry) bool { e.Payload = append(e.Payload, ' '); e.Hash = e.Sum(); return true },
		"an unreadable entry":  func(e *accounts.Entry) bool { e.Payload = []byte(`{"v":1,"x":2}`); e.Hash = e.Sum(); return true },
		"a version of tomorow": func(e *accounts.Entry) bool { e.Payload = []byte(`{"v":2,"x":2}`); e.Hash = e.Sum(); return true },
	} {
		t.Run(name, func(t *testing.T) {
			store.damage = damage
			defer func() { store.damage = nil }()
			err := b.Portfolio.Verify(t.Context())
			require.ErrorIs(t, err, accounts.ErrCorrupt)
			var corrupt *accounts.CorruptError
			require.ErrorAs(t, err, &corrupt)
			require.Equal(t, b.Profile.ID, corrupt.ProfileID)
			if name != "a cut-off end" {
				_, err = newManagerOn(t, store).Portfolio(t.Context(), b.Profile.ID)
				require.ErrorIs(t, err, accounts.ErrCorrupt, "a damaged journal may not be opened")
			}
		})
	}
}
