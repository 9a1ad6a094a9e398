package accounts_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/risk"
)

// The account gains 10 %, 55,000 of 110,000 are withdrawn, and the rest loses 10 %. The point that
// RecordEquity makes at the very time of the withdrawal must not be dropped.
func TestPointAtTheTimeOfAWithdrawalCounts(t *testing.T) {
	d := newDesk(t, nil)
	d.EquityPoint(t)
	d.Advance(24 * time.Hour)
	d.Hold(t, xyz, "500", "100")
	d.Mark(t, xyz, "120")
	d.Cash(t, ledger.Withdrawal, "USD", "-55000")
	d.EquityPoint(t)
	d.Advance(24 * time.Hour)
	d.Mark(t, xyz, "109")
	d.EquityPoint(t)
	for _, from := range []string{"followed", "folded anew"} {
		p, err := d.Portfolio.Performance(t.Context(), performance.Window{})
		require.NoError(t, err)
		require.Equal(t, 4, p.Points, "%s: a point each before and after the withdrawal", from)
		require.InDelta(t, 1.1*0.9-1, *p.TimeWeighted, 1e-12, "%s: the withdrawal fell into the wrong interval", from)
		require.InDelta(t, 0.1, *p.MaxDrawdown, 1e-12, "%s: the withdrawal hides a drawdown", from)
		d.Restart(t)
	}
}

// A replay records a deposit and then a point, both at the clock's time.
func TestPointBehindADepositOfTheSameTimeIsRecorded(t *testing.T) {
	d := newDesk(t, nil)
	d.EquityPoint(t)
	d.Advance(24 * time.Hour)
	d.Cash(t, ledger.Deposit, "USD", "500")
	before := d.Portfolio.Seq()
	d.EquityPoint(t)
	require.Equal(t, before+1, d.Portfolio.Seq(), "RecordEquity dropped its point without a word")
	p, err := d.Portfolio.Performance(t.Context(), performance.Window{})
	require.NoError(t, err)
	require.Equal(t, "100500 500 0", fmt.Sprint(p.EndEquity, p.Flows, p.Profit), "end, flows and profit")
	require.InDelta(t, 0, *p.TimeWeighted, 1e-12, "a deposit alone is no return")
}

// A history with points of its own is recorded afterwards, as from statements.
func TestHistoryRecordedAfterwardsEndsWithItsOwnPoint(t *testing.T) {
	b := newBench(t)
	day := func(n int) time.Time { return time.Date(2026, 1, 5+n, 21, 0, 0, 0, time.UTC) }
	cash := func(id string, k ledger.CashKind, amount string, at time.Time) ledger.Fact {
		return ledger.CashMovement{ID: id, Kind: k, Currency: "USD", Amount: dec(amount), Time: at}
	}
	b.Record(t, cash("a", ledger.Deposit, "1000", day(0)), desktest.Point(day(0), "1000", "1000"),
		cash("b", ledger.Interest, "100", day(1)), desktest.Point(day(1), "1100", "1000"))
	b.Record(t, cash("c", ledger.Deposit, "500", day(2)), desktest.Point(day(2), "1600", "1500"),
		cash("d", ledger.Interest, "100", day(3)), desktest.Point(day(3), "1700", "1500"))
	p, err := b.Portfolio.Performance(t.Context(), performance.Window{})
	require.NoError(t, err)
	require.Equal(t, 4, p.Points, "the library wrote a point of the present into a history of the past")
	require.Equal(t, "1700 500 200", fmt.Sprint(p.EndEquity, p.Flows, p.Profit), "end, flows and profit")
	require.InDelta(t, 1.1*1700/1600-1, *p.TimeWeighted, 1e-12)
}

// What was realized in euros has no rate, and no euro is held: the equity is known all the same, and so are
// losses. The points from which losses are counted say what they lack.
func TestLossesCountWhereWhatWasRealizedHasNoRate(t *testing.T) {
	d := newDesk(t, func(l *risk.Limits) { l.DailyLoss = risk.Limit{Fraction: dec("0.02")} })
	sap := ledger.NewStock("SAP", "EUR")
	d.Fill(t, "", sap, "10", "100")
	d.Fill(t, "", sap, "-10", "90")
	d.Fill(t, "", ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"}, "100", "1.25")
	d.Advance(7 * 24 * time.Hour) // the sale has settled
	d.Hold(t, xyz, "500", "100")
	d.Accept(t, order("first", xyz, "1", "100"))
	var p ledger.EquityPoint
	d.LastEntry(t, ledger.KindEquity, &p)
	require.Equal(t, "99875 0", fmt.Sprint(p.Equity, p.Realized), "equity, and what was realized in dollars")
	require.Equal(t, []ledger.Currency{"EUR"}, p.Unrated, "the point does not say what it lacks")
	d.Mark(t, xyz, "90")
	d.Refuse(t, order("more", xyz, "1", "90"), broken(risk.RuleState, "", "0", "0"), broken(risk.RuleDailyLoss, "", "5000", "1997.5"))
}
