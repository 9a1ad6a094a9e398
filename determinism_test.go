package accounts_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestPropertyJournalsAreDetermined: the same commands at the same times make the same journals, to
// the byte, in whatever order maps are walked through, and whether or not the process was restarted
// in between.
func TestPropertyJournalsAreDetermined(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := &script{t: rt, now: now}
		limits := s.limits()
		worlds := []*world{newWorld(rt, limits, 1), newWorld(rt, limits, 1), newWorld(rt, limits, 1)}
		do := func(st step) {
			rt.Log(st.says)
			var first error
			for n, w := range worlds {
				err := st.do(w)
				require.True(rt, permitted(err), "%s: %v", st.says, err)
				if n == 0 {
					first = err
				}
				require.Equal(rt, fmt.Sprint(first), fmt.Sprint(err), "%s: another answer", st.says)
			}
		}
		for _, st := range s.begin() {
			do(st)
		}
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			do(s.next())
			if s.up(8, "restart") == 0 { // the others go on
				worlds[0].restart(rt)
			}
		}
		want := readAll(t, worlds[0].store, "p")
		for _, w := range worlds[1:] {
			got := readAll(t, w.store, "p")
			require.Len(rt, got, len(want), "entries")
			for i, e := range got {
				require.Equal(rt, string(want[i].Payload), string(e.Payload), "entry %d, %s", e.Seq, e.Kind)
				require.Equal(rt, want[i], e, "entry %d", e.Seq)
			}
		}
	})
}
