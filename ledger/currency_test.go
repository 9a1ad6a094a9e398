package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

func TestCurrencyValid(t *testing.T) {
	require.True(t, ledger.Currency("CNH").Valid())
	for _, c := range []ledger.Currency{"", "US", "USDT", "usd", "U D", "ÄU"} {
		require.False(t, c.Valid(), "%q passes for a currency", c)
	}
}
