package desktest

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

// Desk is a profile with 100,000 USD in cash, XYZ marked at 100, limits of the test's own, and a
// clock that the test moves.
type Desk struct {
	*Bench
	clock    *atomic.Int64 // microseconds
	refused  <-chan accounts.Event
	Warnings <-chan accounts.Event
	Fills    int
}

// Loose are limits that bind nothing a test does not tighten: 50 times equity, drawdowns of 20, 40,
// 60 and 80 %.
func Loose() *risk.Limits {
	return &risk.Limits{
		Account:      risk.MarginAccount,
		SecTypes:     []ledger.SecType{ledger.Stock, ledger.Option, ledger.Future, ledger.FutureOption, ledger.Forex, ledger.CFD, ledger.Fund},
		ShortSelling: true, UncoveredOptions: true,
		PriceCollar: Dec("0.5"), OptionCollar: Dec("5"), MarkAge: 5 * time.Minute, RateAge: time.Hour,
		Leverage: Dec("50"), FuturesMargin: Dec("0.15"),
		Drawdown: risk.DrawdownLimits{Warning: Dec("0.2"), Moderate: Dec("0.4"), Severe: Dec("0.6"), Critical: Dec("0.8")},
		WarnAt:   Dec("0.8"),
	}
}

// NewDesk opens a desk with loose limits as tighten leaves them.
func NewDesk(t testing.TB, tighten func(l *risk.Limits)) *Desk {
	t.Helper()
	p := accounts.Optimal100K("DU1000100")
	p.Limits = Loose()
	if tighten != nil {
		tighten(p.Limits)
	}
	require.NoError(t, p.Limits.Validate(), "the test's limits must be valid")
	return NewDeskFor(t, p, "100000")
}

// NewDeskFor opens a desk for the profile, with the deposit in its base currency.
func NewDeskFor(t testing.TB, p accounts.AccountProfile, deposit string) *Desk {
	t.Helper()
	d := &Desk{Bench: &Bench{Store: memstore.New()}, clock: &atomic.Int64{}}
	d.clock.Store(Now.UnixMicro())
	d.Manager = d.Another(t)
	var err error
	d.Profile, err = d.Manager.CreateProfile(t.Context(), p)
	require.NoError(t, err)
	d.Portfolio = d.Open(t)
	d.refused, err = d.Manager.Subscribe(t.Context(), accounts.EventRefused)
	require.NoError(t, err)
	d.Warnings, err = d.Manager.Subscribe(t.Context(), accounts.EventWarning)
	require.NoError(t, err)
	d.Cash(t, ledger.Deposit, d.Profile.BaseCurrency, deposit)
	d.Mark(t, XYZ, "100")
	return d
}

// Another returns another manager on the desk's store and clock.
func (d *Desk) Another(t testing.TB) *accounts.MultiAccountManager {
	t.Helper()
	m, err := accounts.New(d.Store, accounts.WithClock(d.Now))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// Now is the desk's clock; Advance and Set move it.
func (d *Desk) Now() time.Time           { return time.UnixMicro(d.clock.Load()).UTC() }
func (d *Desk) Advance(by time.Duration) { d.clock.Add(by.Microseconds()) }
func (d *Desk) Set(at time.Time)         { d.clock.Store(at.UnixMicro()) }

// Restart opens the profile in a process of its own; the desk goes on there.
func (d *Desk) Restart(t testing.TB) {
	t.Helper()
	d.Manager = d.Another(t)
	d.Portfolio = d.Open(t)
	var err error
	d.refused, err = d.Manager.Subscribe(t.Context(), accounts.EventRefused)
	require.NoError(t, err)
	d.Warnings, err = d.Manager.Subscribe(t.Context(), accounts.EventWarning)
	require.NoError(t, err)
}

// Change updates the profile.
func (d *Desk) Change(t testing.TB, by func(p *accounts.AccountProfile)) {
	t.Helper()
	p, err := d.Manager.Profile(t.Context(), d.Profile.ID)
	require.NoError(t, err)
	by(&p)
	d.Profile, err = d.Manager.UpdateProfile(t.Context(), p)
	require.NoError(t, err)
}

// Tighten updates the profile's limits.
func (d *Desk) Tighten(t testing.TB, by func(l *risk.Limits)) {
	t.Helper()
	d.Change(t, func(p *accounts.AccountProfile) { by(p.Limits) })
}

// Mark takes a price of now.
func (d *Desk) Mark(t testing.TB, i ledger.Instrument, price string) {
	t.Helper()
	require.NoError(t, d.Portfolio.Mark(ledger.Mark{Instrument: i, Price: Dec(price), Time: d.Now()}))
}

// Rate takes a conversion rate of now.
func (d *Desk) Rate(t testing.TB, c ledger.Currency, rate string) {
	t.Helper()
	require.NoError(t, d.Portfolio.MarkFX(ledger.FXRate{Currency: c, Rate: Dec(rate), Time: d.Now()}))
}

// Cash records a cash movement of now.
func (d *Desk) Cash(t testing.TB, kind ledger.CashKind, c ledger.Currency, amount string) {
	t.Helper()
	d.Fills++
	m := ledger.CashMovement{ID: fmt.Sprintf("cash-%d", d.Fills), Kind: kind, Currency: c, Amount: Dec(amount), Time: d.Now()}
	d.Record(t, m)
}

// Fill records a trade without commission, of an order if the id is not empty.
func (d *Desk) Fill(t testing.TB, id ledger.OrderID, i ledger.Instrument, quantity, price string) {
	t.Helper()
	d.Fills++
	d.Record(t, ledger.Trade{ExecID: ledger.ExecID(fmt.Sprintf("fill-%d", d.Fills)), OrderID: id, Instrument: i,
		Quantity: Dec(quantity), Price: Dec(price), Time: d.Now()})
}

// Hold records a trade at the price and marks it there: it costs what it is worth.
func (d *Desk) Hold(t testing.TB, i ledger.Instrument, quantity, price string) {
	t.Helper()
	d.Fill(t, "", i, quantity, price)
	d.Mark(t, i, price)
}

// EquityPoint records what the profile is worth now.
func (d *Desk) EquityPoint(t testing.TB) {
	t.Helper()
	require.NoError(t, d.Portfolio.RecordEquity(t.Context(), d.Now()))
}

// Order is an order at the market, or at a price if one is given.
func Order(id ledger.OrderID, i ledger.Instrument, quantity string, price ...string) risk.Order {
	o := risk.Order{ID: id, Instrument: i, Quantity: Dec(quantity)}
	if len(price) > 0 {
		o.Price = Dec(price[0])
	}
	return o
}

// Said is a violation in one line, without its reason.
func Said(v risk.Violation) string {
	return fmt.Sprintf("%s of %q: %s, limit %s", v.Rule, v.Subject, v.Actual, v.Limit)
}

// AllSaid is Said for each.
func AllSaid(list []risk.Violation) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = Said(v)
	}
	return out
}

// Broken is what a refused order is expected to break.
func Broken(rule risk.Rule, subject, actual, limit string) string {
	return Said(risk.Violation{Rule: rule, Subject: subject, Actual: Dec(actual), Limit: Dec(limit)})
}

// Accept requires that Check and Reserve both allow the order, and that it is held.
func (d *Desk) Accept(t testing.TB, o risk.Order) risk.Decision {
	t.Helper()
	c := d.Portfolio.Check(o)
	require.True(t, c.Allowed, "Check refuses what must be allowed: %s", c)
	got, err := d.Portfolio.Reserve(t.Context(), o)
	require.NoError(t, err, "Reserve refuses what Check allowed")
	require.True(t, got.Allowed && len(got.Violations) == 0, "Reserve returned no error and %s", got)
	require.Equal(t, c.Reduces, got.Reduces, "Check and Reserve differ on whether order %q only reduces", o.ID)
	require.True(t, slices.ContainsFunc(d.Portfolio.Snapshot().Risk.Orders, func(w risk.WorkingOrder) bool {
		return w.ID == o.ID && w.Quantity.Equal(o.Quantity)
	}), "the snapshot does not show the accepted order %q", o.ID)
	var h risk.Hold
	d.LastEntry(t, risk.KindHold, &h)
	require.Equal(t, o.ID, h.Order.ID, "the hold in the journal is of another order")
	require.Equal(t, AllSaid(got.Warnings), AllSaid(h.Warnings), "the hold in the journal has other warnings than the decision")
	return got
}

// Exit requires that the order is accepted as one that only reduces.
func (d *Desk) Exit(t testing.TB, o risk.Order) {
	t.Helper()
	got := d.Accept(t, o)
	require.True(t, got.Reduces, "order %q must be seen to reduce only", o.ID)
	require.Empty(t, got.Warnings, "an exit uses no limit")
}

// LastEntry decodes the newest entry of the kind.
func (d *Desk) LastEntry(t testing.TB, kind ledger.EntryKind, to any) accounts.Entry {
	t.Helper()
	list := ReadAll(t, d.Store, d.Profile.ID)
	for _, e := range slices.Backward(list) {
		if e.Kind == kind {
			require.NoError(t, json.Unmarshal(e.Payload, to))
			return e
		}
	}
	require.FailNow(t, "the journal has no "+string(kind))
	panic("unreachable")
}

// Refuse requires that Check and Reserve refuse the order for exactly these reasons, and that the
// refusal is in the journal, in the snapshot, and told as an event.
func (d *Desk) Refuse(t *testing.T, o risk.Order, want ...string) risk.Decision {
	t.Helper()
	c := d.Portfolio.Check(o)
	require.False(t, c.Allowed, "Check allows what must be refused for %v", want)
	require.Equal(t, want, AllSaid(c.Violations), "Check of order %q gives other reasons", o.ID)
	return d.RefuseAfter(t, o, want...)
}

// RefuseAfter is refuse where Reserve, unlike Check, first writes what was lost.
func (d *Desk) RefuseAfter(t *testing.T, o risk.Order, want ...string) risk.Decision {
	t.Helper()
	got, err := d.Portfolio.Reserve(t.Context(), o)
	require.ErrorIs(t, err, accounts.ErrRefused, "Reserve must refuse order %q for %v", o.ID, want)
	var refusal *accounts.RefusalError
	require.ErrorAs(t, err, &refusal, "the error does not hold the decision")
	require.Equal(t, d.Profile.ID, refusal.ProfileID, "the error names another profile")
	require.Equal(t, got, refusal.Decision, "the error holds another decision than was returned")
	require.False(t, got.Allowed, "a refused order is allowed in its decision")
	require.Equal(t, o.ID, got.OrderID, "the decision is about another order")
	require.Equal(t, want, AllSaid(got.Violations), "Reserve of order %q gives other reasons", o.ID)
	require.Equal(t, got.Violations, d.Portfolio.Check(o).Violations, "Check and Reserve of order %q differ", o.ID)

	var r risk.Refusal
	entry := d.LastEntry(t, risk.KindRefusal, &r)
	require.Equal(t, o.ID, r.Order.ID, "the newest refusal in the journal is of another order")
	require.Equal(t, want, AllSaid(r.Violations), "the journal gives other reasons")
	s := d.Portfolio.Snapshot()
	require.False(t, slices.ContainsFunc(s.Risk.Orders, func(w risk.WorkingOrder) bool { return w.ID == o.ID }), "order %q is held although it was refused", o.ID)
	require.NotEmpty(t, s.Risk.Breaches, "the snapshot shows no refusal")
	newest := s.Risk.Breaches[len(s.Risk.Breaches)-1]
	require.Equal(t, risk.Incident{Time: d.Now(), OrderID: o.ID, Rule: got.Violations[0].Rule}, newest, "the snapshot shows another refusal last")
	e := Await(t, d.refused, func(e accounts.Event) bool { return e.Seq == entry.Seq })
	require.Equal(t, accounts.Event{Kind: accounts.EventRefused, ProfileID: d.Profile.ID, Seq: entry.Seq, Time: d.Now(), Rule: got.Violations[0].Rule},
		e, "the event tells of something else")
	return got
}
