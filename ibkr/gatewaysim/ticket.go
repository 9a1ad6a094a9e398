package gatewaysim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// amount is a number in a request, which may come as a string.
type amount struct{ ledger.Decimal }

// UnmarshalJSON reads a number, or a string with one.
func (a *amount) UnmarshalJSON(b []byte) (err error) {
	if string(b) == "null" {
		return nil // as encoding/json has it
	}
	a.Decimal, err = ledger.ParseDecimal(string(bytes.Trim(b, `"`)))
	return err
}

// ticket is an order as a request has it.
type ticket struct {
	AcctID          string `json:"acctId"`
	ConID           amount `json:"conid"`
	ConIDEx         string `json:"conidex"`
	COID            string `json:"cOID"`
	ParentID        string `json:"parentId"`
	OrderType       string `json:"orderType"`
	Side            string `json:"side"`
	TIF             string `json:"tif"`
	Quantity        amount `json:"quantity"`
	Price           amount `json:"price"`
	AuxPrice        amount `json:"auxPrice"`
	OutsideRTH      bool   `json:"outsideRTH"`
	ManualIndicator *bool  `json:"manualIndicator"`
	ExtOperator     string `json:"extOperator"`
}

// conid returns the contract's id; zero if the ticket has none.
func (t *ticket) conid() int64 {
	id, err := t.ConID.Int64()
	if text, _, _ := strings.Cut(t.ConIDEx, "@"); err != nil || id == 0 {
		return int64(number32(text))
	}
	return id
}

// draft makes an order of a ticket, which is not placed yet. What IBKR would not even read is
// answered with a status, and what it refuses under status 200.
func (g *Gateway) draft(t *ticket, id string) (*order, *reply) {
	refuse := func(format string, args ...any) (*order, *reply) {
		r := refused(fmt.Sprintf(format, args...))
		return nil, &r
	}
	a, c := g.accounts[id], g.market.contracts[t.conid()]
	switch {
	case a == nil || a.ViewOnly:
		r := failed(http.StatusBadRequest, "accountId is not valid")
		return nil, &r
	case c == nil || c.SecType == "IND":
		return refuse("Order couldn't be submitted: the contract %d cannot be traded", t.conid())
	case t.ParentID != "":
		return refuse("Order couldn't be submitted: attached orders are not simulated")
	case c.SecType == "FUT" && (t.ManualIndicator == nil || t.ExtOperator == ""):
		return refuse("Order couldn't be submitted: manualIndicator and extOperator are required")
	case !t.Quantity.IsPos() || !t.Quantity.Equal(t.Quantity.Trunc(0)):
		return refuse("Order couldn't be submitted: the quantity %s is not allowed", t.Quantity)
	case t.TIF != "DAY" && t.TIF != "GTC":
		return refuse("Order couldn't be submitted: the time in force %.20q is not simulated", t.TIF)
	case t.Side != "BUY" && t.Side != "SELL":
		return refuse("Order couldn't be submitted: the side %.20q is none", t.Side)
	}
	o := &order{account: a, ref: t.COID, contract: c, quantity: t.Quantity.Decimal, kind: t.OrderType, tif: t.TIF, outside: t.OutsideRTH,
		placed: g.market.now}
	if t.Side == "SELL" {
		o.quantity = o.quantity.Neg()
	}
	switch t.OrderType {
	case "MKT":
	case "LMT":
		o.limit = t.Price.Decimal
	case "STP":
		o.stop = t.Price.Decimal
	case "STOP_LIMIT":
		o.limit, o.stop = t.Price.Decimal, t.AuxPrice.Decimal
	default:
		return refuse("Order couldn't be submitted: the order type %.20q is not simulated", t.OrderType)
	}
	if (t.OrderType == "LMT" || t.OrderType == "STOP_LIMIT") && o.limit.IsZero() || (t.OrderType == "STP" || t.OrderType == "STOP_LIMIT") && o.stop.IsZero() {
		return refuse("Order couldn't be submitted: a price is missing")
	}
	return o, nil
}

// decodeTickets returns the tickets of a request to place; false if it has none.
func decodeTickets(body []byte) ([]ticket, bool) {
	var in struct{ Orders []ticket }
	err := json.Unmarshal(body, &in)
	return in.Orders, err == nil && len(in.Orders) > 0
}
