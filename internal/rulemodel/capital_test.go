package rulemodel_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/rulemodel"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// moved counts a position that comes or goes otherwise than by a trade.
func (c *coverage) moved(s step, t ledger.Transfer, refused, late bool, base ledger.Currency) {
	name := s.name
	for _, part := range []struct {
		is   bool
		name string
	}{{refused, "refused"}, {late, "late"}, {t.Quantity.IsNeg(), "short"}, {t.Instrument.Currency != base, "foreign"}} {
		if part.is {
			c.facts[name+" "+part.name]++
		}
	}
	c.facts[name+" "+string(t.Instrument.SecType)]++
}

// foreign is capital in a foreign currency without a rate of its own.
type foreign struct {
	fact    ledger.Fact
	unrated bool // nor one of its time
}

// capital records capital of a time, before which a point may be written.
func (p *player) capital(s step, f ledger.Fact, at time.Time, c ledger.Currency) string {
	before := rulemodel.BeforeFlow(p.history, at, p.now())
	if len(before) == 0 && p.behindFlow(at) && !s.switched {
		if difference := p.point(); difference != "" || p.behindFlow(at) {
			return difference
		}
	}
	unrated, pointed := rulemodel.Unrated(p.history, c, at, p.now())
	if pointed && p.unrated() && !unratedFlows && !s.switched {
		return ""
	}
	own := unrated && (pointed && !unratedFlows || p.euro.IsZero() && !rateless) && !s.switched
	if own {
		f = rated(f, dec("1.25"))
	}
	p.history.Events = append(p.history.Events, before...)
	p.record(f)
	if c != p.history.Base && !own {
		p.foreign = append(p.foreign, foreign{f, unrated})
	}
	return ""
}

// unrated reports whether capital came or went without any rate.
func (p *player) unrated() bool {
	return slices.ContainsFunc(p.foreign, func(f foreign) bool { return f.unrated })
}

// behindFlow reports whether the last equity point was written before capital that moved, not five minutes from a
// time. Such a point stands for the equity of that time too, though a mark may be another since.
func (p *player) behindFlow(at time.Time) bool {
	for _, e := range slices.Backward(p.history.Events) {
		if w, ok := e.What.(rulemodel.Point); ok {
			return w.Before && e.Time.Sub(at).Abs() <= 5*time.Minute
		}
	}
	return false
}

// inKind opens a position or transfers one, or a part of it.
func (p *player) inKind(s step) string {
	p.execs++
	i, at := s.trade.Instrument, p.now().Add(-s.age)
	t := ledger.Transfer{ID: fmt.Sprint("kind-", p.execs), Instrument: i, Quantity: s.trade.Quantity, Price: s.price, Time: at}
	if s.name == "depart" {
		if pos := p.departing(i, s.part); s.part > 0 && !pos.Quantity.IsZero() {
			i = pos.Instrument
			t.Instrument = i
			if !t.Price.IsZero() {
				t.Price = p.prices[i.Key()]
			}
			t.Quantity = pos.Quantity.Mul(dec("-0.25")).Mul(dec(fmt.Sprint(s.part))).Trunc(0)
		}
		if t.Quantity.IsZero() {
			return ""
		}
	} else {
		basis := t.Quantity.Mul(s.trade.Price).Mul(i.Multiplier)
		t.Lots = []ledger.Lot{{Quantity: t.Quantity, Basis: basis, OpenedAt: at.Add(-s.held)}}
	}
	refused, late := rulemodel.CannotMove(p.history, t, p.now())
	p.cover.moved(s, t, refused, late, p.history.Base)
	if refused {
		_, err := p.portfolio.Record(p.ctx, t)
		if !errors.Is(err, accounts.ErrInvalid) && !errors.Is(err, accounts.ErrPositionNotFound) {
			return fmt.Sprintf("a transfer of %s in %s is recorded: %v", t.Quantity, i.Key(), err) + p.figures()
		}
		return ""
	}
	if s.name == "opening" {
		return p.capital(s, ledger.Opening{ID: t.ID, Instrument: i, Lots: t.Lots, Price: t.Price, Time: at}, at, i.Currency)
	}
	return p.capital(s, t, at, i.Currency)
}

// departing returns what is held of the contract or else of another one.
func (p *player) departing(i ledger.Instrument, n int) ledger.Position {
	pos, _ := p.portfolio.Position(i.Key())
	held := slices.DeleteFunc(p.portfolio.Positions(), func(pos ledger.Position) bool { return pos.Quantity.IsZero() })
	if pos.Quantity.IsZero() && len(held) > 0 {
		return held[n%len(held)]
	}
	return pos
}

// tellRate records capital in a foreign currency again, with its rate. Of capital without a rate of its time all is
// told: where some made up for other capital before the last point, and one rate of theirs is told, the library counts
// what the market's rate is off from that until the other is told.
func (p *player) tellRate(s step) {
	if len(p.foreign) == 0 {
		return
	}
	n := s.part % len(p.foreign)
	unrated := p.foreign[n].unrated
	p.tell(n, s)
	for i := 0; unrated && !s.switched && i < len(p.foreign); {
		if p.foreign[i].unrated {
			p.tell(i, s)
			continue
		}
		i++
	}
}

// tell records one of the facts with its rate.
func (p *player) tell(n int, s step) {
	f, unrated := p.foreign[n].fact, p.foreign[n].unrated
	p.foreign = slices.Delete(p.foreign, n, n+1)
	p.cover.facts["rate told later"]++
	if !unrated {
		added, err := p.portfolio.Record(p.ctx, rated(f, s.price))
		require.NoError(p.t, err)
		require.Zero(p.t, added, "capital that has a rate of its time got another")
		return
	}
	p.record(rated(f, s.price))
}

// rated returns capital with its conversion rate.
func rated(f ledger.Fact, rate ledger.Decimal) ledger.Fact {
	switch f := f.(type) {
	case ledger.CashMovement:
		f.FXRate = rate
		return f
	case ledger.Opening:
		f.FXRate = rate
		return f
	case ledger.Transfer:
		f.FXRate = rate
		return f
	}
	return f
}

// losses compares what losses are told from.
func (p *player) losses() string {
	want, ok := rulemodel.LossesOf(p.history, p.now())
	if _, valued := rulemodel.Report(p.history, p.now()); !ok || !valued { // which the report then leaves out
		return ""
	}
	s := p.portfolio.Snapshot()
	if !near(s.InKind, want.InKind) {
		return fmt.Sprintf("in kind came %s, the model says %s", s.InKind, want.InKind.FloatString(6))
	}
	if want.DayLoss != nil && !near(s.Risk.DayLoss, want.DayLoss) {
		return fmt.Sprintf("the day lost %s, the model says %s", s.Risk.DayLoss, want.DayLoss.FloatString(6))
	}
	if want.Drawdown != nil && !near(s.Risk.Drawdown, want.Drawdown) {
		return fmt.Sprintf("the drawdown is %s, the model says %s", s.Risk.Drawdown, want.Drawdown.FloatString(6))
	}
	return ""
}

// TestTransfers plays short histories of transfers: the library and the model agree, and allow as many orders
// as they should.
func TestTransfers(t *testing.T) {
	limited := func(l *risk.Limits) { l.StrategyExposure = risk.Limit{Amount: dec("6000")} }
	trend := orderOf("a", stockXYZ, "40", "100")
	trend.order.Strategy = "trend"
	again := orderOf("c", stockXYZ, "40", "100")
	again.order.Strategy = "trend"
	fill := func(id ledger.OrderID) step {
		return step{name: "fill", id: id, part: 4, price: dec("100"), advance: time.Second}
	}
	held := []step{cashOf(ledger.Deposit, "USD", "20000"), markOf(stockXYZ, "100"), trend, fill("a"), orderOf("b", stockXYZ, "20", "100"), fill("b")}
	gone := moveOf("depart", stockXYZ, "0", "0", "0", 0)
	gone.part = 3
	var daily []step // what was bought today leaves, comes back and is sold
	for range 4 {
		daily = append(daily, tradeOf(stockABC, "10", "50"), moveOf("depart", stockABC, "0", "0", "0", 0),
			moveOf("come", stockABC, "10", "50", "0", 0), tradeOf(stockABC, "-10", "50"))
	}
	patterned := func(l *risk.Limits) { l.DayTrading = []risk.DatedPolicy{{Policy: risk.PatternDayTrader}} }
	for name, c := range map[string]struct {
		limit   func(l *risk.Limits)
		steps   []step
		allowed int
	}{
		"a strategy holds what it bought":                   {limited, append(slices.Clone(held), again), 2},
		"a strategy holds no more than what is left":        {limited, append(slices.Clone(held), gone, again), 3},
		"what came back was not opened today":               {patterned, slices.Concat(held[:2], []step{markOf(stockABC, "50")}, daily, []step{orderOf("d", stockABC, "1", "50")}), 1},
		"what is sold today after a transfer of other lots": {patterned, slices.Concat(held[:2], []step{markOf(stockABC, "50")}, dayTrades(), []step{orderOf("d", stockABC, "1", "50")}), 0},
	} {
		cover := newCoverage()
		require.Empty(t, play(t, append([]step{{name: "limits", limits: loose(c.limit)}}, c.steps...), cover), name)
		require.Equal(t, c.allowed, cover.allowed, "%s: orders allowed; broken %v", name, cover.Broken)
	}
}

// dayTrades are three day trades between which a part of the position leaves.
func dayTrades() (steps []step) {
	steps = append(steps, moveOf("come", stockABC, "100", "50", "0", 0))
	for range 3 {
		some := moveOf("depart", stockABC, "0", "0", "0", 0)
		some.part = 1
		steps = append(steps, tradeOf(stockABC, "10", "50"), some, tradeOf(stockABC, "-10", "50"))
	}
	return steps
}
