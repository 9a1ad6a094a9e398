package cpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// WhatIf is what the broker expects of an order that is not placed. Its amounts are in the
// account's base currency, and rounded: they are for people, and for margin, which the library does
// not compute.
type WhatIf struct {
	Commission  string `json:"commission"` // the broker's words, such as "0.01 USD" or a range
	Equity      Change `json:"equity"`
	Initial     Change `json:"initial"`     // margin to open
	Maintenance Change `json:"maintenance"` // margin to keep
	Warning     string `json:"warning,omitempty"`
	Refusal     string `json:"refusal,omitempty"` // why the order would be rejected; empty if it would not
}

// Change is an amount before and after an order. Each is nil where the broker does not tell it.
type Change struct {
	Current *ledger.Decimal `json:"current,omitempty"`
	Change  *ledger.Decimal `json:"change,omitempty"`
	After   *ledger.Decimal `json:"after,omitempty"`
}

// Judge is a broker that tells what an order would do. [Client] is one.
type Judge interface {
	// WhatIf asks what a ticket would do, and places nothing. Errors are those of
	// [broker.Broker.Place] that say that nothing was placed.
	WhatIf(ctx context.Context, account broker.AccountID, t broker.Ticket) (WhatIf, error)
}

var _ Judge = (*Client)(nil)

// decodeWhatIf reads the answer. It comes with a status of 200 whether the order would be taken or
// not.
func decodeWhatIf(r *reply) (WhatIf, error) {
	type change struct {
		Current number `json:"current"`
		Change  number `json:"change"`
		After   number `json:"after"`
	}
	var w struct {
		Amount *struct {
			Commission text `json:"commission"`
		} `json:"amount"`
		Equity      change          `json:"equity"`
		Initial     change          `json:"initial"`
		Maintenance change          `json:"maintenance"`
		Warning     text            `json:"warn"`
		Error       json.RawMessage `json:"error"`
	}
	if r.status >= 300 {
		return WhatIf{}, r.decode(&w)
	}
	if err := json.Unmarshal(r.body, &w); err != nil {
		return WhatIf{}, fmt.Errorf("%s: %w: %w", r.path, ErrUnreadable, err)
	}
	out := WhatIf{Warning: string(w.Warning), Refusal: wordsOf(w.Error)}
	if w.Amount == nil && out.Refusal == "" {
		return WhatIf{}, fmt.Errorf("%s: %w: it has no amounts", r.path, ErrUnreadable)
	}
	if w.Amount != nil {
		out.Commission = string(w.Amount.Commission)
	}
	for _, p := range []struct {
		to   *Change
		from *change
	}{{&out.Equity, &w.Equity}, {&out.Initial, &w.Initial}, {&out.Maintenance, &w.Maintenance}} {
		*p.to = Change{p.from.Current.pointer(), p.from.Change.pointer(), p.from.After.pointer()}
	}
	return out, nil
}

func (n number) pointer() *ledger.Decimal {
	if !n.told {
		return nil
	}
	return &n.value
}

// WhatIf implements [Judge].
func (c *Client) WhatIf(ctx context.Context, id broker.AccountID, t broker.Ticket) (WhatIf, error) {
	if _, err := c.beginOf(ctx, id); err != nil {
		return WhatIf{}, err
	}
	if err := t.Validate(); err != nil {
		return WhatIf{}, err
	}
	i := t.Order.Instrument
	if err := i.Normalize(); err != nil {
		return WhatIf{}, err
	}
	if _, err := c.Quotes(ctx, []ledger.Instrument{i}); err != nil { // the broker judges by a snapshot of the session
		return WhatIf{}, err
	}
	conid, err := c.conid(ctx, i, prioRest)
	if errors.Is(err, errNoContract) {
		return WhatIf{}, &broker.RejectionError{Ref: t.Ref, Reason: err.Error()}
	}
	if err != nil {
		return WhatIf{}, err
	}
	body, err := c.encode(id, conid, &t)
	if err != nil {
		return WhatIf{}, err
	}
	if err := c.ordering.lock(ctx, prioRest); err != nil { // it would void a question
		return WhatIf{}, c.ended(ctx, err)
	}
	defer c.ordering.unlock()
	r, _, err := c.do(ctx, request{method: http.MethodPost, body: body, priority: prioRest,
		path: pathOf("iserver", "account", string(id), "orders", "whatif")})
	if err != nil {
		return WhatIf{}, err
	}
	out, err := decodeWhatIf(r)
	out.Commission = strings.TrimSpace(out.Commission)
	return out, c.seen(err)
}
