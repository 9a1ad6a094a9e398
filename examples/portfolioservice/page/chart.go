package page

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts/performance"
)

// chart is a drawing of lines over time. It fits any width without a script: the places across are
// parts of the width, those down are pixels, and the lines are in a drawing of 1000 × 400 of their
// own.
type chart struct {
	Class  string // the account's, of a chart of one
	Words  string // what the drawing shows
	Height int    // with the times below
	Plot   int    // without them
	Grid   []gridline
	Area   string // below the only line
	High   string // down, of the highest so far; empty for none
	Lines  []chartLine
	Point  string // the newest
	Times  []timeLabel
	Ends   []chartEnd // each line's name and figure at its end
	Scale  int        // width of the figures beside the drawing
	EndsAt int        // width of the ends
	Table  string     // the path of the figures behind the drawing
}

type (
	gridline  struct{ Y, Text, TextY string }
	chartLine struct{ Hue, Pattern, Path string }
	timeLabel struct{ X, Anchor, Text string }
	chartEnd  struct{ Hue, Y, Text string }
)

// series is what one line of a chart shows.
type series struct {
	hue, pattern string
	initial      string
	points       []xy
}

// The size of the drawing that lines are in.
const (
	drawnWidth  = 1000
	drawnHeight = 400
)

// most is how many points a line has at most.
const most = 160

// newChart draws lines between a lower and an upper figure. label writes a figure of the scale.
func newChart(lines []series, height int, scale []float64, low, high float64, label func(float64) string) *chart {
	f := frameOf(lines, low, high)
	c := &chart{Plot: height, Height: height + 24}
	for _, v := range scale {
		y := float64(height) * f.y(v) / drawnHeight
		c.Grid = append(c.Grid, gridline{fmt.Sprintf("%.1f", y), label(v), fmt.Sprintf("%.1f", y+4)})
	}
	for _, s := range lines {
		c.Lines = append(c.Lines, chartLine{s.hue, s.pattern, f.line(thin(s.points, most))})
	}
	return c
}

// frameOf returns the frame that has all lines.
func frameOf(lines []series, low, high float64) frame {
	f := frame{low: low, high: high, width: drawnWidth, bottom: drawnHeight}
	for _, s := range lines {
		first, last := s.points[0].at, s.points[len(s.points)-1].at
		if f.from.IsZero() || first.Before(f.from) {
			f.from = first
		}
		if last.After(f.to) {
			f.to = last
		}
	}
	return f
}

// times labels the chart's beginning, its end, and what lies between: few are for a narrow chart.
func (c *call) times(from, to time.Time, few bool) []timeLabel {
	form := "2 Jan"
	switch whole := to.Sub(from); {
	case whole < 36*time.Hour:
		form = "15:04"
	case whole > 300*24*time.Hour:
		form = "Jan 2006"
	}
	text := func(part float64) string {
		return from.Add(time.Duration(part * float64(to.Sub(from)))).In(c.page.Location).Format(form)
	}
	if few {
		return []timeLabel{{"0%", "start", text(0)}, {"50%", "middle", text(.5)}, {"100%", "end", text(1)}}
	}
	return []timeLabel{{"0%", "start", text(0)}, {"33%", "middle", text(1. / 3)}, {"66%", "middle", text(2. / 3)}, {"100%", "end", text(1)}}
}

// ends puts the name and the newest figure of each line at its end, apart from each other.
func ends(lines []series, height int, low, high float64, text func(float64) string) []chartEnd {
	type place struct {
		y float64
		chartEnd
	}
	const apart = 17
	f := frameOf(lines, low, high)
	var places []place
	for _, s := range lines {
		v := s.points[len(s.points)-1].v
		places = append(places, place{float64(height)*f.y(v)/drawnHeight + 4, chartEnd{Hue: s.hue, Text: s.initial + " " + text(v)}})
	}
	slices.SortStableFunc(places, func(a, b place) int { return cmp.Compare(a.y, b.y) })
	for i := range places {
		if i > 0 {
			places[i].y = max(places[i].y, places[i-1].y+apart)
		}
	}
	for i := len(places) - 1; i >= 0; i-- { // what came out below is pushed up again
		bottom := float64(height) + 4
		if i < len(places)-1 {
			bottom = places[i+1].y - apart
		}
		places[i].y = min(places[i].y, bottom)
	}
	out := make([]chartEnd, len(places))
	for i, p := range places {
		p.Y = fmt.Sprintf("%.1f", p.y)
		out[i] = p.chartEnd
	}
	return out
}

// scaleOf returns round figures from at most low to at least high, three to seven of them.
func scaleOf(low, high float64) []float64 {
	if high <= low {
		pad := max(math.Abs(high)/100, 1)
		low, high = low-pad, high+pad
	}
	step := math.Pow(10, math.Floor(math.Log10((high-low)/4)))
	for _, times := range []float64{1, 2, 5, 10} {
		if (high-low)/(times*step) <= 5 {
			step *= times
			break
		}
	}
	var out []float64
	for v := math.Floor(low/step) * step; ; v += step {
		out = append(out, v)
		if v >= high-step/1e9 {
			return out
		}
	}
}

// amountLabel writes a figure of a scale of money.
func amountLabel(scale []float64) func(float64) string {
	step := scale[1] - scale[0]
	unit, letter := 1.0, ""
	switch largest := math.Abs(scale[len(scale)-1]); {
	case largest >= 1e6 && step >= 1e4:
		unit, letter = 1e6, "M"
	case largest >= 1e4 && step >= 10:
		unit, letter = 1e3, "K"
	}
	places := max(0, int(math.Ceil(-math.Log10(step/unit)-1e-9)))
	return func(v float64) string {
		return strings.Replace(fmt.Sprintf("%.*f%s", places, v/unit, letter), "-", minus, 1)
	}
}

// equityChart draws an account's equity; nil where there are fewer than two points.
func (c *call) equityChart(a *account, curve performance.Curve, over string) *chart {
	points := c.untilNow(a, curve.Points)
	if len(points) < 2 {
		return nil
	}
	line := series{points: make([]xy, len(points))}
	highest := points[0].Equity
	for i, p := range points {
		line.points[i] = xy{p.Time, p.Equity.InexactFloat64()}
		if p.Equity.GreaterThan(highest) {
			highest = p.Equity
		}
	}
	scale := scaleOf(rangeOf(line.points))
	low, high := scale[0], scale[len(scale)-1]
	out := newChart([]series{line}, 200, scale, low, high, amountLabel(scale))
	f := frameOf([]series{line}, low, high)
	first, last := points[0], points[len(points)-1]
	out.Class, out.Scale = a.Hue, 48
	out.Area = out.Lines[0].Path + "V400H0z"
	out.High = short1(f.y(highest.InexactFloat64()))
	out.Point = "M1000 " + short1(f.y(last.Equity.InexactFloat64())) + "h.01"
	out.Times = c.times(first.Time, last.Time, false)
	out.Words = fmt.Sprintf("Equity of %s over %s, from %s to %s; highest %s.", a.Name, over,
		rounded(first.Equity), cents(last.Equity).in(curve.Currency), rounded(highest))
	return out
}

// untilNow returns the points of a curve, and the present equity behind them where it is known and
// of now.
func (c *call) untilNow(a *account, points []performance.CurvePoint) []performance.CurvePoint {
	n := len(points)
	if n == 0 || !a.Equity.Known || !a.Fresh.Live || !points[n-1].Time.Before(c.now) {
		return points
	}
	return append(points[:n:n], performance.CurvePoint{Time: c.now, Equity: a.Snapshot.Equity})
}

// spark is the small line of an account's equity.
type spark struct{ Words, Path, Base string }

// spark draws a curve on 200 × 48; nil where there are fewer than two points.
func (c *call) spark(a *account, curve performance.Curve) *spark {
	points := c.untilNow(a, curve.Points)
	if len(points) < 2 {
		return nil
	}
	first, last := points[0], points[len(points)-1]
	line := make([]xy, len(points))
	for i, p := range points {
		line[i] = xy{p.Time, p.Equity.InexactFloat64()}
	}
	low, high := rangeOf(line)
	frame := frame{from: first.Time, to: last.Time, low: low, high: high, width: 200, top: 3, bottom: 45}
	return &spark{
		Words: fmt.Sprintf("%s: equity over the last %d days, from %s to %s", a.Name, sparkDays, rounded(first.Equity), rounded(last.Equity).in(curve.Currency)),
		Path:  frame.line(thin(line, 60)), Base: short1(frame.y(first.Equity.InexactFloat64())),
	}
}

// xy is a figure at a time.
type xy struct {
	at time.Time
	v  float64
}

// rangeOf returns the least and the greatest figure.
func rangeOf(points []xy) (low, high float64) {
	for i, p := range points {
		if i == 0 {
			low, high = p.v, p.v
		}
		low, high = min(low, p.v), max(high, p.v)
	}
	return low, high
}

// thin returns at most so many of the points, and one more: the last of each of equal spans of
// time, and the first of all.
func thin(points []xy, most int) []xy {
	if len(points) <= most {
		return points
	}
	first := points[0].at
	width := points[len(points)-1].at.Sub(first)/time.Duration(most) + 1
	out := []xy{points[0]}
	slot := int64(-1)
	for _, p := range points[1:] {
		n := int64(p.at.Sub(first) / width)
		if n == slot {
			out[len(out)-1] = p
			continue
		}
		out, slot = append(out, p), n
	}
	return out
}

// frame is the place of figures in a drawing.
type frame struct {
	from, to           time.Time
	low, high          float64
	width, top, bottom float64
}

// x returns the place of a time.
func (f *frame) x(t time.Time) float64 {
	whole := f.to.Sub(f.from)
	if whole <= 0 {
		return 0
	}
	return f.width * float64(t.Sub(f.from)) / float64(whole)
}

// y returns the place of a figure: the greatest is at the top. Figures that are all the same are in
// the middle.
func (f *frame) y(v float64) float64 {
	if f.high <= f.low {
		return (f.top + f.bottom) / 2
	}
	return f.bottom - (f.bottom-f.top)*(v-f.low)/(f.high-f.low)
}

// line returns the path through points.
func (f *frame) line(points []xy) string {
	var b strings.Builder
	for i, p := range points {
		letter := "L"
		if i == 0 {
			letter = "M"
		}
		b.WriteString(letter + short1(f.x(p.at)) + " " + short1(f.y(p.v)))
	}
	return b.String()
}

// short1 writes a place with one digit behind the point at most.
func short1(v float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", v), ".0") }

// TimesAt is how far down the times are.
func (c *chart) TimesAt() int { return c.Plot + 18 }

// chip is a link that chooses a range or a filter.
type chip struct {
	Path, Word string
	Current    bool
	Account    *account
}
