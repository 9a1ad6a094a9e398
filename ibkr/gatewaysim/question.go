package gatewaysim

import (
	"crypto/rand"
	"fmt"
	"net/http"

	"github.com/ai-ots/accounts/ledger"
)

// Question is what the gateway asks before it takes an order. All conditions that are set must
// hold.
type Question struct {
	ID        string // of the message, such as o354
	Text      string // IBKR's words if empty and the id is known
	Account   string // of which orders are asked; of every account if empty
	OrderType string // LMT, MKT, STP or STOP_LIMIT
	AtOnce    bool   // an order that would fill at once
	Far       bool   // a limit order whose limit is more than 3% away from the market
	Times     int    // how many orders are asked; every one if zero
}

// Precautions are questions like those that a new login at IBKR is asked.
func Precautions() []Question {
	return []Question{{ID: "o163", Far: true}, {ID: "o403", OrderType: "LMT", AtOnce: true}, {ID: "o10151", OrderType: "MKT"},
		{ID: "o10152", OrderType: "STP"}, {ID: "o10331", OrderType: "STOP_LIMIT"}}
}

var words = map[string]string{
	"o163":   "The following order exceeds the price percentage limit.\nAre you sure you want to submit this order?",
	"o354":   "You are submitting an order without market data. We strongly recommend against this as it may result in erroneous and unexpected trades.\nAre you sure you want to submit this order?",
	"o382":   "The following value exceeds the tick size limit.\nAre you sure you want to submit this order?",
	"o383":   "The following order size exceeds the Size Limit.\nAre you sure you want to submit this order?",
	"o403":   "This order will most likely trigger and fill immediately.\nAre you sure you want to submit this order?",
	"o451":   "The following order value estimate exceeds the Total Value Limit.\nAre you sure you want to submit this order?",
	"o10151": "Market Orders have risks.\nAre you sure you want to submit this order?",
	"o10152": "Stop orders become market orders once they are triggered.\nAre you sure you want to submit this order?",
	"o10153": "IB may set a cap on the price of this order.\nAre you sure you want to submit this order?",
	"o10331": "You are about to submit a stop order.\nAre you sure you want to submit this order?",
	"p6":     "The order will be distributed over multiple accounts.\nAre you sure you want to submit this order?",
	"p12":    "The price management algorithm is recommended for this order.\nAre you sure you want to submit this order?",
}

// asked is a question that waits for its answer. Any other order request of the session voids it.
type asked struct {
	id      string
	order   *order
	target  *order // the one that the order modifies; nil for a new one
	pending []Question
}

// Ask adds a question, which is asked from now on.
func (g *Gateway) Ask(q Question) {
	g.market.lock()
	defer g.market.mu.Unlock()
	g.config.Questions = append(append([]Question{}, g.config.Questions...), q)
}

// questions returns what an order is asked.
func (g *Gateway) questions(o *order) (list []Question) {
	var kept []Question
	for _, q := range g.config.Questions {
		if g.concerns(q, o) && !g.bridge.suppressed[q.ID] {
			list = append(list, q)
			if q.Times == 1 {
				continue
			}
			q.Times = max(q.Times-1, 0)
		}
		kept = append(kept, q)
	}
	g.config.Questions = kept
	if g.strike(UnknownQuestion, o.account.ID) {
		list = append(list, Question{ID: "o99999", Text: "This message is on no list.\nAre you sure you want to submit this order?"})
	}
	return list
}

// concerns reports whether a question is about an order.
func (g *Gateway) concerns(q Question, o *order) bool {
	if q.Account != "" && q.Account != o.account.ID || q.OrderType != "" && q.OrderType != o.kind {
		return false
	}
	now := g.market.quotes[o.contract.ConID]
	if q.AtOnce && (now == nil || now.price(o.buys()).IsZero() || !o.limit.IsZero() && !o.reaches(now.price(o.buys()))) {
		return false
	}
	if q.Far {
		if now == nil || now.Mark.IsZero() || o.limit.IsZero() {
			return false
		}
		return o.limit.Sub(now.Mark).Abs().GreaterThan(now.Mark.Abs().Mul(ledger.MustDecimal("0.03")))
	}
	return true
}

// reaches reports whether the limit lets the order fill at a price.
func (o *order) reaches(price ledger.Decimal) bool {
	if o.buys() {
		return !price.GreaterThan(o.limit)
	}
	return !price.LessThan(o.limit)
}

// converse asks the next question about an order, or takes the order if there is none.
func (g *Gateway) converse(q *asked) reply {
	if len(q.pending) == 0 {
		g.question = nil
		if q.target != nil {
			return g.amend(q.target, q.order)
		}
		return g.submit(q.order)
	}
	next := q.pending[0]
	q.pending, q.id = q.pending[1:], newID()
	g.question = q
	text := next.Text
	if text == "" {
		text = words[next.ID]
	}
	return ok([]object{{"id": q.id, "message": []string{text}, "isSuppressed": false, "messageIds": []string{next.ID},
		"messageOptions": []string{"Yes", "No"}}})
}

// newID returns a random id in the form of a UUID.
func newID() string {
	b := make([]byte, 16)
	_, _ = rand.Read(b) // never fails, by its documentation
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// answerQuestion takes an answer. The words for a declined order are made up.
func (g *Gateway) answerQuestion(c *call) reply {
	var body struct{ Confirmed *bool }
	if !c.decode(&body) || body.Confirmed == nil {
		return failed(http.StatusBadRequest, "Bad Request: confirmed")
	}
	q := g.question
	if q == nil || q.id != c.vars["reply"] {
		return failed(http.StatusServiceUnavailable, "Service Unavailable")
	}
	g.question = nil
	if !*body.Confirmed {
		return refused("The order was not submitted.")
	}
	return g.converse(q)
}
