package httpapi

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

const sampleReason = `{"reason":"news about XYZ"}`

var tradingRoutes = []route{
	{method: "POST", path: "/profiles/{id}/halt", id: "haltProfile", tag: "trading", right: Halt,
		text:   "Halt trading: no order is accepted, and the orders that were sent are cancelled.",
		more:   "The halt is durable before anything else is done. `working` are the orders that may still fill when the call answers. Halting again changes nothing.",
		params: []param{profileParam}, action: with(haltProfile), sample: sampleReason},
	{method: "POST", path: "/profiles/{id}/reduce", id: "reduceProfile", tag: "trading", right: Halt,
		text:   "Accept only orders that make positions smaller, after a halt too.",
		params: []param{profileParam}, action: with(reduceProfile), sample: sampleReason},
	{method: "POST", path: "/profiles/{id}/resume", id: "resumeProfile", tag: "trading", right: Resume,
		text:   "Accept orders again. Losses that stopped trading are counted anew.",
		params: []param{profileParam}, action: with(resumeProfile), sample: sampleReason, codes: []Code{CodeEquityUnknown}},
	{method: "POST", path: "/halt", id: "haltAll", tag: "trading", right: Halt,
		text: "Halt trading in every profile of the caller's that is not archived.", action: with(haltAll), sample: sampleReason},
}

// reasonText is the reason that a person gives, for the journal.
type reasonText string

func (reasonText) describe(*reflector) *schema {
	return &schema{Type: types{"string"}, MinLength: 1, MaxLength: risk.MaxReason, Pattern: `^[^\x00-\x1f\x7f]+$`,
		Description: "Why, for those who look later; in the journal for ever."}
}

type reasonRequest struct {
	Reason reasonText `json:"reason"`
}

// stateView is the trading state of a profile.
type stateView struct {
	ProfileID accounts.ProfileID `json:"profile_id"`
	State     risk.TradingState  `json:"state"`
	Cause     risk.Rule          `json:"cause,omitempty" doc:"The rule that stopped trading; absent for a person's decision."`
	Reason    string             `json:"reason,omitempty"`
	Since     time.Time          `json:"since,omitzero"`
	Working   []ledger.OrderID   `json:"working" doc:"The orders that may still fill."`
	Known     bool               `json:"known" doc:"Whether it is known what works at the broker. If not, look again."`
}

// viewState returns the trading state of a portfolio.
func viewState(p *accounts.Portfolio) *stateView {
	s := p.Snapshot().Risk
	out := &stateView{p.ProfileID(), s.State, s.Cause, s.Reason, s.Since, []ledger.OrderID{}, true}
	for _, w := range s.Orders {
		if !w.SentAt.IsZero() {
			out.Working = append(out.Working, w.ID)
		}
	}
	return out
}

func haltProfile(c *call, in *reasonRequest) (*stateView, error) {
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	if err := risk.CheckReason(string(in.Reason)); err != nil {
		return nil, err
	}
	wait := c.cancelAll(string(in.Reason), p.ProfileID())
	err = p.Halt(c.ctx, string(in.Reason))
	halted := wait()
	if err != nil {
		return nil, err
	}
	out := viewState(p)
	halted.tell(out)
	return out, nil
}

// cancelled is what engines said of orders that they were to cancel.
type cancelled struct {
	mu   sync.Mutex
	rows map[accounts.ProfileID][]broker.Halted // nil of a profile of which they told nothing
}

// tell puts into the state of a profile what may still fill, and whether that is known.
func (k *cancelled) tell(out *stateView) {
	rows, asked := k.rows[out.ProfileID]
	if !asked {
		return
	}
	out.Known = len(rows) > 0 && !slices.ContainsFunc(rows, func(r broker.Halted) bool { return r.Problem != nil || r.Err != nil })
	for _, row := range rows {
		out.Working = clone(row.Working)
	}
}

// cancelAll has the engines that work profiles halt them and cancel their orders, for at most half
// of the request's time: so the answer still tells what works. It goes on while the caller halts,
// and wait returns what came of it: orders are cancelled even where the halts are not written, or
// not soon. Each profile is asked for alone, as an engine refuses all where it does not know one.
func (c *call) cancelAll(reason string, ids ...accounts.ProfileID) (wait func() *cancelled) {
	out := &cancelled{rows: map[accounts.ProfileID][]broker.Halted{}}
	var group sync.WaitGroup
	for _, id := range ids {
		engine := c.api.Engine(id)
		if engine == nil {
			continue
		}
		group.Go(func() {
			ctx, cancel := context.WithTimeout(c.ctx, c.api.Timeout/2)
			defer cancel()
			rows, err := engine.Halt(ctx, reason, id)
			if err != nil {
				c.api.Logger.WarnContext(c.ctx, "orders may work after a halt", "request_id", requestID(c.r), "profile", string(id), "err", err)
			}
			out.mu.Lock()
			defer out.mu.Unlock()
			out.rows[id] = rows
		})
	}
	return func() *cancelled { group.Wait(); return out }
}

func reduceProfile(c *call, in *reasonRequest) (*stateView, error) {
	return c.change((*accounts.Portfolio).Reduce, in)
}

func resumeProfile(c *call, in *reasonRequest) (*stateView, error) {
	return c.change((*accounts.Portfolio).Resume, in)
}

// change changes the trading state of the path's profile.
func (c *call) change(to func(*accounts.Portfolio, context.Context, string) error, in *reasonRequest) (*stateView, error) {
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	if err := to(p, c.ctx, string(in.Reason)); err != nil {
		return nil, err
	}
	return viewState(p), nil
}

// haltReport is the outcome of halting everything.
type haltReport struct {
	Profiles []stateView `json:"profiles"`
}

func haltAll(c *call, in *reasonRequest) (*haltReport, error) {
	if err := risk.CheckReason(string(in.Reason)); err != nil {
		return nil, err
	}
	ids, err := c.api.Manager.OpenProfiles(c.ctx) // those that trade through this process
	if err != nil {
		return nil, err
	}
	wait := c.cancelAll(string(in.Reason), ids...)
	err = c.api.Manager.HaltAll(c.ctx, string(in.Reason))
	halted := wait()
	list, listErr := c.api.Manager.ListProfiles(c.ctx, accounts.ProfileFilter{
		Statuses: []accounts.ProfileStatus{accounts.StatusActive, accounts.StatusInactive, accounts.StatusSuspended}})
	if err = errors.Join(err, listErr); err != nil {
		problem, _ := problemOf(err, nil)
		problem.Detail = "Some profiles may not be halted. Send the request again at once."
		c.api.Logger.ErrorContext(c.ctx, "not every profile was halted", "request_id", requestID(c.r), "err", err)
		return nil, problem
	}
	out := &haltReport{Profiles: []stateView{}}
	for _, profile := range list {
		p, err := c.api.Manager.Portfolio(c.ctx, profile.ID)
		if err != nil {
			return nil, err
		}
		view := viewState(p)
		halted.tell(view)
		out.Profiles = append(out.Profiles, *view)
	}
	slices.SortFunc(out.Profiles, func(a, b stateView) int { return strings.Compare(string(a.ProfileID), string(b.ProfileID)) })
	return out, nil
}
