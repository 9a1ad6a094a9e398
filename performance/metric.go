package performance

import "github.com/ai-ots/accounts/ledger"

// Metric names a figure of a [Report] that profiles can be ranked by. It is the figure's name in
// the report's JSON.
type Metric string

// The metrics; see the fields of [Report]. More is better, except for MetricVolatility,
// MetricMaxDrawdown, the values at risk, the shortfalls, the exposures, MetricTimeInMarket,
// MetricTurnover, MetricAverageLoss and MetricFees.
const (
	MetricTimeWeighted  Metric = "time_weighted_return"
	MetricAnnualized    Metric = "annualized_return"
	MetricVolatility    Metric = "volatility"
	MetricSharpe        Metric = "sharpe_ratio"
	MetricSortino       Metric = "sortino_ratio"
	MetricCalmar        Metric = "calmar_ratio"
	MetricMaxDrawdown   Metric = "max_drawdown"
	MetricVaR95         Metric = "value_at_risk_95"
	MetricVaR99         Metric = "value_at_risk_99"
	MetricShortfall95   Metric = "expected_shortfall_95"
	MetricShortfall99   Metric = "expected_shortfall_99"
	MetricGrossExposure Metric = "gross_exposure"
	MetricNetExposure   Metric = "net_exposure"
	MetricTimeInMarket  Metric = "time_in_market"
	MetricTurnover      Metric = "turnover"
	MetricWinRate       Metric = "win_rate"
	MetricProfitFactor  Metric = "profit_factor"
	MetricExpectancy    Metric = "expectancy"   // in each profile's base currency
	MetricAverageWin    Metric = "average_win"  // in each profile's base currency
	MetricAverageLoss   Metric = "average_loss" // in each profile's base currency
	MetricProfit        Metric = "profit"       // in each profile's base currency
	MetricRealized      Metric = "realized"     // in each profile's base currency
	MetricFees          Metric = "fees"         // in each profile's base currency
)

// Unit says what a figure is counted in.
type Unit string

// The units.
const (
	UnitFraction Unit = "fraction" // 0.1 is 10 %
	UnitRatio    Unit = "ratio"    // a number without a unit
	UnitMoney    Unit = "money"    // in the report's currency
)

// Span says what stretch of time, or what else, a figure is of.
type Span string

// The spans.
const (
	SpanWindow Span = "window"     // from the first to the last moment of the report
	SpanYear   Span = "year"       // a year
	SpanPeriod Span = "period"     // one period of the report's returns
	SpanMean   Span = "mean"       // the mean over the report's equity points
	SpanTrip   Span = "round_trip" // a round trip
)

// Definition says what a metric is.
type Definition struct {
	Metric       Metric `json:"metric"`
	Name         string `json:"name"` // in English, for a table
	Unit         Unit   `json:"unit"`
	Span         Span   `json:"span"`
	LessIsBetter bool   `json:"less_is_better"`
	Source       string `json:"source"` // who defined it so; differences are said at the field of Report
}

// metric is a metric with the way to find its figure in a report, as a ratio or as money.
type metric struct {
	Definition
	value  func(*Report) *float64
	amount func(*Report) *ledger.Decimal
}

// metrics has a line for each metric, in the order in which a table shows them.
var metrics = []metric{
	{Definition{MetricProfit, "profit", UnitMoney, SpanWindow, false, "equity at the end − at the start − deposits + withdrawals"},
		nil, func(p *Report) *ledger.Decimal { return &p.Profit }},
	{Definition{MetricTimeWeighted, "time-weighted return", UnitFraction, SpanWindow, false, "GIPS Standards 2020"},
		func(p *Report) *float64 { return p.TimeWeighted }, nil},
	{Definition{MetricAnnualized, "annualized return", UnitFraction, SpanYear, false, "GIPS Standards 2020, 2.A.12"},
		func(p *Report) *float64 { return p.Annualized }, nil},
	{Definition{MetricVolatility, "volatility", UnitFraction, SpanYear, true, "empyrical annual_volatility"},
		func(p *Report) *float64 { return p.Volatility }, nil},
	{Definition{MetricSharpe, "Sharpe ratio", UnitRatio, SpanYear, false, "Sharpe 1994; empyrical sharpe_ratio"},
		func(p *Report) *float64 { return p.Sharpe }, nil},
	{Definition{MetricSortino, "Sortino ratio", UnitRatio, SpanYear, false, "Sortino and Price 1994; empyrical sortino_ratio"},
		func(p *Report) *float64 { return p.Sortino }, nil},
	{Definition{MetricCalmar, "Calmar ratio", UnitRatio, SpanYear, false, "Young 1991, over the window"},
		func(p *Report) *float64 { return p.Calmar }, nil},
	{Definition{MetricMaxDrawdown, "maximum drawdown", UnitFraction, SpanWindow, true, "Magdon-Ismail and Atiya 2004"},
		func(p *Report) *float64 { return p.MaxDrawdown }, nil},
	{Definition{MetricVaR95, "value at risk, 95 %", UnitFraction, SpanPeriod, true, "Jorion, Value at Risk: historical simulation"},
		func(p *Report) *float64 { return p.VaR95 }, nil},
	{Definition{MetricVaR99, "value at risk, 99 %", UnitFraction, SpanPeriod, true, "Jorion, Value at Risk: historical simulation"},
		func(p *Report) *float64 { return p.VaR99 }, nil},
	{Definition{MetricShortfall95, "expected shortfall, 95 %", UnitFraction, SpanPeriod, true, "Acerbi and Tasche 2002"},
		func(p *Report) *float64 { return p.Shortfall95 }, nil},
	{Definition{MetricShortfall99, "expected shortfall, 99 %", UnitFraction, SpanPeriod, true, "Acerbi and Tasche 2002"},
		func(p *Report) *float64 { return p.Shortfall99 }, nil},
	{Definition{MetricGrossExposure, "gross exposure", UnitFraction, SpanMean, true, "zipline gross_leverage"},
		func(p *Report) *float64 { return p.GrossExposure }, nil},
	{Definition{MetricNetExposure, "net exposure", UnitFraction, SpanMean, true, "zipline net_leverage"},
		func(p *Report) *float64 { return p.NetExposure }, nil},
	{Definition{MetricTimeInMarket, "time in market", UnitFraction, SpanMean, true, "points with any position ÷ points"},
		func(p *Report) *float64 { return p.TimeInMarket }, nil},
	{Definition{MetricTurnover, "turnover", UnitFraction, SpanYear, true, "SEC Form N-1A, item 13, instruction 4(d)"},
		func(p *Report) *float64 { return p.Turnover }, nil},
	{Definition{MetricWinRate, "win rate", UnitFraction, SpanTrip, false, "blotter tradeStats: Percent.Positive, flat.to.flat"},
		func(p *Report) *float64 { return p.WinRate }, nil},
	{Definition{MetricProfitFactor, "profit factor", UnitRatio, SpanTrip, false, "blotter tradeStats: Profit.Factor, flat.to.flat"},
		func(p *Report) *float64 { return p.ProfitFactor }, nil},
	{Definition{MetricExpectancy, "expectancy", UnitMoney, SpanTrip, false, "blotter tradeStats: Avg.Trade.PL, flat.to.flat"},
		nil, func(p *Report) *ledger.Decimal { return p.Expectancy }},
	{Definition{MetricAverageWin, "average win", UnitMoney, SpanTrip, false, "blotter tradeStats: Avg.Win.Trade, flat.to.flat"},
		nil, func(p *Report) *ledger.Decimal { return p.AverageWin }},
	{Definition{MetricAverageLoss, "average loss", UnitMoney, SpanTrip, true, "blotter tradeStats: Avg.Losing.Trade, flat.to.flat"},
		nil, func(p *Report) *ledger.Decimal { return p.AverageLoss }},
	{Definition{MetricRealized, "realized", UnitMoney, SpanWindow, false, "first in, first out, after costs (IRS Publication 550)"},
		nil, func(p *Report) *ledger.Decimal { return p.Realized }},
	{Definition{MetricFees, "fees", UnitMoney, SpanWindow, true, "commissions, taxes on trades, and fees charged otherwise"},
		nil, func(p *Report) *ledger.Decimal { return p.Fees }},
}

// Metrics returns all metrics, in the order in which a table shows them.
func Metrics() []Metric {
	names := make([]Metric, len(metrics))
	for i := range metrics {
		names[i] = metrics[i].Metric
	}
	return names
}

// Definitions returns what each metric is, in the order of Metrics.
func Definitions() []Definition {
	out := make([]Definition, len(metrics))
	for i := range metrics {
		out[i] = metrics[i].Definition
	}
	return out
}

// Definition returns what the metric is; false for an unknown one.
func (m Metric) Definition() (Definition, bool) {
	if found := m.find(); found != nil {
		return found.Definition, true
	}
	return Definition{}, false
}

// find returns the metric's line in metrics; nil for an unknown one.
func (m Metric) find() *metric {
	for i := range metrics {
		if metrics[i].Metric == m {
			return &metrics[i]
		}
	}
	return nil
}

// Valid reports whether the metric is one of the constants.
func (m Metric) Valid() bool { return m.find() != nil }

// LessIsBetter reports whether the smaller figure is the better one.
func (m Metric) LessIsBetter() bool {
	found := m.find()
	return found != nil && found.Definition.LessIsBetter
}

// Value returns the figure of a metric; false if the figure is not defined or the metric is
// unknown. Money is rounded to a float64; see Amount.
func (p *Report) Value(m Metric) (float64, bool) {
	if d, ok := p.Amount(m); ok {
		return d.InexactFloat64(), true
	}
	if found := m.find(); found != nil && found.value != nil {
		if v := found.value(p); v != nil {
			return *v, true
		}
	}
	return 0, false
}

// Amount returns the money of a metric, exact and in base currency; false if the amount is not
// defined or the metric is a ratio.
func (p *Report) Amount(m Metric) (ledger.Decimal, bool) {
	if found := m.find(); found != nil && found.amount != nil {
		if d := found.amount(p); d != nil {
			return *d, true
		}
	}
	return ledger.Decimal{}, false
}
