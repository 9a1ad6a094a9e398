package accounts_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// desk is a profile with 100,000 USD in cash, XYZ marked at 100, limits of the test's own, and a clock
// that the test moves.
type desk struct {
	*bench
	clock    *atomic.Int64 // microseconds
	refused  <-chan accounts.Event
	warnings <-chan accounts.Event
	fills    int
}

// opening is when a desk's clock starts: Monday 2026-06-01, 11:00 in New York.
var opening = now

// loose are limits that bind nothing a test does not tighten: 50 times equity, drawdowns of 20, 40, 60 and 80 %.
func loose() *risk.Limits {
	return &risk.Limits{
		Account:      risk.MarginAccount,
		SecTypes:     []ledger.SecType{ledger.Stock, ledger.Option, ledger.Future, ledger.FutureOption, ledger.Forex, ledger.CFD, ledger.Fund},
		ShortSelling: true, UncoveredOptions: true,
		PriceCollar: dec("0.5"), OptionCollar: dec("5"), MarkAge: 5 * time.Minute, RateAge: time.Hour,
		Leverage: dec("50"), FuturesMargin: dec("0.15"),
		Drawdown: risk.DrawdownLimits{Warning: dec("0.2"), Moderate: dec("0.4"), Severe: dec("0.6"), Critical: dec("0.8")},
		WarnAt:   dec("0.8"),
	}
}

// newDesk opens a desk with loose limits as tighten leaves them.
func newDesk(t testing.TB, tighten func(l *risk.Limits)) *desk {
	t.Helper()
	p := accounts.Optimal100K("DU1000100")
	p.Limits = loose()
	if tighten != nil {
		tighten(p.Limits)
	}
	require.NoError(t, p.Limits.Validate(), "the test's limits must be valid")
	return newDeskFor(t, p, "100000")
}

// newDeskFor opens a desk for the profile, with the deposit in its base currency.
func newDeskFor(t testing.TB, p accounts.AccountProfile, deposit string) *desk {
	t.Helper()
	d := &desk{bench: &bench{store: memstore.New()}, clock: &atomic.Int64{}}
	d.clock.Store(opening.UnixMicro())
	d.manager = d.another(t)
	var err error
	d.profile, err = d.manager.CreateProfile(t.Context(), p)
	require.NoError(t, err)
	d.portfolio = d.open(t)
	d.refused, err = d.manager.Subscribe(t.Context(), accounts.EventRefused)
	require.NoError(t, err)
	d.warnings, err = d.manager.Subscribe(t.Context(), accounts.EventWarning)
	require.NoError(t, err)
	d.cash(t, ledger.Deposit, d.profile.BaseCurrency, deposit)
	d.mark(t, xyz, "100")
	return d
}

// another returns another manager on the desk's store and clock.
func (d *desk) another(t testing.TB) *accounts.MultiAccountManager {
	t.Helper()
	m, err := accounts.New(d.store, accounts.WithClock(d.now))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func (d *desk) now() time.Time           { return time.UnixMicro(d.clock.Load()).UTC() }
func (d *desk) advance(by time.Duration) { d.clock.Add(by.Microseconds()) }
func (d *desk) set(at time.Time)         { d.clock.Store(at.UnixMicro()) }

// restart opens the profile in a process of its own; the desk goes on there.
func (d *desk) restart(t testing.TB) {
	t.Helper()
	d.manager = d.another(t)
	d.portfolio = d.open(t)
	var err error
	d.refused, err = d.manager.Subscribe(t.Context(), accounts.EventRefused)
	require.NoError(t, err)
	d.warnings, err = d.manager.Subscribe(t.Context(), accounts.EventWarning)
	require.NoError(t, err)
}

// change updates the profile.
func (d *desk) change(t testing.TB, by func(p *accounts.AccountProfile)) {
	t.Helper()
	p, err := d.manager.Profile(t.Context(), d.profile.ID)
	require.NoError(t, err)
	by(&p)
	d.profile, err = d.manager.UpdateProfile(t.Context(), p)
	require.NoError(t, err)
}

// tighten updates the profile's limits.
func (d *desk) tighten(t testing.TB, by func(l *risk.Limits)) {
	t.Helper()
	d.change(t, func(p *accounts.AccountProfile) { by(p.Limits) })
}

func (d *desk) mark(t testing.TB, i ledger.Instrument, price string) {
	t.Helper()
	require.NoError(t, d.portfolio.Mark(ledger.Mark{Instrument: i, Price: dec(price), Time: d.now()}))
}

func (d *desk) rate(t testing.TB, c ledger.Currency, rate string) {
	t.Helper()
	require.NoError(t, d.portfolio.MarkFX(ledger.FXRate{Currency: c, Rate: dec(rate), Time: d.now()}))
}

func (d *desk) cash(t testing.TB, kind ledger.CashKind, c ledger.Currency, amount string) {
	t.Helper()
	d.fills++
	m := ledger.CashMovement{ID: fmt.Sprintf("cash-%d", d.fills), Kind: kind, Currency: c, Amount: dec(amount), Time: d.now()}
	require.NoError(t, errOf(d.portfolio.Record(t.Context(), m)))
}

// fill records a trade without commission, of an order if the id is not empty.
func (d *desk) fill(t testing.TB, id ledger.OrderID, i ledger.Instrument, quantity, price string) {
	t.Helper()
	d.fills++
	d.record(t, ledger.Trade{ExecID: ledger.ExecID(fmt.Sprintf("fill-%d", d.fills)), OrderID: id, Instrument: i,
		Quantity: dec(quantity), Price: dec(price), Time: d.now()})
}

// hold records a trade at the price and marks it there: it costs what it is worth.
func (d *desk) hold(t testing.TB, i ledger.Instrument, quantity, price string) {
	t.Helper()
	d.fill(t, "", i, quantity, price)
	d.mark(t, i, price)
}

func (d *desk) equityPoint(t testing.TB) {
	t.Helper()
	require.NoError(t, d.portfolio.RecordEquity(t.Context(), d.now()))
}

// order is an order at the market, or at a price if one is given.
func order(id ledger.OrderID, i ledger.Instrument, quantity string, price ...string) risk.Order {
	o := risk.Order{ID: id, Instrument: i, Quantity: dec(quantity)}
	if len(price) > 0 {
		o.Price = dec(price[0])
	}
	return o
}

// said is a violation in one line, without its reason.
func said(v risk.Violation) string {
	return fmt.Sprintf("%s of %q: %s, limit %s", v.Rule, v.Subject, v.Actual, v.Limit)
}

func allSaid(list []risk.Violation) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = said(v)
	}
	return out
}

// broken is what a refused order is expected to break.
func broken(rule risk.Rule, subject, actual, limit string) string {
	return said(risk.Violation{Rule: rule, Subject: subject, Actual: dec(actual), Limit: dec(limit)})
}

// accept requires that Check and Reserve both allow the order, and that it is held.
func (d *desk) accept(t testing.TB, o risk.Order) risk.Decision {
	t.Helper()
	c := d.portfolio.Check(o)
	require.True(t, c.Allowed, "Check refuses what must be allowed: %s", c)
	got, err := d.portfolio.Reserve(t.Context(), o)
	require.NoError(t, err, "Reserve refuses what Check allowed")
	require.True(t, got.Allowed && len(got.Violations) == 0, "Reserve returned no error and %s", got)
	require.Equal(t, c.Reduces, got.Reduces, "Check and Reserve differ on whether order %q only reduces", o.ID)
	require.True(t, slices.ContainsFunc(d.portfolio.Snapshot().Risk.Orders, func(w risk.WorkingOrder) bool {
		return w.ID == o.ID && w.Quantity.Equal(o.Quantity)
	}), "the snapshot does not show the accepted order %q", o.ID)
	var h risk.Hold
	d.lastEntry(t, risk.KindHold, &h)
	require.Equal(t, o.ID, h.Order.ID, "the hold in the journal is of another order")
	require.Equal(t, allSaid(got.Warnings), allSaid(h.Warnings), "the hold in the journal has other warnings than the decision")
	return got
}

// exit requires that the order is accepted as one that only reduces.
func (d *desk) exit(t testing.TB, o risk.Order) {
	t.Helper()
	got := d.accept(t, o)
	require.True(t, got.Reduces, "order %q must be seen to reduce only", o.ID)
	require.Empty(t, got.Warnings, "an exit uses no limit")
}

// lastEntry decodes the newest entry of the kind.
func (d *desk) lastEntry(t testing.TB, kind ledger.EntryKind, to any) accounts.Entry {
	t.Helper()
	list := readAll(t, d.store, d.profile.ID)
	for _, e := range slices.Backward(list) {
		if e.Kind == kind {
			require.NoError(t, json.Unmarshal(e.Payload, to))
			return e
		}
	}
	require.FailNow(t, "the journal has no "+string(kind))
	panic("unreachable")
}

// refuse requires that Check and Reserve refuse the order for exactly these reasons, and that the
// refusal is in the journal, in the snapshot, and told as an event.
func (d *desk) refuse(t *testing.T, o risk.Order, want ...string) risk.Decision {
	t.Helper()
	c := d.portfolio.Check(o)
	require.False(t, c.Allowed, "Check allows what must be refused for %v", want)
	require.Equal(t, want, allSaid(c.Violations), "Check of order %q gives other reasons", o.ID)
	return d.refuseAfter(t, o, want...)
}

// refuseAfter is refuse where Reserve, unlike Check, first writes what was lost.
func (d *desk) refuseAfter(t *testing.T, o risk.Order, want ...string) risk.Decision {
	t.Helper()
	got, err := d.portfolio.Reserve(t.Context(), o)
	require.ErrorIs(t, err, accounts.ErrRefused, "Reserve must refuse order %q for %v", o.ID, want)
	var refusal *accounts.RefusalError
	require.ErrorAs(t, err, &refusal, "the error does not hold the decision")
	require.Equal(t, d.profile.ID, refusal.ProfileID, "the error names another profile")
	require.Equal(t, got, refusal.Decision, "the error holds another decision than was returned")
	require.False(t, got.Allowed, "a refused order is allowed in its decision")
	require.Equal(t, o.ID, got.OrderID, "the decision is about another order")
	require.Equal(t, want, allSaid(got.Violations), "Reserve of order %q gives other reasons", o.ID)
	require.Equal(t, got.Violations, d.portfolio.Check(o).Violations, "Check and Reserve of order %q differ", o.ID)

	var r risk.Refusal
	entry := d.lastEntry(t, risk.KindRefusal, &r)
	require.Equal(t, o.ID, r.Order.ID, "the newest refusal in the journal is of another order")
	require.Equal(t, want, allSaid(r.Violations), "the journal gives other reasons")
	s := d.portfolio.Snapshot()
	require.False(t, slices.ContainsFunc(s.Risk.Orders, func(w risk.WorkingOrder) bool { return w.ID == o.ID }), "order %q is held although it was refused", o.ID)
	require.NotEmpty(t, s.Risk.Breaches, "the snapshot shows no refusal")
	newest := s.Risk.Breaches[len(s.Risk.Breaches)-1]
	require.Equal(t, risk.Incident{Time: d.now(), OrderID: o.ID, Rule: got.Violations[0].Rule}, newest, "the snapshot shows another refusal last")
	e := await(t, d.refused, func(e accounts.Event) bool { return e.Seq == entry.Seq })
	require.Equal(t, accounts.Event{Kind: accounts.EventRefused, ProfileID: d.profile.ID, Seq: entry.Seq, Time: d.now(), Rule: got.Violations[0].Rule},
		e, "the event tells of something else")
	return got
}
