package exposure_test

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/exposure"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// The contracts of the properties about exposure: every one that counts in a way of its own.
var (
	calls27    = ledger.NewOption("XYZ", 20270115, ledger.Call, dec("110"), "USD")
	puts27     = ledger.NewOption("XYZ", 20270115, ledger.Put, dec("90"), "USD")
	sapShare   = ledger.NewStock("SAP", "EUR")
	oilCalls   = ledger.Instrument{SecType: ledger.FutureOption, Symbol: "CL", Underlying: "CL", Currency: "USD", Expiry: 20270115, Right: ledger.Call, Strike: dec("60"), Multiplier: dec("100")}
	oil27      = ledger.Instrument{SecType: ledger.Future, Symbol: "CL", Currency: "USD", Expiry: 20270120, Multiplier: dec("100")}
	exposed    = []ledger.Instrument{xyz, calls27, puts27, sapShare, oil27, oilCalls}
	priceRange = map[ledger.InstrumentKey][2]int{ // in cents
		xyz.Key(): {8000, 12000}, calls27.Key(): {100, 900}, puts27.Key(): {100, 900}, sapShare.Key(): {5000, 9000}, oil27.Key(): {5000, 7000}, oilCalls.Key(): {50, 600},
	}
)

// machine drives a portfolio and the model side by side.
type machine struct {
	t      *rapid.T
	b      *bench
	live   *accounts.Portfolio
	m      *model
	minute int
	n      int
	trades []modelFact // those that can be corrected
	splits map[ledger.InstrumentKey]time.Time
	marks  map[ledger.InstrumentKey]ledger.Mark
	rates  []ledger.FXRate
}

// drawLimits draws limits on exposure and margin around what orders come to, and none of any other kind.
func drawLimits(t *rapid.T) risk.Limits {
	l := accounts.DefaultLimits(accounts.Level100K, accounts.RiskHigh)
	bound := func(name string, from, to int) (limit risk.Limit) {
		switch rapid.IntRange(0, 3).Draw(t, name) {
		case 0:
			limit.Amount = dec(fmt.Sprint(1000 * rapid.IntRange(from, to).Draw(t, name+" amount")))
		case 1:
			limit.Fraction = dec(fmt.Sprintf("%.2f", float64(rapid.IntRange(from, to).Draw(t, name+" fraction"))/500))
		case 2:
			limit.Amount = dec(fmt.Sprint(1000 * rapid.IntRange(from, to).Draw(t, name+" amount")))
			limit.Fraction = dec(fmt.Sprintf("%.2f", float64(rapid.IntRange(from, to).Draw(t, name+" fraction"))/500))
		}
		return limit
	}
	l.OrderNotional, l.DailyLoss = risk.Limit{}, risk.Limit{}
	l.PositionSize, l.UnderlyingSize = bound("position", 10, 200), bound("underlying", 20, 400)
	l.StrategyExposure, l.SectorExposure = bound("strategy", 20, 400), bound("sector", 20, 400)
	l.GrossExposure, l.NetExposure = bound("gross", 50, 900), bound("net", 50, 900)
	l.Leverage = dec(fmt.Sprintf("%.1f", float64(rapid.IntRange(5, 40).Draw(t, "leverage"))/10))
	l.DayTrading = []risk.DatedPolicy{{Policy: rapid.SampledFrom([]risk.DayTradePolicy{risk.DayTradesFree, risk.IntradayMargin}).Draw(t, "day trades")}}
	l.FuturesMargin = dec(rapid.SampledFrom([]string{"0.15", "1", "1.5"}).Draw(t, "futures margin"))
	return unbound(l)
}

// unbound takes every limit off that is not about exposure or margin.
func unbound(l risk.Limits) risk.Limits {
	l.ShortSelling, l.UncoveredOptions = true, true
	l.SecTypes = []ledger.SecType{ledger.Stock, ledger.Option, ledger.Future, ledger.FutureOption}
	l.OrderQuantity, l.PriceCollar, l.OptionCollar = ledger.Decimal{}, dec("0.99"), dec("99")
	l.MarkAge, l.RateAge, l.DuplicateWindow = 8_000*time.Hour, 8_000*time.Hour, 0
	l.OrdersPerMinute, l.OrdersPerDay, l.TradesPerDay, l.OpenPositions = 0, 0, 0, 0
	l.Drawdown = risk.DrawdownLimits{Warning: dec("0.96"), Moderate: dec("0.97"), Severe: dec("0.98"), Critical: dec("0.99")}
	return l
}

func newMachine(t *testing.T, rt *rapid.T, limits risk.Limits) *machine {
	k := &machine{t: rt, b: newBench(t), m: newModel(limits),
		splits: map[ledger.InstrumentKey]time.Time{}, marks: map[ledger.InstrumentKey]ledger.Mark{}}
	p := k.b.Profile
	p.Limits = &limits
	p, err := k.b.Manager.UpdateProfile(background, p)
	require.NoError(rt, err)
	k.b.Profile, k.live = p, k.b.Portfolio
	rt.Cleanup(func() { require.NoError(rt, k.b.Manager.Close()) })
	for _, i := range exposed {
		k.m.known[i.Key()] = i
		k.mark(i)
	}
	k.rate()
	k.cash("USD", "200000")
	return k
}

func (k *machine) next() time.Time { k.minute++; return at(k.minute) }

func (k *machine) draw(i ledger.Instrument, label string) ledger.Decimal {
	r := priceRange[i.Key()]
	return dec(fmt.Sprintf("%.2f", float64(rapid.IntRange(r[0], r[1]).Draw(k.t, label))/100))
}

func (k *machine) mark(i ledger.Instrument) {
	mark := ledger.Mark{Instrument: i, Price: k.draw(i, "mark"), Time: now}
	k.marks[i.Key()], k.m.marks[i.Key()] = mark, ratOf(mark.Price)
	require.NoError(k.t, k.live.Mark(mark))
}

func (k *machine) rate() {
	r := ledger.FXRate{Currency: "EUR", Rate: dec(fmt.Sprintf("%.2f", float64(rapid.IntRange(80, 140).Draw(k.t, "rate"))/100)), Time: now}
	k.rates, k.m.fx["EUR"] = []ledger.FXRate{r}, ratOf(r.Rate)
	require.NoError(k.t, k.live.MarkFX(r))
}

func (k *machine) cash(c ledger.Currency, amount string) {
	d := ledger.CashMovement{ID: fmt.Sprint("cash-", k.minute), Kind: ledger.Deposit, Currency: c, Amount: dec(amount), Time: k.next()}
	if d.Amount.IsNeg() {
		d.Kind = ledger.Withdrawal
	}
	require.NoError(k.t, errOf(k.live.Record(background, d)))
	if k.m.cash[c] == nil {
		k.m.cash[c] = zero()
	}
	k.m.cash[c] = add(k.m.cash[c], ratOf(d.Amount))
}

func (k *machine) quantity(i ledger.Instrument) ledger.Decimal {
	n := rapid.IntRange(1, 12).Draw(k.t, "quantity")
	if i.SecType == ledger.Stock {
		n *= 20
	}
	if rapid.Bool().Draw(k.t, "sell") {
		n = -n
	}
	return dec(fmt.Sprint(n))
}

func (k *machine) order() risk.Order {
	i := rapid.SampledFrom(exposed).Draw(k.t, "instrument")
	k.n++
	o := risk.Order{ID: ledger.OrderID(fmt.Sprint("o-", k.n)), Instrument: i, Quantity: k.quantity(i),
		Strategy: rapid.SampledFrom([]string{"", "trend", "carry"}).Draw(k.t, "strategy"),
		Sector:   rapid.SampledFrom([]string{"", "", "tech", "energy"}).Draw(k.t, "sector")}
	if rapid.Bool().Draw(k.t, "limit order") {
		o.Price = k.draw(i, "price")
	}
	return o
}

// about are the rules that the model knows of.
var about = map[risk.Rule]bool{
	risk.RulePosition: true, risk.RuleUnderlying: true, risk.RuleStrategy: true, risk.RuleSector: true, risk.RuleGross: true,
	risk.RuleLeverage: true, risk.RuleNet: true, risk.RuleBuyingPower: true, risk.RuleDayTrades: true, risk.RuleEquity: true,
}

// reserve asks Check, Reserve and the model, which must agree.
func (k *machine) reserve() {
	o := k.order()
	mo := &modelOrder{Order: o, left: ratOf(o.Quantity)}
	quick := k.live.Check(o)
	d, err := k.live.Reserve(background, o)
	if err != nil {
		require.ErrorIs(k.t, err, accounts.ErrRefused)
	}
	require.Equal(k.t, d.Allowed, quick.Allowed, "Check says %q, Reserve %q", quick, d)
	require.Equal(k.t, k.m.reduces(mo), d.Reduces, "order of %s %s reduces", o.Quantity, o.Instrument.Key())
	var rules []risk.Rule
	calm := true
	for _, v := range d.Violations {
		if about[v.Rule] {
			rules = append(rules, v.Rule)
		} else {
			calm = false // a drawdown beyond any of the model's
		}
	}
	slices.Sort(rules)
	rules = slices.Compact(rules)
	if calm {
		require.Equal(k.t, fmt.Sprint(k.m.broken(mo)), fmt.Sprint(rules), "order of %s %s: %s", o.Quantity, o.Instrument.Key(), d)
	}
	if d.Allowed {
		exit := k.m.reduces(mo)
		k.m.log = append(k.m.log, logged{held: &o})
		k.m.recount()
		if o.Sector != "" && !exit {
			k.m.sectors[underlying(o.Instrument)] = o.Sector
		}
	}
}

// trade records a fill of some order, or of none.
func (k *machine) trade() {
	i := rapid.SampledFrom(exposed).Draw(k.t, "instrument")
	when := k.next()
	tr := ledger.Trade{ExecID: ledger.ExecID(fmt.Sprintf("0001.%04d.01.01", k.minute)), Instrument: i, Quantity: k.quantity(i), Commission: dec("1.25")}
	if ids := sortedIDs(k.m.orders); len(ids) > 0 && rapid.IntRange(0, 3).Draw(k.t, "of an order") > 0 {
		o := k.m.orders[rapid.SampledFrom(ids).Draw(k.t, "order")]
		i = o.Instrument
		tr.OrderID, tr.Instrument = o.ID, i
		n := rapid.IntRange(1, 5).Draw(k.t, "quarters") // five is more than was ordered
		tr.Quantity = dec(mul(ratOf(o.Quantity), big.NewRat(int64(n), 4)).FloatString(2))
	}
	tr.Price = k.draw(i, "price")
	if last := k.splits[i.Key()]; rapid.IntRange(0, 4).Draw(k.t, "late") == 0 { // but no earlier than a split
		earlier := when.Add(-time.Duration(rapid.IntRange(1, 600).Draw(k.t, "seconds")) * time.Second)
		if earlier.After(last) && earlier.After(at(1)) {
			when = earlier
		}
	}
	tr.Time = when
	k.record(tr)
	k.m.facts = append(k.m.facts, modelFact{trade: tr, at: when})
	k.trades = append(k.trades, k.m.facts[len(k.m.facts)-1])
	root, _ := tr.ExecID.Correction()
	k.m.log = append(k.m.log, logged{trade: string(root)})
	k.m.recount()
}

func (k *machine) record(f ledger.Fact) {
	added, err := k.live.Record(background, f)
	require.NoError(k.t, err)
	require.Equal(k.t, 1, added, "%v must be new", f)
}

func sortedIDs(orders map[ledger.OrderID]*modelOrder) (ids []ledger.OrderID) {
	for id := range orders {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

func (k *machine) release() {
	ids := sortedIDs(k.m.orders)
	if len(ids) == 0 {
		return
	}
	id := rapid.SampledFrom(ids).Draw(k.t, "released")
	require.NoError(k.t, k.live.Release(background, id, "cancelled"))
	require.NoError(k.t, k.live.Release(background, id, "cancelled twice"))
	k.m.log = append(k.m.log, logged{released: id})
	k.m.recount()
}

// split doubles or halves what is held of a stock.
func (k *machine) split() {
	i := rapid.SampledFrom([]ledger.Instrument{xyz, sapShare}).Draw(k.t, "split of")
	if k.m.position(i.Key()).Sign() == 0 {
		return
	}
	s := ledger.Split{ID: fmt.Sprint("split-", k.minute), From: i, To: i, Numerator: dec("2"), Denominator: dec("1"), Time: k.next()}
	if rapid.Bool().Draw(k.t, "reverse") {
		s.Numerator, s.Denominator = s.Denominator, s.Numerator
	}
	k.record(s)
	k.splits[i.Key()] = s.Time
	k.m.facts = append(k.m.facts, modelFact{split: &s, at: s.Time})
	k.m.recount()
}

// amend corrects a trade or takes it back.
func (k *machine) amend() {
	if len(k.trades) == 0 {
		return
	}
	n := rapid.IntRange(0, len(k.trades)-1).Draw(k.t, "amended")
	was := k.trades[n].trade
	place := slices.IndexFunc(k.m.facts, func(f modelFact) bool { return f.split == nil && f.trade.ExecID == was.ExecID })
	if rapid.Bool().Draw(k.t, "cancel") {
		k.record(ledger.Cancellation{ExecID: ledger.ExecID(fmt.Sprint("cancel-", k.minute)), Cancels: was.ExecID, Time: k.next()})
		k.m.facts = slices.Delete(k.m.facts, place, place+1)
		k.trades = slices.Delete(k.trades, n, n+1)
	} else {
		root, version := was.ExecID.Correction()
		was.ExecID = ledger.ExecID(fmt.Sprintf("%s.%02d", root, version+1))
		was.Quantity, was.Price = k.quantity(was.Instrument), k.draw(was.Instrument, "corrected price")
		k.record(was)
		k.m.facts[place].trade, k.trades[n].trade = was, was
	}
	k.m.recount()
}

// restart opens the book in another process, from a checkpoint or from the beginning.
func (k *machine) restart() {
	if rapid.Bool().Draw(k.t, "checkpoint") {
		require.NoError(k.t, k.live.SaveCheckpoint(background))
	}
	m, err := accounts.New(k.b.Store, accounts.WithClock(func() time.Time { return now }))
	require.NoError(k.t, err)
	require.NoError(k.t, k.b.Manager.Close())
	k.b.Manager = m
	k.live, err = m.Portfolio(background, k.b.Profile.ID)
	require.NoError(k.t, err)
	for _, mark := range k.marks {
		require.NoError(k.t, k.live.Mark(mark))
	}
	require.NoError(k.t, k.live.MarkFX(k.rates...))
}

func (k *machine) step() {
	switch rapid.IntRange(0, 15).Draw(k.t, "step") {
	case 0, 1, 2, 3, 4, 5:
		k.reserve()
	case 6, 7, 8:
		k.trade()
	case 9:
		k.release()
	case 10, 11:
		k.mark(rapid.SampledFrom(exposed).Draw(k.t, "marked"))
	case 12:
		k.rate()
	case 13:
		k.cash(rapid.SampledFrom([]ledger.Currency{"USD", "EUR"}).Draw(k.t, "currency"), fmt.Sprint(rapid.IntRange(-20, 20).Draw(k.t, "thousands")*1000+500))
	case 14:
		k.split()
	case 15:
		k.amend()
	}
	if rapid.IntRange(0, 9).Draw(k.t, "restart") == 0 {
		k.restart()
	}
}

func requireRat(t require.TestingT, want *big.Rat, got ledger.Decimal, what string, args ...any) {
	require.True(t, want.Cmp(ratOf(got)) == 0, "%s is %s, must be %s", fmt.Sprintf(what, args...), got, want.FloatString(6))
}

// compare holds every figure of the report against the model's.
func (k *machine) compare() {
	s, p := k.live.Snapshot(), k.m.look(nil)
	require.Nil(k.t, s.Missing)
	requireRat(k.t, p.equity, s.Equity, "equity")
	requireRat(k.t, p.gross, s.Risk.Gross, "gross exposure")
	requireRat(k.t, abs(p.net), s.Risk.Net.Abs(), "net exposure")
	requireRat(k.t, p.margin, s.Risk.Margin, "margin")
	require.Equal(k.t, len(k.m.orders), len(s.Risk.Orders), "working orders")
	for _, o := range s.Risk.Orders {
		requireRat(k.t, k.m.orders[o.ID].left, o.Remaining(), "what is left of order %s", o.ID)
	}
	bounds := map[risk.Rule]risk.Limit{risk.RulePosition: k.m.limits.PositionSize, risk.RuleUnderlying: k.m.limits.UnderlyingSize,
		risk.RuleStrategy: k.m.limits.StrategyExposure, risk.RuleSector: k.m.limits.SectorExposure}
	seen := map[string]bool{}
	for _, u := range s.Risk.Usage {
		bound, subjects := bounds[u.Rule]
		if !subjects {
			continue
		}
		name := fmt.Sprintf("%s %s", u.Rule, u.Subject)
		require.NotNil(k.t, p.by[name], "%s is used, and the model knows nothing of it", name)
		requireRat(k.t, p.by[name], u.Used, "%s", name)
		requireRat(k.t, limit(bound, p.equity), u.Limit, "limit of %s", name)
		seen[name] = true
	}
	for rule, bound := range bounds {
		for name, used := range p.by {
			if !bound.IsZero() && len(name) > len(rule) && name[:len(rule)+1] == string(rule)+" " {
				require.True(k.t, seen[name], "%s of %s is not reported", name, used.FloatString(2))
			}
		}
	}
}

// TestPropertyExposure: after any history what is reported, and what is decided by it, is what the model says.
// requireRecounted counts the journal again from nothing: no correction, cancellation or late trade has
// left anything behind in what was counted step by step.
func (k *machine) requireRecounted() {
	folded := exposure.NewAccount("USD")
	var payloads []any
	for e, err := range k.b.Store.Entries(background, k.b.Profile.ID, 0) {
		require.NoError(k.t, err)
		p, err := e.Decode()
		require.NoError(k.t, err)
		folded.Apply(p, e.Seq)
		payloads = append(payloads, p)
	}
	r, ok := exposure.ResumeRefold(exposure.NewAccount("USD"), 0, folded.Amendments())
	require.True(k.t, ok)
	for i, p := range payloads {
		r.Add(int64(i+1), p)
	}
	left := folded.Restated(r.Finish())
	require.True(k.t, left.Empty(), "counting again changes %+v", left)
}

func TestPropertyExposure(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		k := newMachine(t, rt, drawLimits(rt))
		k.compare()
		for range rapid.IntRange(1, 40).Draw(rt, "steps") {
			k.step()
			k.compare()
		}
		require.NoError(rt, k.live.Verify(background))
		k.requireRecounted()
		k.restart()
		k.compare()
		for _, id := range sortedIDs(k.m.orders) {
			require.NoError(rt, k.live.Release(background, id, "the end"))
			k.m.log = append(k.m.log, logged{released: id})
		}
		k.m.recount()
		k.compare()
		for _, e := range k.m.log {
			if e.held == nil {
				continue
			}
			id := e.held.ID
			d, err := k.live.Reserve(background, risk.Order{ID: id, Instrument: xyz, Quantity: dec("0.5")})
			require.True(rt, errors.Is(err, accounts.ErrIDReused) || d.Broken(risk.RuleDone), "order %s is done: %s, %v", id, d, err)
		}
	})
}
