package accounts_test

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// script draws commands of every kind that a portfolio takes. What it draws does not depend on what
// comes of them.
type script struct {
	t      *rapid.T
	n      int
	now    time.Time
	orders []risk.Order
	trades []ledger.Trade
}

// step is one command, or a change of what is around them.
type step struct {
	says string
	do   func(w *world) error
}

// world is a store with one profile that is traded by several processes, and what they are told of
// prices.
type world struct {
	store     accounts.Store
	clock     atomic.Int64 // microseconds
	profile   accounts.ProfileID
	managers  []*accounts.MultiAccountManager
	processes []*accounts.Portfolio
	marks     map[ledger.InstrumentKey]ledger.Mark
	rate      ledger.FXRate
}

// scripted are contracts that connect: options with their underlyings, two currencies, equal
// symbols that differ.
var scripted = []ledger.Instrument{
	xyz, abc, ledger.NewStock("SAP", "EUR"),
	ledger.NewOption("XYZ", 20261218, ledger.Call, dec("100"), "USD"),
	ledger.NewOption("XYZ", 20261218, ledger.Put, dec("90"), "USD"),
	ledger.NewOption("XYZ", 20270115, ledger.Call, dec("110"), "USD"),
	ledger.NewOption("ABC", 20270115, ledger.Put, dec("50"), "USD"),
	ledger.NewOption("SAP", 20270115, ledger.Put, dec("50"), "EUR"),
	{SecType: ledger.Future, Symbol: "CL", Currency: "USD", Expiry: 20261120, Multiplier: dec("100")},
	{SecType: ledger.FutureOption, Symbol: "CL", Underlying: "CL", Currency: "USD", Expiry: 20261115,
		Right: ledger.Call, Strike: dec("60"), Multiplier: dec("100")},
	{SecType: ledger.CFD, Symbol: "XYZ", Currency: "USD"},
	{SecType: ledger.Forex, Symbol: "EUR", Currency: "USD"},
	{SecType: ledger.Fund, Symbol: "FND", Currency: "USD"},
}

// newWorld opens a profile with the limits in as many processes.
func newWorld(t *rapid.T, limits risk.Limits, processes int) *world {
	w := &world{store: memstore.New(), profile: "p", marks: map[ledger.InstrumentKey]ledger.Mark{}}
	w.clock.Store(now.UnixMicro())
	m := w.manager(t)
	p := accounts.Optimal100K("DU1000100")
	p.ID, p.Limits = w.profile, &limits
	_, err := m.CreateProfile(background, p)
	require.NoError(t, err, "the limits of a script must be valid")
	for {
		w.managers, w.processes = append(w.managers, m), append(w.processes, w.open(t, m))
		if len(w.processes) == processes {
			return w
		}
		m = w.manager(t)
	}
}

func (w *world) now() time.Time { return time.UnixMicro(w.clock.Load()).UTC() }

func (w *world) manager(t *rapid.T) *accounts.MultiAccountManager {
	m, err := accounts.New(w.store, accounts.WithClock(w.now))
	require.NoError(t, err, "make a manager")
	t.Cleanup(func() { require.NoError(t, m.Close(), "close a manager") })
	return m
}

// open opens the portfolio, with all prices that are known.
func (w *world) open(t *rapid.T, m *accounts.MultiAccountManager) *accounts.Portfolio {
	p, err := m.Portfolio(background, w.profile)
	require.NoError(t, err, "open the portfolio")
	for _, mark := range w.marks {
		require.NoError(t, p.Mark(mark), "mark")
	}
	if !w.rate.Time.IsZero() {
		require.NoError(t, p.MarkFX(w.rate), "rate")
	}
	return p
}

// restart ends the first process and begins it anew.
func (w *world) restart(t *rapid.T) {
	require.NoError(t, w.managers[0].Close(), "close a manager")
	w.managers[0] = w.manager(t)
	w.processes[0] = w.open(t, w.managers[0])
}

// fresh lets look at the portfolio in a process of its own, which ends behind that.
func (w *world) fresh(t *rapid.T, look func(p *accounts.Portfolio)) {
	m := w.manager(t)
	look(w.open(t, m))
	require.NoError(t, m.Close(), "close a manager")
}

func (s *script) up(n int, what string) int { return rapid.IntRange(0, n-1).Draw(s.t, what) }

func (s *script) sum(from, to int, scale uint8, what string) ledger.Decimal {
	d, err := udecimal.NewFromInt64(int64(rapid.IntRange(from, to).Draw(s.t, what)), scale)
	require.NoError(s.t, err)
	return d
}

// id returns one that was not used yet.
func (s *script) id() string { s.n++; return fmt.Sprintf("%06d", s.n) }

func (s *script) instrument() ledger.Instrument { return scripted[s.up(len(scripted), "contract")] }

func (s *script) price(i ledger.Instrument) ledger.Decimal {
	switch i.SecType {
	case ledger.Option, ledger.FutureOption:
		return s.sum(0, 1999, 2, "premium")
	case ledger.Forex:
		return s.sum(10000, 12999, 4, "rate of a pair")
	case ledger.Future:
		return s.sum(-1000, 9000, 2, "price of a future")
	}
	return s.sum(4000, 13999, 2, "price")
}

func (s *script) quantity(i ledger.Instrument) ledger.Decimal {
	n := ledger.Decimal(s.sum(1, 8, 0, "lots"))
	switch i.SecType {
	case ledger.Stock, ledger.CFD, ledger.Fund:
		n = n.Mul(dec("25"))
	case ledger.Forex:
		n = n.Mul(dec("1000"))
	}
	if rapid.Bool().Draw(s.t, "sells") {
		n = n.Neg()
	}
	return n
}

func (s *script) order() risk.Order {
	i := s.instrument()
	o := risk.Order{ID: ledger.OrderID("o-" + s.id()), Instrument: i, Quantity: s.quantity(i)}
	if rapid.Bool().Draw(s.t, "at a limit") {
		o.Price = s.price(i).Abs()
	}
	o.Strategy = rapid.SampledFrom([]string{"", "a", "b"}).Draw(s.t, "strategy")
	o.Sector = rapid.SampledFrom([]string{"", "", "", "tech", "oil"}).Draw(s.t, "sector")
	return o
}

// trade is a fill of an order that was sent, accepted or not, or of none; some are told late.
func (s *script) trade() ledger.Trade {
	i := s.instrument()
	tr := ledger.Trade{ExecID: ledger.ExecID("0001." + s.id() + ".01.01"), Instrument: i,
		Quantity: s.quantity(i), Commission: dec("1"), Time: s.now}
	if len(s.orders) > 0 && s.up(3, "of an order") > 0 {
		o := s.orders[s.up(len(s.orders), "order")]
		tr.Instrument, tr.OrderID, tr.Quantity = o.Instrument, o.ID, o.Quantity
		if rapid.Bool().Draw(s.t, "in part") {
			tr.Quantity = o.Quantity.Mul(dec("0.5"))
		}
	}
	if tr.Price = s.price(tr.Instrument); tr.Instrument.SecType != ledger.Future {
		tr.Price = tr.Price.Abs()
	}
	if s.up(5, "late") == 0 {
		tr.Time = tr.Time.Add(-time.Duration(s.up(7200, "seconds late")) * time.Second)
	}
	if tr.Instrument.Currency == "EUR" && rapid.Bool().Draw(s.t, "rated") {
		tr.FXRate = dec("1.1")
	}
	return tr
}

// limits are valid, and bind in every way that limits on exposure, losses and counts can.
func (s *script) limits() risk.Limits {
	l := *loose()
	bound := func(what string) risk.Limit {
		switch s.up(3, what) {
		case 1:
			return risk.Limit{Amount: s.sum(1, 60, 0, what+", amount").Mul(dec("5000"))}
		case 2:
			return risk.Limit{Fraction: s.sum(5, 94, 2, what+", fraction")}
		}
		return risk.Limit{}
	}
	if l.Account = risk.MarginAccount; s.up(3, "cash account") == 0 {
		l.Account = risk.CashAccount
	}
	l.UncoveredOptions = rapid.Bool().Draw(s.t, "uncovered options")
	l.ShortSelling = s.up(3, "no short selling") > 0
	l.PositionSize, l.UnderlyingSize, l.GrossExposure =
		bound("position"), bound("underlying"), bound("gross")
	l.NetExposure, l.StrategyExposure, l.SectorExposure =
		bound("net"), bound("strategy"), bound("sector")
	if rapid.Bool().Draw(s.t, "daily loss") {
		l.DailyLoss = risk.Limit{Fraction: dec("0.3")}
	}
	policies := []risk.DayTradePolicy{risk.DayTradesFree, risk.PatternDayTrader, risk.IntradayMargin}
	l.DayTrading = []risk.DatedPolicy{{Policy: rapid.SampledFrom(policies).Draw(s.t, "day trades")}}
	const never = 8000 * time.Hour
	l.MarkAge = rapid.SampledFrom([]time.Duration{never, 5 * time.Minute}).Draw(s.t, "age of marks")
	l.RateAge = rapid.SampledFrom([]time.Duration{never, time.Hour}).Draw(s.t, "age of rates")
	l.OpenPositions, l.OrdersPerDay = s.up(12, "positions"), s.up(50, "orders")
	l.PriceCollar, l.OptionCollar = dec("0.99"), dec("99")
	l.DuplicateWindow = time.Duration(s.up(60, "seconds for duplicates")) * time.Second
	return l
}

// begin marks every contract and rates the euro.
func (s *script) begin() (list []step) {
	for _, i := range scripted {
		list = append(list, s.mark(i))
	}
	return append(list, s.rate())
}

func (s *script) mark(i ledger.Instrument) step {
	m := ledger.Mark{Instrument: i, Price: s.price(i), Time: s.now}
	return step{fmt.Sprintf("mark %s at %s", i.Key(), m.Price), func(w *world) error {
		w.marks[i.Key()] = m
		var errs []error
		for _, p := range w.processes {
			errs = append(errs, p.Mark(m))
		}
		return errors.Join(errs...)
	}}
}

func (s *script) rate() step {
	r := ledger.FXRate{Currency: "EUR", Rate: s.sum(1000, 1299, 3, "rate"), Time: s.now}
	return step{fmt.Sprintf("rate the euro at %s", r.Rate), func(w *world) error {
		w.rate = r
		var errs []error
		for _, p := range w.processes {
			errs = append(errs, p.MarkFX(r))
		}
		return errors.Join(errs...)
	}}
}

// command is done by one of the processes.
func (s *script) command(says string, do func(p *accounts.Portfolio) error) step {
	n := s.up(2, "process")
	return step{says, func(w *world) error { return do(w.processes[n%len(w.processes)]) }}
}

func (s *script) record(f ledger.Fact) step {
	return s.command(fmt.Sprintf("record %+v", f),
		func(p *accounts.Portfolio) error { return errOf(p.Record(background, f)) })
}

func (s *script) reserve() step {
	o := s.order()
	s.orders = append(s.orders, o)
	says := fmt.Sprintf("reserve %s: %s %s at %s", o.ID, o.Quantity, o.Instrument.Key(), o.Price)
	return s.command(says, func(p *accounts.Portfolio) error {
		_, err := p.Reserve(background, o)
		return err
	})
}

func (s *script) cash() step {
	m := ledger.CashMovement{ID: "c-" + s.id(), Kind: ledger.Deposit,
		Currency: rapid.SampledFrom([]ledger.Currency{"USD", "EUR"}).Draw(s.t, "currency"),
		Amount:   s.sum(1, 20000, 0, "amount"), Time: s.now}
	if rapid.Bool().Draw(s.t, "withdrawn") {
		m.Kind, m.Amount = ledger.Withdrawal, m.Amount.Neg()
	}
	if m.Currency == "EUR" && rapid.Bool().Draw(s.t, "rated") {
		m.FXRate = dec("1.2")
	}
	return s.record(m)
}

func (s *script) split() step {
	sp := ledger.Split{ID: "s-" + s.id(), From: scripted[s.up(2, "split")],
		Numerator: s.sum(1, 4, 0, "for"), Denominator: s.sum(1, 4, 0, "of"), Time: s.now}
	if sp.To = sp.From; s.up(3, "renamed") == 0 {
		sp.To = scripted[s.up(2, "into")]
	}
	return s.record(sp)
}

// amend corrects a trade or takes it back.
func (s *script) amend() step {
	k := s.up(len(s.trades), "amended")
	was := s.trades[k]
	if rapid.Bool().Draw(s.t, "cancelled") {
		s.trades = append(s.trades[:k:k], s.trades[k+1:]...)
		return s.record(ledger.Cancellation{ExecID: ledger.ExecID("k-" + s.id()), Cancels: was.ExecID,
			Time: s.now})
	}
	root, version := was.ExecID.Correction()
	was.ExecID = ledger.ExecID(fmt.Sprintf("%s.%02d", root, version+1))
	was.Quantity = s.quantity(was.Instrument)
	s.trades[k] = was
	return s.record(was)
}

func (s *script) pass() step {
	by := time.Duration(1+s.up(240, "seconds")) * time.Second
	if rapid.Bool().Draw(s.t, "long") {
		by = time.Duration(1+s.up(600, "minutes")) * time.Minute
		if s.up(4, "longer") == 0 {
			by += time.Duration(1+s.up(5, "days")) * 24 * time.Hour
		}
	}
	s.now = s.now.Add(by)
	at := s.now.UnixMicro()
	return step{fmt.Sprintf("let %s pass", by), func(w *world) error { w.clock.Store(at); return nil }}
}

func (s *script) change() step {
	limits := s.limits()
	return step{fmt.Sprintf("change the limits to %+v", limits), func(w *world) error {
		m := w.managers[0]
		p, err := m.Profile(background, w.profile)
		if err == nil {
			p.Limits = &limits
			_, err = m.UpdateProfile(background, p)
		}
		return err
	}}
}

// next draws a step.
func (s *script) next() step {
	switch s.up(24, "step") {
	case 6, 7, 8, 9:
		tr := s.trade()
		s.trades = append(s.trades, tr)
		return s.record(tr)
	case 10:
		if len(s.orders) > 0 {
			id := s.orders[s.up(len(s.orders), "released")].ID
			return s.command(fmt.Sprintf("release %s", id),
				func(p *accounts.Portfolio) error { return p.Release(background, id, "x") })
		}
	case 11, 12, 13:
		return s.mark(s.instrument())
	case 14:
		return s.rate()
	case 15:
		return s.cash()
	case 16:
		return s.split()
	case 17, 18:
		if len(s.trades) > 0 {
			return s.amend()
		}
	case 19:
		return s.pass()
	case 20:
		at := s.now
		return s.command("record an equity point",
			func(p *accounts.Portfolio) error { return p.RecordEquity(background, at) })
	case 21:
		if s.up(3, "state") == 0 {
			return s.command("reduce",
				func(p *accounts.Portfolio) error { return p.Reduce(background, "r") })
		}
		return s.command("resume", func(p *accounts.Portfolio) error { return p.Resume(background, "r") })
	case 22:
		return s.change()
	case 23:
		return s.command("save a checkpoint",
			func(p *accounts.Portfolio) error { return p.SaveCheckpoint(background) })
	}
	return s.reserve()
}
