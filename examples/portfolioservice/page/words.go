package page

import (
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// words is a rule in a person's words: what is the matter, its figures and a way on, and the code
// behind.
type words struct{ Heading, Then, Code string }

// ground is what the words of a refusal need besides the refusal.
type ground struct {
	limits  *risk.Limits
	base    ledger.Currency
	state   risk.TradingState
	since   string         // when the state began; empty if it is not known
	largest ledger.Decimal // of the decision: what would pass
	clock   func(time.Time) string
}

// refusalOf returns the ground of an account's refusals.
func (c *call) refusalOf(a *account) ground {
	r := &a.Snapshot.Risk
	g := ground{limits: &r.Limits, base: a.Currency(), state: r.State, clock: func(t time.Time) string { return c.clock(t).Text }}
	if !r.Since.IsZero() {
		g.since = c.near(r.Since).Text
	}
	return g
}

// wordsOf returns the words of violations, in their order.
func wordsOf(list []risk.Violation, g ground) []words {
	out := make([]words, len(list))
	for i, v := range list {
		out[i] = wordOf(v, g)
	}
	return out
}

// wordOf returns the words of one violation. A code without words shows as itself.
func wordOf(v risk.Violation, g ground) words {
	say, ok := ruleWords[v.Rule]
	if !ok {
		return words{string(v.Rule), sentence(v.Reason), string(v.Rule)}
	}
	heading, then := say(v, g)
	return words{heading, then, string(v.Rule)}
}

// warnedOf returns the words of limits that an order brings to their warning level.
func warnedOf(list []risk.Violation, g ground) []words {
	out := make([]words, len(list))
	for i, v := range list {
		name := limitNames[v.Rule]
		switch v.Rule {
		case risk.RuleDrawdown:
			out[i] = words{"Drawdown is at " + v.Subject, percent(v.Actual.InexactFloat64(), 1) + " below the high.", string(v.Rule)}
			continue
		case risk.RulePosition, risk.RuleUnderlying, risk.RuleStrategy, risk.RuleSector:
			name = subject(v)
		case risk.RuleNotional:
			name = "The order"
		case risk.RuleOrderRate:
			name = "Orders in a minute"
		}
		then := g.ofLimit(v)
		if slices.Contains([]risk.Rule{risk.RuleOrderRate, risk.RuleOrders, risk.RuleTrades, risk.RulePositions}, v.Rule) {
			then = counted(v)
		}
		share := "near"
		if v.Limit.IsPos() {
			share = "at " + percentOf(v.Actual.InexactFloat64()/v.Limit.InexactFloat64()) + " of"
		}
		out[i] = words{name + " would be " + share + " its limit", then, string(v.Rule)}
	}
	return out
}

// sentence returns a text as a sentence.
func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return capital(s)
	}
	return capital(s) + "."
}

// subject returns the name of what a violation is about.
func subject(v risk.Violation) string { return subjectName(v.Subject) }

// subjectName returns the name of a contract for its key, and any other text as it is.
func subjectName(text string) string {
	if i, err := ledger.ParseInstrumentKey(ledger.InstrumentKey(text)); err == nil {
		return nameOf(i)
	}
	return text
}

// amount writes an amount in base currency.
func (g ground) amount(d ledger.Decimal) string { return cents(d).in(g.base).String() }

// ofLimit says "19,200.00 of at most 4,704.14 USD (8 % of equity)."
func (g ground) ofLimit(v risk.Violation) string {
	s := cents(v.Actual).String() + " of at most " + g.amount(v.Limit)
	if l := limitOf(g.limits, v.Rule); !l.Fraction.IsZero() {
		s += " (" + fraction(l.Fraction) + " of equity)"
	}
	s += "."
	if !g.largest.IsZero() {
		s += " " + quantity(g.largest.Abs()) + " would pass."
	}
	return s
}

// counted says "12 of at most 10."
func counted(v risk.Violation) string {
	return quantity(v.Actual) + " of at most " + quantity(v.Limit) + "."
}

// speak is what is said of a rule: a heading, and what then.
type speak func(v risk.Violation, g ground) (heading, then string)

// limited says a heading with the figures of a limit in money.
func limited(heading string) speak {
	return func(v risk.Violation, g ground) (string, string) {
		return strings.ReplaceAll(heading, "XYZ", subject(v)), g.ofLimit(v)
	}
}

// numbered says a heading with the figures of a limit that is a count.
func numbered(heading, then string) speak {
	return func(v risk.Violation, _ ground) (string, string) {
		return heading, strings.TrimSpace(counted(v) + " " + then)
	}
}

// old says how old something may be, and how old it is.
func old(v risk.Violation, most time.Duration) string {
	reason := sentence(v.Reason)
	if _, text, found := strings.Cut(v.Reason, " is "); found {
		if d, err := time.ParseDuration(strings.TrimSuffix(text, " old")); err == nil {
			reason = "It is " + span(d) + " old."
		}
	}
	return reason + " At most " + span(most) + " is allowed. The order passes as soon as a new one comes in."
}

// ruleWords are the words of every rule.
var ruleWords = map[risk.Rule]speak{
	risk.RuleState:       sayState,
	risk.RuleStatus:      sayStatus,
	risk.RuleInstrument:  sayInstrument,
	risk.RuleShort:       sayShort,
	risk.RuleUncovered:   sayUncovered,
	risk.RuleCollar:      sayCollar,
	risk.RuleDuplicate:   sayDuplicate,
	risk.RuleDayTrades:   sayDayTrades,
	risk.RuleEquity:      sayEquity,
	risk.RuleBuyingPower: sayBuyingPower,
	risk.RuleDailyLoss:   sayDailyLoss,
	risk.RuleDrawdown:    sayDrawdown,
	risk.RuleSymbol: func(v risk.Violation, _ ground) (string, string) {
		return v.Subject + " is not on this profile’s list", "Edit the limits to allow it."
	},
	risk.RuleRestricted: func(v risk.Violation, _ ground) (string, string) {
		return v.Subject + " is barred here", "Edit the limits to allow it."
	},
	risk.RuleQuantity: func(v risk.Violation, _ ground) (string, string) {
		return "Too many for one order", counted(v)
	},
	risk.RuleNotional:  limited("Too large for one order"),
	risk.RuleOrderRate: numbered("Too many orders in a minute", "Wait a minute."),
	risk.RuleOrders:    numbered("The day’s orders are used up", ""),
	risk.RuleTrades:    numbered("The day’s trades are used up", ""),
	risk.RuleInvalid: func(v risk.Violation, _ ground) (string, string) {
		return "This is not an order yet", sentence(v.Reason)
	},
	risk.RuleIDReused: func(risk.Violation, ground) (string, string) {
		return "Another order has this ticket", "It is working. Begin a new ticket for another order."
	},
	risk.RuleNoMark: func(v risk.Violation, _ ground) (string, string) {
		return "No price for " + subject(v), "The order passes as soon as one comes in."
	},
	risk.RuleStaleMark: func(v risk.Violation, g ground) (string, string) {
		return "The price of " + subject(v) + " is too old", old(v, g.limits.MarkAge)
	},
	risk.RuleNoFX: func(v risk.Violation, _ ground) (string, string) {
		return "No rate for " + v.Subject, "The order passes as soon as one comes in."
	},
	risk.RuleStaleFX: func(v risk.Violation, g ground) (string, string) {
		return "The rate for " + v.Subject + " is too old", old(v, g.limits.RateAge)
	},
	risk.RuleNoLimits: func(risk.Violation, ground) (string, string) {
		return "This profile’s limits are not valid", "Edit the limits. Until then it may only reduce."
	},
	risk.RulePosition:   limited("XYZ would be too large a position"),
	risk.RuleUnderlying: limited("XYZ with its options would be too large"),
	risk.RulePositions:  numbered("No room for another position", ""),
	risk.RuleGross:      limited("Too much at risk in all"),
	risk.RuleNet:        limited("Too much on one side"),
	risk.RuleLeverage: func(v risk.Violation, g ground) (string, string) {
		return "Too much leverage", cents(v.Actual).String() + " of at most " + g.amount(v.Limit) + " (" + quantity(g.limits.Leverage) + " times equity)."
	},
	risk.RuleStrategy: func(v risk.Violation, g ground) (string, string) {
		return "Too much in this strategy", v.Subject + ": " + g.ofLimit(v)
	},
	risk.RuleSector: func(v risk.Violation, g ground) (string, string) {
		return "Too much in this sector", v.Subject + ": " + g.ofLimit(v)
	},
	risk.RuleSize: func(v risk.Violation, g ground) (string, string) {
		if strings.Contains(v.Reason, "nothing to close") {
			return "Nothing to close", "The account holds none of it."
		}
		return "Too small for one unit", "What equity and limits allow is less than one unit."
	},
	risk.RuleExpired: func(v risk.Violation, g ground) (string, string) {
		if _, at, found := strings.Cut(v.Reason, " at "); found {
			if t, err := time.Parse(time.RFC3339, at); err == nil {
				return "The signal is too old", "It ended at " + g.clock(t) + "."
			}
		}
		return "The signal is too old", sentence(v.Reason)
	},
	risk.RuleAllOrNone: func(v risk.Violation, _ ground) (string, string) {
		return "Another account refused", sentence(v.Reason) + " None traded."
	},
	risk.RuleDone: func(v risk.Violation, _ ground) (string, string) {
		return "This order is done already", sentence(v.Reason)
	},
}

func sayState(v risk.Violation, g ground) (string, string) {
	heading := "Only orders that make a position smaller"
	if strings.HasPrefix(v.Reason, "trading is halted") {
		heading = "Trading is halted"
	}
	_, why, _ := strings.Cut(v.Reason, ": ")
	then := sentence(why)
	if g.since != "" && strings.HasPrefix(v.Reason, "trading is "+string(g.state)) {
		then = "Since " + g.since + ": " + sentence(why)
	}
	return heading, then + " Resume when you have looked."
}

func sayStatus(v risk.Violation, _ ground) (string, string) {
	status := strings.TrimPrefix(v.Reason, "the profile is ")
	if status == string(accounts.StatusArchived) {
		return "This profile is archived", "Nothing is accepted."
	}
	return "This profile is " + status, "It may only reduce."
}

func sayInstrument(v risk.Violation, g ground) (string, string) {
	if strings.HasPrefix(v.Reason, "expired") {
		return "This contract has expired", subject(v) + " " + v.Reason + "."
	}
	name := v.Subject
	if w, ok := kinds[ledger.SecType(v.Subject)]; ok {
		name = w[0]
	}
	var may []string
	for _, kind := range g.limits.SecTypes {
		if w, ok := kinds[kind]; ok {
			may = append(may, strings.ToLower(w[0][:1])+w[0][1:])
		}
	}
	if len(may) == 0 {
		return name + " are not allowed here", "Nothing may be opened here."
	}
	return name + " are not allowed here", "What may be opened: " + list(may) + "."
}

func sayShort(v risk.Violation, _ ground) (string, string) {
	if v.Actual.IsZero() {
		return "This would sell short", "It is more than you hold."
	}
	return "This would sell short", quantity(v.Actual.Abs()) + " more than you hold."
}

func sayUncovered(v risk.Violation, g ground) (string, string) {
	switch {
	case strings.Contains(v.Reason, "shares"):
		return "Short options would lack cover", quantity(v.Actual) + " shares are missing."
	case v.Limit.IsZero() && v.Actual.IsZero():
		return "Short options would lack cover", sentence(v.Reason)
	}
	return "Short options would lack cover", g.amount(v.Actual) + " in cash is needed, " + g.amount(v.Limit) + " is there."
}

func sayCollar(v risk.Violation, g ground) (string, string) {
	side := "above"
	if v.Actual.LessThan(v.Limit) {
		side = "below"
	}
	return "The price is too far from the market",
		price(v.Actual).String() + " is " + side + " " + price(v.Limit.RoundHAZ(4)).String() + ", the furthest from the mark that is allowed (" +
			fraction(g.limits.PriceCollar) + ", of options " + fraction(g.limits.OptionCollar) + ")."
}

func sayDuplicate(v risk.Violation, g ground) (string, string) {
	heading := "The same order was accepted just before"
	if text, found := strings.CutPrefix(v.Reason, "the same order was accepted "); found {
		if d, err := time.ParseDuration(strings.TrimSuffix(text, " ago")); err == nil {
			heading = "The same order was accepted " + span(d) + " before"
		}
	}
	return heading, "Sent twice? After " + span(g.limits.DuplicateWindow) + " it counts as another order."
}

func sayDayTrades(v risk.Violation, g ground) (string, string) {
	if strings.HasPrefix(v.Reason, "maintenance") {
		return "Margin would exceed equity", cents(v.Actual).String() + " of at most " + g.amount(v.Limit) + "."
	}
	return "No more day trades", quantity(v.Actual) + " in five business days; at most " + quantity(v.Limit) + " below 25,000 USD of equity."
}

func sayEquity(v risk.Violation, _ ground) (string, string) {
	if v.Reason == "equity is not positive" {
		return "Equity cannot be told", "It is not positive."
	}
	if v.Subject == "" {
		return "Equity cannot be told", sentence(v.Reason)
	}
	return "Equity cannot be told", subject(v) + ": " + v.Reason + "."
}

func sayBuyingPower(v risk.Violation, g ground) (string, string) {
	return "Not enough buying power", g.amount(v.Actual) + " needed, " + g.amount(v.Limit) + " there."
}

func sayDailyLoss(v risk.Violation, g ground) (string, string) {
	return "The day’s loss is at its limit", g.ofLimit(v) + " Reductions only until you resume."
}

func sayDrawdown(v risk.Violation, _ ground) (string, string) {
	heading := "Drawdown is past " + v.Subject
	then := percent(v.Actual.InexactFloat64(), 1) + " below the high; the limit is " + fraction(v.Limit) + ". "
	if slices.Contains([]string{"severe", "critical"}, v.Subject) {
		return heading, then + "Reductions only until you resume."
	}
	return heading, then + "Nothing new is opened."
}
