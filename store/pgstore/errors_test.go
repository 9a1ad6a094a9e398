package pgstore

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// TestNoErrorQuotesTheDataSourceName: lib/pq reads it when it connects first, and a URL that it cannot
// read is in its error, password and all.
func TestNoErrorQuotesTheDataSourceName(t *testing.T) {
	const dsn = "postgres://me:s3cret@127.0.0.1:port/db"
	db := open(t, "postgres", dsn)
	_, errOpen := Open(t.Context(), dsn)
	_, errNew := New(t.Context(), db)
	_, errStatus := Status(t.Context(), db)
	for what, err := range map[string]error{
		"Open": errOpen, "New": errNew, "Status": errStatus,
		"Migrate": Migrate(t.Context(), db), "Rollback": Rollback(t.Context(), db, 0),
	} {
		require.ErrorIs(t, err, accounts.ErrInvalid, "%s took a data source name that cannot be read", what)
		require.NotContains(t, err.Error(), "s3cret", "%s tells the password", what)
	}
}
