package page

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/risk"
)

var tradingRoutes = []route{
	{method: "GET", path: "/halt", right: httpapi.Halt, at: "accounts", run: askHaltAll},
	{method: "POST", path: "/halt", right: httpapi.Halt, at: "accounts", run: haltAll},
	{method: "GET", path: "/p/{id}/halt", right: httpapi.Halt, at: "portfolio", run: ask(haltAct)},
	{method: "POST", path: "/p/{id}/halt", right: httpapi.Halt, at: "portfolio", run: halt},
	{method: "GET", path: "/p/{id}/reduce", right: httpapi.Halt, at: "portfolio", run: ask(reduceAct)},
	{method: "POST", path: "/p/{id}/reduce", right: httpapi.Halt, at: "portfolio", run: decide(reduceAct)},
	{method: "GET", path: "/p/{id}/resume", right: httpapi.Resume, at: "portfolio", run: ask(resumeAct)},
	{method: "POST", path: "/p/{id}/resume", right: httpapi.Resume, at: "portfolio", run: decide(resumeAct)},
}

// stateAct is a person's decision about what an account accepts.
type stateAct struct {
	Path, Verb, Stay string
	Label, Reason    string // of the field, and what is in it to begin with
	Icon, Class      string // of the button
	what             func(a *account) string
	do               func(*accounts.Portfolio, context.Context, string) error
}

const haltMeans = "No order is accepted from now on, not even one that makes a position smaller. Orders that were sent are cancelled at the broker " +
	"where a connection works the account; where none does, they stay until you cancel them. The halt lasts, restarts included, until somebody resumes."

var (
	haltAct = &stateAct{Path: "halt", Verb: "Halt", Stay: "Keep trading", Label: "Reason, kept in the journal", Reason: "Stopping to look", Icon: "halt", Class: "halt solid",
		what: func(*account) string { return haltMeans }, do: (*accounts.Portfolio).Halt}
	reduceAct = &stateAct{Path: "reduce", Verb: "Reduce", Stay: "Leave as it is", Label: "Reason, kept in the journal", Icon: "reduce", Class: "primary",
		what: func(*account) string {
			return "Only orders that make a position smaller are accepted from now on, after a halt too. Orders that work go on. It lasts, restarts included, until somebody resumes."
		}, do: (*accounts.Portfolio).Reduce}
	resumeAct = &stateAct{Path: "resume", Verb: "Resume", Stay: "Leave as it is", Label: "What you saw and decided, kept in the journal", Class: "primary",
		what: resumeMeans, do: (*accounts.Portfolio).Resume}
)

// resumeMeans says what a resumption does, and how the account stands.
func resumeMeans(a *account) string {
	r := &a.Snapshot.Risk
	if a.Snapshot.Missing != nil {
		return "Equity is not known, because there is no price of " + list(a.Fresh.Lacks) + ". Nothing can be resumed until it is."
	}
	out := "Drawdown is " + percent(r.Drawdown.InexactFloat64(), 1)
	if r.Severity > risk.SeverityNormal {
		out += ", at the level " + r.Severity.String()
	}
	return out + ". Orders are accepted again. A loss or a drawdown that stopped trading is counted anew from the equity of now; others go on being counted."
}

// stateView is the page that asks for such a decision, or tells of a halt.
type stateView struct {
	Act      *stateAct
	Account  account
	Form     *form
	Means    string
	Halted   bool
	Since    moment
	Why      string
	Orders   []string // those that may still fill
	Unknown  bool     // it is not known what works at the broker
	CanHalt  bool
	Resumes  bool
	StayPath string
}

// viewState returns the page of a decision.
func (c *call) viewState(act *stateAct, a *account, f *form) stateView {
	r := &a.Snapshot.Risk
	v := stateView{Act: act, Account: *a, Form: f, Means: act.what(a), Halted: a.Halted(), Why: r.Reason, StayPath: a.Path(),
		CanHalt: c.caller.Rights.Has(httpapi.Halt), Resumes: c.caller.Rights.Has(httpapi.Resume)}
	if act == resumeAct && a.Halted() {
		act := *act
		act.Stay = "Stay halted"
		v.Act = &act
	}
	if !r.Since.IsZero() {
		v.Since = c.near(r.Since)
	}
	v.Orders, v.Unknown = c.mayFill(a)
	return v
}

// mayFill lists the orders that were sent and may fill, and reports whether more may be at the
// broker: an account that nothing works here was not asked.
func (c *call) mayFill(a *account) (orders []string, unknown bool) {
	l, linked := c.link(a.ID)
	for _, w := range a.Snapshot.Risk.Orders {
		if !w.SentAt.IsZero() {
			orders = append(orders, sideOf(w.Remaining(), w.Instrument))
		}
	}
	return orders, !linked || !l.Works || l.Session != broker.SessionUsable || !l.Ready || len(l.Questions) > 0
}

// ask returns the action that asks for a decision. Of an account that is halted, halt tells how
// that went.
func ask(act *stateAct) func(c *call) error {
	return func(c *call) error {
		a, err := c.readable()
		if err != nil {
			return err
		}
		f := newForm("r")
		f.set("reason", act.Reason)
		return c.renderState(http.StatusOK, act, &a, f)
	}
}

// renderState answers with the page of a decision.
func (c *call) renderState(status int, act *stateAct, a *account, f *form) error {
	v := c.viewState(act, a, f)
	if act == haltAct && v.Halted && f.ok() {
		return c.renderAs(status, "halted", "Halted", v)
	}
	return c.renderAs(status, "state", act.Verb, v)
}

// decide returns the action that carries out a decision.
func decide(by *stateAct) func(c *call) error {
	return func(c *call) error {
		a, err := c.readable()
		if err != nil {
			return err
		}
		f, err := c.form("r", "profile", "reason")
		if err != nil {
			return err
		}
		if err := c.mine(&a, f); err != nil {
			return err
		}
		if f.reason(); !f.ok() {
			return c.renderState(http.StatusUnprocessableEntity, by, &a, f)
		}
		p, err := c.page.Manager.Portfolio(c.ctx, a.ID)
		if err != nil {
			return err
		}
		err = by.do(p, c.ctx, f.Value("reason"))
		switch {
		case errors.Is(err, accounts.ErrNoMark):
			f.fail("", "Equity is not known: a price or a rate is missing. Nothing was changed.")
			return c.renderState(http.StatusConflict, by, &a, f)
		case err != nil:
			return err
		}
		return c.redirect(a.Path())
	}
}

// halt carries out a halt. It asks nothing of the store before: an account that trades through this
// process is halted, and its orders are cancelled, while the store does not answer.
func halt(c *call) error {
	f, err := c.form("r", "profile", "reason")
	if err != nil {
		return err
	}
	id := c.profileID()
	if f.reason(); !f.ok() || f.Value("profile") != string(id) || !nameable(string(id)) {
		a, err := c.readable()
		if err == nil {
			err = c.mine(&a, f)
		}
		if err != nil {
			return err
		}
		return c.renderState(http.StatusUnprocessableEntity, haltAct, &a, f)
	}
	p, err := c.page.Manager.Portfolio(c.ctx, id)
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	if engine := c.page.Engine(id); engine != nil { // orders are cancelled even where the halt is not written, or not soon
		group.Go(func() { c.cancelAll(engine, f.Value("reason"), id) })
	}
	err = p.Halt(c.ctx, f.Value("reason"))
	group.Wait()
	if err != nil {
		name, words := "The account", "Halt it"
		if a, readErr := c.account(); readErr == nil {
			name, words = a.Name, "Halt "+a.Name
		}
		return &told{failure{err, failureOf(err).status, name + " may not be halted.", "Its halt could not be written. Halt it again at once.", false},
			[]act{{Path: pathOf(id, "halt"), Words: words}}}
	}
	return c.redirect(pathOf(id, "halt"))
}

// reason checks the reason of a decision.
func (f *form) reason() {
	f.needed("reason")
	if err := risk.CheckReason(f.Value("reason")); err != nil {
		f.fail("reason", "Write 1 to %d letters on one line.", risk.MaxReason)
	}
}

// cancelAll has an engine halt a profile and cancel its orders, for at most half of the request's
// time: so the page still tells what works. What is not known then is asked of the engine by that
// page.
func (c *call) cancelAll(engine httpapi.Engine, reason string, id accounts.ProfileID) {
	ctx, cancel := context.WithTimeout(c.ctx, timeout/2)
	defer cancel()
	rows, err := engine.Halt(ctx, reason, id)
	if err != nil || slices.ContainsFunc(rows, func(r broker.Halted) bool { return r.Err != nil || r.Problem != nil }) {
		c.page.Logger.WarnContext(c.ctx, "orders may work after a halt", "profile", string(id), "err", err)
	}
}

// haltAllView is the page that asks whether to halt every account, or tells how that went.
type haltAllView struct {
	Form   *form
	Means  string
	Open   []account // not halted
	Halted []stateView
}

// viewHaltAll returns the page about halting every account in use.
func (c *call) viewHaltAll(f *form) (haltAllView, error) {
	v := haltAllView{Form: f, Means: haltMeans}
	known, err := c.accounts()
	for i := range known {
		a := &known[i]
		switch {
		case a.Archived():
		case a.Halted():
			v.Halted = append(v.Halted, c.viewState(haltAct, a, f))
		default:
			v.Open = append(v.Open, *a)
		}
	}
	return v, err
}

func askHaltAll(c *call) error {
	f := newForm("r")
	f.set("reason", haltAct.Reason)
	v, err := c.viewHaltAll(f)
	if err != nil {
		return err
	}
	return c.render("haltall", "Halt all", v)
}

func haltAll(c *call) error {
	f, err := c.form("r", "reason")
	if err != nil {
		return err
	}
	if f.reason(); !f.ok() {
		v, err := c.viewHaltAll(f)
		if err != nil {
			return err
		}
		return c.renderAs(http.StatusUnprocessableEntity, "haltall", "Halt all", v)
	}
	ids, err := c.page.Manager.OpenProfiles(c.ctx) // those that trade through this process
	if err != nil {
		return err
	}
	var group sync.WaitGroup
	for _, id := range ids { // one at a time: an engine refuses all where it does not know one
		if engine := c.page.Engine(id); engine != nil { // orders are cancelled even where halts are not written, or not soon
			group.Go(func() { c.cancelAll(engine, f.Value("reason"), id) })
		}
	}
	err = c.page.Manager.HaltAll(c.ctx, f.Value("reason"))
	group.Wait()
	if err != nil {
		return &told{failure{err, failureOf(err).status, "Not every account was halted.", "Some may trade on. Halt all again at once.", false},
			[]act{{Path: "/halt", Words: "Halt all"}}}
	}
	return c.redirect("/halt")
}
