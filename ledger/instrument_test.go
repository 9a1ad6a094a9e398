package ledger_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

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
		"stock, 1.0 each":   {ledger.Instrument{SecType: "STK", Symbol: "NU", Currency: "USD", Multiplier: dec("1.0")}, "STK:NU:USD"},
		"another currency":  {ledger.NewStock("NU", "EUR"), "STK:NU:EUR"},
		"symbol with space": {ledger.NewStock("BRK B", "USD"), "STK:BRK B:USD"},
		"option":            {ledger.NewOption("NU", mayExpiry, ledger.Call, dec("12"), "USD"), option},
		"option, OCC":       {parsed, option},
		"option, zeros": {ledger.Instrument{SecType: ledger.Option, Symbol: "NU", Currency: "USD", Expiry: mayExpiry, Right: "C",
			Strike: mustUntrimmed(t, "12.000"), Multiplier: mustUntrimmed(t, "100.00")}, option},
		"option with hints": {ledger.Instrument{SecType: ledger.Option, Symbol: "NU", Currency: "USD", Expiry: mayExpiry, Right: "C",
			Strike: dec("12"), Underlying: "NU", ConID: 772312345, LocalSymbol: "NU    250516C00012000"}, option},
		"put":             {ledger.NewOption("NU", mayExpiry, ledger.Put, dec("12.5"), "USD"), "OPT:NU:20250516:P:12.5:100:USD"},
		"another day":     {ledger.NewOption("NU", 20250517, ledger.Call, dec("12"), "USD"), "OPT:NU:20250517:C:12:100:USD"},
		"mini option":     {ledger.Instrument{SecType: "OPT", Symbol: "NU", Currency: "USD", Expiry: mayExpiry, Right: "C", Strike: dec("12"), Multiplier: dec("10")}, "OPT:NU:20250516:C:12:10:USD"},
		"future":          {ledger.Instrument{SecType: "FUT", Symbol: "ES", Currency: "USD", Expiry: 20250620, Multiplier: dec("50")}, future},
		"future, hint":    {ledger.Instrument{SecType: "FUT", Symbol: "ES", Currency: "USD", Expiry: 20250620, Multiplier: mustUntrimmed(t, "50.0"), LocalSymbol: "ESM5"}, future},
		"currency pair":   {ledger.Instrument{SecType: "CASH", Symbol: "EUR", Currency: "USD"}, "CASH:EUR:USD"},
		"bond of a 1,000": {ledger.Instrument{SecType: "BOND", Symbol: "T 4 1/2", Currency: "USD", Multiplier: dec("1000")}, "BOND:T 4 1/2:1000:USD"},
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
	option := ledger.NewOption("NU", mayExpiry, ledger.Call, dec("12"), "USD")
	future := ledger.Instrument{SecType: ledger.Future, Symbol: "ES", Currency: "USD", Expiry: 20250620, Multiplier: dec("50")}
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
		"negative multiplier":    {stock, func(i *ledger.Instrument) { i.Multiplier = dec("-1") }, []string{"Multiplier"}},
		"huge multiplier":        {stock, func(i *ledger.Instrument) { i.Multiplier = huge }, []string{"Multiplier"}},
		"future, no multiplier":  {future, func(i *ledger.Instrument) { i.Multiplier = ledger.Decimal{} }, []string{"Multiplier"}},
		"future, no expiry":      {future, func(i *ledger.Instrument) { i.Expiry = 0 }, []string{"Expiry"}},
		"future, no such day":    {future, func(i *ledger.Instrument) { i.Expiry = 20250230 }, []string{"Expiry"}},
		"future with a right":    {future, func(i *ledger.Instrument) { i.Right = ledger.Call }, []string{"Right"}},
		"stock with strike":      {stock, func(i *ledger.Instrument) { i.Strike = dec("1") }, []string{"Strike"}},
		"stock with expiry":      {stock, func(i *ledger.Instrument) { i.Expiry = mayExpiry }, []string{"Expiry"}},
		"option, no expiry":      {option, func(i *ledger.Instrument) { i.Expiry = 0 }, []string{"Expiry"}},
		"option, no right":       {option, func(i *ledger.Instrument) { i.Right = "" }, []string{"Right"}},
		"option, right in words": {option, func(i *ledger.Instrument) { i.Right = "CALL" }, []string{"Right"}},
		"option, no strike":      {option, func(i *ledger.Instrument) { i.Strike = ledger.Decimal{} }, []string{"Strike"}},
		"option, strike below 0": {option, func(i *ledger.Instrument) { i.Strike = dec("-12") }, []string{"Strike"}},
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
