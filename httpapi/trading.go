package httpapi

import (
	"context"
	"errors"
	"slices"
	"strings"
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
	err = p.Halt(c.ctx, string(in.Reason))
	if errors.Is(err, accounts.ErrInvalid) {
		return nil, err
	}
	var rows []broker.Halted
	known := true
	if engine := c.api.Engine(p.ProfileID()); engine != nil { // orders are cancelled even where the halt was not written
		rows, known = c.cancelAll(engine, string(in.Reason), p.ProfileID())
	}
	if err != nil {
		return nil, err
	}
	out := viewState(p)
	out.Known = known
	for _, row := range rows {
		out.Working = row.Working
	}
	return out, nil
}

// cancelAll has an engine halt profiles and cancel their orders, for at most half of the request's
// time: so the answer still tells what works. It reports whether that is known.
func (c *call) cancelAll(engine Engine, reason string, ids ...accounts.ProfileID) ([]broker.Halted, bool) {
	ctx, cancel := context.WithTimeout(c.ctx, c.api.Timeout/2)
	defer cancel()
	rows, err := engine.Halt(ctx, reason, ids...)
	if err != nil {
		c.api.Logger.WarnContext(c.ctx, "orders may work after a halt", "request_id", requestID(c.r), "err", err)
	}
	known := err == nil && !slices.ContainsFunc(rows, func(r broker.Halted) bool { return r.Problem != nil || r.Err != nil })
	for i := range rows {
		rows[i].Working = clone(rows[i].Working)
	}
	return rows, known
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
	err := c.api.Manager.HaltAll(c.ctx, string(in.Reason))
	if errors.Is(err, accounts.ErrInvalid) {
		return nil, err
	}
	list, listErr := c.api.Manager.ListProfiles(c.ctx, accounts.ProfileFilter{
		Statuses: []accounts.ProfileStatus{accounts.StatusActive, accounts.StatusInactive, accounts.StatusSuspended}})
	engines := map[Engine][]accounts.ProfileID{}
	for _, p := range list {
		if e := c.api.Engine(p.ID); e != nil {
			engines[e] = append(engines[e], p.ID)
		}
	}
	rows, unknown := map[accounts.ProfileID]broker.Halted{}, map[accounts.ProfileID]bool{}
	for e, ids := range engines {
		halted, known := c.cancelAll(e, string(in.Reason), ids...)
		for _, row := range halted {
			rows[row.Profile] = row
		}
		for _, id := range ids {
			unknown[id] = !known
		}
	}
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
		if row, ok := rows[profile.ID]; ok {
			view.Working = row.Working
		}
		view.Known = !unknown[profile.ID]
		out.Profiles = append(out.Profiles, *view)
	}
	slices.SortFunc(out.Profiles, func(a, b stateView) int { return strings.Compare(string(a.ProfileID), string(b.ProfileID)) })
	return out, nil
}
