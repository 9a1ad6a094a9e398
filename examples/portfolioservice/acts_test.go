package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/examples/internal/browser"
)

// placed returns how many orders of a profile a person placed: those of the page's tickets.
func (i *instance) placed(id string) int {
	i.t.Helper()
	list := read[struct{ Orders []json.RawMessage }](i.t, i.call(200, "GET", "/api/v1/profiles/"+id+"/orders?state=accepted&limit=200", ""))
	n := 0
	for _, o := range list.Orders {
		if !strings.Contains(string(o), `"sample-`) {
			n++
		}
	}
	return n
}

// ticket fills in a ticket of the page and checks it.
func ticket(tab *browser.Tab, account, quantity string) {
	tab.Fill("[name=symbol]", "AAPL")
	tab.Fill("[name=quantity]", quantity)
	tab.Fill("[name=type]", "market")
	tab.Click(fmt.Sprintf(`form[action="/p/%s/ticket"] button.go`, account))
}

// placeButton is the button that places a checked ticket.
func placeButton(account string) string {
	return fmt.Sprintf(`form[action="/p/%s/place"] button.go`, account)
}

// TestOneOrder: a second press, a reload, and a ticket that is sent once more make no second order.
func TestOneOrder(t *testing.T) {
	b := browser.New(t)
	s := launch(t, quick("-every", "1h")...)
	s.until("the strategy's one signal has filled", s.all(1))
	s.loosen("paper-50k")
	for name, look := range map[string]browser.Look{"with a script": phone, "without": {Width: 360, Height: 800, NoScript: true}} {
		before := s.placed("paper-50k")
		tab := b.Tab(t, look)
		tab.Open(s.url + of + "/ticket")
		ticket(tab, "paper-50k", "1")
		again := browser.Eval[string](tab, fmt.Sprintf(`new URLSearchParams(new FormData(document.querySelector('%s').form)).toString()`, placeButton("paper-50k")))
		tab.Eval("press twice", fmt.Sprintf(`const f = document.querySelector('%s').form; f.requestSubmit(); f.requestSubmit()`, placeButton("paper-50k")))
		tab.Until("the outcome is shown", `location.pathname.includes("/order/")`)
		require.Equal(t, before+1, s.placed("paper-50k"), "%s: two presses", name)
		outcome := tab.URL()
		require.EqualValues(t, 200, tab.Open(outcome), name)
		s.call(200, "POST", of+"/place", again, "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")
		require.Equal(t, before+1, s.placed("paper-50k"), "%s: the ticket was sent once more", name)
	}
}

// TestTwoTabs: one tab switches and places while the other does, in random turns: every order goes to the account of
// its ticket. $ACCOUNTS_FAULTS=full takes 1,000 turns.
func TestTwoTabs(t *testing.T) {
	b := browser.New(t)
	s := launch(t, quick("-every", "1h")...)
	s.until("the strategy's one signal has filled", s.all(1))
	turns := 60
	if os.Getenv("ACCOUNTS_FAULTS") == "full" {
		turns = 1000
	}
	ids := []string{"paper-50k", "paper-100k", "paper-250k"}
	names := map[string]string{"paper-50k": "Balanced-50K", "paper-100k": "Optimal-100K", "paper-250k": "Conservative-250K"}
	want, open := map[string]int{}, []string{"", ""} // the account whose ticket is open, and checked, in each tab
	for _, id := range ids {
		s.loosen(id)
		want[id] = s.placed(id)
	}
	tabs := []*browser.Tab{b.Tab(t, phone), b.Tab(t, desk)}
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for turn := range turns {
		n, id := random.IntN(2), ids[random.IntN(len(ids))]
		tab := tabs[n]
		switch {
		case random.IntN(3) == 0: // a switch in one tab
			tab.Open(s.url + "/p/" + id + "/switch")
			tab.Click(`form.ask button.primary`)
			require.Contains(t, tab.Title(), names[id], "turn %d", turn)
			open[n] = ""
		case open[n] == "":
			tab.Open(s.url + "/p/" + id + "/ticket")
			ticket(tab, id, "1")
			require.Contains(t, tab.Title(), names[id], "turn %d", turn)
			if browser.Eval[bool](tab, fmt.Sprintf(`document.querySelector('%s') !== null`, placeButton(id))) {
				open[n] = id
			} else {
				refused++ // the day's orders, or those of a minute, are used up
			}
		default:
			id = open[n]
			tab.Click(placeButton(id))
			if strings.Contains(tab.URL(), "/order/") && strings.Contains(tab.Text(), "AAPL") && !strings.Contains(tab.Text(), "Refused") {
				want[id]++
			}
			require.Contains(t, tab.URL(), "/p/"+id+"/", "turn %d: the outcome of another account", turn)
			require.Contains(t, tab.Title(), names[id], "turn %d", turn)
			open[n] = ""
		}
		for _, id := range ids {
			require.Equal(t, want[id], s.placed(id), "turn %d: orders in %s", turn, id)
		}
	}
	t.Logf("%d turns, orders %v, %d tickets refused", turns, want, refused)
}

// TestWithoutScript signs in, switches, checks, places, halts, resumes and imports without any script, and finds out.
func TestWithoutScript(t *testing.T) {
	b := browser.New(t)
	dir := t.TempDir()
	file, statement := filepath.Join(dir, "token"), filepath.Join(dir, "statement.xml")
	require.NoError(t, os.WriteFile(file, []byte(token), 0o600))
	require.NoError(t, os.WriteFile(statement, []byte(`<FlexQueryResponse queryName="q" type="AF"><FlexStatements count="1">
<FlexStatement accountId="DU2000050" fromDate="20260105" toDate="20260105" whenGenerated="20260106;060000"><Trades>
<Trade currency="USD" assetCategory="STK" symbol="KO" conid="8894" dateTime="20260105;103000" quantity="2" tradePrice="60" ibCommission="-1" openCloseIndicator="O" cost="121" fifoPnlRealized="0" transactionID="9001" />
</Trades></FlexStatement></FlexStatements></FlexQueryResponse>`), 0o600))
	s := launch(t, quick("-every", "1h", "-token-file", file)...)
	s.token = token
	s.until("the strategy's one signal has filled", s.all(1))
	tab := b.Tab(t, browser.Look{Width: 360, Height: 800, NoScript: true})
	tab.Open(s.url + of)
	require.Contains(t, tab.Title(), "Sign in")
	tab.Fill("[name=token]", "wrong-"+token)
	tab.Click("form button.primary")
	require.Contains(t, tab.Title(), "Sign in")
	require.NotContains(t, browser.Eval[string](tab, "document.documentElement.outerHTML"), token, "the token comes back")
	tab.Fill("[name=token]", token)
	tab.Click("form button.primary")
	require.NotContains(t, tab.Title(), "Sign in")
	require.NotContains(t, browser.Eval[string](tab, "document.cookie"), "=", "a script can read the cookie")

	tab.Open(s.url + of + "/switch")
	tab.Click("form.ask button.primary")
	require.Contains(t, tab.Title(), "Balanced-50K")
	tab.Open(s.url + of + "/ticket")
	ticket(tab, "paper-50k", "1")
	require.Contains(t, tab.Text(), "Allowed")
	tab.Click(placeButton("paper-50k"))
	require.Contains(t, tab.URL(), "/order/")

	tab.Open(s.url + of + "/halt")
	tab.Fill("[name=reason]", "to look")
	tab.Click("form.ask button.halt")
	require.Contains(t, tab.Text(), "halted")
	tab.Open(s.url + of + "/ticket")
	ticket(tab, "paper-50k", "1")
	require.Contains(t, tab.Text(), "Trading is halted")
	tab.Open(s.url + of + "/resume")
	tab.Fill("[name=reason]", "looked")
	tab.Click("form.ask button:not(.quiet)")
	require.NotContains(t, tab.Text(), "is halted")

	tab.Open(s.url + of + "/statement")
	tab.Upload("input[type=file]", statement)
	tab.Click("form[enctype='multipart/form-data'] button")
	require.Contains(t, tab.Text(), "DU", "what the statement is: %s", tab.Text())
	for _, complaint := range tab.Complaints() {
		require.Contains(t, complaint, "/signin", "the browser complains of more than the wrong token")
	}
}

// loosen lets a profile place as many orders as a test likes.
func (i *instance) loosen(id string) {
	i.t.Helper()
	path := "/api/v1/profiles/" + id + "/limits"
	view := read[struct {
		Version int
		Limits  map[string]any
	}](i.t, i.call(200, "GET", path, ""))
	for _, name := range []string{"orders_per_minute", "orders_per_day", "trades_per_day", "duplicate_window", "open_positions", "day_trading"} {
		delete(view.Limits, name)
	}
	for _, name := range []string{"position_size", "underlying_size", "gross_exposure", "net_exposure"} {
		view.Limits[name] = map[string]string{"fraction": "0.9"}
	}
	text, err := json.Marshal(view.Limits)
	require.NoError(i.t, err)
	i.call(200, "PUT", path, string(text), "If-Match", fmt.Sprintf("%q", fmt.Sprint(view.Version)))
}
