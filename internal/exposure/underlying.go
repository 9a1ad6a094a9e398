package exposure

import (
	"cmp"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// underlyingKey names an underlying in one currency: a stock with its options, a future with
// options on it. Futures have symbols of their own: CL is crude oil as a future, and Colgate as a
// stock.
type underlyingKey struct {
	Symbol   string          `json:"symbol"`
	Currency ledger.Currency `json:"currency"`
	Futures  bool            `json:"futures,omitempty"`
}

// underlyingOf returns the underlying of an instrument whose defaults are filled in. What the
// caller names as an option's underlying is no part of the contract. It is believed only where the
// option's root bears it out; otherwise the root stands for the underlying.
func underlyingOf(i *ledger.Instrument) underlyingKey {
	switch i.SecType {
	case ledger.Future, ledger.FutureOption:
		return underlyingKey{i.Symbol, i.Currency, true}
	case ledger.Warrant: // warrants have names of many kinds
		return underlyingKey{i.Underlying, i.Currency, false}
	case ledger.Option:
		if bearsOut(i.Symbol, i.Underlying) {
			return underlyingKey{i.Underlying, i.Currency, false}
		}
	}
	return underlyingKey{i.Symbol, i.Currency, false}
}

// compare orders by symbol, currency, and stocks before futures.
func (u underlyingKey) compare(v underlyingKey) int {
	switch {
	case u.Symbol != v.Symbol:
		return cmp.Compare(u.Symbol, v.Symbol)
	case u.Currency != v.Currency:
		return cmp.Compare(u.Currency, v.Currency)
	case u.Futures == v.Futures:
		return 0
	case u.Futures:
		return 1
	}
	return -1
}

// bearsOut reports whether an option root can be one of the underlying's: the symbol itself, or the
// symbol and one more character, as in SPXW and NDXP (indices by another settlement) or XYZ1 (an
// option adjusted for a corporate action).
func bearsOut(root, symbol string) bool {
	rest, ok := cutSymbol(root, symbol)
	return ok && (rest == "" || rest == "W" || rest == "P" || len(rest) == 1 && isDigit(rest[0]))
}

// delivers reports whether shares with the symbol are what an option with the root delivers. Roots
// of adjusted options end in a digit: those deliver something else.
func delivers(root, symbol string) bool {
	rest, ok := cutSymbol(root, symbol)
	return ok && rest == ""
}

// cutSymbol returns what follows the symbol in an option root; false if the root does not begin
// with it. Roots leave out what separates a class of shares: those of BRK B begin with BRKB.
func cutSymbol(root, symbol string) (rest string, ok bool) {
	for k := range len(symbol) {
		switch c := symbol[k]; {
		case c == ' ' || c == '.' || c == '/' || c == '-':
		case root != "" && root[0] == c:
			root = root[1:]
		default:
			return "", false
		}
	}
	return root, true
}

// unadjusted returns an option root without the digit that a corporate action put behind it.
func unadjusted(root string) string { return strings.TrimRight(root, "0123456789") }

// isDigit reports whether a byte is one of 0 to 9.
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
