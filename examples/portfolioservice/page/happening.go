package page

import (
	"strings"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// happeningOf returns an entry in words.
func (c *call) happeningOf(a account, e entry) happening {
	h := happening{Account: a, When: c.at(e.at, "15:04"), Icon: "info", Seq: "#" + grouped(itoa(int(e.seq))), Kind: e.kind, at: e.at, seq: e.seq}
	switch v := e.value.(type) {
	case *risk.Hold:
		h.Icon, h.Heading, h.By = "trade", "Order accepted: "+lowerFirst(orderWords(v.Order)), v.Order.Strategy
		h.Then = "Its exposure is held until it is filled or let go."
	case *risk.Dispatch:
		h.Icon, h.Heading, h.Then = "trade", "Order sent to the broker", capital(v.Terms)+", as "+v.Ref+"."
	case *risk.Refusal:
		h.Icon, h.Bad, h.Heading = "no", true, "Order refused: "+lowerFirst(orderWords(v.Order))
		g := c.refusalOf(&a)
		g.since = "" // the state may be another by now
		for _, w := range wordsOf(v.Violations, g) {
			h.Then += w.Heading + ". "
		}
		h.Then = strings.TrimSpace(h.Then)
	case *risk.Release:
		h.Icon, h.Heading, h.Then = "no", "Order let go: "+string(v.OrderID), sentence(v.Reason)
	case *risk.Breach:
		breached(&h, a, v)
	case *risk.StateChange:
		changed(&h, v)
	case *risk.PolicyChange:
		h.Icon, h.Heading = "edit", "Limits and status in force from here"
		h.Then = "Version " + grouped(itoa(int(v.Version))) + " of the profile; it is " + string(v.Status) + "."
	case accounts.CredentialAccess:
		accessed(&h, v)
	default:
		c.happenedFact(&h, a, v)
		if e.kind == ledger.KindAmendment {
			h.Icon, h.Heading = "edit", "History changed: "+lowerFirst(h.Heading)
			h.Then = strings.TrimSpace(h.Then + " The book was worked out again; what was there before stays in the journal.")
		}
	}
	return h
}

// lowerFirst returns a text with a small letter at its beginning.
func lowerFirst(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToLower(s[:1]) + s[1:]
}

// breached is a loss or a drawdown that came to another level.
func breached(h *happening, a account, b *risk.Breach) {
	h.Icon, h.Bad, h.By = "warn", b.Severity > risk.SeverityWarning, "by rule"
	if b.Rule == risk.RuleDrawdown {
		h.Heading = "Drawdown reached " + b.Severity.String() + ": " + percent(b.Actual.InexactFloat64(), 1)
		if b.Severity == risk.SeverityNormal {
			h.Icon, h.Heading = "ok", "Drawdown is below its warning again: "+percent(b.Actual.InexactFloat64(), 1)
		}
		return
	}
	h.Heading = "The day’s loss reached " + cents(b.Actual).in(a.Currency()).String()
	h.Then = "At most " + cents(b.Limit).String() + " is allowed."
}

// changed is a change of the trading state.
func changed(h *happening, s *risk.StateChange) {
	switch s.State {
	case risk.TradingHalted:
		h.Icon, h.Bad, h.Heading = "halt", true, "Halted: no order is accepted"
	case risk.TradingReducing:
		h.Icon, h.Bad, h.Heading = "reduce", true, "Only orders that make a position smaller are accepted"
	default:
		h.Icon, h.Heading = "ok", "Resumed: orders are accepted again"
	}
	h.Then = sentence(s.Reason)
	if len(s.Recount) > 0 {
		h.Then += " Losses count anew from here."
	}
	if s.Cause != "" {
		h.By = "by rule"
	}
}

// accessed is an access to credentials.
func accessed(h *happening, v accounts.CredentialAccess) {
	what := map[accounts.AccessAction]string{"set": "set", "get": "read", "delete": "deleted", "switch": "looked at for a switch"}[v.Action]
	if what == "" {
		what = string(v.Action)
	}
	h.Icon, h.By = "key", string(v.By)
	h.Heading = "Login at the broker: " + what
	switch v.Outcome {
	case "begun":
		h.Heading += ", begun"
	case "ok":
	default:
		h.Bad, h.Then = true, "It was "+v.Outcome+"."
		if v.Outcome == "missing" {
			h.Bad, h.Then = false, "There was none."
		}
	}
}

// happenedFact is a fact.
func (c *call) happenedFact(h *happening, a account, v any) {
	if t, ok := fact[ledger.Trade](v); ok {
		h.Icon, h.Heading = "ok", done(t.Quantity)+" "+quantity(t.Quantity.Abs())+" "+nameOf(t.Instrument)+" at "+price(t.Price).String()
		fees := t.Commission.Add(t.Taxes)
		h.Then = "Fees " + cents(fees).in(t.Instrument.Currency).String() + "."
		if t.CommissionPending {
			h.Then = "Fees are not known yet."
		}
		if h.at.Sub(t.Time) > time.Hour { // it was recorded late
			h.Then += " Executed " + c.stamp(t.Time).Text + "."
		}
	} else if m, ok := fact[ledger.CashMovement](v); ok {
		h.Icon, h.Heading = "cash", cashWord(m.Kind)+": "+cents(m.Amount).in(m.Currency).String()
		if m.Kind.IsCapital() {
			h.Then = "Returns do not count it as profit."
		} else if m.Symbol != "" {
			h.Then = "Of " + m.Symbol + "."
		}
		if m.Note != "" {
			h.Then = strings.TrimSpace(h.Then + " " + sentence(m.Note))
		}
	} else if s, ok := fact[ledger.Split](v); ok {
		h.Icon, h.Heading = "edit", "Corporate action: "+nameOf(s.From)+", "+quantity(s.Numerator)+" for "+quantity(s.Denominator)
		if s.From.Key() != s.To.Key() {
			h.Then = "It is " + nameOf(s.To) + " from then on."
		}
	} else if o, ok := fact[ledger.Opening](v); ok {
		h.Icon, h.Heading = "statement", "Opening balance: "+quantity(unitsOf(o.Lots))+" "+nameOf(o.Instrument)
	} else if t, ok := fact[ledger.Transfer](v); ok {
		h.Icon, h.Heading = "statement", "Transfer: "+quantity(t.Quantity)+" "+nameOf(t.Instrument)
	} else if x, ok := fact[ledger.Cancellation](v); ok {
		h.Icon, h.Heading = "statement", "The broker cancelled execution "+string(x.Cancels)
	} else if e, ok := fact[ledger.EquityPoint](v); ok {
		h.Icon, h.Heading = "cash", "Equity: "+cents(e.Equity).in(a.Currency()).String()
	} else {
		h.Heading = string(h.Kind)
	}
}

// unitsOf returns how many units lots are together.
func unitsOf(lots []ledger.Lot) (sum ledger.Decimal) {
	for _, l := range lots {
		sum = sum.Add(l.Quantity)
	}
	return sum
}

// cashWord is the word for a kind of cash movement.
func cashWord(k ledger.CashKind) string {
	switch k {
	case ledger.OpeningCash:
		return "Opening balance"
	case ledger.PaymentInLieu:
		return "Payment in lieu"
	case ledger.OtherCash:
		return "Cash"
	}
	return capital(string(k))
}
