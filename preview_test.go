package accounts_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/sizing"
)

// Preview says of every profile what Route then does, and changes nothing.
func TestPreviewSaysWhatRouteDoes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFleet(t)
		for i, id := range []accounts.ProfileID{"p1", "p2", "p3"} {
			p := f.open(t, id)
			switch rapid.IntRange(0, 4).Draw(rt, "state") {
			case 0:
				require.NoError(rt, p.Halt(t.Context(), "stop"))
			case 1:
				require.NoError(rt, p.Reduce(t.Context(), "calm"))
			case 2:
				require.NoError(rt, errOf(p.Record(t.Context(), trade(i, xyz, "3", "100"))))
			case 3:
				_, _ = p.Reserve(t.Context(), order("o", xyz, "-1", "100"))
			}
		}
		s := buy("s")
		s.Action = rapid.SampledFrom([]accounts.SignalAction{accounts.SignalBuy, accounts.SignalSell, accounts.SignalClose}).Draw(rt, "action")
		s.Instrument = rapid.SampledFrom([]ledger.Instrument{xyz, ledger.NewStock("UNMARKED", "USD")}).Draw(rt, "contract")
		if rapid.Bool().Draw(rt, "expired") {
			s.Expires = now.AddDate(0, 0, -1)
		}
		amount := rapid.SampledFrom([]string{"50", "1000", "5000", "1000000"}).Draw(rt, "amount")
		sizer := accounts.WithSizer(sizing.FixedNotional{Amount: dec(amount)})
		before := []int64{lastSeq(t, f.store, "p1"), lastSeq(t, f.store, "p2"), lastSeq(t, f.store, "p3"), lastSeq(t, f.store, "p4")}
		seen, err := f.manager.Preview(t.Context(), s, sizer)
		require.NoError(rt, err)
		for i, p := range f.profiles {
			require.Equal(rt, before[i], lastSeq(t, f.store, p.ID), "a preview writes")
		}
		done, err := f.manager.Route(t.Context(), s, sizer)
		require.NoError(rt, err)
		require.Len(rt, seen, len(done))
		for i, a := range done {
			require.Equal(rt, a.Order.ID, seen[i].Order.ID)
			require.Equal(rt, a.Decision.String(), seen[i].Decision.String(), "profile %s", a.ProfileID)
			require.Equal(rt, a.Held(), seen[i].Held(), "profile %s: %v, %v", a.ProfileID, a.Err, seen[i].Err)
			if a.Held() {
				require.Equal(rt, a.Order.Quantity.String(), seen[i].Order.Quantity.String(), "profile %s: the size", a.ProfileID)
			}
		}
		again, err := f.manager.Preview(t.Context(), s, sizer)
		require.NoError(rt, err)
		for i, a := range again {
			if done[i].Held() {
				require.True(rt, a.Held() && a.Decision.Repeat, "profile %s: a working order is a repeat: %v", a.ProfileID, a.Err)
			}
		}
	})
}

// Preview refuses what Route refuses, and another signal under the id of a working order.
func TestPreviewRefuses(t *testing.T) {
	f := newFleet(t)
	_, err := f.manager.Preview(t.Context(), accounts.Signal{})
	require.ErrorIs(t, err, accounts.ErrInvalid)
	_, err = f.manager.Preview(t.Context(), buy("s"), nil)
	require.ErrorIs(t, err, accounts.ErrInvalid, "a nil option")
	out, err := f.manager.Preview(t.Context(), buy("s"), accounts.ToProfiles("nobody"))
	require.NoError(t, err)
	require.ErrorIs(t, out[0].Err, accounts.ErrProfileNotFound)
	f.route(t, buy("s"))
	other := buy("s")
	other.Strategy = "carry"
	out, err = f.manager.Preview(t.Context(), other, accounts.ToProfiles("p1"))
	require.NoError(t, err)
	require.ErrorIs(t, out[0].Err, accounts.ErrIDReused)
	require.Equal(t, risk.Decision{OrderID: "s@p1"}, out[0].Decision)
}
