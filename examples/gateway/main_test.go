package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
	"github.com/ai-ots/accounts/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestDay: every book is the gateway's account at the end of the day, whatever the prices are.
func TestDay(t *testing.T) {
	for _, seed := range []string{"7", "8"} {
		var out bytes.Buffer
		require.NoError(t, run(t.Context(), []string{"-seed", seed}, &out), "%s", &out)
		require.Contains(t, out.String(), "1 answers were lost, 0 questions are open")
		require.NotContains(t, out.String(), "DIFFERENT")
	}
}

// TestLook: a gateway that is looked at gets no order.
func TestLook(t *testing.T) {
	g, err := gatewaysim.New(gatewaysim.Config{Live: true, Pacing: gatewaysim.Pacing{Off: true},
		Accounts: []gatewaysim.Account{{ID: "U1000001", Cash: ledger.MustDecimal("1234.5")}}})
	require.NoError(t, err)
	require.NoError(t, g.Start())
	t.Cleanup(func() { require.NoError(t, g.Close()) })
	var out bytes.Buffer
	require.NoError(t, run(t.Context(), []string{"-url", g.URL(), "-fingerprint", g.Fingerprint()}, &out))
	require.Contains(t, out.String(), "not looked at without -live")
	out.Reset()
	require.NoError(t, run(t.Context(), []string{"-live", "-url", g.URL(), "-fingerprint", g.Fingerprint()}, &out))
	require.Contains(t, out.String(), "1234.50 USD")
	for _, r := range g.Requests() {
		require.NotEqual(t, gatewaysim.RoutePlace, r.Route)
	}
}
