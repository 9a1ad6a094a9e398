// Package credtest is the conformance suite for every accounts.CredentialStore: a test for each
// sentence of its contract, and a search for secrets where none may be.
//
//	func TestStore(t *testing.T) {
//		credtest.Run(t, func(t *testing.T) accounts.CredentialStore { return memcreds.New() })
//	}
package credtest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
)

// secret is what must never be seen. It is in no other text.
const secret = "Tr0ub4dor&3-correct-horse"

// Run tests the stores that open returns: an empty one for each test, ended with it.
func Run(t *testing.T, open func(t *testing.T) accounts.CredentialStore) {
	for _, test := range []struct {
		name string
		run  func(t *testing.T, s accounts.CredentialStore)
	}{
		{"what is put is got", putAndGet},
		{"put replaces as a whole", replaces},
		{"a miss is told", misses},
		{"a repeated delete is no error", deletes},
		{"list is in order", lists},
		{"logins are apart", loginsAreApart},
		{"kinds are apart", kindsAreApart},
		{"kinds are deleted apart", deletesKinds},
		{"an empty key has nothing", emptyKey},
		{"keys are taken as they are", oddKeys},
		{"values are taken as they are", oddValues},
		{"what is invalid changes nothing", invalid},
		{"values never alias", aliases},
		{"a ping is answered", pings},
		{"a done context is refused", doneContexts},
		{"a closed store is refused", closedStores},
		{"calls at once", concurrency},
		{"kinds at once", kindsAtOnce},
		{"nothing leaks", leaks},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
}

func creds(pairs ...string) credentials.Set {
	c := credentials.Set{}
	for i := 0; i < len(pairs); i += 2 {
		c[pairs[i]] = credentials.NewSecret([]byte(pairs[i+1]))
	}
	return c
}

func put(t *testing.T, s accounts.CredentialStore, key accounts.LoginKey, c credentials.Set) {
	t.Helper()
	require.NoError(t, s.Put(t.Context(), key, c), "Put of %q failed", key)
}

// requireHas checks that the login has these credentials of their kind and no others.
func requireHas(t *testing.T, s accounts.CredentialStore, key accounts.LoginKey, want credentials.Set) {
	t.Helper()
	got, err := s.Get(t.Context(), key, want.Kind())
	require.NoError(t, err, "Get of %q failed", key)
	require.Len(t, got, len(want), "other credentials of %q than were put", key)
	for name, value := range want {
		require.True(t, value.Equal(got[name]), "%q of %q is not what was put", name, key)
	}
}

func requireList(t *testing.T, s accounts.CredentialStore, want ...accounts.LoginKey) {
	t.Helper()
	got, err := s.List(t.Context())
	require.NoError(t, err, "List failed")
	require.NotNil(t, got, "List returns nil")
	require.Equal(t, append([]accounts.LoginKey{}, want...), got, "List")
}

func putAndGet(t *testing.T, s accounts.CredentialStore) {
	login, err := credentials.NewGatewayLogin(credentials.NewSecret([]byte("anna")), credentials.NewSecret([]byte(secret)), "paper")
	require.NoError(t, err)
	for id, c := range map[accounts.LoginKey]credentials.Set{"a": login, "b": creds("password", secret), "c": credentials.NewGatewaySession()} {
		put(t, s, id, c)
		requireHas(t, s, id, c)
		requireHas(t, s, id, c)
	}
}

func replaces(t *testing.T, s accounts.CredentialStore) {
	put(t, s, "a", creds("username", "anna", "password", "one"))
	put(t, s, "a", creds("password", "two", "token", "t"))
	requireHas(t, s, "a", creds("password", "two", "token", "t"))
	requireList(t, s, "a")
}

func misses(t *testing.T, s accounts.CredentialStore) {
	got, err := s.Get(t.Context(), "nobody", "")
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "Get of what was never put")
	require.Nil(t, got, "credentials with an error")
	put(t, s, "a", creds("p", "x"))
	_, err = s.Get(t.Context(), "A", "")
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "ids differ by case")
	requireList(t, s, "a")
}

func deletes(t *testing.T, s accounts.CredentialStore) {
	requireList(t, s)
	require.NoError(t, s.Delete(t.Context(), "a", ""), "Delete of what was never put")
	put(t, s, "a", creds("p", "x", "q", "y"))
	for range 2 {
		require.NoError(t, s.Delete(t.Context(), "a", ""), "Delete")
		_, err := s.Get(t.Context(), "a", "")
		require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "what was deleted can be read")
		requireList(t, s)
	}
	put(t, s, "a", creds("p", "z"))
	requireHas(t, s, "a", creds("p", "z"))
}

func lists(t *testing.T, s accounts.CredentialStore) {
	ids := []accounts.LoginKey{"Z", "a", "ä", "a-b", "ab", "a b", "B", "10", "9", "a/b"}
	for _, id := range ids {
		put(t, s, id, creds("p", "x", "q", "y"))
	}
	slices.Sort(ids)
	requireList(t, s, ids...)
}

func loginsAreApart(t *testing.T, s accounts.CredentialStore) {
	put(t, s, "a", creds("password", "a's", "b", "of a"))
	put(t, s, "b", creds("password", "b's"))
	put(t, s, "a.b", creds("password", "of a.b"))
	put(t, s, "a", creds("password", "a's new"))
	requireHas(t, s, "b", creds("password", "b's"))
	require.NoError(t, s.Delete(t.Context(), "a", ""), "Delete")
	requireHas(t, s, "b", creds("password", "b's"))
	requireHas(t, s, "a.b", creds("password", "of a.b"))
	requireList(t, s, "a.b", "b")
}

// login returns credentials of a kind.
func login(t *testing.T, kind credentials.Kind, of string) credentials.Set {
	t.Helper()
	var c credentials.Set
	var err error
	switch kind {
	case credentials.GatewayLogin:
		c, err = credentials.NewGatewayLogin(credentials.NewSecret([]byte(of)), credentials.NewSecret([]byte(of+" pw")), "paper")
	case credentials.FlexToken:
		c, err = credentials.NewFlexToken(credentials.NewSecret([]byte("123")), of)
	case credentials.GatewaySession:
		c = credentials.NewGatewaySession()
	default:
		c = creds("of", of)
	}
	require.NoError(t, err, "the suite's credentials are not valid")
	return c
}

func requireKinds(t *testing.T, s accounts.CredentialStore, key accounts.LoginKey, want ...credentials.Kind) {
	t.Helper()
	got, err := s.Kinds(t.Context(), key)
	require.NoError(t, err, "Kinds failed")
	require.NotNil(t, got, "Kinds returns nil")
	require.Equal(t, append([]credentials.Kind{}, want...), got, "Kinds of %q", key)
}

// kinds are those of one login of the suite, in ascending order.
var kinds = []credentials.Kind{"", credentials.FlexToken, credentials.GatewayLogin, credentials.GatewaySession}

func kindsAreApart(t *testing.T, s accounts.CredentialStore) {
	requireKinds(t, s, "a")
	for i, kind := range slices.Backward(kinds) {
		put(t, s, "a", login(t, kind, "1"))
		requireKinds(t, s, "a", kinds[i:]...)
	}
	put(t, s, "a", login(t, credentials.FlexToken, "2"))
	requireHas(t, s, "a", login(t, credentials.FlexToken, "2"))
	for _, kind := range []credentials.Kind{"", credentials.GatewayLogin, credentials.GatewaySession} {
		requireHas(t, s, "a", login(t, kind, "1"))
	}
	requireList(t, s, "a")
	for _, kind := range []credentials.Kind{credentials.OAuth1a, "flex ", "FLEX", "unknown"} {
		_, err := s.Get(t.Context(), "a", kind)
		require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "Get of kind %q, which was never put", kind)
	}
	put(t, s, "b", login(t, credentials.FlexToken, "3"))
	_, err := s.Get(t.Context(), "b", credentials.GatewayLogin)
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "another login has the kind")
	requireKinds(t, s, "b", credentials.FlexToken)
}

func deletesKinds(t *testing.T, s accounts.CredentialStore) {
	for _, kind := range kinds {
		put(t, s, "a", login(t, kind, "1"))
		put(t, s, "b", login(t, kind, "2"))
	}
	require.NoError(t, s.Delete(t.Context(), "a", credentials.OAuth1a), "Delete of a kind that was never put")
	for i, kind := range kinds {
		requireHas(t, s, "a", login(t, kind, "1"))
		require.NoError(t, s.Delete(t.Context(), "a", kind), "Delete of kind %q", kind)
		_, err := s.Get(t.Context(), "a", kind)
		require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "what was deleted can be read")
		requireKinds(t, s, "a", kinds[i+1:]...)
	}
	requireList(t, s, "b")
	requireKinds(t, s, "b", kinds...)
	require.NoError(t, s.Delete(t.Context(), "b", kinds[0], credentials.OAuth1a, kinds[2]), "Delete of several kinds")
	requireKinds(t, s, "b", kinds[1], kinds[3])
	requireHas(t, s, "b", login(t, kinds[1], "2"))
	for range 2 {
		require.NoError(t, s.Delete(t.Context(), "b"), "Delete of every kind")
		requireKinds(t, s, "b")
		requireList(t, s)
	}
	_, err := s.Get(t.Context(), "b", kinds[3])
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "what was deleted can be read")
}

func emptyKey(t *testing.T, s accounts.CredentialStore) {
	put(t, s, "a", creds("p", "x"))
	_, err := s.Get(t.Context(), "", "")
	require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "Get of no key")
	requireKinds(t, s, "")
	require.NoError(t, s.Delete(t.Context(), "", ""), "Delete of no key")
	require.NoError(t, s.Delete(t.Context(), ""), "Delete of all of no key")
	requireHas(t, s, "a", creds("p", "x"))
}

func oddKeys(t *testing.T, s accounts.CredentialStore) {
	ids := []accounts.LoginKey{"a'b", `a"b`, `a\b`, "a;b", "a%b", "a_b", "a:b", "a/../b", "ÄÖ", "日本", "a=b", "$1", "*", " a", "-a",
		"a", "a b", " a b", "a  b", accounts.LoginKey(strings.Repeat("x", 50)), accounts.LoginKey(strings.Repeat("x", 49) + "y"),
		accounts.LoginKey(strings.Repeat("x", 50) + " " + strings.Repeat("y", 50))}
	for _, id := range ids {
		put(t, s, id, creds("of", string(id)))
	}
	for _, id := range ids {
		requireHas(t, s, id, creds("of", string(id)))
	}
	slices.Sort(ids)
	requireList(t, s, ids...)
}

func oddValues(t *testing.T, s accounts.CredentialStore) {
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	for name, c := range map[string]credentials.Set{
		"every byte": creds("p", string(all)), "empty value": creds("p", "", "q", "x"), "zeros": creds("p", "\x00\x00"),
		"lines": creds("p", "a\nb\r\n"), "text like a number": creds("p", "007"), "odd names": creds("a'b", "1", `a"b`, "2", `a\b`, "3", strings.Repeat("n", credentials.MaxName), "4"),
		"a key's size": creds("p", strings.Repeat("k", 3000)), "many": creds("a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6", "g", "7"),
	} {
		require.NoError(t, s.Put(t.Context(), "a", c), "Put of %s failed", name)
		requireHas(t, s, "a", c)
	}
}

func invalid(t *testing.T, s accounts.CredentialStore) {
	put(t, s, "a", creds("p", "x"))
	many := credentials.Set{}
	for i := range credentials.MaxNames + 1 {
		many[fmt.Sprint(i)] = credentials.NewSecret([]byte(secret))
	}
	for name, c := range map[string]credentials.Set{
		"none": nil, "empty": {}, "empty name": creds("", "x"), "long name": creds(strings.Repeat("n", credentials.MaxName+1), "x"),
		"control character": creds("a\x00", "x"), "too much": creds("p", strings.Repeat("k", credentials.MaxSize+1)),
		"too many": many, "unknown kind": creds("kind", secret), "field missing": creds("kind", string(credentials.FlexToken), "flex_token", secret),
	} {
		err := s.Put(t.Context(), "a", c)
		require.ErrorIs(t, err, accounts.ErrInvalid, "%s was accepted", name)
		requireHidden(t, "the error of "+name, err.Error())
		requireHas(t, s, "a", creds("p", "x"))
	}
	require.ErrorIs(t, s.Put(t.Context(), "", creds("p", "x")), accounts.ErrInvalid, "an empty key was accepted")
	requireList(t, s, "a")
}

func aliases(t *testing.T, s accounts.CredentialStore) {
	given := creds("p", "x")
	put(t, s, "a", given)
	given["q"] = credentials.NewSecret([]byte("y"))
	given["p"].Wipe()
	requireHas(t, s, "a", creds("p", "x"))
	got, err := s.Get(t.Context(), "a", "")
	require.NoError(t, err, "Get failed")
	got.Wipe()
	delete(got, "p")
	requireHas(t, s, "a", creds("p", "x"))
	got, err = s.Get(t.Context(), "a", "")
	require.NoError(t, err, "Get failed")
	put(t, s, "a", creds("p", "z"))
	require.Equal(t, "x", string(got["p"].Reveal()), "a replacement reached what was returned before")
	ids, err := s.List(t.Context())
	require.NoError(t, err, "List failed")
	ids[0] = "b"
	requireList(t, s, "a")
}

func pings(t *testing.T, s accounts.CredentialStore) {
	require.NoError(t, s.Ping(t.Context()), "Ping of an empty store")
	requireList(t, s)
	put(t, s, "a", creds("p", secret))
	for range 2 {
		require.NoError(t, s.Ping(t.Context()), "Ping")
	}
	requireHas(t, s, "a", creds("p", secret))
	requireList(t, s, "a")
}

// calls are every method, by name.
func calls(s accounts.CredentialStore) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Put":    func(ctx context.Context) error { return s.Put(ctx, "a", creds("p", secret)) },
		"Get":    func(ctx context.Context) error { _, err := s.Get(ctx, "a", ""); return err },
		"Delete": func(ctx context.Context) error { return s.Delete(ctx, "a", "") },
		"Kinds":  func(ctx context.Context) error { _, err := s.Kinds(ctx, "a"); return err },
		"List":   func(ctx context.Context) error { _, err := s.List(ctx); return err },
		"Ping":   s.Ping,
	}
}

func doneContexts(t *testing.T, s accounts.CredentialStore) {
	put(t, s, "a", creds("p", "x"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range calls(s) {
		require.ErrorIs(t, call(ctx), context.Canceled, "%s under a done context", name)
	}
	requireHas(t, s, "a", creds("p", "x"))
}

func closedStores(t *testing.T, s accounts.CredentialStore) {
	put(t, s, "a", creds("p", secret))
	require.NoError(t, s.Close(), "Close")
	require.NoError(t, s.Close(), "a second Close")
	for name, call := range calls(s) {
		err := call(t.Context())
		require.ErrorIs(t, err, accounts.ErrClosed, "%s after Close", name)
		requireHidden(t, "the error of "+name+" after Close", err.Error())
	}
}

// concurrency puts pairs that belong together from several goroutines: whoever reads finds a pair.
func concurrency(t *testing.T, s accounts.CredentialStore) {
	const workers, rounds = 6, 8
	errs := make(chan error, workers)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() { errs <- work(t.Context(), s, w, rounds) })
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err, "calls at once")
	}
	for w := range workers {
		requireHas(t, s, accounts.LoginKey(fmt.Sprint("own", w)), creds("p", fmt.Sprint(rounds-1)))
	}
}

// kindsAtOnce puts each kind of one login from a goroutine of its own: none is lost.
func kindsAtOnce(t *testing.T, s accounts.CredentialStore) {
	const rounds = 8
	errs := make(chan error, len(kinds))
	var wg sync.WaitGroup
	for _, kind := range kinds {
		sets := make([]credentials.Set, rounds)
		for i := range sets {
			sets[i] = login(t, kind, fmt.Sprint(i))
		}
		wg.Go(func() {
			var err error
			for _, c := range sets {
				err = errors.Join(err, s.Put(t.Context(), "a", c))
			}
			errs <- err
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err, "kinds at once")
	}
	requireKinds(t, s, "a", kinds...)
	for _, kind := range kinds {
		requireHas(t, s, "a", login(t, kind, fmt.Sprint(rounds-1)))
	}
}

func work(ctx context.Context, s accounts.CredentialStore, w, rounds int) error {
	random := rand.New(rand.NewPCG(uint64(w), 1))
	for i := range rounds {
		if err := s.Put(ctx, accounts.LoginKey(fmt.Sprint("own", w)), creds("p", fmt.Sprint(i))); err != nil {
			return err
		}
		value := fmt.Sprint(w, ".", i)
		switch random.IntN(4) {
		case 0, 1:
			if err := s.Put(ctx, "shared", creds("one", value, "two", value)); err != nil {
				return err
			}
		case 2:
			if err := s.Delete(ctx, "shared", ""); err != nil {
				return err
			}
		}
		got, err := s.Get(ctx, "shared", "")
		if errors.Is(err, accounts.ErrCredentialsNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		if len(got) != 2 || !got["one"].Equal(got["two"]) {
			return errors.New("parts of different credentials were read as one")
		}
		if _, err := s.List(ctx); err != nil {
			return err
		}
	}
	return nil
}

// leaks looks for the secret wherever a program might show it.
func leaks(t *testing.T, s accounts.CredentialStore) {
	var log bytes.Buffer
	previous := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(previous)
	c := creds("password", secret)
	put(t, s, "a", c)
	got, err := s.Get(t.Context(), "a", "")
	require.NoError(t, err, "Get failed")
	slog.Info("credentials", "given", c, "got", got)
	for _, v := range []any{s, c, got, fmt.Errorf("log in with %v and %+v", got, got["password"])} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			requireHidden(t, verb, fmt.Sprintf(verb, v))
		}
		if text, err := json.Marshal(v); err == nil {
			requireHidden(t, "JSON", string(text))
		}
	}
	for name, call := range calls(s) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		requireHidden(t, "the error of "+name, fmt.Sprintf("%+v", call(ctx)))
	}
	requireHidden(t, "the log", log.String())
}

// requireHidden checks that a text has no form of the secret. It does not print the text if it
// does.
func requireHidden(t *testing.T, where, text string) {
	t.Helper()
	for _, form := range Forms([]byte(secret)) {
		require.False(t, strings.Contains(text, form), "%s shows a secret", where)
	}
}

// Forms returns how a secret may look in a text: as it is, in hexadecimal and base64, and as fmt
// prints bytes. Tests of a store's own look for them too.
func Forms(secret []byte) []string {
	list := strings.Trim(fmt.Sprint(secret), "[]")
	// Base64 of a part of a longer text depends on where it begins: the middle of it does not
	// change.
	forms := []string{string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)), list}
	for shift := range 3 {
		if encoded := base64.StdEncoding.EncodeToString(append(make([]byte, shift), secret...)); len(encoded) > 16 {
			forms = append(forms, encoded[4:len(encoded)-4])
		}
	}
	return forms
}
