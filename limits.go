package accounts

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/quagmt/udecimal"
)

// Limit bounds an amount of money in the profile's base currency: by an amount, by a fraction of
// equity, or by the smaller of the two. The zero Limit sets no limit.
type Limit struct {
	Amount   Decimal `json:"amount,omitzero"`   // zero for none
	Fraction Decimal `json:"fraction,omitzero"` // of equity, 0.1 for 10 %; zero for none
}

// IsZero reports whether the limit sets none.
func (l Limit) IsZero() bool { return l.Amount.IsZero() && l.Fraction.IsZero() }

// Of returns the bound at the given equity; false when the limit sets none. A fraction of an equity
// that is not positive is zero.
func (l Limit) Of(equity Decimal) (Decimal, bool) {
	if l.Fraction.IsZero() {
		return l.Amount, !l.Amount.IsZero()
	}
	var bound Decimal
	if equity.IsPos() {
		bound = convert(equity, l.Fraction)
	}
	if !l.Amount.IsZero() && l.Amount.LessThan(bound) {
		bound = l.Amount
	}
	return bound, true
}

// AccountType says by which rule an account's buying power is reckoned.
type AccountType string

// The account types.
const (
	// CashAccount buys with settled cash alone: proceeds of a sale count from the next settlement
	// day on (T+1). Short puts need their strike in cash, and nothing is sold short.
	CashAccount AccountType = "cash"
	// MarginAccount has the initial margin of Regulation T for its positions and working orders
	// within equity: half the value of stocks, all of what options and anything else cost.
	MarginAccount AccountType = "margin"
)

// DayTradePolicy says by which rule day trades are limited in a margin account.
type DayTradePolicy string

// The day-trade policies.
const (
	DayTradesFree DayTradePolicy = "none"
	// PatternDayTrader is the former FINRA rule 4210(f)(8)(B): an account with less than 25,000 USD
	// of equity opens nothing once it has made three day trades in five business days, since to close that the same
	// day could be the fourth.
	PatternDayTrader DayTradePolicy = "pattern_day_trader"
	// IntradayMargin is the rule that took its place (SEC release 34-105226, in effect since
	// 2026-06-04, to be adopted by brokers until 2027-10-20): an account opens nothing that leaves its equity
	// below the maintenance margin of its positions and working orders at any time of the day.
	IntradayMargin DayTradePolicy = "intraday_margin"
)

// DatedPolicy is a day-trade policy and the trading day from which on it holds.
type DatedPolicy struct {
	From   Date           `json:"from,omitzero"` // zero for always
	Policy DayTradePolicy `json:"policy"`
}

// DrawdownLimits are the drawdowns, as fractions of the high-water mark, above which a profile is
// ever more restricted; see Severity. They lie between 0 and 1, each above the one before.
type DrawdownLimits struct {
	Warning  Decimal `json:"warning"`
	Moderate Decimal `json:"moderate"`
	Severe   Decimal `json:"severe"`
	Critical Decimal `json:"critical"`
}

// RiskLimits bound what a profile's orders may do. They are positive magnitudes; zero means "no
// limit" only where that is said. Money is in the profile's base currency. Begin with
// DefaultLimits and change what differs: limits written from nothing permit nothing.
//
// Exposure is what an order or a position puts at risk: quantity × price × multiplier for stocks,
// futures and the like, the premium for long options, strike × multiplier for short ones. Of
// working orders every one counts at once and in full, in whichever combination of fills is worst.
type RiskLimits struct {
	Account  AccountType `json:"account"`
	TimeZone string      `json:"time_zone,omitempty"` // of the trading day, an IANA name; empty means America/New_York

	// SecTypes is what may be opened; nothing else may. Not among the defaults is Forex: an order for a currency pair
	// counts while it works, but what it was exchanged into is cash, and no limit on exposure counts that.
	SecTypes          []SecType `json:"sec_types"`
	ShortSelling      bool      `json:"short_selling,omitempty"`      // of anything but options, futures and currency pairs
	UncoveredOptions  bool      `json:"uncovered_options,omitempty"`  // short options without cover; see RuleUncovered
	AllowedSymbols    []string  `json:"allowed_symbols,omitempty"`    // of underlyings; empty allows all
	RestrictedSymbols []string  `json:"restricted_symbols,omitempty"` // of underlyings

	OrderQuantity Decimal `json:"order_quantity,omitzero"` // units an order may be for; zero for no limit
	OrderNotional Limit   `json:"order_notional,omitzero"` // exposure an order may make; zero for no limit
	// PriceCollar is how far an order's price may be from the mark to its own disadvantage, as a
	// fraction of the mark below 1; OptionCollar the same for options.
	PriceCollar  Decimal       `json:"price_collar"`
	OptionCollar Decimal       `json:"option_collar"`
	MarkAge      time.Duration `json:"mark_age"` // how old marks may be, of the order's contract and of what is held
	RateAge      time.Duration `json:"rate_age"` // how old conversion rates may be
	// DuplicateWindow is how long an order for the same contract, side, quantity and price is taken
	// for the same one sent twice; zero for never.
	DuplicateWindow time.Duration `json:"duplicate_window,omitempty"`
	OrdersPerMinute int           `json:"orders_per_minute,omitempty"` // accepted ones; zero for no limit
	OrdersPerDay    int           `json:"orders_per_day,omitempty"`    // accepted ones; zero for no limit
	TradesPerDay    int           `json:"trades_per_day,omitempty"`    // executions; zero for no limit

	PositionSize     Limit   `json:"position_size,omitzero"`   // exposure in one contract; zero for no limit
	UnderlyingSize   Limit   `json:"underlying_size,omitzero"` // in one underlying with all contracts on it; zero for no limit
	OpenPositions    int     `json:"open_positions,omitempty"` // contracts held or about to be; zero for no limit
	GrossExposure    Limit   `json:"gross_exposure,omitzero"`  // of everything; zero for no limit
	NetExposure      Limit   `json:"net_exposure,omitzero"`    // long less short, puts the other way around; zero for no limit
	Leverage         Decimal `json:"leverage"`                 // gross exposure ÷ equity
	StrategyExposure Limit   `json:"strategy_exposure,omitzero"`
	SectorExposure   Limit   `json:"sector_exposure,omitzero"`
	// FuturesMargin is the share of notional that futures, options on them, and CFDs are taken to need as margin.
	FuturesMargin Decimal `json:"futures_margin"`

	DailyLoss  Limit          `json:"daily_loss,omitzero"` // since the last equity point before the day, of the equity at its beginning; zero for no limit
	Drawdown   DrawdownLimits `json:"drawdown"`
	DayTrading []DatedPolicy  `json:"day_trading,omitempty"` // the last that has begun holds; empty means none

	WarnAt Decimal `json:"warn_at"` // share of a limit from which on its use is a warning, 0.8 for 80 %
}

const defaultTimeZone = "America/New_York"

// levelLimits is one line of the plan for the four accounts.
type levelLimits struct {
	capital, perTrade, positions, drawdown, stress int64
	tolerance                                      RiskTolerance
}

// plan is the sizing analysis of the four accounts; per trade, drawdown and stress in percent.
var plan = [...]levelLimits{
	{25_000, 10, 4, 18, 25, RiskHigh},
	{50_000, 8, 6, 15, 22, RiskModerate},
	{100_000, 6, 10, 12, 18, RiskBalanced},
	{250_000, 4, 20, 8, 12, RiskLow},
}

// DefaultLimits returns the limits of the plan for four accounts (25K high, 50K moderate, 100K
// balanced, 250K low). Capital between two of them is interpolated, beyond them taken for the
// nearest. Each of capital and tolerance allows what it does in the plan, and the smaller counts, so
// that less tolerance never loosens a limit. The result is the caller's own. A level or tolerance
// that is not valid gives limits that permit nothing.
//
// From the plan come exposure per order (a fraction of equity), the number of positions, and the
// drawdowns severe and critical; moderate and warning are two thirds and one third of severe,
// and a day may lose as much as warning. A position or underlying is at most 20 % of
// equity, a sector 40 %, leverage 3. What the plan does not say is set with care: no uncovered
// options; short selling and futures from moderate tolerance on.
func DefaultLimits(level CapitalLevel, tolerance RiskTolerance) RiskLimits {
	if !level.valid() || !tolerance.valid() {
		return RiskLimits{}
	}
	own := plan[slices.IndexFunc(plan[:], func(l levelLimits) bool { return l.tolerance == tolerance })]
	smaller := func(pick func(levelLimits) int64) Decimal {
		return percent(minDecimal(planned(level, pick), decimalOf(pick(own))))
	}
	severe := smaller(func(l levelLimits) int64 { return l.drawdown })
	warning := trimZeros(share(severe, one, decimalOf(3)))
	positions, _ := planned(level, func(l levelLimits) int64 { return l.positions }).Trunc(0).Int64()
	bold := tolerance == RiskModerate || tolerance == RiskHigh
	limits := RiskLimits{
		Account:         MarginAccount,
		SecTypes:        []SecType{Stock, Fund, Option},
		ShortSelling:    bold,
		OrderQuantity:   decimalOf(10_000),
		OrderNotional:   Limit{Fraction: smaller(func(l levelLimits) int64 { return l.perTrade })},
		PriceCollar:     percent(decimalOf(5)),
		OptionCollar:    percent(decimalOf(50)),
		MarkAge:         5 * time.Minute,
		RateAge:         24 * time.Hour,
		DuplicateWindow: 5 * time.Second,
		OrdersPerMinute: 60,
		OrdersPerDay:    500,
		PositionSize:    Limit{Fraction: percent(decimalOf(20))},
		UnderlyingSize:  Limit{Fraction: percent(decimalOf(20))},
		OpenPositions:   int(positions),
		Leverage:        decimalOf(3),
		SectorExposure:  Limit{Fraction: percent(decimalOf(40))},
		FuturesMargin:   percent(decimalOf(15)),
		DailyLoss:       Limit{Fraction: warning},
		Drawdown: DrawdownLimits{Warning: warning, Moderate: warning.Mul(decimalOf(2)), Severe: severe,
			Critical: smaller(func(l levelLimits) int64 { return l.stress })},
		DayTrading: []DatedPolicy{{Policy: PatternDayTrader}, {From: 20271020, Policy: IntradayMargin}},
		WarnAt:     percent(decimalOf(80)),
	}
	if bold {
		limits.SecTypes = append(limits.SecTypes, Future, FutureOption)
	}
	return limits
}

// planned interpolates a column of the plan at the level's capital.
func planned(level CapitalLevel, pick func(levelLimits) int64) Decimal {
	capital, low := level.Amount(), plan[0]
	for _, l := range plan {
		if capital.LessThanOrEqual(decimalOf(l.capital)) {
			if l == low {
				break
			}
			rise := share(decimalOf(pick(l)-pick(low)), capital.Sub(decimalOf(low.capital)), decimalOf(l.capital-low.capital))
			return trimZeros(decimalOf(pick(low)).Add(rise))
		}
		low = l
	}
	return decimalOf(pick(low))
}

func decimalOf(n int64) Decimal { return udecimal.MustFromInt64(n, 0) }

func percent(d Decimal) Decimal { return trimZeros(share(d, one, hundred)) }

func minDecimal(a, b Decimal) Decimal {
	if b.LessThan(a) {
		return b
	}
	return a
}

func maxDecimal(a, b Decimal) Decimal {
	if b.GreaterThan(a) {
		return b
	}
	return a
}

// maxFraction bounds every fraction of equity, and leverage: what is beyond it is a mistake.
var maxFraction = decimalOf(100)

// Validate checks every field and returns a *ValidationError that names all that are wrong, or nil.
func (l RiskLimits) Validate() error {
	v := &ValidationError{What: "limits"}
	l.validate(v, "")
	return v.err()
}

func (l *RiskLimits) validate(v *ValidationError, prefix string) {
	v.check(l.Account == CashAccount || l.Account == MarginAccount, prefix+"Account", "%.20q is neither cash nor margin", l.Account)
	_, err := l.location()
	v.check(err == nil, prefix+"TimeZone", "%v", err)
	for _, s := range l.SecTypes {
		v.check(s.valid(), prefix+"SecTypes", "%.20q is unknown", s)
	}
	for _, s := range l.AllowedSymbols {
		v.check(validSymbol(s), prefix+"AllowedSymbols", "%.60q is not 1 to 50 printable characters without a colon", s)
	}
	for _, s := range l.RestrictedSymbols {
		v.check(validSymbol(s), prefix+"RestrictedSymbols", "%.60q is not 1 to 50 printable characters without a colon", s)
	}
	v.magnitude(prefix+"OrderQuantity", l.OrderQuantity, maxInput)
	for _, f := range []struct {
		name string
		Limit
	}{
		{"OrderNotional", l.OrderNotional}, {"PositionSize", l.PositionSize}, {"UnderlyingSize", l.UnderlyingSize},
		{"GrossExposure", l.GrossExposure}, {"NetExposure", l.NetExposure}, {"StrategyExposure", l.StrategyExposure},
		{"SectorExposure", l.SectorExposure}, {"DailyLoss", l.DailyLoss},
	} {
		v.magnitude(prefix+f.name+".Amount", f.Amount, maxInput)
		v.magnitude(prefix+f.name+".Fraction", f.Fraction, maxFraction)
	}
	if loss := l.DailyLoss.Fraction; loss.LessThan(maxFraction) {
		v.check(!loss.GreaterThan(one), prefix+"DailyLoss.Fraction", "%s is more than all there is", loss)
	}
	for _, f := range []struct {
		name  string
		at    Decimal
		bound Decimal
	}{
		{"PriceCollar", l.PriceCollar, one}, // from there on a sale would have none
		{"OptionCollar", l.OptionCollar, maxFraction}, {"Leverage", l.Leverage, maxFraction}, {"FuturesMargin", l.FuturesMargin, maxFraction},
	} {
		v.magnitude(prefix+f.name, f.at, f.bound)
		v.check(!f.at.IsZero(), prefix+f.name, "is zero")
	}
	v.check(l.MarkAge > 0 && l.MarkAge <= maxAge, prefix+"MarkAge", "%s is not above 0 and at most %s", l.MarkAge, maxAge)
	v.check(l.RateAge > 0 && l.RateAge <= maxAge, prefix+"RateAge", "%s is not above 0 and at most %s", l.RateAge, maxAge)
	v.check(l.DuplicateWindow >= 0 && l.DuplicateWindow <= maxWindow, prefix+"DuplicateWindow", "%s is not 0 to %s", l.DuplicateWindow, maxWindow)
	for _, f := range []struct {
		name string
		n    int
	}{{"OrdersPerMinute", l.OrdersPerMinute}, {"OrdersPerDay", l.OrdersPerDay}, {"TradesPerDay", l.TradesPerDay}, {"OpenPositions", l.OpenPositions}} {
		v.check(f.n >= 0, prefix+f.name, "%d is negative", f.n)
	}
	v.check(l.WarnAt.IsPos() && !l.WarnAt.GreaterThan(one), prefix+"WarnAt", "%s is not above 0 and at most 1", l.WarnAt)
	l.Drawdown.validate(v, prefix)
	for i, d := range l.DayTrading {
		v.check(contains([]DayTradePolicy{DayTradesFree, PatternDayTrader, IntradayMargin}, d.Policy), prefix+"DayTrading", "%.40q is unknown", d.Policy)
		v.check(d.From == 0 || d.From.Valid(), prefix+"DayTrading", "%d is no date", d.From)
		v.check(i == 0 || l.DayTrading[i-1].From < d.From, prefix+"DayTrading", "is not in ascending order of dates at %s", d.From)
	}
}

// maxAge bounds the age of marks and rates: what is older says nothing in any market.
const maxAge = 366 * 24 * time.Hour

// maxWindow bounds the time for which a book remembers single orders.
const maxWindow = time.Hour

func (d DrawdownLimits) validate(v *ValidationError, prefix string) {
	last := Decimal{}
	for _, f := range []struct {
		name string
		at   Decimal
	}{{"Warning", d.Warning}, {"Moderate", d.Moderate}, {"Severe", d.Severe}, {"Critical", d.Critical}} {
		v.check(f.at.GreaterThan(last) && f.at.LessThan(one), prefix+"Drawdown."+f.name, "%s is not above %s and below 1", f.at, last)
		last = f.at
	}
}

// magnitude checks that a limit is not negative and not absurd.
func (v *ValidationError) magnitude(field string, d, bound Decimal) {
	v.check(!d.IsNeg() && d.LessThan(bound) && d.Prec() <= moneyPlaces, field, "%.40s is negative, %s or more, or of more than %d places", d, bound, moneyPlaces)
}

// location loads the zone of the trading day. No other takes the place of one that cannot be loaded.
func (l *RiskLimits) location() (*time.Location, error) {
	switch name := l.TimeZone; name {
	case "", defaultTimeZone:
		return newYork()
	case "Local":
		return nil, fmt.Errorf("%q differs from machine to machine", name)
	default:
		return loadZone(name)
	}
}

// newYork loads the default zone, once.
var newYork = sync.OnceValues(func() (*time.Location, error) { return loadZone(defaultTimeZone) })

// loadZone finds zones on the machine and, where the program imports time/tzdata, in the program.
func loadZone(name string) (*time.Location, error) {
	zone, err := time.LoadLocation(name)
	if err != nil {
		return nil, fmt.Errorf("%.60q cannot be loaded: it is unknown, or the machine has no time zones "+
			"and the program should import time/tzdata", name)
	}
	return zone, nil
}

// Clone returns a copy that shares nothing.
func (l RiskLimits) Clone() RiskLimits {
	l.SecTypes = slices.Clone(l.SecTypes)
	l.AllowedSymbols = slices.Clone(l.AllowedSymbols)
	l.RestrictedSymbols = slices.Clone(l.RestrictedSymbols)
	l.DayTrading = slices.Clone(l.DayTrading)
	return l
}

// dayTrades returns the policy that holds on the day.
func (l *RiskLimits) dayTrades(day Date) DayTradePolicy {
	policy := DayTradesFree
	for _, d := range l.DayTrading {
		if d.From <= day {
			policy = d.Policy
		}
	}
	return policy
}

// EffectiveLimits returns a copy of the profile's own limits, or DefaultLimits where it has none.
func (p AccountProfile) EffectiveLimits() RiskLimits {
	if p.Limits != nil {
		return p.Limits.Clone()
	}
	return DefaultLimits(p.CapitalLevel, p.RiskTolerance)
}

// Clone returns a copy that shares nothing.
func (p AccountProfile) Clone() AccountProfile {
	if p.Limits != nil {
		l := p.Limits.Clone()
		p.Limits = &l
	}
	return p
}
