package exposure

import (
	"cmp"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// measure works out what a contract puts at risk and is worth.
func (c *contract) measure(a *Account, m *Market, p *Policy, h *ledger.Holding, orders []*working, today ledger.Date) {
	mark, marked := m.Marks[c.key]
	c.strategies = c.strategies[:0]
	if !c.known || !c.at.Equal(mark.Time) || c.terms.mark != mark.Price { // else nothing but the stake can have changed
		c.terms = termsOf(m, p, c.instrument, mark.Price, today)
		c.at, c.known = mark.Time, marked && !c.terms.units.IsZero()
	}
	c.stake, c.figures, c.worth, c.spending = stake{}, figures{}, ledger.Decimal{}, ledger.Decimal{}
	if h != nil {
		c.stake.hold(h.Quantity, mark.Price)
	}
	for _, w := range orders {
		c.stake.work(w.remaining(), w.Price, mark.Price)
	}
	_, short := c.stake.sure()
	c.writes = c.instrument.IsOption() && short.IsPos()
	if !c.known {
		return
	}
	c.figures = c.terms.figures(&c.stake)
	if c.instrument.SettlesNotional() && !c.stake.buys.IsZero() {
		c.spending = num.Convert(c.stake.buyWorth, c.terms.units)
	}
	if h != nil {
		c.worth = h.Worth(mark.Price, c.terms.rate)
	}
	c.measureStrategies(a.memory.tags[c.key], orders, mark.Price)
}

// termsOf returns what turns a stake in the contract into figures. Units are zero if the rate is not known.
func termsOf(m *Market, p *Policy, i *ledger.Instrument, mark ledger.Decimal, today ledger.Date) terms {
	t := terms{instrument: i, mark: mark, futures: p.limits.FuturesMargin, cash: p.limits.Account == risk.CashAccount,
		intraday: p.limits.DayTrades(today) == risk.IntradayMargin}
	if rate, _, ok := m.Rate(i.Currency); ok {
		t.rate, t.units = rate, num.Convert(i.Multiplier, rate)
	}
	if i.SecType == ledger.Option {
		var buffer [128]byte
		underlying := m.Marks[ledger.InstrumentKey(stockKey(buffer[:0], i.Underlying, i.Currency))]
		t.underlying, t.underlyingAt = underlying.Price, underlying.Time
	}
	return t
}

// stockKey appends the key of a stock.
func stockKey(b []byte, symbol string, currency ledger.Currency) []byte {
	b = append(append(b, "STK:"...), symbol...)
	return append(append(b, ':'), currency...)
}

// measureStrategies works out what each strategy has of the contract, as though it had it alone.
func (c *contract) measureStrategies(tags []tag, orders []*working, mark ledger.Decimal) {
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

// share returns what the strategy has of the contract; nil if nothing.
func (c *contract) share(strategy string) *strategyShare {
	for i := range c.strategies {
		if c.strategies[i].strategy == strategy {
			return &c.strategies[i]
		}
	}
	return nil
}

// stakeOf is the stake of one strategy.
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

// margined reports whether the contract's margin is made of its underlying's mark.
func (c *contract) margined() bool { return c.writes && c.terms.underlying.IsPos() }

// underlyingKey tells what contracts have in common: a stock with its options, a future with its
// own, in one currency. Futures have a space of their own: CL is crude oil there, and Colgate elsewhere.
type underlyingKey struct {
	Symbol   string          `json:"symbol"`
	Currency ledger.Currency `json:"currency"`
	Futures  bool            `json:"futures,omitempty"`
}

func (u underlyingKey) compare(v underlyingKey) int {
	switch {
	case u.Symbol != v.Symbol:
		return cmp.Compare(u.Symbol, v.Symbol)
	case u.Currency != v.Currency:
		return cmp.Compare(u.Currency, v.Currency)
	case u.Futures == v.Futures:
		return 0
	case u.Futures:
		return 1
	}
	return -1
}

// underlyingOf returns the key for an instrument that has its defaults.
func underlyingOf(i *ledger.Instrument) underlyingKey {
	switch i.SecType {
	case ledger.Future, ledger.FutureOption:
		return underlyingKey{i.Symbol, i.Currency, true}
	case ledger.Option, ledger.Warrant:
		return underlyingKey{i.Underlying, i.Currency, false}
	}
	return underlyingKey{i.Symbol, i.Currency, false}
}

// contract is what is held and working of one contract, at its mark.
type contract struct {
	key        ledger.InstrumentKey
	instrument *ledger.Instrument
	group      *group
	index      int // in exposure.list
	stake      stake
	terms      terms
	figures    figures
	worth      ledger.Decimal // what it adds to equity
	spending   ledger.Decimal // what working buys will take out of the cash
	writes     bool           // it is an option that is short, or would be
	at         time.Time      // the mark's
	known      bool           // there is a mark and a rate
	strategies []strategyShare
}

// strategyShare is what a contract adds to one strategy's exposure.
type strategyShare struct {
	strategy string
	held     ledger.Decimal
	worst    ledger.Decimal
}

// group is what contracts on one underlying come to.
type group struct {
	key       underlyingKey
	contracts []*contract
	worst     ledger.Decimal
	sector    string
}
