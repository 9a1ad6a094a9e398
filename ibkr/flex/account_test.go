package flex

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A row that names nobody belongs to the statement that it stands in, and so does one whose id is masked
// and may be the statement's.
func TestAccountsOfRows(t *testing.T) {
	for _, c := range []struct {
		row, statement string
		same           bool
	}{
		{"U1234567", "U1234567", true}, {"U1234567F", "U1234567", true}, {"-", "U1234567", true}, {"", "U1234567", true},
		{"U***4567", "U1234567", true}, {"U1234567", "U***4567", true}, {"U*******", "U1234567", true}, {"U***4567", "U***4567", true},
		{"U7654321", "U1234567", false}, {"U***4321", "U1234567", false}, {"DU***567", "U1234567", false}, {"U***4321", "U***4567", false},
	} {
		file := strings.Replace(trades(trade(`accountId="`+c.row+`" acctAlias="-"`)), `<FlexStatement accountId="U1234567"`, `<FlexStatement accountId="`+c.statement+`"`, 1)
		all, err := ReadAll(strings.NewReader(file))
		if !c.same {
			require.ErrorIs(t, err, ErrFormat, "%s in %s", c.row, c.statement)
			continue
		}
		require.NoError(t, err, "%s in %s", c.row, c.statement)
		require.Len(t, all[0].Trades, 1)
		require.Empty(t, all[0].Alias, "a dash is no alias")
		if c.row == "U1234567" {
			require.Equal(t, c.row, all[0].AccountID, "the whole id is told")
		}
	}
}
