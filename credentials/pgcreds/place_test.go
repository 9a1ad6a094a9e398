package pgcreds

import (
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/ai-ots/accounts"
)

// live is a schema beside the default one.
const live = "live"

// move puts the rows of one schema in place of the other's.
func move(t *testing.T, db *sqlx.DB) {
	t.Helper()
	run(t, db, `DELETE FROM live.credentials`)
	run(t, db, `INSERT INTO live.credentials TABLE trading.credentials`)
}

// twoSchemas returns a store in the default schema and one in schema live, of one database and under
// one keyset.
func twoSchemas(t *testing.T, db *sqlx.DB, keys *keyset.Handle) (here, there *Store) {
	t.Helper()
	return newStore(t, db, keys), newStore(t, db, keys, WithSchema(live))
}

// Rows that are moved to another schema do not open there, whole as they are.
func TestRowsOfAnotherSchemaDoNotOpen(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Database(t))
	require.NoError(t, Migrate(t.Context(), db, WithSchema(live)), "Migrate failed")
	keys := newKeys(t)
	here, there := twoSchemas(t, db, keys)
	require.NoError(t, here.Put(t.Context(), "a", creds("password", "of paper")), "Put failed")
	require.NoError(t, there.Put(t.Context(), "a", creds("password", "of live")), "Put failed")
	move(t, db)
	_, err := there.Get(t.Context(), "a", "")
	require.ErrorIs(t, err, ErrTampered, "rows of another schema were read")

	more, _ := rotated(t, keys)
	done, err := newStore(t, db, more, WithSchema(live)).Rotate(t.Context(), nil)
	require.ErrorIs(t, err, ErrTampered, "rows of another schema were rotated")
	require.Zero(t, done.Rewritten, "rows of another schema were made this one's")
}

// unbind makes rows of a profile's credentials as an earlier version wrote them, bound to no schema.
func unbind(t *testing.T, db *sqlx.DB, s *Store, id accounts.LoginKey) {
	t.Helper()
	rows := stored(t, db, id)
	put, _, err := s.vault.openManifest(id, rows[0])
	require.NoError(t, err, "open the manifest")
	for _, r := range rows {
		at := s.vault.at(id, r.Field, put)
		if r.Field == "" {
			at.put = nil
		}
		plain, err := s.vault.decrypt(r, at)
		require.NoError(t, err, "decrypt")
		sealed, err := s.vault.aead.Encrypt(plain, at.associated(unboundFormat))
		require.NoError(t, err, "encrypt")
		run(t, db, `UPDATE trading.credentials SET sealed = $3 WHERE login_key = $1 AND field = $2`, string(id), r.Field, sealed)
	}
}

// Rows of an earlier version are read, beside new ones too, and a change of keys binds them.
func TestUnboundRowsAreReadAndBound(t *testing.T) {
	t.Parallel()
	db := open(t, "postgres", migrated.Database(t))
	require.NoError(t, Migrate(t.Context(), db, WithSchema(live)), "Migrate failed")
	keys := newKeys(t)
	here, _ := twoSchemas(t, db, keys)
	want := creds("username", "anna", "password", "old")
	require.NoError(t, here.Put(t.Context(), "a", want), "Put failed")
	unbind(t, db, here, "a")
	run(t, db, `CREATE TABLE earlier AS TABLE trading.credentials`)
	got, err := here.Get(t.Context(), "a", "")
	require.NoError(t, err, "what an earlier version wrote cannot be read")
	requireCreds(t, want, got, "what an earlier version wrote")

	more, old := rotated(t, keys)
	here, there := twoSchemas(t, db, more)
	_, err = here.Rotate(t.Context(), nil)
	require.NoError(t, err, "what an earlier version wrote cannot be rotated")
	got, err = here.Get(t.Context(), "a", "")
	require.NoError(t, err, "Rotate broke what an earlier version wrote")
	requireCreds(t, want, got, "what was rotated")
	move(t, db)
	_, err = there.Get(t.Context(), "a", "")
	require.ErrorIs(t, err, ErrTampered, "Rotate bound the rows to no schema")

	last, err := RemoveKey(more, old)
	require.NoError(t, err, "RemoveKey failed")
	run(t, db, `DELETE FROM trading.credentials`)
	run(t, db, `INSERT INTO trading.credentials TABLE earlier`)
	_, err = newStore(t, db, last).Get(t.Context(), "a", "")
	require.ErrorIs(t, err, ErrUnknownKey, "a copy of an unbound row opens though its key is gone")
}
