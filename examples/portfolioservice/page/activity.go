package page

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

var activityRoutes = []route{
	{method: "GET", path: "/activity", right: httpapi.Read, at: "activity", run: showActivity},
	{method: "GET", path: "/p/{id}/activity", right: httpapi.Read, at: "activity", run: showActivity},
}

// happening is one thing that happened, in words.
type happening struct {
	Account       account
	When          moment
	Icon          string
	Bad           bool
	Heading, Then string
	By            string
	Seq           string
	Kind          ledger.EntryKind
	at            time.Time
	seq           int64
}

// dayOf is what happened in a day.
type dayOf struct {
	ID, Word, Date string
	List           []happening
}

// activityView is the screen of what happened: in one account, or in all.
type activityView struct {
	Accounts []chip
	Kinds    []chip
	Days     []dayOf
	Older    string // the path of what happened before; empty where that is all
	Search   search
}

// search is what a reader looks for.
type search struct {
	Path, Kind string
	Words      string
	From, To   string // dates, as the browser writes them
	from, to   time.Time
	Wrong      string // what cannot be read as a date
	Narrowed   bool   // by words or dates
}

// kindsOf are the kinds of activity that a reader can choose.
var kindsOf = []struct {
	name, word string
	kinds      []ledger.EntryKind
}{
	{"", "Everything", nil},
	{"trades", "Trades", []ledger.EntryKind{ledger.KindTrade, ledger.KindAmendment}},
	{"orders", "Orders", []ledger.EntryKind{risk.KindHold, risk.KindDispatch, risk.KindRelease}},
	{"refusals", "Refusals", []ledger.EntryKind{risk.KindRefusal}},
	{"state", "State", []ledger.EntryKind{risk.KindState, risk.KindBreach}},
	{"limits", "Limits", []ledger.EntryKind{risk.KindPolicy}},
	{"money", "Money", []ledger.EntryKind{ledger.KindCash, ledger.KindOpening, ledger.KindTransfer, ledger.KindEquity}},
	{"logins", "Logins", []ledger.EntryKind{accounts.KindAccess}},
}

// perPage is how many things a page of the activity has.
const perPage = 50

func showActivity(c *call) error {
	chosen, err := c.chosen()
	if err != nil {
		return err
	}
	s := c.search()
	view := activityView{Search: s}
	if view.Accounts, err = c.accountChips("activity"); err != nil {
		return err
	}
	for i := range view.Accounts {
		view.Accounts[i].Path += s.query("kind", s.Kind)
	}
	for _, k := range kindsOf {
		view.Kinds = append(view.Kinds, chip{Path: s.Path + s.query("kind", k.name), Word: k.word, Current: k.name == s.Kind})
	}
	chosen = slices.DeleteFunc(chosen, func(a account) bool { return a.Trouble != nil })
	found, cursors, err := c.happenings(chosen, s, cursorsOf(c.r.URL.Query().Get("before"), len(chosen)))
	if err != nil {
		return err
	}
	view.Days = c.byDay(found)
	if len(cursors) > 0 {
		view.Older = s.Path + s.query("kind", s.Kind) + "&before=" + strings.Join(cursors, "-")
	}
	return c.render("activity", "Activity", view)
}

// search reads what the reader looks for. A date that cannot be read bounds nothing, and is said.
func (c *call) search() search {
	q := c.r.URL.Query()
	s := search{Path: c.below("activity"), Words: strings.TrimSpace(q.Get("q")), From: q.Get("from"), To: q.Get("to")}
	for _, k := range kindsOf {
		if k.name == q.Get("kind") {
			s.Kind = k.name
		}
	}
	for _, d := range []struct {
		text string
		into *time.Time
		days int
	}{{s.From, &s.from, 0}, {s.To, &s.to, 1}} { // the last day is one of them
		if d.text == "" {
			continue
		}
		t, err := time.ParseInLocation(time.DateOnly, d.text, c.page.Location)
		if err != nil {
			s.Wrong = d.text
			continue
		}
		*d.into = t.AddDate(0, 0, d.days)
	}
	s.Narrowed = s.Words != "" || s.From != "" || s.To != ""
	return s
}

// query returns the search as the query of an address, with one parameter set.
func (s search) query(name, value string) string {
	out := "?" + name + "=" + queryEscape(value)
	for _, p := range [][2]string{{"q", s.Words}, {"from", s.From}, {"to", s.To}} {
		if p[1] != "" {
			out += "&" + p[0] + "=" + queryEscape(p[1])
		}
	}
	return out
}

// cursorsOf reads where each account's page goes on; all zero where that cannot be read.
func cursorsOf(text string, n int) []int64 {
	parts := strings.Split(text, "-")
	out := make([]int64, n)
	if len(parts) != n {
		return out
	}
	for i, part := range parts {
		seq, err := strconv.ParseInt(part, 10, 64)
		if err != nil || seq < 0 {
			return make([]int64, n)
		}
		out[i] = seq
	}
	return out
}

// exhausted is the cursor of a journal of which everything was shown: nothing is before its first
// entry.
const exhausted = 1

// happenings returns a page of what happened in accounts, the newest first, and where the next page
// goes on in each of them; no cursors where that is all.
func (c *call) happenings(chosen []account, s search, before []int64) ([]happening, []string, error) {
	var all []happening
	next := make([]int64, len(chosen))
	more := false
	for i, a := range chosen {
		p, err := c.page.Manager.Portfolio(c.ctx, a.ID)
		if err != nil {
			return nil, nil, err
		}
		found, goesOn, err := c.walkBack(p, before[i], walk{want: c.wants(&a, s), most: perPage, since: s.from})
		if err != nil {
			return nil, nil, err
		}
		next[i] = max(goesOn, exhausted)
		more = more || goesOn > exhausted
		for _, e := range found {
			all = append(all, c.happeningOf(a, e))
		}
	}
	slices.SortStableFunc(all, func(a, b happening) int { return cmp.Or(b.at.Compare(a.at), cmp.Compare(b.seq, a.seq)) })
	if len(all) > perPage {
		more = true
		for i, a := range chosen { // what is left out comes first on the next page
			for _, h := range all[perPage:] {
				if h.Account.ID == a.ID {
					next[i] = max(next[i], h.seq+1)
				}
			}
		}
		all = all[:perPage]
	}
	if !more {
		return all, nil, nil
	}
	cursors := make([]string, len(next))
	for i, n := range next {
		cursors[i] = strconv.FormatInt(n, 10)
	}
	return all, cursors, nil
}

// wants reports what a search finds.
func (c *call) wants(a *account, s search) func(entry) bool {
	var kinds []ledger.EntryKind
	for _, k := range kindsOf {
		if k.name == s.Kind {
			kinds = k.kinds
		}
	}
	words := strings.Fields(strings.ToLower(s.Words))
	return func(e entry) bool {
		if kinds != nil && !slices.Contains(kinds, e.kind) || !s.to.IsZero() && !e.at.Before(s.to) {
			return false
		}
		if len(words) == 0 {
			return true
		}
		h := c.happeningOf(*a, e)
		text := strings.ToLower(h.Heading + " " + h.Then + " " + h.Seq + " " + string(h.Kind) + " " + h.By)
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	}
}

// byDay divides what happened into days.
func (c *call) byDay(list []happening) []dayOf {
	var out []dayOf
	today := ledger.DateOf(c.now)
	yesterday := ledger.DateOf(c.now.AddDate(0, 0, -1))
	for _, h := range list {
		at := h.at.In(c.page.Location)
		date := ledger.DateOf(at)
		if id := "d" + date.String(); len(out) == 0 || out[len(out)-1].ID != id {
			d := dayOf{ID: id, Word: at.Format("Monday"), Date: at.Format("2 January 2006")}
			switch date {
			case today:
				d.Word, d.Date = "Today", at.Format("Monday 2 January")
			case yesterday:
				d.Word, d.Date = "Yesterday", at.Format("Monday 2 January")
			}
			out = append(out, d)
		}
		day := &out[len(out)-1]
		day.List = append(day.List, h)
	}
	return out
}
