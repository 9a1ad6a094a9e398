package ledger_test

import (
	"strings"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

func TestEveryWrongFieldIsNamedAtOnce(t *testing.T) {
	_, err := ledger.Normalize(ledger.Trade{Kind: "gift", Price: dec("-1"), Instrument: xyz})
	require.Equal(t, []string{"ExecID", "Kind", "Quantity", "Price", "Time"}, wrongFields(t, err))
}

// TestRefusedFacts: what no book can accept is refused with an error that says why.
func TestRefusedFacts(t *testing.T) {
	change := func(f func(*ledger.Trade)) ledger.Trade {
		tr := trade(1, xyz, "10", "10")
		f(&tr)
		return tr
	}
	wide := udecimal.MustParse("0.0000000001") // 10 places
	for name, c := range map[string]struct {
		fact ledger.Fact
		want error
		says string
	}{
		"no fact":                       {nil, invalid.Err, "nil"},
		"zero quantity":                 {change(func(tr *ledger.Trade) { tr.Quantity = dec("0") }), invalid.Err, "Quantity is zero"},
		"no execution id":               {change(func(tr *ledger.Trade) { tr.ExecID = "" }), invalid.Err, "ExecID"},
		"an execution id with newlines": {change(func(tr *ledger.Trade) { tr.ExecID = "a\nb" }), invalid.Err, "ExecID"},
		"a negative price":              {change(func(tr *ledger.Trade) { tr.Price = dec("-1") }), invalid.Err, "Price"},
		"an unknown kind":               {change(func(tr *ledger.Trade) { tr.Kind = "gift" }), invalid.Err, "Kind"},
		"no time":                       {change(func(tr *ledger.Trade) { tr.Time = time.Time{} }), invalid.Err, "Time"},
		"an oversized quantity":         {change(func(tr *ledger.Trade) { tr.Quantity = udecimal.MustParse("1000000000000000") }), invalid.Err, "Quantity"},
		"an oversized price":            {change(func(tr *ledger.Trade) { tr.Price = udecimal.MustParse(strings.Repeat("9", 30)) }), invalid.Err, "Price"},
		"an oversized product":          {change(func(tr *ledger.Trade) { tr.Quantity, tr.Price = dec("999999999999"), dec("9999999") }), ledger.ErrInexact, "1e18"},
		"a product that loses places":   {change(func(tr *ledger.Trade) { tr.Quantity, tr.Price = wide, wide }), ledger.ErrInexact, "19 places"},
		"a rate below zero":             {change(func(tr *ledger.Trade) { tr.FXRate = dec("-1") }), invalid.Err, "FXRate"},
		"commission in another currency": {change(func(tr *ledger.Trade) { tr.CommissionCurrency = "EUR" }),
			ledger.ErrCurrencyMismatch, "EUR"},
		"an instrument without terms": {change(func(tr *ledger.Trade) {
			tr.Instrument = ledger.Instrument{SecType: ledger.Option, Symbol: "X", Currency: "usd"}
		}),
			invalid.Err, "Currency"},
		"a future without multiplier": {change(func(tr *ledger.Trade) {
			tr.Instrument = ledger.Instrument{SecType: ledger.Future, Symbol: "CL", Currency: "USD", Expiry: 20261120}
		}),
			invalid.Err, "Multiplier"},
		"a pointer to nothing":       {(*ledger.Trade)(nil), invalid.Err, "*ledger.Trade"},
		"cash without an id":         {ledger.CashMovement{Kind: ledger.Deposit, Currency: "USD", Amount: dec("1"), Time: at(1)}, invalid.Err, "ID"},
		"a split without an id":      {ledger.Split{From: xyz, To: xyz, Numerator: dec("2"), Denominator: dec("1"), Time: at(1)}, invalid.Err, "ID"},
		"an opening without id":      {ledger.Opening{Instrument: xyz, Time: at(1), Lots: []ledger.Lot{{Quantity: dec("1"), OpenedAt: at(1)}}}, invalid.Err, "ID"},
		"proceeds of the wrong sign": {change(func(tr *ledger.Trade) { tr.Proceeds = dec("100") }), invalid.Err, "Proceeds"},
		"lots opened after their balance": {ledger.Opening{ID: "o", Instrument: xyz, Time: at(1),
			Lots: []ledger.Lot{{Quantity: dec("1"), OpenedAt: at(2)}}}, invalid.Err, "OpenedAt"},
		"lots opened after the end of time": {ledger.Opening{ID: "o", Instrument: xyz, Time: at(1), Lots: []ledger.Lot{{Quantity: dec("1"),
			OpenedAt: time.Date(9999, 12, 31, 23, 0, 0, 0, time.FixedZone("", -5*3600))}}}, invalid.Err, "OpenedAt"},
		"an absurd equity point": {ledger.EquityPoint{Time: at(1), Equity: udecimal.MustParse(strings.Repeat("9", 150))}, invalid.Err, "Equity"},
		"no cash":                {ledger.CashMovement{Kind: ledger.Deposit, Currency: "USD", Time: at(1)}, invalid.Err, "Amount is zero"},
		"a negative deposit":     {ledger.CashMovement{Kind: ledger.Deposit, Currency: "USD", Amount: dec("-1"), Time: at(1)}, invalid.Err, "deposit"},
		"a positive withdrawal":  {ledger.CashMovement{Kind: ledger.Withdrawal, Currency: "USD", Amount: dec("1"), Time: at(1)}, invalid.Err, "withdrawal"},
		"cash in no currency":    {ledger.CashMovement{Kind: ledger.Deposit, Currency: "Dollar", Amount: dec("1"), Time: at(1)}, invalid.Err, "Currency"},
		"a long note":            {ledger.CashMovement{Kind: ledger.Deposit, Currency: "USD", Amount: dec("1"), Note: strings.Repeat("x", 501), Time: at(1)}, invalid.Err, "Note"},
		"a split by nothing":     {ledger.Split{ID: "s", From: xyz, To: xyz, Numerator: dec("2"), Time: at(1)}, invalid.Err, "Denominator"},
		"a split into euros": {ledger.Split{ID: "s", From: xyz, To: ledger.NewStock("XYZ", "EUR"), Numerator: dec("1"), Denominator: dec("1"), Time: at(1)},
			ledger.ErrCurrencyMismatch, "EUR"},
		"an opening without lots": {ledger.Opening{Instrument: xyz, Time: at(1)}, invalid.Err, "Lots"},
		"lots of both signs": {ledger.Opening{Instrument: xyz, Time: at(1), Lots: []ledger.Lot{
			{Quantity: dec("1"), OpenedAt: at(1)}, {Quantity: dec("-1"), OpenedAt: at(1)}}}, invalid.Err, "Lots[1]"},
		"a cancellation of nothing":  {ledger.Cancellation{ExecID: "c", Time: at(1)}, invalid.Err, "Cancels"},
		"an equity point at no time": {ledger.EquityPoint{}, invalid.Err, "Time"},
		"an opening of a money pair": {ledger.Opening{Instrument: ledger.Instrument{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"}, Time: at(1),
			Lots: []ledger.Lot{{Quantity: dec("1"), OpenedAt: at(1)}}}, invalid.Err, "currency pair"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ledger.Normalize(c.fact)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says, "the error must say what is wrong")
		})
	}
}
