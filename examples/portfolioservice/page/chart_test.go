package page

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// walkOf returns points a day apart.
func walkOf(figures ...float64) []xy {
	var out []xy
	for i, v := range figures {
		out = append(out, xy{rigNow.AddDate(0, 0, i), v})
	}
	return out
}

// A scale has round figures that reach from below the least to above the greatest.
func TestScale(t *testing.T) {
	for _, tt := range []struct{ low, high float64 }{{0, 1}, {99.7, 102.5}, {-5.4, 0}, {100_000, 120_790}, {3, 3}, {0, 0}, {-2, 7}, {1e-4, 3e-4}, {9.9e9, 1.2e10}} {
		scale := scaleOf(tt.low, tt.high)
		require.GreaterOrEqual(t, len(scale), 2, "%v", tt)
		require.LessOrEqual(t, len(scale), 8, "%v", tt)
		require.LessOrEqual(t, scale[0], tt.low, "%v", tt)
		require.GreaterOrEqual(t, scale[len(scale)-1], tt.high*(1-1e-9), "%v", tt)
		labels := map[string]bool{}
		label := amountLabel(scale)
		for _, v := range scale {
			require.False(t, labels[label(v)], "%v: two lines are %s", tt, label(v))
			labels[label(v)] = true
		}
	}
	label := amountLabel([]float64{90_000, 100_000, 110_000})
	require.Equal(t, "90K", label(90_000))
	require.Equal(t, "−5", amountLabel([]float64{-10, -5, 0})(-5))
}

// However many points there are, few are drawn: the first and the last among them.
func TestThin(t *testing.T) {
	var many []xy
	for i := range 10_000 {
		many = append(many, xy{rigNow.Add(time.Duration(i) * time.Minute), float64(i)})
	}
	few := thin(many, 100)
	require.LessOrEqual(t, len(few), 101)
	require.Equal(t, many[0], few[0])
	require.Equal(t, many[len(many)-1], few[len(few)-1])
	require.Equal(t, many[:5], thin(many[:5], 100))
	same := make([]xy, 300)
	for i := range same {
		same[i] = xy{rigNow, float64(i)}
	}
	require.Equal(t, same[299], thin(same, 100)[1], "points of one time are one")
}

// Lines stay in their drawing, and their names are apart from each other.
func TestLinesAndEnds(t *testing.T) {
	lines := []series{{hue: "a1", initial: "A", points: walkOf(100, 104, 101)}, {hue: "a2", initial: "B", points: walkOf(100, 97, 101.1)},
		{hue: "a3", initial: "C", points: walkOf(100, 100, 101.05)}, {hue: "a4", initial: "D", points: walkOf(100, 96, 96)}}
	c := newChart(lines, 230, []float64{96, 100, 104}, 96, 104, func(v float64) string { return fmt.Sprint(v) })
	for _, l := range c.Lines {
		for _, m := range regexp.MustCompile(`[ML]([-0-9.]+) ([-0-9.]+)`).FindAllStringSubmatch(l.Path, -1) {
			x, _ := strconv.ParseFloat(m[1], 64)
			y, _ := strconv.ParseFloat(m[2], 64)
			require.True(t, x >= 0 && x <= drawnWidth && y >= 0 && y <= drawnHeight, l.Path)
		}
	}
	at := -100.0
	for _, e := range ends(lines, 230, 96, 104, func(v float64) string { return fmt.Sprintf("%.1f", v) }) {
		y, err := strconv.ParseFloat(e.Y, 64)
		require.NoError(t, err)
		require.GreaterOrEqual(t, y-at, 17.0, "%s is over another", e.Text)
		require.True(t, y >= 0 && y <= 240, e.Text)
		at = y
	}
	f := frame{from: rigNow, to: rigNow, width: 10, bottom: 10}
	require.Equal(t, "M0 5", f.line([]xy{{rigNow, 7}}), "one point is in the middle")
}
