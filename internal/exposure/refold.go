package exposure

import (
	"cmp"
	"maps"
	"slices"

	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Refold folds a journal again with every change of history in its place: the book as [ledger.Refold]
// does, and with it what the account counts from facts, namely the fills of orders, the strategies'
// parts, day trades and sales. What follows from history is thus restated together.
//
// A trade fills the order that it names if the order works at the trade's place in the journal, as it
// does when the trade is recorded. All else is counted in the effective order of the facts.
type Refold struct {
	account    *Account
	book       *ledger.Refold
	changes    map[int64]ledger.Amendment
	strategies map[int64]string // of the orders that trades filled, by the trades' places
	policies   []placedPolicy
}

// placedPolicy is a policy that is in force from an entry on.
type placedPolicy struct {
	from   int64
	policy *Policy
}

// ResumeRefold prepares to fold the rest of a journal again behind an account, the fold of its entries
// up to and including entry upTo; for 0, a new account. The rest is as for [ledger.ResumeRefold]. The
// Refold takes the account over.
func ResumeRefold(a *Account, upTo int64, changes map[int64]ledger.Amendment) (*Refold, bool) {
	r := &Refold{account: a, changes: changes, strategies: map[int64]string{}}
	book, ok := ledger.ResumeRefold(a.Book, upTo, changes, r.fact)
	r.book = book
	if a.memory.policy != nil {
		r.policies = []placedPolicy{{0, a.memory.policy}}
	}
	return r, ok
}

// Add takes the payload of the next journal entry in.
func (r *Refold) Add(seq int64, p any) {
	memory := &r.account.memory
	switch f := p.(type) {
	case *risk.Restatement: // the changes make it anew
	case ledger.Payload:
		if t := r.inForce(seq, f); t != nil {
			if strategy := memory.fillOrder(t, t.Contract()); strategy != "" {
				r.strategies[seq] = strategy
			}
		}
		r.book.Add(seq, f)
	default:
		r.account.decided(p)
		if _, ok := p.(*risk.PolicyChange); ok {
			r.policies = append(r.policies, placedPolicy{seq, memory.policy})
		}
	}
}

// inForce returns the trade in force at the place of an entry that first recorded a trade; nil if there
// is none.
func (r *Refold) inForce(seq int64, p ledger.Payload) *ledger.Trade {
	switch f := p.(type) {
	case *ledger.Trade:
		if a, changed := r.changes[seq]; changed {
			return a.Trade
		}
		return f
	case *ledger.Amendment:
		if f.Place == seq && f.Trade != nil {
			return r.changes[seq].Trade
		}
	}
	return nil
}

// Finish folds what is left and returns the account. The Refold must not be used afterwards.
func (r *Refold) Finish() *Account {
	last := r.account.memory.policy
	r.book.Finish()
	r.account.memory.use(last)
	return r.account
}

// fact counts a fact in force at a place, after the book has it.
func (r *Refold) fact(place int64, p ledger.Payload, c ledger.Closed) {
	for _, x := range slices.Backward(r.policies) {
		if x.from < place {
			r.account.memory.use(x.policy)
			break
		}
	}
	switch t := p.(type) {
	case *ledger.Restatement: // of points: no decision counts anything else of them
		return
	case *ledger.Trade:
		r.account.memory.traded(t, r.account.Holding(t.Contract()), c, r.strategies[place], false)
	default:
		r.account.counted(p, c, place)
	}
}

// use puts a policy in force, whatever its version.
func (r *memory) use(p *Policy) {
	if r.policy != p {
		r.policy, r.today = p, dayRange{}
	}
}

// Follow folds an entry in that was recorded after the account was folded again. It reports false, and
// changes nothing, if the entry changes history: then the journal must be folded again.
func (a *Account) Follow(p any, seq int64) bool {
	switch f := p.(type) {
	case *risk.Restatement: // it stands behind one of facts
		return false
	case ledger.Payload:
		if !a.Book.Follows(f) {
			return false
		}
	}
	a.Apply(p, seq)
	return true
}

// Restated returns what changes in the account's counts where after, the same journal folded again,
// takes their place. It shares slices with after.
func (a *Account) Restated(after *Account) *risk.Restatement {
	r := &risk.Restatement{}
	was, is := &a.memory, &after.memory
	for id, w := range is.orders {
		if old := was.orders[id]; old == nil || !old.filled.Equal(w.filled) {
			r.Orders = append(r.Orders, w.public())
		}
	}
	for id := range was.orders {
		if is.orders[id] == nil {
			r.Done = append(r.Done, id)
		}
	}
	slices.SortFunc(r.Orders, func(a, b risk.WorkingOrder) int { return cmp.Compare(a.ID, b.ID) })
	slices.Sort(r.Done)
	r.Parts = restatedParts(was.tags, is.tags)
	if c := is.counts(was.day.Date); !wire.Same(c, was.counts(was.day.Date)) {
		r.Counts = c
	}
	return r
}

// restatedParts returns the parts of the contracts in which they differ; nil for none.
func restatedParts(was, is map[ledger.InstrumentKey][]risk.StrategyPart) map[ledger.InstrumentKey][]risk.StrategyPart {
	same := func(a, b risk.StrategyPart) bool { return a.Strategy == b.Strategy && a.Quantity.Equal(b.Quantity) }
	parts := map[ledger.InstrumentKey][]risk.StrategyPart{}
	for _, all := range []map[ledger.InstrumentKey][]risk.StrategyPart{was, is} {
		for key := range all {
			if !slices.EqualFunc(was[key], is[key], same) {
				parts[key] = wire.List(is[key])
			}
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return parts
}

// counts returns what the memory counts from trades, with the executions of the day.
func (r *memory) counts(day ledger.Date) *risk.Counts {
	c := &risk.Counts{Day: day, Opened: r.opened, Sales: r.sales}
	for _, d := range r.trades {
		c.DayTrades = append(c.DayTrades, risk.DayTradeCount{Date: d.Date, N: d.Day})
	}
	if r.day.Day > 0 {
		c.DayTrades = append(c.DayTrades, risk.DayTradeCount{Date: r.day.Date, N: r.day.Day})
	}
	if r.day.Date == day {
		c.Trades = r.day.Trades
	}
	return c
}

// restate folds a restatement in.
func (r *memory) restate(s *risk.Restatement) (touched []ledger.InstrumentKey) {
	for i := range s.Orders {
		o := &s.Orders[i]
		w := r.orders[o.ID]
		if w == nil { // it was filled whole, and is not any longer
			w = &working{Order: &o.Order, heldAt: o.HeldAt, key: o.Instrument.Key()}
			r.orders[o.ID] = w
			list := r.working[w.key]
			at := slices.IndexFunc(list, func(x *working) bool { return x.heldAt.After(w.heldAt) })
			if at < 0 {
				at = len(list)
			}
			r.working[w.key] = slices.Insert(list, at, w)
		}
		w.filled = o.Filled
		touched = append(touched, w.key)
	}
	for _, id := range s.Done {
		if w := r.orders[id]; w != nil {
			touched = append(touched, w.key)
			r.drop(w)
		}
	}
	for key, parts := range s.Parts {
		touched = append(touched, key)
		if len(parts) == 0 {
			delete(r.tags, key)
		} else {
			r.tags[key] = slices.Clone(parts)
		}
	}
	if c := s.Counts; c != nil {
		r.recount(c)
	}
	return touched
}

// recount takes the counts over.
func (r *memory) recount(c *risk.Counts) {
	r.trades, r.sales, r.opened = nil, slices.Clone(c.Sales), map[ledger.InstrumentKey]ledger.Date{}
	maps.Copy(r.opened, c.Opened)
	if r.day.Date == c.Day {
		r.day.Trades, r.day.Day = c.Trades, 0
	}
	for _, d := range c.DayTrades {
		if d.Date == r.day.Date {
			r.day.Day = d.N
		} else {
			r.trades = append(r.trades, dayCount{Date: d.Date, Day: d.N})
		}
	}
}
