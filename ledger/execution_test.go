package ledger_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

func TestCorrectionNumbers(t *testing.T) {
	for id, want := range map[ledger.ExecID]string{
		"0000d514.5159662d.01.02": "0000d514.5159662d.01 2",
		"a.b.c.10":                "a.b.c 10",
		"fill.20260105.01":        "fill.20260105.01 0",
		"a.b.c.d.01":              "a.b.c.d.01 0",
		"a.b.c.1":                 "a.b.c.1 0",
		"a.b.c.x1":                "a.b.c.x1 0",
		"a..c.01":                 "a..c.01 0",
		".b.c.01":                 ".b.c.01 0",
		"a.b-c.d.01":              "a.b-c.d.01 0",
		"tx-1000040":              "tx-1000040 0",
		"":                        " 0",
	} {
		root, number := id.Correction()
		require.Equal(t, want, fmt.Sprint(root, " ", number), "of %q", id)
	}
}
