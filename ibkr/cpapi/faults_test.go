package cpapi_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/ledger"
)

// faults are what may go wrong in the tests, and where.
var faults = map[gatewaysim.FaultKind][]gatewaysim.Route{
	gatewaysim.DropRequest: anyRoute, gatewaysim.DropAnswer: anyRoute, gatewaysim.Answer401: anyRoute, gatewaysim.Answer500: anyRoute,
	gatewaysim.Answer503: anyRoute, gatewaysim.AnswerHTML: anyRoute, gatewaysim.AnswerEmpty: anyRoute, gatewaysim.AnswerNoBridge: anyRoute,
	gatewaysim.AnswerError: anyRoute, gatewaysim.SessionDies: anyRoute, gatewaysim.NightlyReset: anyRoute,
	gatewaysim.AccountSwitched: {gatewaysim.RouteOrders, gatewaysim.RouteTrades}, gatewaysim.QuestionVoided: {gatewaysim.RouteReply},
	gatewaysim.LiveOrdersForgot: {gatewaysim.RouteOrders}, gatewaysim.RowsForeign: rowRoutes, gatewaysim.RowsSegment: rowRoutes,
	gatewaysim.RowsNoAccount: {gatewaysim.RouteOrders, gatewaysim.RouteTrades}, gatewaysim.TypesChanged: rowRoutes,
	gatewaysim.AnswerText: anyRoute, gatewaysim.AnswerRedirect: anyRoute, gatewaysim.NumbersOdd: append(rowRoutes, gatewaysim.RouteLedger),
	gatewaysim.OrdersFiltered: {gatewaysim.RouteOrders}, gatewaysim.RatesInverted: {gatewaysim.RouteLedger}, gatewaysim.ModeWrong: {gatewaysim.RouteAccounts},
	gatewaysim.SnapshotsForgot: {gatewaysim.RouteSnapshot}, gatewaysim.SocketDrops: {""},
	gatewaysim.ListEmpty: {gatewaysim.RoutePositions}, gatewaysim.ListPartial: {gatewaysim.RoutePositions}, gatewaysim.AnswerStale: {gatewaysim.RoutePositions},
	gatewaysim.RefuseOrder: {""}, gatewaysim.UnknownQuestion: {""}, gatewaysim.CommissionLate: {""}, gatewaysim.DuplicateRef: {""},
}

// blind are the faults that do not tell whether the request was processed.
var blind = []gatewaysim.FaultKind{gatewaysim.Answer500, gatewaysim.Answer503, gatewaysim.AnswerHTML, gatewaysim.AnswerText,
	gatewaysim.AnswerRedirect, gatewaysim.AnswerEmpty}

var (
	rowRoutes = []gatewaysim.Route{gatewaysim.RouteOrders, gatewaysim.RouteTrades, gatewaysim.RoutePositions}
	anyRoute  = []gatewaysim.Route{gatewaysim.RouteTickle, gatewaysim.RouteInit, gatewaysim.RouteAccounts, gatewaysim.RouteSwitch, gatewaysim.RoutePortfolio,
		gatewaysim.RoutePositions, gatewaysim.RoutePositionsNow, gatewaysim.RouteLedger, gatewaysim.RouteOrders, gatewaysim.RouteTrades, gatewaysim.RoutePlace,
		gatewaysim.RouteReply, gatewaysim.RouteCancel}
)

// world is a client, its gateway, and what the test has done.
type world struct {
	t      *rapid.T
	c      *cpapi.Client
	g      *gatewaysim.Gateway
	market *gatewaysim.Market
	abc    gatewaysim.Contract
	refs   map[broker.Ref]error // the outcome of every order
	of     map[broker.Ref]broker.AccountID
	names  []broker.Ref
}

var ids = []broker.AccountID{"DU1000001", "DU1000002"}

// Whatever fails, what the client says is so: complete answers are the gateway's truth, no order is placed
// twice, an order that was rejected is not there, and one that was taken is.
func TestAnswersAreTrueWhateverFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		defer w.close()
		t.Repeat(map[string]func(*rapid.T){
			"fault": w.fault, "place": w.place, "cancel": w.cancel, "price": w.price, "read": w.read, "": func(*rapid.T) {},
		})
		w.judge()
	})
}

func newWorld(t *rapid.T) *world {
	w := &world{t: t, refs: map[broker.Ref]error{}, of: map[broker.Ref]broker.AccountID{}}
	var err error
	w.market, err = gatewaysim.NewMarket(gatewaysim.MarketConfig{Realtime: true, AlwaysOpen: true})
	require.NoError(t, err)
	w.abc, err = w.market.Stock("ABC", dec("100"))
	require.NoError(t, err)
	w.g, err = gatewaysim.New(gatewaysim.Config{Market: w.market, Pacing: gatewaysim.Pacing{Off: true}, Questions: []gatewaysim.Question{{ID: "o354"}},
		Accounts: []gatewaysim.Account{{ID: string(ids[0]), Cash: dec("100000")}, {ID: string(ids[1]), Cash: dec("100000")}}})
	require.NoError(t, err)
	require.NoError(t, w.g.Start())
	w.c, err = cpapi.Open(t.Context(), cpapi.Config{URL: w.g.URL(), Fingerprint: w.g.Fingerprint(), Limits: quick, Breaker: cpapi.NewBreaker()})
	require.NoError(t, err)
	return w
}

func (w *world) close() {
	require.NoError(w.t, w.c.Close())
	require.NoError(w.t, w.g.Close())
}

func (w *world) fault(t *rapid.T) {
	kinds := slices.Sorted(maps.Keys(faults))
	kind := rapid.SampledFrom(kinds).Draw(t, "kind")
	f := gatewaysim.Fault{Kind: kind, Route: rapid.SampledFrom(faults[kind]).Draw(t, "route"), Text: string(ids[1])}
	f.Processed = slices.Contains(blind, kind) && rapid.Bool().Draw(t, "processed")
	if _, err := w.g.Inject(f); err != nil {
		t.Fatalf("inject %+v: %v", f, err)
	}
}

// ready waits for a session. Faults that strike once cannot keep it away.
func (w *world) ready() {
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	events, err := w.c.Watch(ctx)
	require.NoError(w.t, err)
	for !w.c.Status().Usable() {
		if w.c.Status().Session == broker.SessionLoginNeeded {
			w.g.LogIn()
		}
		if _, open := <-events; !open {
			w.t.Fatalf("no session: %+v", w.c.Status())
		}
	}
}

func (w *world) place(t *rapid.T) {
	w.ready()
	ref := broker.Ref(fmt.Sprintf("r%d", len(w.names)))
	id := rapid.SampledFrom(ids).Draw(t, "account")
	_, err := w.c.Place(t.Context(), id, ticket(ref, ledger.NewStock("ABC", "USD"), rapid.SampledFrom([]string{"1", "-2"}).Draw(t, "quantity"),
		rapid.SampledFrom([]string{"90", "100", "110"}).Draw(t, "limit")))
	w.names, w.refs[ref], w.of[ref] = append(w.names, ref), err, id
	t.Logf("%s in %s: %v", ref, id, err)
}

func (w *world) cancel(t *rapid.T) {
	if len(w.names) == 0 {
		return
	}
	w.ready()
	ref := rapid.SampledFrom(w.names).Draw(t, "ref")
	err := w.c.Cancel(t.Context(), w.of[ref], ref)
	t.Logf("cancel %s: %v", ref, err)
}

func (w *world) price(t *rapid.T) {
	require.NoError(t, w.market.SetPrice(w.abc.ConID, dec(rapid.SampledFrom([]string{"85", "100", "115"}).Draw(t, "price"))))
}

// read compares every list that is complete with the truth.
func (w *world) read(t *rapid.T) {
	w.ready()
	id := rapid.SampledFrom(ids).Draw(t, "account")
	ctx := t.Context()
	truth, err := w.g.Truth(string(id))
	require.NoError(t, err)
	switch rapid.SampledFrom([]string{"orders", "executions", "positions", "cash"}).Draw(t, "list") {
	case "orders":
		a, err := w.c.Orders(ctx, id)
		if err == nil && a.Complete {
			got, want := map[string]string{}, map[string]string{}
			for _, o := range a.List {
				got[o.BrokerID] = fmt.Sprint(o.Ref, o.Quantity.Abs(), o.Filled.Abs(), o.Status.Terminal())
			}
			for _, o := range truth.Orders {
				want[fmt.Sprint(o.ID)] = fmt.Sprint(o.Ref, o.Quantity.Abs(), o.Filled.Abs(), o.Status.Terminal())
			}
			require.Equal(t, want, got, "orders")
		}
	case "executions":
		a, err := w.c.Executions(ctx, id, time.Now().Add(-time.Hour))
		if err == nil && a.Complete {
			got, want := map[ledger.ExecID]string{}, map[ledger.ExecID]string{}
			for _, e := range a.List {
				got[e.Trade.ExecID] = fmt.Sprint(e.Ref, e.Trade.Quantity.Abs(), e.Trade.Price)
			}
			for _, e := range truth.Executions {
				want[ledger.ExecID(e.ID)] = fmt.Sprint(e.Ref, e.Quantity.Abs(), e.Price)
			}
			require.Equal(t, want, got, "executions")
		}
	case "positions":
		a, err := w.c.Positions(ctx, id)
		if err == nil && a.Complete {
			got, want := map[int64]string{}, map[int64]string{}
			for _, p := range a.List {
				if !p.Quantity.IsZero() {
					got[p.Instrument.ConID] = p.Quantity.String()
				}
			}
			for _, p := range truth.Positions {
				want[p.Contract.ConID] = p.Quantity.String()
			}
			require.Equal(t, want, got, "positions")
		}
	case "cash":
		a, err := w.c.Cash(ctx, id)
		if err == nil && a.Complete {
			for _, b := range a.List {
				require.True(t, b.Cash.Equal(truth.Cash[b.Currency]), "cash %s, and truly %s", b.Cash, truth.Cash[b.Currency])
			}
			require.Len(t, a.List, len(truth.Cash))
		}
	}
}

// judge compares the outcome of every order with the truth.
func (w *world) judge() {
	for _, id := range ids {
		truth, err := w.g.Truth(string(id))
		require.NoError(w.t, err)
		for ref, n := range truth.Placed {
			require.LessOrEqual(w.t, n, 1, "order %s came to be %d times", ref, n)
			require.Equal(w.t, id, w.of[broker.Ref(ref)], "the account of %s", ref)
		}
		for ref, err := range w.refs {
			if w.of[ref] != id {
				continue
			}
			placed := truth.Placed[string(ref)] > 0
			switch {
			case err == nil:
				require.True(w.t, placed, "%s was acknowledged and is not there", ref)
			case errors.Is(err, broker.ErrOutcomeUnknown), errors.Is(err, broker.ErrDuplicateRef):
			default:
				require.False(w.t, placed, "%s is there, though: %v", ref, err)
			}
		}
	}
}
