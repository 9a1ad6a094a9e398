package exposure

import (
	"slices"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// bounds are the limits of the policy as amounts at the present equity. No limit is set where
// equity is not known.
type bounds struct {
	// known is true if every mark and conversion rate that equity needs is there.
	known  bool
	equity ledger.Decimal
	// settled is the cash that can be spent.
	settled ledger.Decimal
	// profit is equity less net capital, in cash and in kind: the gains and losses since the
	// journal began.
	profit ledger.Decimal

	notional, position, underlying, gross, net, leverage, strategy, sector, loss bound
	// available is the buying power: equity, or the settled cash of a cash account.
	available bound

	// high is the high-water mark, adjusted for capital that waits for that, or the present equity
	// where that is higher.
	high     ledger.Decimal
	severity risk.Severity
	// lost is the loss since the trading day began; negative for a gain.
	lost ledger.Decimal
	// restricts is true for losses such as may restrict trading.
	restricts bool
}

// resolve turns the policy's limits into amounts at the present equity.
func (e *exposure) resolve(a *Account) bounds {
	equity, known := e.equity()
	if !known {
		return bounds{equity: equity, settled: e.settled()}
	}
	return e.boundsAt(a, equity)
}

// boundsAt is resolve at an equity that is known.
func (e *exposure) boundsAt(a *Account, equity ledger.Decimal) bounds {
	limits, loss := &e.policy.limits, &a.memory.loss
	out := bounds{equity: equity, settled: e.settled(), known: true}
	out.profit = out.equity.Sub(e.capital)
	if !loss.Derived { // what others told of equity does not tell what came in kind without a rate
		out.profit = out.profit.Add(e.unratedKind)
	}
	at := func(limit risk.Limit) bound {
		amount, set := limit.Of(out.equity)
		return newBound(amount, limits.WarnAt, set)
	}
	out.notional = at(limits.OrderNotional)
	out.position, out.underlying = at(limits.PositionSize), at(limits.UnderlyingSize)
	out.gross, out.net = at(limits.GrossExposure), at(limits.NetExposure)
	out.strategy, out.sector = at(limits.StrategyExposure), at(limits.SectorExposure)
	out.leverage = at(risk.Limit{Fraction: limits.Leverage})
	out.available = newBound(out.equity, limits.WarnAt, true)
	if limits.Account == risk.CashAccount {
		out.available = newBound(out.settled, limits.WarnAt, true)
	}
	flow := loss.pending(a.capitalAt(e))
	out.high = num.Max(adjusted(loss.High, out.equity.Sub(flow), flow), out.equity)
	out.severity = limits.Drawdown.Severity(out.high, out.equity)
	if loss.Points {
		out.lost = loss.before(e.today).Sub(out.profit)
	}
	// A fraction is of the equity with which the day began.
	amount, set := limits.DailyLoss.Of(out.equity.Add(num.Max(out.lost, ledger.Decimal{})))
	out.loss = newBound(amount, limits.WarnAt, set)
	out.restricts = out.severity >= risk.SeveritySevere || set && out.lost.GreaterThan(out.loss.at)
	return out
}

// drawdown returns the loss since the high-water mark as a fraction of the mark, rounded to 6
// places; zero at a new high.
func (b *bounds) drawdown() ledger.Decimal {
	if !b.high.IsPos() || !b.high.GreaterThan(b.equity) {
		return ledger.Decimal{}
	}
	return num.Share(b.high.Sub(b.equity), num.One, b.high).RoundBank(6)
}

// bound is one limit as an amount, in base currency or as a count.
type bound struct {
	// at is the limit, warn the value from which on its use is a warning, which is no higher. Both
	// are zero where the limit is not set.
	at, warn ledger.Decimal
	set      bool
}

// newBound returns a limit of the amount with a warning level; the zero bound if the limit is not
// set.
func newBound(amount, warnAt ledger.Decimal, set bool) bound {
	if !set {
		return bound{}
	}
	return bound{at: amount, warn: num.Min(num.Convert(amount, warnAt), amount), set: true}
}

// tightest returns the room left below the strictest warning level of the limits on exposure and
// margin, in base currency. An order whose notional is less than that room comes to none of these
// levels, unless the order writes an option, sells a cheap stock or flips a position: neither
// exposure nor margin grows by more than the order's notional.
func (e *exposure) tightest(m *Market) ledger.Decimal {
	if !e.roomed {
		e.room, e.roomed = e.measureRoom(m), true
	}
	return e.room
}

// measureRoom works out the result of tightest. Limits on one underlying, strategy or sector are
// compared with the one that uses the most. The limit on one contract is compared as though nothing
// were held: sizes looks at the order's own contract.
func (e *exposure) measureRoom(m *Market) ledger.Decimal {
	bounds := &e.bounds
	if _, poor := e.poor(m, bounds.equity); poor { // a sale short needs more than its notional
		return ledger.Decimal{}
	}
	room := bounds.available.warn.Sub(e.needed(m, &e.total, bounds.equity))
	if !e.policy.limits.FuturesMargin.LessThan(num.One) {
		return ledger.Decimal{}
	}
	left := func(limit *bound, used ledger.Decimal) {
		if limit.set {
			room = num.Min(room, limit.warn.Sub(used))
		}
	}
	most := func(sums map[string]ledger.Decimal) (worst ledger.Decimal) {
		for _, used := range sums {
			worst = num.Max(worst, used)
		}
		return worst
	}
	left(&bounds.gross, e.total.worst)
	left(&bounds.leverage, e.total.worst)
	left(&bounds.net, num.Max(e.total.high.Abs(), e.total.low.Abs()))
	left(&bounds.position, ledger.Decimal{})
	left(&bounds.strategy, most(e.strategies))
	left(&bounds.sector, most(e.sectors))
	if bounds.underlying.set {
		var worst ledger.Decimal
		for _, c := range e.list {
			worst = num.Max(worst, c.group.worst)
		}
		left(&bounds.underlying, worst)
	}
	if e.intraday() {
		room = num.Min(room, bounds.equity.Sub(e.total.maintenance))
	}
	return room
}

// needed returns the buying power that positions and working orders with the figures total take. A
// margin account that is poor needs all of its exposure.
func (e *exposure) needed(m *Market, total *figures, equity ledger.Decimal) ledger.Decimal {
	if _, poor := e.poor(m, equity); poor {
		return num.Max(total.initial, total.worst)
	}
	return total.initial.Add(e.owed(m))
}

// poor reports whether the account is a margin account whose equity is below 2,000 USD, or cannot
// be told in USD. least is that amount in base currency; zero if not known.
func (e *exposure) poor(m *Market, equity ledger.Decimal) (least ledger.Decimal, poor bool) {
	if e.policy.limits.Account == risk.CashAccount {
		return least, false
	}
	least, ok := m.usd(leastMargin)
	return least, !ok || equity.LessThan(least)
}

// intraday reports whether equity must cover the maintenance margin at any time of the day.
func (e *exposure) intraday() bool {
	return e.policy.limits.Account == risk.MarginAccount && e.policy.limits.DayTrades(e.today) == risk.IntradayMargin
}

// lacking names the first contract, in the order of keys, that has no mark or no conversion rate.
// It returns "cash" if all contracts are known: then a cash balance cannot be converted.
func (e *exposure) lacking() string {
	var keys []ledger.InstrumentKey
	for _, c := range e.list {
		if !c.known {
			keys = append(keys, c.key)
		}
	}
	if len(keys) == 0 {
		return "cash"
	}
	return string(slices.Min(keys))
}

// oldestMark names the contract, or the underlying of a short option, whose mark is the oldest in
// use; empty for none. Of several it names the smallest, in whatever order they came to be listed.
func (e *exposure) oldestMark() string {
	var names []string
	for _, c := range e.list {
		switch {
		case !c.known:
		case c.markedAt.Equal(e.oldest):
			names = append(names, string(c.key))
		case c.margined() && c.terms.underlyingAt.Equal(e.oldest):
			names = append(names, c.group.key.Symbol)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return slices.Min(names)
}

var (
	leastMargin    = num.Int(2_000)  // equity in USD below which nothing is lent (FINRA rule 4210(b)(4))
	leastDayTrader = num.Int(25_000) // USD of equity from which on day trades are free
)
