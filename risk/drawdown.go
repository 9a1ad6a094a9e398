package risk

import (
	"fmt"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// DrawdownLimits are drawdowns, as fractions of the high-water mark, beyond which a profile is
// restricted more and more; see [Severity]. They lie between 0 and 1, each above the one before.
type DrawdownLimits struct {
	Warning  ledger.Decimal `json:"warning"`
	Moderate ledger.Decimal `json:"moderate"`
	Severe   ledger.Decimal `json:"severe"`
	Critical ledger.Decimal `json:"critical"`
}

// Severity returns the severity of the drawdown from the high-water mark to an equity. A severity
// begins above its threshold, not at it.
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

// validate notes every threshold that is not above the one before and below 1.
func (d DrawdownLimits) validate(v *invalid.Error, prefix string) {
	last := ledger.Decimal{}
	for _, f := range []struct {
		name string
		at   ledger.Decimal
	}{{"Warning", d.Warning}, {"Moderate", d.Moderate}, {"Severe", d.Severe}, {"Critical", d.Critical}} {
		v.Check(f.at.GreaterThan(last) && f.at.LessThan(num.One), prefix+"Drawdown."+f.name,
			"%s is not above %s and below 1", f.at, last)
		last = f.at
	}
}

// Severity is the degree of a drawdown, by [DrawdownLimits]. The zero value is SeverityNormal.
type Severity int

// The severities, in ascending order.
const (
	SeverityNormal   Severity = iota
	SeverityWarning           // subscribers are told
	SeverityModerate          // no contract is opened that is not held already
	SeveritySevere            // trading becomes reducing, until a person resumes it
	SeverityCritical          // the same; the positions should be closed
)

// String returns the name of the severity.
func (s Severity) String() string {
	if s < 0 || int(s) >= len(severities) {
		return fmt.Sprintf("severity %d", int(s))
	}
	return severities[s]
}

// MarshalText returns the name of the severity. It returns invalid.Err for an unknown one.
func (s Severity) MarshalText() ([]byte, error) {
	if s < 0 || int(s) >= len(severities) {
		return nil, fmt.Errorf("%w: severity %d", invalid.Err, int(s))
	}
	return []byte(severities[s]), nil
}

// UnmarshalText reads the name of a severity. It returns invalid.Err for anything else.
func (s *Severity) UnmarshalText(text []byte) error {
	for i, name := range severities {
		if name == string(text) {
			*s = Severity(i)
			return nil
		}
	}
	return fmt.Errorf("%w: severity %.20q", invalid.Err, text)
}

// severities are the names by severity.
var severities = [...]string{"normal", "warning", "moderate", "severe", "critical"}
