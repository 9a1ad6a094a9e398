package accounts_test

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Lots are consumed first in, first out, with the commissions of both sides. Recording an
// execution again changes nothing, so whatever was not confirmed can be repeated.
func ExamplePortfolio_Record() {
	ctx := context.Background()
	portfolio, end := examplePortfolio()
	defer end()
	stock := ledger.NewStock("XYZ", "USD")
	trades := []ledger.Trade{
		{ExecID: "0000e0d5.68270001.01.01", Instrument: stock, Quantity: dec("10"), Price: dec("40"), Commission: dec("1"), Time: noon.Add(-3 * time.Hour)},
		{ExecID: "0000e0d5.68270002.01.01", Instrument: stock, Quantity: dec("10"), Price: dec("42"), Commission: dec("1"), Time: noon.Add(-2 * time.Hour)},
		{ExecID: "0000e0d5.68270003.01.01", Instrument: stock, Quantity: dec("-15"), Price: dec("45"), Commission: dec("1"), Time: noon.Add(-time.Hour)},
	}
	for range 2 {
		added, err := portfolio.Record(ctx, ledger.Facts(trades)...)
		fmt.Println("new:", added, err)
	}

	position, _ := portfolio.Position(stock.Key())
	fmt.Println("quantity:", position.Quantity, "basis:", position.Basis, "realized:", position.Realized)
	// Output:
	// new: 3 <nil>
	// new: 0 <nil>
	// quantity: 5 basis: 210.5 realized: 62.5
}

// The broker corrects an execution by sending it again with a higher last part of its id.
func ExamplePortfolio_Record_correction() {
	ctx := context.Background()
	portfolio, end := examplePortfolio()
	defer end()
	trade := ledger.Trade{ExecID: "0000e0d5.68270001.01.01", Instrument: ledger.NewStock("XYZ", "USD"), Quantity: dec("10"), Price: dec("40"), Time: noon}
	_, err := portfolio.Record(ctx, trade)
	check(err)

	trade.ExecID, trade.Price = "0000e0d5.68270001.01.02", dec("39.5")
	_, err = portfolio.Record(ctx, trade)
	check(err)
	fmt.Println(portfolio.Snapshot().Trades, "trade, cash", portfolio.Cash()["USD"].Balance())
	// Output:
	// 1 trade, cash -395
}

func ExamplePortfolio_Record_cash() {
	ctx := context.Background()
	portfolio, end := examplePortfolio()
	defer end()
	_, err := portfolio.Record(ctx,
		ledger.CashMovement{ID: "wire-1", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: noon},
		ledger.CashMovement{ID: "div-1", Kind: ledger.Dividend, Currency: "USD", Amount: dec("12.50"), Symbol: "XYZ", Time: noon},
		ledger.CashMovement{ID: "tax-1", Kind: ledger.Tax, Currency: "USD", Amount: dec("-1.88"), Symbol: "XYZ", Time: noon},
	)
	check(err)
	usd := portfolio.Cash()["USD"]
	fmt.Println("balance:", usd.Balance(), "capital:", usd.Capital, "dividends:", usd.Dividends, "taxes:", usd.Taxes)
	// Output:
	// balance: 100010.62 capital: 100000 dividends: 12.5 taxes: -1.88
}

// A split changes quantities and leaves the cost basis as it is.
func ExamplePortfolio_Record_split() {
	ctx := context.Background()
	portfolio, end := examplePortfolio()
	defer end()
	stock := ledger.NewStock("XYZ", "USD")
	_, err := portfolio.Record(ctx, ledger.Trade{ExecID: "e-1", Instrument: stock, Quantity: dec("10"), Price: dec("400"), Time: noon.AddDate(0, 0, -1)})
	check(err)

	_, err = portfolio.Record(ctx, ledger.Split{ID: "split-1", From: stock, To: stock, Numerator: dec("4"), Denominator: dec("1"), Time: noon})
	check(err)
	position, _ := portfolio.Position(stock.Key())
	fmt.Println("quantity:", position.Quantity, "basis:", position.Basis)
	// Output:
	// quantity: 40 basis: 4000
}

// What was held before the journal began enters with its lots and moves no cash.
func ExamplePortfolio_Record_opening() {
	ctx := context.Background()
	portfolio, end := examplePortfolio()
	defer end()
	stock := ledger.NewStock("XYZ", "USD")
	_, err := portfolio.Record(ctx, ledger.Opening{
		ID: "before-1", Instrument: stock, Time: noon.AddDate(0, 0, -1),
		Lots: []ledger.Lot{
			{Quantity: dec("100"), Basis: dec("3500"), OpenedAt: noon.AddDate(-2, 0, 0)},
			{Quantity: dec("50"), Basis: dec("2100"), OpenedAt: noon.AddDate(-1, 0, 0)},
		},
	})
	check(err)
	_, err = portfolio.Record(ctx, ledger.Trade{ExecID: "e-1", Instrument: stock, Quantity: dec("-120"), Price: dec("45"), Time: noon})
	check(err)
	position, _ := portfolio.Position(stock.Key())
	fmt.Println("quantity:", position.Quantity, "basis:", position.Basis, "realized:", position.Realized)
	// Output:
	// quantity: 30 basis: 1260 realized: 1060
}

// A trade that the broker breaks is taken back as though it had never been; the journal keeps both.
func ExamplePortfolio_Record_cancellation() {
	ctx := context.Background()
	portfolio, end := examplePortfolio()
	defer end()
	stock := ledger.NewStock("XYZ", "USD")
	_, err := portfolio.Record(ctx, ledger.Trade{ExecID: "e-1", Instrument: stock, Quantity: dec("10"), Price: dec("40"), Time: noon})
	check(err)

	_, err = portfolio.Record(ctx, ledger.Cancellation{ExecID: "cancel-1", Cancels: "e-1", Time: noon.Add(time.Minute)})
	check(err)
	fmt.Println("held:", len(portfolio.Positions()), "trades:", portfolio.Snapshot().Trades, "cash:", portfolio.Cash()["USD"].Balance())
	// Output:
	// held: 0 trades: 0 cash: 0
}
