package broker

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// adopted begins the ids of the facts with which an adopted book begins.
const adopted = "adopted-"

// settling is how long before positions are asked for nothing may have been executed: executions
// are told to the second, and lists may lag.
const settling = time.Minute

// adopt makes what the account holds the beginning of a book without a fact, if [Config.Adopt] asks
// for that, and learns when an adopted book began: executions of before are in what the book began
// with.
func (w *worker) adopt(ctx context.Context, b Broker) error {
	if w.begun {
		return nil
	}
	for r, err := range w.portfolio.Facts(ctx, accounts.Page{Limit: 1}) {
		if err == nil {
			w.began, w.begun = adoptedAt(r.Value), true
		}
		return err
	}
	if !w.engine.config.Adopt {
		return nil
	}
	positions, err := b.Positions(ctx, w.account)
	if err != nil {
		return fmt.Errorf("adopt positions: %w", err)
	}
	cash, err := b.Cash(ctx, w.account)
	if err != nil {
		return fmt.Errorf("adopt cash: %w", err)
	}
	newest, err := b.Executions(ctx, w.account, positions.AsOf.Add(-settling))
	switch {
	case err != nil:
		return fmt.Errorf("adopt: executions: %w", err)
	case !positions.Complete || !cash.Complete || !newest.Complete:
		return fmt.Errorf("%w: what there is to adopt is not complete", ErrNotReady)
	case len(newest.List) > 0:
		return fmt.Errorf("%w: the account traded within %s; it is adopted later", ErrNotReady, settling)
	}
	facts, err := beginning(positions, cash)
	if err == nil {
		_, err = w.portfolio.Record(ctx, facts...)
	}
	if err != nil {
		return fmt.Errorf("adopt: %w", err)
	}
	if len(facts) > 0 {
		w.began, w.begun = positions.AsOf, true
	}
	return nil
}

// adoptedAt returns when a book began whose first fact is given; zero for a book that was not
// adopted.
func adoptedAt(first ledger.Fact) time.Time {
	switch f := first.(type) {
	case ledger.CashMovement:
		if strings.HasPrefix(f.ID, adopted) {
			return f.Time
		}
	case ledger.Opening:
		if strings.HasPrefix(f.ID, adopted) {
			return f.Time
		}
	}
	return time.Time{}
}

// beginning returns what an account has as the facts with which a book begins. What futures and
// CFDs have gained is in the broker's cash already: they begin at their marks.
func beginning(positions Answer[Position], cash Answer[Balance]) (facts []ledger.Fact, err error) {
	at := positions.AsOf.Truncate(time.Microsecond)
	rates := map[ledger.Currency]ledger.Decimal{}
	for _, b := range cash.List {
		rates[b.Currency] = b.Rate
		if !b.Cash.IsZero() {
			facts = append(facts, ledger.CashMovement{ID: adopted + string(b.Currency), Kind: ledger.OpeningCash,
				Currency: b.Currency, Amount: b.Cash, FXRate: b.Rate, Time: at})
		}
	}
	for i := range positions.List {
		p := &positions.List[i]
		if p.Quantity.IsZero() {
			continue
		}
		price := p.Average
		if p.Instrument.SecType == ledger.Future || p.Instrument.SecType == ledger.CFD {
			price = p.Mark.Price
		}
		if price.IsZero() {
			return nil, fmt.Errorf("%w: the broker tells no cost of %s", ErrInvalid, p.Instrument.Key())
		}
		if err := p.Instrument.Normalize(); err != nil {
			return nil, err
		}
		facts = append(facts, ledger.Opening{
			ID: adopted + string(p.Instrument.Key()), Instrument: p.Instrument, Price: p.Mark.Price, FXRate: rates[p.Instrument.Currency], Time: at,
			Lots: []ledger.Lot{{Quantity: p.Quantity, Basis: price.Mul(p.Quantity).Mul(p.Instrument.Multiplier), OpenedAt: at, Inferred: true}},
		})
	}
	return facts, nil
}
