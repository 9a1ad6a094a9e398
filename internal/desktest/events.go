package desktest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// Await returns the first event that matches; the test fails when the channel is closed before.
func Await(t *testing.T, events <-chan accounts.Event, match func(accounts.Event) bool) accounts.Event {
	t.Helper()
	for {
		e, ok := NextEvent(t, events)
		require.True(t, ok, "the channel was closed before the event came")
		if match(e) {
			return e
		}
	}
}

// NextEvent returns the next event; ok is false when the channel is closed.
func NextEvent(t *testing.T, events <-chan accounts.Event) (e accounts.Event, ok bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	select {
	case e, ok = <-events:
	case <-ctx.Done():
		require.FailNow(t, "waited in vain for an event")
	}
	return e, ok
}
