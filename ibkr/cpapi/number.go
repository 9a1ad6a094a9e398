package cpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// number is a decimal in any form in which the API writes one: a JSON number or a string; plain,
// with commas between thousands, or with an exponent. told is false for null, for an empty string,
// and for the largest float64, which IBKR writes where it has no value.
type number struct {
	value ledger.Decimal
	told  bool
}

// UnmarshalJSON implements [json.Unmarshaler].
func (n *number) UnmarshalJSON(b []byte) error {
	var s text
	if err := s.UnmarshalJSON(b); err != nil {
		return err
	}
	var err error
	*n, err = parseNumber(string(s))
	return err
}

// MarshalJSON writes the value as a string, and null where none was told.
func (n number) MarshalJSON() ([]byte, error) {
	if !n.told {
		return []byte("null"), nil
	}
	return json.Marshal(n.value.String())
}

const (
	// floatDigits is how many decimal digits a float64 keeps. IBKR computes in float64: what comes
	// after them is noise, as in 584.3133333333334.
	floatDigits = 15
	maxPlaces   = 19
	noValue     = 300 // the power of ten from which on a number says that there is none
)

var errNoNumber = errors.New("it is no number")

// parseNumber reads a number. It rounds to 15 significant digits.
func parseNumber(s string) (number, error) {
	s = strings.TrimSpace(s)
	if s == "" {
		return number{}, nil
	}
	bad := fmt.Errorf("number %.40q: %w", s, errNoNumber)
	rest, negative := strings.CutPrefix(s, "-")
	mantissa, power, scientific := cutExponent(strings.TrimPrefix(rest, "+"))
	exponent := 0
	if scientific {
		var err error
		if exponent, err = strconv.Atoi(power); err != nil || exponent > 10_000 || exponent < -10_000 {
			return number{}, bad
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.ReplaceAll(whole, ",", "") + fraction
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return number{}, bad
	}
	point := len(digits) - len(fraction) + exponent
	short := strings.TrimLeft(digits, "0")
	point -= len(digits) - len(short)
	if short, point = roundDigits(short, point); point >= noValue && short != "" {
		return number{}, nil
	}
	if short != "" && point > floatDigits {
		return number{}, fmt.Errorf("number %.40q: it is 1e15 or more", s)
	}
	d, err := ledger.ParseDecimal(plain(short, point))
	if err != nil {
		return number{}, err
	}
	if negative {
		d = d.Neg()
	}
	return number{d, true}, nil
}

func cutExponent(s string) (mantissa, power string, found bool) {
	if at := strings.IndexAny(s, "eE"); at >= 0 {
		return s[:at], s[at+1:], true
	}
	return s, "", false
}

// roundDigits rounds 0.digits × 10^point to the digits that a float64 keeps.
func roundDigits(digits string, point int) (string, int) {
	if len(digits) <= floatDigits {
		return digits, point
	}
	up := digits[floatDigits] >= '5'
	n, _ := strconv.ParseInt(digits[:floatDigits], 10, 64) // 15 digits
	if up {
		n++
	}
	rounded := strconv.FormatInt(n, 10)
	return rounded, point + len(rounded) - floatDigits
}

// plain writes 0.digits × 10^point without an exponent, with at most 19 places.
func plain(digits string, point int) string {
	switch {
	case digits == "" || point <= -maxPlaces:
		return "0"
	case point <= 0:
		places := strings.Repeat("0", -point) + digits
		return "0." + places[:min(len(places), maxPlaces)]
	case point >= len(digits):
		return digits + strings.Repeat("0", point-len(digits))
	}
	return digits[:point] + "." + digits[point:]
}

// text is a string that the API may write as a number, a boolean or null.
type text string

// UnmarshalJSON implements [json.Unmarshaler].
func (t *text) UnmarshalJSON(b []byte) error {
	b = bytes.TrimSpace(b)
	switch {
	case len(b) == 0:
		return errors.New("nothing where a text should be")
	case bytes.Equal(b, []byte("null")):
		*t = ""
		return nil
	case b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	case b[0] == '{' || b[0] == '[':
		return errors.New("an object or a list where a text should be") // which may be a secret
	}
	*t = text(b)
	return nil
}

// whole is an integer, such as a contract's id, that the API may write as a string or a float; zero
// for null and for an empty string.
type whole int64

// UnmarshalJSON implements [json.Unmarshaler].
func (w *whole) UnmarshalJSON(b []byte) error {
	var t text
	if err := t.UnmarshalJSON(b); err != nil || t == "" {
		*w = 0
		return err
	}
	if n, err := strconv.ParseInt(string(t), 10, 64); err == nil { // all digits: ids are longer than float64 can tell
		*w = whole(n)
		return nil
	}
	n, err := parseNumber(string(t))
	if err != nil {
		return err
	}
	i, err := n.value.Int64()
	if err != nil || !n.value.Equal(n.value.Trunc(0)) {
		return fmt.Errorf("number %.40q is not whole", string(t))
	}
	*w = whole(i)
	return nil
}

// boolean is a boolean that the API may write as a string or as 0 or 1; false where it says
// nothing.
type boolean bool

// UnmarshalJSON implements [json.Unmarshaler].
func (f *boolean) UnmarshalJSON(b []byte) error {
	var t text
	if err := t.UnmarshalJSON(b); err != nil {
		return err
	}
	switch strings.ToLower(string(t)) {
	case "true", "1":
		*f = true
	case "false", "0", "":
		*f = false
	default:
		return fmt.Errorf("%.20q where true or false should be", string(t))
	}
	return nil
}

// instant returns the time of a Unix time in seconds or milliseconds: the API has both for the same
// field. It returns the zero time for zero and below.
func instant(unix whole) time.Time {
	switch {
	case unix <= 0:
		return time.Time{}
	case unix < 100_000_000_000: // the year 5138 in seconds, 1973 in milliseconds
		return time.Unix(int64(unix), 0).UTC()
	}
	return time.UnixMilli(int64(unix)).UTC()
}

// clockTime reads a time in UTC in one of the layouts; the zero time if it is in none.
func clockTime(s text, layouts ...string) time.Time {
	for _, layout := range layouts {
		if t, err := time.Parse(layout, string(s)); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}
