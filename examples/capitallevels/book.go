package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// book is one profile in the simulation: its portfolio, its account at the broker, and what is to
// be told of it.
type book struct {
	profile   accounts.AccountProfile
	portfolio *accounts.Portfolio
	broker    venue
	sent      map[broker.Ref]ledger.OrderID // orders at the broker, by their references

	latest  accounts.Snapshot // at the newest close
	curve   []point
	held    int
	refused map[string]int // by the first rule broken
	peaks   map[risk.Rule]use
	stopped int // closes in a row at which losses kept it from opening anything
	resumed []ledger.Date
}

// point is what a profile was worth at a day's close.
type point struct {
	date   ledger.Date
	equity ledger.Decimal
}

// use is how much of a limit was used at a day's close.
type use struct {
	risk.Usage
	date ledger.Date
}

// share is what part of the limit was used.
func (u use) share() float64 {
	if u.Limit.IsZero() {
		return 0
	}
	return u.Used.InexactFloat64() / u.Limit.InexactFloat64()
}

func newBook(p accounts.AccountProfile, portfolio *accounts.Portfolio, x venue) *book {
	return &book{profile: p, portfolio: portfolio, broker: x, sent: map[broker.Ref]ledger.OrderID{}, refused: map[string]int{}, peaks: map[risk.Rule]use{}}
}

// account is the account's id at the broker.
func (b *book) account() broker.AccountID { return broker.AccountID(b.profile.IBKRAccountID) }

// open is what happens at a day's opening: splits, prices, and the fills of the orders of the day
// before.
func (b *book) open(ctx context.Context, m *market, d ledger.Date, prices map[string]ledger.Decimal) error {
	at := m.opening(d)
	for _, s := range m.series {
		i := stock(s.symbol)
		x, splits := s.splitOn(d)
		if held, _ := b.portfolio.Position(i.Key()); !splits || held.Quantity.IsZero() {
			continue
		}
		_, err := b.portfolio.Record(ctx, ledger.Split{ID: fmt.Sprintf("split-%s-%s", s.symbol, d), From: i, To: i,
			Numerator: x.numerator, Denominator: x.denominator, Time: at})
		if err != nil {
			return err
		}
	}
	if err := b.mark(at, prices); err != nil {
		return err
	}
	fills, err := b.fills(ctx, at)
	if err == nil {
		_, err = b.portfolio.Record(ctx, fills...)
	}
	return err
}

// close is what happens at a day's close: prices, the equity point, and a look at the limits.
func (b *book) close(ctx context.Context, at time.Time, d ledger.Date, prices map[string]ledger.Decimal) error {
	if err := b.mark(at, prices); err != nil {
		return err
	}
	if err := b.portfolio.RecordEquity(ctx, at); err != nil {
		return err
	}
	b.latest = b.portfolio.Snapshot()
	b.curve = append(b.curve, point{d, b.latest.Equity})
	for _, u := range b.latest.Risk.Usage {
		if now, peak := (use{u, d}), b.peaks[u.Rule]; now.share() > peak.share() || peak.date == 0 {
			b.peaks[u.Rule] = now
		}
	}
	return nil
}

func (b *book) mark(at time.Time, prices map[string]ledger.Decimal) error {
	var marks []ledger.Mark
	for _, symbol := range sortedKeys(prices) {
		marks = append(marks, ledger.Mark{Instrument: stock(symbol), Price: prices[symbol], Time: at})
	}
	return b.portfolio.Mark(marks...)
}

// review plays the person who looks at a profile that losses have stopped, and after so many days
// lets it trade again: the library never does that by itself. Zero days are never.
func (b *book) review(ctx context.Context, after int, d ledger.Date) error {
	if r := &b.latest.Risk; r.State == risk.TradingActive && r.Severity < risk.SeverityModerate {
		b.stopped = 0
		return nil
	}
	if b.stopped++; after == 0 || b.stopped < after {
		return nil
	}
	b.stopped, b.resumed = 0, append(b.resumed, d)
	return b.portfolio.Resume(ctx, fmt.Sprintf("reviewed after %s", count(after, "trading day")))
}

// take sends an order that is held to the broker, and counts one that was refused.
func (b *book) take(ctx context.Context, a accounts.Allocation) error {
	switch {
	case a.Held():
		b.held++
		return b.send(ctx, a.Order)
	case errors.Is(a.Err, accounts.ErrRefused):
		b.refused[reason(a.Decision)]++
	default:
		return a.Err
	}
	return nil
}

// reason is the first rule that an order breaks. Of an order that was never made it is why.
func reason(d risk.Decision) string {
	v := d.Violations[0]
	if v.Rule == risk.RuleSize {
		return string(v.Rule) + ": " + v.Reason
	}
	return string(v.Rule)
}

// refusals is how many orders were refused.
func (b *book) refusals() int {
	n := 0
	for _, c := range b.refused {
		n += c
	}
	return n
}

// positions lists what is held at the end.
func (b *book) positions() string {
	var held []string
	for _, p := range b.latest.Open {
		held = append(held, p.Quantity.String()+" "+p.Instrument.Symbol)
	}
	if held == nil {
		return "nothing"
	}
	return strings.Join(held, ", ")
}

// audit proves that the journal is whole and that the broker's own books say the same.
func (b *book) audit(ctx context.Context) error {
	if err := b.portfolio.Verify(ctx); err != nil {
		return err
	}
	s, err := b.broker.Statement(b.account())
	if err != nil {
		return err
	}
	r, err := b.portfolio.Reconcile(ctx, s)
	if err != nil {
		return err
	}
	if len(r.Breaks) > 0 || len(r.Unchecked) > 0 {
		return fmt.Errorf("profile %q does not agree with its broker: %v %v", b.profile.ID, r.Breaks, r.Unchecked)
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
