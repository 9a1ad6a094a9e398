package risk

import (
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// Limits bound the orders of a profile. They are positive magnitudes. Zero means "no limit" only
// where a field says so. Money is in the profile's base currency. Begin with accounts.DefaultLimits
// and change fields of the result: the zero Limits permit no order that does not reduce a position.
//
// Exposure is the money that an order or a position puts at risk: quantity × price × multiplier for
// stocks, futures and the like, the premium for long options, strike × multiplier for short
// options. Every working order counts at once and in full, in the worst combination of fills. An
// order counts at its price, or at the mark where the mark is higher. Where orders pass a position
// through zero, what is left of them counts at the price of the dearest. Warrants count as options.
type Limits struct {
	Account AccountType `json:"account"`
	// TimeZone is that of the trading day, an IANA name; empty: America/New_York. The zone of a
	// profile cannot change any more once days are counted: with its first order, trade or equity
	// point.
	TimeZone string `json:"time_zone,omitempty"`

	// SecTypes are the kinds of contract that may be opened; no other may. The defaults do not
	// contain Forex: an order for a currency pair counts while it works, but the currency it buys
	// is cash, which no limit on exposure counts.
	SecTypes []ledger.SecType `json:"sec_types"`
	// ShortSelling allows short positions in anything; options, futures and currency pairs need no
	// permission.
	ShortSelling bool `json:"short_selling,omitempty"`
	// UncoveredOptions allows short options without cover in a margin account; see RuleUncovered.
	// In a cash account they always need it.
	UncoveredOptions bool `json:"uncovered_options,omitempty"`
	// AllowedSymbols are the symbols that may be opened; empty allows all. Of an option or a
	// warrant both its underlying and its own symbol must be listed: SPX and SPXW for options of
	// the root SPXW. An option on a future needs its Symbol alone.
	AllowedSymbols []string `json:"allowed_symbols,omitempty"`
	// RestrictedSymbols are the symbols that may not be opened. An option is restricted if its
	// underlying or its own root is, and where its root is a restricted symbol with the digits that
	// a corporate action put behind it (XYZ1).
	RestrictedSymbols []string `json:"restricted_symbols,omitempty"`

	// OrderQuantity is the number of units in one order at most; zero for no limit.
	OrderQuantity ledger.Decimal `json:"order_quantity,omitzero"`
	// OrderNotional is the exposure of one order at most; zero for no limit.
	OrderNotional Limit `json:"order_notional,omitzero"`
	// PriceCollar is the distance at most of an order's price from the mark, to the order's own
	// disadvantage, as a fraction of the mark; above 0 and below 1.
	PriceCollar ledger.Decimal `json:"price_collar"`
	// OptionCollar is the PriceCollar of options; above 0 and below 100.
	OptionCollar ledger.Decimal `json:"option_collar"`
	// MarkAge is the age at most of the marks of the order's contract, of all positions and of all
	// working orders, and of the underlyings of options that are or may be sold short; at most 366
	// days.
	MarkAge time.Duration `json:"mark_age"`
	// RateAge is the age at most of conversion rates; at most 366 days.
	RateAge time.Duration `json:"rate_age"`
	// DuplicateWindow is the time for which another order for the same contract, side, quantity and
	// price is taken for the same one sent twice; zero for never, at most an hour.
	DuplicateWindow time.Duration `json:"duplicate_window,omitempty"`
	// OrdersPerMinute, OrdersPerDay and TradesPerDay bound accepted orders and executions; zero for
	// no limit. A minute is the last 60 seconds. Days are trading days. Executions are trades on a
	// market, by their own times: no expiry, exercise, assignment or corporate action.
	OrdersPerMinute int `json:"orders_per_minute,omitempty"`
	OrdersPerDay    int `json:"orders_per_day,omitempty"`
	TradesPerDay    int `json:"trades_per_day,omitempty"`

	// PositionSize bounds the exposure in one contract; zero for no limit.
	PositionSize Limit `json:"position_size,omitzero"`
	// UnderlyingSize bounds the exposure in one underlying, all contracts on it included; zero for
	// no limit.
	UnderlyingSize Limit `json:"underlying_size,omitzero"`
	// OpenPositions bounds the number of contracts held or working; zero for no limit.
	OpenPositions int `json:"open_positions,omitempty"`
	// GrossExposure bounds the exposure of everything; zero for no limit.
	GrossExposure Limit `json:"gross_exposure,omitzero"`
	// NetExposure bounds long less short exposure, puts counted the other way around; zero for no
	// limit.
	NetExposure Limit `json:"net_exposure,omitzero"`
	// Leverage bounds gross exposure ÷ equity; above 0 and below 100.
	Leverage ledger.Decimal `json:"leverage"`
	// StrategyExposure bounds the exposure of one strategy, SectorExposure that of one sector; zero
	// for no limit. A fill has the strategy of its order. A fill that closes takes from its own
	// strategy's part of the position first, then from the part of none, then from the others' in
	// alphabetical order. What is left of it opens for its own strategy.
	StrategyExposure Limit `json:"strategy_exposure,omitzero"`
	SectorExposure   Limit `json:"sector_exposure,omitzero"`
	// FuturesMargin is the margin that futures, options on futures and CFDs are taken to need, as a
	// fraction of their notional; above 0 and below 100. A short option needs its price besides,
	// and its notional is the strike; of a call, strike and price.
	FuturesMargin ledger.Decimal `json:"futures_margin"`

	// DailyLoss bounds the loss since the last equity point before the trading day. A fraction of
	// it is of the equity with which the day began, at most 1. Zero for no limit. Where no point is
	// before the day, the first of the day counts. Where there is none at all, Portfolio.Reserve
	// writes one, if marks and rates are fresh. A resumption that counts the loss anew counts as a
	// point. Capital that moved since the point is no loss, and belongs to the equity of the
	// fraction.
	DailyLoss Limit          `json:"daily_loss,omitzero"`
	Drawdown  DrawdownLimits `json:"drawdown"`
	// DayTrading lists day-trade policies by the day on which they begin, in ascending order. The
	// last one that has begun is in force; an empty list limits nothing.
	DayTrading []DatedPolicy `json:"day_trading,omitempty"`

	// WarnAt is the fraction of a limit from which on its use is a warning, such as 0.8; above 0
	// and at most 1.
	WarnAt ledger.Decimal `json:"warn_at"`
}

// Validate checks every field. Its error is an [invalid.Error] (invalid.Err) that lists every wrong
// field; nil if all are right. It loads the time zone.
func (l Limits) Validate() error {
	v := &invalid.Error{What: "limits"}
	l.ValidateInto(v, "")
	return v.Err()
}

// ValidateInto adds every wrong field of the limits to v, its name behind the prefix, such as
// "Limits.": for the validation of a value that contains limits.
func (l *Limits) ValidateInto(v *invalid.Error, prefix string) {
	v.Check(l.Account == CashAccount || l.Account == MarginAccount, prefix+"Account",
		"%.20q is neither cash nor margin", l.Account)
	_, err := l.Location()
	v.Check(err == nil, prefix+"TimeZone", "%v", err)
	for _, s := range l.SecTypes {
		v.Check(s.Valid(), prefix+"SecTypes", "%.20q is unknown", s)
	}
	for _, s := range l.AllowedSymbols {
		v.Check(text.Symbol(s), prefix+"AllowedSymbols", "%.60q is not 1 to 50 printable characters without a colon", s)
	}
	for _, s := range l.RestrictedSymbols {
		v.Check(text.Symbol(s), prefix+"RestrictedSymbols",
			"%.60q is not 1 to 50 printable characters without a colon", s)
	}
	l.validateMagnitudes(v, prefix)
	l.validateCounts(v, prefix)
	l.Drawdown.validate(v, prefix)
	for i, d := range l.DayTrading {
		v.Check(slices.Contains([]DayTradePolicy{DayTradesFree, PatternDayTrader, IntradayMargin}, d.Policy),
			prefix+"DayTrading", "%.40q is unknown", d.Policy)
		v.Check(d.From == 0 || d.From.Valid(), prefix+"DayTrading", "%d is no date", d.From)
		v.Check(i == 0 || l.DayTrading[i-1].From < d.From, prefix+"DayTrading",
			"is not in ascending order of dates at %s", d.From)
	}
}

// validateMagnitudes checks amounts, fractions and ratios.
func (l *Limits) validateMagnitudes(v *invalid.Error, prefix string) {
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
		{"OptionCollar", l.OptionCollar, num.MaxFraction}, {"Leverage", l.Leverage, num.MaxFraction},
		{"FuturesMargin", l.FuturesMargin, num.MaxFraction},
	} {
		num.CheckMagnitude(v, prefix+f.name, f.at, f.bound)
		v.Check(!f.at.IsZero(), prefix+f.name, "is zero")
	}
}

// validateCounts checks ages, counts and the warning level.
func (l *Limits) validateCounts(v *invalid.Error, prefix string) {
	v.Check(l.MarkAge > 0 && l.MarkAge <= maxAge, prefix+"MarkAge",
		"%s is not above 0 and at most %s", l.MarkAge, maxAge)
	v.Check(l.RateAge > 0 && l.RateAge <= maxAge, prefix+"RateAge",
		"%s is not above 0 and at most %s", l.RateAge, maxAge)
	v.Check(l.DuplicateWindow >= 0 && l.DuplicateWindow <= maxWindow, prefix+"DuplicateWindow",
		"%s is not 0 to %s", l.DuplicateWindow, maxWindow)
	for _, f := range []struct {
		name string
		n    int
	}{
		{"OrdersPerMinute", l.OrdersPerMinute}, {"OrdersPerDay", l.OrdersPerDay},
		{"TradesPerDay", l.TradesPerDay}, {"OpenPositions", l.OpenPositions},
	} {
		v.Check(f.n >= 0, prefix+f.name, "%d is negative", f.n)
	}
	v.Check(l.WarnAt.IsPos() && !l.WarnAt.GreaterThan(num.One), prefix+"WarnAt",
		"%s is not above 0 and at most 1", l.WarnAt)
}

// Clone returns a copy that shares no memory with l.
func (l Limits) Clone() Limits {
	l.SecTypes = slices.Clone(l.SecTypes)
	l.AllowedSymbols = slices.Clone(l.AllowedSymbols)
	l.RestrictedSymbols = slices.Clone(l.RestrictedSymbols)
	l.DayTrading = slices.Clone(l.DayTrading)
	return l
}

// Limit bounds an amount of money in base currency: by an amount, by a fraction of equity, or by
// the smaller of the two. The zero Limit sets no bound.
type Limit struct {
	Amount   ledger.Decimal `json:"amount,omitzero"`   // zero for none
	Fraction ledger.Decimal `json:"fraction,omitzero"` // of equity, 0.1 for 10 %; zero for none
}

// IsZero reports whether the limit sets no bound.
func (l Limit) IsZero() bool { return l.Amount.IsZero() && l.Fraction.IsZero() }

// Of returns the bound at an equity, in base currency; false if the limit sets none. A fraction of
// an equity that is zero or negative is zero.
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
	// CashAccount buys with settled cash alone: the proceeds of a sale count from the next business
	// day on (T+1), and what held futures and CFDs have lost counts at once. Short puts need their
	// strike in cash, spreads the difference of their strikes, once the long option is held.
	// Futures, CFDs and short options on futures need their margin; see Limits.FuturesMargin.
	// Nothing is sold short. Brokers may allow spreads in cash accounts for European options that
	// settle in cash alone (FINRA rule 4210(f)(2)): an American one that is assigned early takes
	// its whole strike.
	CashAccount AccountType = "cash"
	// MarginAccount must cover the initial margin of Regulation T and FINRA rule 4210 of its
	// positions and working orders with its equity: half the value of stocks, and at least 5 USD a
	// share sold short (2.50 USD, or all of it, below 5 USD); the whole price of long options and
	// of anything else; of short options their price and up to 20 % of what they are on; futures as
	// FuturesMargin says. All shares that are sold short in a contract count at the dearest price
	// where they need the least amount a share. With less than 2,000 USD of equity, everything
	// needs the whole of its exposure, and stocks, options, warrants, bonds and funds are not sold
	// short, covered or not (4210(b)(4)). Without a rate of the dollar they are not sold short
	// either.
	//
	// Cover, spreads and straddles lower nothing. What a broker asks for beyond these rules is not
	// known, nor what only a list tells: that a stock is no margin security, which needs its whole
	// price (12 CFR 220.12(e)), or that a fund is leveraged, which multiplies the percentages
	// (FINRA Regulatory Notice 09-53).
	MarginAccount AccountType = "margin"
)

// defaultTimeZone is the zone of the trading day where limits name none.
const defaultTimeZone = "America/New_York"

// maxAge bounds MarkAge and RateAge: an older price says nothing in any market.
const maxAge = 366 * 24 * time.Hour

// maxWindow bounds DuplicateWindow, and so the time for which single orders are remembered.
const maxWindow = time.Hour
