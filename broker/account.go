package broker

import (
	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// AccountID is the broker's own id of an account, to the letter. Two ids are one account only where
// they are equal: "U1234567C" is a segment of U1234567, and not the account.
type AccountID string

// Account is an account that a login sees.
type Account struct {
	ID       AccountID            `json:"id"`
	Alias    string               `json:"alias,omitempty"`
	Kind     AccountKind          `json:"kind"`
	Mode     accounts.TradingMode `json:"mode"`     // by every source that the broker has; empty where they contradict each other
	Currency ledger.Currency      `json:"currency"` // the base currency; empty if the broker does not say
	Tradable bool                 `json:"tradable"` // the login may place orders in the account
}

// AccountKind says what an account is.
type AccountKind string

// The kinds of account. Only a whole account has a journal of its own.
const (
	WholeAccount AccountKind = "account"
	Segment      AccountKind = "segment" // a part of another account, such as its commodities
	Group        AccountKind = "group"   // several accounts under one name, such as All
)
