package cpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// traded is the answer of /iserver/accounts: in which accounts the login may trade.
type traded struct {
	Accounts []string          `json:"accounts"`
	Aliases  map[string]text   `json:"aliases,omitempty"`
	Groups   []string          `json:"groups,omitempty"`
	Profiles []string          `json:"profiles,omitempty"`
	Selected string            `json:"selectedAccount,omitempty"`
	Paper    *boolean          `json:"isPaper,omitempty"`
	Props    map[string]acProp `json:"acctProps,omitempty"`
}

// acProp are the properties of an account.
type acProp struct {
	HasChildren boolean `json:"hasChildAccounts"`
}

func decodeTraded(r *reply) (traded, error) {
	var t traded
	if err := r.decode(&t); err != nil {
		return t, err
	}
	if t.Accounts == nil {
		return t, fmt.Errorf("%s: %w: it has no accounts", r.path, ErrUnreadable)
	}
	return t, nil
}

// viewed is a row of /portfolio/accounts and /portfolio/subaccounts.
type viewed struct {
	ID       string          `json:"id"`
	Account  string          `json:"accountId"`
	Alias    text            `json:"accountAlias,omitempty"`
	Currency ledger.Currency `json:"currency"`
	Type     text            `json:"type,omitempty"`
}

func decodeViewed(r *reply) ([]viewed, error) {
	rows, err := list[viewed](r)
	for i := range rows {
		if rows[i].Account = cmp.Or(rows[i].Account, rows[i].ID); rows[i].Account == "" {
			return nil, fmt.Errorf("%s: %w: an account has no id", r.path, ErrUnreadable)
		}
	}
	return rows, err
}

// Accounts implements [broker.Broker]. An account whose mode the API contradicts itself about, or
// does not tell, has none. Right after a login the API may tell of fewer accounts than there are,
// or of none: that answer is not complete.
func (c *Client) Accounts(ctx context.Context) (broker.Answer[broker.Account], error) {
	if err := c.begin(ctx); err != nil {
		return broker.Answer[broker.Account]{}, err
	}
	asOf := c.now()
	rows, all, err := c.loadAccounts(ctx)
	if err != nil {
		return broker.Answer[broker.Account]{}, c.seen(err)
	}
	return broker.Answer[broker.Account]{List: rows, AsOf: asOf, Complete: all}, nil
}

// loadAccounts asks who may be traded and who may be viewed, which also prepares the session for
// other calls, and remembers the accounts. all says whether they are all.
func (c *Client) loadAccounts(ctx context.Context) (rows []broker.Account, all bool, err error) {
	epoch := c.session()
	if rows, err = c.askAccounts(ctx); err != nil {
		return nil, false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	all = allTold(rows, c.accounts)
	if all || len(c.accounts) == 0 { // what was known is not forgotten for an answer of less
		c.accounts = make(map[broker.AccountID]broker.Account, len(rows))
		for _, a := range rows {
			c.accounts[a.ID] = a
		}
	}
	if c.epoch == epoch { // a session that began meanwhile was told of nothing
		c.prepared, c.told = true, all
	}
	return rows, all, nil
}

// allTold reports whether a list of accounts can be all of them: some account can be traded, each
// of those has a row among those that can be viewed, and none is missing that could be traded
// before.
func allTold(rows []broker.Account, before map[broker.AccountID]broker.Account) bool {
	tradable := map[broker.AccountID]bool{}
	for _, a := range rows {
		if a.Tradable && a.Currency == "" {
			return false
		}
		tradable[a.ID] = a.Tradable
	}
	for id, a := range before {
		if a.Tradable && !tradable[id] {
			return false
		}
	}
	return slices.ContainsFunc(rows, func(a broker.Account) bool { return a.Tradable })
}

// askAccounts asks for the accounts of the login.
func (c *Client) askAccounts(ctx context.Context) ([]broker.Account, error) {
	r, _, err := c.do(ctx, request{method: http.MethodGet, path: "/iserver/accounts", priority: prioSession})
	if err != nil {
		return nil, err
	}
	may, err := decodeTraded(r)
	if err != nil {
		return nil, err
	}
	see, err := c.viewedAt(ctx, "/portfolio/accounts", portfolioAccountsEndpoint)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(may.Accounts, func(id string) bool { return !among(see, id) }) { // an advisor's clients
		more, err := c.viewedAt(ctx, "/portfolio/subaccounts", subaccountsEndpoint)
		if refusal := (*APIError)(nil); err != nil && !errors.As(err, &refusal) {
			return nil, err
		}
		for _, row := range more {
			if !among(see, row.Account) {
				see = append(see, row)
			}
		}
	}
	paper, err := c.loginMode(ctx)
	if err != nil {
		return nil, err
	}
	return accountsOf(&may, see, paper), nil
}

func (c *Client) viewedAt(ctx context.Context, path string, e endpoint) ([]viewed, error) {
	r, _, err := c.do(ctx, request{method: http.MethodGet, path: path, endpoint: e, priority: prioSession})
	if err != nil {
		return nil, err
	}
	return decodeViewed(r)
}

func among(rows []viewed, id string) bool {
	return slices.ContainsFunc(rows, func(v viewed) bool { return v.Account == id })
}

// loginMode asks the web session whether it is on paper; nil if it does not say. Gateways alone
// have it.
func (c *Client) loginMode(ctx context.Context) (paper *bool, err error) {
	if c.config.OAuth != nil {
		return nil, nil
	}
	r, _, err := c.do(ctx, request{method: http.MethodGet, path: "/sso/validate", priority: prioSession})
	if err != nil {
		return nil, err
	}
	var v struct {
		Type whole `json:"LOGIN_TYPE"` // 1 is live, 2 is paper
	}
	if err := r.decode(&v); err != nil || v.Type != 1 && v.Type != 2 {
		return nil, nil // one source of several, which not every gateway has
	}
	is := v.Type == 2
	return &is, nil
}

// accountsOf joins the accounts that may be traded with those that may be viewed, ordered by id.
func accountsOf(may *traded, see []viewed, paper *bool) []broker.Account {
	ids := slices.Clone(may.Accounts)
	rows := map[string]viewed{}
	for _, v := range see {
		rows[v.Account] = v
		ids = append(ids, v.Account)
	}
	ids = append(append(ids, may.Groups...), may.Profiles...)
	slices.Sort(ids)
	ids = slices.Compact(ids)
	var out []broker.Account
	for _, id := range ids {
		row := rows[id]
		a := broker.Account{ID: broker.AccountID(id), Currency: row.Currency, Kind: kindOfAccount(id, ids, may),
			Mode: modeOf(id, row.Type, may.Paper, paper)}
		a.Tradable = slices.Contains(may.Accounts, id) && a.Kind == broker.WholeAccount
		if alias := string(cmp.Or(may.Aliases[id], row.Alias)); alias != id {
			a.Alias = alias
		}
		if !a.Currency.Valid() {
			a.Currency = ""
		}
		out = append(out, a)
	}
	return out
}

// kindOfAccount tells whole accounts from their segments, such as U1234567C, and from groups, such
// as All and an advisor's own account, whose orders go to clients.
func kindOfAccount(id string, ids []string, may *traded) broker.AccountKind {
	letters := strings.TrimRight(id, "0123456789")
	switch {
	case slices.Contains(may.Groups, id) || slices.Contains(may.Profiles, id) || bool(may.Props[id].HasChildren):
		return broker.Group
	case len(id) > 1 && slices.Contains(ids, id[:len(id)-1]) && letters == id:
		return broker.Segment
	case letters == id || letters == "" || strings.Trim(letters, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "":
		return broker.Group // not letters followed by digits
	}
	return broker.WholeAccount
}

// modeOf returns the mode on which every source agrees: the id, whose first letter is D for paper;
// the type, which is DEMO for paper and says nothing otherwise; and what the two sessions say. It
// returns no mode if they contradict each other.
func modeOf(id string, kind text, sessions ...any) accounts.TradingMode {
	says := map[accounts.TradingMode]bool{}
	say := func(paper bool) {
		if paper {
			says[accounts.ModePaper] = true
		} else {
			says[accounts.ModeLive] = true
		}
	}
	say(strings.HasPrefix(id, "D"))
	if kind == "DEMO" {
		say(true)
	}
	for _, s := range sessions {
		switch s := s.(type) {
		case *boolean:
			if s != nil {
				say(bool(*s))
			}
		case *bool:
			if s != nil {
				say(*s)
			}
		}
	}
	switch {
	case says[accounts.ModePaper] && says[accounts.ModeLive]:
		return ""
	case says[accounts.ModePaper]:
		return accounts.ModePaper
	}
	return accounts.ModeLive
}
