package performance

import (
	"fmt"
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
}

// contains reports whether trades at t count.
func (w Window) contains(t time.Time) bool {
	return (w.From.IsZero() || !t.Before(w.From)) && (w.To.IsZero() || !t.After(w.To))
}

// Validate returns invalid.Err for a window that ends before it begins.
func (w Window) Validate() error {
	if !w.From.IsZero() && !w.To.IsZero() && w.To.Before(w.From) {
		return fmt.Errorf("%w: window from %s to %s", invalid.Err, w.From.Format(time.RFC3339),
			w.To.Format(time.RFC3339))
	}
	return nil
}

// Report says how a profile did in a window. Money is in the profile's base currency and exact.
// Ratios are fractions, 0.1 for 10 %. A figure is nil where it is not defined: too few equity
// points, a division by zero, or an amount that could not be converted.
//
// Returns do not contain deposits and withdrawals. They are worked out from equity points: between
// two points, a deposit is taken to come at the beginning and a withdrawal to go at the end, so
// that neither is profit. The more points there are, and the closer to such movements, the closer
// is the result to the true time-weighted return (GIPS Standards 2020, glossary). Statistics are of
// daily returns, from each trading day's last point to the next one's, 252 of them a year. A day
// without a point has no return of its own. The risk-free rate is taken to be zero.
type Report struct {
	From   time.Time `json:"from,omitzero"` // the first equity point of the window
	To     time.Time `json:"to,omitzero"`   // the last equity point of the window
	Points int       `json:"points"`        // the number of equity points from the first to the last
	Days   int       `json:"days"`          // the number of trading days with a return

	StartEquity ledger.Decimal `json:"start_equity"`
	EndEquity   ledger.Decimal `json:"end_equity"`
	Flows       ledger.Decimal `json:"flows"`  // deposits less withdrawals
	Profit      ledger.Decimal `json:"profit"` // EndEquity − StartEquity − Flows

	// TimeWeighted is the product of 1 + each return, less 1 (GIPS Standards 2020). Annualized is
	// (1 + TimeWeighted)^(365.25 ÷ days) − 1, for a year or more: less is not annualized (GIPS
	// 2020, 2.A.12).
	TimeWeighted *float64 `json:"time_weighted_return,omitempty"`
	Annualized   *float64 `json:"annualized_return,omitempty"`
	// Volatility is the sample standard deviation of daily returns × √252. Sharpe is their mean ÷
	// sample standard deviation × √252 (Sharpe 1994). Sortino is their mean ÷ √(mean of squared
	// negative returns, over all days) × √252 (Sortino and Price 1994). Calmar is Annualized ÷
	// MaxDrawdown (Young 1991, over the window).
	Volatility *float64 `json:"volatility,omitempty"`
	Sharpe     *float64 `json:"sharpe_ratio,omitempty"`
	Sortino    *float64 `json:"sortino_ratio,omitempty"`
	Calmar     *float64 `json:"calmar_ratio,omitempty"`
	// MaxDrawdown is the greatest fall of the time-weighted index below its peak, positive
	// (Magdon-Ismail and Atiya 2004). The dates and DrawdownDays are those of this fall: recovery
	// is the day on which the index was back at the peak, zero if it is not; days are calendar days
	// from the peak to recovery, or to the end. All are zero if there was no fall.
	MaxDrawdown      *float64    `json:"max_drawdown,omitempty"`
	DrawdownPeak     ledger.Date `json:"drawdown_peak,omitzero"`
	DrawdownTrough   ledger.Date `json:"drawdown_trough,omitzero"`
	DrawdownRecovery ledger.Date `json:"drawdown_recovery,omitzero"`
	DrawdownDays     int         `json:"drawdown_days"`
	// VaR95 is the daily loss exceeded on 5 % of days: the ⌈n × 5 %⌉-th worst return, negated
	// (historical simulation; Jorion, "Value at Risk"). VaR99 is the same for 1 %.
	VaR95 *float64 `json:"value_at_risk_95,omitempty"`
	VaR99 *float64 `json:"value_at_risk_99,omitempty"`
	// Shortfall95 is the mean of the ⌈n × 5 %⌉ worst returns, negated (Acerbi and Tasche 2002).
	// Shortfall99 is the same for 1 %.
	Shortfall95 *float64 `json:"expected_shortfall_95,omitempty"`
	Shortfall99 *float64 `json:"expected_shortfall_99,omitempty"`
	// Exposure is the mean, over equity points, of the part of equity that is not cash ÷ equity,
	// without its sign. TimeInMarket is the fraction of equity points with anything but cash.
	Exposure     *float64 `json:"exposure,omitempty"`
	TimeInMarket *float64 `json:"time_in_market,omitempty"`
	// Turnover is the lesser of Bought and Sold ÷ mean equity (SEC Form N-1A, item 13, instruction
	// 4(d)). It is not annualized.
	Turnover *float64 `json:"turnover,omitempty"`
	// Closings is the number of trades that closed a position or a part of it, Wins the number of
	// those that gained, Losses the number of those that lost.
	Closings int `json:"closings"`
	Wins     int `json:"wins"`
	Losses   int `json:"losses"`
	// WinRate is Wins ÷ Closings, ProfitFactor the sum of gains ÷ the sum of losses. Expectancy is
	// the mean P&L of closings (Tharp, "Trade Your Way to Financial Freedom"), AverageWin that of
	// Wins, AverageLoss that of Losses, positive.
	WinRate      *float64        `json:"win_rate,omitempty"`
	ProfitFactor *float64        `json:"profit_factor,omitempty"`
	Expectancy   *ledger.Decimal `json:"expectancy,omitempty"`
	AverageWin   *ledger.Decimal `json:"average_win,omitempty"`
	AverageLoss  *ledger.Decimal `json:"average_loss,omitempty"`
	// Realized is the P&L of closings, after commissions and taxes of both sides.
	Realized ledger.Decimal `json:"realized"`
	// Trades is the number of trades in force, currency trades not included.
	Trades int `json:"trades"`
	// Bought and Sold are the sums of purchases and sales before commissions, both positive.
	Bought ledger.Decimal `json:"bought"`
	Sold   ledger.Decimal `json:"sold"`
	// Fees are commissions and taxes on trades, and fees charged otherwise.
	Fees ledger.Decimal `json:"fees"`
	// Unconverted lists the currencies of trades and fees without a conversion rate, in ascending
	// order. The figures of trades do not contain their amounts.
	Unconverted []string `json:"unconverted,omitempty"`
}
