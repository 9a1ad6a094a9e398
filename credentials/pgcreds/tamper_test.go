package pgcreds

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/internal/pgschema"
)

// Whatever is done to rows with SQL shows when they are read.
func TestTamperingIsDetected(t *testing.T) {
	t.Parallel()
	everyCase := map[string]string{
		"two profiles' ciphertext swapped":  `UPDATE trading.credentials c SET sealed = o.sealed FROM trading.credentials o WHERE c.field = 'password' AND o.field = c.field AND o.login_key <> c.login_key`,
		"two profiles' manifests swapped":   `UPDATE trading.credentials c SET sealed = o.sealed FROM trading.credentials o WHERE c.field = '' AND o.field = c.field AND o.login_key <> c.login_key`,
		"all rows swapped":                  `UPDATE trading.credentials c SET sealed = o.sealed FROM trading.credentials o WHERE o.field = c.field AND o.login_key <> c.login_key`,
		"two fields' ciphertext swapped":    `UPDATE trading.credentials c SET sealed = o.sealed FROM trading.credentials o WHERE c.field <> '' AND o.field <> '' AND o.field <> c.field AND o.login_key = c.login_key`,
		"a field in the manifest's place":   `UPDATE trading.credentials c SET sealed = o.sealed FROM trading.credentials o WHERE c.field = '' AND o.field = 'password' AND o.login_key = c.login_key`,
		"the manifest in a field's place":   `UPDATE trading.credentials c SET sealed = o.sealed FROM trading.credentials o WHERE c.field = 'password' AND o.field = '' AND o.login_key = c.login_key`,
		"a field deleted":                   `DELETE FROM trading.credentials WHERE field = 'password'`,
		"all fields deleted":                `DELETE FROM trading.credentials WHERE field <> ''`,
		"the manifest deleted":              `DELETE FROM trading.credentials WHERE field = ''`,
		"a field renamed":                   `UPDATE trading.credentials SET field = 'passphrase' WHERE field = 'password'`,
		"a field added":                     `INSERT INTO trading.credentials SELECT login_key, 'extra', key_id, sealed FROM trading.credentials WHERE field = 'password'`,
		"a field of an earlier Put":         `UPDATE trading.credentials c SET sealed = o.sealed FROM earlier o WHERE c.field = 'password' AND o.field = c.field AND o.login_key = c.login_key`,
		"the manifest of an earlier Put":    `UPDATE trading.credentials c SET sealed = o.sealed FROM earlier o WHERE c.field = '' AND o.field = c.field AND o.login_key = c.login_key`,
		"a field of an earlier Put added":   `INSERT INTO trading.credentials SELECT * FROM earlier WHERE field = 'token'`,
		"everything of another key":         `UPDATE trading.credentials SET key_id = key_id # 1`,
		"ciphertext emptied":                `UPDATE trading.credentials SET sealed = '' WHERE field = 'password'`,
		"ciphertext cut":                    `UPDATE trading.credentials SET sealed = substr(sealed, 1, 20) WHERE field = 'password'`,
		"ciphertext with a byte at the end": `UPDATE trading.credentials SET sealed = sealed || '\x00'::bytea WHERE field = 'password'`,
	}
	for what, statement := range everyCase {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			db := open(t, "postgres", migrated.Database(t))
			s := newStore(t, db, newKeys(t))
			for _, id := range []accounts.LoginKey{"a", "b"} {
				require.NoError(t, s.Put(t.Context(), id, creds("username", "u", "password", "old", "token", "t")), "Put failed")
			}
			run(t, db, `CREATE TABLE earlier AS TABLE trading.credentials`)
			for _, id := range []accounts.LoginKey{"a", "b"} {
				require.NoError(t, s.Put(t.Context(), id, creds("username", "u", "password", "new")), "Put failed")
			}
			run(t, db, statement)
			for _, id := range []accounts.LoginKey{"a", "b"} {
				_, err := s.Get(t.Context(), id, "")
				require.ErrorIs(t, err, ErrTampered, "profile %s can be read", id)
			}
			ids, err := s.List(t.Context())
			require.NoError(t, err, "List failed")
			require.Equal(t, []accounts.LoginKey{"a", "b"}, ids, "unreadable credentials are not listed")
			require.NoError(t, s.Put(t.Context(), "a", creds("username", "u")), "unreadable credentials cannot be replaced")
			_, err = s.Get(t.Context(), "a", "")
			require.NoError(t, err, "replaced credentials cannot be read")
			require.NoError(t, s.Delete(t.Context(), "b"), "unreadable credentials cannot be deleted")
			_, err = s.Get(t.Context(), "b", "")
			require.ErrorIs(t, err, accounts.ErrCredentialsNotFound, "something of unreadable credentials is left")
		})
	}
}

// Sets that change their places within a login do not open, each whole as it is, nor does what is made of
// parts of both.
func TestSetsOfAnotherKindDoNotOpen(t *testing.T) {
	t.Parallel()
	const swap = `UPDATE trading.credentials SET kind = CASE kind WHEN 'flex' THEN 'gateway_session' ELSE 'flex' END`
	for what, statement := range map[string]string{
		"swapped":            swap,
		"manifests swapped":  `UPDATE trading.credentials c SET sealed = o.sealed FROM trading.credentials o WHERE c.field = '' AND o.field = '' AND o.kind <> c.kind`,
		"names of the kinds": `UPDATE trading.credentials c SET sealed = o.sealed FROM trading.credentials o WHERE c.field = 'kind' AND o.field = 'kind' AND o.kind <> c.kind`,
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			db := open(t, "postgres", migrated.Database(t))
			s := newStore(t, db, newKeys(t))
			flex, err := credentials.NewFlexToken(credentials.NewSecret([]byte("123456")), "98")
			require.NoError(t, err, "NewFlexToken failed")
			require.NoError(t, s.Put(t.Context(), "a", flex), "Put failed")
			require.NoError(t, s.Put(t.Context(), "a", credentials.NewGatewaySession()), "Put failed")
			if statement == swap { // the key does not let them pass each other
				run(t, db, `ALTER TABLE trading.credentials DROP CONSTRAINT credentials_pkey`)
			}
			run(t, db, statement)
			for _, kind := range []credentials.Kind{credentials.FlexToken, credentials.GatewaySession} {
				_, err := s.Get(t.Context(), "a", kind)
				require.ErrorIs(t, err, ErrTampered, "kind %q can be read", kind)
			}
		})
	}
}

// What the documentation says cannot be found is not: a whole profile as it once was.
func TestWholeEarlierPutIsNotDetected(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Database(t))
	s := newStore(t, db, newKeys(t))
	require.NoError(t, s.Put(t.Context(), "a", creds("password", "old")), "Put failed")
	run(t, db, `CREATE TABLE earlier AS TABLE trading.credentials`)
	require.NoError(t, s.Put(t.Context(), "a", creds("password", "new")), "Put failed")
	run(t, db, `DELETE FROM trading.credentials`)
	run(t, db, `INSERT INTO trading.credentials TABLE earlier`)
	c, err := s.Get(t.Context(), "a", "")
	require.NoError(t, err, "the package's documentation says too little")
	requireCreds(t, creds("password", "old"), c, "an earlier Put")
}

// flips calls f with every text that has one bit of b flipped.
func flips(b []byte, f func([]byte)) {
	for i := range b {
		for bit := range 8 {
			x := bytes.Clone(b)
			x[i] ^= 1 << bit
			f(x)
		}
	}
}

// Every bit of every column of every row, as the database gives them.
func TestEveryFlippedBitIsDetected(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Database(t))
	s := newStore(t, db, newKeys(t))
	flex, err := credentials.NewFlexToken(credentials.NewSecret([]byte("123456")), "98")
	require.NoError(t, err, "NewFlexToken failed")
	require.NoError(t, s.Put(t.Context(), "pr", flex), "Put failed")
	kept := stored(t, db, "pr")
	tried, refused := 0, 0
	try := func(id accounts.LoginKey, kind credentials.Kind, field, column string, x any) {
		t.Helper()
		tried++
		tx, err := db.BeginTxx(t.Context(), nil)
		require.NoError(t, err, "begin")
		defer func() { require.NoError(t, tx.Rollback(), "rollback") }()
		if _, err := tx.ExecContext(t.Context(), `UPDATE trading.credentials SET `+column+` = $1 WHERE field = $2`, x, field); err != nil {
			refused++ // not text, or not a key's id: the database itself does not keep it
			return
		}
		for _, id := range []accounts.LoginKey{"pr", id} {
			for _, kind := range []credentials.Kind{credentials.FlexToken, kind} {
				var rows []row
				require.NoError(t, tx.SelectContext(t.Context(), &rows, s.get.text, string(id), string(kind)), "read rows")
				_, err := s.vault.open(id, kind, rows)
				require.ErrorIs(t, err, ErrUnreadable, "column %s of field %q changed to %q, and %s can be read", column, field, x, id)
			}
		}
	}
	for _, r := range kept {
		flips(r.Sealed, func(x []byte) { try("pr", credentials.FlexToken, r.Field, "sealed", x) })
		flips([]byte(r.Field), func(x []byte) { try("pr", credentials.FlexToken, r.Field, "field", string(x)) })
		flips([]byte("pr"), func(x []byte) { try(accounts.LoginKey(x), credentials.FlexToken, r.Field, "login_key", string(x)) })
		flips([]byte(credentials.FlexToken), func(x []byte) { try("pr", credentials.Kind(x), r.Field, "kind", string(x)) })
		for bit := range 64 {
			try("pr", credentials.FlexToken, r.Field, "key_id", r.KeyID^(1<<bit))
		}
	}
	require.Equal(t, kept, stored(t, db, "pr"), "the test changed the rows")
	t.Logf("%d bits flipped, %d of them in ways that the database refuses", tried, refused)
}

// envelope is a profile's rows in one text, for fuzzing: length and bytes of each field and ciphertext.
func envelope(rows []row) (b []byte) {
	for _, r := range rows {
		b = append(b, byte(len(r.Field)))
		b = append(b, r.Field...)
		b = append(b, byte(len(r.Sealed)))
		b = append(b, r.Sealed...)
	}
	return b
}

// rowsOf reads whatever bytes there are as an envelope. The key's id is the ciphertext's, so that more
// is tried than the comparison of the two.
func rowsOf(b []byte) (rows []row) {
	next := func() []byte {
		if len(b) == 0 {
			return nil
		}
		n := min(int(b[0]), len(b)-1)
		part := b[1 : 1+n]
		b = b[1+n:]
		return part
	}
	for len(b) > 0 {
		r := row{Field: string(next()), Sealed: next()}
		key, _ := keyOf(r.Sealed)
		r.KeyID = int64(key)
		rows = append(rows, r)
	}
	return rows
}

// FuzzEnvelope opens whatever may be stored: it is refused, unless it is what was sealed.
func FuzzEnvelope(f *testing.F) {
	keys, err := NewKeyset()
	require.NoError(f, err, "keyset")
	v, err := newVault(keys, DefaultSchema)
	require.NoError(f, err, "vault")
	want := creds("username", "anna", "password", "s3cret")
	sealed, err := v.seal("a", want)
	require.NoError(f, err, "seal")
	slices.SortFunc(sealed, func(a, b row) int { return bytes.Compare([]byte(a.Field), []byte(b.Field)) })
	honest := envelope(sealed)
	// Keys and nonces are new in every process: seeds say what to do with what was sealed in this one.
	for n := range uint64(64) {
		f.Add(n, []byte{byte(n), 0xff}, []byte("anything"))
	}
	f.Fuzz(func(t *testing.T, seed uint64, patch, other []byte) {
		random := rand.New(rand.NewPCG(seed, 1))
		b := bytes.Clone(honest)
		for _, x := range patch[:min(len(patch), 32)] {
			if i := random.IntN(len(b)); seed%2 == 0 {
				b[i] ^= x
			} else {
				b = append(b[:i:i], append([]byte{x}, b[i:]...)...)
			}
		}
		other = other[:min(len(other), 4096)]
		for _, b := range [][]byte{b, other, append(bytes.Clone(honest), other...)} {
			c, err := v.open("a", "", rowsOf(b))
			switch {
			case err != nil && !errors.Is(err, ErrUnreadable):
				t.Fatalf("another error: %v", err)
			case err == nil && !slices.EqualFunc(rowsOf(b), sealed, func(a, b row) bool { return a.Field == b.Field && bytes.Equal(a.Sealed, b.Sealed) }):
				t.Fatalf("something else than what was sealed was opened")
			case err == nil:
				requireCreds(t, want, c, "what was sealed")
			}
		}
	})
}

// FuzzAssociated holds the encoding of what rows are bound to against itself: another schema, profile,
// field or Put gives other bytes, and so does the older format.
func FuzzAssociated(f *testing.F) {
	f.Add("s", "a", "bc", []byte("d"), "s", "ab", "c", []byte("d"))
	f.Add("", "", "", []byte{}, "", "", "\x00", []byte{})
	f.Add("s", "a", "b", []byte{}, "sa", "", "b", []byte{})
	f.Fuzz(func(t *testing.T, schema1, id1, field1 string, put1 []byte, schema2, id2, field2 string, put2 []byte) {
		a := place{pgschema.Name(schema1), accounts.LoginKey(id1), field1, put1}
		b := place{pgschema.Name(schema2), accounts.LoginKey(id2), field2, put2}
		same := schema1 == schema2 && id1 == id2 && field1 == field2 && bytes.Equal(put1, put2)
		require.Equal(t, same, bytes.Equal(a.associated(boundFormat), b.associated(boundFormat)), "two places are one, or one is two")
		require.NotEqual(t, a.associated(boundFormat), b.associated(unboundFormat), "a bound row opens as an unbound one")
	})
}
