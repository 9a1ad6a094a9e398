package httpapi

import (
	"cmp"
	"slices"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

var historyRoutes = []route{
	{method: "GET", path: "/profiles/{id}/trades", id: "listTrades", tag: "history", right: Read,
		text:   "List the trades in force, in the order in which they were recorded.",
		params: paging(fromParam, toParam, instrumentParam), action: just(listTrades)},
	{method: "GET", path: "/profiles/{id}/closings", id: "listClosings", tag: "history", right: Read,
		text:   "List what trades closed, with the realized P&L, in the order in which lots were matched.",
		params: paging(fromParam, toParam, instrumentParam), action: just(listClosings)},
	{method: "GET", path: "/profiles/{id}/equity", id: "listEquity", tag: "history", right: Read,
		text:   "List the equity points, in the order in which they were recorded.",
		params: paging(fromParam, toParam), action: just(listEquity)},
	{method: "GET", path: "/profiles/{id}/activity", id: "listActivity", tag: "history", right: Read,
		text: "List what happened: facts, decisions, and accesses to credentials.",
		params: paging(
			param{name: "kind", in: "query", many: true, text: "Only these kinds.", schema: schema{Type: types{"string"}, Enum: activityKinds}},
			param{name: "order", in: "query", text: "The newest first (the default), or the oldest.",
				schema: schema{Type: types{"string"}, Enum: []string{"newest", "oldest"}, Default: "newest"}}),
		action: just(listActivity)},
}

// filter returns what the parameters select.
func (c *call) filter(list string) (f accounts.TradeFilter, err error) {
	f = accounts.TradeFilter{From: c.time("from"), To: c.time("to")}
	for _, key := range c.values["instrument"] {
		f.Instruments = append(f.Instruments, ledger.InstrumentKey(key))
	}
	f.Page.Limit = c.limit() + 1
	f.Page.After, err = c.afterSeq(list)
	return f, err
}

type tradeList struct {
	Trades     []accounts.Recorded[ledger.Trade] `json:"trades"`
	NextCursor string                            `json:"next_cursor,omitempty"`
}

func listTrades(c *call) (*tradeList, error) {
	f, err := c.filter("trades")
	if err != nil {
		return nil, err
	}
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	var list []accounts.Recorded[ledger.Trade]
	for t, err := range p.Trades(c.ctx, f) {
		if err != nil {
			return nil, err
		}
		list = append(list, t)
	}
	page, more := cut(list, c.limit())
	out := &tradeList{Trades: clone(page)}
	if more {
		out.NextCursor = seqCursor("trades", page[len(page)-1].Seq)
	}
	return out, nil
}

type closingList struct {
	Closings   []accounts.Recorded[ledger.Closing] `json:"closings"`
	NextCursor string                              `json:"next_cursor,omitempty"`
}

func listClosings(c *call) (*closingList, error) {
	f, err := c.filter("closings")
	if err != nil {
		return nil, err
	}
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	list, err := p.Closings(c.ctx, f)
	if err != nil {
		return nil, err
	}
	page, more := cut(list, c.limit())
	out := &closingList{Closings: clone(page)}
	if more {
		out.NextCursor = seqCursor("closings", page[len(page)-1].Seq)
	}
	return out, nil
}

type equityList struct {
	Equity     []accounts.Recorded[ledger.EquityPoint] `json:"equity"`
	NextCursor string                                  `json:"next_cursor,omitempty"`
}

func listEquity(c *call) (*equityList, error) {
	f, err := c.filter("equity")
	if err != nil {
		return nil, err
	}
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	out := &equityList{Equity: []accounts.Recorded[ledger.EquityPoint]{}}
	for e, err := range p.Facts(c.ctx, accounts.Page{After: f.Page.After}) {
		if err != nil {
			return nil, err
		}
		point, ok := value[ledger.EquityPoint](e.Value)
		if !ok || !f.From.IsZero() && point.Time.Before(f.From) || !f.To.IsZero() && !point.Time.Before(f.To) {
			continue
		}
		if len(out.Equity) == c.limit() {
			out.NextCursor = seqCursor("equity", out.Equity[len(out.Equity)-1].Seq)
			break
		}
		out.Equity = append(out.Equity, accounts.Recorded[ledger.EquityPoint]{Seq: e.Seq, Kind: e.Kind, Time: e.Time, Value: point})
	}
	return out, nil
}

// value returns a fact of a type, whether it is there as a value or as a pointer.
func value[T any](f any) (t T, ok bool) {
	switch f := f.(type) {
	case T:
		return f, true
	case *T:
		return *f, true
	}
	return t, false
}

// activityItem is one thing that happened. The field that its kind names is there.
type activityItem struct {
	Seq  int64     `json:"seq"`
	Kind string    `json:"kind" doc:"Which of the fields is there. Others may be added."`
	Time time.Time `json:"time" doc:"When it was recorded."`

	Trade        *ledger.Trade              `json:"trade,omitempty"`
	Cash         *ledger.CashMovement       `json:"cash,omitempty"`
	Split        *ledger.Split              `json:"split,omitempty"`
	Opening      *ledger.Opening            `json:"opening,omitempty"`
	Transfer     *ledger.Transfer           `json:"transfer,omitempty"`
	Cancellation *ledger.Cancellation       `json:"cancellation,omitempty"`
	Equity       *ledger.EquityPoint        `json:"equity,omitempty"`
	Hold         *risk.Hold                 `json:"hold,omitempty"`
	Dispatch     *risk.Dispatch             `json:"dispatch,omitempty"`
	Refusal      *risk.Refusal              `json:"refusal,omitempty"`
	Release      *risk.Release              `json:"release,omitempty"`
	Breach       *risk.Breach               `json:"breach,omitempty"`
	State        *risk.StateChange          `json:"state,omitempty"`
	Policy       *risk.PolicyChange         `json:"policy,omitempty"`
	Access       *accounts.CredentialAccess `json:"access,omitempty"`
}

// The kinds of activity: facts, decisions and accesses.
var (
	factKinds     = []string{"trade", "cash", "split", "opening", "transfer", "cancellation", "equity"}
	decisionKinds = []string{"hold", "dispatch", "refusal", "release", "breach", "state", "policy"}
	activityKinds = slices.Concat(factKinds, decisionKinds, []string{"access"})
)

// put sets the field of what happened, and its kind; nothing for what is no activity of an
// account's.
func (a *activityItem) put(v any) {
	switch v := v.(type) {
	case *risk.Hold:
		a.Hold, a.Kind = v, "hold"
	case *risk.Dispatch:
		a.Dispatch, a.Kind = v, "dispatch"
	case *risk.Refusal:
		a.Refusal, a.Kind = v, "refusal"
	case *risk.Release:
		a.Release, a.Kind = v, "release"
	case *risk.Breach:
		a.Breach, a.Kind = v, "breach"
	case *risk.StateChange:
		a.State, a.Kind = v, "state"
	case *risk.PolicyChange:
		a.Policy, a.Kind = v, "policy"
	case accounts.CredentialAccess:
		a.Access, a.Kind = &v, "access"
	default:
		a.putFact(v)
	}
}

// putFact is put for facts.
func (a *activityItem) putFact(f any) {
	set := func(kind string, ok bool) {
		if ok {
			a.Kind = kind
		}
	}
	set("trade", putAs(&a.Trade, f))
	set("cash", putAs(&a.Cash, f))
	set("split", putAs(&a.Split, f))
	set("opening", putAs(&a.Opening, f))
	set("transfer", putAs(&a.Transfer, f))
	set("cancellation", putAs(&a.Cancellation, f))
	set("equity", putAs(&a.Equity, f))
}

// putAs sets a field if the fact is of its type.
func putAs[T any](field **T, f any) bool {
	v, ok := value[T](f)
	if ok {
		*field = &v
	}
	return ok
}

type activityList struct {
	Activity   []activityItem `json:"activity"`
	NextCursor string         `json:"next_cursor,omitempty"`
}

func listActivity(c *call) (*activityList, error) {
	page, next, err := c.activity("activity", c.values["kind"], c.query("order") != "oldest")
	if err != nil {
		return nil, err
	}
	return &activityList{clone(page), next}, nil
}

// activity returns a page of what happened, of all kinds or the given ones.
func (c *call) activity(list string, kinds []string, newest bool) ([]activityItem, string, error) {
	if len(kinds) == 0 {
		kinds = activityKinds
	}
	if newest {
		list += "-newest"
	}
	from, err := c.afterSeq(list)
	if err != nil {
		return nil, "", err
	}
	p, err := c.portfolio()
	if err != nil {
		return nil, "", err
	}
	var found []activityItem
	if newest {
		found, err = c.newest(p, from, kinds)
	} else {
		found, err = c.span(p, from, p.Seq(), kinds, c.limit()+1)
	}
	if err != nil {
		return nil, "", err
	}
	page, more := cut(found, c.limit())
	if !more {
		return page, "", nil
	}
	return page, seqCursor(list, page[len(page)-1].Seq), nil
}

// newest returns a page and one item of what happened before an entry, 0 for the end, the newest
// first. The journal is read in stretches from its end, each four times as long as the one behind
// it.
func (c *call) newest(p *accounts.Portfolio, before int64, kinds []string) ([]activityItem, error) {
	end := p.Seq()
	if before > 0 {
		end = min(end, before-1)
	}
	var out []activityItem
	for length := int64(4*c.limit() + 100); end > 0 && len(out) <= c.limit(); length *= 4 {
		begin := max(0, end-length)
		stretch, err := c.span(p, begin, end, kinds, int(length))
		if err != nil {
			return nil, err
		}
		slices.Reverse(stretch)
		out = append(out, stretch...)
		end = begin
	}
	return out, nil
}

// span returns what happened behind one entry, up to and including another, at most so many.
func (c *call) span(p *accounts.Portfolio, after, upTo int64, kinds []string, most int) ([]activityItem, error) {
	var out []activityItem
	n, failed := 0, error(nil)
	take := func(seq int64, at time.Time, v any, err error) bool {
		if err != nil || seq > upTo {
			failed = err
			return false
		}
		item := activityItem{Seq: seq, Time: at}
		item.put(v)
		if slices.Contains(kinds, item.Kind) {
			out = append(out, item)
			n++
		}
		return n < most
	}
	wanted := func(of []string) bool {
		n = 0
		return failed == nil && slices.ContainsFunc(of, func(k string) bool { return slices.Contains(kinds, k) })
	}
	page := accounts.Page{After: after}
	if wanted(factKinds) {
		p.Facts(c.ctx, page)(func(r accounts.Recorded[ledger.Fact], err error) bool { return take(r.Seq, r.Time, r.Value, err) })
	}
	if wanted(decisionKinds) {
		p.Decisions(c.ctx, page)(func(r accounts.Recorded[risk.Payload], err error) bool { return take(r.Seq, r.Time, r.Value, err) })
	}
	if wanted([]string{"access"}) {
		p.CredentialAccesses(c.ctx, page)(func(r accounts.Recorded[accounts.CredentialAccess], err error) bool {
			return take(r.Seq, r.Time, r.Value, err)
		})
	}
	slices.SortFunc(out, func(a, b activityItem) int { return cmp.Compare(a.Seq, b.Seq) })
	return out[:min(len(out), most)], failed
}
