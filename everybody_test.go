package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
	"github.com/ai-ots/accounts/store/memstore"
)

// crew is a manager with profiles a and b of Anna's, c of Bert's and d of nobody's, each of which
// holds ten of a stock.
type crew struct {
	store   *fakeStore
	manager *accounts.MultiAccountManager
}

var owners = map[accounts.ProfileID]accounts.OwnerID{"a": "anna", "b": "anna", "c": "bert", "d": ""}

func newCrew(t *testing.T, opts ...accounts.ManagerOption) *crew {
	t.Helper()
	store := newStore(t)
	opts = append(opts, accounts.WithClock(func() time.Time { return now }))
	c := &crew{store, newManager(t, store, opts...)}
	for i, id := range []accounts.ProfileID{"a", "b", "c", "d"} {
		p := aProfile(id)
		p.IBKRAccountID, p.Owner = fmt.Sprintf("DU100000%d", i), owners[id]
		_, err := c.manager.CreateProfile(accounts.AsSystem(t.Context()), p)
		require.NoError(t, err, "create profile %q", id)
		_, err = c.open(t, id).Record(t.Context(), trade(1, xyz, "10", "100"))
		require.NoError(t, err)
	}
	return c
}

func (c *crew) open(t *testing.T, id accounts.ProfileID) *accounts.Portfolio {
	t.Helper()
	p, err := c.manager.Portfolio(accounts.AsSystem(t.Context()), id)
	require.NoError(t, err, "open %q", id)
	return p
}

// marked tells which profiles have a mark for the stock.
func (c *crew) marked(t *testing.T) (list []accounts.ProfileID) {
	t.Helper()
	for _, id := range []accounts.ProfileID{"a", "b", "c", "d"} {
		if c.open(t, id).Snapshot().Open[0].Marked() {
			list = append(list, id)
		}
	}
	return list
}

func TestOneMarkForEveryProfile(t *testing.T) {
	c := newCrew(t)
	anna := accounts.WithOwner(t.Context(), "anna")
	mark := ledger.Mark{Instrument: xyz, Price: dec("101"), Time: now}
	require.NoError(t, c.manager.Mark(anna, mark))
	require.Equal(t, []accounts.ProfileID{"a", "b"}, c.marked(t), "Anna's mark reaches Anna's profiles alone")

	mark.Price = dec("102")
	require.NoError(t, c.manager.Mark(t.Context(), mark), "a context without an owner sees all")
	require.Equal(t, []accounts.ProfileID{"a", "b", "c", "d"}, c.marked(t))

	older := ledger.Mark{Instrument: xyz, Price: dec("1"), Time: now.Add(-time.Minute)}
	require.NoError(t, c.manager.Mark(t.Context(), older))
	require.Equal(t, "102", c.open(t, "a").Snapshot().Open[0].Mark.Price.String(), "an older mark was taken")

	err := c.manager.Mark(t.Context(), mark, ledger.Mark{Instrument: xyz, Price: dec("-1"), Time: now})
	require.ErrorIs(t, err, accounts.ErrInvalid)
	err = c.manager.Mark(t.Context(), ledger.Mark{Instrument: xyz, Price: dec("1"), Time: now.Add(time.Hour)})
	require.ErrorIs(t, err, accounts.ErrFutureTime)
	require.Equal(t, "102", c.open(t, "a").Snapshot().Open[0].Mark.Price.String(), "a refused mark was taken")
}

// What was marked before a portfolio was opened is known to it, and what another owner marked is not.
func TestMarksReachPortfoliosThatAreOpenedLater(t *testing.T) {
	c := newCrew(t)
	later := newManager(t, c.store, accounts.WithClock(func() time.Time { return now }))
	bert := accounts.WithOwner(t.Context(), "bert")
	require.NoError(t, later.Mark(bert, ledger.Mark{Instrument: xyz, Price: dec("7"), Time: now}))
	require.NoError(t, later.Mark(t.Context(), ledger.Mark{Instrument: put, Price: dec("3"), Time: now}))
	require.NoError(t, later.MarkFX(t.Context(), "USD", ledger.FXRate{Currency: "EUR", Rate: dec("1.1"), Time: now}))
	require.NoError(t, later.MarkFX(t.Context(), "CHF", ledger.FXRate{Currency: "GBP", Rate: dec("1.1"), Time: now}))
	c = &crew{c.store, later}
	require.Equal(t, []accounts.ProfileID{"c"}, c.marked(t), "of four profiles Bert marked his own")
	p := c.open(t, "a")
	_, err := p.Record(t.Context(), trade(2, put, "1", "1"), cashOf("EUR"))
	require.NoError(t, err)
	s := p.Snapshot()
	require.Equal(t, []ledger.InstrumentKey{xyz.Key()}, s.Missing.Marks, "what nobody marked for Anna")
	require.Empty(t, s.Missing.Rates, "the rate to dollars was told before")
	_, err = p.Record(t.Context(), cashOf("GBP"))
	require.NoError(t, err)
	require.Equal(t, []ledger.Currency{"GBP"}, p.Snapshot().Missing.Rates, "a rate to francs is none to dollars")
	require.ErrorIs(t, later.MarkFX(t.Context(), "usd"), accounts.ErrInvalid)
}

func cashOf(currency ledger.Currency) ledger.CashMovement {
	return ledger.CashMovement{ID: "in " + string(currency), Kind: ledger.Deposit, Currency: currency, Amount: dec("5"), Time: at(1)}
}

func TestHaltAll(t *testing.T) {
	c := newCrew(t)
	system := accounts.AsSystem(t.Context())
	require.NoError(t, c.manager.ArchiveProfile(accounts.WithOwner(t.Context(), "anna"), "b"))
	states := func() (list []risk.TradingState) {
		for _, id := range []accounts.ProfileID{"a", "b", "c", "d"} {
			list = append(list, c.open(t, id).Snapshot().Risk.State)
		}
		return list
	}
	require.ErrorIs(t, c.manager.HaltAll(system, ""), accounts.ErrInvalid, "without a reason")
	require.NoError(t, c.manager.HaltAll(accounts.WithOwner(t.Context(), "anna"), "stop"))
	require.Equal(t, []risk.TradingState{"halted", "active", "active", "active"}, states(), "Anna's alone, and no archived one")
	require.NoError(t, c.manager.HaltAll(system, "stop"))
	require.Equal(t, []risk.TradingState{"halted", "active", "halted", "halted"}, states(), "everybody's")
}

// One profile that cannot be halted does not keep the others from it, and the error says which one it is.
func TestHaltAllSaysWhichFailed(t *testing.T) {
	c := newCrew(t)
	boom := errors.New("no disk")
	failing := &failingAppends{Store: c.store.Store, id: "c", err: boom}
	m := newManager(t, failing, accounts.WithClock(func() time.Time { return now }))
	err := m.HaltAll(t.Context(), "stop")
	require.ErrorIs(t, err, boom)
	require.ErrorContains(t, err, `"c"`)
	require.NotContains(t, err.Error(), `"a"`, "a profile that was halted")
	for _, id := range []accounts.ProfileID{"a", "b", "d"} {
		p, err := m.Portfolio(t.Context(), id)
		require.NoError(t, err)
		require.Equal(t, risk.TradingHalted, p.Snapshot().Risk.State, "profile %q", id)
	}
}

// failingAppends fails appends to one profile.
type failingAppends struct {
	*memstore.Store
	id  accounts.ProfileID
	err error
}

func (s *failingAppends) Append(ctx context.Context, b accounts.Batch) error {
	if b.ProfileID == s.id {
		return s.err
	}
	return s.Store.Append(ctx, b)
}

func TestProfileByAccount(t *testing.T) {
	c := newCrew(t)
	anna := accounts.WithOwner(t.Context(), "anna")
	p, err := c.manager.ProfileByAccount(anna, "DU1000001")
	require.NoError(t, err)
	require.Equal(t, accounts.ProfileID("b"), p.ID)
	for what, account := range map[string]string{"an unknown account": "DU9999999", "Bert's account": "DU1000002", "no account": ""} {
		_, err = c.manager.ProfileByAccount(anna, account)
		require.ErrorIs(t, err, accounts.ErrProfileNotFound, what)
	}
	twin := aProfile("e")
	twin.IBKRAccountID = "DU1000002"
	_, err = c.manager.CreateProfile(anna, twin)
	require.NoError(t, err)
	_, err = c.manager.ProfileByAccount(t.Context(), "DU1000002")
	require.ErrorIs(t, err, accounts.ErrAmbiguous, "two profiles on one account")
	require.NoError(t, c.manager.ArchiveProfile(anna, "e"))
	p, err = c.manager.ProfileByAccount(t.Context(), "DU1000002")
	require.NoError(t, err, "an archived profile does not count")
	require.Equal(t, accounts.ProfileID("c"), p.ID)
}

func TestSystemContext(t *testing.T) {
	c := newCrew(t, accounts.RequireOwner())
	_, err := c.manager.ListProfiles(t.Context(), accounts.ProfileFilter{})
	require.ErrorIs(t, err, accounts.ErrOwnerRequired, "a context without an owner")
	system := accounts.AsSystem(accounts.WithOwner(t.Context(), "anna"))
	list, err := c.manager.ListProfiles(system, accounts.ProfileFilter{})
	require.NoError(t, err)
	require.Len(t, list, 4, "a back office sees everybody's")
	list, err = c.manager.ListProfiles(accounts.WithOwner(system, "bert"), accounts.ProfileFilter{})
	require.NoError(t, err)
	require.Len(t, list, 1, "an owner narrows it again")
	_, err = c.manager.Portfolio(accounts.WithOwner(system, "bert"), "a")
	require.ErrorIs(t, err, accounts.ErrProfileNotFound)
}
