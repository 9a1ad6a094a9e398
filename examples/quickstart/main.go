// Command quickstart keeps two accounts apart: it makes a profile for each, switches to it,
// records a trade, and prints what both hold and which one is active.
package main

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"
	_ "time/tzdata" // not every machine has time zones

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts"
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
	for i, p := range []accounts.AccountProfile{accounts.Aggressive25K("DU1000025"), accounts.Conservative250K("DU1000250")} {
		if p, err = manager.CreateProfile(ctx, p); err != nil {
			return err
		}
		if _, err = manager.SwitchProfile(ctx, p.ID); err != nil {
			return err
		}
		portfolio, err := manager.Portfolio(ctx, "") // the active profile's, whatever is switched to later
		if err != nil {
			return err
		}
		at := time.Date(2025, 5, 16, 13, 30, 0, 0, time.UTC)
		_, err = portfolio.RecordFacts(ctx, // both or neither; again is harmless
			accounts.CashMovement{ID: "deposit-1", Kind: accounts.Deposit, Currency: "USD", Amount: p.CapitalLevel.Amount(), Time: at},
			accounts.Trade{ExecID: "0000e0d5.68273a2b.01.01", Instrument: accounts.NewStock("XYZ", "USD"), Time: at,
				Quantity: udecimal.MustFromInt64(int64(10+10*i), 0), Price: udecimal.MustParse("41.25"), Commission: udecimal.MustParse("1")})
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
