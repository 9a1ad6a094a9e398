package exposure

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// contract is the position and the working orders in one contract, measured at its mark.
type contract struct {
	key ledger.InstrumentKey
	// instrument is the contract's own copy: orders and holdings come and go.
	instrument *ledger.Instrument
	group      *group
	index      int // the position in exposure.list
	stake      stake
	terms      terms
	figures    figures
	// worth is the amount that the position adds to equity, in base currency.
	worth ledger.Decimal
	// spending is the cash that working buys will take when they fill, in base currency.
	spending ledger.Decimal
	// unspent is true where nothing tells what working buys take of the cash, or what a future or
	// CFD takes.
	unspent bool
	// writes is true for an option that is short, or would be if every working sale filled.
	writes bool
	// markedAt is the time of the mark that terms holds.
	markedAt time.Time
	// known is true if the contract has a mark and its currency a conversion rate. If not, figures
	// and worth are zero, and spending is what the orders' own prices tell.
	known      bool
	strategies []strategyShare
}

// measure works out what the position and the working orders in the contract put at risk, and what
// the position is worth.
func (c *contract) measure(a *Account, m *Market, p *Policy, h *ledger.Holding, orders []*working, today ledger.Date) {
	mark, marked := m.Marks[c.key]
	c.strategies = c.strategies[:0]
	if !c.known || !c.markedAt.Equal(mark.Time) || c.terms.mark != mark.Price { // else the terms are the same
		c.terms = termsOf(m, p, c.instrument, mark.Price, today)
		c.markedAt, c.known = mark.Time, marked && !c.terms.units.IsZero()
	}
	c.stake, c.figures, c.worth, c.spending = stake{}, figures{}, ledger.Decimal{}, ledger.Decimal{}
	if h != nil {
		c.stake.hold(h.Quantity, mark.Price)
	}
	for _, w := range orders {
		c.stake.work(w.remaining(), w.Price, mark.Price)
	}
	_, short := c.stake.certain()
	c.writes = c.instrument.IsOption() && short.IsPos()
	c.unspent = !c.known
	if c.instrument.SettlesNotional() {
		c.spending = num.Convert(c.stake.buyWorth, c.terms.units)
		c.unspent = !c.known && slices.ContainsFunc(orders, func(w *working) bool {
			return w.remaining().IsPos() && (c.terms.units.IsZero() || !marked && w.Price.IsZero())
		})
	}
	if !c.known {
		return
	}
	c.figures = c.terms.figures(&c.stake)
	if h != nil {
		c.worth = h.Worth(mark.Price, c.terms.rate)
	}
	c.measureStrategies(a.memory.tags[c.key], orders, mark.Price)
}

// margined reports whether the contract's margin depends on the mark of its underlying.
func (c *contract) margined() bool { return c.writes && c.terms.underlying.IsPos() }

// strategyShare is one strategy's part of a contract.
type strategyShare struct {
	strategy string
	held     ledger.Decimal // the quantity that the strategy's orders made
	worst    ledger.Decimal // the exposure of this part and of the strategy's working orders
}

// measureStrategies works out each strategy's exposure in the contract, as though no other strategy
// held or ordered it.
func (c *contract) measureStrategies(tags []risk.StrategyPart, orders []*working, mark ledger.Decimal) {
	for _, t := range tags {
		c.strategies = append(c.strategies, strategyShare{strategy: t.Strategy, held: t.Quantity})
	}
	for _, w := range orders {
		if w.Strategy != "" && c.share(w.Strategy) == nil {
			c.strategies = append(c.strategies, strategyShare{strategy: w.Strategy})
		}
	}
	for i := range c.strategies {
		share := &c.strategies[i]
		own := c.stakeOf(share.strategy, share.held, orders, mark)
		share.worst = c.terms.figures(&own).worst
	}
}

// share returns the strategy's part of the contract; nil if the strategy neither holds nor orders
// it.
func (c *contract) share(strategy string) *strategyShare {
	for i := range c.strategies {
		if c.strategies[i].strategy == strategy {
			return &c.strategies[i]
		}
	}
	return nil
}

// stakeOf returns the stake that one strategy's position and working orders make.
func (c *contract) stakeOf(strategy string, held ledger.Decimal, orders []*working, mark ledger.Decimal) stake {
	var s stake
	s.hold(held, mark)
	for _, w := range orders {
		if w.Strategy == strategy {
			s.work(w.remaining(), w.Price, mark)
		}
	}
	return s
}

// group holds the contracts on one underlying.
type group struct {
	key       underlyingKey
	contracts []*contract
	worst     ledger.Decimal // the sum of the contracts' exposures
	sector    string         // empty where no order named one
	// need is what the group's short options need, where needed says that it is up to date.
	need   need
	needed bool
}
