package accounts_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/memcreds"
)

// hookedCreds calls what a test gives it around the calls of a credential store.
type hookedCreds struct {
	*memcreds.Store
	before func(ctx context.Context, op string) error // an error stands for the call's
	after  func(ctx context.Context, op string) error
}

func (h *hookedCreds) around(ctx context.Context, op string, call func() error) error {
	if h.before != nil {
		if err := h.before(ctx, op); err != nil {
			return err
		}
	}
	err := call()
	if err == nil && h.after != nil {
		err = h.after(ctx, op)
	}
	return err
}

func (h *hookedCreds) Put(ctx context.Context, key accounts.LoginKey, c credentials.Set) error {
	return h.around(ctx, "put", func() error { return h.Store.Put(ctx, key, c) })
}

func (h *hookedCreds) Get(
	ctx context.Context, key accounts.LoginKey, kind credentials.Kind,
) (c credentials.Set, err error) {
	err = h.around(ctx, "get", func() (err error) { c, err = h.Store.Get(ctx, key, kind); return err })
	return c, err
}

func (h *hookedCreds) Delete(ctx context.Context, key accounts.LoginKey, kinds ...credentials.Kind) error {
	return h.around(ctx, "delete", func() error { return h.Store.Delete(ctx, key, kinds...) })
}

// requireNoCredentials checks that the profile has none, neither for the manager nor in the store.
func requireNoCredentials(t *testing.T, m *accounts.MultiAccountManager, creds *memcreds.Store, id accounts.ProfileID) {
	t.Helper()
	keys, err := creds.List(t.Context())
	require.NoError(t, err, "list credentials")
	require.NotContains(t, keys, accounts.LoginKey(id), "credentials are left in the store")
	_, err = m.Credentials(t.Context(), id, credentials.GatewaySession)
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "credentials are handed out")
}

// Of SetCredentials and ArchiveProfile one wins, at whatever moment another process archives:
// nothing is left.
func TestSetCredentialsBesideArchive(t *testing.T) {
	set := credentials.NewGatewaySession()
	for name, at := range map[string]func(h *hookedCreds, archive func(), leave func()){
		"before they are put": func(h *hookedCreds, archive, _ func()) {
			h.before = func(_ context.Context, op string) error { archive(); return nil }
		},
		"after they were put": func(h *hookedCreds, archive, _ func()) {
			h.after = func(_ context.Context, op string) error { archive(); return nil }
		},
		"while the caller leaves": func(h *hookedCreds, archive, leave func()) {
			h.before = func(context.Context, string) error { archive(); leave(); return nil }
		},
		"while the outcome is lost": func(h *hookedCreds, archive, leave func()) {
			h.before = func(context.Context, string) error { archive(); return nil }
			h.after = func(_ context.Context, op string) error {
				if op == "put" {
					return accounts.ErrOutcomeUnknown
				}
				return nil
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			store, creds := newStore(t), memcreds.New()
			elsewhere := newManager(t, store, accounts.WithCredentialStore(creds))
			create(t, t.Context(), elsewhere, "a")
			hooked := &hookedCreds{Store: creds}
			m := newManager(t, store, accounts.WithCredentialStore(hooked))
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			var once sync.Once
			at(hooked, func() {
				once.Do(func() { require.NoError(t, elsewhere.ArchiveProfile(t.Context(), "a")) })
			}, leave)

			require.ErrorIs(t, m.SetCredentials(ctx, "a", set), accounts.ErrProfileNotActive, "an archived profile got credentials")
			requireNoCredentials(t, m, creds, "a")
		})
	}
}

// What a process left behind that ended before it could look again is not handed out.
func TestArchivedProfileHandsNothingOut(t *testing.T) {
	creds := memcreds.New()
	m := newManager(t, newStore(t), accounts.WithCredentialStore(creds))
	create(t, t.Context(), m, "a")
	require.NoError(t, m.ArchiveProfile(t.Context(), "a"))
	require.NoError(t, creds.Put(t.Context(), "a", credentials.NewGatewaySession()), "leave something behind")
	_, err := m.Credentials(t.Context(), "a", credentials.GatewaySession)
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "an archived profile's credentials were handed out")
	require.NoError(t, m.ArchiveProfile(t.Context(), "a"))
	requireNoCredentials(t, m, creds, "a")
}

// A profile whose credentials were deleted while hooks ran is not switched to.
func TestCredentialsDeletedWhileHooksRun(t *testing.T) {
	var log hookLog
	store, creds := newStore(t), memcreds.New()
	elsewhere := newManager(t, store, accounts.WithCredentialStore(creds))
	m := newManager(t, store, accounts.WithCredentialStore(creds), log.hook("1", failOn("a", func() error {
		return elsewhere.DeleteCredentials(t.Context(), "a")
	})))
	create(t, t.Context(), m, "a")
	require.NoError(t, m.SetCredentials(t.Context(), "a", credentials.NewGatewaySession()))
	_, err := m.SwitchProfile(t.Context(), "a")
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "a profile without credentials became active")
	require.Equal(t, []string{"1:>a", "1:a>"}, log.take(), "the hook was not undone")
	requireActive(t, t.Context(), m, "")
}

// A switch that has nothing to do touches nothing, and so nothing can make it fail.
func TestSwitchToTheActiveProfileTouchesNothing(t *testing.T) {
	store := newStore(t)
	creds := &hookedCreds{Store: memcreds.New()}
	m := newManager(t, store, accounts.WithCredentialStore(creds))
	create(t, t.Context(), m, "a")
	require.NoError(t, m.SetCredentials(t.Context(), "a", credentials.NewGatewaySession()))
	switchTo(t, t.Context(), m, "a")
	p, err := m.Portfolio(t.Context(), "a")
	require.NoError(t, err)
	before := p.Seq()
	creds.before = func(context.Context, string) error { return errors.New("the keychain is locked") }
	switchTo(t, t.Context(), m, "a")
	require.Equal(t, before, p.Seq(), "the journal has grown")
}

// corruptStore has journals whose accesses were changed.
type corruptStore struct{ *fakeStore }

func (s corruptStore) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	return func(yield func(accounts.Entry, error) bool) {
		for e, err := range s.fakeStore.Entries(ctx, id, after) {
			e.Payload = bytes.ReplaceAll(e.Payload, []byte("set"), []byte("get"))
			if !yield(e, err) {
				return
			}
		}
	}
}

// What an error says of the credentials is so, whatever failed.
func TestArchiveSaysWhatBecameOfTheCredentials(t *testing.T) {
	lost := errors.New("lost")
	for name, test := range map[string]struct {
		journal accounts.Store
		creds   error  // of Delete
		says    string // empty for no error
		left    bool
	}{
		"corrupt journal":    {journal: corruptStore{}},
		"unwritable journal": {journal: deafStore{}, says: "done, but what came of it is not in the journal"},
		"credential store":   {creds: lost, says: "archived, but its credentials are left", left: true},
	} {
		t.Run(name, func(t *testing.T) {
			store, creds := newStore(t), memcreds.New()
			m := newManager(t, store, accounts.WithCredentialStore(creds))
			create(t, t.Context(), m, "a")
			require.NoError(t, m.SetCredentials(t.Context(), "a", credentials.NewGatewaySession()))
			require.NoError(t, m.ArchiveProfile(t.Context(), "a")) // so that only the credentials are left to do
			require.NoError(t, creds.Put(t.Context(), "a", credentials.NewGatewaySession()))

			var broken accounts.Store = store
			switch test.journal.(type) {
			case corruptStore:
				broken = corruptStore{store}
			case deafStore:
				broken = deafStore{store, lost}
			}
			hooked := &hookedCreds{Store: creds, before: func(context.Context, string) error { return test.creds }}
			again := newManager(t, broken, accounts.WithCredentialStore(hooked))
			for range 2 {
				err := again.ArchiveProfile(t.Context(), "a")
				if test.says == "" {
					require.NoError(t, err)
				} else {
					require.ErrorIs(t, err, lost)
					require.ErrorContains(t, err, test.says)
				}
				ids, err := creds.List(t.Context())
				require.NoError(t, err)
				require.Equal(t, test.left, len(ids) > 0, "the error and the store differ")
			}
		})
	}
}

// Credentials can be deleted though the journal is beyond reading, and not be set or read.
func TestCredentialsBesideACorruptJournal(t *testing.T) {
	store, creds := newStore(t), memcreds.New()
	m := newManager(t, store, accounts.WithCredentialStore(creds))
	create(t, t.Context(), m, "a")
	require.NoError(t, m.SetCredentials(t.Context(), "a", credentials.Set{"old": credentials.NewSecret([]byte("x"))}))
	broken := newManager(t, corruptStore{store}, accounts.WithCredentialStore(creds))
	require.ErrorIs(t, broken.SetCredentials(t.Context(), "a", credentials.NewGatewaySession()), accounts.ErrCorrupt)
	c, err := broken.Credentials(t.Context(), "a", credentials.GatewaySession)
	require.ErrorIs(t, err, accounts.ErrCorrupt)
	require.Nil(t, c, "credentials with an error")
	kept, err := creds.Get(t.Context(), "a", "")
	require.NoError(t, err)
	require.Contains(t, kept, "old", "what was refused was done")
	err = broken.DeleteCredentials(t.Context(), "a")
	require.ErrorIs(t, err, accounts.ErrCorrupt)
	require.ErrorContains(t, err, "done, but", "the error does not say that they are deleted")
	ids, err := creds.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, ids, "a secret stays because a journal is broken")
}

// slowStore takes its time to read a journal.
type slowStore struct {
	*fakeStore
	takes time.Duration
}

func (s slowStore) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	return func(yield func(accounts.Entry, error) bool) {
		select {
		case <-time.After(s.takes):
			s.fakeStore.Entries(ctx, id, after)(yield)
		case <-ctx.Done():
			yield(accounts.Entry{}, ctx.Err())
		}
	}
}

// A journal may take as long to open as the caller has time.
func TestCredentialsWithAJournalThatOpensSlowly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, slowStore{newStore(t), time.Minute}, accounts.WithCredentialStore(memcreds.New()))
		create(t, t.Context(), m, "a")
		require.NoError(t, m.SetCredentials(t.Context(), "a", credentials.NewGatewaySession()))
		create(t, t.Context(), m, "b")
		impatient, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, m.SetCredentials(impatient, "b", credentials.NewGatewaySession()), context.DeadlineExceeded)
	})
}

// The outcome is written though the caller has left, and a store that hangs does not hold it up.
func TestOutcomeIsWrittenWithoutTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		creds := &hookedCreds{Store: memcreds.New()}
		m := newManager(t, newStore(t), accounts.WithCredentialStore(creds))
		create(t, t.Context(), m, "a")
		ctx, leave := context.WithCancel(t.Context())
		defer leave()
		creds.before = func(ctx context.Context, _ string) error { leave(); return ctx.Err() }
		require.ErrorIs(t, m.SetCredentials(ctx, "a", credentials.NewGatewaySession()), context.Canceled)
		p, err := m.Portfolio(t.Context(), "a")
		require.NoError(t, err)
		require.Equal(t, []string{`set by "": begun`, `set by "": failed`}, accesses(t, p))

		hanging := newManager(t, hangingStore{newStore(t)}, accounts.WithCredentialStore(creds))
		again, leave := context.WithCancel(t.Context())
		defer leave()
		creds.before = func(ctx context.Context, _ string) error { leave(); return ctx.Err() }
		create(t, again, hanging, "a")
		require.ErrorIs(t, hanging.DeleteCredentials(again, "a"), context.Canceled, "a journal that hangs has no end")
	})
}

// hangingStore appends the beginning of an access, and then nothing.
type hangingStore struct{ *fakeStore }

func (s hangingStore) Append(ctx context.Context, b accounts.Batch) error {
	if len(b.Entries) > 0 && bytes.Contains(b.Entries[0].Payload, []byte("begun")) {
		return s.fakeStore.Append(ctx, b)
	}
	<-ctx.Done()
	return ctx.Err()
}

// An access that the process does not live to finish is in the journal.
func TestBegunAccessIsInTheJournal(t *testing.T) {
	store := newStore(t)
	creds := &hookedCreds{Store: memcreds.New()}
	m := newManager(t, store, accounts.WithCredentialStore(creds))
	create(t, t.Context(), m, "a")
	var seen []string
	creds.before = func(context.Context, string) error {
		var last accounts.Entry
		for e, err := range store.Entries(t.Context(), "a", 0) {
			require.NoError(t, err)
			last = e
		}
		payload, err := last.Decode()
		require.NoError(t, err)
		a, ok := payload.(*accounts.CredentialAccess)
		require.True(t, ok, "the newest entry is about something else")
		seen = append(seen, fmt.Sprintf("%s: %s", a.Action, a.Outcome))
		return nil
	}
	require.NoError(t, m.SetCredentials(t.Context(), "a", credentials.NewGatewaySession()))
	_, err := m.Credentials(t.Context(), "a", credentials.GatewaySession)
	require.NoError(t, err)
	switchTo(t, t.Context(), m, "a")
	require.NoError(t, m.DeleteCredentials(t.Context(), "a"))
	require.Equal(t, []string{"set: begun", "get: begun", "switch: begun", "delete: begun"}, seen,
		"what the journal had when the credential store was asked")
}

// Attempts of owners who do not see the profile are in its journal, and cannot flood it.
func TestAttemptsOfStrangers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, newStore(t), accounts.WithCredentialStore(memcreds.New()))
		anna, bert := accounts.WithOwner(t.Context(), "anna"), accounts.WithOwner(t.Context(), "bert")
		create(t, anna, m, "a")
		p, err := m.Portfolio(anna, "a")
		require.NoError(t, err)
		attempts := func() map[string]int {
			list := map[string]int{}
			for recorded, err := range p.CredentialAccesses(t.Context(), accounts.Page{}) {
				require.NoError(t, err)
				a := recorded.Value
				require.Equal(t, accounts.OwnerID("bert"), a.By)
				require.Equal(t, "refused", a.Outcome)
				list[string(a.Action)] += a.Attempts
			}
			return list
		}
		const flood = 1000
		for range flood {
			_, err := m.Credentials(bert, "a", credentials.GatewaySession)
			require.ErrorIs(t, err, accounts.ErrProfileNotFound)
		}
		synctest.Wait()
		before := p.Seq()
		require.LessOrEqual(t, before, int64(2), "a stranger made the journal grow")
		require.ErrorIs(t, m.SetCredentials(bert, "a", credentials.NewGatewaySession()), accounts.ErrProfileNotFound)
		require.ErrorIs(t, m.DeleteCredentials(bert, "a"), accounts.ErrProfileNotFound)
		time.Sleep(2 * time.Minute) // of the bubble's time
		synctest.Wait()
		require.Equal(t, map[string]int{"get": flood, "set": 1, "delete": 1}, attempts(), "attempts are missing")
		require.LessOrEqual(t, p.Seq(), before+3, "a stranger made the journal grow")
	})
}

// notingStore lists the calls that come with a caller's context.
type notingStore struct {
	*fakeStore
	calls *[]string
	err   error
}

type callerKey struct{}

func (s notingStore) Profile(ctx context.Context, id accounts.ProfileID) (accounts.AccountProfile, error) {
	if ctx.Value(callerKey{}) != nil {
		*s.calls = append(*s.calls, "profile")
		if s.err != nil {
			return accounts.AccountProfile{}, s.err
		}
	}
	return s.fakeStore.Profile(ctx, id)
}

func (s notingStore) Append(ctx context.Context, b accounts.Batch) error {
	if ctx.Value(callerKey{}) != nil {
		*s.calls = append(*s.calls, "append")
	}
	return s.fakeStore.Append(ctx, b)
}

// Nobody can tell a profile of another owner from one that does not exist: not by the error, nor by
// how long it takes, for the same calls are made; whether the store works or fails, and whatever
// the profile's state is.
func TestForeignProfileIsAsOneThatDoesNotExist(t *testing.T) {
	for name, failure := range map[string]error{"healthy": nil, "failing": errors.New("connection refused")} {
		t.Run(name, func(t *testing.T) {
			var calls []string
			store := notingStore{newStore(t), &calls, failure}
			creds := &hookedCreds{Store: memcreds.New(), before: func(ctx context.Context, op string) error {
				if ctx.Value(callerKey{}) != nil {
					calls = append(calls, op)
				}
				return nil
			}}
			m := newManager(t, store, accounts.WithCredentialStore(creds))
			anna := accounts.WithOwner(t.Context(), "anna")
			for _, id := range []accounts.ProfileID{"open", "archived", "closed"} {
				create(t, anna, m, id)
			}
			require.NoError(t, m.SetCredentials(anna, "open", credentials.NewGatewaySession()))
			require.NoError(t, m.ArchiveProfile(anna, "archived"))
			bert := context.WithValue(accounts.WithOwner(t.Context(), "bert"), callerKey{}, true)
			for op, call := range map[string]func(id accounts.ProfileID) error{
				"Credentials": func(id accounts.ProfileID) error {
					_, err := m.Credentials(bert, id, credentials.GatewaySession)
					return err
				},
				"SetCredentials": func(id accounts.ProfileID) error { return m.SetCredentials(bert, id, credentials.NewGatewaySession()) },
				"with what is invalid": func(id accounts.ProfileID) error {
					return m.SetCredentials(bert, id, credentials.Set{})
				},
				"DeleteCredentials": func(id accounts.ProfileID) error { return m.DeleteCredentials(bert, id) },
				"SwitchProfile":     func(id accounts.ProfileID) error { _, err := m.SwitchProfile(bert, id); return err },
				"ArchiveProfile":    func(id accounts.ProfileID) error { return m.ArchiveProfile(bert, id) },
			} {
				tell := func(id accounts.ProfileID) string {
					calls = nil
					err := call(id)
					require.Error(t, err, "%s of %q", op, id)
					return fmt.Sprint(strings.ReplaceAll(err.Error(), string(id), "…"), calls)
				}
				none := tell("nobody's")
				for _, id := range []accounts.ProfileID{"open", "archived", "closed"} {
					require.Equal(t, none, tell(id), "%s tells a foreign profile from none", op)
				}
			}
		})
	}
}

// A hook that is called the other way around has an end to heed, and takes no time from others.
func TestUndoingHooksEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log hookLog
		refused := errors.New("gateway refused")
		stuck := func(ctx context.Context, from, _ accounts.AccountProfile) error {
			if from.ID != "a" {
				return nil
			}
			require.NoError(t, ctx.Err(), "the hook before took this one's time")
			<-ctx.Done()
			return ctx.Err()
		}
		m := newManager(t, newStore(t), log.hook("1", stuck), log.hook("2", stuck), log.hook("3", failOn("a", func() error { return refused })))
		create(t, t.Context(), m, "a")
		_, err := m.SwitchProfile(t.Context(), "a")
		require.ErrorIs(t, err, refused)
		require.ErrorIs(t, err, context.DeadlineExceeded, "the errors of undoing are lost")
		require.Equal(t, []string{"1:>a", "2:>a", "3:>a", "2:a>", "1:a>"}, log.take())
		requireActive(t, t.Context(), m, "")
	})
}

// Two managers whose hooks switch each other's profile while they undo do not wait for ever.
func TestUndoingHooksThatWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore(t)
		var managers [2]*accounts.MultiAccountManager
		var both sync.WaitGroup
		both.Add(2)
		for i := range managers {
			cross := func(ctx context.Context, from, _ accounts.AccountProfile) error {
				if from.ID == "" { // switching
					return nil
				}
				_, err := managers[1-i].SwitchProfile(ctx, "a")
				return err
			}
			var first sync.Once // the other may come in its undoing, once this one has given up
			fail := func(context.Context, accounts.AccountProfile, accounts.AccountProfile) error {
				first.Do(func() {
					both.Done()
					both.Wait()
				})
				return errors.New("gateway refused")
			}
			managers[i] = newManager(t, store, accounts.OnSwitch(cross), accounts.OnSwitch(fail))
		}
		create(t, t.Context(), managers[0], "a")
		errs := make(chan error, 2)
		for _, m := range managers {
			go func() { _, err := m.SwitchProfile(t.Context(), "a"); errs <- err }()
		}
		for range managers {
			require.ErrorContains(t, <-errs, "gateway refused")
		}
	})
}
