package page

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/risk"
)

// page returns the text of an account's page.
func (r *rig) page(name string, parts ...string) string {
	r.t.Helper()
	return plain(r.get("ann", pathOf(r.ids[name], parts...)).text(r.t, http.StatusOK))
}

// The portfolio has the book's figures, a halt above all, and the account in its title with its state.
func TestPortfolio(t *testing.T) {
	r := rich(t)
	s := r.portfolio("ann", "Optimal-100K").Snapshot()
	text := r.page("Optimal-100K")
	for _, want := range []string{"Portfolio · Optimal-100K · LIVE", cents(s.Equity).in("USD").String(), gained(s.Unrealized).Text, "7 positions",
		"SPY 18 Dec 26 580 P", "Put, 100 a contract, 1 lot", "Buy 5 MSFT", "2 of 5 filled", "All cash, in USD", cents(s.CashBase).String(), "Drawdown from the high"} {
		require.Contains(t, text, want)
	}
	halted := r.page("Conservative-250K")
	require.Contains(t, halted, "Portfolio, halted · Conservative-250K · LIVE")
	require.Contains(t, halted, "Conservative-250K is halted.")
	require.Contains(t, halted, "stopping to look")
	require.Contains(t, r.page("Aggressive-25K"), "Only orders that make positions smaller are accepted")
	for _, word := range []string{"1D", "1W", "YTD", "All", "nonsense"} {
		a := r.get("ann", pathOf(r.ids["Optimal-100K"])+"?range="+word)
		a.text(t, http.StatusOK)
	}
}

// What is not known is a dash and said, never a zero: a position without a mark, and what depends on it.
func TestUnknownFigures(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Optimal100K("U1000100"))
	text := r.page("Optimal-100K")
	require.Contains(t, text, "No positions. Cash is 0.00 USD.")
	require.Contains(t, text, "Two days of equity make a line; there are none.")
	require.Contains(t, text, "Nothing is working.")
	_, err := r.portfolio("ann", "Optimal-100K").Record(owned("ann"),
		ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: rigNow},
		trade("Optimal-100K", 1, "SPY 10 590", rigNow))
	require.NoError(t, err)
	text = r.page("Optimal-100K")
	require.Contains(t, text, "Portfolio, not live")
	require.Contains(t, text, "There is no price of SPY, so equity is not known.")
	require.Contains(t, text, "Equity– not known")
	require.Contains(t, text, "no mark")
	require.Contains(t, text, "How much is used cannot be told while equity is not known.")
	require.NotRegexp(t, `Equity0\.00`, text)
	all := plain(r.get("ann", "/").text(t, http.StatusOK))
	require.Contains(t, all, "not known, because that of Optimal-100K is not")
	require.Contains(t, r.page("Optimal-100K", "position", string(spy.Key())), "no mark")
	for _, path := range []string{"/orders", "/activity", "/compare", "/statements", "/more", pathOf(r.ids["Optimal-100K"], "limits"), pathOf(r.ids["Optimal-100K"], "performance")} {
		checkPage(t, r, path, r.get("ann", path).text(t, http.StatusOK))
	}
}

// Nobody's pages say how to begin.
func TestEmpty(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/", "/orders", "/activity", "/compare", "/compare/figures", "/statements", "/more"} {
		text := r.get("ann", path).text(t, http.StatusOK)
		checkPage(t, r, path, text)
	}
	require.Contains(t, r.get("ann", "/").text(t, http.StatusOK), "No profile yet. Begin with a preset.")
	require.Contains(t, r.get("ann", "/orders").text(t, http.StatusOK), "Nothing was refused today.")
}

// A position has its lots, its trades with what they closed, and its limits; a contract that was never held
// has no page.
func TestPosition(t *testing.T) {
	r := rich(t)
	text := r.page("Optimal-100K", "position", string(spy.Key()))
	for _, want := range []string{"SPY · Optimal-100K · LIVE", "Held21", "Sold 5 at 548.20", "Bought 14 at 571.85", "Lots", "28 Jul 26", "With its options, of one underlying’s limit",
		"Sell SPY in Optimal-100K"} {
		require.Contains(t, text, want)
	}
	text = plain(r.get("ann", pathOf(r.ids["Optimal-100K"], "position", "STK:NONE:USD")).text(t, http.StatusNotFound))
	require.Contains(t, text, "This account never held that.")
	_, err := r.portfolio("ann", "Optimal-100K").Record(owned("ann"), trade("Optimal-100K", 200, "SPY -21 600", rigNow))
	require.NoError(t, err)
	flat := r.page("Optimal-100K", "position", string(spy.Key()))
	require.Contains(t, flat, "Held0")
	require.NotContains(t, flat, "the oldest is sold first")
}

// Orders are those of one account or of all: working, refused with every rule in words, and done.
func TestOrders(t *testing.T) {
	r := rich(t)
	all := plain(r.get("ann", "/orders").text(t, http.StatusOK))
	for _, want := range []string{"Buy 5 MSFT", "limit 480.50, today", "held, not sent", "Buy 1,200 NVDA at 160.00", "NVDA would be too large a position", "price_collar",
		"Trading is halted", "Bought 2 MSFT", "Let go: cancelled"} {
		require.Contains(t, all, want)
	}
	require.NotContains(t, r.page("Conservative-250K", "orders"), "NVDA")
	require.Contains(t, r.get("ann", "/orders").Body.String(), "Cancel: Buy 5 MSFT in Optimal-100K, LIVE")
	require.NotContains(t, r.get("guest", "/orders").text(t, http.StatusOK), "Cancel: ")
	r.clock.set(rigNow.AddDate(0, 0, 1))
	tomorrow := plain(r.get("ann", "/orders").text(t, http.StatusOK))
	require.Contains(t, tomorrow, "Nothing was refused today.")
	require.Contains(t, tomorrow, "Buy 5 MSFT", "what works goes on working")
}

// An execution that is corrected or completed later is one trade on the page of orders.
func TestCompletedTradesCountOnce(t *testing.T) {
	r := rich(t)
	p := r.portfolio("ann", "Optimal-100K")
	fill := ledger.Trade{ExecID: "fill-2", Instrument: contract("GLD"), Quantity: dec("3"), Price: dec("268"), CommissionPending: true, Time: rigNow}
	_, err := p.Record(owned("ann"), fill)
	require.NoError(t, err)
	fill.CommissionPending, fill.Commission = false, dec("1.25")
	_, err = p.Record(owned("ann"), fill)
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(r.page("Optimal-100K", "orders"), "Bought 3 GLD"))
	activity := r.page("Optimal-100K", "activity")
	require.Contains(t, activity, "Fees are not known yet.")
	require.Contains(t, activity, "History changed: bought 3 GLD at 268.00Fees 1.25 USD.")
}

var entryNumbers = regexp.MustCompile(`<b>[^<]*</b>.*?<span class="wn">([^<]*)</span>.*?<code>#([0-9,]+) `)

// Page by page, the activity of all accounts has every entry once.
func TestActivityPages(t *testing.T) {
	r := rich(t)
	seen := map[string]bool{}
	path, pages := "/activity", 0
	for path != "" {
		pages++
		require.Less(t, pages, 40, "the pages do not end")
		text := r.get("ann", path).text(t, http.StatusOK)
		checkPage(t, r, "/activity", text)
		found := entryNumbers.FindAllStringSubmatch(text, -1)
		require.NotEmpty(t, found, path)
		for _, m := range found {
			require.False(t, seen[m[1]+m[2]], "entry %s of %s is there twice", m[2], m[1])
			seen[m[1]+m[2]] = true
		}
		path = ""
		if m := regexp.MustCompile(`href="([^"]*before=[^"]*)">Older`).FindStringSubmatch(text); m != nil {
			path = strings.ReplaceAll(m[1], "&amp;", "&")
		}
	}
	want := 0
	for _, name := range []string{"Optimal-100K", "Conservative-250K", "Balanced-50K", "Aggressive-25K"} {
		want += int(r.portfolio("ann", name).Seq())
	}
	require.Len(t, seen, want, "every entry of every journal")
}

// A search finds what has all of its words, of the kind, in the days, and says what is no date.
func TestActivitySearch(t *testing.T) {
	r := rich(t)
	find := func(query string) string {
		a := r.get("ann", "/activity?"+query)
		text := a.text(t, http.StatusOK)
		checkPage(t, r, "/activity", text)
		return plain(text)
	}
	text := find("q=MSFT+bought")
	require.Contains(t, text, "Bought 25 MSFT at 441.35")
	require.NotContains(t, text, "NVDA at")
	require.Contains(t, find("kind=state"), "Halted: no order is accepted")
	require.NotContains(t, find("kind=state"), "Bought")
	require.Contains(t, find("kind=refusals"), "Order refused: buy 1,200 NVDA at 160.00")
	require.Contains(t, find("q=nothing+at+all"), "Nothing was found.")
	days := find("from=2026-07-28&to=2026-07-28&kind=trades")
	require.Contains(t, days, "28 July 2026")
	require.NotContains(t, days, "29 July 2026")
	require.Contains(t, find("from=yesterday"), "“yesterday” is no date.")
	require.Contains(t, find("before=x-y"), "Today", "a cursor that is none begins at the end")
	require.Contains(t, r.page("Balanced-50K", "activity"), "Balanced-50K")
	require.NotContains(t, plain(r.get("ann", pathOf(r.ids["Balanced-50K"], "activity")).Body.String()), "#109 refusal")
}

// Side by side, the best figure is marked where it can be told, and what is not defined is a dash.
func TestPerformance(t *testing.T) {
	r := rich(t)
	text := plain(r.get("ann", "/compare").text(t, http.StatusOK))
	for _, want := range []string{"Each account, 100 on 27 July", "Time-weighted return", "Maximum drawdown", ", best", "– not known", "never added"} {
		require.Contains(t, text, want)
	}
	report, err := r.portfolio("ann", "Balanced-50K").Performance(t.Context(), performance.Window{From: rigNow.AddDate(0, -6, 0)})
	require.NoError(t, err)
	one := r.page("Balanced-50K", "performance")
	require.Contains(t, one, percent(*report.TimeWeighted, 2))
	require.Contains(t, one, cents(report.Profit).String())
	require.NotContains(t, one, ", best")
	figures := r.page("Balanced-50K", "performance", "figures")
	require.Contains(t, figures, fmt.Sprintf("%.2f", 100*(1+*report.TimeWeighted)))
	require.Contains(t, r.page("Balanced-50K", "figures"), cents(report.EndEquity).String())
	require.Contains(t, plain(r.get("ann", "/compare/figures?range=All").text(t, http.StatusOK)), "100.00")
}

// No figure is best among others of another currency, or where two are the same.
func TestBest(t *testing.T) {
	profit := performance.Definition{Metric: performance.MetricProfit, Name: "profit", Unit: performance.UnitMoney}
	of := func(currency ledger.Currency, amount string) measured {
		return measured{report: performance.Report{Currency: currency, Points: 2, Profit: dec(amount)}}
	}
	best := func(list ...measured) (out []bool) {
		for _, cell := range rowOf(profit, list).Cells {
			out = append(out, cell.Best)
		}
		return out
	}
	require.Equal(t, []bool{false, true}, best(of("USD", "1"), of("USD", "2")))
	require.Equal(t, []bool{false, false}, best(of("USD", "1"), of("EUR", "2")))
	require.Equal(t, []bool{false, false}, best(of("USD", "2"), of("USD", "2")))
	require.Equal(t, []bool{false}, best(of("USD", "2")))
	failed := measured{err: accounts.ErrUnavailable}
	require.Equal(t, []bool{false, false}, best(of("USD", "2"), failed))
	require.Empty(t, rowOf(profit, []measured{failed}).Cells[0].Text)
}

// The statements page tells what came late, as far as the journal does.
func TestStatement(t *testing.T) {
	r := rich(t)
	require.Contains(t, r.page("Optimal-100K", "statement"), "No statement yet.")
	r.clock.set(rigNow.Add(time.Second))
	_, err := r.portfolio("ann", "Optimal-100K").Record(owned("ann"),
		ledger.CashMovement{ID: "late", Kind: ledger.Fee, Currency: "USD", Amount: dec("-1"), Time: rigNow.AddDate(0, 0, -2)},
		trade("Optimal-100K", 300, "GLD 1 250", rigNow.AddDate(0, 0, -1)))
	require.NoError(t, err)
	require.Contains(t, r.page("Optimal-100K", "statement"), "1 trade and 1 cash movementof 23 Nov 26 to 24 Nov 26")
	require.NotContains(t, r.get("guest", pathOf(r.ids["Optimal-100K"], "statement")).text(t, http.StatusOK), "Import into")
}

// Limits are shown as they are used and as they are set; who may not change them is offered nothing.
func TestLimits(t *testing.T) {
	r := rich(t)
	text := r.page("Optimal-100K", "limits")
	for _, want := range []string{"Buying power", "Technology sector", "Price from the mark", "by level and risk", "Archive Optimal-100K", "of equity"} {
		require.Contains(t, text, want)
	}
	require.NotContains(t, plain(r.get("guest", pathOf(r.ids["Optimal-100K"], "limits")).text(t, http.StatusOK)), "Archive")
	m := meterOf(&account{}, risk.Usage{Rule: risk.RulePositions, Used: dec("11"), Limit: dec("10"), Warning: true})
	require.Equal(t, "over", m.Class)
	require.Equal(t, "110\u202f% used", m.Share)
	require.Equal(t, "100.00%", m.Fill, "the bar ends at its end")
	require.Equal(t, "0\u202f%", percentOf(0))
	require.Equal(t, "99\u202f%", percentOf(.999), "nearly all is not all")
}

// The choice of keys is the browser's own.
func TestPreferences(t *testing.T) {
	r := rich(t)
	require.NotContains(t, r.get("ann", "/").Body.String(), "data-keys")
	a := r.do("ann", http.MethodPost, "/preferences", url.Values{"keys": {"on"}}.Encode())
	require.Equal(t, http.StatusSeeOther, a.Code)
	cookie := a.Result().Cookies()[0]
	require.True(t, cookie.HttpOnly && cookie.SameSite == http.SameSiteStrictMode && cookie.Path == "/")
	require.Contains(t, r.get("ann", "/", "Cookie", cookie.String()).Body.String(), `data-keys=""`)
	require.Contains(t, r.get("ann", "/preferences?saved=1", "Cookie", cookie.String()).text(t, http.StatusOK), " checked")
	a = r.do("ann", http.MethodPost, "/preferences", "")
	require.Negative(t, a.Result().Cookies()[0].MaxAge, "the cookie is taken away")
}

// One account whose book cannot be read is told of, and keeps no other from being shown.
func TestTrouble(t *testing.T) {
	r := rich(t)
	c := r.handler.(*Page).newCall(nil, r.request("ann"), &route{right: httpapi.Read})
	require.NoError(t, c.authenticate())
	a := account{Name: "Broken", Profile: accounts.AccountProfile{Status: accounts.StatusActive}, Trouble: &accounts.CorruptError{Seq: 3, Reason: "is gone"}}
	a.State = stateOf(a)
	require.Equal(t, "Not known", a.State.Word)
	n := c.attention(a)
	require.Len(t, n, 1)
	require.Equal(t, "Broken: This account’s journal cannot be trusted.", n[0].Heading)
	require.NotContains(t, n[0].Then, "is gone", "the inside is for the log")
	card, err := c.card(a)
	require.NoError(t, err)
	require.Empty(t, card.Drawdown)
}

// request returns a request of a caller for the first page.
func (r *rig) request(who string) *http.Request {
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, "/", nil)
	require.NoError(r.t, err)
	req.Header.Set("X-Caller", who)
	return req
}

// A walk reads a bounded part of a journal, and says where to go on.
func TestWalkIsBounded(t *testing.T) {
	r := newRig(t)
	r.create("ann", accounts.Optimal100K("U1000100"))
	p := r.portfolio("ann", "Optimal-100K")
	var facts []ledger.Fact
	for i := range maxWalk + 2*100 {
		facts = append(facts, ledger.EquityPoint{Time: rigNow.Add(time.Duration(i-maxWalk-300) * time.Second), Equity: dec("1")})
	}
	for len(facts) > 0 {
		n := min(len(facts), 1000)
		_, err := p.Record(owned("ann"), facts[:n]...)
		require.NoError(t, err)
		facts = facts[n:]
	}
	c := r.handler.(*Page).newCall(nil, r.request("ann"), &route{right: httpapi.Read})
	require.NoError(t, c.authenticate())
	nothing := walk{most: 1, want: func(entry) bool { return false }}
	found, next, err := c.walkBack(p, 0, nothing)
	require.NoError(t, err)
	require.Empty(t, found)
	if next > 0 { // the stretches overshoot: what is left is read by the next walk
		_, next, err = c.walkBack(p, next, nothing)
		require.NoError(t, err)
	}
	require.Zero(t, next, "the journal has nothing more")
}
