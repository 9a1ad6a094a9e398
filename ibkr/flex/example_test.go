package flex_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ibkr/flex"
	"github.com/ai-ots/accounts/store/memstore"
)

// statement is what a Flex query gives for an account that bought and sold in one week.
const statement = `<FlexQueryResponse queryName="week" type="AF"><FlexStatements count="1">
<FlexStatement accountId="DU1000100" fromDate="20250512" toDate="20250516" whenGenerated="20250517;060000">
<OpenPositions>
<OpenPosition currency="USD" assetCategory="STK" symbol="XYZ" conid="77" position="15" markPrice="46" costBasisMoney="600.75" levelOfDetail="SUMMARY" />
</OpenPositions>
<Trades>
<Trade currency="USD" assetCategory="STK" symbol="XYZ" conid="77" dateTime="20250515;103000" quantity="-5" tradePrice="44" ibCommission="-1" openCloseIndicator="C" cost="-200.25" fifoPnlRealized="18.75" transactionID="1002" />
<Trade currency="USD" assetCategory="STK" symbol="XYZ" conid="77" dateTime="20250514;103000" quantity="20" tradePrice="40" ibCommission="-1" openCloseIndicator="O" cost="801" fifoPnlRealized="0" transactionID="1001" />
</Trades>
</FlexStatement>
</FlexStatements></FlexQueryResponse>`

// A file holds a statement for each account and period. The first error is the last element.
func ExampleNewReader() {
	for _, file := range []string{statement, statement[:800]} {
		for st, err := range flex.NewReader(strings.NewReader(file)).All() {
			if errors.Is(err, flex.ErrFormat) {
				fmt.Println(err)
				break
			}
			fmt.Println(st.AccountID, st.From, "to", st.To, "trades:", st.Trades.Len(), "issues:", len(st.Issues))
		}
	}
	// Output:
	// DU1000100 2025-05-12 to 2025-05-16 trades: 2 issues: 0
	// line 8: the file is cut off: unexpected EOF
}

// A statement is recorded as a whole, and the book is then held against the broker's own figures.
func ExampleImport() {
	ctx := context.Background()
	store := memstore.New()
	defer store.Close()
	manager, err := accounts.New(store)
	check(err)
	defer manager.Close()
	profile, err := manager.CreateProfile(ctx, accounts.Optimal100K("DU1000100"))
	check(err)
	portfolio, err := manager.Portfolio(ctx, profile.ID)
	check(err)

	statements, err := flex.ReadAll(strings.NewReader(statement))
	check(err)
	for _, st := range statements {
		plan, added, err := flex.Import(ctx, portfolio, st)
		check(err)
		result, err := portfolio.Reconcile(ctx, plan.Broker)
		check(err)
		fmt.Println("new:", added, "compared:", result.Compared, "breaks:", len(result.Breaks))
	}
	for _, p := range portfolio.Snapshot().Open {
		fmt.Println(p.Instrument, p.Quantity, "realized", p.Realized, "unrealized", p.Unrealized)
	}
	// Output:
	// new: 2 compared: 3 breaks: 0
	// XYZ 15 realized 18.75 unrealized 89.25
}

// check ends an example that fails.
func check(err error) {
	if err != nil {
		panic(err)
	}
}
