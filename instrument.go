package accounts

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/quagmt/udecimal"
)

// SecType is IBKR's kind of contract.
type SecType string

// The kinds of contract, in IBKR's vocabulary.
const (
	Stock        SecType = "STK"
	Option       SecType = "OPT"
	Future       SecType = "FUT"
	FutureOption SecType = "FOP"
	Forex        SecType = "CASH" // a currency pair: Symbol is bought, Currency is paid
	CFD          SecType = "CFD"
	Warrant      SecType = "WAR"
	Bond         SecType = "BOND"
	Fund         SecType = "FUND"
	Crypto       SecType = "CRYPTO"
)

// Right is an option's right.
type Right string

// The rights.
const (
	Call Right = "C"
	Put  Right = "P"
)

// Date is a calendar day as the number yyyymmdd, so that dates compare as numbers. Zero is no
// date. It has no time zone: whoever makes one from a time says which zone's day it is.
type Date int32

// DateOf returns the calendar day of t in t's own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return NewDate(y, m, d)
}

// NewDate returns the date; the parts are not checked, see Valid.
func NewDate(year int, month time.Month, day int) Date {
	return Date(year*10000 + int(month)*100 + day)
}

// ParseDate reads 2025-05-16 or 20250516; ErrInvalid for anything else.
func ParseDate(s string) (Date, error) {
	digits := s
	if len(s) == 10 && s[4] == '-' && s[7] == '-' {
		digits = s[:4] + s[5:7] + s[8:]
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	d := Date(n)
	if err != nil || len(digits) != 8 || !d.Valid() {
		return 0, fmt.Errorf("%w: date %.40q is not yyyy-mm-dd or yyyymmdd", ErrInvalid, s)
	}
	return d, nil
}

// Time returns midnight at the beginning of the day in the location.
func (d Date) Time(loc *time.Location) time.Time {
	return time.Date(int(d/10000), time.Month(d/100%100), int(d%100), 0, 0, 0, 0, loc)
}

// Valid reports whether there is such a day, from 1900 to 9999.
func (d Date) Valid() bool {
	return d >= 19000101 && d <= 99991231 && DateOf(d.Time(time.UTC)) == d
}

// String returns yyyy-mm-dd, or "" for no date.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	return fmt.Sprintf("%04d-%02d-%02d", d/10000, d/100%100, d%100)
}

// MarshalText returns yyyy-mm-dd.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what ParseDate reads, and "" as no date.
func (d *Date) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	*d, err = ParseDate(string(b))
	return err
}

// Instrument is a tradable contract, told by its terms. ConID and LocalSymbol are the broker's
// names for it: hints for people and look-ups, never identity. Identity is Key.
type Instrument struct {
	SecType    SecType  `json:"sec_type"`
	Symbol     string   `json:"symbol"`   // STK: the ticker; OPT: the OSI root; FUT and FOP: the underlying's symbol
	Currency   Currency `json:"currency"` // of price, proceeds, commission and P&L
	Underlying string   `json:"underlying,omitempty"`
	Expiry     Date     `json:"expiry,omitzero"`     // OPT, FUT, FOP, WAR
	Right      Right    `json:"right,omitempty"`     // OPT, FOP, WAR
	Strike     Decimal  `json:"strike,omitzero"`     // OPT, FOP, WAR
	Multiplier Decimal  `json:"multiplier,omitzero"` // money per point of price; if left zero 100 for OPT and 1 elsewhere, but required for FUT and FOP

	ConID       int64  `json:"con_id,omitempty"`
	LocalSymbol string `json:"local_symbol,omitempty"` // of a future, also what options on it name as their Underlying
}

// InstrumentKey is the canonical name of a contract, made from its terms, so that two sources
// that name the same contract agree: "STK:NU:USD", "OPT:NU:20250516:C:12:100:USD".
type InstrumentKey string

// NewStock returns a stock or fund share traded in the currency.
func NewStock(symbol string, currency Currency) Instrument {
	return Instrument{SecType: Stock, Symbol: symbol, Currency: currency, Multiplier: one}
}

// NewOption returns an equity option on 100 shares; symbol is the OSI root.
func NewOption(symbol string, expiry Date, right Right, strike Decimal, currency Currency) Instrument {
	return Instrument{SecType: Option, Symbol: symbol, Underlying: symbol, Currency: currency,
		Expiry: expiry, Right: right, Strike: strike, Multiplier: hundred}
}

var hundred = udecimal.MustFromInt64(100, 0)

// Key returns the canonical key. It allocates; keep it where it is used often. Two contracts
// with equal keys are the same contract; a key says nothing about whether the terms are valid.
func (i Instrument) Key() InstrumentKey {
	i.setDefaults()
	return i.key()
}

// key is Key for an instrument that has its defaults.
func (i *Instrument) key() InstrumentKey {
	return InstrumentKey(i.appendKey(make([]byte, 0, 48)))
}

// appendKey appends key's bytes, for whoever has a buffer.
func (i *Instrument) appendKey(b []byte) []byte {
	b = append(append(append(b, i.SecType...), ':'), i.Symbol...)
	if i.Expiry != 0 {
		b = strconv.AppendInt(append(b, ':'), int64(i.Expiry), 10)
	}
	if i.Right != "" {
		b = append(append(b, ':'), i.Right...)
		b, _ = i.Strike.AppendText(append(b, ':'))
	}
	if i.Expiry != 0 || !i.Multiplier.Equal(one) {
		b, _ = i.Multiplier.AppendText(append(b, ':'))
	}
	return append(append(b, ':'), i.Currency...)
}

func (i *Instrument) setDefaults() {
	if i.Multiplier.IsZero() {
		switch i.SecType {
		case Option:
			i.Multiplier = hundred
		case Future, FutureOption:
		default:
			i.Multiplier = one
		}
	}
	if i.Underlying == "" && (i.SecType == Option || i.SecType == FutureOption || i.SecType == Warrant) {
		i.Underlying = i.Symbol
	}
}

// normalize fills in defaults, trims trailing zeros off the decimals and checks the terms.
func (i *Instrument) normalize() error {
	i.setDefaults()
	i.Strike, i.Multiplier = trimZeros(i.Strike), trimZeros(i.Multiplier)
	return i.validate()
}

// Complete fills in defaults and checks the terms, without trimming decimals.
func (i *Instrument) Complete() error {
	i.setDefaults()
	return i.validate()
}

// Validate checks the terms and returns a *ValidationError that names all that are wrong, or nil.
func (i Instrument) Validate() error {
	i.setDefaults()
	return i.validate()
}

// validate is Validate for an instrument that has its defaults.
func (i *Instrument) validate() error {
	v := ValidationError{What: "instrument"}
	if !i.SecType.valid() {
		v.add("SecType", "%.20q is unknown", i.SecType)
	}
	if !validSymbol(i.Symbol) {
		v.add("Symbol", "%.60q is not 1 to 50 printable characters without a colon", i.Symbol)
	}
	if i.Underlying != "" && i.Underlying != i.Symbol && !validSymbol(i.Underlying) {
		v.add("Underlying", "%.60q is not 1 to 50 printable characters without a colon", i.Underlying)
	}
	if len(i.LocalSymbol) > 100 || !isPrintable(i.LocalSymbol, true) {
		v.add("LocalSymbol", "%.60q is not at most 100 printable characters", i.LocalSymbol)
	}
	if !i.Currency.Valid() {
		v.add("Currency", "%.20q is not three capital letters", i.Currency)
	}
	if i.SecType == Forex && (!Currency(i.Symbol).Valid() || Currency(i.Symbol) == i.Currency) {
		v.add("Symbol", "%.20q is no currency other than %s", i.Symbol, i.Currency)
	}
	checkPositive(&v, "Multiplier", i.Multiplier)
	i.validateTerms(&v)
	return v.err()
}

// validateTerms checks expiry, right and strike, which options have, futures in part, and others not.
func (i *Instrument) validateTerms(v *ValidationError) {
	option := i.deliverable()
	switch {
	case (option || i.SecType == Future) && !i.Expiry.Valid():
		v.add("Expiry", "%d is no date", i.Expiry)
	case !option && i.SecType != Future && i.Expiry != 0:
		v.add("Expiry", "%s does not belong to %s", i.Expiry, i.SecType)
	}
	switch {
	case option && i.Right != Call && i.Right != Put:
		v.add("Right", "%.20q is neither C nor P", i.Right)
	case !option && i.Right != "":
		v.add("Right", "%.20q does not belong to %s", i.Right, i.SecType)
	}
	switch {
	case option:
		checkPositive(v, "Strike", i.Strike)
	case !i.Strike.IsZero():
		v.add("Strike", "%s does not belong to %s", i.Strike, i.SecType)
	}
}

func checkPositive(v *ValidationError, field string, d Decimal) {
	if !d.IsPos() || d.GreaterThanOrEqual(maxInput) {
		v.add(field, "%s is not positive and below 1e15", d)
	}
}

func (s SecType) valid() bool {
	switch s {
	case Stock, Option, Future, FutureOption, Forex, CFD, Warrant, Bond, Fund, Crypto:
		return true
	}
	return false
}

func validSymbol(s string) bool {
	return len(s) >= 1 && len(s) <= 50 && isPrintable(s, true) && !strings.Contains(s, ":") && strings.TrimSpace(s) == s
}

// settlesNotional reports whether buying one pays its full price. Futures and CFDs pay only the
// difference: their P&L reaches cash when it is realized.
func (i *Instrument) settlesNotional() bool { return i.SecType != Future && i.SecType != CFD }

// deliverable reports whether it is an option whose exercise or assignment moves its premium into
// the underlying.
func (i *Instrument) deliverable() bool {
	return i.SecType == Option || i.SecType == FutureOption || i.SecType == Warrant
}

// String returns the broker's symbol if there is one, else the key.
func (i Instrument) String() string {
	if i.LocalSymbol != "" {
		return i.LocalSymbol
	}
	return string(i.Key())
}

// ParseOCC reads an option symbol of the Options Symbology Initiative: root padded to six
// characters, yymmdd, C or P, strike times 1000 in eight digits, such as
// "NU    250516C00012000". Padding may be missing. The currency is USD and the multiplier 100.
// ErrInvalid for anything else.
func ParseOCC(s string) (Instrument, error) {
	bad := fmt.Errorf("%w: option symbol %.40q is not in OCC form", ErrInvalid, s)
	if len(s) < 16 || len(s) > 21 {
		return Instrument{}, bad
	}
	root, rest := strings.TrimRight(s[:len(s)-15], " "), s[len(s)-15:]
	if root == "" || len(root) > 6 || !occRoot(root) || !digits(rest[:6]) || !digits(rest[7:]) {
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
	strike := trimZeros(udecimal.MustFromInt64(thousandths, 3))
	return NewOption(root, expiry, Right(rest[6:7]), strike, "USD"), nil
}

// OCC returns the 21-character OSI symbol of an option. ErrInvalid for anything but an option on 100
// shares, and for roots, expiries or strikes that the form cannot hold. It does not hold the
// currency: ParseOCC takes it for USD.
func (i Instrument) OCC() (string, error) {
	thousandths := i.Strike.Mul(udecimal.MustFromInt64(1000, 0))
	n, err := thousandths.Int64()
	i.setDefaults()
	if i.SecType != Option || !i.Multiplier.Equal(hundred) || len(i.Symbol) > 6 || !occRoot(i.Symbol) || !i.Expiry.Valid() || i.Expiry < 20000101 || i.Expiry > 20991231 ||
		(i.Right != Call && i.Right != Put) || err != nil || n <= 0 || n > 99_999_999 || !thousandths.Equal(thousandths.Trunc(0)) {
		return "", fmt.Errorf("%w: %s has no OCC symbol", ErrInvalid, i.Key())
	}
	return fmt.Sprintf("%-6s%06d%s%08d", i.Symbol, i.Expiry%1000000, i.Right, n), nil
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return len(s) > 0
}

func occRoot(s string) bool {
	for i := range len(s) {
		if (s[i] < 'A' || s[i] > 'Z') && (s[i] < '0' || s[i] > '9') && s[i] != '.' {
			return false
		}
	}
	return len(s) > 0
}
