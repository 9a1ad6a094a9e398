package accounts

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
)

// Metric names a figure of Performance that profiles can be ranked by.
type Metric string

// The metrics. Of MetricVolatility, MetricMaxDrawdown, the values at risk, the shortfalls, MetricTurnover, MetricExposure and
// MetricFees less is better, of all others more.
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
	MetricAverageLoss  Metric = "average_loss" // in each profile's base currency; less is better
	MetricProfit       Metric = "profit"       // in each profile's base currency
	MetricFees         Metric = "fees"         // in each profile's base currency
)

// metrics tells of each how it is found, as a ratio or as money, and whether less is better.
var metrics = []struct {
	name   Metric
	less   bool
	value  func(*Performance) *float64
	amount func(*Performance) *Decimal
}{
	{MetricProfit, false, nil, func(p *Performance) *Decimal { return &p.Profit }},
	{MetricTimeWeighted, false, func(p *Performance) *float64 { return p.TimeWeighted }, nil},
	{MetricAnnualized, false, func(p *Performance) *float64 { return p.Annualized }, nil},
	{MetricVolatility, true, func(p *Performance) *float64 { return p.Volatility }, nil},
	{MetricSharpe, false, func(p *Performance) *float64 { return p.Sharpe }, nil},
	{MetricSortino, false, func(p *Performance) *float64 { return p.Sortino }, nil},
	{MetricCalmar, false, func(p *Performance) *float64 { return p.Calmar }, nil},
	{MetricMaxDrawdown, true, func(p *Performance) *float64 { return p.MaxDrawdown }, nil},
	{MetricVaR95, true, func(p *Performance) *float64 { return p.VaR95 }, nil},
	{MetricVaR99, true, func(p *Performance) *float64 { return p.VaR99 }, nil},
	{MetricShortfall95, true, func(p *Performance) *float64 { return p.Shortfall95 }, nil},
	{MetricShortfall99, true, func(p *Performance) *float64 { return p.Shortfall99 }, nil},
	{MetricExposure, true, func(p *Performance) *float64 { return p.Exposure }, nil},
	{MetricTurnover, true, func(p *Performance) *float64 { return p.Turnover }, nil},
	{MetricWinRate, false, func(p *Performance) *float64 { return p.WinRate }, nil},
	{MetricProfitFactor, false, func(p *Performance) *float64 { return p.ProfitFactor }, nil},
	{MetricExpectancy, false, nil, func(p *Performance) *Decimal { return p.Expectancy }},
	{MetricAverageWin, false, nil, func(p *Performance) *Decimal { return p.AverageWin }},
	{MetricAverageLoss, true, nil, func(p *Performance) *Decimal { return p.AverageLoss }},
	{MetricFees, true, nil, func(p *Performance) *Decimal { return &p.Fees }},
}

// Metrics returns every metric, in the order in which a table shows them.
func Metrics() []Metric {
	names := make([]Metric, len(metrics))
	for i := range metrics {
		names[i] = metrics[i].name
	}
	return names
}

// index returns where the metric is in metrics, -1 for none.
func (m Metric) index() int {
	for i := range metrics {
		if metrics[i].name == m {
			return i
		}
	}
	return -1
}

// Valid reports whether there is such a metric.
func (m Metric) Valid() bool { return m.index() >= 0 }

// LessIsBetter reports whether of two profiles the one with the smaller figure did better.
func (m Metric) LessIsBetter() bool { i := m.index(); return i >= 0 && metrics[i].less }

// Value returns the figure that a metric names; false if it is not defined, or there is no such
// metric. Money loses its last digits; see Amount.
func (p *Performance) Value(m Metric) (float64, bool) {
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

// Amount returns the money that a metric names, exactly; false if it is not defined, or the metric is no amount of
// money.
func (p *Performance) Amount(m Metric) (Decimal, bool) {
	if i := m.index(); i >= 0 && metrics[i].amount != nil {
		if d := metrics[i].amount(p); d != nil {
			return *d, true
		}
	}
	return Decimal{}, false
}

// Standing is one profile in a comparison.
type Standing struct {
	ProfileID     ProfileID     `json:"profile_id"`
	Name          string        `json:"name"`
	CapitalLevel  CapitalLevel  `json:"capital_level"`
	RiskTolerance RiskTolerance `json:"risk_tolerance"`
	BaseCurrency  Currency      `json:"base_currency"`
	Performance   Performance   `json:"performance"`
}

// Comparison is the performance of several profiles in one window, side by side.
type Comparison struct {
	Window    Window     `json:"window"`
	Standings []Standing `json:"standings"` // ordered by id, or as they were asked for
}

// Compare works out the performance of the profiles, of all that ctx sees and that are not archived if none are named, while
// trading goes on: each is as of one moment, not all as of the same. ErrProfileNotFound for one that ctx does not
// see, ErrInvalid for one named twice; other errors are those of Portfolio and Performance. Any of them ends the whole.
func (m *MultiAccountManager) Compare(ctx context.Context, w Window, ids ...ProfileID) (Comparison, error) {
	out, err := m.compare(ctx, w, ids)
	if err != nil {
		return Comparison{}, fmt.Errorf("compare: %w", err)
	}
	return out, nil
}

func (m *MultiAccountManager) compare(ctx context.Context, w Window, ids []ProfileID) (Comparison, error) {
	s, err := m.enter(ctx)
	if err == nil {
		err = w.validate()
	}
	if err != nil {
		return Comparison{}, err
	}
	profiles, err := m.compared(ctx, s, ids)
	if err != nil {
		return Comparison{}, err
	}
	out := Comparison{Window: w, Standings: make([]Standing, len(profiles))}
	errs := make([]error, len(profiles))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0)) // it is arithmetic, for the most part
	for i, p := range profiles {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			out.Standings[i], errs[i] = m.standing(ctx, s, p, w)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return Comparison{}, err
		}
	}
	return out, nil
}

// compared returns the profiles to compare.
func (m *MultiAccountManager) compared(ctx context.Context, s scope, ids []ProfileID) ([]AccountProfile, error) {
	if len(ids) == 0 {
		f := ProfileFilter{Statuses: []ProfileStatus{StatusActive, StatusInactive, StatusSuspended}}
		if !s.all {
			f.Owner = &s.owner
		}
		return m.store.Profiles(ctx, f)
	}
	profiles := make([]AccountProfile, len(ids))
	for i, id := range ids {
		if slices.Index(ids, id) != i {
			return nil, fmt.Errorf("%w: profile %.60q is named twice", ErrInvalid, id)
		}
		p, err := m.lookup(ctx, s, id)
		if err != nil {
			return nil, fmt.Errorf("profile %.60q: %w", id, err)
		}
		profiles[i] = p
	}
	return profiles, nil
}

func (m *MultiAccountManager) standing(ctx context.Context, s scope, p AccountProfile, w Window) (Standing, error) {
	out := Standing{ProfileID: p.ID, Name: p.Name, CapitalLevel: p.CapitalLevel, RiskTolerance: p.RiskTolerance, BaseCurrency: p.BaseCurrency}
	portfolio, err := m.portfolio(ctx, s, p.ID)
	if err != nil {
		return out, fmt.Errorf("profile %.60q: %w", p.ID, err)
	}
	out.Performance, err = portfolio.Performance(ctx, w)
	return out, err
}

// Rank returns the standings from best to worst by the metric, those for which it is not defined last; equals by
// name. ErrInvalid for an unknown metric.
func (c Comparison) Rank(m Metric) ([]Standing, error) {
	if !m.Valid() {
		return nil, fmt.Errorf("rank by %.40q: %w: unknown metric", m, ErrInvalid)
	}
	out := slices.Clone(c.Standings)
	slices.SortStableFunc(out, func(a, b Standing) int {
		va, known := a.Performance.Value(m)
		vb, knownToo := b.Performance.Value(m)
		order := 0
		switch {
		case !known && !knownToo:
		case !known:
			return 1
		case !knownToo:
			return -1
		case m.LessIsBetter():
			order = cmp.Compare(va, vb)
		default:
			order = cmp.Compare(vb, va)
		}
		return cmp.Or(order, cmp.Compare(a.Name, b.Name), cmp.Compare(a.ProfileID, b.ProfileID))
	})
	return out, nil
}
