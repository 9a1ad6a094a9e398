package httpapi

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/performance"
)

func TestReadPortfolio(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	at := "/profiles/" + string(p.ID)

	var s accounts.Snapshot
	r.call("ann", "GET", at+"/snapshot", nil).want(t, 200, &s)
	require.Equal(t, "100057", s.Equity.String(), "100,000 − 401 − 201 + 249 in cash, and 410 in XYZ")
	r.call("ann", "GET", "/portfolios/"+string(p.ID), nil).want(t, 200, &s)
	r.call("ann", "GET", "/portfolios/account/DU1000001", nil).want(t, 200, &s)
	r.call("ann", "GET", "/portfolios/account/DU1000009", nil).problem(t, CodeProfileNotFound)

	var positions positionList
	r.call("ann", "GET", at+"/positions", nil).want(t, 200, &positions)
	require.Len(t, positions.Positions, 1)
	require.Equal(t, "410", positions.Positions[0].Value.String())
	r.call("ann", "GET", at+"/positions?closed=true", nil).want(t, 200, &positions)
	require.Len(t, positions.Positions, 1)
	require.Equal(t, "ABC", positions.Positions[0].Instrument.Symbol)
	r.call("ann", "GET", at+"/positions/STK:XYZ:USD", nil).want(t, 200)
	r.call("ann", "GET", at+"/positions/STK:ABC:USD", nil).want(t, 200)
	r.call("ann", "GET", at+"/positions/STK:NO:USD", nil).problem(t, CodePositionNotFound)

	var view riskView
	r.call("ann", "GET", at+"/risk", nil).want(t, 200, &view)
	require.Equal(t, s.Equity.String(), view.Equity.String())

	var report performance.Report
	r.call("ann", "GET", at+"/performance?from=2026-01-01T00:00:00Z", nil).want(t, 200, &report)
	require.Equal(t, 2, report.Trades-1)
	r.call("ann", "GET", at+"/performance?from=2026-02-01T00:00:00Z&to=2026-01-01T00:00:00Z", nil).problem(t, CodeInvalid)
	for _, number := range []string{"x", "NaN", "Inf", "0x1p3", "1_0"} {
		require.Equal(t, []string{"from format", "periods_per_year type"},
			r.call("ann", "GET", at+"/performance?from=yesterday&periods_per_year="+number, nil).problem(t, CodeInvalid).fields(), number)
	}
}

func TestLimits(t *testing.T) {
	r := newRig(t)
	var p accounts.AccountProfile
	r.call("ann", "POST", "/profiles", aBalanced).want(t, 201, &p)
	at := "/profiles/" + string(p.ID) + "/limits"
	var view limitsView
	r.call("ann", "GET", at, nil).want(t, 200, &view)
	require.False(t, view.Own, "the limits are those of the level and the tolerance")
	r.call("ann", "PUT", at, sampleLimits).problem(t, CodeVersionRequired)
	a := r.call("ann", "PUT", at, sampleLimits, "If-Match", `"1"`).want(t, 200, &view)
	require.True(t, view.Own)
	require.Equal(t, `"2"`, a.Header.Get("ETag"))
	r.call("ann", "PUT", at, sampleLimits, "If-Match", `"1"`).problem(t, CodeVersion)
	problem := r.call("ann", "PUT", at, `{"account":"margin","sec_types":["STK"],"price_collar":2,"option_collar":"x","mark_age":"5 minutes",
		"rate_age":"1h","leverage":"2","futures_margin":"1","drawdown":{"warning":"0.1"},"warn_at":"1","extra":1}`, "If-Match", `"2"`).problem(t, CodeInvalid)
	require.ElementsMatch(t, []string{"price_collar type", "option_collar format", "mark_age format", "drawdown.moderate required",
		"drawdown.severe required", "drawdown.critical required", "extra unknown"}, problem.fields(), "every wrong field is named at once")
	require.Contains(t, problem.Errors[len(problem.Errors)-1].Detail+fmt.Sprint(problem.Errors), "must be a string", "a number for a decimal is refused in clear words")
	problem = r.call("ann", "PUT", at, `{"account":"margin","sec_types":["STK"],"price_collar":"0.1","option_collar":"0.5","mark_age":"5m",
		"rate_age":"1h","leverage":"200","futures_margin":"1","drawdown":{"warning":"0.3","moderate":"0.2","severe":"0.4","critical":"0.5"},"warn_at":"1"}`, "If-Match", `"2"`).problem(t, CodeInvalid)
	require.Contains(t, problem.fields(), "leverage invalid")
	r.call("ann", "PATCH", "/profiles/"+string(p.ID), `{"limits":null}`, "If-Match", `"2"`).want(t, 200)
	r.call("ann", "GET", at, nil).want(t, 200, &view)
	require.False(t, view.Own)
}

func TestHistory(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	at := "/profiles/" + string(p.ID)
	r.call("ann", "POST", at+"/halt", sampleReason).want(t, 200)
	var trades tradeList
	r.call("ann", "GET", at+"/trades?limit=2", nil).want(t, 200, &trades)
	require.Len(t, trades.Trades, 2)
	var rest tradeList
	r.call("ann", "GET", at+"/trades?limit=2&cursor="+trades.NextCursor, nil).want(t, 200, &rest)
	require.Len(t, rest.Trades, 1)
	require.Empty(t, rest.NextCursor)
	require.Equal(t, []string{"cursor format"}, r.call("ann", "GET", at+"/closings?cursor="+trades.NextCursor, nil).problem(t, CodeInvalid).fields(),
		"the cursor of another list is no cursor of this one")
	r.call("ann", "GET", at+"/trades?instrument=STK:XYZ:USD&from="+desktest.At(0).Format("2006-01-02T15:04:05Z"), nil).want(t, 200, &trades)
	require.Len(t, trades.Trades, 1)
	var closings closingList
	r.call("ann", "GET", at+"/closings", nil).want(t, 200, &closings)
	require.Len(t, closings.Closings, 1)
	require.Equal(t, "48", closings.Closings[0].Value.Realized.String())
	var equity equityList
	r.call("ann", "GET", at+"/equity", nil).want(t, 200, &equity)
	require.NotEmpty(t, equity.Equity)

	for _, order := range []string{"oldest", "newest"} {
		var got []int64
		kinds := map[string]int{}
		for next, page := "", 0; page == 0 || next != ""; page++ {
			require.Less(t, page, 20, "the list does not end")
			var list activityList
			r.call("ann", "GET", at+"/activity?limit=2&order="+order+"&cursor="+next, nil).want(t, 200, &list)
			for _, a := range list.Activity {
				got = append(got, a.Seq)
				kinds[a.Kind]++
			}
			next = list.NextCursor
		}
		require.Equal(t, map[string]int{"cash": 1, "trade": 3, "equity": 1, "state": 1}, kinds, order)
		for i := 1; i < len(got); i++ {
			require.Equal(t, order == "oldest", got[i] > got[i-1], "%s: %v", order, got)
		}
	}
	var list activityList
	r.call("ann", "GET", at+"/activity?kind=state,access", nil).want(t, 200, &list)
	require.Len(t, list.Activity, 1)
	require.Equal(t, "news about XYZ", list.Activity[0].State.Reason)
}
