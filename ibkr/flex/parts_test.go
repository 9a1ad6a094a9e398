package flex

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// What changes the book comes first, whatever its time. Until all of it is recorded no time says
// how far an import is.
func TestIncompleteAmongCorrections(t *testing.T) {
	p := fresh(t, "USD")
	id := func(n int, version string) string { return fmt.Sprintf(`ibExecID="a.b.%d.%s"`, n, version) }
	importInto(t, p, january(fill("1", "20250120;100000", "10", "5", "-1", id(1, "01")), fill("2", "20250121;100000", "10", "5", "-1", id(2, "01"))))
	st := read(t, january(fill("3", "20250120;100000", "10", "6", "-1", id(1, "02")), fill("4", "20250121;100000", "10", "6", "-1", id(2, "02")),
		fill("5", "20250105;100000", "10", "7", "-1", id(3, "01"))))
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err := Import(ctx, p, st, inParts(1, 1), WithProgress(func(recorded, _ int) {
		if recorded == 2 {
			cancel()
		}
	}))
	var incomplete *IncompleteError
	require.ErrorAs(t, err, &incomplete)
	require.Equal(t, 2, incomplete.Recorded)
	require.Zero(t, incomplete.UpTo, "the fill of before is not recorded")
	require.ErrorContains(t, err, "2 of 3 facts are recorded, all of which change what the book had, and the rest is")
}
