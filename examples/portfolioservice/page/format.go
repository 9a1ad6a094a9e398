package page

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// minus is U+2212, which is as wide as a plus.
const minus = "−"

// money is an amount as it is written: thousands by comma, cents apart, the currency behind. The
// zero money is one that is not known.
type money struct {
	Known                    bool
	Sign, Whole, Cents, Unit string
}

// String returns the amount in one piece; "not known" for an unknown one.
func (m money) String() string {
	if !m.Known {
		return "not known"
	}
	s := m.Sign + m.Whole + m.Cents
	if m.Unit != "" {
		s += " " + m.Unit
	}
	return s
}

// in returns the amount with a unit behind.
func (m money) in(unit ledger.Currency) money { m.Unit = string(unit); return m }

// In is in, for templates.
func (m money) In(unit ledger.Currency) money { return m.in(unit) }

// round returns the amount without cents.
func rounded(d ledger.Decimal) money { return written(d, 0, "") }

// cents returns an amount with two places.
func cents(d ledger.Decimal) money { return written(d, 2, "") }

// price returns a price with two places at least, and all that it has, up to eight.
func price(d ledger.Decimal) money {
	places := 2
	if _, fraction, ok := strings.Cut(d.String(), "."); ok {
		places = min(max(places, len(fraction)), 8)
	}
	return written(d, uint8(places), "")
}

// difference returns an amount with its sign, plus too: a difference is neither gain nor loss.
func difference(d ledger.Decimal) money { return written(d, 2, "+") }

// written returns an amount with so many places.
func written(d ledger.Decimal, places uint8, plus string) money {
	d = d.RoundHAZ(places)
	whole, fraction, _ := strings.Cut(d.Abs().StringFixed(places), ".")
	m := money{Known: true, Whole: grouped(whole)}
	switch {
	case d.IsNeg():
		m.Sign = minus
	case d.IsPos():
		m.Sign = plus
	}
	if fraction != "" {
		m.Cents = "." + fraction
	}
	return m
}

// grouped writes thousands by comma.
func grouped(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// quantity writes a number of units with all its places.
func quantity(d ledger.Decimal) string {
	whole, fraction, ok := strings.Cut(d.Abs().String(), ".")
	s := grouped(whole)
	if fraction = strings.TrimRight(fraction, "0"); ok && fraction != "" {
		s += "." + fraction
	}
	if d.IsNeg() {
		s = minus + s
	}
	return s
}

// gain is a profit or a loss: by sign, arrow and colour. The zero gain is one that is not known.
type gain struct {
	Known                       bool
	Class, Arrow, Text, Percent string
}

// gained returns the gain of an amount.
func gained(d ledger.Decimal) gain {
	m := written(d, 2, "+")
	g := gain{Known: true, Class: "even", Arrow: "=", Text: m.String()}
	switch m.Sign {
	case "+":
		g.Class, g.Arrow = "up", "▲"
	case minus:
		g.Class, g.Arrow = "down", "▼"
	}
	return g
}

// of returns the gain with its share of what it was gained on.
func (g gain) of(d, base ledger.Decimal) gain {
	if g.Known && base.IsPos() {
		g.Percent = signedPercent(d.InexactFloat64()/base.InexactFloat64(), 2)
	}
	return g
}

// short returns the gain without cents.
func short(d ledger.Decimal) gain {
	g := gained(d)
	g.Text = written(d, 0, "+").String()
	return g
}

// percentSign is the sign behind a narrow space that does not break.
const percentSign = "\u202f%"

// percent writes a fraction in percent.
func percent(fraction float64, places int) string {
	s := strconv.FormatFloat(100*fraction, 'f', places, 64)
	if rest, negative := strings.CutPrefix(s, "-"); negative {
		s = rest
		if strings.Trim(rest, "0.") != "" {
			s = minus + rest
		}
	}
	return s + percentSign
}

// signedPercent is percent with a sign for gains, too.
func signedPercent(fraction float64, places int) string {
	s := percent(fraction, places)
	if strings.HasPrefix(s, minus) || strings.Trim(strings.TrimSuffix(s, percentSign), "0.") == "" {
		return s
	}
	return "+" + s
}

// fraction writes a fraction in percent, with the places it needs, two at most.
func fraction(d ledger.Decimal) string {
	s := strconv.FormatFloat(100*d.InexactFloat64(), 'f', 2, 64)
	return strings.Replace(strings.TrimRight(strings.TrimRight(s, "0"), "."), "-", minus, 1) + percentSign
}

// moment is a time as a person and as a machine read it.
type moment struct{ Text, Machine string }

// clock returns a time of today to the second.
func (c *call) clock(t time.Time) moment { return c.at(t, "15:04:05") }

// at returns a time in the pages' zone.
func (c *call) at(t time.Time, form string) moment {
	t = t.In(c.page.Location)
	return moment{t.Format(form), t.Format(time.RFC3339)}
}

// near returns a time as short as it can be told apart: of today the clock's, of the last days the
// day's.
func (c *call) near(t time.Time) moment {
	switch day := ledger.DateOf(t.In(c.page.Location)); {
	case day == ledger.DateOf(c.now):
		return c.clock(t)
	case c.now.Sub(t) < 6*24*time.Hour && c.now.After(t):
		return c.at(t, "Mon 2 Jan")
	}
	return c.at(t, "2 Jan 06")
}

// stamp returns day and minute.
func (c *call) stamp(t time.Time) moment { return c.at(t, "2 Jan 06, 15:04") }

// zone names the pages' time zone.
func (c *call) zone() string {
	if c.page.Location.String() == "America/New_York" {
		return "ET"
	}
	return c.now.Format("MST")
}

// age writes how old something is, in its largest unit.
func age(d time.Duration) string {
	d = max(d, 0)
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}

// span writes a span of time in words.
func span(d time.Duration) string {
	count := func(n int, unit string) string {
		if n == 1 {
			return "1 " + unit
		}
		return fmt.Sprintf("%d %ss", n, unit)
	}
	d = max(d, 0)
	switch {
	case d < 2*time.Minute:
		return count(int(d.Seconds()), "second")
	case d < 2*time.Hour:
		return count(int(d.Minutes()), "minute")
	case d < 48*time.Hour:
		return count(int(d.Hours()), "hour")
	}
	return count(int(d.Hours()/24), "day")
}

// plural writes a number with its noun.
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(itoa(n)) + " " + noun + "s"
}

// list writes things as a sentence does: "a, b and c".
func list(things []string) string {
	switch n := len(things); n {
	case 0:
		return ""
	case 1:
		return things[0]
	default:
		return strings.Join(things[:n-1], ", ") + " and " + things[n-1]
	}
}

// capital returns a text with a capital letter at its beginning.
func capital(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

func itoa(n int) string { return strconv.Itoa(n) }
