package cpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// liveOrder is a row of the live orders.
type liveOrder struct {
	ID       whole   `json:"orderId"`
	Account  string  `json:"account"`
	Acct     string  `json:"acct,omitempty"`
	ConID    whole   `json:"conid"`
	Ref      text    `json:"order_ref,omitempty"`
	Side     text    `json:"side"`
	Size     number  `json:"totalSize"`
	Filled   number  `json:"filledQuantity"`
	Left     number  `json:"remainingQuantity"`
	Status   text    `json:"status"`
	Type     text    `json:"orderType"`
	Original text    `json:"origOrderType,omitempty"`
	TIF      text    `json:"timeInForce,omitempty"`
	Price    number  `json:"price"`
	Aux      number  `json:"auxPrice,omitzero"`
	Stop     number  `json:"stop_price,omitzero"`
	Outside  boolean `json:"outsideRTH,omitempty"`
	Time     whole   `json:"lastExecutionTime_r,omitempty"`
	Clock    text    `json:"lastExecutionTime,omitempty"`
	Reason   text    `json:"order_cancellation_by_system_reason,omitempty"`
	Kind     text    `json:"secType,omitempty"`
}

// account returns the row's account; empty if the row contradicts itself.
func (o *liveOrder) account() string {
	if o.Account != "" && o.Acct != "" && o.Account != o.Acct {
		return contradiction
	}
	return cmp.Or(o.Account, o.Acct)
}

// decodeOrders reads a list of live orders. Its field snapshot tells nothing: it is false in whole
// lists too.
func decodeOrders(r *reply) ([]liveOrder, error) {
	var o struct {
		Orders *[]liveOrder `json:"orders"`
	}
	if err := r.decode(&o); err != nil {
		return nil, err
	}
	if o.Orders == nil {
		return nil, fmt.Errorf("%s: %w: it has no orders, and no empty list", r.path, ErrUnreadable)
	}
	for _, row := range *o.Orders {
		if row.ID <= 0 || row.Status == "" {
			return nil, fmt.Errorf("%s: %w: an order without an id or a status", r.path, ErrUnreadable)
		}
	}
	return *o.Orders, nil
}

// order returns the row as an order in a contract.
func (o *liveOrder) order(i ledger.Instrument, id broker.AccountID) (broker.Order, error) {
	sign, err := signOf(o.Side)
	if err != nil || !o.Size.told {
		return broker.Order{}, fmt.Errorf("order %d: %w: it has no side or no size", o.ID, ErrUnreadable)
	}
	out := broker.Order{
		Ref: broker.Ref(o.Ref), BrokerID: strconv.FormatInt(int64(o.ID), 10), Account: id, Instrument: i,
		Quantity: o.Size.value.Mul(sign), Filled: o.Filled.value.Mul(sign), Terms: o.terms(),
		Status: statusOf(o.Status), Reason: string(o.Reason), Time: instant(o.Time),
	}
	if !o.Filled.told && o.Left.told {
		out.Filled = o.Size.value.Sub(o.Left.value).Mul(sign)
	}
	if out.Time.IsZero() {
		out.Time = clockTime(o.Clock, "060102150405")
	}
	return out, nil
}

// terms returns the terms of the order. What the library has no name for stays empty: IBKR has many
// more types of order and times in force, and the account's owner may use them elsewhere.
func (o *liveOrder) terms() broker.Terms {
	t := broker.Terms{Type: typeOf(cmp.Or(o.Original, o.Type)), OutsideHours: bool(o.Outside)}
	if t.Type == "" {
		t.Type = typeOf(o.Type)
	}
	switch strings.ToUpper(string(o.TIF)) {
	case "DAY":
		t.TIF = broker.Day
	case "GTC":
		t.TIF = broker.GoodTillCanceled
	}
	stop := o.Stop
	if !stop.told || stop.value.IsZero() {
		stop = o.Aux
	}
	switch t.Type {
	case broker.LimitOrder:
		t.Limit = o.Price.value
	case broker.StopOrder:
		if t.Stop = stop.value; t.Stop.IsZero() {
			t.Stop = o.Price.value
		}
	case broker.StopLimitOrder:
		t.Limit, t.Stop = o.Price.value, stop.value
	}
	return t
}

// typeOf reads a type of order in any of the API's spellings: as in a ticket, as in the list, for
// people.
func typeOf(s text) broker.OrderType {
	switch strings.NewReplacer("_", "", " ", "", "-", "").Replace(strings.ToUpper(string(s))) {
	case "LIMIT", "LMT":
		return broker.LimitOrder
	case "MARKET", "MKT":
		return broker.MarketOrder
	case "STOP", "STP":
		return broker.StopOrder
	case "STOPLIMIT", "STPLMT", "STPLIMIT":
		return broker.StopLimitOrder
	}
	return ""
}

// signOf returns 1 for a purchase and −1 for a sale, in any of the API's spellings.
func signOf(side text) (ledger.Decimal, error) {
	switch strings.ToUpper(string(side)) {
	case "B", "BUY", "BOT":
		return plus, nil
	case "S", "SELL", "SLD", "SSHORT":
		return plus.Neg(), nil
	}
	return ledger.Decimal{}, fmt.Errorf("%w: side %.20q", ErrUnreadable, string(side))
}

var plus = ledger.MustDecimal("1")

// statusOf translates IBKR's status. One that is not known is passed on: it is not terminal. An
// order that the exchange rejects comes as cancelled.
func statusOf(s text) broker.OrderStatus {
	switch strings.ToLower(string(s)) {
	case "pendingsubmit", "apipending", "warnstate":
		return broker.OrderPending
	case "presubmitted", "submitted":
		return broker.OrderWorking
	case "pendingcancel", "precancelled":
		return broker.OrderCancelling
	case "inactive":
		return broker.OrderInactive
	case "filled":
		return broker.OrderFilled
	case "cancelled", "apicancelled", "rejected":
		return broker.OrderCancelled
	case "expired":
		return broker.OrderExpired
	}
	return broker.OrderStatus(s)
}

// maxOrders is how many orders IBKR lists at most: a longer list is cut.
const maxOrders = 1000

// Orders implements [broker.Broker]. An order of a kind of contract that the library has no terms
// for, such as a combination, is left out, and the answer is not complete. In an account in which
// the login may not trade no answer is complete. Two requests are made where another account was
// asked about before.
func (c *Client) Orders(ctx context.Context, id broker.AccountID) (broker.Answer[broker.Order], error) {
	a, err := c.beginOf(ctx, id)
	if err != nil {
		return broker.Answer[broker.Order]{}, err
	}
	if may, err := c.mayTrade(&a); !may { // it cannot be selected
		return broker.Answer[broker.Order]{AsOf: c.now()}, err
	}
	rows, out, err := c.liveOrders(ctx, id, prioRest)
	if err != nil {
		return broker.Answer[broker.Order]{}, err
	}
	for _, row := range rows {
		i, err := c.instrumentOf(ctx, row.Kind, row.ConID, prioRest)
		if errors.Is(err, errNoTerms) {
			out.Complete = false
			continue
		}
		if err != nil {
			return broker.Answer[broker.Order]{}, err
		}
		o, err := row.order(i, id)
		if err != nil {
			return broker.Answer[broker.Order]{}, err
		}
		if o.Time.IsZero() {
			o.Time = out.AsOf // nothing has happened to the order that the broker tells the time of
		}
		out.List = append(out.List, o)
	}
	return out, nil
}

// liveOrders returns the rows of the account's orders, and an answer without them. It remembers
// which orders have ended.
func (c *Client) liveOrders(ctx context.Context, id broker.AccountID, p priority) ([]liveOrder, broker.Answer[broker.Order], error) {
	if err := c.prepare(ctx); err != nil {
		return nil, broker.Answer[broker.Order]{}, c.seen(err)
	}
	var rows []liveOrder
	var out broker.Answer[broker.Order]
	// Filters would give partial lists, and silence the websocket's orders.
	q := request{method: http.MethodGet, path: "/iserver/account/orders", endpoint: ordersEndpoint, priority: p}
	complete, err := c.about(ctx, id, q, func(r *reply) (int, error) {
		all, err := decodeOrders(r)
		if err != nil {
			return 0, err
		}
		rows, out = nil, broker.Answer[broker.Order]{AsOf: r.asOf, Complete: len(all) < maxOrders}
		for _, row := range all {
			if c.sift(row.account(), id, &out.Foreign, &out.Complete) {
				rows = append(rows, row)
			}
		}
		return len(all), nil
	})
	if err != nil {
		return nil, broker.Answer[broker.Order]{}, err
	}
	all := c.allOrders(id, rows)
	out.Complete = out.Complete && complete && all
	c.refs.saw(rows)
	return rows, out, nil
}
