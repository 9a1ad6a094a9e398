package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
	"github.com/ai-ots/accounts/store/pgstore"
)

// The code of README.md and of doc.go stands here too, so that it is compiled and run;
// TestDocumentedCode keeps them the same.

// README.md:

func serve(
	ctx context.Context, store accounts.Store, connect accounts.SwitchHook, fills <-chan ledger.Trade,
) error {
	manager, err := accounts.New(store, accounts.OnSwitch(connect))
	if err != nil {
		return err
	}
	defer manager.Close() // closes the manager; the caller closes the store

	profile, err := manager.ProfileByAccount(ctx, "DU1000025")
	if errors.Is(err, accounts.ErrProfileNotFound) { // the first start
		profile, err = manager.CreateProfile(ctx, accounts.Aggressive25K("DU1000025"))
	}
	if err != nil {
		return err
	}
	if _, err := manager.SwitchProfile(ctx, profile.ID); err != nil {
		return err // connect ran first; where the profile was active already, as at a restart, it did not
	}
	portfolio, err := manager.Portfolio(ctx, profile.ID) // bound to this profile for life
	if err != nil {
		return err
	}
	for fill := range fills {
		if _, err := portfolio.Record(ctx, fill); err != nil { // a repeated fill changes nothing
			return err
		}
	}
	for _, p := range portfolio.Positions() {
		fmt.Println(profile.Name, p.Instrument, p.Quantity, "cost", p.Basis, "realized", p.Realized)
	}
	return nil
}

func follow(
	ctx context.Context, manager *accounts.MultiAccountManager, signal accounts.Signal,
	send func(accounts.ProfileID, risk.Order) error,
) error {
	outcomes, err := manager.Route(ctx, signal) // sized by a fraction of equity; see WithSizer
	if err != nil {
		return err
	}
	for _, a := range outcomes {
		if !a.Held() {
			fmt.Println(a.Err) // `profile "p1": order "s1@p1" refused: order_notional (2891, limit 2500.15)`
			continue
		}
		if !a.ToSend() { // held when the signal came before: ask the broker whether it has a.Order.ID
			continue
		}
		if err := send(a.ProfileID, a.Order); err != nil { // and the broker says that the order is not there
			portfolio, err := manager.Portfolio(ctx, a.ProfileID)
			if err != nil {
				return err
			}
			if err := portfolio.Release(ctx, a.Order.ID, "not sent"); err != nil {
				return err
			}
		}
	}
	return nil
}

func durable(ctx context.Context, db *sqlx.DB) (accounts.Store, error) {
	if err := pgstore.Migrate(ctx, db); err != nil { // pgstore.New migrates nothing
		return nil, err
	}
	return pgstore.New(ctx, db) // leaves the pool open; pgstore.Open(ctx, dsn) makes a pool
}

// doc.go:

func hold(ctx context.Context) error {
	store := memstore.New()
	defer store.Close()
	manager, err := accounts.New(store)
	if err != nil {
		return err
	}
	defer manager.Close()
	profile, err := manager.CreateProfile(ctx, accounts.Aggressive25K("DU1000025"))
	if err != nil {
		return err
	}
	portfolio, err := manager.Portfolio(ctx, profile.ID)
	if err != nil {
		return err
	}
	_, err = portfolio.Record(ctx, ledger.Trade{
		ExecID:     "0000e0d5.68273a2b.01.01",
		Instrument: ledger.NewStock("XYZ", "USD"),
		Quantity:   ledger.MustDecimal("10"),
		Price:      ledger.MustDecimal("41.25"),
		Commission: ledger.MustDecimal("1"),
		Time:       time.Now(),
	})
	fmt.Println("cash:", portfolio.Cash()["USD"].Balance())
	return err
}

// The end.

func Example() {
	store := memstore.New()
	defer store.Close()
	connect := func(_ context.Context, from, to accounts.AccountProfile) error {
		fmt.Println("connect", to.Name)
		return nil
	}
	fills := make(chan ledger.Trade, 2)
	stock := ledger.NewStock("XYZ", "USD")
	fills <- ledger.Trade{ExecID: "0000e0d5.68270001.01.01", Instrument: stock, Quantity: dec("10"), Price: dec("40"), Commission: dec("1"), Time: noon}
	fills <- ledger.Trade{ExecID: "0000e0d5.68270002.01.01", Instrument: stock, Quantity: dec("-4"), Price: dec("45"), Commission: dec("1"), Time: noon}
	close(fills)
	check(serve(context.Background(), store, connect, fills))
	// Output:
	// connect Aggressive-25K
	// Aggressive-25K STK:XYZ:USD 6 cost 240.6 realized 18.6
}

func Example_shortest() {
	check(hold(context.Background()))
	// Output:
	// cash: -413.5
}

func Example_follow() {
	ctx := context.Background()
	store := memstore.New()
	defer store.Close()
	manager, err := accounts.New(store)
	check(err)
	defer manager.Close()
	_, err = fund(ctx, manager, accounts.Aggressive25K("DU1000025"))
	check(err)
	signal := accounts.Signal{ID: "s1", Instrument: ledger.NewStock("XYZ", "USD"), Action: accounts.SignalBuy}
	check(follow(ctx, manager, signal, func(_ accounts.ProfileID, o risk.Order) error {
		fmt.Println("send", o.Quantity, o.Instrument)
		return nil
	}))
	// Output:
	// send 60 STK:XYZ:USD
}

// TestDurable: what the README says of PostgreSQL works.
func TestDurable(t *testing.T) {
	db, err := sqlx.Open("postgres", pgtest.Database(t))
	require.NoError(t, err)
	defer db.Close()
	for range 2 {
		store, err := durable(t.Context(), db)
		require.NoError(t, err)
		require.NoError(t, store.Close())
	}
}

func TestDocumentedCode(t *testing.T) {
	text := func(file string) string {
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		return string(b)
	}
	between := func(s, from, to string) string {
		_, s, found := strings.Cut(s, from)
		require.True(t, found, "%q is missing", from)
		s, _, found = strings.Cut(s, to)
		require.True(t, found, "%q is missing", to)
		return s
	}
	this := text("example_readme_test.go")
	readme := text("README.md")
	var pieces []string
	for _, piece := range strings.Split(readme, "```go\n")[1:] {
		piece, _, _ = strings.Cut(piece, "```\n")
		pieces = append(pieces, piece)
	}
	require.Equal(t, between(this, "// README.md:\n\n", "\n// doc.go:\n"), strings.Join(pieces, "\n"),
		"the code in README.md must be the one that is compiled here")

	var inDoc strings.Builder
	for line := range strings.Lines(between(this, "// doc.go:\n\n", "\n// The end.\n")) {
		inDoc.WriteString("//\t" + line)
	}
	require.Contains(t, text("doc.go"), inDoc.String(), "the code in doc.go must be the one that is compiled here")
}
