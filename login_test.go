package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/memcreds"
)

// tokenOf returns credentials without a kind.
func tokenOf(s string) credentials.Set {
	return credentials.Set{"token": credentials.NewSecret([]byte(s))}
}

// flexOf returns a token of the Flex web service.
func flexOf(t *testing.T, query string) credentials.Set {
	t.Helper()
	c, err := credentials.NewFlexToken(credentials.NewSecret([]byte("123456")), query)
	require.NoError(t, err, "NewFlexToken failed")
	return c
}

// createFor makes a profile that names a login, with an account of its own at the broker.
func createFor(t *testing.T, ctx context.Context, m *accounts.MultiAccountManager, id accounts.ProfileID, login accounts.LoginID) accounts.AccountProfile {
	t.Helper()
	p := aProfile(id)
	p.Login = login
	p, err := m.CreateProfile(ctx, p)
	require.NoError(t, err, "create profile %q", id)
	return p
}

// nameLogin updates the profile to another login.
func nameLogin(t *testing.T, ctx context.Context, m *accounts.MultiAccountManager, id accounts.ProfileID, login accounts.LoginID) {
	t.Helper()
	p, err := m.Profile(ctx, id)
	require.NoError(t, err)
	p.Login = login
	_, err = m.UpdateProfile(ctx, p)
	require.NoError(t, err, "update profile %q", id)
}

// requireToken checks which token the profile has.
func requireToken(t *testing.T, ctx context.Context, m *accounts.MultiAccountManager, id accounts.ProfileID, want string) {
	t.Helper()
	c, err := m.Credentials(ctx, id, "")
	require.NoError(t, err, "credentials of profile %q", id)
	require.Equal(t, want, string(c["token"].Reveal()), "profile %q has other credentials", id)
}

// requireKeys checks which logins the credential store has.
func requireKeys(t *testing.T, creds *memcreds.Store, want ...accounts.LoginKey) {
	t.Helper()
	keys, err := creds.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, append([]accounts.LoginKey{}, want...), keys, "logins in the credential store")
}

// changes are the accesses in a profile's journal, with what they say of the login.
func changes(t *testing.T, ctx context.Context, m *accounts.MultiAccountManager, id accounts.ProfileID) (list []string) {
	t.Helper()
	p, err := m.Portfolio(ctx, id)
	require.NoError(t, err)
	require.NoError(t, p.Verify(t.Context()), "Verify failed")
	for recorded, err := range p.CredentialAccesses(t.Context(), accounts.Page{}) {
		require.NoError(t, err)
		a := recorded.Value
		list = append(list, fmt.Sprintf("%s login %q kind %q through %q: %s", a.Action, a.Login, a.Kind, a.Through, a.Outcome))
	}
	return list
}

// A login is stored once. Whoever changes it changes it for all of its profiles, and each journal says so.
func TestProfilesShareALogin(t *testing.T) {
	creds := memcreds.New()
	m := newManager(t, newStore(t), accounts.WithCredentialStore(creds))
	anna := accounts.WithOwner(t.Context(), "anna")
	createFor(t, anna, m, "a", "main")
	createFor(t, anna, m, "b", "main")
	createFor(t, anna, m, "c", "other")
	create(t, anna, m, "d")
	require.NoError(t, m.SetCredentials(anna, "a", tokenOf("old")))
	requireKeys(t, creds, "anna main")
	requireToken(t, anna, m, "b", "old")
	require.NoError(t, m.SetCredentials(anna, "b", tokenOf("new")))
	requireToken(t, anna, m, "a", "new")
	require.NoError(t, m.SetCredentials(anna, "b", flexOf(t, "98")))
	switchTo(t, anna, m, "a")
	for _, id := range []accounts.ProfileID{"c", "d"} {
		_, err := m.Credentials(anna, id, "")
		require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "profile %q has another login's credentials", id)
	}
	requireKeys(t, creds, "anna main")
	require.Equal(t, []string{
		`set login "main" kind "" through "": begun`, `set login "main" kind "" through "": ok`,
		`set login "main" kind "" through "b": begun`, `set login "main" kind "" through "b": ok`,
		`get login "main" kind "" through "": begun`, `get login "main" kind "" through "": ok`,
		`set login "main" kind "flex" through "b": begun`, `set login "main" kind "flex" through "b": ok`,
		`switch login "main" kind "" through "": begun`, `switch login "main" kind "" through "": ok`,
	}, changes(t, anna, m, "a"), "journal of a")
	require.Equal(t, []string{
		`set login "main" kind "" through "a": begun`, `set login "main" kind "" through "a": ok`,
		`get login "main" kind "" through "": begun`, `get login "main" kind "" through "": ok`,
		`set login "main" kind "" through "": begun`, `set login "main" kind "" through "": ok`,
		`set login "main" kind "flex" through "": begun`, `set login "main" kind "flex" through "": ok`,
	}, changes(t, anna, m, "b"), "journal of b")
	require.Equal(t, []string{`get login "other" kind "" through "": begun`, `get login "other" kind "" through "": missing`},
		changes(t, anna, m, "c"), "journal of c")
}

// What others use is not taken away from them.
func TestDeleteRefusesASharedLogin(t *testing.T) {
	creds := memcreds.New()
	m := newManager(t, newStore(t), accounts.WithCredentialStore(creds))
	ctx := t.Context()
	createFor(t, ctx, m, "a", "main")
	createFor(t, ctx, m, "b", "main")
	createFor(t, ctx, m, "c", "main")
	suspend(t, ctx, m, "b")
	require.NoError(t, m.SetCredentials(ctx, "a", tokenOf("x")))
	for _, kinds := range [][]credentials.Kind{nil, {""}, {credentials.FlexToken}} {
		err := m.DeleteCredentials(ctx, "a", kinds...)
		require.ErrorIs(t, err, accounts.ErrLoginShared, "kinds %q", kinds)
		require.ErrorContains(t, err, `login "main", by "b", "c"`, "the error does not say who uses the login")
	}
	requireToken(t, ctx, m, "a", "x")
	list := changes(t, ctx, m, "a")
	require.Equal(t, `delete login "main" kind "" through "": refused`, list[2], "what was refused is not in the journal")
	require.NoError(t, m.ArchiveProfile(ctx, "b"))
	nameLogin(t, ctx, m, "c", "")
	require.NoError(t, m.DeleteCredentials(ctx, "a"), "nobody else uses the login")
	requireKeys(t, creds)
}

// A profile has several kinds at once. Each is read, replaced and deleted by itself.
func TestAProfileHasSeveralKinds(t *testing.T) {
	creds := memcreds.New()
	m := newManager(t, newStore(t), accounts.WithCredentialStore(creds))
	ctx := t.Context()
	create(t, ctx, m, "a")
	requireKinds := func(want ...credentials.Kind) {
		t.Helper()
		got, err := m.CredentialKinds(ctx, "a")
		require.NoError(t, err)
		require.Equal(t, append([]credentials.Kind{}, want...), got, "kinds of the profile")
	}
	requireKinds()
	require.NoError(t, m.SetCredentials(ctx, "a", credentials.NewGatewaySession()))
	require.NoError(t, m.SetCredentials(ctx, "a", flexOf(t, "1")))
	require.NoError(t, m.SetCredentials(ctx, "a", tokenOf("x")))
	require.NoError(t, m.SetCredentials(ctx, "a", flexOf(t, "2")))
	requireKinds("", credentials.FlexToken, credentials.GatewaySession)
	c, err := m.Credentials(ctx, "a", credentials.FlexToken)
	require.NoError(t, err)
	_, query, _ := c.Flex()
	require.Equal(t, "2", query, "another token")
	require.NoError(t, m.DeleteCredentials(ctx, "a", credentials.FlexToken, ""))
	requireKinds(credentials.GatewaySession)
	_, err = m.Credentials(ctx, "a", credentials.FlexToken)
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound)
	requireKeys(t, creds, "a")

	require.NoError(t, m.ArchiveProfile(ctx, "a"))
	requireKinds()
	requireKeys(t, creds)
}

// unreadableKind is a store that cannot read one kind.
type unreadableKind struct {
	*memcreds.Store
	kind credentials.Kind
	err  error
}

func (u unreadableKind) Get(ctx context.Context, key accounts.LoginKey, kind credentials.Kind) (credentials.Set, error) {
	if kind == u.kind {
		return nil, u.err
	}
	return u.Store.Get(ctx, key, kind)
}

// A switch needs every kind that there is: who finds out later has switched already.
func TestSwitchReadsEveryKind(t *testing.T) {
	store, creds, failure := newStore(t), memcreds.New(), errors.New("wrong key")
	m := newManager(t, store, accounts.WithCredentialStore(creds))
	create(t, t.Context(), m, "a")
	require.NoError(t, m.SetCredentials(t.Context(), "a", credentials.NewGatewaySession()))
	require.NoError(t, m.SetCredentials(t.Context(), "a", flexOf(t, "1")))
	for _, kind := range []credentials.Kind{credentials.GatewaySession, credentials.FlexToken} {
		broken := newManager(t, store, accounts.WithCredentialStore(unreadableKind{creds, kind, failure}))
		_, err := broken.SwitchProfile(t.Context(), "a")
		require.ErrorIs(t, err, failure, "kind %q", kind)
		requireActive(t, t.Context(), m, "")
	}
	other := newManager(t, store, accounts.WithCredentialStore(unreadableKind{creds, credentials.OAuth1a, failure}))
	switchTo(t, t.Context(), other, "a")
}

// Nobody reads, replaces, deletes or finds out about another owner's login, whatever he calls his own.
func TestLoginsOfOwnersAreApart(t *testing.T) {
	creds := memcreds.New()
	m := newManager(t, newStore(t), accounts.RequireOwner(), accounts.WithCredentialStore(creds))
	anna, bert := accounts.WithOwner(t.Context(), "anna"), accounts.WithOwner(t.Context(), "bert")
	office := accounts.AsSystem(t.Context())
	createFor(t, anna, m, "a", "main")
	createFor(t, anna, m, "a2", "main")
	create(t, anna, m, "own")
	require.NoError(t, m.SetCredentials(anna, "a", tokenOf("of main")))
	require.NoError(t, m.SetCredentials(anna, "own", tokenOf("of own")))
	requireKeys(t, creds, "anna main", "own")

	type thief struct {
		ctx context.Context
		id  accounts.ProfileID
	}
	var thieves []thief
	for i, login := range []accounts.LoginID{"main", "own", "a", "anna", "anna/main", "a2"} {
		for name, ctx := range map[string]context.Context{"bert": bert, "nobody": office} {
			id := accounts.ProfileID(fmt.Sprint(name, i))
			createFor(t, ctx, m, id, login)
			thieves = append(thieves, thief{ctx, id})
		}
	}
	create(t, bert, m, "main")
	thieves = append(thieves, thief{bert, "main"})
	for _, x := range thieves {
		_, err := m.Credentials(x.ctx, x.id, "")
		require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "%q reads Anna's login", x.id)
		kinds, err := m.CredentialKinds(x.ctx, x.id)
		require.NoError(t, err)
		require.Empty(t, kinds, "%q sees the kinds of Anna's login", x.id)
		require.NoError(t, m.DeleteCredentials(x.ctx, x.id), "%q is told of Anna's profiles", x.id)
		require.NoError(t, m.SetCredentials(x.ctx, x.id, tokenOf("stolen")))
		require.NoError(t, m.DeleteCredentials(x.ctx, x.id, ""))
		require.NoError(t, m.SetCredentials(x.ctx, x.id, tokenOf("of "+string(x.id))))
		requireToken(t, anna, m, "a2", "of main")
		requireToken(t, anna, m, "own", "of own")
	}
	for _, id := range []accounts.ProfileID{"a", "own"} { // and through her profiles as little as ever
		_, err := m.Credentials(bert, id, "")
		require.ErrorIs(t, err, accounts.ErrProfileNotFound)
		_, err = m.CredentialKinds(bert, id)
		require.ErrorIs(t, err, accounts.ErrProfileNotFound)
		require.ErrorIs(t, m.SetCredentials(bert, id, tokenOf("stolen")), accounts.ErrProfileNotFound)
		require.ErrorIs(t, m.DeleteCredentials(bert, id), accounts.ErrProfileNotFound)
	}
	for _, x := range thieves {
		require.NoError(t, m.ArchiveProfile(x.ctx, x.id))
	}
	requireKeys(t, creds, "anna main", "own")
	requireToken(t, anna, m, "a", "of main")
}

// Two profiles have one key only if they share a login, or are one profile.
func TestLoginKeysOfOwnersDiffer(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		id := rapid.StringMatching(`[ab/"]{1,3}`)
		draw := func() accounts.AccountProfile {
			return accounts.AccountProfile{ID: accounts.ProfileID(id.Draw(rt, "id")),
				Owner: accounts.OwnerID(rapid.StringMatching(`[ab/"]{0,3}`).Draw(rt, "owner")),
				Login: accounts.LoginID(rapid.StringMatching(`[ab/"]{0,3}`).Draw(rt, "login"))}
		}
		p, q := draw(), draw()
		share := p.Login != "" && p.Login == q.Login && p.Owner == q.Owner
		own := p.Login == "" && q.Login == "" && p.ID == q.ID
		require.Equal(rt, share || own, p.LoginKey() == q.LoginKey(), "keys %q and %q", p.LoginKey(), q.LoginKey())
		require.NotEmpty(rt, p.LoginKey())
		require.LessOrEqual(rt, len(p.LoginKey()), 101)
	})
}

// A profile that others wrote, with a space where none may be, has no login: neither its own nor another's.
func TestIdsWithSpacesReachNoLogin(t *testing.T) {
	store, creds := newStore(t), memcreds.New()
	m := newManager(t, store, accounts.WithCredentialStore(creds))
	createFor(t, accounts.WithOwner(t.Context(), "anna"), m, "a", "main")
	require.NoError(t, m.SetCredentials(t.Context(), "a", tokenOf("of main")))
	odd := aProfile("anna main")
	odd.Version = 1
	require.NoError(t, store.CreateProfile(t.Context(), odd))
	_, err := m.Credentials(t.Context(), odd.ID, "")
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "another owner's login was read")
	require.ErrorIs(t, m.SetCredentials(t.Context(), odd.ID, tokenOf("stolen")), accounts.ErrInvalid)
	require.NoError(t, m.DeleteCredentials(t.Context(), odd.ID))
	requireToken(t, t.Context(), m, "a", "of main")

	for _, login := range []accounts.LoginID{"a b", " ", "ä", accounts.LoginID(strings.Repeat("x", 51))} {
		p := aProfile("x")
		p.Login = login
		_, err := m.CreateProfile(t.Context(), p)
		require.Equal(t, []string{"Login"}, wrongFields(t, err), "login %q was accepted", login)
	}
}

// A login goes with the last profile that names it, and what a profile had of its own goes with it.
func TestArchiveLeavesASharedLogin(t *testing.T) {
	creds := memcreds.New()
	m := newManager(t, newStore(t), accounts.WithCredentialStore(creds))
	ctx := t.Context()
	create(t, ctx, m, "a")
	require.NoError(t, m.SetCredentials(ctx, "a", tokenOf("own")))
	nameLogin(t, ctx, m, "a", "main")
	createFor(t, ctx, m, "b", "main")
	require.NoError(t, m.SetCredentials(ctx, "a", tokenOf("shared")))
	requireKeys(t, creds, " main", "a")
	require.NoError(t, m.ArchiveProfile(ctx, "a"))
	requireKeys(t, creds, " main")
	requireToken(t, ctx, m, "b", "shared")
	_, err := m.Credentials(ctx, "a", "")
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "an archived profile's credentials were handed out")
	require.NoError(t, m.ArchiveProfile(ctx, "b"))
	requireKeys(t, creds)
}

// What counts is the login that the profile names when it is archived, though it named another when the
// call began.
func TestArchiveBesideAnotherLogin(t *testing.T) {
	store, creds := newStore(t), memcreds.New()
	elsewhere := newManager(t, store, accounts.WithCredentialStore(creds))
	createFor(t, t.Context(), elsewhere, "a", "before")
	createFor(t, t.Context(), elsewhere, "b", "after")
	require.NoError(t, elsewhere.SetCredentials(t.Context(), "b", tokenOf("x")))
	require.NoError(t, elsewhere.ArchiveProfile(t.Context(), "b"))
	requireKeys(t, creds)
	m := newManager(t, store, accounts.WithCredentialStore(creds))
	store.onUpdateProfile = func(ctx context.Context, p accounts.AccountProfile) error {
		store.onUpdateProfile = nil // before it is marked
		nameLogin(t, ctx, elsewhere, "a", "after")
		require.NoError(t, elsewhere.SetCredentials(ctx, "a", tokenOf("y")))
		return store.Store.UpdateProfile(ctx, p)
	}
	require.NoError(t, m.ArchiveProfile(t.Context(), "a"))
	requireKeys(t, creds)
}

// Two processes that archive the last two profiles at once leave nothing.
func TestArchiveOfTheLastTwoAtOnce(t *testing.T) {
	for range 20 {
		store, creds := newStore(t), memcreds.New()
		one := newManager(t, store, accounts.WithCredentialStore(creds))
		two := newManager(t, store, accounts.WithCredentialStore(creds))
		createFor(t, t.Context(), one, "a", "main")
		createFor(t, t.Context(), one, "b", "main")
		require.NoError(t, one.SetCredentials(t.Context(), "a", tokenOf("x")))
		var wg sync.WaitGroup
		errs := make([]error, 2)
		wg.Go(func() { errs[0] = one.ArchiveProfile(t.Context(), "a") })
		wg.Go(func() { errs[1] = two.ArchiveProfile(t.Context(), "b") })
		wg.Wait()
		require.NoError(t, errors.Join(errs...))
		requireKeys(t, creds)
	}
}

// Credentials that were put through a profile that was archived meanwhile stay only for those who share
// the login.
func TestSetSharedCredentialsBesideArchive(t *testing.T) {
	for _, shared := range []bool{true, false} {
		store, creds := newStore(t), memcreds.New()
		elsewhere := newManager(t, store, accounts.WithCredentialStore(creds))
		createFor(t, t.Context(), elsewhere, "a", "main")
		if shared {
			createFor(t, t.Context(), elsewhere, "b", "main")
		}
		var once sync.Once
		hooked := &hookedCreds{Store: creds, after: func(context.Context, string) error {
			once.Do(func() { require.NoError(t, elsewhere.ArchiveProfile(t.Context(), "a")) })
			return nil
		}}
		m := newManager(t, store, accounts.WithCredentialStore(hooked))
		require.ErrorIs(t, m.SetCredentials(t.Context(), "a", tokenOf("x")), accounts.ErrProfileNotActive)
		if shared {
			requireToken(t, t.Context(), m, "b", "x")
		} else {
			requireKeys(t, creds)
		}
	}
}

// oneDeaf appends nothing to one profile's journal.
type oneDeaf struct {
	*fakeStore
	id  accounts.ProfileID
	err error
}

func (s oneDeaf) Append(ctx context.Context, b accounts.Batch) error {
	if b.ProfileID == s.id {
		return s.err
	}
	return s.fakeStore.Append(ctx, b)
}

// A login is not changed without a trace in every journal, but for one that is corrupt and another's.
func TestSharedLoginChangesWithATraceInEveryJournal(t *testing.T) {
	for name, test := range map[string]struct {
		deaf accounts.ProfileID
		err  error
		done bool
	}{
		"another's cannot be written": {deaf: "b", err: errors.New("lost")},
		"its own cannot be written":   {deaf: "a", err: errors.New("lost")},
		"its own is corrupt":          {deaf: "a", err: accounts.ErrCorrupt},
		"another's is corrupt":        {deaf: "b", err: accounts.ErrCorrupt, done: true},
	} {
		t.Run(name, func(t *testing.T) {
			store, creds := newStore(t), memcreds.New()
			m := newManager(t, oneDeaf{store, test.deaf, test.err}, accounts.WithCredentialStore(creds))
			createFor(t, t.Context(), m, "a", "main")
			createFor(t, t.Context(), m, "b", "main")
			createFor(t, t.Context(), m, "c", "main")
			err := m.SetCredentials(t.Context(), "a", tokenOf("x"))
			if !test.done {
				require.ErrorIs(t, err, test.err)
				require.ErrorContains(t, err, "not done", "the error does not say that nothing was done")
				requireKeys(t, creds)
				return
			}
			require.NoError(t, err, "a corrupt journal keeps the others from a new password")
			requireToken(t, t.Context(), m, "c", "x")
			require.Contains(t, changes(t, t.Context(), m, "c"), `set login "main" kind "" through "a": ok`)
		})
	}
}

// A kind that is none may be anything, a secret even: nobody keeps it.
func TestUnknownKindsAreNotWritten(t *testing.T) {
	store := newStore(t)
	m := newManager(t, store, accounts.WithCredentialStore(memcreds.New()))
	create(t, t.Context(), m, "a")
	const secret = "Tr0ub4dor"
	_, err := m.Credentials(t.Context(), "a", secret)
	require.ErrorIs(t, err, accounts.ErrInvalid)
	require.ErrorIs(t, m.DeleteCredentials(t.Context(), "a", credentials.FlexToken, secret), accounts.ErrInvalid)
	err = m.SetCredentials(t.Context(), "a", credentials.Set{"kind": credentials.NewSecret([]byte(secret))})
	require.ErrorIs(t, err, accounts.ErrInvalid)
	require.NotContains(t, err.Error(), secret, "an error shows a secret")
	entries := 0
	for e, err := range store.Entries(t.Context(), "a", 0) {
		require.NoError(t, err)
		require.NotContains(t, string(e.Payload), secret, "the journal has a secret")
		entries++
	}
	require.Equal(t, 3, entries, "what was refused is in the journal")
}
