package page

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
	"github.com/ai-ots/accounts/risk"
)

// toldEngine is an engine that only tells how it stands.
type toldEngine struct {
	status broker.EngineStatus
	asked  int
}

func (e *toldEngine) Submit(context.Context, accounts.ProfileID, risk.Order, broker.Terms) (broker.Ack, error) {
	return broker.Ack{}, broker.ErrClosed
}
func (e *toldEngine) Cancel(context.Context, accounts.ProfileID, ledger.OrderID) error {
	return broker.ErrClosed
}
func (e *toldEngine) Settle(context.Context, accounts.ProfileID, ledger.OrderID, string) error {
	return broker.ErrClosed
}
func (e *toldEngine) CancelExternal(context.Context, accounts.ProfileID, string) error {
	return broker.ErrClosed
}
func (e *toldEngine) Halt(context.Context, string, ...accounts.ProfileID) ([]broker.Halted, error) {
	return nil, broker.ErrClosed
}
func (e *toldEngine) Discover(context.Context) ([]broker.Candidate, error) {
	return nil, broker.ErrClosed
}
func (e *toldEngine) Status() broker.EngineStatus { e.asked++; return e.status }

// What the connection to the broker knows is shown: orders of unknown outcome, differences, orders of others,
// and why nothing is sent.
func TestBroker(t *testing.T) {
	r := rich(t)
	id := r.ids["Optimal-100K"]
	engine := &toldEngine{status: broker.EngineStatus{Works: true, Accounts: []broker.AccountStatus{{Profile: id, Account: "U1000100",
		Reason: "a position differs", SyncedAt: rigNow.Add(-time.Minute), Questions: []ledger.OrderID{"o-1"},
		Breaks:   []reconcile.Break{{Contract: "STK:XLE:USD", Currency: "USD", Field: "quantity", Ours: dec("90"), Theirs: dec("80"), Difference: dec("10")}},
		External: []broker.Order{{BrokerID: "771", Instrument: spy, Quantity: dec("-3"), Terms: broker.Terms{Type: broker.LimitOrder, Limit: dec("600"), TIF: broker.Day}}}}}}}
	r.engine = func(accounts.ProfileID) httpapi.Engine { return engine }
	check := func(path string, want ...string) {
		t.Helper()
		text := r.get("ann", path).text(t, http.StatusOK)
		checkPage(t, r, path, text)
		for _, w := range want {
			require.Contains(t, plain(text), w, path)
		}
	}
	check("/", "Optimal-100K: we do not know what became of 1 order", "Optimal-100K: 1 position differs from the broker’s",
		"Optimal-100K: 1 order at the broker was not placed here", "Orders are not sent: a position differs.")
	require.Equal(t, 1, engine.asked, "an engine of several accounts is asked once for a page")
	check("/orders", "We do not know whether these were placed.", "At the broker, not placed here", "Sell 3 SPY", "limit 600 day")
	check(pathOf(id), "we do not know what became of 1 order")
	check(pathOf(id, "statement"), "1 differs", "Was in step with the broker at 14:31:07. A position differs.", "XLEQuantity", "+10", "90", "80")
	engine.status.Works = false
	require.NotContains(t, r.get("ann", "/").text(t, http.StatusOK), "do not know", "another process works the login")
	engine.status = broker.EngineStatus{Works: true, Accounts: []broker.AccountStatus{{Profile: id, Ready: true, SyncedAt: rigNow}}}
	check(pathOf(id, "statement"), "agrees", "In step with the broker since 14:32:07.")
	require.Empty(t, breaksOf(nil))
	require.Equal(t, "+31.56", breakOf(reconcile.Break{Currency: "EUR", Field: "cash", Ours: dec("4250"), Theirs: dec("4218.44"), Difference: dec("31.56")}).Difference.String())
	require.True(t, strings.HasPrefix(checkedWords(nil, broker.AccountStatus{Reason: "it is new"}), "Not yet in step"))
}
