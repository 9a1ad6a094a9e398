package performance_test

import "github.com/ai-ots/accounts/internal/desktest"

// What the tests speak of, by short names.
var (
	point    = desktest.Point
	day0     = desktest.Day0
	dec      = desktest.Dec
	newBench = desktest.NewBench
	xyz      = desktest.XYZ
	trade    = desktest.Trade
)
