package python

import (
	"encoding/json"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/examples/internal/servicetest"
)

// TestDay runs day.py against the service, where Python is there.
func TestDay(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("left out: there is no python3")
	}
	cmd := exec.CommandContext(t.Context(), python, "-B", "day.py", servicetest.Start(t), servicetest.Profile, servicetest.Symbol)
	out, err := cmd.Output()
	require.NoError(t, err, "the day failed")
	var day struct {
		Bought, Sold string
		Prices       []string
		Realized     []string
		Again        struct {
			OrderID string `json:"order_id"`
			Repeat  bool
		}
		Refused, Halted struct {
			Status int
			Rules  []string
		}
	}
	require.NoError(t, json.Unmarshal(out, &day), "%s", out)
	require.NotEmpty(t, day.Prices)
	require.Equal(t, day.Bought, day.Again.OrderID, "an order sent again is another one")
	require.True(t, day.Again.Repeat)
	require.Equal(t, 422, day.Refused.Status)
	require.Contains(t, day.Refused.Rules, "order_quantity")
	require.Equal(t, 422, day.Halted.Status)
	require.Equal(t, []string{"trading_state"}, day.Halted.Rules)
	require.NotEmpty(t, day.Realized, "the sale realized nothing")
}
