package page

import (
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// filled is a form of a page as a browser would send it.
type filled struct {
	action string
	post   bool
	values url.Values
}

var (
	formTag     = regexp.MustCompile(`(?s)<form([^>]*)>(.*?)</form>`)
	inputTag    = regexp.MustCompile(`(?s)<input([^>]*)>|<select[^>]* name="([^"]*)"[^>]*>(.*?)</select>|<textarea[^>]* name="([^"]*)"[^>]*>(.*?)</textarea>`)
	chosenTag   = regexp.MustCompile(`<option value="([^"]*)" selected>`)
	firstOption = regexp.MustCompile(`<option value="([^"]*)"`)
)

// attribute returns an attribute of a tag.
func attribute(tag, name string) string {
	if m := regexp.MustCompile(`\s` + name + `="([^"]*)"`).FindStringSubmatch(tag); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// formsIn returns the forms of a page, filled in as the page has them.
func formsIn(text string) []filled {
	var out []filled
	for _, m := range formTag.FindAllStringSubmatch(text, -1) {
		f := filled{action: attribute(m[1], "action"), post: attribute(m[1], "method") == "post", values: url.Values{}}
		for _, field := range inputTag.FindAllStringSubmatch(m[2], -1) {
			switch {
			case field[2] != "":
				chosen := chosenTag.FindStringSubmatch(field[3])
				if chosen == nil {
					chosen = firstOption.FindStringSubmatch(field[3])
				}
				f.values.Add(field[2], html.UnescapeString(chosen[1]))
			case field[4] != "":
				f.values.Add(field[4], html.UnescapeString(field[5]))
			case attribute(field[1], "type") == "radio" || attribute(field[1], "type") == "checkbox":
				if strings.HasSuffix(field[1], " checked") {
					f.values.Add(attribute(field[1], "name"), attribute(field[1], "value"))
				}
			default:
				f.values.Add(attribute(field[1], "name"), attribute(field[1], "value"))
			}
		}
		out = append(out, f)
	}
	return out
}

// formTo returns the form of a page that is sent to an address.
func formTo(t testing.TB, text, action string) filled {
	t.Helper()
	for _, f := range formsIn(text) {
		if f.action == action && f.post {
			return f
		}
	}
	require.Fail(t, "no form", "none is sent to %s", action)
	return filled{}
}

// with returns the form with values put in, given as names and values.
func (f filled) with(pairs ...string) filled {
	f.values = maps.Clone(f.values)
	for i := 0; i < len(pairs); i += 2 {
		f.values[pairs[i]] = []string{pairs[i+1]}
	}
	return f
}

// send posts a form as a caller.
func (r *rig) send(who string, f filled, headers ...string) answer {
	r.t.Helper()
	return r.do(who, http.MethodPost, f.action, f.values.Encode(), headers...)
}

// follow reads the page to which an answer leads.
func (r *rig) follow(who string, a answer) string {
	r.t.Helper()
	require.Equal(r.t, http.StatusSeeOther, a.Code, "%s: %s", a.path, plain(a.Body.String()))
	return r.get(who, a.Header().Get("Location")).text(r.t, http.StatusOK)
}

// path returns the path of a page of one of ann's profiles.
func (r *rig) path(name string, parts ...string) string { return pathOf(r.ids[name], parts...) }

// ticket returns the empty ticket of one of ann's profiles, with values put in.
func (r *rig) ticket(name string, pairs ...string) filled {
	r.t.Helper()
	text := r.get("ann", r.path(name, "ticket")).text(r.t, http.StatusOK)
	return formTo(r.t, text, r.path(name, "ticket")).with(pairs...)
}

// checkedTicket checks a ticket, and returns the form that places its order.
func (r *rig) checkedTicket(name string, pairs ...string) filled {
	r.t.Helper()
	text := r.send("ann", r.ticket(name, pairs...)).text(r.t, http.StatusOK)
	checkPage(r.t, r, r.path(name, "ticket"), text)
	if m := regexp.MustCompile(`href="([^"]*/place\?[^"]*)"`).FindStringSubmatch(text); m != nil { // real money is asked for
		text = r.get("ann", html.UnescapeString(m[1])).text(r.t, http.StatusOK)
		checkPage(r.t, r, r.path(name, "place"), text)
	}
	return formTo(r.t, text, r.path(name, "place"))
}

// stand is what a test holds the accounts against that nothing may have changed: by profile, the number of its
// last entry and its version.
func (r *rig) stand() map[accounts.ProfileID][2]int64 {
	r.t.Helper()
	out := map[accounts.ProfileID][2]int64{}
	for _, owner := range []string{"ann", "bob"} {
		list, err := r.manager.ListProfiles(owned(owner), accounts.ProfileFilter{})
		require.NoError(r.t, err)
		for _, p := range list {
			book, err := r.manager.Portfolio(owned(owner), p.ID)
			require.NoError(r.t, err)
			out[p.ID] = [2]int64{book.Seq(), p.Version}
		}
	}
	return out
}

// ordersOf returns the ids of the orders that work in one of ann's profiles.
func (r *rig) ordersOf(name string) []string {
	r.t.Helper()
	var out []string
	for _, w := range r.portfolio("ann", name).Snapshot().Risk.Orders {
		out = append(out, string(w.ID))
	}
	slices.Sort(out)
	return out
}
