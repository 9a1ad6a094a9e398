package page

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// fill puts what the rich rig has into a path of the table.
func (r *rig) fill(pattern string) string { return r.fillWith(pattern, r.ids["Optimal-100K"]) }

func (r *rig) fillWith(pattern string, id accounts.ProfileID) string {
	pattern = strings.TrimSuffix(pattern, "{$}")
	return strings.NewReplacer("{id}", url.PathEscape(string(id)), "{key}", url.PathEscape(string(spy.Key())),
		"{order}", "o-1").Replace(pattern)
}

// hasProfile reports whether a path names a profile.
func hasProfile(pattern string) bool { return strings.Contains(pattern, "{id}") }

var (
	tags         = regexp.MustCompile(`<[^>]*>`)
	requestIDs   = regexp.MustCompile(`Request [0-9a-f-]{36}|/p/[^"]*`)
	spaces       = regexp.MustCompile(`\s+`)
	unitTags     = regexp.MustCompile(`<span class="u">`)
	titles       = regexp.MustCompile(`<title>(.*?)</title>`)
	idAttributes = regexp.MustCompile(`\sid="([^"]*)"`)
	references   = regexp.MustCompile(`(?:aria-labelledby|aria-describedby|popovertarget| for)="([^"]*)"`)
	iconUses     = regexp.MustCompile(`<use href="#([^"]*)"`)
	anchors      = regexp.MustCompile(`<a [^>]*href="([^"]*)"`)
	formTags     = regexp.MustCompile(`<form[^>]*>`)
	actions      = regexp.MustCompile(`action="([^"]*)"`)
	elements     = regexp.MustCompile(`<(/?)([a-zA-Z][a-zA-Z0-9]*)((?:[^"<>]|"[^"]*")*)>`)
	forbidden    = regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:|<script(?: [^>]*)?>[^<]`)
	elsewhere    = regexp.MustCompile(`(?:src|href|action)="(?:https?:)?//`)
	openings     = regexp.MustCompile(`<(/?[a-zA-Z]|!doctype)`)
)

// plain returns the text of a page without its tags.
func plain(text string) string {
	text = unitTags.ReplaceAllString(text, " ")
	text = tags.ReplaceAllString(text, "\x00")
	text = strings.ReplaceAll(text, "\x00", "")
	return html.UnescapeString(spaces.ReplaceAllString(text, " "))
}

// withoutID returns a page without what differs between two requests.
func withoutID(text string) string { return requestIDs.ReplaceAllString(text, "") }

// pages returns the paths of all pages that are read, with rich data.
func (r *rig) pages() []string {
	var out []string
	for _, route := range table() {
		if route.method != http.MethodGet || route.stream || route.right == 0 || made(route.path) {
			continue
		}
		if !hasProfile(route.path) {
			out = append(out, r.fill(route.path))
			continue
		}
		for _, name := range []string{"Optimal-100K", "Conservative-250K", "Balanced-50K", "Aggressive-25K"} {
			if path := r.fillWith(route.path, r.ids[name]); r.shows(name, route.path) {
				out = append(out, path)
			}
		}
	}
	return out
}

// made reports whether a path names what a form makes first: a signal, or a file that was sent.
func made(pattern string) bool {
	return strings.Contains(pattern, "{signal}") || strings.Contains(pattern, "{file}")
}

// shows reports whether there is something to show under a path: not every account has held SPY.
func (r *rig) shows(name, pattern string) bool {
	if strings.Contains(pattern, "{order}") {
		return name == "Optimal-100K"
	}
	if !strings.Contains(pattern, "{key}") {
		return true
	}
	_, held := r.portfolio("ann", name).Position(spy.Key())
	return held
}

// Every page of the table renders with rich data, is well formed, keeps to the policy, says which account it
// is about, and leads nowhere but to pages of the table.
func TestEveryPage(t *testing.T) {
	r := rich(t)
	pages := r.pages()
	require.NotEmpty(t, pages)
	for _, path := range pages {
		text := r.get("ann", path).text(t, http.StatusOK)
		checkPage(t, r, path, text)
	}
}

// checkPage holds one page against what holds of all.
func checkPage(t testing.TB, r *rig, path, text string) {
	t.Helper()
	require.NoError(t, wellFormed(text), path)
	require.NotContains(t, text, "ZgotmplZ", "%s: a value that the template does not trust", path)
	require.Empty(t, forbidden.FindAllString(text, -1), "%s: the policy forbids it", path)
	require.Empty(t, elsewhere.FindAllString(text, -1), "%s: nobody else is asked", path)
	require.NotContains(t, text, "<nil>", path)
	title := html.UnescapeString(titles.FindStringSubmatch(text)[1])
	if id := profileIn(path); id != "" {
		for name, known := range r.ids {
			if known == id {
				require.Contains(t, title, name, path)
				require.Regexp(t, "LIVE|PAPER", title, path)
			}
		}
	} else {
		require.Contains(t, title, titleOfAll, path)
	}
	ids := map[string]bool{}
	for _, m := range idAttributes.FindAllStringSubmatch(text, -1) {
		require.False(t, ids[m[1]], "%s: two elements have the id %q", path, m[1])
		ids[m[1]] = true
	}
	for _, m := range references.FindAllStringSubmatch(text, -1) {
		require.True(t, ids[m[1]], "%s: nothing has the id %q", path, m[1])
	}
	for _, m := range iconUses.FindAllStringSubmatch(text, -1) {
		require.True(t, ids[m[1]], "%s: there is no icon %q", path, m[1])
	}
	for _, m := range anchors.FindAllStringSubmatch(text, -1) {
		require.NoError(t, leads(html.UnescapeString(m[1]), http.MethodGet), "%s leads to %s", path, m[1])
	}
	for _, form := range formTags.FindAllString(text, -1) {
		action := actions.FindStringSubmatch(form)
		require.NotNil(t, action, "%s: a form has its action: %s", path, form)
		method := http.MethodGet
		if strings.Contains(form, `method="post"`) {
			method = http.MethodPost
		}
		require.NoError(t, leads(html.UnescapeString(action[1]), method), "%s leads to %s", path, form)
	}
}

// profileIn returns the profile that a path names; "" for none.
func profileIn(path string) accounts.ProfileID {
	rest, found := strings.CutPrefix(path, "/p/")
	if !found {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	id, err := url.PathUnescape(id)
	if err != nil {
		return ""
	}
	return accounts.ProfileID(id)
}

// awaited are the pages that are not in the table yet.
var awaited = []route{
	{method: "GET", path: "/new"}, {method: "GET", path: "/halt"}, {method: "GET", path: "/signal"}, {method: "GET", path: "/p/{id}/ticket"},
	{method: "GET", path: "/p/{id}/halt"}, {method: "GET", path: "/p/{id}/reduce"}, {method: "GET", path: "/p/{id}/resume"},
	{method: "GET", path: "/p/{id}/switch"}, {method: "POST", path: "/p/{id}/switch"}, {method: "POST", path: "/p/{id}/cancel"},
	{method: "GET", path: "/p/{id}/edit"}, {method: "GET", path: "/p/{id}/limits/edit"}, {method: "GET", path: "/p/{id}/credentials"},
	{method: "GET", path: "/p/{id}/link"}, {method: "GET", path: "/p/{id}/archive"}, {method: "POST", path: "/p/{id}/statement"},
	{method: "POST", path: "/signout"},
}

// reachable are all pages there are.
var reachable = append(table(), awaited...)

// leads returns an error unless a link or a form leads to a route of the table.
func leads(to, method string) error {
	if strings.HasPrefix(to, "#") {
		return nil
	}
	u, err := url.Parse(to)
	if err != nil {
		return err
	}
	for _, route := range reachable {
		if route.method == method && matches(route.path, u.EscapedPath()) {
			return nil
		}
	}
	return fmt.Errorf("no route is %s %s", method, u.EscapedPath())
}

// matches reports whether a pattern of the table has a path.
func matches(pattern, path string) bool {
	want, got := strings.Split(strings.TrimSuffix(pattern, "{$}"), "/"), strings.Split(path, "/")
	if len(want) != len(got) {
		return false
	}
	for i := range want {
		if want[i] != got[i] && !(strings.HasPrefix(want[i], "{") && got[i] != "") {
			return false
		}
	}
	return true
}

// void are the elements that have no end.
var void = map[string]bool{"meta": true, "link": true, "input": true, "br": true, "hr": true, "img": true}

// wellFormed returns an error unless every element ends where it must, and no link or button is in another.
func wellFormed(text string) error {
	var open []string
	for _, m := range elements.FindAllStringSubmatch(text, -1) {
		name := m[2]
		switch {
		case void[name] || strings.HasSuffix(m[3], "/"):
		case m[1] == "":
			for _, outer := range open {
				if (name == "a" || name == "button") && (outer == "a" || outer == "button") || name == "form" && outer == "form" ||
					(name == "div" || name == "ul" || name == "section" || name == "p") && outer == "p" {
					return fmt.Errorf("<%s> is in <%s>", name, outer)
				}
			}
			open = append(open, name)
		case len(open) == 0 || open[len(open)-1] != name:
			return fmt.Errorf("</%s> where %v are open", name, open)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("%v do not end", open)
	}
	if n := strings.Count(text, "<"); n != len(openings.FindAllString(text, -1)) {
		return fmt.Errorf("a < is no beginning of a tag")
	}
	return nil
}

// Names are text, whatever is in them.
func TestNamesAreEscaped(t *testing.T) {
	r := newRig(t)
	p := accounts.Optimal100K("DU1000001")
	p.Name = `<script>alert("1")</script>&'`
	r.create("ann", p)
	for _, path := range r.namePages() {
		text := r.get("ann", path).text(t, http.StatusOK)
		require.NotContains(t, text, "<script>alert", path)
		require.Contains(t, text, "&lt;script&gt;", path)
		require.NoError(t, wellFormed(text), path)
	}
}

// namePages returns the pages of the only profile, and those of all.
func (r *rig) namePages() []string {
	var out []string
	for _, route := range table() {
		if route.method != http.MethodGet || route.stream || route.right == 0 || made(route.path) || strings.Contains(route.path, "{key}") || strings.Contains(route.path, "{order}") {
			continue
		}
		for _, id := range r.ids {
			out = append(out, r.fillWith(route.path, id))
		}
	}
	return out
}

// The first load is small: the page, the style sheet and the module, as they are sent.
func TestFirstLoad(t *testing.T) {
	r := rich(t)
	for _, page := range r.pages() {
		sum := 0
		for _, path := range []string{page, cssPath, jsPath, iconPath} {
			a := r.get("ann", path, "Accept-Encoding", "gzip")
			require.Equal(t, "gzip", a.Header().Get("Content-Encoding"), path)
			sum += a.Body.Len()
		}
		require.Less(t, sum, 100_000, page)
	}
}
