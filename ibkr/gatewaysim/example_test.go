package gatewaysim_test

import (
	"bytes"
	"fmt"
	"log"
	"net/http"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/ledger"
)

// A program places an order, and the answer is lost. What it makes of that can be compared with the truth.
func Example() {
	g, err := gatewaysim.New(gatewaysim.Config{Accounts: []gatewaysim.Account{{ID: "DU1000025", Cash: ledger.MustDecimal("25000")}}})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = g.Close() }()
	if err := g.Start(); err != nil {
		log.Fatal(err)
	}
	spy, err := g.Market().Stock("SPY", ledger.MustDecimal("600"))
	if err != nil {
		log.Fatal(err)
	}
	if _, err := g.Inject(gatewaysim.Fault{Kind: gatewaysim.DropAnswer, Route: gatewaysim.RoutePlace}); err != nil {
		log.Fatal(err)
	}

	client := g.Client()
	defer client.CloseIdleConnections()
	accounts, err := client.Get(g.URL() + "/iserver/accounts") // IBKR wants this call before the first order
	if err != nil {
		log.Fatal(err)
	}
	_ = accounts.Body.Close()
	order := fmt.Sprintf(`{"orders":[{"acctId":"DU1000025","conid":%d,"cOID":"my-order","orderType":"MKT","side":"BUY","quantity":10,"tif":"DAY"}]}`,
		spy.ConID)
	_, err = client.Post(g.URL()+"/iserver/account/DU1000025/orders", "application/json", bytes.NewBufferString(order))
	fmt.Println("no answer:", err != nil)

	truth, err := g.Truth("DU1000025")
	if err != nil {
		log.Fatal(err)
	}
	for _, o := range truth.Orders {
		fmt.Println(o.Ref, o.Status, o.Filled)
	}
	fmt.Println("cash:", truth.Cash["USD"])
	for _, r := range g.Requests() {
		fmt.Println(r.Route, r.Status == http.StatusOK, r.Faults)
	}
	// Output:
	// no answer: true
	// my-order Filled 10
	// cash: 18999
	// GET /iserver/accounts true []
	// POST /iserver/account/{account}/orders false [drop answer]
}
