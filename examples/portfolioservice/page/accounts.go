package page

import (
	"fmt"
	"slices"

	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/risk"
)

var accountRoutes = []route{
	{method: "GET", path: "/{$}", right: httpapi.Read, at: "accounts", run: showAccounts},
}

// accountsView is the screen of all accounts.
type accountsView struct {
	Live, Paper []total // by currency: nothing is added to another currency
	Shares      *shares
	Attention   []notice
	Cards       []card
	Archived    []account
	CanMake     bool
}

// card is an account on the screen of all accounts.
type card struct {
	account
	Spark     *spark
	Warning   *badge
	Drawdown  string
	Positions string
	Working   int
}

func showAccounts(c *call) error {
	known, err := c.accounts()
	if err != nil {
		return err
	}
	view := accountsView{CanMake: c.caller.Rights.Has(httpapi.Administer)}
	var inUse []account
	for _, a := range known {
		if a.Archived() {
			view.Archived = append(view.Archived, a)
			continue
		}
		inUse = append(inUse, a)
		card, err := c.card(a)
		if err != nil {
			return err
		}
		view.Cards = append(view.Cards, card)
		view.Attention = append(view.Attention, c.attention(a)...)
	}
	view.Attention = append(view.Attention, c.staleAttention(inUse)...)
	slices.SortStableFunc(view.Cards, func(a, b card) int { // live first
		switch {
		case a.Live() == b.Live():
			return 0
		case a.Live():
			return -1
		}
		return 1
	})
	view.Live, view.Paper = totalsOf(inUse, true), totalsOf(inUse, false)
	view.Shares = sharesOf(inUse, view.Live)
	return c.render("accounts", titleOfAll, view)
}

// sparkDays is how far back the small line on a card goes.
const sparkDays = 30

// card returns the card of an account.
func (c *call) card(a account) (card, error) {
	out := card{account: a}
	if a.Trouble != nil {
		return out, nil
	}
	p, err := c.page.Manager.Portfolio(c.ctx, a.ID)
	if err != nil {
		return out, err
	}
	curve, err := p.Curve(c.ctx, performance.Window{From: c.now.AddDate(0, 0, -sparkDays)})
	if err != nil {
		return out, err
	}
	r := &a.Snapshot.Risk
	out.Spark = c.spark(&a, curve)
	out.Working = len(r.Orders)
	if a.Snapshot.Missing == nil {
		out.Drawdown = percent(r.Drawdown.InexactFloat64(), 1)
	}
	out.Positions = itoa(len(a.Snapshot.Open))
	if most := r.Limits.OpenPositions; most > 0 {
		out.Positions += " of " + itoa(most)
	}
	switch {
	case r.Severity > risk.SeverityWarning:
		out.Warning = &badge{"warn", "warn", capital(r.Severity.String())}
	case r.Severity == risk.SeverityWarning || slices.ContainsFunc(r.Usage, func(u risk.Usage) bool { return u.Warning }):
		out.Warning = &badge{"warn", "warn", "Warning"}
	}
	return out, nil
}

// total is the sum of accounts of one environment and one currency.
type total struct {
	Count   int
	Equity  money
	Rounded money
	Today   gain
	Lacks   string // whose equity is not known; then neither is the sum
	Old     bool   // a part of it is not of now
	sum     ledger.Decimal
	known   bool
}

// totalsOf adds up the live accounts, or those of paper money, by currency. The currency of the
// first account comes first.
func totalsOf(list []account, live bool) []total {
	var order []ledger.Currency
	by := map[ledger.Currency][]account{}
	for _, a := range list {
		if a.Live() != live {
			continue
		}
		if by[a.Currency()] == nil {
			order = append(order, a.Currency())
		}
		by[a.Currency()] = append(by[a.Currency()], a)
	}
	var out []total
	for _, currency := range order {
		out = append(out, totalOf(by[currency], currency))
	}
	return out
}

// totalOf adds up accounts of one currency.
func totalOf(members []account, currency ledger.Currency) total {
	t := total{Count: len(members), known: true}
	var day ledger.Decimal
	var lacks []string
	today := true
	for _, a := range members {
		if !a.Equity.Known {
			t.known = false
			lacks = append(lacks, a.Name)
			continue
		}
		t.sum = t.sum.Add(a.Snapshot.Equity)
		day = day.Sub(a.Snapshot.Risk.DayLoss)
		today = today && a.Today.Known
		t.Old = t.Old || !a.Fresh.Live
	}
	if !t.known {
		t.Lacks = "not known, because that of " + list(lacks) + " is not"
		return t
	}
	t.Equity, t.Rounded = cents(t.sum).in(currency), rounded(t.sum).in(currency)
	if today {
		t.Today = gained(day).of(day, t.sum.Sub(day))
	}
	return t
}

// shares is what each account has of a total.
type shares struct {
	Words string
	Parts []share
}

// share is one account's.
type share struct {
	Account           account
	X, Width, Percent string
}

// sharesOf divides the live total; nil where there is nothing to divide.
func sharesOf(inUse []account, live []total) *shares {
	if len(live) != 1 || live[0].Count < 2 || !live[0].known || !live[0].sum.IsPos() {
		return nil
	}
	out, words, x := &shares{}, []string{}, 0.0
	all := live[0].sum.InexactFloat64()
	for _, a := range inUse {
		if !a.Live() {
			continue
		}
		if a.Snapshot.Equity.IsNeg() {
			return nil
		}
		part := a.Snapshot.Equity.InexactFloat64() / all
		width := part - 0.006 // a gap between two
		if x+part > 0.9999 {
			width = part
		}
		out.Parts = append(out.Parts, share{a, along(x), along(max(width, 0)), percent(part, 0)})
		words = append(words, a.Name+" "+percent(part, 0))
		x += part
	}
	out.Words = "Share of the live total: " + list(words)
	return out
}

// along writes a fraction of a drawing's width.
func along(fraction float64) string { return fmt.Sprintf("%.2f%%", 100*fraction) }

// attention says what of an account needs a person, with the act that settles it.
func (c *call) attention(a account) []notice {
	if a.Trouble != nil {
		f := failureOf(a.Trouble)
		return []notice{{"bad", "warn", a.Name + ": " + f.heading, f.then, nil}}
	}
	var out []notice
	r := &a.Snapshot.Risk
	resume := func(acts ...act) []act {
		if c.caller.Rights.Has(httpapi.Resume) {
			acts = append(acts, act{a.Path("resume"), "Resume", true})
		}
		return acts
	}
	switch r.State {
	case risk.TradingHalted:
		out = append(out, notice{"bad", "halt", a.Name + " is halted",
			"No order is accepted since " + c.near(r.Since).Text + ": " + r.Reason, resume()})
	case risk.TradingReducing:
		out = append(out, notice{"caution", "reduce", a.Name + " accepts only orders that make positions smaller",
			"Since " + c.near(r.Since).Text + ": " + capital(r.Reason) + ". It stays so until you resume.",
			resume(act{a.Path("limits"), "Limits", false}, act{a.Path("ticket"), "Reduce", false})})
	}
	if a.Profile.Status == "suspended" {
		out = append(out, notice{"caution", "lock", a.Name + " is suspended", "It may only reduce.", nil})
	}
	return append(out, c.brokerAttention(a)...)
}

// staleAttention says which accounts' figures are not of now.
func (c *call) staleAttention(inUse []account) []notice {
	var old []account
	var names []string
	for _, a := range inUse {
		if a.Trouble == nil && !a.Fresh.Live {
			old, names = append(old, a), append(names, a.Name)
		}
	}
	switch len(old) {
	case 0:
		return nil
	case 1:
		return []notice{{"caution", "activity", names[0] + " is not live", c.stale(&old[0]).Then, []act{{old[0].Path(), "See it", false}}}}
	}
	return []notice{{"caution", "activity", plural(len(old), "account") + " are not live",
		"Marks or rates of " + list(names) + " are missing or too old. New orders are refused there; orders that make a position smaller pass.", nil}}
}

// brokerAttention says what of an account's connection needs a person.
func (c *call) brokerAttention(a account) []notice {
	l, linked := c.link(a.ID)
	if !linked || !l.Works {
		return nil
	}
	var out []notice
	see := []act{{a.Path("orders"), "Orders", false}}
	if n := len(l.Questions); n > 0 {
		out = append(out, notice{"bad", "warn", a.Name + ": we do not know what became of " + plural(n, "order"),
			"Look at the broker before trying again; the same ticket is never placed twice.", see})
	}
	if n := len(l.Breaks); n > 0 {
		out = append(out, notice{"", "statement", a.Name + ": " + plural(n, "position") + differs(n) + " from the broker’s",
			"Until they agree, orders are not sent.", []act{{a.Path("statement"), "Statements", false}}})
	}
	if n := len(l.External); n > 0 {
		out = append(out, notice{"", "orders", a.Name + ": " + plural(n, "order") + " at the broker " + were(n) + " not placed here",
			"Limits do not count them.", see})
	}
	if !l.Ready && l.Reason != "" {
		out = append(out, notice{"caution", "offline", a.Name + " is not in step with the broker", "Orders are not sent: " + l.Reason + ".", nil})
	}
	return out
}

// differs is the verb of so many things that differ.
func differs(n int) string {
	if n == 1 {
		return " differs"
	}
	return " differ"
}

// were is the verb of so many things that were.
func were(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}
