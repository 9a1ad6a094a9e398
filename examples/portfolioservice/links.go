package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
)

// links keeps the engine in step with the profiles: whatever process makes a profile of the
// login's, the engine works its account from then on.
type links struct {
	profiles func(context.Context) ([]accounts.AccountProfile, error) // those of the login
	engine   *broker.Engine
	login    login
	log      *slog.Logger
	linked   map[accounts.ProfileID]bool
}

// profilesOf returns the profiles of a login: those that are active and name the login, or none.
// Live ones are among them if live is true.
func profilesOf(ctx context.Context, m *accounts.MultiAccountManager, name accounts.LoginID, live bool) (list []accounts.AccountProfile, err error) {
	all, err := m.ListProfiles(ctx, accounts.ProfileFilter{Statuses: []accounts.ProfileStatus{accounts.StatusActive}})
	for _, p := range all {
		if (p.Login == name || p.Login == "") && (p.Mode == accounts.ModePaper || live) {
			list = append(list, p)
		}
	}
	return list, err
}

// run links profiles whenever something has happened, until the context ends. What failed is tried
// again.
func (l *links) run(ctx context.Context, events <-chan accounts.Event, wake <-chan struct{}) {
	again := time.NewTimer(0)
	defer again.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case _, open := <-events:
			if !open {
				return
			}
		case <-wake:
		case <-again.C:
		}
		if err := l.round(ctx); err != nil && ctx.Err() == nil {
			l.log.WarnContext(ctx, "profiles are not linked", "err", err)
			again.Reset(5 * time.Second)
		}
	}
}

// round links the profiles that are not linked yet, and lets the login do what it wants done.
func (l *links) round(ctx context.Context) error {
	profiles, err := l.profiles(ctx)
	if err != nil {
		return err
	}
	var problems []error
	for i := range profiles {
		p := &profiles[i]
		if l.linked[p.ID] {
			continue
		}
		err := l.login.admit(ctx, p)
		if err == nil {
			err = l.engine.Attach(ctx, p.ID)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("link profile %s: %w", p.ID, err))
			continue
		}
		l.linked[p.ID] = true
	}
	return errors.Join(append(problems, l.login.tend(ctx, l.engine))...)
}
