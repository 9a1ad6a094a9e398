package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// noon is the clock of the examples, which stands still so that they print the same every day.
var noon = time.Date(2025, 5, 16, 16, 0, 0, 0, time.UTC)

// exampleManager returns a manager on a store in memory, and what closes both.
func exampleManager(opts ...accounts.ManagerOption) (m *accounts.MultiAccountManager, end func()) {
	store := memstore.New()
	m, err := accounts.New(store, append(opts, accounts.WithClock(func() time.Time { return noon }))...)
	check(err)
	return m, func() {
		check(m.Close())
		check(store.Close())
	}
}

// examplePortfolio returns the portfolio of a new paper account, and what closes everything.
func examplePortfolio() (p *accounts.Portfolio, end func()) {
	manager, end := exampleManager()
	profile := accounts.Optimal100K("DU1000100")
	profile.ID = "optimal"
	_, err := manager.CreateProfile(context.Background(), profile)
	check(err)
	p, err = manager.Portfolio(context.Background(), profile.ID)
	check(err)
	return p, end
}

// check ends an example that fails.
func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A manager is made on a store and keeps a profile for each account. The presets are ready to be
// created; their fields can be changed before.
func ExampleNew() {
	ctx := context.Background()
	store := memstore.New()
	defer store.Close()
	manager, err := accounts.New(store)
	check(err)
	defer manager.Close()

	for _, p := range []accounts.AccountProfile{
		accounts.Aggressive25K("DU1000025"),
		accounts.Balanced50K("DU1000050"),
		accounts.Optimal100K("DU1000100"),
		accounts.Conservative250K("U1000250"),
	} {
		created, err := manager.CreateProfile(ctx, p)
		check(err)
		fmt.Println(created.Name, created.CapitalLevel.Amount(), created.RiskTolerance, created.Mode, created.Status)
	}
	// Output:
	// Aggressive-25K 25000 high paper active
	// Balanced-50K 50000 moderate paper active
	// Optimal-100K 100000 balanced paper active
	// Conservative-250K 250000 low live active
}

// Every wrong field is named at once.
func ExampleAccountProfile_Validate() {
	profile := accounts.Balanced50K("U1000050")
	profile.CapitalLevel = "fifty"
	profile.Mode = accounts.ModePaper
	profile.Gateway = accounts.Gateway{Host: "localhost", Port: 99999}

	var invalid *accounts.ValidationError
	if errors.As(profile.WithDefaults().Validate(), &invalid) {
		for _, f := range invalid.Fields {
			fmt.Println(f.Name+":", f.Problem)
		}
	}
	// Output:
	// ID: "" is not 1 to 50 bytes of printable ASCII without spaces
	// CapitalLevel: "fifty" is not a whole number of K or M, such as 25K
	// Mode: is paper, but U1000050 is a live account
	// Gateway.Port: 99999 is not 1 to 65535
}

// Under an owner's context nobody else's profiles exist.
func ExampleWithOwner() {
	manager, end := exampleManager(accounts.RequireOwner())
	defer end()
	ann := accounts.WithOwner(context.Background(), "ann")
	bob := accounts.WithOwner(context.Background(), "bob")

	profile, err := manager.CreateProfile(ann, accounts.Aggressive25K("DU1000025"))
	check(err)
	_, err = manager.Portfolio(bob, profile.ID)
	fmt.Println("bob:", errors.Is(err, accounts.ErrProfileNotFound))
	profiles, err := manager.ListProfiles(bob, accounts.ProfileFilter{})
	fmt.Println("bob:", len(profiles), err)
	_, err = manager.ListProfiles(context.Background(), accounts.ProfileFilter{})
	fmt.Println("nobody:", err)
	// Output:
	// bob: true
	// bob: 0 <nil>
	// nobody: list profiles: context names no owner
}

func ExampleParseOCC() {
	option, err := ledger.ParseOCC("NU    250516C00012500")
	check(err)
	fmt.Println(option.Symbol, option.Expiry, option.Right, option.Strike, "×", option.Multiplier)
	fmt.Println(option.Key())
	symbol, err := option.OCC()
	fmt.Printf("%q %v\n", symbol, err)
	// Output:
	// NU 2025-05-16 C 12.5 × 100
	// OPT:NU:20250516:C:12.5:100:USD
	// "NU    250516C00012500" <nil>
}

// Sentinels are told by errors.Is, and what they carry by errors.As; texts are for people.
func Example_errors() {
	ctx := context.Background()
	manager, end := exampleManager()
	defer end()

	_, err := manager.SwitchProfile(ctx, "nobody")
	fmt.Println(err)
	fmt.Println(errors.Is(err, accounts.ErrProfileNotFound))

	_, err = manager.CreateProfile(ctx, accounts.Aggressive25K("25K"))
	var invalid *accounts.ValidationError
	fmt.Println(errors.As(err, &invalid), invalid.Fields[0].Name, errors.Is(err, accounts.ErrInvalid))
	// Output:
	// switch to profile "nobody": profile not found
	// true
	// true IBKRAccountID true
}
