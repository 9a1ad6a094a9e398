package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ibkr/gatewaysim"
)

// print prints each book beside the gateway's truth. It returns errDiffers where the two are not
// the same.
func (d *day) print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	questions := 0
	for _, a := range d.engine.Status().Accounts {
		questions += len(a.Questions)
	}
	fmt.Fprintf(w, "%d signals, %d orders; %d answers were lost, %d questions are open; accounts fell out of step %d times\n\n",
		d.signals, d.orders, d.lost.Load(), questions, d.broken.Load())
	fmt.Fprintln(w, "account\tfills\tthe gateway's\tcash\tthe gateway's\tpositions\tthe gateway's\t")
	var problems []error
	for _, p := range d.profiles {
		ours, theirs, err := d.rows(p)
		if err != nil {
			return err
		}
		verdict := "same"
		if ours != theirs {
			verdict = "DIFFERENT"
			problems = append(problems, fmt.Errorf("account %s: %w", p.IBKRAccountID, errDiffers))
		}
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\t%s\t%s\n", p.IBKRAccountID, ours.fills, theirs.fills, ours.cash, theirs.cash, ours.positions, theirs.positions, verdict)
	}
	if d.lost.Load() == 0 || d.broken.Load() == 0 || questions > 0 {
		problems = append(problems, errors.New("the day was not what it should be"))
	}
	return errors.Join(append(problems, w.Flush())...)
}

// row is what a book, or an account at the gateway, has.
type row struct {
	fills           int
	cash, positions string
}

// rows returns what the book has, and what the gateway.
func (d *day) rows(p accounts.AccountProfile) (ours, theirs row, err error) {
	portfolio, err := d.manager.Portfolio(context.Background(), p.ID)
	if err != nil {
		return ours, theirs, err
	}
	truth, err := d.gateway.Truth(p.IBKRAccountID)
	if err != nil {
		return ours, theirs, err
	}
	held := map[string]string{}
	for _, x := range portfolio.Positions() {
		if !x.Quantity.IsZero() {
			held[x.Instrument.Symbol] = x.Quantity.String()
		}
	}
	for _, err := range portfolio.Trades(context.Background(), accounts.TradeFilter{}) {
		if err != nil {
			return ours, theirs, err
		}
		ours.fills++
	}
	cash := portfolio.Cash()["USD"]
	ours.cash, ours.positions = cash.Balance().StringFixed(2), list(held)
	return ours, truly(truth), nil
}

// truly returns what the gateway has.
func truly(t gatewaysim.Truth) row {
	held := map[string]string{}
	for _, x := range t.Positions {
		held[x.Contract.Symbol] = x.Quantity.String()
	}
	return row{len(t.Executions), t.Cash["USD"].StringFixed(2), list(held)}
}

// list returns positions in the order of their symbols.
func list(held map[string]string) string {
	var words []string
	for _, symbol := range slices.Sorted(maps.Keys(held)) {
		words = append(words, held[symbol]+" "+symbol)
	}
	return strings.Join(words, ", ")
}
