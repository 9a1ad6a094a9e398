package rulemodel_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"sync/atomic"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/rulemodel"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// player plays a history in the library, and writes it down for the model.
type player struct {
	t         *testing.T
	ctx       context.Context
	clock     atomic.Int64
	manager   *accounts.MultiAccountManager
	portfolio *accounts.Portfolio
	id        accounts.ProfileID
	history   rulemodel.History
	cover     *coverage
	execs     int
	trades    []ledger.Trade
	foreign   []foreign // capital in a foreign currency without a rate of its own
	prices    map[ledger.InstrumentKey]ledger.Decimal
	euro      ledger.Decimal // the newest rate
	euroAt    time.Time
	ended     bool   // at a threshold that rounding decides
	refused   string // why the library did not take a fact; empty if it took all
}

func (p *player) now() time.Time { return time.UnixMicro(p.clock.Load()).UTC() }

// play plays the steps, and returns how the library and the model first differed; "" if they never
// did.
func play(t *testing.T, steps []step, cover *coverage) string {
	t.Helper()
	store := memstore.New()
	p := &player{t: t, ctx: t.Context(), cover: cover, history: rulemodel.History{Base: "USD"},
		prices: map[ledger.InstrumentKey]ledger.Decimal{}}
	p.clock.Store(start.UnixMicro())
	var err error
	p.manager, err = accounts.New(store, accounts.WithClock(p.now))
	require.NoError(t, err)
	defer func() {
		require.NoError(t, p.manager.Close())
		require.NoError(t, store.Close())
	}()
	profile := accounts.Optimal100K("DU1000100")
	profile.ID = "model"
	l := accounts.DefaultLimits(profile.CapitalLevel, profile.RiskTolerance)
	for _, s := range steps {
		if s.limits != nil {
			l.TimeZone = s.limits.TimeZone // no later one can have another
			break
		}
	}
	profile.Limits = &l
	profile, err = p.manager.CreateProfile(p.ctx, profile)
	require.NoError(t, err)
	p.id = profile.ID
	p.portfolio, err = p.manager.Portfolio(p.ctx, p.id)
	require.NoError(t, err)
	p.history.Add(p.now(), rulemodel.InForce(profile.Status, l))
	for n, s := range steps {
		if difference := cmp.Or(p.step(s), p.refused); difference != "" {
			return fmt.Sprintf("step %d, %s:\n%s", n+1, s, difference)
		}
		if p.ended {
			break
		}
	}
	return ""
}

// step plays one step, and returns how the library and the model differ.
func (p *player) step(s step) string {
	p.clock.Add(s.advance.Microseconds())
	switch s.name {
	case "order", "point", "resume":
		if rulemodel.AtThreshold(p.history, p.now()) {
			p.ended = true
			return ""
		}
	}
	switch s.name {
	case "marks":
		for _, m := range s.marks {
			m.Time = p.now().Add(-s.age)
			p.prices[m.Instrument.Key()] = m.Price
			require.NoError(p.t, p.portfolio.Mark(m))
			p.history.Add(p.now(), m)
		}
	case "rate":
		for _, r := range s.rates {
			r.Time = p.now().Add(-s.age)
			if !unratedFlows && !s.switched && !p.euro.IsZero() && p.unrated() {
				r.Rate = p.euro
			}
			if !r.Time.Before(p.euroAt) { // an older one tells nothing
				p.euro, p.euroAt = r.Rate, r.Time
			}
			require.NoError(p.t, p.portfolio.MarkFX(r))
			p.history.Add(p.now(), r)
		}
	case "cash":
		m := *s.cash
		if equity := rulemodel.Equity(p.history, p.now()); m.Kind == ledger.Withdrawal && equity != nil && equity.Cmp(big.NewRat(10000, 1)) < 0 {
			return "" // nobody can withdraw what is not there
		}
		p.execs++
		m.ID, m.Time = fmt.Sprint("cash-", p.execs), p.now().Add(-s.age)
		if m.Kind.IsCapital() {
			return p.capital(s, m, m.Time, m.Currency)
		}
		p.record(m)
	case "trade":
		p.trade(*s.trade, s.id)
	case "fill":
		return p.fill(s)
	case "split":
		return p.splits(*s.split)
	case "expire":
		p.expire()
	case "assign":
		p.assign()
	case "opening", "come", "depart":
		return p.inKind(s)
	case "tell rate":
		p.tellRate(s)
	case "correct", "cancel", "late":
		p.restate(s)
	case "release":
		p.release(s.id)
	case "halt", "reduce", "resume":
		return p.trading(s.name)
	case "limits", "status":
		p.update(s)
	case "point":
		return p.point()
	case "order":
		return p.order(*s.order)
	}
	return ""
}

// record records facts that must be new.
func (p *player) record(facts ...ledger.Fact) {
	n, err := p.portfolio.Record(p.ctx, facts...)
	if err != nil || n != len(facts) {
		p.refused = fmt.Sprintf("the library took %d of %v: %v", n, facts, err)
		return
	}
	p.history.Add(p.now(), rulemodel.Facts(facts))
}

func (p *player) trade(t ledger.Trade, order ledger.OrderID) {
	p.execs++
	t.ExecID, t.OrderID, t.Time = execID(p.execs), order, p.now()
	p.trades = append(p.trades, t)
	p.record(t)
}

func execID(n int) ledger.ExecID { return ledger.ExecID(fmt.Sprintf("0001.%04d.01.01", n)) }

// fill fills an order that works, or a part of it.
func (p *player) fill(s step) string {
	left := rulemodel.Left(p.history, s.id, p.now())
	if left == nil {
		return ""
	}
	q := new(big.Rat).Mul(left, big.NewRat(int64(s.part), 4))
	n := new(big.Int).Quo(q.Num(), q.Denom())
	if n.Sign() == 0 {
		return ""
	}
	i := rulemodel.Instrument(p.history, s.id)
	p.trade(ledger.Trade{Instrument: i, Quantity: dec(n.String()), Price: s.price, Commission: dec("0.5")}, s.id)
	return ""
}

func (p *player) splits(s ledger.Split) string {
	if pos, ok := p.portfolio.Position(s.From.Key()); !ok || pos.Quantity.IsZero() {
		return ""
	}
	p.execs++
	s.ID, s.Time = fmt.Sprint("split-", p.execs), p.now()
	p.record(s)
	return ""
}

// expire records that what is held of contracts past their expiry lapsed.
func (p *player) expire() {
	for _, pos := range p.portfolio.Positions() {
		if e := pos.Instrument.Expiry; pos.Instrument.IsOption() && e != 0 && e.Time(time.UTC).AddDate(0, 0, 1).Before(p.now()) {
			p.trade(ledger.Trade{Instrument: pos.Instrument, Quantity: pos.Quantity.Neg(), Kind: ledger.Expiry}, "")
		}
	}
}

// assign records that the first option in the money was exercised or assigned.
func (p *player) assign() {
	for _, pos := range p.portfolio.Positions() {
		i := pos.Instrument
		if i.SecType != ledger.Option {
			continue
		}
		shares := pos.Quantity.Mul(i.Multiplier)
		if i.Right == ledger.Put {
			shares = shares.Neg()
		}
		kind := ledger.Exercise
		if pos.Quantity.IsNeg() {
			kind = ledger.Assignment
		}
		p.execs += 2
		at := p.now()
		p.record(
			ledger.Trade{ExecID: execID(p.execs), Kind: kind, Instrument: i, Quantity: pos.Quantity.Neg(), Time: at},
			ledger.Trade{ExecID: execID(p.execs - 1), Kind: kind, Instrument: ledger.NewStock(i.Underlying, i.Currency),
				Quantity: shares, Price: i.Strike, Time: at})
		return
	}
}

// restate corrects or cancels an execution, or records one that is late.
func (p *player) restate(s step) {
	if len(p.trades) == 0 {
		return
	}
	n := s.part % len(p.trades)
	t := p.trades[n]
	root, number := t.ExecID.Correction()
	switch s.name {
	case "correct":
		q := t.Quantity.Mul(s.price)
		if whole := q.Trunc(0); !whole.Equal(q) || q.IsZero() {
			return
		}
		t.Quantity = q
		t.ExecID = ledger.ExecID(fmt.Sprintf("%s.%02d", root, number+1))
		p.trades[n] = t
		p.record(t)
	case "cancel":
		p.trades = slices.Delete(p.trades, n, n+1)
		p.execs++
		p.record(ledger.Cancellation{ExecID: execID(p.execs), Cancels: t.ExecID, Time: p.now()})
	case "late":
		t.Time = t.Time.Add(-time.Second)
		p.execs++
		t.ExecID, t.OrderID = execID(p.execs), ""
		p.trades = append(p.trades, t)
		p.record(t)
	}
}

func (p *player) release(id ledger.OrderID) {
	if err := p.portfolio.Release(p.ctx, id, "test"); errors.Is(err, accounts.ErrOrderNotFound) {
		return
	} else {
		require.NoError(p.t, err)
	}
	p.history.Add(p.now(), rulemodel.Released{ID: id})
}

// trading changes the trading state as a person does.
func (p *player) trading(what string) string {
	var err error
	s := rulemodel.State{}
	switch what {
	case "halt":
		s.State, err = risk.TradingHalted, p.portfolio.Halt(p.ctx, "test")
	case "reduce":
		s.State, err = risk.TradingReducing, p.portfolio.Reduce(p.ctx, "test")
	case "resume":
		err = p.portfolio.Resume(p.ctx, "test")
		if rulemodel.Equity(p.history, p.now()) == nil || !rulemodel.CapitalKnown(p.history, p.now()) {
			if !errors.Is(err, accounts.ErrNoMark) {
				return fmt.Sprintf("resumed without equity: %v", err)
			}
			return ""
		}
		if err != nil {
			return fmt.Sprintf("not resumed: %v", err) + p.figures()
		}
		s.State = risk.TradingActive
		s.Recount, s.Equity = rulemodel.Recount(p.history, p.now())
	}
	require.NoError(p.t, err)
	p.history.Add(p.now(), s)
	return ""
}

func (p *player) update(s step) {
	profile, err := p.manager.Profile(p.ctx, p.id)
	require.NoError(p.t, err)
	if s.limits != nil {
		profile.Limits = s.limits
	}
	if s.status != "" {
		profile.Status = s.status
	}
	_, err = p.manager.UpdateProfile(p.ctx, profile)
	require.NoError(p.t, err)
	p.history.Add(p.now(), rulemodel.InForce(profile.Status, *profile.Limits))
}

// point records an equity point, after which losses are looked at.
func (p *player) point() string {
	err := p.portfolio.RecordEquity(p.ctx, p.now())
	equity := rulemodel.Equity(p.history, p.now())
	if equity == nil || !rulemodel.CapitalKnown(p.history, p.now()) {
		if !errors.Is(err, accounts.ErrNoMark) {
			return fmt.Sprintf("an equity point without equity: %v", err)
		}
		return ""
	}
	require.NoError(p.t, err)
	p.history.Add(p.now(), rulemodel.Point{At: p.now(), Equity: equity})
	p.history.Events = append(p.history.Events, rulemodel.Look(p.history, p.now())...)
	return p.agree()
}

// agree compares the trading state.
func (p *player) agree() string {
	r := p.portfolio.Snapshot().Risk
	if want := rulemodel.TradingState(p.history, p.now()); r.State != want {
		return fmt.Sprintf("trading is %s (%s, drawdown %s, day's loss %s), the model says %s",
			r.State, r.Reason, r.Drawdown, r.DayLoss, want)
	}
	return ""
}

// order asks for an order, in the library and the model, dry and in earnest.
func (p *player) order(o risk.Order) string {
	if d := p.equity(); d != "" {
		return d
	}
	if d := p.report(); d != "" {
		return d + p.figures()
	}
	if d := p.losses(); d != "" {
		return d + p.figures()
	}
	if p.ended {
		return ""
	}
	asked := rulemodel.Check(p.history, o, p.now())
	want := asked
	got := p.portfolio.Check(o)
	if d := differ(got, want, false); d != "" {
		return "Check: " + d + p.figures()
	}
	want, wrote := rulemodel.Reserve(p.history, o, p.now())
	got, err := p.portfolio.Reserve(p.ctx, o)
	if want.Reused != errors.Is(err, accounts.ErrIDReused) || want.Invalid != errors.Is(err, accounts.ErrInvalid) {
		return fmt.Sprintf("Reserve: %v, the model says reused %t, invalid %t", err, want.Reused, want.Invalid)
	}
	if want.Reused || want.Invalid {
		p.cover.count(asked)
		return ""
	}
	if d := differ(got, want, true); d != "" {
		return "Reserve: " + d + p.figures()
	}
	if (err == nil) != want.Allowed || errors.Is(err, accounts.ErrUndecided) != want.Undecided {
		return fmt.Sprintf("Reserve returned %v, the model %+v", err, want)
	}
	p.cover.count(want)
	p.history.Events = append(p.history.Events, wrote...)
	return p.agree()
}

// equity compares what the profile is worth.
func (p *player) equity() string {
	want := rulemodel.Equity(p.history, p.now())
	got, err := p.portfolio.Equity()
	if (want == nil) != errors.Is(err, accounts.ErrNoMark) {
		return fmt.Sprintf("equity is %s (%v), the model says %v", got, err, want)
	}
	if want == nil {
		return ""
	}
	if !near(got, want) {
		return fmt.Sprintf("equity is %s, the model says %s", got, want.FloatString(6))
	}
	return ""
}

// report compares gross and net exposure and margin.
func (p *player) report() string {
	want, ok := rulemodel.Report(p.history, p.now())
	if !ok {
		return ""
	}
	r := p.portfolio.Snapshot().Risk
	for _, c := range []struct {
		name string
		got  ledger.Decimal
		want *big.Rat
	}{{"gross", r.Gross, want.Gross}, {"net", r.Net.Abs(), want.Net}, {"margin", r.Margin, want.Margin}} {
		if !near(c.got, c.want) && (c.name != "margin" || r.Limits.Account == risk.MarginAccount) {
			return fmt.Sprintf("%s is %s, the model says %s", c.name, c.got, c.want.FloatString(6))
		}
	}
	return ""
}

// near reports whether the numbers are the same but for what division rounds.
func near(got ledger.Decimal, want *big.Rat) bool {
	r, _ := new(big.Rat).SetString(got.String())
	gap := new(big.Rat).Sub(r, want)
	return gap.Abs(gap).Cmp(big.NewRat(1, 1_000_000)) <= 0
}

// figures are what the library says of the profile, for the report of a difference.
func (p *player) figures() string {
	s := p.portfolio.Snapshot()
	text := fmt.Sprintf("\nequity %s cash %s high %s drawdown %s day's loss %s gross %s net %s margin %s\nlimits %+v",
		s.Equity, s.CashBase, s.HighWater, s.Risk.Drawdown, s.Risk.DayLoss, s.Risk.Gross, s.Risk.Net, s.Risk.Margin, s.Risk.Limits)
	for _, o := range s.Open {
		text += fmt.Sprintf("\nheld %s: %s at %s", o.Instrument.Key(), o.Quantity, o.Mark.Price)
	}
	for _, w := range s.Risk.Orders {
		text += fmt.Sprintf("\nworking %s: %s of %s at %s, filled %s, strategy %q",
			w.ID, w.Quantity, w.Instrument.Key(), w.Price, w.Filled, w.Strategy)
	}
	return text
}

// differ says how a decision and an answer differ.
func differ(got risk.Decision, want rulemodel.Answer, warnings bool) string {
	broken, warned := rulesOf(got.Violations), rulesOf(got.Warnings)
	if got.Allowed != want.Allowed || got.Undecided() != want.Undecided || got.Repeat != want.Repeat ||
		got.Reduces != want.Reduces || !slices.Equal(broken, want.Broken) {
		return fmt.Sprintf("%s\n(allowed %t, undecided %t, repeat %t, reduces %t: %v)\nthe model says %+v",
			got, got.Allowed, got.Undecided(), got.Repeat, got.Reduces, broken, want)
	}
	if warnings && got.Allowed && !got.Repeat && !slices.Equal(warned, want.Warnings) {
		return fmt.Sprintf("warnings %v, the model says %v\n%v", warned, want.Warnings, got.Warnings)
	}
	return ""
}

func rulesOf(list []risk.Violation) (rules []risk.Rule) {
	for _, v := range list {
		rules = append(rules, v.Rule)
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}
