package page

import (
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// account is a profile as every page shows it: who it is, and how it stands.
type account struct {
	ID      accounts.ProfileID
	Name    string
	Profile accounts.AccountProfile
	identity

	// Trouble is why the account's book cannot be read; nil if it can. Nothing below is known then.
	Trouble  error
	Snapshot accounts.Snapshot

	Equity  money // in base currency
	Rounded money
	Today   gain // since the last equity point before today
	Short   gain
	State   badge
	Fresh   freshness
}

// identity tells accounts apart without a word: by colour, shape, initial and line.
type identity struct {
	Hue     string // the class of the colour, a1 to a8
	Shape   string // the class of the shape, where it is not the colour's own
	Line    string // the class of the line's pattern, d1 to d4
	Initial string
	Masked  string // the broker's id: its letters and the last four digits
}

// shapes are the classes of tiles, in the order of the colours that have them.
var shapes = []string{"round", "square", "drop", "leaf"}

// identify returns the identity of the nth account that its owner has made, from 0.
func identify(n int, p accounts.AccountProfile) identity {
	first, _ := utf8.DecodeRuneInString(p.Name)
	id := identity{Hue: "a" + itoa(n%8+1), Line: "d" + itoa((n+n/8)%4+1), Initial: string(unicode.ToUpper(first)), Masked: masked(p.IBKRAccountID)}
	if n >= 8 {
		id.Shape = shapes[(n+n/8)%4]
	}
	return id
}

// masked returns an account id with its letters and its last four characters.
func masked(id string) string {
	letters := strings.IndexFunc(id, unicode.IsDigit)
	if letters < 0 {
		letters = min(1, len(id))
	}
	return id[:letters] + "•••" + id[max(letters, len(id)-4):]
}

// Live reports whether the account's money is real.
func (a account) Live() bool { return a.Profile.Mode == accounts.ModeLive }

// Env returns the class of the account's environment.
func (a account) Env() string {
	if a.Live() {
		return "live"
	}
	return "paper"
}

// EnvWord returns the word for the account's environment.
func (a account) EnvWord() string { return strings.ToUpper(a.Env()) }

// Class returns the classes of whatever is the account's.
func (a account) Class() string { return a.Hue + " " + a.Env() }

// Path returns the path of a page of the account.
func (a account) Path(parts ...string) string { return pathOf(a.ID, parts...) }

// Archived reports whether the profile is out of use.
func (a account) Archived() bool { return a.Profile.Status == accounts.StatusArchived }

// Halted reports whether a person has stopped trading.
func (a account) Halted() bool {
	return a.Trouble == nil && a.Snapshot.Risk.State == risk.TradingHalted
}

// Currency returns the currency of the account's totals.
func (a account) Currency() ledger.Currency { return a.Profile.BaseCurrency }

// Level says in words what the profile is planned for.
func (a account) Level() string {
	return string(a.Profile.CapitalLevel) + ", " + string(a.Profile.RiskTolerance)
}

// badge is a state in words, with its icon and its class.
type badge struct{ Class, Icon, Word string }

// stateOf returns the badge of how an account trades.
func stateOf(a account) badge {
	switch {
	case a.Profile.Status != accounts.StatusActive:
		return badge{"reducing", "lock", capital(string(a.Profile.Status))}
	case a.Trouble != nil:
		return badge{"reducing", "warn", "Not known"}
	case a.Snapshot.Risk.State == risk.TradingHalted:
		return badge{"halted", "halt", "Halted"}
	case a.Snapshot.Risk.State == risk.TradingReducing:
		return badge{"reducing", "reduce", "Reducing"}
	}
	return badge{"active", "ok", "Active"}
}

// freshness says how old the marks of what is held are.
type freshness struct {
	Marks  bool      // something is held that needs a mark
	Live   bool      // every mark is there, and young enough for orders to be decided by it
	Oldest time.Time // of the marks; zero without any
	Age    string    // of the oldest
	Most   string    // how old a mark may be
	Lacks  []string  // what has no price, or no rate
}

// freshnessOf looks at the marks of a snapshot.
func freshnessOf(s *accounts.Snapshot, now time.Time) freshness {
	f := freshness{Live: true, Most: span(s.Risk.Limits.MarkAge)}
	for _, v := range s.Open {
		f.Marks = true
		if !v.Marked() {
			continue
		}
		if f.Oldest.IsZero() || v.Mark.Time.Before(f.Oldest) {
			f.Oldest = v.Mark.Time
		}
		f.Live = f.Live && now.Sub(v.Mark.Time) <= s.Risk.Limits.MarkAge
	}
	if !f.Oldest.IsZero() {
		f.Age = age(now.Sub(f.Oldest))
	}
	if s.Missing != nil {
		f.Live = false
		for _, key := range s.Missing.Marks {
			f.Lacks = append(f.Lacks, heldName(s, key))
		}
		for _, currency := range s.Missing.Rates {
			f.Lacks = append(f.Lacks, string(currency))
		}
	}
	return f
}

// heldName returns the name of a contract that is held.
func heldName(s *accounts.Snapshot, key ledger.InstrumentKey) string {
	for _, v := range s.Open {
		if v.Instrument.Key() == key {
			return nameOf(v.Instrument)
		}
	}
	return string(key)
}

// readAccounts reads the caller's profiles and their books.
func (c *call) readAccounts() ([]account, error) {
	profiles, err := c.page.Manager.ListProfiles(c.ctx, accounts.ProfileFilter{})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(profiles, func(a, b accounts.AccountProfile) int {
		if by := a.CreatedAt.Compare(b.CreatedAt); by != 0 {
			return by
		}
		return strings.Compare(string(a.ID), string(b.ID))
	})
	out := make([]account, len(profiles))
	for i, p := range profiles {
		out[i] = c.readAccount(i, p)
	}
	return out, nil
}

// readAccount reads the book of the nth profile.
func (c *call) readAccount(n int, profile accounts.AccountProfile) account {
	a := account{ID: profile.ID, Name: profile.Name, Profile: profile, identity: identify(n, profile)}
	p, err := c.page.Manager.Portfolio(c.ctx, profile.ID)
	if err != nil {
		a.Trouble, a.State = err, stateOf(a)
		if !errorIsAny(err, context.Canceled, context.DeadlineExceeded) { // the browser has left, or waits no longer
			c.page.Logger.WarnContext(c.ctx, "an account cannot be read", "profile", string(profile.ID), "err", err)
		}
		return a
	}
	a.Snapshot = p.Snapshot()
	a.State, a.Fresh = stateOf(a), freshnessOf(&a.Snapshot, c.now)
	s := &a.Snapshot
	if s.Missing != nil {
		return a
	}
	a.Equity, a.Rounded = cents(s.Equity).in(s.BaseCurrency), rounded(s.Equity).in(s.BaseCurrency)
	if !s.HighWater.IsZero() { // without an equity point nothing tells where the day began
		day := s.Risk.DayLoss.Neg()
		a.Today, a.Short = gained(day).of(day, s.Equity.Sub(day)), short(day)
	}
	return a
}
