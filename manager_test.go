package accounts_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/memcreds"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// clockOf returns a clock that stands still, in another zone and with more digits than stores keep.
func clockOf(year int) func() time.Time {
	zone := time.FixedZone("elsewhere", 3600)
	return func() time.Time { return time.Date(year, 5, 16, 12, 0, 0, 123456789, zone) }
}

func stampOf(year int) time.Time { return time.Date(year, 5, 16, 11, 0, 0, 123456000, time.UTC) }

func TestNewRefuses(t *testing.T) {
	_, err := accounts.New(nil, accounts.WithClock(nil), accounts.OnSwitch(nil), accounts.WithCredentialStore(nil))
	require.Equal(t, []string{"Store", "WithClock", "WithCredentialStore", "OnSwitch"}, wrongFields(t, err), "not every nil was found")

	failure := errors.New("no connection")
	store := newStore(t)
	store.onWatch = func(context.Context) (<-chan accounts.Event, error) { return nil, failure }
	_, err = accounts.New(store)
	require.ErrorIs(t, err, failure, "a store that cannot be watched was accepted")
}

// The precision is a setting of the process that another library might change.
func TestNewRefusesCoarseDecimals(t *testing.T) {
	store := newStore(t)
	udecimal.SetDefaultPrecision(18)
	defer udecimal.SetDefaultPrecision(19)
	_, err := accounts.New(store)
	require.Equal(t, []string{"udecimal"}, wrongFields(t, err), "amounts would be cut off")
}

func TestCreateProfile(t *testing.T) {
	m := newManager(t, newStore(t), accounts.WithClock(clockOf(2025)))
	p, err := m.CreateProfile(t.Context(), accounts.AccountProfile{
		Name: "Main", IBKRAccountID: "U1234567", CapitalLevel: "25K", RiskTolerance: "high",
		Version: 7, CreatedAt: stampOf(1999), UpdatedAt: stampOf(1999), LastUsedAt: stampOf(1999),
	})
	require.NoError(t, err)
	id, err := uuid.Parse(string(p.ID))
	require.NoError(t, err, "the id that was filled in is no UUID")
	require.Equal(t, uuid.Version(7), id.Version())
	require.Equal(t, accounts.AccountProfile{
		ID: p.ID, Name: "Main", IBKRAccountID: "U1234567", CapitalLevel: "25K", RiskTolerance: "high",
		Mode: accounts.ModeLive, Status: accounts.StatusActive, BaseCurrency: "USD",
		Version: 1, CreatedAt: stampOf(2025), UpdatedAt: stampOf(2025),
	}, p, "defaults were not filled in, or the caller's bookkeeping was believed")
	stored, err := m.Profile(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, p, stored, "something else was stored than returned")
}

func TestCreateProfileRefuses(t *testing.T) {
	m := newManager(t, newStore(t))
	ctx := t.Context()
	create(t, ctx, m, "a")

	_, err := m.CreateProfile(ctx, aProfile("a"))
	require.ErrorIs(t, err, accounts.ErrProfileExists, "the same id twice")
	sameName := aProfile("b")
	sameName.Name = "Name of a"
	_, err = m.CreateProfile(ctx, sameName)
	require.ErrorIs(t, err, accounts.ErrNameTaken, "the same name twice")
	require.NoError(t, m.ArchiveProfile(ctx, "a"))
	_, err = m.CreateProfile(ctx, sameName)
	require.ErrorIs(t, err, accounts.ErrNameTaken, "the name of an archived profile")

	bad := accounts.AccountProfile{Status: accounts.StatusArchived, Owner: "bert"}
	_, err = m.CreateProfile(accounts.WithOwner(ctx, "anna"), bad)
	require.ElementsMatch(t, []string{"Name", "IBKRAccountID", "CapitalLevel", "RiskTolerance", "Status", "Owner"},
		wrongFields(t, err), "not every wrong field was named at once")
	list, err := m.ListProfiles(ctx, accounts.ProfileFilter{})
	require.NoError(t, err)
	require.Len(t, list, 1, "something that was refused was stored")
}

func TestUpdateProfile(t *testing.T) {
	now := clockOf(2025)
	m := newManager(t, newStore(t), accounts.WithClock(func() time.Time { return now() }))
	ctx := t.Context()
	p := create(t, ctx, m, "a")
	switchTo(t, ctx, m, "a")

	now = clockOf(2026)
	p.Name, p.IBKRAccountID, p.Status = "Renamed", "DU7654321", accounts.StatusInactive
	p.CreatedAt, p.LastUsedAt = stampOf(1999), stampOf(1999)
	updated, err := m.UpdateProfile(ctx, p)
	require.NoError(t, err)
	want := p
	want.Version, want.CreatedAt, want.UpdatedAt, want.LastUsedAt = 2, stampOf(2025), stampOf(2026), stampOf(2025)
	require.Equal(t, want, updated, "not what was asked for, or the caller's bookkeeping was believed")
	stored, err := m.Profile(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, updated, stored, "something else was stored than returned")
}

func TestUpdateProfileRefuses(t *testing.T) {
	m := newManager(t, newStore(t))
	ctx := t.Context()
	a := create(t, ctx, m, "a")
	create(t, ctx, m, "b")

	unknown := aProfile("x")
	_, err := m.UpdateProfile(ctx, unknown)
	require.ErrorIs(t, err, accounts.ErrProfileNotFound, "an unknown profile")

	for _, stale := range []int64{0, 2, -1} {
		p := a
		p.Version = stale
		_, err = m.UpdateProfile(ctx, p)
		require.ErrorIs(t, err, accounts.ErrConflict, "version %d of 1", stale)
	}
	p := a
	p.Name = "Name of b"
	_, err = m.UpdateProfile(ctx, p)
	require.ErrorIs(t, err, accounts.ErrNameTaken, "the name of another")

	p = a
	p.Status, p.Owner, p.Mode, p.CapitalLevel = accounts.StatusArchived, "bert", accounts.ModeLive, ""
	_, err = m.UpdateProfile(ctx, p)
	require.ElementsMatch(t, []string{"Status", "Owner", "Mode", "CapitalLevel"}, wrongFields(t, err), "not every wrong field at once")

	p = a
	p.Status, p.BaseCurrency = "", ""
	_, err = m.UpdateProfile(ctx, p)
	require.ElementsMatch(t, []string{"Status", "BaseCurrency"}, wrongFields(t, err),
		"an update that leaves the status out must not make a suspended profile active")

	stored, err := m.Profile(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, a, stored, "a refused update changed something")

	require.NoError(t, m.ArchiveProfile(ctx, "a"))
	archived, err := m.Profile(ctx, "a")
	require.NoError(t, err)
	archived.Status = accounts.StatusActive
	_, err = m.UpdateProfile(ctx, archived)
	require.ErrorIs(t, err, accounts.ErrProfileNotActive, "an archived profile came back")
}

func TestBaseCurrencyNeverChanges(t *testing.T) {
	m := newManager(t, newStore(t))
	p := create(t, t.Context(), m, "a")
	p.BaseCurrency = "EUR"
	_, err := m.UpdateProfile(t.Context(), p)
	require.Equal(t, []string{"BaseCurrency"}, wrongFields(t, err), "a book changed its currency")
}

func TestArchiveProfile(t *testing.T) {
	store, creds := newStore(t), memcreds.New()
	m := newManager(t, store, accounts.WithCredentialStore(creds))
	ctx := t.Context()
	create(t, ctx, m, "a")
	create(t, ctx, m, "b")
	for _, id := range []accounts.ProfileID{"a", "b"} {
		require.NoError(t, m.SetCredentials(ctx, id, credentials.NewGatewaySession()))
	}
	switchTo(t, ctx, m, "a")
	portfolio, err := m.Portfolio(ctx, "a")
	require.NoError(t, err)
	require.NoError(t, errOf(portfolio.Record(ctx, deposit(t, "1"))))

	require.NoError(t, m.ArchiveProfile(ctx, "b"))
	requireActive(t, ctx, m, "a")
	require.NoError(t, m.ArchiveProfile(ctx, "a"))
	requireActive(t, ctx, m, "")
	p, err := m.Profile(ctx, "a")
	require.NoError(t, err, "an archived profile is gone")
	require.Equal(t, accounts.StatusArchived, p.Status)
	ids, err := creds.List(ctx)
	require.NoError(t, err)
	require.Empty(t, ids, "an archived profile keeps its credentials")
	_, err = m.SwitchProfile(ctx, "a")
	require.ErrorIs(t, err, accounts.ErrProfileNotActive, "an archived profile became active")
	err = m.SetCredentials(ctx, "a", credentials.Set{})
	require.ErrorIs(t, err, accounts.ErrProfileNotActive, "an archived profile got credentials")

	require.NoError(t, creds.Put(ctx, "a", credentials.NewGatewaySession())) // left over, as by a failure
	require.NoError(t, m.ArchiveProfile(ctx, "a"), "archiving twice is an error")
	_, err = creds.Get(ctx, "a", credentials.GatewaySession)
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "archiving again did not tidy up")
	again, err := m.Profile(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, p, again, "archiving twice changed the profile again")

	var kinds []ledger.EntryKind
	for e, err := range store.Entries(ctx, "a", 0) {
		require.NoError(t, err)
		if e.Kind != accounts.KindAccess {
			kinds = append(kinds, e.Kind)
		}
	}
	require.Equal(t, []ledger.EntryKind{ledger.KindCash, risk.KindPolicy}, kinds, "archiving adds to the journal what the profile permits from then on, and nothing else")
	require.ErrorIs(t, m.ArchiveProfile(ctx, "x"), accounts.ErrProfileNotFound)
}

func TestArchiveProfileYieldsToConcurrentUpdates(t *testing.T) {
	store := newStore(t)
	m := newManager(t, store)
	ctx := t.Context()
	create(t, ctx, m, "a")
	conflicts := 0
	store.onUpdateProfile = func(ctx context.Context, p accounts.AccountProfile) error {
		if conflicts++; conflicts <= 2 {
			other, err := store.Store.Profile(ctx, p.ID) // somebody else is faster
			require.NoError(t, err)
			require.NoError(t, store.Store.UpdateProfile(ctx, other))
		}
		return store.Store.UpdateProfile(ctx, p)
	}
	require.NoError(t, m.ArchiveProfile(ctx, "a"), "archiving gave up")
	p, err := m.Profile(ctx, "a")
	require.NoError(t, err)
	require.Equal(t, accounts.StatusArchived, p.Status)
	require.EqualValues(t, 4, p.Version, "an update of somebody else's was lost")

	create(t, ctx, m, "b")
	store.onUpdateProfile = func(context.Context, accounts.AccountProfile) error { return accounts.ErrConflict }
	require.ErrorIs(t, m.ArchiveProfile(ctx, "b"), accounts.ErrConflict, "it tries for ever, or claims success")
}

func TestListProfiles(t *testing.T) {
	m := newManager(t, newStore(t))
	ctx := t.Context()
	anna := accounts.WithOwner(ctx, "anna")
	for _, id := range []accounts.ProfileID{"c", "a", "b"} {
		create(t, ctx, m, id)
	}
	create(t, anna, m, "d")
	big := aProfile("e")
	big.CapitalLevel = accounts.Level250K
	_, err := m.CreateProfile(ctx, big)
	require.NoError(t, err)
	suspend(t, ctx, m, "b")

	type filter = accounts.ProfileFilter
	owned := func(by accounts.OwnerID) filter { return filter{Owner: &by} }
	for name, test := range map[string]struct {
		ctx    context.Context
		filter filter
		want   []accounts.ProfileID
	}{
		"all":              {ctx, filter{}, []accounts.ProfileID{"a", "b", "c", "d", "e"}},
		"by status":        {ctx, filter{Statuses: []accounts.ProfileStatus{"suspended", "archived"}}, []accounts.ProfileID{"b"}},
		"two statuses":     {ctx, filter{Statuses: []accounts.ProfileStatus{"suspended", "active"}}, []accounts.ProfileID{"a", "b", "c", "d", "e"}},
		"by level":         {ctx, filter{Levels: []accounts.CapitalLevel{"250K"}}, []accounts.ProfileID{"e"}},
		"level and status": {ctx, filter{Levels: []accounts.CapitalLevel{"250K"}, Statuses: []accounts.ProfileStatus{"suspended"}}, nil},
		"by owner":         {ctx, owned("anna"), []accounts.ProfileID{"d"}},
		"without owner":    {ctx, owned(""), []accounts.ProfileID{"a", "b", "c", "e"}},
		"first page":       {ctx, filter{After: "", Limit: 2}, []accounts.ProfileID{"a", "b"}},
		"next page":        {ctx, filter{After: "b", Limit: 2}, []accounts.ProfileID{"c", "d"}},
		"last page":        {ctx, filter{After: "d", Limit: 2}, []accounts.ProfileID{"e"}},
		"past the end":     {ctx, filter{After: "e", Limit: 2}, nil},
		"no limit":         {ctx, filter{After: "c", Limit: 0}, []accounts.ProfileID{"d", "e"}},
		"Anna's":           {anna, filter{}, []accounts.ProfileID{"d"}},
		"Anna's by owner":  {anna, owned("anna"), []accounts.ProfileID{"d"}},
		"Anna for Bert's":  {anna, owned("bert"), nil},
		"Anna for nobody":  {anna, owned(""), nil},
		"empty owner":      {accounts.WithOwner(ctx, ""), filter{}, []accounts.ProfileID{"a", "b", "c", "e"}},
	} {
		list, err := m.ListProfiles(test.ctx, test.filter)
		require.NoError(t, err, name)
		require.NotNil(t, list, "%s: none is an empty slice", name)
		var ids []accounts.ProfileID
		for _, p := range list {
			ids = append(ids, p.ID)
		}
		require.Equal(t, test.want, ids, name)
	}
	_, err = m.ListProfiles(ctx, accounts.ProfileFilter{Limit: -1})
	require.ErrorIs(t, err, accounts.ErrInvalid, "a negative limit")
}

// method is one method of the manager, for tests of what holds for all of them.
type method struct {
	name string
	do   func(ctx context.Context, m *accounts.MultiAccountManager) error
}

// calls are all methods that take a context, on profile id.
func calls(id accounts.ProfileID) []method {
	return append(callsOn(id),
		method{"CreateProfile", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			_, err := m.CreateProfile(ctx, aProfile("new"))
			return err
		}},
		method{"Mark", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			return m.Mark(ctx, ledger.Mark{Instrument: xyz, Price: dec("1"), Time: now})
		}},
		method{"MarkFX", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			return m.MarkFX(ctx, "USD", ledger.FXRate{Currency: "EUR", Rate: dec("1.1"), Time: now})
		}},
		method{"HaltAll", func(ctx context.Context, m *accounts.MultiAccountManager) error { return m.HaltAll(ctx, "stop") }},
		method{"ProfileByAccount", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			_, err := m.ProfileByAccount(ctx, "DU1234567")
			return err
		}},
		method{"ListProfiles", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			_, err := m.ListProfiles(ctx, accounts.ProfileFilter{})
			return err
		}},
		method{"ActiveProfile", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			_, err := m.ActiveProfile(ctx)
			return err
		}},
		method{"Subscribe", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			_, err := m.Subscribe(ctx)
			return err
		}},
	)
}

// callsOn are the methods that name a profile.
func callsOn(id accounts.ProfileID) []method {
	return []method{
		{"Profile", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			_, err := m.Profile(ctx, id)
			return err
		}},
		{"UpdateProfile", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			p := aProfile(id)
			p.Version = 1
			_, err := m.UpdateProfile(ctx, p)
			return err
		}},
		{"ArchiveProfile", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			return m.ArchiveProfile(ctx, id)
		}},
		{"SwitchProfile", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			_, err := m.SwitchProfile(ctx, id)
			return err
		}},
		{"ActiveProfile by context", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			_, err := m.ActiveProfile(accounts.WithProfile(ctx, id))
			return err
		}},
		{"Portfolio", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			_, err := m.Portfolio(ctx, id)
			return err
		}},
		{"Portfolio by context", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			_, err := m.Portfolio(accounts.WithProfile(ctx, id), "")
			return err
		}},
		{"SetCredentials", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			return m.SetCredentials(ctx, id, credentials.Set{})
		}},
		{"Credentials", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			_, err := m.Credentials(ctx, id, credentials.GatewaySession)
			return err
		}},
		{"DeleteCredentials", func(ctx context.Context, m *accounts.MultiAccountManager) error {
			return m.DeleteCredentials(ctx, id)
		}},
	}
}

func TestOwnersAreIsolated(t *testing.T) {
	store, creds := newStore(t), memcreds.New()
	m := newManager(t, store, accounts.WithCredentialStore(creds))
	ctx := t.Context()
	anna, bert := accounts.WithOwner(ctx, "anna"), accounts.WithOwner(ctx, "bert")
	a := create(t, anna, m, "a")
	require.Equal(t, accounts.OwnerID("anna"), a.Owner, "a profile is not its creator's")
	create(t, bert, m, "b")
	require.NoError(t, m.SetCredentials(anna, "a", credentials.Set{"p": credentials.NewSecret([]byte("x"))}))
	require.NoError(t, m.SetCredentials(bert, "b", credentials.NewGatewaySession()))
	opened, err := m.Portfolio(anna, "a") // so that what is cached is tested too
	require.NoError(t, err)
	switchTo(t, anna, m, "a")
	switchTo(t, bert, m, "b")

	for owner, stranger := range map[string]context.Context{"bert": bert, "nobody": accounts.WithOwner(ctx, "")} {
		for i, c := range callsOn("a") {
			err := c.do(stranger, m)
			require.ErrorIs(t, err, accounts.ErrProfileNotFound, "%s reached Anna's profile with %s", owner, c.name)
			miss := callsOn("q")[i].do(stranger, m)
			require.Equal(t, miss.Error(), strings.ReplaceAll(err.Error(), `"a"`, `"q"`), "%s tells that the profile exists", c.name)
		}
	}
	p, err := m.Profile(anna, "a")
	require.NoError(t, err)
	require.Equal(t, accounts.StatusActive, p.Status, "a stranger changed the profile")
	require.EqualValues(t, 1, p.Version, "a stranger changed the profile")
	c, err := m.Credentials(anna, "a", "")
	require.NoError(t, err)
	require.Len(t, c, 1, "a stranger changed the credentials")
	requireActive(t, anna, m, "a")
	requireActive(t, bert, m, "b")
	requireActive(t, ctx, m, "")

	office, err := m.Portfolio(ctx, "a")
	require.NoError(t, err, "a back office cannot see Anna's portfolio")
	require.Same(t, opened, office, "two books of one profile")
	_, err = m.SwitchProfile(ctx, "a")
	require.ErrorIs(t, err, accounts.ErrProfileNotFound, "whose active profile was changed?")
	same := aProfile("c")
	same.Name = a.Name
	_, err = m.CreateProfile(bert, same)
	require.NoError(t, err, "names are unique within an owner, not among owners")
}

func TestRequireOwner(t *testing.T) {
	m := newManager(t, newStore(t), accounts.RequireOwner(), accounts.WithCredentialStore(memcreds.New()))
	create(t, accounts.WithOwner(t.Context(), "anna"), m, "a")
	for _, ctx := range []context.Context{t.Context(), accounts.WithOwner(t.Context(), "")} {
		for _, c := range calls("a") {
			require.ErrorIs(t, c.do(ctx, m), accounts.ErrOwnerRequired, "%s without an owner", c.name)
		}
	}
	_, err := m.Profile(accounts.WithOwner(t.Context(), "anna"), "a")
	require.NoError(t, err)
}

func TestDoneContextIsRefused(t *testing.T) {
	m := newManager(t, newStore(t), accounts.WithCredentialStore(memcreds.New()))
	create(t, t.Context(), m, "a")
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range calls("a") {
		require.ErrorIs(t, c.do(done, m), context.Canceled, "%s under a done context", c.name)
	}
}

func TestClose(t *testing.T) {
	store, creds := newStore(t), memcreds.New()
	m, err := accounts.New(store, accounts.WithCredentialStore(creds))
	require.NoError(t, err)
	ctx := t.Context()
	create(t, ctx, m, "a")
	portfolio, err := m.Portfolio(ctx, "a")
	require.NoError(t, err)
	events, err := m.Subscribe(ctx)
	require.NoError(t, err)

	require.NoError(t, m.Close())
	require.NoError(t, m.Close(), "the second Close is an error")
	requireEnd(t, events)
	for _, c := range calls("a") {
		require.ErrorIs(t, c.do(ctx, m), accounts.ErrClosed, "%s after Close", c.name)
	}
	require.ErrorIs(t, errOf(portfolio.Record(ctx, deposit(t, "1"))), accounts.ErrClosed, "a portfolio outlives its manager")
	_, err = store.Profile(ctx, "a")
	require.NoError(t, err, "the caller's store was closed")
	_, err = creds.List(ctx)
	require.NoError(t, err, "the caller's credential store was closed")
}

func TestCredentials(t *testing.T) {
	m := newManager(t, newStore(t), accounts.WithCredentialStore(memcreds.New()))
	ctx := t.Context()
	create(t, ctx, m, "a")
	_, err := m.Credentials(ctx, "a", "")
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound)
	require.NoError(t, m.SetCredentials(ctx, "a", credentials.Set{"token": credentials.NewSecret([]byte("x"))}))
	c, err := m.Credentials(ctx, "a", "")
	require.NoError(t, err)
	require.Equal(t, "x", string(c["token"].Reveal()))
	require.NoError(t, m.DeleteCredentials(ctx, "a"))
	require.NoError(t, m.DeleteCredentials(ctx, "a"), "deleting what is not there is an error")
	_, err = m.Credentials(ctx, "a", "")
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "deleted credentials can be read")
	require.ErrorIs(t, m.SetCredentials(ctx, "x", c), accounts.ErrProfileNotFound, "credentials of no profile")

	bare := newManager(t, newStore(t))
	create(t, ctx, bare, "a")
	require.ErrorIs(t, bare.SetCredentials(ctx, "a", c), accounts.ErrNoCredentialStore)
	_, err = bare.Credentials(ctx, "a", credentials.GatewaySession)
	require.ErrorIs(t, err, accounts.ErrNoCredentialStore)
	require.ErrorIs(t, bare.DeleteCredentials(ctx, "a"), accounts.ErrNoCredentialStore)
}
