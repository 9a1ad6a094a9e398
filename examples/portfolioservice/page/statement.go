package page

import (
	"net/http"
	"slices"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

var statementRoutes = []route{
	{method: "GET", path: "/statements", right: httpapi.Read, at: "statements", run: showStatements},
	{method: "GET", path: "/p/{id}/statement", right: httpapi.Read, at: "statements", run: showStatement},
}

// statementsView is the screen that chooses an account.
type statementsView struct{ Accounts []account }

func showStatements(c *call) error {
	chosen, err := c.chosen()
	if err != nil {
		return err
	}
	return c.render("statements", "Statements", statementsView{chosen})
}

// recording is facts that were recorded together, some of them long after they happened: a
// statement that was imported, as far as the journal tells.
type recording struct {
	When     moment
	What     string
	From, To moment // of the facts
	Seq      string
	at       time.Time
	from, to time.Time
	late     bool
	n        map[ledger.EntryKind]int
	first    int64
}

// statementView is the screen of statements of one account, before one is imported.
type statementView struct {
	Account    account
	CanImport  bool
	Fetch      *fetchView // nil where nothing can be downloaded
	Linked     bool
	Checked    string // how the account stands at the broker
	Breaks     []breakView
	Differ     string // how many
	Recordings []recording
}

// breakView is a figure of the book that is not the broker's.
type breakView struct {
	Name, What                string
	Difference, Ours, Brokers money
}

// maxRecordings is how many recordings the page has at most.
const maxRecordings = 20

func showStatement(c *call) error {
	a, err := c.readable()
	if err != nil {
		return err
	}
	return c.renderStatement(http.StatusOK, &a, nil)
}

// renderStatement answers with the page of statements of an account. f is a form of a download that
// was wrong, or nil.
func (c *call) renderStatement(status int, a *account, f *form) error {
	p, err := c.portfolio()
	if err != nil {
		return err
	}
	view := statementView{Account: *a, CanImport: c.caller.Rights.Has(httpapi.Record)}
	if view.Fetch, err = c.fetchable(a, f); err != nil {
		return err
	}
	if l, linked := c.link(a.ID); linked && l.Works {
		view.Linked = true
		view.Checked = checkedWords(c, l.AccountStatus)
		view.Breaks = breaksOf(l.Breaks)
		view.Differ = itoa(len(l.Breaks)) + differs(len(l.Breaks))
	}
	if view.Recordings, err = c.recordings(p); err != nil {
		return err
	}
	return c.renderAs(status, "statement", "Statements", view)
}

// checkedWords says how an account stands at the broker.
func checkedWords(c *call, s broker.AccountStatus) string {
	if s.SyncedAt.IsZero() {
		return "Not yet in step with the broker. " + sentence(s.Reason)
	}
	words := "In step with the broker since " + c.near(s.SyncedAt).Text + "."
	if !s.Ready {
		words = "Was in step with the broker at " + c.near(s.SyncedAt).Text + ". " + sentence(s.Reason)
	}
	return words
}

// breaksOf returns differences in words.
func breaksOf(list []reconcile.Break) []breakView {
	out := make([]breakView, len(list))
	for i, b := range list {
		out[i] = breakOf(b)
	}
	return out
}

// recordings returns what was recorded together and late, the newest first.
func (c *call) recordings(p *accounts.Portfolio) ([]recording, error) {
	found, _, err := c.walkBack(p, 0, walk{most: maxWalk, want: isFact})
	if err != nil {
		return nil, err
	}
	var out []recording
	for _, e := range found { // the newest first
		last := len(out) - 1
		if last < 0 || !out[last].at.Equal(e.at) {
			out = append(out, recording{at: e.at, n: map[ledger.EntryKind]int{}})
			last++
		}
		out[last].add(e)
	}
	out = slices.DeleteFunc(out, func(r recording) bool { return !r.late })
	out = out[:min(len(out), maxRecordings)]
	for i := range out {
		r := &out[i]
		r.When, r.From, r.To = c.stamp(r.at), c.at(r.from, "2 Jan 06"), c.at(r.to, "2 Jan 06")
		r.What, r.Seq = r.words(), "#"+grouped(itoa(int(r.first)))
	}
	return out, nil
}

// isFact reports whether an entry is a fact that a statement may tell.
func isFact(e entry) bool {
	_, ok := e.value.(ledger.Fact)
	return ok && e.kind != ledger.KindEquity
}

// happenedAt returns when a fact happened, by its own time.
func happenedAt(v any) time.Time {
	switch f := v.(type) {
	case ledger.Trade:
		return f.Time
	case ledger.CashMovement:
		return f.Time
	case ledger.Split:
		return f.Time
	case ledger.Opening:
		return f.Time
	case ledger.Transfer:
		return f.Time
	case ledger.Cancellation:
		return f.Time
	}
	return time.Time{}
}

// add takes a fact in.
func (r *recording) add(e entry) {
	r.first = e.seq
	r.n[e.kind]++
	at := happenedAt(e.value)
	if at.IsZero() {
		return
	}
	if r.from.IsZero() || at.Before(r.from) {
		r.from = at
	}
	if at.After(r.to) {
		r.to = at
	}
	r.late = r.late || e.at.Sub(at) > 6*time.Hour
}

// words says what was recorded.
func (r *recording) words() string {
	var parts []string
	for _, k := range []struct {
		kind ledger.EntryKind
		noun string
	}{{ledger.KindTrade, "trade"}, {ledger.KindCash, "cash movement"}, {ledger.KindOpening, "opening balance"}, {ledger.KindTransfer, "transfer"},
		{ledger.KindSplit, "corporate action"}} {
		if n := r.n[k.kind]; n > 0 {
			parts = append(parts, plural(n, k.noun))
			delete(r.n, k.kind)
		}
	}
	rest := 0
	for _, n := range r.n {
		rest += n
	}
	if rest > 0 {
		parts = append(parts, plural(rest, "correction"))
	}
	return list(parts)
}

// breakOf returns a difference in words.
func breakOf(b reconcile.Break) breakView {
	out := breakView{Name: string(b.Currency), What: breakWords[b.Field], Difference: difference(b.Difference), Ours: cents(b.Ours), Brokers: cents(b.Theirs)}
	if b.Contract != "" {
		out.Name = subjectName(string(b.Contract))
	}
	if out.What == "" {
		out.What = b.Field
	}
	if b.ExecID != "" {
		out.What += ", execution " + string(b.ExecID)
	}
	if b.Field == "quantity" {
		plain := func(d ledger.Decimal) money { return money{Known: true, Whole: quantity(d)} }
		out.Ours, out.Brokers, out.Difference = plain(b.Ours), plain(b.Theirs), plain(b.Difference)
		if b.Difference.IsPos() {
			out.Difference.Sign = "+"
		}
	}
	return out
}

// breakWords are the words for what is compared.
var breakWords = map[string]string{"realized": "Realized", "quantity": "Quantity", "cost_basis": "Cost basis", "cash": "Cash"}
