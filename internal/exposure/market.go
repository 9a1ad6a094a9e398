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
