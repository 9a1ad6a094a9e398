package httpapi

import (
	"reflect"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// fieldTexts are what the description says of fields of the library's types, in the clients' terms.
// The API's own types say it in their tags. A test holds the names against the types.
var fieldTexts = map[reflect.Type]map[string]string{
	reflect.TypeFor[accounts.AccountProfile](): {
		"id":              "The library's own id of the profile, which never changes.",
		"name":            "1 to 100 characters, unique among the owner's profiles.",
		"ibkr_account_id": "The broker's id of the account, which can change.",
		"capital_level":   "In thousands or millions of the base currency: 25K, 1M.",
		"login":           "The login whose credentials the profile uses; absent for one of its own.",
		"limits":          "Limits of its own; absent where the capital level and the risk tolerance give them.",
		"version":         "Counts changes, from 1; the ETag.",
		"last_used_at":    "When the profile was made the active one last; absent if never.",
	},
	reflect.TypeFor[accounts.Gateway](): {
		"host":      "A name or an address.",
		"port":      "1 to 65535.",
		"client_id": "Tells the API clients of one gateway apart; 0 or more.",
	},
	reflect.TypeFor[accounts.Snapshot](): {
		"seq":        "The last entry of the journal that is in it.",
		"hash":       "The hash of that entry.",
		"trades":     "The number of trades in force.",
		"open":       "What is held, by the keys of the contracts.",
		"closed":     "What was held, and is flat now.",
		"cash":       "The balances, by currency.",
		"pending":    "Premiums of exercised options that wait for a trade of their underlying.",
		"cash_base":  "All cash, in base currency.",
		"equity":     "Cash and what is held, at marks, in base currency.",
		"unrealized": "The P&L of what is held, at marks.",
		"realized":   "The P&L of what was closed, since the journal began.",
		"capital":    "Deposits less withdrawals, and opening balances.",
		"in_kind":    "What positions were worth that came, or below zero went, otherwise than by trades.",
		"high_water": "The highest equity of an equity point, adjusted for capital; zero without one.",
		"missing":    "The marks and rates that the totals lack: a reason not to trade on them.",
		"unrated":    "Currencies of which realized, capital and in_kind lack something.",
	},
	reflect.TypeFor[ledger.Instrument](): {
		"symbol":       "STK: the ticker. OPT: the OSI root. FUT and FOP: the underlying's symbol. CASH: what is bought.",
		"currency":     "Three capital letters, such as USD: of price, proceeds, commission and P&L.",
		"underlying":   "Of options, where it is not the symbol.",
		"expiry":       "Of OPT, FUT, FOP and WAR.",
		"right":        "Call or put, of OPT, FOP and WAR.",
		"strike":       "Of OPT, FOP and WAR.",
		"multiplier":   "Money per point of price. 100 for OPT and 1 for others if left out; FUT and FOP must state it.",
		"con_id":       "The broker's id of the contract: a hint, no identity.",
		"local_symbol": "The broker's name of the contract: a hint, no identity.",
	},
	reflect.TypeFor[risk.Decision](): {
		"allowed":    "Whether the order is accepted.",
		"reduces":    "The order only makes a position smaller: limits never bar it.",
		"violations": "Every rule that the order breaks; empty if it is accepted.",
		"repeat":     "The order was decided before, and this is that decision.",
		"warnings":   "The limits that are at their warning level once the order is accepted.",
		"largest":    "Where the order is refused for its size alone, the largest quantity that would pass.",
	},
	reflect.TypeFor[risk.Violation](): {
		"rule":    "The stable code of the rule. Others may be added.",
		"subject": "The contract, underlying, strategy, sector or currency concerned.",
		"limit":   "What is allowed, in the terms of the rule: money in base currency, units, a count, or a fraction.",
		"actual":  "What the order would lead to.",
		"reason":  "What limit and actual do not show.",
	},
	reflect.TypeFor[risk.Limit](): {
		"amount":   "In base currency; absent for none.",
		"fraction": "Of equity, 0.1 for 10 %; absent for none.",
	},
	reflect.TypeFor[risk.Limits](): {
		"account":            "By which rule buying power is reckoned.",
		"time_zone":          "Of the trading day, an IANA name; America/New_York if left out. Cannot change once the journal has an order, a trade or an equity point.",
		"sec_types":          "The kinds of contract that may be opened.",
		"short_selling":      "Allows short positions in anything; options, futures and currency pairs need no permission.",
		"uncovered_options":  "Allows short options without cover in a margin account.",
		"allowed_symbols":    "The symbols that may be opened; all if there are none.",
		"restricted_symbols": "The symbols that may not be opened.",
		"order_quantity":     "Units in one order at most.",
		"order_notional":     "Exposure of one order at most.",
		"price_collar":       "The distance of a price from the mark at most, to the order's disadvantage, as a fraction of the mark.",
		"option_collar":      "The same, of options.",
		"mark_age":           "The age of marks at most.",
		"rate_age":           "The age of conversion rates at most.",
		"duplicate_window":   "For how long an equal order is taken for the same one sent twice.",
		"orders_per_minute":  "Accepted orders in 60 seconds at most.",
		"orders_per_day":     "Accepted orders in a trading day at most.",
		"trades_per_day":     "Executions in a trading day at most.",
		"position_size":      "Exposure in one contract at most.",
		"underlying_size":    "Exposure in one underlying at most, all contracts on it included.",
		"open_positions":     "Contracts held or working at most.",
		"gross_exposure":     "Exposure of everything at most.",
		"net_exposure":       "Long less short exposure at most.",
		"leverage":           "Gross exposure ÷ equity at most.",
		"strategy_exposure":  "Exposure of one strategy at most.",
		"sector_exposure":    "Exposure of one sector at most.",
		"futures_margin":     "The margin that futures and CFDs are taken to need, as a fraction of their notional.",
		"daily_loss":         "The loss of a trading day from which on only reductions are accepted.",
		"drawdown":           "Drawdowns from which on the profile is restricted more and more.",
		"day_trading":        "Day-trade policies, by the day on which they begin.",
		"warn_at":            "The fraction of a limit from which on its use is a warning.",
	},
	reflect.TypeFor[risk.DrawdownLimits](): {
		"warning":  "Told to those who listen. A fraction of the high-water mark, as all of them.",
		"moderate": "No contract is opened that is not held already.",
		"severe":   "Only reductions, until a person resumes.",
		"critical": "The same; the positions should be closed.",
	},
}
