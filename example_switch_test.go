package accounts_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// createBoth creates two of the presets under ids that are easy to read.
func createBoth(ctx context.Context, manager *accounts.MultiAccountManager) {
	small, large := accounts.Aggressive25K("DU1000025"), accounts.Conservative250K("DU1000250")
	small.ID, large.ID = "small", "large"
	for _, p := range []accounts.AccountProfile{small, large} {
		_, err := manager.CreateProfile(ctx, p)
		check(err)
	}
}

// A hook connects the gateway of the profile to come. If it fails, the old profile stays active.
func ExampleMultiAccountManager_SwitchProfile() {
	ctx := context.Background()
	reachable := true
	manager, end := exampleManager(accounts.OnSwitch(func(_ context.Context, from, to accounts.AccountProfile) error {
		fmt.Printf("from %q to %q\n", from.Name, to.Name)
		if !reachable {
			return errors.New("gateway does not answer")
		}
		return nil
	}))
	defer end()
	createBoth(ctx, manager)

	_, err := manager.SwitchProfile(ctx, "small")
	check(err)
	portfolio, err := manager.Portfolio(ctx, "") // the active profile's
	check(err)
	_, err = manager.SwitchProfile(ctx, "large")
	check(err)
	reachable = false
	_, err = manager.SwitchProfile(ctx, "small")
	fmt.Println(err)

	active, err := manager.ActiveProfile(ctx)
	check(err)
	fmt.Println("active:", active.Name)
	fmt.Println("a portfolio is never redirected:", portfolio.ProfileID())
	// Output:
	// from "" to "Aggressive-25K"
	// from "Aggressive-25K" to "Conservative-250K"
	// from "Conservative-250K" to "Aggressive-25K"
	// switch to profile "small": hook 1: gateway does not answer
	// active: Conservative-250K
	// a portfolio is never redirected: small
}

// A context can carry a profile of its own: what runs under it does not see who switches where.
func ExampleWithProfile() {
	ctx := context.Background()
	manager, end := exampleManager()
	defer end()
	createBoth(ctx, manager)
	_, err := manager.SwitchProfile(ctx, "small")
	check(err)

	scoped := accounts.WithProfile(ctx, "large")
	for _, c := range []context.Context{ctx, scoped} {
		active, err := manager.ActiveProfile(c)
		check(err)
		fmt.Println(active.Name)
	}
	_, err = manager.ActiveProfile(accounts.WithProfile(ctx, ""))
	fmt.Println(err)
	// Output:
	// Aggressive-25K
	// Conservative-250K
	// active profile: no active profile
}

// Events tell where to look again, whichever process made the change.
func ExampleMultiAccountManager_Subscribe() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // closes the channel
	manager, end := exampleManager()
	defer end()
	createBoth(ctx, manager)
	events, err := manager.Subscribe(ctx, accounts.EventSwitched, accounts.EventRecorded)
	check(err)

	_, err = manager.SwitchProfile(ctx, "small")
	check(err)
	e := <-events
	fmt.Println(e.Kind, e.ProfileID)

	portfolio, err := manager.Portfolio(ctx, "")
	check(err)
	_, err = portfolio.Record(ctx, ledger.CashMovement{ID: "wire-1", Kind: ledger.Deposit, Currency: "USD", Amount: dec("25000"), Time: noon})
	check(err)
	e = <-events
	fmt.Println(e.Kind, e.ProfileID, e.Seq)
	// Output:
	// switched small
	// recorded small 1
}
