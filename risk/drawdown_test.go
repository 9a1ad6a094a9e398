package risk_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/risk"
)

var severities = []string{"normal", "warning", "moderate", "severe", "critical"}

// TestSeverity: each severity begins above its threshold.
func TestSeverity(t *testing.T) {
	limits := risk.DrawdownLimits{Warning: dec("0.05"), Moderate: dec("0.1"), Severe: dec("0.15"),
		Critical: dec("0.22")}
	for _, c := range []struct{ high, equity, want string }{
		{"100000", "100000", "normal"}, {"100000", "120000", "normal"}, {"0", "0", "normal"},
		{"-5", "-10", "critical"},
		{"100000", "95000", "normal"}, {"100000", "94999.99", "warning"},
		{"100000", "90000", "warning"}, {"100000", "89999.99", "moderate"},
		{"100000", "85000", "moderate"}, {"100000", "84999.99", "severe"},
		{"100000", "78000", "severe"}, {"100000", "77999.99", "critical"},
		{"100000", "0", "critical"}, {"100000", "-1", "critical"}, {"0", "-1", "critical"},
	} {
		require.Equal(t, c.want, limits.Severity(dec(c.high), dec(c.equity)).String(), "%s of %s",
			c.equity, c.high)
	}
}

func TestSeverityText(t *testing.T) {
	for i, name := range severities {
		text, err := risk.Severity(i).MarshalText()
		require.NoError(t, err, name)
		require.Equal(t, name, string(text))
		var back risk.Severity
		require.NoError(t, back.UnmarshalText(text), name)
		require.Equal(t, risk.Severity(i), back, name)
	}
	for _, s := range []risk.Severity{-1, 5} {
		_, err := s.MarshalText()
		require.ErrorIs(t, err, invalid.Err, "severity %d has a name", int(s))
		require.Equal(t, fmt.Sprintf("severity %d", int(s)), s.String())
	}
	s := risk.SeveritySevere
	for _, text := range []string{"", "Severe", "severe ", "worse", "3"} {
		require.ErrorIs(t, s.UnmarshalText([]byte(text)), invalid.Err, "%q is a severity", text)
		require.Equal(t, risk.SeveritySevere, s, "%q changed it", text)
	}
}
