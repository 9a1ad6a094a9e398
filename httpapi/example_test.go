package httpapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/store/memstore"
)

// A service for one person on the person's own machine.
func Example() {
	store := memstore.New()
	defer store.Close()
	manager, err := accounts.New(store)
	if err != nil {
		log.Fatal(err)
	}
	defer manager.Close()

	ctx, stop := context.WithCancel(context.Background())
	defer stop() // ends the streams of events
	api, err := httpapi.New(ctx, httpapi.Config{
		Manager: manager,
		Auth:    httpapi.Loopback{Caller: httpapi.Caller{Name: "me", Rights: httpapi.AllRights}},
	})
	if err != nil {
		log.Fatal(err)
	}
	server := httptest.NewServer(api)
	defer server.Close()

	res, err := http.Post(server.URL+"/api/v1/profiles", "application/json",
		strings.NewReader(`{"preset":"balanced_50k","ibkr_account_id":"DU1000050"}`))
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	var profile accounts.AccountProfile
	if err := json.NewDecoder(res.Body).Decode(&profile); err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Status, profile.Name, profile.Mode, "version", res.Header.Get("ETag"))

	res, err = http.Post(server.URL+"/api/v1/profiles/"+string(profile.ID)+"/orders", "application/json",
		strings.NewReader(`{"instrument":{"sec_type":"STK","symbol":"XYZ","currency":"USD"},"quantity":10,"type":"market"}`))
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	var problem httpapi.Problem
	if err := json.NewDecoder(res.Body).Decode(&problem); err != nil {
		log.Fatal(err)
	}
	fmt.Println(res.Status, problem.Code, problem.Errors[0].Field, problem.Errors[0].Code)
	// Output:
	// 201 Created Balanced-50K paper version "1"
	// 400 Bad Request idempotency_key_needed Idempotency-Key required
}
