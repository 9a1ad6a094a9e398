package httpapi

import "github.com/ai-ots/accounts"

// aliasRoutes are calls under the names that AI-OTS's callers know. The account is explicit, as it
// is everywhere.
var aliasRoutes = []route{
	{method: "GET", path: "/accounts", id: "listAccounts", tag: "aliases", right: Read, old: "GET /profiles",
		text: "List profiles.", params: profileRoutes[0].params, action: just(listProfiles)},
	{method: "GET", path: "/accounts/status", id: "getAccountStatus", tag: "aliases", right: Read, old: "GET /profiles/{id}/link",
		text: "Read how the accounts of a page of profiles stand at the broker.", params: profileRoutes[0].params, action: just(listLinks)},
	{method: "POST", path: "/accounts/{id}/switch", id: "switchAccount", tag: "aliases", right: Trade, old: "PUT /active-profile",
		text: "Prefer a profile.", params: []param{profileParam}, action: just(switchAccount), codes: []Code{CodeNotActive, CodeNoCredentials, CodeSwitchFailed}},
	{method: "GET", path: "/portfolios/{id}", id: "getPortfolio", tag: "aliases", right: Read, old: "GET /profiles/{id}/snapshot",
		text: "Read everything about an account at one moment.", params: []param{profileParam}, action: just(getSnapshot)},
	{method: "GET", path: "/portfolios/account/{account}", id: "getPortfolioByAccount", tag: "aliases", right: Read,
		old: "GET /profiles?ibkr_account_id=… and GET /profiles/{id}/snapshot", text: "Read everything about the account with this id at the broker.",
		params: []param{{name: "account", in: "path", needed: true, text: "The broker's id of the account.", schema: schema{Type: types{"string"}, MinLength: 1, MaxLength: 50}}},
		action: just(getByAccount), codes: []Code{CodeProfileNotFound, CodeAmbiguous, CodeCorrupt}},
}

type linkList struct {
	Links      []linkView `json:"links"`
	NextCursor string     `json:"next_cursor,omitempty"`
}

func listLinks(c *call) (*linkList, error) {
	page, err := listProfiles(c)
	if err != nil {
		return nil, err
	}
	out := &linkList{Links: []linkView{}, NextCursor: page.NextCursor}
	for _, p := range page.Profiles {
		out.Links = append(out.Links, *c.viewLink(&p))
	}
	return out, nil
}

func switchAccount(c *call) (*accounts.AccountProfile, error) {
	return setActive(c, &activeChoice{c.profileID()})
}

func getByAccount(c *call) (*accounts.Snapshot, error) {
	profile, err := c.api.Manager.ProfileByAccount(c.ctx, c.query("account"))
	if err != nil {
		return nil, err
	}
	p, err := c.api.Manager.Portfolio(c.ctx, profile.ID)
	if err != nil {
		return nil, err
	}
	s := p.Snapshot()
	return &s, nil
}
