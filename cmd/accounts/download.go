package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"

	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/ibkr/flex"
)

// tokenVariable has a token of the Flex Web Service.
const tokenVariable = "ACCOUNTS_FLEX_TOKEN"

// downloadFlags say which statement is downloaded in place of reading files. The token is never an
// argument.
type downloadFlags struct {
	query     string
	tokenFile string
	url       string
}

func (f *downloadFlags) add(set *flag.FlagSet) {
	set.StringVar(&f.query, "query", "", "the `number` of a Flex query whose statement is downloaded, in place of reading files")
	set.StringVar(&f.tokenFile, "token-file", "", "the `file` with the token of the Flex Web Service; $"+tokenVariable+" holds the token otherwise")
	set.StringVar(&f.url, "flex-url", "", "the `address` of the Flex Web Service; IBKR's by default")
}

// login returns what the service wants.
func (f *downloadFlags) login(env func(string) string) (credentials.Set, error) {
	token := []byte(env(tokenVariable))
	if f.tokenFile != "" {
		var err error
		if token, err = os.ReadFile(f.tokenFile); err != nil {
			return nil, err
		}
	}
	token = bytes.TrimSpace(token)
	if len(token) == 0 {
		return nil, usage("no token of the Flex Web Service is named: give -token-file, or set $%s", tokenVariable)
	}
	secret := credentials.NewSecret(token)
	clear(token)
	defer secret.Wipe()
	return credentials.NewFlexToken(secret, f.query)
}

// download saves the statement of the query in a file that nobody else can read, and returns the
// file's name. The caller removes the file.
func (f *downloadFlags) download(ctx context.Context, e *call) (name string, err error) {
	login, err := f.login(e.env)
	if err != nil {
		return "", err
	}
	defer login.Wipe()
	d, err := flex.NewDownloader(flex.DownloadConfig{URL: f.url})
	if err != nil {
		return "", err
	}
	file, err := os.CreateTemp("", "accounts-statement-*") // with mode 0600
	if err != nil {
		return "", err
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	if err := d.Download(ctx, login, file); err != nil {
		return "", fmt.Errorf("query %s: %w", f.query, err)
	}
	return file.Name(), nil
}
