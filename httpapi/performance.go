package httpapi

import (
	"strconv"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
)

// windowParams are the parameters of a span of time that performance is measured in.
var windowParams = []param{
	{name: "from", in: "query", text: "The beginning of the window; that of the journal if left out.", schema: schema{Type: types{"string"}, Format: formatTime}},
	{name: "to", in: "query", text: "The end of the window; now if left out.", schema: schema{Type: types{"string"}, Format: formatTime}},
	{name: "periods_per_year", in: "query", text: "How many returns make a year; found from the equity points if left out.",
		schema: schema{Type: types{"number"}, Minimum: bound(0), Maximum: bound(1e6)}},
}

var performanceRoutes = []route{
	{method: "GET", path: "/profiles/{id}/performance", id: "getPerformance", tag: "performance", right: Read,
		text: "Measure how an account did. A figure that is not defined is left out.", params: append([]param{profileParam}, windowParams...), action: just(getPerformance)},
	{method: "GET", path: "/comparison", id: "compareProfiles", tag: "performance", right: Read,
		text: "Set accounts side by side.", codes: []Code{CodeProfileNotFound},
		params: append([]param{{name: "profiles", in: "query", many: true, text: "These profiles, in this order; all that are not archived if left out.",
			schema: schema{Type: types{"string"}, MinLength: 1, MaxLength: 50}}}, windowParams...), action: just(compare)},
}

// window returns the window of the parameters.
func (c *call) window() performance.Window {
	w := performance.Window{From: c.time("from"), To: c.time("to")}
	w.PeriodsPerYear, _ = strconv.ParseFloat(c.query("periods_per_year"), 64)
	return w
}

func getPerformance(c *call) (*performance.Report, error) {
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	report, err := p.Performance(c.ctx, c.window())
	if err != nil {
		return nil, err
	}
	return &report, nil
}

// comparison is the performance of several profiles.
type comparison struct {
	Window      performance.Window       `json:"window"`
	Standings   []standing               `json:"standings"`
	Definitions []performance.Definition `json:"definitions" doc:"What the figures are, in the order of a table."`
}

// standing is one profile in a comparison.
type standing struct {
	ProfileID     accounts.ProfileID     `json:"profile_id"`
	Name          string                 `json:"name"`
	CapitalLevel  accounts.CapitalLevel  `json:"capital_level"`
	RiskTolerance accounts.RiskTolerance `json:"risk_tolerance,omitempty"`
	BaseCurrency  ledger.Currency        `json:"base_currency"`
	Performance   *performance.Report    `json:"performance,omitempty"`
	Problem       *Problem               `json:"problem,omitempty" doc:"Why the performance is not known."`
}

func compare(c *call) (*comparison, error) {
	var ids []accounts.ProfileID
	for _, id := range c.values["profiles"] {
		if !nameable(id) {
			return nil, newProblem(CodeProfileNotFound, "")
		}
		ids = append(ids, accounts.ProfileID(id))
	}
	result, err := c.api.Manager.Compare(c.ctx, c.window(), ids...)
	if err != nil {
		return nil, err
	}
	out := &comparison{Window: result.Window, Standings: []standing{}, Definitions: clone(result.Definitions)}
	for _, s := range result.Standings {
		row := standing{ProfileID: s.ProfileID, Name: s.Name, CapitalLevel: s.CapitalLevel, RiskTolerance: s.RiskTolerance, BaseCurrency: s.BaseCurrency}
		if row.Problem = c.part(s.Err); row.Problem == nil {
			row.Performance = &s.Performance
		}
		out.Standings = append(out.Standings, row)
	}
	return out, nil
}

// part returns the problem of a part of an answer, and logs what is broken; nil for no error.
func (c *call) part(err error) *Problem {
	if err == nil {
		return nil
	}
	p, log := problemOf(err, c.route.action.in)
	if log {
		c.api.Logger.ErrorContext(c.ctx, "a part of a request failed", "request_id", requestID(c.r), "route", c.r.Pattern, "code", string(p.Code), "err", err)
	}
	p.RequestID = requestID(c.r)
	return p
}
