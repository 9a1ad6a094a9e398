package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReadBars(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"Yahoo":                    {"Date,Open,High,Low,Close,Adj Close,Volume\n2024-01-02,10,12,9,11,5.5,100\n2024-01-03,11,12,10,11.5,5.7,100\n", "2024-01-02 10 11; 2024-01-03 11 11.5"},
		"Stooq":                    {"Date,Open,High,Low,Close,Volume\n20240102,10.1234567,12,9,11,100\n", "2024-01-02 10.123457 11"},
		"lower case, a mark, CRLF": {"\ufeffdate,open,close\r\n20240102,10,11\r\n", "2024-01-02 10 11"},
		"a range that cannot be":   {"Date,Open,High,Low,Close\n20240102,329.9,330.26,32.65,329.73\n", "2024-01-02 329.9 329.73; x.csv:2: low 32.65 and high 330.26 do not go with open 329.9 and close 329.73; they are not used"},
		"empty":                    {"", "x.csv: is empty"},
		"no bars":                  {"Date,Open,Close\n", "x.csv: has no bars"},
		"no close":                 {"Date,Open\n2024-01-02,1\n", `x.csv:1: has no column "Close"; Date, Open and Close are needed`},
		"not a date":               {"Date,Open,Close\n2024-13-02,1,1\n", `x.csv:2: date "2024-13-02" is neither yyyy-mm-dd nor yyyymmdd`},
		"not a number":             {"Date,Open,Close\n2024-01-02,1,null\n", `x.csv:2: close "null" is not a number`},
		"a price of zero":          {"Date,Open,Close\n2024-01-02,0,1\n", `x.csv:2: open "0" is not above zero and below 1000000000`},
		"the same day twice":       {"Date,Open,Close\n2024-01-02,1,1\n2024-01-02,1,1\n", "x.csv:3: date 2024-01-02 does not follow 2024-01-02"},
		"newest first":             {"Date,Open,Close\n2024-01-03,1,1\n2024-01-02,1,1\n", "x.csv:3: date 2024-01-02 does not follow 2024-01-03"},
		"a row that is too short":  {"Date,Open,Close\n2024-01-02,1\n", "x.csv: record on line 2: wrong number of fields"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := readBars(strings.NewReader(c.text), "x.csv", "X")
			if err != nil {
				require.Equal(t, c.want, err.Error())
				return
			}
			var got []string
			for _, b := range s.bars {
				got = append(got, strings.Join([]string{b.date.String(), b.open.String(), b.close.String()}, " "))
			}
			require.Equal(t, c.want, strings.Join(append(got, s.notes...), "; "))
		})
	}
}

func TestSplitsMustBeTold(t *testing.T) {
	read := func() *series {
		s, err := readBars(strings.NewReader("Date,Open,Close\n2014-06-06,650,645.57\n2014-06-09,92.7,93.7\n2014-06-10,94,94\n"), "x.csv", "AAPL")
		require.NoError(t, err)
		return s
	}
	err := read().adjust(nil)
	require.ErrorContains(t, err, "-split AAPL=2014-06-09:NEW:OLD", "a fall to a seventh is no fall")
	var o options
	o.splits = map[string][]split{}
	require.NoError(t, o.addSplit("AAPL=2014-06-09:7:1"))
	s := read()
	require.NoError(t, s.adjust(o.splits["AAPL"]))
	require.ErrorContains(t, read().adjust([]split{{20140609, days(7), days(1)}, {20140610, days(7), days(1)}}), "which the split does not explain", "a split that is not in the prices")
	require.ErrorContains(t, read().adjust([]split{{date: 20140607, numerator: days(7), denominator: days(1)}}), "no bar")
}

// FuzzBars: no file makes it panic, and what it accepts is in order and priced.
func FuzzBars(f *testing.F) {
	sampleFile, err := os.ReadFile("sample/SYNA.csv")
	require.NoError(f, err)
	f.Add(string(sampleFile[:200]))
	f.Add("Date,Open,High,Low,Close\n20240102,1,2,1,2\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := readBars(strings.NewReader(text), "x.csv", "X")
		if err != nil {
			return
		}
		for i, b := range s.bars {
			require.True(t, b.open.IsPos() && b.close.IsPos(), "a price that is none: %v", b)
			require.True(t, i == 0 || s.bars[i-1].date < b.date, "dates out of order at %d", i)
		}
	})
}
