package cpapi_test

import (
	"context"
	"fmt"
	"log"

	"github.com/ai-ots/accounts/ibkr/cpapi"
)

// A gateway on this machine, whose certificate was looked at once and is pinned.
func ExampleOpen() {
	ctx := context.Background()
	client, err := cpapi.Open(ctx, cpapi.Config{
		Fingerprint: "3a:51:…", // openssl x509 -noout -sha256 -fingerprint
		Breaker:     cpapi.NewBreaker(),
	})
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close()
	if s := client.Status(); !s.Usable() {
		log.Fatalf("%s: %s", s.Session, s.Reason) // the client tries on: see Watch
	}
	list, err := client.Accounts(ctx)
	if err != nil {
		log.Fatal(err)
	}
	for _, a := range list.List {
		fmt.Println(a.ID, a.Mode, a.Currency, a.Tradable)
	}
}
