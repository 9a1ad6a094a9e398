package gatewaysim

import (
	"fmt"
	"regexp"
	"time"
)

// Config says what a gateway is. Accounts are what it needs; everything else has a default.
type Config struct {
	// Username is the login's name; simuser1 if empty.
	Username string
	// Live makes the login one of live accounts. Otherwise it is one of paper accounts.
	Live bool
	// Accounts are those that the login sees, in IBKR's order: the first is selected.
	Accounts []Account
	// Groups are names that stand for several accounts, such as All. They are listed among the
	// accounts.
	Groups []string
	// Market is where the accounts trade. Gateways of one market share its clock and prices. A
	// market of its own if nil.
	Market *Market
	// Address is the egress address that IBKR sees. Gateways of one address are locked together.
	// One of its own if nil.
	Address *Address
	// Pacing says how many requests the gateway takes.
	Pacing Pacing
	// Listen is where the gateway listens; a free port of 127.0.0.1 if empty.
	Listen string
	// Questions are asked of every order that they are about, one after another, before the order
	// is taken.
	Questions []Question
	// PendingCommission is what rows of executions have in place of a commission that was not told.
	PendingCommission PendingCommission
	// ManualCancels makes orders stay PendingCancel until [Gateway.ConfirmCancel].
	ManualCancels bool
	// SelectedOnly makes the websocket tell orders and executions of the selected account alone.
	// Nobody has said whether IBKR's does.
	SelectedOnly bool
	// NoAccountParam makes the lists of orders and trades ignore their parameter accountId, as
	// IBKR's older versions do: they are about the selected account.
	NoAccountParam bool
	// Lines is how many contracts the websockets may tell quotes of at once: 100 if zero. A
	// subscription to more is refused.
	Lines int
	// LogSize is how many requests [Gateway.Requests] remembers; 10,000 if zero.
	LogSize int
}

// PendingCommission says how a row shows that the commission is not known.
type PendingCommission string

// The ways in which rows show an unknown commission.
const (
	PendingAbsent   PendingCommission = ""         // the row has no such field
	PendingEmpty    PendingCommission = "empty"    // ""
	PendingMinusOne PendingCommission = "minusone" // "-1", though a rebate of 1 looks the same
)

const (
	defaultLog   = 10_000
	defaultLines = 100
	loginLasts   = 24 * time.Hour
	tickleBy     = 6 * time.Minute // a brokerage session that is not tickled for so long dies
	refLasts     = 24 * time.Hour  // a cOID is unique for so long
	cacheLasts   = 5 * time.Minute // positions are kept for so long
)

var accountID = regexp.MustCompile(`^[A-Za-z0-9]{1,32}$`)

// complete fills in defaults.
func (c *Config) complete() error {
	if c.Username == "" {
		c.Username = "simuser1"
	}
	if c.LogSize == 0 {
		c.LogSize = defaultLog
	}
	if c.Lines == 0 {
		c.Lines = defaultLines
	}
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	if c.Address == nil {
		c.Address = &Address{}
	}
	c.Pacing.complete()
	seen := map[string]bool{}
	for _, a := range c.Accounts {
		if !accountID.MatchString(a.ID) || seen[a.ID] || a.Currency != "" && !a.Currency.Valid() {
			return fmt.Errorf("new gateway: account %.60q is no id, or is there twice, or has a wrong currency", a.ID)
		}
		seen[a.ID] = true
	}
	if len(c.Accounts) == 0 {
		return fmt.Errorf("new gateway: it has no account")
	}
	var err error
	if c.Market == nil {
		c.Market, err = NewMarket(MarketConfig{})
	}
	return err
}
