package exposure

import (
	"cmp"
	"maps"
	"slices"

	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Refold folds a journal again with every change of history in its place: the book as
// [ledger.Refold] does, and with it what the account counts from facts, namely the fills of orders,
// the strategies' parts, day trades and sales. What follows from history is thus restated together.
//
// A trade fills the order that it names if the order works at the trade's place in the journal, as
// it does when the trade is recorded. All else is counted in the effective order of the facts.
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

// ResumeRefold prepares to fold the rest of a journal again behind an account, the fold of its
// entries up to and including entry upTo; for 0, a new account. The rest is as for
// [ledger.ResumeRefold]. The Refold takes the account over.
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
		r.account.decided(p, seq)
		if _, ok := p.(*risk.PolicyChange); ok {
			r.policies = append(r.policies, placedPolicy{seq, memory.policy})
		}
	}
}

// inForce returns the trade in force at the place of an entry that first recorded a trade; nil if
// there is none.
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
		r.account.counted(p, place)
	}
}

// use puts a policy in force, whichever version the policy has.
func (r *memory) use(p *Policy) {
	if r.policy != p {
		r.policy, r.today = p, dayRange{}
	}
}

// Follow folds an entry in that was recorded after the account was folded again. It reports false,
// and changes nothing, if the entry changes history: then the journal must be folded again.
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
	was.restatedCounts(is, r)
	return r
}

// restatedParts returns the parts of the contracts in which they differ; nil for none.
func restatedParts(was, is map[ledger.InstrumentKey][]risk.StrategyPart) map[ledger.InstrumentKey][]risk.StrategyPart {
	same := func(a, b risk.StrategyPart) bool { return a.Strategy == b.Strategy && a.Quantity.Equal(b.Quantity) }
	parts := map[ledger.InstrumentKey][]risk.StrategyPart{}
	for _, all := range []map[ledger.InstrumentKey][]risk.StrategyPart{was, is} {
		for key := range all {
			if !slices.EqualFunc(was[key], is[key], same) {
				parts[key] = wire.List(slices.Clone(is[key]))
			}
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return parts
}

// restatedCounts notes what differs in what is counted from trades.
func (r *memory) restatedCounts(is *memory, out *risk.Restatement) {
	trades := 0
	if is.day.Date == r.day.Date {
		trades = is.day.Trades
	}
	if trades != r.day.Trades {
		out.Trades = &trades
	}
	days := is.dayTrades()
	for d, n := range r.dayTrades() {
		if days[d] == n {
			delete(days, d)
		} else {
			days[d] += 0 // a day that has none any longer
		}
	}
	for _, d := range slices.Sorted(maps.Keys(days)) {
		out.DayTrades = append(out.DayTrades, risk.DayTradeCount{Date: d, N: days[d]})
	}
	opened := is.opened.days()
	for key, d := range r.opened.days() {
		if opened[key] == d {
			delete(opened, key)
		} else {
			opened[key] += 0 // it was opened on no day that is kept
		}
	}
	if len(opened) > 0 {
		out.Opened = opened
	}
	type sold struct {
		date     ledger.Date
		currency ledger.Currency
	}
	sales := map[sold]ledger.Decimal{}
	for _, s := range r.sales {
		sales[sold{s.Date, s.Currency}] = s.Amount
	}
	for _, s := range is.sales {
		if !sales[sold{s.Date, s.Currency}].Equal(s.Amount) {
			out.Sales = append(out.Sales, s)
		}
		delete(sales, sold{s.Date, s.Currency})
	}
	for s := range sales {
		out.Sales = append(out.Sales, risk.Sale{Date: s.date, Currency: s.currency})
	}
	slices.SortFunc(out.Sales, compareSales)
}

// dayTrades returns the numbers of day trades by day.
func (r *memory) dayTrades() map[ledger.Date]int {
	days := map[ledger.Date]int{}
	for _, d := range r.trades {
		days[d.Date] = d.Day
	}
	if r.day.Day > 0 {
		days[r.day.Date] = r.day.Day
	}
	return days
}

// restate folds a restatement in.
func (r *memory) restate(s *risk.Restatement) (touched []ledger.InstrumentKey) {
	for i := range s.Orders {
		o := &s.Orders[i]
		w := r.orders[o.ID]
		if w == nil { // it was filled whole, and is not any longer
			w = workingOf(o)
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
	if s.Trades != nil {
		r.day.Trades = *s.Trades
	}
	for _, d := range s.DayTrades {
		r.setDayTrades(d.Date, d.N)
	}
	for key, d := range s.Opened {
		*r.opened.of(key) = d
	}
	for _, x := range s.Sales {
		r.setSale(x)
	}
	return touched
}

// setDayTrades sets the number of day trades of a day.
func (r *memory) setDayTrades(d ledger.Date, n int) {
	if d == r.day.Date {
		r.day.Day = n
		return
	}
	r.trades = slices.DeleteFunc(r.trades, func(c dayCount) bool { return c.Date == d })
	r.addDayTrades(d, n)
}

// setSale sets the proceeds of a day in a currency.
func (r *memory) setSale(s risk.Sale) {
	r.sales = slices.DeleteFunc(r.sales, func(x risk.Sale) bool { return compareSales(x, s) == 0 })
	if !s.Amount.IsZero() {
		r.sold(s.Date, s.Currency, s.Amount)
	}
}
