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
)

const mayExpiry accounts.Date = 20250516

// Sources name one contract in different ways; all of them must meet in one key.
func TestKeyIsCanonical(t *testing.T) {
	parsed, err := accounts.ParseOCC("NU    250516C00012000")
	require.NoError(t, err)
	option := accounts.InstrumentKey("OPT:NU:20250516:C:12:100:USD")
	future := accounts.InstrumentKey("FUT:ES:20250620:50:USD")
	for name, test := range map[string]struct {
		instrument accounts.Instrument
		want       accounts.InstrumentKey
	}{
		"stock":             {accounts.NewStock("NU", "USD"), "STK:NU:USD"},
		"stock, terms only": {accounts.Instrument{SecType: accounts.Stock, Symbol: "NU", Currency: "USD"}, "STK:NU:USD"},
		"stock with hints":  {accounts.Instrument{SecType: "STK", Symbol: "NU", Currency: "USD", ConID: 7, LocalSymbol: "NU", Underlying: "NU"}, "STK:NU:USD"},
		"stock, 1.0 each":   {accounts.Instrument{SecType: "STK", Symbol: "NU", Currency: "USD", Multiplier: decimal(t, "1.0")}, "STK:NU:USD"},
		"another currency":  {accounts.NewStock("NU", "EUR"), "STK:NU:EUR"},
		"symbol with space": {accounts.NewStock("BRK B", "USD"), "STK:BRK B:USD"},
		"option":            {accounts.NewOption("NU", mayExpiry, accounts.Call, decimal(t, "12"), "USD"), option},
		"option, OCC":       {parsed, option},
		"option, zeros": {accounts.Instrument{SecType: accounts.Option, Symbol: "NU", Currency: "USD", Expiry: mayExpiry, Right: "C",
			Strike: mustUntrimmed(t, "12.000"), Multiplier: mustUntrimmed(t, "100.00")}, option},
		"option with hints": {accounts.Instrument{SecType: accounts.Option, Symbol: "NU", Currency: "USD", Expiry: mayExpiry, Right: "C",
			Strike: decimal(t, "12"), Underlying: "NU", ConID: 772312345, LocalSymbol: "NU    250516C00012000"}, option},
		"put":             {accounts.NewOption("NU", mayExpiry, accounts.Put, decimal(t, "12.5"), "USD"), "OPT:NU:20250516:P:12.5:100:USD"},
		"another day":     {accounts.NewOption("NU", 20250517, accounts.Call, decimal(t, "12"), "USD"), "OPT:NU:20250517:C:12:100:USD"},
		"mini option":     {accounts.Instrument{SecType: "OPT", Symbol: "NU", Currency: "USD", Expiry: mayExpiry, Right: "C", Strike: decimal(t, "12"), Multiplier: decimal(t, "10")}, "OPT:NU:20250516:C:12:10:USD"},
		"future":          {accounts.Instrument{SecType: "FUT", Symbol: "ES", Currency: "USD", Expiry: 20250620, Multiplier: decimal(t, "50")}, future},
		"future, hint":    {accounts.Instrument{SecType: "FUT", Symbol: "ES", Currency: "USD", Expiry: 20250620, Multiplier: mustUntrimmed(t, "50.0"), LocalSymbol: "ESM5"}, future},
		"currency pair":   {accounts.Instrument{SecType: "CASH", Symbol: "EUR", Currency: "USD"}, "CASH:EUR:USD"},
		"bond of a 1,000": {accounts.Instrument{SecType: "BOND", Symbol: "T 4 1/2", Currency: "USD", Multiplier: decimal(t, "1000")}, "BOND:T 4 1/2:1000:USD"},
	} {
		require.Equal(t, test.want, test.instrument.Key(), "key of %s", name)
	}
}

// mustUntrimmed keeps the trailing zeros that ParseDecimal removes.
func mustUntrimmed(t *testing.T, s string) (d accounts.Decimal) {
	t.Helper()
	require.NoError(t, d.UnmarshalText([]byte(s)), "the test has a wrong decimal in it")
	return d
}

func TestInstrumentString(t *testing.T) {
	i := accounts.NewStock("NU", "USD")
	require.Equal(t, "STK:NU:USD", i.String(), "without a broker's symbol")
	i.LocalSymbol = "NU"
	require.Equal(t, "NU", i.String(), "with the broker's symbol")
}

func TestInstrumentValidate(t *testing.T) {
	stock := accounts.NewStock("NU", "USD")
	option := accounts.NewOption("NU", mayExpiry, accounts.Call, decimal(t, "12"), "USD")
	future := accounts.Instrument{SecType: accounts.Future, Symbol: "ES", Currency: "USD", Expiry: 20250620, Multiplier: decimal(t, "50")}
	pair := accounts.Instrument{SecType: accounts.Forex, Symbol: "EUR", Currency: "USD"}
	var huge accounts.Decimal
	require.NoError(t, huge.UnmarshalText([]byte("1000000000000000")))
	for name, test := range map[string]struct {
		base   accounts.Instrument
		change func(*accounts.Instrument)
		fields []string
	}{
		"stock":                  {stock, func(i *accounts.Instrument) {}, nil},
		"option":                 {option, func(i *accounts.Instrument) {}, nil},
		"future":                 {future, func(i *accounts.Instrument) {}, nil},
		"pair":                   {pair, func(i *accounts.Instrument) {}, nil},
		"option's multiplier":    {option, func(i *accounts.Instrument) { i.Multiplier = accounts.Decimal{} }, nil},
		"warrant":                {option, func(i *accounts.Instrument) { i.SecType = accounts.Warrant }, nil},
		"unknown kind":           {stock, func(i *accounts.Instrument) { i.SecType = "BAG" }, []string{"SecType"}},
		"no symbol":              {stock, func(i *accounts.Instrument) { i.Symbol = "" }, []string{"Symbol"}},
		"long symbol":            {stock, func(i *accounts.Instrument) { i.Symbol = strings.Repeat("S", 51) }, []string{"Symbol"}},
		"colon in symbol":        {stock, func(i *accounts.Instrument) { i.Symbol = "NU:USD" }, []string{"Symbol"}},
		"space around symbol":    {stock, func(i *accounts.Instrument) { i.Symbol = " NU" }, []string{"Symbol"}},
		"control in symbol":      {stock, func(i *accounts.Instrument) { i.Symbol = "N\x00U" }, []string{"Symbol"}},
		"colon in underlying":    {option, func(i *accounts.Instrument) { i.Underlying = "A:B" }, []string{"Underlying"}},
		"long local symbol":      {stock, func(i *accounts.Instrument) { i.LocalSymbol = strings.Repeat("S", 101) }, []string{"LocalSymbol"}},
		"no currency":            {stock, func(i *accounts.Instrument) { i.Currency = "" }, []string{"Currency"}},
		"pair of no currency":    {pair, func(i *accounts.Instrument) { i.Symbol = "EURO" }, []string{"Symbol"}},
		"pair of one currency":   {pair, func(i *accounts.Instrument) { i.Symbol = "USD" }, []string{"Symbol"}},
		"negative multiplier":    {stock, func(i *accounts.Instrument) { i.Multiplier = decimal(t, "-1") }, []string{"Multiplier"}},
		"huge multiplier":        {stock, func(i *accounts.Instrument) { i.Multiplier = huge }, []string{"Multiplier"}},
		"future, no multiplier":  {future, func(i *accounts.Instrument) { i.Multiplier = accounts.Decimal{} }, []string{"Multiplier"}},
		"future, no expiry":      {future, func(i *accounts.Instrument) { i.Expiry = 0 }, []string{"Expiry"}},
		"future, no such day":    {future, func(i *accounts.Instrument) { i.Expiry = 20250230 }, []string{"Expiry"}},
		"future with a right":    {future, func(i *accounts.Instrument) { i.Right = accounts.Call }, []string{"Right"}},
		"stock with strike":      {stock, func(i *accounts.Instrument) { i.Strike = decimal(t, "1") }, []string{"Strike"}},
		"stock with expiry":      {stock, func(i *accounts.Instrument) { i.Expiry = mayExpiry }, []string{"Expiry"}},
		"option, no expiry":      {option, func(i *accounts.Instrument) { i.Expiry = 0 }, []string{"Expiry"}},
		"option, no right":       {option, func(i *accounts.Instrument) { i.Right = "" }, []string{"Right"}},
		"option, right in words": {option, func(i *accounts.Instrument) { i.Right = "CALL" }, []string{"Right"}},
		"option, no strike":      {option, func(i *accounts.Instrument) { i.Strike = accounts.Decimal{} }, []string{"Strike"}},
		"option, strike below 0": {option, func(i *accounts.Instrument) { i.Strike = decimal(t, "-12") }, []string{"Strike"}},
		"option, huge strike":    {option, func(i *accounts.Instrument) { i.Strike = huge }, []string{"Strike"}},
		"future option, bare": {option, func(i *accounts.Instrument) {
			*i = accounts.Instrument{SecType: accounts.FutureOption, Symbol: "ES", Currency: "USD"}
		},
			[]string{"Multiplier", "Expiry", "Right", "Strike"}},
		"nothing": {accounts.Instrument{}, func(i *accounts.Instrument) {}, []string{"SecType", "Symbol", "Currency"}},
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
	for symbol, want := range map[string]accounts.InstrumentKey{
		"NU    250516C00012000": "OPT:NU:20250516:C:12:100:USD",
		"NU250516C00012000":     "OPT:NU:20250516:C:12:100:USD",
		"SPXW  251219P05950000": "OPT:SPXW:20251219:P:5950:100:USD",
		"F     260116P00000001": "OPT:F:20260116:P:0.001:100:USD",
		"GOOGL1240229C99999999": "OPT:GOOGL1:20240229:C:99999.999:100:USD",
		"BRK.B 250516C00512500": "OPT:BRK.B:20250516:C:512.5:100:USD",
	} {
		i, err := accounts.ParseOCC(symbol)
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
		_, err := accounts.ParseOCC(symbol)
		require.ErrorIs(t, err, accounts.ErrInvalid, "%q was accepted", symbol)
	}
}

func TestOCCOfWhatTheFormCannotHold(t *testing.T) {
	option := accounts.NewOption("NU", mayExpiry, accounts.Call, decimal(t, "12"), "USD")
	for name, change := range map[string]func(*accounts.Instrument){
		"stock":                   func(i *accounts.Instrument) { *i = accounts.NewStock("NU", "USD") },
		"option on a future":      func(i *accounts.Instrument) { i.SecType = accounts.FutureOption },
		"long root":               func(i *accounts.Instrument) { i.Symbol = "ABCDEFG" },
		"no root":                 func(i *accounts.Instrument) { i.Symbol = "" },
		"root in small letters":   func(i *accounts.Instrument) { i.Symbol = "nu" },
		"a tenth of a thousandth": func(i *accounts.Instrument) { i.Strike = decimal(t, "12.0001") },
		"strike too high":         func(i *accounts.Instrument) { i.Strike = decimal(t, "100000") },
		"no strike":               func(i *accounts.Instrument) { i.Strike = accounts.Decimal{} },
		"strike below zero":       func(i *accounts.Instrument) { i.Strike = decimal(t, "-12") },
		"another century":         func(i *accounts.Instrument) { i.Expiry = 19990115 },
		"no such day":             func(i *accounts.Instrument) { i.Expiry = 20250230 },
		"no right":                func(i *accounts.Instrument) { i.Right = "" },
	} {
		i := option
		change(&i)
		symbol, err := i.OCC()
		require.ErrorIs(t, err, accounts.ErrInvalid, "%s became %q", name, symbol)
	}
}

func genDate(from, to int) *rapid.Generator[accounts.Date] {
	return rapid.Custom(func(t *rapid.T) accounts.Date {
		first := time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC)
		last := time.Date(to, 12, 31, 0, 0, 0, 0, time.UTC)
		days := int(last.Sub(first).Hours() / 24)
		return accounts.DateOf(first.AddDate(0, 0, rapid.IntRange(0, days).Draw(t, "days")))
	})
}

func TestOCCRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		thousandths := rapid.Int64Range(1, 99_999_999).Draw(t, "strike in thousandths")
		want := accounts.NewOption(
			rapid.StringMatching(`[A-Z0-9.]{1,6}`).Draw(t, "root"),
			genDate(2000, 2099).Draw(t, "expiry"),
			rapid.SampledFrom([]accounts.Right{accounts.Call, accounts.Put}).Draw(t, "right"),
			thousandthsOf(t, thousandths), "USD")
		symbol, err := want.OCC()
		require.NoError(t, err, "%s has no symbol", want.Key())
		got, err := accounts.ParseOCC(symbol)
		require.NoError(t, err, "%q cannot be read", symbol)
		require.Equal(t, want.Key(), got.Key(), "%q is another contract", symbol)
	})
}

// thousandthsOf goes by text, a way that OCC does not take.
func thousandthsOf(t require.TestingT, n int64) accounts.Decimal {
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
		i, err := accounts.ParseOCC(s)
		if err != nil {
			require.ErrorIs(t, err, accounts.ErrInvalid, "%q was refused with another error", s)
			return
		}
		require.NoError(t, i.Validate(), "%q became an invalid instrument", s)
		symbol, err := i.OCC()
		require.NoError(t, err, "%q has no symbol any more", s)
		require.Equal(t, strings.ReplaceAll(s, " ", ""), strings.ReplaceAll(symbol, " ", ""), "another symbol came back")
		again, err := accounts.ParseOCC(symbol)
		require.NoError(t, err, "%q, which we wrote, cannot be read", symbol)
		require.Equal(t, i.Key(), again.Key(), "%q and %q are different contracts", s, symbol)
	})
}

func TestDate(t *testing.T) {
	for in, want := range map[string]accounts.Date{
		"2025-05-16": 20250516, "20250516": 20250516, "2024-02-29": 20240229, "19000101": 19000101, "9999-12-31": 99991231,
	} {
		got, err := accounts.ParseDate(in)
		require.NoError(t, err, "%q was refused", in)
		require.Equal(t, want, got, "%q is another day", in)
	}
	for _, in := range []string{
		"", "2025-02-29", "20250431", "2025-13-01", "2025-00-10", "2025-05-00", "18991231", "2025-5-16", "250516",
		"2025/05/16", "2025-0516", "+2025051", "-2025051", "2025-05-16T00:00:00Z", "99999999999999999999", " 20250516",
	} {
		got, err := accounts.ParseDate(in)
		require.ErrorIs(t, err, accounts.ErrInvalid, "%q was accepted as %s", in, got)
	}
}

// The same instant is another day elsewhere.
func TestDateOfATimeIsItsOwnZones(t *testing.T) {
	newYork := time.FixedZone("New York", -4*60*60)
	night := time.Date(2025, 5, 17, 1, 30, 0, 0, time.UTC)
	require.Equal(t, accounts.Date(20250517), accounts.DateOf(night))
	require.Equal(t, accounts.Date(20250516), accounts.DateOf(night.In(newYork)))
	require.Equal(t, time.Date(2025, 5, 16, 4, 0, 0, 0, time.UTC), mayExpiry.Time(newYork).UTC(), "midnight in New York")
}

func TestDateText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := genDate(1900, 9999).Draw(t, "date")
		require.True(t, d.Valid())
		b, err := json.Marshal(d)
		require.NoError(t, err)
		var got accounts.Date
		require.NoError(t, json.Unmarshal(b, &got), "%s cannot be read", b)
		require.Equal(t, d, got, "%s is another day", b)
		require.Equal(t, d, accounts.DateOf(d.Time(time.UTC)))
	})
	var none accounts.Date
	require.Equal(t, "", none.String())
	require.False(t, none.Valid(), "no date is a date")
	require.NoError(t, json.Unmarshal([]byte(`""`), &none))
	require.Zero(t, none)
	require.ErrorIs(t, none.UnmarshalText([]byte("soon")), accounts.ErrInvalid)
}
