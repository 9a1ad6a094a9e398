package ledger

import (
	"fmt"
	"strings"

	"github.com/ai-ots/accounts/invalid"
)

// InstrumentKey is the canonical name of a contract, made from its terms, so that two sources that
// name the same contract agree: "STK:NU:USD", "OPT:NU:20250516:C:12:100:USD".
type InstrumentKey string

// ParseInstrumentKey returns the contract that a key names, such as "OPT:NU:20250516:C:12:100:USD".
// The contract has the terms of the key alone: no ConID and no LocalSymbol, and an option's
// Underlying is its Symbol. The key of the result equals the argument. It returns invalid.Err for a
// text that is not the canonical key of a valid contract.
func ParseInstrumentKey(key InstrumentKey) (Instrument, error) {
	i, err := parseKey(strings.Split(string(key), ":"))
	if err == nil {
		err = i.Normalize()
	}
	if err == nil && i.Key() != key {
		err = fmt.Errorf("its canonical form is %q", i.Key())
	}
	if err != nil {
		return Instrument{}, fmt.Errorf("%w: instrument key %.80q: %w", invalid.Err, key, err)
	}
	return i, nil
}

// parseKey reads the parts of a key: kind and symbol; then expiry, right and strike, and
// multiplier, where the contract has them; then the currency.
func parseKey(parts []string) (Instrument, error) {
	if len(parts) < 3 {
		return Instrument{}, fmt.Errorf("it has %d parts", len(parts))
	}
	last := len(parts) - 1
	i := Instrument{SecType: SecType(parts[0]), Symbol: parts[1], Currency: Currency(parts[last])}
	rest := parts[2:last]
	next := func() (s string) {
		if len(rest) > 0 {
			s, rest = rest[0], rest[1:]
		}
		return s
	}
	var err error
	if i.IsOption() || i.SecType == Future {
		if i.Expiry, err = ParseDate(next()); err != nil {
			return i, err
		}
	}
	if i.IsOption() {
		i.Right = Right(next())
		if i.Strike, err = ParseDecimal(next()); err != nil {
			return i, err
		}
	}
	if len(rest) > 0 {
		i.Multiplier, err = ParseDecimal(next())
	}
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("it has %d parts too many", len(rest))
	}
	return i, err
}
