package gatewaysim

import (
	"net/http"

	"github.com/ai-ots/accounts/ledger"
)

// tradable returns the accounts in which the login may trade.
func (g *Gateway) tradable() (list []string) {
	for _, a := range g.listed {
		if !a.ViewOnly {
			list = append(list, a.ID)
		}
	}
	return list
}

// accountsBody is what /iserver/accounts answers, and what the websocket tells of accounts.
func (g *Gateway) accountsBody() object {
	props, aliases, ids := object{}, object{}, g.tradable()
	for _, id := range ids {
		props[id], aliases[id] = render("account_props", nil), g.accounts[id].Alias
	}
	groups := append([]string{}, g.config.Groups...)
	return render("iserver_accounts", object{
		"accounts": append(ids, groups...), "acctProps": props, "aliases": aliases, "groups": groups,
		"selectedAccount": g.bridge.selected, "sessionId": "sim." + g.login.session[:8], "isPaper": !g.config.Live,
	})
}

func (g *Gateway) iserverAccounts(*call) reply {
	g.bridge.accounts = true
	return ok(g.accountsBody())
}

func (g *Gateway) switchAccount(c *call) reply {
	var body struct {
		ID string `json:"acctId"`
	}
	if !c.decode(&body) {
		return failed(http.StatusBadRequest, "Bad Request: acctId")
	}
	before := g.bridge.selected
	if g.selectAccount(body.ID) != nil {
		return failed(http.StatusInternalServerError, "accountId is not valid")
	}
	if before == body.ID {
		return ok(object{"success": "Account already set"})
	}
	return ok(object{"set": true, "acctId": body.ID})
}

func (g *Gateway) portfolioAccounts(*call) reply {
	g.login.portfolio = true
	list := []object{}
	for _, a := range g.listed {
		list = append(list, a.row())
	}
	return ok(list)
}

const subaccountsInPage = 20

func (g *Gateway) subaccountsPage(c *call) reply {
	a := g.portfolioAccounts(c)
	list, _ := a.body.([]object)
	return ok(page(list, number(c.query.Get("page")), subaccountsInPage))
}

// row is the account as /portfolio lists it.
func (a *account) row() object {
	kind := "DEMO"
	if a.g.config.Live {
		kind = "INDIVIDUAL"
	}
	return render("portfolio_account", object{
		"id": a.ID, "accountId": a.ID, "accountVan": a.ID, "desc": a.ID, "accountAlias": alias(a), "currency": a.Currency, "type": kind,
		"brokerageAccess": !a.ViewOnly,
		"parent":          object{"mmc": []string{}, "accountId": "", "isMParent": false, "isMChild": false, "isMultiplex": false},
	})
}

// alias returns the account's alias, or nil where it is the id.
func alias(a *account) any {
	if a.Alias == a.ID {
		return nil
	}
	return a.Alias
}

// viewed returns the account of a path of /portfolio, or what to answer instead.
func (g *Gateway) viewed(c *call) (*account, *reply) {
	a := g.accounts[c.vars["account"]]
	if !g.login.portfolio {
		r := failed(http.StatusBadRequest, "Please query /portfolio/accounts first")
		return nil, &r
	}
	if a == nil {
		r := failed(http.StatusInternalServerError, "Unknown account")
		return nil, &r
	}
	return a, nil
}

func (g *Gateway) portfolioMeta(c *call) reply {
	a, instead := g.viewed(c)
	if instead != nil {
		return *instead
	}
	return ok(a.row())
}

func (g *Gateway) ledger(c *call) reply {
	a, instead := g.viewed(c)
	if instead != nil {
		return *instead
	}
	out, base := object{}, ledgerSums{}
	for _, currency := range a.currencies() {
		sums := a.sums(currency)
		rate, known := g.market.rate(currency, a.Currency)
		if !known {
			rate = one
		}
		out[string(currency)] = a.ledgerRow(string(currency), sums, rate)
		base.add(sums, rate)
	}
	out["BASE"] = a.ledgerRow("BASE", base, one)
	return ok(out)
}

// ledgerSums are the amounts of a ledger's row.
type ledgerSums struct{ cash, settled, stocks, options, futures, gained, realized, worth ledger.Decimal }

// sums returns the amounts of an account in a currency.
func (a *account) sums(c ledger.Currency) (s ledgerSums) {
	s.cash, s.realized = a.balance(c), a.realized[c]
	s.settled = s.cash.Sub(a.unsettled[c])
	s.stocks, _ = a.value(c, "STK")
	s.options, _ = a.value(c, "OPT")
	_, s.futures = a.value(c, "FUT")
	s.worth, s.gained = a.value(c, "")
	s.worth = s.worth.Add(s.cash)
	return s
}

// add adds amounts of a currency at its rate.
func (s *ledgerSums) add(t ledgerSums, rate ledger.Decimal) {
	for _, p := range []struct{ to, of *ledger.Decimal }{{&s.cash, &t.cash}, {&s.settled, &t.settled}, {&s.stocks, &t.stocks},
		{&s.options, &t.options}, {&s.futures, &t.futures}, {&s.gained, &t.gained}, {&s.realized, &t.realized}, {&s.worth, &t.worth}} {
		*p.to = p.to.Add(p.of.Mul(rate))
	}
}

func (a *account) ledgerRow(currency string, s ledgerSums, rate ledger.Decimal) object {
	return render("ledger", object{
		"currency": currency, "secondkey": currency, "acctcode": a.ID, "timestamp": a.g.market.now.Unix(), "exchangerate": bare(rate),
		"cashbalance": float(s.cash), "settledcash": float(s.settled), "stockmarketvalue": float(cents(s.stocks)),
		"stockoptionmarketvalue": float(cents(s.options)), "futuresonlypnl": float(cents(s.futures)), "unrealizedpnl": float(cents(s.gained)),
		"realizedpnl": float(cents(s.realized)), "netliquidationvalue": float(cents(s.worth)),
	})
}

// total returns the account's amounts in its base currency.
func (a *account) total() (base ledgerSums) {
	for _, c := range a.currencies() {
		if rate, known := a.g.market.rate(c, a.Currency); known {
			base.add(a.sums(c), rate)
		}
	}
	return base
}

func (g *Gateway) summary(c *call) reply {
	a, instead := g.viewed(c)
	if instead != nil {
		return *instead
	}
	t := a.total()
	row := func(amount ledger.Decimal, currency any, value string) object {
		return render("summary", object{"amount": float(amount), "currency": currency, "timestamp": g.market.now.Unix(), "value": value, "isNull": false})
	}
	out := object{"accountcode": row(ledger.Decimal{}, nil, a.ID)}
	for name, amount := range map[string]ledger.Decimal{"netliquidation": t.worth, "totalcashvalue": t.cash, "buyingpower": cents(t.cash),
		"initmarginreq": {}} {
		out[name] = row(cents(amount), a.Currency, floatText(cents(amount)))
	}
	return ok(out)
}

func (g *Gateway) accountSummary(c *call) reply {
	a := g.accounts[c.vars["account"]]
	if a == nil {
		return failed(http.StatusInternalServerError, "accountId is not valid")
	}
	t, balances := a.total(), []object{}
	for _, currency := range a.currencies() {
		s := a.sums(currency)
		balances = append(balances, object{"currency": currency, "balance": float(cents(s.cash)), "settledCash": float(cents(s.settled))})
	}
	whole := func(d ledger.Decimal) any { return float(d.RoundBank(0)) }
	return ok(render("account_summary", object{
		"balance": whole(t.cash), "SMA": whole(t.cash), "buyingPower": whole(t.cash), "availableFunds": whole(t.cash), "excessLiquidity": whole(t.cash),
		"netLiquidationValue": whole(t.worth), "equityWithLoanValue": whole(t.worth), "totalCashValue": whole(t.cash),
		"securitiesGVP": whole(t.stocks.Add(t.options)), "cashBalances": balances,
	}))
}

func (g *Gateway) partitionedPnL(*call) reply { return ok(object{"upnl": object{}}) }
