package main

import (
	"fmt"
	"slices"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// The strategy's settings, in trading days.
const (
	fastDays  = 20
	slowDays  = 50
	maxSteps  = 5
	stepDays  = 10
	tradeName = "trend"
)

// trend follows one symbol, long only. It buys when the mean of the last 20 closes is above that of
// the last 50, buys more at every 20-day high at least ten days later, five times in all, and sells
// everything when the faster mean has fallen below the slower one. It knows nothing of accounts:
// how much is bought, and whether at all, each account's size and limits say.
type trend struct {
	series *series
	closes []ledger.Decimal // newest last, in today's shares; no more than are needed
	steps  int              // purchases since the position was opened
	since  int              // days since the last one
}

// see takes a day's close in.
func (t *trend) see(b bar) error {
	if x, ok := t.series.splitOn(b.date); ok {
		for i, c := range t.closes {
			scaled, err := c.Mul(x.denominator).Div(x.numerator)
			if err != nil {
				return fmt.Errorf("split of %s on %s: %w", t.series.symbol, b.date, err)
			}
			t.closes[i] = scaled
		}
	}
	if len(t.closes) == slowDays {
		t.closes = slices.Delete(t.closes, 0, 1)
	}
	t.closes = append(t.closes, b.close)
	t.since++
	return nil
}

// decide returns what to do at the next opening; an empty action is nothing.
func (t *trend) decide() accounts.SignalAction {
	if len(t.closes) < slowDays {
		return ""
	}
	// Sums, so that nothing has to be divided: a mean above another is 50 × sum(20) above 20 ×
	// sum(50).
	recent := t.closes[slowDays-fastDays:]
	fast, slow := sum(recent).Mul(days(slowDays)), sum(t.closes).Mul(days(fastDays))
	switch {
	case t.steps > 0 && fast.LessThan(slow):
		t.steps = 0
		return accounts.SignalClose
	case t.steps == 0 && fast.GreaterThan(slow), t.steps > 0 && t.steps < maxSteps && t.since >= stepDays && isHigh(recent):
		t.steps, t.since = t.steps+1, 0
		return accounts.SignalBuy
	}
	return ""
}

// signal is the decision of a day as a signal; false if there is none.
func (t *trend) signal(d ledger.Date) (accounts.Signal, bool) {
	action := t.decide()
	if action == "" {
		return accounts.Signal{}, false
	}
	return accounts.Signal{
		ID:         risk.SignalID(fmt.Sprintf("%s-%s-%s", d, t.series.symbol, action)),
		Instrument: stock(t.series.symbol), Action: action, Strategy: tradeName,
	}, true
}

// isHigh reports whether the last close is above all others.
func isHigh(closes []ledger.Decimal) bool {
	last := closes[len(closes)-1]
	return !slices.ContainsFunc(closes[:len(closes)-1], func(c ledger.Decimal) bool { return !c.LessThan(last) })
}

func sum(list []ledger.Decimal) ledger.Decimal {
	var total ledger.Decimal
	for _, d := range list {
		total = total.Add(d)
	}
	return total
}

func days(n int64) ledger.Decimal { return udecimal.MustFromInt64(n, 0) }

func stock(symbol string) ledger.Instrument { return ledger.NewStock(symbol, currency) }
