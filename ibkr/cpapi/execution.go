package cpapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// trade is a row of the trades, by REST and by websocket.
type trade struct {
	ID         string `json:"execution_id"`
	Account    string `json:"account,omitempty"`
	Code       string `json:"accountCode,omitempty"`
	ConID      whole  `json:"conid"`
	Ref        text   `json:"order_ref,omitempty"`
	Side       text   `json:"side"`
	Size       number `json:"size"`
	Price      number `json:"price"`
	Commission number `json:"commission"`
	Net        number `json:"net_amount"`
	Kind       text   `json:"sec_type,omitempty"`
	Time       whole  `json:"trade_time_r,omitempty"` // in milliseconds
	Clock      text   `json:"trade_time,omitempty"`   // UTC
}

// account returns the row's account; another one than any if the row contradicts itself.
func (t *trade) account() string {
	if t.Account != "" && t.Code != "" && t.Account != t.Code {
		return contradiction
	}
	return cmp.Or(t.Account, t.Code)
}

// time returns when the execution was; zero if the row does not tell.
func (t *trade) time() time.Time {
	if at := instant(t.Time); !at.IsZero() {
		return at
	}
	return clockTime(t.Clock, "20060102-15:04:05", "060102150405")
}

// decodeTrades reads a list of trades.
func decodeTrades(r *reply) ([]trade, error) {
	rows, err := list[trade](r)
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		if row.ID == "" || row.ConID <= 0 || !row.Size.told || !row.Price.told {
			return nil, fmt.Errorf("%s: %w: an execution without id, contract, size or price", r.path, ErrUnreadable)
		}
	}
	return rows, nil
}

var minusOne = ledger.MustDecimal("-1")

// commission returns what the execution cost, a rebate below zero; false while it is not known.
// Exactly −1 is IBKR's sign for that.
func (t *trade) commission() (ledger.Decimal, bool) {
	if !t.Commission.told || t.Commission.value.Equal(minusOne) {
		return ledger.Decimal{}, false
	}
	return t.Commission.value, true
}

// execution returns the row as an execution in a contract.
func (t *trade) execution(i ledger.Instrument, id broker.AccountID) (broker.Execution, error) {
	sign, err := signOf(t.Side)
	if err != nil {
		return broker.Execution{}, fmt.Errorf("execution %.60q: %w", t.ID, err)
	}
	out := broker.Execution{Account: id, Ref: broker.Ref(t.Ref), Trade: ledger.Trade{
		ExecID: ledger.ExecID(t.ID), Kind: ledger.Execution, Instrument: i, Quantity: t.Size.value.Abs().Mul(sign),
		Price: t.Price.value, Time: t.time(),
	}}
	cost, told := t.commission()
	if i.SecType == ledger.Forex { // IBKR charges it in a currency that the row does not name
		cost, told = ledger.Decimal{}, false
	}
	out.Trade.Commission, out.Trade.CommissionPending = cost, !told
	if i.SecType == ledger.Bond && t.Net.told { // the price is per cent
		out.Trade.Proceeds = t.Net.value.Abs().Mul(sign.Neg())
	}
	if out.Trade.Time.IsZero() {
		return broker.Execution{}, fmt.Errorf("execution %.60q: %w: it has no time", t.ID, ErrUnreadable)
	}
	checked := out.Trade
	if err := checked.Normalize(); err != nil {
		return broker.Execution{}, fmt.Errorf("execution %.60q: %w: %w", t.ID, ErrUnreadable, err)
	}
	return out, nil
}

const (
	day = 24 * time.Hour
	// farthest is how many days IBKR goes back, the one of today included.
	farthest = 7
)

// Executions implements [broker.Broker]. IBKR goes back seven days, which are today and the six
// before: From is never more than six days ago. An execution in a combination is left out: its legs
// have executions of their own. In an account in which the login may not trade no answer is
// complete.
func (c *Client) Executions(ctx context.Context, id broker.AccountID, since time.Time) (broker.Executions, error) {
	a, err := c.beginOf(ctx, id)
	if err != nil {
		return broker.Executions{}, err
	}
	now := c.now()
	since = since.UTC().Truncate(time.Second) // executions are timed to the second
	days := min(max(int(now.Sub(since)/day)+2, 1), farthest)
	from := later(since, now.Add(-time.Duration(days-1)*day).Truncate(time.Second))
	if may, err := c.mayTrade(&a); err != nil {
		return broker.Executions{}, err
	} else if !may { // it cannot be selected
		return broker.Executions{Answer: broker.Answer[broker.Execution]{AsOf: later(now, from)}, From: from}, nil
	}
	if err := c.prepare(ctx); err != nil {
		return broker.Executions{}, c.seen(err)
	}
	rows, out, err := c.trades(ctx, id, days)
	if err != nil {
		return broker.Executions{}, err
	}
	all := c.allExecutions(id, rows, from)
	out.Complete = out.Complete && all
	for _, row := range newest(rows) {
		i, err := c.instrumentOf(ctx, row.Kind, row.ConID, prioExecutions)
		if errors.Is(err, errNoTerms) && row.Kind == combination {
			continue
		}
		if err != nil {
			return broker.Executions{}, fmt.Errorf("execution %.60q: %w", row.ID, err)
		}
		e, err := row.execution(i, id)
		if err != nil {
			return broker.Executions{}, err
		}
		if !e.Trade.Time.Before(since) {
			out.List = append(out.List, e)
		}
	}
	slices.SortStableFunc(out.List, func(x, y broker.Execution) int { return x.Trade.Time.Compare(y.Trade.Time) })
	out.AsOf = later(out.AsOf, from) // a time to come was asked for
	return broker.Executions{Answer: out, From: from}, nil
}

// trades returns the account's rows, and an answer without them.
func (c *Client) trades(ctx context.Context, id broker.AccountID, days int) ([]trade, broker.Answer[broker.Execution], error) {
	var rows []trade
	var out broker.Answer[broker.Execution]
	q := request{method: http.MethodGet, path: "/iserver/account/trades", endpoint: tradesEndpoint, priority: prioExecutions,
		query: url.Values{"days": {strconv.Itoa(days)}}}
	held, err := c.about(ctx, id, q, func(r *reply) (int, error) {
		all, err := decodeTrades(r)
		if err != nil {
			return 0, err
		}
		rows, out = nil, broker.Answer[broker.Execution]{AsOf: r.asOf, Complete: true}
		for _, row := range all {
			if c.sift(row.account(), id, &out.Foreign, &out.Complete) {
				rows = append(rows, row)
			}
		}
		return len(all), nil
	})
	out.Complete = out.Complete && held
	return rows, out, err
}

// newest returns the newest version of every execution: a correction has a higher last part, and of
// two rows with the same id the one that tells the commission is newer.
func newest(rows []trade) []trade {
	at := map[string]int{}
	var out []trade
	for _, row := range rows {
		root, version := ledger.ExecID(row.ID).Correction()
		n, seen := at[root]
		if !seen {
			at[root] = len(out)
			out = append(out, row)
			continue
		}
		_, was := ledger.ExecID(out[n].ID).Correction()
		_, told := row.commission()
		if version > was || version == was && told {
			out[n] = row
		}
	}
	return out
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
