package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"text/tabwriter"

	"github.com/ai-ots/accounts/ledger"
)

// figures are one side's totals in one currency.
type figures struct {
	trades, open                     int
	realized, unrealized, fees, cash ledger.Decimal
	known                            map[string]bool // which of them the side states; false for good once a part is missing
}

func (f *figures) add(what string, to *ledger.Decimal, d ledger.Decimal) {
	f.state(what, true)
	*to = to.Add(d)
}

func (f *figures) state(what string, known bool) {
	if f.known == nil {
		f.known = map[string]bool{}
	}
	before, stated := f.known[what]
	f.known[what] = known && (before || !stated)
}

// sides are both sides' totals by currency.
type sides map[ledger.Currency]*[2]figures

func (s sides) of(c ledger.Currency) (ours, theirs *figures) {
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
	for currency, n := range r.trades {
		ours, _ := s.of(currency)
		ours.trades = n
	}
	held := func(p ledger.Position) *figures {
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
		ours.add("unrealized", &ours.unrealized, p.Unrealized)
		ours.state("unrealized", p.Marked())
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
		if row.Trade != nil && row.Trade.SecType != ledger.Forex && row.Trade.Commission.Valid {
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
		theirs.add("unrealized", &theirs.unrealized, p.Unrealized.Value)
		theirs.state("unrealized", p.Unrealized.Valid)
	}
	for _, c := range r.last.Broker.Cash {
		_, theirs := s.of(c.Currency)
		theirs.add("cash", &theirs.cash, c.Balance)
	}
}

// writeTables prints one table per profile, ours beside the broker's, and then the breaks. Write
// errors are the writer's to remember.
func writeTables(w io.Writer, reports []*report) {
	breaks, compared, unchecked, tolerated := 0, 0, 0, 0
	var largest ledger.Decimal
	for _, r := range reports {
		r.writeTable(w)
		breaks += len(r.breaks)
		compared += r.compared
		unchecked += len(r.unchecked)
		tolerated += r.tolerated
		if r.largest.GreaterThan(largest) {
			largest = r.largest
		}
	}
	outcome := "no breaks"
	if breaks > 0 {
		outcome = count(breaks, "break")
	}
	fmt.Fprintf(w, "%s: %s compared", outcome, count(compared, "figure"))
	if unchecked > 0 {
		fmt.Fprintf(w, ", %d could not be", unchecked)
	}
	if tolerated > 0 {
		fmt.Fprintf(w, "; %d differ by %s at most, which is allowed", tolerated, largest)
	}
	fmt.Fprintln(w)
	for _, r := range reports {
		for _, b := range r.breaks {
			fmt.Fprintf(w, "  profile %s: %s\n", r.profile.ID, b)
		}
	}
	fmt.Fprintln(w, verdict(reports))
}

func (r *report) writeTable(w io.Writer) {
	fmt.Fprintf(w, "profile %s: account %s in %s, base currency %s\n", r.profile.ID, r.account, r.file, r.profile.BaseCurrency)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "\t\ttrades\trealized\tunrealized\tfees\tcash\topen\t")
	totals := r.totals()
	for _, currency := range slices.Sorted(maps.Keys(totals)) {
		ours, theirs := totals.of(currency)
		fmt.Fprintf(tw, "%s\tours\t%s\n", currency, ours.cells())
		fmt.Fprintf(tw, "\tbroker\t%s\n", theirs.cells())
	}
	tw.Flush()
	fmt.Fprintln(w)
}

func (f *figures) cells() string {
	money := func(what string, d ledger.Decimal) string {
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
