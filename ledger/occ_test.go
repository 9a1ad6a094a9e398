package ledger_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

func TestOCC(t *testing.T) {
	for symbol, want := range map[string]ledger.InstrumentKey{
		"NU    250516C00012000": "OPT:NU:20250516:C:12:100:USD",
		"NU250516C00012000":     "OPT:NU:20250516:C:12:100:USD",
		"SPXW  251219P05950000": "OPT:SPXW:20251219:P:5950:100:USD",
		"F     260116P00000001": "OPT:F:20260116:P:0.001:100:USD",
		"GOOGL1240229C99999999": "OPT:GOOGL1:20240229:C:99999.999:100:USD",
		"BRK.B 250516C00512500": "OPT:BRK.B:20250516:C:512.5:100:USD",
	} {
		i, err := ledger.ParseOCC(symbol)
		require.NoError(t, err, "%q was refused", symbol)
		require.NoError(t, i.Validate(), "%q is no valid instrument", symbol)
		require.Equal(t, want, i.Key(), "terms of %q", symbol)
		back, err := i.OCC()
		require.NoError(t, err, "%q has no symbol any more", symbol)
		require.Len(t, back, 21, "not in the full form")
		require.Equal(t, strings.ReplaceAll(symbol, " ", ""), strings.ReplaceAll(back, " ", ""), "not the symbol it was made from")
	}
	for _, symbol := range []string{
		"", "NU", "250516C00012000", "      250516C00012000", " NU   250516C00012000", "NU    250516X00012000",
		"NU    250516c00012000", "nu    250516C00012000", "NU    250230C00012000", "NU    250516C00000000",
		"NU    25O516C00012000", "NU    250516C0001200", "NU    250516C000120000", "NUNUNUN250516C00012000",
		"N U   250516C00012000", "NU    250516C+0012000", "NÜ   250516C00012000", "NU:   250516C00012000",
	} {
		_, err := ledger.ParseOCC(symbol)
		require.ErrorIs(t, err, invalid.Err, "%q was accepted", symbol)
	}
}

func TestOCCOfWhatTheFormCannotHold(t *testing.T) {
	option := ledger.NewOption("NU", mayExpiry, ledger.Call, dec("12"), "USD")
	for name, change := range map[string]func(*ledger.Instrument){
		"stock":                   func(i *ledger.Instrument) { *i = ledger.NewStock("NU", "USD") },
		"option on a future":      func(i *ledger.Instrument) { i.SecType = ledger.FutureOption },
		"long root":               func(i *ledger.Instrument) { i.Symbol = "ABCDEFG" },
		"no root":                 func(i *ledger.Instrument) { i.Symbol = "" },
		"root in small letters":   func(i *ledger.Instrument) { i.Symbol = "nu" },
		"a tenth of a thousandth": func(i *ledger.Instrument) { i.Strike = dec("12.0001") },
		"strike too high":         func(i *ledger.Instrument) { i.Strike = dec("100000") },
		"no strike":               func(i *ledger.Instrument) { i.Strike = ledger.Decimal{} },
		"strike below zero":       func(i *ledger.Instrument) { i.Strike = dec("-12") },
		"another century":         func(i *ledger.Instrument) { i.Expiry = 19990115 },
		"no such day":             func(i *ledger.Instrument) { i.Expiry = 20250230 },
		"no right":                func(i *ledger.Instrument) { i.Right = "" },
	} {
		i := option
		change(&i)
		symbol, err := i.OCC()
		require.ErrorIs(t, err, invalid.Err, "%s became %q", name, symbol)
	}
}

func TestOCCRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		thousandths := rapid.Int64Range(1, 99_999_999).Draw(t, "strike in thousandths")
		want := ledger.NewOption(
			rapid.StringMatching(`[A-Z0-9.]{1,6}`).Draw(t, "root"),
			genDate(2000, 2099).Draw(t, "expiry"),
			rapid.SampledFrom([]ledger.Right{ledger.Call, ledger.Put}).Draw(t, "right"),
			thousandthsOf(t, thousandths), "USD")
		symbol, err := want.OCC()
		require.NoError(t, err, "%s has no symbol", want.Key())
		got, err := ledger.ParseOCC(symbol)
		require.NoError(t, err, "%q cannot be read", symbol)
		require.Equal(t, want.Key(), got.Key(), "%q is another contract", symbol)
	})
}

// thousandthsOf goes by text, a way that OCC does not take.
func thousandthsOf(t require.TestingT, n int64) ledger.Decimal {
	return dec(fmt.Sprintf("%d.%03d", n/1000, n%1000))
}

func FuzzParseOCC(f *testing.F) {
	for _, seed := range []string{
		"NU    250516C00012000", "NU250516C00012000", "SPXW  251219P05950000", "BRK.B 250516C00512500",
		"GOOGL1240229C99999999", "NU    250230C00012000", "NU    250516C00000000", "", "\xff\xfe250516C00012000",
		"A000101C00000001", "A991231P99999999", "      250516C00012000",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		i, err := ledger.ParseOCC(s)
		if err != nil {
			require.ErrorIs(t, err, invalid.Err, "%q was refused with another error", s)
			return
		}
		require.NoError(t, i.Validate(), "%q became an invalid instrument", s)
		symbol, err := i.OCC()
		require.NoError(t, err, "%q has no symbol any more", s)
		require.Equal(t, strings.ReplaceAll(s, " ", ""), strings.ReplaceAll(symbol, " ", ""), "another symbol came back")
		again, err := ledger.ParseOCC(symbol)
		require.NoError(t, err, "%q, which we wrote, cannot be read", symbol)
		require.Equal(t, i.Key(), again.Key(), "%q and %q are different contracts", s, symbol)
	})
}
