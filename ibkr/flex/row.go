package flex

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

var (
	errAbsent     = errors.New("is absent and cannot be derived")
	errNoCurrency = errors.New("is not a currency")
)

// row is one row of a file: the values of the fields this package knows, "" if absent.
type row struct {
	line int
	v    [numFields]string
}

// set notes a value. The marks that stand for no value count as absent, and the first of two
// columns with the same meaning wins.
func (r *row) set(f field, s string) {
	if f == fNone || r.v[f] != "" {
		return
	}
	s = strings.TrimSpace(s)
	if s == "--" || s == "N/A" || s == "-" && (f == fAccountID || f == fAlias) {
		return
	}
	r.v[f] = s
}

// first returns the first of the fields that has a value.
func (r *row) first(fields ...field) field {
	for _, f := range fields {
		if r.v[f] != "" {
			return f
		}
	}
	return fNone
}

// slashed reports whether one of the row's dates is written with slashes, so that its meaning
// depends on the rest of the statement.
func (r *row) slashed() bool {
	for f := fDateTime; f <= fWhenGenerated; f++ {
		if strings.IndexByte(r.v[f], '/') >= 0 {
			return true
		}
	}
	return strings.IndexByte(r.v[fExpiry], '/') >= 0
}

// reading converts the values of a row. The first error stays, and what follows it is zero.
type reading struct {
	r     *row
	sec   section
	order dateOrder
	loc   *time.Location
	err   error
}

func (c *reading) fail(f field, err error) {
	if c.err == nil {
		c.err = &ReadError{Line: c.r.line, Section: c.sec.String(), Field: f.String(), Value: c.r.v[f], Err: err}
	}
}

// require fails if none of the fields has a value; the error names the first.
func (c *reading) require(fields ...field) {
	if c.r.first(fields...) == fNone {
		c.fail(fields[0], errAbsent)
	}
}

// decimal returns the number, zero if absent.
func (c *reading) decimal(f field) ledger.Decimal { return c.optional(f).Value }

// optional returns the number and whether there is one.
func (c *reading) optional(f field) Optional {
	s := c.r.v[f]
	if s == "" {
		return Optional{}
	}
	d, err := parseDecimal(s)
	if err != nil {
		c.fail(f, err)
		return Optional{}
	}
	return Optional{Value: d, Valid: true}
}

// rate returns a conversion rate, zero if it is not known.
func (c *reading) rate() ledger.Decimal {
	d := c.decimal(fFXRate)
	if d.IsNeg() {
		c.fail(fFXRate, errors.New("is negative"))
	}
	return d
}

// id returns a whole number, zero if absent.
func (c *reading) id(f field) int64 {
	s := c.r.v[f]
	if s == "" {
		return 0
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 {
		c.fail(f, errors.New("is not a whole number"))
		return 0
	}
	return n
}

// date returns the date, zero if absent.
func (c *reading) date(f field) ledger.Date {
	if c.r.v[f] == "" {
		return 0
	}
	return c.stamp(f).date
}

// stamp returns the date and time of a field that has a value.
func (c *reading) stamp(f field) stamp {
	st, err := parseStamp(c.r.v[f], c.order, c.loc)
	if err != nil {
		c.fail(f, err)
	}
	return st
}

// when returns the date and time of the first of the fields that has a value, and fails if none
// has.
func (c *reading) when(fields ...field) stamp {
	f := c.r.first(fields...)
	if f == fNone {
		c.fail(fields[0], errAbsent)
		return stamp{}
	}
	return c.stamp(f)
}

// tradeTime returns when a trade happened: dateTime, else tradeDate with tradeTime, else the day it
// was reported for.
func (c *reading) tradeTime() stamp {
	st := c.when(tradeDates...)
	if c.err != nil || st.clock || c.r.v[fTradeTime] == "" {
		return st
	}
	clocked, err := atClock(st.date, c.r.v[fTradeTime], c.loc)
	if err != nil {
		c.fail(fTradeTime, err)
	}
	return clocked
}

// currency returns a currency that has to be there.
func (c *reading) currency() ledger.Currency {
	c.require(fCurrency)
	cur := ledger.Currency(c.r.v[fCurrency])
	if !cur.Valid() {
		c.fail(fCurrency, errNoCurrency)
	}
	return cur
}

// quoted returns a value of the file for a message, in quotes and not at any length.
func quoted(s string) string { return fmt.Sprintf("%.40q", s) }

// parseDecimal reads what the library reads, and beyond that the exponents that Java prints small
// figures with, such as 0E-9; it never rounds.
func parseDecimal(s string) (ledger.Decimal, error) {
	if d, err := ledger.ParseDecimal(s); err == nil {
		return d, nil
	}
	plain, ok := expand(withoutThousands(s))
	if !ok {
		return ledger.Decimal{}, fmt.Errorf("%w, or out of range", accounts.ErrInvalidDecimal)
	}
	d, err := ledger.ParseDecimal(plain)
	if err != nil {
		return ledger.Decimal{}, fmt.Errorf("%w, or out of range", accounts.ErrInvalidDecimal)
	}
	return d, nil
}

// withoutThousands drops the commas between thousands: -48,000.5 is -48000.5. Commas anywhere else
// stay, and are refused: that of 0,500 stands for a point.
func withoutThousands(s string) string {
	whole, frac, point := strings.Cut(s, ".")
	groups := strings.Split(strings.TrimPrefix(whole, "-"), ",")
	if len(groups) == 1 || len(groups[0]) < 1 || len(groups[0]) > 3 || groups[0][0] == '0' || strings.IndexByte(frac, ',') >= 0 {
		return s
	}
	for _, g := range groups[1:] {
		if len(g) != 3 {
			return s
		}
	}
	out := strings.Join(groups, "")
	if strings.HasPrefix(whole, "-") {
		out = "-" + out
	}
	if point {
		out += "." + frac
	}
	return out
}

// expand writes out 1.5E-7 as 0.00000015 and drops zeros beyond the places a decimal can hold.
func expand(s string) (string, bool) {
	mantissa, exponent := s, 0
	if i := strings.IndexAny(s, "eE"); i >= 0 {
		n, err := strconv.Atoi(s[i+1:])
		if err != nil || n < -40 || n > 15 {
			return "", false
		}
		mantissa, exponent = s[:i], n
	}
	sign := ""
	if strings.HasPrefix(mantissa, "-") {
		sign, mantissa = "-", mantissa[1:]
	}
	whole, frac, _ := strings.Cut(mantissa, ".")
	digits := whole + frac
	if digits == "" || len(digits) > 60 || digitRun(digits) != len(digits) {
		return "", false
	}
	point := len(whole) + exponent
	if point <= 0 {
		digits, point = strings.Repeat("0", 1-point)+digits, 1
	}
	if point > len(digits) {
		digits += strings.Repeat("0", point-len(digits))
	}
	frac = strings.TrimRight(digits[point:], "0")
	plain := sign + digits[:point]
	if frac != "" {
		plain += "." + frac
	}
	return plain, true
}
