package httpapi

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// aStatement is what a Flex query gives for an account that bought and sold in one week.
const aStatement = `<FlexQueryResponse queryName="week" type="AF"><FlexStatements count="1">
<FlexStatement accountId="DU1000050" fromDate="20250512" toDate="20250516" whenGenerated="20250517;060000">
<OpenPositions>
<OpenPosition currency="USD" assetCategory="STK" symbol="XYZ" conid="77" position="15" markPrice="46" costBasisMoney="600.75" levelOfDetail="SUMMARY" />
</OpenPositions>
<Trades>
<Trade currency="USD" assetCategory="STK" symbol="XYZ" conid="77" dateTime="20250515;103000" quantity="-5" tradePrice="44" ibCommission="-1" openCloseIndicator="C" cost="-200.25" fifoPnlRealized="18.75" transactionID="1002" />
<Trade currency="USD" assetCategory="STK" symbol="XYZ" conid="77" dateTime="20250514;103000" quantity="20" tradePrice="40" ibCommission="-1" openCloseIndicator="O" cost="801" fifoPnlRealized="0" transactionID="1001" />
</Trades>
</FlexStatement>
</FlexStatements></FlexQueryResponse>`

func TestStatements(t *testing.T) {
	r := newRig(t, func(c *Config) { c.MaxStatement = 10000 })
	var p accounts.AccountProfile
	r.call("ann", "POST", "/profiles", aBalanced).want(t, 201, &p)
	at := "/profiles/" + string(p.ID) + "/statements"
	up := func(query, body string) response {
		return r.call("ann", "POST", at+query, body, "Content-Type", "application/xml")
	}
	var list statementList
	up("?dry_run=true", aStatement).want(t, 200, &list)
	require.Equal(t, 2, list.Statements[0].Facts)
	require.False(t, list.Statements[0].Imported)
	require.Empty(t, r.portfolio("ann", p.ID).Positions(), "a dry run changes nothing")
	up("", aStatement).want(t, 200, &list)
	require.True(t, list.Statements[0].Imported)
	require.Equal(t, 2, list.Statements[0].Facts)
	require.Empty(t, list.Statements[0].Breaks)
	require.NotZero(t, list.Statements[0].Compared)
	require.Zero(t, list.Statements[0].Tolerated)
	up("", aStatement).want(t, 200, &list)
	require.Zero(t, list.Statements[0].Facts, "importing again changes nothing")

	up("", strings.ReplaceAll(aStatement, "DU1000050", "DU1999999")).want(t, 200, &list)
	require.False(t, list.Statements[0].Ours || list.Statements[0].Imported, "a statement of another account is left alone")
	up("", strings.Replace(aStatement, `costBasisMoney="600.75"`, `costBasisMoney="700"`, 1)).want(t, 200, &list)
	require.NotEmpty(t, list.Statements[0].Breaks, "a difference is a break")
	require.Zero(t, list.Statements[0].Tolerated)
	up("", strings.Replace(aStatement, `costBasisMoney="600.75"`, `costBasisMoney="600.74"`, 1)).want(t, 200, &list)
	require.Empty(t, list.Statements[0].Breaks, "a cent is no break")
	require.Equal(t, 1, list.Statements[0].Tolerated)
	require.Equal(t, "0.01", list.Statements[0].Largest.String())
	problem := up("", aStatement[:800]).problem(t, CodeUnreadable)
	require.Contains(t, problem.Detail, "Line 8")
	for _, bad := range []string{"", "nonsense", "<a/>", "a,b\n1,2\n", `<FlexQueryResponse><FlexStatements/></FlexQueryResponse>`} {
		up("", bad).problem(t, CodeUnreadable)
	}
	up("", strings.Replace(aStatement, "<Trades>", "<!--"+strings.Repeat("x", 10001)+"--><Trades>", 1)).problem(t, CodeTooLarge)
	r.call("ann", "POST", at, aStatement).problem(t, CodeNotAcceptable)
}

// A statement that contradicts what the book has is a conflict, and changes nothing.
func TestStatementsThatContradict(t *testing.T) {
	r := newRig(t)
	var p accounts.AccountProfile
	r.call("ann", "POST", "/profiles", aBalanced).want(t, 201, &p)
	up := func(query, body string) response {
		return r.call("ann", "POST", "/profiles/"+string(p.ID)+"/statements"+query, body, "Content-Type", "application/xml")
	}
	var list statementList
	up("", aStatement).want(t, 200, &list)
	orders := strings.ReplaceAll(aStatement, `transactionID="100`, `levelOfDetail="ORDER" ibOrderID="7`)
	euros := strings.Replace(aStatement, "<Trades>", `<AccountInformation currency="EUR"/><CashTransactions><CashTransaction currency="GBP" amount="5" `+
		`fxRateToBase="1.17" type="Dividends" dateTime="20250515" transactionID="9"/></CashTransactions><Trades>`, 1)
	older := strings.NewReplacer(`fromDate="20250512" toDate="20250516"`, `fromDate="20250505" toDate="20250509"`,
		`dateTime="20250514`, `dateTime="20250505`, `dateTime="20250515`, `dateTime="20250506`, `position="15"`, `position="25"`,
		`transactionID="100`, `transactionID="90`).Replace(aStatement)
	for _, c := range []struct {
		name, body, detail string
		code               Code
	}{
		{"orders of what the book has by executions", orders, "another form", CodeLevels},
		{"of before what the book knows", older, "order of their periods", CodeOutOfOrder},
		{"with rates to another currency", euros, "another base currency", CodeInvalid},
	} {
		for _, query := range []string{"", "?dry_run=true"} {
			require.Contains(t, up(query, c.body).problem(t, c.code).Detail, c.detail, c.name)
		}
	}
	up("", aStatement).want(t, 200, &list)
	require.Zero(t, list.Statements[0].Facts, "nothing was taken back or added")
}

func TestCredentials(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	at := "/profiles/" + string(p.ID) + "/credentials"
	r.call("ann", "PUT", at+"/gateway_login", `{"username":"trader","password":"hunter2hunter2","mode":"paper"}`).want(t, 204)
	r.call("ann", "PUT", at+"/flex", `{"flex_token":"123456789","flex_query_id":"77"}`).want(t, 204)
	r.call("ann", "PUT", at+"/flex", `{"flex_token":"hunter2hunter2","flex_query_id":"x"}`).problem(t, CodeInvalid)
	a := r.call("ann", "PUT", at+"/oauth_1.0a", `{"consumer_key":"hunter2hunter2","access_token":"t"}`)
	problem := a.problem(t, CodeInvalid)
	require.Contains(t, problem.fields(), "dh_prime invalid")
	require.NotContains(t, a.text, "hunter2", "no answer has a secret")
	require.Equal(t, []string{"username unknown"}, r.call("ann", "PUT", at+"/gateway_session", `{"username":"trader"}`).problem(t, CodeInvalid).fields())
	r.call("ann", "PUT", at+"/nothing", `{}`).problem(t, CodeInvalid)
	var list credentialList
	a = r.call("ann", "GET", at, nil).want(t, 200, &list)
	require.Len(t, list.Credentials, 2)
	require.False(t, list.Credentials[0].Set.IsZero())
	require.NotContains(t, a.text, "hunter2")
	require.NotContains(t, r.log.String(), "hunter2")
	r.call("ann", "DELETE", at+"/flex", nil).want(t, 204)
	r.call("ann", "DELETE", at+"/flex", nil).want(t, 204)
	r.call("ann", "GET", at, nil).want(t, 200, &list)
	require.Len(t, list.Credentials, 1)
}

func TestCompare(t *testing.T) {
	r := newRig(t)
	a, b := r.profile("ann", "A", "DU1000001"), r.profile("ann", "B", "DU1000002")
	var c comparison
	r.call("ann", "GET", "/comparison?profiles="+string(b.ID)+","+string(a.ID), nil).want(t, 200, &c)
	require.Equal(t, []string{"B", "A"}, []string{c.Standings[0].Name, c.Standings[1].Name})
	require.NotNil(t, c.Standings[0].Performance)
	require.NotEmpty(t, c.Definitions)
	r.call("ann", "GET", "/comparison?profiles="+string(b.ID)+","+string(b.ID), nil).problem(t, CodeInvalid)
	r.call("bob", "GET", "/comparison", nil).want(t, 200, &c)
	require.Empty(t, c.Standings)
}
