package gatewaysim

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"
	"sync"

	"github.com/ai-ots/accounts/ledger"
)

//go:embed templates.json
var templateText []byte

// object is a JSON object.
type object = map[string]any

// templates are objects with every field of an answer, by the name of what they show.
var templates = sync.OnceValue(func() map[string]object {
	out := map[string]object{}
	dec := json.NewDecoder(bytes.NewReader(templateText))
	dec.UseNumber() // 0.0 stays 0.0
	if err := dec.Decode(&out); err != nil {
		panic(fmt.Sprintf("gatewaysim: templates: %v", err)) // the file is a part of the package
	}
	return out
})

// render returns a copy of a template with fields of its own. Every field must be one of the
// template's, so that an answer never has a name that IBKR does not.
func render(template string, fields object) object {
	out := object{}
	for k, v := range templates()[template] {
		out[k] = v
	}
	for k, v := range fields {
		if _, found := out[k]; !found {
			panic(fmt.Sprintf("gatewaysim: template %q has no field %q", template, k)) // a fault of the package's
		}
		out[k] = v
	}
	return out
}

// float returns a number as IBKR writes floats: with a point, always.
func float(d ledger.Decimal) json.Number {
	s := d.String()
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return json.Number(s)
}

// bare returns a number as it is.
func bare(d ledger.Decimal) json.Number { return json.Number(d.String()) }

// floatText is float as a string.
func floatText(d ledger.Decimal) string { return string(float(d)) }

// plain returns a decimal as a string, or the empty string for zero.
func plain(d ledger.Decimal) string {
	if d.IsZero() {
		return ""
	}
	return d.String()
}

// units returns an amount in whole units with commas, as IBKR writes it for people.
func units(d ledger.Decimal) string {
	s, sign := d.Abs().RoundBank(0).String(), ""
	if d.IsNeg() && s != "0" {
		sign = "-"
	}
	for n := len(s) - 3; n > 0; n -= 3 {
		s = s[:n] + "," + s[n:]
	}
	return sign + s
}

// cents rounds an amount of money.
func cents(d ledger.Decimal) ledger.Decimal { return d.RoundBank(moneyPlaces) }

const moneyPlaces = 2
