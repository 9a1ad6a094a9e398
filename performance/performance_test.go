package performance_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
)

// noonOf is about noon of a day in New York.
func noonOf(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 17, 0, 0, 0, time.UTC)
}

// performed records facts and returns the performance over all time.
func performed(t testing.TB, facts ...ledger.Fact) performance.Report {
	t.Helper()
	b := newBench(t)
	b.Record(t, facts...)
	p, err := b.Portfolio.Performance(t.Context(), performance.Window{})
	require.NoError(t, err)
	return p
}

// grown is an equity point a trading day of which the returns are those given.
func grown(start float64, returns []float64) []ledger.Fact {
	at, value := noonOf(2020, 1, 2), start
	facts := []ledger.Fact{ledger.EquityPoint{Time: at, Equity: floatDec(start), Capital: floatDec(start)}}
	for _, r := range returns {
		value *= 1 + r
		for at = at.AddDate(0, 0, 1); !tradesInNewYork(at); at = at.AddDate(0, 0, 1) {
		}
		facts = append(facts, ledger.EquityPoint{Time: at, Equity: floatDec(value), Capital: floatDec(start)})
	}
	return facts
}

func floatDec(f float64) ledger.Decimal { return dec(fmt.Sprintf("%.9f", f)) }

func requireFigure(t testing.TB, want float64, got *float64, delta float64, what string) {
	t.Helper()
	require.NotNil(t, got, "%s is not defined", what)
	require.InDelta(t, want, *got, delta, what)
}

// Investopedia, "Time-Weighted Rate of Return (TWR)": 1,000,000 grows to 1,162,484 by August 15; one
// investor adds 100,000 then and ends with 1,192,328, another takes 100,000 out and ends with
// 1,003,440. Both had 9.79 %.
func TestTimeWeightedReturnOfTwoInvestors(t *testing.T) {
	start, august, end := noonOf(2018, 12, 31), noonOf(2019, 8, 15), noonOf(2019, 12, 31)
	added := performed(t, point(start, "1000000", "1000000"), point(august, "1162484", "1000000"), point(end, "1192328", "1100000"))
	requireFigure(t, 0.0979, added.TimeWeighted, 0.00005, "the return of who adds")
	require.Equal(t, "92328", added.Profit.String(), "a deposit is no profit")
	taken := performed(t, point(start, "1000000", "1000000"), point(august, "1162484", "1000000"),
		point(august.Add(time.Minute), "1062484", "900000"), point(end, "1003440", "900000"))
	requireFigure(t, 0.0979, taken.TimeWeighted, 0.00005, "the return of who takes out")
	require.Equal(t, "103440", taken.Profit.String(), "a withdrawal is no loss")
}

// Investopedia, "Annualized Total Return": 3, 7, 5, 12 and 1 % in five years are 5.53 % a year.
func TestAnnualizedReturn(t *testing.T) {
	value, facts := 100.0, []ledger.Fact{point(noonOf(2014, 12, 31), "100", "100")}
	for i, r := range []float64{0.03, 0.07, 0.05, 0.12, 0.01} {
		value *= 1 + r
		facts = append(facts, ledger.EquityPoint{Time: noonOf(2015+i, 12, 31), Equity: floatDec(value), Capital: dec("100")})
	}
	requireFigure(t, 0.0553, performed(t, facts...).Annualized, 0.00005, "annualized return")
	short := performed(t, point(noonOf(2020, 1, 1), "100", "100"), point(noonOf(2020, 6, 1), "110", "100"))
	require.Nil(t, short.Annualized, "five months are not annualized")
	require.Nil(t, short.Calmar, "nor is what is made of it")
}

// The series mixed_returns of empyrical's unit tests (quantopian/empyrical, tests/test_stats.py), and what
// they expect of it: annual volatility, Sharpe and Sortino ratio, maximum drawdown.
func TestStatisticsOfDailyReturns(t *testing.T) {
	p := performed(t, grown(1_000_000, []float64{0.01, 0.10, -0.04, 0.02, 0.03, 0.02, 0.01, -0.10})...)
	requireFigure(t, 0.9136465399704637, p.Volatility, 1e-6, "volatility")
	requireFigure(t, 1.7238613961706866, p.Sharpe, 1e-6, "Sharpe ratio")
	requireFigure(t, 2.605531251673693, p.Sortino, 1e-6, "Sortino ratio")
	requireFigure(t, 0.1, p.MaxDrawdown, 1e-9, "maximum drawdown")
	require.Equal(t, 8, p.Returns)
}

// Investopedia, "Maximum Drawdown (MDD)": 500,000, 750,000, 400,000, 600,000, 350,000, 800,000 has −53.33 %.
func TestMaximumDrawdown(t *testing.T) {
	var facts []ledger.Fact
	for i, v := range []string{"500000", "750000", "400000", "600000", "350000", "800000"} {
		facts = append(facts, point(noonOf(2020, 1, 1+10*i), v, "500000"))
	}
	p := performed(t, facts...)
	requireFigure(t, 0.5333, p.MaxDrawdown, 0.00005, "maximum drawdown")
	require.Equal(t, "2020-01-11 2020-02-10 2020-02-20", fmt.Sprint(p.DrawdownPeak, p.DrawdownTrough, p.DrawdownRecovery), "peak, trough and recovery")
	require.Equal(t, 40, p.DrawdownDays, "from peak to recovery")
	open := performed(t, facts[:5]...)
	require.Zero(t, open.DrawdownRecovery, "it is not over")
	require.Equal(t, 30, open.DrawdownDays, "it lasts until the end")
}

// The Calmar ratio is annualized return ÷ maximum drawdown (T. W. Young, "Calmar Ratio: A Smoother
// Tool", Futures, 1991). No worked example in print is known to us; by hand: 100 → 80 → 144 in two
// years is 20 % a year after a fall of 20 %.
func TestCalmarRatio(t *testing.T) {
	p := performed(t, point(noonOf(2019, 1, 1), "100", "100"), point(noonOf(2019, 6, 1), "80", "100"), point(noonOf(2021, 1, 1), "144", "100"))
	requireFigure(t, 1, p.Calmar, 0.001, "Calmar ratio")
}

// J. C. Hull, "Options, Futures, and Other Derivatives", chapter on value at risk, historical simulation: of 500
// scenarios for a portfolio of 10 million the worst lose 477,841, 345,435, 282,204, 277,041,
// 253,385 and 217,974. The one-day 99 % value at risk is the fifth worst, 253,385, and the expected
// shortfall the mean of the five, 327,181.
func TestValueAtRiskAndExpectedShortfall(t *testing.T) {
	worst := map[int]float64{493: 477841, 338: 345435, 348: 282204, 328: 277041, 486: 253385, 226: 217974}
	returns := make([]float64, 500)
	for i := range returns {
		returns[i] = 0.0001
		if loss, bad := worst[i]; bad {
			returns[i] = -loss / 10_000_000
		}
	}
	p := performed(t, grown(10_000_000, returns)...)
	requireFigure(t, 0.0253385, p.VaR99, 1e-9, "value at risk")
	requireFigure(t, 0.0327181, p.Shortfall99, 1e-7, "expected shortfall")
	requireFigure(t, -0.0001, p.VaR95, 1e-9, "the 25th worst day gained")
}

// "Calculate your expectancy" (learnforex.foobrdigital.com): of ten trades six win 2,400 together and four lose
// 1,200. The win rate is 60 %, the average win 400, the average loss 300, and the expectancy 0.40
// of what a loss costs.
func TestWinRateExpectancyAndProfitFactor(t *testing.T) {
	var facts []ledger.Fact
	for i, exit := range []string{"14", "14", "7", "14", "7", "14", "7", "14", "7", "14"} {
		buy, sell := trade(2*i, xyz, "100", "10"), trade(2*i+1, xyz, "-100", exit)
		buy.Commission, sell.Commission = ledger.Decimal{}, ledger.Decimal{}
		facts = append(facts, buy, sell)
	}
	p := performed(t, facts...)
	require.Equal(t, []int{10, 6, 4, 20}, []int{p.RoundTrips, p.Wins, p.Losses, p.Trades})
	requireFigure(t, 0.6, p.WinRate, 1e-12, "win rate")
	requireFigure(t, 2, p.ProfitFactor, 1e-12, "profit factor: 2,400 ÷ 1,200")
	require.Equal(t, "400 300 120", fmt.Sprint(p.AverageWin, p.AverageLoss, p.Expectancy), "average win and loss, and 0.40 × 300")
	require.Equal(t, "1200", p.Realized.String())
}

// Investopedia, "Portfolio Turnover": 1,000 of purchases and 500 of sales on an average of 11,000 is
// 4.54 %. In a quarter of a year that is 18.18 % a year.
func TestTurnover(t *testing.T) {
	begin := noonOf(2026, 1, 1)
	p := performed(t, held(begin, "20000", "10000", "0"), trade(1, xyz, "100", "10"), trade(2, xyz, "-50", "10"),
		held(begin.Add(365.25/4*24*60*time.Minute), "22000", "7000", "5000"))
	requireFigure(t, 4*0.0454545, p.Turnover, 0.00001, "turnover")
	require.Equal(t, "1000 500 2", fmt.Sprint(p.Bought, p.Sold, p.Fees), "two commissions of 1")
}

func TestCapitalIsNeverProfit(t *testing.T) {
	day := func(n int) time.Time { return noonOf(2026, 1, 1+n) }
	for name, c := range map[string]struct {
		points []ledger.Fact
		want   float64
	}{
		"a deposit just before a gain":           {[]ledger.Fact{point(day(0), "1000", "1000"), point(day(1), "110000", "101000")}, 110000.0/101000 - 1},
		"a withdrawal to nearly zero":            {[]ledger.Fact{point(day(0), "100000", "100000"), point(day(1), "1", "1"), point(day(2), "1.1", "1")}, 0.1},
		"a withdrawal to nearly zero at a loss":  {[]ledger.Fact{point(day(0), "100000", "100000"), point(day(1), "1", "10001")}, 90000.0/100000 - 1},
		"a deposit into an empty account":        {[]ledger.Fact{point(day(0), "0", "0"), point(day(1), "5000", "5000"), point(day(2), "5500", "5000")}, 0.1},
		"everything withdrawn, and paid in anew": {[]ledger.Fact{point(day(0), "100", "100"), point(day(1), "0", "0"), point(day(2), "0", "0"), point(day(3), "210", "200")}, 0.05},
	} {
		t.Run(name, func(t *testing.T) {
			requireFigure(t, c.want, performed(t, c.points...).TimeWeighted, 1e-9, "time-weighted return")
		})
	}
	broke := performed(t, point(day(0), "100", "100"), point(day(1), "-5", "100"), point(day(2), "50", "100"))
	require.Nil(t, broke.TimeWeighted, "less than nothing left has no return")
	_, err := json.Marshal(broke)
	require.NoError(t, err)
}

// Deposits and withdrawals between points that leave the gains as they are never change the return.
func TestPropertyReturnsAreNeutralToCapital(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(2, 12).Draw(rt, "points")
		plain, moved := newBench(t), newBench(t)
		a, c, capital := 100_000.0, 100_000.0, 100_000.0
		at := noonOf(2026, 1, 1)
		for range n {
			growth := rapid.Float64Range(0.8, 1.2).Draw(rt, "growth")
			a, c = a*growth, c*growth
			flow := rapid.Float64Range(-0.9, 3).Draw(rt, "flow") * c
			plain.Record(t, ledger.EquityPoint{Time: at, Equity: floatDec(a), Capital: dec("100000")})
			moved.Record(t, ledger.EquityPoint{Time: at, Equity: floatDec(c), Capital: floatDec(capital)})
			c, capital = c+flow, capital+flow
			moved.Record(t, ledger.EquityPoint{Time: at.Add(time.Second), Equity: floatDec(c), Capital: floatDec(capital)})
			at = at.AddDate(0, 0, 1)
		}
		p, err := plain.Portfolio.Performance(t.Context(), performance.Window{})
		require.NoError(rt, err)
		q, err := moved.Portfolio.Performance(t.Context(), performance.Window{})
		require.NoError(rt, err)
		require.InDelta(rt, *p.TimeWeighted, *q.TimeWeighted, 1e-6, "capital changed the return")
		require.InDelta(rt, *p.MaxDrawdown, *q.MaxDrawdown, 1e-6, "capital changed the drawdown")
	})
}

func TestARecoveryIsNotMissedByARounding(t *testing.T) {
	b := newBench(t)
	for i, e := range []string{"99000", "107552", "71826", "107552", "100000"} {
		_, err := b.Portfolio.Record(t.Context(), ledger.EquityPoint{Time: day0.AddDate(0, 0, i), Equity: dec(e), Cash: dec(e), Capital: dec("99000")})
		require.NoError(t, err)
	}
	p, err := b.Portfolio.Performance(t.Context(), performance.Window{})
	require.NoError(t, err)
	require.Equal(t, ledger.DateOf(day0.AddDate(0, 0, 3)), p.DrawdownRecovery)
	require.Equal(t, 2, p.DrawdownDays)
}

// An index beyond all numbers is not defined, and does not take the comparison's JSON with it.
func TestFiguresBeyondNumbersAreNone(t *testing.T) {
	b := newBench(t)
	small, big := dec("0.000000000001"), dec("100000000000000")
	capital := small
	for i := range 14 {
		for j, e := range []ledger.Decimal{small, big} {
			_, err := b.Portfolio.Record(t.Context(), ledger.EquityPoint{Time: day0.AddDate(0, 0, 2*i+j), Equity: e, Cash: e, Capital: capital})
			require.NoError(t, err)
		}
		capital = capital.Sub(big).Add(small)
	}
	c, err := b.Manager.Compare(t.Context(), performance.Window{})
	require.NoError(t, err)
	require.Nil(t, c.Standings[0].Performance.TimeWeighted)
	text, err := json.Marshal(c)
	require.NoError(t, err)
	require.NotContains(t, string(text), ":-0,")
}
