package paper_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/broker/brokertest"
	"github.com/ai-ots/accounts/broker/paper"
	"github.com/ai-ots/accounts/ledger"
)

var (
	dec = ledger.MustDecimal
	xyz = ledger.NewStock("XYZ", "USD")
)

// opened returns a broker with two accounts of 100,000 USD, and XYZ at 100.
func opened(t testing.TB, o paper.Options) *paper.Broker {
	t.Helper()
	b := paper.New(o)
	for _, id := range []broker.AccountID{"DU1000100", "DU1000250"} {
		require.NoError(t, b.Open(broker.Account{ID: id, Mode: accounts.ModePaper, Currency: "USD", Tradable: true},
			broker.Balance{Currency: "USD", Cash: dec("100000")}))
	}
	require.NoError(t, b.Price(xyz, dec("100")))
	return b
}

func TestBroker(t *testing.T) {
	for name, o := range map[string]paper.Options{
		"plain":            {},
		"with commissions": {Commission: func(*ledger.Trade) ledger.Decimal { return dec("1.25") }},
		"late commissions": {Commission: func(*ledger.Trade) ledger.Decimal { return dec("1.25") }, LateCommissions: true},
	} {
		t.Run(name, func(t *testing.T) {
			brokertest.TestBroker(t, func(t *testing.T) *brokertest.Bench {
				b := opened(t, o)
				second := ledger.NewStock("SECOND", "USD")
				require.NoError(t, b.Price(second, dec("7")))
				require.NoError(t, b.Open(broker.Account{ID: "DU1000100C", Kind: broker.Segment, Tradable: true}))
				require.NoError(t, b.Open(broker.Account{ID: "DU1000900"}))
				return &brokertest.Bench{Broker: b, Account: "DU1000100", Other: "DU1000250", View: "DU1000900", Contract: xyz,
					Second: second, Price: func(price ledger.Decimal) error { return b.Price(xyz, price) }}
			})
		})
	}
}
