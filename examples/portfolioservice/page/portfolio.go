package page

import (
	"maps"
	"slices"
	"strings"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/risk"
)

var portfolioRoutes = []route{
	{method: "GET", path: "/p/{id}", right: httpapi.Read, at: "portfolio", run: showPortfolio},
}

// portfolioView is the screen of one account.
type portfolioView struct {
	Account    account
	Halt       *haltView // of an account that is halted
	Stale      []known   // what is known while figures are old; nil where they are of now
	Notices    []notice
	Unrealized gain
	Realized   gain // this year
	Chart      *chart
	Points     int // of equity, where they are too few for a chart
	Figures    string
	Ranges     []chip
	Positions  []position
	Value      money // of all positions, in base currency
	Foremost   []meter
	Rest       []meter
	Working    []working
	Cash       []cash
	AllCash    money
	Can        can
}

// haltView says since when an account is halted.
type haltView struct {
	Since  moment
	Reason string
	Works  string // orders that still work
}

// cash is the balance of a currency.
type cash struct {
	Currency ledger.Currency
	Balance  money
}

func showPortfolio(c *call) error {
	a, err := c.readable()
	if err != nil {
		return err
	}
	p, err := c.portfolio()
	if err != nil {
		return err
	}
	s := &a.Snapshot
	view := portfolioView{Account: a, Can: canOf(c.caller.Rights), Notices: c.notices(&a)}
	chosen, window, chips := c.stretch(equityStretches, a.Path())
	view.Ranges, view.Figures = chips, a.Path("figures")+"?range="+chosen.Word
	curve, err := p.Curve(c.ctx, window)
	if err != nil {
		return err
	}
	view.Chart, view.Points = c.equityChart(&a, curve, chosen.Words), len(curve.Points)
	year, err := p.Performance(c.ctx, performance.Window{From: newYear(c.now)})
	if err != nil {
		return err
	}
	if year.Realized != nil {
		view.Realized = gained(*year.Realized)
	}
	if s.Missing == nil {
		view.Unrealized, view.AllCash = gained(s.Unrealized), cents(s.CashBase).in(a.Currency())
		view.Value = cents(s.Equity.Sub(s.CashBase))
	}
	for _, v := range s.Open {
		view.Positions = append(view.Positions, c.positionOf(&a, v))
	}
	slices.SortFunc(view.Positions, func(a, b position) int { return strings.Compare(a.Name, b.Name) })
	view.Foremost, view.Rest = meters(&a)
	for _, w := range s.Risk.Orders {
		view.Working = append(view.Working, c.workingOf(a, w))
	}
	for _, currency := range slices.Sorted(maps.Keys(s.Cash)) {
		view.Cash = append(view.Cash, cash{currency, cents(s.Cash[currency].Balance())})
	}
	if !a.Fresh.Live && !a.Archived() {
		view.Stale = c.knownOf(&a)
	}
	if a.Halted() {
		view.Halt = &haltView{Since: c.near(s.Risk.Since), Reason: s.Risk.Reason}
		if n := len(s.Risk.Orders); n > 0 {
			view.Halt.Works = plural(n, "order")
		}
	}
	return c.render("portfolio", "Portfolio", view)
}

// notices says what a person must know of an account, besides a halt and old figures, which the
// page's banner tells.
func (c *call) notices(a *account) []notice {
	var out []notice
	r := &a.Snapshot.Risk
	if a.Profile.Status != risk.StatusActive {
		then := "It may only reduce."
		if a.Archived() {
			then = "Nothing is accepted. Its journal is kept."
		}
		out = append(out, notice{"", "lock", "This profile is " + string(a.Profile.Status), then, nil})
	}
	if r.State == risk.TradingReducing {
		n := notice{"caution", "reduce", "Only orders that make positions smaller are accepted",
			"Since " + c.near(r.Since).Text + ": " + r.Reason + ". It stays so until you resume.", nil}
		if c.caller.Rights.Has(httpapi.Resume) {
			n.Acts = []act{{a.Path("resume"), "Resume", true}}
		}
		out = append(out, n)
	}
	for _, u := range r.Usage {
		if (u.Rule == risk.RulePosition || u.Rule == risk.RuleUnderlying && !alone(r.Usage, u)) && u.Warning {
			out = append(out, nearLimit(a, u))
		}
	}
	return append(out, c.brokerAttention(*a)...)
}

// nearLimit says that a position is near its limit, or above it.
func nearLimit(a *account, u risk.Usage) notice {
	m := meterOf(a, u)
	verb := " is at "
	if u.Rule == risk.RuleUnderlying {
		verb = " are at "
	}
	n := notice{"caution", "warn", m.Name + verb + percentOf(u.Used.InexactFloat64()/u.Limit.InexactFloat64()) + " of its limit",
		m.Used + " of at most " + m.Limit + " " + string(a.Currency()), nil}
	if m.Next != "" {
		n.Then += " (" + m.Next + ")"
	}
	n.Then += "."
	if u.Used.GreaterThan(u.Limit) {
		n.Then += " Buying more is refused."
	}
	return n
}

// known says how well something is known.
type known struct{ Class, Icon, Name, Then string }

// knownOf says what is known of an account whose figures are old.
func (c *call) knownOf(a *account) []known {
	s := &a.Snapshot
	out := []known{{"ok", "ok", "Positions, cash, orders", "From the journal, complete up to entry " + grouped(itoa(int(s.Seq))) + "."}}
	if then := c.oldMarks(s); then != "" {
		out = append(out, known{"warn", "warn", "Marks", then})
	}
	if len(a.Fresh.Lacks) > 0 {
		out = append(out, known{"warn", "warn", "Prices and rates", "None is known of " + list(a.Fresh.Lacks) + "."})
	}
	return out
}

// oldMarks says which marks are too old, the oldest first; "" if none is.
func (c *call) oldMarks(s *accounts.Snapshot) string {
	held := slices.Clone(s.Open)
	slices.SortStableFunc(held, func(a, b ledger.PositionValue) int { return a.Mark.Time.Compare(b.Mark.Time) })
	var ages []string
	of := map[string][]string{}
	for _, v := range held {
		old := c.now.Sub(v.Mark.Time)
		if !v.Marked() || old <= s.Risk.Limits.MarkAge {
			continue
		}
		if of[span(old)] == nil {
			ages = append(ages, span(old))
		}
		of[span(old)] = append(of[span(old)], nameOf(v.Instrument))
	}
	var parts []string
	for _, a := range ages {
		parts = append(parts, a+" old: "+list(of[a])+".")
	}
	return strings.Join(parts, " ")
}
