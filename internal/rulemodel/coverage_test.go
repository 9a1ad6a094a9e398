package rulemodel_test

import (
	"github.com/ai-ots/accounts/internal/rulemodel"
	"github.com/ai-ots/accounts/risk"
)

// coverage counts how often each rule was found broken and how often it held, and how often a
// warning was given.
type coverage struct {
	Broken, Passed, Warned map[risk.Rule]int
	orders, allowed        int
	facts                  map[string]int // capital in kind, and rates told later
}

func newCoverage() *coverage {
	return &coverage{Broken: map[risk.Rule]int{}, Passed: map[risk.Rule]int{}, Warned: map[risk.Rule]int{},
		facts: map[string]int{}}
}

func (c *coverage) count(a rulemodel.Answer) {
	c.orders++
	if a.Allowed {
		c.allowed++
	}
	for _, r := range a.Broken {
		c.Broken[r]++
	}
	for _, r := range a.Passed {
		c.Passed[r]++
	}
	for _, r := range a.Warnings {
		c.Warned[r]++
	}
}

// add adds what another counted.
func (c *coverage) add(o *coverage) {
	c.orders, c.allowed = c.orders+o.orders, c.allowed+o.allowed
	sum := func(to, from map[risk.Rule]int) {
		for r, n := range from {
			to[r] += n
		}
	}
	sum(c.Broken, o.Broken)
	sum(c.Passed, o.Passed)
	sum(c.Warned, o.Warned)
	for name, n := range o.facts {
		c.facts[name] += n
	}
}
