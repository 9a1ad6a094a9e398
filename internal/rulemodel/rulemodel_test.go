package rulemodel_test

import (
	"fmt"
	"maps"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/risk"
)

// histories is how many histories are played: 200, or as many as $ACCOUNTS_MODEL says.
func histories(t *testing.T) uint64 {
	text := os.Getenv("ACCOUNTS_MODEL")
	if text == "" {
		return 200
	}
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err, "$ACCOUNTS_MODEL")
	return n
}

// enough is the number of histories that break, pass and warn of every rule.
const enough = 500

// TestModel: the library and the model agree about every order of every history, dry and in earnest.
// $ACCOUNTS_MODEL says how many histories there are, and $ACCOUNTS_MODEL_SEED which is the first.
func TestModel(t *testing.T) {
	first := uint64(0)
	if text := os.Getenv("ACCOUNTS_MODEL_SEED"); text != "" {
		var err error
		first, err = strconv.ParseUint(text, 10, 64)
		require.NoError(t, err, "$ACCOUNTS_MODEL_SEED")
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // little lives long, and much is thrown away
	n, workers := histories(t), uint64(runtime.GOMAXPROCS(0))
	covers := make([]*coverage, workers)
	t.Run("histories", func(t *testing.T) {
		for w := range workers {
			covers[w] = newCoverage()
			t.Run(fmt.Sprint(w), func(t *testing.T) {
				t.Parallel()
				for seed := first + w; seed < first+n; seed += workers {
					steps := draw(seed)
					if whole := play(t, steps, covers[w]); whole != "" {
						require.FailNow(t, fmt.Sprintf("seed %d: the library and the model differ", seed), whole+"\n\nin short:\n"+shorten(t, steps))
					}
				}
			})
		}
	})
	cover := newCoverage()
	for _, c := range covers {
		cover.add(c)
	}
	t.Logf("%d orders, %d of them allowed", cover.orders, cover.allowed)
	for _, name := range slices.Sorted(maps.Keys(cover.facts)) {
		t.Logf("%-20s %6d", name, cover.facts[name])
	}
	if n < enough {
		return
	}
	for _, name := range inKind {
		require.Positive(t, cover.facts[name], "no history has this: %s", name)
	}
	for _, r := range rules {
		t.Logf("%-20s broken %6d, passed %6d, warned %6d",
			r, cover.Broken[r], cover.Passed[r], cover.Warned[r])
		require.Positive(t, cover.Broken[r], "no history breaks %s", r)
		if r != risk.RuleIDReused && r != risk.RuleDone && r != risk.RuleInvalid { // which are asked for only where they are broken
			require.Positive(t, cover.Passed[r], "no history passes %s", r)
		}
	}
	for _, r := range warned {
		require.Positive(t, cover.Warned[r], "no history warns of %s", r)
	}
}

// shorten leaves out every step without which the library and the model still differ, and returns
// the rest and the difference.
func shorten(t *testing.T, steps []step) string {
	for again := true; again; {
		again = false
		for n := len(steps) - 1; n >= 0; n-- {
			fewer := slices.Delete(slices.Clone(steps), n, n+1)
			if play(t, fewer, newCoverage()) != "" {
				steps, again = fewer, true
			}
		}
	}
	var text strings.Builder
	for n, s := range steps {
		fmt.Fprintf(&text, "%d. %s\n", n+1, s)
	}
	return text.String() + play(t, steps, newCoverage())
}

// rules are those that the histories must break and pass. The others need Route (RuleSize, RuleExpired,
// RuleAllOrNone), or a store that holds limits which no profile may have (RuleNoLimits).
var rules = []risk.Rule{
	risk.RuleState, risk.RuleStatus, risk.RuleInstrument, risk.RuleShort, risk.RuleSymbol, risk.RuleRestricted,
	risk.RuleUncovered, risk.RuleQuantity, risk.RuleNotional, risk.RuleCollar, risk.RuleDuplicate,
	risk.RuleOrderRate, risk.RuleOrders, risk.RuleTrades, risk.RuleDayTrades, risk.RuleIDReused,
	risk.RuleInvalid, risk.RuleNoMark, risk.RuleStaleMark, risk.RuleNoFX, risk.RuleStaleFX, risk.RuleEquity,
	risk.RulePosition, risk.RuleUnderlying, risk.RulePositions, risk.RuleGross, risk.RuleNet, risk.RuleLeverage,
	risk.RuleStrategy, risk.RuleSector, risk.RuleBuyingPower, risk.RuleDailyLoss, risk.RuleDrawdown,
	risk.RuleDone,
}

// warned are those of which the histories must warn.
var warned = []risk.Rule{
	risk.RuleOrderRate, risk.RuleOrders, risk.RuleTrades, risk.RuleNotional, risk.RulePosition,
	risk.RuleUnderlying, risk.RulePositions, risk.RuleGross, risk.RuleNet, risk.RuleLeverage, risk.RuleStrategy,
	risk.RuleSector, risk.RuleBuyingPower, risk.RuleDailyLoss, risk.RuleDrawdown,
}

// inKind are what the histories must have of positions that come and go otherwise than by trades.
var inKind = []string{
	"opening STK", "come STK", "come OPT", "come FUT", "come late", "come short", "come foreign", "come refused",
	"depart STK", "depart OPT", "depart FUT", "depart late", "depart short", "depart foreign", "depart refused", "rate told later",
}
