package accounts

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// However many profiles strangers try, what waits to be written is bounded, and nothing is lost
// without being counted.
func TestStrangersAreBounded(t *testing.T) {
	s := newStrangers()
	for range 2 {
		for i := range strangersAtOnce + 5 {
			s.note(attempt{ProfileID(fmt.Sprint(i)), "bert", accessGet}, 1)
		}
	}
	counts, omitted := s.take()
	require.Len(t, counts, strangersAtOnce)
	require.Equal(t, 2, counts[attempt{"0", "bert", accessGet}], "attempts of one kind are not counted together")
	require.Equal(t, 2*5, omitted, "attempts were lost without being counted")
	counts, omitted = s.take()
	require.Empty(t, counts, "attempts are written twice")
	require.Zero(t, omitted)
}
