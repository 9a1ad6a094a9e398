package rulemodel_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// restated switches on what a library that keeps state beside the trades in force gets wrong:
// corrections, cancellations and late trades.
const restated = true

// foreignFlows switches on deposits and withdrawals in a foreign currency.
const foreignFlows = true

// transfers switches on positions that come or go otherwise than by trades in the middle of a history, and
// rates that are told later.
const transfers = true

// unratedFlows switches on capital in a foreign currency without any rate where there are equity points, and
// what comes after it. With the rate of the day the capital changes too, and so does the loss that is told.
const unratedFlows = false

// rateless switches on capital without any rate, own or of the day, before the first equity point.
const rateless = true

// start is when every history begins: a Monday, with a holiday on the Friday.
var start = time.Date(2026, 6, 15, 14, 30, 0, 0, time.UTC)

// shortOthers switches on sales of funds, bonds and cryptocurrencies, which may sell them short.
const shortOthers = true

// shortable reports whether the contract may be sold in a history.
func shortable(i ledger.Instrument) bool {
	switch i.SecType {
	case ledger.Fund, ledger.Bond, ledger.Crypto:
		return shortOthers
	}
	return true
}

func dec(s string) ledger.Decimal { return ledger.MustDecimal(s) }

func cents(n int) ledger.Decimal { return dec(fmt.Sprintf("%d.%02d", n/100, n%100)) }

// step is one thing that happens in a history, in full: a list of steps can be shortened and played
// again.
type step struct {
	name    string
	advance time.Duration
	marks   []ledger.Mark // times are set when the step is played
	age     time.Duration // of marks and rates
	rates   []ledger.FXRate
	cash    *ledger.CashMovement
	order   *risk.Order
	id      ledger.OrderID // of the order that is filled or released
	part    int            // of four, how much of it is filled
	price   ledger.Decimal
	held    time.Duration // how long before a transfer its lot was opened
	// switched plays the step whatever is switched off: a history of TestMended.
	switched bool
	trade    *ledger.Trade
	split    *ledger.Split
	limits   *risk.Limits
	status   risk.ProfileStatus
}

func (s step) String() string {
	text := s.name
	if s.advance != 0 {
		text += " " + s.advance.String()
	}
	for _, m := range s.marks {
		text += fmt.Sprintf(" %s=%s", m.Instrument.Key(), m.Price)
	}
	for _, r := range s.rates {
		text += fmt.Sprintf(" %s=%s", r.Currency, r.Rate)
	}
	if s.age != 0 {
		text += " of " + s.age.String() + " ago"
	}
	if s.cash != nil {
		text += fmt.Sprintf(" %s %s %s", s.cash.Kind, s.cash.Amount, s.cash.Currency)
	}
	if s.order != nil {
		o := s.order
		text += fmt.Sprintf(" %s: %s of %s at %s, strategy %q, sector %q",
			o.ID, o.Quantity, o.Instrument.Key(), o.Price, o.Strategy, o.Sector)
	}
	if s.id != "" {
		text += fmt.Sprintf(" %s %d/4 at %s", s.id, s.part, s.price)
	}
	if s.trade != nil {
		text += fmt.Sprintf(" %s of %s at %s", s.trade.Quantity, s.trade.Instrument.Key(), s.trade.Price)
	}
	if s.id == "" && (s.part != 0 || !s.price.IsZero()) {
		text += fmt.Sprintf(" part %d price %s", s.part, s.price)
	}
	if s.split != nil {
		text += fmt.Sprintf(" %s %s for %s", s.split.From.Key(), s.split.Numerator, s.split.Denominator)
	}
	if s.limits != nil {
		text += fmt.Sprintf(" %+v", *s.limits)
	}
	return text + string(s.status)
}

// movements are of capital.
var movements = []*ledger.CashMovement{
	{Kind: ledger.Deposit, Currency: "USD", Amount: dec("8000")},
	{Kind: ledger.Deposit, Currency: "EUR", Amount: dec("5000")},
	{Kind: ledger.Withdrawal, Currency: "USD", Amount: dec("-1000")},
	{Kind: ledger.Withdrawal, Currency: "USD", Amount: dec("-6000")},
}

// script draws the steps of a history.
type script struct {
	*rand.Rand
	steps  []step
	prices []int
	orders []risk.Order
	zone   string
	round  bool
}

func (s *script) add(st step) {
	s.steps = append(s.steps, st)
}

func (s *script) chance(percent int) bool { return s.IntN(100) < percent }

func pick[T any](s *script, list ...T) T { return list[s.IntN(len(list))] }

// draw returns the steps of the history with the number.
func draw(seed uint64) []step {
	s := &script{Rand: rand.New(rand.NewPCG(seed, 14))}
	for _, l := range listings {
		s.prices = append(s.prices, l.low+s.IntN(l.high-l.low+1))
	}
	s.round = s.chance(40)
	l := s.limits()
	s.add(step{name: "limits", limits: &l})
	capital := dec(pick(s, "100000", "1900", "30000", "25000", "24000", "12000", "2500"))
	s.add(step{name: "cash", cash: &ledger.CashMovement{Kind: ledger.Deposit, Currency: "USD", Amount: capital}})
	if s.chance(15) {
		s.inKind()
	}
	if s.chance(10) {
		s.add(step{name: "cash", cash: movements[1], advance: time.Second, age: s.late()})
	}
	if s.chance(85) {
		s.add(step{name: "rate", rates: []ledger.FXRate{{Currency: "EUR", Rate: dec("1.25")}}})
	}
	for s.chance(30) {
		s.inKind()
	}
	if s.chance(30) {
		s.tellRate()
	}
	if s.chance(15) {
		l := listings[s.IntN(4)]
		q := dec(fmt.Sprint(l.lot * pick(s, 5, -3, 2)))
		s.add(step{name: "opening", trade: &ledger.Trade{Instrument: l.Instrument, Quantity: q, Price: dec("90")}})
	}
	if s.chance(30) { // the day before a holiday and a weekend
		s.add(step{name: "advance", advance: 72 * time.Hour})
	}
	s.markAll(100)
	if s.chance(60) {
		s.point()
	}
	if s.chance(8) {
		s.dayTrader()
	}
	if s.chance(8) {
		s.strategist()
	}
	for range 10 + s.IntN(30) {
		s.next()
	}
	return s.steps
}

// dayTrader draws many small trades of few contracts over some days, and orders between them.
func (s *script) dayTrader() {
	l := s.limits()
	l.Account, l.DayTrading = risk.MarginAccount, []risk.DatedPolicy{{Policy: risk.PatternDayTrader}}
	l.ShortSelling, l.UncoveredOptions = true, true
	s.add(step{name: "limits", limits: &l})
	flat := s.chance(50)
	for range 8 + s.IntN(12) {
		n := pick(s, 0, 1, 1, 4)
		i := listings[n]
		q := dec(pick(s, "1", "2", "3", "-1", "-2", "-3"))
		t := &ledger.Trade{Instrument: i.Instrument, Quantity: q, Price: s.priceOf(i.Instrument)}
		if flat { // nothing is gained or lost
			t.Price = cents(s.prices[n])
		}
		s.add(step{name: "trade", advance: time.Second, trade: t})
		if s.chance(30) { // all of it leaves, and comes back in part or is bought again
			s.move("depart", i, 4)
			s.move(pick(s, "come", "come", "trade"), i, 0)
			s.add(step{name: "trade", advance: time.Second, trade: t})
			s.add(step{name: "trade", advance: time.Second, trade: &ledger.Trade{Instrument: t.Instrument, Quantity: t.Quantity.Neg(), Price: t.Price}})
		}
		if s.chance(15) {
			s.add(step{name: "advance", advance: pick(s, 24*time.Hour, 12*time.Hour, 48*time.Hour)})
		}
		if s.chance(25) {
			if !flat {
				s.markAll(100)
			}
			s.order()
		}
	}
}

// strategist draws orders of a strategy that is near its limit, and transfers of what it holds.
func (s *script) strategist() {
	l := s.limits()
	l.StrategyExposure = risk.Limit{Amount: dec(pick(s, "4000", "6000", "9500"))}
	l.PriceCollar, l.Leverage, l.SecTypes = dec("0.5"), dec("50"), append(l.SecTypes, ledger.Stock)
	s.add(step{name: "limits", limits: &l})
	for range 3 + s.IntN(4) {
		n := s.IntN(2)
		i := listings[n]
		o := risk.Order{ID: ledger.OrderID(fmt.Sprintf("o%d", len(s.orders)+1)), Instrument: i.Instrument,
			Quantity: dec(fmt.Sprint(i.lot * pick(s, 1, 1, 2))), Strategy: pick(s, "", "trend", "trend", "pairs")}
		s.orders = append(s.orders, o)
		s.markAll(100)
		s.add(step{name: "order", order: &o, advance: time.Second})
		s.add(step{name: "fill", id: o.ID, part: pick(s, 4, 4, 2), price: cents(s.prices[n]), advance: time.Second})
		if s.chance(40) {
			s.move("depart", i, pick(s, 1, 2, 3, 4))
		}
	}
}

// move has a position come or go now, or be bought: the usual quantity, or so many quarters of what is held.
func (s *script) move(name string, l listing, part int) {
	s.add(step{name: name, advance: time.Second, part: part, held: 48 * time.Hour,
		trade: &ledger.Trade{Instrument: l.Instrument, Quantity: dec(fmt.Sprint(l.lot)), Price: s.priceOf(l.Instrument)}})
}

// markAll marks most contracts anew.
func (s *script) markAll(percent int) {
	var marks []ledger.Mark
	for n, l := range listings {
		if !s.chance(percent) {
			continue
		}
		spread := max((l.high-l.low)/8, 1)
		s.prices[n] = min(max(s.prices[n]+s.IntN(2*spread+1)-spread, l.low), l.high)
		if s.round { // so that limits are met exactly
			s.prices[n] = (s.prices[n] + 50) / 100 * 100
		}
		marks = append(marks, ledger.Mark{Instrument: l.Instrument, Price: cents(s.prices[n])})
	}
	s.add(step{name: "marks", marks: marks, advance: time.Second})
	if s.chance(4) {
		l := pick(s, listings...)
		m := ledger.Mark{Instrument: l.Instrument}
		if s.chance(50) {
			m.Price = cents(l.low)
		}
		// None, an old one, or one from ahead of the clock.
		s.add(step{name: "marks", marks: []ledger.Mark{m}, age: pick(s, 0, time.Minute, -time.Minute)})
	}
}

func (s *script) point() {
	s.add(step{name: "point", advance: time.Second})
}

func (s *script) next() {
	if restated && s.chance(12) {
		s.add(step{name: pick(s, "correct", "cancel", "late"), part: s.IntN(1000), price: dec(pick(s, "2", "0.5", "0.1"))})
	}
	if s.chance(6) {
		if m := pick(s, movements...); m.Currency == "USD" || foreignFlows {
			if m.Currency != "USD" && s.chance(85) {
				s.add(step{name: "rate", rates: []ledger.FXRate{{Currency: m.Currency, Rate: dec(pick(s, "1.25", "1.2", "1.3"))}}})
			}
			s.add(step{name: "cash", advance: time.Second, cash: m, age: s.late()})
		}
	}
	if transfers && s.chance(7) {
		s.inKind()
	}
	if transfers && s.chance(3) {
		s.tellRate()
	}
	switch n := s.IntN(100); {
	case n < 52:
		s.order()
	case n < 60:
		s.add(step{name: "advance", advance: pick(s, 10*time.Second, 40*time.Second, 56*time.Second, 57*time.Second, 58*time.Second, 59*time.Second,
			3*time.Minute, 5*time.Minute-time.Second, time.Hour)})
		s.markAll(pick(s, 100, 100, 80))
	case n < 67:
		s.add(step{name: "advance", advance: pick(s, 24*time.Hour, 18*time.Hour, 48*time.Hour, 72*time.Hour)})
		s.add(step{name: "rate", rates: []ledger.FXRate{{Currency: "EUR", Rate: dec(pick(s, "1.25", "1.2", "1.3"))}}})
		s.markAll(pick(s, 100, 100, 90))
	case n < 72:
		s.crash()
	case n < 77:
		s.point()
	case n < 82:
		l := s.limits()
		s.add(step{name: "limits", limits: &l})
	case n < 84:
		s.add(step{name: "status", status: pick(s, risk.StatusActive, risk.StatusInactive, risk.StatusSuspended)})
		s.order()
		s.add(step{name: "status", status: risk.StatusActive})
	case n < 88:
		s.add(step{name: pick(s, "halt", "reduce", "resume", "resume")})
	case n < 91:
		s.tradeAlone()
	case n < 93:
		s.add(step{name: "cash", cash: &ledger.CashMovement{Kind: pick(s, ledger.Fee, ledger.Dividend, ledger.Interest),
			Currency: pick[ledger.Currency](s, "USD", "USD", "EUR"), Amount: dec(pick(s, "-300", "200", "-1500", "40.25"))}})
	case n < 94:
		s.add(step{name: "rate", age: pick(s, 0, 2*time.Hour), rates: []ledger.FXRate{{Currency: "EUR", Rate: dec(pick(s, "1.25", "1.2", "1.3"))}}})
	case n < 96:
		s.again()
	case n < 98:
		s.add(step{name: pick(s, "expire", "assign")})
	default:
		s.add(step{name: "split", split: &ledger.Split{From: listings[1].Instrument, To: listings[1].Instrument,
			Numerator: dec(pick(s, "2", "3", "1")), Denominator: dec("1")}})
	}
}

// crash moves prices by much, so that losses come.
func (s *script) crash() {
	n := s.IntN(4)
	l := listings[n]
	s.prices[n] = max(s.prices[n]*pick(s, 60, 75, 85, 120)/100, 1)
	s.add(step{name: "marks", marks: []ledger.Mark{{Instrument: l.Instrument, Price: cents(s.prices[n])}}})
}

// order draws an order, and mostly what becomes of it.
func (s *script) order() {
	n := s.IntN(len(listings))
	l := listings[n]
	o := risk.Order{ID: ledger.OrderID(fmt.Sprintf("o%d", len(s.orders)+1)), Instrument: l.Instrument,
		Quantity: dec(fmt.Sprint(l.lot * pick(s, 1, 1, 2, 3, 5))),
		Strategy: pick(s, "", "", "trend", "pairs"), Sector: pick(s, "", "", "tech", "energy")}
	if s.chance(45) {
		o.Quantity = o.Quantity.Neg()
	}
	if len(s.orders) > 0 && s.chance(25) { // the other way around, to close
		old := pick(s, s.orders...)
		o.Instrument, o.Quantity = old.Instrument, old.Quantity.Neg()
	}
	if len(s.orders) > 0 && s.chance(5) { // a duplicate
		old := pick(s, s.orders...)
		o.Instrument, o.Quantity, o.Price = old.Instrument, old.Quantity, old.Price
	} else if s.chance(60) {
		o.Price = s.priceOf(o.Instrument)
	}
	if !shortable(o.Instrument) {
		o.Quantity = o.Quantity.Abs()
	}
	if s.chance(1) {
		o.Quantity = ledger.Decimal{}
	}
	s.orders = append(s.orders, o)
	if s.chance(75) {
		s.markAll(100)
	}
	s.add(step{name: "order", order: &o, advance: time.Second})
	switch {
	case s.chance(55):
		s.add(step{name: "fill", id: o.ID, part: pick(s, 4, 4, 4, 1, 2), price: s.priceOf(o.Instrument), advance: time.Second})
	case s.chance(20):
		s.add(step{name: "release", id: o.ID})
	case s.chance(10):
		s.astray(&o)
	}
}

// astray draws a trade that names an order and fills it not: of another contract, or on the other side.
func (s *script) astray(o *risk.Order) {
	l := listings[s.IntN(2)]
	t := ledger.Trade{Instrument: l.Instrument, Quantity: dec(fmt.Sprint(pick(s, l.lot, -l.lot))), Price: s.priceOf(l.Instrument)}
	if l.Key() == o.Instrument.Key() && t.Quantity.IsNeg() == o.Quantity.IsNeg() {
		t.Quantity = t.Quantity.Neg()
	}
	s.add(step{name: "trade", id: o.ID, trade: &t, advance: time.Second})
}

// priceOf returns a price near the mark.
func (s *script) priceOf(i ledger.Instrument) ledger.Decimal {
	for n, l := range listings {
		if l.Key() == i.Key() {
			return cents(max(s.prices[n]*pick(s, 100, 100, 99, 101, 90, 110, 105, 95)/100, 1))
		}
	}
	panic("no such contract")
}

// tradeAlone draws a trade that no order made.
func (s *script) tradeAlone() {
	l := pick(s, listings...)
	q := dec(fmt.Sprint(l.lot * pick(s, 1, 2, 3)))
	if s.chance(50) && shortable(l.Instrument) {
		q = q.Neg()
	}
	s.add(step{name: "trade", advance: time.Second, trade: &ledger.Trade{Instrument: l.Instrument, Quantity: q,
		Price: s.priceOf(l.Instrument), Commission: dec(pick(s, "0", "1"))}})
}

// late is how long ago capital moved that is recorded now.
func (s *script) late() time.Duration {
	return pick(s, 0, 0, 0, 2*time.Second, time.Minute, 3*time.Hour, 25*time.Hour)
}

func (s *script) tellRate() {
	s.add(step{name: "tell rate", advance: time.Second, part: s.IntN(1000), price: dec(pick(s, "1.25", "1.1", "1.4"))})
}

// inKind draws a position that comes or goes otherwise than by a trade.
func (s *script) inKind() {
	l := pick(s, listings...)
	for len(s.orders) > 0 && s.chance(60) && l.Instrument.Key() != s.orders[len(s.orders)-1].Instrument.Key() {
		l = pick(s, listings...) // mostly of what was traded last
	}
	q := dec(fmt.Sprint(l.lot * pick(s, 1, 2, 3)))
	if s.chance(35) && shortable(l.Instrument) {
		q = q.Neg()
	}
	st := step{name: pick(s, "opening", "come", "come", "depart", "depart", "depart"), advance: time.Second, age: s.late(),
		trade: &ledger.Trade{Instrument: l.Instrument, Quantity: q, Price: s.priceOf(l.Instrument)},
		held:  pick(s, 0, 0, time.Second, 48*time.Hour)}
	if st.name == "depart" {
		st.part = pick(s, 0, 1, 2, 4, 4, 5)
	}
	if s.chance(40) || st.age > 0 && s.chance(80) {
		st.price = s.priceOf(l.Instrument)
	}
	s.add(st)
}

// again asks again for an order that was asked for before, or for another one with its id.
func (s *script) again() {
	if len(s.orders) == 0 {
		return
	}
	o := pick(s, s.orders...)
	if s.chance(40) {
		o.Strategy = "other"
	}
	s.markAll(100)
	s.add(step{name: "order", order: &o})
}

// limits draws limits, each of them near what is traded or absent.
func (s *script) limits() risk.Limits {
	l := risk.Limits{
		Account: pick(s, risk.MarginAccount, risk.MarginAccount, risk.CashAccount),
		SecTypes: []ledger.SecType{ledger.Stock, ledger.Option, ledger.Future, ledger.Fund, ledger.FutureOption, ledger.CFD,
			ledger.Warrant, ledger.Bond, ledger.Crypto},
		ShortSelling: s.chance(70), UncoveredOptions: s.chance(45),
		PriceCollar: dec(pick(s, "0.05", "0.5")), OptionCollar: dec(pick(s, "0.05", "5")),
		MarkAge: pick(s, time.Minute, 5*time.Minute), RateAge: pick(s, time.Hour, 100*time.Hour),
		Leverage: dec(pick(s, "50", "50", "1", "0.3")), FuturesMargin: dec(pick(s, "0.15", "0.5")),
		Drawdown: risk.DrawdownLimits{Warning: dec("0.01"), Moderate: dec("0.02"), Severe: dec("0.04"), Critical: dec("0.08")},
		WarnAt:   dec(pick(s, "0.8", "0.5", "1")),
	}
	if s.chance(50) {
		l.Drawdown = risk.DrawdownLimits{Warning: dec("0.2"), Moderate: dec("0.4"), Severe: dec("0.6"), Critical: dec("0.8")}
	}
	if len(s.steps) == 0 { // the zone cannot change
		s.zone = pick(s, "", "", "", "", "", "Asia/Tokyo", "Europe/Berlin", "America/Los_Angeles")
	}
	l.TimeZone = s.zone
	if s.chance(10) {
		l.SecTypes = l.SecTypes[1:]
	}
	if s.chance(8) {
		l.AllowedSymbols = pick(s, []string{"XYZ", "ABC", "SAP"}, []string{"XYZ", "XYZ1", "MCL", "BND"}, []string{"XYZ1", "MCL", "MCLN6", "XYZ WS"})
	}
	if s.chance(8) {
		l.RestrictedSymbols = []string{pick(s, "XYZ", "MCL", "SAP", "MCLN6", "XYZ1", "XYZ WS")}
	}
	if s.chance(15) {
		l.OrderQuantity = dec(pick(s, "50", "2", "100", "40", "3"))
	}
	if s.chance(15) {
		l.DuplicateWindow = pick(s, 5*time.Second, time.Minute)
	}
	l.OrdersPerMinute = pick(s, 0, 0, 0, 1, 3)
	l.OrdersPerDay = pick(s, 0, 0, 0, 0, 6)
	l.TradesPerDay = pick(s, 0, 0, 0, 0, 5)
	l.OpenPositions = pick(s, 0, 0, 0, 4)
	for _, limit := range []*risk.Limit{&l.OrderNotional, &l.PositionSize, &l.UnderlyingSize, &l.GrossExposure, &l.NetExposure, &l.StrategyExposure, &l.SectorExposure} {
		if s.chance(15) {
			*limit = pick(s, risk.Limit{Amount: dec("10000")}, risk.Limit{Fraction: dec("0.1")}, risk.Limit{Amount: dec("25000"), Fraction: dec("0.3")},
				risk.Limit{Amount: dec("2000")}, risk.Limit{Amount: dec("4000")}, risk.Limit{Fraction: dec("0.04")})
		}
	}
	if s.chance(15) {
		l.StrategyExposure = risk.Limit{Amount: dec(pick(s, "4000", "9500", "20000"))}
	}
	l.DailyLoss = pick(s, risk.Limit{}, risk.Limit{Amount: dec("700")}, risk.Limit{Fraction: dec("0.02")})
	l.DayTrading = pick(s, nil, nil, []risk.DatedPolicy{{Policy: risk.PatternDayTrader}}, []risk.DatedPolicy{{Policy: risk.IntradayMargin}},
		[]risk.DatedPolicy{{Policy: risk.PatternDayTrader}, {From: 20260617, Policy: risk.IntradayMargin}})
	return l
}
