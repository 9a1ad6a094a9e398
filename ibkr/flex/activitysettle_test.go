package flex

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An index option that is settled in cash: the activity statement tells it by exercises, or by the
// statement of funds.
func TestActivityCashSettledOption(t *testing.T) {
	const head = "Statement,Header,Field Name,Field Value\nStatement,Data,Period,\"January 1, 2025 - January 31, 2025\"\n" +
		"Account Information,Header,Field Name,Field Value\nAccount Information,Data,Account,U1234567\nAccount Information,Data,Base Currency,USD\n" +
		"Cash Report,Header,Currency Summary,Currency,Total\nCash Report,Data,Starting Cash,USD,0\nCash Report,Data,Ending Cash,USD,\"-3,751\"\n" +
		"Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,Basis,Realized P/L,Code\n" +
		"Trades,Data,Order,Equity and Index Options,USD,SPX 17JAN25 4300 P,\"2025-01-06, 10:00:00\",-1,12.5,\"1,250\",-1,\"-1,249\",0,O\n" +
		"Trades,Data,Order,Equity and Index Options,USD,SPX 17JAN25 4300 P,\"2025-01-17, 16:20:00\",1,0,0,0,\"1,249\",0,A;C\n" +
		"Trades,Data,ClosedLot,Equity and Index Options,USD,SPX 17JAN25 4300 P,2025-01-06,-1,12.49,,,\"-1,249\",0,\n" +
		"Financial Instrument Information,Header,Asset Category,Symbol,Description,Conid,Underlying,Multiplier,Expiry,Type,Strike,Code\n" +
		"Financial Instrument Information,Data,Equity and Index Options,SPX 17JAN25 4300 P,SPX 17JAN25 4300 P,601,SPX,100,2025-01-17,P,4300,\n"
	const exercises = "\"Option Exercises, Assignments and Expirations\",Header,Asset Category,Currency,Symbol,Date,Transaction Type,Quantity,Trade Price,Proceeds,Comm/Tax,Realized P/L\n" +
		"\"Option Exercises, Assignments and Expirations\",Data,Equity and Index Options,USD,SPX 17JAN25 4300 P,2025-01-17,Assignment,1,0,0,0,0\n" +
		"\"Option Exercises, Assignments and Expirations\",Data,Equity and Index Options,USD,SPX 17JAN25 4300 P,2025-01-17,Cash Settlement,0,0,\"-5,000\",0,\"-3,751\"\n"
	const line = "Option Cash Settlement for: Assignment ( SPX 17JAN25 4300 P )"
	const funds = "Statement of Funds,Header,Currency,Report Date,Activity Date,Description,Debit,Credit,Balance\n" +
		"Statement of Funds,Data,USD,2025-01-17,2025-01-17," + line + ",\"-5,000\",,\"-3,751\"\n" +
		"Statement of Funds,Data,Base Currency Summary,2025-01-17,2025-01-17," + line + ",\"-5,000\",,\"-3,751\"\n" +
		"Statement of Funds,Data,USD,2025-01-06,2025-01-06,Buy something else,,100,1\n"
	for name, file := range map[string]string{
		"by exercises": head + exercises, "by the statement of funds": head + funds, "by both": head + exercises + funds,
		"with a debit that has no sign": head + strings.ReplaceAll(funds, `"-5,000"`, `"5,000"`),
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "USD")
			plans := importInto(t, p, file)
			require.Equal(t, []string{"order-row-20250117212000-601-SPX   250117P04300000-1-0 closes 1 for -3751"}, outcome(t, p, plans)[:1])
			require.Empty(t, Unread(plans[0].Issues))
			cash := p.Cash()["USD"]
			require.Equal(t, "-3751", cash.Balance().String())
			r, err := p.Reconcile(t.Context(), plans[0].Broker)
			require.NoError(t, err)
			require.Empty(t, r.Breaks)
		})
	}
	p := fresh(t, "USD")
	plans := importInto(t, p, head)
	require.NotEmpty(t, Unread(plans[0].Issues), "without either section the settlement is said to be missing")
}

// The same told by the summary in base currency alone: booked in the option's currency at the
// statement's rate, or not at all.
func TestActivityCashSettledInBaseCurrency(t *testing.T) {
	const head = "Statement,Header,Field Name,Field Value\nStatement,Data,Period,\"January 1, 2025 - January 31, 2025\"\n" +
		"Account Information,Header,Field Name,Field Value\nAccount Information,Data,Account,U1234567\nAccount Information,Data,Base Currency,EUR\n" +
		"Trades,Header,DataDiscriminator,Asset Category,Currency,Symbol,Date/Time,Quantity,T. Price,Proceeds,Comm/Fee,Basis,Realized P/L,Code\n" +
		"Trades,Data,Order,Equity and Index Options,USD,SPX 17JAN25 4300 P,\"2025-01-06, 10:00:00\",-1,12.5,\"1,250\",-1,\"-1,249\",0,O\n" +
		"Trades,Data,Order,Equity and Index Options,USD,SPX 17JAN25 4300 P,\"2025-01-17, 16:20:00\",1,0,0,0,\"1,249\",0,A;C\n" +
		"Financial Instrument Information,Header,Asset Category,Symbol,Description,Conid,Underlying,Multiplier,Expiry,Type,Strike,Code\n" +
		"Financial Instrument Information,Data,Equity and Index Options,SPX 17JAN25 4300 P,SPX 17JAN25 4300 P,601,SPX,100,2025-01-17,P,4300,\n" +
		"Statement of Funds,Header,Currency,Report Date,Activity Date,Description,Debit,Credit,Balance\n"
	const line = ",2025-01-17,2025-01-17,Option Cash Settlement for: Assignment ( SPX 17JAN25 4300 P ),"
	const summary = "Statement of Funds,Data,Base Currency Summary" + line + "\"-4,800\",,\"-3,751\"\n"
	const dollars = "Statement of Funds,Data,USD" + line + "\"-5,000\",,\"-3,751\"\n"
	rate := func(usd string) string {
		return "Base Currency Exchange Rate,Header,Currency,Rate\nBase Currency Exchange Rate,Data,USD," + usd + "\n"
	}
	for name, tc := range map[string]struct {
		file, cash, issue string
		unread            int
	}{
		"at the statement's rate":   {summary + rate("0.96"), "-3751", "-4800 EUR of SPX   250117P04300000, a contract in USD, are booked as -5000 USD", 0},
		"to the nearest cent":       {summary + rate("0.9"), "-4084.33", "are booked as -5333.33 USD", 0},
		"beside rows in dollars":    {summary + dollars + rate("0.9"), "-3751", "", 0},
		"without a rate":            {summary, "1249", "the statement has no rate from EUR to USD", 2},
		"at a rate that cannot be":  {summary + rate("-1"), "1249", "the statement has no rate from EUR to USD", 2},
		"at a rate that is no rate": {summary + rate("none"), "1249", "the statement has no rate from EUR to USD", 2},
	} {
		t.Run(name, func(t *testing.T) {
			p := fresh(t, "EUR")
			plan := importInto(t, p, head+tc.file)[0]
			cash := p.Cash()["USD"]
			require.Equal(t, tc.cash, cash.Balance().String(), "cash in the option's currency")
			require.Len(t, p.Cash(), 1, "no cash in another currency")
			require.Contains(t, textOf(plan.Issues), tc.issue)
			unread := 0
			for _, rows := range Unread(plan.Issues) {
				unread += rows
			}
			require.Equal(t, tc.unread, unread, "rows that are not booked: %s", textOf(plan.Issues))
			seq := p.Seq()
			importInto(t, p, head+tc.file)
			require.Equal(t, seq, p.Seq(), "importing it again must add nothing")
		})
	}
}
