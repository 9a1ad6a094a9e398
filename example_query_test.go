package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

// tradedPortfolio returns a portfolio with 100,000 deposited, 20 units bought and 5 of them sold.
func tradedPortfolio(ctx context.Context) (p *accounts.Portfolio, stock ledger.Instrument, end func()) {
	p, end = examplePortfolio()
	stock = ledger.NewStock("XYZ", "USD")
	_, err := p.Record(ctx,
		ledger.CashMovement{ID: "wire-1", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: noon.AddDate(0, 0, -3)},
		ledger.Trade{ExecID: "e-1", Instrument: stock, Quantity: dec("20"), Price: dec("40"), Commission: dec("1"), Time: noon.AddDate(0, 0, -2)},
		ledger.Trade{ExecID: "e-2", Instrument: stock, Quantity: dec("-5"), Price: dec("44"), Commission: dec("1"), Time: noon.AddDate(0, 0, -1)},
	)
	check(err)
	return p, stock, end
}

// Equity is not guessed: it needs a mark of everything that is held.
func ExamplePortfolio_Mark() {
	portfolio, stock, end := tradedPortfolio(context.Background())
	defer end()
	_, err := portfolio.Equity()
	var missing *accounts.MissingError
	if errors.As(err, &missing) {
		fmt.Println("no mark for", missing.Marks)
	}

	check(portfolio.Mark(ledger.Mark{Instrument: stock, Price: dec("46"), Time: noon}))
	equity, err := portfolio.Equity()
	fmt.Println("equity:", equity, err)
	// Output:
	// no mark for [STK:XYZ:USD]
	// equity: 100108 <nil>
}

// A snapshot is everything about a profile at one moment.
func ExamplePortfolio_Snapshot() {
	portfolio, stock, end := tradedPortfolio(context.Background())
	defer end()
	check(portfolio.Mark(ledger.Mark{Instrument: stock, Price: dec("46"), Time: noon}))

	s := portfolio.Snapshot()
	for _, p := range s.Open {
		fmt.Println(p.Instrument, p.Quantity, "worth", p.Value, "unrealized", p.Unrealized)
	}
	fmt.Println("equity:", s.Equity, s.BaseCurrency, "= capital", s.Capital, "+ realized", s.Realized, "+ unrealized", s.Unrealized)
	fmt.Println("complete:", s.Missing == nil, "as of entry", s.Seq)
	// Output:
	// STK:XYZ:USD 15 worth 690 unrealized 89.25
	// equity: 100108 USD = capital 100000 + realized 18.75 + unrealized 89.25
	// complete: true as of entry 3
}

func ExamplePortfolio_Trades() {
	ctx := context.Background()
	portfolio, stock, end := tradedPortfolio(ctx)
	defer end()
	filter := accounts.TradeFilter{From: noon.AddDate(0, 0, -7), Instruments: []ledger.InstrumentKey{stock.Key()}}
	for recorded, err := range portfolio.Trades(ctx, filter) {
		check(err)
		t := recorded.Value
		fmt.Println(t.Time.Format(time.DateOnly), t.ExecID, t.Quantity, "at", t.Price)
	}
	// Output:
	// 2025-05-14 e-1 20 at 40
	// 2025-05-15 e-2 -5 at 44
}

func ExamplePortfolio_Closings() {
	ctx := context.Background()
	portfolio, _, end := tradedPortfolio(ctx)
	defer end()
	closings, err := portfolio.Closings(ctx, accounts.TradeFilter{})
	check(err)
	for _, recorded := range closings {
		c := recorded.Value
		fmt.Println(c.Trade.ExecID, "closed", c.Quantity, "of basis", c.Basis, "and realized", c.Realized)
	}
	// Output:
	// e-2 closed -5 of basis 200.25 and realized 18.75
}

// What the broker says is held against the book; what it does not mention is not compared.
func ExamplePortfolio_Reconcile() {
	ctx := context.Background()
	portfolio, stock, end := tradedPortfolio(ctx)
	defer end()
	result, err := portfolio.Reconcile(ctx, reconcile.Statement{
		Closings:  []reconcile.Closing{{ExecID: "e-2", Instrument: stock, Quantity: dec("-5"), Realized: dec("18.75")}},
		Positions: []reconcile.Position{{Instrument: stock, Quantity: dec("14")}},
		Cash:      []reconcile.Cash{{Currency: "USD", Balance: dec("99418")}},
	})
	check(err)
	fmt.Println("compared:", result.Compared)
	for _, b := range result.Breaks {
		fmt.Println(b)
	}
	// Output:
	// compared: 3
	// STK:XYZ:USD: quantity is 15, the broker says 14 (1 off)
}

// Verify proves that the journal is whole and that the book is what it adds up to.
func ExamplePortfolio_Verify() {
	ctx := context.Background()
	portfolio, _, end := tradedPortfolio(ctx)
	defer end()
	err := portfolio.Verify(ctx)
	fmt.Println(portfolio.Seq(), "entries, corrupt:", errors.Is(err, accounts.ErrCorrupt), err)
	// Output:
	// 3 entries, corrupt: false <nil>
}
