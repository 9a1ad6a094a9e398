package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/risk"
)

// report is what a simulation came to.
type report struct {
	accounts.Comparison
	Source, Symbols string
	From, To        ledger.Date
	Days, Signals   int
	books           []*book
}

// report audits every profile and compares them.
func (s *simulation) report(ctx context.Context) (*report, error) {
	m, ids := s.market, []accounts.ProfileID(nil)
	for _, b := range s.books {
		ids = append(ids, b.profile.ID)
		if err := b.audit(ctx); err != nil {
			return nil, err
		}
	}
	first, last := m.days[0], m.days[len(m.days)-1]
	r := &report{Source: m.source, Symbols: m.symbols(), From: first, To: last, Days: len(m.days), Signals: s.signals, books: s.books}
	var err error
	r.Comparison, err = s.manager.Compare(ctx, performance.Window{From: m.opening(first), To: m.closing(last)}, ids...)
	for _, standing := range r.Comparison.Standings {
		err = errors.Join(err, standing.Err)
	}
	return r, err
}

// writeText prints the report. Write errors are the writer's to remember.
func (r *report) writeText(w io.Writer) {
	fmt.Fprintf(w, "prices: %s\n%s, %d days with prices from %s to %s\n", r.Source, r.Symbols, r.Days, r.From, r.To)
	fmt.Fprintf(w, "costs: %s %s a trade, spread %s %%; no dividends, no interest\n\n", commissionText, currency, spreadText)
	writeTable(w, r.Comparison)
	fmt.Fprintf(w, "\n%s to each profile\n", count(r.Signals, "signal"))
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := func(title string, cell func(*book) string) {
		fmt.Fprint(tw, title, "\t")
		for _, b := range r.books {
			fmt.Fprint(tw, cell(b), "\t")
		}
		fmt.Fprintln(tw)
	}
	row("", func(b *book) string { return b.profile.Name })
	row("orders", func(b *book) string { return fmt.Sprint(b.held) })
	row("refused", func(b *book) string { return fmt.Sprint(b.refusals()) })
	for _, why := range r.reasons() {
		row("  "+why, func(b *book) string { return fmt.Sprint(b.refused[why]) })
	}
	row("resumed after losses", func(b *book) string { return fmt.Sprint(len(b.resumed)) })
	tw.Flush()
	fmt.Fprintln(w, "\nlimits, greatest use at a close")
	fmt.Fprintln(w, overUse)
	row("", func(b *book) string { return b.profile.Name })
	for _, rule := range r.rules() {
		row(title(rule), func(b *book) string { return percent(b.peaks[rule].share()) })
	}
	tw.Flush()
	fmt.Fprintln(w, "\nheld at the end")
	for _, b := range r.books {
		fmt.Fprintf(w, "  %s: %s, cash %s %s\n", b.profile.Name, b.positions(), money(b.latest.CashBase), currency)
	}
	fmt.Fprintln(w, "\nsources of the figures")
	writeSources(w, r.Comparison)
}

// overUse explains use above 100 %.
const overUse = "above 100 %: what was bought within a limit grew beyond it, by its price or because equity fell; a limit\n" +
	"refuses orders that add to it, and sells nothing"

// reasons are all reasons of refusals.
func (r *report) reasons() []string {
	all := map[string]bool{}
	for _, b := range r.books {
		for why := range b.refused {
			all[why] = true
		}
	}
	return sortedKeys(all)
}

// rules are the limits that were used by any profile, in the order of the library's own report.
// Those on an underlying are the same as those on a position where all contracts are stocks.
func (r *report) rules() []risk.Rule {
	var out []risk.Rule
	for _, b := range r.books {
		for _, u := range b.latest.Risk.Usage {
			if !slices.Contains(out, u.Rule) && r.used(u.Rule) {
				out = append(out, u.Rule)
			}
		}
	}
	return out
}

func (r *report) used(rule risk.Rule) bool {
	return rule != risk.RuleUnderlying && slices.ContainsFunc(r.books, func(b *book) bool { return b.peaks[rule].Used.IsPos() })
}

// title is a rule's code in words.
func title(r risk.Rule) string { return strings.ReplaceAll(string(r), "_", " ") }

// count is "1 signal", "2 signals".
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func money(d ledger.Decimal) string { return d.RoundBank(2).StringFixed(2) }

func percent(x float64) string { return fmt.Sprintf("%.1f %%", x*100) }
