package flex

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/ledger"
)

// Sections beside the cash transactions charge, unless another row tells the same.
func TestCharges(t *testing.T) {
	cash := func(amount, tx, kind string) string {
		return `<CashTransactions><CashTransaction currency="USD" dateTime="20250107;202000" amount="` + amount + `" type="` + kind + `" transactionID="` + tx + `"/></CashTransactions>`
	}
	const (
		cfd      = `<CFDCharges><CFDCharge currency="USD" date="20250107" activityDescription="CFD BORROW FEE" transactionID="31" received="0" paid="-2.50" total="-2.50"/></CFDCharges>`
		tax      = `<TransactionTaxes><TransactionTax currency="USD" symbol="NU" conid="1" date="20250107" taxDescription="STAMP" taxAmount="-5" tradeId="7"/></TransactionTaxes>`
		client   = `<ClientFees><ClientFee currency="USD" date="20250107" net="-1,250" description="MANAGEMENT"/></ClientFees>`
		card     = `<DebitCardActivities><DebitCardActivity currency="USD" postingDateTime="20250107" amount="-9" merchantNameLocation="SHOP"/></DebitCardActivities>`
		in       = `<Transfers><Transfer currency="USD" assetCategory="CASH" date="20250107" direction="IN" cashTransfer="100" transactionID="32" symbol="--"/></Transfers>`
		out      = `<Transfers><Transfer currency="USD" assetCategory="CASH" date="20250107" direction="OUT" cashTransfer="100" transactionID="32"/></Transfers>`
		quantity = `<Transfers><Transfer currency="USD" assetCategory="CASH" date="20250107" direction="OUT" cashTransfer="0" quantity="100"/></Transfers>`
		unsigned = `<Transfers><Transfer currency="USD" assetCategory="CASH" date="20250107" cashTransfer="-100"/></Transfers>`
	)
	for name, c := range map[string]struct {
		sections string
		want     []string // kind and amount
	}{
		"CFD charge":                     {cfd, []string{"fee -2.5"}},
		"told by a cash row":             {cash("-2.5", "31", "Other Fees") + cfd, []string{"fee -2.5"}},
		"another of the same amount":     {cash("-2.5", "30", "Other Fees") + cfd, []string{"fee -2.5", "fee -2.5"}},
		"transaction tax":                {tax, []string{"tax -5"}},
		"tax that the trade has":         {`<Trades>` + trade(`taxes="-5"`) + `</Trades>` + tax, nil},
		"tax that another trade has":     {`<Trades>` + trade(`tradeID="8" taxes="-5"`) + `</Trades>` + tax, []string{"tax -5"}},
		"client fee":                     {client, []string{"fee -1250"}},
		"debit card":                     {card, []string{"withdrawal -9"}},
		"transfer in":                    {in, []string{"deposit 100"}},
		"transfer out":                   {out, []string{"withdrawal -100"}},
		"transfer by its quantity":       {quantity, []string{"withdrawal -100"}},
		"transfer without direction":     {unsigned, []string{"withdrawal -100"}},
		"transfer told by a cash row":    {cash("100", "9", "Deposits/Withdrawals") + in, []string{"deposit 100"}},
		"transfer beside another amount": {cash("99", "32", "Deposits/Withdrawals") + in, []string{"deposit 99", "deposit 100"}},
		"twice, told once": {cash("100", "9", "Deposits/Withdrawals") + in + unsigned + unsigned + strings.ReplaceAll(in, `"32"`, `"33"`),
			[]string{"deposit 100", "withdrawal -100", "withdrawal -100", "deposit 100"}},
	} {
		st := read(t, doc(c.sections))
		require.Empty(t, st.Issues, name)
		var got []string
		for _, m := range st.Cash {
			got = append(got, string(m.Kind)+" "+m.Amount.String())
		}
		require.Equal(t, c.want, got, name)
	}
}

// Fees that accrue by the day are charged by cash transactions: without those, they are not read,
// and said to be.
func TestAccruedFees(t *testing.T) {
	const fees = `<SLBFees><SLBFee currency="USD" valueDate="20250107" fee="-1"/><SLBFee/></SLBFees><HardToBorrowDetails><HardToBorrowDetail/></HardToBorrowDetails>`
	st := read(t, doc(fees))
	require.Len(t, st.Issues, 1)
	require.True(t, st.Issues[0].Unread)
	require.Equal(t, 3, st.Issues[0].Rows)
	require.Empty(t, read(t, doc(fees+`<CashTransactions></CashTransactions>`)).Issues)
}

// What of a side section cannot be read does not keep the rest out, but is told and counted.
func TestUnreadableSideRows(t *testing.T) {
	st := read(t, doc(`<Trades>`+trade(``)+`</Trades><Transfers><Transfer currency="USD" symbol="NU" quantity="x" date="20250107"/><Transfer currency="USD" symbol="NU" quantity="1"/></Transfers>`+
		`<CFDCharges><CFDCharge currency="USD"/></CFDCharges>`))
	require.Equal(t, 1, st.Trades.Len())
	require.Len(t, st.Issues, 3)
	for _, i := range st.Issues {
		require.True(t, i.Unread, i.Text)
	}
	require.Contains(t, st.Issues[0].Text, "quantity")
}

// What a charge costs and a transfer brings is in the cash, once, however often it is imported.
func TestChargesAreBooked(t *testing.T) {
	p := freshFor(t, "U1234567", "USD")
	const charge = `<CFDCharge currency="USD" date="20250107" transactionID="1" total="-2.50"/>`
	const moved = `<Transfer currency="USD" assetCategory="CASH" dateTime="20250108;120000" direction="IN" cashTransfer="1,000" transactionID="1"/>`
	importInto(t, p, january(charge, moved), january(charge, moved))
	cash := p.Cash()["USD"]
	require.Equal(t, "1000", cash.Capital.String())
	require.Equal(t, "-2.5", cash.Fees.String())
	require.Equal(t, ledger.Decimal{}.String(), cash.Other.String())
}
