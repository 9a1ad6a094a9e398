package flex

import (
	"regexp"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

var parentText = regexp.MustCompile(`^\s*([^(]*)\(([^()]*)\)`)

// parent finds the contract that the row's text begins with, which the action happened to: by its
// ISIN, else by its symbol. Another contract may bear the symbol later; then rows that follow call
// the old one so.
func (p *planner) parent(c *CorporateAction) (ledger.Instrument, bool) {
	match := parentText.FindStringSubmatch(c.Text)
	if match == nil {
		return ledger.Instrument{}, false
	}
	s := &parentSearch{planner: p, action: c, symbol: strings.TrimSpace(match[1]), isin: match[2]}
	s.lookAtActions()
	for i := range p.held.Positions {
		if pos := &p.held.Positions[i]; !pos.Quantity.IsZero() {
			s.see(&Contract{Instrument: pos.Instrument}, 4)
		}
	}
	for i := range p.traded() {
		if t := &p.tradedContracts[i]; t.first.After(c.Time) {
			s.see(&t.Contract, 1)
		} else {
			s.see(&t.Contract, 3)
		}
	}
	for i := range p.st.Positions {
		s.see(&p.st.Positions[i].Contract, 2)
	}
	for i := range p.held.Positions { // flat ones: the book may have the contract by another name since
		s.see(&Contract{Instrument: p.held.Positions[i].Instrument}, 1)
	}
	return s.best, s.rank > 0
}

// tradedContract is a contract of trades, and when the first of them was.
type tradedContract struct {
	Contract
	first time.Time
}

// traded returns the contracts of the statement's trades. It goes through the trades once: a file
// may have many of them, and many actions.
func (p *planner) traded() []tradedContract {
	if p.tradedContracts != nil {
		return p.tradedContracts
	}
	p.tradedContracts = []tradedContract{}
	at := map[Contract]int{}
	for _, t := range p.st.Trades.All() {
		i, seen := at[t.Contract]
		if !seen {
			i = len(p.tradedContracts)
			at[t.Contract] = i
			p.tradedContracts = append(p.tradedContracts, tradedContract{t.Contract, t.Time})
		}
		if own := &p.tradedContracts[i]; t.Time.Before(own.first) {
			own.first = t.Time
		}
	}
	return p.tradedContracts
}

// subjects returns the contracts of all rows of corporate actions, with the ISIN that the texts
// tell.
func (p *planner) subjects() []Contract {
	if p.actedContracts == nil {
		p.actedContracts = make([]Contract, len(p.st.CorporateActions))
		for i := range p.st.CorporateActions {
			o := &p.st.CorporateActions[i]
			p.actedContracts[i] = o.Contract
			if o.ISIN == "" {
				if m := subjectText.FindStringSubmatch(o.Text); m != nil {
					p.actedContracts[i].ISIN = m[2]
				}
			}
		}
	}
	return p.actedContracts
}

// parentSearch looks for a contract by its ISIN and symbol. Of those that fit, the one of the
// highest rank is the best.
type parentSearch struct {
	*planner
	action       *CorporateAction
	symbol, isin string
	renamed      map[int64]bool // contracts that bear the symbol no longer
	best         ledger.Instrument
	rank         int
}

// see takes a contract that fits, unless a better one was seen.
func (s *parentSearch) see(o *Contract, rank int) {
	switch {
	case o.IsOption() || o.SecType == ledger.Forex:
		return
	case o.ISIN != "" && o.ISIN == s.isin:
		rank = 9
	case s.symbol == "" || s.renamed[o.ConID] || o.LocalSymbol != s.symbol && o.Symbol != s.symbol:
		return
	}
	if rank > s.rank {
		s.best, s.rank = s.instrument(*o), rank
	}
}

// lookAtActions sees the contracts of corporate actions, and notes which of them lost the symbol.
func (s *parentSearch) lookAtActions() {
	s.renamed = map[int64]bool{}
	var next *CorporateAction // by which the one that bore the symbol lost it
	for i := range s.st.CorporateActions {
		o := &s.st.CorporateActions[i]
		switch {
		case o.LocalSymbol != s.symbol+".OLD":
		case o.Time.Before(s.action.Time):
			if o.ConID != 0 {
				s.renamed[o.ConID] = true
			}
		case next == nil || o.Time.Before(next.Time):
			next = o
		}
	}
	subjects := s.subjects()
	for i := range subjects {
		s.see(&subjects[i], 1)
	}
	if next != nil {
		old := next.Contract
		old.LocalSymbol = s.symbol
		s.see(&old, 5)
	}
}
