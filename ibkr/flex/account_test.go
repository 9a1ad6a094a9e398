package flex

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A row that names nobody belongs to the statement that it stands in, and so does one whose id is
// masked and may be the statement's.
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
		require.Equal(t, 1, all[0].Trades.Len())
		require.Empty(t, all[0].Alias, "a dash is no alias")
		if c.row == "U1234567" {
			require.Equal(t, c.row, all[0].AccountID, "the whole id is told")
		}
	}
}

// Rows of a CSV file without records of accounts belong to its only account. Among several,
// summaries of rows that name theirs count for nothing, and anything else has no owner.
func TestRowsWithoutAccountInCSV(t *testing.T) {
	const cash = "ClientAccountID,CurrencyPrimary,Date/Time,Amount,Type,TransactionID,LevelOfDetail\n"
	detail := func(account, id string) string {
		return account + ",USD,20250110,24," + "Dividends," + id + ",DETAIL\n"
	}
	const summary = "-,USD,20250110,24,Dividends,,SUMMARY\n"
	for name, c := range map[string]struct {
		file     string
		accounts []string // nil: refused
		rows     int      // of the first
	}{
		"one account":               {cash + detail("U1", "1") + summary, []string{"U1"}, 1},
		"summary first":             {cash + summary + detail("U1", "1"), []string{"U1"}, 1},
		"nobody at first":           {cash + detail("", "1") + detail("U1", "2"), []string{"U1"}, 2},
		"another section":           {cash + detail("U1", "1") + "CurrencyPrimary,Symbol,Quantity,MarkPrice,CostBasisMoney\nUSD,NU,5,12,50\n", []string{"U1"}, 1},
		"no account at all":         {"CurrencyPrimary,Date/Time,Amount,Type,TransactionID\nUSD,20250110,24,Dividends,1\n", []string{""}, 1},
		"summaries beside accounts": {cash + detail("U1", "1") + detail("U2", "2") + summary, []string{"U1", "U2"}, 1},
		"nobody among accounts":     {cash + detail("U1", "1") + detail("U2", "2") + detail("-", "3"), nil, 0},
		"summaries of nobody":       {cash + "U1,USD,20250110,24,Dividends,,SUMMARY\nU2,USD,20250110,24,Dividends,,SUMMARY\n" + summary, nil, 0},
	} {
		all, err := ReadAll(strings.NewReader(c.file))
		if c.accounts == nil {
			require.ErrorIs(t, err, ErrFormat, name)
			require.ErrorContains(t, err, "add the column to the query", name)
			continue
		}
		require.NoError(t, err, name)
		var accounts []string
		for _, st := range all {
			accounts = append(accounts, st.AccountID)
		}
		require.Equal(t, c.accounts, accounts, name)
		require.Len(t, all[0].Cash, c.rows, name)
		if name == "another section" {
			require.Len(t, all[0].Positions, 1)
		}
	}
}

func TestStatementOf(t *testing.T) {
	for id, want := range map[string]bool{"": true, "U1234567": true, "U1234567F": true, "U***4567": true, "U7654321": false, "U***4321": false} {
		require.Equal(t, want, (&Statement{AccountID: id}).Of("U1234567"), id)
	}
	require.True(t, (&Statement{AccountID: "U***4567"}).Masked())
	require.False(t, (&Statement{AccountID: "U1234567"}).Masked())
}
