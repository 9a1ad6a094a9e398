package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/examples/internal/browser"
	"github.com/ai-ots/accounts/internal/pgtest"
)

// TestLivePages: with two services on one database, what one does is seen in the pages of the other without a reload:
// a fill, a halt, and that the service is gone.
func TestLivePages(t *testing.T) {
	b := browser.New(t)
	dsn := pgtest.Database(t)
	one := launch(t, quick("-every", "1h", "-dsn", dsn)...)
	two := launch(t, quick("-every", "1h", "-dsn", dsn)...)
	one.until("the strategy's one signal has filled", one.all(1))
	worker := one // orders are sent by the service that has the lease
	tab := b.Tab(t, desk)
	tab.Open(two.url + of)
	tab.Until("the stream is open", `document.body.dataset.events !== undefined && !document.body.classList.contains("old")`)
	tab.Eval("mark the page", `window.same = true`)
	var symbol, held string // a stock that the strategy did not buy
	for _, i := range newMarket(1).contracts() {
		symbol, held = i.Symbol, fmt.Sprintf(`document.querySelector("main").innerText.includes(%q)`, i.Symbol)
		if !browser.Eval[bool](tab, held) {
			break
		}
	}
	require.False(t, browser.Eval[bool](tab, held))
	began := time.Now()
	order := `{"instrument":{"sec_type":"STK","symbol":"` + symbol + `","currency":"USD"},"quantity":"1","type":"market"}`
	worker.call(201, "POST", "/api/v1/profiles/paper-50k/orders", order, "Idempotency-Key", "live")
	tab.Until("the fill is in the page", held)
	t.Logf("a fill was in the page of the other service after %s", time.Since(began).Round(time.Millisecond))
	require.True(t, browser.Eval[bool](tab, "window.same === true"), "the page was loaded anew")

	worker.call(200, "POST", "/api/v1/profiles/paper-50k/halt", `{"reason":"enough"}`)
	tab.Until("the halt is in the page", `document.body.innerText.includes("is halted")`)
	tab.Open(two.url + of + "/ticket")
	ticket(tab, "paper-50k", "1")
	require.Contains(t, tab.Text(), "Trading is halted")
	tab.Complaints()
	tab.Open(two.url + of)
	tab.Offline(true)
	tab.Until("the page says that it is offline", `document.body.innerText.includes("Offline.")`)
	tab.Offline(false)
	tab.Until("the page is live again", `!document.body.innerText.includes("Offline.")`)
}

// focused describes what has the focus, and whether a person can see that.
type focused struct {
	Text, Tag, Href, Name string
	Seen                  bool
}

// at returns what has the focus.
func at(tab *browser.Tab) focused {
	return browser.Eval[focused](tab, `(() => {
		const e = document.activeElement, ring = s => s && s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2
		const label = e.closest("label")
		return {Text: (e.getAttribute("aria-label") || e.innerText || "").trim(), Tag: e.tagName, Href: e.getAttribute("href") || "", Name: e.name || "",
			Seen: Boolean(e === document.body || ring(getComputedStyle(e)) || ring(getComputedStyle(e, "::after")) || label && ring(getComputedStyle(label)))} })()`)
}

// tabTo presses Tab until what is wanted has the focus, and requires that each focus on the way can be seen.
// It waits until the page is loaded and drawn: before, its script does not run, and the browser drops keys.
func tabTo(t *testing.T, tab *browser.Tab, what string, is func(focused) bool) {
	t.Helper()
	tab.Until("the page is loaded", `document.readyState === "complete"`)
	require.True(t, browser.Eval[bool](tab, `new Promise(r => requestAnimationFrame(() => requestAnimationFrame(() => r(true))))`), "frames")
	var way []string
	for range 150 {
		tab.Press("\t")
		f := at(tab)
		require.True(t, f.Seen, "the focus on %+v cannot be seen at %s", f, tab.URL())
		if is(f) {
			return
		}
		way = append(way, fmt.Sprintf("%s %.30q", f.Tag, f.Text))
	}
	require.Fail(t, "no such thing", "%s at %s, but %v", what, tab.URL(), way)
}

// TestKeyboardOnly walks through the pages with the keys alone: makes a profile, switches, places, halts and thinks
// better of it.
func TestKeyboardOnly(t *testing.T) {
	b := browser.New(t)
	s := launch(t, quick("-every", "1h")...)
	s.until("the strategy's one signal has filled", s.all(1))
	tab := b.Tab(t, desk)
	says := func(text string) func(focused) bool {
		return func(f focused) bool { return strings.Contains(f.Text, text) }
	}
	named := func(name string) func(focused) bool { return func(f focused) bool { return f.Name == name } }
	tab.Open(s.url + "/")
	tab.Press("\t")
	require.Equal(t, "Skip to content", at(tab).Text, "the first stop")
	tabTo(t, tab, "the account", says("Balanced-50K"))
	tab.Press("\r")
	tab.Until("the portfolio is shown", `location.pathname === "`+of+`"`)
	tabTo(t, tab, "the way to trade", says("Trade"))
	tab.Press("\r")
	tab.Until("the ticket is shown", `location.pathname === "`+of+`/ticket" && document.querySelector("[name=symbol]")`)
	tabTo(t, tab, "the symbol", named("symbol"))
	tab.Press("AAPL")
	tabTo(t, tab, "the quantity", named("quantity"))
	tab.Press("1")
	tabTo(t, tab, "the type", named("type"))
	tab.Press("m")
	tabTo(t, tab, "the check", says("Check for Balanced-50K"))
	tab.Press("\r")
	tab.Until("the order is checked", `document.querySelector("#check")`)
	tabTo(t, tab, "the button that places", says("Place in Balanced-50K"))
	tab.Press("\r")
	tab.Until("the outcome is shown", `location.pathname.includes("/order/")`)

	tabTo(t, tab, "the halt", says("Halt"))
	tab.Press("\r")
	tab.Until("the halt is asked", `document.querySelector("dialog[open]")`)
	require.Equal(t, "INPUT", at(tab).Tag, "the first field has the focus")
	tab.Press("\u001b")
	tab.Until("the dialog is gone", `!document.querySelector("dialog[open]")`)
	require.True(t, strings.HasPrefix(at(tab).Text, "Halt"), "the focus comes back: %+v", at(tab))

	tabTo(t, tab, "the switcher", func(f focused) bool {
		return f.Tag == "BUTTON" && strings.Contains(f.Text, "Balanced-50K") && strings.Contains(f.Text, "DU")
	})
	tab.Press("\r")
	tabTo(t, tab, "another account", func(f focused) bool {
		return f.Tag == "BUTTON" && strings.HasPrefix(f.Text, "O\nOptimal-100K") || strings.Contains(f.Text, "Optimal-100K") && f.Tag == "BUTTON"
	})
	tab.Press("\r")
	tab.Until("the other account is shown", `document.title.includes("Optimal-100K")`)
	tabTo(t, tab, "a new profile", says("New profile"))
	tab.Press("\r")
	tab.Until("the presets are shown", `location.pathname === "/new"`)
	require.Empty(t, tab.Complaints())
}
