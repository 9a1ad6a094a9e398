package accounts_test

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/performance"
)

func TestComparison(t *testing.T) {
	f := newFleet(t)
	for i, end := range []string{"26000", "50500", "99000", "250000"} {
		p := f.profiles[i]
		_, err := f.open(t, p.ID).Record(t.Context(), point(at(1), p.CapitalLevel.Amount().String(), p.CapitalLevel.Amount().String()),
			point(at(1).AddDate(0, 0, 1), end, p.CapitalLevel.Amount().String()))
		require.NoError(t, err)
	}
	c, err := f.manager.Compare(t.Context(), performance.Window{})
	require.NoError(t, err)
	names := func(list []accounts.Standing) (out []string) {
		for _, s := range list {
			out = append(out, strings.SplitN(s.Name, "-", 2)[1])
		}
		return out
	}
	ranked, err := c.Rank(performance.MetricTimeWeighted)
	require.NoError(t, err)
	require.Equal(t, []string{"25K", "50K", "250K", "100K"}, names(ranked), "4, 1, 0 and −1 %")
	ranked, err = c.Rank(performance.MetricMaxDrawdown)
	require.NoError(t, err)
	require.Equal(t, []string{"25K", "50K", "250K", "100K"}, names(ranked), "of equals by name, and less is better")
	_, err = c.Rank("luck")
	require.ErrorIs(t, err, accounts.ErrInvalid)
	require.NotContains(t, asJSON(t, c), "NaN")

	_, err = f.manager.Compare(t.Context(), performance.Window{}, "p1", "p1")
	require.ErrorIs(t, err, accounts.ErrInvalid, "named twice")
	_, err = f.manager.Compare(accounts.WithOwner(t.Context(), "somebody"), performance.Window{}, "p1")
	require.ErrorIs(t, err, accounts.ErrProfileNotFound, "another owner's")
	one, err := f.manager.Compare(t.Context(), performance.Window{}, "p3", "p1")
	require.NoError(t, err)
	require.Equal(t, []string{"100K", "25K"}, names(one.Standings), "as they were asked for")
	v, defined := one.Standings[1].Performance.Value(performance.MetricProfit)
	require.True(t, defined && math.Abs(v-1000) < 1e-9)
}
