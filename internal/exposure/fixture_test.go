package exposure_test

import (
	"context"

	"github.com/ai-ots/accounts/internal/desktest"
)

type (
	bench = desktest.Bench
	desk  = desktest.Desk
)

// What the tests speak of, by short names.
var (
	abc        = desktest.ABC
	lateCall   = desktest.LateCall
	latePut    = desktest.LatePut
	now        = desktest.Now
	at         = desktest.At
	dec        = desktest.Dec
	newBench   = desktest.NewBench
	xyz        = desktest.XYZ
	oil        = desktest.Oil
	loose      = desktest.Loose
	newDesk    = desktest.NewDesk
	newDeskFor = desktest.NewDeskFor
	order      = desktest.Order
	said       = desktest.Said
	allSaid    = desktest.AllSaid
	broken     = desktest.Broken
	await      = desktest.Await
)

var background = context.Background()

// errOf drops the count of what Record returns.
func errOf(_ int, err error) error { return err }
