package cpapi

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

var (
	// errNoTerms says that the library has no terms for a contract.
	errNoTerms = errors.New("the library has no terms for such a contract")
	// errNoContract says that the broker has no contract of some terms, or several.
	errNoContract = errors.New("the broker has no such contract")
)

// conid finds the id of a contract by its terms. The instrument's own ConID is a hint that is
// checked. It returns errNoContract where the broker has none, or more than one, under the
// contract's key.
func (c *Client) conid(ctx context.Context, i ledger.Instrument, p priority) (int64, error) {
	key := i.Key()
	if id, found := c.contracts.id(key); found {
		return id, nil
	}
	ids, err := c.candidates(ctx, i, p)
	if err != nil {
		return 0, err
	}
	var matches []int64
	for _, id := range ids {
		of, err := c.instrument(ctx, id, p)
		if errors.Is(err, errNoTerms) {
			continue
		}
		if err != nil {
			return 0, err
		}
		if of.Key() == key && !slices.Contains(matches, id) {
			matches = append(matches, id)
		}
	}
	if len(matches) != 1 {
		return 0, fmt.Errorf("contract %.80s: %w: %d match", key, errNoContract, len(matches))
	}
	c.contracts.found(key, matches[0])
	return matches[0], nil
}

// maxCandidates bounds how many contracts of one symbol are looked at.
const maxCandidates = 20

// candidates returns the ids of contracts that may be the one.
func (c *Client) candidates(ctx context.Context, i ledger.Instrument, p priority) (ids []int64, err error) {
	if i.ConID > 0 {
		return []int64{i.ConID}, nil
	}
	switch i.SecType {
	case ledger.Stock:
		ids, err = c.stocks(ctx, i, p)
	case ledger.Future:
		ids, err = c.futures(ctx, i, p)
	case ledger.Option:
		ids, err = c.options(ctx, i, p)
	default:
		return nil, fmt.Errorf("contract %.80s: %w: a %s is found by its ConID alone", i.Key(), errNoContract, i.SecType)
	}
	if saidNo(err) { // unknown symbols are refused
		return nil, fmt.Errorf("contract %.80s: %w: %w", i.Key(), errNoContract, err)
	}
	return ids[:min(len(ids), maxCandidates)], err
}

// stocks returns the listings under a ticker. Of those in dollars, the American ones are meant.
func (c *Client) stocks(ctx context.Context, i ledger.Instrument, p priority) ([]int64, error) {
	var found map[string][]struct {
		Contracts []struct {
			ConID whole   `json:"conid"`
			IsUS  boolean `json:"isUS"`
		} `json:"contracts"`
	}
	if err := c.get(ctx, "/trsrv/stocks", url.Values{"symbols": {i.Symbol}}, p, &found); err != nil {
		return nil, err
	}
	byUS := map[bool][]int64{}
	for _, company := range found[i.Symbol] {
		for _, k := range company.Contracts {
			byUS[bool(k.IsUS)] = append(byUS[bool(k.IsUS)], int64(k.ConID))
		}
	}
	if american := byUS[true]; i.Currency == "USD" && len(american) > 0 {
		return american, nil
	}
	return byUS[false], nil
}

func (c *Client) futures(ctx context.Context, i ledger.Instrument, p priority) ([]int64, error) {
	var found map[string][]struct {
		ConID   whole `json:"conid"`
		Expires whole `json:"expirationDate"`
		Trades  whole `json:"ltd"` // the last trading day
	}
	if err := c.get(ctx, "/trsrv/futures", url.Values{"symbols": {i.Symbol}}, p, &found); err != nil {
		return nil, err
	}
	var ids []int64
	for _, k := range found[i.Symbol] {
		if ledger.Date(k.Expires) == i.Expiry || ledger.Date(k.Trades) == i.Expiry {
			ids = append(ids, int64(k.ConID))
		}
	}
	return ids, nil
}

// options looks an option up. Its underlying has to be searched for first, in the same session, and
// then its strikes: both calls prepare the session for the next.
func (c *Client) options(ctx context.Context, i ledger.Instrument, p priority) ([]int64, error) {
	i.SetDefaults()
	month := strings.ToUpper(i.Expiry.Time(time.UTC).Format("Jan06"))
	underlyings, err := c.underlyings(ctx, i.Underlying, p)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, u := range underlyings {
		q := url.Values{"conid": {strconv.FormatInt(u, 10)}, "sectype": {string(ledger.Option)}, "month": {month}}
		var strikes struct {
			Call []number `json:"call"`
			Put  []number `json:"put"`
		}
		if err := c.get(ctx, "/iserver/secdef/strikes", q, p, &strikes); err != nil {
			return nil, err
		}
		listed := map[ledger.Right][]number{ledger.Call: strikes.Call, ledger.Put: strikes.Put}[i.Right]
		if !slices.ContainsFunc(listed, func(n number) bool { return n.value.Equal(i.Strike) }) {
			continue
		}
		q.Set("strike", i.Strike.String())
		q.Set("right", string(i.Right))
		var rows []struct {
			ConID    whole `json:"conid"`
			Maturity text  `json:"maturityDate"`
			Class    text  `json:"tradingClass"`
		}
		if err := c.get(ctx, "/iserver/secdef/info", q, p, &rows); err != nil {
			return nil, err
		}
		for _, row := range rows {
			sameDay := string(row.Maturity) == i.Expiry.Time(time.UTC).Format("20060102")
			if sameDay && (row.Class == "" || string(row.Class) == i.Symbol) {
				ids = append(ids, int64(row.ConID))
			}
		}
	}
	return ids, nil
}

// underlyings searches for what a symbol names that has options.
func (c *Client) underlyings(ctx context.Context, symbol string, p priority) ([]int64, error) {
	var rows []struct {
		ConID    whole `json:"conid"`
		Symbol   text  `json:"symbol"`
		Sections []struct {
			Kind text `json:"secType"`
		} `json:"sections"`
	}
	if err := c.get(ctx, "/iserver/secdef/search", url.Values{"symbol": {symbol}}, p, &rows); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.searched[symbol] = true
	c.mu.Unlock()
	var ids []int64
	for _, row := range rows {
		options := false
		for _, s := range row.Sections {
			options = options || s.Kind == text(ledger.Option)
		}
		if string(row.Symbol) == symbol && options && row.ConID > 0 {
			ids = append(ids, int64(row.ConID))
		}
	}
	return ids[:min(len(ids), 3)], nil // other countries' listings of the same come later
}
