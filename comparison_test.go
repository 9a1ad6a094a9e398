package accounts_test

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/risk"
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

// unopenable is a store in which one profile's journal cannot be read.
type unopenable struct {
	accounts.Store
	id  accounts.ProfileID
	err error
}

func (s unopenable) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	if id == s.id {
		return func(yield func(accounts.Entry, error) bool) { yield(accounts.Entry{}, s.err) }
	}
	return s.Store.Entries(ctx, id, after)
}

// A profile that cannot be opened is said to be so, and keeps no other from being compared, routed to
// and halted.
func TestOneProfileThatCannotBeOpened(t *testing.T) {
	f := newFleet(t)
	broken := &accounts.CorruptError{ProfileID: "p2", Seq: 1, Reason: "test"}
	m := newManagerOn(t, unopenable{f.store, "p2", broken})
	require.NoError(t, m.Mark(t.Context(), ledger.Mark{Instrument: xyz, Price: dec("100"), Time: now}))

	c, err := m.Compare(t.Context(), performance.Window{})
	require.NoError(t, err, "one profile keeps all others from being compared")
	require.Len(t, c.Standings, 4)
	for _, s := range c.Standings {
		require.Equal(t, s.ProfileID == "p2", s.Err != nil, "profile %q: %v", s.ProfileID, s.Err)
	}
	require.ErrorIs(t, c.Standings[1].Err, accounts.ErrCorrupt)
	require.Equal(t, "Balanced-50K", c.Standings[1].Name)
	ranked, err := c.Rank(performance.MetricProfit)
	require.NoError(t, err)
	require.EqualValues(t, "p2", ranked[3].ProfileID, "a profile of which nothing is known")
	var back accounts.Comparison
	require.NoError(t, json.Unmarshal([]byte(asJSON(t, c)), &back))
	require.EqualError(t, back.Standings[1].Err, c.Standings[1].Err.Error(), "the error as it was sent")
	require.NoError(t, back.Standings[0].Err)

	out, err := m.Route(t.Context(), buy("s"))
	require.NoError(t, err, "one profile keeps the signal from all others")
	for _, a := range out {
		require.Equal(t, a.ProfileID != "p2", a.Held(), "profile %q: %v", a.ProfileID, a.Err)
	}
	require.ErrorIs(t, out[1].Err, accounts.ErrCorrupt)

	err = m.HaltAll(t.Context(), "stop")
	require.ErrorIs(t, err, accounts.ErrCorrupt)
	require.ErrorContains(t, err, `"p2"`)
	for _, id := range []accounts.ProfileID{"p1", "p3", "p4"} {
		p, err := m.Portfolio(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, risk.TradingHalted, p.Snapshot().Risk.State, "profile %q was not halted", id)
	}
}

// unlisted is a store that cannot list profiles.
type unlisted struct {
	accounts.Store
	err error
}

func (s unlisted) Profiles(context.Context, accounts.ProfileFilter) ([]accounts.AccountProfile, error) {
	return nil, s.err
}

// What trades through this process is halted even if the profiles cannot be listed.
func TestHaltAllWithoutAList(t *testing.T) {
	f := newFleet(t)
	boom := errors.New("a row that cannot be read")
	m := newManagerOn(t, unlisted{f.store, boom})
	p, err := m.Portfolio(t.Context(), "p1")
	require.NoError(t, err)
	open, err := m.OpenProfiles(t.Context())
	require.NoError(t, err)
	require.Equal(t, []accounts.ProfileID{"p1"}, open)
	require.ErrorIs(t, m.HaltAll(t.Context(), "stop"), boom)
	require.Equal(t, risk.TradingHalted, p.Snapshot().Risk.State)
}
