package risk

import (
	"fmt"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// DrawdownLimits are the drawdowns, as fractions of the high-water mark, above which a profile is
// ever more restricted; see Severity. They lie between 0 and 1, each above the one before.
type DrawdownLimits struct {
	Warning  ledger.Decimal `json:"warning"`
	Moderate ledger.Decimal `json:"moderate"`
	Severe   ledger.Decimal `json:"severe"`
	Critical ledger.Decimal `json:"critical"`
}

// Severity is that of an equity below the high-water mark. Each begins above its threshold.
func (d *DrawdownLimits) Severity(high, equity ledger.Decimal) Severity {
	down := high.Sub(equity)
	if !down.IsPos() {
		return SeverityNormal
	}
	s := SeverityNormal
	for _, threshold := range [...]ledger.Decimal{d.Warning, d.Moderate, d.Severe, d.Critical} {
		if !down.GreaterThan(num.Convert(high, threshold)) {
			break
		}
		s++
	}
	return s
}

func (d DrawdownLimits) validate(v *invalid.Error, prefix string) {
	last := ledger.Decimal{}
	for _, f := range []struct {
		name string
		at   ledger.Decimal
	}{{"Warning", d.Warning}, {"Moderate", d.Moderate}, {"Severe", d.Severe}, {"Critical", d.Critical}} {
		v.Check(f.at.GreaterThan(last) && f.at.LessThan(num.One), prefix+"Drawdown."+f.name, "%s is not above %s and below 1", f.at, last)
		last = f.at
	}
}

// Severity is how far a drawdown has come, by DrawdownLimits, and what it means.
type Severity int

// The severities.
const (
	SeverityNormal   Severity = iota
	SeverityWarning           // everybody is told
	SeverityModerate          // no contract is opened that is not held already
	SeveritySevere            // trading becomes reducing, until a person resumes it
	SeverityCritical          // the same, and positions should be closed: an emergency for whoever is told
)

// String returns the severity's name.
func (s Severity) String() string {
	if s < 0 || int(s) >= len(severities) {
		return fmt.Sprintf("severity %d", int(s))
	}
	return severities[s]
}

// MarshalText returns the severity's name.
func (s Severity) MarshalText() ([]byte, error) {
	if s < 0 || int(s) >= len(severities) {
		return nil, fmt.Errorf("%w: severity %d", invalid.Err, int(s))
	}
	return []byte(severities[s]), nil
}

// UnmarshalText reads a severity's name; ErrInvalid for anything else.
func (s *Severity) UnmarshalText(text []byte) error {
	for i, name := range severities {
		if name == string(text) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("%w: severity %.20q", invalid.Err, text)
}

var severities = [...]string{"normal", "warning", "moderate", "severe", "critical"}
