package exposure

import (
	"slices"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// bound is one limit as an amount, and where its warning level begins.
type bound struct {
	at, warn ledger.Decimal
	set      bool
}

// bounds are the limits at the present equity.
type bounds struct {
	known  bool // equity is
	equity ledger.Decimal
	profit ledger.Decimal // equity less capital: what all trading came to

	notional, position, underlying, gross, net, leverage, strategy, sector, loss bound
	available                                                                    bound // buying power

	high     ledger.Decimal // high-water mark, at least the present equity
	severity risk.Severity
	lost     ledger.Decimal // since the day began
}

// resolve turns the limits into amounts.
func (e *exposure) resolve(a *Account) bounds {
	limits, out := &e.policy.limits, bounds{}
	out.equity, out.known = e.equity()
	if !out.known {
		return out
	}
	out.profit = out.equity.Sub(e.capital)
	at := func(limit risk.Limit) bound {
		amount, set := limit.Of(out.equity)
		return newBound(amount, limits.WarnAt, set)
	}
	out.notional, out.position, out.underlying = at(limits.OrderNotional), at(limits.PositionSize), at(limits.UnderlyingSize)
	out.gross, out.net, out.strategy, out.sector = at(limits.GrossExposure), at(limits.NetExposure), at(limits.StrategyExposure), at(limits.SectorExposure)
	out.leverage = at(risk.Limit{Fraction: limits.Leverage})
	out.available = newBound(out.equity, limits.WarnAt, true)
	if limits.Account == risk.CashAccount {
		out.available = newBound(e.balance.Sub(e.unsettled), limits.WarnAt, true)
	}
	loss := &a.memory.loss
	out.high = num.Max(loss.High, out.equity)
	out.severity = limits.Drawdown.Severity(out.high, out.equity)
	if loss.Points {
		out.lost = loss.before(e.today).Sub(out.profit)
	}
	amount, set := limits.DailyLoss.Of(out.equity.Add(num.Max(out.lost, ledger.Decimal{}))) // what there was to lose
	out.loss = newBound(amount, limits.WarnAt, set)
	return out
}

// tightest is what the tightest of the limits on what is held leaves for an order that writes no option and
// flips no position: neither exposure nor margin grows by more than such an order's notional.
func (e *exposure) tightest(m *Market) ledger.Decimal {
	if !e.roomed {
		e.room, e.roomed = e.measureRoom(m), true
	}
	return e.room
}

func (e *exposure) measureRoom(m *Market) ledger.Decimal {
	bounds := &e.bounds
	room := bounds.available.at.Sub(e.needed(m, &e.total, bounds.equity))
	if !e.policy.limits.FuturesMargin.LessThan(num.One) {
		return ledger.Decimal{}
	}
	left := func(limit *bound, used ledger.Decimal) {
		if limit.set {
			room = num.Min(room, limit.at.Sub(used))
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

func newBound(amount, warnAt ledger.Decimal, set bool) bound {
	if !set {
		return bound{}
	}
	return bound{at: amount, warn: num.Convert(amount, warnAt), set: true}
}

// drawdown is the fraction lost from the high-water mark.
func (b *bounds) drawdown() ledger.Decimal {
	if !b.high.IsPos() || !b.high.GreaterThan(b.equity) {
		return ledger.Decimal{}
	}
	return num.Share(b.high.Sub(b.equity), num.One, b.high).RoundBank(6)
}

// lacking names a contract without a mark or a rate; empty if it is the cash that cannot be converted.
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

// oldestMark names what has the oldest mark; of several the one with the smallest name, however
// they came to be listed.
func (e *exposure) oldestMark() string {
	var names []string
	for _, c := range e.list {
		switch {
		case !c.known:
		case c.at.Equal(e.oldest):
			names = append(names, string(c.key))
		case c.margined() && c.terms.underlyingAt.Equal(e.oldest):
			names = append(names, c.instrument.Underlying)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return slices.Min(names)
}

// usd returns an amount of dollars in base currency; false if there is no rate.
func (m *Market) usd(amount ledger.Decimal) (ledger.Decimal, bool) {
	rate, _, ok := m.Rate("USD")
	return num.Convert(amount, rate), ok
}

var (
	leastMargin    = num.Int(2_000)  // equity below which nothing is lent (FINRA rule 4210(b)), USD
	leastDayTrader = num.Int(25_000) // equity from which on day trades are free, USD
)

// needed is the buying power that positions and working orders take.
func (e *exposure) needed(m *Market, total *figures, equity ledger.Decimal) ledger.Decimal {
	if e.policy.limits.Account == risk.CashAccount {
		return total.initial
	}
	least, ok := m.usd(leastMargin)
	if !ok || equity.LessThan(least) {
		return num.Max(total.initial, total.worst)
	}
	return total.initial
}

// intraday reports whether maintenance margin counts at any time of the day.
func (e *exposure) intraday() bool {
	return e.policy.limits.Account == risk.MarginAccount && e.policy.limits.DayTrades(e.today) == risk.IntradayMargin
}
