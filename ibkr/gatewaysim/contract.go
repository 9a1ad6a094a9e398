package gatewaysim

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Contract is a contract of the market.
type Contract struct {
	// ConID is IBKR's id of the contract. [Market.Add] gives one to a contract without.
	ConID    int64
	SecType  string // STK, OPT, FUT, IND or CASH
	Symbol   string // the ticker; of an option or a future the ticker of the underlying, such as SPX
	Exchange string // that lists it; SMART if empty
	Currency ledger.Currency
	Name     string // of the company
	// TradingClass of options tells those on one underlying apart, such as SPX and SPXW; Symbol if
	// empty.
	TradingClass string
	// Underlying is the ConID of what an option or a future is on. It must be there.
	Underlying int64
	Expiry     ledger.Date // of options and futures
	Right      string      // C or P
	Strike     ledger.Decimal
	Multiplier ledger.Decimal // 100 for options and 1 for the rest if zero; futures state it
	// Abroad says that the listing is not one of the United States.
	Abroad bool
}

// derivative reports whether the contract is on another one.
func (c *Contract) derivative() bool { return c.SecType == "OPT" || c.SecType == "FUT" }

// month returns the month of the expiry as IBKR writes it, such as JAN27.
func (c *Contract) month() string { return strings.ToUpper(c.expiry().Format("Jan06")) }

func (c *Contract) expiry() time.Time {
	return time.Date(int(c.Expiry)/10000, time.Month(int(c.Expiry)/100%100), int(c.Expiry)%100, 0, 0, 0, 0, time.UTC)
}

// maturity returns the expiry as IBKR writes it, or nil.
func (c *Contract) maturity() any {
	if c.Expiry == 0 {
		return nil
	}
	return fmt.Sprintf("%08d", int(c.Expiry))
}

// right returns the right or nil.
func (c *Contract) right() any {
	if c.Right == "" {
		return nil
	}
	return c.Right
}

// local returns the local symbol: the OSI symbol of an option, with six characters for the root.
func (c *Contract) local() string {
	switch c.SecType {
	case "OPT":
		thousandths, _ := c.Strike.Mul(ledger.MustDecimal("1000")).Int64()
		return fmt.Sprintf("%-6s%s%s%08d", c.TradingClass, c.expiry().Format("060102"), c.Right, thousandths)
	case "FUT":
		return c.Symbol + string("FGHJKMNQUVXZ"[c.expiry().Month()-1]) + c.expiry().Format("06")[1:]
	}
	return c.Symbol
}

// describe returns the contract in the words of a position's description.
func (c *Contract) describe() string {
	switch c.SecType {
	case "OPT":
		return fmt.Sprintf("%-6s %s %s %s [%s %s]", c.TradingClass, strings.ToUpper(c.expiry().Format("Jan2006")), c.Strike, c.Right,
			c.local(), c.Multiplier)
	case "FUT":
		return fmt.Sprintf("%s %s", c.Symbol, strings.ToUpper(c.expiry().Format("Jan2006")))
	}
	return c.Symbol
}

// worth returns what a quantity at a price is worth in the contract's currency.
func (c *Contract) worth(quantity, price ledger.Decimal) ledger.Decimal {
	return quantity.Mul(price).Mul(c.Multiplier)
}

// settlesNotional reports whether a trade moves its whole worth, as that in a future does not.
func (c *Contract) settlesNotional() bool { return c.SecType != "FUT" }

// Instrument returns the contract in the library's terms, with the ConID. An index has none that
// are valid.
func (c *Contract) Instrument() ledger.Instrument {
	i := ledger.Instrument{SecType: ledger.SecType(c.SecType), Symbol: c.Symbol, Currency: c.Currency, Expiry: c.Expiry, Right: ledger.Right(c.Right),
		Strike: c.Strike, Multiplier: c.Multiplier, ConID: c.ConID}
	if c.SecType == "OPT" {
		i.Symbol, i.Underlying = c.TradingClass, c.Symbol
	}
	return i
}

// Contract returns the contract of an id; false if there is none.
func (m *Market) Contract(conid int64) (Contract, bool) {
	m.lock()
	defer m.mu.Unlock()
	c := m.contracts[conid]
	if c == nil {
		return Contract{}, false
	}
	return *c, true
}

// Add adds a contract and returns it with what was filled in. It returns an error for terms that
// make no contract and for a ConID that another one has, and ErrUnknown for an underlying that is
// not there.
func (m *Market) Add(c Contract) (Contract, error) {
	m.lock()
	defer m.mu.Unlock()
	fill := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	fill(&c.Exchange, "SMART")
	fill(&c.TradingClass, c.Symbol)
	fill(&c.Name, c.Symbol)
	if c.Currency == "" {
		c.Currency = "USD"
	}
	if c.Multiplier.IsZero() && c.SecType != "FUT" {
		c.Multiplier = one
		if c.SecType == "OPT" {
			c.Multiplier = hundred
		}
	}
	if err := c.check(); err != nil {
		return Contract{}, fmt.Errorf("add contract %.60q: %w", c.Symbol, err)
	}
	if _, found := m.contracts[c.Underlying]; c.derivative() && !found {
		return Contract{}, fmt.Errorf("add contract %.60q: underlying %d: %w", c.Symbol, c.Underlying, ErrUnknown)
	}
	if m.contracts[c.ConID] != nil {
		return Contract{}, fmt.Errorf("add contract %.60q: another one has the id %d", c.Symbol, c.ConID)
	}
	for c.ConID == 0 || m.contracts[c.ConID] != nil {
		m.conid++
		c.ConID = m.conid
	}
	m.contracts[c.ConID] = &c
	return c, nil
}

// check returns what is wrong with a contract whose defaults are filled in.
func (c *Contract) check() error {
	option := c.SecType == "OPT"
	switch {
	case !slices.Contains([]string{"STK", "OPT", "FUT", "IND", "CASH"}, c.SecType):
		return fmt.Errorf("%.20q is no kind of contract", c.SecType)
	case c.Symbol == "" || !c.Currency.Valid() || !c.Multiplier.IsPos() || c.ConID < 0:
		return fmt.Errorf("symbol, currency, multiplier or id is missing or wrong")
	case c.derivative() != c.Expiry.Valid():
		return fmt.Errorf("expiry %d of a %s", c.Expiry, c.SecType)
	case option != (c.Right == "C" || c.Right == "P") || option != c.Strike.IsPos():
		return fmt.Errorf("right %.20q and strike %s of a %s", c.Right, c.Strike, c.SecType)
	}
	return nil
}

// Stock adds a stock of the United States in USD with a price.
func (m *Market) Stock(symbol string, price ledger.Decimal) (Contract, error) {
	c, err := m.Add(Contract{SecType: "STK", Symbol: symbol, Exchange: "NASDAQ", Name: symbol + " INC"})
	if err != nil {
		return Contract{}, err
	}
	return c, m.SetPrice(c.ConID, price)
}

// Chain adds calls and puts of a trading class on an underlying, one of each for every strike, and
// returns them in the order of strikes, the call before the put.
func (m *Market) Chain(underlying int64, class string, expiry ledger.Date, strikes ...ledger.Decimal) (list []Contract, err error) {
	m.lock()
	u := m.contracts[underlying]
	m.mu.Unlock()
	if u == nil {
		return nil, fmt.Errorf("add a chain on %d: %w", underlying, ErrUnknown)
	}
	for _, strike := range strikes {
		for _, right := range []string{"C", "P"} {
			c, err := m.Add(Contract{SecType: "OPT", Symbol: u.Symbol, Exchange: "CBOE", Currency: u.Currency, Name: u.Name, TradingClass: class,
				Underlying: underlying, Expiry: expiry, Right: right, Strike: strike, Abroad: u.Abroad})
			if err != nil {
				return list, err
			}
			list = append(list, c)
		}
	}
	return list, nil
}

// sorted returns the contracts for which keep holds, by their ids.
func (m *Market) sorted(keep func(c *Contract) bool) (list []*Contract) {
	for _, c := range m.contracts {
		if keep(c) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b *Contract) int { return cmp.Compare(a.ConID, b.ConID) })
	return list
}

// commission is a schedule like IBKR's fixed one for the United States.
func commission(c Contract, quantity, _ ledger.Decimal) ledger.Decimal {
	rate, least := ledger.MustDecimal("0.005"), one
	switch c.SecType {
	case "OPT":
		rate = ledger.MustDecimal("0.65")
	case "FUT":
		rate, least = ledger.MustDecimal("2.25"), ledger.MustDecimal("2.25")
	}
	fee := quantity.Abs().Mul(rate)
	if fee.LessThan(least) {
		return least
	}
	return fee
}
