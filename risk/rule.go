package risk

import "slices"

// Rule is the stable code of one thing that an order is held against.
type Rule string

// The rules. An order that only reduces a position (see [Decision]) is held against RuleState,
// RuleStatus and RuleUncovered alone; and against RuleNoMark and RuleNoFX where short options need
// cash and nothing tells what the order takes of it, or how much there is. Every other order is
// held against all rules.
const (
	// Trading itself.

	// RuleState: a halted profile accepts no order, a reducing one only orders that reduce.
	RuleState Rule = "trading_state"
	// RuleStatus: a profile that is not active accepts only orders that reduce, an archived one no
	// order.
	RuleStatus Rule = "profile_status"

	// Contracts.

	// RuleInstrument: the kind of contract is not permitted, or the contract has expired: its
	// expiry is before the trading day.
	RuleInstrument Rule = "instrument"
	// RuleShort: a contract other than an option, a warrant, a future or a currency pair would be
	// sold short; or of a currency more than a cash account has.
	RuleShort Rule = "short_selling"
	// RuleSymbol: a name of the contract is not among the allowed ones (Limits.AllowedSymbols).
	RuleSymbol Rule = "symbol_not_listed"
	// RuleRestricted: a name of the contract is restricted (Limits.RestrictedSymbols).
	RuleRestricted Rule = "symbol_restricted"
	// RuleUncovered: a short option would lack cover. Short calls are covered by shares of the
	// underlying and by long calls that expire no earlier; short puts by short shares, by long puts
	// that expire no earlier, and by the strike in cash. A long option covers short ones of the
	// same kind, root and multiplier alone. Where it leaves a difference of strikes at risk (a long
	// call above the short one, a long put below it), that difference must be there in cash. An
	// option on a future is covered by one that expires on the same day, and never by the future.
	//
	// The cash is what has settled, less what held futures and CFDs have lost, their margin, and
	// what working purchases take. Which option covers which is chosen so that the fewest calls
	// stay without cover, and of these choices one that needs the least cash; of hundreds of
	// options on one underlying it may be one that needs more, never one that needs less. The rule
	// also holds for orders that reduce: neither may the cover be sold or bought back from under a
	// short option, nor the cash that it needs be spent. An order breaks the rule only if more is
	// lacking once it is filled than before. Shares cover parts of an option too.
	RuleUncovered Rule = "uncovered_option"

	// The order itself, and how often orders are sent.

	RuleQuantity  Rule = "order_quantity"
	RuleNotional  Rule = "order_notional"
	RuleCollar    Rule = "price_collar"
	RuleDuplicate Rule = "duplicate_order"
	RuleOrderRate Rule = "order_rate"
	RuleOrders    Rule = "orders_per_day"
	RuleTrades    Rule = "trades_per_day"
	RuleDayTrades Rule = "day_trades"

	// RuleInvalid: the order is not valid. Portfolio.Check alone reports it; Portfolio.Reserve
	// returns invalid.Err.
	RuleInvalid Rule = "order_invalid"
	// RuleIDReused: another order that is working has the ID. Portfolio.Check alone reports it;
	// Portfolio.Reserve returns ErrIDReused.
	RuleIDReused Rule = "order_id_reused"

	// Unknown or old prices and limits. An order never passes because something is not known.

	// RuleNoMark: the contract has no mark, or one of zero, against which no order can be held; or
	// the underlying of a call to be sold in a margin account has none, or nothing tells what the
	// call delivers, because a corporate action adjusted its root; or short options need cash, and
	// nothing tells what the order, a working purchase or a future takes of it.
	RuleNoMark    Rule = "mark_missing"
	RuleStaleMark Rule = "mark_stale"
	// RuleNoFX: the contract's currency has no conversion rate; or the dollar has none, on which
	// the margin of a stock sold short depends.
	RuleNoFX    Rule = "rate_missing"
	RuleStaleFX Rule = "rate_stale"
	// RuleEquity: equity is not known, or not positive; or a mark or a rate that exposure or margin
	// depends on is old: of a position, of a working order, of the underlying of an option sold
	// short.
	RuleEquity   Rule = "equity_unknown"
	RuleNoLimits Rule = "limits_unknown" // the limits themselves are not valid

	// Positions and exposure.

	RulePosition    Rule = "position_size"
	RuleUnderlying  Rule = "underlying_size"
	RulePositions   Rule = "open_positions"
	RuleGross       Rule = "gross_exposure"
	RuleNet         Rule = "net_exposure"
	RuleLeverage    Rule = "leverage"
	RuleStrategy    Rule = "strategy_exposure"
	RuleSector      Rule = "sector_exposure"
	RuleBuyingPower Rule = "buying_power"

	// Losses.

	RuleDailyLoss Rule = "daily_loss"
	RuleDrawdown  Rule = "drawdown"

	// Refusals of a routed signal before there is an order.

	RuleSize      Rule = "order_size"  // less than one unit, or nothing to close
	RuleExpired   Rule = "expired"     // the signal is too old
	RuleAllOrNone Rule = "all_or_none" // another profile did not take the signal: the order was let go

	// RuleDone: the order was accepted before, and is filled or released by now.
	RuleDone Rule = "order_done"
)

// unknown are the rules that an order breaks because something is not known.
var unknown = []Rule{RuleNoMark, RuleStaleMark, RuleNoFX, RuleStaleFX, RuleEquity, RuleNoLimits}

// Unknown reports whether the rule is broken by what is not known, and not by what the order is.
func (r Rule) Unknown() bool { return slices.Contains(unknown, r) }
