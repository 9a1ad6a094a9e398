package rulemodel_test

import (
	"slices"

	"github.com/ai-ots/accounts/internal/rulemodel"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// A knownDifference is a fault of the library that is not mended yet. A history ends where one shows.
// Each has a test of its own in faults_test.go; take it out of the list with the fault.
type knownDifference struct {
	name    string
	more    []risk.Rule // what the library alone finds broken
	fewer   []risk.Rule // what the model alone finds broken
	unknown bool        // only where marks, rates or equity are not known
	when    func(p *player) bool
}

var knownDifferences = []knownDifference{
	// Equity at old marks is no knowledge: no loss can be told by it.
	{name: "losses by old marks", more: []risk.Rule{risk.RuleDailyLoss, risk.RuleDrawdown}, unknown: true},
	// These need no mark.
	// In a cash account a spread needs the difference of its strikes.
	{name: "spreads in cash accounts", more: []risk.Rule{risk.RuleBuyingPower}, fewer: []risk.Rule{risk.RuleBuyingPower},
		when: spreadInCash},
	{name: "sizes while marks are unknown", fewer: []risk.Rule{risk.RuleQuantity, risk.RulePositions}, unknown: true},
}

// known ends the history if every rule in which the library and the model differ is known.
func (p *player) known(got risk.Decision, want rulemodel.Answer) bool {
	broken := rulesOf(got.Violations)
	used := map[string]bool{}
	explained := func(r risk.Rule, of func(knownDifference) []risk.Rule) bool {
		for _, k := range knownDifferences {
			if slices.Contains(of(k), r) && (k.when == nil || k.when(p)) && (!k.unknown || slices.ContainsFunc(want.Broken, risk.Rule.Unknown)) {
				used[k.name] = true
				return true
			}
		}
		return false
	}
	differ := false
	for _, r := range broken {
		if !slices.Contains(want.Broken, r) {
			differ = true
			if !explained(r, func(k knownDifference) []risk.Rule { return k.more }) {
				return false
			}
		}
	}
	for _, r := range want.Broken {
		if !slices.Contains(broken, r) {
			differ = true
			if !explained(r, func(k knownDifference) []risk.Rule { return k.fewer }) {
				return false
			}
		}
	}
	if differ {
		for name := range used {
			p.cover.known[name]++
		}
		p.ended = true
	}
	return differ
}

// spreadInCash reports whether a cash account holds options that could cover others.
func spreadInCash(p *player) bool {
	long := slices.ContainsFunc(p.portfolio.Positions(), func(pos ledger.Position) bool {
		return pos.Instrument.SecType == ledger.Option && !pos.Quantity.IsNeg()
	})
	return p.portfolio.Snapshot().Risk.Limits.Account == risk.CashAccount && long
}

// recovered ends the history where a person resumes after a day's loss that was beyond its limit and is
// within it again: the library counts the loss anew all the same.
func (p *player) recovered(recount []risk.Rule) {
	lost := false
	for _, e := range p.history.Events {
		switch w := e.What.(type) {
		case rulemodel.Breach:
			lost = lost || w.DayLost
		case rulemodel.State:
			lost = lost && w.State != risk.TradingActive
		}
	}
	if lost && !slices.Contains(recount, risk.RuleDailyLoss) {
		p.cover.known["recount of a recovered loss"]++
		p.ended = true
	}
}
