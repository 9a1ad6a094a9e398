package accounts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
)

// Standing is one profile in a comparison.
type Standing struct {
	ProfileID     ProfileID          `json:"profile_id"`
	Name          string             `json:"name"`
	CapitalLevel  CapitalLevel       `json:"capital_level"`
	RiskTolerance RiskTolerance      `json:"risk_tolerance"`
	BaseCurrency  ledger.Currency    `json:"base_currency"`
	Performance   performance.Report `json:"performance"`
	// Err is nil if Performance is known, or else says why it is not. What else is known of the
	// profile is there: its id at least.
	Err error `json:"error,omitempty"`
}

// Comparison is the performance of several profiles in one window, side by side.
type Comparison struct {
	Window    performance.Window `json:"window"`
	Standings []Standing         `json:"standings"` // ordered by id, or as they were asked for
	// Definitions says what the figures of the standings' Performance are: name, unit, span and
	// source.
	Definitions []performance.Definition `json:"definitions"`
}

// Compare works out the performance of the profiles in the window. Without ids it takes all
// profiles that ctx sees and that are not archived. Trading goes on meanwhile: each profile is as
// of one moment, not all as of the same. The standings are in the order of the ids, or in ascending
// order. A failure of one profile is in its standing and does not keep the others from being
// compared.
//
// Errors that keep everything from being compared:
//   - ErrProfileNotFound for an id of a profile that ctx does not see;
//   - ErrInvalid for a profile that is named twice, and for a window that ends before it begins;
//   - the store's error if the profiles could not be listed;
//   - the context's error if it has ended.
//
// Errors of one profile, in its Standing: those of [MultiAccountManager.Portfolio] and
// [Portfolio.Performance].
func (m *MultiAccountManager) Compare(ctx context.Context, w performance.Window, ids ...ProfileID) (Comparison, error) {
	out, err := m.compare(ctx, w, ids)
	if err != nil {
		return Comparison{}, fmt.Errorf("compare: %w", err)
	}
	return out, nil
}

// compare is Compare without its name in errors.
func (m *MultiAccountManager) compare(ctx context.Context, w performance.Window, ids []ProfileID) (Comparison, error) {
	s, err := m.enter(ctx)
	if err == nil {
		err = w.Validate()
	}
	if err != nil {
		return Comparison{}, err
	}
	standings, err := m.compared(ctx, s, ids)
	if err != nil {
		return Comparison{}, err
	}
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0)) // it is arithmetic, for the most part
	for i := range standings {
		if standings[i].Err != nil {
			continue
		}
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			m.perform(ctx, s, &standings[i], w)
		})
	}
	wg.Wait()
	return Comparison{Window: w, Standings: standings, Definitions: performance.Definitions()}, ctx.Err()
}

// compared returns the standings of the profiles to compare, without their performance.
func (m *MultiAccountManager) compared(ctx context.Context, s scope, ids []ProfileID) ([]Standing, error) {
	if len(ids) == 0 {
		f := ProfileFilter{Statuses: []ProfileStatus{StatusActive, StatusInactive, StatusSuspended}}
		if !s.all {
			f.Owner = &s.owner
		}
		profiles, err := m.store.Profiles(ctx, f)
		standings := make([]Standing, len(profiles))
		for i, p := range profiles {
			standings[i] = standingOf(p)
		}
		return standings, err
	}
	standings := make([]Standing, len(ids))
	for i, id := range ids {
		if slices.Index(ids, id) != i {
			return nil, fmt.Errorf("%w: profile %.60q is named twice", ErrInvalid, id)
		}
		p, err := m.lookup(ctx, s, id)
		if err != nil {
			err = fmt.Errorf("profile %.60q: %w", id, err)
		}
		if errors.Is(err, ErrProfileNotFound) {
			return nil, err
		}
		standings[i] = standingOf(p)
		standings[i].ProfileID, standings[i].Err = id, err
	}
	return standings, nil
}

// standingOf returns the profile's standing without its performance.
func standingOf(p AccountProfile) Standing {
	return Standing{ProfileID: p.ID, Name: p.Name, CapitalLevel: p.CapitalLevel,
		RiskTolerance: p.RiskTolerance, BaseCurrency: p.BaseCurrency}
}

// perform works out the performance of one profile.
func (m *MultiAccountManager) perform(ctx context.Context, s scope, to *Standing, w performance.Window) {
	portfolio, err := m.portfolio(ctx, s, to.ProfileID)
	if err != nil {
		to.Err = fmt.Errorf("profile %.60q: %w", to.ProfileID, err)
		return
	}
	to.Performance, to.Err = portfolio.Performance(ctx, w)
}

// Rank returns the standings from best to worst by the metric. Profiles for which the metric is not
// defined, and those with an error, come last; equal ones are ordered by name. Of net exposures the
// one nearer to 0 is the better one. Metrics of money are compared as numbers, whatever the base
// currencies. It returns ErrInvalid for an unknown metric. The comparison is not changed.
func (c Comparison) Rank(m performance.Metric) ([]Standing, error) {
	if !m.Valid() {
		return nil, fmt.Errorf("rank by %.40q: %w: unknown metric", m, ErrInvalid)
	}
	out := slices.Clone(c.Standings)
	slices.SortStableFunc(out, func(a, b Standing) int {
		va, known := a.value(m)
		vb, knownToo := b.value(m)
		if m == performance.MetricNetExposure {
			va, vb = math.Abs(va), math.Abs(vb)
		}
		order := 0
		switch {
		case !known && !knownToo:
		case !known:
			return 1
		case !knownToo:
			return -1
		case m.LessIsBetter():
			order = cmp.Compare(va, vb)
		default:
			order = cmp.Compare(vb, va)
		}
		return cmp.Or(order, cmp.Compare(a.Name, b.Name), cmp.Compare(a.ProfileID, b.ProfileID))
	})
	return out, nil
}

// value returns the metric, and whether it is defined.
func (s *Standing) value(m performance.Metric) (float64, bool) {
	if s.Err != nil {
		return 0, false
	}
	return s.Performance.Value(m)
}
