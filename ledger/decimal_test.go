package ledger_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

func TestParseDecimal(t *testing.T) {
	for in, want := range map[string]string{
		"0": "0", "-0": "0", "1.500": "1.5", "+7": "7", "-417.550236809": "-417.550236809", "0.0000000000000000001": "0.0000000000000000001",
		"999999999999999.9999": "999999999999999.9999",
	} {
		got, err := ledger.ParseDecimal(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got.String(), in)
	}
	for _, in := range []string{"", " ", "NaN", "nan", "Inf", "-Inf", "+", "-", ".", "1.", ".5", "1e3", "1E-2", "0x10", "1,000", "1_000", "1 ", " 1",
		"--1", "1.2.3", "٣", "1.00000000000000000001", "1000000000000000", "-1000000000000000", strings.Repeat("9", 40), strings.Repeat("1", 300)} {
		_, err := ledger.ParseDecimal(in)
		require.ErrorIs(t, err, ledger.ErrInvalidDecimal, "%.40q was read", in)
	}
}
