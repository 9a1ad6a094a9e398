package cpapi

import (
	"encoding/json"
	"fmt"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// orders is the body of a request that places orders. It has one: only brackets may share a
// request.
type orders struct {
	Orders []order `json:"orders"`
}

// order is an order as the API takes it.
type order struct {
	Account  string      `json:"acctId"` // in the body too: without it, the first account of the login is meant
	ConID    int64       `json:"conid"`
	Ref      string      `json:"cOID"`
	Type     string      `json:"orderType"`
	Side     string      `json:"side"`
	TIF      string      `json:"tif"`
	Quantity json.Number `json:"quantity"`
	Price    json.Number `json:"price,omitempty"`    // the limit; the stop of a stop order
	Aux      json.Number `json:"auxPrice,omitempty"` // the stop of a stop-limit order
	Outside  bool        `json:"outsideRTH"`
	// Manual and Operator are for futures: CME's rule 536-B wants to know who sends an order.
	Manual   *bool  `json:"manualIndicator,omitempty"`
	Operator string `json:"extOperator,omitempty"`
}

// encode returns a valid ticket as the API takes it.
func (c *Client) encode(id broker.AccountID, conid int64, t *broker.Ticket) (orders, error) {
	o := order{Account: string(id), ConID: conid, Ref: string(t.Ref), Side: "BUY", TIF: "DAY",
		Quantity: exact(t.Order.Quantity.Abs()), Outside: t.Terms.OutsideHours}
	if t.Order.Quantity.IsNeg() {
		o.Side = "SELL"
	}
	switch t.Terms.Type {
	case broker.LimitOrder:
		o.Type, o.Price = "LMT", exact(t.Terms.Limit)
	case broker.MarketOrder:
		o.Type = "MKT"
	case broker.StopOrder:
		o.Type, o.Price = "STP", exact(t.Terms.Stop)
	case broker.StopLimitOrder:
		o.Type, o.Price, o.Aux = "STOP_LIMIT", exact(t.Terms.Limit), exact(t.Terms.Stop)
	default:
		return orders{}, fmt.Errorf("%w: type %.20q", broker.ErrInvalid, t.Terms.Type)
	}
	if t.Terms.TIF == broker.GoodTillCanceled {
		o.TIF = "GTC"
	}
	kind := t.Order.Instrument.SecType
	if (kind == ledger.Future || kind == ledger.FutureOption) && c.config.Operator != "" {
		manual := false
		o.Manual, o.Operator = &manual, c.config.Operator
	}
	return orders{[]order{o}}, nil
}

// exact writes a decimal as a JSON number, digit by digit.
func exact(d ledger.Decimal) json.Number { return json.Number(d.String()) }
