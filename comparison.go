package accounts

import (
	"cmp"
	"context"
	"fmt"
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
}

// Comparison is the performance of several profiles in one window, side by side.
type Comparison struct {
	Window    performance.Window `json:"window"`
	Standings []Standing         `json:"standings"` // ordered by id, or as they were asked for
}

// Compare works out the performance of the profiles in the window. Without ids it takes all
// profiles that ctx sees and that are not archived. Trading goes on meanwhile: each profile is as
// of one moment, not all as of the same. The standings are in the order of the ids, or in ascending
// order. Any error ends the whole comparison.
//
// Errors:
//   - ErrProfileNotFound for a profile that ctx does not see;
//   - ErrInvalid for a profile that is named twice, and for a window that ends before it begins;
//   - those of [MultiAccountManager.Portfolio] and [Portfolio.Performance].
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
	profiles, err := m.compared(ctx, s, ids)
	if err != nil {
		return Comparison{}, err
	}
	out := Comparison{Window: w, Standings: make([]Standing, len(profiles))}
	errs := make([]error, len(profiles))
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0)) // it is arithmetic, for the most part
	for i, p := range profiles {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			out.Standings[i], errs[i] = m.standing(ctx, s, p, w)
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return Comparison{}, err
		}
	}
	return out, nil
}

// compared returns the profiles to compare.
func (m *MultiAccountManager) compared(ctx context.Context, s scope, ids []ProfileID) ([]AccountProfile, error) {
	if len(ids) == 0 {
		f := ProfileFilter{Statuses: []ProfileStatus{StatusActive, StatusInactive, StatusSuspended}}
		if !s.all {
			f.Owner = &s.owner
		}
		return m.store.Profiles(ctx, f)
	}
	profiles := make([]AccountProfile, len(ids))
	for i, id := range ids {
		if slices.Index(ids, id) != i {
			return nil, fmt.Errorf("%w: profile %.60q is named twice", ErrInvalid, id)
		}
		p, err := m.lookup(ctx, s, id)
		if err != nil {
			return nil, fmt.Errorf("profile %.60q: %w", id, err)
		}
		profiles[i] = p
	}
	return profiles, nil
}

// standing works out the performance of one profile.
func (m *MultiAccountManager) standing(
	ctx context.Context, s scope, p AccountProfile, w performance.Window,
) (Standing, error) {
	out := Standing{ProfileID: p.ID, Name: p.Name, CapitalLevel: p.CapitalLevel,
		RiskTolerance: p.RiskTolerance, BaseCurrency: p.BaseCurrency}
	portfolio, err := m.portfolio(ctx, s, p.ID)
	if err != nil {
		return out, fmt.Errorf("profile %.60q: %w", p.ID, err)
	}
	out.Performance, err = portfolio.Performance(ctx, w)
	return out, err
}

// Rank returns the standings from best to worst by the metric. Profiles for which the metric is not
// defined come last; equal ones are ordered by name. Metrics of money are compared as numbers,
// whatever the base currencies. It returns ErrInvalid for an unknown metric. The comparison is not
// changed.
func (c Comparison) Rank(m performance.Metric) ([]Standing, error) {
	if !m.Valid() {
		return nil, fmt.Errorf("rank by %.40q: %w: unknown metric", m, ErrInvalid)
	}
	out := slices.Clone(c.Standings)
	slices.SortStableFunc(out, func(a, b Standing) int {
		va, known := a.Performance.Value(m)
		vb, knownToo := b.Performance.Value(m)
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
