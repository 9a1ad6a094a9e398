package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/ledger"
)

// bar is one day of one symbol, at the prices of that day: not adjusted for later splits.
type bar struct {
	date        ledger.Date
	open, close ledger.Decimal
}

// series are the bars of one symbol, oldest first.
type series struct {
	symbol string
	bars   []bar
	splits []split // in the order of their dates
	notes  []string
}

// split is numerator new shares for every denominator old ones, from the opening of its date on.
type split struct {
	date                   ledger.Date
	numerator, denominator ledger.Decimal
}

// on returns the bar of a date, and false if the symbol did not trade on it.
func (s *series) on(d ledger.Date) (bar, bool) {
	i, found := slices.BinarySearchFunc(s.bars, d, func(b bar, d ledger.Date) int { return int(b.date) - int(d) })
	if !found {
		return bar{}, false
	}
	return s.bars[i], true
}

// after returns the first bar behind a date.
func (s *series) after(d ledger.Date) (bar, bool) {
	i, _ := slices.BinarySearchFunc(s.bars, d+1, func(b bar, d ledger.Date) int { return int(b.date) - int(d) })
	if i == len(s.bars) {
		return bar{}, false
	}
	return s.bars[i], true
}

// splitOn returns the split that takes effect on a date.
func (s *series) splitOn(d ledger.Date) (split, bool) {
	for _, x := range s.splits {
		if x.date == d {
			return x, true
		}
	}
	return split{}, false
}

// columns are where a file has its figures; -1 for a column that it does not have.
type columns struct{ date, open, high, low, close int }

func columnsOf(header []string) (columns, error) {
	find := func(name string) int {
		return slices.IndexFunc(header, func(h string) bool {
			return strings.EqualFold(strings.TrimSpace(strings.TrimPrefix(h, "\ufeff")), name)
		})
	}
	c := columns{find("date"), find("open"), find("high"), find("low"), find("close")}
	for name, i := range map[string]int{"Date": c.date, "Open": c.open, "Close": c.close} {
		if i < 0 {
			return c, fmt.Errorf("has no column %q; Date, Open and Close are needed", name)
		}
	}
	return c, nil
}

// maxNotes is how many doubtful bars are told one by one.
const maxNotes = 3

// readBars reads daily bars as Yahoo and Stooq name their columns. Name is the file's, for what is
// said about it. Volume and adjusted prices are left alone: orders were filled at what was quoted
// on the day.
func readBars(r io.Reader, name, symbol string) (*series, error) {
	in := csv.NewReader(r)
	in.ReuseRecord = true
	header, err := in.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s: is empty", name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c, err := columnsOf(header)
	if err != nil {
		return nil, fmt.Errorf("%s:1: %w", name, err)
	}
	s, doubtful := &series{symbol: symbol}, 0
	for {
		row, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err) // which names the line
		}
		line, _ := in.FieldPos(0)
		b, note, err := c.bar(row)
		if err == nil && len(s.bars) > 0 && b.date <= s.bars[len(s.bars)-1].date {
			err = fmt.Errorf("date %s does not follow %s", b.date, s.bars[len(s.bars)-1].date)
		}
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		if note != "" {
			if doubtful++; doubtful <= maxNotes {
				s.notes = append(s.notes, fmt.Sprintf("%s:%d: %s", name, line, note))
			}
		}
		s.bars = append(s.bars, b)
	}
	if doubtful > maxNotes {
		s.notes = append(s.notes, fmt.Sprintf("%s: %d more like these", name, doubtful-maxNotes))
	}
	if len(s.bars) == 0 {
		return nil, fmt.Errorf("%s: has no bars", name)
	}
	return s, nil
}

// bar reads a row; the note says what is doubtful about it.
func (c columns) bar(row []string) (b bar, note string, err error) {
	if b.date, err = ledger.ParseDate(strings.TrimSpace(row[c.date])); err != nil {
		return b, "", fmt.Errorf("date %q is neither yyyy-mm-dd nor yyyymmdd", row[c.date])
	}
	price := func(name string, i int) ledger.Decimal {
		if i < 0 || err != nil {
			return ledger.Decimal{}
		}
		var d ledger.Decimal
		d, err = parsePrice(row[i])
		if err != nil {
			err = fmt.Errorf("%s %q %w", name, row[i], err)
		}
		return d
	}
	b.open, b.close = price("open", c.open), price("close", c.close)
	high, low := price("high", c.high), price("low", c.low)
	if err != nil {
		return b, "", err
	}
	if doubtful(c.low >= 0, low, c.high >= 0, high, b) {
		note = fmt.Sprintf("low %s and high %s do not go with open %s and close %s; they are not used", low, high, b.open, b.close)
	}
	return b, note, nil
}

// doubtful reports whether a day's range, as far as there is one, leaves out its open or close, or
// goes to less than half or more than twice of them.
func doubtful(hasLow bool, low ledger.Decimal, hasHigh bool, high ledger.Decimal, b bar) bool {
	least, most := b.open, b.close
	if most.LessThan(least) {
		least, most = most, least
	}
	return hasLow && (low.GreaterThan(least) || low.Add(low).LessThan(least)) ||
		hasHigh && (high.LessThan(most) || most.Add(most).LessThan(high))
}

// pricePlaces are more than any exchange quotes, and cut off what files have of binary fractions.
const pricePlaces = 6

var maxPrice = udecimal.MustFromInt64(1_000_000_000, 0)

func parsePrice(s string) (ledger.Decimal, error) {
	d, err := ledger.ParseDecimal(strings.TrimSpace(s))
	if err != nil {
		return d, errors.New("is not a number")
	}
	d = d.RoundBank(pricePlaces)
	if !d.IsPos() || !d.LessThan(maxPrice) {
		return d, fmt.Errorf("is not above zero and below %s", maxPrice)
	}
	return d, nil
}

// A price that jumps further than this between a close and the next open is taken for a split that
// nobody told of.
var (
	maxFall = udecimal.MustParse("0.55")
	maxRise = udecimal.MustParse("1.8")
)

// adjust takes the splits in, and refuses prices that jump as though there was one more, or one
// less.
func (s *series) adjust(splits []split) error {
	s.splits = splits
	for _, x := range splits {
		if _, traded := s.on(x.date); !traded || x.date == s.bars[0].date {
			return fmt.Errorf("-split %s: there is no bar of %s with one before it", s.symbol, x.date)
		}
	}
	for i := 1; i < len(s.bars); i++ {
		before, after := s.bars[i-1], s.bars[i]
		expected, told := before.close, ""
		if x, ok := s.splitOn(after.date); ok {
			scaled, err := expected.Mul(x.denominator).Div(x.numerator)
			if err != nil {
				return fmt.Errorf("-split %s: %w", s.symbol, err)
			}
			expected, told = scaled, ", which the split does not explain"
		}
		if after.open.LessThan(expected.Mul(maxFall)) || after.open.GreaterThan(expected.Mul(maxRise)) {
			if told == "" {
				told = fmt.Sprintf(": if that was a split, say so with -split %s=%s:NEW:OLD, such as 7:1 or 1:25", s.symbol, after.date)
			}
			return fmt.Errorf("%s: closed at %s on %s and opened at %s on %s%s", s.symbol, before.close, before.date, after.open, after.date, told)
		}
	}
	return nil
}
