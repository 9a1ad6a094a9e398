package flex

import (
	"fmt"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// Some sections tell movements of money that are booked from another section. Where that is not
// there, what they tell is not in the book, and is said.

// payingActions says which rows of corporate actions move money and no units, and what no cash
// transaction tells.
func (b *builder) payingActions() {
	var told map[payment]bool
	for i := range b.st.CorporateActions {
		c := &b.st.CorporateActions[i]
		if !c.Quantity.IsZero() || !c.cash() {
			continue
		}
		if told == nil {
			told = b.payments()
		}
		if told[payment{currency: c.Currency, amount: c.money().String()}] || told[payment{c.Currency, c.money().String(), c.ConID}] {
			continue
		}
		b.unread(c.Line, secCorporate.String(), fmt.Sprintf("%s %s of %s, which moves no units, is not booked, for no cash transaction tells it: %s",
			c.money(), c.Currency, c.LocalSymbol, c.Text), 1)
	}
}

// payment is money that cash transactions tell: of any contract, or of one.
type payment struct {
	currency ledger.Currency
	amount   string
	conID    int64
}

// payments are what the cash transactions tell, each by itself, and what came or went of a contract
// at one time together: a distribution may be a dividend in one part and a return of capital in
// another.
func (b *builder) payments() map[payment]bool {
	type sum struct {
		currency ledger.Currency
		conID    int64
		at       int64
		goes     bool
	}
	sums, told := map[sum]ledger.Decimal{}, map[payment]bool{}
	for i := range b.st.Cash {
		m := &b.st.Cash[i]
		told[payment{currency: m.Currency, amount: m.Amount.String()}] = true
		if m.ConID != 0 {
			of := sum{m.Currency, m.ConID, m.Time.Unix(), m.Amount.IsNeg()}
			sums[of] = sums[of].Add(m.Amount)
		}
	}
	for of, amount := range sums {
		told[payment{of.currency, amount.String(), of.conID}] = true
	}
	return told
}

// unsaid counts rows that tell money which is booked from cash transactions.
type unsaid struct{ line, rows int }

// see notes a row.
func (u *unsaid) see(r *row) {
	if u.rows++; u.rows == 1 {
		u.line = r.line
	}
}

// seeFunds notes a row of the statement of funds that moves money otherwise than by a trade. Rows
// in base currency repeat others, and those without an amount tell balances.
func (b *builder) seeFunds(r *row) {
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
	b.funds.see(r)
}

// withoutCash says what the statement of funds and the trades of bonds tell of money that is booked
// from cash transactions, where there are none.
func (b *builder) withoutCash() {
	if b.st.HasCash {
		return
	}
	if b.funds.rows > 0 {
		b.unread(b.funds.line, secFunds.String(), "money that came or went is booked from cash transactions, which the query does not show: add that section",
			b.funds.rows)
	}
	if b.coupons.rows > 0 {
		b.unread(b.coupons.line, secTrades.String(), "the accrued interest of bonds is booked from cash transactions, which the query does not show: "+
			"import those too", b.coupons.rows)
	}
}
