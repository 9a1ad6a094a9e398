package page

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ibkr/flex"
)

var uploadRoutes = []route{
	{method: "POST", path: "/p/{id}/statement", right: httpapi.Record, at: "statements", upload: true, run: takeStatement},
	{method: "GET", path: "/p/{id}/statement/{file}", right: httpapi.Record, at: "statements", run: showUpload},
}

// Files that were sent are kept for a while, so that what is imported is what was looked at.
const (
	maxUpload  = 16 << 20 // bytes of a file, with the form around it
	maxKept    = 64 << 20 // bytes of all files
	uploadLife = 15 * time.Minute
)

// upload is a file that was sent, and not more: what it means is worked out each time it is looked
// at.
type upload struct {
	text    []byte
	profile accounts.ProfileID
	at      time.Time
}

// maxReading is how many files are read at once: each takes many times its size while it is.
const maxReading = 4

// uploads are the files that are kept, by their keys.
type uploads struct {
	mu      sync.Mutex
	of      map[string]*upload
	reading chan struct{} // has room for those that read
}

// begin waits until a file may be read. The caller calls end then.
func (u *uploads) begin(ctx context.Context) (end func(), err error) {
	select {
	case u.reading <- struct{}{}:
		return func() { <-u.reading }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// keep keeps a file, and returns its key. The oldest files make room.
func (u *uploads) keep(one *upload) string {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.of == nil {
		u.of = map[string]*upload{}
	}
	size := len(one.text)
	for key, old := range u.of {
		if one.at.Sub(old.at) >= uploadLife {
			delete(u.of, key)
			continue
		}
		size += len(old.text)
	}
	for size > maxKept {
		oldest := ""
		for key, old := range u.of {
			if oldest == "" || old.at.Before(u.of[oldest].at) {
				oldest = key
			}
		}
		size -= len(u.of[oldest].text)
		delete(u.of, oldest)
	}
	key := newOnce()
	u.of[key] = one
	return key
}

// find returns a file of a profile; nil if it is not here, or not here any more.
func (u *uploads) find(key string, id accounts.ProfileID, now time.Time) *upload {
	u.mu.Lock()
	defer u.mu.Unlock()
	one := u.of[key]
	if one == nil || one.profile != id || now.Sub(one.at) >= uploadLife {
		return nil
	}
	return one
}

// takeStatement takes a file, and shows what it is; or imports one that was shown.
func takeStatement(c *call) error {
	a, err := c.readable()
	if err != nil {
		return err
	}
	end, err := c.page.uploads.begin(c.ctx)
	if err != nil {
		return err
	}
	defer end()
	if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err == nil && kind == "multipart/form-data" {
		return c.receive(&a)
	}
	f, err := c.form("u", "profile", "file")
	if err != nil {
		return err
	}
	if err := c.mine(&a, f); err != nil {
		return err
	}
	one := c.page.uploads.find(f.Value("file"), a.ID, c.now)
	if one == nil {
		return c.gone(&a)
	}
	if err := c.importFile(&a, one); err != nil {
		return err
	}
	return c.redirect(a.Path("statement", f.Value("file")))
}

// gone says that a file is not kept any more.
func (c *call) gone(a *account) error {
	return tell(http.StatusNotFound, "The file is not here any more.", "Files that were sent are kept for a quarter of an hour. Importing one again changes nothing.",
		act{Path: a.Path("statement"), Words: "Statements of " + a.Name})
}

// receive reads a file, as it comes.
func (c *call) receive(a *account) error {
	parts, err := c.r.MultipartReader()
	if err != nil || c.r.URL.RawQuery != "" {
		return errForm
	}
	one := &upload{profile: a.ID, at: c.now}
	found := false
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return broken(err)
		}
		if part.FormName() != "statement" || found {
			return errForm
		}
		found = true
		if one.text, err = io.ReadAll(part); err != nil { // the body is bounded
			return broken(err)
		}
	}
	if !found {
		return errForm
	}
	if len(one.text) == 0 {
		return tell(http.StatusUnprocessableEntity, "No file was chosen.", "Choose a Flex statement, XML or CSV, or an activity statement.", act{Path: a.Path("statement"), Words: "Statements of " + a.Name})
	}
	if _, err := one.read(a); err != nil {
		return err
	}
	return c.redirect(a.Path("statement", c.page.uploads.keep(one)))
}

// broken returns the error of a body that broke off.
func broken(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return errForm
}

// read returns the statements of a file in the order of their periods. Errors are told: a file that
// is none, and one that has nothing of the account.
func (u *upload) read(a *account) ([]*flex.Statement, error) {
	back := act{Path: a.Path("statement"), Words: "Statements of " + a.Name}
	list, err := flex.ReadAll(bytes.NewReader(u.text))
	if err != nil {
		then := "Nothing was taken in. It must be a Flex statement, XML or CSV, or an activity statement in English."
		var at *flex.ReadError
		if errors.As(err, &at) && at.Line > 0 {
			then = "Nothing was taken in. Line " + itoa(at.Line) + " cannot be read" + where(at.Section, at.Field) + "."
		}
		return nil, &told{failure{nil, http.StatusUnprocessableEntity, "This file is no statement that can be read.", then, false}, []act{back}}
	}
	slices.SortStableFunc(list, func(a, b *flex.Statement) int { return int(a.From) - int(b.From) })
	var others []string
	for _, st := range list {
		if ours(a, st) {
			return list, nil
		}
		others = append(others, masked(st.AccountID))
	}
	if len(others) == 0 {
		return nil, &told{failure{nil, http.StatusUnprocessableEntity, "There is no statement in this file.", "Nothing was taken in.", false}, []act{back}}
	}
	return nil, &told{failure{nil, http.StatusConflict, "This statement is of another account.",
		"It is of " + strings.Join(others, ", ") + ", and " + a.Name + " is " + a.Masked + ". Nothing was taken in.", false}, []act{back}}
}

// where says where in a line something is, as far as that is a name and no data.
func where(section, field string) string {
	out := ""
	for _, p := range []pairOf{{", section ", section}, {", field ", field}} {
		if p.Value != "" && len(p.Value) <= 50 && nameable(p.Value) {
			out += p.Name + p.Value
		}
	}
	return out
}

// ours reports whether a statement is of an account, or may be by what it says.
func ours(a *account, st *flex.Statement) bool {
	return st.Of(a.Profile.IBKRAccountID)
}

// importFile records the statements of a file that are of the account. Each is recorded whole or
// not at all, but for large ones, see flex.Import; the first that cannot be ends the import.
func (c *call) importFile(a *account, one *upload) error {
	list, err := one.read(a)
	if err != nil {
		return err
	}
	p, err := c.page.Manager.Portfolio(c.ctx, a.ID)
	if err != nil {
		return err
	}
	for _, st := range list {
		if !ours(a, st) {
			continue
		}
		if _, _, err := flex.Import(c.ctx, p, st); err != nil {
			return c.notImported(a, st, err)
		}
	}
	return nil
}

// refusedFacts are the errors of a statement that contradicts the book, in words.
var refusedFacts = []struct {
	is   error
	then string
}{
	{accounts.ErrOutOfOrder, "It is older than what the book begins with: import statements in the order of their periods."},
	{flex.ErrLevels, "The book may have in another form what it tells: import executions with the broker's ids of all days, or keep to one form."},
	{accounts.ErrExecutionMismatch, "A correction names another contract than its execution."},
	{accounts.ErrExecutionNotFound, "A cancellation names an execution that the book does not have."},
	{accounts.ErrPositionNotFound, "A corporate action is of a contract that is not held."},
	{accounts.ErrFutureTime, "A time lies in the future."},
	{accounts.ErrIDReused, "The book has something else under one of its ids."},
	{flex.ErrBaseCurrency, "Its rates are to another base currency than the account's here: let the query leave fxRateToBase out."},
	{accounts.ErrCurrencyMismatch, "An amount or a rate is in another currency than it must be."},
	{accounts.ErrInexact, "A figure has more places than can be kept exactly."},
	{flex.ErrFormat, "A figure that is needed is missing or cannot be read."},
	{accounts.ErrInvalid, "A figure of it cannot be."},
}

// notImported says why a statement was not imported.
func (c *call) notImported(a *account, st *flex.Statement, err error) error {
	if errors.Is(err, flex.ErrIncomplete) {
		return &told{failure{err, http.StatusServiceUnavailable, "A part of the statement of " + periodOf(st) + " is imported, and not all of it.",
			"Import it again: the rest is recorded then, and nothing twice.", false}, []act{{Path: a.Path("statement"), Words: "Statements of " + a.Name}}}
	}
	if errors.Is(err, accounts.ErrOutcomeUnknown) {
		return &told{failure{err, http.StatusBadGateway, "We do not know whether it was imported.", "Import it again: what is recorded already is not recorded twice.", false},
			[]act{{Path: a.Path("statement"), Words: "Statements of " + a.Name}}}
	}
	for _, r := range refusedFacts {
		if errors.Is(err, r.is) {
			return &told{failure{err, http.StatusConflict, "The statement of " + periodOf(st) + " was not imported.", r.then, false},
				[]act{{Path: a.Path("statement"), Words: "Statements of " + a.Name}}}
		}
	}
	return err
}

// periodOf returns the period of a statement.
func periodOf(st *flex.Statement) string {
	form := "2 January 2006"
	switch {
	case st.To == 0:
		return "an unknown period"
	case st.From == st.To || st.From == 0:
		return st.To.Time(time.UTC).Format(form)
	}
	return st.From.Time(time.UTC).Format(form) + " to " + st.To.Time(time.UTC).Format(form)
}

// uploadView is the page of a file that was sent.
type uploadView struct {
	Account account
	Key     string
	New     int // facts that the journal does not have
	Parts   []partView
}

// partView is a statement of a file.
type partView struct {
	Period   string
	Masked   string // the account's id
	Ours     bool
	New      int
	Inferred int
	Issues   []string
	More     int // further issues
	Unread   int // rows that move money or positions, or may, and will not be in the book
	Problem  string

	// What follows is of a statement of which nothing is new: the book is held against it.
	Compared, Agree int
	Tolerated       int    // of those that agree, how many do so within the tolerance alone
	Largest         string // of these differences
	AgreeW, BreakX  string // of a drawing's width
	BreakW          string
	Breaks          []breakView
	Unchecked       []string
}

// showUpload shows what a file is, and once it was imported how the book stands beside it. Nothing
// changes.
func showUpload(c *call) error {
	a, err := c.readable()
	if err != nil {
		return err
	}
	key := c.r.PathValue("file")
	one := c.page.uploads.find(key, a.ID, c.now)
	if one == nil {
		return c.gone(&a)
	}
	end, err := c.page.uploads.begin(c.ctx)
	if err != nil {
		return err
	}
	defer end()
	list, err := one.read(&a)
	if err != nil {
		return err
	}
	p, err := c.page.Manager.Portfolio(c.ctx, a.ID)
	if err != nil {
		return err
	}
	view := uploadView{Account: a, Key: key}
	for _, st := range list {
		part, err := c.part(&a, p, st)
		if err != nil {
			return err
		}
		view.New += part.New
		view.Parts = append(view.Parts, part)
	}
	return c.render("upload", "Statement", view)
}

// maxIssues is how many of what was not interpreted the page lists of one statement.
const maxIssues = 20

// part returns a statement of a file.
func (c *call) part(a *account, p *accounts.Portfolio, st *flex.Statement) (partView, error) {
	v := partView{Period: periodOf(st), Masked: masked(st.AccountID), Ours: ours(a, st)}
	if !v.Ours {
		return v, nil
	}
	plan, err := flex.Preview(c.ctx, p, st)
	if err != nil {
		t := c.notImported(a, st, err)
		var own *told
		if !errors.As(t, &own) {
			return v, err
		}
		v.Problem = own.then
		return v, nil
	}
	v.New, v.Inferred = plan.Size(), len(plan.Inferred)
	for n, i := range plan.Issues {
		if i.Unread {
			v.Unread += max(i.Rows, 1)
		}
		if n < maxIssues {
			v.Issues = append(v.Issues, "Line "+itoa(i.Line)+": "+i.Text)
		}
	}
	v.More = len(plan.Issues) - len(v.Issues)
	if v.New > 0 {
		return v, nil // the book lacks the facts: comparing it would tell of nothing but that
	}
	result, err := p.Reconcile(c.ctx, plan.Broker)
	if err != nil {
		return v, err
	}
	v.Compared, v.Agree = result.Compared, result.Compared-len(result.Breaks)
	v.Tolerated, v.Largest = result.Tolerated, result.Largest.String()
	v.Breaks, v.Unchecked = breaksOf(result.Breaks), result.Unchecked
	if v.Compared > 0 {
		part := float64(v.Agree) / float64(v.Compared)
		v.AgreeW, v.BreakX, v.BreakW = along(part), along(part), along(1-part)
	}
	return v, nil
}
