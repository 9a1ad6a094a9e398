package pgschema

import (
	"context"
	"database/sql"
	"errors"
	"net"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
)

// Database is what leads to a database: a data source name, or a pool of connections.
type Database interface{ string | *sql.DB | *sqlx.DB }

// With gives f a pool: the caller's as it is, or one of its own on a data source name, which is
// closed when f returns. ErrDSN for a data source name that cannot be read.
func With[D Database](db D, f func(*sqlx.DB) error) (err error) {
	switch db := any(db).(type) {
	case *sqlx.DB:
		return f(db)
	case *sql.DB:
		return f(sqlx.NewDb(db, "postgres"))
	}
	pool, err := Open(any(db).(string)) // D is nothing else
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pool.Close()) }()
	return f(pool)
}

// Pool is a pool of lib/pq's whose connections can be cut while they are in use.
type Pool struct {
	*sqlx.DB
	dialer
}

// OpenPool is Open for a pool that can be cut.
func OpenPool(dsn string) (*Pool, error) {
	connector, err := pq.NewConnector(dsn)
	if err != nil {
		return nil, ErrDSN // the parser's error may hold the password
	}
	p := &Pool{dialer: dialer{conns: map[*dialed]struct{}{}}}
	p.ctx, p.end = context.WithCancel(context.Background())
	connector.Dialer(&p.dialer)
	p.DB = sqlx.NewDb(sql.OpenDB(connector), "postgres")
	return p, nil
}

// dialer remembers the connections that it made, until it is cut.
type dialer struct {
	net.Dialer
	ctx   context.Context // ended by Cut
	end   context.CancelFunc
	mu    sync.Mutex
	conns map[*dialed]struct{}
}

// dialed is a connection that its dialer forgets when it is closed.
type dialed struct {
	net.Conn
	from *dialer
}

// Dial implements pq.Dialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

// DialTimeout implements pq.Dialer.
func (d *dialer) DialTimeout(network, address string, timeout time.Duration) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return d.DialContext(ctx, network, address)
}

// DialContext implements pq.DialerContext.
func (d *dialer) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(d.ctx, cancel)()
	conn, err := d.Dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx.Err() != nil {
		_ = conn.Close()
		return nil, net.ErrClosed
	}
	c := &dialed{conn, d}
	d.conns[c] = struct{}{}
	return c, nil
}

// Close implements net.Conn.
func (c *dialed) Close() error {
	c.from.mu.Lock()
	delete(c.from.conns, c)
	c.from.mu.Unlock()
	return c.Conn.Close()
}

// Cut closes every connection, makes no more, and tells the server nothing: whoever uses one finds
// it lost, and what runs on the server goes on.
func (d *dialer) Cut() {
	d.end()
	d.mu.Lock()
	defer d.mu.Unlock()
	for c := range d.conns {
		_ = c.Conn.Close()
	}
}

// Open returns a pool of lib/pq's. It connects to nothing yet. ErrDSN for a data source name that
// cannot be read.
func Open(dsn string) (*sqlx.DB, error) {
	config, err := Config(dsn)
	if err != nil {
		return nil, err
	}
	connector, err := pq.NewConnectorConfig(config)
	if err != nil {
		return nil, ErrDSN
	}
	return sqlx.NewDb(sql.OpenDB(connector), "postgres"), nil
}
