package page

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/risk"
)

// rules returns every rule that package risk has.
func rules(t *testing.T) (list []risk.Rule) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../../risk/rule.go", nil, 0)
	require.NoError(t, err)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if ok && len(spec.Values) == 1 && strings.HasPrefix(spec.Names[0].Name, "Rule") {
			text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			list = append(list, risk.Rule(text))
		}
		return true
	})
	require.Greater(t, len(list), 30)
	return list
}

// Every code has words of its own, which hold whatever figures come with it.
func TestEveryRuleHasWords(t *testing.T) {
	limits := accounts.DefaultLimits(accounts.Level100K, accounts.RiskBalanced)
	g := ground{limits: &limits, base: "USD", clock: func(t time.Time) string { return t.Format("15:04:05") }}
	headings := map[string]risk.Rule{}
	for _, rule := range rules(t) {
		w := wordOf(risk.Violation{Rule: rule, Subject: "STK:XYZ:USD", Limit: dec("10"), Actual: dec("12"), Reason: "because"}, g)
		require.NotEqual(t, string(rule), w.Heading, "%s has no words", rule)
		require.NotEmpty(t, w.Then, rule)
		require.Equal(t, string(rule), w.Code)
		require.Empty(t, headings[w.Heading], "%s says what %s says", rule, headings[w.Heading])
		headings[w.Heading] = rule
		require.NotPanics(t, func() { wordOf(risk.Violation{Rule: rule}, g) }, rule)
	}
	require.Len(t, ruleWords, len(headings), "no words are of a rule that there is not")
}

// The words carry the rule's figures, as a person reads them.
func TestWords(t *testing.T) {
	limits := accounts.DefaultLimits(accounts.Level50K, accounts.RiskModerate)
	g := ground{limits: &limits, base: "USD", state: risk.TradingReducing, since: "13:47:20", clock: func(t time.Time) string { return t.Format("15:04:05") }}
	for _, tt := range []struct {
		v             risk.Violation
		heading, then string
	}{
		{risk.Violation{Rule: risk.RuleState, Reason: "trading is reducing: a drawdown of 0.184 is severe"}, "Only orders that make a position smaller", "Since 13:47:20: A drawdown of 0.184 is severe. Resume when you have looked."},
		{risk.Violation{Rule: risk.RuleState, Reason: "trading is halted: stopping to look"}, "Trading is halted", "Stopping to look. Resume when you have looked."},
		{risk.Violation{Rule: risk.RuleStatus, Reason: "the profile is archived"}, "This profile is archived", "Nothing is accepted."},
		{risk.Violation{Rule: risk.RuleStatus, Reason: "the profile is suspended"}, "This profile is suspended", "It may only reduce."},
		{risk.Violation{Rule: risk.RuleInstrument, Subject: "FUT", Reason: "not permitted"}, "Futures are not allowed here", ""},
		{risk.Violation{Rule: risk.RuleInstrument, Subject: "OPT:XYZ:20260116:C:50:100:USD", Reason: "expired on 2026-01-16"}, "This contract has expired", "XYZ 16 Jan 26 50 C expired on 2026-01-16."},
		{risk.Violation{Rule: risk.RulePosition, Subject: "STK:NVDA:USD", Limit: dec("11760.36"), Actual: dec("25134.8")}, "NVDA would be too large a position", "25,134.80 of at most 11,760.36 USD"},
		{risk.Violation{Rule: risk.RuleDuplicate, Reason: "the same order was accepted 2s ago"}, "The same order was accepted 2 seconds before", "counts as another order."},
		{risk.Violation{Rule: risk.RuleStaleFX, Subject: "EUR", Reason: "the rate is 26h0m0s old"}, "The rate for EUR is too old", "It is 26 hours old. At most 24 hours is allowed."},
		{risk.Violation{Rule: risk.RuleExpired, Reason: "the signal expired at 2026-11-25T14:30:00Z"}, "The signal is too old", "It ended at 14:30:00."},
		{risk.Violation{Rule: risk.RuleSize, Reason: "nothing to close"}, "Nothing to close", "holds none"},
		{risk.Violation{Rule: risk.RuleDrawdown, Subject: "severe", Limit: dec("0.18"), Actual: dec("0.184")}, "Drawdown is past severe", "18.4\u202f% below the high; the limit is 18\u202f%."},
		{risk.Violation{Rule: "new_rule", Reason: "of tomorrow"}, "new_rule", "Of tomorrow."},
	} {
		w := wordOf(tt.v, g)
		require.Equal(t, tt.heading, w.Heading, tt.v.Rule)
		require.Contains(t, w.Then, tt.then, tt.v.Rule)
	}
}

// A limit that an order comes near is told with its share.
func TestWarningsHaveWords(t *testing.T) {
	limits := accounts.DefaultLimits(accounts.Level50K, accounts.RiskModerate)
	g := ground{limits: &limits, base: "USD"}
	list := warnedOf([]risk.Violation{
		{Rule: risk.RuleUnderlying, Subject: "SPY", Limit: dec("100"), Actual: dec("96")},
		{Rule: risk.RulePositions, Limit: dec("10"), Actual: dec("9")},
		{Rule: risk.RuleDrawdown, Subject: "warning", Limit: dec("0.18"), Actual: dec("0.05")},
	}, g)
	require.Equal(t, "SPY would be at 96\u202f% of its limit", list[0].Heading)
	require.Contains(t, list[0].Then, "96.00 of at most 100.00 USD")
	require.Equal(t, words{"Open positions would be at 90\u202f% of its limit", "9 of at most 10.", "open_positions"}, list[1])
	require.Equal(t, "Drawdown is at warning", list[2].Heading)
}
