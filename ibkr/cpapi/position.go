package cpapi

import (
	"context"
	"fmt"
	"net/http"
	"strconv"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// held is a row of positions, of either kind: the pages name the account and the price of an
// average unit, portfolio2 the time.
type held struct {
	Account  string          `json:"acctId,omitempty"`
	ConID    whole           `json:"conid"`
	Position number          `json:"position"`
	Price    number          `json:"mktPrice,omitzero"`
	Price2   number          `json:"marketPrice,omitzero"`
	Average  number          `json:"avgPrice"` // without the multiplier, which avgCost has
	Currency ledger.Currency `json:"currency,omitempty"`
	Time     whole           `json:"timestamp,omitempty"`
	Model    text            `json:"model,omitempty"`
}

// decodeHeld reads a page of positions.
func decodeHeld(r *reply) ([]held, error) {
	rows, err := list[held](r)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.ConID <= 0 || !row.Position.told {
			return nil, fmt.Errorf("%s: %w: a position without a contract or a quantity", r.path, ErrUnreadable)
		}
	}
	return rows, nil
}

// mark returns the row's price as of the broker's own time; zero if it has none.
func (h *held) mark(i ledger.Instrument) ledger.Mark {
	m := ledger.Mark{Instrument: i, Price: h.Price2.value, Time: instant(h.Time)}
	if !h.Price2.told || m.Time.IsZero() || m.Normalize() != nil {
		return ledger.Mark{}
	}
	return m
}

// maxPages bounds the pages of positions: 100 rows each, or 30 by older servers.
const maxPages = 200

// Positions implements [broker.Broker]. The positions are of all of the account's models. The
// answer is complete if IBKR's two lists of positions agree. A position in a contract of which the
// library has no terms, such as a combination, is an error.
func (c *Client) Positions(ctx context.Context, id broker.AccountID) (broker.Answer[broker.Position], error) {
	out := broker.Answer[broker.Position]{}
	if _, err := c.beginOf(ctx, id); err != nil {
		return out, err
	}
	if err := c.prepare(ctx); err != nil {
		return out, c.seen(err)
	}
	r, _, err := c.do(ctx, request{method: http.MethodPost, path: pathOf("portfolio", string(id), "positions", "invalidate"), priority: prioRest})
	if err != nil {
		return out, err
	}
	var done struct {
		Message text `json:"message"`
	}
	if err := r.decode(&done); err != nil {
		return out, c.seen(err)
	}
	out.AsOf = c.now()
	now, err := c.heldNow(ctx, id)
	if err != nil {
		return out, err
	}
	rows, err := c.pages(ctx, id, &out)
	if err == nil && outdated(rows, now) {
		rows, err = c.pages(ctx, id, &out)
	}
	if err != nil {
		return out, err
	}
	for _, row := range rows {
		i, err := c.instrument(ctx, int64(row.ConID), prioRest)
		if err != nil {
			return broker.Answer[broker.Position]{}, fmt.Errorf("position of account %s: %w", id, err)
		}
		p := broker.Position{Instrument: i, Quantity: row.Position.value, Average: row.Average.value}
		if m, found := now[row.ConID]; found {
			p.Mark = m.mark(i)
		}
		out.List = append(out.List, p)
	}
	out.Complete = out.Complete && agree(rows, now)
	return out, nil
}

// outdated reports whether the pages have something that portfolio2 lacks. It may have been closed,
// and the pages, which come from a cache, are old for a moment; or portfolio2 does not list its
// kind. The pages that are asked for next tell.
func outdated(pages []held, now map[whole]held) bool {
	for _, row := range pages {
		if _, listed := now[row.ConID]; !listed && !row.Position.value.IsZero() {
			return true
		}
	}
	return false
}

// agree reports whether the pages have all that portfolio2 has. The pages may be empty or old for a
// moment after their cache was invalidated.
func agree(pages []held, now map[whole]held) bool {
	paged := map[whole]ledger.Decimal{}
	for _, row := range pages {
		paged[row.ConID] = row.Position.value
	}
	for conid, row := range now {
		if !row.Position.value.Equal(paged[conid]) {
			return false
		}
	}
	return true
}

// heldNow returns the rows of portfolio2 by contract, with the models of a contract summed. They
// are newer than the pages, and name no account: they give prices, and show where the pages are
// old.
func (c *Client) heldNow(ctx context.Context, id broker.AccountID) (map[whole]held, error) {
	r, _, err := c.do(ctx, request{method: http.MethodGet, path: pathOf("portfolio2", string(id), "positions"), priority: prioRest})
	if err != nil {
		return nil, err
	}
	rows, err := decodeHeld(r)
	if err != nil {
		return nil, c.seen(err)
	}
	out := map[whole]held{}
	for _, row := range rows {
		if was, again := out[row.ConID]; again {
			row.Position.value = row.Position.value.Add(was.Position.value)
		}
		out[row.ConID] = row
	}
	return out, nil
}

// pages reads the pages of positions until one is empty, and sums the models of a contract. The
// answer is complete if no contract came twice for another reason: rows move between pages while
// they are read.
func (c *Client) pages(ctx context.Context, id broker.AccountID, out *broker.Answer[broker.Position]) ([]held, error) {
	type model struct {
		conid whole
		name  text
	}
	seen, at := map[model]bool{}, map[whole]int{}
	var rows []held
	out.Complete, out.Foreign = true, 0
	for page := range maxPages {
		r, _, err := c.do(ctx, request{method: http.MethodGet, priority: prioRest,
			path: pathOf("portfolio", string(id), "positions", strconv.Itoa(page))})
		if err != nil {
			return nil, err
		}
		found, err := decodeHeld(r)
		if err != nil {
			return nil, c.seen(err)
		}
		if len(found) == 0 {
			return rows, nil
		}
		for _, row := range found {
			m := model{row.ConID, row.Model}
			n, again := at[row.ConID]
			switch {
			case !c.sift(row.Account, id, &out.Foreign, &out.Complete):
				continue
			case seen[m]:
				out.Complete = false
			case again:
				rows[n].Position.value = rows[n].Position.value.Add(row.Position.value)
				rows[n].Average = number{} // of neither
			default:
				at[row.ConID] = len(rows)
				rows = append(rows, row)
			}
			seen[m] = true
		}
	}
	out.Complete = false
	return rows, nil
}
