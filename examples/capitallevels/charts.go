package main

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"github.com/go-analyze/charts"
)

// palette tells the profiles apart, for people who do not see all colours as well.
var palette = []string{"#0072b2", "#d55e00", "#009e73", "#8c4799"}

// size is one form of a chart: what is readable on a desk is not in a hand.
type size struct {
	width, height, labels, points int
	font                          float64
}

var (
	desk  = size{width: 1040, height: 380, labels: 8, points: 500, font: 11}
	phone = size{width: 358, height: 270, labels: 3, points: 170, font: 10}
)

// lines is a chart with a line for each profile.
type lines struct {
	axis   string // title of the vertical axis, with the unit
	dates  []string
	values [][]float64
	thin   func([]float64) float64 // makes one value of several neighbours
	format func(float64) string
	ticks  []float64 // first and last value of the axis, and how many there are; nil for what fits
}

// svg draws the chart.
func (l lines) svg(s size) (template.HTML, error) {
	step := (len(l.dates) + s.points - 1) / s.points
	var labels []string
	values := make([][]float64, len(l.values))
	for from := 0; from < len(l.dates); from += step {
		to := min(from+step, len(l.dates))
		labels = append(labels, l.dates[to-1][:len("2006-01")])
		for i := range l.values {
			values[i] = append(values[i], l.thin(l.values[i][from:to]))
		}
	}
	colors := make([]charts.Color, len(palette))
	for i, c := range palette {
		colors[i] = charts.ColorFromHex(c)
	}
	ink, grid := charts.ColorFromHex("#333333"), charts.ColorFromHex("#e2e2e2")
	opt := charts.NewLineChartOptionWithData(values)
	opt.Theme = charts.MakeTheme(charts.ThemeOption{SeriesColors: colors, TextColor: ink, AxisStrokeColor: ink, AxisSplitLineColor: grid,
		BackgroundColor: charts.ColorFromHex("#ffffff")})
	opt.Padding = charts.Box{Left: 4, Top: 10, Right: 26, Bottom: 6}
	opt.Symbol.Shape = charts.SymbolNone
	opt.LineStrokeWidth = 1.5
	opt.Legend.Show = charts.Ptr(false) // the page has one for all charts
	opt.XAxis.Labels = labels
	opt.XAxis.LabelCount = s.labels
	opt.XAxis.BoundaryGap = charts.Ptr(false)
	opt.XAxis.LabelFontStyle = charts.NewFontStyleWithSize(s.font)
	opt.YAxis[0].Title = l.axis
	opt.YAxis[0].TitleFontStyle = charts.NewFontStyleWithSize(s.font)
	opt.YAxis[0].LabelFontStyle = charts.NewFontStyleWithSize(s.font)
	opt.YAxis[0].ValueFormatter = l.format
	if l.ticks != nil {
		opt.YAxis[0].Min, opt.YAxis[0].Max, opt.YAxis[0].LabelCount = &l.ticks[0], &l.ticks[1], int(l.ticks[2])
		opt.YAxis[0].RangeValuePaddingScale = charts.Ptr(0.0)
	}
	p := charts.NewPainter(charts.PainterOptions{OutputFormat: charts.ChartOutputSVG, Width: s.width, Height: s.height})
	if err := p.LineChart(opt); err != nil {
		return "", fmt.Errorf("chart of %s: %w", l.axis, err)
	}
	svg, err := p.Bytes()
	if err != nil {
		return "", fmt.Errorf("chart of %s: %w", l.axis, err)
	}
	return template.HTML(svg), nil // the library's own, of numbers and dates alone
}

// growth is what 100 paid in at the beginning grew to.
func (r *report) growth() lines {
	l := r.lines("growth of 100", func(list []float64) float64 { return list[len(list)-1] })
	l.format = func(v float64) string { return fmt.Sprintf("%.0f", v) }
	return l
}

// drawdowns are how far each profile was below its peak.
func (r *report) drawdowns() lines {
	l := r.lines("drawdown, %", func(list []float64) float64 {
		worst := 0.0
		for _, v := range list {
			worst = math.Min(worst, v)
		}
		return worst
	})
	deepest := 0.0
	for _, values := range l.values {
		peak := 0.0
		for i, v := range values {
			peak = math.Max(peak, v)
			values[i] = (v/peak - 1) * 100
			deepest = math.Min(deepest, values[i])
		}
	}
	l.ticks = ticksTo(deepest)
	l.format = func(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") }
	return l
}

// ticksTo are round steps from a negative number up to zero, six at most.
func ticksTo(deepest float64) []float64 {
	for _, step := range []float64{0.1, 0.2, 0.5, 1, 2, 5, 10} {
		if n := math.Ceil(-deepest / step); n <= 6 {
			n = math.Max(n, 1)
			return []float64{-n * step, 0, n + 1}
		}
	}
	return []float64{-100, 0, 6}
}

// lines are the growths of 100 by day: there is no capital that comes or goes after the first day.
func (r *report) lines(axis string, thin func([]float64) float64) lines {
	l := lines{axis: axis, thin: thin}
	for _, b := range r.books {
		start := b.profile.CapitalLevel.Amount().InexactFloat64()
		var values []float64
		for _, p := range b.curve {
			values = append(values, p.equity.InexactFloat64()/start*100)
		}
		l.values = append(l.values, values)
	}
	for _, p := range r.books[0].curve {
		l.dates = append(l.dates, p.date.String())
	}
	return l
}
