package accounts_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
)

// However far apart checkpoints are saved, there is one at most some four times as far behind the end as a
// late fact, and few are kept.
func TestPropertyCheckpointsLieAtDistancesThatDouble(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		least, most := rapid.Int64Range(1, 5000).Draw(rt, "least"), int64(0)
		kept := map[int]int64{}
		var before, end int64
		for range rapid.IntRange(1, 300).Draw(rt, "checkpoints") {
			step := rapid.Int64Range(least, 2*least).Draw(rt, "step")
			most = max(most, step)
			end += step
			kept[accounts.SlotOf(before, end)] = end
			before = end
		}
		require.LessOrEqual(rt, len(kept), 12)
		for behind := int64(1); behind < end; behind *= 2 {
			from := int64(0)
			for _, seq := range kept {
				if seq <= end-behind {
					from = max(from, seq)
				}
			}
			require.LessOrEqual(rt, end-from, 4*(behind+most)+2*1024, "from %d of %d, for %d behind", from, end, behind)
		}
	})
}
