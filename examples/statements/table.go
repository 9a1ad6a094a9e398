package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/ai-ots/accounts"
)

// figures are one side's totals in one currency.
type figures struct {
	trades, open                     int
	realized, unrealized, fees, cash accounts.Decimal
	known                            map[string]bool // which of them the side states at all
}

func (f *figures) add(what string, to *accounts.Decimal, d accounts.Decimal) {
	f.state(what, true)
	*to = to.Add(d)
}

func (f *figures) state(what string, known bool) {
	if f.known == nil {
		f.known = map[string]bool{}
	}
	f.known[what] = known
}

// sides are both sides' totals by currency.
type sides map[accounts.Currency]*[2]figures

func (s sides) of(c accounts.Currency) (ours, theirs *figures) {
	if s[c] == nil {
		s[c] = &[2]figures{}
	}
	return &s[c][0], &s[c][1]
}

// totals adds up both sides. Fees are commissions and taxes on trades, currency trades aside.
func (r *report) totals() sides {
	s := sides{}
	r.ourTotals(s)
	r.brokerTotals(s)
	return s
}

func (r *report) ourTotals(s sides) {
	for _, t := range r.trades {
		ours, _ := s.of(t.Instrument.Currency)
		ours.trades++
	}
	held := func(p accounts.Position) *figures {
		ours, _ := s.of(p.Instrument.Currency)
		ours.add("realized", &ours.realized, p.Realized)
		ours.add("fees", &ours.fees, p.Commissions.Add(p.Taxes))
		return ours
	}
	for _, p := range r.snapshot.Closed {
		held(p)
	}
	for _, p := range r.snapshot.Open {
		ours := held(p.Position)
		ours.open++
		if p.Marked() {
			ours.add("unrealized", &ours.unrealized, p.Unrealized)
		}
	}
	for currency, c := range r.snapshot.Cash {
		ours, _ := s.of(currency)
		ours.add("cash", &ours.cash, c.Balance())
	}
	for _, both := range s {
		both[0].state("open", true)
	}
}

func (r *report) brokerTotals(s sides) {
	for _, row := range r.rows {
		_, theirs := s.of(row.Currency)
		theirs.trades++
		if row.Closes && row.Realized.Valid {
			theirs.add("realized", &theirs.realized, row.Realized.Value)
		}
		if row.Trade != nil && row.Trade.SecType != accounts.Forex && row.Trade.Commission.Valid {
			theirs.add("fees", &theirs.fees, row.Trade.Commission.Value.Add(row.Trade.Taxes).Neg())
		}
	}
	last := r.statements[len(r.statements)-1]
	for _, both := range s {
		both[1].state("open", last.HasPositions)
	}
	for _, p := range last.Positions {
		_, theirs := s.of(p.Currency)
		theirs.open++
		if p.Unrealized.Valid {
			theirs.add("unrealized", &theirs.unrealized, p.Unrealized.Value)
		}
	}
	for _, c := range r.last.Broker.Cash {
		_, theirs := s.of(c.Currency)
		theirs.add("cash", &theirs.cash, c.Balance)
	}
}

// writeTables prints one table per profile, ours beside the broker's, and then the breaks.
func writeTables(w io.Writer, reports []*report) error {
	breaks := 0
	for _, r := range reports {
		fmt.Fprintf(w, "profile %s: account %s in %s, base currency %s\n", r.profile.ID, r.profile.IBKRAccountID, r.file, r.profile.BaseCurrency)
		tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(tw, "\t\ttrades\trealized\tunrealized\tfees\tcash\topen\t")
		totals := r.totals()
		for _, currency := range sorted(totals) {
			ours, theirs := totals.of(currency)
			fmt.Fprintf(tw, "%s\tours\t%s\n", currency, ours.cells())
			fmt.Fprintf(tw, "\tbroker\t%s\n", theirs.cells())
		}
		if err := tw.Flush(); err != nil {
			return err
		}
		fmt.Fprintln(w)
		breaks += len(r.breaks)
	}
	if breaks == 0 {
		_, err := fmt.Fprintln(w, "no breaks: every figure that the statements give agrees")
		return err
	}
	fmt.Fprintf(w, "%d breaks\n", breaks)
	for _, r := range reports {
		for _, b := range r.breaks {
			fmt.Fprintln(w, "  "+b.String())
		}
	}
	return nil
}

func (f *figures) cells() string {
	money := func(what string, d accounts.Decimal) string {
		if !f.known[what] {
			return "-"
		}
		return d.RoundBank(2).StringFixed(2)
	}
	open := "-"
	if f.known["open"] {
		open = strconv.Itoa(f.open)
	}
	return fmt.Sprintf("%d\t%s\t%s\t%s\t%s\t%s\t", f.trades, money("realized", f.realized), money("unrealized", f.unrealized),
		money("fees", f.fees), money("cash", f.cash), open)
}

func sorted(s sides) []accounts.Currency {
	out := make([]accounts.Currency, 0, len(s))
	for c := range s {
		out = append(out, c)
	}
	slices.Sort(out)
	return out
}
