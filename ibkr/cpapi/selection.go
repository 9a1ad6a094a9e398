package cpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/ai-ots/accounts/broker"
)

// selected is the answer to the selection of an account.
type selected struct {
	Set     *boolean `json:"set,omitempty"`
	Success text     `json:"success,omitempty"`
	Account text     `json:"acctId,omitempty"`
}

func decodeSelected(r *reply) (selected, error) {
	var s selected
	if err := r.decode(&s); err != nil {
		return s, err
	}
	if s.Success == "" && (s.Set == nil || !bool(*s.Set)) {
		return s, fmt.Errorf("%s: %w: it does not say that the account is selected", r.path, ErrUnreadable)
	}
	return s, nil
}

// moved reports whether another account was selected before.
func (s *selected) moved() bool { return s.Success == "" }

// choose selects an account in the session. moved says that another one was selected before. The
// caller holds the selection.
func (c *Client) choose(ctx context.Context, id broker.AccountID, p priority) (moved bool, err error) {
	body := map[string]string{"acctId": string(id)}
	r, _, err := c.do(ctx, request{method: http.MethodPost, path: "/iserver/account", body: body, priority: p})
	if err != nil {
		return false, err
	}
	s, err := decodeSelected(r)
	return s.moved(), c.seen(err)
}

// about asks for a list that is about the selected account, and says whether what it lacks is not
// there. The first list after a selection is a warming up: it is asked for a second time. So is one
// that is empty though it was not before: the session may have forgotten that it was warm. If the
// account was selected away in the meantime, the list is not complete. read returns how many rows
// the list has, of whatever accounts.
func (c *Client) about(ctx context.Context, id broker.AccountID, q request, read func(*reply) (rows int, err error)) (complete bool, err error) {
	if err := c.selection.lock(ctx, q.priority); err != nil {
		return false, c.ended(ctx, err)
	}
	defer c.selection.unlock()
	if q.query == nil {
		q.query = url.Values{}
	}
	q.query.Set("accountId", string(id)) // newer servers read it; the rows alone tell whether this one did
	moved, err := c.choose(ctx, id, q.priority)
	if err != nil {
		return false, err
	}
	what := warmth{q.endpoint, id}
	warm := c.isWarm(what, moved)
	for range 2 {
		r, _, err := c.do(ctx, q)
		if err != nil {
			return false, err
		}
		n, err := read(r)
		if err != nil {
			return false, c.seen(err)
		}
		if !c.warmed(what, n) || !warm {
			warm = true
			continue
		}
		break
	}
	moved, err = c.choose(ctx, id, q.priority) // the list may have been of another account, without a row
	return !moved, err
}

// isWarm reports whether a list was asked for since its account was selected.
func (c *Client) isWarm(what warmth, moved bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if moved {
		clear(c.warm)
	}
	_, warm := c.warm[what]
	return warm
}

// warmed notes that a list was asked for and how many rows came, and reports whether the number can
// be believed: a list that is empty for the first time after it was not is not believed.
func (c *Client) warmed(what warmth, n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	was := c.warm[what]
	c.warm[what] = n
	return n > 0 || was == 0
}
