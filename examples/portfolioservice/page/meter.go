package page

import (
	"slices"
	"strconv"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// meter is how much of a limit is used.
type meter struct {
	Class, Icon       string // warn from the warning level on, over above the limit
	Name              string
	Used, Limit       string
	Share             string // in words
	Next              string // what else the limit is, or what comes next
	Now, Max          string // for machines
	Fill              string
	Notch             string // the class of notches
	Notches           []string
	Rule              risk.Rule
	Subject           string
	warning, foremost bool
}

// meters returns the meters of an account: the foremost ones, which every page of the account
// shows, and the rest. There are none while equity is not known.
func meters(a *account) (foremost, rest []meter) {
	r := &a.Snapshot.Risk
	for _, u := range r.Usage {
		if u.Rule == risk.RuleUnderlying && alone(r.Usage, u) {
			continue
		}
		m := meterOf(a, u)
		if m.foremost || m.warning {
			foremost = append(foremost, m)
		} else {
			rest = append(rest, m)
		}
	}
	order := []risk.Rule{risk.RuleDrawdown, risk.RuleDailyLoss, risk.RuleUnderlying, risk.RulePosition, risk.RulePositions, risk.RuleBuyingPower}
	slices.SortStableFunc(foremost, func(a, b meter) int { return rank(order, a.Rule) - rank(order, b.Rule) })
	return foremost, rest
}

// alone reports whether an underlying is one contract, whose own meter says the same.
func alone(all []risk.Usage, underlying risk.Usage) bool {
	return slices.ContainsFunc(all, func(u risk.Usage) bool {
		return u.Rule == risk.RulePosition && subjectName(u.Subject) == underlying.Subject && u.Used.Equal(underlying.Used) && u.Limit.Equal(underlying.Limit)
	})
}

// rank returns the place of a rule; behind all others where it has none.
func rank(order []risk.Rule, r risk.Rule) int {
	if i := slices.Index(order, r); i >= 0 {
		return i
	}
	return len(order)
}

// meterOf returns the meter of the use of a limit.
func meterOf(a *account, u risk.Usage) meter {
	limits := &a.Snapshot.Risk.Limits
	if u.Rule == risk.RuleDrawdown {
		return drawdownMeter(a)
	}
	m := meter{Rule: u.Rule, Subject: u.Subject, Name: limitName(a, u.Rule, u.Subject), Max: "100", Notch: "tk", warning: u.Warning,
		foremost: slices.Contains([]risk.Rule{risk.RuleDailyLoss, risk.RulePositions, risk.RuleBuyingPower}, u.Rule)}
	share := 0.0
	if u.Limit.IsPos() {
		share = u.Used.InexactFloat64() / u.Limit.InexactFloat64()
	} else if u.Used.IsPos() {
		share = 1
	}
	m.Used, m.Limit = cents(u.Used).String(), cents(u.Limit).String()
	switch u.Rule {
	case risk.RulePositions, risk.RuleOrders, risk.RuleTrades:
		m.Used, m.Limit = quantity(u.Used), quantity(u.Limit)
	case risk.RuleLeverage:
		if e := a.Snapshot.Equity; e.IsPos() {
			m.Used = strconv.FormatFloat(u.Used.InexactFloat64()/e.InexactFloat64(), 'f', 2, 64)
		}
		m.Limit = quantity(limits.Leverage)
	}
	whole := int(100 * share)
	m.Share, m.Now, m.Fill = percentOf(share)+" used", strconv.Itoa(min(max(whole, 0), 100)), along(min(max(share, 0), 1))
	m.Notches = []string{along(limits.WarnAt.InexactFloat64())}
	if l := limitOf(limits, u.Rule); !l.Fraction.IsZero() {
		m.Next = fraction(l.Fraction) + " of equity"
	}
	switch {
	case u.Used.GreaterThan(u.Limit):
		m.Class, m.Icon = "over", "no"
	case u.Warning:
		m.Class, m.Icon = "warn", "warn"
	}
	return m
}

// percentOf writes a share of a limit, rounded down: 99.9 % is not yet all of it.
func percentOf(share float64) string { return strconv.Itoa(int(100*share)) + percentSign }

// drawdownMeter is the meter of the drawdown, whose limits are several.
func drawdownMeter(a *account) meter {
	r := &a.Snapshot.Risk
	d := r.Limits.Drawdown
	critical := d.Critical.InexactFloat64()
	down := r.Drawdown.InexactFloat64()
	m := meter{Rule: risk.RuleDrawdown, Name: "Drawdown from the high", Used: percent(down, 1), Limit: fraction(d.Critical),
		Now: strconv.FormatFloat(min(100*down, 100*critical), 'f', 1, 64), Max: strconv.FormatFloat(100*critical, 'f', -1, 64),
		Fill: along(min(down/critical, 1)), Notch: "tk2", Share: capital(r.Severity.String()), foremost: true, warning: r.Severity > risk.SeverityNormal}
	for _, at := range []ledger.Decimal{d.Warning, d.Moderate, d.Severe} {
		m.Notches = append(m.Notches, along(at.InexactFloat64()/critical))
	}
	next := []string{"next: warning at " + fraction(d.Warning), "next: moderate at " + fraction(d.Moderate), "next: severe at " + fraction(d.Severe),
		"next: critical at " + fraction(d.Critical), "positions should be closed"}
	m.Next = next[r.Severity]
	switch {
	case r.Severity == risk.SeverityNormal:
		m.Share = "Below warning"
	case r.Severity >= risk.SeveritySevere:
		m.Class, m.Icon = "over", "no"
	default:
		m.Class, m.Icon = "warn", "warn"
	}
	return m
}

// limitOf returns the limit of a rule, as it is set.
func limitOf(l *risk.Limits, rule risk.Rule) risk.Limit {
	return map[risk.Rule]risk.Limit{
		risk.RuleNotional: l.OrderNotional, risk.RulePosition: l.PositionSize, risk.RuleUnderlying: l.UnderlyingSize, risk.RuleGross: l.GrossExposure,
		risk.RuleNet: l.NetExposure, risk.RuleStrategy: l.StrategyExposure, risk.RuleSector: l.SectorExposure, risk.RuleDailyLoss: l.DailyLoss,
	}[rule]
}

// limitName returns the name of a limit for a person.
func limitName(a *account, rule risk.Rule, subject string) string {
	switch rule {
	case risk.RulePosition:
		return heldName(&a.Snapshot, ledger.InstrumentKey(subject))
	case risk.RuleUnderlying:
		return subject + " and its options"
	case risk.RuleStrategy:
		return "Strategy " + subject
	case risk.RuleSector:
		return subject + " sector"
	}
	if name, ok := limitNames[rule]; ok {
		return name
	}
	return string(rule)
}

// limitNames are the names of the limits on a whole profile.
var limitNames = map[risk.Rule]string{
	risk.RuleBuyingPower: "Buying power", risk.RuleGross: "Gross exposure", risk.RuleNet: "Net exposure", risk.RuleLeverage: "Leverage",
	risk.RuleDailyLoss: "Day’s loss", risk.RulePositions: "Open positions", risk.RuleOrders: "Orders today", risk.RuleTrades: "Trades today",
}
