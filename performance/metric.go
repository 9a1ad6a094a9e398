package performance

import "github.com/ai-ots/accounts/ledger"

// Metric names a figure of a [Report] that profiles can be ranked by.
type Metric string

// The metrics; see the fields of [Report]. More is better, except for MetricVolatility,
// MetricMaxDrawdown, the values at risk, the shortfalls, MetricExposure, MetricTurnover,
// MetricAverageLoss and MetricFees.
const (
	MetricTimeWeighted Metric = "time_weighted_return"
	MetricAnnualized   Metric = "annualized_return"
	MetricVolatility   Metric = "volatility"
	MetricSharpe       Metric = "sharpe_ratio"
	MetricSortino      Metric = "sortino_ratio"
	MetricCalmar       Metric = "calmar_ratio"
	MetricMaxDrawdown  Metric = "max_drawdown"
	MetricVaR95        Metric = "value_at_risk_95"
	MetricVaR99        Metric = "value_at_risk_99"
	MetricShortfall95  Metric = "expected_shortfall_95"
	MetricShortfall99  Metric = "expected_shortfall_99"
	MetricExposure     Metric = "exposure"
	MetricTurnover     Metric = "turnover"
	MetricWinRate      Metric = "win_rate"
	MetricProfitFactor Metric = "profit_factor"
	MetricExpectancy   Metric = "expectancy"   // in each profile's base currency
	MetricAverageWin   Metric = "average_win"  // in each profile's base currency
	MetricAverageLoss  Metric = "average_loss" // in each profile's base currency
	MetricProfit       Metric = "profit"       // in each profile's base currency
	MetricFees         Metric = "fees"         // in each profile's base currency
)

// metrics has a line for each metric: whether less is better, and how to find the figure in a
// report, as a ratio or as money.
var metrics = []struct {
	name   Metric
	less   bool
	value  func(*Report) *float64
	amount func(*Report) *ledger.Decimal
}{
	{MetricProfit, false, nil, func(p *Report) *ledger.Decimal { return &p.Profit }},
	{MetricTimeWeighted, false, func(p *Report) *float64 { return p.TimeWeighted }, nil},
	{MetricAnnualized, false, func(p *Report) *float64 { return p.Annualized }, nil},
	{MetricVolatility, true, func(p *Report) *float64 { return p.Volatility }, nil},
	{MetricSharpe, false, func(p *Report) *float64 { return p.Sharpe }, nil},
	{MetricSortino, false, func(p *Report) *float64 { return p.Sortino }, nil},
	{MetricCalmar, false, func(p *Report) *float64 { return p.Calmar }, nil},
	{MetricMaxDrawdown, true, func(p *Report) *float64 { return p.MaxDrawdown }, nil},
	{MetricVaR95, true, func(p *Report) *float64 { return p.VaR95 }, nil},
	{MetricVaR99, true, func(p *Report) *float64 { return p.VaR99 }, nil},
	{MetricShortfall95, true, func(p *Report) *float64 { return p.Shortfall95 }, nil},
	{MetricShortfall99, true, func(p *Report) *float64 { return p.Shortfall99 }, nil},
	{MetricExposure, true, func(p *Report) *float64 { return p.Exposure }, nil},
	{MetricTurnover, true, func(p *Report) *float64 { return p.Turnover }, nil},
	{MetricWinRate, false, func(p *Report) *float64 { return p.WinRate }, nil},
	{MetricProfitFactor, false, func(p *Report) *float64 { return p.ProfitFactor }, nil},
	{MetricExpectancy, false, nil, func(p *Report) *ledger.Decimal { return p.Expectancy }},
	{MetricAverageWin, false, nil, func(p *Report) *ledger.Decimal { return p.AverageWin }},
	{MetricAverageLoss, true, nil, func(p *Report) *ledger.Decimal { return p.AverageLoss }},
	{MetricFees, true, nil, func(p *Report) *ledger.Decimal { return &p.Fees }},
}

// Metrics returns all metrics, in the order in which a table shows them.
func Metrics() []Metric {
	names := make([]Metric, len(metrics))
	for i := range metrics {
		names[i] = metrics[i].name
	}
	return names
}

// index returns the metric's index in metrics; -1 for an unknown one.
func (m Metric) index() int {
	for i := range metrics {
		if metrics[i].name == m {
			return i
		}
	}
	return -1
}

// Valid reports whether the metric is one of the constants.
func (m Metric) Valid() bool { return m.index() >= 0 }

// LessIsBetter reports whether the smaller figure is the better one.
func (m Metric) LessIsBetter() bool { i := m.index(); return i >= 0 && metrics[i].less }

// Value returns the figure of a metric; false if the figure is not defined or the metric is
// unknown. Money is rounded to a float64; see Amount.
func (p *Report) Value(m Metric) (float64, bool) {
	i := m.index()
	if i < 0 {
		return 0, false
	}
	if d, ok := p.Amount(m); ok {
		return d.InexactFloat64(), true
	}
	if find := metrics[i].value; find != nil {
		if v := find(p); v != nil {
			return *v, true
		}
	}
	return 0, false
}

// Amount returns the money of a metric, exact and in base currency; false if the amount is not
// defined or the metric is a ratio.
func (p *Report) Amount(m Metric) (ledger.Decimal, bool) {
	if i := m.index(); i >= 0 && metrics[i].amount != nil {
		if d := metrics[i].amount(p); d != nil {
			return *d, true
		}
	}
	return ledger.Decimal{}, false
}
