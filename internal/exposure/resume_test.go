package exposure_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/ledger"
)

// Who resumes is told which mark is missing, also where only an order works in the contract.
func TestResumeNamesTheContractOfAWorkingOrder(t *testing.T) {
	d := desktest.NewDesk(t, nil)
	d.Mark(t, desktest.XYZ, "100")
	d.Hold(t, desktest.XYZ, "1", "100")
	require.NoError(t, d.Portfolio.Halt(t.Context(), "stop"))
	d.Restart(t) // marks are gone
	err := d.Portfolio.Resume(t.Context(), "go on")
	var missing *accounts.MissingError
	require.ErrorAs(t, err, &missing)
	require.Equal(t, []ledger.InstrumentKey{desktest.XYZ.Key()}, missing.Marks, "what to mark")
	d.Mark(t, desktest.XYZ, "100")
	require.NoError(t, d.Portfolio.Resume(t.Context(), "go on"))
}
