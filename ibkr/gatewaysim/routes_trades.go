package gatewaysim

import (
	"fmt"
	"net/http"
	"strconv"
)

const maxDays = 7

// trades lists the executions of today, or of up to seven days. What was corrected is listed under
// both ids.
func (g *Gateway) trades(c *call) reply {
	a := g.about(c)
	if a == nil {
		return failed(http.StatusInternalServerError, "accountId is not valid")
	}
	days := min(max(number(c.query.Get("days")), 1), maxDays)
	since, rows := g.market.startOfDay(days-1), []object{}
	for _, e := range a.executions {
		if !e.at.Before(since) {
			rows = append(rows, e.row())
		}
	}
	return ok(rows)
}

// row is the execution as it is listed. A reference is there only if the order has one.
func (e *execution) row() object {
	o, c, side, verb, liquidation := e.order, e.order.contract, "BOT", "Bought", "0"
	if !e.quantity.IsPos() {
		side, verb = "SLD", "Sold"
	}
	if o.liquidates {
		liquidation = "1"
	}
	conidEx := strconv.FormatInt(c.ConID, 10)
	net := c.worth(e.quantity, e.price).Abs()
	out := render("trade", object{
		"execution_id": e.id(), "symbol": c.Symbol, "side": side, "size": float(e.quantity.Abs()), "price": float(e.price), "submitter": o.submitter(),
		"order_description": fmt.Sprintf("%s %s @ %s on %s", verb, e.quantity.Abs(), e.price, c.Exchange),
		"trade_time":        e.at.UTC().Format("20060102-15:04:05"), "trade_time_r": e.at.UnixMilli(), "exchange": c.Exchange,
		"commission": e.fee.String(), "net_amount": float(net), "account": o.account.ID, "accountCode": o.account.ID, "company_name": c.Name,
		"contract_description_1": c.Symbol, "sec_type": c.SecType, "listing_exchange": c.Exchange, "conid": c.ConID, "conidEx": conidEx,
		"clearing_id": "IB", "clearing_name": "IB", "liquidation_trade": liquidation, "order_ref": o.ref,
	})
	if o.ref == "" {
		delete(out, "order_ref")
	}
	if !e.told {
		switch o.account.g.config.PendingCommission {
		case PendingEmpty:
			out["commission"] = ""
		case PendingMinusOne:
			out["commission"] = "-1"
		default:
			delete(out, "commission")
		}
	}
	return out
}

// submitter is who placed the order.
func (o *order) submitter() string {
	if o.elsewhere {
		return "otheruser"
	}
	return o.account.g.config.Username
}
