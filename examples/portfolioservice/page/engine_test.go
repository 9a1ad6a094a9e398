package page

import (
	"context"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/broker/paper"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// desk is a rig with a paper broker, whose engine works two profiles of ann's and one of bob's.
type desk struct {
	*rig
	paper  *paper.Broker
	engine *broker.Engine
}

// kept is a session with the broker, which lives on when the session is closed.
type kept struct{ broker.Broker }

func (kept) Close() error { return nil }

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{rig: newRig(t)}
	d.paper = paper.New(paper.Options{Clock: d.clock.Now})
	open := func(owner, name, account string) accounts.ProfileID {
		require.NoError(t, d.paper.Open(broker.Account{ID: broker.AccountID(account), Kind: broker.WholeAccount, Mode: accounts.ModePaper, Currency: "USD", Tradable: true},
			broker.Balance{Currency: "USD", Cash: dec("100000")}))
		p := accounts.Optimal100K(account)
		p.Name = name
		made := d.create(owner, p)
		_, err := d.portfolio(owner, name).Record(owned(owner), ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: rigNow.Add(-time.Hour)})
		require.NoError(t, err)
		return made.ID
	}
	ids := []accounts.ProfileID{open("ann", "One", "DU1000001"), open("ann", "Two", "DU1000002"), open("bob", "Bob's own", "DU1000003")}
	require.NoError(t, d.paper.Open(broker.Account{ID: "DU1000004", Kind: broker.WholeAccount, Mode: accounts.ModePaper, Currency: "USD", Tradable: true}))
	require.NoError(t, d.paper.Price(xle, dec("91.25")))
	var err error
	d.engine, err = broker.Start(accounts.AsSystem(context.Background()), broker.Config{Login: "login", Manager: d.manager, Poll: -1, CheckEvery: time.Nanosecond,
		Profiles: ids, Clock: d.clock.Now, Connect: func(context.Context) (broker.Broker, error) { return kept{d.paper}, nil }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, d.engine.Close()) })
	d.rig.engine = func(accounts.ProfileID) httpapi.Engine { return d.engine }
	d.sync()
	d.marks(rigNow)
	return d
}

// marks tells every account a price of XLE.
func (d *desk) marks(at time.Time) {
	for _, owner := range []string{"ann", "bob"} {
		require.NoError(d.t, d.manager.Mark(owned(owner), ledger.Mark{Instrument: xle, Price: dec("91.25"), Time: at}))
	}
}

// xle is what the desk trades.
var xle = ledger.NewStock("XLE", "USD")

// sync waits until the books are in step with the broker.
func (d *desk) sync() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(accounts.AsSystem(context.Background()), time.Minute)
	defer cancel()
	for err := d.engine.Sync(ctx); err != nil; err = d.engine.Sync(ctx) {
		require.NoError(d.t, ctx.Err(), "the accounts do not come into step: %v", err)
	}
}

// fall waits until no account is in step with the broker.
func (d *desk) fall() {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for slices.ContainsFunc(d.engine.Status().Accounts, func(a broker.AccountStatus) bool { return a.Ready }) {
		require.NoError(d.t, ctx.Err(), "the accounts stay in step")
		runtime.Gosched()
	}
}

// atBroker returns the orders of an account at the broker.
func (d *desk) atBroker(account broker.AccountID) []broker.Order {
	d.t.Helper()
	answer, err := d.paper.Orders(d.t.Context(), account)
	require.NoError(d.t, err)
	return answer.List
}

// away is an order that works and does not fill.
var away = []string{"symbol", "XLE", "quantity", "10", "limit", "90"}

// An order goes to the broker once, fills, and is shown as it stands.
func TestTradeThroughEngine(t *testing.T) {
	d := newDesk(t)
	f := d.checkedTicket("One", away...)
	text := d.follow("ann", d.send("ann", f))
	require.Contains(t, plain(text), "It was sent to the broker, and works")
	require.Contains(t, plain(text), "At 90.00 or less, today")
	d.follow("ann", d.send("ann", f))
	require.Len(t, d.atBroker("DU1000001"), 1, "the same ticket is sent once")
	require.Empty(t, d.atBroker("DU1000002"))
	require.Contains(t, d.send("ann", f.with("tif", "gtc")).text(t, http.StatusConflict), "This ticket was placed already.")
	require.NoError(t, d.paper.Price(xle, dec("89.50")))
	d.sync()
	require.Contains(t, plain(d.get("ann", d.path("One", "order", "page."+f.values.Get("once"))).text(t, http.StatusOK)), "It was filled whole.")
	require.Contains(t, plain(d.follow("ann", d.send("ann", f))), "10 of 10", "a resend shows the outcome of the first")
	require.Len(t, d.portfolio("ann", "One").Positions(), 1)
}

// Orders are cancelled at the broker, those that were not placed here too.
func TestCancelThroughEngine(t *testing.T) {
	d := newDesk(t)
	text := d.follow("ann", d.send("ann", d.checkedTicket("One", away...)))
	cancelling := formTo(t, text, d.path("One", "cancel"))
	d.follow("ann", d.send("ann", cancelling))
	d.sync()
	require.Empty(t, d.ordersOf("One"))
	require.Contains(t, plain(d.follow("ann", d.send("ann", cancelling))), "Let go", "cancelling again is no error")
	id, err := d.paper.PlaceByHand("DU1000001", broker.Ticket{Order: risk.Order{ID: "x", Instrument: xle, Quantity: dec("1"), Price: dec("20")},
		Terms: broker.Terms{Type: broker.LimitOrder, Limit: dec("20"), TIF: broker.Day}})
	require.NoError(t, err)
	d.sync()
	d.do("ann", http.MethodPost, d.path("Two", "cancel"), "external="+queryEscape(id)).text(t, http.StatusNotFound)
	text = d.get("ann", d.path("One", "orders")).text(t, http.StatusOK)
	require.Contains(t, text, `name="external" value="`+id+`"`)
	d.follow("ann", d.send("ann", formTo(t, text, d.path("One", "cancel"))))
	for _, o := range d.atBroker("DU1000001") {
		require.NotEqual(t, broker.OrderWorking, o.Status, o.BrokerID)
	}
	require.Contains(t, d.do("ann", http.MethodPost, d.path("One", "cancel"), "external=nope").text(t, http.StatusNotFound), "No such order works.")
}

// What is not known is said so, and the same ticket is never sent twice; what surely was not sent is said so, too.
func TestOutcomesThroughEngine(t *testing.T) {
	d := newDesk(t)
	d.paper.Fail(paper.OpPlace, "", paper.LostAnswer, "the inside of the broker", 1)
	f := d.checkedTicket("One", away...)
	text := d.send("ann", f).text(t, http.StatusBadGateway)
	require.Contains(t, text, "We do not know whether it was placed.")
	require.Contains(t, text, "Look at Orders before trying again; the same ticket is never placed twice.")
	require.NotContains(t, text, "the inside")
	d.follow("ann", d.send("ann", f))
	d.sync()
	require.Len(t, d.atBroker("DU1000001"), 1)

	d.paper.Fail(paper.OpPlace, "", paper.Rejected, "no permission", 1)
	text = d.follow("ann", d.send("ann", d.checkedTicket("Two", away...)))
	require.Contains(t, plain(text), "Let go")
	require.Empty(t, d.atBroker("DU1000002"))
	d.paper.SetSession(broker.SessionLoginNeeded, "secret words")
	a := d.send("ann", d.checkedTicket("Two", "symbol", "XLE", "quantity", "11", "limit", "90"))
	text = a.text(t, http.StatusServiceUnavailable)
	require.Contains(t, text, "No order was sent.")
	require.NotContains(t, text, "secret words")
	require.Empty(t, d.ordersOf("Two"))
}

// An order that the broker never got is let go by a person's word; nobody is asked about any other order.
func TestSettle(t *testing.T) {
	d := newDesk(t)
	known := d.follow("ann", d.send("ann", d.checkedTicket("One", away...)))
	require.NotContains(t, known, "/settle")
	d.paper.Fail(paper.OpPlace, "", paper.LostRequest, "", 1)
	f := d.checkedTicket("One", "symbol", "XLE", "quantity", "11", "limit", "90", "tif", "gtc")
	d.send("ann", f).text(t, http.StatusBadGateway)
	d.sync()
	order := d.path("One", "order", "page."+f.values.Get("once"))
	asks := d.get("ann", order).text(t, http.StatusOK)
	checkPage(t, d.rig, order, asks)
	settle := formTo(t, asks, d.path("One", "settle"))
	d.send("ann", settle).text(t, http.StatusUnprocessableEntity)
	require.Len(t, d.ordersOf("One"), 2, "nothing is settled without a reason")
	d.follow("ann", d.send("ann", settle.with("order", formTo(t, known, d.path("One", "cancel")).values.Get("order"), "reason", "none")))
	require.Len(t, d.ordersOf("One"), 2, "an order that is known to work is not let go")
	text := d.follow("ann", d.send("ann", settle.with("reason", "the broker’s desk says there is none")))
	require.Contains(t, plain(text), "Let go")
	require.Len(t, d.ordersOf("One"), 1)
	require.NotContains(t, text, "/settle")
	d.follow("ann", d.send("ann", settle.with("reason", "again")))
	require.Len(t, d.ordersOf("One"), 1)
}

// A halt cancels what was sent, in the account that was halted and in no other.
func TestHaltThroughEngine(t *testing.T) {
	d := newDesk(t)
	d.follow("ann", d.send("ann", d.checkedTicket("One", away...)))
	d.follow("ann", d.send("ann", d.checkedTicket("Two", away...)))
	text := d.follow("ann", d.send("ann", d.decision("One", "halt", "stop")))
	require.Contains(t, text, "Nothing that was sent works any more.")
	require.Equal(t, broker.OrderCancelled, d.atBroker("DU1000001")[0].Status)
	require.Equal(t, broker.OrderWorking, d.atBroker("DU1000002")[0].Status)
	text = d.follow("ann", d.send("ann", formTo(t, d.get("ann", "/halt").text(t, http.StatusOK), "/halt")))
	require.Contains(t, text, "Every account is halted")
	require.Equal(t, broker.OrderCancelled, d.atBroker("DU1000002")[0].Status)
	require.Equal(t, risk.TradingActive, d.portfolio("bob", "Bob's own").Snapshot().Risk.State)
	d.paper.SetSession(broker.SessionLoginNeeded, "")
	d.fall()
	require.Contains(t, d.get("ann", d.path("One", "halt")).text(t, http.StatusOK), "We do not know what works at the broker")
}

// Orders are cancelled while the store answers nothing at all: neither who is there, nor that the halt is written; and
// though the engine does not know every account.
func TestHaltWithoutStore(t *testing.T) {
	d := newDesk(t)
	idle := accounts.Optimal100K("DU1000004")
	idle.Name = "Idle"
	d.create("ann", idle)
	_ = d.portfolio("ann", "Idle")
	d.follow("ann", d.send("ann", d.checkedTicket("One", away...)))
	d.follow("ann", d.send("ann", d.checkedTicket("Two", away...)))
	one, all := d.decision("One", "halt", "stop"), formTo(t, d.get("ann", "/halt").text(t, http.StatusOK), "/halt")
	require.NoError(t, d.store.Close())
	require.Contains(t, d.send("ann", one).text(t, http.StatusServiceUnavailable), "The account may not be halted.")
	require.Equal(t, broker.OrderCancelled, d.atBroker("DU1000001")[0].Status)
	require.Equal(t, broker.OrderWorking, d.atBroker("DU1000002")[0].Status)
	require.Contains(t, d.send("ann", all).text(t, http.StatusServiceUnavailable), "Not every account was halted.")
	require.Equal(t, broker.OrderCancelled, d.atBroker("DU1000002")[0].Status)
}

// A signal goes to the broker in each account that takes it, once.
func TestSignalThroughEngine(t *testing.T) {
	d := newDesk(t)
	f := d.aSignalOf("limit", "90")
	place := d.asked(f)
	text := d.follow("ann", d.send("ann", place))
	require.Equal(t, 2, strings.Count(text, "Working</span>"))
	d.follow("ann", d.send("ann", place))
	for _, account := range []broker.AccountID{"DU1000001", "DU1000002"} {
		require.Len(t, d.atBroker(account), 1)
	}
	require.Empty(t, d.atBroker("DU1000003"))
}

// A profile is linked by choosing an account that nobody has; other owners' accounts are not told.
func TestLink(t *testing.T) {
	d := newDesk(t)
	text := d.get("ann", d.path("One", "link")).text(t, http.StatusOK)
	require.NotContains(t, text, "DU1000003", "another owner’s account")
	require.NoError(t, wellFormed(text))
	f := formTo(t, text, d.path("One", "link"))
	before := d.stand()
	for _, taken := range []string{"DU1000002", "DU1000003", "DU1999999", ""} {
		d.send("ann", f.with("account", taken)).text(t, http.StatusUnprocessableEntity)
	}
	d.send("ann", f.with("account", "DU1000004", "version", "9")).text(t, http.StatusConflict)
	require.Equal(t, before, d.stand())
	d.follow("ann", d.send("ann", f.with("account", "DU1000004")))
	require.Equal(t, "DU1000004", d.profile("One").IBKRAccountID)
}
