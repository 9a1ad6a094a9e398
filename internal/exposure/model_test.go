package exposure_test

import (
	"cmp"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// model is what an account has at risk, worked out anew from everything that ever happened to it, in
// fractions that never round: what the portfolio keeps up step by step must be the same.
type model struct {
	limits risk.Limits
	facts  []modelFact // trades in force and splits
	cash   map[ledger.Currency]*big.Rat
	// log is every order that was accepted or released and every trade, as they were recorded, with the
	// trades as they are in force. orders, those that work, and tags follow from it; see recount.
	log    []logged
	orders map[ledger.OrderID]*modelOrder
	// tags are what strategies have of a contract; sectors what underlyings are in.
	tags    map[ledger.InstrumentKey]map[string]*big.Rat
	sectors map[string]string
	marks   map[ledger.InstrumentKey]*big.Rat
	fx      map[ledger.Currency]*big.Rat
	known   map[ledger.InstrumentKey]ledger.Instrument
}

type modelFact struct {
	trade    ledger.Trade
	split    *ledger.Split
	at       time.Time
	strategy string // of the order that the trade filled
}

// logged is an order that was accepted, one that was released, or a trade: the number of its execution.
type logged struct {
	held     *risk.Order
	released ledger.OrderID
	trade    string
}

// recount works out which orders are left, by the trades in force at their places, and then what the
// strategies have, by the facts in the order of their times.
func (m *model) recount() {
	m.orders = map[ledger.OrderID]*modelOrder{}
	for i := range m.facts {
		m.facts[i].strategy = ""
	}
	for _, e := range m.log {
		switch {
		case e.held != nil:
			m.orders[e.held.ID] = &modelOrder{Order: *e.held, left: ratOf(e.held.Quantity)}
		case e.released != "":
			delete(m.orders, e.released)
		}
		at := slices.IndexFunc(m.facts, func(f modelFact) bool {
			root, _ := f.trade.ExecID.Correction()
			return f.split == nil && string(root) == e.trade
		})
		if e.trade == "" || at < 0 { // cancelled
			continue
		}
		f := &m.facts[at]
		o := m.orders[f.trade.OrderID]
		if o == nil || o.Instrument.Key() != f.trade.Instrument.Key() || o.Quantity.IsNeg() != f.trade.Quantity.IsNeg() {
			continue
		}
		f.strategy = o.Strategy
		if o.left = sub(o.left, ratOf(f.trade.Quantity)); o.left.Sign()*ratOf(o.Quantity).Sign() <= 0 {
			delete(m.orders, o.ID)
		}
	}
	m.tags = map[ledger.InstrumentKey]map[string]*big.Rat{}
	facts := slices.Clone(m.facts)
	slices.SortStableFunc(facts, func(a, b modelFact) int { return a.at.Compare(b.at) })
	upTo := &model{}
	for _, f := range facts {
		upTo.facts = append(upTo.facts, f)
		if s := f.split; s != nil {
			ratio := new(big.Rat).Quo(ratOf(s.Numerator), ratOf(s.Denominator))
			for name, q := range m.tags[s.From.Key()] {
				m.tags[s.From.Key()][name] = mul(q, ratio)
			}
			m.retag(s.From.Key(), "", zero(), upTo.position(s.From.Key()))
			continue
		}
		key := f.trade.Instrument.Key()
		m.retag(key, f.strategy, ratOf(f.trade.Quantity), upTo.position(key))
	}
}

type modelOrder struct {
	risk.Order
	left *big.Rat // with the order's sign
}

func newModel(limits risk.Limits) *model {
	return &model{
		limits: limits, cash: map[ledger.Currency]*big.Rat{}, orders: map[ledger.OrderID]*modelOrder{},
		tags: map[ledger.InstrumentKey]map[string]*big.Rat{}, sectors: map[string]string{},
		marks: map[ledger.InstrumentKey]*big.Rat{}, fx: map[ledger.Currency]*big.Rat{"USD": rat("1")},
		known: map[ledger.InstrumentKey]ledger.Instrument{},
	}
}

func rat(s string) *big.Rat {
	r, ok := new(big.Rat).SetString(s)
	if !ok {
		panic(s)
	}
	return r
}

func ratOf(d ledger.Decimal) *big.Rat { return rat(d.String()) }

func add(a, b *big.Rat) *big.Rat { return new(big.Rat).Add(a, b) }
func sub(a, b *big.Rat) *big.Rat { return new(big.Rat).Sub(a, b) }
func mul(a, b *big.Rat) *big.Rat { return new(big.Rat).Mul(a, b) }
func abs(a *big.Rat) *big.Rat    { return new(big.Rat).Abs(a) }
func zero() *big.Rat             { return new(big.Rat) }

func largest(list ...*big.Rat) *big.Rat {
	return slices.MaxFunc(list, func(a, b *big.Rat) int { return a.Cmp(b) })
}

// position is what is held of a contract, by the facts in force in the order of their times.
func (m *model) position(key ledger.InstrumentKey) *big.Rat {
	facts := slices.Clone(m.facts)
	slices.SortStableFunc(facts, func(a, b modelFact) int { return a.at.Compare(b.at) })
	held := map[ledger.InstrumentKey]*big.Rat{}
	of := func(key ledger.InstrumentKey) *big.Rat {
		if held[key] == nil {
			held[key] = zero()
		}
		return held[key]
	}
	for _, f := range facts {
		if s := f.split; s != nil {
			from := mul(of(s.From.Key()), new(big.Rat).Quo(ratOf(s.Numerator), ratOf(s.Denominator)))
			held[s.From.Key()] = zero()
			held[s.To.Key()] = add(of(s.To.Key()), from)
			continue
		}
		held[f.trade.Instrument.Key()] = add(of(f.trade.Instrument.Key()), ratOf(f.trade.Quantity))
	}
	return of(key)
}

// units is base currency per point of a contract's price.
func (m *model) units(i ledger.Instrument) *big.Rat {
	return mul(ratOf(i.Multiplier), m.fx[i.Currency])
}

// equity is all money that ever came in less what went, and what the positions are worth: for a
// future, too, what trading it cost and what it stands at is together what was gained.
func (m *model) equity() *big.Rat {
	sum := zero()
	for c, amount := range m.cash {
		sum = add(sum, mul(amount, m.fx[c]))
	}
	for _, f := range m.facts {
		if f.split == nil {
			t := f.trade
			flow := add(mul(mul(ratOf(t.Quantity), ratOf(t.Price)), ratOf(t.Instrument.Multiplier)), ratOf(t.Commission))
			sum = sub(sum, mul(flow, m.fx[t.Instrument.Currency]))
		}
	}
	for key, i := range m.known {
		sum = add(sum, mul(mul(m.position(key), m.marks[key]), m.units(i)))
	}
	return sum
}

// parcel is a quantity at a price, both without sign.
type parcel struct{ quantity, price *big.Rat }

// stakes is what is held and working of a contract, all of it or one strategy's.
func (m *model) stakes(key ledger.InstrumentKey, strategy string, more *modelOrder) (held *big.Rat, buys, sells []parcel) {
	held = m.position(key)
	if strategy != "" {
		held = zero()
		if q := m.tags[key][strategy]; q != nil {
			held = q
		}
	}
	orders := make([]*modelOrder, 0, len(m.orders)+1)
	for _, o := range m.orders {
		orders = append(orders, o)
	}
	if more != nil {
		orders = append(orders, more)
	}
	for _, o := range orders {
		if o.Instrument.Key() != key || strategy != "" && o.Strategy != strategy {
			continue
		}
		// An order costs its own price, or the mark where that is more.
		p := parcel{abs(o.left), largest(abs(ratOf(o.Price)), abs(m.marks[key]))}
		if o.left.Sign() > 0 {
			buys = append(buys, p)
		} else {
			sells = append(sells, p)
		}
	}
	return held, buys, sells
}

func total(list []parcel) (quantity, worth, highest *big.Rat) {
	quantity, worth, highest = zero(), zero(), zero()
	for _, p := range list {
		quantity, worth, highest = add(quantity, p.quantity), add(worth, mul(p.quantity, p.price)), largest(highest, p.price)
	}
	return quantity, worth, highest
}

// side is what would be held on one side if every order on it filled and none on the other, and its
// worth in points: what is held at the mark, each order at its price. What passes through zero
// is taken at the dearest order's price, for nobody knows which one takes it there.
func side(held *big.Rat, orders []parcel, mark *big.Rat) (quantity, worth *big.Rat) {
	ordered, cost, highest := total(orders)
	if held.Sign() >= 0 {
		return add(held, ordered), add(mul(held, abs(mark)), cost)
	}
	if n := add(held, ordered); n.Sign() > 0 {
		return n, mul(n, highest)
	}
	return zero(), zero()
}

// risk is what one contract, or all, put at risk in base currency.
type atRisk struct{ worst, high, low, initial, maintenance *big.Rat }

func writes(i ledger.Instrument) bool {
	return i.SecType == ledger.Option || i.SecType == ledger.FutureOption
}

func (m *model) contract(i ledger.Instrument, strategy string, more *modelOrder) atRisk {
	key, units := i.Key(), m.units(i)
	mark := m.marks[key]
	held, buys, sells := m.stakes(key, strategy, more)
	longs, worth := side(held, buys, mark)
	long := mul(worth, units)
	shorts, worth := side(new(big.Rat).Neg(held), sells, mark)
	short := mul(worth, units)
	if writes(i) {
		short = mul(mul(shorts, ratOf(i.Strike)), units)
	}
	r := atRisk{worst: largest(long, short), high: long, low: new(big.Rat).Neg(short)}
	bought, _, _ := total(buys)
	sold, _, _ := total(sells)
	if held.Sign() < 0 && longs.Sign() == 0 { // short, however much of the buying is done
		price := abs(mark)
		if writes(i) {
			price = ratOf(i.Strike)
		}
		r.high = mul(mul(add(held, bought), price), units)
	}
	if held.Sign() > 0 && shorts.Sign() == 0 {
		r.low = mul(mul(sub(held, sold), abs(mark)), units)
	}
	if i.Right == ledger.Put { // it gains as the price falls
		r.high, r.low = new(big.Rat).Neg(r.low), new(big.Rat).Neg(r.high)
	}
	m.margins(&r, i, long, short, shorts, mul(worth, units))
	return r
}

// margins is Regulation T's initial margin, and the maintenance margin of FINRA rule 4210.
func (m *model) margins(r *atRisk, i ledger.Instrument, long, short, shorts, price *big.Rat) {
	r.maintenance = zero()
	share := ratOf(m.limits.FuturesMargin)
	switch i.SecType {
	case ledger.Stock:
		r.initial = mul(r.worst, rat("0.5"))
		if m.intraday() {
			r.maintenance = largest(mul(long, rat("0.25")), mul(short, rat("0.3")))
		}
		return
	case ledger.Future:
		r.initial = mul(r.worst, share)
	case ledger.FutureOption:
		at := short // a future is worth no more than the strike and the price of a call
		if i.Right == ledger.Call {
			at = add(short, price)
		}
		r.initial = largest(long, add(price, mul(at, share)))
	default:
		r.initial = long
		if shorts.Sign() > 0 {
			r.initial = largest(long, add(price, m.written(i, shorts)))
		}
	}
	r.maintenance = r.initial
}

// written is the margin of short options besides their price: 20 % of the underlying's value less what they
// are out of the money, or 10 % of that value (of the strike for puts), whichever is more.
func (m *model) written(i ledger.Instrument, shorts *big.Rat) *big.Rat {
	value, strike := m.marks[ledger.NewStock(i.Underlying, i.Currency).Key()], ratOf(i.Strike)
	away, least := sub(strike, value), mul(value, rat("0.1"))
	if i.Right == ledger.Put {
		away, least = sub(value, strike), mul(strike, rat("0.1"))
	}
	per := largest(least, sub(mul(value, rat("0.2")), largest(away, zero())))
	return mul(mul(shorts, per), m.units(i))
}

func (m *model) intraday() bool {
	return len(m.limits.DayTrading) > 0 && m.limits.DayTrading[0].Policy == risk.IntradayMargin
}

// picture is everything that limits are about.
type picture struct {
	equity      *big.Rat
	gross, net  *big.Rat
	margin      *big.Rat
	maintenance *big.Rat
	by          map[string]*big.Rat // rule and subject
}

func underlying(i ledger.Instrument) string {
	if i.SecType == ledger.Option {
		return i.Underlying
	}
	return i.Symbol
}

// look works everything out, with one more order or without.
func (m *model) look(more *modelOrder) picture {
	p := picture{equity: m.equity(), gross: zero(), maintenance: zero(), by: map[string]*big.Rat{}}
	high, low, initial := zero(), zero(), zero()
	count := func(rule risk.Rule, subject string, amount *big.Rat) {
		name := fmt.Sprintf("%s %s", rule, subject)
		if p.by[name] == nil {
			p.by[name] = zero()
		}
		p.by[name] = add(p.by[name], amount)
	}
	for key, i := range m.known {
		held, buys, sells := m.stakes(key, "", more)
		if held.Sign() == 0 && len(buys)+len(sells) == 0 {
			continue
		}
		r := m.contract(i, "", more)
		p.gross, high, low = add(p.gross, r.worst), add(high, r.high), add(low, r.low)
		initial, p.maintenance = add(initial, r.initial), add(p.maintenance, r.maintenance)
		count(risk.RulePosition, string(key), r.worst)
		count(risk.RuleUnderlying, underlying(i), r.worst)
		sector := m.sectors[underlying(i)]
		if more != nil && more.Sector != "" && underlying(more.Instrument) == underlying(i) {
			sector = more.Sector
		}
		if sector != "" && r.worst.Sign() != 0 {
			count(risk.RuleSector, sector, r.worst)
		}
		for s := range m.strategies(key, more) {
			if worst := m.contract(i, s, more).worst; worst.Sign() != 0 {
				count(risk.RuleStrategy, s, worst)
			}
		}
	}
	p.net = high
	if abs(low).Cmp(abs(high)) > 0 {
		p.net = low
	}
	p.margin = initial
	if p.equity.Cmp(rat("2000")) < 0 { // nothing is lent
		p.margin = largest(initial, p.gross)
	}
	return p
}

func (m *model) strategies(key ledger.InstrumentKey, more *modelOrder) map[string]bool {
	out := map[string]bool{}
	for s := range m.tags[key] {
		out[s] = true
	}
	for _, o := range m.orders {
		if o.Strategy != "" && o.Instrument.Key() == key {
			out[o.Strategy] = true
		}
	}
	if more != nil && more.Strategy != "" && more.Instrument.Key() == key {
		out[more.Strategy] = true
	}
	return out
}

// limit is a bound at the equity; nil for none.
func limit(l risk.Limit, equity *big.Rat) *big.Rat {
	var out *big.Rat
	if !l.Amount.IsZero() {
		out = ratOf(l.Amount)
	}
	if !l.Fraction.IsZero() {
		f := mul(largest(equity, zero()), ratOf(l.Fraction))
		if out == nil || f.Cmp(out) < 0 {
			out = f
		}
	}
	return out
}

// reduces reports whether the order only makes a position smaller, whatever else works on its side.
func (m *model) reduces(o *modelOrder) bool {
	held, buys, sells := m.stakes(o.Instrument.Key(), "", nil)
	same := buys
	if o.left.Sign() < 0 {
		same = sells
	}
	n, _, _ := total(same)
	return held.Sign()*o.left.Sign() < 0 && add(n, abs(o.left)).Cmp(abs(held)) <= 0
}

// broken lists the limits on exposure and margin that the order would break. One that is no
// concern of the order's (another strategy's, say) does not count.
func (m *model) broken(o *modelOrder) []risk.Rule {
	if m.reduces(o) {
		return nil
	}
	p, out := m.look(o), map[risk.Rule]bool{}
	over := func(rule risk.Rule, used, bound *big.Rat) {
		if bound != nil && used != nil && used.Cmp(bound) > 0 {
			out[rule] = true
		}
	}
	if p.equity.Sign() <= 0 {
		return []risk.Rule{risk.RuleEquity}
	}
	subject := func(rule risk.Rule, s string) *big.Rat { return p.by[fmt.Sprintf("%s %s", rule, s)] }
	u := underlying(o.Instrument)
	sector := cmp.Or(o.Sector, m.sectors[u])
	over(risk.RulePosition, subject(risk.RulePosition, string(o.Instrument.Key())), limit(m.limits.PositionSize, p.equity))
	over(risk.RuleUnderlying, subject(risk.RuleUnderlying, u), limit(m.limits.UnderlyingSize, p.equity))
	over(risk.RuleStrategy, subject(risk.RuleStrategy, o.Strategy), limit(m.limits.StrategyExposure, p.equity))
	over(risk.RuleSector, subject(risk.RuleSector, sector), limit(m.limits.SectorExposure, p.equity))
	over(risk.RuleGross, p.gross, limit(m.limits.GrossExposure, p.equity))
	over(risk.RuleLeverage, p.gross, mul(p.equity, ratOf(m.limits.Leverage)))
	over(risk.RuleNet, abs(p.net), limit(m.limits.NetExposure, p.equity))
	over(risk.RuleBuyingPower, p.margin, p.equity)
	if m.intraday() {
		over(risk.RuleDayTrades, p.maintenance, p.equity)
	}
	rules := make([]risk.Rule, 0, len(out))
	for r := range out {
		rules = append(rules, r)
	}
	slices.Sort(rules)
	return rules
}

// retag gives what was traded to a strategy; together they never have more than the position, and what
// others trade takes from them in the order of their names.
func (m *model) retag(key ledger.InstrumentKey, strategy string, quantity, position *big.Rat) {
	tags := m.tags[key]
	if tags == nil {
		tags = map[string]*big.Rat{}
		m.tags[key] = tags
	}
	if strategy != "" {
		if tags[strategy] == nil {
			tags[strategy] = zero()
		}
		tags[strategy] = add(tags[strategy], quantity)
	}
	sum := zero()
	names := make([]string, 0, len(tags))
	for s, q := range tags {
		if q.Sign() != position.Sign() {
			delete(tags, s)
			continue
		}
		names, sum = append(names, s), add(sum, abs(q))
	}
	slices.Sort(names)
	for over := sub(sum, abs(position)); over.Sign() > 0; names = names[1:] {
		q := tags[names[0]]
		cut := over
		if abs(q).Cmp(cut) <= 0 {
			cut = abs(q)
			delete(tags, names[0])
		} else {
			tags[names[0]] = sub(q, mul(cut, rat(fmt.Sprint(q.Sign()))))
		}
		over = sub(over, cut)
	}
}
