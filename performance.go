package accounts

import (
	"fmt"
	"slices"
	"time"
)

// Window is a span of time. Zero fields leave it open.
type Window struct {
	From time.Time `json:"from,omitzero"` // figures begin with the last equity point at From or before it, else with the first after it; trades at From or later count
	To   time.Time `json:"to,omitzero"`   // equity points and trades at To count, later ones do not
}

func (w Window) contains(t time.Time) bool {
	return (w.From.IsZero() || !t.Before(w.From)) && (w.To.IsZero() || !t.After(w.To))
}

func (w Window) validate() error {
	if !w.From.IsZero() && !w.To.IsZero() && w.To.Before(w.From) {
		return fmt.Errorf("%w: window from %s to %s", ErrInvalid, w.From.Format(time.RFC3339), w.To.Format(time.RFC3339))
	}
	return nil
}

// Performance is how a profile did in a window. Money is in the profile's base currency and exact.
// Ratios are fractions, 0.1 for 10 %, and nil where they are not defined: too few equity points, nothing
// to divide by, or something that could not be converted.
//
// Returns are neutral to capital that came and went. They are worked out from equity points: between
// two of them, deposits are taken to come at the beginning and withdrawals to go at the end, so that neither
// is ever profit. The more points, and the closer to such movements, the closer to the true time-weighted
// return (GIPS Standards 2020, glossary). Statistics are of daily returns, from each trading day's last point to the next
// one's, 252 of them a year; a day without a point has no return of its own. The risk-free rate is taken for zero.
type Performance struct {
	From   time.Time `json:"from,omitzero"` // the equity point that figures begin with
	To     time.Time `json:"to,omitzero"`   // the one they end with
	Points int       `json:"points"`        // from the one to the other
	Days   int       `json:"days"`          // trading days with a return

	StartEquity Decimal `json:"start_equity"`
	EndEquity   Decimal `json:"end_equity"`
	Flows       Decimal `json:"flows"`  // capital that came, less what went
	Profit      Decimal `json:"profit"` // what equity grew by, less Flows

	TimeWeighted     *float64 `json:"time_weighted_return,omitempty"` // the product of 1 + each return, less 1 (GIPS Standards 2020)
	Annualized       *float64 `json:"annualized_return,omitempty"`    // (1 + TimeWeighted)^(365.25 ÷ days) − 1, of a year or more (GIPS 2020, 2.A.12: less is not annualized)
	Volatility       *float64 `json:"volatility,omitempty"`           // sample standard deviation of daily returns × √252
	Sharpe           *float64 `json:"sharpe_ratio,omitempty"`         // mean ÷ sample standard deviation × √252 (Sharpe 1994)
	Sortino          *float64 `json:"sortino_ratio,omitempty"`        // mean ÷ √(mean of squared negative returns, over all) × √252 (Sortino and Price 1994)
	Calmar           *float64 `json:"calmar_ratio,omitempty"`         // Annualized ÷ MaxDrawdown (Young 1991, over the window)
	MaxDrawdown      *float64 `json:"max_drawdown,omitempty"`         // greatest fall of the time-weighted index below its peak, positive (Magdon-Ismail and Atiya 2004)
	DrawdownPeak     Date     `json:"drawdown_peak,omitzero"`         // of MaxDrawdown; none if it is zero
	DrawdownTrough   Date     `json:"drawdown_trough,omitzero"`
	DrawdownRecovery Date     `json:"drawdown_recovery,omitzero"`      // when the index was back at its peak; none if it is not yet
	DrawdownDays     int      `json:"drawdown_days"`                   // calendar days from peak to recovery, or to the end
	VaR95            *float64 `json:"value_at_risk_95,omitempty"`      // daily loss exceeded on 5 % of days: the ⌈n × 5 %⌉-th worst return, negated (historical simulation; Jorion, "Value at Risk")
	VaR99            *float64 `json:"value_at_risk_99,omitempty"`      // the same for 1 %
	Shortfall95      *float64 `json:"expected_shortfall_95,omitempty"` // mean of those ⌈n × 5 %⌉ returns, negated (Acerbi and Tasche 2002)
	Shortfall99      *float64 `json:"expected_shortfall_99,omitempty"` // the same for 1 %
	Exposure         *float64 `json:"exposure,omitempty"`              // mean over equity points of what is not cash ÷ equity, without its sign
	TimeInMarket     *float64 `json:"time_in_market,omitempty"`        // share of equity points with anything but cash
	Turnover         *float64 `json:"turnover,omitempty"`              // the lesser of Bought and Sold ÷ mean equity (SEC Form N-1A, item 13, instruction 4(d)); not annualized
	Closings         int      `json:"closings"`                        // trades that closed something
	Wins             int      `json:"wins"`                            // of those that gained
	Losses           int      `json:"losses"`                          // of those that lost
	WinRate          *float64 `json:"win_rate,omitempty"`              // Wins ÷ Closings
	ProfitFactor     *float64 `json:"profit_factor,omitempty"`         // sum of gains ÷ sum of losses
	Expectancy       *Decimal `json:"expectancy,omitempty"`            // mean of what closings realized (Tharp, "Trade Your Way to Financial Freedom")
	AverageWin       *Decimal `json:"average_win,omitempty"`           // of Wins
	AverageLoss      *Decimal `json:"average_loss,omitempty"`          // of Losses, positive
	Realized         Decimal  `json:"realized"`                        // by closings, commissions and taxes of both sides inside
	Trades           int      `json:"trades"`                          // executions in force
	Bought           Decimal  `json:"bought"`                          // what purchases came to, without commissions
	Sold             Decimal  `json:"sold"`                            // the same for sales, positive
	Fees             Decimal  `json:"fees"`                            // commissions and taxes on trades, and fees otherwise charged
	Unconverted      []string `json:"unconverted,omitempty"`           // currencies of trades or fees without a rate: the figures of trades lack them
}

// chronicle is what performance is worked out from. Its slices only ever grow, so that a copy of
// it stays as it was while the original follows the journal. It is not safe for concurrent use; copies are.
type chronicle struct {
	base     Currency
	zone     *time.Location // of the trading day
	points   []valued       // in the order of their times
	turns    []turn
	closings []outcome
	fees     []charge
}

// newChronicle returns the chronicle of an empty journal. Money is in the base currency, days are of the zone.
func newChronicle(base Currency, zone *time.Location) *chronicle {
	return &chronicle{base: base, zone: zone}
}

// report works out how the profile did in the window. ErrInvalid for a window that ends before it begins.
func (h chronicle) report(w Window) (Performance, error) {
	if err := w.validate(); err != nil {
		return Performance{}, err
	}
	var out Performance
	out.fromPoints(h.points, w)
	out.fromTrades(h, w)
	out.turnover(h.points, w)
	return out, nil
}

// valued is an equity point with its trading day.
type valued struct {
	at                    time.Time
	date                  Date
	equity, capital, cash Decimal
}

// amount is money in base currency, or in a currency that could not be converted.
type amount struct {
	value Decimal
	lacks Currency // empty if converted
}

type turn struct { // a trade
	at   time.Time
	cash amount // what it brought, negative for a purchase
	fees amount
}

type outcome struct { // a closing
	at       time.Time
	realized amount
}

type charge struct { // a fee that was not on a trade
	at   time.Time
	cost amount
}

// follow takes an entry in that became durable, of which the book made c. It reports false where only the whole
// journal tells what it did to history.
func (h *chronicle) follow(f any, c Closed) bool {
	switch f := f.(type) {
	case *Trade:
		h.trade(f, c)
	case *EquityPoint, *CashMovement:
		h.fact(f)
	case *Amendment, *Restatement:
		return false
	}
	return true
}

// fact takes an equity point or a cash movement in.
func (h *chronicle) fact(f any) {
	switch f := f.(type) {
	case *EquityPoint:
		v := valued{f.Time, DateOf(f.Time.In(h.zone)), f.Equity, f.Capital, f.Cash}
		if n := len(h.points); n == 0 || !v.at.Before(h.points[n-1].at) {
			h.points = append(h.points, v)
			return
		}
		i, _ := slices.BinarySearchFunc(h.points, v, func(a, b valued) int { return a.at.Compare(b.at) })
		h.points = slices.Insert(slices.Clone(h.points), i, v) // others may be reading
	case *CashMovement:
		if f.Kind == Fee {
			h.fees = append(h.fees, charge{f.Time, inBase(f.Amount.Neg(), f.Currency, h.base, f.FXRate)})
		}
	}
}

// trade takes a trade in, and what it closed. Exchanging currency is no trade in this sense, but what it cost is a fee.
func (h *chronicle) trade(t *Trade, c Closed) {
	i := &t.Instrument
	if i.SecType == Forex {
		currency := t.CommissionCurrency
		if currency == "" {
			currency = i.Currency
		}
		if !t.Commission.IsZero() {
			rate := t.FXRate
			if currency != i.Currency {
				rate = Decimal{}
			}
			h.fees = append(h.fees, charge{t.Time, inBase(t.Commission, currency, h.base, rate)})
		}
		return
	}
	h.turns = append(h.turns, turn{t.Time, inBase(t.amount(), i.Currency, h.base, t.FXRate), inBase(t.Commission.Add(t.Taxes), i.Currency, h.base, t.FXRate)})
	if !c.Quantity.IsZero() && !t.exercised() {
		h.closings = append(h.closings, outcome{t.Time, inBase(c.Realized, i.Currency, h.base, t.FXRate)})
	}
}

// inBase converts what can be converted.
func inBase(value Decimal, currency, base Currency, rate Decimal) amount {
	switch {
	case currency == base || value.IsZero():
		return amount{value: value}
	case rate.IsZero():
		return amount{value: value, lacks: currency}
	}
	return amount{value: convert(value, rate)}
}
