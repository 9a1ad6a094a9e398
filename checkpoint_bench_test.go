package accounts

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

// BenchmarkCheckpoint saves and opens the checkpoint of a book that holds 2,000 contracts.
func BenchmarkCheckpoint(b *testing.B) {
	f := newFold("p", "USD")
	for i := range 2000 {
		t := fill(0)
		t.Instrument = ledger.NewOption("XYZ", 20260320, ledger.Call, d(fmt.Sprint(i+1)), "USD")
		require.NoError(b, t.Normalize())
		f.apply(t, int64(i)+1)
	}
	c, err := f.checkpoint()
	require.NoError(b, err)
	b.Run("save", func(b *testing.B) {
		for range b.N {
			_, err := f.checkpoint()
			require.NoError(b, err)
		}
	})
	b.Run("open", func(b *testing.B) {
		for range b.N {
			_, ok := foldFrom(c, "p", "USD")
			require.True(b, ok)
		}
	})
}
