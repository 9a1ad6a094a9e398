package gatewaysim

import (
	"fmt"

	"github.com/ai-ots/accounts/ledger"
)

// External is an order that another client places in an account, such as a person in the mobile
// app. It has no reference.
type External struct {
	Account  string
	ConID    int64
	Quantity ledger.Decimal // negative to sell
	Limit    ledger.Decimal // a market order if zero
	GTC      bool
	// Ref is the order's reference; most such orders have none.
	Ref string
}

// PlaceExternal places an order from elsewhere and returns its id. It fills as others do. It
// returns ErrUnknown for an account or a contract that is not there, and an error for a quantity of
// zero.
func (g *Gateway) PlaceExternal(x External) (int64, error) {
	g.market.lock()
	defer g.market.mu.Unlock()
	a, c := g.accounts[x.Account], g.market.contracts[x.ConID]
	switch {
	case a == nil || c == nil:
		return 0, fmt.Errorf("place an order of contract %d in account %.60q: %w", x.ConID, x.Account, ErrUnknown)
	case x.Quantity.IsZero() || c.SecType == "IND":
		return 0, fmt.Errorf("place an order of contract %d: its quantity is zero, or it cannot be traded", x.ConID)
	}
	o := g.external(a, c, x.Quantity)
	o.limit, o.ref = x.Limit, x.Ref
	if !x.Limit.IsZero() {
		o.kind = "LMT"
	}
	if x.GTC {
		o.tif = "GTC"
	}
	o.start()
	g.market.match(c.ConID)
	return o.id, nil
}

// external returns a market order for the day from elsewhere.
func (g *Gateway) external(a *account, c *Contract, quantity ledger.Decimal) *order {
	return &order{id: g.market.next(), account: a, contract: c, quantity: quantity, kind: "MKT", tif: "DAY", placed: g.market.now, elsewhere: true,
		outside: true}
}

// Liquidate sells or buys in an account as IBKR does where margin is missing: an order that the
// account's owner did not place fills at once. The quantity is negative to sell. It returns the
// execution's id, and ErrUnknown for an account or a contract that is not there.
func (g *Gateway) Liquidate(account string, conid int64, quantity, price ledger.Decimal) (string, error) {
	g.market.lock()
	defer g.market.mu.Unlock()
	a, c := g.accounts[account], g.market.contracts[conid]
	if a == nil || c == nil || quantity.IsZero() {
		return "", fmt.Errorf("liquidate %s of contract %d in account %.60q: %w", quantity, conid, account, ErrUnknown)
	}
	o := g.external(a, c, quantity)
	o.liquidates = true
	o.start()
	return o.execute(quantity, price).id(), nil
}
