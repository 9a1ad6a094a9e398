package flex

import (
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// Held is what a portfolio holds and has recorded already when a statement is planned for it. The
// zero value is an empty portfolio.
type Held struct {
	Positions []ledger.Position // flat ones included, for the names they go by
	Facts     []ledger.Fact     // everything in the journal, in the order in which it was recorded
}

// history is what of the journal matters to the plan.
type history struct {
	versions      map[string]version       // of every execution, cancelled ones included
	inForce       map[string]*ledger.Trade // the executions that are not cancelled, as corrected last
	newest        map[string]*ledger.Trade // every execution as corrected last, cancelled ones included
	splits        map[string]bool
	untold        []ledger.Split // spin-offs of which nothing told how they divided the basis
	transfers     map[string]bool
	cancellations map[ledger.ExecID]bool
	openings      []ledger.Opening
	moved         map[string]bool       // cash movements
	charged       bool                  // charges of rows without units among them
	cash          []ledger.CashMovement // opening balances among them
	ordered       []ledger.Fact         // trades in force, splits, openings and transfers, by time
	empty         bool                  // neither trades nor cash nor openings were ever recorded
}

// version is what the journal has of an execution.
type version struct {
	newest int // correction number
	place  int // among the facts, of what was told of it first
}

// pointing returns the facts with pointers for trades, of which there may be many.
func pointing(facts []ledger.Fact) []ledger.Fact {
	if !slices.ContainsFunc(facts, func(f ledger.Fact) bool { _, value := f.(ledger.Trade); return value }) {
		return facts
	}
	facts = slices.Clone(facts)
	for i, f := range facts {
		if t, value := f.(ledger.Trade); value {
			facts[i] = &t
		}
	}
	return facts
}

func newHistory(facts []ledger.Fact) *history {
	h := &history{versions: map[string]version{}, inForce: map[string]*ledger.Trade{}, newest: map[string]*ledger.Trade{}, splits: map[string]bool{}, transfers: map[string]bool{}, moved: map[string]bool{},
		cancellations: map[ledger.ExecID]bool{}, empty: true}
	for i, f := range facts {
		switch f := f.(type) {
		case *ledger.Trade:
			id, newest := f.ExecID.Correction()
			v, told := h.versions[id]
			if !told {
				v.place = i
			}
			v.newest = newest
			h.empty, h.versions[id], h.inForce[id], h.newest[id] = false, v, f, f
		case ledger.Cancellation:
			h.cancellations[f.ExecID] = true
			delete(h.inForce, root(f.Cancels))
		case ledger.Split:
			h.splits[f.ID] = true
			if f.SpinsOff() && f.Part.IsZero() {
				h.untold = append(h.untold, f)
			}
		case ledger.Opening:
			h.empty = false
			h.openings = append(h.openings, f)
		case ledger.Transfer:
			h.empty, h.transfers[f.ID] = false, true
		case ledger.CashMovement:
			h.empty, h.moved[f.ID], h.charged = false, true, h.charged || isCharge(f.ID)
			if f.Kind == ledger.OpeningCash {
				h.cash = append(h.cash, f)
			}
		}
	}
	h.order(facts)
	return h
}

// order sorts what moves lots by time, and what is of one time by its place in the journal.
func (h *history) order(facts []ledger.Fact) {
	for i, f := range facts {
		switch f := f.(type) {
		case *ledger.Trade:
			id := root(f.ExecID)
			if now, in := h.inForce[id]; in && h.versions[id].place == i {
				h.ordered = append(h.ordered, now)
			}
		case ledger.Split, ledger.Opening, ledger.Transfer:
			h.ordered = append(h.ordered, f)
		}
	}
	slices.SortStableFunc(h.ordered, func(a, b ledger.Fact) int { return timeOf(a).Compare(timeOf(b)) })
}

func timeOf(f ledger.Fact) time.Time {
	switch f := f.(type) {
	case *ledger.Trade:
		return f.Time
	case ledger.Split:
		return f.Time
	case ledger.Opening:
		return f.Time
	case ledger.Transfer:
		return f.Time
	case ledger.CashMovement:
		return f.Time
	case ledger.Cancellation:
		return f.Time
	}
	return time.Time{}
}

// newest returns for every contract id the position that traded last: a renamed contract has more.
func (h *Held) newest() map[int64]ledger.Position {
	out := map[int64]ledger.Position{}
	for _, pos := range h.Positions {
		id := pos.Instrument.ConID
		if other, ok := out[id]; id != 0 && (!ok || !pos.LastTrade.Before(other.LastTrade) && (!pos.Quantity.IsZero() || other.Quantity.IsZero())) {
			out[id] = pos
		}
	}
	return out
}

// has reports whether the journal has the fact.
func (h *history) has(f ledger.Fact) bool {
	switch f := f.(type) {
	case *ledger.Trade:
		return h.recorded(f.ExecID) && !h.completes(f.ExecID, f.CommissionPending)
	case ledger.Cancellation:
		return h.cancellations[f.ExecID]
	case ledger.Split:
		return h.splits[f.ID]
	case ledger.Transfer:
		return h.transfers[f.ID]
	case ledger.CashMovement:
		return h.moved[f.ID]
	}
	return false
}

// recorded reports whether the journal has the execution in this version or a newer one.
func (h *history) recorded(id ledger.ExecID) bool {
	all, version := id.Correction()
	v, ok := h.versions[all]
	return ok && version <= v.newest
}

// completes reports whether a trade has the commission of the same one in force, which lacks it.
func (h *history) completes(id ledger.ExecID, pending bool) bool {
	inForce, ok := h.current(id)
	return ok && inForce.ExecID == id && inForce.CommissionPending && !pending
}

// current returns the execution in the version that is in force.
func (h *history) current(id ledger.ExecID) (*ledger.Trade, bool) {
	t, ok := h.inForce[root(id)]
	return t, ok
}

// root is what all versions of an execution share.
func root(id ledger.ExecID) string {
	root, _ := id.Correction()
	return root
}

// quantities folds how much was held of each contract, by the name that the statement has for it,
// up to a time and without the executions that are gone. later are the contracts that something
// moved after it.
func (p *planner) quantities(until time.Time, told map[string]*event) (held map[ledger.InstrumentKey]ledger.Decimal, later map[ledger.InstrumentKey]bool) {
	held, later = map[ledger.InstrumentKey]ledger.Decimal{}, map[ledger.InstrumentKey]bool{}
	for _, f := range p.past.ordered {
		past := !timeOf(f).After(until)
		add := func(key ledger.InstrumentKey, q ledger.Decimal) {
			if past {
				held[key] = held[key].Add(q)
			} else {
				later[key] = true
			}
		}
		switch f := f.(type) {
		case *ledger.Trade:
			if !p.gone[root(f.ExecID)] {
				add(p.named(f.Instrument), f.Quantity)
			}
		case ledger.Opening:
			for _, l := range f.Lots {
				add(p.named(f.Instrument), l.Quantity)
			}
		case ledger.Split:
			from, to := p.named(f.From), p.named(f.To)
			gone, came := held[from].Neg(), share(held[from], f.Numerator, f.Denominator)
			if e := told[f.ID]; e != nil {
				gone, came = e.gone, e.moved // nothing goes where units are added to a contract's own
			}
			if !f.SpinsOff() {
				add(from, gone)
				held[from] = held[from].RoundBank(12) // as share does
			}
			add(to, came)
		case ledger.Transfer:
			add(p.named(f.Instrument), f.Quantity)
		}
	}
	return held, later
}

// seenBefore tells which contracts the book knew before the statement began. What the broker holds
// more of one of them is less likely from before the journal than something that the journal
// missed.
func (p *planner) seenBefore() map[ledger.InstrumentKey]bool {
	seen, start := map[ledger.InstrumentKey]bool{}, p.start()
	for _, f := range p.past.ordered {
		if !timeOf(f).Before(start) {
			break
		}
		switch f := f.(type) {
		case *ledger.Trade:
			seen[p.named(f.Instrument)] = true
		case ledger.Opening:
			seen[p.named(f.Instrument)] = true
		case ledger.Transfer:
			seen[p.named(f.Instrument)] = true
		case ledger.Split:
			seen[p.named(f.To)] = true
		}
	}
	return seen
}

// named returns the key of a recorded contract by the name that the statement has for it.
func (p *planner) named(inst ledger.Instrument) ledger.InstrumentKey {
	if now, ok := p.Instruments[inst.ConID]; ok {
		return now.Key()
	}
	return inst.Key()
}

// checkOrder refuses a statement that tells anew what the book has as an opening balance since.
func (p *planner) checkOrder() error {
	opened := map[ledger.InstrumentKey]time.Time{} // last
	for _, o := range p.past.openings {
		key := p.named(o.Instrument)
		opened[key] = latest(opened[key], o.Time.Truncate(24*time.Hour))
	}
	for _, e := range p.events {
		if e.known || e.void || e.left {
			continue
		}
		at := p.countsAt(e.reported(), e.at)
		for _, key := range e.contracts() {
			if at.Before(opened[key]) {
				return fmt.Errorf("%w: %s in line %d is from before %s, with which the book begins for it",
					accounts.ErrOutOfOrder, e.text(), e.line, ledger.DateOf(opened[key]))
			}
		}
		if e.trade != nil && len(p.past.cash) > 0 {
			p.cash = append(p.cash, newCash{e.line, e.trade.Instrument.Currency, at})
		}
	}
	for _, m := range p.past.cash {
		for _, c := range p.cash {
			if c.currency == m.Currency && c.at.Before(m.Time) {
				return fmt.Errorf("%w: line %d is from before %s, with whose balance in %s the book begins",
					accounts.ErrOutOfOrder, c.line, ledger.DateOf(m.Time), m.Currency)
			}
		}
	}
	return nil
}

// countsAt is when a row counts: on the day for which it was reported, which the statement's
// period includes, however long ago what it tells happened.
func (p *planner) countsAt(reported ledger.Date, at time.Time) time.Time {
	switch {
	case reported.Valid():
		return reported.Time(time.UTC)
	case p.st.From.Valid():
		return latest(at, p.st.From.Time(time.UTC))
	}
	return at
}
