package accounts

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
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

// metrics tells of each how it is found, whether less is better, and how it is shown: as a percentage, a
// plain ratio, or, where there is an amount, as money.
var metrics = []struct {
	name   Metric
	title  string
	less   bool
	unit   string
	value  func(*Performance) *float64
	amount func(*Performance) *Decimal
}{
	{MetricProfit, "profit", false, "", nil, func(p *Performance) *Decimal { return &p.Profit }},
	{MetricTimeWeighted, "time-weighted return", false, "%", func(p *Performance) *float64 { return p.TimeWeighted }, nil},
	{MetricAnnualized, "annualized return", false, "%", func(p *Performance) *float64 { return p.Annualized }, nil},
	{MetricVolatility, "volatility", true, "%", func(p *Performance) *float64 { return p.Volatility }, nil},
	{MetricSharpe, "Sharpe ratio", false, "", func(p *Performance) *float64 { return p.Sharpe }, nil},
	{MetricSortino, "Sortino ratio", false, "", func(p *Performance) *float64 { return p.Sortino }, nil},
	{MetricCalmar, "Calmar ratio", false, "", func(p *Performance) *float64 { return p.Calmar }, nil},
	{MetricMaxDrawdown, "maximum drawdown", true, "%", func(p *Performance) *float64 { return p.MaxDrawdown }, nil},
	{MetricVaR95, "value at risk, 95 %, a day", true, "%", func(p *Performance) *float64 { return p.VaR95 }, nil},
	{MetricVaR99, "value at risk, 99 %, a day", true, "%", func(p *Performance) *float64 { return p.VaR99 }, nil},
	{MetricShortfall95, "expected shortfall, 95 %", true, "%", func(p *Performance) *float64 { return p.Shortfall95 }, nil},
	{MetricShortfall99, "expected shortfall, 99 %", true, "%", func(p *Performance) *float64 { return p.Shortfall99 }, nil},
	{MetricExposure, "exposure", true, "%", func(p *Performance) *float64 { return p.Exposure }, nil},
	{MetricTurnover, "turnover", true, "%", func(p *Performance) *float64 { return p.Turnover }, nil},
	{MetricWinRate, "win rate", false, "%", func(p *Performance) *float64 { return p.WinRate }, nil},
	{MetricProfitFactor, "profit factor", false, "", func(p *Performance) *float64 { return p.ProfitFactor }, nil},
	{MetricExpectancy, "expectancy", false, "", nil, func(p *Performance) *Decimal { return p.Expectancy }},
	{MetricAverageWin, "average win", false, "", nil, func(p *Performance) *Decimal { return p.AverageWin }},
	{MetricAverageLoss, "average loss", true, "", nil, func(p *Performance) *Decimal { return p.AverageLoss }},
	{MetricFees, "fees", true, "", nil, func(p *Performance) *Decimal { return &p.Fees }},
}

// Value returns the figure that a metric names; false if it is not defined, or there is no such
// metric. Money loses its last digits.
func (p *Performance) Value(m Metric) (float64, bool) {
	for i := range metrics {
		if metrics[i].name == m {
			if v := valueOf(i, p); v != nil {
				return *v, true
			}
		}
	}
	return 0, false
}

// valueOf is the figure of the i-th metric. Of money that is where only the order among others matters.
func valueOf(i int, p *Performance) *float64 {
	if m := &metrics[i]; m.amount == nil {
		return m.value(p)
	}
	if d := metrics[i].amount(p); d != nil {
		return figure(d.InexactFloat64())
	}
	return nil
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
	for i, x := range metrics {
		if x.name != m {
			continue
		}
		out := slices.Clone(c.Standings)
		slices.SortStableFunc(out, func(a, b Standing) int {
			va, vb := valueOf(i, &a.Performance), valueOf(i, &b.Performance)
			order := 0
			switch {
			case va == nil && vb == nil:
			case va == nil:
				return 1
			case vb == nil:
				return -1
			case x.less:
				order = cmp.Compare(*va, *vb)
			default:
				order = cmp.Compare(*vb, *va)
			}
			return cmp.Or(order, cmp.Compare(a.Name, b.Name), cmp.Compare(a.ProfileID, b.ProfileID))
		})
		return out, nil
	}
	return nil, fmt.Errorf("rank by %.40q: %w: unknown metric", m, ErrInvalid)
}

// Table returns a row for each metric and a column for each profile, under a row of their names and behind
// a column of titles. Percentages have two places, money two in the profile's base currency; what is not
// defined is a dash.
func (c Comparison) Table() [][]string {
	var rows [][]string
	row := func(title string, cell func(*Standing) string) {
		cells := []string{title}
		for i := range c.Standings {
			cells = append(cells, cell(&c.Standings[i]))
		}
		rows = append(rows, cells)
	}
	row("", func(s *Standing) string { return s.Name })
	row("equity at the start", func(s *Standing) string { return money(s.Performance.StartEquity) })
	row("equity at the end", func(s *Standing) string { return money(s.Performance.EndEquity) })
	row("deposits less withdrawals", func(s *Standing) string { return money(s.Performance.Flows) })
	for i, x := range metrics {
		row(x.title, func(s *Standing) string {
			if x.amount == nil {
				return cellOf(valueOf(i, &s.Performance), x.unit)
			}
			if d := x.amount(&s.Performance); d != nil {
				return money(*d)
			}
			return "-"
		})
	}
	row("drawdown, days", func(s *Standing) string { return strconv.Itoa(s.Performance.DrawdownDays) })
	row("closings", func(s *Standing) string { return strconv.Itoa(s.Performance.Closings) })
	row("trades", func(s *Standing) string { return strconv.Itoa(s.Performance.Trades) })
	return rows
}

// String returns Table with its columns aligned.
func (c Comparison) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, row := range c.Table() {
		fmt.Fprintln(w, strings.Join(row, "\t")+"\t")
	}
	_ = w.Flush() // a strings.Builder does not fail
	return b.String()
}

func money(d Decimal) string { return d.RoundBank(2).StringFixed(2) }

func cellOf(v *float64, unit string) string {
	switch {
	case v == nil:
		return "-"
	case unit == "%":
		return strconv.FormatFloat(*v*100, 'f', 2, 64) + " %"
	}
	return strconv.FormatFloat(*v, 'f', 2, 64)
}
