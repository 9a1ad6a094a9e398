package gatewaysim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// splitList splits at commas, without the empty parts.
func splitList(s string) []string {
	return slices.DeleteFunc(strings.Split(s, ","), func(p string) bool { return p == "" })
}

const (
	maxSnapshot = 100 // contracts
	maxFields   = 50
)

// snapshot tells prices. The first time that a contract is asked for in a session, and for a
// derivative as long as its underlying was not searched, a row has no prices.
func (g *Gateway) snapshot(c *call) reply {
	ids, fields := splitList(c.query.Get("conids")), splitList(c.query.Get("fields"))
	switch {
	case !g.bridge.accounts:
		return failed(http.StatusBadRequest, "Please query /accounts first")
	case len(ids) == 0 || len(ids) > maxSnapshot || len(fields) > maxFields:
		return failed(http.StatusBadRequest, "Bad Request: conids or fields")
	}
	rows := []object{}
	for _, text := range ids {
		id := int64(number32(text))
		contract := g.market.contracts[id]
		if contract == nil {
			continue
		}
		row := object{"conid": id, "conidEx": text}
		if g.bridge.quoted[id] && (!contract.derivative() || g.bridge.searched[contract.Underlying]) {
			row["_updated"], row["server_id"], row["6119"] = g.market.now.UnixMilli(), "q0", "q0"
			q := g.market.quotes[id]
			if q != nil {
				row["_updated"] = q.at.UnixMilli()
			}
			for k, v := range g.ticks(contract, q) {
				if slices.Contains(fields, k) || k == "6509" {
					row[k] = v
				}
			}
		}
		g.bridge.quoted[id] = true
		rows = append(rows, row)
	}
	return ok(rows)
}

// ticks are the fields of a quote by their numbers.
func (g *Gateway) ticks(c *Contract, q *quote) object {
	out := object{"55": c.Symbol, "6070": c.SecType, "6004": c.Exchange, "7219": strconv.FormatInt(c.ConID, 10), "6509": "N"}
	if q == nil {
		return out
	}
	out["6509"] = "RpB"
	if q.Delayed {
		out["6509"] = "DpB"
	}
	last := q.Last.String()
	switch {
	case q.Halted:
		last = "H" + last
	case q.Closed:
		last, out["6509"] = "C"+last, "ZpB"
	}
	set := func(name, value string, price ledger.Decimal) {
		if !price.IsZero() {
			out[name] = value
		}
	}
	set("31", last, q.Last)
	set("84", q.Bid.String(), q.Bid)
	set("88", "200", q.Bid)
	set("86", q.Ask.String(), q.Ask)
	set("85", "100", q.Ask)
	set("70", q.high.String(), q.high)
	set("71", q.low.String(), q.low)
	out["87"], out["7762"] = short(q.volume), strconv.FormatInt(q.volume, 10)
	set("7635", q.Mark.String(), q.Mark)
	set("7296", q.Close.String(), q.Close)
	set("7741", q.Close.String(), q.Close)
	if !q.Close.IsZero() && !q.Last.IsZero() {
		change := q.Last.Sub(q.Close)
		out["82"] = change.String()
		out["83"] = change.Mul(hundred).MustDiv(q.Close).RoundBank(moneyPlaces).String() + "%"
	}
	return out
}

// short writes a volume as IBKR does for people.
func short(volume int64) string {
	n := ledger.MustDecimal(strconv.FormatInt(volume, 10))
	switch {
	case volume >= million:
		return n.MustDiv(ledger.MustDecimal("1000000")).RoundBank(1).String() + "M"
	case volume >= thousand:
		return n.MustDiv(ledger.MustDecimal("1000")).RoundBank(1).String() + "K"
	}
	return n.String()
}

const thousand, million = 1_000, 1_000_000

func (g *Gateway) unsubscribeAll(*call) reply {
	clear(g.bridge.quoted)
	return ok(object{"unsubscribed": true})
}

func (g *Gateway) exchangeRate(c *call) reply {
	from, to := ledger.Currency(c.query.Get("source")), ledger.Currency(c.query.Get("target"))
	rate, known := g.market.rate(from, to)
	if !known {
		return failed(http.StatusBadRequest, "Invalid currency pair")
	}
	return ok(object{"rate": bare(rate)})
}
