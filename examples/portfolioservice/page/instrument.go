package page

import (
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// nameOf returns the name of a contract for a person: "SPY", "SPY 18 Dec 26 580 P".
func nameOf(i ledger.Instrument) string {
	parts := []string{i.Symbol}
	if i.Expiry != 0 {
		parts = append(parts, i.Expiry.Time(time.UTC).Format("2 Jan 06"))
	}
	if i.Right != "" {
		parts = append(parts, quantity(i.Strike), string(i.Right))
	}
	return strings.Join(parts, " ")
}

// kinds are the words for kinds of contract, in the plural and for one.
var kinds = map[ledger.SecType][2]string{
	ledger.Stock: {"Stocks", "Stock"}, ledger.Option: {"Options", "Option"}, ledger.Future: {"Futures", "Future"},
	ledger.FutureOption: {"Options on futures", "Option on a future"}, ledger.Warrant: {"Warrants", "Warrant"}, ledger.Forex: {"Currencies", "Currency pair"},
	ledger.CFD: {"CFDs", "CFD"}, ledger.Bond: {"Bonds", "Bond"}, ledger.Fund: {"Funds", "Fund"}, ledger.Crypto: {"Crypto currencies", "Crypto currency"},
}

// kindOf returns what a contract is: "Stock, EUR", "Put, 100 a contract".
func kindOf(i ledger.Instrument, base ledger.Currency) string {
	word := string(i.SecType)
	if w, ok := kinds[i.SecType]; ok {
		word = w[1]
	}
	switch i.Right {
	case ledger.Call:
		word = "Call"
	case ledger.Put:
		word = "Put"
	}
	if m := quantity(i.Multiplier); m != "1" && m != "0" {
		word += ", " + m + " a contract"
	}
	if i.Currency != base {
		word += ", " + string(i.Currency)
	}
	return word
}

// sideOf returns "Buy 10 SPY", or "Sell 10 SPY" for a negative quantity.
func sideOf(q ledger.Decimal, i ledger.Instrument) string {
	if q.IsNeg() {
		return "Sell " + quantity(q.Abs()) + " " + nameOf(i)
	}
	return "Buy " + quantity(q) + " " + nameOf(i)
}
