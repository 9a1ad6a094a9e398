package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/pgtest"
)

// What is printed does not depend on where the journals are.
func TestOnPostgreSQL(t *testing.T) {
	dsn := pgtest.Database(t)
	for schema, args := range map[string][]string{"tables": nil, "document": {"-json"}} {
		got := statements(t, append([]string{"-dsn", dsn, "-schema", schema}, args...)...)
		require.Equal(t, statements(t, args...), got, "%s: not what is printed from memory", schema)
	}
	again := statements(t, "-dsn", dsn, "-schema", "tables")
	require.Equal(t, exitUnreadable, again.code, "a second run went among the first one's profiles")
	require.Empty(t, again.stdout)
	requireOneLine(t, again.stderr, "tables", "-schema")
}

func TestUnreachableServer(t *testing.T) {
	for _, dsn := range []string{
		"postgres://user:s3cret@localhost:1/none?sslmode=disable&connect_timeout=2",
		"host=localhost port=1 user=user password=s3cret sslmode=disable connect_timeout=2",
		"postgres://user:s3cret@local host/", "host='s3cret",
	} {
		got := statements(t, "-dsn", dsn)
		require.Equal(t, exitUnreadable, got.code)
		require.Empty(t, got.stdout)
		requireOneLine(t, got.stderr, "-dsn")
		require.NotContains(t, got.stderr, "s3cret", "a password is printed")
	}
}
