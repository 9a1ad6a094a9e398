package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/internal/payloadtest"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
)

// requireScanned checks that what is scanned is what wire.Decode reads, and reports whether it was scanned.
func requireScanned(t require.TestingT, data string) bool {
	trade, isTrade := ledger.ScanTrade([]byte(data))
	if isTrade {
		want, err := wire.Decode[ledger.Trade]([]byte(data))
		require.NoError(t, err, "a trade was scanned that cannot be read: %q", data)
		require.Equal(t, want, trade, "scanned from %q", data)
	}
	point, isPoint := ledger.ScanPoint([]byte(data))
	if isPoint {
		want, err := wire.Decode[ledger.EquityPoint]([]byte(data))
		require.NoError(t, err, "a point was scanned that cannot be read: %q", data)
		require.Equal(t, want, point, "scanned from %q", data)
	}
	return isTrade || isPoint
}

// drawDecimal draws numbers of up to 9 digits and 6 places.
func drawDecimal(t *rapid.T, label string, from int64) ledger.Decimal {
	return drawPlaces(t, label, from, 0)
}

// drawPlaces is drawDecimal for numbers of some places at least.
func drawPlaces(t *rapid.T, label string, from int64, places int) ledger.Decimal {
	d, err := udecimal.NewFromInt64(rapid.Int64Range(from, 999_999_999).Draw(t, label), uint8(rapid.IntRange(places, 6).Draw(t, label+" places")))
	require.NoError(t, err)
	return d
}

// drawTrade draws a trade in any kind of contract with any of the fields that a trade may leave out. Its price is
// below a million, so that what it is worth is below ledger's bound.
func drawTrade(t *rapid.T) *ledger.Trade {
	i := rapid.SampledFrom([]ledger.Instrument{
		xyz, call, put, oil, ledger.NewBond("912797", "USD"), {SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"},
		{SecType: ledger.FutureOption, Symbol: "LO", Underlying: "CLK6", Currency: "USD", Expiry: 20260416, Right: ledger.Put,
			Strike: dec("71.25"), Multiplier: dec("1000")},
	}).Draw(t, "instrument")
	i.ConID = rapid.SampledFrom([]int64{0, 76792991, -1, 1 << 62}).Draw(t, "con id")
	i.LocalSymbol = rapid.SampledFrom([]string{"", "XYZ   260320C00052500", "XYZ é", "A&B", `"q"`}).Draw(t, "local symbol")
	f := &ledger.Trade{
		ExecID:     ledger.ExecID(rapid.StringMatching(`[!-~]{1,30}`).Draw(t, "exec id")),
		OrderID:    ledger.OrderID(rapid.SampledFrom([]string{"", "o-1", "ö", "trend/7"}).Draw(t, "order id")),
		Kind:       rapid.SampledFrom([]ledger.TradeKind{"", ledger.Execution, ledger.Expiry, ledger.Assignment, ledger.Exercise, ledger.Corporate}).Draw(t, "kind"),
		Instrument: i, Price: drawPlaces(t, "price", 0, 3), Time: time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "time")),
	}
	for f.Quantity.IsZero() {
		f.Quantity = drawDecimal(t, "quantity", -999_999_999)
	}
	if rapid.Bool().Draw(t, "pending") {
		f.CommissionPending = true
	} else {
		f.Commission, f.Taxes = drawDecimal(t, "commission", -1000), drawDecimal(t, "taxes", 0)
	}
	if i.SecType == ledger.Forex && rapid.Bool().Draw(t, "commission abroad") {
		f.CommissionCurrency = "CHF"
	}
	if rapid.Bool().Draw(t, "rated") {
		f.FXRate = dec("1.0845")
	}
	if rapid.Bool().Draw(t, "proceeds told") {
		f.Proceeds = drawDecimal(t, "proceeds", 1)
		if !f.Quantity.IsNeg() {
			f.Proceeds = f.Proceeds.Neg()
		}
	}
	return f
}

// Every trade that is recorded is scanned, unless a text of it had to be escaped.
func TestPropertyTradesAreScanned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawTrade(t)
		require.NoError(t, f.Normalize())
		data := encoded(f)
		require.Equal(t, !strings.Contains(data, `\`), requireScanned(t, data), "whether it was scanned: %s", data)
		back, err := ledger.Decode(ledger.KindTrade, []byte(data))
		require.NoError(t, err)
		require.Equal(t, f.Bare(), back.(*ledger.Trade).Bare(), "read back from %s", data)
		require.Equal(t, f.Contract(), back.(*ledger.Trade).Contract())
	})
}

func TestPropertyEquityPointsAreScanned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := ledger.EquityPoint{Time: time.UnixMicro(rapid.Int64Range(0, 4e15).Draw(t, "time")),
			Equity: drawDecimal(t, "equity", -1e8), Cash: drawDecimal(t, "cash", -1e8), Realized: drawDecimal(t, "realized", -1e8),
			Unrealized: drawDecimal(t, "unrealized", -1e8), Capital: drawDecimal(t, "capital", -1e8), InKind: drawDecimal(t, "in kind", 0),
			Derived: rapid.Bool().Draw(t, "derived"), Before: rapid.Bool().Draw(t, "before")}
		if rapid.Bool().Draw(t, "notional known") {
			p.Notional = &ledger.Notional{Long: drawDecimal(t, "long", 0), Short: drawDecimal(t, "short", 0)}
		}
		if rapid.Bool().Draw(t, "rates known") {
			p.Rates = map[ledger.Currency]ledger.Decimal{"EUR": dec("1.25")}
		}
		data := encoded(&p)
		require.Equal(t, p.Rates == nil, requireScanned(t, data), "whether it was scanned: %s", data)
	})
}

// other are forms of one trade that encoding/json reads or refuses, and that journals do not write.
func otherForms() map[string]string {
	const trade = `{"v":1,"exec_id":"x","instrument":{"sec_type":"OPT","symbol":"XYZ","currency":"USD","underlying":"XYZ","expiry":"2026-03-20",` +
		`"right":"C","strike":"52.5","multiplier":"100","con_id":7},"quantity":"1","price":"2.5","time":"2026-03-02T14:30:01.5Z"}`
	forms := map[string]string{"": trade}
	for name, change := range map[string][2]string{
		"another version":              {`"v":1`, `"v":2`},
		"no version":                   {`"v":1,`, ``},
		"a field twice":                {`"price":"2.5"`, `"price":"2.5","price":"3"`},
		"a field twice, the first new": {`"exec_id":"x"`, `"exec_id":"y","exec_id":"x"`},
		"another order":                {`"quantity":"1","price":"2.5"`, `"price":"2.5","quantity":"1"`},
		"a space":                      {`,"price"`, `, "price"`},
		"a capital letter":             {`"price"`, `"Price"`},
		"an escape":                    {`"exec_id":"x"`, `"exec_id":"\u0078"`},
		"an escaped quotation mark":    {`"exec_id":"x"`, `"exec_id":"x\""`},
		"no UTF-8":                     {`"exec_id":"x"`, "\"exec_id\":\"x\xff\""},
		"a control character":          {`"exec_id":"x"`, "\"exec_id\":\"x\x01\""},
		"what HTML escapes":            {`"exec_id":"x"`, `"exec_id":"<"`},
		"a line separator":             {`"exec_id":"x"`, "\"exec_id\":\"\u2028\""},
		"an empty optional":            {`"exec_id":"x"`, `"exec_id":"x","order_id":""`},
		"a zero behind":                {`"2.5"`, `"2.50"`},
		"a zero before":                {`"2.5"`, `"02.5"`},
		"a sign":                       {`"2.5"`, `"+2.5"`},
		"zero below zero":              {`"2.5"`, `"-0"`},
		"an optional zero":             {`"price":"2.5"`, `"price":"2.5","taxes":"0"`},
		"a decimal as a number":        {`"2.5"`, `2.5`},
		"a decimal as null":            {`"2.5"`, `null`},
		"a decimal of the text null":   {`"2.5"`, `"null"`},
		"a false":                      {`"price":"2.5"`, `"price":"2.5","commission_pending":false`},
		"a number with a sign":         {`"con_id":7`, `"con_id":+7`},
		"a number with zeros":          {`"con_id":7`, `"con_id":007`},
		"a number of zero":             {`"con_id":7`, `"con_id":0`},
		"a number with a fraction":     {`"con_id":7`, `"con_id":7.0`},
		"an optional number as null":   {`"con_id":7`, `"con_id":null`},
		"a short date":                 {`2026-03-20`, `20260320`},
		"no such date":                 {`2026-03-20`, `2026-02-30`},
		"another zone":                 {`01.5Z`, `01.5+00:00`},
		"zeros behind a time":          {`01.5Z`, `01.500Z`},
		"a time without a letter":      {`01.5Z`, `01.5`},
		"no such time":                 {`14:30`, `14:61`},
		"an unknown field":             {`"price"`, `"new":1,"price"`},
		"an array around":              {`{"v"`, `[{"v"`},
		"something behind it":          {`.5Z"}`, `.5Z"}{}`},
		"a space behind it":            {`.5Z"}`, `.5Z"} `},
		"cut off":                      {`.5Z"}`, `.5Z"`},
		"no instrument":                {`"instrument"`, `"instrument":null,"instruments"`},
	} {
		forms[name] = strings.Replace(trade, change[0], change[1], 1)
	}
	return forms
}

func TestOtherFormsAreNotScanned(t *testing.T) {
	for name, data := range otherForms() {
		require.Equal(t, name == "", requireScanned(t, data), "whether it was scanned, with %s: %s", name, data)
	}
	require.False(t, requireScanned(t, ""), "nothing")
}

// FuzzScan: what is scanned from any bytes is what wire.Decode reads from them.
func FuzzScan(f *testing.F) {
	for _, p := range payloadtest.Ledger() {
		f.Add([]byte(encoded(p)))
	}
	for _, data := range otherForms() {
		f.Add([]byte(data))
	}
	f.Fuzz(func(t *testing.T, data []byte) { requireScanned(t, string(data)) })
}
