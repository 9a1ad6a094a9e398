package gatewaysim

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// stocks lists every listing of symbols, by companies.
func (g *Gateway) stocks(c *call) reply {
	out := object{}
	for _, symbol := range splitList(c.query.Get("symbols")) {
		rows, at := []object{}, map[string]int{}
		for _, k := range g.market.sorted(func(k *Contract) bool { return k.SecType == "STK" && k.Symbol == symbol }) {
			listing := object{"conid": k.ConID, "exchange": k.Exchange, "isUS": !k.Abroad}
			n, found := at[k.Name]
			if !found {
				at[k.Name] = len(rows)
				rows = append(rows, render("trsrv_stock", object{"name": k.Name, "chineseName": k.Name, "assetClass": "STK", "contracts": []object{listing}}))
				continue
			}
			list, _ := rows[n]["contracts"].([]object)
			rows[n]["contracts"] = append(list, listing)
		}
		out[symbol] = rows
	}
	return ok(out)
}

func (g *Gateway) futures(c *call) reply {
	out := object{}
	for _, symbol := range splitList(c.query.Get("symbols")) {
		rows := []object{}
		for _, k := range g.market.sorted(func(k *Contract) bool { return k.SecType == "FUT" && k.Symbol == symbol }) {
			rows = append(rows, render("trsrv_future", object{"symbol": symbol, "conid": k.ConID, "underlyingConid": k.Underlying,
				"expirationDate": int(k.Expiry), "ltd": int(k.Expiry), "shortFuturesCutOff": int(k.Expiry), "longFuturesCutOff": int(k.Expiry)}))
		}
		out[symbol] = rows
	}
	return ok(out)
}

func (g *Gateway) secdef(c *call) reply {
	rows := []object{}
	for _, text := range splitList(c.query.Get("conids")) {
		if k := g.market.contracts[int64(number32(text))]; k != nil {
			rows = append(rows, render("secdef", k.secdefFields()))
		}
	}
	return ok(object{"secdef": rows})
}

// secdefFields are the fields of a contract's definition.
func (c *Contract) secdefFields() object {
	country := any("US")
	if c.Abroad {
		country = nil
	}
	return object{
		"conid": c.ConID, "currency": c.Currency, "name": c.Name, "assetClass": c.SecType, "expiry": c.maturity(), "lastTradingDay": c.maturity(),
		"putOrCall": c.right(), "strike": c.Strike.String(), "ticker": c.Symbol, "undConid": c.Underlying, "multiplier": c.multiplier(),
		"type": c.kind(), "hasOptions": c.SecType == "STK" || c.SecType == "IND", "fullName": c.fullName(), "isUS": !c.Abroad,
		"listingExchange": c.Exchange, "countryCode": country,
	}
}

// kind is the type of a stock; nothing for other contracts.
func (c *Contract) kind() any {
	if c.SecType == "STK" {
		return "COMMON"
	}
	return nil
}

// fullName is the ticker, or the terms of a derivative.
func (c *Contract) fullName() string {
	if !c.derivative() {
		return c.Symbol
	}
	return c.describe()
}

// search finds contracts that are no derivatives by their symbol. It makes their derivatives known
// to the session, unless it was a search by name.
func (g *Gateway) search(c *call) reply {
	var body struct {
		Symbol string
		Name   bool
	}
	if len(c.body) > 0 && !c.decode(&body) {
		return failed(http.StatusBadRequest, "Bad Request: symbol")
	}
	if s := c.query.Get("symbol"); s != "" {
		body.Symbol, body.Name = s, c.query.Get("name") == "true"
	}
	rows := []object{}
	for _, k := range g.market.sorted(func(k *Contract) bool { return !k.derivative() && strings.EqualFold(k.Symbol, body.Symbol) }) {
		if !body.Name {
			g.bridge.searched[k.ConID] = true
		}
		rows = append(rows, render("secdef_search", object{
			"conid": strconv.FormatInt(k.ConID, 10), "companyHeader": k.Name + " - " + k.Exchange, "companyName": k.Name, "symbol": k.Symbol,
			"description": k.Exchange, "restricted": nil, "sections": g.sections(k),
		}))
	}
	if len(rows) == 0 {
		return refused("No symbol found")
	}
	return ok(rows)
}

// sections are the kinds of contract that there are on one.
func (g *Gateway) sections(k *Contract) []object {
	list := []object{{"secType": k.SecType}}
	for _, kind := range []string{"OPT", "FUT"} {
		var months []string
		for _, d := range g.derivatives(k.ConID, kind, "") {
			if m := d.month(); !slices.Contains(months, m) {
				months = append(months, m)
			}
		}
		if len(months) > 0 {
			list = append(list, object{"secType": kind, "months": strings.Join(months, ";"), "exchange": "SMART;CBOE"})
		}
	}
	return list
}

// derivatives returns the contracts of a kind on an underlying, ordered by expiry, of one month if
// it is not empty.
func (g *Gateway) derivatives(underlying int64, kind, month string) []*Contract {
	list := g.market.sorted(func(k *Contract) bool {
		return k.derivative() && k.Underlying == underlying && k.SecType == kind && (month == "" || k.month() == month)
	})
	slices.SortStableFunc(list, func(a, b *Contract) int { return cmp.Compare(a.Expiry, b.Expiry) })
	return list
}

// strikes lists the strikes of a month, of all trading classes together. They are empty as long as
// the session did not search the underlying.
func (g *Gateway) strikes(c *call) reply {
	id := int64(number32(c.query.Get("conid")))
	strikes := map[string][]ledger.Decimal{"C": {}, "P": {}}
	if g.bridge.searched[id] {
		for _, k := range g.derivatives(id, c.query.Get("sectype"), c.query.Get("month")) {
			if !slices.ContainsFunc(strikes[k.Right], k.Strike.Equal) {
				strikes[k.Right] = append(strikes[k.Right], k.Strike)
			}
		}
	}
	list := func(of []ledger.Decimal) []any {
		slices.SortFunc(of, ledger.Decimal.Cmp)
		out := []any{}
		for _, s := range of {
			out = append(out, float(s))
		}
		return out
	}
	return ok(object{"call": list(strikes["C"]), "put": list(strikes["P"])})
}

// secdefInfo lists derivatives by their terms: options of one strike and right, or futures of a
// month.
func (g *Gateway) secdefInfo(c *call) reply {
	id, kind := int64(number32(c.query.Get("conid"))), c.query.Get("sectype")
	strike, err := ledger.ParseDecimal(c.query.Get("strike"))
	right := c.query.Get("right")
	rows := []object{}
	if g.bridge.searched[id] {
		for _, k := range g.derivatives(id, kind, c.query.Get("month")) {
			if k.SecType == "OPT" && (err != nil || !k.Strike.Equal(strike) || right != "" && k.Right != right) {
				continue
			}
			rows = append(rows, render("secdef_info", object{
				"conid": k.ConID, "symbol": k.Symbol, "secType": k.SecType, "exchange": "SMART", "listingExchange": k.Exchange, "right": k.Right,
				"strike": float(k.Strike), "currency": k.Currency, "desc1": k.Symbol, "desc2": k.describe(), "maturityDate": k.maturity(),
				"multiplier": k.Multiplier.String(), "tradingClass": k.TradingClass, "validExchanges": "SMART," + k.Exchange,
			}))
		}
	}
	if len(rows) == 0 {
		return failed(http.StatusBadRequest, "no contracts retrieved")
	}
	return ok(rows)
}

func (g *Gateway) contractInfo(c *call) reply {
	k := g.market.contracts[int64(number32(c.vars["conid"]))]
	if k == nil {
		return failed(http.StatusNotFound, "contract not found")
	}
	out := render("contract_info", object{
		"symbol": k.Symbol, "con_id": k.ConID, "maturity_date": k.maturity(), "instrument_type": k.SecType,
		"has_related_contracts": !k.derivative(), "trading_class": k.TradingClass, "valid_exchanges": "SMART," + k.Exchange, "local_symbol": k.local(),
		"currency": k.Currency, "underlying_con_id": k.Underlying, "company_name": k.Name, "exchange": "SMART", "r_t_h": true,
		"smart_available": true,
	})
	if k.derivative() {
		out["multiplier"] = k.Multiplier.String()
		out["expiry_full"], out["contract_month"] = k.expiry().Format("200601"), k.expiry().Format("200601")
	}
	if k.SecType == "OPT" {
		out["right"], out["strike"] = k.Right, k.Strike.String()
	}
	return ok(out)
}
