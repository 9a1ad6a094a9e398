package httpapi

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ibkr/flex"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

var statementRoutes = []route{
	{method: "POST", path: "/profiles/{id}/statements", id: "importStatements", tag: "statements", right: Record, upload: true,
		text: "Import a file of Flex statements, XML or CSV, or an activity statement, and hold the book against the broker's figures.",
		more: "Statements of other accounts in the file are listed and left alone. Each statement is recorded whole or not at all, in the order of the periods; " +
			"the first that cannot be recorded ends the import. A statement of more than 20,000 facts is recorded in parts, in the order of their times: where that " +
			"breaks off, the problem `incomplete` says how much is recorded, and the same file again records the rest. Importing a file again changes nothing.",
		params: []param{profileParam, {name: "dry_run", in: "query", text: "Say what an import would record, and change nothing.", schema: schema{Type: types{"boolean"}}}},
		action: just(importStatements), codes: []Code{CodeUnreadable, CodeSyntax, CodeNotAcceptable, CodeTooLarge, CodeOutOfOrder, CodeLevels, CodeWrongAccount, CodeFact, CodeKeyReused, CodeIncomplete}},
}

// statementView is what came of one statement of a file.
type statementView struct {
	Account string      `json:"account,omitempty"`
	From    ledger.Date `json:"from,omitzero"`
	To      ledger.Date `json:"to,omitzero"`
	// Ours says that the statement is of the profile's account.
	Ours     bool           `json:"ours" doc:"Whether the statement is of the profile's account; others are left alone."`
	Facts    int            `json:"facts" doc:"The facts in it that the journal did not have."`
	Imported bool           `json:"imported"`
	Inferred []inferredLot  `json:"inferred" doc:"Lots that were held before the statement began."`
	Issues   []issue        `json:"issues" doc:"What was read and not interpreted."`
	Unread   map[string]int `json:"unread" doc:"How many rows move money or positions, or may, and are not in the book, by section."`
	Compared int            `json:"compared" doc:"How many figures were held against the book."`
	// Tolerated and Largest say how much of the tolerance was used.
	Tolerated int               `json:"tolerated" doc:"How many of these differ by no more than the broker's rounding explains. They are no breaks."`
	Largest   ledger.Decimal    `json:"largest" doc:"The largest of these differences, without its sign and whatever its currency."`
	Breaks    []reconcile.Break `json:"breaks" doc:"The differences from the broker's figures. A book that agrees has none."`
	Unknown   []string          `json:"unchecked" doc:"What the book could not be held against, and why."`
	Problem   *Problem          `json:"problem,omitempty" doc:"Why the statement, and what follows it, was not imported."`
}

type inferredLot struct {
	Instrument ledger.Instrument `json:"instrument"`
	Quantity   ledger.Decimal    `json:"quantity"`
	Basis      ledger.Decimal    `json:"basis"`
}

type issue struct {
	Line    int    `json:"line"`
	Section string `json:"section,omitempty"`
	Text    string `json:"text"`
	Rows    int    `json:"rows"`
	Unread  bool   `json:"unread" doc:"Whether the rows move money or positions, or may, and are not in the book."`
}

type statementList struct {
	Statements []statementView `json:"statements"`
}

// fileTypes are the types of an uploaded file. The reader tells XML and CSV apart by itself.
var fileTypes = []string{"application/xml", "text/xml", "text/csv", "text/plain", "application/octet-stream"}

func importStatements(c *call) (*statementList, error) {
	p, err := c.portfolio()
	if err != nil {
		return nil, err
	}
	kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || !slices.Contains(fileTypes, kind) || c.r.Header.Get("Content-Encoding") != "" {
		return nil, newProblem(CodeNotAcceptable, "The body must be the file itself, of the type application/xml, text/csv or application/octet-stream.")
	}
	select { // a file takes many times its size while it is read
	case c.api.reading <- struct{}{}:
		defer func() { <-c.api.reading }()
	case <-c.ctx.Done():
		return nil, c.ctx.Err()
	}
	body := &upload{from: http.MaxBytesReader(c.w, c.r.Body, c.api.MaxStatement)}
	list, err := flex.ReadAll(body)
	if body.err != nil {
		return nil, bodyError(body.err)
	}
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b *flex.Statement) int { return int(a.From) - int(b.From) })
	out := &statementList{Statements: []statementView{}}
	var failed *Problem
	done := 0
	for _, st := range list {
		view := viewStatement(st)
		view.Ours = st.Of(p.IBKRAccountID())
		if view.Ours && failed == nil {
			if failed = c.part(c.importOne(p, st, &view)); failed != nil {
				view.Problem = failed
			} else {
				done++
			}
		}
		out.Statements = append(out.Statements, view)
	}
	if failed != nil && done == 0 { // nothing was done: the answer is the problem
		return nil, failed
	}
	return out, nil
}

// upload is a body that remembers why it broke off, which the reader of a format may not tell.
type upload struct {
	from io.Reader
	err  error
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		u.err = err
	}
	return n, err
}

func viewStatement(st *flex.Statement) statementView {
	view := statementView{Account: st.AccountID, From: st.From, To: st.To, Inferred: []inferredLot{}, Issues: []issue{}, Breaks: []reconcile.Break{}, Unknown: []string{}}
	view.take(st.Issues)
	return view
}

// take notes what was not interpreted.
func (v *statementView) take(issues []flex.Issue) {
	v.Issues, v.Unread = []issue{}, flex.Unread(issues)
	for _, i := range issues {
		v.Issues = append(v.Issues, issue{i.Line, i.Section, i.Text, i.Rows, i.Unread})
	}
}

// importOne imports a statement, or plans it, and says what came of it.
func (c *call) importOne(p *accounts.Portfolio, st *flex.Statement, view *statementView) error {
	var plan *flex.Plan
	var err error
	if c.flag("dry_run") {
		plan, err = flex.Preview(c.ctx, p, st)
		if err == nil {
			view.Facts = plan.Size()
		}
	} else {
		plan, view.Facts, err = flex.Import(c.ctx, p, st)
	}
	if err != nil {
		return err
	}
	view.take(plan.Issues)
	for _, l := range plan.Inferred {
		view.Inferred = append(view.Inferred, inferredLot{l.Instrument, l.Quantity, l.Basis})
	}
	if c.flag("dry_run") {
		return nil // the book does not have the facts yet: comparing it would tell of nothing but that
	}
	view.Imported = true
	result, err := p.Reconcile(c.ctx, plan.Broker)
	if err != nil {
		return err
	}
	view.Tolerated, view.Largest = result.Tolerated, result.Largest
	view.Compared, view.Unknown, view.Breaks = result.Compared, clone(result.Unchecked), clone(result.Breaks)
	return nil
}
