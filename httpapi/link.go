package httpapi

import (
	"errors"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

var linkRoutes = []route{
	{method: "GET", path: "/profiles/{id}/link", id: "getLink", tag: "link", right: Read,
		text: "Read how a profile's account stands at the broker.", params: []param{profileParam}, action: just(getLink)},
	{method: "GET", path: "/profiles/{id}/link/candidates", id: "listCandidates", tag: "link", right: Administer,
		text: "List the accounts that the profile's login sees, but those of other owners' profiles.", params: []param{profileParam}, action: just(listCandidates), codes: brokerCodes},
}

// linkView says how a profile's account stands at the broker.
type linkView struct {
	ProfileID accounts.ProfileID  `json:"profile_id"`
	Account   broker.AccountID    `json:"account"`
	Linked    bool                `json:"linked" doc:"A connection works the account. If not, nothing else is known."`
	Works     bool                `json:"works" doc:"This process works the connection; another may."`
	Session   broker.SessionState `json:"session,omitempty"`
	Ready     bool                `json:"ready" doc:"The book is in step with the broker: orders are sent."`
	SyncedAt  time.Time           `json:"synced_at,omitzero"`
	Questions []ledger.OrderID    `json:"questions" doc:"Orders of which it is not known what the broker has made of them."`
	Breaks    []reconcile.Break   `json:"breaks" doc:"Differences of positions, seen twice in a row."`
	External  []broker.Order      `json:"external" doc:"Orders that work at the broker and were not placed here."`
}

func getLink(c *call) (*linkView, error) {
	p, err := c.profile()
	if err != nil {
		return nil, err
	}
	return c.viewLink(&p), nil
}

// viewLink returns what the engine says of a profile's account.
func (c *call) viewLink(p *accounts.AccountProfile) *linkView {
	out := &linkView{ProfileID: p.ID, Account: broker.AccountID(p.IBKRAccountID),
		Questions: []ledger.OrderID{}, Breaks: []reconcile.Break{}, External: []broker.Order{}}
	engine := c.api.Engine(p.ID)
	if engine == nil {
		return out
	}
	status := c.engineStatus(engine)
	for _, a := range status.Accounts {
		if a.Profile != p.ID {
			continue
		}
		out.Linked, out.Works, out.Session = true, status.Works, status.Session.Session
		out.Account, out.Ready, out.SyncedAt = a.Account, a.Ready, a.SyncedAt
		out.Questions, out.Breaks, out.External = clone(a.Questions), clone(a.Breaks), clone(a.External)
	}
	return out
}

// engineStatus returns how an engine stands, as of the first time that the call asks.
func (c *call) engineStatus(e Engine) broker.EngineStatus {
	status, known := c.statuses[e]
	if !known {
		status = e.Status()
		if c.statuses == nil {
			c.statuses = map[Engine]broker.EngineStatus{}
		}
		c.statuses[e] = status
	}
	return status
}

type candidateList struct {
	Candidates []broker.Candidate `json:"candidates"`
}

func listCandidates(c *call) (*candidateList, error) {
	p, err := c.profile()
	if err != nil {
		return nil, err
	}
	engine := c.api.Engine(p.ID)
	if engine == nil {
		return nil, newProblem(CodeNotLinked, "No connection works the profile's account.")
	}
	list, err := engine.Discover(c.ctx)
	if err != nil {
		return nil, err
	}
	out := &candidateList{Candidates: []broker.Candidate{}}
	for _, candidate := range list {
		if candidate.Profile != "" {
			_, err := c.api.Manager.Profile(c.ctx, candidate.Profile)
			if errors.Is(err, accounts.ErrProfileNotFound) {
				continue // another owner's
			}
			if err != nil {
				return nil, err
			}
		}
		out.Candidates = append(out.Candidates, candidate)
	}
	return out, nil
}
