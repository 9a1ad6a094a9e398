package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/memcreds"
)

// accesses are a profile's, as words.
func accesses(t *testing.T, p *accounts.Portfolio) (list []string) {
	t.Helper()
	for recorded, err := range p.CredentialAccesses(t.Context(), accounts.Page{}) {
		require.NoError(t, err, "CredentialAccesses failed")
		a := recorded.Value
		require.False(t, a.Time.IsZero(), "an access without a time")
		if a.Attempts > 0 {
			continue // of a stranger, and written at some time
		}
		list = append(list, fmt.Sprintf("%s by %q: %s", a.Action, a.By, a.Outcome))
	}
	return list
}

// Every access to credentials is in the profile's journal: who, what, and what came of it.
func TestAccessesAreInTheJournal(t *testing.T) {
	store, creds := newStore(t), memcreds.New()
	m := newManager(t, store, accounts.WithCredentialStore(creds))
	anna := accounts.WithOwner(t.Context(), "anna")
	create(t, anna, m, "a")
	create(t, accounts.WithOwner(t.Context(), "bert"), m, "b")
	p, err := m.Portfolio(anna, "a")
	require.NoError(t, err)
	events, err := m.Subscribe(t.Context(), accounts.EventCredentials)
	require.NoError(t, err)

	_, err = m.Credentials(anna, "a", credentials.GatewaySession)
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound)
	require.ErrorIs(t, m.SetCredentials(anna, "a", nil), accounts.ErrInvalid)
	require.NoError(t, m.SetCredentials(anna, "a", credentials.NewGatewaySession()))
	_, err = m.Credentials(t.Context(), "a", credentials.GatewaySession)
	require.NoError(t, err)
	switchTo(t, anna, m, "a")
	require.NoError(t, m.DeleteCredentials(anna, "a"))
	_, err = m.Credentials(accounts.WithOwner(t.Context(), "bert"), "a", credentials.GatewaySession)
	require.ErrorIs(t, err, accounts.ErrProfileNotFound, "another owner's credentials")
	broken := newManager(t, store, accounts.WithCredentialStore(unreadable{creds, errors.New("wrong key")}))
	_, err = broken.Credentials(anna, "a", credentials.GatewaySession)
	require.Error(t, err)
	require.NoError(t, m.ArchiveProfile(anna, "a"))
	require.ErrorIs(t, m.SetCredentials(anna, "a", credentials.NewGatewaySession()), accounts.ErrProfileNotActive)

	want := []string{`get by "anna": begun`, `get by "anna": missing`, `set by "anna": refused`,
		`set by "anna": begun`, `set by "anna": ok`, `get by "": begun`, `get by "": ok`,
		`switch by "anna": begun`, `switch by "anna": ok`, `delete by "anna": begun`, `delete by "anna": ok`,
		`get by "anna": begun`, `get by "anna": failed`, `delete by "anna": begun`, `delete by "anna": ok`,
		`set by "anna": refused`}
	require.Equal(t, want, accesses(t, p), "accesses in the journal")
	err = p.Verify(t.Context())
	require.NoError(t, err, "Verify failed")
	e := await(t, events, func(e accounts.Event) bool { return e.ProfileID == "a" })
	require.NotZero(t, e.Seq, "the event does not say where the access is")

	again := newManager(t, store)
	p, err = again.Portfolio(anna, "a")
	require.NoError(t, err, "a journal with accesses cannot be opened")
	require.Equal(t, want, accesses(t, p), "accesses of a journal that was opened again")
}

// Nothing secret is handed out without a trace.
func TestNoCredentialsWithoutTrace(t *testing.T) {
	store, creds := newStore(t), memcreds.New()
	m := newManager(t, store, accounts.WithCredentialStore(creds))
	create(t, t.Context(), m, "a")
	require.NoError(t, m.SetCredentials(t.Context(), "a", credentials.NewGatewaySession()))
	lost := errors.New("no journal")
	broken := newManager(t, deafStore{store, lost}, accounts.WithCredentialStore(creds))
	c, err := broken.Credentials(t.Context(), "a", credentials.GatewaySession)
	require.ErrorIs(t, err, lost, "credentials that leave no trace")
	require.Nil(t, c, "credentials with an error")
	_, err = broken.SwitchProfile(t.Context(), "a")
	require.ErrorIs(t, err, lost, "a switch that leaves no trace")
}

// deafStore appends nothing.
type deafStore struct {
	*fakeStore
	err error
}

func (s deafStore) Append(context.Context, accounts.Batch) error { return s.err }
