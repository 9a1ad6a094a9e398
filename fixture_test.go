package accounts_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
)

var background = context.Background()

// now is the clock of every test's manager.
var now = time.Date(2026, 6, 1, 15, 0, 0, 0, time.UTC)

// day0 is when the tests' trading begins.
var day0 = time.Date(2026, 1, 5, 15, 0, 0, 0, time.UTC)

func at(minutes int) time.Time { return day0.Add(time.Duration(minutes) * time.Minute) }

func dec(s string) ledger.Decimal {
	d, err := ledger.ParseDecimal(s)
	if err != nil {
		panic(err)
	}
	return d
}

// bench is a manager on a store with one profile's portfolio open.
type bench struct {
	store     accounts.Store
	manager   *accounts.MultiAccountManager
	profile   accounts.AccountProfile
	portfolio *accounts.Portfolio
}

func newBench(t testing.TB) *bench {
	t.Helper()
	return newBenchOn(t, memstore.New())
}

func newBenchOn(t testing.TB, store accounts.Store) *bench {
	t.Helper()
	b := &bench{store: store, manager: newManagerOn(t, store)}
	profile, err := b.manager.CreateProfile(t.Context(), accounts.Optimal100K("DU1000100"))
	require.NoError(t, err, "a preset must be a valid profile")
	b.profile = profile
	b.portfolio = b.open(t)
	return b
}

func newManagerOn(t testing.TB, store accounts.Store) *accounts.MultiAccountManager {
	t.Helper()
	m, err := accounts.New(store, accounts.WithClock(func() time.Time { return now }))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

func (b *bench) open(t testing.TB) *accounts.Portfolio {
	t.Helper()
	p, err := b.manager.Portfolio(t.Context(), b.profile.ID)
	require.NoError(t, err)
	return p
}

// reopen opens the profile in a manager of its own, as another process would.
func (b *bench) reopen(t testing.TB) *accounts.Portfolio {
	t.Helper()
	p, err := newManagerOn(t, b.store).Portfolio(t.Context(), b.profile.ID)
	require.NoError(t, err, "the portfolio must open again")
	return p
}

// record records facts that must all be new.
func (b *bench) record(t testing.TB, facts ...ledger.Fact) {
	t.Helper()
	added, err := b.portfolio.Record(t.Context(), facts...)
	require.NoError(t, err)
	require.Equal(t, len(facts), added, "every fact must be new")
}

var (
	xyz  = ledger.NewStock("XYZ", "USD")
	call = ledger.NewOption("XYZ", 20260320, ledger.Call, dec("50"), "USD")
	put  = ledger.NewOption("XYZ", 20260320, ledger.Put, dec("50"), "USD")
	oil  = ledger.Instrument{SecType: ledger.Future, Symbol: "CL", Currency: "USD", Expiry: 20261120, Multiplier: dec("1000")}
)

// trade is a trade of n minutes after the beginning, commission 1.
func trade(n int, i ledger.Instrument, quantity, price string) ledger.Trade {
	return ledger.Trade{ExecID: ledger.ExecID(fmt.Sprintf("exec-%d", n)), Instrument: i, Quantity: dec(quantity),
		Price: dec(price), Commission: dec("1"), Time: at(n)}
}

// requirePosition checks quantity, basis and realized P&L of one contract.
func requirePosition(t testing.TB, p *accounts.Portfolio, i ledger.Instrument, quantity, basis, realized string) {
	t.Helper()
	pos, _ := p.Position(i.Key())
	got := fmt.Sprintf("quantity %s, basis %s, realized %s", pos.Quantity, pos.Basis, pos.Realized)
	require.Equal(t, fmt.Sprintf("quantity %s, basis %s, realized %s", quantity, basis, realized), got, "position in %s", i.Key())
	requireLots(t, pos)
}

// requireLots checks that the lots add up to the position.
func requireLots(t require.TestingT, pos ledger.Position) {
	var quantity, basis ledger.Decimal
	for _, l := range pos.Lots {
		quantity, basis = quantity.Add(l.Quantity), basis.Add(l.Basis)
		require.Equal(t, pos.Quantity.IsNeg(), l.Quantity.IsNeg(), "every lot of %s must have the position's sign", pos.Instrument.Key())
	}
	require.True(t, quantity.Equal(pos.Quantity) && basis.Equal(pos.Basis),
		"lots of %s add up to %s at %s, the position is %s at %s", pos.Instrument.Key(), quantity, basis, pos.Quantity, pos.Basis)
}

func requireCash(t testing.TB, p *accounts.Portfolio, currency ledger.Currency, balance string) {
	t.Helper()
	require.Equal(t, balance, p.Cash()[currency].Balance().String(), "cash in %s", currency)
}

// readAll returns a profile's journal.
func readAll(t testing.TB, s accounts.Store, id accounts.ProfileID) []accounts.Entry {
	t.Helper()
	var out []accounts.Entry
	for e, err := range s.Entries(context.Background(), id, 0) {
		require.NoError(t, err)
		out = append(out, e)
	}
	return out
}
