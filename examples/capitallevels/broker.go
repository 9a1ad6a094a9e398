package main

import (
	"context"
	"fmt"
	"time"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/broker/paper"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// What trading costs.
const (
	commissionText = "2.50" // per trade
	spreadText     = "0.1"  // percent of the price, of which a trade pays half
	currency       = ledger.Currency("USD")
)

var (
	commission = udecimal.MustParse(commissionText)
	spread     = udecimal.MustParse(spreadText).Mul(udecimal.MustParse("0.01"))
)

// venue is the paper broker with all accounts, whose market opens for a moment in the morning:
// market orders fill whole at the opening of their symbol.
type venue struct{ *paper.Broker }

func newVenue(clock func() time.Time) venue {
	return venue{paper.New(paper.Options{
		Clock: clock, Spread: spread, Commission: func(*ledger.Trade) ledger.Decimal { return commission },
	})}
}

// open is the opening of a day: splits, and prices at which orders fill.
func (x venue) open(m *market, d ledger.Date, prices map[string]ledger.Decimal) error {
	for _, s := range m.series {
		if split, splits := s.splitOn(d); splits {
			if err := x.Split(stock(s.symbol), split.numerator, split.denominator); err != nil {
				return fmt.Errorf("split of %s: %w", s.symbol, err)
			}
		}
	}
	x.OpenMarket()
	defer x.CloseMarket()
	for _, symbol := range sortedKeys(prices) {
		if err := x.Price(stock(symbol), prices[symbol]); err != nil {
			return err
		}
	}
	return nil
}

// send places an order that is held, at the market.
func (b *book) send(ctx context.Context, o risk.Order) error {
	t := broker.Ticket{Ref: broker.RefOf(b.profile.ID, o.ID), Order: o,
		Terms: broker.Terms{Type: broker.MarketOrder, TIF: broker.GoodTillCanceled}}
	b.sent[t.Ref] = o.ID
	_, err := b.broker.Place(ctx, b.account(), t)
	return err
}

// fills returns the fills of the account since a time. Each names the order that it filled.
func (b *book) fills(ctx context.Context, since time.Time) ([]ledger.Fact, error) {
	list, err := b.broker.Executions(ctx, b.account(), since)
	if err != nil {
		return nil, err
	}
	if !list.Complete || list.From.After(since) {
		return nil, fmt.Errorf("the broker does not tell of all executions since %s", since)
	}
	var out []ledger.Fact
	for _, e := range list.List {
		e.Trade.OrderID = b.sent[e.Ref]
		out = append(out, e.Trade)
	}
	return out, nil
}
