package keychain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/zalando/go-keyring"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/credtest"
)

// memoryRing is a keychain in memory, as strict as the strictest, which can be made to fail.
type memoryRing struct {
	mu    sync.Mutex
	items map[string]string
	calls int
	fail  int // the call that fails and every later one; 0 for none
}

var errLocked = errors.New("the collection is locked")

func newRing() *memoryRing { return &memoryRing{items: map[string]string{}} }

func (r *memoryRing) do(f func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.calls++; r.fail > 0 && r.calls >= r.fail {
		return errLocked
	}
	return f()
}

func (r *memoryRing) Set(service, user, value string) error {
	return r.do(func() error {
		if len(service)+len(user)+len(value) > 2560 {
			return keyring.ErrSetDataTooBig
		}
		r.items[service+"|"+user] = value
		return nil
	})
}

func (r *memoryRing) Get(service, user string) (value string, err error) {
	err = r.do(func() error {
		var found bool
		if value, found = r.items[service+"|"+user]; !found {
			return keyring.ErrNotFound
		}
		return nil
	})
	return value, err
}

func (r *memoryRing) Delete(service, user string) error {
	return r.do(func() error {
		if _, found := r.items[service+"|"+user]; !found {
			return keyring.ErrNotFound
		}
		delete(r.items, service+"|"+user)
		return nil
	})
}

func (r *memoryRing) Ping(context.Context, string) error { return r.do(func() error { return nil }) }

func newStore(t *testing.T, application string, r ring) *Store {
	t.Helper()
	s, err := New(application)
	require.NoError(t, err, "New failed")
	s.items.ring = r
	return s
}

func TestStore(t *testing.T) {
	credtest.Run(t, func(t *testing.T) accounts.CredentialStore { return newStore(t, "test", newRing()) })
}

func TestApplicationsAreApart(t *testing.T) {
	r := newRing()
	a, b := newStore(t, "a", r), newStore(t, "b", r)
	require.NoError(t, a.Put(t.Context(), "p", login("anna")))
	_, err := b.Get(t.Context(), "p", "")
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "another application's credentials were read")
	require.NoError(t, b.Delete(t.Context(), "p"))
	requireLogin(t, a, "p", "anna")
	for _, name := range []string{"", strings.Repeat("a", 51), "a\n", "ä"} {
		_, err := New(name)
		require.ErrorIs(t, err, accounts.ErrInvalid, "application %q was accepted", name)
	}
}

// login is larger than an item.
func login(user string) credentials.Set {
	return credentials.Set{"username": credentials.NewSecret([]byte(user)), "password": credentials.NewSecret([]byte(strings.Repeat(user, 1000)))}
}

func requireLogin(t *testing.T, s *Store, id accounts.LoginKey, users ...string) {
	t.Helper()
	c, err := s.Get(t.Context(), id, "")
	require.NoError(t, err, "Get failed")
	require.Contains(t, users, string(c["username"].Reveal()), "neither the old nor the new credentials")
	require.Equal(t, strings.Repeat(string(c["username"].Reveal()), 1000), string(c["password"].Reveal()), "credentials are mixed")
}

// A process that ends at any moment of a Put leaves the old or the new credentials, and a Put or
// Delete afterwards leaves nothing behind.
func TestEndAtAnyMoment(t *testing.T) {
	for end := 1; ; end++ {
		r := newRing()
		s := newStore(t, "test", r)
		require.NoError(t, s.Put(t.Context(), "other", login("other")))
		require.NoError(t, s.Put(t.Context(), "p", login("old")))
		before := len(r.items)
		r.calls, r.fail = 0, end
		err := s.Put(t.Context(), "p", login("new"))
		finished := r.calls < end
		r.fail = 0
		again := newStore(t, "test", r)
		requireLogin(t, again, "p", "old", "new")
		requireLogin(t, again, "other", "other")
		if finished {
			require.NoError(t, err, "Put failed")
			require.Len(t, r.items, before, "parts of the old credentials are left")
			break
		}
		require.ErrorIs(t, err, ErrUnavailable, "call %d", end)
		require.ErrorIs(t, err, errLocked, "what the system said is lost")
		require.NoError(t, again.Put(t.Context(), "p", login("newer")))
		requireLogin(t, again, "p", "newer")
		require.Len(t, r.items, before+extraParts("newer", "old"), "parts are left of a Put that ended at call %d", end)
	}
}

// extraParts is how many parts more the credentials of one user have than those of another.
func extraParts(user, than string) int {
	parts := func(user string) int { return (len(pack(kinds{"": login(user)})) + itemSize - 1) / itemSize }
	return parts(user) - parts(than)
}

// Processes end at any two moments of Puts and Deletes that follow each other: a Put that comes through
// leaves what is its own, and a Delete nothing.
func TestNothingIsLeftBehind(t *testing.T) {
	writes := map[string]func(s *Store) error{
		"Put":    func(s *Store) error { return s.Put(t.Context(), "p", login("new")) },
		"Delete": func(s *Store) error { return s.Delete(t.Context(), "p") },
	}
	ofProfile := func(r *memoryRing) (n int) { // the list of profiles, which is no secret, is not counted
		for name := range r.items {
			if strings.Contains(name, itemName("p")) {
				n++
			}
		}
		return n
	}
	sound := newRing()
	require.NoError(t, newStore(t, "test", sound).Put(t.Context(), "p", login("new")))
	want := ofProfile(sound)
	interrupt := func(r *memoryRing, at int, write func(*Store) error) (ended bool) {
		r.calls, r.fail = 0, at
		err := write(newStore(t, "test", r))
		r.fail = 0
		return err != nil
	}
	for one, first := range writes {
		for two, second := range writes {
			for i, more := 1, true; more; i++ {
				for j, again := 1, true; again; j++ {
					r := newRing()
					require.NoError(t, newStore(t, "test", r).Put(t.Context(), "p", login("older")))
					more = interrupt(r, i, first)
					again = interrupt(r, j, second)
					kept := &memoryRing{items: maps.Clone(r.items)}
					require.NoError(t, newStore(t, "test", r).Put(t.Context(), "p", login("new")))
					requireLogin(t, newStore(t, "test", r), "p", "new")
					require.Equal(t, want, ofProfile(r), "%s ended at call %d, %s at %d: a Put leaves parts", one, i, two, j)
					require.NoError(t, newStore(t, "test", kept).Delete(t.Context(), "p"))
					require.Zero(t, ofProfile(kept), "%s ended at call %d, %s at %d: a Delete leaves parts", one, i, two, j)
				}
			}
		}
	}
}

// What an earlier version wrote, under a random number, is read, and goes with the next write.
func TestValuesOfEarlierVersions(t *testing.T) {
	for name, write := range map[string]func(s *Store) error{
		"Put":    func(s *Store) error { return s.Put(t.Context(), "p", login("new")) },
		"Delete": func(s *Store) error { return s.Delete(t.Context(), "p") },
	} {
		r := newRing()
		s := newStore(t, "test", r)
		require.NoError(t, s.Put(t.Context(), "p", login("old")))
		for key, value := range maps.Clone(r.items) {
			if !strings.Contains(key, itemName("p")) {
				continue
			}
			delete(r.items, key)
			generation := generations(itemName("p"))[0]
			earlier := itemName("p") + ".0123456789abcdef"
			r.items[strings.Replace(key, generation, earlier, 1)] = strings.Replace(value, generation, earlier, 1)
		}
		requireLogin(t, s, "p", "old")
		require.NoError(t, write(s), name)
		for key := range r.items {
			require.NotContains(t, key, "0123456789abcdef", "%s leaves parts of an earlier version", name)
		}
	}
}

// The items of testdata are as the version wrote them that knew no logins: credentials of four profiles,
// one of each kind. They are what those profiles' own logins have, and what is written goes beside them.
func TestItemsFromBeforeLogins(t *testing.T) {
	text, err := os.ReadFile("testdata/before_logins.json")
	require.NoError(t, err)
	of := map[accounts.LoginKey]credentials.Kind{"flex": credentials.FlexToken, "gateway": credentials.GatewayLogin,
		"own": "", "session": credentials.GatewaySession}
	open := func() *Store {
		r := newRing()
		require.NoError(t, json.Unmarshal(text, &r.items))
		return newStore(t, "test", r)
	}
	s := open()
	keys, err := s.List(t.Context())
	require.NoError(t, err)
	require.Equal(t, slices.Sorted(maps.Keys(of)), keys, "other logins than there were profiles")
	flex, err := s.Get(t.Context(), "flex", credentials.FlexToken)
	require.NoError(t, err)
	token, query, ok := flex.Flex()
	require.True(t, ok && string(token.Reveal()) == "123456" && query == "98", "another token than was put")
	own, err := s.Get(t.Context(), "own", "")
	require.NoError(t, err)
	require.Equal(t, "x\xff", string(own["token"].Reveal()), "other credentials without a kind")
	session := credentials.NewGatewaySession()
	for key, kind := range of {
		got, err := s.Kinds(t.Context(), key)
		require.NoError(t, err)
		require.Equal(t, []credentials.Kind{kind}, got, "the kind is not known")
		for _, other := range of {
			_, err := s.Get(t.Context(), key, other)
			require.Equal(t, other != kind, errors.Is(err, accounts.ErrCredentialsNotFound), "kind %q of %q", other, key)
		}
	}
	require.NoError(t, s.Put(t.Context(), "gateway", session))
	gateway, err := s.Get(t.Context(), "gateway", credentials.GatewayLogin)
	require.NoError(t, err, "a Put beside what was there took it away")
	login, ok := gateway.Login()
	require.True(t, ok && string(login.Username.Reveal()) == "anna" && string(login.Password.Reveal()) == "pass word", "another login than was put")
	require.NoError(t, s.Delete(t.Context(), "gateway", credentials.GatewaySession))
	got, err := s.Kinds(t.Context(), "gateway")
	require.NoError(t, err)
	require.Equal(t, []credentials.Kind{credentials.GatewayLogin}, got)

	s = open()
	for key, kind := range of {
		require.NoError(t, s.Delete(t.Context(), key, kind))
	}
	keys, err = s.List(t.Context())
	require.NoError(t, err)
	require.Empty(t, keys, "what was deleted is there")
}

// What the keychain has of a kind is never given for another kind.
func TestKindsThatDoNotAgree(t *testing.T) {
	for _, text := range []string{`{"flex":{"p":"eA=="}}`, `{"":{"kind":"ZmxleA=="}}`, `{"flex":{}}`, `{"flex":null}`, `{"flex":{"kind":"ZmxleA=="},"x":"eA=="}`, `{}`, `[]`} {
		s := newStore(t, "test", newRing())
		require.NoError(t, s.items.write(t.Context(), itemName("p"), []byte(text)))
		_, err := s.Get(t.Context(), "p", credentials.FlexToken)
		require.ErrorIs(t, err, accounts.ErrCorrupt, "%s was read", text)
		require.NoError(t, s.Delete(t.Context(), "p", credentials.FlexToken), "what cannot be read cannot be deleted")
		_, err = s.Get(t.Context(), "p", credentials.FlexToken)
		require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "it was not deleted")
	}
}

// More logins than the list can name are refused, and those that are there stay.
func TestTooManyLogins(t *testing.T) {
	s := newStore(t, "test", newRing())
	var list []accounts.LoginKey
	const each = 71 // bytes of a key of 50 in the list
	for i := range maxItems*itemSize/each + 1 {
		list = append(list, accounts.LoginKey(fmt.Sprintf("%050d", i)))
	}
	require.ErrorIs(t, s.saveNoted(t.Context(), list), accounts.ErrInvalid, "a list that cannot be read again was written")
	require.NoError(t, s.saveNoted(t.Context(), list[1:]))
	got, err := s.noted(t.Context())
	require.NoError(t, err)
	require.Len(t, got, len(list)-1)
}

func TestDeleteEndsAtAnyMoment(t *testing.T) {
	for end := 1; ; end++ {
		r := newRing()
		s := newStore(t, "test", r)
		require.NoError(t, s.Put(t.Context(), "p", login("old")))
		r.calls, r.fail = 0, end
		err := s.Delete(t.Context(), "p")
		finished := r.calls < end
		r.fail = 0
		again := newStore(t, "test", r)
		_, got := again.Get(t.Context(), "p", "")
		ids, listed := again.List(t.Context())
		require.NoError(t, listed, "List failed")
		require.Equal(t, got == nil, len(ids) == 1, "List and Get differ after call %d", end)
		require.NoError(t, again.Delete(t.Context(), "p"), "a second Delete")
		if finished {
			require.NoError(t, err, "Delete failed")
			require.ErrorIs(t, got, accounts.ErrCredentialsNotFound)
			break
		}
	}
}

// Whatever happens to an item is found, never read as something else, and mended by the next Put.
func TestDamagedItems(t *testing.T) {
	sound := newRing()
	s := newStore(t, "test", sound)
	require.NoError(t, s.Put(t.Context(), "p", login("anna")))
	require.NoError(t, s.Put(t.Context(), "q", login("bert")))
	for key, value := range sound.items {
		if strings.Contains(key, indexName) {
			continue
		}
		for _, damage := range []string{"", "x", value[:len(value)/2], value + "A", strings.Replace(value, "1", "2", 1), "{}", "null", sound.items["test accounts|"+itemName("q")]} {
			r := newRing()
			maps.Copy(r.items, sound.items)
			r.items[key] = damage
			s := newStore(t, "test", r)
			for id, user := range map[accounts.LoginKey]string{"p": "anna", "q": "bert"} {
				if _, err := s.Get(t.Context(), id, ""); err != nil {
					require.ErrorIs(t, err, accounts.ErrCorrupt, "damage %.20q", damage)
					require.NoError(t, s.Put(t.Context(), id, login(user)), "Put does not mend it")
				}
				requireLogin(t, s, id, user)
			}
		}
	}
}

func TestUnavailableKeychain(t *testing.T) {
	r := newRing()
	r.fail = 1
	s := newStore(t, "test", r)
	secret := []byte("Tr0ub4dor")
	for name, err := range map[string]error{
		"Put":    s.Put(t.Context(), "p", credentials.Set{"p": credentials.NewSecret(secret)}),
		"Delete": s.Delete(t.Context(), "p"),
		"Get":    func() error { _, err := s.Get(t.Context(), "p", ""); return err }(),
		"Kinds":  func() error { _, err := s.Kinds(t.Context(), "p"); return err }(),
		"List":   func() error { _, err := s.List(t.Context()); return err }(),
		"Ping":   s.Ping(t.Context()),
	} {
		require.ErrorIs(t, err, ErrUnavailable, name)
		require.NotErrorIs(t, err, accounts.ErrCredentialsNotFound, "%s takes a locked keychain for an empty one", name)
		for _, form := range credtest.Forms(secret) {
			require.NotContains(t, err.Error(), form, "the error of %s shows a secret", name)
		}
	}
}

// stopping ends the context at a call.
type stopping struct {
	*memoryRing
	at   int
	stop context.CancelFunc
}

func (s *stopping) Set(service, user, value string) error {
	if s.at--; s.at == 0 {
		s.stop()
	}
	return s.memoryRing.Set(service, user, value)
}

func TestContextEndsMeanwhile(t *testing.T) {
	for at := 1; at <= 4; at++ {
		ctx, cancel := context.WithCancel(t.Context())
		r := newRing()
		s := newStore(t, "test", &stopping{r, at, cancel})
		require.ErrorIs(t, s.Put(ctx, "p", login("anna")), context.Canceled, "call %d", at)
		_, err := newStore(t, "test", r).Get(t.Context(), "p", "")
		require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "half of a Put can be read")
		cancel()
	}
}

func FuzzHead(f *testing.F) {
	f.Add(`{"v":1,"name":"n.0123456789abcdef","parts":1,"sum":""}`, "n")
	f.Add(`{"v":1,"name":"n.b","parts":1,"sum":""}`, "n")
	f.Add(`{"v":1,"name":"other.0123456789abcdef","parts":99999999}`, "n")
	f.Fuzz(func(t *testing.T, text, name string) {
		h, err := parseHead(text, name)
		if err != nil {
			require.ErrorIs(t, err, accounts.ErrCorrupt)
			return
		}
		require.True(t, strings.HasPrefix(h.part(0), name+"."), "parts of another value")
		require.LessOrEqual(t, h.Parts, maxItems)
	})
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte(`{"p":"eA=="}`))
	f.Add(pack(kinds{"": login("anna")}))
	f.Add(pack(kinds{"": login("anna"), credentials.GatewaySession: credentials.NewGatewaySession()}))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := unpack(text)
		if err != nil {
			require.ErrorIs(t, err, accounts.ErrCorrupt)
			return
		}
		again, err := unpack(pack(c))
		require.NoError(t, err, "what was read cannot be read again")
		require.Equal(t, slices.Sorted(maps.Keys(c)), slices.Sorted(maps.Keys(again)), "other kinds")
		for kind, set := range c {
			require.Len(t, again[kind], len(set), "other credentials of kind %q", kind)
		}
	})
}
