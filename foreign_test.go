package accounts_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/credentials/memcreds"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/store/memstore"
)

// tracedStore notes the calls under a traced context, and fails them when it is told to. Its error
// names what was asked for, as a driver's may.
type tracedStore struct {
	*memstore.Store
	mu    sync.Mutex
	calls []string
	down  bool
}

type tracedKey struct{}

func (s *tracedStore) trace(ctx context.Context, call string, id any) error {
	if ctx.Value(tracedKey{}) == nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = append(s.calls, call)
	if s.down {
		return fmt.Errorf("%s of %q: connection refused", call, id)
	}
	return nil
}

func (s *tracedStore) Profile(ctx context.Context, id accounts.ProfileID) (accounts.AccountProfile, error) {
	if err := s.trace(ctx, "profile", id); err != nil {
		return accounts.AccountProfile{}, err
	}
	return s.Store.Profile(ctx, id)
}

func (s *tracedStore) Profiles(ctx context.Context, f accounts.ProfileFilter) ([]accounts.AccountProfile, error) {
	if err := s.trace(ctx, "profiles", f.IBKRAccountID); err != nil {
		return nil, err
	}
	return s.Store.Profiles(ctx, f)
}

func (s *tracedStore) UpdateProfile(ctx context.Context, p accounts.AccountProfile) error {
	if err := s.trace(ctx, "update", p.ID); err != nil {
		return err
	}
	return s.Store.UpdateProfile(ctx, p)
}

func (s *tracedStore) ActiveProfile(ctx context.Context, o accounts.OwnerID) (accounts.ProfileID, error) {
	if err := s.trace(ctx, "active", o); err != nil {
		return "", err
	}
	return s.Store.ActiveProfile(ctx, o)
}

func (s *tracedStore) Checkpoint(ctx context.Context, id accounts.ProfileID, upTo int64) (accounts.Checkpoint, error) {
	if err := s.trace(ctx, "checkpoint", id); err != nil {
		return accounts.Checkpoint{}, err
	}
	return s.Store.Checkpoint(ctx, id, upTo)
}

func (s *tracedStore) Append(ctx context.Context, b accounts.Batch) error {
	if err := s.trace(ctx, "append", b.ProfileID); err != nil {
		return err
	}
	return s.Store.Append(ctx, b)
}

// asks are all ways to ask a manager about the profile with an id, or with an account at the broker.
var asks = map[string]func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error{
	"Profile": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		_, err := m.Profile(ctx, p.ID)
		return err
	},
	"UpdateProfile": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		p.Owner = ""
		_, err := m.UpdateProfile(ctx, p)
		return err
	},
	"UpdateProfile of a wrong version": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		p.Owner, p.Version = "", 99
		_, err := m.UpdateProfile(ctx, p)
		return err
	},
	"ArchiveProfile": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		return m.ArchiveProfile(ctx, p.ID)
	},
	"SwitchProfile": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		_, err := m.SwitchProfile(ctx, p.ID)
		return err
	},
	"Portfolio": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		_, err := m.Portfolio(ctx, p.ID)
		return err
	},
	"Portfolio of the context's profile": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		_, err := m.Portfolio(accounts.WithProfile(ctx, p.ID), "")
		return err
	},
	"ActiveProfile": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		_, err := m.ActiveProfile(accounts.WithProfile(ctx, p.ID))
		return err
	},
	"SetCredentials": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		return m.SetCredentials(ctx, p.ID, credentials.NewGatewaySession())
	},
	"SetCredentials that are not valid": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		return m.SetCredentials(ctx, p.ID, nil)
	},
	"Credentials": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		_, err := m.Credentials(ctx, p.ID, credentials.GatewaySession)
		return err
	},
	"CredentialKinds": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		_, err := m.CredentialKinds(ctx, p.ID)
		return err
	},
	"DeleteCredentials": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		return m.DeleteCredentials(ctx, p.ID)
	},
	"Compare": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		c, err := m.Compare(ctx, performance.Window{}, p.ID)
		for _, s := range c.Standings {
			err = errors.Join(err, s.Err)
		}
		return err
	},
	"Route": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		out, err := m.Route(ctx, accounts.Signal{ID: "s", Instrument: xyz, Action: accounts.SignalBuy}, accounts.ToProfiles(p.ID))
		for _, a := range out {
			err = errors.Join(err, a.Err)
		}
		return err
	},
	"Route, all or none": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		out, err := m.Route(ctx, accounts.Signal{ID: "s", Instrument: xyz, Action: accounts.SignalBuy}, accounts.ToProfiles(p.ID), accounts.AllOrNone())
		for _, a := range out {
			err = errors.Join(err, a.Err)
		}
		return err
	},
	"ProfileByAccount": func(ctx context.Context, m *accounts.MultiAccountManager, p accounts.AccountProfile) error {
		_, err := m.ProfileByAccount(ctx, p.IBKRAccountID)
		return err
	},
}

// Nothing tells a profile of another owner from one that there is not: neither the error nor what the
// store is asked, on which the time depends; whether the profile's portfolio is open or not, and
// whether the store works or not.
func TestForeignProfilesDoNotExist(t *testing.T) {
	alice := accounts.WithOwner(t.Context(), "alice")
	mallory := accounts.WithOwner(context.WithValue(t.Context(), tracedKey{}, true), "mallory")
	store := &tracedStore{Store: memstore.New()}
	m := newManager(t, store, accounts.WithCredentialStore(memcreds.New()))
	profiles := map[string]accounts.AccountProfile{}
	for i, name := range []string{"nobody's", "closed", "open"} {
		p := aProfile(accounts.ProfileID(fmt.Sprint("id-", i)))
		p.IBKRAccountID, p.Version = fmt.Sprint("DU100010", i), 1
		if name != "nobody's" {
			var err error
			p, err = m.CreateProfile(alice, p)
			require.NoError(t, err)
			require.NoError(t, store.SetActiveProfile(t.Context(), "alice", p.ID, now))
		}
		profiles[name] = p
	}
	_, err := m.Portfolio(alice, profiles["open"].ID)
	require.NoError(t, err)
	// answer is what Mallory is told and what the store is asked, without what names the profile.
	answer := func(method, name string, down bool) (string, []string) {
		p := profiles[name]
		store.calls, store.down = nil, down
		err := asks[method](mallory, m, p)
		require.Error(t, err, "%s: %s profile", method, name)
		if !down {
			require.ErrorIs(t, err, accounts.ErrProfileNotFound, "%s: %s profile", method, name)
		}
		text := strings.NewReplacer(string(p.ID), "(id)", p.IBKRAccountID, "(account)").Replace(err.Error())
		return text, store.calls
	}
	for method := range asks {
		for _, down := range []bool{false, true} {
			text, calls := answer(method, "nobody's", down)
			require.NotEmpty(t, calls, "%s was not traced", method)
			for _, name := range []string{"closed", "open"} {
				gotText, gotCalls := answer(method, name, down)
				require.Equal(t, text, gotText, "%s, store down: %v: the error tells of the %s profile", method, down, name)
				require.Equal(t, calls, gotCalls, "%s, store down: %v: the time tells of the %s profile", method, down, name)
			}
		}
	}
}
