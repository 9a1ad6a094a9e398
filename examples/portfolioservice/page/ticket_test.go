package page

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// buyXLE are the fields of an order that Balanced-50K may place.
var buyXLE = []string{"symbol", "xle", "side", "buy", "quantity", "5", "limit", "91.20"}

// An order is checked, placed and shown; nothing is held before it is placed.
func TestPlace(t *testing.T) {
	r := rich(t)
	before := r.stand()
	f := r.checkedTicket("Balanced-50K", buyXLE...)
	require.Equal(t, before, r.stand(), "a check writes nothing")
	text := r.follow("ann", r.send("ann", f))
	require.Contains(t, plain(text), "Buy 5 XLE")
	require.Contains(t, plain(text), "Held, not sent")
	require.Equal(t, []string{"page." + f.values.Get("once")}, r.ordersOf("Balanced-50K"))
	checkPage(t, r, r.path("Balanced-50K", "order", "page."+f.values.Get("once")), text)

	text = r.follow("ann", r.send("ann", formTo(t, text, r.path("Balanced-50K", "cancel"))))
	require.Contains(t, plain(text), "It was let go before it was sent: cancelled by ann.")
	require.Empty(t, r.ordersOf("Balanced-50K"))
}

// The same ticket places one order, however often it is sent, at once and afterwards.
func TestPlaceOnce(t *testing.T) {
	r := rich(t)
	ticket := r.ticket("Balanced-50K", buyXLE...)
	checked := r.send("ann", ticket).text(t, http.StatusOK)
	f := formTo(t, checked, r.path("Balanced-50K", "place"))
	answers := make(chan answer, 20)
	for range cap(answers) {
		go func() { answers <- r.send("ann", f) }()
	}
	for range cap(answers) {
		a := <-answers
		require.Equal(t, http.StatusSeeOther, a.Code, "a double tap shows the order")
		require.Contains(t, a.Header().Get("Location"), "page."+f.values.Get("once"))
	}
	require.Len(t, r.ordersOf("Balanced-50K"), 1)

	require.Contains(t, r.send("ann", ticket).text(t, http.StatusConflict), "This ticket was placed already.", "back, and checked again")
	other := f.with("quantity", "6")
	require.Contains(t, r.send("ann", other).text(t, http.StatusConflict), "This ticket was placed already. Nothing more was sent.")
	require.NoError(t, r.portfolio("ann", "Balanced-50K").Release(owned("ann"), ledger.OrderID("page."+f.values.Get("once")), "expired"))
	require.Contains(t, plain(r.follow("ann", r.send("ann", f))), "It was let go before it was sent: expired.", "an order that is done is shown, and not placed again")
	require.Contains(t, r.send("ann", other).text(t, http.StatusConflict), "This ticket was placed already.")
	require.Empty(t, r.ordersOf("Balanced-50K"))
}

// A ticket goes to its own account, or nowhere.
func TestTicketOfAnotherAccount(t *testing.T) {
	r := rich(t)
	f := r.checkedTicket("Balanced-50K", buyXLE...)
	before := r.stand()
	for _, path := range []string{"place", "ticket"} {
		stray := f
		stray.action = r.path("Optimal-100K", path)
		text := r.send("ann", stray).text(t, http.StatusConflict)
		require.Contains(t, text, "This ticket is for Balanced-50K. Nothing was sent.")
	}
	stray := f.with("profile", string(r.ids["Bob's own"]))
	text := r.send("ann", stray).text(t, http.StatusConflict)
	require.Contains(t, text, "This ticket is for another account. Nothing was sent.")
	require.NotContains(t, text, "Bob")
	for _, act := range []string{"halt", "reduce", "resume"} {
		text = r.do("ann", http.MethodPost, r.path("Optimal-100K", act), "reason=x&profile="+string(r.ids["Balanced-50K"])).text(t, http.StatusConflict)
		require.Contains(t, text, "This ticket is for Balanced-50K.")
	}
	require.Equal(t, before, r.stand())
}

// Real money takes a second tap: without it the page asks.
func TestLiveAsks(t *testing.T) {
	r := rich(t)
	before := r.stand()
	f := r.checkedTicket("Optimal-100K", "symbol", "GLD", "quantity", "2", "limit", "268")
	require.Equal(t, before, r.stand(), "asking writes nothing")
	without := f.with()
	without.values.Del("confirm")
	a := r.send("ann", without)
	require.Contains(t, r.follow("ann", a), "Place in Optimal-100K, with real money?")
	require.Equal(t, before, r.stand())
	require.Contains(t, plain(r.follow("ann", r.send("ann", f))), "Buy 2 GLD")
	require.Len(t, r.ordersOf("Optimal-100K"), 3)
}

// An account that was changed between check and place is checked again, and shown again, before it is placed.
func TestChangedAccountIsCheckedAgain(t *testing.T) {
	r := rich(t)
	f := r.checkedTicket("Balanced-50K", buyXLE...)
	p, err := r.manager.Profile(owned("ann"), r.ids["Balanced-50K"])
	require.NoError(t, err)
	limits := p.EffectiveLimits()
	limits.OrderQuantity = dec("4")
	p.Limits = &limits
	_, err = r.manager.UpdateProfile(owned("ann"), p)
	require.NoError(t, err)
	before := r.stand()
	text := r.send("ann", f).text(t, http.StatusConflict)
	require.Contains(t, text, "Balanced-50K was changed since this was checked")
	require.Contains(t, text, "order_quantity", "it was checked by the limits of now")
	require.Equal(t, before, r.stand())

	limits.OrderQuantity = dec("50")
	p, err = r.manager.Profile(owned("ann"), p.ID)
	require.NoError(t, err)
	p.Limits = &limits
	_, err = r.manager.UpdateProfile(owned("ann"), p)
	require.NoError(t, err)
	again := formTo(t, r.send("ann", f).text(t, http.StatusConflict), r.path("Balanced-50K", "place"))
	require.Equal(t, f.values.Get("once"), again.values.Get("once"), "it is the same ticket")
	r.follow("ann", r.send("ann", again))
	require.Len(t, r.ordersOf("Balanced-50K"), 1)
}

// A refusal has every rule in words, the quantity that would pass, and changes nothing until it is placed.
func TestRefusedTicket(t *testing.T) {
	r := rich(t)
	text := r.send("ann", r.ticket("Balanced-50K", "symbol", "NVDA", "quantity", "120", "limit", "160")).text(t, http.StatusOK)
	for _, code := range []string{"order_notional", "position_size", "price_collar"} {
		require.Contains(t, text, "<code>"+code+"</code>")
	}
	require.Contains(t, text, "This order breaks 4 rules")
	require.NotContains(t, text, `action="`+r.path("Balanced-50K", "place"))

	text = r.send("ann", r.ticket("Balanced-50K", "symbol", "NVDA", "quantity", "120", "limit", "148.50")).text(t, http.StatusOK)
	var passes filled
	for _, f := range formsIn(text) {
		if f.action == r.path("Balanced-50K", "ticket") && f.values.Has("instrument") {
			passes = f
		}
	}
	require.NotEmpty(t, passes.action, "a quantity that would pass is offered")
	text = r.send("ann", passes).text(t, http.StatusOK)
	require.Contains(t, text, "Place in Balanced-50K", "the quantity that was offered passes")

	f := r.checkedTicket("Balanced-50K", buyXLE...)
	require.NoError(t, r.portfolio("ann", "Balanced-50K").Halt(owned("ann"), "in between"))
	text = r.follow("ann", r.send("ann", f))
	require.Contains(t, text, "<code>trading_state</code>", "placing checks again")
	require.Contains(t, plain(text), "Nothing was sent. The refusal is in the journal.")
	require.Empty(t, r.ordersOf("Balanced-50K"))
}

// What is not known refuses, and the same ticket may be placed once it is known.
func TestUndecidedTicket(t *testing.T) {
	r := rich(t)
	f := r.checkedTicket("Balanced-50K", buyXLE...)
	r.clock.set(rigNow.Add(20 * time.Minute))
	text := r.follow("ann", r.send("ann", f))
	require.Contains(t, text, "mark_stale")
	require.Contains(t, plain(text), "may be placed again once that is known")
	r.marks(1.001, rigNow.Add(20*time.Minute))
	require.Contains(t, plain(r.follow("ann", r.send("ann", f))), "Held, not sent")
}

// Wrong fields are told all at once beside the fields, and what was typed stays.
func TestTicketFields(t *testing.T) {
	r := rich(t)
	before := r.stand()
	a := r.send("ann", r.ticket("Balanced-50K", "symbol", "", "quantity", "many", "limit", "1,000", "stop", "5", "strategy", strings.Repeat("s", 60)))
	text := a.text(t, http.StatusUnprocessableEntity)
	require.Contains(t, text, `value="many"`)
	require.Contains(t, text, `value="1,000"`)
	require.Equal(t, 4, strings.Count(text, `aria-invalid="true"`), "symbol, quantity, limit and stop")
	require.NoError(t, wellFormed(text))
	for _, bad := range [][]string{
		{"quantity", "0"}, {"quantity", "-5"}, {"quantity", "1e3"}, {"quantity", "99999999999999999999"}, {"limit", ""}, {"limit", "-1"}, {"limit", "0"}, {"side", "hold"},
		{"type", "iceberg"}, {"type", "market"}, {"type", "stop"}, {"type", "stop_limit", "stop", "99"}, {"tif", "forever"}, {"symbol", "a:b"}, {"symbol", "\u200b"},
		{"kind", "OPT"}, {"kind", "BAG"}, {"expiry", "tomorrow"}, {"currency", "dollar"}, {"strike", "5"}, {"strategy", "a\tb"}, {"instrument", "STK"}, {"instrument", "STK:XLE:USD:1:2:3"},
		{"kind", "FUT", "expiry", "2026-12-18"}, {"quantity", "0.123456789012345678", "limit", "0.123456789012345678"},
	} {
		text := r.send("ann", r.ticket("Balanced-50K", buyXLE...).with(bad...)).text(t, http.StatusUnprocessableEntity)
		require.Contains(t, text, `class="err"`, bad)
		require.NoError(t, wellFormed(text), bad)
		f := r.checkedTicket("Balanced-50K", buyXLE...).with(bad...)
		if bad[0] != "symbol" && bad[0] != "kind" && bad[0] != "expiry" && bad[0] != "currency" && bad[0] != "strike" { // the contract is fixed by then
			r.send("ann", f).text(t, http.StatusUnprocessableEntity)
		}
	}
	require.Equal(t, before, r.stand())
}

// Contracts go by a symbol, by the name of what is held, or by their terms.
func TestContracts(t *testing.T) {
	r := rich(t)
	for _, want := range []struct {
		fields []string
		key    ledger.InstrumentKey
	}{
		{[]string{"symbol", "xyz"}, "STK:XYZ:USD"},
		{[]string{"symbol", "asml"}, "STK:ASML:EUR"},
		{[]string{"symbol", "SPY 18 Dec 26 580 P", "limit", "6.90"}, put.Key()},
		{[]string{"symbol", "ASML", "currency", "usd"}, "STK:ASML:USD"},
		{[]string{"symbol", "SPY", "kind", "OPT", "expiry", "2027-01-15", "strike", "600", "right", "C"}, "OPT:SPY:20270115:C:600:100:USD"},
		{[]string{"symbol", "ES", "kind", "FUT", "expiry", "2026-12-18", "multiplier", "50"}, "FUT:ES:20261218:50:USD"},
		{[]string{"symbol", "eur", "kind", "CASH"}, "CASH:EUR:USD"},
	} {
		f := newForm("t")
		for i := 0; i < len(want.fields); i += 2 {
			f.set(want.fields[i], want.fields[i+1])
		}
		known := knownContracts(account{Snapshot: r.portfolio("ann", "Optimal-100K").Snapshot()})
		i := f.contract("USD", known)
		require.True(t, f.ok(), "%v: %v", want.fields, f.wrong)
		require.Equal(t, want.key, i.Key(), want.fields)
		f.fix(i)
		f.spell("USD", known)
		require.Equal(t, want.key, f.contract("USD", known).Key(), "%v: what is spelled out is the same contract", want.fields)
	}
}

// A ticket that another page has filled in names the contract, and changes nothing.
func TestFilledTicket(t *testing.T) {
	r := rich(t)
	text := r.get("ann", r.path("Optimal-100K", "ticket")+"?side=sell&quantity=2&instrument="+queryEscape(string(put.Key()))).text(t, http.StatusOK)
	f := formTo(t, text, r.path("Optimal-100K", "ticket"))
	require.Equal(t, "SPY 18 Dec 26 580 P", f.values.Get("symbol"))
	require.Equal(t, "sell", f.values.Get("side"))
	require.Contains(t, text, "You hold 2.")
	r.get("ann", r.path("Optimal-100K", "ticket")+"?profile=a&profile=b").text(t, http.StatusBadRequest)
	r.get("ann", r.path("Optimal-100K", "ticket")+"?surprise=1").text(t, http.StatusBadRequest)
}

// Orders are shown as they stand: working, filled, refused and unknown ones.
func TestOrderPage(t *testing.T) {
	r := rich(t)
	require.Contains(t, plain(r.get("ann", r.path("Optimal-100K", "order", "o-1")).text(t, http.StatusOK)), "2 of 5")
	require.Contains(t, r.get("ann", r.path("Optimal-100K", "order", "o-3")).text(t, http.StatusOK), "order_notional")
	require.Contains(t, plain(r.get("ann", r.path("Balanced-50K", "order", "b-1")).text(t, http.StatusOK)), "Let go")
	require.Contains(t, r.get("ann", r.path("Balanced-50K", "order", "o-1")).text(t, http.StatusNotFound), "There is no such order.")
	p := r.portfolio("ann", "Optimal-100K")
	_, err := p.Record(owned("ann"), ledger.Trade{ExecID: "fill-2", OrderID: "o-1", Instrument: contract("MSFT"), Quantity: dec("3"), Price: dec("480.45"), Commission: dec("1"), Time: rigNow})
	require.NoError(t, err)
	require.Contains(t, plain(r.get("ann", r.path("Optimal-100K", "order", "o-1")).text(t, http.StatusOK)), "It was filled whole.")
	require.NoError(t, p.Dispatch(owned("ann"), risk.Dispatch{OrderID: "o-2", Ref: "ref-2", Terms: "limit 92.1 day"}))
	require.Contains(t, r.do("ann", http.MethodPost, r.path("Optimal-100K", "cancel"), "order=o-2").text(t, http.StatusConflict), "It was sent, and no connection works this account.")
	r.do("ann", http.MethodPost, r.path("Optimal-100K", "cancel"), "order=none").text(t, http.StatusNotFound)
	r.do("ann", http.MethodPost, r.path("Optimal-100K", "cancel"), "external=5").text(t, http.StatusConflict)
	r.do("ann", http.MethodPost, r.path("Optimal-100K", "cancel"), "order=o-2&external=5").text(t, http.StatusBadRequest)
}
