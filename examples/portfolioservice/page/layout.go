package page

import (
	"strings"

	"github.com/ai-ots/accounts/httpapi"
)

// layout is what is on every page, around its View.
type layout struct {
	Title     string
	Class     string // of the body: the account's
	CSS, JS   string
	Icon      string
	Events    string // the stream of what changes; empty where nothing does
	Keys      bool
	At        string // which entry of the menus is current
	Account   *account
	Accounts  []account // all in use, in the order in which they were made
	Live      int       // how many of them are live
	Paper     int
	Working   int // orders that work: of the account, or of all
	Total     money
	Clock     moment
	State     string // "Live", "Not live", or of several accounts "Not all live"
	Zone      string
	Fresh     bool // the figures are of now
	FiguresOf moment
	Banner    *notice
	Here      string // the page's own address
	Name      string // of the caller
	Can       can
	View      any
}

// can says what the caller may do.
type can struct{ Read, Check, Trade, Halt, Resume, Record, Administer bool }

func canOf(r httpapi.Rights) can {
	return can{r.Has(httpapi.Read), r.Has(httpapi.Check), r.Has(httpapi.Trade), r.Has(httpapi.Halt),
		r.Has(httpapi.Resume), r.Has(httpapi.Record), r.Has(httpapi.Administer)}
}

// All reports whether the page is of all accounts.
func (l *layout) All() bool { return l.Account == nil }

// Path returns the path of a page of the account, or of the page of that name of all accounts.
func (l *layout) Path(parts ...string) string {
	if l.Account != nil {
		return l.Account.Path(parts...)
	}
	return "/" + strings.Join(parts, "/")
}

// Is returns how an entry of the menus says that it is the current one; "" if it is not.
func (l *layout) Is(at string) bool { return l.At == at }

// notice is something that a person must know: about a thing in the page, or as a banner about the
// page.
type notice struct {
	Class   string // caution, bad, good; of a banner halted, stale
	Icon    string
	Heading string
	Then    string
	Acts    []act
}

// act is a link that settles something.
type act struct {
	Path, Words string
	Dialog      bool // the module opens what it leads to in place
}

// signedIn reports whether it is known who calls, and that he may look.
func (c *call) signedIn() bool { return c.caller.Rights.Has(httpapi.Read) }

// layout returns what is around a page. Without a caller, or without a store that answers, there
// are no accounts in it.
func (c *call) layout(title string) *layout {
	l := &layout{Title: title, Class: "a0", CSS: cssPath, JS: jsPath, Icon: iconPath, At: c.route.at, Clock: c.clock(c.now), Zone: c.zone(),
		Fresh: true, State: "Live", Here: c.r.URL.RequestURI(), Name: c.caller.Name, Can: canOf(c.caller.Rights)}
	if cookie, err := c.r.Cookie(keysCookie); err == nil {
		l.Keys = cookie.Value == "on"
	}
	if !c.signedIn() {
		return l
	}
	known, err := c.accounts()
	if err != nil {
		return l
	}
	l.Events = "/events"
	for i := range known {
		a := &known[i]
		if a.ID == c.profileID() {
			l.Account = a
		}
		if a.Archived() {
			continue
		}
		l.Accounts = append(l.Accounts, *a)
		l.Working += len(a.Snapshot.Risk.Orders)
		if a.Trouble == nil && !a.Fresh.Live {
			l.Fresh, l.State = false, "Not all live"
		}
		if a.Live() {
			l.Live++
		} else {
			l.Paper++
		}
	}
	if totals := totalsOf(l.Accounts, true); len(totals) == 1 {
		l.Total = totals[0].Rounded
	}
	if l.Account == nil {
		if title != titleOfAll {
			l.Title += " · " + titleOfAll
		}
		return l
	}
	c.about(l, l.Account)
	return l
}

// titleOfAll is what pages of all accounts are about.
const titleOfAll = "All accounts"

// about fills in what the pages of one account have.
func (c *call) about(l *layout, a *account) {
	l.Class = a.Class()
	switch {
	case a.Trouble != nil || a.Archived():
	case a.Halted() && l.Title == "Halted": // the title says it
	case a.Halted():
		l.Title += ", halted"
	case !a.Fresh.Live:
		l.Title += ", not live"
	}
	l.Title += " · " + a.Name + " · " + a.EnvWord()
	l.Events += "?account=" + queryEscape(string(a.ID))
	l.Working = len(a.Snapshot.Risk.Orders)
	if a.Trouble != nil {
		return
	}
	if l.Fresh, l.State = a.Fresh.Live, "Live"; !l.Fresh {
		l.State = "Not live"
	}
	if !a.Fresh.Oldest.IsZero() {
		l.FiguresOf = c.near(a.Fresh.Oldest)
	}
	switch {
	case a.Halted():
		l.Banner = &notice{Class: "halted", Icon: "halt", Heading: a.Name + " is halted.",
			Then: "No order is accepted, not even one that makes a position smaller."}
	case !l.Fresh && !a.Archived():
		l.Banner = c.stale(a)
		l.Banner.Acts = []act{{Path: l.Here, Words: "Try again"}}
	}
}

// stale says how old the figures of an account are.
func (c *call) stale(a *account) *notice {
	n := &notice{Class: "stale", Icon: "activity", Heading: "Not live."}
	refused := " New orders are refused until marks are newer than " + a.Fresh.Most + "; orders that make a position smaller pass."
	if len(a.Fresh.Lacks) > 0 {
		n.Then = "There is no price of " + list(a.Fresh.Lacks) + ", so equity is not known." + refused
		return n
	}
	n.Then = "Figures are of " + c.near(a.Fresh.Oldest).Text + " " + c.zone() + ", " + span(c.now.Sub(a.Fresh.Oldest)) + " ago." + refused
	return n
}
