// Command credentials keeps the logins of two accounts apart, or has them share one: it stores,
// replaces and deletes credentials, and switches between the accounts.
//
//	go run ./examples/credentials [-keychain]
//
// With -keychain they are kept in the operating system's keychain, else in memory. It reads
// commands, a line each; "help" lists them. Secrets are read from the terminal without echo, or
// from the next line where standard input is no terminal. It exits with 0 at "quit" or the end of
// its input, and with 1 when it cannot begin.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	_ "time/tzdata" // not every machine has time zones

	"golang.org/x/term"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/keychain"
	"github.com/ai-ots/accounts/credentials/memcreds"
	"github.com/ai-ots/accounts/store/memstore"
)

const help = `commands:
  set PROFILE          ask for username and password and store them, in place of what was there
  flex PROFILE         ask for the token and the query of the Flex web service, and store them beside
  share PROFILE LOGIN  let the profile use the login of that name, which others may use too
  kinds PROFILE        which kinds of credentials its login has
  switch PROFILE       make the profile the active one; refused without credentials
  delete PROFILE       forget the credentials of its login; refused while others use the login
  list                 which logins have credentials
  log PROFILE          who accessed its credentials
  quit
profiles: aggressive, balanced
`

func main() {
	inKeychain := flag.Bool("keychain", false, "keep credentials in the operating system's keychain, not in memory")
	flag.Parse()
	in := &input{lines: bufio.NewScanner(os.Stdin), prompt: os.Stderr}
	if fd := int(os.Stdin.Fd()); term.IsTerminal(fd) {
		in.hidden = func() ([]byte, error) { return term.ReadPassword(fd) }
	}
	vault, err := open(*inKeychain)
	if err == nil {
		err = run(context.Background(), vault, in, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "credentials:", err)
		os.Exit(1)
	}
}

func open(inKeychain bool) (accounts.CredentialStore, error) {
	if inKeychain {
		return keychain.New("accounts example")
	}
	return memcreds.New(), nil
}

// input is where commands and secrets come from.
type input struct {
	lines  *bufio.Scanner
	hidden func() ([]byte, error) // reads a line without echo; nil where there is no terminal
	prompt io.Writer
}

// secret asks for a secret. The bytes that were read are wiped.
func (in *input) secret(what string) (credentials.Secret, error) {
	if in.hidden == nil {
		if !in.lines.Scan() {
			return credentials.Secret{}, io.ErrUnexpectedEOF
		}
		return credentials.NewSecret(in.lines.Bytes()), nil
	}
	fmt.Fprintf(in.prompt, "%s: ", what)
	b, err := in.hidden()
	fmt.Fprintln(in.prompt)
	defer clear(b)
	return credentials.NewSecret(b), err
}

// session is the manager and what it prints to.
type session struct {
	manager *accounts.MultiAccountManager
	vault   accounts.CredentialStore
	in      *input
	out     io.Writer
}

func run(ctx context.Context, vault accounts.CredentialStore, in *input, out io.Writer) (err error) {
	store := memstore.New()
	defer func() { err = errors.Join(err, store.Close(), vault.Close()) }()
	manager, err := accounts.New(store, accounts.WithCredentialStore(vault))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, manager.Close()) }()
	for id, p := range map[accounts.ProfileID]accounts.AccountProfile{
		"aggressive": accounts.Aggressive25K("DU1000025"), "balanced": accounts.Balanced50K("DU1000050"),
	} {
		p.ID = id
		if _, err := manager.CreateProfile(ctx, p); err != nil {
			return err
		}
	}
	s := &session{manager, vault, in, out}
	fmt.Fprint(in.prompt, help)
	for in.lines.Scan() {
		words := strings.Fields(in.lines.Text())
		if len(words) == 0 {
			continue
		}
		if words[0] == "quit" {
			break
		}
		words = append(words, "", "") // of those that are missing
		if err := s.obey(ctx, words[0], accounts.ProfileID(words[1]), accounts.LoginID(words[2])); err != nil {
			fmt.Fprintln(out, "error:", err)
		}
	}
	return in.lines.Err()
}

func (s *session) obey(ctx context.Context, command string, id accounts.ProfileID, login accounts.LoginID) error {
	switch command {
	case "set":
		return s.set(ctx, id)
	case "flex":
		return s.flex(ctx, id)
	case "share":
		return s.share(ctx, id, login)
	case "kinds":
		kinds, err := s.manager.CredentialKinds(ctx, id)
		if err == nil {
			fmt.Fprintln(s.out, kinds)
		}
		return err
	case "switch":
		p, err := s.manager.SwitchProfile(ctx, id)
		if err == nil {
			fmt.Fprintln(s.out, "active:", p.Name)
		}
		return err
	case "delete":
		return s.manager.DeleteCredentials(ctx, id)
	case "list":
		keys, err := s.vault.List(ctx)
		for _, key := range keys {
			fmt.Fprintf(s.out, "%q\n", key)
		}
		return err
	case "log":
		return s.log(ctx, id)
	}
	fmt.Fprint(s.out, help)
	return nil
}

// set stores a login. Each secret is overwritten when it is no longer needed.
func (s *session) set(ctx context.Context, id accounts.ProfileID) error {
	username, err := s.in.secret("username")
	if err != nil {
		return err
	}
	defer username.Wipe()
	password, err := s.in.secret("password")
	if err != nil {
		return err
	}
	defer password.Wipe()
	login, err := credentials.NewGatewayLogin(username, password, "paper")
	if err != nil {
		return err
	}
	return s.store(ctx, id, login)
}

// flex stores a token of the Flex web service.
func (s *session) flex(ctx context.Context, id accounts.ProfileID) error {
	token, err := s.in.secret("token")
	if err != nil {
		return err
	}
	defer token.Wipe()
	query, err := s.in.secret("number of the query")
	if err != nil {
		return err
	}
	set, err := credentials.NewFlexToken(token, string(query.Reveal()))
	if err != nil {
		return err
	}
	return s.store(ctx, id, set)
}

// store stores credentials, and overwrites them.
func (s *session) store(ctx context.Context, id accounts.ProfileID, c credentials.Set) error {
	defer c.Wipe()
	if err := s.manager.SetCredentials(ctx, id, c); err != nil {
		return err
	}
	fmt.Fprintln(s.out, "stored:", c) // prints [redacted] for each
	return nil
}

// share lets the profile use a login, or one of its own where none is named.
func (s *session) share(ctx context.Context, id accounts.ProfileID, login accounts.LoginID) error {
	p, err := s.manager.Profile(ctx, id)
	if err != nil {
		return err
	}
	p.Login = login
	_, err = s.manager.UpdateProfile(ctx, p)
	return err
}

func (s *session) log(ctx context.Context, id accounts.ProfileID) error {
	p, err := s.manager.Portfolio(ctx, id)
	if err != nil {
		return err
	}
	for a, err := range p.CredentialAccesses(ctx, accounts.Page{}) {
		if err != nil {
			return err
		}
		fmt.Fprintf(s.out, "%s %s: %s\n", a.Value.Action, a.Value.Kind, a.Value.Outcome)
	}
	return nil
}
