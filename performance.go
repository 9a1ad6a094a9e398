package accounts

import (
	"context"
	"fmt"
	"iter"
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

// Performance works out how the profile did in the window, corrections and late trades in their places. The first call
// reads the whole journal; later ones do no I/O unless history was restated. ErrInvalid for a window that ends
// before it begins; other errors are the store's and ErrCorrupt.
func (p *Portfolio) Performance(ctx context.Context, w Window) (Performance, error) {
	if err := w.validate(); err != nil {
		return Performance{}, fmt.Errorf("performance of profile %q: %w", p.id, err)
	}
	h, err := p.chronicle(ctx)
	if err != nil {
		return Performance{}, fmt.Errorf("performance of profile %q: %w", p.id, err)
	}
	var out Performance
	out.fromPoints(h.points, w)
	out.fromTrades(h, w)
	out.turnover(h.points, w)
	return out, nil
}

// chronicle is what performance is worked out from. Its slices only ever grow, so that a copy of
// it stays as it was.
type chronicle struct {
	points   []valued // in the order of their times
	turns    []turn
	closings []outcome
	fees     []charge
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

// chronicle returns the portfolio's, reading the journal if nobody has since it began or was restated.
func (p *Portfolio) chronicle(ctx context.Context) (chronicle, error) {
	for {
		p.mu.RLock()
		if p.past != nil {
			h := *p.past
			p.mu.RUnlock()
			return h, nil
		}
		zone := p.live.risk.zone()
		p.mu.RUnlock()
		upTo, changes := p.history()
		h := &chronicle{}
		err := h.read(p.store.Entries(ctx, p.id, 0), upTo, p, changes, zone)
		if err != nil {
			return chronicle{}, err
		}
		p.mu.Lock()
		if p.live.seq == upTo {
			p.past = h
			p.mu.Unlock()
			return *h, nil
		}
		p.mu.Unlock()
		if err := ctx.Err(); err != nil {
			return chronicle{}, err
		}
	}
}

// read takes a whole journal in.
func (h *chronicle) read(entries iter.Seq2[Entry, error], upTo int64, p *Portfolio, changes map[int64]Amendment, zone *time.Location) error {
	r := newRefold(p.base, changes, func(t *Trade, c closed) { h.trade(t, c, p.base) })
	var other []payload
	_, err := refoldEntries(r, p.id, func(yield func(Entry, error) bool) {
		for e, err := range entries {
			if err == nil && e.Seq <= upTo && (e.Kind == KindEquity || e.Kind == KindCash) {
				f, failed := decodePayload(e.Kind, e.Payload)
				if failed != nil {
					err = &CorruptError{ProfileID: p.id, Seq: e.Seq, Reason: failed.Error()}
				} else {
					other = append(other, f)
				}
			}
			if !yield(e, err) {
				return
			}
		}
	}, upTo, nil)
	if err != nil {
		return err
	}
	for _, f := range other {
		h.fact(f, p.base, zone)
	}
	return nil
}

// follow takes an entry in that became durable, of which the book made c. It reports false where only the whole
// journal tells what it did to history.
func (h *chronicle) follow(f any, c closed, base Currency, zone *time.Location) bool {
	switch f := f.(type) {
	case *Trade:
		h.trade(f, c, base)
	case *EquityPoint, *CashMovement:
		h.fact(f, base, zone)
	case *Amendment, *Restatement, *PolicyChange: // the last may bring another time zone
		return false
	}
	return true
}

// fold takes a payload into the live book, and into what performance is worked out from if somebody asked. The
// caller holds the lock.
func (p *Portfolio) fold(payload any, seq int64) {
	changes := len(p.live.changes)
	c := p.live.apply(payload, seq)
	if p.past == nil {
		return
	}
	if len(p.live.changes) != changes || !p.past.follow(payload, c, p.base, p.live.risk.zone()) {
		p.past = nil
	}
}

// fact takes an equity point or a cash movement in.
func (h *chronicle) fact(f any, base Currency, zone *time.Location) {
	switch f := f.(type) {
	case *EquityPoint:
		v := valued{f.Time, DateOf(f.Time.In(zone)), f.Equity, f.Capital, f.Cash}
		if n := len(h.points); n == 0 || !v.at.Before(h.points[n-1].at) {
			h.points = append(h.points, v)
			return
		}
		i, _ := slices.BinarySearchFunc(h.points, v, func(a, b valued) int { return a.at.Compare(b.at) })
		h.points = slices.Insert(slices.Clone(h.points), i, v) // others may be reading
	case *CashMovement:
		if f.Kind == Fee {
			h.fees = append(h.fees, charge{f.Time, inBase(f.Amount.Neg(), f.Currency, base, f.FXRate)})
		}
	}
}

// trade takes a trade in, and what it closed. Exchanging currency is no trade in this sense, but what it cost is a fee.
func (h *chronicle) trade(t *Trade, c closed, base Currency) {
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
			h.fees = append(h.fees, charge{t.Time, inBase(t.Commission, currency, base, rate)})
		}
		return
	}
	h.turns = append(h.turns, turn{t.Time, inBase(t.amount(), i.Currency, base, t.FXRate), inBase(t.Commission.Add(t.Taxes), i.Currency, base, t.FXRate)})
	if !c.quantity.IsZero() && !t.exercised() {
		h.closings = append(h.closings, outcome{t.Time, inBase(c.realized, i.Currency, base, t.FXRate)})
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
