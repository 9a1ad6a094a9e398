package gatewaysim

import (
	"encoding/json"
	"strconv"

	"github.com/ai-ots/accounts/ledger"
)

const positionsInPage = 100

// page returns a page of a list, which is empty behind the last.
func page(list []object, n, size int) []object {
	from := min(n*size, len(list))
	return list[from:min(from+size, len(list))]
}

// number returns what a query says, zero if it says no number.
func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 1_000_000 {
		return 0
	}
	return n
}

// marked returns a position's price, and what it is worth and has gained at it.
func (a *account) marked(conid int64) (price, worth, gained ledger.Decimal) {
	p, c := a.positions[conid], a.g.market.contracts[conid]
	price = a.g.market.mark(conid)
	if price.IsZero() {
		price = p.average
	}
	return price, c.worth(p.quantity, price), c.worth(p.quantity, price.Sub(p.average))
}

// basics are the fields that all rows of positions share.
func (a *account) basics(conid int64) object {
	p, c := a.positions[conid], a.g.market.contracts[conid]
	price, worth, gained := a.marked(conid)
	return object{
		"acctId": a.ID, "conid": conid, "contractDesc": c.describe(), "position": float(p.quantity), "mktPrice": float(price),
		"mktValue": float(cents(worth)), "currency": c.Currency, "avgCost": float(p.average.Mul(c.Multiplier)), "avgPrice": float(p.average),
		"realizedPnl": float(cents(p.realized)), "unrealizedPnl": float(cents(gained)), "expiry": c.maturity(), "putOrCall": c.right(),
		"assetClass": c.SecType, "undConid": c.Underlying,
	}
}

// positionRow is a row of a page of positions.
func (a *account) positionRow(conid int64) object {
	fields, c := a.basics(conid), a.g.market.contracts[conid]
	if c.derivative() {
		fields["multiplier"] = float(c.Multiplier)
	}
	fields["strike"] = float(c.Strike)
	return render("position", fields)
}

// positionLong is a row of the position in one contract, which has other types and more fields.
func (a *account) positionLong(conid int64) object {
	fields, c := a.basics(conid), a.g.market.contracts[conid]
	fields["multiplier"] = c.multiplier()
	fields["strike"] = c.Strike.String()
	for k, v := range c.secdefFields() {
		if _, has := templates()["position_long"][k]; has {
			fields[k] = v
		}
	}
	fields["type"], fields["pageSize"] = c.kind(), positionsInPage
	return render("position_long", fields)
}

// multiplier is the multiplier as definitions write it: 0.0 for one that needs none.
func (c *Contract) multiplier() json.Number {
	if !c.derivative() {
		return "0.0"
	}
	return float(c.Multiplier)
}

// positions lists a page of positions as they were when they were last asked for, unless that was
// long ago or the client has invalidated them since.
func (g *Gateway) positions(c *call) reply {
	a, instead := g.viewed(c)
	if instead != nil {
		return *instead
	}
	if a.cached == nil || g.market.now.Sub(a.cachedAt) >= cacheLasts {
		a.cached, a.cachedAt = []object{}, g.market.now
		for _, id := range a.listed() {
			a.cached = append(a.cached, a.positionRow(id))
		}
	}
	return ok(page(a.cached, number(c.vars["page"]), positionsInPage))
}

func (g *Gateway) invalidate(c *call) reply {
	a, instead := g.viewed(c)
	if instead != nil {
		return *instead
	}
	a.cached = nil
	return ok(object{"message": "success"})
}

func (g *Gateway) positionByConID(c *call) reply {
	a, instead := g.viewed(c)
	if instead != nil {
		return *instead
	}
	list := []object{}
	if id := int64(number32(c.vars["conid"])); a.positions[id] != nil {
		list = append(list, a.positionLong(id))
	}
	return ok(list)
}

// number32 returns a contract's id, zero if it is none.
func number32(s string) int {
	n, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return 0
	}
	return int(n)
}

func (g *Gateway) positionsByConID(c *call) reply {
	out, id := object{}, int64(number32(c.vars["conid"]))
	for _, a := range g.listed {
		if a.positions[id] == nil {
			continue
		}
		row := a.positionRow(id)
		row["multiplier"], row["strike"] = g.market.contracts[id].multiplier(), g.market.contracts[id].Strike.String()
		out[a.ID] = []object{row}
		if a.Segment {
			row := a.positionRow(id)
			row["acctId"] = a.ID + "C"
			out[a.ID+"C"] = []object{row}
		}
	}
	return ok(out)
}

func (g *Gateway) positionsNow(c *call) reply {
	a, instead := g.viewed(c)
	if instead != nil {
		return *instead
	}
	list := []object{}
	for _, id := range a.listed() {
		p, contract := a.positions[id], g.market.contracts[id]
		price, worth, gained := a.marked(id)
		list = append(list, render("position2", object{
			"position": float(p.quantity), "conid": strconv.FormatInt(id, 10), "avgCost": float(p.average.Mul(contract.Multiplier)),
			"avgPrice": float(p.average), "currency": contract.Currency, "description": contract.describe(), "marketPrice": float(price),
			"marketValue": float(worth), "realizedPnl": float(p.realized), "secType": contract.SecType, "timestamp": g.market.now.Unix(),
			"unrealizedPnl": float(gained), "assetClass": contract.SecType,
		}))
	}
	return ok(list)
}
