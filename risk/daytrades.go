package risk

import "github.com/ai-ots/accounts/ledger"

// DayTradePolicy says by which rule day trades are limited in a margin account.
type DayTradePolicy string

// The day-trade policies.
const (
	// DayTradesFree sets no limit.
	DayTradesFree DayTradePolicy = "none"
	// PatternDayTrader is the former FINRA rule 4210(f)(8)(B). An account with less than 25,000 USD
	// of equity opens nothing after three day trades within five business days: closing the new
	// position on the same day could be the fourth. A trade that closes what was opened in the
	// contract on the same day is a day trade; further ones are not, until more is opened.
	// Expiries, exercises and assignments neither open nor close in this sense.
	PatternDayTrader DayTradePolicy = "pattern_day_trader"
	// IntradayMargin is the rule that replaced it (SEC release 34-105226, in effect since
	// 2026-06-04, to be adopted by brokers until 2027-10-20). An account opens nothing that would
	// leave its equity below the maintenance margin of its positions and working orders at any time
	// of the day. That is 25 % of stocks held long, and 30 % of stocks sold short, with the least
	// amounts a share of MarginAccount; everything else needs what it needs there.
	IntradayMargin DayTradePolicy = "intraday_margin"
)

// DatedPolicy is a day-trade policy and the trading day on which it begins.
type DatedPolicy struct {
	From   ledger.Date    `json:"from,omitzero"` // zero for always
	Policy DayTradePolicy `json:"policy"`
}

// DayTrades returns the policy in force on a trading day; DayTradesFree before the first one
// begins.
func (l *Limits) DayTrades(day ledger.Date) DayTradePolicy {
	policy := DayTradesFree
	for _, d := range l.DayTrading {
		if d.From <= day {
			policy = d.Policy
		}
	}
	return policy
}
