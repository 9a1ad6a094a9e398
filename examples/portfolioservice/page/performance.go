package page

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
)

var performanceRoutes = []route{
	{method: "GET", path: "/compare", right: httpapi.Read, at: "performance", run: showPerformance},
	{method: "GET", path: "/p/{id}/performance", right: httpapi.Read, at: "performance", run: showPerformance},
}

// performanceView is the screen of performance: of one account, or of all side by side.
type performanceView struct {
	Accounts []account
	Ranges   []chip
	Heading  string
	Index    *chart
	Below    *chart // the fall from the highest point so far
	Figures  string
	Groups   []figureGroup
	Columns  int
	Notes    []string
	Several  bool
}

// figureGroup is a part of the table of figures.
type figureGroup struct {
	Name string
	Rows []figureRow
}

// figureRow is one figure of every account.
type figureRow struct {
	Name  string
	Cells []figureCell
}

// figureCell is one figure of one account.
type figureCell struct {
	Text string // empty for one that is not defined
	Best bool
}

// measured is an account with what was measured of it.
type measured struct {
	account
	report performance.Report
	curve  performance.Curve
	err    error
}

func showPerformance(c *call) error {
	chosen, err := c.chosen()
	if err != nil {
		return err
	}
	path := "/compare"
	if c.profileID() != "" {
		path = c.below("performance")
	}
	s, window, chips := c.stretch(performanceStretches, path)
	list, err := c.measure(chosen, window)
	if err != nil {
		return err
	}
	view := performanceView{Ranges: chips, Several: len(list) > 1, Columns: len(list) + 1, Figures: path + "/figures?range=" + s.Word}
	for _, m := range list {
		view.Accounts = append(view.Accounts, m.account)
		if m.err != nil {
			f := failureOf(m.err)
			view.Notes = append(view.Notes, m.Name+": "+f.heading)
		}
	}
	view.Heading = c.indexHeading(list)
	view.Index, view.Below = c.indexCharts(list)
	view.Groups = groupsOf(list)
	view.Notes = append(view.Notes, notesOf(list)...)
	return c.render("performance", "Performance", view)
}

// indexHeading says where the indices begin: on a day, if that is the same for all.
func (c *call) indexHeading(list []measured) string {
	days := map[string]bool{}
	day := ""
	for _, m := range list {
		if len(m.curve.Points) > 0 {
			day = c.at(m.curve.Points[0].Time, "2 January").Text
			days[day] = true
		}
	}
	heading := "100 at the first point"
	if len(days) == 1 {
		heading = "100 on " + day
	}
	if len(list) > 1 {
		return "Each account, " + heading
	}
	return heading
}

// measure measures accounts in a window. What fails in one account is told of that account alone.
func (c *call) measure(chosen []account, w performance.Window) ([]measured, error) {
	if len(chosen) == 0 {
		return nil, nil
	}
	ids := make([]accounts.ProfileID, len(chosen))
	for i, a := range chosen {
		ids[i] = a.ID
	}
	comparison, err := c.page.Manager.Compare(c.ctx, w, ids...)
	if err != nil {
		return nil, err
	}
	out := make([]measured, len(chosen))
	for i, standing := range comparison.Standings {
		m := measured{account: chosen[i], report: standing.Performance, err: standing.Err}
		if m.err == nil {
			p, err := c.page.Manager.Portfolio(c.ctx, m.ID)
			if err == nil {
				m.curve, err = p.Curve(c.ctx, w)
			}
			m.err = err
		}
		if m.err != nil {
			c.page.Logger.WarnContext(c.ctx, "an account cannot be measured", "profile", string(m.ID), "err", m.err)
		}
		out[i] = m
	}
	return out, nil
}

// indexCharts draws the indices of accounts, and how far each is below its highest point so far;
// nil where no account has two points.
func (c *call) indexCharts(list []measured) (index, below *chart) {
	var indices, falls []series
	var now, down []string
	for _, m := range list {
		if m.err != nil || !m.curve.Indexed || len(m.curve.Points) < 2 {
			continue
		}
		line := series{hue: m.Hue, pattern: m.Line, initial: m.Initial}
		fall := line
		high := 0.0
		for _, p := range m.curve.Points {
			high = max(high, p.Index)
			line.points = append(line.points, xy{p.Time, 100 * p.Index})
			fall.points = append(fall.points, xy{p.Time, 100 * (p.Index/high - 1)})
		}
		last := len(line.points) - 1
		now = append(now, fmt.Sprintf("%s %.1f", m.Name, line.points[last].v))
		down = append(down, m.Name+" "+percent(-fall.points[last].v/100, 1))
		indices, falls = append(indices, line), append(falls, fall)
	}
	if len(indices) == 0 {
		return nil, nil
	}
	index = c.manyLines(indices, 230, func(v float64) string { return fmt.Sprintf("%.1f", v) })
	index.Words = "Equity of " + plural(len(indices), "account") + ", each 100 at its first point. Now: " + strings.Join(now, "; ") + "."
	below = c.manyLines(falls, 130, func(v float64) string { return percent(v/100, 1) })
	below.Words = "Fall from the highest point so far. Now: " + strings.Join(down, "; ") + "."
	return index, below
}

// manyLines draws several lines, each with its figure at its end.
func (c *call) manyLines(lines []series, height int, text func(float64) string) *chart {
	low, high := 0.0, 0.0
	for i, s := range lines {
		l, h := rangeOf(s.points)
		if i == 0 {
			low, high = l, h
		}
		low, high = min(low, l), max(high, h)
	}
	scale := scaleOf(low, high)
	if high <= 0 { // falls hang from zero
		scale = slices.DeleteFunc(scale, func(v float64) bool { return v > 0 })
	}
	low, high = scale[0], scale[len(scale)-1]
	out := newChart(lines, height, scale, low, high, amountLabel([]float64{0, scale[1] - scale[0]}))
	out.Ends = ends(lines, height, low, high, text)
	out.Scale, out.EndsAt = 38, 78
	f := frameOf(lines, low, high)
	out.Times = c.times(f.from, f.to, true)
	return out
}

// groups are the parts of the table, and which figures are in each.
var groups = []struct {
	name    string
	metrics []performance.Metric
}{
	{"Return", []performance.Metric{performance.MetricProfit, performance.MetricTimeWeighted, performance.MetricAnnualized}},
	{"Risk", []performance.Metric{performance.MetricVolatility, performance.MetricMaxDrawdown, belowHigh, performance.MetricVaR95, performance.MetricVaR99,
		performance.MetricShortfall95, performance.MetricShortfall99}},
	{"For the risk", []performance.Metric{performance.MetricSharpe, performance.MetricSortino, performance.MetricCalmar}},
	{"Invested", []performance.Metric{performance.MetricGrossExposure, performance.MetricNetExposure, performance.MetricTimeInMarket, performance.MetricTurnover}},
	{"Trades", []performance.Metric{performance.MetricWinRate, performance.MetricProfitFactor, performance.MetricExpectancy, performance.MetricAverageWin,
		performance.MetricAverageLoss, performance.MetricRealized, performance.MetricFees, tradeCount}},
}

// Figures of the page's own, which no profile is ranked by.
const (
	belowHigh  performance.Metric = "below_high"
	tradeCount performance.Metric = "trades"
)

// groupsOf returns the table of figures.
func groupsOf(list []measured) []figureGroup {
	definitions := map[performance.Metric]performance.Definition{
		belowHigh:  {Metric: belowHigh, Name: "now below the high", Unit: performance.UnitFraction, LessIsBetter: true},
		tradeCount: {Metric: tradeCount, Name: "trades"},
	}
	for _, d := range performance.Definitions() {
		definitions[d.Metric] = d
	}
	var out []figureGroup
	for _, g := range groups {
		group := figureGroup{Name: g.name}
		for _, metric := range g.metrics {
			group.Rows = append(group.Rows, rowOf(definitions[metric], list))
		}
		out = append(out, group)
	}
	return out
}

// rowOf returns one figure of all accounts. The best is marked where it can be told: where two or
// more are known, of one currency, and one is better than all others.
func rowOf(d performance.Definition, list []measured) figureRow {
	row := figureRow{Name: capital(d.Name)}
	var values []float64
	best, known, tied := -1, 0, false
	currencies := map[ledger.Currency]bool{}
	for i := range list {
		text, v, ok := figure(d, &list[i])
		row.Cells = append(row.Cells, figureCell{Text: text})
		values = append(values, v)
		if !ok {
			continue
		}
		known++
		currencies[list[i].report.Currency] = true
		switch {
		case best < 0 || d.LessIsBetter && v < values[best] || !d.LessIsBetter && v > values[best]:
			best, tied = i, false
		case v == values[best]:
			tied = true
		}
	}
	if d.Unit == performance.UnitMoney {
		row.Name += unitOf(currencies)
	}
	if known > 1 && !tied && (d.Unit != performance.UnitMoney || len(currencies) == 1) && d.Metric != tradeCount {
		row.Cells[best].Best = true
	}
	if span := spanWords[d.Span]; span != "" && d.Unit == performance.UnitFraction && !strings.Contains(d.Name, "annual") {
		row.Name += ", " + span
	}
	return row
}

// spanWords are the words for what stretch of time a figure is of, where that is not the window.
var spanWords = map[performance.Span]string{performance.SpanYear: "a year"}

// unitOf returns ", USD", or nothing for several currencies.
func unitOf(currencies map[ledger.Currency]bool) string {
	if len(currencies) != 1 {
		return ""
	}
	for currency := range currencies {
		return ", " + string(currency)
	}
	return ""
}

// figure returns one figure of an account, as text and as a number; false where it is not defined.
func figure(d performance.Definition, m *measured) (string, float64, bool) {
	if m.err != nil {
		return "", 0, false
	}
	switch d.Metric {
	case tradeCount:
		return grouped(itoa(m.report.Trades)), float64(m.report.Trades), true
	case belowHigh:
		if len(m.curve.Points) == 0 || !m.curve.Indexed {
			return "", 0, false
		}
		high := 0.0
		for _, p := range m.curve.Points {
			high = max(high, p.Index)
		}
		down := 1 - m.curve.Points[len(m.curve.Points)-1].Index/high
		return percent(down, 2), down, true
	}
	if d.Unit == performance.UnitMoney {
		amount, ok := m.report.Amount(d.Metric)
		if !ok || d.Metric == performance.MetricProfit && m.report.Points < 2 {
			return "", 0, false
		}
		return cents(amount).String(), amount.InexactFloat64(), true
	}
	v, ok := m.report.Value(d.Metric)
	switch {
	case !ok:
		return "", 0, false
	case d.Unit == performance.UnitFraction:
		return percent(v, 2), v, true
	}
	return strings.Replace(strconv.FormatFloat(v, 'f', 2, 64), "-", minus, 1), v, true
}

// notesOf says what the figures are of.
func notesOf(all []measured) []string {
	notes := []string{"“–” is not known: a return is annualized from a year on, and statistics need returns.", "The risk-free rate is taken to be zero."}
	for _, m := range all {
		if m.err == nil && m.report.Period != "" {
			notes = append(notes, m.Name+": "+plural(m.report.Returns, "return")+" of a "+string(m.report.Period)+" each.")
		}
		if m.err == nil && len(m.report.Unconverted) > 0 {
			notes = append(notes, m.Name+" lacks rates for "+list(m.report.Unconverted)+".")
		}
	}
	if len(all) > 1 {
		notes = append(notes, "Each amount is in its account’s base currency.")
	}
	return notes
}
