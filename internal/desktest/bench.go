// Package desktest is what tests of several packages drive: a manager with one profile's portfolio
// (Bench), the same with a clock and limits of the test's own (Desk), and the contracts and facts
// that they speak of. Tests alone use it.
package desktest

import (
	"context"
	"fmt"
	"testing"
	"time"
	_ "time/tzdata"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

// Now is the clock of every test's manager.
var Now = time.Date(2026, 6, 1, 15, 0, 0, 0, time.UTC)

// Day0 is when the tests' trading begins.
var Day0 = time.Date(2026, 1, 5, 15, 0, 0, 0, time.UTC)

// At is so many minutes after the beginning.
func At(minutes int) time.Time { return Day0.Add(time.Duration(minutes) * time.Minute) }

// Dec makes test tables readable.
func Dec(s string) ledger.Decimal {
	d, err := ledger.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}

// Bench is a manager on a store with one profile's portfolio open.
type Bench struct {
	Store     accounts.Store
	Manager   *accounts.MultiAccountManager
	Profile   accounts.AccountProfile
	Portfolio *accounts.Portfolio
}

// NewBench opens a profile on a store in memory.
func NewBench(t testing.TB) *Bench {
	t.Helper()
	return NewBenchOn(t, memstore.New())
}

// NewBenchOn opens a profile on the store.
func NewBenchOn(t testing.TB, store accounts.Store) *Bench {
	t.Helper()
	b := &Bench{Store: store, Manager: NewManager(t, store)}
	profile, err := b.Manager.CreateProfile(t.Context(), accounts.Optimal100K("DU1000100"))
	require.NoError(t, err, "a preset must be a valid profile")
	b.Profile = profile
	b.Portfolio = b.Open(t)
	return b
}

// NewManager returns a manager with the tests' clock, which ends with the test.
func NewManager(t testing.TB, store accounts.Store) *accounts.MultiAccountManager {
	t.Helper()
	m, err := accounts.New(store, accounts.WithClock(func() time.Time { return Now }))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// Open opens the profile's portfolio.
func (b *Bench) Open(t testing.TB) *accounts.Portfolio {
	t.Helper()
	p, err := b.Manager.Portfolio(t.Context(), b.Profile.ID)
	require.NoError(t, err)
	return p
}

// Reopen opens the profile in a manager of its own, as another process would.
func (b *Bench) Reopen(t testing.TB) *accounts.Portfolio {
	t.Helper()
	p, err := NewManager(t, b.Store).Portfolio(t.Context(), b.Profile.ID)
	require.NoError(t, err, "the portfolio must open again")
	return p
}

// Record records facts that must all be new.
func (b *Bench) Record(t testing.TB, facts ...ledger.Fact) {
	t.Helper()
	added, err := b.Portfolio.Record(t.Context(), facts...)
	require.NoError(t, err)
	require.Equal(t, len(facts), added, "every fact must be new")
}

// The contracts that most tests trade.
var (
	ABC  = ledger.NewStock("ABC", "USD")
	XYZ  = ledger.NewStock("XYZ", "USD")
	Call = ledger.NewOption("XYZ", 20260320, ledger.Call, Dec("50"), "USD")
	Put  = ledger.NewOption("XYZ", 20260320, ledger.Put, Dec("50"), "USD")
	Oil  = ledger.Instrument{SecType: ledger.Future, Symbol: "CL", Currency: "USD", Expiry: 20261120, Multiplier: Dec("1000")}
	// LateCall and LatePut have not expired at Now.
	LateCall = ledger.NewOption("XYZ", 20270115, ledger.Call, Dec("50"), "USD")
	LatePut  = ledger.NewOption("XYZ", 20270115, ledger.Put, Dec("50"), "USD")
)

// Trade is a trade of n minutes after the beginning, commission 1.
func Trade(n int, i ledger.Instrument, quantity, price string) ledger.Trade {
	return ledger.Trade{ExecID: ledger.ExecID(fmt.Sprintf("exec-%d", n)), Instrument: i, Quantity: Dec(quantity),
		Price: Dec(price), Commission: Dec("1"), Time: At(n)}
}

// RequirePosition checks quantity, basis and realized P&L of one contract.
func RequirePosition(t testing.TB, p *accounts.Portfolio, i ledger.Instrument, quantity, basis, realized string) {
	t.Helper()
	pos, _ := p.Position(i.Key())
	got := fmt.Sprintf("quantity %s, basis %s, realized %s", pos.Quantity, pos.Basis, pos.Realized)
	require.Equal(t, fmt.Sprintf("quantity %s, basis %s, realized %s", quantity, basis, realized), got, "position in %s", i.Key())
	RequireLots(t, pos)
}

// RequireLots checks that the lots add up to the position.
func RequireLots(t require.TestingT, pos ledger.Position) {
	var quantity, basis ledger.Decimal
	for _, l := range pos.Lots {
		quantity, basis = quantity.Add(l.Quantity), basis.Add(l.Basis)
		require.Equal(t, pos.Quantity.IsNeg(), l.Quantity.IsNeg(), "every lot of %s must have the position's sign", pos.Instrument.Key())
	}
	require.True(t, quantity.Equal(pos.Quantity) && basis.Equal(pos.Basis),
		"lots of %s add up to %s at %s, the position is %s at %s", pos.Instrument.Key(), quantity, basis, pos.Quantity, pos.Basis)
}

// RequireCash checks the balance in one currency.
func RequireCash(t testing.TB, p *accounts.Portfolio, currency ledger.Currency, balance string) {
	t.Helper()
	require.Equal(t, balance, p.Cash()[currency].Balance().String(), "cash in %s", currency)
}

// ReadAll returns a profile's journal.
func ReadAll(t testing.TB, s accounts.Store, id accounts.ProfileID) []accounts.Entry {
	t.Helper()
	var out []accounts.Entry
	for e, err := range s.Entries(context.Background(), id, 0) {
		require.NoError(t, err)
		out = append(out, e)
	}
	return out
}

// WrongFields returns the names of the fields that an error complains about.
func WrongFields(t testing.TB, err error) []string {
	t.Helper()
	require.ErrorIs(t, err, accounts.ErrInvalid, "not an error about validity")
	var v *accounts.ValidationError
	require.ErrorAs(t, err, &v, "the error does not say which fields")
	names := make([]string, len(v.Fields))
	for i, f := range v.Fields {
		names[i] = f.Name
		require.Contains(t, err.Error(), f.Name+" "+f.Problem, "the text leaves a field out")
	}
	return names
}

// Point is an equity point of an account that has nothing but cash.
func Point(t time.Time, equity, capital string) ledger.EquityPoint {
	return ledger.EquityPoint{Time: t, Equity: Dec(equity), Cash: Dec(equity), Capital: Dec(capital)}
}
