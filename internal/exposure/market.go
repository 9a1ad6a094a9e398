package exposure

import (
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// Market is the information that orders are judged by besides the account: prices, the policy, and
// the time.
type Market struct {
	*ledger.Prices
	Policy *Policy
	Now    time.Time
}

// usd returns an amount of US dollars in base currency; false without a conversion rate.
func (m *Market) usd(amount ledger.Decimal) (ledger.Decimal, bool) {
	rate, _, ok := m.Rate("USD")
	return num.Convert(amount, rate), ok
}

// FreshMark returns a contract's mark, if there is one and it is not older than the limits allow.
func (m *Market) FreshMark(key ledger.InstrumentKey) (ledger.Decimal, bool) {
	mark, ok := m.Marks[key]
	return mark.Price, ok && m.Now.Sub(mark.Time) <= m.Policy.limits.MarkAge
}

// FreshRate is FreshMark for a currency's conversion rate.
func (m *Market) FreshRate(c ledger.Currency) (ledger.Decimal, bool) {
	rate, at, ok := m.Rate(c)
	return rate, ok && (c == m.Base || m.Now.Sub(at) <= m.Policy.limits.RateAge)
}
