package ledger_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// TestParseInstrumentKey reads back the key of every kind of contract.
func TestParseInstrumentKey(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := ledger.Instrument{
			SecType: rapid.SampledFrom([]ledger.SecType{ledger.Stock, ledger.Option, ledger.Future, ledger.FutureOption, ledger.Forex,
				ledger.CFD, ledger.Warrant, ledger.Bond, ledger.Fund, ledger.Crypto}).Draw(t, "kind"),
			Symbol:   rapid.StringMatching(`[A-Z][A-Z0-9. ]{0,8}[A-Z]`).Draw(t, "symbol"),
			Currency: ledger.Currency(rapid.SampledFrom([]string{"USD", "EUR", "JPY"}).Draw(t, "currency")),
		}
		if rapid.Bool().Draw(t, "multiplied") || want.SecType == ledger.Future || want.SecType == ledger.FutureOption {
			want.Multiplier = ledger.MustDecimal(rapid.SampledFrom([]string{"1", "10", "100", "0.1", "1000"}).Draw(t, "multiplier"))
		}
		if want.SecType == ledger.Forex {
			want.Symbol = "GBP"
		}
		if want.IsOption() || want.SecType == ledger.Future {
			want.Expiry = 20260320
		}
		if want.IsOption() {
			want.Right = rapid.SampledFrom([]ledger.Right{ledger.Call, ledger.Put}).Draw(t, "right")
			want.Strike = ledger.MustDecimal(rapid.SampledFrom([]string{"0.5", "50", "4012.25"}).Draw(t, "strike"))
		}
		require.NoError(t, want.Normalize(), "the contract drawn")
		got, err := ledger.ParseInstrumentKey(want.Key())
		require.NoError(t, err, "the key of a valid contract")
		require.Equal(t, want.Key(), got.Key(), "another contract was read")
		require.Equal(t, want.Underlying, got.Underlying, "the underlying of %s", want.Key())
	})
}

func TestRefusedInstrumentKeys(t *testing.T) {
	for _, key := range []ledger.InstrumentKey{
		"", "STK", "STK:XYZ", "STK:XYZ:usd", "STK::USD", "ABC:XYZ:USD", "STK:XYZ:1:USD", "STK:XYZ:100.0:USD", "STK:XYZ:20260320:USD:USD",
		"OPT:XYZ:20260320:C:50:USD", "OPT:XYZ:20260320:X:50:100:USD", "OPT:XYZ:20260230:C:50:100:USD", "OPT:XYZ:20260320:C:050:100:USD",
		"OPT:XYZ:20260320:C:50:100:USD:USD", "OPT:XYZ:20260320:C:50:100", "FUT:CL:20261120:USD", "CASH:USD:USD", "stk:XYZ:USD",
	} {
		i, err := ledger.ParseInstrumentKey(key)
		require.ErrorIs(t, err, invalid.Err, "key %q is read as %v", key, i)
	}
}

func FuzzParseInstrumentKey(f *testing.F) {
	f.Add("STK:NU:USD")
	f.Add("OPT:NU:20250516:C:12:100:USD")
	f.Add("FUT:CL:20261120:1000:USD")
	f.Fuzz(func(t *testing.T, key string) {
		i, err := ledger.ParseInstrumentKey(ledger.InstrumentKey(key))
		if err != nil {
			require.ErrorIs(t, err, invalid.Err)
			return
		}
		require.Equal(t, key, string(i.Key()), "the key is not that of the contract")
		require.NoError(t, i.Validate())
	})
}

func TestMoneyIsWrittenByItsCurrency(t *testing.T) {
	for _, c := range []struct {
		currency     ledger.Currency
		amount, want string
	}{
		{"USD", "-1234.5", "-1234.50"}, {"USD", "0.125", "0.12"}, {"USD", "0", "0.00"}, {"JPY", "1234.5", "1234"}, {"JPY", "0.4", "0"},
		{"KWD", "1.23456", "1.235"}, {"CLF", "1", "1.0000"}, {"XYZ", "2", "2.00"},
	} {
		require.Equal(t, c.want, c.currency.Format(ledger.MustDecimal(c.amount)), "%s of %s", c.amount, c.currency)
	}
}

func TestMustDecimal(t *testing.T) {
	require.Equal(t, "41.25", ledger.MustDecimal("41.250").String())
	require.PanicsWithError(t, `invalid decimal: "1e3"`, func() { ledger.MustDecimal("1e3") })
}
