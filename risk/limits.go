package risk

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// Limits bound what a profile's orders may do. They are positive magnitudes; zero means "no
// limit" only where that is said. Money is in the profile's base currency. Begin with
// DefaultLimits and change what differs: limits written from nothing permit nothing.
//
// Exposure is what an order or a position puts at risk: quantity × price × multiplier for stocks,
// futures and the like, the premium for long options, strike × multiplier for short ones. Of
// working orders every one counts at once and in full, in whichever combination of fills is worst.
type Limits struct {
	Account  AccountType `json:"account"`
	TimeZone string      `json:"time_zone,omitempty"` // of the trading day, an IANA name; empty means America/New_York

	// SecTypes is what may be opened; nothing else may. Not among the defaults is Forex: an order for a currency pair
	// counts while it works, but what it was exchanged into is cash, and no limit on exposure counts that.
	SecTypes          []ledger.SecType `json:"sec_types"`
	ShortSelling      bool             `json:"short_selling,omitempty"`      // of anything but options, futures and currency pairs
	UncoveredOptions  bool             `json:"uncovered_options,omitempty"`  // short options without cover; see RuleUncovered
	AllowedSymbols    []string         `json:"allowed_symbols,omitempty"`    // of underlyings; empty allows all
	RestrictedSymbols []string         `json:"restricted_symbols,omitempty"` // of underlyings

	OrderQuantity ledger.Decimal `json:"order_quantity,omitzero"` // units an order may be for; zero for no limit
	OrderNotional Limit          `json:"order_notional,omitzero"` // exposure an order may make; zero for no limit
	// PriceCollar is how far an order's price may be from the mark to its own disadvantage, as a
	// fraction of the mark below 1; OptionCollar the same for options.
	PriceCollar  ledger.Decimal `json:"price_collar"`
	OptionCollar ledger.Decimal `json:"option_collar"`
	MarkAge      time.Duration  `json:"mark_age"` // how old marks may be, of the order's contract and of what is held
	RateAge      time.Duration  `json:"rate_age"` // how old conversion rates may be
	// DuplicateWindow is how long an order for the same contract, side, quantity and price is taken
	// for the same one sent twice; zero for never.
	DuplicateWindow time.Duration `json:"duplicate_window,omitempty"`
	OrdersPerMinute int           `json:"orders_per_minute,omitempty"` // accepted ones; zero for no limit
	OrdersPerDay    int           `json:"orders_per_day,omitempty"`    // accepted ones; zero for no limit
	TradesPerDay    int           `json:"trades_per_day,omitempty"`    // executions; zero for no limit

	PositionSize     Limit          `json:"position_size,omitzero"`   // exposure in one contract; zero for no limit
	UnderlyingSize   Limit          `json:"underlying_size,omitzero"` // in one underlying with all contracts on it; zero for no limit
	OpenPositions    int            `json:"open_positions,omitempty"` // contracts held or about to be; zero for no limit
	GrossExposure    Limit          `json:"gross_exposure,omitzero"`  // of everything; zero for no limit
	NetExposure      Limit          `json:"net_exposure,omitzero"`    // long less short, puts the other way around; zero for no limit
	Leverage         ledger.Decimal `json:"leverage"`                 // gross exposure ÷ equity
	StrategyExposure Limit          `json:"strategy_exposure,omitzero"`
	SectorExposure   Limit          `json:"sector_exposure,omitzero"`
	// FuturesMargin is the share of notional that futures, options on them, and CFDs are taken to need as margin.
	FuturesMargin ledger.Decimal `json:"futures_margin"`

	DailyLoss  Limit          `json:"daily_loss,omitzero"` // since the last equity point before the day, of the equity at its beginning; zero for no limit
	Drawdown   DrawdownLimits `json:"drawdown"`
	DayTrading []DatedPolicy  `json:"day_trading,omitempty"` // the last that has begun holds; empty means none

	WarnAt ledger.Decimal `json:"warn_at"` // share of a limit from which on its use is a warning, 0.8 for 80 %
}

// Validate checks every field and returns a *ValidationError that names all that are wrong, or nil.
func (l Limits) Validate() error {
	v := &invalid.Error{What: "limits"}
	l.ValidateInto(v, "")
	return v.Err()
}

func (l *Limits) ValidateInto(v *invalid.Error, prefix string) {
	v.Check(l.Account == CashAccount || l.Account == MarginAccount, prefix+"Account", "%.20q is neither cash nor margin", l.Account)
	_, err := l.Location()
	v.Check(err == nil, prefix+"TimeZone", "%v", err)
	for _, s := range l.SecTypes {
		v.Check(s.Valid(), prefix+"SecTypes", "%.20q is unknown", s)
	}
	for _, s := range l.AllowedSymbols {
		v.Check(text.Symbol(s), prefix+"AllowedSymbols", "%.60q is not 1 to 50 printable characters without a colon", s)
	}
	for _, s := range l.RestrictedSymbols {
		v.Check(text.Symbol(s), prefix+"RestrictedSymbols", "%.60q is not 1 to 50 printable characters without a colon", s)
	}
	num.CheckMagnitude(v, prefix+"OrderQuantity", l.OrderQuantity, num.MaxInput)
	for _, f := range []struct {
		name string
		Limit
	}{
		{"OrderNotional", l.OrderNotional}, {"PositionSize", l.PositionSize}, {"UnderlyingSize", l.UnderlyingSize},
		{"GrossExposure", l.GrossExposure}, {"NetExposure", l.NetExposure}, {"StrategyExposure", l.StrategyExposure},
		{"SectorExposure", l.SectorExposure}, {"DailyLoss", l.DailyLoss},
	} {
		num.CheckMagnitude(v, prefix+f.name+".Amount", f.Amount, num.MaxInput)
		num.CheckMagnitude(v, prefix+f.name+".Fraction", f.Fraction, num.MaxFraction)
	}
	if loss := l.DailyLoss.Fraction; loss.LessThan(num.MaxFraction) {
		v.Check(!loss.GreaterThan(num.One), prefix+"DailyLoss.Fraction", "%s is more than all there is", loss)
	}
	for _, f := range []struct {
		name  string
		at    ledger.Decimal
		bound ledger.Decimal
	}{
		{"PriceCollar", l.PriceCollar, num.One}, // from there on a sale would have none
		{"OptionCollar", l.OptionCollar, num.MaxFraction}, {"Leverage", l.Leverage, num.MaxFraction}, {"FuturesMargin", l.FuturesMargin, num.MaxFraction},
	} {
		num.CheckMagnitude(v, prefix+f.name, f.at, f.bound)
		v.Check(!f.at.IsZero(), prefix+f.name, "is zero")
	}
	v.Check(l.MarkAge > 0 && l.MarkAge <= maxAge, prefix+"MarkAge", "%s is not above 0 and at most %s", l.MarkAge, maxAge)
	v.Check(l.RateAge > 0 && l.RateAge <= maxAge, prefix+"RateAge", "%s is not above 0 and at most %s", l.RateAge, maxAge)
	v.Check(l.DuplicateWindow >= 0 && l.DuplicateWindow <= maxWindow, prefix+"DuplicateWindow", "%s is not 0 to %s", l.DuplicateWindow, maxWindow)
	for _, f := range []struct {
		name string
		n    int
	}{{"OrdersPerMinute", l.OrdersPerMinute}, {"OrdersPerDay", l.OrdersPerDay}, {"TradesPerDay", l.TradesPerDay}, {"OpenPositions", l.OpenPositions}} {
		v.Check(f.n >= 0, prefix+f.name, "%d is negative", f.n)
	}
	v.Check(l.WarnAt.IsPos() && !l.WarnAt.GreaterThan(num.One), prefix+"WarnAt", "%s is not above 0 and at most 1", l.WarnAt)
	l.Drawdown.validate(v, prefix)
	for i, d := range l.DayTrading {
		v.Check(slices.Contains([]DayTradePolicy{DayTradesFree, PatternDayTrader, IntradayMargin}, d.Policy), prefix+"DayTrading", "%.40q is unknown", d.Policy)
		v.Check(d.From == 0 || d.From.Valid(), prefix+"DayTrading", "%d is no date", d.From)
		v.Check(i == 0 || l.DayTrading[i-1].From < d.From, prefix+"DayTrading", "is not in ascending order of dates at %s", d.From)
	}
}

// Clone returns a copy that shares nothing.
func (l Limits) Clone() Limits {
	l.SecTypes = slices.Clone(l.SecTypes)
	l.AllowedSymbols = slices.Clone(l.AllowedSymbols)
	l.RestrictedSymbols = slices.Clone(l.RestrictedSymbols)
	l.DayTrading = slices.Clone(l.DayTrading)
	return l
}

// Limit bounds an amount of money in the profile's base currency: by an amount, by a fraction of
// equity, or by the smaller of the two. The zero Limit sets no limit.
type Limit struct {
	Amount   ledger.Decimal `json:"amount,omitzero"`   // zero for none
	Fraction ledger.Decimal `json:"fraction,omitzero"` // of equity, 0.1 for 10 %; zero for none
}

// IsZero reports whether the limit sets none.
func (l Limit) IsZero() bool { return l.Amount.IsZero() && l.Fraction.IsZero() }

// Of returns the bound at the given equity; false when the limit sets none. A fraction of an equity
// that is not positive is zero.
func (l Limit) Of(equity ledger.Decimal) (ledger.Decimal, bool) {
	if l.Fraction.IsZero() {
		return l.Amount, !l.Amount.IsZero()
	}
	var bound ledger.Decimal
	if equity.IsPos() {
		bound = num.Convert(equity, l.Fraction)
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

const defaultTimeZone = "America/New_York"

// maxAge bounds the age of marks and rates: what is older says nothing in any market.
const maxAge = 366 * 24 * time.Hour

// maxWindow bounds the time for which a book remembers single orders.
const maxWindow = time.Hour
