package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ibkr/flex"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

// report is what came of one account of one file.
type report struct {
	account    string
	profile    accounts.AccountProfile
	file       string
	statements []*flex.Statement // in the order of their periods
	rows       map[ledger.ExecID]flex.Row
	trades     map[ledger.Currency]int
	closings   []ledger.Closing
	snapshot   accounts.Snapshot
	last       *flex.Plan // of the last statement
	compared   int
	tolerated  int            // figures that differ, by no more than is allowed
	largest    ledger.Decimal // such difference
	breaks     []reconcile.Break
	unchecked  []string
	issues     []flex.Issue
	inferred   int
}

// importAll gives every account of every file a profile and imports its statements in the order
// of their periods. Reports are in the order in which files and accounts come.
func importAll(ctx context.Context, m *accounts.MultiAccountManager, files []file, tolerance ledger.Decimal) ([]*report, error) {
	var all []*report
	for n, f := range files {
		for _, r := range byAccount(f) {
			var err error
			if r.profile, err = createProfile(ctx, m, n+1, r.account, r.statements[0].Base()); err == nil {
				err = r.fill(ctx, m, tolerance)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", f.name, err)
			}
			all = append(all, r)
		}
	}
	return all, nil
}

// byAccount makes a report for every account of the file.
func byAccount(f file) []*report {
	var all []*report
	for _, st := range f.statements {
		i := slices.IndexFunc(all, func(r *report) bool { return r.account == st.AccountID })
		if i < 0 {
			i = len(all)
			all = append(all, &report{account: st.AccountID, file: f.name,
				rows: map[ledger.ExecID]flex.Row{}, trades: map[ledger.Currency]int{}})
		}
		all[i].statements = append(all[i].statements, st)
	}
	for _, r := range all {
		slices.SortStableFunc(r.statements, func(a, b *flex.Statement) int {
			return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.To, b.To), a.Generated.Compare(b.Generated))
		})
	}
	return all
}

// createProfile makes the profile of one account of the n-th file. Its id is made from both, so
// that the same input gives the same output.
func createProfile(ctx context.Context, m *accounts.MultiAccountManager, n int, account string, base ledger.Currency) (accounts.AccountProfile, error) {
	p := accounts.Optimal100K(account)
	p.ID = accounts.ProfileID(fmt.Sprintf("%d-%s", n, account))
	p.Name = fmt.Sprintf("file %d, account %s", n, account)
	p.BaseCurrency = base
	p.Status = accounts.StatusInactive // it is read and not traded: several files may have one account
	created, err := m.CreateProfile(ctx, p)
	var wrong *accounts.ValidationError
	if errors.As(err, &wrong) && slices.ContainsFunc(wrong.Fields, func(f invalid.Field) bool { return f.Name == "IBKRAccountID" }) {
		return created, fmt.Errorf("account %.60q is no IBKR account id such as U1234567: let the query show ids, not aliases", account)
	}
	return created, err
}

// fill imports the account's statements and reconciles after each.
func (r *report) fill(ctx context.Context, m *accounts.MultiAccountManager, tolerance ledger.Decimal) error {
	portfolio, err := m.Portfolio(ctx, r.profile.ID)
	if err != nil {
		return err
	}
	told := map[string]bool{}
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
		r.take(plan)
		r.last = plan
		r.compared += outcome.Compared
		r.tolerated += outcome.Tolerated
		if outcome.Largest.GreaterThan(r.largest) {
			r.largest = outcome.Largest
		}
		for _, b := range outcome.Breaks {
			if !told[b.String()] { // by an overlapping statement
				told[b.String()] = true
				r.breaks = append(r.breaks, b)
			}
		}
		r.unchecked = append(r.unchecked, outcome.Unchecked...)
		r.issues = append(r.issues, plan.Issues...)
		r.inferred += len(plan.Inferred)
	}
	r.snapshot = portfolio.Snapshot()
	return r.readTrades(ctx, portfolio)
}

// take adds the rows of a statement's executions, and takes out those of earlier statements that
// it cancels or corrects: the broker does not count them any longer.
func (r *report) take(plan *flex.Plan) {
	for f := range plan.Facts() {
		if c, ok := f.(ledger.Cancellation); ok {
			delete(r.rows, c.Cancels)
		}
	}
	for id, row := range plan.Rows() {
		root, number := id.Correction()
		for n := 1; n < number; n++ {
			delete(r.rows, ledger.ExecID(fmt.Sprintf("%s.%02d", root, n)))
		}
		r.rows[id] = row
	}
}

// readTrades reads the trades and closings back: the book's, and what only the broker calls a
// closing.
func (r *report) readTrades(ctx context.Context, p *accounts.Portfolio) error {
	closings, err := p.Closings(ctx, accounts.TradeFilter{})
	if err != nil {
		return err
	}
	seen := map[ledger.ExecID]bool{}
	for _, c := range closings {
		r.closings = append(r.closings, c.Value)
		seen[c.Value.Trade.ExecID] = true
	}
	for recorded, err := range p.Trades(ctx, accounts.TradeFilter{}) {
		if err != nil {
			return err
		}
		t := recorded.Value
		r.trades[t.Instrument.Currency]++
		if r.rows[t.ExecID].Closes && !seen[t.ExecID] {
			r.closings = append(r.closings, ledger.Closing{Trade: t, Closed: ledger.Closed{Quantity: t.Quantity}})
		}
	}
	slices.SortStableFunc(r.closings, func(a, b ledger.Closing) int { return a.Trade.Time.Compare(b.Trade.Time) })
	return nil
}

// symbol is the contract's name as the statement has it.
func symbol(i ledger.Instrument) string {
	if i.LocalSymbol != "" {
		return i.LocalSymbol
	}
	return i.Symbol
}

// count is "1 lot", "2 lots".
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
