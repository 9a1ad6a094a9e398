package typescript

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/examples/internal/servicetest"
)

// required says that Node must be there.
const required = "ACCOUNTS_REQUIRE_NODE"

// TestDay makes the types of the service's description, compiles day.ts with them under strict, and runs it.
func TestDay(t *testing.T) {
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			const missing = "a generated client needs node and npm: run `make node`, which installs them where it can"
			if os.Getenv(required) == "" {
				t.Skip("left out: " + missing)
			}
			t.Fatal(missing)
		}
	}
	dir, address := t.TempDir(), servicetest.Start(t)
	for _, name := range []string{"package.json", "package-lock.json", "tsconfig.json", "day.ts"} {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), text, 0o600))
	}
	fetch(t, address+"/api/v1/openapi.json", filepath.Join(dir, "openapi.json"))
	run := func(name string, args ...string) []byte {
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		out, err := cmd.Output()
		require.NoError(t, err, "%s %v: %s", name, args, out)
		return out
	}
	run("npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")
	run("npm", "run", "build")
	out := run("node", "out/day.js", address, servicetest.Profile, servicetest.Symbol)

	type refusal struct {
		Status int
		Rules  []string
	}
	type order struct {
		Order  string
		Repeat bool
		Prices []string
	}
	var day struct {
		Profile             string
		Allowed             bool
		Bought, Again, Sold order
		Refused, Halted     refusal
		Signal              int
		Realized, Standings []string
	}
	require.NoError(t, json.Unmarshal(out, &day), "%s", out)
	require.Equal(t, servicetest.Profile, day.Profile)
	require.True(t, day.Allowed)
	require.NotEmpty(t, day.Bought.Prices)
	require.False(t, day.Bought.Repeat)
	require.Equal(t, order{Order: day.Bought.Order, Repeat: true}, day.Again, "an order sent again is another one")
	require.Equal(t, 422, day.Refused.Status)
	require.Contains(t, day.Refused.Rules, "order_quantity")
	require.Equal(t, refusal{422, []string{"trading_state"}}, day.Halted)
	require.NotEmpty(t, day.Realized, "the sale realized nothing")
	require.Len(t, day.Standings, 4, "all accounts are compared")
	require.Equal(t, 4, day.Signal, "a signal goes to all accounts")
}

// fetch saves what is at an address.
func fetch(t *testing.T, address, file string) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, address, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	require.Equal(t, http.StatusOK, res.StatusCode)
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, text, 0o600))
}
