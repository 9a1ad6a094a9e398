package text_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/text"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{ // what it is: a symbol, digits, ASCII, printable, printable without spaces
		"XYZ":                   "symbol ascii printable solid",
		"BRK B":                 "symbol ascii printable",
		"123":                   "symbol digits ascii printable solid",
		"":                      "ascii printable solid",
		" XYZ":                  "ascii printable",
		"XYZ ":                  "ascii printable",
		"X:Z":                   "ascii printable solid",
		"Müller":                "symbol printable solid",
		"two Wörter":            "symbol printable",
		"a\tb":                  "",
		"a\nb":                  "",
		"a\x00":                 "",
		"a\x7f":                 "",
		"\xff":                  "",
		"a\u200bb":              "", // a space of no width
		"a\u00a0b":              "", // one that does not break
		"٣":                     "symbol printable solid",
		strings.Repeat("x", 50): "symbol ascii printable solid",
		strings.Repeat("x", 51): "ascii printable solid",
		strings.Repeat("ä", 26): "printable solid", // 52 bytes
	} {
		var got []string
		for _, is := range []struct {
			name string
			true bool
		}{{"symbol", text.Symbol(in)}, {"digits", text.Digits(in)}, {"ascii", text.ASCII(in)}, {"printable", text.Printable(in, true)}, {"solid", text.Printable(in, false)}} {
			if is.true {
				got = append(got, is.name)
			}
		}
		require.Equal(t, want, strings.Join(got, " "), "%q", in)
	}
}
