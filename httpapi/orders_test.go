package httpapi

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// anOrder is an order of XYZ.
func anOrder(quantity, limit string) string {
	return `{"instrument":{"sec_type":"STK","symbol":"XYZ","currency":"USD"},"quantity":"` + quantity + `","type":"limit","limit":"` + limit + `"}`
}

func TestPlaceOrder(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	at := "/profiles/" + string(p.ID) + "/orders"

	var d risk.Decision
	r.call("ann", "POST", at+"/check", anOrder("5", "41.25")).want(t, 200, &d)
	require.True(t, d.Allowed)
	r.call("ann", "POST", at, anOrder("5", "41.25")).problem(t, CodeKeyRequired)
	r.call("ann", "POST", at, anOrder("5", "41.25"), "Idempotency-Key", "a b").problem(t, CodeKeyRequired)

	var got placedOrder
	r.call("ann", "POST", at, anOrder("5", "41.25"), "Idempotency-Key", "k1").want(t, 201, &got)
	require.Equal(t, ledger.OrderID("api.k1"), got.OrderID)
	require.False(t, got.Sent, "nothing works the account: the order is held and not sent")
	require.False(t, got.Repeat)
	r.call("ann", "POST", at, anOrder("5.0", "41.250"), "Idempotency-Key", "k1").want(t, 200, &got)
	require.True(t, got.Repeat, "the same order under the same key is placed once")
	r.call("ann", "POST", at, anOrder("6", "41.25"), "Idempotency-Key", "k1").problem(t, CodeKeyReused)

	var list orderList
	r.call("ann", "GET", at, nil).want(t, 200, &list)
	require.Len(t, list.Orders, 1)
	require.Equal(t, orderState("working"), list.Orders[0].State)

	r.call("ann", "POST", "/profiles/"+string(p.ID)+"/halt", sampleReason).want(t, 200)
	r.call("ann", "POST", at, anOrder("5", "41.25"), "Idempotency-Key", "k1").want(t, 200, &got)
	require.Equal(t, orderState("working"), got.State, "a repeat is answered while trading is halted")
	problem := r.call("ann", "POST", at, anOrder("7", "41"), "Idempotency-Key", "k2").problem(t, CodeRefused)
	require.True(t, problem.Decision.Broken(risk.RuleState))
	require.False(t, problem.Undecided)
	r.call("ann", "POST", "/profiles/"+string(p.ID)+"/resume", sampleReason).want(t, 200)
	r.call("ann", "POST", at, anOrder("7", "41"), "Idempotency-Key", "k2").problem(t, CodeRefused)

	r.call("ann", "GET", at+"?state=refused", nil).want(t, 200, &list)
	require.Len(t, list.Orders, 1)
	require.Equal(t, ledger.OrderID("api.k2"), list.Orders[0].ID)
	r.call("ann", "GET", at+"?state=accepted", nil).want(t, 200, &list)
	require.Len(t, list.Orders, 1)

	var c cancelledOrder
	r.call("ann", "DELETE", at+"/api.k1", nil).want(t, 200, &c)
	require.False(t, c.Works)
	r.call("ann", "DELETE", at+"/api.k1", nil).want(t, 200, &c)
	r.call("ann", "DELETE", at+"/api.k9", nil).problem(t, CodeOrderNotFound)
	r.call("ann", "POST", at, anOrder("5", "41.25"), "Idempotency-Key", "k1").want(t, 200, &got)
	require.Equal(t, orderState("done"), got.State, "an order that was let go is not placed again")
	require.Equal(t, "cancelled by ann", got.Released)
	r.call("ann", "DELETE", "/profiles/"+string(p.ID)+"/external-orders/17", nil).problem(t, CodeNotLinked)
}

func TestRefusalListsEveryRule(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	at := "/profiles/" + string(p.ID) + "/orders"
	problem := r.call("ann", "POST", at, anOrder("1000000", "90"), "Idempotency-Key", "k1").problem(t, CodeRefused)
	require.True(t, problem.Decision.Broken(risk.RuleCollar))
	require.True(t, problem.Decision.Broken(risk.RuleBuyingPower))
	for _, v := range problem.Decision.Violations {
		require.NotEmpty(t, v.Rule)
	}
	order := strings.ReplaceAll(anOrder("1", "5"), "XYZ", "NEW")
	problem = r.call("ann", "POST", at, order, "Idempotency-Key", "k2").problem(t, CodeRefused)
	require.True(t, problem.Undecided, "what was not known may be known later")
	require.NoError(t, r.portfolio("ann", p.ID).Mark(ledger.Mark{Instrument: ledger.NewStock("NEW", "USD"), Price: dec("5"), Time: desktest.Now}))
	r.call("ann", "POST", at, order, "Idempotency-Key", "k2").want(t, 201)
}

func TestWrongOrders(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	at := "/profiles/" + string(p.ID) + "/orders"
	for name, c := range map[string]struct {
		body string
		want []string
	}{
		"everything at once": {`{"instrument":{"sec_type":"STK","symbol":"","currency":"usd"},"quantity":"0","type":"stop_limit","limit":"1","strategy":"` + strings.Repeat("s", 60) + `"}`,
			[]string{"quantity invalid", "strategy invalid", "instrument.symbol invalid", "instrument.currency invalid", "stop invalid"}},
		"a number":         {`{"instrument":{"sec_type":"STK","symbol":"XYZ","currency":"USD"},"quantity":10,"type":"market"}`, []string{"quantity type"}},
		"crossed":          {`{"instrument":{"sec_type":"STK","symbol":"XYZ","currency":"USD"},"quantity":"1","type":"stop_limit","limit":"1","stop":"2"}`, []string{"limit invalid"}},
		"a price too many": {`{"instrument":{"sec_type":"STK","symbol":"XYZ","currency":"USD"},"quantity":"1","type":"market","limit":"1"}`, []string{"limit invalid"}},
		"an exponent":      {anOrder("1e3", "1"), []string{"quantity format"}},
		"too large":        {anOrder("1000000000000000", "1"), []string{"quantity format"}},
		"negative":         {anOrder("1", "-1"), []string{"limit invalid"}},
		"unknown": {`{"instrument":{"sec_type":"NOPE","symbol":"XYZ","currency":"USD","x":1},"quantity":"1","type":"limit","id":"mine"}`,
			[]string{"id unknown", "instrument.sec_type value", "instrument.x unknown"}},
		"nothing":   {`{}`, []string{"instrument required", "quantity required", "type required"}},
		"null":      {`null`, []string{" type"}},
		"a list":    {`[]`, []string{" type"}},
		"an object": {`{"instrument":"STK:XYZ:USD","quantity":"1","type":"market"}`, []string{"instrument type"}},
	} {
		problem := r.call("ann", "POST", at, c.body, "Idempotency-Key", "k").problem(t, CodeInvalid)
		require.ElementsMatch(t, c.want, problem.fields(), "%s: %s", name, c.body)
	}
	require.Empty(t, r.portfolio("ann", p.ID).Snapshot().Risk.Orders, "a wrong order changes nothing")
	r.call("ann", "POST", at, anOrder("1.0000000001", "1.0000000001"), "Idempotency-Key", "k").problem(t, CodeInvalid)
	for name, body := range map[string]string{
		"twice": `{"quantity":"1","quantity":"2"}`, "behind": `{} {}`, "deep": strings.Repeat("[", 100), "cut": `{"a":`,
		"not UTF-8": "{\"a\":\"\xff\"}", "text": "quantity=1", "other case": `{"Quantity":"1","Quantity":"1"}`,
	} {
		a := r.call("ann", "POST", at, body, "Idempotency-Key", "k")
		a.problem(t, CodeSyntax)
		require.NotEmpty(t, a.text, name)
	}
}

func TestOneKeyIsOneOrder(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	var mu sync.Mutex
	statuses := map[int]int{}
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			a := r.call("ann", "POST", "/profiles/"+string(p.ID)+"/orders", anOrder("5", "41"), "Idempotency-Key", "k1")
			mu.Lock()
			defer mu.Unlock()
			statuses[a.StatusCode]++
		})
	}
	group.Wait()
	require.Equal(t, map[int]int{201: 1, 200: 49}, statuses)
	holds := 0
	for _, e := range desktest.ReadAll(t, r.store, p.ID) {
		if e.Kind == risk.KindHold {
			holds++
		}
	}
	require.Equal(t, 1, holds, "the journal has more than one order")
}

// TestOneKeyInTwoProcesses: the key is in the journal, and so it holds in every process and after a
// restart.
func TestOneKeyInTwoProcesses(t *testing.T) {
	store := memstore.New()
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	one, two := newRigOn(t, store), newRigOn(t, store)
	p := one.profile("ann", "A", "DU1000001")
	two.mark("ann", p.ID)
	at := "/profiles/" + string(p.ID) + "/orders"
	var group sync.WaitGroup
	var mu sync.Mutex
	created := map[string]int{}
	for i := range 60 {
		r, key := []*rig{one, two}[i%2], fmt.Sprintf("k%d", i/6)
		group.Go(func() {
			a := r.call("ann", "POST", at, anOrder("5", fmt.Sprintf("4%d", len(key))), "Idempotency-Key", key)
			mu.Lock()
			defer mu.Unlock()
			if a.StatusCode == 201 {
				created[key]++
			} else {
				require.Equal(t, 200, a.StatusCode, a.text)
			}
		})
	}
	group.Wait()
	require.Len(t, created, 10)
	for key, n := range created {
		require.Equal(t, 1, n, "key %s made %d orders", key, n)
	}
	var got placedOrder
	newRigOn(t, store).call("ann", "POST", at, anOrder("5", "42"), "Idempotency-Key", "k0").want(t, 200, &got)
	require.True(t, got.Repeat, "a restart forgot the key")
}

// TestLongNames: a body that is all name is read in time in proportion to its length.
func TestLongNames(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	body := `{"` + strings.Repeat("n", 500_000) + `":[` + strings.Repeat("1,", 250_000) + `1]}`
	a := r.call("ann", "POST", "/profiles/"+string(p.ID)+"/orders", body, "Idempotency-Key", "k")
	a.problem(t, CodeInvalid)
	require.Less(t, len(a.text), 2000, "the answer repeats what the client sent")
}
