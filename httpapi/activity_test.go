package httpapi

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// TestActivityKinds: every kind of thing that happens is told, each in the field of its kind.
func TestActivityKinds(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	at := "/profiles/" + string(p.ID)
	portfolio := r.portfolio("ann", p.ID)
	other, third := ledger.NewStock("OLD", "USD"), ledger.NewStock("GIFT", "USD")
	lot := func(n string) []ledger.Lot {
		return []ledger.Lot{{Quantity: dec(n), Basis: dec("50"), OpenedAt: desktest.At(0)}}
	}
	_, err := portfolio.Record(owned("ann"),
		ledger.Opening{ID: "o", Instrument: other, Lots: lot("5"), FXRate: dec("1"), Time: desktest.At(4)},
		ledger.Split{ID: "s", From: other, To: other, Numerator: dec("2"), Denominator: dec("1"), Time: desktest.At(5)},
		ledger.Transfer{ID: "t", Instrument: third, Quantity: dec("5"), Lots: lot("5"), Price: dec("10"), FXRate: dec("1"), Time: desktest.At(6)},
		ledger.Cancellation{ExecID: "c", Cancels: "e-3", Time: desktest.At(7)})
	require.NoError(t, err)
	for _, i := range []ledger.Instrument{other, third} {
		require.NoError(t, portfolio.Mark(ledger.Mark{Instrument: i, Price: dec("10"), Time: desktest.Now}))
	}
	r.call("ann", "POST", at+"/orders", anOrder("5", "41"), "Idempotency-Key", "k1").want(t, 201)
	require.NoError(t, portfolio.Dispatch(owned("ann"), risk.Dispatch{OrderID: "api.k1", Ref: "r", Terms: "limit 41 day"}))
	r.call("ann", "DELETE", at+"/orders/api.k1", nil).problem(t, CodeDispatched)
	require.NoError(t, portfolio.Release(owned("ann"), "api.k1", "expired"))
	r.call("ann", "POST", at+"/orders", anOrder("5", "90"), "Idempotency-Key", "k2").problem(t, CodeRefused)
	r.call("ann", "PUT", at+"/credentials/gateway_session", `{}`).want(t, 204)
	r.call("ann", "PUT", at+"/limits", sampleLimits, "If-Match", `"1"`).want(t, 200)
	r.call("ann", "POST", at+"/reduce", sampleReason).want(t, 200)

	all := map[string]int{}
	var seqs []int64
	for next, pages := "", 0; pages == 0 || next != ""; pages++ {
		require.Less(t, pages, 40, "the list does not end")
		var list activityList
		r.call("ann", "GET", at+"/activity?limit=3&cursor="+next, nil).want(t, 200, &list)
		for _, a := range list.Activity {
			all[a.Kind]++
			seqs = append(seqs, a.Seq)
		}
		next = list.NextCursor
	}
	for _, kind := range activityKinds {
		if kind == "breach" { // no loss was made
			continue
		}
		require.NotZero(t, all[kind], "%s is not told: %v", kind, all)
		var list activityList
		r.call("ann", "GET", at+"/activity?order=oldest&kind="+kind, nil).want(t, 200, &list)
		require.Len(t, list.Activity, all[kind], kind)
		for _, a := range list.Activity {
			require.Equal(t, kind, a.Kind)
		}
	}
	require.True(t, slices.IsSortedFunc(seqs, func(a, b int64) int { return int(b - a) }), "%v", seqs)
}

// TestPagesOfMany: pages of a long journal have everything once, whatever the order.
func TestPagesOfMany(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	at := "/profiles/" + string(p.ID)
	var facts []ledger.Fact
	for i := range 900 {
		facts = append(facts, ledger.CashMovement{ID: fmt.Sprint("m", i), Kind: ledger.Interest, Currency: "USD", Amount: dec("1"), Time: desktest.At(10 + i)})
	}
	_, err := r.portfolio("ann", p.ID).Record(owned("ann"), facts...)
	require.NoError(t, err)
	for i := range 5 {
		r.call("ann", "POST", at+"/orders", anOrder(fmt.Sprint(5+i), "41"), "Idempotency-Key", fmt.Sprint("k", i)).want(t, 201)
	}
	for _, query := range []string{"order=newest", "order=oldest"} {
		seen := map[int64]bool{}
		for next, pages := "", 0; pages == 0 || next != ""; pages++ {
			require.Less(t, pages, 20, "the list does not end")
			var list activityList
			r.call("ann", "GET", at+"/activity?kind=cash&limit=70&"+query+"&cursor="+next, nil).want(t, 200, &list)
			for _, a := range list.Activity {
				require.False(t, seen[a.Seq], "entry %d comes twice", a.Seq)
				seen[a.Seq] = true
			}
			next = list.NextCursor
		}
		require.Len(t, seen, 901, query)
	}
	ids := map[ledger.OrderID]bool{}
	for _, state := range []string{"working", "accepted"} {
		clear(ids)
		for next, pages := "", 0; pages == 0 || next != ""; pages++ {
			require.Less(t, pages, 5)
			var list orderList
			r.call("ann", "GET", at+"/orders?limit=2&state="+state+"&cursor="+next, nil).want(t, 200, &list)
			for _, o := range list.Orders {
				require.False(t, ids[o.ID], "%s comes twice", o.ID)
				ids[o.ID] = true
			}
			next = list.NextCursor
		}
		require.Len(t, ids, 5, state)
	}
}
