package risk

import "github.com/ai-ots/accounts/ledger"

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
	From   ledger.Date    `json:"from,omitzero"` // zero for always
	Policy DayTradePolicy `json:"policy"`
}

// DayTrades returns the policy that holds on the day.
func (l *Limits) DayTrades(day ledger.Date) DayTradePolicy {
	policy := DayTradesFree
	for _, d := range l.DayTrading {
		if d.From <= day {
			policy = d.Policy
		}
	}
	return policy
}
