package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/cpapi"
)

// real is a gateway that is not simulated.
type real struct {
	url, fingerprint string
	live             bool
}

// look prints the accounts of the login and what they hold. It places nothing.
func (r *real) look(ctx context.Context, out io.Writer) (err error) {
	c, err := cpapi.Open(ctx, cpapi.Config{URL: r.url, Fingerprint: r.fingerprint})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	list, err := c.Accounts(ctx)
	if err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "account\tkind\tmode\tcurrency\ttradable\tpositions\tcash")
	for _, a := range list.List {
		if a.Mode != accounts.ModePaper && !r.live {
			fmt.Fprintf(w, "%s\t%s\t%s\tnot looked at without -live\n", a.ID, a.Kind, a.Mode)
			continue
		}
		held, cash, err := holdings(ctx, c, &a)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%v\t%d\t%s\n", a.ID, a.Kind, a.Mode, a.Currency, a.Tradable, held, cash)
	}
	return w.Flush()
}

// holdings returns how many positions an account has, and its cash.
func holdings(ctx context.Context, c *cpapi.Client, a *broker.Account) (held int, cash string, err error) {
	if a.Kind != broker.WholeAccount {
		return 0, "", nil
	}
	positions, err := c.Positions(ctx, a.ID)
	if err != nil {
		return 0, "", err
	}
	for _, p := range positions.List {
		if !p.Quantity.IsZero() {
			held++
		}
	}
	balances, err := c.Cash(ctx, a.ID)
	for _, b := range balances.List {
		cash += fmt.Sprintf("%s %s ", b.Cash.StringFixed(2), b.Currency)
	}
	return held, cash, err
}
