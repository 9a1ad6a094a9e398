package risk_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/risk"
)

// TestDecisionText: a decision is one sentence, with every rule that is broken.
func TestDecisionText(t *testing.T) {
	restricted := risk.Violation{Rule: risk.RuleRestricted, Subject: "XYZ", Reason: "restricted"}
	large := risk.Violation{Rule: risk.RuleQuantity, Limit: dec("10"), Actual: dec("11")}
	short := risk.Violation{Rule: risk.RuleShort, Subject: "STK:XYZ:USD", Actual: dec("5"),
		Reason: "would be sold short"}
	for want, d := range map[string]risk.Decision{
		`order "o" allowed`: {OrderID: "o", Allowed: true},
		`order "o" allowed, with a warning: order_quantity (11, limit 10)`: {OrderID: "o",
			Allowed: true, Warnings: []risk.Violation{large}},
		`order "o" refused: symbol_restricted of XYZ: restricted; order_quantity (11, limit 10)`: {OrderID: "o",
			Violations: []risk.Violation{restricted, large}},
		`order "a\nb" refused: short_selling of STK:XYZ:USD: would be sold short (5, limit 0)`: {OrderID: "a\nb", Violations: []risk.Violation{short}},
	} {
		require.Equal(t, want, d.String())
		data, err := json.Marshal(d)
		require.NoError(t, err)
		var back risk.Decision
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, want, back.String(), "a decision must survive JSON")
		for _, v := range d.Violations {
			require.True(t, d.Broken(v.Rule), "%s is not told as broken by %s", v.Rule, d)
		}
		require.False(t, d.Broken(risk.RuleGross), "%s breaks what it does not name", d)
		require.Equal(t, d.Allowed, !d.Broken(risk.RuleQuantity) && !d.Broken(risk.RuleShort),
			"a warning breaks nothing: %s", d)
	}
}
