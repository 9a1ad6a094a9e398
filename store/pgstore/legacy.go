package pgstore

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// instrument is what the row's columns say. ErrInvalid, and an instrument without terms, when they
// do not say enough: nothing about a contract is ever guessed.
func (p *LegacyPosition) instrument(currency ledger.Currency) (ledger.Instrument, error) {
	if p.PositionType != "OPTION" {
		return ledger.NewStock(p.Symbol, currency), nil
	}
	var fields map[string]any
	dec := json.NewDecoder(strings.NewReader(p.Details))
	dec.UseNumber() // a strike is exact
	if err := dec.Decode(&fields); err != nil {
		return ledger.Instrument{}, fmt.Errorf("%w: option_details of option on %q are no JSON object", accounts.ErrInvalid, p.Symbol)
	}
	text := func(names ...string) string {
		for _, name := range names {
			if v, found := fields[name]; found && v != nil {
				return strings.TrimSpace(fmt.Sprint(v))
			}
		}
		return ""
	}
	strike, err := udecimal.Parse(text("strike", "strike_price"))
	if err != nil {
		return ledger.Instrument{}, p.unclear("strike")
	}
	day, _, _ := strings.Cut(text("expiry", "expiration", "expiration_date"), "T")
	expiry, err := ledger.ParseDate(day)
	if err != nil {
		return ledger.Instrument{}, p.unclear("expiry")
	}
	rights := map[string]ledger.Right{"C": ledger.Call, "CALL": ledger.Call, "P": ledger.Put, "PUT": ledger.Put}
	right, known := rights[strings.ToUpper(text("right", "option_type", "type"))]
	if !known {
		return ledger.Instrument{}, p.unclear("right")
	}
	i := ledger.NewOption(p.Symbol, expiry, right, strike, currency)
	if m := text("multiplier"); m != "" {
		if i.Multiplier, err = udecimal.Parse(m); err != nil || !i.Multiplier.IsPos() {
			return ledger.Instrument{}, p.unclear("multiplier")
		}
	}
	return i, nil
}

func (p *LegacyPosition) unclear(field string) error {
	return fmt.Errorf("%w: option_details of option on %q have no usable %s", accounts.ErrInvalid, p.Symbol, field)
}
