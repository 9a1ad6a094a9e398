// Package browser drives Chromium for the tests of a page.
package browser

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"
)

// Required is the environment variable that says that there must be a browser.
const Required = "ACCOUNTS_REQUIRE_BROWSER"

// Patience bounds one step in a tab.
const Patience = time.Minute

// Browser is a Chromium without a window. Its tabs share nothing: neither cookies nor cache.
type Browser struct{ ctx context.Context }

// New starts a browser, which ends with the test. The test is left out where there is none and none
// is required.
func New(t testing.TB) *Browser {
	t.Helper()
	program := find()
	if program == "" {
		const missing = "the page's tests need Chromium: run `make chromium`, which installs Chromium where it can"
		if os.Getenv(Required) == "" {
			t.Skip("left out: " + missing)
		}
		t.Fatal(missing)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(program), chromedp.Flag("disable-dev-shm-usage", true),
		chromedp.UserDataDir(t.TempDir()))
	if os.Geteuid() == 0 { // Chromium starts its sandbox for others alone
		options = append(options, chromedp.NoSandbox)
	}
	starter, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, end := chromedp.NewContext(starter)
	t.Cleanup(func() { _ = chromedp.Cancel(ctx); end() }) // waits for the browser
	require.NoError(t, chromedp.Do(ctx), "Chromium does not start")
	return &Browser{ctx}
}

// find returns the path of Chromium; empty if there is none.
func find() string {
	for _, name := range []string{os.Getenv("ACCOUNTS_CHROMIUM"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	return ""
}

// Look is how a tab shows pages.
type Look struct {
	Width, Height int64
	Dark          bool
	NoScript      bool // pages run no script
}

// Tab is a tab with a session of its own. Its methods end the test that it was made for where they
// fail.
type Tab struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	requests   map[network.RequestID]*Request
	order      []*Request
}

// Request is what a page has asked for.
type Request struct {
	URL   string
	Bytes float64 // that came over the wire, headers included
}

// Tab opens a tab.
func (b *Browser) Tab(t testing.TB, look Look) *Tab {
	t.Helper()
	tab := &Tab{t: t, requests: map[network.RequestID]*Request{}}
	var end context.CancelFunc
	tab.ctx, end = chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext(), chromedp.WithListener(tab.hear))
	t.Cleanup(end)
	require.NoError(t, chromedp.Do(tab.ctx), "open a tab") // without a limit: the tab lives as long as this context
	call(tab, cdplog.Enable, cdp.Empty{})
	call(tab, network.Enable, network.EnableParams{})
	tab.Show(look)
	return tab
}

// call sends a command to the tab.
func call[P, R any](tab *Tab, command cdp.Command[P, R], params P) R {
	tab.t.Helper()
	return run(tab, command.Method, func(ctx context.Context, t *chromedp.Target) (R, error) { return cdp.Call(ctx, t, command, params) })
}

// run does one step in the tab, and ends the test where the step fails.
func run[T any](tab *Tab, what string, step chromedp.Action[T]) T {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, Patience)
	defer cancel()
	value, err := chromedp.Run(ctx, step)
	require.NoError(tab.t, err, "%s", what)
	return value
}

// Show changes how the tab shows pages, from the next one on.
func (tab *Tab) Show(look Look) {
	tab.t.Helper()
	scheme := "light"
	if look.Dark {
		scheme = "dark"
	}
	call(tab, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: look.Width, Height: look.Height, DeviceScaleFactor: 1,
		Mobile: look.Width < 600})
	call(tab, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: look.NoScript})
	call(tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"}}})
}

// hear keeps what the browser tells of.
func (tab *Tab) hear(event any) {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if thrown := e.ExceptionDetails.Exception; thrown != nil {
			text += " " + thrown.Description
		}
		tab.complaints = append(tab.complaints, "exception: "+text)
	case *runtime.EventConsoleAPICalled:
		switch e.Type {
		case runtime.ConsoleAPICalledTypeError, runtime.ConsoleAPICalledTypeWarning, runtime.ConsoleAPICalledTypeAssert:
			for _, arg := range e.Args {
				tab.complaints = append(tab.complaints, fmt.Sprintf("console: %s %s %s", e.Type, arg.Value, arg.Description))
			}
		}
	case *cdplog.EventEntryAdded:
		switch {
		case e.Entry.Level == cdplog.EntryLevelError, e.Entry.Level == cdplog.EntryLevelWarning, e.Entry.Source == cdplog.EntrySourceSecurity:
			tab.complaints = append(tab.complaints, fmt.Sprintf("log: %s %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		r := &Request{URL: e.Request.URL}
		tab.requests[e.RequestID], tab.order = r, append(tab.order, r)
	case *network.EventLoadingFinished:
		if r := tab.requests[e.RequestID]; r != nil {
			r.Bytes = e.EncodedDataLength
		}
	}
}

// Complaints returns what the browser complained of since the last call: errors, warnings, refusals
// by the policy for content.
func (tab *Tab) Complaints() []string {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	list := tab.complaints
	tab.complaints = nil
	return list
}

// Requests returns what pages have asked for since the last call.
func (tab *Tab) Requests() []Request {
	tab.mu.Lock()
	defer tab.mu.Unlock()
	var list []Request
	for _, r := range tab.order {
		if !strings.HasPrefix(r.URL, "data:") { // pictures in the browser's own controls
			list = append(list, *r)
		}
	}
	tab.order, tab.requests = nil, map[network.RequestID]*Request{}
	return list
}

// Open goes to an address, waits until the page has loaded, and returns the status of the answer.
func (tab *Tab) Open(address string) int64 {
	tab.t.Helper()
	return run(tab, "open "+address, chromedp.NavigateResponse(address)).Status
}

// Click clicks what a CSS selector finds, and waits for the page that follows.
func (tab *Tab) Click(selector string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, Patience)
	defer cancel()
	_, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector)))
	require.NoError(tab.t, err, "click %s on %s", selector, tab.URL())
}

// Touch clicks what a CSS selector finds, and waits for nothing.
func (tab *Tab) Touch(selector string) {
	tab.t.Helper()
	run(tab, "touch "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// Fill puts a text into the field that a CSS selector finds, in place of what is there.
func (tab *Tab) Fill(selector, text string) {
	tab.t.Helper()
	run(tab, "fill "+selector, chromedp.SetValue(chromedp.CSS(selector), text))
}

// Press presses keys, such as "\t" and "\r", where the focus is.
func (tab *Tab) Press(keys string) {
	tab.t.Helper()
	run(tab, "press keys", chromedp.KeyEvent(keys))
}

// Upload chooses a file for the field that a CSS selector finds.
func (tab *Tab) Upload(selector, file string) {
	tab.t.Helper()
	run(tab, "upload "+file, chromedp.SetUploadFiles(chromedp.CSS(selector), []string{file}))
}

// Offline tells the page that there is no network, or that there is one again.
func (tab *Tab) Offline(is bool) {
	tab.t.Helper()
	call(tab, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: is, DownloadThroughput: -1, UploadThroughput: -1})
}

// Eval evaluates JavaScript that has no result.
func (tab *Tab) Eval(what, script string) {
	tab.t.Helper()
	run(tab, what, chromedp.Evaluate[any]("{"+script+"}; null", chromedp.EvalAwaitPromise))
}

// Text returns the text of the page, as a person reads it.
func (tab *Tab) Text() string {
	tab.t.Helper()
	return run(tab, "read the page", chromedp.Text(chromedp.CSS("body")))
}

// Title returns the page's title.
func (tab *Tab) Title() string {
	tab.t.Helper()
	return run(tab, "read the title", chromedp.Title())
}

// URL returns the address of the page.
func (tab *Tab) URL() string {
	tab.t.Helper()
	return run(tab, "read the address", chromedp.Location())
}

// Until waits until JavaScript in the page is true, across pages that follow, and fails after
// Patience.
func (tab *Tab) Until(what, script string) {
	tab.t.Helper()
	ctx, cancel := context.WithTimeout(tab.ctx, Patience)
	defer cancel()
	for {
		is, err := chromedp.Run(ctx, chromedp.Evaluate[bool]("Boolean("+script+")")) // fails while a page is left for another
		if is && err == nil {
			return
		}
		require.NoError(tab.t, ctx.Err(), "wait until %s: %v", what, err)
		select {
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Picture saves a picture of the whole page, as a PNG.
func (tab *Tab) Picture(file string) {
	tab.t.Helper()
	require.NoError(tab.t, os.WriteFile(file, run(tab, "take a picture", chromedp.FullScreenshot(100)), 0o600))
}

// Eval evaluates JavaScript in a tab's page, and waits for a promise.
func Eval[T any](tab *Tab, script string) T {
	tab.t.Helper()
	what, _, _ := strings.Cut(script, "\n")
	return run(tab, "evaluate "+what, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}
