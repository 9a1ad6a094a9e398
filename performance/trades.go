package performance

import (
	"maps"
	"slices"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
)

// fromTrades fills in the figures of trades, closings and fees.
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

// closings fills in the ratios and means of gains and losses.
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

// turnover fills in Turnover, which needs both trades and equity points.
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
