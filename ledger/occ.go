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

// ParseOCC reads an option symbol of the Options Symbology Initiative: the root padded to six
// characters, yymmdd, C or P, and the strike times 1000 in eight digits, such as "NU
// 250516C00012000". Padding may be missing. The currency is USD and the multiplier 100. It returns
// invalid.Err for anything else.
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

// OCC returns the 21-character OSI symbol of an option on 100 shares. The symbol does not hold the
// currency: ParseOCC takes it for USD. It returns invalid.Err for any other contract, and for a
// root, expiry or strike that the form cannot hold.
func (i Instrument) OCC() (string, error) {
	thousandths := i.Strike.Mul(udecimal.MustFromInt64(1000, 0))
	n, err := thousandths.Int64()
	i.SetDefaults()
	contract := i.SecType == Option && i.Multiplier.Equal(num.Hundred) && (i.Right == Call || i.Right == Put)
	root := len(i.Symbol) <= 6 && occRoot(i.Symbol)
	expiry := i.Expiry.Valid() && i.Expiry >= 20000101 && i.Expiry <= 20991231
	strike := err == nil && n > 0 && n <= 99_999_999 && thousandths.Equal(thousandths.Trunc(0))
	if !contract || !root || !expiry || !strike {
		return "", fmt.Errorf("%w: %s has no OCC symbol", invalid.Err, i.Key())
	}
	return fmt.Sprintf("%-6s%06d%s%08d", i.Symbol, i.Expiry%1000000, i.Right, n), nil
}

// occRoot reports whether s is made of capital letters, digits and points.
func occRoot(s string) bool {
	for i := range len(s) {
		if (s[i] < 'A' || s[i] > 'Z') && (s[i] < '0' || s[i] > '9') && s[i] != '.' {
			return false
		}
	}
	return len(s) > 0
}
