package page

import (
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
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
	tags       = regexp.MustCompile(`<[^>]*>`)
	requestIDs = regexp.MustCompile(`Request [0-9a-f-]{36}|/p/[^"]*`)
	spaces     = regexp.MustCompile(`\s+`)
	unitTags   = regexp.MustCompile(`<span class="u">`)
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

// made reports whether a path names what a form makes first: a signal, a file that was sent, or a download.
func made(pattern string) bool {
	return strings.Contains(pattern, "{signal}") || strings.Contains(pattern, "{file}") || strings.Contains(pattern, "{download}")
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
	all := tagsOf(text)
	require.NoError(t, wellFormed(text), path)
	require.NotContains(t, text, "ZgotmplZ", "%s: a value that the template does not trust", path)
	require.NotContains(t, text, "<nil>", path)
	require.Contains(t, text, `<script type="module" src="`+jsPath+`"></script>`, path)
	_, title, _ := strings.Cut(text, "<title>")
	title, _, _ = strings.Cut(title, "</title>")
	title = html.UnescapeString(title)
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
	for _, tag := range all {
		if id, ok := tag.attributes["id"]; ok {
			require.False(t, ids[id], "%s: two elements have the id %q", path, id)
			ids[id] = true
		}
	}
	for _, tag := range all {
		require.NoError(t, tag.check(ids), path)
	}
}

// check returns an error for what the policy forbids in a tag, and for a reference that leads nowhere.
func (g tag) check(ids map[string]bool) error {
	if g.name == "style" || g.name == "script" && !g.closes && g.attributes["src"] != jsPath {
		return fmt.Errorf("the policy forbids <%s>", g.name)
	}
	for name, value := range g.attributes {
		lower := strings.ToLower(value)
		switch {
		case name == "style" || strings.HasPrefix(name, "on") || strings.HasPrefix(lower, "javascript:"):
			return fmt.Errorf("the policy forbids %s in <%s>", name, g.name)
		case (name == "src" || name == "href" || name == "action") && (strings.HasPrefix(lower, "//") || strings.Contains(lower, "://")):
			return fmt.Errorf("<%s> asks somebody else: %s", g.name, value)
		case slices.Contains([]string{"aria-labelledby", "aria-describedby", "popovertarget", "for"}, name) && !ids[value],
			g.name == "use" && name == "href" && !ids[strings.TrimPrefix(value, "#")]:
			return fmt.Errorf("<%s>: nothing has the id %q", g.name, value)
		}
	}
	switch {
	case g.closes:
	case g.name == "a":
		return leads(g.attributes["href"], http.MethodGet)
	case g.name == "form":
		action, given := g.attributes["action"]
		if !given {
			return fmt.Errorf("a form has no action")
		}
		method := http.MethodGet
		if g.attributes["method"] == "post" {
			method = http.MethodPost
		}
		return leads(action, method)
	}
	return nil
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

// leads returns an error unless a link or a form leads to a route of the table.
func leads(to, method string) error {
	if strings.HasPrefix(to, "#") {
		return nil
	}
	u, err := url.Parse(to)
	if err != nil {
		return err
	}
	for _, route := range table() {
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

// tag is the beginning or the end of an element.
type tag struct {
	name       string
	closes     bool // it is an end
	empty      bool // it has no end
	attributes map[string]string
}

// tagsOf returns the tags of a page in their order. A < that begins no tag is one with a strange name.
func tagsOf(text string) (out []tag) {
	for {
		_, rest, found := strings.Cut(text, "<")
		if !found {
			return out
		}
		g := tag{attributes: map[string]string{}}
		rest, g.closes = strings.CutPrefix(rest, "/")
		end := strings.IndexAny(rest, " />")
		g.name, rest = rest[:max(end, 0)], rest[max(end, 0):]
		for rest != "" && rest[0] != '>' {
			rest = strings.TrimLeft(rest, " ")
			if after, ok := strings.CutPrefix(rest, "/"); ok {
				g.empty, rest = true, after
				continue
			}
			end := strings.IndexAny(rest, "=> /")
			if end <= 0 {
				break
			}
			name := rest[:end]
			rest = rest[end:]
			value := ""
			if quoted, ok := strings.CutPrefix(rest, `="`); ok {
				value, rest, _ = strings.Cut(quoted, `"`)
			}
			g.attributes[name] = html.UnescapeString(value)
		}
		out, text = append(out, g), rest
	}
}

// void are the elements that have no end.
var void = []string{"meta", "link", "input", "br", "hr", "img", "!doctype"}

// inText are the elements that a paragraph cannot have in it.
var inText = []string{"div", "ul", "ol", "dl", "section", "p", "table", "form", "h1", "h2", "h3"}

// wellFormed returns an error unless every element ends where it must, and no link or button is in another.
func wellFormed(text string) error {
	var open []string
	for _, g := range tagsOf(text) {
		switch {
		case g.name == "" || strings.Trim(g.name, "abcdefghijklmnopqrstuvwxyz0123456789!") != "":
			return fmt.Errorf("<%.20s is no tag", g.name)
		case g.empty || slices.Contains(void, g.name):
		case !g.closes:
			for _, outer := range open {
				link := (g.name == "a" || g.name == "button") && (outer == "a" || outer == "button")
				if link || g.name == "form" && outer == "form" || outer == "p" && slices.Contains(inText, g.name) {
					return fmt.Errorf("<%s> is in <%s>", g.name, outer)
				}
			}
			open = append(open, g.name)
		case len(open) == 0 || open[len(open)-1] != g.name:
			return fmt.Errorf("</%s> where %v are open", g.name, open)
		default:
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		return fmt.Errorf("%v do not end", open)
	}
	return nil
}

// The checks of the walk find what they look for.
func TestTheWalkFinds(t *testing.T) {
	for text, problem := range map[string]string{
		`<div><p></div>`: "are open", `<a href="/"><button></button></a>`: "is in <a>", `<p><ul></ul></p>`: "is in <p>", `<div>`: "do not end", `a < b`: "is no tag",
	} {
		require.ErrorContains(t, wellFormed(text), problem, text)
	}
	for text, problem := range map[string]string{
		`<p style="color: red">`: "forbids style", `<p onclick="x()">`: "forbids onclick", `<script>`: "forbids", `<style>`: "forbids", `<a href="javascript:x()">`: "forbids",
		`<img src="//x.example/y">`: "somebody else", `<use href="#nothing"/>`: "nothing has the id", `<a href="/elsewhere">`: "no route", `<form method="post" action="/orders">`: "no route",
	} {
		require.ErrorContains(t, tagsOf(text)[0].check(nil), problem, text)
	}
	require.NoError(t, wellFormed(`<!doctype html><p class="a b">1 &lt; 2<br><svg><path d="M0 0"/></svg></p>`))
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
