package memcreds_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/credtest"
	"github.com/ai-ots/accounts/credentials/memcreds"
)

func login(user string) credentials.Set {
	return credentials.Set{"username": credentials.NewSecret([]byte(user))}
}

func reveal(t *testing.T, s *memcreds.Store, id accounts.LoginKey) string {
	t.Helper()
	c, err := s.Get(t.Context(), id, "")
	require.NoError(t, err, "credentials of %q cannot be read", id)
	return string(c["username"].Reveal())
}

func TestPutReplacesAsAWhole(t *testing.T) {
	s := memcreds.New()
	require.NoError(t, s.Put(t.Context(), "a", credentials.Set{"password": credentials.NewSecret([]byte("p"))}))
	require.NoError(t, s.Put(t.Context(), "a", login("anna")))
	c, err := s.Get(t.Context(), "a", "")
	require.NoError(t, err)
	require.Len(t, c, 1, "a name of the replaced credentials is left")
	require.Equal(t, "anna", reveal(t, s, "a"))
}

func TestLoginsAreApart(t *testing.T) {
	s := memcreds.New()
	require.NoError(t, s.Put(t.Context(), "b", login("bert")))
	require.NoError(t, s.Put(t.Context(), "a", login("anna")))
	ids, err := s.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, []accounts.LoginKey{"a", "b"}, ids, "the list is not in ascending order")
	require.NoError(t, s.Delete(t.Context(), "a", ""))
	require.NoError(t, s.Delete(t.Context(), "a", ""), "deleting what is not there is an error")
	_, err = s.Get(t.Context(), "a", "")
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "deleted credentials can be read")
	require.Equal(t, "bert", reveal(t, s, "b"), "deleting one login's touched another's")
}

func TestEmptyListIsNoNil(t *testing.T) {
	ids, err := memcreds.New().List(t.Context())
	require.NoError(t, err)
	require.NotNil(t, ids)
	require.Empty(t, ids)
}

func TestValuesNeverAlias(t *testing.T) {
	s, given := memcreds.New(), login("anna")
	require.NoError(t, s.Put(t.Context(), "a", given))
	delete(given, "username")
	require.Equal(t, "anna", reveal(t, s, "a"), "changing what was put changed what is kept")
	got, err := s.Get(t.Context(), "a", "")
	require.NoError(t, err)
	got["username"] = credentials.NewSecret([]byte("mallory"))
	require.Equal(t, "anna", reveal(t, s, "a"), "changing what was got changed what is kept")
}

func TestDoneContextAndClosedStoreAreRefused(t *testing.T) {
	s := memcreds.New()
	require.NoError(t, s.Put(t.Context(), "a", login("anna")))
	done, cancel := context.WithCancel(t.Context())
	cancel()
	refuse := func(ctx context.Context, want error) {
		t.Helper()
		_, err := s.Get(ctx, "a", "")
		require.ErrorIs(t, err, want, "Get")
		_, err = s.Kinds(ctx, "a")
		require.ErrorIs(t, err, want, "Kinds")
		_, err = s.List(ctx)
		require.ErrorIs(t, err, want, "List")
		require.ErrorIs(t, s.Put(ctx, "a", login("bert")), want, "Put")
		require.ErrorIs(t, s.Delete(ctx, "a", ""), want, "Delete")
	}
	refuse(done, context.Canceled)
	require.Equal(t, "anna", reveal(t, s, "a"), "a refused call changed something")
	require.NoError(t, s.Close())
	require.NoError(t, s.Close(), "the second Close is an error")
	refuse(t.Context(), accounts.ErrClosed)
}

func TestConcurrentUse(t *testing.T) {
	s := memcreds.New()
	var wg sync.WaitGroup
	for n := range 8 {
		id := accounts.LoginKey(fmt.Sprint("p", n))
		wg.Go(func() {
			for range 200 {
				if err := s.Put(t.Context(), id, login(string(id))); err != nil {
					t.Errorf("put %s: %v", id, err)
				}
				if c, err := s.Get(t.Context(), id, ""); err != nil || string(c["username"].Reveal()) != string(id) {
					t.Errorf("get %s: somebody else's credentials, or %v", id, err)
				}
				if _, err := s.List(t.Context()); err != nil {
					t.Errorf("list: %v", err)
				}
			}
		})
	}
	wg.Wait()
}

func TestStore(t *testing.T) {
	credtest.Run(t, func(t *testing.T) accounts.CredentialStore {
		s := memcreds.New()
		t.Cleanup(func() { require.NoError(t, s.Close(), "Close failed") })
		return s
	})
}
