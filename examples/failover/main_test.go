package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// The program prints the same each time, but for how long writes paused.
func TestFailover(t *testing.T) {
	if _, err := programs(); err != nil && os.Getenv("ACCOUNTS_REQUIRE_PG") == "" {
		t.Skip(err)
	}
	want, err := os.ReadFile("testdata/output.txt")
	require.NoError(t, err)
	var got bytes.Buffer
	require.NoError(t, run(t.Context(), &got))
	times := regexp.MustCompile(`pause \S+`)
	require.Equal(t, times.ReplaceAllString(string(want), "pause"), times.ReplaceAllString(got.String(), "pause"))
}

func TestCancelled(t *testing.T) {
	if _, err := programs(); err != nil && os.Getenv("ACCOUNTS_REQUIRE_PG") == "" {
		t.Skip(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var got bytes.Buffer
	require.ErrorIs(t, run(ctx, &got), context.Canceled, "a context that is done must end the program")
	require.Empty(t, got.String())
}
