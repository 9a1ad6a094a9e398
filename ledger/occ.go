package ledger

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/invalid"
)

// ParseOCC reads an option symbol of the Options Symbology Initiative: root padded to six
// characters, yymmdd, C or P, strike times 1000 in eight digits, such as
// "NU    250516C00012000". Padding may be missing. The currency is USD and the multiplier 100.
// ErrInvalid for anything else.
func ParseOCC(s string) (Instrument, error) {
	bad := fmt.Errorf("%w: option symbol %.40q is not in OCC form", invalid.Err, s)
	if len(s) < 16 || len(s) > 21 {
		return Instrument{}, bad
	}
	root, rest := strings.TrimRight(s[:len(s)-15], " "), s[len(s)-15:]
	if root == "" || len(root) > 6 || !occRoot(root) || !text.Digits(rest[:6]) || !text.Digits(rest[7:]) {
		return Instrument{}, bad
	}
	expiry, err := ParseDate("20" + rest[:6])
	if err != nil || (rest[6] != 'C' && rest[6] != 'P') {
		return Instrument{}, bad
	}
	thousandths, err := strconv.ParseInt(rest[7:], 10, 64)
	if err != nil || thousandths == 0 {
		return Instrument{}, bad
	}
	strike := num.Trim(udecimal.MustFromInt64(thousandths, 3))
	return NewOption(root, expiry, Right(rest[6:7]), strike, "USD"), nil
}

// OCC returns the 21-character OSI symbol of an option. ErrInvalid for anything but an option on 100
// shares, and for roots, expiries or strikes that the form cannot hold. It does not hold the
// currency: ParseOCC takes it for USD.
func (i Instrument) OCC() (string, error) {
	thousandths := i.Strike.Mul(udecimal.MustFromInt64(1000, 0))
	n, err := thousandths.Int64()
	i.SetDefaults()
	if i.SecType != Option || !i.Multiplier.Equal(num.Hundred) || len(i.Symbol) > 6 || !occRoot(i.Symbol) || !i.Expiry.Valid() || i.Expiry < 20000101 || i.Expiry > 20991231 ||
		(i.Right != Call && i.Right != Put) || err != nil || n <= 0 || n > 99_999_999 || !thousandths.Equal(thousandths.Trunc(0)) {
		return "", fmt.Errorf("%w: %s has no OCC symbol", invalid.Err, i.Key())
	}
	return fmt.Sprintf("%-6s%06d%s%08d", i.Symbol, i.Expiry%1000000, i.Right, n), nil
}

func occRoot(s string) bool {
	for i := range len(s) {
		if (s[i] < 'A' || s[i] > 'Z') && (s[i] < '0' || s[i] > '9') && s[i] != '.' {
			return false
		}
	}
	return len(s) > 0
}
