package ledger

import (
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
)

// CashMovement is money that was paid in or out other than by a trade.
type CashMovement struct {
	ID       string   `json:"id"` // required; makes it idempotent
	Kind     CashKind `json:"kind"`
	Currency Currency `json:"currency"`
	Amount   Decimal  `json:"amount"` // what the balance changes by: negative for money that went; never zero
	FXRate   Decimal  `json:"fx_rate,omitzero"`
	// MarketRate is the conversion rate of the time at which a deposit, withdrawal or opening
	// balance without FXRate was recorded. The portfolio fills it in, if it knew one: capital keeps
	// the worth that it had when it came. Capital with neither rate counts at the present rate
	// until a rate of it is told (see [Amendment]): until then the losses of the day and the
	// drawdown leave out what a change of the rate does to that capital.
	MarketRate Decimal   `json:"market_rate,omitzero"`
	Symbol     string    `json:"symbol,omitempty"` // the security that paid, as a hint
	Note       string    `json:"note,omitempty"`   // at most 500 bytes
	Time       time.Time `json:"time"`
}

// normalize checks every field, trims the decimals and cuts the time to microseconds in UTC.
func (m *CashMovement) normalize() error {
	v := &invalid.Error{What: "cash movement"}
	checkID(v, m.ID)
	v.Check(slices.Contains([]CashKind{Deposit, Withdrawal, OpeningCash, Dividend, PaymentInLieu, Interest, Fee,
		Tax, OtherCash}, m.Kind), "Kind", "%.20q is unknown", m.Kind)
	v.Check(m.Currency.Valid(), "Currency", "%.20q is not three capital letters", m.Currency)
	v.Check(!m.Amount.IsZero(), "Amount", "is zero")
	v.Check(m.Kind != Deposit || m.Amount.IsPos(), "Amount", "%s of a deposit is not positive", m.Amount)
	v.Check(m.Kind != Withdrawal || m.Amount.IsNeg(), "Amount", "%s of a withdrawal is not negative", m.Amount)
	num.CheckAmount(v, "Amount", m.Amount)
	num.CheckRate(v, "FXRate", m.FXRate)
	num.CheckRate(v, "MarketRate", m.MarketRate)
	v.Check(len(m.Symbol) <= 50 && text.Printable(m.Symbol, true), "Symbol",
		"%.60q is not at most 50 printable bytes", m.Symbol)
	v.Check(len(m.Note) <= maxNote && text.Printable(m.Note, true), "Note",
		"is longer than %d bytes or not printable", maxNote)
	checkTime(v, "Time", m.Time)
	if err := v.Err(); err != nil {
		return fmt.Errorf("cash movement %.60q: %w", m.ID, err)
	}
	m.Amount, m.FXRate, m.MarketRate = num.Trim(m.Amount), num.Trim(m.FXRate), num.Trim(m.MarketRate)
	m.Time = wire.Time(m.Time)
	return nil
}

func (m *CashMovement) appendFields(b []byte) []byte {
	b = wire.AppendString(b, "id", m.ID, false)
	b = wire.AppendString(b, "kind", m.Kind, false)
	b = wire.AppendString(b, "currency", m.Currency, false)
	b = wire.AppendDecimal(b, "amount", m.Amount, false)
	b = wire.AppendDecimal(b, "fx_rate", m.FXRate, true)
	b = wire.AppendDecimal(b, "market_rate", m.MarketRate, true)
	b = wire.AppendString(b, "symbol", m.Symbol, true)
	b = wire.AppendString(b, "note", m.Note, true)
	return wire.AppendTime(b, "time", m.Time)
}

func (CashMovement) fact()               {}
func (m *CashMovement) kind() EntryKind  { return KindCash }
func (m *CashMovement) when() time.Time  { return m.Time }
func (m *CashMovement) entryKey() string { return "c:" + m.ID }

// rate returns the conversion rate at which the movement counts as capital; zero if there is none.
func (m *CashMovement) rate() Decimal {
	if m.FXRate.IsZero() {
		return m.MarketRate
	}
	return m.FXRate
}

// InBase returns the movement in base currency; false if it has no rate.
func (m *CashMovement) InBase(base Currency) (Decimal, bool) {
	if m.Currency == base {
		return m.Amount, true
	}
	rate := m.rate()
	return num.Convert(m.Amount, rate), !rate.IsZero()
}

// CashKind says what moved cash.
type CashKind string

// The kinds of cash movement. Deposits, withdrawals and opening balances are capital, and never
// profit or loss. All other kinds are income or cost.
const (
	Deposit       CashKind = "deposit"
	Withdrawal    CashKind = "withdrawal"
	OpeningCash   CashKind = "opening" // the balance at the beginning of the journal
	Dividend      CashKind = "dividend"
	PaymentInLieu CashKind = "payment_in_lieu"
	Interest      CashKind = "interest"
	Fee           CashKind = "fee"
	Tax           CashKind = "tax"
	OtherCash     CashKind = "other"
)

// IsCapital reports whether movements of the kind are capital, neither income nor cost.
func (k CashKind) IsCapital() bool { return k == Deposit || k == Withdrawal || k == OpeningCash }

// CashBalance is the cash in one currency, by source. Money paid is negative.
type CashBalance struct {
	Capital   Decimal `json:"capital"`            // deposits, withdrawals and opening balances
	Traded    Decimal `json:"traded"`             // proceeds after costs; for futures and CFDs realized P&L
	Exchanged Decimal `json:"exchanged,omitzero"` // bought or sold for another currency
	Dividends Decimal `json:"dividends,omitzero"` // payments in lieu included
	Interest  Decimal `json:"interest,omitzero"`
	Fees      Decimal `json:"fees,omitzero"`  // and commissions of currency trades
	Taxes     Decimal `json:"taxes,omitzero"` // other than on trades
	Other     Decimal `json:"other,omitzero"`

	// CapitalBase is Capital in the profile's base currency, each movement at its own FXRate.
	// Movements without a rate are not part of it; Unconverted is their sum in the balance's
	// currency.
	CapitalBase Decimal `json:"capital_base"`
	Unconverted Decimal `json:"unconverted,omitzero"`
}

// Balance returns the sum of all sources.
func (c CashBalance) Balance() Decimal {
	return c.Capital.Add(c.Traded).Add(c.Exchanged).Add(c.Dividends).
		Add(c.Interest).Add(c.Fees).Add(c.Taxes).Add(c.Other)
}
