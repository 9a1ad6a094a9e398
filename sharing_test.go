package accounts_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

// onAccount is a profile with the account at the broker.
func onAccount(id accounts.ProfileID, account string) accounts.AccountProfile {
	p := aProfile(id)
	p.IBKRAccountID = account
	return p
}

// Two active profiles of one owner on one account would hold twice what the limits of each permit.
func TestOneActiveProfileForAnAccount(t *testing.T) {
	store := newStore(t)
	m := newManager(t, store)
	anna := accounts.WithOwner(t.Context(), "anna")
	_, err := m.CreateProfile(anna, onAccount("a", "DU1000100"))
	require.NoError(t, err)
	_, err = m.CreateProfile(anna, onAccount("b", "DU1000100"))
	require.ErrorIs(t, err, accounts.ErrAccountTaken, "a second active profile")
	_, err = m.Profile(anna, "b")
	require.ErrorIs(t, err, accounts.ErrProfileNotFound, "what was refused was stored")

	second := onAccount("b", "DU1000100")
	second.Status = accounts.StatusInactive
	second, err = m.CreateProfile(anna, second)
	require.NoError(t, err, "an inactive profile does not trade")
	activated := second
	activated.Status = accounts.StatusActive
	_, err = m.UpdateProfile(anna, activated)
	require.ErrorIs(t, err, accounts.ErrAccountTaken, "activated")
	other, err := m.CreateProfile(anna, onAccount("c", "DU1000200"))
	require.NoError(t, err)
	other.IBKRAccountID = "DU1000100"
	_, err = m.UpdateProfile(anna, other)
	require.ErrorIs(t, err, accounts.ErrAccountTaken, "another account")
	for id, want := range map[accounts.ProfileID]int64{"b": second.Version, "c": other.Version} {
		p, err := m.Profile(anna, id)
		require.NoError(t, err)
		require.Equal(t, want, p.Version, "a refused update changed profile %q", id)
	}

	suspend(t, anna, m, "a")
	activated, err = m.UpdateProfile(anna, activated)
	require.NoError(t, err, "the first is suspended")
	activated.Name = "another name"
	_, err = m.UpdateProfile(anna, activated)
	require.NoError(t, err, "an update that takes no account")
	require.NoError(t, m.ArchiveProfile(anna, "b"))
	_, err = m.CreateProfile(anna, onAccount("d", "DU1000100"))
	require.NoError(t, err, "the others are suspended and archived")

	shared := newManager(t, store, accounts.AllowSharedAccounts())
	_, err = shared.CreateProfile(anna, onAccount("e", "DU1000100"))
	require.NoError(t, err, "sharing was asked for")
}

// Another owner's profile on the account is no refusal, which would tell of it. The operator is told,
// of neither the account nor the other owner.
func TestOneAccountOfTwoOwners(t *testing.T) {
	var log bytes.Buffer
	m := newManager(t, newStore(t), accounts.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	alice, mallory := accounts.WithOwner(t.Context(), "alice"), accounts.WithOwner(t.Context(), "mallory")
	_, err := m.CreateProfile(alice, onAccount("a", "DU1000100"))
	require.NoError(t, err)
	require.Empty(t, log.String())
	_, err = m.CreateProfile(mallory, onAccount("b", "DU1000100"))
	require.NoError(t, err, "Mallory learns of Alice's account")
	require.Contains(t, log.String(), "several owners")
	require.Contains(t, log.String(), "profile=b")
	for _, secret := range []string{"DU1000100", "alice", "mallory", "profile=a"} {
		require.NotContains(t, log.String(), secret)
	}
	list, err := m.ListProfiles(accounts.AsSystem(t.Context()), accounts.ProfileFilter{IBKRAccountID: "DU1000100"})
	require.NoError(t, err)
	require.Len(t, list, 2, "the back office sees whose they are")
}

// racedStore lets another process do something just before a profile is written.
type racedStore struct {
	accounts.Store
	before func()
	broken error // of listing once something was written
	wrote  bool
}

func (s *racedStore) race() {
	before := s.before
	if s.before = nil; before != nil {
		before()
	}
	s.wrote = true
}

func (s *racedStore) CreateProfile(ctx context.Context, p accounts.AccountProfile) error {
	s.race()
	return s.Store.CreateProfile(ctx, p)
}

func (s *racedStore) UpdateProfile(ctx context.Context, p accounts.AccountProfile) error {
	s.race()
	return s.Store.UpdateProfile(ctx, p)
}

func (s *racedStore) Profiles(ctx context.Context, f accounts.ProfileFilter) ([]accounts.AccountProfile, error) {
	if s.wrote && s.broken != nil {
		return nil, s.broken
	}
	return s.Store.Profiles(ctx, f)
}

// What another process stores between the look and the write is found after the write, and taken back.
func TestTwoProcessesTakeOneAccount(t *testing.T) {
	store := newStore(t)
	raced := &racedStore{Store: store.Store}
	here, there := newManager(t, raced), newManager(t, store.Store)
	raced.before = func() {
		_, err := there.CreateProfile(t.Context(), onAccount("theirs", "DU1000100"))
		require.NoError(t, err)
	}
	p, err := here.CreateProfile(t.Context(), onAccount("ours", "DU1000100"))
	require.ErrorIs(t, err, accounts.ErrAccountTaken)
	require.Equal(t, accounts.StatusInactive, p.Status)
	stored, err := here.Profile(t.Context(), "ours")
	require.NoError(t, err)
	require.Equal(t, p, stored, "something else was stored than returned")

	suspend(t, t.Context(), there, "theirs")
	open, err := here.Portfolio(t.Context(), "ours")
	require.NoError(t, err)
	raced.before = func() {
		theirs, err := there.Profile(t.Context(), "theirs")
		require.NoError(t, err)
		theirs.Status = accounts.StatusActive
		_, err = there.UpdateProfile(t.Context(), theirs)
		require.NoError(t, err)
	}
	p.Status, p.Name = accounts.StatusActive, "another name"
	back, err := here.UpdateProfile(t.Context(), p)
	require.ErrorIs(t, err, accounts.ErrAccountTaken)
	stored.Version, stored.UpdatedAt = back.Version, back.UpdatedAt
	require.Equal(t, stored, back, "it is not as it was")
	require.Greater(t, back.Version, p.Version)
	_, err = open.Reserve(t.Context(), order("o", xyz, "1"))
	require.ErrorIs(t, err, accounts.ErrRefused, "the profile trades")

	// A look that fails may have missed somebody.
	suspend(t, t.Context(), there, "theirs")
	raced.wrote, raced.broken = false, errors.New("connection lost")
	back.Status = accounts.StatusActive
	_, err = here.UpdateProfile(t.Context(), back)
	require.ErrorIs(t, err, raced.broken)
	stored, err = here.Profile(t.Context(), "ours")
	require.NoError(t, err)
	require.Equal(t, accounts.StatusInactive, stored.Status, "active without having looked")
}

// However many processes create profiles for one account at once: one at most becomes active.
func TestManyProcessesTakeOneAccount(t *testing.T) {
	const processes = 4
	for range 50 {
		store := newStore(t)
		var creating sync.WaitGroup
		taken := make([]error, processes)
		for i := range processes {
			m := newManager(t, store.Store)
			creating.Go(func() {
				_, taken[i] = m.CreateProfile(t.Context(), onAccount(accounts.ProfileID(fmt.Sprint("p", i)), "DU1000100"))
			})
		}
		creating.Wait()
		created := 0
		for _, err := range taken {
			if err == nil {
				created++
			} else {
				require.ErrorIs(t, err, accounts.ErrAccountTaken)
			}
		}
		active, err := store.Profiles(t.Context(), accounts.ProfileFilter{Statuses: []accounts.ProfileStatus{accounts.StatusActive}})
		require.NoError(t, err)
		require.LessOrEqual(t, created, 1, "two processes were told that they have the account")
		require.Len(t, active, created, "active profiles on the account")
	}
}
