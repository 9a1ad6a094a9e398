package performance_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/store/memstore"
)

// held is an equity point that says what was held.
func held(at time.Time, equity, long, short string) ledger.EquityPoint {
	p := point(at, equity, equity)
	p.Notional = &ledger.Notional{Long: dec(long), Short: dec(short)}
	return p
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	return string(data)
}

// zipline's gross_leverage is (long + |short|) ÷ value, its net_leverage (long − |short|) ÷ value; by
// hand: 200 % and 0 % once, nothing once.
func TestExposureIsGrossAndNet(t *testing.T) {
	neutral, flat := held(noonOf(2026, 1, 5), "10000", "10000", "10000"), held(noonOf(2026, 1, 6), "9000", "0", "0")
	p := performed(t, neutral, flat)
	requireFigure(t, 1, p.GrossExposure, 1e-12, "gross exposure")
	requireFigure(t, 0, p.NetExposure, 1e-12, "net exposure")
	requireFigure(t, 0.5, p.TimeInMarket, 1e-12, "time in market")
	p = performed(t, neutral, point(noonOf(2026, 1, 6), "9000", "9000"))
	require.Nil(t, p.GrossExposure, "nobody knows what the second point held")
	require.Nil(t, p.TimeInMarket)
	require.Nil(t, p.Turnover)
}

// The library's own equity points say what was held, futures with all of their notional.
func TestEquityPointsKnowTheNotional(t *testing.T) {
	b := newBench(t)
	b.Record(t, ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: day0})
	b.Record(t, trade(1, xyz, "100", "100"), trade(2, desktest.ABC, "-100", "100"), trade(3, desktest.Oil, "10", "70"), trade(4, desktest.LateCall, "-2", "3"))
	for i, price := range map[*ledger.Instrument]string{&xyz: "100", &desktest.ABC: "90", &desktest.Oil: "70", &desktest.LateCall: "4"} {
		require.NoError(t, b.Portfolio.Mark(ledger.Mark{Instrument: *i, Price: dec(price), Time: desktest.At(5)}))
	}
	require.NoError(t, b.Portfolio.RecordEquity(t.Context(), desktest.At(6)))
	p, err := b.Portfolio.Performance(t.Context(), performance.Window{From: desktest.At(6)})
	require.NoError(t, err)
	equity := p.EndEquity.InexactFloat64()
	requireFigure(t, (10000+700000+9000+800)/equity, p.GrossExposure, 1e-12, "gross exposure")
	requireFigure(t, (10000+700000-9000-800)/equity, p.NetExposure, 1e-12, "net exposure")
	requireFigure(t, 1, p.TimeInMarket, 1e-12, "time in market")
	_, err = b.Portfolio.Record(t.Context(), held(desktest.At(7), "1", "-1", "0"))
	require.ErrorIs(t, err, invalid.Err, "the notional of what is held long cannot be negative")
}

// One sale in five fills is one round trip.
func TestFillsOfOneSaleAreOneRoundTrip(t *testing.T) {
	lose := []ledger.Fact{trade(1, xyz, "100", "10"), trade(2, xyz, "-100", "9"), trade(3, xyz, "100", "10")}
	parts := lose
	for n := 4; n < 9; n++ {
		fill := trade(n, xyz, "-20", "12")
		fill.Commission = dec("0.2")
		parts = append(parts[:len(parts):len(parts)], fill)
	}
	a, b := performed(t, append(lose[:3:3], trade(4, xyz, "-100", "12"))...), performed(t, parts...)
	b.Trades = a.Trades
	one, five := asJSON(t, a), asJSON(t, b)
	require.Equal(t, one, five, "how a sale is split into fills decides figures")
	require.Equal(t, []int{2, 1, 1}, []int{a.RoundTrips, a.Wins, a.Losses})
	turned := performed(t, trade(1, xyz, "100", "10"), trade(2, xyz, "-150", "12"))
	require.Equal(t, 1, turned.RoundTrips, "a trade that turns the position around ends a round trip")
	unfinished := performed(t, trade(1, xyz, "100", "10"), trade(2, xyz, "-50", "12"))
	require.Zero(t, unfinished.RoundTrips)
	require.Equal(t, "98.5", unfinished.Realized.String(), "a part was closed")
	renamed := performed(t, trade(1, xyz, "100", "10"), trade(2, xyz, "-50", "12"),
		ledger.Split{ID: "s", From: xyz, To: desktest.ABC, Numerator: dec("1"), Denominator: dec("1"), Time: desktest.At(3)}, trade(4, desktest.ABC, "-50", "12"))
	require.Equal(t, "1 197", fmt.Sprint(renamed.RoundTrips, " ", renamed.Expectancy), "a round trip goes on under another symbol")
}

// Bought for 10,000 USD and sold for 12,000 USD is a gain, though the price in euros did not move. A
// future moves no notional, so that its gain alone is converted.
func TestRealizedHasTheGainOfTheCurrency(t *testing.T) {
	b := newBench(t)
	for i, ins := range []ledger.Instrument{ledger.NewStock("SAP", "EUR"), {SecType: ledger.Future, Symbol: "DAX", Currency: "EUR", Expiry: 20261120, Multiplier: dec("1")}} {
		buy, sell := trade(3*i, ins, "100", "100"), trade(3*i+1, ins, "-100", "100")
		buy.Commission, sell.Commission, buy.FXRate, sell.FXRate = dec("0"), dec("5"), dec("1"), dec("1.2")
		b.Record(t, buy, sell)
	}
	p, err := b.Portfolio.Performance(t.Context(), performance.Window{})
	require.NoError(t, err)
	require.Equal(t, "1988 2 1 1", fmt.Sprint(p.Realized, " ", p.RoundTrips, p.Wins, p.Losses), "2,000 less 5 × 1.2, and −5 × 1.2")
}

func TestCostsOfCurrencyTradesAreFees(t *testing.T) {
	p := performed(t, ledger.Trade{ExecID: "fx", Instrument: ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"},
		Quantity: dec("1000"), Price: dec("1.1"), Commission: dec("2"), Taxes: dec("3"), Time: desktest.At(1)})
	require.Equal(t, "5", p.Fees.String())
}

// What cannot be converted is not known, and not nothing: the profile comes last.
func TestFeesThatCannotBeConvertedAreNotZero(t *testing.T) {
	sap := ledger.NewStock("SAP", "EUR")
	p := performed(t, trade(1, xyz, "10", "10"), trade(2, sap, "10", "10"), trade(3, sap, "-10", "11"))
	require.Equal(t, []string{"EUR"}, p.Unconverted)
	for _, m := range []performance.Metric{performance.MetricFees, performance.MetricRealized, performance.MetricExpectancy, performance.MetricWinRate} {
		_, defined := p.Value(m)
		require.False(t, defined, "%s", m)
	}
	require.Nil(t, p.Bought)
	require.Nil(t, p.Sold)
	require.NotContains(t, asJSON(t, p), `"fees"`)
}

// Equal returns have no deviation, and a day that rises and falls back has lost nothing.
func TestRoundingIsNoFigure(t *testing.T) {
	for per := 1; per <= 40; per++ {
		value, facts := dec("1000"), []ledger.Fact{point(noonOf(2026, 1, 5), "1000", "1000")}
		for n := 1; n <= 4; n++ {
			value = value.Mul(dec(fmt.Sprintf("1.%03d", per)))
			facts = append(facts, point(noonOf(2026, 1, 5+n), value.String(), "1000"))
		}
		p := performed(t, facts...)
		require.Nil(t, p.Sharpe, "%d per mille a day", per)
		requireFigure(t, 0, p.Volatility, 0, "volatility")
	}
	for k := 1; k <= 300; k++ {
		day := noonOf(2026, 1, 6)
		p := performed(t, point(noonOf(2026, 1, 5), "100", "100"), point(day, fmt.Sprint(100+k), "100"),
			point(day.Add(time.Hour), "100", "100"), point(noonOf(2026, 1, 7), "100", "100"))
		require.Nil(t, p.Sortino, "up %d and down", k)
		require.Nil(t, p.Sharpe, "up %d and down", k)
		requireFigure(t, 0, p.VaR95, 0, "value at risk")
	}
}

func TestWeekendsAndHolidaysAreNoTradingDays(t *testing.T) {
	every, trading := newBench(t), newBench(t)
	for i, e := range []string{"100", "101", "100.5", "102", "101", "101", "101", "103", "102", "104", "103.5", "105", "105", "105", "105", "104"} {
		at := noonOf(2026, 1, 5+i) // a Monday; the 19th is a holiday
		every.Record(t, point(at, e, "100"))
		if tradesInNewYork(at) {
			trading.Record(t, point(at, e, "100"))
		}
	}
	a, err := every.Portfolio.Performance(t.Context(), performance.Window{})
	require.NoError(t, err)
	b, err := trading.Portfolio.Performance(t.Context(), performance.Window{})
	require.NoError(t, err)
	require.Equal(t, 10, a.Returns)
	a.Points = b.Points
	require.Equal(t, b, a, "points on days without trading change figures")
}

// The period is found from the points, or told, or not defined.
func TestPeriods(t *testing.T) {
	series := func(w performance.Window, next func(time.Time) time.Time, n int) performance.Report {
		b, at := newBench(t), noonOf(2019, 1, 7)
		for i := range n {
			b.Record(t, point(at, fmt.Sprint(100+i*i%7), "100"))
			at = next(at)
		}
		p, err := b.Portfolio.Performance(t.Context(), w)
		require.NoError(t, err)
		return p
	}
	step := func(years, months, days int) func(time.Time) time.Time {
		return func(at time.Time) time.Time { return at.AddDate(years, months, days) }
	}
	for _, c := range []struct {
		name    string
		next    func(time.Time) time.Time
		period  performance.Period
		perYear float64
		returns int
	}{
		{"days", step(0, 0, 1), performance.PeriodDay, 252, 7},
		{"twice a week", step(0, 0, 4), performance.PeriodWeek, 52, 5},
		{"weeks", step(0, 0, 7), performance.PeriodWeek, 52, 9},
		{"months", step(0, 1, 0), performance.PeriodMonth, 12, 9},
		{"quarters", step(0, 3, 0), performance.PeriodQuarter, 4, 9},
		{"every five months", step(0, 5, 0), performance.PeriodYear, 1, 3},
		{"years", step(1, 0, 0), performance.PeriodYear, 1, 6},
	} {
		n := 10
		if c.name == "years" {
			n = 7
		}
		p := series(performance.Window{}, c.next, n)
		require.Equal(t, []any{c.period, c.perYear, c.returns}, []any{p.Period, p.PeriodsPerYear, p.Returns}, c.name)
		require.NotNil(t, p.Volatility, c.name)
	}
	p := series(performance.Window{}, step(3, 0, 0), 3)
	require.Empty(t, p.Period)
	require.Zero(t, p.Returns)
	require.Nil(t, p.Volatility, "three years are no period")
	require.NotNil(t, p.TimeWeighted, "the return needs none")
	told := series(performance.Window{PeriodsPerYear: 104}, step(0, 0, 4), 10)
	require.Equal(t, []any{performance.PeriodGiven, 104.0, 9}, []any{told.Period, told.PeriodsPerYear, told.Returns})
	for _, n := range []float64{-1, math.NaN(), math.Inf(1)} {
		require.ErrorIs(t, performance.Window{PeriodsPerYear: n}.Validate(), invalid.Err)
	}
}

// The days are those of the profile's time zone from its creation on. Another zone is in force at once,
// while nothing is counted in days.
func TestTheZoneOfTheDayIsInForce(t *testing.T) {
	for zone, returns := range map[string]int{
		"Asia/Tokyo":       2, // three days
		"America/New_York": 3, // four days
	} {
		m := desktest.NewManager(t, memstore.New())
		profile := accounts.Optimal100K("DU1000100")
		limits := profile.EffectiveLimits()
		limits.TimeZone = "Asia/Tokyo"
		profile.Limits = &limits
		profile, err := m.CreateProfile(t.Context(), profile)
		require.NoError(t, err)
		p, err := m.Portfolio(t.Context(), profile.ID)
		require.NoError(t, err)
		_, err = p.Performance(t.Context(), performance.Window{})
		require.NoError(t, err)
		limits.TimeZone = zone
		profile, err = m.UpdateProfile(t.Context(), profile)
		require.NoError(t, err)
		for i, e := range []string{"100", "110", "121", "100", "90", "99"} { // 09:00 and 15:00 in Tokyo: two days in New York
			_, err = p.Record(t.Context(), point(time.Date(2026, 2, 3+i/2, 6*(i%2), 0, 0, 0, time.UTC), e, "100"))
			require.NoError(t, err)
		}
		before, err := p.Performance(t.Context(), performance.Window{})
		require.NoError(t, err)
		require.Equal(t, returns, before.Returns, "days in %s", zone)
		limits.OrdersPerDay++
		_, err = m.UpdateProfile(t.Context(), profile)
		require.NoError(t, err)
		after, err := p.Performance(t.Context(), performance.Window{})
		require.NoError(t, err)
		require.Equal(t, before, after, "an unrelated change")
	}
}

// Every figure that profiles can be ranked by is a field of the report, by its name in JSON, and says
// what it is.
func TestEveryMetricIsDefined(t *testing.T) {
	fields := map[string]bool{}
	for _, f := range reflect.VisibleFields(reflect.TypeFor[performance.Report]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = true
	}
	for i, d := range performance.Definitions() {
		require.Equal(t, performance.Metrics()[i], d.Metric)
		require.True(t, fields[string(d.Metric)], "%s is no field", d.Metric)
		require.NotEmpty(t, d.Name)
		require.NotEmpty(t, d.Source, "%s has no source", d.Metric)
		require.Contains(t, []performance.Unit{performance.UnitFraction, performance.UnitRatio, performance.UnitMoney}, d.Unit)
		require.Contains(t, []performance.Span{performance.SpanWindow, performance.SpanYear, performance.SpanPeriod, performance.SpanMean, performance.SpanTrip}, d.Span)
		again, known := d.Metric.Definition()
		require.True(t, known)
		require.Equal(t, d, again)
	}
	_, known := performance.Metric("luck").Definition()
	require.False(t, known)
}
