package accounts

import (
	"fmt"
	"strings"
	"time"
)

// Rule is the stable code of one thing that an order is held against.
type Rule string

// The rules. An order that only reduces (see Decision) is held against RuleState, RuleStatus for
// an archived profile, and RuleUncovered; an order that does not, against all.
const (
	// Trading itself.
	RuleState  Rule = "trading_state"  // halted refuses everything, reducing whatever does not only reduce
	RuleStatus Rule = "profile_status" // a profile that is not active may only reduce, an archived one not even that

	// What may be traded.
	RuleInstrument Rule = "instrument"        // a kind of contract that is not permitted, or one that has expired
	RuleShort      Rule = "short_selling"     // anything but an option, a future or a currency pair that would be sold short
	RuleSymbol     Rule = "symbol_not_listed" // the underlying is not among the allowed ones
	RuleRestricted Rule = "symbol_restricted"
	// RuleUncovered: short calls are covered by the underlying's shares or by long calls that expire no
	// earlier, short puts by short shares, by long puts that expire no earlier, or by the strike in cash. It holds for orders
	// that reduce, too: whoever sells the cover first is left with what it covered.
	RuleUncovered Rule = "uncovered_option"

	// The order itself.
	RuleQuantity  Rule = "order_quantity"
	RuleNotional  Rule = "order_notional"
	RuleCollar    Rule = "price_collar"
	RuleDuplicate Rule = "duplicate_order"
	RuleRate      Rule = "order_rate"
	RuleOrders    Rule = "orders_per_day"
	RuleTrades    Rule = "trades_per_day"
	RuleDayTrades Rule = "day_trades"

	RuleInvalid Rule = "order_invalid" // by Check alone; Reserve returns ErrInvalid

	// What cannot be told. Nothing is ever let pass because something was not known.
	RuleNoMark    Rule = "mark_missing"
	RuleStaleMark Rule = "mark_stale"
	RuleNoRate    Rule = "rate_missing"
	RuleStaleRate Rule = "rate_stale"
	RuleEquity    Rule = "equity_unknown"
	RuleNoLimits  Rule = "limits_unknown" // the profile's limits are not valid

	// What would be held.
	RulePosition    Rule = "position_size"
	RuleUnderlying  Rule = "underlying_size"
	RulePositions   Rule = "open_positions"
	RuleGross       Rule = "gross_exposure"
	RuleNet         Rule = "net_exposure"
	RuleLeverage    Rule = "leverage"
	RuleStrategy    Rule = "strategy_exposure"
	RuleSector      Rule = "sector_exposure"
	RuleBuyingPower Rule = "buying_power"

	// What was lost.
	RuleDailyLoss Rule = "daily_loss"
	RuleDrawdown  Rule = "drawdown"

	// What Route refuses before there is an order.
	RuleSize      Rule = "order_size"  // less than one unit, or nothing to close
	RuleExpired   Rule = "expired"     // the signal is too old
	RuleAllOrNone Rule = "all_or_none" // another profile refused

	// RuleDone is that of an order that was accepted, and is filled or released by now: it is not held any longer.
	RuleDone Rule = "order_done"
)

// Violation is one rule that an order breaks, or brings to its warning level.
type Violation struct {
	Rule    Rule    `json:"rule"`
	Subject string  `json:"subject,omitempty"` // which contract, underlying, strategy, sector or currency
	Limit   Decimal `json:"limit,omitzero"`    // what is allowed, in the rule's own terms: money in base currency, units, a count, a fraction
	Actual  Decimal `json:"actual,omitzero"`   // what there would be
	Reason  string  `json:"reason,omitempty"`  // where figures do not say it
}

// String returns the violation as part of a sentence.
func (v Violation) String() string {
	var b strings.Builder
	b.WriteString(string(v.Rule))
	if v.Subject != "" {
		b.WriteString(" of " + v.Subject)
	}
	if v.Reason != "" {
		b.WriteString(": " + v.Reason)
		if v.Limit.IsZero() && v.Actual.IsZero() {
			return b.String()
		}
	}
	fmt.Fprintf(&b, " (%s, limit %s)", v.Actual, v.Limit)
	return b.String()
}

// Decision says whether an order may leave, and if not, every rule that it breaks.
type Decision struct {
	OrderID OrderID `json:"order_id"`
	Allowed bool    `json:"allowed"`
	// Reduces is true for an order that makes a position smaller without passing through zero, all
	// working orders on the same side counted: the way out is never barred by limits.
	Reduces    bool        `json:"reduces,omitempty"`
	Violations []Violation `json:"violations,omitempty"` // why not; empty if allowed
	Warnings   []Violation `json:"warnings,omitempty"`   // limits it brings to their warning level; by Reserve alone
}

// String returns the decision as one sentence.
func (d Decision) String() string {
	if d.Allowed {
		if len(d.Warnings) > 0 {
			return fmt.Sprintf("order %q allowed, with a warning: %s", d.OrderID, joinViolations(d.Warnings))
		}
		return fmt.Sprintf("order %q allowed", d.OrderID)
	}
	return fmt.Sprintf("order %q refused: %s", d.OrderID, joinViolations(d.Violations))
}

// Broken reports whether the order was refused by the rule.
func (d Decision) Broken(r Rule) bool {
	for _, v := range d.Violations {
		if v.Rule == r {
			return true
		}
	}
	return false
}

func joinViolations(list []Violation) string {
	texts := make([]string, len(list))
	for i, v := range list {
		texts[i] = v.String()
	}
	return strings.Join(texts, "; ")
}

// RefusalError is a refused order. It matches ErrRefused.
type RefusalError struct {
	ProfileID ProfileID
	Decision  Decision
}

// Error names the profile and every violation.
func (e *RefusalError) Error() string { return fmt.Sprintf("profile %q: %s", e.ProfileID, e.Decision) }

// Unwrap returns ErrRefused.
func (e *RefusalError) Unwrap() error { return ErrRefused }

// TradingState says what orders a profile accepts at all. It is in the journal: a restart does
// not forget it.
type TradingState string

// The trading states.
const (
	TradingActive TradingState = "active"
	// TradingReducing accepts only orders that make positions smaller. It is what breaches lead to:
	// they never bar the way out.
	TradingReducing TradingState = "reducing"
	// TradingHalted accepts nothing. Only a person halts.
	TradingHalted TradingState = "halted"
)

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

var severities = [...]string{"normal", "warning", "moderate", "severe", "critical"}

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
		return nil, fmt.Errorf("%w: severity %d", ErrInvalid, int(s))
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
	return fmt.Errorf("%w: severity %.20q", ErrInvalid, text)
}

// Usage is how much of one limit is used.
type Usage struct {
	Rule    Rule    `json:"rule"`
	Subject string  `json:"subject,omitempty"`
	Used    Decimal `json:"used"`
	Limit   Decimal `json:"limit"`
	Warning bool    `json:"warning,omitempty"` // the warning level is reached
}

// RiskReport is where a profile stands against its limits; part of a Snapshot.
type RiskReport struct {
	Status ProfileStatus
	State  TradingState
	Cause  Rule      // of the state; empty for a person's decision
	Reason string    // of the state
	Since  time.Time // when the state began; zero if it never changed

	Limits   RiskLimits     // in force
	Orders   []WorkingOrder // ordered by id
	Breaches []Refused      // the newest refusals and breaches, at most 32, the newest last

	// The following mean something only while the snapshot's Missing and Unrated are nil.

	Severity Severity
	Drawdown Decimal // from the high-water mark, as a fraction of it
	DayLoss  Decimal // since the last equity point before today; zero or less when nothing was lost
	Gross    Decimal // exposure held and working
	Net      Decimal // the worse of its two extremes, by magnitude
	Margin   Decimal // what the buying power rule takes to be needed
	Usage    []Usage // of every limit on the whole profile, and of each position, underlying, strategy and sector
}

// Refused is a refusal or breach as a report shows it.
type Refused struct {
	Time     time.Time `json:"time"`
	OrderID  OrderID   `json:"order_id,omitempty"` // empty for a breach that no order made
	Rule     Rule      `json:"rule"`               // the first one broken
	Severity Severity  `json:"severity,omitempty"` // of a drawdown
}
