package accounts_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/performance"
)

// The curve ends where the report does: the same points, the same growth, deposits taken out.
func TestCurveEndsAsTheReport(t *testing.T) {
	b := newBench(t)
	b.Record(t, point(at(1), "1000", "1000"), point(at(2), "1100", "1000"), point(at(3), "2200", "2000"), point(at(4), "1980", "2000"))
	for _, w := range []performance.Window{{}, {From: at(2)}, {To: at(3)}, {From: at(3), To: at(3)}} {
		curve, err := b.Portfolio.Curve(t.Context(), w)
		require.NoError(t, err)
		report, err := b.Portfolio.Performance(t.Context(), w)
		require.NoError(t, err)
		require.True(t, curve.Indexed, "%+v", w)
		require.Len(t, curve.Points, report.Points, "%+v", w)
		last := curve.Points[len(curve.Points)-1]
		require.Equal(t, report.EndEquity, last.Equity, "%+v", w)
		require.Equal(t, report.To, last.Time, "%+v", w)
		if report.TimeWeighted != nil {
			require.InDelta(t, *report.TimeWeighted, last.Index-1, 1e-12, "%+v", w)
		}
	}
	_, err := b.Portfolio.Curve(t.Context(), performance.Window{From: at(4), To: at(3)})
	require.ErrorIs(t, err, accounts.ErrInvalid)
}

// A window without points is no curve, and one with a return that is not defined has no index.
func TestCurveWithoutIndex(t *testing.T) {
	b := newBench(t)
	curve, err := b.Portfolio.Curve(t.Context(), performance.Window{})
	require.NoError(t, err)
	require.Equal(t, performance.Curve{Currency: "USD", Points: []performance.CurvePoint{}}, curve)
	b.Record(t, point(at(1), "0", "0"), point(at(2), "100", "0"))
	curve, err = b.Portfolio.Curve(t.Context(), performance.Window{})
	require.NoError(t, err)
	require.False(t, curve.Indexed)
	require.Len(t, curve.Points, 2)
}
