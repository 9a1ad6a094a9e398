package main

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/examples/internal/browser"
)

// The looks under which the screens are tried: the phone of the design, a narrow one, a tablet and a desk.
var (
	phone     = browser.Look{Width: 360, Height: 800}
	phoneDark = browser.Look{Width: 360, Height: 800, Dark: true}
	narrow    = browser.Look{Width: 320, Height: 640} // and a desk of 1280 at a zoom of 400 %
	tablet    = browser.Look{Width: 768, Height: 1024}
	desk      = browser.Look{Width: 1280, Height: 900}
	deskDark  = browser.Look{Width: 1280, Height: 900, Dark: true}
)

// of is the account whose screens are tried.
const of = "/p/paper-50k"

// shapes are what differs between screens that are alike.
var shapes = regexp.MustCompile(`(position|order)/[^/?]+`)

// screens follows links from the first page on, and returns the address of one screen of each kind.
func (i *instance) screens(tab *browser.Tab) []string {
	i.t.Helper()
	seen, list := map[string]bool{}, []string{"/"}
	for n := 0; n < len(list); n++ {
		require.Less(i.t, n, 200, "the links do not end: %v", list)
		tab.Open(i.url + list[n])
		links := browser.Eval[[]string](tab, `[...document.querySelectorAll("a[href]")].map(a => a.href)`)
		for _, link := range links {
			u, err := url.Parse(link)
			require.NoError(i.t, err)
			require.Equal(i.t, i.url, u.Scheme+"://"+u.Host, "%s leads elsewhere", list[n])
			keys := []string{}
			for key := range u.Query() {
				keys = append(keys, key)
			}
			slices.Sort(keys)
			shape := shapes.ReplaceAllString(u.Path, "$1/…") + "?" + strings.Join(keys, ",")
			if seen[shape] || strings.HasPrefix(u.Path, "/p/") && !strings.HasPrefix(u.Path+"/", of+"/") {
				continue
			}
			seen[shape] = true
			list = append(list, u.RequestURI())
		}
	}
	return list
}

// TestScreens looks at every screen as a person with each kind of device would: nothing is missing, nothing is wider
// than the screen, the scanner for accessibility finds nothing, and the browser complains of nothing.
// $ACCOUNTS_PICTURES is a folder for a picture of each screen.
func TestScreens(t *testing.T) {
	axe, b := browser.NewAxe(t), browser.New(t)
	s := launch(t, quick("-every", "1h")...)
	s.until("the strategy's one signal has filled", s.all(1))
	order := `{"instrument":{"sec_type":"STK","symbol":"AAPL","currency":"USD"},"quantity":"1","type":"limit","limit":"150"}`
	s.call(201, "POST", "/api/v1"+strings.Replace(of, "/p/", "/profiles/", 1)+"/orders", order, "Idempotency-Key", "works")
	s.call(422, "POST", "/api/v1"+strings.Replace(of, "/p/", "/profiles/", 1)+"/orders", strings.Replace(order, `"1"`, `"100000"`, 1), "Idempotency-Key", "refused")
	tab := b.Tab(t, desk)
	list := s.screens(tab)
	t.Logf("%d screens: %v", len(list), list)
	require.Greater(t, len(list), 25)
	pictures := os.Getenv("ACCOUNTS_PICTURES")
	looks := []browser.Look{phone, deskDark}
	if pictures != "" {
		looks = []browser.Look{phone, phoneDark, tablet, desk, deskDark}
	}
	tab.Complaints()
	var wrong []string
	for _, path := range list {
		for _, look := range append(looks, narrow) {
			tab.Show(look)
			wrong = append(wrong, s.screen(tab, path, look)...)
			if look == narrow {
				continue
			}
			for _, f := range axe.Scan(tab) {
				wrong = append(wrong, fmt.Sprintf("%s at %d px, dark %t: %s", path, look.Width, look.Dark, f))
			}
			if pictures != "" {
				name := strings.Trim(strings.NewReplacer("/", "-", "?", "-", "=", "-", ":", "-", "%3A", "-").Replace(path), "-")
				tab.Picture(filepath.Join(pictures, fmt.Sprintf("%s-%d-%t.png", name, look.Width, look.Dark)))
			}
		}
	}
	require.Empty(t, wrong, "%s", strings.Join(wrong, "\n"))
}

// pressed finds what a finger presses and is smaller than 44 px, links within texts apart.
const pressed = `[...document.querySelectorAll("button, .btn, select, summary, .tabs a, .side a, input:not([type=hidden], [type=checkbox], [type=radio])")]
	.filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 43.5).map(e => e.outerHTML.slice(0, 160))`

// screen opens a screen, and returns what is wrong with it of what holds of all.
func (i *instance) screen(tab *browser.Tab, path string, look browser.Look) (wrong []string) {
	i.t.Helper()
	fault := func(is bool, format string, args ...any) {
		if is {
			wrong = append(wrong, fmt.Sprintf("%s at %d px, dark %t: ", path, look.Width, look.Dark)+fmt.Sprintf(format, args...))
		}
	}
	status := tab.Open(i.url + path)
	fault(status != 200, "status %d", status)
	complaints := tab.Complaints()
	fault(len(complaints) > 0, "the browser complains: %q", complaints)
	for _, r := range tab.Requests() {
		fault(!strings.HasPrefix(r.URL, i.url+"/"), "asks for %s", r.URL)
	}
	title, text := tab.Title(), tab.Text()
	fault(strings.HasPrefix(path, of) && !strings.Contains(title, "Balanced-50K · PAPER"), "the title is %q", title)
	fault(strings.HasPrefix(path, of) && !strings.Contains(text, "Balanced-50K"), "the account is not on the page")
	width := browser.Eval[int64](tab, "document.documentElement.scrollWidth")
	fault(width > look.Width, "is %d px wide: %v", width, browser.Eval[[]string](tab,
		`[...document.querySelectorAll("main *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).slice(0, 5).map(e => e.outerHTML.slice(0, 120))`))
	small := browser.Eval[[]string](tab, pressed)
	fault(len(small) > 0, "what is pressed is small: %v", small)
	return wrong
}

// TestFirstLoad: what a phone fetches before the first page is there is small, and comes from the service alone.
func TestFirstLoad(t *testing.T) {
	b := browser.New(t)
	s := launch(t, quick("-every", "1h")...)
	s.until("the strategy's one signal has filled", s.all(1))
	for _, path := range []string{"/", of, of + "/ticket", "/compare"} {
		tab := b.Tab(t, phone)
		tab.Open(s.url + path)
		tab.Until("the page has loaded", `document.readyState === "complete"`)
		sum := 0.0
		for _, r := range tab.Requests() {
			require.True(t, strings.HasPrefix(r.URL, s.url+"/"), "%s asks for %s", path, r.URL)
			sum += r.Bytes
		}
		t.Logf("%s: %.1f kB", path, sum/1000)
		require.Greater(t, sum, 5000.0, path)
		require.Less(t, sum, 100_000.0, path)
		require.Empty(t, tab.Complaints(), path)
	}
}
