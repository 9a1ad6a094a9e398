package page

import (
	"slices"
	"strings"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// contractFields are the fields that name a contract: symbol alone for a stock, or for what is held
// or works, which goes by its name; the others for whatever has terms; or key alone, which other
// pages and forms give.
var contractFields = []string{"instrument", "symbol", "kind", "currency", "expiry", "strike", "right", "multiplier"}

// termFields are those of contractFields that a stock in the account's own currency needs none of.
var termFields = []string{"kind", "currency", "expiry", "strike", "right", "multiplier"}

// contractNames are the names of contractFields by those of the library.
var contractNames = map[string]string{
	"SecType": "kind", "Symbol": "symbol", "Underlying": "symbol", "Currency": "currency", "Expiry": "expiry", "Strike": "strike", "Right": "right", "Multiplier": "multiplier",
	"Instrument": "symbol", "LocalSymbol": "symbol",
}

// contractKinds are the kinds of contract that can be chosen.
func contractKinds() []option {
	out := options("", "Stock")
	for _, kind := range []ledger.SecType{ledger.Fund, ledger.Option, ledger.Future, ledger.FutureOption, ledger.Warrant, ledger.CFD, ledger.Bond, ledger.Forex, ledger.Crypto} {
		out = append(out, option{Value: string(kind), Word: kinds[kind][1]})
	}
	return out
}

// contract reads the contract of a form. known are contracts that go by their names.
func (f *form) contract(base ledger.Currency, known []ledger.Instrument) ledger.Instrument {
	if key := f.Value("instrument"); key != "" {
		i, err := ledger.ParseInstrumentKey(ledger.InstrumentKey(key))
		if err != nil {
			f.fail("symbol", "There is no such contract.")
		}
		for _, k := range known { // which has the broker's names for it, too
			if k.Key() == i.Key() {
				return k
			}
		}
		return i
	}
	symbol := f.Value("symbol")
	f.needed("symbol")
	if !f.Any(termFields...) {
		for _, k := range known {
			if strings.EqualFold(nameOf(k), symbol) {
				return k
			}
		}
	}
	i := ledger.Instrument{SecType: ledger.SecType(f.Value("kind")), Symbol: strings.ToUpper(symbol), Currency: ledger.Currency(strings.ToUpper(f.Value("currency"))),
		Right: ledger.Right(f.Value("right")), Strike: f.decimal("strike"), Multiplier: f.decimal("multiplier")}
	if i.SecType == "" {
		i.SecType = ledger.Stock
	}
	if i.Currency == "" {
		i.Currency = base
	}
	if text := f.Value("expiry"); text != "" {
		day, err := ledger.ParseDate(strings.ReplaceAll(text, "-", ""))
		if err != nil {
			f.fail("expiry", "Write a day such as 2026-12-18.")
		}
		i.Expiry = day
	}
	if f.ok() {
		f.blame(i.Normalize(), contractNames)
	}
	return i
}

// fix puts a contract that was read into the field that names it for good: what goes by a name now
// may not go by it when the order is placed.
func (f *form) fix(i ledger.Instrument) {
	f.set("instrument", string(i.Key()))
	for _, name := range contractFields[1:] {
		delete(f.values, name)
	}
}

// spell puts the contract of the field contract into the fields in which a person reads it.
func (f *form) spell(base ledger.Currency, known []ledger.Instrument) {
	if f.Value("instrument") == "" {
		return
	}
	i := f.contract(base, known)
	delete(f.values, "instrument")
	if !f.ok() {
		return
	}
	if slices.ContainsFunc(known, func(k ledger.Instrument) bool { return k.Key() == i.Key() }) {
		f.set("symbol", nameOf(i))
		return
	}
	f.set("symbol", i.Symbol)
	if i.SecType != ledger.Stock {
		f.set("kind", string(i.SecType))
	}
	if i.Currency != base || slices.ContainsFunc(known, func(k ledger.Instrument) bool { return strings.EqualFold(nameOf(k), i.Symbol) }) {
		f.set("currency", string(i.Currency))
	}
	if i.Expiry != 0 {
		f.set("expiry", i.Expiry.String())
	}
	if i.Right != "" {
		f.set("right", string(i.Right))
		f.set("strike", i.Strike.String())
	}
	if one := ledger.MustDecimal("1"); !i.Multiplier.Equal(one) {
		f.set("multiplier", i.Multiplier.String())
	}
}

// knownContracts returns what accounts hold, and what works in them, each once.
func knownContracts(list ...account) []ledger.Instrument {
	var out []ledger.Instrument
	add := func(i ledger.Instrument) {
		if !slices.ContainsFunc(out, func(k ledger.Instrument) bool { return k.Key() == i.Key() }) {
			out = append(out, i)
		}
	}
	for _, a := range list {
		for _, v := range a.Snapshot.Open {
			add(v.Instrument)
		}
		for _, w := range a.Snapshot.Risk.Orders {
			add(w.Instrument)
		}
	}
	return out
}

// heldOf returns the position of a contract; the zero value where none is open.
func heldOf(s *accounts.Snapshot, key ledger.InstrumentKey) ledger.PositionValue {
	for _, v := range s.Open {
		if v.Instrument.Key() == key {
			return v
		}
	}
	return ledger.PositionValue{}
}
