package gatewaysim

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Account is an account that a login sees.
type Account struct {
	// ID is the account's id, such as DU1000025: letters and digits.
	ID       string
	Alias    string
	Currency ledger.Currency // the base currency; USD if empty
	// ViewOnly says that the login may look at the account, and not trade in it.
	ViewOnly bool
	// Segment makes the gateway list a row of the account's segment, whose id has a C at its end,
	// beside every row of /portfolio/positions/{conid}, as IBKR does.
	Segment bool
	// Cash is what the account has of its base currency at first.
	Cash ledger.Decimal
}

// account is an account with its books.
type account struct {
	Account
	g          *Gateway
	cash       map[ledger.Currency]ledger.Decimal // without what open futures have gained
	unsettled  map[ledger.Currency]ledger.Decimal // the part of cash that settles at midnight
	realized   map[ledger.Currency]ledger.Decimal // of today
	positions  map[int64]*position
	orders     []*order
	executions []*execution
	placed     map[string]int // orders that came to be, by reference
	requested  map[string]int // requests to place, by reference
	cached     []object       // what /portfolio says of the positions, and since when
	cachedAt   time.Time
}

// position is what an account holds of a contract.
type position struct {
	quantity ledger.Decimal
	average  ledger.Decimal // price of a unit, without the multiplier and without commissions
	realized ledger.Decimal // of today
}

func newAccount(g *Gateway, a Account) *account {
	if a.Currency == "" {
		a.Currency = "USD"
	}
	if a.Alias == "" {
		a.Alias = a.ID
	}
	return &account{
		Account: a, g: g, cash: map[ledger.Currency]ledger.Decimal{a.Currency: a.Cash}, unsettled: map[ledger.Currency]ledger.Decimal{},
		realized: map[ledger.Currency]ledger.Decimal{}, positions: map[int64]*position{}, placed: map[string]int{}, requested: map[string]int{},
	}
}

// add adds an amount to a sum of a currency.
func add(sums map[ledger.Currency]ledger.Decimal, c ledger.Currency, amount ledger.Decimal) {
	sums[c] = sums[c].Add(amount)
}

// book books a trade without its commission: cash, the position at its average, and what was
// realized.
func (a *account) book(c *Contract, quantity, price ledger.Decimal) {
	p := a.positions[c.ConID]
	if p == nil {
		p = &position{}
		a.positions[c.ConID] = p
	}
	closes := ledger.Decimal{} // the part of the quantity that comes against the position
	if p.quantity.Sign()*quantity.Sign() < 0 {
		closes = quantity
		if quantity.Abs().GreaterThan(p.quantity.Abs()) {
			closes = p.quantity.Neg()
		}
	}
	gain := c.worth(closes.Neg(), price.Sub(p.average))
	p.realized = p.realized.Add(gain)
	add(a.realized, c.Currency, gain)
	if c.settlesNotional() {
		paid := c.worth(quantity, price).Neg()
		add(a.cash, c.Currency, paid)
		add(a.unsettled, c.Currency, paid)
	} else {
		add(a.cash, c.Currency, gain)
	}
	opens := quantity.Sub(closes)
	left := p.quantity.Add(closes)
	p.quantity = left.Add(opens)
	switch {
	case p.quantity.IsZero():
		p.average = ledger.Decimal{}
	case !opens.IsZero():
		cost := left.Mul(p.average).Add(opens.Mul(price))
		p.average = cost.MustDiv(p.quantity).RoundBank(averagePlaces) // the quantity is not zero
	}
}

const averagePlaces = 10

// variation returns what open futures of a currency have gained at the marks. Brokers count it as
// cash.
func (a *account) variation(c ledger.Currency) (sum ledger.Decimal) {
	for id, p := range a.positions {
		contract := a.g.market.contracts[id]
		if mark := a.g.market.mark(id); contract.Currency == c && !contract.settlesNotional() && !mark.IsZero() {
			sum = sum.Add(contract.worth(p.quantity, mark.Sub(p.average)))
		}
	}
	return sum
}

// balance returns the cash of a currency as the gateway tells it.
func (a *account) balance(c ledger.Currency) ledger.Decimal { return a.cash[c].Add(a.variation(c)) }

// value returns what the positions of a kind are worth in a currency, of all kinds if it is empty,
// and what they have gained since they were opened. Positions without a mark count at their
// average.
func (a *account) value(c ledger.Currency, secType string) (worth, gained ledger.Decimal) {
	for id, p := range a.positions {
		contract, mark := a.g.market.contracts[id], a.g.market.mark(id)
		if contract.Currency != c || secType != "" && contract.SecType != secType {
			continue
		}
		if mark.IsZero() {
			mark = p.average
		}
		gained = gained.Add(contract.worth(p.quantity, mark.Sub(p.average)))
		if contract.settlesNotional() {
			worth = worth.Add(contract.worth(p.quantity, mark))
		}
	}
	return worth, gained
}

// currencies returns those that the account has something of, sorted.
func (a *account) currencies() []ledger.Currency {
	seen := map[ledger.Currency]bool{a.Currency: true}
	for c := range a.cash {
		seen[c] = true
	}
	for id := range a.positions {
		seen[a.g.market.contracts[id].Currency] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// newDay settles what the day has traded and forgets positions that were closed.
func (a *account) newDay() {
	clear(a.unsettled)
	clear(a.realized)
	maps.DeleteFunc(a.positions, func(_ int64, p *position) bool {
		p.realized = ledger.Decimal{}
		return p.quantity.IsZero()
	})
}

// listed returns the contracts of the positions by their ids, and those that were closed today
// among them.
func (a *account) listed() []int64 { return slices.Sorted(maps.Keys(a.positions)) }

// Deposit changes an account's cash, with no trade: a deposit, a dividend, or a fee below zero.
func (g *Gateway) Deposit(id string, c ledger.Currency, amount ledger.Decimal) error {
	g.market.lock()
	defer g.market.mu.Unlock()
	a := g.accounts[id]
	if a == nil || g.market.rates[c].IsZero() {
		return fmt.Errorf("deposit %s in account %.60q: %w", c, id, ErrUnknown)
	}
	add(a.cash, c, amount)
	return nil
}

// SetPosition makes an account hold a quantity of a contract at an average price, with no trade and
// no cash.
func (g *Gateway) SetPosition(id string, conid int64, quantity, average ledger.Decimal) error {
	g.market.lock()
	defer g.market.mu.Unlock()
	a := g.accounts[id]
	if a == nil || g.market.contracts[conid] == nil {
		return fmt.Errorf("set a position of contract %d in account %.60q: %w", conid, id, ErrUnknown)
	}
	a.positions[conid] = &position{quantity: quantity, average: average}
	return nil
}

// stamp returns a time as IBKR writes it in orders: yymmddHHMMSS in UTC.
func stamp(t time.Time) string { return t.UTC().Format("060102150405") }
