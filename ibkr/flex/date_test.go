package flex

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

func TestParseStamp(t *testing.T) {
	ny, err := time.LoadLocation("America/New_York")
	require.NoError(t, err)
	for in, want := range map[string]string{
		"20250107;132917":          "2025-01-07T18:29:17Z",
		"20250107, 132917":         "2025-01-07T18:29:17Z",
		"20250107 132917":          "2025-01-07T18:29:17Z",
		"20250107132917":           "2025-01-07T18:29:17Z",
		"20250707;132917":          "2025-07-07T17:29:17Z",
		"2026-04-02;11:08:05 EDT":  "2026-04-02T15:08:05Z",
		"2013-03-05, 19:45:00":     "2013-03-06T00:45:00Z",
		"2013-03-05T19:45:00Z":     "2013-03-05T19:45:00Z",
		"30/01/2018":               "2018-01-30T05:00:00Z",
		"30/01/18;10:00":           "2018-01-30T15:00:00Z",
		"30-Jan-18":                "2018-01-30T05:00:00Z",
		"3-FEB-2018, 010203 CET":   "2018-02-03T00:02:03Z",
		"20180130":                 "2018-01-30T05:00:00Z",
		"20180130;10:00:00 +05:30": "2018-01-30T04:30:00Z",
		"20180130;100000 -0500":    "2018-01-30T15:00:00Z",
		"20180130;100000 IST":      "2018-01-30T04:30:00Z",
		"20180130;100000 HKT":      "2018-01-30T02:00:00Z",
	} {
		got, err := parseStamp(in, dayFirst, ny)
		require.NoError(t, err, in)
		require.Equal(t, want, got.time.Format(time.RFC3339), in)
	}
	got, err := parseStamp("01/30/2018", monthFirst, ny)
	require.NoError(t, err)
	require.Equal(t, ledger.Date(20180130), got.date)
	require.False(t, got.clock)
	for _, in := range []string{"", "x", "2018", "20181301", "20180132", "30/13/2018", "1/2", "30-Foo-18", "30-ebm-18", "20180130;25:00:00",
		"20180130;1", "20180130;100000 XXX", "20180130;100000 +9999", "0000-00-00", "19000101", "99991231", "20180130x", "20180130;10:00:60"} {
		_, err := parseStamp(in, dayFirst, ny)
		require.Error(t, err, in)
	}
}

func TestSlashedDates(t *testing.T) {
	for name, tc := range map[string]struct {
		from, to string
		dates    []string
		want     ledger.Date // of the first date
	}{
		"no evidence":           {"", "", []string{"03/03/2025", "02/03/2025"}, 20250303},
		"both in period":        {"20250101", "20251231", []string{"03/03/2025", "02/03/2025"}, 20250303},
		"the same either way":   {"", "", []string{"03/03/2025"}, 20250303},
		"a day beyond 12":       {"", "", []string{"02/03/2025", "13/03/2025"}, 20250302},
		"a month first":         {"", "", []string{"02/03/2025", "03/13/2025"}, 20250203},
		"only one in period":    {"20250201", "20250228", []string{"02/03/2025"}, 20250203},
		"period day first":      {"20250301", "20250331", []string{"02/03/2025"}, 20250302},
		"slashed period":        {"01/02/2025", "02/28/2025", []string{"02/03/2025"}, 20250203},
		"period in right order": {"03/01/2025", "01/02/2025", []string{"02/03/2025"}, 20250302},
	} {
		t.Run(name, func(t *testing.T) {
			file := `<FlexQueryResponse><FlexStatements><FlexStatement accountId="U1" fromDate="` + tc.from + `" toDate="` + tc.to + `"><Trades>`
			for _, d := range tc.dates {
				file += trade(`dateTime="` + d + `;101010"`)
			}
			st := read(t, file+`</Trades></FlexStatement></FlexStatements></FlexQueryResponse>`)
			require.Equal(t, len(tc.dates), st.Trades.Len())
			require.Equal(t, tc.want, st.Trades.At(0).TradeDate)
			if name != "no evidence" && name != "both in period" {
				require.Empty(t, st.Issues)
				return
			}
			require.Len(t, st.Issues, 1, "a guess is told")
			require.Contains(t, st.Issues[0].Text, `such as "02/03/2025`)
			require.Equal(t, st.Trades.At(1).Line, st.Issues[0].Line)
		})
	}
}

func TestSlashedDatesKeepTheOrderOfRows(t *testing.T) {
	st := read(t, trades(trade(`tradeID="1"`), trade(`tradeID="2" tradeDate="02/03/2025"`), trade(`tradeID="3"`), trade(`tradeID="4" settleDateTarget="01/13/2025"`)))
	for i, tr := range st.Trades.All() {
		require.Equal(t, string(rune('1'+i)), tr.TradeID)
	}
	require.Equal(t, ledger.Date(20250203), st.Trades.At(1).TradeDate)
}

func TestTradeTimeFallsBack(t *testing.T) {
	require.Equal(t, "2025-01-07T14:34:06Z", one(t, `dateTime="" tradeDate="20250107" tradeTime="093406"`).Time.Format(time.RFC3339))
	got := one(t, `dateTime="" tradeDate="20250107"`)
	require.Equal(t, "2025-01-07T05:00:00Z", got.Time.Format(time.RFC3339))
	require.True(t, got.DateOnly)
}

func TestParseDecimal(t *testing.T) {
	for in, want := range map[string]string{"-12.50": "-12.5", "0E-9": "0", "1.5E-7": "0.00000015", "-1.25e2": "-125", "1.5000000000000000000000": "1.5", "-0": "0",
		"-48,000": "-48000", "1,234,567.25": "1234567.25", "12,345": "12345"} {
		got, err := parseDecimal(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got.String(), in)
	}
	for _, in := range []string{"", "-", "1E", "1E99", "1e-41", "NaN", "1,00", ",100", "1,0000", "1234,567", "1,,000", "1.5,000", "0,500", "1,000,", "--1,000", "1,00a", "0x1", "1.2.3", "0.00000000000000000001", "1E15", "--1", "."} {
		_, err := parseDecimal(in)
		require.ErrorIs(t, err, accounts.ErrInvalidDecimal, in)
	}
}
