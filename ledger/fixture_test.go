package ledger_test

import "github.com/ai-ots/accounts/internal/desktest"

// What the tests speak of, by short names.
var (
	wrongFields     = desktest.WrongFields
	at              = desktest.At
	dec             = desktest.Dec
	newBench        = desktest.NewBench
	xyz             = desktest.XYZ
	call            = desktest.Call
	put             = desktest.Put
	oil             = desktest.Oil
	trade           = desktest.Trade
	requirePosition = desktest.RequirePosition
	requireLots     = desktest.RequireLots
	requireCash     = desktest.RequireCash
)

// errOf drops the count of what Record returns.
func errOf(_ int, err error) error { return err }
