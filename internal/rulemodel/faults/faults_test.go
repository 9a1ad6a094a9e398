package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every fault still fits the library, and makes a difference to its text.
func TestEveryFaultFitsTheLibrary(t *testing.T) {
	names := map[string]bool{}
	for _, f := range faults {
		text, err := os.ReadFile("../../../" + f.file)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(text), f.was), "%s: how often the text is in %s", f.name, f.file)
		require.NotEqual(t, f.was, f.is, f.name)
		require.False(t, names[f.name], "%s is there twice", f.name)
		names[f.name] = true
	}
	require.GreaterOrEqual(t, len(faults), 40)
}
