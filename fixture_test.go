package accounts_test

import (
	"time"

	"context"

	"github.com/ai-ots/accounts/internal/desktest"
)

type (
	bench = desktest.Bench
	desk  = desktest.Desk
)

// What the tests speak of, by short names.
var (
	abc             = desktest.ABC
	lateCall        = desktest.LateCall
	point           = desktest.Point
	wrongFields     = desktest.WrongFields
	now             = desktest.Now
	at              = desktest.At
	dec             = desktest.Dec
	newBench        = desktest.NewBench
	newBenchOn      = desktest.NewBenchOn
	newManagerOn    = desktest.NewManager
	xyz             = desktest.XYZ
	call            = desktest.Call
	put             = desktest.Put
	oil             = desktest.Oil
	trade           = desktest.Trade
	requirePosition = desktest.RequirePosition
	requireLots     = desktest.RequireLots
	readAll         = desktest.ReadAll
	loose           = desktest.Loose
	newDesk         = desktest.NewDesk
	order           = desktest.Order
	said            = desktest.Said
	allSaid         = desktest.AllSaid
	broken          = desktest.Broken
	await           = desktest.Await
	nextEvent       = desktest.NextEvent
)

var background = context.Background()

// second returns the moment n seconds after the first minute.
func second(n int) time.Time { return at(0).Add(time.Duration(n) * time.Second) }
