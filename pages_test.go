package accounts_test

import (
	"fmt"
	"iter"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// paged reads a list in pages of one size, and requires that no page is larger.
func paged[T any](t *testing.T, size int, read func(accounts.Page) iter.Seq2[accounts.Recorded[T], error]) (list []accounts.Recorded[T]) {
	t.Helper()
	page := accounts.Page{Limit: size}
	for {
		n := 0
		for r, err := range read(page) {
			require.NoError(t, err)
			require.Greater(t, r.Seq, page.After, "what the page before had")
			require.False(t, r.Time.IsZero(), "entry %d without a time", r.Seq)
			list, page.After, n = append(list, r), r.Seq, n+1
		}
		if size > 0 {
			require.LessOrEqual(t, n, size, "more than the page holds")
		}
		if n == 0 {
			return list
		}
	}
}

// pagedBench is a bench whose journal has all kinds of things.
func pagedBench(t *testing.T) *bench {
	t.Helper()
	b := newBench(t)
	require.NoError(t, b.Portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("10"), Time: now}))
	b.Record(t, ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: at(0)})
	for n := 1; n <= 7; n++ {
		b.Record(t, trade(n, xyz, "10", "10"))
		_, _ = b.Portfolio.Reserve(t.Context(), order(ledger.OrderID(fmt.Sprint("o", n)), xyz, fmt.Sprint(n*n*100), "10"))
		if n%3 == 0 {
			b.Record(t, trade(100+n, xyz, "-5", "11"))
		}
	}
	b.Record(t, ledger.Cancellation{ExecID: "k", Cancels: "exec-2", Time: at(9)})
	require.NoError(t, b.Portfolio.Halt(t.Context(), "enough"))
	return b
}

// Whatever the size of the pages, together they are the whole list.
func TestPagesAreTheWholeList(t *testing.T) {
	b := pagedBench(t)
	trades := func(p accounts.Page) iter.Seq2[accounts.Recorded[ledger.Trade], error] {
		return b.Portfolio.Trades(t.Context(), accounts.TradeFilter{Page: p})
	}
	facts := func(p accounts.Page) iter.Seq2[accounts.Recorded[ledger.Fact], error] {
		return b.Portfolio.Facts(t.Context(), p)
	}
	decisions := func(p accounts.Page) iter.Seq2[accounts.Recorded[risk.Payload], error] {
		return b.Portfolio.Decisions(t.Context(), p)
	}
	all := paged(t, 0, trades)
	require.Len(t, all, 8, "nine trades of which one was cancelled")
	allFacts, allDecisions := paged(t, 0, facts), paged(t, 0, decisions)
	require.Len(t, allFacts, 12, "a deposit, an equity point, nine trades and a cancellation")
	for size := 1; size <= 5; size++ {
		require.Equal(t, all, paged(t, size, trades), "pages of %d trades", size)
		require.Equal(t, allFacts, paged(t, size, facts), "pages of %d facts", size)
		require.Equal(t, allDecisions, paged(t, size, decisions), "pages of %d decisions", size)
	}
	for _, page := range []accounts.Page{{After: -1}, {Limit: -1}} {
		for _, err := range trades(page) {
			require.ErrorIs(t, err, accounts.ErrInvalid, "page %+v", page)
		}
		_, err := b.Portfolio.Closings(t.Context(), accounts.TradeFilter{Page: page})
		require.ErrorIs(t, err, accounts.ErrInvalid, "page %+v", page)
	}
}

// Closings come in the order of their trades' times, and pages follow that order.
func TestPagesOfClosings(t *testing.T) {
	b := pagedBench(t)
	late := trade(50, xyz, "-1", "12")
	late.Time = at(2) // the first closing by its time, the last by its place
	b.Record(t, late)
	read := func(p accounts.Page) []accounts.Recorded[ledger.Closing] {
		list, err := b.Portfolio.Closings(t.Context(), accounts.TradeFilter{Page: p})
		require.NoError(t, err)
		return list
	}
	all := read(accounts.Page{})
	require.Len(t, all, 3)
	require.Greater(t, all[0].Seq, all[1].Seq, "the late trade has the last place")
	var got []accounts.Recorded[ledger.Closing]
	for page := (accounts.Page{Limit: 1}); ; page.After = got[len(got)-1].Seq {
		list := read(page)
		if len(list) == 0 {
			break
		}
		require.Len(t, list, 1, "a page of one")
		got = append(got, list...)
	}
	require.Equal(t, all, got)
	_, err := b.Portfolio.Closings(t.Context(), accounts.TradeFilter{Page: accounts.Page{After: 1}})
	require.ErrorIs(t, err, accounts.ErrInvalid, "behind a deposit there is no place among closings")
}

// Every refusal and hold can be read from the journal, and not only the newest that a report shows.
func TestDecisionsAreReadFromTheJournal(t *testing.T) {
	b := newBench(t)
	require.NoError(t, b.Portfolio.Mark(ledger.Mark{Instrument: xyz, Price: dec("10"), Time: now}))
	b.Record(t, ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: at(0)})
	for n := range 50 {
		_, err := b.Portfolio.Reserve(t.Context(), order(ledger.OrderID(fmt.Sprint("o", n)), xyz, "100000", "10"))
		require.ErrorIs(t, err, accounts.ErrRefused)
	}
	require.Len(t, b.Portfolio.Snapshot().Risk.Breaches, 32, "a report shows the newest")
	refused := map[ledger.OrderID]bool{}
	for r, err := range b.Portfolio.Decisions(t.Context(), accounts.Page{}) {
		require.NoError(t, err)
		if f, ok := r.Value.(*risk.Refusal); ok {
			require.Equal(t, risk.KindRefusal, r.Kind)
			refused[f.Order.ID] = true
		}
	}
	require.Len(t, refused, 50, "the journal has all")
}
