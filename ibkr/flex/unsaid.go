package flex

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// Some sections tell movements of money that are booked from another section. Where that is not
// there, what they tell is not in the book, and is said.

// payingActions says which rows of corporate actions move money and no units, and what no cash
// transaction tells.
func (b *builder) payingActions() {
	for i := range b.st.CorporateActions {
		c := &b.st.CorporateActions[i]
		if !c.Quantity.IsZero() || !c.cash() || slices.ContainsFunc(b.st.Cash, func(m CashRow) bool {
			return m.Currency == c.Currency && m.Amount.Equal(c.money())
		}) {
			continue
		}
		b.unread(c.Line, secCorporate.String(), fmt.Sprintf("%s %s of %s, which moves no units, is not booked, for no cash transaction tells it: %s",
			c.money(), c.Currency, c.LocalSymbol, c.Text), 1)
	}
}

// fundsRows counts rows of the statement of funds that move money otherwise than by trades.
type fundsRows struct{ line, rows int }

// see notes a row. Rows in base currency repeat others, and those without an amount tell balances.
func (f *fundsRows) see(r *row) {
	code, text := strings.ToUpper(r.v[fActivityCode]), strings.ToUpper(r.v[fActivity])
	switch code {
	case "BUY", "SELL", "FOREX", "ASSIGN", "ASSIGNED", "EXE", "EXER", "EXPIRE", "CORP", "COMM":
		return
	case "":
		for _, begins := range []string{"BUY ", "SELL ", "NET ", "STARTING", "ENDING", "OPENING", "CLOSING"} {
			if strings.HasPrefix(text, begins) {
				return
			}
		}
	}
	amount, err := parseDecimal(r.v[fAmount])
	if err != nil || amount.IsZero() || strings.EqualFold(r.v[fLevel], "BaseCurrency") || !ledger.Currency(r.v[fCurrency]).Valid() {
		return
	}
	if f.rows++; f.rows == 1 {
		f.line = r.line
	}
}

// fundsAlone says that the statement of funds tells movements of money which no other section can
// have told.
func (b *builder) fundsAlone() {
	if b.funds.rows > 0 && !b.st.HasCash {
		b.unread(b.funds.line, secFunds.String(), "money that came or went is booked from cash transactions, which the query does not show: add that section",
			b.funds.rows)
	}
}
