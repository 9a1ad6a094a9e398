package credtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/memcreds"
)

// mutant is a store that breaks one promise.
type mutant struct {
	*memcreds.Store
	how  string
	kept map[place]credentials.Set
}

type place struct {
	key  accounts.LoginKey
	kind credentials.Kind
}

var mutants = []string{"merges", "miss without error", "delete twice fails", "unordered", "nil list", "shares what it is given",
	"accepts what is invalid", "heeds no context", "works when closed", "tells in errors", "prints", "loses case", "drops empty values",
	"answers no ping", "needs credentials for a ping", "writes for a ping", "answers a ping when closed", "answers a ping under a done context",
	"keeps one kind", "gives any kind", "deletes all kinds", "deletes no kind without a name", "deletes the first kind alone",
	"unordered kinds", "nil kinds", "kinds of anybody", "cuts keys off"}

func (m *mutant) Put(ctx context.Context, key accounts.LoginKey, c credentials.Set) error {
	switch m.how {
	case "merges":
		if old, err := m.Store.Get(ctx, key, c.Kind()); err == nil {
			for name, s := range c {
				old[name] = s
			}
			c = old
		}
	case "shares what it is given":
		m.kept[place{key, c.Kind()}] = c
	case "accepts what is invalid":
		if c.Validate() != nil {
			return nil
		}
	case "tells in errors":
		if err := m.Store.Put(ctx, key, c); err != nil {
			for _, s := range c {
				err = fmt.Errorf("%w: %s", err, s.Reveal())
			}
			return err
		}
	case "keeps one kind":
		for _, other := range kinds {
			_ = m.Store.Delete(ctx, key, other)
		}
	case "cuts keys off":
		key = key[:min(len(key), 50)]
	case "heeds no context":
		ctx = context.WithoutCancel(ctx)
	case "loses case":
		if key == "a" {
			_ = m.Store.Put(ctx, "A", c)
		}
	case "drops empty values":
		c = c.Clone()
		for name, s := range c {
			if s.Len() == 0 {
				delete(c, name)
			}
		}
	}
	return m.Store.Put(ctx, key, c)
}

func (m *mutant) Get(ctx context.Context, key accounts.LoginKey, kind credentials.Kind) (credentials.Set, error) {
	if m.how == "gives any kind" {
		if there, err := m.Store.Kinds(ctx, key); err == nil && len(there) > 0 && !slices.Contains(there, kind) {
			kind = there[0]
		}
	}
	c, err := m.Store.Get(ctx, key, kind)
	switch {
	case m.how == "miss without error" && err != nil && ctx.Err() == nil:
		return nil, nil
	case m.how == "shares what it is given" && err == nil:
		return m.kept[place{key, kind}], nil
	}
	return c, err
}

func (m *mutant) Delete(ctx context.Context, key accounts.LoginKey, of ...credentials.Kind) error {
	switch {
	case m.how == "delete twice fails" && len(of) > 0:
		if _, err := m.Store.Get(ctx, key, of[0]); err != nil {
			return err
		}
	case m.how == "deletes all kinds":
		of = nil
	case m.how == "deletes no kind without a name" && len(of) == 0:
		return ctx.Err()
	case m.how == "deletes the first kind alone" && len(of) > 1:
		of = of[:1]
	}
	return m.Store.Delete(ctx, key, of...)
}

func (m *mutant) Kinds(ctx context.Context, key accounts.LoginKey) ([]credentials.Kind, error) {
	if m.how == "kinds of anybody" {
		key = "a"
	}
	there, err := m.Store.Kinds(ctx, key)
	switch {
	case m.how == "unordered kinds":
		slices.Reverse(there)
	case m.how == "nil kinds" && len(there) == 0:
		there = nil
	}
	return there, err
}

func (m *mutant) List(ctx context.Context) ([]accounts.LoginKey, error) {
	ids, err := m.Store.List(ctx)
	switch {
	case m.how == "unordered":
		slices.Reverse(ids)
	case m.how == "nil list" && len(ids) == 0:
		ids = nil
	}
	return ids, err
}

func (m *mutant) Ping(ctx context.Context) error {
	switch m.how {
	case "answers no ping":
		return errors.New("no answer")
	case "needs credentials for a ping":
		_, err := m.Store.Get(ctx, "a", "")
		return err
	case "writes for a ping":
		if err := m.Store.Put(ctx, "ping", creds("p", "x")); err != nil {
			return err
		}
	case "answers a ping when closed":
		return ctx.Err()
	case "answers a ping under a done context":
		ctx = context.WithoutCancel(ctx)
	}
	return m.Store.Ping(ctx)
}

func (m *mutant) Close() error {
	if m.how == "works when closed" {
		return nil
	}
	return m.Store.Close()
}

func (m *mutant) String() string {
	if m.how == "prints" {
		return secret
	}
	return "store"
}

const mutantEnv = "CREDTEST_MUTANT"

// TestSuite runs the suite on the store that a parent names, and on a sound one.
func TestSuite(t *testing.T) {
	Run(t, func(*testing.T) accounts.CredentialStore {
		return &mutant{Store: memcreds.New(), how: os.Getenv(mutantEnv), kept: map[place]credentials.Set{}}
	})
}

// TestSuiteFindsEveryMutant: whoever breaks a promise fails.
func TestSuiteFindsEveryMutant(t *testing.T) {
	for _, how := range mutants {
		t.Run(how, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSuite$")
			cmd.Env = append(os.Environ(), mutantEnv+"="+how)
			out, err := cmd.CombinedOutput()
			require.Error(t, err, "a store that %s passes the suite", how)
			require.Contains(t, string(out), "--- FAIL", "the suite did not run")
		})
	}
}
