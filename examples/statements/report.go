package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ibkr/flex"
)

// report is what came of one account of one file.
type report struct {
	profile    accounts.AccountProfile
	file       string
	statements []*flex.Statement
	rows       map[accounts.ExecID]flex.Row
	trades     []accounts.Trade
	closings   []accounts.Closing
	snapshot   accounts.Snapshot
	last       *flex.Plan // of the last statement
	breaks     []accounts.Break
	unchecked  []string
	issues     []flex.Issue
	inferred   int
}

// importAll gives every account of every file a profile and imports its statements in the order
// of their periods.
func importAll(ctx context.Context, m *accounts.MultiAccountManager, files []file, tolerance accounts.Decimal) ([]*report, error) {
	var reports []*report
	for n, f := range files {
		byAccount := map[string]*report{}
		for _, st := range f.statements {
			r := byAccount[st.AccountID]
			if r == nil {
				r = &report{file: f.name, rows: map[accounts.ExecID]flex.Row{}}
				byAccount[st.AccountID] = r
				reports = append(reports, r)
			}
			r.statements = append(r.statements, st)
		}
		for account, r := range byAccount {
			slices.SortStableFunc(r.statements, func(a, b *flex.Statement) int { return cmp.Compare(a.From, b.From) })
			profile, err := createProfile(ctx, m, n+1, account, r.statements[0].Base())
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.name, err)
			}
			r.profile = profile
		}
	}
	for _, r := range reports {
		if err := r.fill(ctx, m, tolerance); err != nil {
			return nil, fmt.Errorf("%s: %w", r.file, err)
		}
	}
	return reports, nil
}

// createProfile makes the profile of one account of the n-th file. Its id is made from both, so
// that the same input gives the same output.
func createProfile(ctx context.Context, m *accounts.MultiAccountManager, n int, account string, base accounts.Currency) (accounts.AccountProfile, error) {
	p := accounts.Optimal100K(account)
	p.ID = accounts.ProfileID(fmt.Sprintf("%d-%s", n, account))
	p.Name = fmt.Sprintf("file %d, account %s", n, account)
	p.BaseCurrency = base
	return m.CreateProfile(ctx, p)
}

// fill imports the account's statements and reconciles after each.
func (r *report) fill(ctx context.Context, m *accounts.MultiAccountManager, tolerance accounts.Decimal) error {
	portfolio, err := m.Portfolio(ctx, r.profile.ID)
	if err != nil {
		return err
	}
	for _, st := range r.statements {
		plan, _, err := flex.Import(ctx, portfolio, st)
		if err != nil {
			return err
		}
		plan.Broker.Tolerance = tolerance
		outcome, err := portfolio.Reconcile(ctx, plan.Broker)
		if err != nil {
			return err
		}
		for id, row := range plan.Rows {
			r.rows[id] = row
		}
		r.last = plan
		r.breaks = append(r.breaks, outcome.Breaks...)
		r.unchecked = append(r.unchecked, outcome.Unchecked...)
		r.issues = append(r.issues, plan.Issues...)
		r.inferred += len(plan.Inferred)
	}
	r.snapshot = portfolio.Snapshot()
	return r.readTrades(ctx, portfolio)
}

// readTrades reads the trades and closings back: the book's, and what only the broker calls a closing.
func (r *report) readTrades(ctx context.Context, p *accounts.Portfolio) (err error) {
	if r.closings, err = p.Closings(ctx, accounts.TradeFilter{}); err != nil {
		return err
	}
	seen := map[accounts.ExecID]bool{}
	for _, c := range r.closings {
		seen[c.Trade.ExecID] = true
	}
	for t, err := range p.Trades(ctx, accounts.TradeFilter{}) {
		if err != nil {
			return err
		}
		r.trades = append(r.trades, t)
		if r.rows[t.ExecID].Closes && !seen[t.ExecID] {
			r.closings = append(r.closings, accounts.Closing{Trade: t, Quantity: t.Quantity})
		}
	}
	slices.SortStableFunc(r.closings, func(a, b accounts.Closing) int { return a.Trade.Time.Compare(b.Trade.Time) })
	return nil
}

// symbol is the contract's name as the statement has it.
func symbol(i accounts.Instrument) string {
	if i.LocalSymbol != "" {
		return i.LocalSymbol
	}
	return i.Symbol
}

// writeNotes says what could not be interpreted or compared, and what was inferred.
func (r *report) writeNotes(w io.Writer) {
	name := r.file + ", " + r.profile.IBKRAccountID
	if r.inferred > 0 {
		fmt.Fprintf(w, "%s: %d lots inferred: they were opened before the statement\n", name, r.inferred)
	}
	for _, i := range r.issues {
		where := i.Section
		if i.Line > 0 {
			where = fmt.Sprintf("line %d, %s", i.Line, i.Section)
		}
		fmt.Fprintf(w, "%s: %s: %s\n", name, where, strings.TrimSpace(i.Text))
	}
	for _, u := range r.unchecked {
		fmt.Fprintf(w, "%s: not compared: %s\n", name, u)
	}
}
