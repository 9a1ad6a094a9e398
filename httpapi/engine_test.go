package httpapi

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/broker/paper"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
)

// desk is a rig with a paper broker, whose engine works one profile of ann's and one of bob's.
type desk struct {
	*rig
	paper  *paper.Broker
	engine *broker.Engine
	ann    accounts.AccountProfile
	bob    accounts.AccountProfile
}

// kept is a session with the broker, which lives on when the session is closed.
type kept struct{ broker.Broker }

func (kept) Close() error { return nil }

func newTradingDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{rig: newRig(t), paper: paper.New(paper.Options{Clock: func() time.Time { return desktest.Now }})}
	open := func(owner, account string) accounts.AccountProfile {
		require.NoError(t, d.paper.Open(broker.Account{ID: broker.AccountID(account), Kind: broker.WholeAccount, Mode: accounts.ModePaper, Currency: "USD", Tradable: true},
			broker.Balance{Currency: "USD", Cash: dec("100000")}))
		p := accounts.Optimal100K(account)
		p.Limits = desktest.Loose()
		created, err := d.manager.CreateProfile(owned(owner), p)
		require.NoError(t, err)
		_, err = d.portfolio(owner, created.ID).Record(owned(owner), ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: desktest.Now})
		require.NoError(t, err)
		return created
	}
	d.ann, d.bob = open("ann", "DU1000001"), open("bob", "DU1000002")
	require.NoError(t, d.paper.Open(broker.Account{ID: "DU1000003", Kind: broker.WholeAccount, Mode: accounts.ModePaper, Currency: "USD", Tradable: true}))
	require.NoError(t, d.paper.Price(desktest.XYZ, dec("41")))
	var err error
	d.engine, err = broker.Start(accounts.AsSystem(context.Background()), broker.Config{Login: "login", Manager: d.manager, Poll: -1, CheckEvery: time.Nanosecond,
		Profiles: []accounts.ProfileID{d.ann.ID, d.bob.ID}, Clock: func() time.Time { return desktest.Now },
		Connect: func(context.Context) (broker.Broker, error) { return kept{d.paper}, nil }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.engine.Close()) })
	d.rig.engine = func(id accounts.ProfileID) Engine {
		if id == d.ann.ID || id == d.bob.ID {
			return d.engine
		}
		return nil
	}
	d.sync(t)
	return d
}

// sync waits until the books are in step with the broker.
func (d *desk) sync(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(accounts.AsSystem(context.Background()), time.Minute)
	defer cancel()
	for err := d.engine.Sync(ctx); err != nil; err = d.engine.Sync(ctx) {
		require.NoError(t, ctx.Err(), "the accounts do not come into step: %v", err)
	}
}

func TestTradeThroughEngine(t *testing.T) {
	d := newTradingDesk(t)
	at := "/profiles/" + string(d.ann.ID)
	var got placedOrder
	d.call("ann", "POST", at+"/orders", anOrder("10", "30"), "Idempotency-Key", "k1").want(t, 201, &got)
	require.True(t, got.Sent)
	require.NotEmpty(t, got.BrokerID)
	d.call("ann", "POST", at+"/orders", anOrder("10", "30"), "Idempotency-Key", "k1").want(t, 200, &got)
	require.True(t, got.Repeat && got.Sent)
	d.call("ann", "POST", at+"/orders", strings.Replace(anOrder("10", "30"), `"type"`, `"tif":"gtc","type"`, 1), "Idempotency-Key", "k1").problem(t, CodeKeyReused)
	orders, err := d.paper.Orders(t.Context(), "DU1000001")
	require.NoError(t, err)
	require.Len(t, orders.List, 1, "the broker has one order")

	var link linkView
	d.call("ann", "GET", at+"/link", nil).want(t, 200, &link)
	require.True(t, link.Linked && link.Works && link.Ready, "%+v", link)
	d.call("ann", "GET", "/accounts/status", nil).want(t, 200)

	var c cancelledOrder
	d.call("ann", "DELETE", at+"/orders/api.k1", nil).want(t, 200, &c)
	d.sync(t)
	d.call("ann", "DELETE", at+"/orders/api.k1", nil).want(t, 200, &c)
	require.False(t, c.Works)
	d.call("ann", "DELETE", at+"/orders/api.none", nil).problem(t, CodeOrderNotFound)
	d.call("ann", "POST", at+"/orders", anOrder("10", "30"), "Idempotency-Key", "k1").want(t, 200, &got)
	require.Equal(t, orderState("done"), got.State)

	id, err := d.paper.PlaceByHand("DU1000001", broker.Ticket{Order: desktest.Order("x", desktest.XYZ, "1", "20"), Terms: broker.Terms{Type: broker.LimitOrder, Limit: dec("20"), TIF: broker.Day}})
	require.NoError(t, err)
	d.sync(t)
	d.call("ann", "GET", at+"/link", nil).want(t, 200, &link)
	require.Len(t, link.External, 1)
	d.call("ann", "DELETE", at+"/external-orders/"+id, nil).want(t, 204)
	d.call("ann", "DELETE", at+"/external-orders/nope", nil).problem(t, CodeOrderNotFound)

	d.paper.Fail(paper.OpPlace, "", paper.Rejected, "the inside of the broker", 1)
	a := d.call("ann", "POST", at+"/orders", anOrder("10", "30"), "Idempotency-Key", "k2")
	a.problem(t, CodeRejected)
	d.call("ann", "POST", at+"/orders", anOrder("10", "30"), "Idempotency-Key", "k2").want(t, 200, &got)
	require.Equal(t, orderState("done"), got.State)
	require.NotEmpty(t, got.Released, "a rejected order is not taken for a filled one")
	d.paper.Fail(paper.OpPlace, "", paper.LostAnswer, "", 1)
	d.call("ann", "POST", at+"/orders", anOrder("10", "30"), "Idempotency-Key", "k3").problem(t, CodeOutcomeUnknown)
	d.call("ann", "POST", at+"/orders", anOrder("10", "30"), "Idempotency-Key", "k3").want(t, 200, &got)
	require.True(t, got.Sent, "the order was dispatched, and is not sent again")
	d.paper.SetSession(broker.SessionLoginNeeded, "secret words")
	a = d.call("ann", "POST", at+"/orders", anOrder("10", "30"), "Idempotency-Key", "k4")
	a.problem(t, CodeBrokerNotReady)
	require.NotEmpty(t, a.Header.Get("Retry-After"))
	require.NotContains(t, a.text, "secret words")
	d.call("ann", "POST", at+"/orders", anOrder("10", "30"), "Idempotency-Key", "k3").want(t, 200)
}

func TestHaltThroughEngine(t *testing.T) {
	d := newTradingDesk(t)
	at := "/profiles/" + string(d.ann.ID)
	for _, key := range []string{"k1", "k2"} {
		d.call("ann", "POST", at+"/orders", anOrder("10", map[string]string{"k1": "30", "k2": "31"}[key]), "Idempotency-Key", key).want(t, 201)
	}
	d.call("bob", "POST", "/profiles/"+string(d.bob.ID)+"/orders", anOrder("10", "30"), "Idempotency-Key", "k1").want(t, 201)
	var all haltReport
	d.call("ann", "POST", "/halt", sampleReason).want(t, 200, &all)
	require.Len(t, all.Profiles, 1)
	require.Empty(t, all.Profiles[0].Working, "the orders are cancelled")
	require.True(t, all.Profiles[0].Known)
	orders, err := d.paper.Orders(t.Context(), "DU1000002")
	require.NoError(t, err)
	require.Equal(t, broker.OrderWorking, orders.List[0].Status, "the other owner's order works on")

	archived := "/profiles/" + string(d.bob.ID)
	d.call("bob", "POST", archived+"/archive", nil, "If-Match", `"1"`).want(t, 200)
	d.call("bob", "POST", "/halt", sampleReason).want(t, 200)
	orders, err = d.paper.Orders(t.Context(), "DU1000002")
	require.NoError(t, err)
	require.Equal(t, broker.OrderCancelled, orders.List[0].Status, "an order of an archived profile can fill")

	var state stateView
	d.call("ann", "POST", at+"/resume", sampleReason).want(t, 200, &state)
	require.Equal(t, "active", string(state.State))
	d.call("ann", "POST", at+"/orders", anOrder("10", "32"), "Idempotency-Key", "k3").want(t, 201)
	d.call("ann", "POST", at+"/halt", sampleReason).want(t, 200, &state)
	require.Equal(t, "halted", string(state.State))
	require.Empty(t, state.Working)
	d.call("ann", "POST", at+"/halt", sampleReason).want(t, 200, &state)
	d.call("ann", "POST", at+"/reduce", `{"reason":"later"}`).want(t, 200, &state)
	require.Equal(t, "reducing", string(state.State))
	for _, body := range []string{`{}`, `{"reason":""}`, `{"reason":"a\nb"}`, `{"reason":"` + strings.Repeat("x", 501) + `"}`} {
		d.call("ann", "POST", at+"/halt", body).problem(t, CodeInvalid)
		d.call("ann", "POST", "/halt", body).problem(t, CodeInvalid)
	}
}

func TestCandidates(t *testing.T) {
	d := newTradingDesk(t)
	var list candidateList
	a := d.call("ann", "GET", "/profiles/"+string(d.ann.ID)+"/link/candidates", nil).want(t, 200, &list)
	require.Len(t, list.Candidates, 2, "her own account and a free one")
	require.NotContains(t, a.text, "DU1000002", "another owner's account is not told")
}

func TestSignals(t *testing.T) {
	d := newTradingDesk(t)
	second := accounts.Balanced50K("DU1000009")
	second.Limits = desktest.Loose()
	other, err := d.manager.CreateProfile(owned("ann"), second)
	require.NoError(t, err)
	body := `{"id":"s1","instrument":{"sec_type":"STK","symbol":"XYZ","currency":"USD"},"action":"buy","price":"30","sizer":{"kind":"fixed_notional","amount":"3000"}}`
	d.mark("ann", d.ann.ID)
	var list allocationList
	d.call("ann", "POST", "/signals?dry_run=true", body).want(t, 200, &list)
	require.Len(t, list.Allocations, 2)
	require.Empty(t, d.portfolio("ann", d.ann.ID).Snapshot().Risk.Orders, "a dry run changes nothing")
	for range 2 {
		d.call("ann", "POST", "/signals", body).want(t, 200, &list)
		for _, row := range list.Allocations {
			if row.ProfileID == other.ID {
				require.Equal(t, CodeRefused, row.Problem.Code, "the account without money takes nothing")
				continue
			}
			require.True(t, row.Held)
			require.Nil(t, row.Problem, "%+v", row.Problem)
		}
	}
	orders, err := d.paper.Orders(t.Context(), "DU1000001")
	require.NoError(t, err)
	require.Len(t, orders.List, 1, "the same signal makes one order")
	d.call("ann", "POST", "/signals", strings.Replace(body, `"s1"`, `"s2","profiles":["`+string(d.bob.ID)+`"]`, 1)).want(t, 200, &list)
	require.Equal(t, CodeProfileNotFound, list.Allocations[0].Problem.Code)
	d.call("ann", "POST", "/signals", strings.Replace(body, `"s1"`, `"s3","all_or_none":true`, 1)).want(t, 200, &list)
	for _, row := range list.Allocations {
		require.NotNil(t, row.Problem)
		require.False(t, row.Sent)
	}
	problem := d.call("ann", "POST", "/signals", strings.Replace(body, `"amount"`, `"max":"1","amount"`, 1)).problem(t, CodeInvalid)
	require.Equal(t, []string{"sizer.max unknown"}, problem.fields())
	problem = d.call("ann", "POST", "/signals", strings.Replace(body, `"price":"30"`, `"price":"30","confidence":"2"`, 1)).problem(t, CodeInvalid)
	require.Equal(t, []string{"confidence invalid"}, problem.fields())
	for _, sizer := range []string{`{"kind":"fixed_fraction","fraction":"0.01"}`, `{"kind":"confidence_weighted","fraction":"0.01"}`, `{"kind":"volatility_target","target":"0.01","max":"0.01"}`, `{"kind":"fractional_kelly","part":"0.5","max":"0.01"}`} {
		d.call("ann", "POST", "/signals?dry_run=true", `{"id":"s4","instrument":{"sec_type":"STK","symbol":"XYZ","currency":"USD"},"action":"buy","confidence":"0.9","volatility":"0.2","payoff":"2","sizer":`+sizer+`}`).want(t, 200, &list)
	}
	require.Len(t, list.Allocations, 2)
}

// TestSettle: a person ends the hold of an order that the broker never got, and of no other order.
func TestSettle(t *testing.T) {
	d := newTradingDesk(t)
	at := "/profiles/" + string(d.ann.ID)
	gtc := strings.Replace(anOrder("10", "30"), `"type"`, `"tif":"gtc","type"`, 1)
	d.call("ann", "POST", at+"/orders", gtc, "Idempotency-Key", "k1").want(t, 201)
	d.paper.Fail(paper.OpPlace, "", paper.LostRequest, "", 1)
	d.call("ann", "POST", at+"/orders", gtc, "Idempotency-Key", "k2").problem(t, CodeOutcomeUnknown)
	d.sync(t)
	settle := func(who, order string) response {
		return d.call(who, "POST", at+"/orders/"+order+"/settle", sampleReason)
	}
	settle("ann", "api.k1").problem(t, CodeConflict)
	settle("ann", "api.none").problem(t, CodeOrderNotFound)
	settle("bob", "api.k2").problem(t, CodeProfileNotFound)
	d.call("ann", "POST", at+"/orders/api.k2/settle", `{"reason":""}`).problem(t, CodeInvalid)
	require.Len(t, d.portfolio("ann", d.ann.ID).Snapshot().Risk.Orders, 2, "nothing was settled yet")

	d.paper.SetSession(broker.SessionLoginNeeded, "")
	settle("ann", "api.k2").want(t, 204)
	settle("ann", "api.k2").want(t, 204)
	var link linkView
	d.call("ann", "GET", at+"/link", nil).want(t, 200, &link)
	require.Empty(t, link.Questions)
	orders := d.portfolio("ann", d.ann.ID).Snapshot().Risk.Orders
	require.Len(t, orders, 1, "the hold has ended")
	require.Equal(t, ledger.OrderID("api.k1"), orders[0].ID)

	d.rig.engine = func(accounts.ProfileID) Engine { return nil }
	settle("ann", "api.k1").problem(t, CodeNotLinked)
	require.Len(t, d.portfolio("ann", d.ann.ID).Snapshot().Risk.Orders, 1, "another process may work the account")
}
