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
	"strings"
	"time"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// The fields of a snapshot.
const (
	fieldLast         = "31"
	fieldBid          = "84"
	fieldAsk          = "86"
	fieldAvailability = "6509"
)

// quoteFields are what snapshots and the websocket are asked for.
var quoteFields = []string{fieldLast, fieldBid, fieldAsk, fieldAvailability}

// snapshot is a row of market data. Fields come by and by, and are absent until they have come.
type snapshot struct {
	ConID        whole `json:"conid"`
	Last         text  `json:"31,omitempty"` // C before a price of yesterday's close, H before one of a halt
	Bid          text  `json:"84,omitempty"`
	Ask          text  `json:"86,omitempty"`
	Availability text  `json:"6509,omitempty"`
	Updated      whole `json:"_updated,omitempty"`
}

func decodeSnapshots(r *reply) ([]snapshot, error) { return list[snapshot](r) }

// cold reports whether the row has too little for a price yet.
func (s *snapshot) cold() bool { return s.Updated == 0 || s.Last == "" && (s.Bid == "" || s.Ask == "") }

// merged returns a row with what a later row tells: fields that did not change may be absent there.
func merged(was, row snapshot) snapshot {
	return snapshot{ConID: row.ConID, Last: cmp.Or(row.Last, was.Last), Bid: cmp.Or(row.Bid, was.Bid), Ask: cmp.Or(row.Ask, was.Ask),
		Availability: cmp.Or(row.Availability, was.Availability), Updated: cmp.Or(row.Updated, was.Updated)}
}

// quote returns the row as a quote; false if the login gets no prices of the contract. What the
// first letter of the availability means: R is real time, D delayed, Z frozen at the close, Y both,
// N and O none; an unknown one counts as delayed.
func (s *snapshot) quote(i ledger.Instrument) (broker.Quote, bool, error) {
	q := broker.Quote{Instrument: i, Time: instant(s.Updated)}
	last := string(s.Last)
	if rest, closing := strings.CutPrefix(last, "C"); closing {
		last, q.Closing = rest, true
	}
	if rest, halted := strings.CutPrefix(last, "H"); halted {
		last, q.Halted = rest, true
	}
	for _, p := range []struct {
		to   *ledger.Decimal
		from string
	}{{&q.Last, last}, {&q.Bid, string(s.Bid)}, {&q.Ask, string(s.Ask)}} {
		n, err := parseNumber(p.from)
		if err != nil {
			return q, false, fmt.Errorf("quote of contract %d: %w: %w", s.ConID, ErrUnreadable, err)
		}
		if n.value.IsNeg() && i.SecType != ledger.Future { // −1 stands for none
			n = number{}
		}
		*p.to = n.value
	}
	switch first := string(s.Availability); {
	case first == "" || first[0] == 'R':
	case first[0] == 'N' || first[0] == 'O':
		return q, false, nil
	case first[0] == 'Z':
		q.Closing = true
	case first[0] == 'Y':
		q.Delayed, q.Closing = true, true
	default:
		q.Delayed = true
	}
	none := q.Last.IsZero() && q.Bid.IsZero() && q.Ask.IsZero()
	return q, !none && !q.Time.IsZero(), nil
}

const (
	// maxQuoted is how many contracts one snapshot has at most.
	maxQuoted = 100
	// maxLooks is how often a snapshot is asked for until every contract has a price.
	maxLooks = 4
)

// Quotes implements [broker.Broker]. The first snapshot of a contract in a session has no prices:
// the client asks again after a moment, a few times at most. A contract that the broker does not
// know, or that has no price by then, has no quote. Quotes that are delayed, of a halt or of a
// close are marked as such.
//
// The websocket tells of contracts that were asked for in the last minutes, up to Limits.Lines of
// them. What it told in the last seconds is not asked for.
func (c *Client) Quotes(ctx context.Context, instruments []ledger.Instrument) ([]broker.Quote, error) {
	if err := c.begin(ctx); err != nil {
		return nil, err
	}
	if err := c.prepare(ctx); err != nil {
		return nil, c.seen(err)
	}
	ids := make([]int64, len(instruments)) // zero for a contract that is not known
	contracts := map[int64]ledger.Instrument{}
	for n, i := range instruments {
		if err := i.Normalize(); err != nil {
			return nil, err
		}
		id, err := c.conid(ctx, i, prioRest)
		if errors.Is(err, errNoContract) {
			continue
		}
		if err == nil {
			err = c.search(ctx, i)
		}
		if err != nil {
			return nil, err
		}
		ids[n], contracts[id] = id, i
	}
	found, err := c.rows(ctx, contracts)
	if err != nil {
		return nil, err
	}
	var out []broker.Quote
	for n, id := range ids {
		row, there := found[id]
		if !there || id == 0 {
			continue
		}
		q, priced, err := row.quote(instruments[n])
		if err != nil {
			return nil, err
		}
		if priced {
			out = append(out, q)
		}
	}
	return out, nil
}

// rows returns what the stream tells of contracts, or else a snapshot.
func (c *Client) rows(ctx context.Context, contracts map[int64]ledger.Instrument) (map[int64]snapshot, error) {
	c.lines.want(time.Now(), contracts)
	found := map[int64]snapshot{}
	var asked []int64
	for id := range contracts {
		if row, told := c.lines.row(time.Now(), id); told {
			found[id] = row
		} else {
			asked = append(asked, id)
		}
	}
	slices.Sort(asked)
	for part := range slices.Chunk(asked, maxQuoted) {
		if err := c.snapshots(ctx, part, found); err != nil {
			return nil, err
		}
	}
	for _, id := range asked {
		if row, there := found[id]; there {
			c.lines.base(time.Now(), row)
		}
	}
	return found, nil
}

// search searches for the underlying of a derivative, once in a session: quotes of derivatives want
// it.
func (c *Client) search(ctx context.Context, i ledger.Instrument) error {
	symbol := i.Underlying
	switch {
	case i.SecType == ledger.Future:
		symbol = cmp.Or(symbol, i.Symbol)
	case !i.IsOption():
		return nil
	}
	c.mu.Lock()
	done := c.searched[symbol]
	c.mu.Unlock()
	if done {
		return nil
	}
	_, err := c.underlyings(ctx, symbol, prioRest)
	if !saidNo(err) {
		return err
	}
	c.mu.Lock() // the underlying goes by another name: the quote shows whether it matters
	defer c.mu.Unlock()
	c.searched[symbol] = true
	return nil
}

// snapshots asks for market data until each contract has a price, a few times at most.
func (c *Client) snapshots(ctx context.Context, ids []int64, into map[int64]snapshot) error {
	names := make([]string, len(ids))
	for n, id := range ids {
		names[n] = strconv.FormatInt(id, 10)
	}
	q := request{method: http.MethodGet, path: "/iserver/marketdata/snapshot", priority: prioRest, query: url.Values{
		"conids": {strings.Join(names, ",")}, "fields": {strings.Join(quoteFields, ",")}}}
	for look := range maxLooks {
		if look > 0 {
			timer := time.NewTimer(c.config.Limits.Warm)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return ctx.Err()
			case <-c.life.Done():
				timer.Stop()
				return broker.ErrClosed
			}
		}
		r, _, err := c.do(ctx, q)
		if err != nil {
			return err
		}
		rows, err := decodeSnapshots(r)
		if err != nil {
			return c.seen(err)
		}
		for _, row := range rows {
			if slices.Contains(ids, int64(row.ConID)) {
				into[int64(row.ConID)] = merged(into[int64(row.ConID)], row)
			}
		}
		cold := slices.ContainsFunc(ids, func(id int64) bool { row, there := into[id]; return !there || row.cold() })
		if !cold {
			return nil
		}
	}
	return nil
}
