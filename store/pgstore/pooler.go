package pgstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/jmoiron/sqlx"
)

func openConnector(c driver.Connector) *sql.DB { return sql.OpenDB(c) }

// detectPooler reports whether the pool leads through a pooler that hands sessions out by
// transaction. Nothing tells so outright, but two connections that are open at the same time and turn
// out to be one session are proof, and so is one connection whose session changes.
func detectPooler(ctx context.Context, db *sqlx.DB) (pooled bool, err error) {
	n := 2
	if db.Stats().MaxOpenConnections == 1 {
		n = 1
	}
	conns := make([]*sql.Conn, 0, n)
	defer func() {
		for _, c := range conns {
			err = errors.Join(err, c.Close())
		}
	}()
	for range n {
		c, err := db.Conn(ctx)
		if err != nil {
			return false, err
		}
		conns = append(conns, c)
	}
	sessions := map[int]int{} // which connection each was
	for range 3 {
		for i, c := range conns {
			var pid int
			if err := c.QueryRowContext(ctx, `SELECT pg_backend_pid()`).Scan(&pid); err != nil {
				return false, err
			}
			if other, seen := sessions[pid]; seen && other != i {
				return true, nil
			}
			sessions[pid] = i
		}
	}
	return len(sessions) > n, nil
}
