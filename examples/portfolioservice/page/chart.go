package page

import (
	"fmt"
	"strings"
	"time"

	"github.com/ai-ots/accounts/performance"
)

// spark is the small line of an account's equity.
type spark struct{ Words, Path, Base string }

// spark draws a curve on 200 × 48; nil where there are fewer than two points.
func (c *call) spark(a *account, curve performance.Curve) *spark {
	points := curve.Points
	if len(points) < 2 {
		return nil
	}
	first, last := points[0], points[len(points)-1]
	line := make([]xy, len(points))
	for i, p := range points {
		line[i] = at(p.Time, p.Equity.InexactFloat64())
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

func at(t time.Time, v float64) xy { return xy{t, v} }

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

// thin returns at most so many of the points, and one more: the last of each of equal spans of time, and
// the first of all.
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

// y returns the place of a figure: the greatest is at the top. Figures that are all the same are in the
// middle.
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
