package accounts

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/quagmt/udecimal"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// levelLimits are the limits of one of the four planned accounts.
type levelLimits struct {
	capital, perTrade, positions, drawdown, stress int64 // perTrade, drawdown and stress are in percent
	tolerance                                      RiskTolerance
}

// plan is the sizing analysis of the four accounts.
var plan = [...]levelLimits{
	{25_000, 10, 4, 18, 25, RiskHigh},
	{50_000, 8, 6, 15, 22, RiskModerate},
	{100_000, 6, 10, 12, 18, RiskBalanced},
	{250_000, 4, 20, 8, 12, RiskLow},
}

// DefaultLimits returns limits after the plan for four accounts: 25K high, 50K moderate, 100K
// balanced, 250K low. Capital between two of them is interpolated; capital beyond them counts as
// the nearest. Capital and tolerance each allow what they do in the plan, and the smaller value
// counts, so that less tolerance never loosens a limit. The result belongs to the caller. For an
// invalid level or tolerance it returns limits that permit nothing.
//
// The plan sets exposure per order (a fraction of equity), the number of positions, and the
// drawdowns severe and critical. Moderate and warning are two thirds and one third of severe, and a
// day may lose as much as warning. A position or underlying is at most 20 % of equity, a sector 40
// %, leverage 3. The rest is set with care: no uncovered options; short selling and futures from
// moderate tolerance on.
func DefaultLimits(level CapitalLevel, tolerance RiskTolerance) risk.Limits {
	if !level.valid() || !tolerance.valid() {
		return risk.Limits{}
	}
	own := plan[slices.IndexFunc(plan[:], func(l levelLimits) bool { return l.tolerance == tolerance })]
	smaller := func(pick func(levelLimits) int64) ledger.Decimal {
		return num.Percent(num.Min(planned(level, pick), num.Int(pick(own))))
	}
	severe := smaller(func(l levelLimits) int64 { return l.drawdown })
	warning := num.Trim(num.Share(severe, num.One, num.Int(3)))
	positions, _ := planned(level, func(l levelLimits) int64 { return l.positions }).Trunc(0).Int64()
	bold := tolerance == RiskModerate || tolerance == RiskHigh
	limits := risk.Limits{
		Account:         risk.MarginAccount,
		SecTypes:        []ledger.SecType{ledger.Stock, ledger.Fund, ledger.Option},
		ShortSelling:    bold,
		OrderQuantity:   num.Int(10_000),
		OrderNotional:   risk.Limit{Fraction: smaller(func(l levelLimits) int64 { return l.perTrade })},
		PriceCollar:     num.Percent(num.Int(5)),
		OptionCollar:    num.Percent(num.Int(50)),
		MarkAge:         5 * time.Minute,
		RateAge:         24 * time.Hour,
		DuplicateWindow: 5 * time.Second,
		OrdersPerMinute: 60,
		OrdersPerDay:    500,
		PositionSize:    risk.Limit{Fraction: num.Percent(num.Int(20))},
		UnderlyingSize:  risk.Limit{Fraction: num.Percent(num.Int(20))},
		OpenPositions:   int(positions),
		Leverage:        num.Int(3),
		SectorExposure:  risk.Limit{Fraction: num.Percent(num.Int(40))},
		FuturesMargin:   num.Percent(num.Int(15)),
		DailyLoss:       risk.Limit{Fraction: warning},
		Drawdown: risk.DrawdownLimits{Warning: warning, Moderate: warning.Mul(num.Int(2)), Severe: severe,
			Critical: smaller(func(l levelLimits) int64 { return l.stress })},
		DayTrading: []risk.DatedPolicy{{Policy: risk.PatternDayTrader}, {From: 20271020, Policy: risk.IntradayMargin}},
		WarnAt:     num.Percent(num.Int(80)),
	}
	if bold {
		limits.SecTypes = append(limits.SecTypes, ledger.Future, ledger.FutureOption)
	}
	return limits
}

// planned interpolates a column of the plan at the level's capital.
func planned(level CapitalLevel, pick func(levelLimits) int64) ledger.Decimal {
	capital, low := level.Amount(), plan[0]
	for _, l := range plan {
		if capital.LessThanOrEqual(num.Int(l.capital)) {
			if l == low {
				break
			}
			beyond, step := capital.Sub(num.Int(low.capital)), num.Int(l.capital-low.capital)
			rise := num.Share(num.Int(pick(l)-pick(low)), beyond, step)
			return num.Trim(num.Int(pick(low)).Add(rise))
		}
		low = l
	}
	return num.Int(pick(low))
}

// EffectiveLimits returns a copy of the profile's own limits, or DefaultLimits where it has none.
func (p AccountProfile) EffectiveLimits() risk.Limits {
	if p.Limits != nil {
		return p.Limits.Clone()
	}
	return DefaultLimits(p.CapitalLevel, p.RiskTolerance)
}

// Clone returns a copy that shares no memory with p.
func (p AccountProfile) Clone() AccountProfile {
	if p.Limits != nil {
		l := p.Limits.Clone()
		p.Limits = &l
	}
	return p
}

// violations returns the wrong fields as an error to which more can be added.
func (p AccountProfile) violations() *ValidationError {
	var v *ValidationError
	if !errors.As(p.Validate(), &v) {
		v = &ValidationError{What: "profile"}
	}
	return v
}

// ProfileID is the library's own, stable name of one account: 1 to 50 bytes of printable ASCII
// without spaces; a UUIDv7 unless the caller chooses. Everything is keyed on it, never on the
// broker's account id, which can change.
type ProfileID string

// OwnerID is the name of a profile's owner, at most 50 bytes. It is empty in a single-user system.
type OwnerID string

// RiskTolerance says how much of its capital a profile may put at risk.
type RiskTolerance string

// Risk tolerances, from the tightest limits to the loosest.
const (
	RiskLow      RiskTolerance = "low"
	RiskBalanced RiskTolerance = "balanced"
	RiskModerate RiskTolerance = "moderate"
	RiskHigh     RiskTolerance = "high"
)

// ParseRiskTolerance reads a tolerance in any case, with spaces around it. It returns ErrInvalid
// for anything else.
func ParseRiskTolerance(s string) (RiskTolerance, error) {
	r := RiskTolerance(strings.ToLower(strings.TrimSpace(s)))
	if !r.valid() {
		return "", fmt.Errorf("%w: risk tolerance %.40q is none of low, balanced, moderate, high", ErrInvalid, s)
	}
	return r, nil
}

// valid reports whether the tolerance is one of the constants.
func (r RiskTolerance) valid() bool {
	return slices.Contains([]RiskTolerance{RiskLow, RiskBalanced, RiskModerate, RiskHigh}, r)
}

// CapitalLevel is the capital that a profile is planned for, in thousands or millions of its base
// currency: "25K", "250K", "1M". It has no leading zeros, and K or M in capitals.
type CapitalLevel string

// The levels of the presets. Any other whole number of thousands or millions is valid too.
const (
	Level25K  CapitalLevel = "25K"
	Level50K  CapitalLevel = "50K"
	Level100K CapitalLevel = "100K"
	Level250K CapitalLevel = "250K"
)

var levelPattern = regexp.MustCompile(`^[1-9][0-9]{0,5}[KM]$`)

// ParseCapitalLevel reads a level such as "25K", "25k" or " 1M ". It returns ErrInvalid for
// anything else.
func ParseCapitalLevel(s string) (CapitalLevel, error) {
	l := CapitalLevel(strings.ToUpper(strings.TrimSpace(s)))
	if !l.valid() {
		return "", fmt.Errorf("%w: capital level %.40q is not a whole number of K or M, such as 25K", ErrInvalid, s)
	}
	return l, nil
}

// valid reports whether the level is in canonical form.
func (l CapitalLevel) valid() bool { return levelPattern.MatchString(string(l)) }

// Amount returns the capital in units of the profile's base currency, 25000 for "25K"; zero for an
// invalid level.
func (l CapitalLevel) Amount() ledger.Decimal {
	if !l.valid() {
		return ledger.Decimal{}
	}
	n, err := strconv.ParseInt(string(l[:len(l)-1]), 10, 64)
	if err != nil {
		return ledger.Decimal{}
	}
	n *= 1_000
	if l[len(l)-1] == 'M' {
		n *= 1_000
	}
	return udecimal.MustFromInt64(n, 0)
}

// TradingMode says whether an account trades real money.
type TradingMode string

// The trading modes.
const (
	ModePaper TradingMode = "paper"
	ModeLive  TradingMode = "live"
)

// ProfileStatus says whether a profile may be used.
type ProfileStatus = risk.ProfileStatus

// The statuses of a profile; see package risk.
const (
	StatusActive    = risk.StatusActive
	StatusInactive  = risk.StatusInactive
	StatusSuspended = risk.StatusSuspended
	StatusArchived  = risk.StatusArchived
)

// Gateway is the broker session a profile trades through: a TWS, an IB Gateway or a Client Portal
// gateway. Several profiles may share one. The zero value means none is configured.
type Gateway struct {
	Host     string `json:"host"`      // name or address, at most 255 bytes
	Port     int    `json:"port"`      // 1 to 65535; IBKR's defaults are 7496, 7497, 4001 and 4002, and prove nothing
	ClientID int    `json:"client_id"` // 0 or more; tells API clients of one gateway apart
}

// AccountProfile names one IBKR account and how it may trade. It is a plain value. Copies share
// what Limits points to; see Clone.
type AccountProfile struct {
	ID            ProfileID       `json:"id"`
	Name          string          `json:"name"`            // 1 to 100 characters, unique within an owner
	IBKRAccountID string          `json:"ibkr_account_id"` // U… or F… or I… for a live account, DU… and so on for a paper account
	CapitalLevel  CapitalLevel    `json:"capital_level"`
	RiskTolerance RiskTolerance   `json:"risk_tolerance"`
	Mode          TradingMode     `json:"mode"`          // taken from the account id if left empty; must agree with it
	Status        ProfileStatus   `json:"status"`        // active if left empty
	BaseCurrency  ledger.Currency `json:"base_currency"` // USD if left empty
	Gateway       Gateway         `json:"gateway,omitzero"`
	Login         LoginID         `json:"login,omitempty"`  // whose credentials it uses; empty for a login of its own, which no other shares
	Limits        *risk.Limits    `json:"limits,omitempty"` // nil means DefaultLimits(CapitalLevel, RiskTolerance)
	Owner         OwnerID         `json:"owner,omitempty"`
	Version       int64           `json:"version"` // counts updates from 1; UpdateProfile refuses any but the stored one
	CreatedAt     time.Time       `json:"created_at,omitzero"`
	UpdatedAt     time.Time       `json:"updated_at,omitzero"`
	LastUsedAt    time.Time       `json:"last_used_at,omitzero"` // when it was last switched to; zero if never
}

// accountPattern is lenient about the characters behind the prefix: broker ids vary in length, and
// sanitised statements mask digits with letters.
var accountPattern = regexp.MustCompile(`^D?[UFI][0-9A-Za-z]{1,40}$`)

// WithDefaults returns the profile with Mode, Status and BaseCurrency filled in where they are
// empty. A profile with an id, a name, an account id, a capital level and a risk tolerance becomes
// valid so.
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

// Validate checks every field. Its error is a *ValidationError (ErrInvalid) that lists every wrong
// field. It does not fill in defaults; call WithDefaults first.
func (p AccountProfile) Validate() error {
	v := &ValidationError{What: "profile"}
	v.Check(validID(string(p.ID)), "ID", "%.60q is not 1 to 50 bytes of printable ASCII without spaces", p.ID)
	v.Check(validName(p.Name), "Name", "%.120q is not 1 to 100 printable characters without spaces at its ends", p.Name)
	v.Check(accountPattern.MatchString(p.IBKRAccountID), "IBKRAccountID",
		"%.60q is no IBKR account id such as U1234567 or DU1234567", p.IBKRAccountID)
	v.Check(p.CapitalLevel.valid(), "CapitalLevel",
		"%.40q is not a whole number of K or M, such as 25K", p.CapitalLevel)
	v.Check(p.RiskTolerance.valid(), "RiskTolerance", "%.40q is none of low, balanced, moderate, high", p.RiskTolerance)
	v.Check(slices.Contains([]ProfileStatus{StatusActive, StatusInactive, StatusSuspended, StatusArchived}, p.Status),
		"Status", "%.40q is none of active, inactive, suspended, archived", p.Status)
	v.Check(p.BaseCurrency.Valid(), "BaseCurrency", "%.40q is not three capital letters", p.BaseCurrency)
	v.Check(len(p.Owner) <= 50 && (p.Owner == "" || validID(string(p.Owner))), "Owner",
		"%.60q is not at most 50 bytes of printable ASCII without spaces", p.Owner)
	v.Check(p.Login == "" || validID(string(p.Login)), "Login",
		"%.60q is not at most 50 bytes of printable ASCII without spaces", p.Login)
	switch {
	case p.Mode != ModePaper && p.Mode != ModeLive:
		v.Check(false, "Mode", "%.40q is neither paper nor live", p.Mode)
	case accountPattern.MatchString(p.IBKRAccountID) && p.Mode != modeOf(p.IBKRAccountID):
		v.Check(false, "Mode", "is %s, but %s is a %s account", p.Mode, p.IBKRAccountID, modeOf(p.IBKRAccountID))
	}
	p.Gateway.validate(v)
	if p.Limits != nil {
		p.Limits.ValidateInto(v, "Limits.")
	}
	return v.Err()
}

// validate notes wrong fields. The zero Gateway has none.
func (g Gateway) validate(v *ValidationError) {
	if g == (Gateway{}) {
		return
	}
	v.Check(g.Host != "" && len(g.Host) <= 255 && text.Printable(g.Host, false),
		"Gateway.Host", "%.60q is not 1 to 255 printable characters without spaces", g.Host)
	v.Check(g.Port >= 1 && g.Port <= 65535, "Gateway.Port", "%d is not 1 to 65535", g.Port)
	v.Check(g.ClientID >= 0, "Gateway.ClientID", "%d is negative", g.ClientID)
}

// validID reports whether s is 1 to 50 bytes of printable ASCII without spaces.
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

// validName reports whether s is 1 to 100 printable characters without spaces at its ends.
func validName(s string) bool {
	n := utf8.RuneCountInString(s)
	return n >= 1 && n <= 100 && strings.TrimSpace(s) == s && text.Printable(s, true)
}

// Aggressive25K returns a profile of 25,000 with high risk tolerance, ready to be created, for the
// IBKR account, paper or live.
func Aggressive25K(account string) AccountProfile {
	return preset("Aggressive-25K", account, Level25K, RiskHigh)
}

// Balanced50K returns a profile of 50,000 with moderate risk tolerance; see Aggressive25K.
func Balanced50K(account string) AccountProfile {
	return preset("Balanced-50K", account, Level50K, RiskModerate)
}

// Optimal100K returns a profile of 100,000 with balanced risk tolerance; see Aggressive25K.
func Optimal100K(account string) AccountProfile {
	return preset("Optimal-100K", account, Level100K, RiskBalanced)
}

// Conservative250K returns a profile of 250,000 with low risk tolerance; see Aggressive25K.
func Conservative250K(account string) AccountProfile {
	return preset("Conservative-250K", account, Level250K, RiskLow)
}

// preset returns a profile with defaults filled in.
func preset(name, account string, level CapitalLevel, risk RiskTolerance) AccountProfile {
	return AccountProfile{Name: name, IBKRAccountID: account, CapitalLevel: level, RiskTolerance: risk}.WithDefaults()
}
