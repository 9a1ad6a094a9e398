package accounts_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// fleet is the four presets on one store, each with its capital paid in and XYZ marked at 100.
type fleet struct {
	store    *hookedStore
	manager  *accounts.MultiAccountManager
	profiles []accounts.AccountProfile
}

func newFleet(t testing.TB) *fleet {
	t.Helper()
	f := &fleet{store: &hookedStore{Store: memstore.New()}}
	f.manager = newManagerOn(t, f.store)
	for i, p := range []accounts.AccountProfile{
		accounts.Aggressive25K("DU1000025"), accounts.Balanced50K("DU1000050"), accounts.Optimal100K("DU1000100"), accounts.Conservative250K("DU1000250"),
	} {
		p.ID = accounts.ProfileID(fmt.Sprintf("p%d", i+1))
		p, err := f.manager.CreateProfile(t.Context(), p)
		require.NoError(t, err)
		f.profiles = append(f.profiles, p)
		require.NoError(t, errOf(f.open(t, p.ID).Record(t.Context(), ledger.CashMovement{ID: "capital", Kind: ledger.Deposit,
			Currency: "USD", Amount: p.CapitalLevel.Amount(), Time: at(0)})))
		f.mark(t, p.ID, "100")
	}
	return f
}

func (f *fleet) open(t testing.TB, id accounts.ProfileID) *accounts.Portfolio {
	t.Helper()
	p, err := f.manager.Portfolio(t.Context(), id)
	require.NoError(t, err)
	return p
}

func (f *fleet) mark(t testing.TB, id accounts.ProfileID, price string) {
	t.Helper()
	require.NoError(t, f.open(t, id).Mark(ledger.Mark{Instrument: xyz, Price: dec(price), Time: now}))
}

func buy(id risk.SignalID) accounts.Signal {
	return accounts.Signal{ID: id, Instrument: xyz, Action: accounts.SignalBuy, Strategy: "trend", Sector: "tech"}
}

func TestRouteSizesByCapitalLevel(t *testing.T) {
	f := newFleet(t)
	out, err := f.manager.Route(t.Context(), buy("s1"))
	require.NoError(t, err)
	require.Len(t, out, 4)
	for i, quantity := range []string{"25", "40", "60", "100"} {
		require.True(t, out[i].Held(), "profile %s: %s", out[i].ProfileID, out[i].Decision)
		require.Equal(t, quantity, out[i].Order.Quantity.String(), "shares of 100 in profile %s", out[i].ProfileID)
	}
	again, err := f.manager.Route(t.Context(), buy("s1"))
	require.NoError(t, err)
	for i := range again {
		require.True(t, again[i].Held())
		require.Equal(t, out[i].Order, again[i].Order, "the same signal makes the same order")
		require.Len(t, f.open(t, again[i].ProfileID).Snapshot().Risk.Orders, 1, "and no second one")
	}
}
