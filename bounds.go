package accounts

import "time"

// measure works out what a contract puts at risk and is worth.
func (c *contract) measure(b *Book, m *market, p *policy, h *holding, orders []*working, today Date) {
	mark, marked := m.marks[c.key]
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
		c.worth = convert(convert(h.Quantity, mark.Price), c.terms.units)
		if !c.instrument.settlesNotional() {
			rate, _, _ := m.rate(c.instrument.Currency)
			c.worth = c.worth.Sub(convert(h.Basis, rate))
		}
	}
	c.measureStrategies(b.risk.tags[c.key], orders, mark.Price)
}

// termsOf returns what turns a stake in the contract into figures. Units are zero if the rate is not known.
func termsOf(m *market, p *policy, i *Instrument, mark Decimal, today Date) terms {
	t := terms{instrument: i, mark: mark, futures: p.limits.FuturesMargin, cash: p.limits.Account == CashAccount,
		intraday: p.limits.dayTrades(today) == IntradayMargin}
	if rate, _, ok := m.rate(i.Currency); ok {
		t.units = convert(i.Multiplier, rate)
	}
	if i.SecType == Option {
		var buffer [128]byte
		underlying := m.marks[InstrumentKey(stockKey(buffer[:0], i.Underlying, i.Currency))]
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
func (e *exposure) refreshCash(b *Book, m *market) {
	e.balance, e.capital, e.unsettled, e.unrated, e.cashRates = Decimal{}, Decimal{}, Decimal{}, false, time.Time{}
	inBase := func(c Currency, amount Decimal) Decimal {
		if amount.IsZero() {
			return amount
		}
		rate, at, ok := m.rate(c)
		e.unrated = e.unrated || !ok
		if ok && c != m.base && (e.cashRates.IsZero() || at.Before(e.cashRates)) {
			e.cashRates = at
		}
		return convert(amount, rate)
	}
	for currency, c := range b.cash {
		e.balance = e.balance.Add(inBase(currency, c.Balance()))
		e.capital = e.capital.Add(c.CapitalBase).Add(inBase(currency, c.Unconverted))
	}
	for _, s := range b.risk.sales {
		if settlesOn(s.Date) > e.today {
			e.unsettled = e.unsettled.Add(inBase(s.Currency, s.Amount))
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
	last := m.base
	for _, c := range e.list {
		if !c.known {
			continue
		}
		older(&e.oldest, c.at)
		if c.margined() {
			older(&e.oldest, c.terms.underlyingAt)
		}
		if c.instrument.Currency != last && c.instrument.Currency != m.base {
			last = c.instrument.Currency
			older(&e.rates, m.fx[last].Time)
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
func (e *exposure) resolve(b *Book) bounds {
	l, k := &e.policy.limits, bounds{}
	k.equity, k.known = e.equity()
	if !k.known {
		return k
	}
	k.profit = k.equity.Sub(e.capital)
	at := func(limit Limit) bound {
		amount, set := limit.Of(k.equity)
		return newBound(amount, l.WarnAt, set)
	}
	k.notional, k.position, k.underlying = at(l.OrderNotional), at(l.PositionSize), at(l.UnderlyingSize)
	k.gross, k.net, k.strategy, k.sector = at(l.GrossExposure), at(l.NetExposure), at(l.StrategyExposure), at(l.SectorExposure)
	k.leverage = at(Limit{Fraction: l.Leverage})
	k.available = newBound(k.equity, l.WarnAt, true)
	if l.Account == CashAccount {
		k.available = newBound(e.balance.Sub(e.unsettled), l.WarnAt, true)
	}
	loss := &b.risk.loss
	k.high = maxDecimal(loss.High, k.equity)
	k.severity = l.Drawdown.severity(k.high, k.equity)
	if loss.Points {
		k.lost = loss.before(e.today).Sub(k.profit)
	}
	amount, set := l.DailyLoss.Of(k.equity.Add(maxDecimal(k.lost, Decimal{}))) // what there was to lose
	k.loss = newBound(amount, l.WarnAt, set)
	return k
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
	k := &e.bounds
	room := k.available.at.Sub(e.needed(m, &e.total, k.equity))
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
	left(&k.gross, e.total.worst)
	left(&k.leverage, e.total.worst)
	left(&k.net, maxDecimal(e.total.high.Abs(), e.total.low.Abs()))
	left(&k.position, Decimal{})
	left(&k.strategy, most(e.strategies))
	left(&k.sector, most(e.sectors))
	if k.underlying.set {
		var worst Decimal
		for _, c := range e.list {
			worst = maxDecimal(worst, c.group.worst)
		}
		left(&k.underlying, worst)
	}
	if e.intraday() {
		room = minDecimal(room, k.equity.Sub(e.total.maintenance))
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
