package ledger_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

func genDate(from, to int) *rapid.Generator[ledger.Date] {
	return rapid.Custom(func(t *rapid.T) ledger.Date {
		first := time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC)
		last := time.Date(to, 12, 31, 0, 0, 0, 0, time.UTC)
		days := int(last.Sub(first).Hours() / 24)
		return ledger.DateOf(first.AddDate(0, 0, rapid.IntRange(0, days).Draw(t, "days")))
	})
}

func TestDate(t *testing.T) {
	for in, want := range map[string]ledger.Date{
		"2025-05-16": 20250516, "20250516": 20250516, "2024-02-29": 20240229, "19000101": 19000101, "9999-12-31": 99991231,
	} {
		got, err := ledger.ParseDate(in)
		require.NoError(t, err, "%q was refused", in)
		require.Equal(t, want, got, "%q is another day", in)
	}
	for _, in := range []string{
		"", "2025-02-29", "20250431", "2025-13-01", "2025-00-10", "2025-05-00", "18991231", "2025-5-16", "250516",
		"2025/05/16", "2025-0516", "+2025051", "-2025051", "2025-05-16T00:00:00Z", "99999999999999999999", " 20250516",
	} {
		got, err := ledger.ParseDate(in)
		require.ErrorIs(t, err, invalid.Err, "%q was accepted as %s", in, got)
	}
}

// The same instant is another day elsewhere.
func TestDateOfATimeIsItsOwnZones(t *testing.T) {
	newYork := time.FixedZone("New York", -4*60*60)
	night := time.Date(2025, 5, 17, 1, 30, 0, 0, time.UTC)
	require.Equal(t, ledger.Date(20250517), ledger.DateOf(night))
	require.Equal(t, ledger.Date(20250516), ledger.DateOf(night.In(newYork)))
	require.Equal(t, time.Date(2025, 5, 16, 4, 0, 0, 0, time.UTC), mayExpiry.Time(newYork).UTC(), "midnight in New York")
}

func TestDateAsText(t *testing.T) {
	for want, d := range map[string]ledger.Date{
		"": 0, "2026-03-05": 20260305, "0000-00-07": 7, "0999-12-31": 9991231, "12345-06-07": 123450607, "9999-99-99": 99999999,
	} {
		require.Equal(t, want, d.String(), "%d as text", d)
	}
}

func TestDateText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := genDate(1900, 9999).Draw(t, "date")
		require.True(t, d.Valid())
		b, err := json.Marshal(d)
		require.NoError(t, err)
		var got ledger.Date
		require.NoError(t, json.Unmarshal(b, &got), "%s cannot be read", b)
		require.Equal(t, d, got, "%s is another day", b)
		require.Equal(t, d, ledger.DateOf(d.Time(time.UTC)))
	})
	var none ledger.Date
	require.Equal(t, "", none.String())
	require.False(t, none.Valid(), "no date is a date")
	require.NoError(t, json.Unmarshal([]byte(`""`), &none))
	require.Zero(t, none)
	require.ErrorIs(t, none.UnmarshalText([]byte("soon")), invalid.Err)
}
