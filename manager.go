package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/internal/hub"
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/risk"
)

// MultiAccountManager keeps profiles, knows which one is active, and hands out one Portfolio per
// profile. Make one with New, share it, and close it. All methods are safe for concurrent use.
//
// Every method sees what its context may see. Under WithOwner these are the owner's profiles alone:
// the profile of another owner is ErrProfileNotFound, as though it did not exist. A context without
// an owner sees all profiles, for single-user systems, and its active profile is that of the empty
// owner; a manager made with RequireOwner refuses it with ErrOwnerRequired. AsSystem sees all
// profiles in either case, for back offices.
//
// Every method returns the context's error when the context has ended, the store's error when the
// store fails, and ErrClosed after Close.
type MultiAccountManager struct {
	store        *observedStore
	tel          *telemetry
	counters     managerCounters
	creds        CredentialStore // nil when none is configured
	strangers    *strangers
	clock        func() time.Time
	hooks        []SwitchHook
	requireOwner bool
	shared       bool     // several active profiles of one owner may have one account at the broker
	nils         []string // options that were given nil, and that do nothing unless given

	events *hub.Hub[Event, eventKey]

	ctx     context.Context // ends with Close
	cancel  context.CancelFunc
	closing sync.Once
	running sync.WaitGroup // the manager's goroutines; added to under mu while ctx lives

	mu         sync.Mutex // guards what follows
	portfolios map[ProfileID]*portfolioSlot
	boards     map[scope]*board          // prices that were told for several profiles, by who told them
	switching  map[OwnerID]chan struct{} // each holds a token while the owner's switch is under way
}

// New returns a manager on the store, which stays the caller's to close, after the manager. It
// begins to watch the store and returns its error if that fails. ErrInvalid when the store, an
// option or what an option was given is nil, and when udecimal's default precision was lowered from
// 19 places: that setting belongs to the whole process, and below 19 places amounts would be cut
// off. ErrInvalid too when the time zone America/New_York cannot be loaded: trading days are
// counted in it by default.
func New(store Store, opts ...ManagerOption) (*MultiAccountManager, error) {
	tel := newTelemetry()
	m := &MultiAccountManager{
		store:      &observedStore{Store: store, tel: tel, met: &meters{}},
		tel:        tel,
		strangers:  newStrangers(),
		clock:      time.Now,
		switching:  make(map[OwnerID]chan struct{}),
		events:     hub.New(eventKeyOf, ErrClosed),
		portfolios: make(map[ProfileID]*portfolioSlot),
		boards:     make(map[scope]*board),
	}
	v := &ValidationError{What: "manager"}
	for _, o := range opts {
		if o == nil {
			v.Add("ManagerOption", "is nil")
			continue
		}
		o(m)
	}
	v.Check(store != nil, "Store", "is nil")
	v.Check(m.clock != nil, "WithClock", "is nil")
	for _, option := range m.nils {
		v.Add(option, "is nil")
	}
	v.Check(!slices.ContainsFunc(m.hooks, func(h SwitchHook) bool { return h == nil }), "OnSwitch", "is nil")
	_, err := udecimal.NewFromUint64(1, num.MaxPlaces)
	v.Check(err == nil, "udecimal", "has a default precision below %d places", num.MaxPlaces)
	_, err = risk.NewYork()
	v.Check(err == nil, "time zone", "%v", err)
	if err := v.Err(); err != nil {
		return nil, err
	}
	m.ctx, m.cancel = context.WithCancel(context.Background())
	changes, err := m.store.Watch(m.ctx)
	if err != nil {
		m.cancel()
		return nil, fmt.Errorf("watch store: %w", err)
	}
	m.running.Go(func() { m.watch(changes) })
	if m.creds != nil {
		m.running.Go(m.writeStrangers)
	}
	return m, nil
}

// Close ends what the manager runs: its watch on the store, the channels of Subscribe, and every
// Portfolio, whose commands return ErrClosed from then on. It waits for the manager's goroutines
// but not for calls under way, and closes neither the store nor the credential store. It returns
// nil, the second time too.
func (m *MultiAccountManager) Close() error {
	m.closing.Do(func() {
		m.mu.Lock() // so that no goroutine is added to running once it is waited for
		m.cancel()
		for _, s := range m.portfolios {
			s.news.close()
		}
		m.mu.Unlock()
		m.running.Wait()
		m.events.Close()
		m.mu.Lock()
		defer m.mu.Unlock()
		for _, s := range m.portfolios {
			s.p.close()
		}
	})
	return nil
}

// scope is the set of profiles that a context may see: one owner's, or all.
type scope struct {
	owner OwnerID // whose active profile is meant; empty when all is set
	all   bool
}

func (s scope) sees(owner OwnerID) bool { return s.all || s.owner == owner }

// enter begins every method: it returns what the context may see, or why the method must not go on.
func (m *MultiAccountManager) enter(ctx context.Context) (scope, error) {
	if m.ctx.Err() != nil {
		return scope{}, ErrClosed
	}
	if err := ctx.Err(); err != nil {
		return scope{}, err
	}
	s, said := seerOf(ctx)
	if m.requireOwner && s.owner == "" && !s.system {
		return scope{}, ErrOwnerRequired
	}
	return scope{owner: s.owner, all: !said || s.system}, nil
}

// lookup returns a profile that the scope sees. A profile that it does not see gives the same error
// as one that does not exist, so that nobody can tell them apart.
func (m *MultiAccountManager) lookup(ctx context.Context, s scope, id ProfileID) (AccountProfile, error) {
	p, err := m.store.Profile(ctx, id)
	if errors.Is(err, ErrProfileNotFound) || err == nil && !s.sees(p.Owner) {
		return AccountProfile{}, ErrProfileNotFound
	}
	return p, err
}

// now returns the clock's time at the precision that stores keep.
func (m *MultiAccountManager) now() time.Time { return m.clock().UTC().Truncate(time.Microsecond) }

// CreateProfile stores a new profile and returns it as stored: with defaults filled in (see
// WithDefaults), a UUIDv7 if it had no ID, the context's owner, Version 1, and times by the clock.
// It ignores Version and times of p.
//
// Errors:
//   - ErrInvalid, a *ValidationError that lists every wrong field, also for an archived profile and
//     for an owner that ctx does not see;
//   - ErrProfileExists if the ID is taken, by any owner;
//   - ErrNameTaken if another profile of the owner has the name, archived ones included;
//   - ErrAccountTaken if another active profile of the owner has the account at the broker; see
//     AllowSharedAccounts. Where that comes out after the profile was stored, because another process
//     was as fast, the profile is returned with the error, and is inactive.
func (m *MultiAccountManager) CreateProfile(ctx context.Context, p AccountProfile) (AccountProfile, error) {
	created, err := m.createProfile(ctx, p)
	if err != nil {
		return created, fmt.Errorf("create profile %.120q: %w", p.Name, err)
	}
	return created, nil
}

func (m *MultiAccountManager) createProfile(ctx context.Context, p AccountProfile) (AccountProfile, error) {
	s, err := m.enter(ctx)
	if err != nil {
		return AccountProfile{}, err
	}
	p = p.WithDefaults()
	if p.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return AccountProfile{}, err
		}
		p.ID = ProfileID(id.String())
	}
	foreign := p.Owner != "" && !s.sees(p.Owner)
	if !s.all && p.Owner == "" {
		p.Owner = s.owner
	}
	p.Version, p.CreatedAt, p.LastUsedAt = 1, m.now(), time.Time{}
	p.UpdatedAt = p.CreatedAt
	v := p.violations()
	v.Check(p.Status != StatusArchived, "Status", "is archived, which no profile can begin as")
	v.Check(!foreign, "Owner", "%.60q is not the context's owner %.60q", p.Owner, s.owner)
	if err := v.Err(); err != nil {
		return AccountProfile{}, err
	}
	if err := m.checkAccount(ctx, p); err != nil {
		return AccountProfile{}, err
	}
	if err := m.store.CreateProfile(ctx, p); err != nil {
		return AccountProfile{}, err
	}
	unused := p
	unused.Status = StatusInactive
	return m.confirmAccount(ctx, p, unused)
}

// UpdateProfile replaces the profile with p.ID by p and returns it as stored, with Version raised
// by one and UpdatedAt by the clock. Read a profile, change it, and update it: empty fields are not
// filled in. IBKRAccountID may change, for brokers renumber accounts, as long as Mode agrees. Login
// may change: what the login before has in the credential store stays there. CreatedAt and
// LastUsedAt of p are ignored.
//
// Another status or other limits are written to the profile's journal too, so that every process
// decides later orders by them. If that fails, the profile is returned as stored with the error,
// and other processes learn of the change as of any event.
//
// Errors:
//   - ErrProfileNotFound for a profile that ctx does not see;
//   - ErrProfileNotActive for an archived profile;
//   - ErrConflict if p.Version is not the stored one: nothing was changed, read again and decide
//     again;
//   - ErrNameTaken if another profile of the owner has the name;
//   - ErrAccountTaken if the profile becomes active, or gets another account, and another active
//     profile of the owner has the account at the broker; see AllowSharedAccounts. The profile is as
//     it was, but for its Version where another process was as fast;
//   - ErrInvalid, a *ValidationError that lists every wrong field, also for the status archived,
//     which ArchiveProfile alone sets, for another Owner or BaseCurrency, which never change, and for
//     another time zone in the limits once the journal has an order, a trade or an equity point;
//   - those of Portfolio for another time zone, where the journal must be read.
func (m *MultiAccountManager) UpdateProfile(ctx context.Context, p AccountProfile) (AccountProfile, error) {
	updated, err := m.updateProfile(ctx, p)
	if err != nil {
		return updated, fmt.Errorf("update profile %.60q: %w", p.ID, err)
	}
	return updated, nil
}

func (m *MultiAccountManager) updateProfile(ctx context.Context, p AccountProfile) (AccountProfile, error) {
	s, err := m.enter(ctx)
	if err != nil {
		return AccountProfile{}, err
	}
	stored, err := m.lookup(ctx, s, p.ID)
	switch {
	case err != nil:
		return AccountProfile{}, err
	case stored.Status == StatusArchived:
		return AccountProfile{}, fmt.Errorf("%w: it is archived", ErrProfileNotActive)
	case stored.Version != p.Version:
		return AccountProfile{}, fmt.Errorf("%w: version %d was read, %d is stored", ErrConflict, p.Version,
			stored.Version)
	}
	if !s.all && p.Owner == "" {
		p.Owner = s.owner
	}
	v := p.violations()
	v.Check(p.Status != StatusArchived, "Status", "is archived, which ArchiveProfile alone sets")
	v.Check(p.Owner == stored.Owner, "Owner", "%.60q differs from %.60q, and cannot change", p.Owner, stored.Owner)
	if p.BaseCurrency.Valid() {
		v.Check(p.BaseCurrency == stored.BaseCurrency, "BaseCurrency",
			"%s differs from %s, in which the book is kept", p.BaseCurrency, stored.BaseCurrency)
	}
	if err := v.Err(); err != nil {
		return AccountProfile{}, err
	}
	if err := m.checkDays(ctx, s, stored, p); err != nil {
		return AccountProfile{}, err
	}
	p.CreatedAt, p.UpdatedAt, p.LastUsedAt = stored.CreatedAt, m.now(), stored.LastUsedAt
	claims := p.Status == StatusActive && (stored.Status != StatusActive || stored.IBKRAccountID != p.IBKRAccountID)
	if claims {
		if err := m.checkAccount(ctx, p); err != nil {
			return AccountProfile{}, err
		}
	}
	if err := m.store.UpdateProfile(ctx, p); err != nil {
		return AccountProfile{}, err
	}
	p.Version++
	if claims {
		if p, err = m.confirmAccount(ctx, p, stored); err != nil {
			m.setProfile(p)
			return p, err
		}
	}
	m.setProfile(p)
	return p, m.announcePolicy(ctx, s, stored, p)
}

// announcePolicy writes the profile's status and limits to the journal if they changed, so that
// every process decides the next order by them.
func (m *MultiAccountManager) announcePolicy(ctx context.Context, s scope, before, after AccountProfile) error {
	if before.Status == after.Status && before.EffectiveLimits().Equal(after.EffectiveLimits()) {
		return nil
	}
	p, err := m.portfolio(ctx, s, after.ID)
	if err == nil {
		err = p.applyPolicy(ctx, after)
	}
	if err != nil {
		return fmt.Errorf("it is updated, but other processes may not know yet: %w", err)
	}
	return nil
}

// archiveAttempts bounds how often ArchiveProfile yields to concurrent updates.
const archiveAttempts = 10

// ArchiveProfile takes a profile out of use for ever. It cannot be switched to or updated any more.
// Its name stays taken, and its journal is kept: facts that the broker reports late can still be
// recorded. If it is its owner's active profile, the owner has none afterwards; that runs no
// OnSwitch hooks, but Subscribe tells. Its credentials are deleted from the credential store, if
// there is one: those of its own login, and those of the login that it names, unless another
// profile names that login too. It waits for a switch of the same owner that is under way.
// Archiving an archived profile is no error, and finishes what a failure left undone.
//
// Errors:
//   - ErrProfileNotFound for a profile that ctx does not see;
//   - ErrConflict if others keep updating the profile;
//   - ErrInvalid for a call inside an OnSwitch hook.
func (m *MultiAccountManager) ArchiveProfile(ctx context.Context, id ProfileID) error {
	if err := m.archiveProfile(ctx, id); err != nil {
		return fmt.Errorf("archive profile %.60q: %w", id, err)
	}
	return nil
}

func (m *MultiAccountManager) archiveProfile(ctx context.Context, id ProfileID) error {
	s, err := m.enter(ctx)
	if err != nil {
		return err
	}
	p, err := m.lookup(ctx, s, id)
	if err != nil {
		return err
	}
	unlock, err := m.lockSwitch(ctx, p.Owner)
	if err != nil {
		return err
	}
	defer unlock()
	err = ErrConflict
	for range archiveAttempts {
		if err = m.tryArchive(ctx, s, id); !errors.Is(err, ErrConflict) {
			break
		}
	}
	if err == nil {
		p, err = m.announceArchived(ctx, s, p)
	}
	if err != nil {
		return err
	}
	return m.dropArchived(ctx, p)
}

// announceArchived is announcePolicy for an archived profile, whose journal may be unreadable. It
// returns the profile as archived, which does not change any more.
func (m *MultiAccountManager) announceArchived(
	ctx context.Context, s scope, before AccountProfile,
) (AccountProfile, error) {
	after, err := m.lookup(ctx, s, before.ID)
	if err != nil {
		return AccountProfile{}, err
	}
	m.setProfile(after)
	before.Status = StatusActive // also when an earlier try got no further
	if err = m.announcePolicy(ctx, s, before, after); errors.Is(err, ErrCorrupt) {
		err = nil // nobody can trade on it
	}
	return after, err
}

// tryArchive archives the profile, unless another update comes first (ErrConflict).
func (m *MultiAccountManager) tryArchive(ctx context.Context, s scope, id ProfileID) error {
	p, err := m.lookup(ctx, s, id)
	if err != nil {
		return err
	}
	if p.Status != StatusArchived {
		p.Status, p.UpdatedAt = StatusArchived, m.now()
		if err := m.store.UpdateProfile(ctx, p); err != nil {
			return err
		}
	}
	active, err := m.store.ActiveProfile(ctx, p.Owner)
	if err != nil && !errors.Is(err, ErrNoActiveProfile) {
		return err
	}
	if active != id {
		return nil
	}
	// Second: ActiveProfile refuses an archived profile, while an owner who has lost the active one
	// for an archiving that failed would not know why.
	return m.store.SetActiveProfile(ctx, p.Owner, "", m.now())
}

// Profile returns the profile with the id, in any status. It returns ErrProfileNotFound for a
// profile that ctx does not see.
func (m *MultiAccountManager) Profile(ctx context.Context, id ProfileID) (AccountProfile, error) {
	s, err := m.enter(ctx)
	if err != nil {
		return AccountProfile{}, fmt.Errorf("profile %.60q: %w", id, err)
	}
	p, err := m.lookup(ctx, s, id)
	if err != nil {
		return AccountProfile{}, fmt.Errorf("profile %.60q: %w", id, err)
	}
	return p, nil
}

// ProfileByAccount returns the profile of an account at the broker, in any status but archived.
//
// Errors:
//   - ErrProfileNotFound if no profile that ctx sees has the account;
//   - ErrAmbiguous if several have it; the text names two of them.
func (m *MultiAccountManager) ProfileByAccount(ctx context.Context, ibkrAccountID string) (AccountProfile, error) {
	p, err := m.profileByAccount(ctx, ibkrAccountID)
	if err != nil {
		return AccountProfile{}, fmt.Errorf("profile of account %.60q: %w", ibkrAccountID, err)
	}
	return p, nil
}

func (m *MultiAccountManager) profileByAccount(ctx context.Context, account string) (AccountProfile, error) {
	if account == "" {
		return AccountProfile{}, ErrProfileNotFound
	}
	list, err := m.listProfiles(ctx, ProfileFilter{
		IBKRAccountID: account, Statuses: []ProfileStatus{StatusActive, StatusInactive, StatusSuspended}, Limit: 2,
	})
	switch {
	case err != nil:
		return AccountProfile{}, err
	case len(list) == 0:
		return AccountProfile{}, ErrProfileNotFound
	case len(list) > 1:
		return AccountProfile{}, fmt.Errorf("%w: of %q and %q at least", ErrAmbiguous, list[0].ID, list[1].ID)
	}
	return list[0], nil
}

// ListProfiles returns the profiles that pass the filter and that ctx sees, in ascending order of
// ids; an empty slice if there are none. The zero filter selects all, archived ones included. The
// last id of a page is the After of the next. It returns ErrInvalid for a negative limit.
func (m *MultiAccountManager) ListProfiles(ctx context.Context, f ProfileFilter) ([]AccountProfile, error) {
	list, err := m.listProfiles(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("list profiles: %w", err)
	}
	return list, nil
}

func (m *MultiAccountManager) listProfiles(ctx context.Context, f ProfileFilter) ([]AccountProfile, error) {
	s, err := m.enter(ctx)
	if err != nil {
		return nil, err
	}
	if f.Limit < 0 {
		return nil, fmt.Errorf("%w: limit %d is negative", ErrInvalid, f.Limit)
	}
	if f.Owner != nil && !s.sees(*f.Owner) {
		return []AccountProfile{}, nil
	}
	if !s.all {
		f.Owner = &s.owner
	}
	return m.store.Profiles(ctx, f)
}
