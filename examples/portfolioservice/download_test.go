package main

import (
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/flextest"
)

// forms are what a browser says of a form that it sends.
var forms = []string{"Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin"}

// A statement is fetched from the Flex Web Service, by way of the page, and its token is nowhere.
func TestStatementIsFetched(t *testing.T) {
	const secret = "987654321098765432109876"
	web := flextest.New(t, secret, "77", []byte(`<FlexQueryResponse queryName="q" type="AF"><FlexStatements count="1">
<FlexStatement accountId="DU2000050" fromDate="20260105" toDate="20260105" whenGenerated="20260106;060000"><Trades>
<Trade currency="USD" assetCategory="STK" symbol="KO" conid="8894" dateTime="20260105;103000" quantity="2" tradePrice="60" ibCommission="-1" openCloseIndicator="O" cost="121" fifoPnlRealized="0" transactionID="9001" />
</Trades></FlexStatement></FlexStatements></FlexQueryResponse>`))
	s := launch(t, quick("-every", "1h", "-flex-url", web.URL)...)
	begin := func(token string) {
		page := s.call(200, "GET", of+"/statement", "")
		require.Contains(t, page, "The token is used for this one download, and not kept.", "the service keeps no credentials")
		once := regexp.MustCompile(`name="once" value="([^"]*)"`).FindStringSubmatch(page)
		require.NotNil(t, once)
		form := url.Values{"once": {once[1]}, "profile": {"paper-50k"}, "query": {"77"}, "token": {token}}
		require.NotContains(t, s.call(200, "POST", of+"/statement/download", form.Encode(), forms...), token)
	}
	latest := regexp.MustCompile(`href="([^"]*/statement/download/[^"]*)"`)
	outcome := func() string {
		list := latest.FindStringSubmatch(s.call(200, "GET", of+"/statement", ""))
		require.NotNil(t, list)
		return s.call(200, "GET", list[1], "")
	}
	begin(secret)
	s.eventually("the statement is shown", func() bool { return strings.Contains(outcome(), `<h2 id="p0">5 January 2026</h2>`) })
	require.Equal(t, 1, web.Asked())
	begin("1" + secret)
	s.eventually("the token is refused", func() bool { return strings.Contains(outcome(), "The token is wrong.") })
	s.stop()
	require.NotContains(t, s.log.String(), secret)
	require.Contains(t, s.log.String(), "a statement was not downloaded")
}

// The address of the Flex Web Service must keep the token from others.
func TestFlexAddressIsSecure(t *testing.T) {
	require.ErrorContains(t, run(t.Context(), quick("-flex-url", "http://example.com/"), t.Output(), t.Output()), "-flex-url")
}
