package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/keychain"
	"github.com/ai-ots/accounts/ibkr/cpapi"
	"github.com/ai-ots/accounts/ibkr/cpapi/oauth1"
)

// real is a gateway that is not simulated.
type real struct {
	url, fingerprint   string
	application, oauth string // the keychain's, and the login in it; no login for a gateway's own
	live               bool
}

// look prints the accounts of the login and what they hold. It places nothing.
func (r *real) look(ctx context.Context, out io.Writer) (err error) {
	config := cpapi.Config{URL: r.url, Fingerprint: r.fingerprint}
	if r.oauth != "" {
		if config.OAuth, err = r.signer(ctx); err != nil {
			return err
		}
	}
	c, err := cpapi.Open(ctx, config)
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

// signer returns what signs requests with the credentials in the keychain.
func (r *real) signer(ctx context.Context) (_ *oauth1.Signer, err error) {
	vault, err := keychain.New(r.application)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, vault.Close()) }()
	set, err := vault.Get(ctx, accounts.LoginKey(r.oauth), credentials.OAuth1a)
	if err != nil {
		return nil, err
	}
	defer set.Wipe()
	o, ok := set.OAuth1()
	if !ok {
		return nil, fmt.Errorf("login %q has no OAuth credentials", r.oauth)
	}
	return oauth1.New(oauth1.Config{
		ConsumerKey: string(o.ConsumerKey.Reveal()), AccessToken: string(o.AccessToken.Reveal()),
		AccessTokenSecret: o.AccessTokenSecret.Reveal(), SignatureKey: o.SignatureKey.Reveal(),
		EncryptionKey: o.EncryptionKey.Reveal(), Prime: o.DHPrime.Reveal(),
	})
}
