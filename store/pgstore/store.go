// Package pgstore keeps profiles and journals in PostgreSQL 14 or newer, in the schema that other
// services share: durable, and the same for every process. It keeps every promise of
// accounts.Store.
//
//	err := pgstore.Migrate(ctx, db) // once, when the application decides
//	store, err := pgstore.Open(ctx, dsn)
//	defer store.Close()
//
// The journals are the truth. The rows of positions and trades are a projection of them for other
// services, kept in the same statement; see Verify and Rebuild.
package pgstore

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/hub"
	"github.com/ai-ots/accounts/internal/pgschema"
)

// Store is an accounts.Store and an accounts.LeaseStore in PostgreSQL. Make one with Open or New.
// All methods are safe for concurrent use. One Store per process and schema is best: it groups what
// is appended at the same time, and listens on one connection for all watchers.
type Store struct {
	config
	db     *sqlx.DB
	owned  *pgschema.Pool // the pool, where it is the store's to close
	reads  *pgschema.Reads
	writes *pgschema.Writes
	queue  queue
	locked *pgschema.Writes // appends under a lock, of which none waits for another's
	events *hub.Hub[accounts.Event, subject]
	watch  watcher

	lockQueues lockQueues
	timeline   timeline

	sql       statements
	minCopied int // how many entries a batch has at least that goes by COPY; 0 for none

	closing sync.Once
	closed  atomic.Bool
	ended   context.Context // ends when Close begins
	end     context.CancelFunc
}

var (
	_ accounts.Store      = (*Store)(nil)
	_ accounts.LeaseStore = (*Store)(nil)
)

// Open connects to the database with lib/pq and returns a store that owns its pool, and listens for
// other processes' changes on a connection of its own. Otherwise as New. The data source name is a
// URL or key=value pairs; it never appears in an error, nor does where it leads. Give it a
// connect_timeout: a write waits for its connection as long as the network lets it.
// accounts.ErrInvalid where it cannot be read, and where lib/pq would read it as another than it
// says: a list of hosts with their ports in one text, or without target_session_attrs=read-write or
// primary, or in the environment; a URL that names something twice. The error says which.
func Open(ctx context.Context, dsn string, opts ...Option) (*Store, error) {
	pool, err := pgschema.OpenPool(dsn)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s, err := New(ctx, pool.DB, append([]Option{WithListenDSN(dsn)}, opts...)...)
	if err != nil {
		return nil, errors.Join(err, pool.CloseWithin(time.Second))
	}
	s.owned = pool
	return s, nil
}

// New returns a store on the caller's pool, which Close leaves open. The pool may be lib/pq's or
// pgx's (github.com/jackc/pgx/v5/stdlib), and should allow two connections or more. Watch needs
// WithListenDSN to be quick.
//
// accounts.ErrUnavailable when the server cannot be reached. ErrSchema when the schema was not
// migrated, or by a newer version: New migrates nothing. ErrSchema too when positions or trades
// have columns that rows of the library cannot fill; see WithoutProjection. ErrNotSynchronous and
// ErrTimeline for a server that promises less than RequireSynchronous, or is of an earlier timeline
// than RequireTimeline.
//
// Where the pool leads through a pooler in transaction mode, such as PgBouncer's, every statement
// runs in a transaction of its own: correct, and slower. lib/pq works there as it is; pgx needs
// default_query_exec_mode=exec in its data source name unless the pooler supports prepared
// statements, ErrPooler else. Give WithListenDSN the server's own address.
func New(ctx context.Context, db *sqlx.DB, opts ...Option) (*Store, error) {
	c, err := configOf(opts)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{config: c, db: db, writes: pgschema.NewWrites(maxWrites), locked: pgschema.NewWrites(maxLocked),
		events: hub.New(subjectOf, accounts.ErrClosed), minCopied: copiedBy(db)}
	s.reads = pgschema.NewReads(db, &s.retry)
	s.ended, s.end = context.WithCancel(context.Background())
	s.watch.init(s)
	if err = s.reads.Detect(ctx); err == nil {
		err = s.check(ctx)
	}
	if err == nil {
		err = s.begin(ctx)
	}
	if err == nil {
		s.sql, err = pgschema.Read(ctx, s.reads, s.prepare)
	}
	if err != nil {
		return nil, fmt.Errorf("open store: %w", reason(ctx, err))
	}
	return s, nil
}

// check returns ErrSchema where the schema is not what this package works with.
func (s *Store) check(ctx context.Context) error {
	_, err := pgschema.Ask(ctx, s.reads, func(ctx context.Context, q querier) (_ struct{}, err error) {
		if err = s.schema.check(ctx, q); err == nil && s.projection {
			err = s.checkFillable(ctx, q)
		}
		return
	})
	return err
}

// Close ends Watch's channels and connection, and refuses further calls. Whoever reads, or waits
// for the lock of a journal, gets accounts.ErrClosed at once. Close waits up to ten seconds for
// writes that are under way, whether their callers wait for them or left, and for reads that the
// server has not ended. Then it closes the pool if Open made it, and with it the connections of
// what is under way still: the server is not told and may finish writes; who waits for one gets
// accounts.ErrOutcomeUnknown.
//
// A pool that was handed to New stays open. What is under way on it still ends with the server's
// answer, or when the pool's connections end, and Close returns an error:
// accounts.ErrOutcomeUnknown where that is a write. Close returns an error too where the server is
// silent, and leaves statements prepared.
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() {
		s.closed.Store(true)
		s.end()
		s.watch.close()
		s.events.Close()
		writes, reads := s.endCalls()
		switch {
		case writes == nil && reads == nil && s.owned == nil:
			err = pgschema.CloseStatements(s.db, s.patience, s.sql.close)
		case writes == nil && reads == nil:
			err = s.owned.CloseWithin(s.patience)
		case s.owned != nil:
			s.owned.Cut()
			_, reads = s.endCalls()
			_ = s.owned.Close() // it says that connections were cut
		}
		err = errors.Join(err, writes, reads)
	})
	return err
}

// endCalls ends reads, and waits for them and for the writes that are under way.
func (s *Store) endCalls() (writes, reads error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.patience)
	defer cancel()
	s.reads.Refuse()
	s.locked.Refuse()
	writes = errors.Join(s.writes.Close(ctx), s.locked.Close(ctx))
	return writes, s.reads.Close(ctx)
}

// Ping implements accounts.Store: it reads the schema's version from the server. ErrSchema when the
// schema was migrated or taken back since, and is not what this package works with any longer.
// ErrTimeline and ErrNotSynchronous where the server is not the one that it was; see
// RequireTimeline and RequireSynchronous.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	_, err := pgschema.Ask(ctx, s.reads, func(ctx context.Context, q querier) (struct{}, error) { return struct{}{}, s.schema.check(ctx, q) })
	if err == nil {
		err = s.recheck(ctx)
	}
	return s.failed(ctx, err, "ping")
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

// failed gives an error of the database's its context: what was to be done, and whether the caller
// or Close ended it. Of a write, the error says already whether that is known; see write.
func (s *Store) failed(ctx context.Context, err error, format string, args ...any) error {
	what := fmt.Sprintf(format, args...)
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil && s.closed.Load() && !errors.Is(err, accounts.ErrClosed):
		return fmt.Errorf("%s: %w: %w", what, accounts.ErrClosed, reason(ctx, err))
	}
	return fmt.Errorf("%s: %w", what, reason(ctx, err))
}

// querier is a pool, or a transaction where there is a pooler.
type querier = pgschema.Querier

// get reads one row; sql.ErrNoRows when there is none. statement is written for schema trading.
func get[T any](ctx context.Context, s *Store, statement string, args ...any) (T, error) {
	return pgschema.Get[T](ctx, s.reads, s.schema.in(statement), args...)
}

// list reads rows. statement is written for schema trading.
func list[T any](ctx context.Context, s *Store, statement string, args ...any) ([]T, error) {
	return pgschema.List[T](ctx, s.reads, s.schema.in(statement), args...)
}

// listOf is list for one of the prepared statements.
func listOf[T any](ctx context.Context, s *Store, st *statement, args ...any) ([]T, error) {
	if st.prepared == nil {
		return pgschema.List[T](ctx, s.reads, st.text, args...)
	}
	return pgschema.Reread(ctx, s.reads, func(ctx context.Context) (rows []T, err error) {
		err = st.prepared.SelectContext(ctx, &rows, args...)
		return rows, err
	})
}

func affectOn(ctx context.Context, q querier, statement string, args []any) (int64, error) {
	result, err := q.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// stored is a time as it is kept: cut off to whole microseconds, which the server would round, in
// UTC.
func stored(t time.Time) time.Time { return t.Truncate(time.Microsecond).UTC() }

// checkFillable returns ErrSchema when positions or trades have a column without which no row can
// be added, and which this package does not know.
func (s *Store) checkFillable(ctx context.Context, q querier) error {
	var columns []string
	err := sqlx.SelectContext(ctx, q, &columns, s.schema.in(`
		SELECT c.relname || '.' || a.attname
		FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
		WHERE a.attrelid IN ('trading.positions'::regclass, 'trading.trades'::regclass)
			AND a.attnum > 0 AND NOT a.attisdropped AND a.attnotnull AND NOT a.atthasdef AND a.attidentity = ''
			AND NOT (c.relname = 'positions' AND a.attname = ANY ('{user_id,symbol,position_type,side,quantity,entry_price}'))
		ORDER BY 1`))
	if err == nil && len(columns) > 0 {
		err = fmt.Errorf("%w: %v must not be null and have no default: give them one, or open the store WithoutProjection", ErrSchema, columns)
	}
	return err
}
