package performance

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/ledger"
)

// fromTrades fills in what trades, closings and fees tell.
func (p *Report) fromTrades(h History, w Window) {
	lacks := map[ledger.Currency]bool{}
	known := func(a converted) bool {
		if a.lacks != "" {
			lacks[a.lacks] = true
		}
		return a.lacks == ""
	}
	for i := range h.turns {
		t := &h.turns[i]
		if !w.contains(t.at) {
			continue
		}
		p.Trades++
		switch {
		case !known(t.cash):
		case t.cash.value.IsNeg():
			p.Bought = p.Bought.Sub(t.cash.value)
		default:
			p.Sold = p.Sold.Add(t.cash.value)
		}
		if known(t.fees) {
			p.Fees = p.Fees.Add(t.fees.value)
		}
	}
	for _, c := range h.fees {
		if w.contains(c.at) && known(c.cost) {
			p.Fees = p.Fees.Add(c.cost.value)
		}
	}
	complete := true
	var gained, lost ledger.Decimal
	for _, c := range h.closings {
		if !w.contains(c.at) {
			continue
		}
		p.Closings++
		if !known(c.realized) {
			complete = false
			continue
		}
		switch gain := c.realized.value; {
		case gain.IsPos():
			p.Wins, gained = p.Wins+1, gained.Add(gain)
		case gain.IsNeg():
			p.Losses, lost = p.Losses+1, lost.Sub(gain)
		}
	}
	p.Realized = gained.Sub(lost)
	for _, c := range slices.Sorted(maps.Keys(lacks)) {
		p.Unconverted = append(p.Unconverted, string(c))
	}
	if complete && p.Closings > 0 {
		p.closings(gained, lost)
	}
}

// closings fills in what is made of gains and losses.
func (p *Report) closings(gained, lost ledger.Decimal) {
	p.WinRate = finite(float64(p.Wins) / float64(p.Closings))
	if lost.IsPos() {
		p.ProfitFactor = finite(gained.InexactFloat64() / lost.InexactFloat64())
	}
	mean := func(sum ledger.Decimal, n int) *ledger.Decimal {
		if n == 0 {
			return nil
		}
		m := num.Trim(num.Share(sum, num.One, num.Int(int64(n))))
		return &m
	}
	p.Expectancy, p.AverageWin, p.AverageLoss = mean(p.Realized, p.Closings), mean(gained, p.Wins), mean(lost, p.Losses)
}

// turnover fills in what needs both: how often equity was traded.
func (p *Report) turnover(all []point, w Window) {
	points := within(all, w)
	sum := 0.0
	for _, v := range points {
		sum += v.equity.InexactFloat64()
	}
	if len(p.Unconverted) == 0 && sum > 0 {
		p.Turnover = finite(num.Min(p.Bought, p.Sold).InexactFloat64() / (sum / float64(len(points))))
	}
}

// Window is a span of time. Zero fields leave it open.
type Window struct {
	From time.Time `json:"from,omitzero"` // figures begin with the last equity point at From or before it, else with the first after it; trades at From or later count
	To   time.Time `json:"to,omitzero"`   // equity points and trades at To count, later ones do not
}

func (w Window) contains(t time.Time) bool {
	return (w.From.IsZero() || !t.Before(w.From)) && (w.To.IsZero() || !t.After(w.To))
}

func (w Window) Validate() error {
	if !w.From.IsZero() && !w.To.IsZero() && w.To.Before(w.From) {
		return fmt.Errorf("%w: window from %s to %s", invalid.Err, w.From.Format(time.RFC3339), w.To.Format(time.RFC3339))
	}
	return nil
}

// Report is how a profile did in a window. Money is in the profile's base currency and exact.
// Ratios are fractions, 0.1 for 10 %, and nil where they are not defined: too few equity points, nothing
// to divide by, or something that could not be converted.
//
// Returns are neutral to capital that came and went. They are worked out from equity points: between
// two of them, deposits are taken to come at the beginning and withdrawals to go at the end, so that neither
// is ever profit. The more points, and the closer to such movements, the closer to the true time-weighted
// return (GIPS Standards 2020, glossary). Statistics are of daily returns, from each trading day's last point to the next
// one's, 252 of them a year; a day without a point has no return of its own. The risk-free rate is taken for zero.
type Report struct {
	From   time.Time `json:"from,omitzero"` // the equity point that figures begin with
	To     time.Time `json:"to,omitzero"`   // the one they end with
	Points int       `json:"points"`        // from the one to the other
	Days   int       `json:"days"`          // trading days with a return

	StartEquity ledger.Decimal `json:"start_equity"`
	EndEquity   ledger.Decimal `json:"end_equity"`
	Flows       ledger.Decimal `json:"flows"`  // capital that came, less what went
	Profit      ledger.Decimal `json:"profit"` // what equity grew by, less Flows

	TimeWeighted     *float64        `json:"time_weighted_return,omitempty"` // the product of 1 + each return, less 1 (GIPS Standards 2020)
	Annualized       *float64        `json:"annualized_return,omitempty"`    // (1 + TimeWeighted)^(365.25 ÷ days) − 1, of a year or more (GIPS 2020, 2.A.12: less is not annualized)
	Volatility       *float64        `json:"volatility,omitempty"`           // sample standard deviation of daily returns × √252
	Sharpe           *float64        `json:"sharpe_ratio,omitempty"`         // mean ÷ sample standard deviation × √252 (Sharpe 1994)
	Sortino          *float64        `json:"sortino_ratio,omitempty"`        // mean ÷ √(mean of squared negative returns, over all) × √252 (Sortino and Price 1994)
	Calmar           *float64        `json:"calmar_ratio,omitempty"`         // Annualized ÷ MaxDrawdown (Young 1991, over the window)
	MaxDrawdown      *float64        `json:"max_drawdown,omitempty"`         // greatest fall of the time-weighted index below its peak, positive (Magdon-Ismail and Atiya 2004)
	DrawdownPeak     ledger.Date     `json:"drawdown_peak,omitzero"`         // of MaxDrawdown; none if it is zero
	DrawdownTrough   ledger.Date     `json:"drawdown_trough,omitzero"`
	DrawdownRecovery ledger.Date     `json:"drawdown_recovery,omitzero"`      // when the index was back at its peak; none if it is not yet
	DrawdownDays     int             `json:"drawdown_days"`                   // calendar days from peak to recovery, or to the end
	VaR95            *float64        `json:"value_at_risk_95,omitempty"`      // daily loss exceeded on 5 % of days: the ⌈n × 5 %⌉-th worst return, negated (historical simulation; Jorion, "Value at Risk")
	VaR99            *float64        `json:"value_at_risk_99,omitempty"`      // the same for 1 %
	Shortfall95      *float64        `json:"expected_shortfall_95,omitempty"` // mean of those ⌈n × 5 %⌉ returns, negated (Acerbi and Tasche 2002)
	Shortfall99      *float64        `json:"expected_shortfall_99,omitempty"` // the same for 1 %
	Exposure         *float64        `json:"exposure,omitempty"`              // mean over equity points of what is not cash ÷ equity, without its sign
	TimeInMarket     *float64        `json:"time_in_market,omitempty"`        // share of equity points with anything but cash
	Turnover         *float64        `json:"turnover,omitempty"`              // the lesser of Bought and Sold ÷ mean equity (SEC Form N-1A, item 13, instruction 4(d)); not annualized
	Closings         int             `json:"closings"`                        // trades that closed something
	Wins             int             `json:"wins"`                            // of those that gained
	Losses           int             `json:"losses"`                          // of those that lost
	WinRate          *float64        `json:"win_rate,omitempty"`              // Wins ÷ Closings
	ProfitFactor     *float64        `json:"profit_factor,omitempty"`         // sum of gains ÷ sum of losses
	Expectancy       *ledger.Decimal `json:"expectancy,omitempty"`            // mean of what closings realized (Tharp, "Trade Your Way to Financial Freedom")
	AverageWin       *ledger.Decimal `json:"average_win,omitempty"`           // of Wins
	AverageLoss      *ledger.Decimal `json:"average_loss,omitempty"`          // of Losses, positive
	Realized         ledger.Decimal  `json:"realized"`                        // by closings, commissions and taxes of both sides inside
	Trades           int             `json:"trades"`                          // executions in force
	Bought           ledger.Decimal  `json:"bought"`                          // what purchases came to, without commissions
	Sold             ledger.Decimal  `json:"sold"`                            // the same for sales, positive
	Fees             ledger.Decimal  `json:"fees"`                            // commissions and taxes on trades, and fees otherwise charged
	Unconverted      []string        `json:"unconverted,omitempty"`           // currencies of trades or fees without a rate: the figures of trades lack them
}
