package reconcile_test

import "github.com/ai-ots/accounts/internal/desktest"

// What the tests speak of, by short names.
var (
	at       = desktest.At
	dec      = desktest.Dec
	newBench = desktest.NewBench
	xyz      = desktest.XYZ
	call     = desktest.Call
	put      = desktest.Put
	oil      = desktest.Oil
	trade    = desktest.Trade
)
