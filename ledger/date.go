package ledger

import (
	"fmt"
	"strconv"
	"time"

	"github.com/ai-ots/accounts/invalid"
)

// Date is a calendar day as the number yyyymmdd, so that dates compare as numbers. Zero is no date.
// A date has no time zone: the caller of DateOf chooses the zone by the location of the time.
type Date int32

// NewDate returns the date without checking the parts; see [Date.Valid].
func NewDate(year int, month time.Month, day int) Date {
	return Date(year*10000 + int(month)*100 + day)
}

// Time returns midnight at the beginning of the day in the location.
func (d Date) Time(loc *time.Location) time.Time {
	return time.Date(int(d/10000), time.Month(d/100%100), int(d%100), 0, 0, 0, 0, loc)
}

// Valid reports whether the calendar has the day, and its year is 1900 to 9999.
func (d Date) Valid() bool {
	return d >= 19000101 && d <= 99991231 && DateOf(d.Time(time.UTC)) == d
}

// String returns yyyy-mm-dd; "" for no date.
func (d Date) String() string {
	if d == 0 {
		return ""
	}
	if s := strconv.Itoa(int(d)); d > 0 && len(s) == 8 { // nearly always, and faster
		return s[:4] + "-" + s[4:6] + "-" + s[6:]
	}
	return fmt.Sprintf("%04d-%02d-%02d", d/10000, d/100%100, d%100)
}

// MarshalText returns yyyy-mm-dd; an empty text for no date.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads the forms of ParseDate, and an empty text as no date.
func (d *Date) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*d = 0
		return nil
	}
	*d, err = ParseDate(string(b))
	return err
}

// DateOf returns the calendar day of t in t's own location.
func DateOf(t time.Time) Date {
	y, m, d := t.Date()
	return NewDate(y, m, d)
}

// ParseDate reads 2025-05-16 or 20250516. It returns invalid.Err for anything else.
func ParseDate(s string) (Date, error) {
	digits := s
	if len(s) == 10 && s[4] == '-' && s[7] == '-' {
		digits = s[:4] + s[5:7] + s[8:]
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	d := Date(n)
	if err != nil || len(digits) != 8 || !d.Valid() {
		return 0, fmt.Errorf("%w: date %.40q is not yyyy-mm-dd or yyyymmdd", invalid.Err, s)
	}
	return d, nil
}
