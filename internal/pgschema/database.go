package pgschema

import (
	"database/sql"
	"errors"

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
