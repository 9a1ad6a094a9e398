package rulemodel_test

import (
	"errors"
	"slices"

	"github.com/ai-ots/accounts"
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
	// In a cash account a spread needs the difference of its strikes.
	{name: "spreads in cash accounts", more: []risk.Rule{risk.RuleBuyingPower}, fewer: []risk.Rule{risk.RuleBuyingPower},
		when: spreadInCash},
	// The model tells no cash without every rate; the documentation asks for those of the cash that short options need.
	{name: "the cash for short options has no rate", more: []risk.Rule{risk.RuleNoFX},
		when: func(p *player) bool { return rulemodel.Equity(p.history, p.now()) == nil }},
}

// known ends the history if every rule in which the library and the model differ is known.
func (p *player) known(got risk.Decision, want rulemodel.Answer, warnings bool) bool {
	broken, warned := rulesOf(got.Violations), rulesOf(got.Warnings)
	if got.Allowed && want.Allowed && !got.Repeat && warnings && !slices.Equal(warned, want.Warnings) {
		broken, want.Broken = warned, want.Warnings
	}
	used := map[string]bool{}
	explained := func(r risk.Rule, of func(knownDifference) []risk.Rule) bool {
		for _, k := range knownDifferences {
			if k.unknown && !slices.ContainsFunc(want.Broken, risk.Rule.Unknown) || k.when != nil && !k.when(p) {
				continue
			}
			if slices.Contains(of(k), r) {
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

// unmarkedOrder ends the history where trading is not resumed for want of a mark of an order that works
// in what is not held: equity is known without it.
func (p *player) unmarkedOrder(err error) bool {
	if !errors.Is(err, accounts.ErrNoMark) {
		return false
	}
	p.cover.known["resume without the mark of an order"]++
	p.ended = true
	return true
}
