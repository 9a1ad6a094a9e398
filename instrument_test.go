package accounts_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

const mayExpiry ledger.Date = 20250516

// Sources name one contract in different ways; all of them must meet in one key.
func TestKeyIsCanonical(t *testing.T) {
	parsed, err := ledger.ParseOCC("NU    250516C00012000")
	require.NoError(t, err)
	option := ledger.InstrumentKey("OPT:NU:20250516:C:12:100:USD")
	future := ledger.InstrumentKey("FUT:ES:20250620:50:USD")
	for name, test := range map[string]struct {
		instrument ledger.Instrument
		want       ledger.InstrumentKey
	}{
		"stock":             {ledger.NewStock("NU", "USD"), "STK:NU:USD"},
		"stock, terms only": {ledger.Instrument{SecType: ledger.Stock, Symbol: "NU", Currency: "USD"}, "STK:NU:USD"},
		"stock with hints":  {ledger.Instrument{SecType: "STK", Symbol: "NU", Currency: "USD", ConID: 7, LocalSymbol: "NU", Underlying: "NU"}, "STK:NU:USD"},
		"stock, 1.0 each":   {ledger.Instrument{SecType: "STK", Symbol: "NU", Currency: "USD", Multiplier: decimal(t, "1.0")}, "STK:NU:USD"},
		"another currency":  {ledger.NewStock("NU", "EUR"), "STK:NU:EUR"},
		"symbol with space": {ledger.NewStock("BRK B", "USD"), "STK:BRK B:USD"},
		"option":            {ledger.NewOption("NU", mayExpiry, ledger.Call, decimal(t, "12"), "USD"), option},
		"option, OCC":       {parsed, option},
		"option, zeros": {ledger.Instrument{SecType: ledger.Option, Symbol: "NU", Currency: "USD", Expiry: mayExpiry, Right: "C",
			Strike: mustUntrimmed(t, "12.000"), Multiplier: mustUntrimmed(t, "100.00")}, option},
		"option with hints": {ledger.Instrument{SecType: ledger.Option, Symbol: "NU", Currency: "USD", Expiry: mayExpiry, Right: "C",
			Strike: decimal(t, "12"), Underlying: "NU", ConID: 772312345, LocalSymbol: "NU    250516C00012000"}, option},
		"put":             {ledger.NewOption("NU", mayExpiry, ledger.Put, decimal(t, "12.5"), "USD"), "OPT:NU:20250516:P:12.5:100:USD"},
		"another day":     {ledger.NewOption("NU", 20250517, ledger.Call, decimal(t, "12"), "USD"), "OPT:NU:20250517:C:12:100:USD"},
		"mini option":     {ledger.Instrument{SecType: "OPT", Symbol: "NU", Currency: "USD", Expiry: mayExpiry, Right: "C", Strike: decimal(t, "12"), Multiplier: decimal(t, "10")}, "OPT:NU:20250516:C:12:10:USD"},
		"future":          {ledger.Instrument{SecType: "FUT", Symbol: "ES", Currency: "USD", Expiry: 20250620, Multiplier: decimal(t, "50")}, future},
		"future, hint":    {ledger.Instrument{SecType: "FUT", Symbol: "ES", Currency: "USD", Expiry: 20250620, Multiplier: mustUntrimmed(t, "50.0"), LocalSymbol: "ESM5"}, future},
		"currency pair":   {ledger.Instrument{SecType: "CASH", Symbol: "EUR", Currency: "USD"}, "CASH:EUR:USD"},
		"bond of a 1,000": {ledger.Instrument{SecType: "BOND", Symbol: "T 4 1/2", Currency: "USD", Multiplier: decimal(t, "1000")}, "BOND:T 4 1/2:1000:USD"},
	} {
		require.Equal(t, test.want, test.instrument.Key(), "key of %s", name)
	}
}

// mustUntrimmed keeps the trailing zeros that ParseDecimal removes.
func mustUntrimmed(t *testing.T, s string) (d ledger.Decimal) {
	t.Helper()
	require.NoError(t, d.UnmarshalText([]byte(s)), "the test has a wrong decimal in it")
	return d
}

func TestInstrumentString(t *testing.T) {
	i := ledger.NewStock("NU", "USD")
	require.Equal(t, "STK:NU:USD", i.String(), "without a broker's symbol")
	i.LocalSymbol = "NU"
	require.Equal(t, "NU", i.String(), "with the broker's symbol")
}

func TestInstrumentValidate(t *testing.T) {
	stock := ledger.NewStock("NU", "USD")
	option := ledger.NewOption("NU", mayExpiry, ledger.Call, decimal(t, "12"), "USD")
	future := ledger.Instrument{SecType: ledger.Future, Symbol: "ES", Currency: "USD", Expiry: 20250620, Multiplier: decimal(t, "50")}
	pair := ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"}
	var huge ledger.Decimal
	require.NoError(t, huge.UnmarshalText([]byte("1000000000000000")))
	for name, test := range map[string]struct {
		base   ledger.Instrument
		change func(*ledger.Instrument)
		fields []string
	}{
		"stock":                  {stock, func(i *ledger.Instrument) {}, nil},
		"option":                 {option, func(i *ledger.Instrument) {}, nil},
		"future":                 {future, func(i *ledger.Instrument) {}, nil},
		"pair":                   {pair, func(i *ledger.Instrument) {}, nil},
		"option's multiplier":    {option, func(i *ledger.Instrument) { i.Multiplier = ledger.Decimal{} }, nil},
		"warrant":                {option, func(i *ledger.Instrument) { i.SecType = ledger.Warrant }, nil},
		"unknown kind":           {stock, func(i *ledger.Instrument) { i.SecType = "BAG" }, []string{"SecType"}},
		"no symbol":              {stock, func(i *ledger.Instrument) { i.Symbol = "" }, []string{"Symbol"}},
		"long symbol":            {stock, func(i *ledger.Instrument) { i.Symbol = strings.Repeat("S", 51) }, []string{"Symbol"}},
		"colon in symbol":        {stock, func(i *ledger.Instrument) { i.Symbol = "NU:USD" }, []string{"Symbol"}},
		"space around symbol":    {stock, func(i *ledger.Instrument) { i.Symbol = " NU" }, []string{"Symbol"}},
		"control in symbol":      {stock, func(i *ledger.Instrument) { i.Symbol = "N\x00U" }, []string{"Symbol"}},
		"colon in underlying":    {option, func(i *ledger.Instrument) { i.Underlying = "A:B" }, []string{"Underlying"}},
		"long local symbol":      {stock, func(i *ledger.Instrument) { i.LocalSymbol = strings.Repeat("S", 101) }, []string{"LocalSymbol"}},
		"no currency":            {stock, func(i *ledger.Instrument) { i.Currency = "" }, []string{"Currency"}},
		"pair of no currency":    {pair, func(i *ledger.Instrument) { i.Symbol = "EURO" }, []string{"Symbol"}},
		"pair of one currency":   {pair, func(i *ledger.Instrument) { i.Symbol = "USD" }, []string{"Symbol"}},
		"negative multiplier":    {stock, func(i *ledger.Instrument) { i.Multiplier = decimal(t, "-1") }, []string{"Multiplier"}},
		"huge multiplier":        {stock, func(i *ledger.Instrument) { i.Multiplier = huge }, []string{"Multiplier"}},
		"future, no multiplier":  {future, func(i *ledger.Instrument) { i.Multiplier = ledger.Decimal{} }, []string{"Multiplier"}},
		"future, no expiry":      {future, func(i *ledger.Instrument) { i.Expiry = 0 }, []string{"Expiry"}},
		"future, no such day":    {future, func(i *ledger.Instrument) { i.Expiry = 20250230 }, []string{"Expiry"}},
		"future with a right":    {future, func(i *ledger.Instrument) { i.Right = ledger.Call }, []string{"Right"}},
		"stock with strike":      {stock, func(i *ledger.Instrument) { i.Strike = decimal(t, "1") }, []string{"Strike"}},
		"stock with expiry":      {stock, func(i *ledger.Instrument) { i.Expiry = mayExpiry }, []string{"Expiry"}},
		"option, no expiry":      {option, func(i *ledger.Instrument) { i.Expiry = 0 }, []string{"Expiry"}},
		"option, no right":       {option, func(i *ledger.Instrument) { i.Right = "" }, []string{"Right"}},
		"option, right in words": {option, func(i *ledger.Instrument) { i.Right = "CALL" }, []string{"Right"}},
		"option, no strike":      {option, func(i *ledger.Instrument) { i.Strike = ledger.Decimal{} }, []string{"Strike"}},
		"option, strike below 0": {option, func(i *ledger.Instrument) { i.Strike = decimal(t, "-12") }, []string{"Strike"}},
		"option, huge strike":    {option, func(i *ledger.Instrument) { i.Strike = huge }, []string{"Strike"}},
		"future option, bare": {option, func(i *ledger.Instrument) {
			*i = ledger.Instrument{SecType: ledger.FutureOption, Symbol: "ES", Currency: "USD"}
		},
			[]string{"Multiplier", "Expiry", "Right", "Strike"}},
		"nothing": {ledger.Instrument{}, func(i *ledger.Instrument) {}, []string{"SecType", "Symbol", "Currency"}},
	} {
		t.Run(name, func(t *testing.T) {
			i := test.base
			test.change(&i)
			err := i.Validate()
			if test.fields == nil {
				require.NoError(t, err, "a valid instrument was refused")
				return
			}
			require.Equal(t, test.fields, wrongFields(t, err), "not exactly these fields were found wrong")
		})
	}
}

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
		require.ErrorIs(t, err, accounts.ErrInvalid, "%q was accepted", symbol)
	}
}

func TestOCCOfWhatTheFormCannotHold(t *testing.T) {
	option := ledger.NewOption("NU", mayExpiry, ledger.Call, decimal(t, "12"), "USD")
	for name, change := range map[string]func(*ledger.Instrument){
		"stock":                   func(i *ledger.Instrument) { *i = ledger.NewStock("NU", "USD") },
		"option on a future":      func(i *ledger.Instrument) { i.SecType = ledger.FutureOption },
		"long root":               func(i *ledger.Instrument) { i.Symbol = "ABCDEFG" },
		"no root":                 func(i *ledger.Instrument) { i.Symbol = "" },
		"root in small letters":   func(i *ledger.Instrument) { i.Symbol = "nu" },
		"a tenth of a thousandth": func(i *ledger.Instrument) { i.Strike = decimal(t, "12.0001") },
		"strike too high":         func(i *ledger.Instrument) { i.Strike = decimal(t, "100000") },
		"no strike":               func(i *ledger.Instrument) { i.Strike = ledger.Decimal{} },
		"strike below zero":       func(i *ledger.Instrument) { i.Strike = decimal(t, "-12") },
		"another century":         func(i *ledger.Instrument) { i.Expiry = 19990115 },
		"no such day":             func(i *ledger.Instrument) { i.Expiry = 20250230 },
		"no right":                func(i *ledger.Instrument) { i.Right = "" },
	} {
		i := option
		change(&i)
		symbol, err := i.OCC()
		require.ErrorIs(t, err, accounts.ErrInvalid, "%s became %q", name, symbol)
	}
}

func genDate(from, to int) *rapid.Generator[ledger.Date] {
	return rapid.Custom(func(t *rapid.T) ledger.Date {
		first := time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC)
		last := time.Date(to, 12, 31, 0, 0, 0, 0, time.UTC)
		days := int(last.Sub(first).Hours() / 24)
		return ledger.DateOf(first.AddDate(0, 0, rapid.IntRange(0, days).Draw(t, "days")))
	})
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
	return decimal(t, fmt.Sprintf("%d.%03d", n/1000, n%1000))
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
			require.ErrorIs(t, err, accounts.ErrInvalid, "%q was refused with another error", s)
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

func TestDate(t *testing.T) {
	for in, want := range map[string]ledger.Date{
		"2025-05-16": 20250516, "20250516": 20250516, "2024-02-29": 20240229, "19000101": 19000101, "9999-12-31": 99991231,
	} {
		got, err := ledger.ParseDate(in)
		require.NoError(t, err, "%q was refused", in)
		require.Equal(t, want, got, "%q is another day", in)
	}
	for _, in := range []string{
		"", "2025-02-29", "20250431", "2025-13-01", "2025-00-10", "2025-05-00", "18991231", "2025-5-16", "250516",
		"2025/05/16", "2025-0516", "+2025051", "-2025051", "2025-05-16T00:00:00Z", "99999999999999999999", " 20250516",
	} {
		got, err := ledger.ParseDate(in)
		require.ErrorIs(t, err, accounts.ErrInvalid, "%q was accepted as %s", in, got)
	}
}

// The same instant is another day elsewhere.
func TestDateOfATimeIsItsOwnZones(t *testing.T) {
	newYork := time.FixedZone("New York", -4*60*60)
	night := time.Date(2025, 5, 17, 1, 30, 0, 0, time.UTC)
	require.Equal(t, ledger.Date(20250517), ledger.DateOf(night))
	require.Equal(t, ledger.Date(20250516), ledger.DateOf(night.In(newYork)))
	require.Equal(t, time.Date(2025, 5, 16, 4, 0, 0, 0, time.UTC), mayExpiry.Time(newYork).UTC(), "midnight in New York")
}

func TestDateText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := genDate(1900, 9999).Draw(t, "date")
		require.True(t, d.Valid())
		b, err := json.Marshal(d)
		require.NoError(t, err)
		var got ledger.Date
		require.NoError(t, json.Unmarshal(b, &got), "%s cannot be read", b)
		require.Equal(t, d, got, "%s is another day", b)
		require.Equal(t, d, ledger.DateOf(d.Time(time.UTC)))
	})
	var none ledger.Date
	require.Equal(t, "", none.String())
	require.False(t, none.Valid(), "no date is a date")
	require.NoError(t, json.Unmarshal([]byte(`""`), &none))
	require.Zero(t, none)
	require.ErrorIs(t, none.UnmarshalText([]byte("soon")), accounts.ErrInvalid)
}
