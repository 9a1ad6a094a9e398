package rulemodel_test

import (
	"github.com/ai-ots/accounts/ledger"
)

// listing is a contract of the tests, and the range of its prices in cents.
type listing struct {
	ledger.Instrument
	low, high int
	lot       int // a usual quantity
}

// The contracts of the tests.
var (
	xyz      = ledger.NewStock("XYZ", "USD")
	listings = []listing{
		{xyz, 9000, 11000, 20},
		{ledger.NewStock("ABC", "USD"), 4800, 5200, 40},
		{ledger.NewStock("PNY", "USD"), 200, 600, 300},
		{ledger.NewStock("SAP", "EUR"), 9500, 10500, 20},
		{ledger.NewOption("XYZ", 20260618, ledger.Call, dec("100"), "USD"), 50, 600, 1},
		{ledger.NewOption("XYZ", 20260717, ledger.Call, dec("95"), "USD"), 300, 900, 1},
		{ledger.NewOption("XYZ", 20260717, ledger.Call, dec("105"), "USD"), 100, 500, 1},
		{ledger.NewOption("XYZ", 20260618, ledger.Put, dec("95"), "USD"), 0, 400, 1},
		{ledger.NewOption("XYZ", 20260717, ledger.Put, dec("100"), "USD"), 200, 700, 1},
		{ledger.NewOption("XYZ", 20260717, ledger.Put, dec("95"), "USD"), 100, 500, 1},
		{plain(ledger.Future, "MCL", "USD", 20260720, "100"), 6500, 7500, 1},
		{ledger.NewOption("SAP", 20260717, ledger.Call, dec("100"), "EUR"), 200, 600, 1},
		{ledger.NewOption("SAP", 20260717, ledger.Put, dec("100"), "EUR"), 200, 600, 1},
		{derived(plain(ledger.FutureOption, "MCL", "USD", 20260716, "100"), "MCLN6", ledger.Call, "70"), 100, 400, 1},
		{derived(plain(ledger.FutureOption, "MCL", "USD", 20260716, "100"), "MCLN6", ledger.Put, "68"), 100, 400, 1},
		{derived(plain(ledger.Option, "XYZ1", "USD", 20260717, "100"), "XYZ", ledger.Call, "100"), 200, 600, 1},
		{derived(plain(ledger.Warrant, "XYZ WS", "USD", 20270115, "1"), "XYZ", ledger.Call, "110"), 200, 500, 100},
		{plain(ledger.Bond, "BND", "USD", 0, "10"), 9700, 10100, 5},
		{plain(ledger.Crypto, "BTC", "USD", 0, "1"), 500000, 520000, 1},
		{plain(ledger.CFD, "DAX", "EUR", 0, "1"), 180000, 182000, 1},
		{plain(ledger.Fund, "FND", "USD", 0, "1"), 2000, 2200, 50},
	}
)

func plain(kind ledger.SecType, symbol string, c ledger.Currency, expiry ledger.Date, multiplier string) ledger.Instrument {
	return ledger.Instrument{SecType: kind, Symbol: symbol, Currency: c, Expiry: expiry, Multiplier: dec(multiplier)}
}

func derived(i ledger.Instrument, underlying string, right ledger.Right, strike string) ledger.Instrument {
	i.Underlying, i.Right, i.Strike = underlying, right, dec(strike)
	return i
}

func init() {
	for n := range listings {
		listings[n].SetDefaults()
	}
}
