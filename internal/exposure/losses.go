package exposure

import (
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Losses returns the entries that the present losses call for. A breach is written where the day's
// loss or the drawdown is at another level than the one last written. A state change to
// TradingReducing follows where the level is severe or worse. Losses returns nil where the present
// equity is not known, old marks included, or the limits are not valid.
func (a *Account) Losses(m *Market) []risk.Payload { return a.losses(a.weigh(m), m.Now) }

// losses is Losses with the account's exposure.
func (a *Account) losses(e *exposure, now time.Time) []risk.Payload {
	bounds := &e.bounds
	if !e.policy.sound || !e.told(now) {
		return nil
	}
	var out []risk.Payload
	state := a.memory.tradingState()
	breach := func(b *risk.Breach, reason string) {
		out = append(out, b)
		if b.Severity >= risk.SeveritySevere && state == risk.TradingActive {
			out = append(out, &risk.StateChange{State: risk.TradingReducing, Cause: b.Rule, Reason: reason,
				Time: now})
			state = risk.TradingReducing
		}
	}
	loss := &a.memory.loss
	if limits := &e.policy.limits.Drawdown; bounds.severity != loss.Severity {
		b := &risk.Breach{Rule: risk.RuleDrawdown, Severity: bounds.severity, Limit: limits.Severe,
			Actual: bounds.drawdown(), Time: now}
		if bounds.severity < loss.Severity {
			out = append(out, b)
		} else {
			breach(b, fmt.Sprintf("a drawdown of %s is %s", b.Actual, b.Severity))
		}
	}
	if !bounds.loss.set || !bounds.lost.IsPos() || loss.Lost == e.today {
		return out
	}
	b := &risk.Breach{Rule: risk.RuleDailyLoss, Severity: risk.SeverityWarning, Limit: bounds.loss.at,
		Actual: bounds.lost, Time: now}
	switch {
	case bounds.lost.GreaterThan(bounds.loss.at):
		b.Severity = risk.SeveritySevere
		breach(b, fmt.Sprintf("the day's loss of %s is more than %s", b.Actual, b.Limit))
	case bounds.lost.GreaterThanOrEqual(bounds.loss.warn) && loss.Warned != e.today:
		out = append(out, b)
	}
	return out
}

// Told reports whether the present equity is known: no mark or rate that it needs is missing or
// older than the limits allow.
func (a *Account) Told(m *Market) bool { return a.weigh(m).told(m.Now) }

// Lacking lists what keeps Recount from knowing the equity: what is held without a mark, and the
// currencies without a rate, both in ascending order.
func (a *Account) Lacking(m *Market) (marks []ledger.InstrumentKey, rates []ledger.Currency) {
	totals := a.Totals(m.Prices)
	marks, rates = totals.NoMark, totals.Lacking()
	for _, c := range a.weigh(m).list {
		if c.stake.held.IsZero() {
			continue
		}
		if _, marked := m.Marks[c.key]; !marked {
			marks = append(marks, c.key)
		} else if !c.known {
			rates = append(rates, c.instrument.Currency)
		}
	}
	for _, s := range a.memory.sales {
		if _, _, rated := m.Rate(s.Currency); a.exposure.unrated && !rated {
			rates = append(rates, s.Currency)
		}
	}
	slices.Sort(marks)
	slices.Sort(rates)
	return slices.Compact(marks), slices.Compact(rates)
}

// Recount notes in a resumption which losses are counted anew from the present equity. It returns
// false, and notes nothing, if the present equity is not known; see Lacking.
func (a *Account) Recount(m *Market, s *risk.StateChange) bool {
	e := a.weigh(m)
	bounds, loss := e.bounds, &a.memory.loss
	if !bounds.known {
		if !e.heldKnown() {
			return false
		}
		bounds = e.boundsAt(a, e.balance.Add(e.held))
	}
	if bounds.loss.set && bounds.lost.GreaterThan(bounds.loss.at) || loss.Lost == e.today {
		s.Recount = append(s.Recount, risk.RuleDailyLoss)
	}
	if max(bounds.severity, loss.Severity) >= risk.SeverityModerate {
		s.Recount = append(s.Recount, risk.RuleDrawdown)
	}
	if len(s.Recount) > 0 {
		s.Equity, s.Capital = bounds.equity, num.Trim(e.capital.Sub(a.InKind()))
	}
	return true
}
