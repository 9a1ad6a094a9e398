package performance

import (
	"fmt"
	"math"
	"time"

	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// Window is a span of time. A zero field leaves it open on that side.
type Window struct {
	// From includes trades at From or later. Figures from equity points begin with the last point
	// at From or before it or, if there is none, with the first point after it.
	From time.Time `json:"from,omitzero"`
	// To includes trades and equity points at To or before it.
	To time.Time `json:"to,omitzero"`
	// PeriodsPerYear is how many returns make a year, such as 104 for equity points that come twice
	// a week. Returns are then from each trading day with a point to the next one that has a point,
	// whatever lies between. Zero: found from the points; see [Period].
	PeriodsPerYear float64 `json:"periods_per_year,omitzero"`
}

// contains reports whether trades at t count.
func (w Window) contains(t time.Time) bool {
	return (w.From.IsZero() || !t.Before(w.From)) && (w.To.IsZero() || !t.After(w.To))
}

// Validate returns invalid.Err for a window that ends before it begins, and for PeriodsPerYear that
// is negative, infinite or not a number.
func (w Window) Validate() error {
	if !w.From.IsZero() && !w.To.IsZero() && w.To.Before(w.From) {
		return fmt.Errorf("%w: window from %s to %s", invalid.Err, w.From.Format(time.RFC3339),
			w.To.Format(time.RFC3339))
	}
	if n := w.PeriodsPerYear; !(n >= 0) || math.IsInf(n, 0) {
		return fmt.Errorf("%w: window with %v periods a year", invalid.Err, n)
	}
	return nil
}

// Report says how a profile did in a window. Money is in Currency and exact. Ratios are fractions,
// 0.1 for 10 %. [Definitions] has the name, the unit, the period and the source of each figure that
// profiles can be ranked by.
//
// A figure is nil where it is not defined: too few equity points, a division by zero or by what
// rounding alone could explain, an amount that could not be converted.
//
// Returns do not contain deposits and withdrawals. They are worked out from equity points: between
// two points, a deposit is taken to come at the beginning and a withdrawal to go at the end, so
// that neither is profit. The more points there are, and the closer to such movements, the closer
// is the result to the true time-weighted return (GIPS Standards 2020, glossary). Statistics are of
// the returns of one [Period] each. The risk-free rate is taken to be zero.
type Report struct {
	Currency ledger.Currency `json:"currency"`      // the profile's base currency
	From     time.Time       `json:"from,omitzero"` // the first equity point of the window
	To       time.Time       `json:"to,omitzero"`   // the last equity point of the window
	Points   int             `json:"points"`        // the number of equity points from the first to the last

	// Period is what one return is of, PeriodsPerYear how many of them a year has, and Returns
	// their number. Without a Period there are no returns, and no statistics of them.
	Period         Period  `json:"period,omitempty"`
	PeriodsPerYear float64 `json:"periods_per_year,omitzero"`
	Returns        int     `json:"returns"`

	StartEquity ledger.Decimal `json:"start_equity"`
	EndEquity   ledger.Decimal `json:"end_equity"`
	Flows       ledger.Decimal `json:"flows"`  // deposits less withdrawals
	Profit      ledger.Decimal `json:"profit"` // EndEquity − StartEquity − Flows

	// TimeWeighted is the product of 1 + each return, less 1 (GIPS Standards 2020; empyrical's
	// cum_returns_final). Annualized is (1 + TimeWeighted)^(365.25 ÷ days) − 1, for a year or more:
	// less is not annualized (GIPS 2020, 2.A.12). empyrical and PerformanceAnalytics take the
	// number of returns for the days, and annualize any span.
	TimeWeighted *float64 `json:"time_weighted_return,omitempty"`
	Annualized   *float64 `json:"annualized_return,omitempty"`
	// Volatility is the sample standard deviation of returns × √PeriodsPerYear (empyrical's
	// annual_volatility, PerformanceAnalytics' StdDev.annualized). Sharpe is their mean ÷ sample
	// standard deviation × √PeriodsPerYear (Sharpe 1994; sharpe_ratio of empyrical and quantstats).
	// Sortino is their mean ÷ √(mean of squared negative returns, over all returns) ×
	// √PeriodsPerYear (Sortino and Price 1994; sortino_ratio of empyrical and quantstats). Calmar
	// is Annualized ÷ MaxDrawdown (Young 1991, over the window).
	Volatility *float64 `json:"volatility,omitempty"`
	Sharpe     *float64 `json:"sharpe_ratio,omitempty"`
	Sortino    *float64 `json:"sortino_ratio,omitempty"`
	Calmar     *float64 `json:"calmar_ratio,omitempty"`
	// MaxDrawdown is the greatest fall of the time-weighted index below its peak, positive
	// (Magdon-Ismail and Atiya 2004). It is of all equity points: empyrical and quantstats see the
	// ends of periods only, and give it a negative sign. The dates and DrawdownDays are those of
	// this fall: recovery is the day on which the index was back at the peak, zero if it is not;
	// days are calendar days from the peak to recovery, or to the end. All are zero if there was no
	// fall.
	MaxDrawdown      *float64    `json:"max_drawdown,omitempty"`
	DrawdownPeak     ledger.Date `json:"drawdown_peak,omitzero"`
	DrawdownTrough   ledger.Date `json:"drawdown_trough,omitzero"`
	DrawdownRecovery ledger.Date `json:"drawdown_recovery,omitzero"`
	DrawdownDays     int         `json:"drawdown_days"`
	// VaR95 is the loss in one Period that is exceeded in 5 % of them: the ⌈n × 5 %⌉-th worst
	// return, negated (historical simulation; Jorion, "Value at Risk"). empyrical interpolates
	// between two returns, and quantstats takes them for normally distributed. VaR99 is the same
	// for 1 %.
	VaR95 *float64 `json:"value_at_risk_95,omitempty"`
	VaR99 *float64 `json:"value_at_risk_99,omitempty"`
	// Shortfall95 is the mean of the ⌈n × 5 %⌉ worst returns, negated (Acerbi and Tasche 2002).
	// Shortfall99 is the same for 1 %.
	Shortfall95 *float64 `json:"expected_shortfall_95,omitempty"`
	Shortfall99 *float64 `json:"expected_shortfall_99,omitempty"`
	// GrossExposure is the mean, over equity points, of (long + short notional) ÷ equity, and
	// NetExposure that of (long − short notional) ÷ equity (zipline's gross_leverage and
	// net_leverage). 1 is 100 %: all of the equity is invested once. More than 1 is held with
	// borrowed money or on margin. See [ledger.Notional] for what counts. TimeInMarket is the
	// fraction of equity points with any position. All are nil if a point does not say what was
	// held.
	GrossExposure *float64 `json:"gross_exposure,omitempty"`
	NetExposure   *float64 `json:"net_exposure,omitempty"`
	TimeInMarket  *float64 `json:"time_in_market,omitempty"`
	// Turnover is the lesser of Bought and Sold ÷ mean gross notional × 365.25 ÷ days: how often a
	// year what is held was replaced. The ratio is that of SEC Form N-1A, item 13, instruction
	// 4(d). The differences: the mean is of equity points, not of months' ends; short positions
	// count with their magnitude; contracts count whatever their expiry.
	Turnover *float64 `json:"turnover,omitempty"`
	// RoundTrips is the number of round trips that ended: all trades in one contract from flat to
	// flat, however many fills, are one (flat.to.flat in tradeStats of blotter). A trade that turns
	// a position around ends one and begins the next. A transfer of all that is held gains nothing,
	// and ends one that has gained or lost already. The option of an exercise or assignment gains
	// nothing, for its premium moves into the underlying. Wins is the number of those that gained
	// after costs, Losses of those that lost.
	RoundTrips int `json:"round_trips"`
	Wins       int `json:"wins"`
	Losses     int `json:"losses"`
	// WinRate is Wins ÷ RoundTrips (Percent.Positive in blotter; win_rate of quantstats is of
	// days). ProfitFactor is the sum of gains ÷ the sum of losses (Profit.Factor). Expectancy is
	// the mean P&L of round trips, the same as win rate × average win − loss rate × average loss
	// (Avg.Trade.PL). AverageWin is the mean of Wins, AverageLoss that of Losses, positive
	// (Avg.Win.Trade, Avg.Losing.Trade).
	WinRate      *float64        `json:"win_rate,omitempty"`
	ProfitFactor *float64        `json:"profit_factor,omitempty"`
	Expectancy   *ledger.Decimal `json:"expectancy,omitempty"`
	AverageWin   *ledger.Decimal `json:"average_win,omitempty"`
	AverageLoss  *ledger.Decimal `json:"average_loss,omitempty"`
	// Realized is the P&L of all trades that closed a position or a part of it, first in, first
	// out, after commissions and taxes of both sides. It has the gain of the currency in it: every
	// amount is converted at its own trade's FXRate. Futures and CFDs move no price, so that their
	// gain is converted at the rate of the trade that closed them. Without the rate of a trade,
	// what the position realizes until it is flat is not known.
	Realized *ledger.Decimal `json:"realized,omitempty"`
	// Trades is the number of trades in force, currency trades not included.
	Trades int `json:"trades"`
	// Bought and Sold are the sums of purchases and sales before commissions, both positive.
	Bought *ledger.Decimal `json:"bought,omitempty"`
	Sold   *ledger.Decimal `json:"sold,omitempty"`
	// Fees are commissions and taxes on trades, those in currencies included, and fees charged
	// otherwise.
	Fees *ledger.Decimal `json:"fees,omitempty"`
	// Unconverted lists the currencies of trades and fees without a conversion rate, in ascending
	// order. The figures that need their amounts are nil.
	Unconverted []string `json:"unconverted,omitempty"`
}
