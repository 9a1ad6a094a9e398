package httpapi

import (
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

var portfolioRoutes = []route{
	{method: "GET", path: "/profiles/{id}/snapshot", id: "getSnapshot", tag: "portfolio", right: Read,
		text: "Read everything about an account at one moment.", params: []param{profileParam}, action: just(getSnapshot)},
	{method: "GET", path: "/profiles/{id}/positions", id: "listPositions", tag: "portfolio", right: Read,
		text:   "List what an account holds, by the keys of the contracts.",
		params: paging(param{name: "closed", in: "query", text: "List what was held instead, and is flat now.", schema: schema{Type: types{"boolean"}}}),
		action: just(listPositions)},
	{method: "GET", path: "/profiles/{id}/positions/{position}", id: "getPosition", tag: "portfolio", right: Read,
		text: "Read the position in one contract, with its lots.",
		params: []param{profileParam, {name: "position", in: "path", needed: true, text: "The key of the contract, such as `STK:XYZ:USD`.",
			schema: schema{Type: types{"string"}, MinLength: 1, MaxLength: 200}}},
		action: just(getPosition), codes: []Code{CodePositionNotFound}},
	{method: "GET", path: "/profiles/{id}/risk", id: "getRisk", tag: "portfolio", right: Read,
		text: "Read where an account stands against its limits.", params: []param{profileParam}, action: just(getRisk)},
	{method: "GET", path: "/profiles/{id}/limits", id: "getLimits", tag: "portfolio", right: Read,
		text: "Read the limits of a profile.", params: []param{profileParam}, action: just(getLimits)},
	{method: "PUT", path: "/profiles/{id}/limits", id: "setLimits", tag: "portfolio", right: Administer,
		text: "Replace the limits of a profile.", params: []param{profileParam, matchParam}, action: with(setLimits), codes: []Code{CodeNotActive},
		sample: sampleLimits},
}

const sampleLimits = `{"account":"margin","sec_types":["STK","OPT"],"price_collar":"0.05","option_collar":"0.5","mark_age":"5m","rate_age":"24h",
"position_size":{"fraction":"0.2"},"leverage":"2","futures_margin":"0.15","daily_loss":{"fraction":"0.03"},
"drawdown":{"warning":"0.05","moderate":"0.1","severe":"0.15","critical":"0.2"},"warn_at":"0.8"}`

func getSnapshot(c *call) (*accounts.Snapshot, error) {
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	s := p.Snapshot()
	return &s, nil
}

type positionList struct {
	Positions  []ledger.PositionValue `json:"positions"`
	NextCursor string                 `json:"next_cursor,omitempty"`
}

func listPositions(c *call) (*positionList, error) {
	after, err := c.after("positions")
	if err != nil {
		return nil, err
	}
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	s := p.Snapshot()
	list := s.Open
	if c.flag("closed") {
		list = make([]ledger.PositionValue, len(s.Closed))
		for i, closed := range s.Closed {
			list[i].Position = closed
		}
	}
	out := &positionList{Positions: []ledger.PositionValue{}}
	for _, v := range list {
		key := string(v.Instrument.Key())
		if key <= after {
			continue
		}
		if len(out.Positions) == c.limit() {
			out.NextCursor = cursor("positions", string(out.Positions[len(out.Positions)-1].Instrument.Key()))
			break
		}
		out.Positions = append(out.Positions, v)
	}
	return out, nil
}

func getPosition(c *call) (*ledger.PositionValue, error) {
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	key := ledger.InstrumentKey(c.query("position"))
	for _, v := range p.Snapshot().Open {
		if v.Instrument.Key() == key {
			return &v, nil
		}
	}
	if flat, held := p.Position(key); held {
		return &ledger.PositionValue{Position: flat}, nil
	}
	return nil, newProblem(CodePositionNotFound, "")
}

// riskView is where an account stands.
type riskView struct {
	Seq          int64                  `json:"seq" doc:"The last entry of the journal that is in it."`
	BaseCurrency ledger.Currency        `json:"base_currency"`
	Equity       ledger.Decimal         `json:"equity"`
	Missing      *accounts.MissingError `json:"missing,omitempty" doc:"What equity lacks. Without these marks and rates it means nothing."`
	Report       risk.Report            `json:"report"`
}

func getRisk(c *call) (*riskView, error) {
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	s := p.Snapshot()
	return &riskView{s.Seq, s.BaseCurrency, s.Equity, s.Missing, s.Risk}, nil
}

// limitsView are the limits of a profile.
type limitsView struct {
	Version int64       `json:"version" doc:"The version of the profile."`
	Own     bool        `json:"own" doc:"Whether the profile has limits of its own, or those that its capital level and risk tolerance give."`
	Limits  risk.Limits `json:"limits"`
	Changed time.Time   `json:"changed,omitzero" doc:"When the profile was changed last."`
}

func viewLimits(p *accounts.AccountProfile) *limitsView {
	return &limitsView{p.Version, p.Limits != nil, p.EffectiveLimits(), p.UpdatedAt}
}

func getLimits(c *call) (*limitsView, error) {
	p, err := getProfile(c)
	if err != nil {
		return nil, err
	}
	return viewLimits(p), nil
}

func setLimits(c *call, in *risk.Limits) (*limitsView, error) {
	p, err := c.matched()
	if err != nil {
		return nil, err
	}
	p.Limits = in
	updated, err := c.update(p)
	if err != nil {
		return nil, err
	}
	return viewLimits(updated), nil
}
