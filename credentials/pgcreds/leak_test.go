package pgcreds

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/pgtest"
)

const (
	timeLimit = time.Minute
	poll      = 5 * time.Millisecond
)

func serverLog(t testing.TB, s *pgtest.Server) []byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.Folder(), "log"))
	require.NoError(t, err, "read the server's log")
	return bytes.Clone(text)
}
