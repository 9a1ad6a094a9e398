// Package pgcreds keeps credentials in PostgreSQL 14 or newer, encrypted with Tink before they
// leave the process: neither the database nor its log, its dumps or its administrators ever see a
// secret.
//
//	keys, err := pgcreds.ReadKeyset("/etc/trading/keyset.json") // or keyset.Read, wrapped by a KMS
//	err = pgcreds.Migrate(ctx, db)                              // once, when the application decides
//	store, err := pgcreds.New(ctx, db, keys)
//	defer store.Close()
//
// # What is protected
//
// Each field is a row, encrypted with AES-256-GCM and bound to its schema, its login, its name and
// the Put that wrote it. Whoever can write to the database can delete credentials, and can put back
// all of a set's rows as they once were, such as a password from before it was changed: what they
// cannot do is read them, change them, move them to another schema, login, kind or field, or mix
// those of two writes. That is found, as ErrTampered. To see are the ids of logins, of their owners
// and of profiles with a login of their own, the kinds, the names of fields, and how long each
// secret is.
//
// A database's name is not part of that, so that a backup can be restored under any: databases of
// which one must not pass for the other, such as one for paper trading and one for live, have a
// keyset each, or schemas of different names. To move credentials to a schema of another name, Get
// them from the one and Put them into the other.
//
// Rows that an earlier version wrote are bound to no schema, and read all the same. A change of
// keys binds them: Rotate writes them anew, and once RemoveKey has removed the key that they were
// under, copies of them open nowhere.
//
// # Keys
//
// Without the keyset everything is lost: keep a copy of it apart from the database's. To change
// keys without downtime:
//
//  1. AddKey, and give the keyset to every process.
//  2. SetPrimary, and give it to every process: from now on they write under the new key.
//  3. Rotate, until nothing is left under the old one.
//  4. RemoveKey once KeyUse no longer names it, and no backup under it is needed.
//
// A process gets another keyset by another New on the same pool.
package pgcreds

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/tink-crypto/tink-go/v2/keyset"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/internal/pgschema"
)

// Store is an accounts.CredentialStore in PostgreSQL. Make one with New. All methods are safe for
// concurrent use, by any number of processes.
//
// Where transactions are stricter than by default, or meet in a deadlock, the server breaks some
// off. Every method tries again then, with pauses, and after 40 tries returns the server's error as
// accounts.ErrConflict: nothing was changed.
type Store struct {
	schema pgschema.Name
	db     *sqlx.DB
	vault  *vault

	statements
	reads   *pgschema.Reads
	writes  *pgschema.Writes
	closing sync.Once
	closed  atomic.Bool
}

// Bounds of what a store has under way.
const (
	writesAtOnce = 64               // writes of one store; more wait for their turn
	closeTime    = 10 * time.Second // that Close waits for both
)

var _ accounts.CredentialStore = (*Store)(nil)

// statements are those of the hot paths.
type statements struct{ get, put statement }

// statement is prepared where a session is one's own for long enough.
type statement struct {
	text     string
	prepared *sqlx.Stmt // nil behind a pooler
}

// New returns a store on the caller's pool, which Close leaves open, that writes under the keyset's
// primary key and reads what is under any of its enabled keys. The pool may be lib/pq's or pgx's
// (github.com/jackc/pgx/v5/stdlib).
//
// ErrSchema when the schema was not migrated, or by a newer version: New migrates nothing.
// accounts.ErrInvalid when a key is not for authenticated encryption (AEAD), or without Tink's
// prefix.
//
// Where the pool leads through a pooler in transaction mode, such as PgBouncer's, every statement
// runs in a transaction of its own: correct, and slower. lib/pq works there as it is; pgx needs
// default_query_exec_mode=exec in its data source name unless the pooler supports prepared
// statements, ErrPooler else.
func New(ctx context.Context, db *sqlx.DB, keys *keyset.Handle, opts ...Option) (*Store, error) {
	s := &Store{db: db, reads: pgschema.NewReads(db, &retry), writes: pgschema.NewWrites(writesAtOnce)}
	var err error
	if s.schema, err = schemaOf(opts); err == nil {
		s.vault, err = newVault(keys, s.schema)
	}
	if err == nil {
		err = s.reads.Detect(ctx)
	}
	if err == nil {
		err = s.check(ctx)
	}
	if err == nil {
		s.statements, err = pgschema.Read(ctx, s.reads, s.prepare)
	}
	if err != nil {
		return nil, fmt.Errorf("open credential store: %w", pgschema.Reason(ctx, err))
	}
	return s, nil
}

func (s *Store) prepare(ctx context.Context) (sts statements, err error) {
	sts.get.text = s.schema.In(`SELECT field, key_id, sealed FROM trading.credentials WHERE login_key = $1 AND kind = $2 ORDER BY field`)
	sts.put.text = s.schema.In(`SELECT trading.put_credentials($1::text, $2::text, $3::bigint, $4::text[], $5::bytea[])`)
	if s.reads.Pooled {
		return sts, nil
	}
	for _, st := range []*statement{&sts.get, &sts.put} {
		if st.prepared, err = s.db.PreparexContext(ctx, st.text); err != nil {
			return sts, errors.Join(err, sts.unprepare())
		}
	}
	if ctx.Err() != nil { // the caller has left, and nobody else closes them
		return sts, errors.Join(ctx.Err(), sts.unprepare())
	}
	return sts, nil
}

func (sts *statements) unprepare() error {
	var errs []error
	for _, st := range []*statement{&sts.get, &sts.put} {
		if st.prepared != nil {
			errs = append(errs, st.prepared.Close())
		}
	}
	return errors.Join(errs...)
}

// maxKey is how many bytes a login's key may have: those of an owner and a login's id, and a space.
const maxKey = 50 + 1 + 50

// Put stores c as the whole of the login's credentials of c's kind, in place of what was there, at
// once for every reader. accounts.ErrInvalid for a key of more than 101 bytes, and for credentials
// that are not valid (see credentials.Set.Validate). accounts.ErrOutcomeUnknown when ctx ended, or
// the connection was lost, while it was under way: what is stored then is either all of c or what
// was there, and a write whose caller has left goes on. accounts.ErrConflict when others kept
// writing the same rows: see Store.
func (s *Store) Put(ctx context.Context, key accounts.LoginKey, c credentials.Set) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if !isText(string(key), maxKey) {
		return fmt.Errorf("put credentials: %w: login key %.110q is not 1 to %d bytes of text", accounts.ErrInvalid, key, maxKey)
	}
	if err := c.Validate(); err != nil {
		return fmt.Errorf("put credentials of login %q: %w", key, err)
	}
	rows, err := s.vault.seal(key, c)
	if err != nil {
		return fmt.Errorf("put credentials of login %q: %w", key, err)
	}
	fields, sealed := make(pq.StringArray, len(rows)), make(pq.ByteaArray, len(rows))
	for i, r := range rows {
		fields[i], sealed[i] = r.Field, r.Sealed
	}
	_, err = s.write(ctx, s.put, string(key), string(c.Kind()), int64(s.vault.primary), fields, sealed)
	return s.failed(ctx, err, "put credentials of login %q", key)
}

// Get returns the login's credentials of the kind, in one round trip.
// accounts.ErrCredentialsNotFound on a miss, ErrUnreadable when they cannot be decrypted.
func (s *Store) Get(ctx context.Context, key accounts.LoginKey, kind credentials.Kind) (credentials.Set, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	var rows []row
	if isText(string(key), maxKey) && kind.Valid() { // nothing else was ever put
		var err error
		if rows, err = s.rows(ctx, key, kind); err != nil {
			return nil, s.failed(ctx, err, "get credentials of login %q", key)
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("%w: login %.110q, kind %.40q", accounts.ErrCredentialsNotFound, key, kind)
	}
	c, err := s.vault.open(key, kind, rows)
	if err != nil {
		return nil, fmt.Errorf("get credentials of login %q, kind %q: %w", key, kind, err)
	}
	return c, nil
}

func (s *Store) rows(ctx context.Context, key accounts.LoginKey, kind credentials.Kind) ([]row, error) {
	if s.get.prepared == nil {
		return pgschema.List[row](ctx, s.reads, s.get.text, string(key), string(kind))
	}
	return pgschema.Reread(ctx, s.reads, func(ctx context.Context) (rows []row, err error) {
		err = s.get.prepared.SelectContext(ctx, &rows, string(key), string(kind))
		return rows, err
	})
}

// Delete removes the login's credentials of the kinds, or of every kind if none is named, readable
// or not. A miss is not an error. Backups and the server's own files keep the ciphertext for a
// while. It ends early as Put does.
func (s *Store) Delete(ctx context.Context, key accounts.LoginKey, kinds ...credentials.Kind) error {
	if err := s.ready(ctx); err != nil || !isText(string(key), maxKey) {
		return err
	}
	known := make(pq.StringArray, 0, len(kinds))
	for _, kind := range kinds {
		if kind.Valid() {
			known = append(known, string(kind))
		}
	}
	if len(kinds) > 0 && len(known) == 0 { // else every kind would go
		return nil
	}
	st := statement{text: s.schema.In(`SELECT trading.delete_credentials($1::text, $2::text[])`)}
	_, err := s.write(ctx, st, string(key), known)
	return s.failed(ctx, err, "delete credentials of login %q", key)
}

// Kinds returns the kinds of which the login has credentials, readable or not, in ascending order;
// none is an empty slice.
func (s *Store) Kinds(ctx context.Context, key accounts.LoginKey) ([]credentials.Kind, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if !isText(string(key), maxKey) {
		return []credentials.Kind{}, nil
	}
	kinds, err := pgschema.List[credentials.Kind](ctx, s.reads,
		s.schema.In(`SELECT DISTINCT kind FROM trading.credentials WHERE login_key = $1 ORDER BY kind`), string(key))
	if err != nil {
		return nil, s.failed(ctx, err, "list kinds of credentials of login %q", key)
	}
	return append([]credentials.Kind{}, kinds...), nil
}

// List returns the keys of the logins that have credentials, readable or not, in ascending order;
// none is an empty slice.
func (s *Store) List(ctx context.Context) ([]accounts.LoginKey, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	keys, err := pgschema.List[accounts.LoginKey](ctx, s.reads, s.schema.In(`SELECT DISTINCT login_key FROM trading.credentials ORDER BY login_key`))
	if err != nil {
		return nil, s.failed(ctx, err, "list credentials")
	}
	return append([]accounts.LoginKey{}, keys...), nil
}

// Ping implements accounts.CredentialStore: it reads the schema's version from the server, and
// nothing else. ErrSchema when the schema was migrated or taken back since, and is not what this
// package works with any longer.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	return s.failed(ctx, s.check(ctx), "ping credential store")
}

// check returns ErrSchema where the schema is not what this package works with.
func (s *Store) check(ctx context.Context) error {
	_, err := pgschema.Ask(ctx, s.reads, func(ctx context.Context, q pgschema.Querier) (struct{}, error) {
		return struct{}{}, migrations.Check(ctx, q, s.schema)
	})
	return err
}

// Close ends reads, waits for them and for writes under way, lets go of what the store prepared,
// and leaves the pool open. A second Close is not an error. After ten seconds it stops waiting and
// returns an error: accounts.ErrOutcomeUnknown while a write is under way, as where the server
// waits for a standby. Such a write ends when the server answers or the connection breaks, for a
// write that is cancelled may be taken for a write that was done. A read that is left ends so too.
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() {
		s.closed.Store(true)
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		s.reads.Refuse()
		if err = errors.Join(s.writes.Close(ctx), s.reads.Close(ctx)); err == nil { // else a statement is in use, and cannot be closed
			err = pgschema.CloseStatements(s.db, closeTime, s.unprepare)
		}
	})
	return err
}

// ready refuses a done context and a closed store, before anything happens.
func (s *Store) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if s.closed.Load() {
		return accounts.ErrClosed
	}
	return nil
}

// write runs a statement to its end, and returns how many rows it affected. A caller
// whose ctx ends meanwhile leaves with accounts.ErrOutcomeUnknown.
func (s *Store) write(ctx context.Context, st statement, args ...any) (int64, error) {
	var affected int64
	err := retry.Do(ctx, func() error {
		result := make(chan int64, 1) // no variable: a write that goes on without its caller writes it too
		err := s.writes.Do(ctx, func(ctx context.Context) error {
			n, err := s.execute(ctx, st, args...)
			result <- n
			return written(err)
		})
		if err == nil {
			affected = <-result
		}
		return err
	})
	return affected, err
}

// execute runs a statement once.
func (s *Store) execute(ctx context.Context, st statement, args ...any) (n int64, err error) {
	err = pgschema.OneSession(ctx, s.db, s.reads.Pooled, func(q pgschema.Querier) error {
		run := func() (sql.Result, error) { return q.ExecContext(ctx, st.text, args...) }
		if st.prepared != nil {
			run = func() (sql.Result, error) { return st.prepared.ExecContext(ctx, args...) }
		}
		result, err := run()
		if err == nil {
			n, err = result.RowsAffected()
		}
		return err
	})
	return n, err
}

// isText reports whether PostgreSQL can keep s as text of so many bytes at most.
func isText(s string, most int) bool {
	return len(s) > 0 && len(s) <= most && utf8.ValidString(s) && !strings.Contains(s, "\x00")
}
