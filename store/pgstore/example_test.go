package pgstore_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/pgstore"
)

// A service migrates when it is deployed, and opens a store on the pool that it has.
func Example() {
	trade := func(ctx context.Context, db *sqlx.DB) error {
		if err := pgstore.Migrate(ctx, db); err != nil {
			return err
		}
		store, err := pgstore.New(ctx, db)
		if err != nil {
			return err
		}
		defer store.Close() // db stays open
		manager, err := accounts.New(store)
		if err != nil {
			return err
		}
		defer manager.Close()
		profile, err := manager.CreateProfile(ctx, accounts.Aggressive25K("DU1000025"))
		if err != nil {
			return err
		}
		fmt.Println("created", profile.Name)
		return nil
	}
	_ = trade
	// Output:
}

// Positions that other services kept for a user become a profile's, at their entry prices. Here
// option_details are the contract's OCC symbol and nothing else.
func ExampleStore_AdoptLegacyRows() {
	adopt := func(ctx context.Context, store *pgstore.Store, id accounts.ProfileID) error {
		done, err := store.AdoptLegacyRows(ctx, id, pgstore.LegacyRows{
			UserID: "anna",
			Instrument: func(p pgstore.LegacyPosition) (ledger.Instrument, error) {
				if p.PositionType != "OPTION" {
					return ledger.NewStock(p.Symbol, "USD"), nil
				}
				return ledger.ParseOCC(strings.Trim(p.Details, `"`))
			},
		})
		fmt.Println(done.Positions, "rows,", done.Openings, "in force")
		return err // call it again to go on
	}
	_ = adopt
	// Output:
}
