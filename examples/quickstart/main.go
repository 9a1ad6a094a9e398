// Command quickstart keeps two accounts apart. It makes a profile for each, switches to it and
// records a trade. It prints what both hold and which profile is active.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"
	_ "time/tzdata" // not every machine has time zones

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, w io.Writer) error {
	store := memstore.New()
	defer store.Close()
	manager, err := accounts.New(store)
	if err != nil {
		return err
	}
	defer manager.Close()
	at, shares := time.Date(2025, 5, 16, 13, 30, 0, 0, time.UTC), []string{"10", "20"}
	for i, p := range []accounts.AccountProfile{accounts.Aggressive25K("DU1000025"), accounts.Conservative250K("DU1000250")} {
		if p, err = manager.CreateProfile(ctx, p); err != nil {
			return err
		}
		if _, err = manager.SwitchProfile(ctx, p.ID); err != nil {
			return err
		}
		portfolio, err := manager.Portfolio(ctx, "") // of the active profile; a later switch does not change it
		if err != nil {
			return err
		}
		_, err = portfolio.Record(ctx, // both facts or neither; recording them again changes nothing
			ledger.CashMovement{ID: "deposit-1", Kind: ledger.Deposit, Currency: "USD", Amount: p.CapitalLevel.Amount(), Time: at},
			ledger.Trade{ExecID: "0000e0d5.68273a2b.01.01", Instrument: ledger.NewStock("XYZ", "USD"), Time: at,
				Quantity: ledger.MustDecimal(shares[i]), Price: ledger.MustDecimal("41.25"), Commission: ledger.MustDecimal("1")})
		if err != nil {
			return err
		}
		for _, held := range portfolio.Positions() {
			fmt.Fprintf(w, "%s holds %s %s, cash %s USD\n", p.Name, held.Quantity, held.Instrument.Symbol, portfolio.Cash()["USD"].Balance())
		}
	}
	active, err := manager.ActiveProfile(ctx)
	fmt.Fprintln(w, "active:", active.Name)
	return err
}
