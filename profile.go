package accounts

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/quagmt/udecimal"
)

// ProfileID is the library's own, stable name for one account. Everything is keyed on it, never
// on the broker's account id, which has been known to change. 1 to 50 bytes of printable ASCII
// without spaces; a UUIDv7 unless the caller chooses.
type ProfileID string

// OwnerID names whoever a profile belongs to, at most 50 bytes. It is empty in a single-user system.
type OwnerID string

// Currency is a three-letter code in capitals, such as USD or CNH.
type Currency string

// Valid reports whether the code is three capital letters.
func (c Currency) Valid() bool {
	if len(c) != 3 {
		return false
	}
	for i := range 3 {
		if c[i] < 'A' || c[i] > 'Z' {
			return false
		}
	}
	return true
}

// RiskTolerance says how much of its capital a profile may put at risk.
type RiskTolerance string

// Risk tolerances, from the tightest limits to the loosest.
const (
	RiskLow      RiskTolerance = "low"
	RiskBalanced RiskTolerance = "balanced"
	RiskModerate RiskTolerance = "moderate"
	RiskHigh     RiskTolerance = "high"
)

// ParseRiskTolerance reads a tolerance in any case; ErrInvalid for anything else.
func ParseRiskTolerance(s string) (RiskTolerance, error) {
	r := RiskTolerance(strings.ToLower(strings.TrimSpace(s)))
	if !r.valid() {
		return "", fmt.Errorf("%w: risk tolerance %.40q is none of low, balanced, moderate, high", ErrInvalid, s)
	}
	return r, nil
}

func (r RiskTolerance) valid() bool {
	return slices.Contains([]RiskTolerance{RiskLow, RiskBalanced, RiskModerate, RiskHigh}, r)
}

// CapitalLevel is the capital a profile is planned for, in thousands or millions of its base
// currency: "25K", "250K", "1M". Canonical levels have no leading zeros, and are in capitals.
type CapitalLevel string

// The levels of the presets; any other number of thousands or millions is as good.
const (
	Level25K  CapitalLevel = "25K"
	Level50K  CapitalLevel = "50K"
	Level100K CapitalLevel = "100K"
	Level250K CapitalLevel = "250K"
)

var levelPattern = regexp.MustCompile(`^[1-9][0-9]{0,5}[KM]$`)

// ParseCapitalLevel reads a level such as "25K", "25k" or " 1M "; ErrInvalid for anything else.
func ParseCapitalLevel(s string) (CapitalLevel, error) {
	l := CapitalLevel(strings.ToUpper(strings.TrimSpace(s)))
	if !l.valid() {
		return "", fmt.Errorf("%w: capital level %.40q is not a whole number of K or M, such as 25K", ErrInvalid, s)
	}
	return l, nil
}

func (l CapitalLevel) valid() bool { return levelPattern.MatchString(string(l)) }

// Amount returns the capital in units of the profile's base currency, 25000 for "25K"; zero for
// a level that is not valid.
func (l CapitalLevel) Amount() Decimal {
	if !l.valid() {
		return Decimal{}
	}
	n, err := strconv.ParseInt(string(l[:len(l)-1]), 10, 64)
	if err != nil {
		return Decimal{}
	}
	n *= 1_000
	if l[len(l)-1] == 'M' {
		n *= 1_000
	}
	return udecimal.MustFromInt64(n, 0)
}

// TradingMode says whether an account trades money.
type TradingMode string

// The trading modes.
const (
	ModePaper TradingMode = "paper"
	ModeLive  TradingMode = "live"
)

// ProfileStatus says whether a profile may be used.
type ProfileStatus string

// The statuses. Only an active profile can be switched to. An archived one keeps its journal for
// ever and is never changed again; what the broker reports late is still recorded.
const (
	StatusActive    ProfileStatus = "active"
	StatusInactive  ProfileStatus = "inactive"
	StatusSuspended ProfileStatus = "suspended"
	StatusArchived  ProfileStatus = "archived"
)

// Gateway is the broker session a profile trades through: a TWS, an IB Gateway or a Client Portal
// gateway. Several profiles may share one. The zero value means none is configured.
type Gateway struct {
	Host     string // name or address, at most 255 bytes
	Port     int    // 1 to 65535; IBKR's defaults are 7496, 7497, 4001 and 4002, and prove nothing
	ClientID int    // 0 or more; tells API clients of one gateway apart
}

// AccountProfile names one IBKR account and how it may trade. It is a plain value; copies share
// Limits alone, see Clone.
type AccountProfile struct {
	ID            ProfileID
	Name          string // 1 to 100 characters, unique within an owner
	IBKRAccountID string // U… or F… or I… for a live account, DU… and so on for a paper account
	CapitalLevel  CapitalLevel
	RiskTolerance RiskTolerance
	Mode          TradingMode   // taken from the account id if left empty; must agree with it
	Status        ProfileStatus // active if left empty
	BaseCurrency  Currency      // USD if left empty
	Gateway       Gateway
	Limits        *RiskLimits // nil means DefaultLimits(CapitalLevel, RiskTolerance)
	Owner         OwnerID
	Version       int64 // counts updates from 1; UpdateProfile refuses any but the stored one
	CreatedAt     time.Time
	UpdatedAt     time.Time
	LastUsedAt    time.Time // when it was last switched to; zero if never
}

// accountPattern is lenient in the number and kind of characters behind the prefix: broker ids
// vary in length, and sanitised statements mask digits with letters.
var accountPattern = regexp.MustCompile(`^D?[UFI][0-9A-Za-z]{1,40}$`)

// WithDefaults fills Mode, Status and BaseCurrency where they are empty. A profile that has
// only an id, a name, an account id, a capital level and a risk tolerance becomes valid by it.
func (p AccountProfile) WithDefaults() AccountProfile {
	if p.Mode == "" {
		p.Mode = modeOf(p.IBKRAccountID)
	}
	if p.Status == "" {
		p.Status = StatusActive
	}
	if p.BaseCurrency == "" {
		p.BaseCurrency = "USD"
	}
	return p
}

// modeOf tells paper from live by the prefix of an account id.
func modeOf(account string) TradingMode {
	if strings.HasPrefix(account, "D") {
		return ModePaper
	}
	return ModeLive
}

// Validate checks every field and returns a *ValidationError that names all that are wrong, or
// nil. It does not fill in defaults; call WithDefaults first.
func (p AccountProfile) Validate() error {
	v := &ValidationError{What: "profile"}
	v.check(validID(string(p.ID)), "ID", "%.60q is not 1 to 50 bytes of printable ASCII without spaces", p.ID)
	v.check(validName(p.Name), "Name", "%.120q is not 1 to 100 printable characters without spaces at its ends", p.Name)
	v.check(accountPattern.MatchString(p.IBKRAccountID), "IBKRAccountID", "%.60q is no IBKR account id such as U1234567 or DU1234567", p.IBKRAccountID)
	v.check(p.CapitalLevel.valid(), "CapitalLevel", "%.40q is not a whole number of K or M, such as 25K", p.CapitalLevel)
	v.check(p.RiskTolerance.valid(), "RiskTolerance", "%.40q is none of low, balanced, moderate, high", p.RiskTolerance)
	v.check(slices.Contains([]ProfileStatus{StatusActive, StatusInactive, StatusSuspended, StatusArchived}, p.Status),
		"Status", "%.40q is none of active, inactive, suspended, archived", p.Status)
	v.check(p.BaseCurrency.Valid(), "BaseCurrency", "%.40q is not three capital letters", p.BaseCurrency)
	v.check(len(p.Owner) <= 50 && (p.Owner == "" || validID(string(p.Owner))), "Owner", "%.60q is not at most 50 bytes of printable ASCII without spaces", p.Owner)
	switch {
	case p.Mode != ModePaper && p.Mode != ModeLive:
		v.check(false, "Mode", "%.40q is neither paper nor live", p.Mode)
	case accountPattern.MatchString(p.IBKRAccountID) && p.Mode != modeOf(p.IBKRAccountID):
		v.check(false, "Mode", "is %s, but %s is a %s account", p.Mode, p.IBKRAccountID, modeOf(p.IBKRAccountID))
	}
	p.Gateway.validate(v)
	if p.Limits != nil {
		p.Limits.validate(v, "Limits.")
	}
	return v.err()
}

func (g Gateway) validate(v *ValidationError) {
	if g == (Gateway{}) {
		return
	}
	v.check(g.Host != "" && len(g.Host) <= 255 && isPrintable(g.Host, false),
		"Gateway.Host", "%.60q is not 1 to 255 printable characters without spaces", g.Host)
	v.check(g.Port >= 1 && g.Port <= 65535, "Gateway.Port", "%d is not 1 to 65535", g.Port)
	v.check(g.ClientID >= 0, "Gateway.ClientID", "%d is negative", g.ClientID)
}

func validID(s string) bool {
	if len(s) < 1 || len(s) > 50 {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// plain reports whether s is printable ASCII, which nearly everything is.
func plain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func validName(s string) bool {
	n := utf8.RuneCountInString(s)
	return n >= 1 && n <= 100 && strings.TrimSpace(s) == s && isPrintable(s, true)
}

func isPrintable(s string, spaces bool) bool {
	if plain(s) && (spaces || !strings.Contains(s, " ")) {
		return true
	}
	if !utf8.ValidString(s) {
		return false
	}
	for _, r := range s {
		if !unicode.IsPrint(r) || (r == ' ' && !spaces) {
			return false
		}
	}
	return true
}

// The four accounts of the plan, ready to be created: pass the IBKR account id, paper or live.

// Aggressive25K is a 25,000 profile with high risk tolerance.
func Aggressive25K(account string) AccountProfile {
	return preset("Aggressive-25K", account, Level25K, RiskHigh)
}

// Balanced50K is a 50,000 profile with moderate risk tolerance.
func Balanced50K(account string) AccountProfile {
	return preset("Balanced-50K", account, Level50K, RiskModerate)
}

// Optimal100K is a 100,000 profile with balanced risk tolerance.
func Optimal100K(account string) AccountProfile {
	return preset("Optimal-100K", account, Level100K, RiskBalanced)
}

// Conservative250K is a 250,000 profile with low risk tolerance.
func Conservative250K(account string) AccountProfile {
	return preset("Conservative-250K", account, Level250K, RiskLow)
}

func preset(name, account string, level CapitalLevel, risk RiskTolerance) AccountProfile {
	return AccountProfile{Name: name, IBKRAccountID: account, CapitalLevel: level, RiskTolerance: risk}.WithDefaults()
}
