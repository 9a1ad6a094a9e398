package browser

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

// The browser tells of what is wrong with a page, and the scanner of what somebody cannot read.
func TestABadPageIsFound(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", "default-src 'none'; script-src 'self'")
		if r.URL.Path == "/bad.js" {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = fmt.Fprint(w, "console.error('wrong'); throw new Error('worse')")
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>%s</title><style>p{color:red}</style><main><h1>A</h1><img src="/x.png">
			<a href="/next">next</a></main><script src="/bad.js"></script>`, r.URL.Path)
	}))
	t.Cleanup(server.Close)
	b, axe := New(t), NewAxe(t)
	tab := b.Tab(t, Look{Width: 360, Height: 800})
	require.EqualValues(t, 200, tab.Open(server.URL+"/first"))
	require.Equal(t, "/first", tab.Title())
	complaints := fmt.Sprint(tab.Complaints())
	require.Contains(t, complaints, "wrong")
	require.Contains(t, complaints, "worse")
	require.Contains(t, complaints, "Content Security Policy", "the style is against the policy")
	require.Len(t, tab.Requests(), 3, "the page, the script and the image")
	findings := axe.Scan(tab)
	require.Contains(t, fmt.Sprint(findings), "image-alt")
	tab.Click("a")
	require.Equal(t, "/next", tab.Title())
	require.EqualValues(t, 360, Eval[int](tab, "innerWidth"))

	quiet := b.Tab(t, Look{Width: 1280, Height: 800, Dark: true, NoScript: true})
	quiet.Open(server.URL)
	require.NotContains(t, fmt.Sprint(quiet.Complaints()), "worse", "the script ran")
	require.True(t, Eval[bool](quiet, "matchMedia('(prefers-color-scheme: dark)').matches"))
}
