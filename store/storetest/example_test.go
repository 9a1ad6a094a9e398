package storetest_test

import (
	"testing"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/store/memstore"
	"github.com/ai-ots/accounts/store/storetest"
)

// A store's own test runs the whole suite, each check on a fresh store.
func ExampleRun() {
	_ = func(t *testing.T) { // TestStore
		storetest.Run(t, func(*testing.T) accounts.Store { return memstore.New() })
	}
}
