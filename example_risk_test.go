package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// Hold an order's exposure before it leaves, and let the fill make it real.
func ExamplePortfolio_Reserve() {
	ctx := context.Background()
	store := memstore.New()
	defer store.Close()
	portfolio, done := funded(ctx, store, accounts.Aggressive25K("DU1000025"))
	defer done()

	order := risk.Order{ID: "order-1", Instrument: ledger.NewStock("XYZ", "USD"), Quantity: dec("50"), Price: dec("41.30")}
	_, err := portfolio.Reserve(ctx, order)
	check(err) // or it must not be sent
	fmt.Println("held:", portfolio.Snapshot().Risk.Gross)

	// … the broker filled it at a better price …
	_, err = portfolio.Record(ctx, ledger.Trade{ExecID: "e-1", OrderID: order.ID, Instrument: order.Instrument,
		Quantity: dec("50"), Price: dec("41.20"), Commission: dec("1"), Time: time.Now()})
	check(err)
	fmt.Println("working orders:", len(portfolio.Snapshot().Risk.Orders))

	// Another 70 would be more than a tenth of equity with one order.
	order.ID, order.Quantity = "order-2", dec("70")
	_, err = portfolio.Reserve(ctx, order)
	var refused *accounts.RefusalError
	if errors.As(err, &refused) {
		for _, v := range refused.Decision.Violations {
			fmt.Println(v)
		}
	}
	// Output:
	// held: 2065
	// working orders: 0
	// order_notional (2891, limit 2500.15)
}

// One signal, four accounts, four sizes.
func ExampleMultiAccountManager_Route() {
	ctx := context.Background()
	store := memstore.New()
	defer store.Close()
	manager, err := accounts.New(store)
	check(err)
	defer manager.Close()
	xyz := ledger.NewStock("XYZ", "USD")
	names := map[accounts.ProfileID]string{}
	for _, p := range []accounts.AccountProfile{
		accounts.Aggressive25K("DU1000025"), accounts.Balanced50K("DU1000050"),
		accounts.Optimal100K("DU1000100"), accounts.Conservative250K("DU1000250"),
	} {
		portfolio, err := fund(ctx, manager, p)
		check(err)
		names[portfolio.ProfileID()] = p.Name
	}

	outcomes, err := manager.Route(ctx, accounts.Signal{ID: "2026-11-24-xyz", Instrument: xyz, Action: accounts.SignalBuy})
	check(err)
	for _, a := range outcomes { // send those that are held
		fmt.Println(names[a.ProfileID], a.Order.Quantity, a.Held())
	}
	// Unordered output:
	// Aggressive-25K 60 true
	// Balanced-50K 96 true
	// Optimal-100K 145 true
	// Conservative-250K 242 true
}

// fund makes a profile with its capital paid in and XYZ marked at 41.25.
func fund(ctx context.Context, manager *accounts.MultiAccountManager, p accounts.AccountProfile) (*accounts.Portfolio, error) {
	p, err := manager.CreateProfile(ctx, p)
	if err != nil {
		return nil, err
	}
	portfolio, err := manager.Portfolio(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	capital := ledger.CashMovement{ID: "capital", Kind: ledger.Deposit, Currency: p.BaseCurrency, Amount: p.CapitalLevel.Amount(), Time: time.Now()}
	if _, err := portfolio.Record(ctx, capital); err != nil {
		return nil, err
	}
	return portfolio, portfolio.Mark(ledger.Mark{Instrument: ledger.NewStock("XYZ", "USD"), Price: dec("41.25"), Time: time.Now()})
}

// funded is fund with a manager of its own.
func funded(ctx context.Context, store accounts.Store, p accounts.AccountProfile) (*accounts.Portfolio, func()) {
	manager, err := accounts.New(store)
	check(err)
	portfolio, err := fund(ctx, manager, p)
	check(err)
	return portfolio, func() { manager.Close() }
}
