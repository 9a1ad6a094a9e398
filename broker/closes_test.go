package broker_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/broker"
)

// The days are those of the calendars that NYSE published.
func TestNewYorkClose(t *testing.T) {
	for after, want := range map[string]string{
		"2026-11-25T12:00:00Z": "2026-11-25T21:00:00Z", // winter time
		"2026-11-25T21:00:00Z": "2026-11-27T21:00:00Z", // Thanksgiving
		"2026-07-02T12:00:00Z": "2026-07-02T20:00:00Z", // summer time
		"2026-07-02T20:00:00Z": "2026-07-06T20:00:00Z", // the Fourth is a Saturday
		"2026-04-02T20:00:01Z": "2026-04-06T20:00:00Z", // Good Friday
		"2026-10-12T12:00:00Z": "2026-10-12T20:00:00Z", // open on Columbus Day
		"2026-06-18T21:00:00Z": "2026-06-22T20:00:00Z", // Juneteenth
		"2027-12-31T12:00:00Z": "2027-12-31T21:00:00Z", // the first of January 2028 is a Saturday
		"2022-12-31T12:00:00Z": "2023-01-03T21:00:00Z", // the first of January 2023 is a Sunday
	} {
		at, err := time.Parse(time.RFC3339, after)
		require.NoError(t, err)
		require.Equal(t, want, broker.NewYorkClose(at).Format(time.RFC3339), "the close after %s", after)
	}
}
