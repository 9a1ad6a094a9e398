package accounts

import "time"

// measure works out what a contract puts at risk and is worth.
func (c *contract) measure(a *account, m *market, p *policy, h *holding, orders []*working, today Date) {
	mark, marked := m.Marks[c.key]
	c.strategies = c.strategies[:0]
	if !c.known || !c.at.Equal(mark.Time) || c.terms.mark != mark.Price { // else nothing but the stake can have changed
		c.terms = termsOf(m, p, c.instrument, mark.Price, today)
		c.at, c.known = mark.Time, marked && !c.terms.units.IsZero()
	}
	c.stake, c.figures, c.worth, c.spending = stake{}, figures{}, Decimal{}, Decimal{}
	if h != nil {
		c.stake.hold(h.Quantity, mark.Price)
	}
	for _, w := range orders {
		c.stake.work(w.remaining(), w.Price, mark.Price)
	}
	_, short := c.stake.sure()
	c.writes = c.instrument.deliverable() && short.IsPos()
	if !c.known {
		return
	}
	c.figures = c.terms.figures(&c.stake)
	if c.instrument.settlesNotional() && !c.stake.buys.IsZero() {
		c.spending = convert(c.stake.buyWorth, c.terms.units)
	}
	if h != nil {
		c.worth = h.worth(mark.Price, c.terms.rate)
	}
	c.measureStrategies(a.risk.tags[c.key], orders, mark.Price)
}

// termsOf returns what turns a stake in the contract into figures. Units are zero if the rate is not known.
func termsOf(m *market, p *policy, i *Instrument, mark Decimal, today Date) terms {
	t := terms{instrument: i, mark: mark, futures: p.limits.FuturesMargin, cash: p.limits.Account == CashAccount,
		intraday: p.limits.dayTrades(today) == IntradayMargin}
	if rate, _, ok := m.Rate(i.Currency); ok {
		t.rate, t.units = rate, convert(i.Multiplier, rate)
	}
	if i.SecType == Option {
		var buffer [128]byte
		underlying := m.Marks[InstrumentKey(stockKey(buffer[:0], i.Underlying, i.Currency))]
		t.underlying, t.underlyingAt = underlying.Price, underlying.Time
	}
	return t
}

// stockKey appends the key of a stock.
func stockKey(b []byte, symbol string, currency Currency) []byte {
	b = append(append(b, "STK:"...), symbol...)
	return append(append(b, ':'), currency...)
}

// measureStrategies works out what each strategy has of the contract, as though it had it alone.
func (c *contract) measureStrategies(tags []tag, orders []*working, mark Decimal) {
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
func (c *contract) stakeOf(strategy string, held Decimal, orders []*working, mark Decimal) stake {
	var s stake
	s.hold(held, mark)
	for _, w := range orders {
		if w.Strategy == strategy {
			s.work(w.remaining(), w.Price, mark)
		}
	}
	return s
}

// refreshCash adds the cash up in base currency.
func (e *exposure) refreshCash(a *account, m *market) {
	cash := a.CashTotals(m.Prices)
	e.balance, e.capital, e.unrated, e.cashRates = cash.Balance, cash.Capital, !cash.Known(), cash.Oldest
	e.unsettled = Decimal{}
	for _, s := range a.risk.sales {
		if settlesOn(s.Date) <= e.today || s.Amount.IsZero() {
			continue
		}
		rate, at, known := m.Rate(s.Currency)
		e.unsettled = e.unsettled.Add(convert(s.Amount, rate))
		e.unrated = e.unrated || !known
		if known && s.Currency != m.Base && (e.cashRates.IsZero() || at.Before(e.cashRates)) {
			e.cashRates = at
		}
	}
}

// age finds the oldest mark and rate in use.
func (e *exposure) age(m *market) {
	e.oldest, e.rates = time.Time{}, time.Time{}
	older := func(t *time.Time, u time.Time) {
		if t.IsZero() || u.Before(*t) {
			*t = u
		}
	}
	last := m.Base
	for _, c := range e.list {
		if !c.known {
			continue
		}
		older(&e.oldest, c.at)
		if c.margined() {
			older(&e.oldest, c.terms.underlyingAt)
		}
		if c.instrument.Currency != last && c.instrument.Currency != m.Base {
			last = c.instrument.Currency
			older(&e.rates, m.Rates[last].Time)
		}
	}
}

// margined reports whether the contract's margin is made of its underlying's mark.
func (c *contract) margined() bool { return c.writes && c.terms.underlying.IsPos() }

// equity is what the book is worth; false if that cannot be told.
func (e *exposure) equity() (Decimal, bool) {
	return e.balance.Add(e.held), e.unknown == 0 && !e.unrated
}

// bound is one limit as an amount, and where its warning level begins.
type bound struct {
	at, warn Decimal
	set      bool
}

// bounds are the limits at the present equity.
type bounds struct {
	known  bool // equity is
	equity Decimal
	profit Decimal // equity less capital: what all trading came to

	notional, position, underlying, gross, net, leverage, strategy, sector, loss bound
	available                                                                    bound // buying power

	high     Decimal // high-water mark, at least the present equity
	severity Severity
	lost     Decimal // since the day began
}

// resolve turns the limits into amounts.
func (e *exposure) resolve(a *account) bounds {
	limits, out := &e.policy.limits, bounds{}
	out.equity, out.known = e.equity()
	if !out.known {
		return out
	}
	out.profit = out.equity.Sub(e.capital)
	at := func(limit Limit) bound {
		amount, set := limit.Of(out.equity)
		return newBound(amount, limits.WarnAt, set)
	}
	out.notional, out.position, out.underlying = at(limits.OrderNotional), at(limits.PositionSize), at(limits.UnderlyingSize)
	out.gross, out.net, out.strategy, out.sector = at(limits.GrossExposure), at(limits.NetExposure), at(limits.StrategyExposure), at(limits.SectorExposure)
	out.leverage = at(Limit{Fraction: limits.Leverage})
	out.available = newBound(out.equity, limits.WarnAt, true)
	if limits.Account == CashAccount {
		out.available = newBound(e.balance.Sub(e.unsettled), limits.WarnAt, true)
	}
	loss := &a.risk.loss
	out.high = maxDecimal(loss.High, out.equity)
	out.severity = limits.Drawdown.severity(out.high, out.equity)
	if loss.Points {
		out.lost = loss.before(e.today).Sub(out.profit)
	}
	amount, set := limits.DailyLoss.Of(out.equity.Add(maxDecimal(out.lost, Decimal{}))) // what there was to lose
	out.loss = newBound(amount, limits.WarnAt, set)
	return out
}

// tightest is what the tightest of the limits on what is held leaves for an order that writes no option and
// flips no position: neither exposure nor margin grows by more than such an order's notional.
func (e *exposure) tightest(m *market) Decimal {
	if !e.roomed {
		e.room, e.roomed = e.measureRoom(m), true
	}
	return e.room
}

func (e *exposure) measureRoom(m *market) Decimal {
	bounds := &e.bounds
	room := bounds.available.at.Sub(e.needed(m, &e.total, bounds.equity))
	if !e.policy.limits.FuturesMargin.LessThan(one) {
		return Decimal{}
	}
	left := func(limit *bound, used Decimal) {
		if limit.set {
			room = minDecimal(room, limit.at.Sub(used))
		}
	}
	most := func(sums map[string]Decimal) (worst Decimal) {
		for _, used := range sums {
			worst = maxDecimal(worst, used)
		}
		return worst
	}
	left(&bounds.gross, e.total.worst)
	left(&bounds.leverage, e.total.worst)
	left(&bounds.net, maxDecimal(e.total.high.Abs(), e.total.low.Abs()))
	left(&bounds.position, Decimal{})
	left(&bounds.strategy, most(e.strategies))
	left(&bounds.sector, most(e.sectors))
	if bounds.underlying.set {
		var worst Decimal
		for _, c := range e.list {
			worst = maxDecimal(worst, c.group.worst)
		}
		left(&bounds.underlying, worst)
	}
	if e.intraday() {
		room = minDecimal(room, bounds.equity.Sub(e.total.maintenance))
	}
	return room
}

func newBound(amount, warnAt Decimal, set bool) bound {
	if !set {
		return bound{}
	}
	return bound{at: amount, warn: convert(amount, warnAt), set: true}
}

// severity is that of an equity below the high-water mark. Each begins above its threshold.
func (d *DrawdownLimits) severity(high, equity Decimal) Severity {
	down := high.Sub(equity)
	if !down.IsPos() {
		return SeverityNormal
	}
	s := SeverityNormal
	for _, threshold := range [...]Decimal{d.Warning, d.Moderate, d.Severe, d.Critical} {
		if !down.GreaterThan(convert(high, threshold)) {
			break
		}
		s++
	}
	return s
}
