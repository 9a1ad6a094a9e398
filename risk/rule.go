package risk

// Rule is the stable code of one thing that an order is held against.
type Rule string

// The rules. An order that only reduces (see Decision) is held against RuleState, RuleStatus for
// an archived profile, and RuleUncovered; an order that does not, against all.
const (
	// Trading itself.
	RuleState  Rule = "trading_state"  // halted refuses everything, reducing whatever does not only reduce
	RuleStatus Rule = "profile_status" // a profile that is not active may only reduce, an archived one not even that

	// What may be traded.
	RuleInstrument Rule = "instrument"        // a kind of contract that is not permitted, or one that has expired
	RuleShort      Rule = "short_selling"     // anything but an option, a future or a currency pair that would be sold short
	RuleSymbol     Rule = "symbol_not_listed" // the underlying is not among the allowed ones
	RuleRestricted Rule = "symbol_restricted"
	// RuleUncovered: short calls are covered by the underlying's shares or by long calls that expire no
	// earlier, short puts by short shares, by long puts that expire no earlier, or by the strike in cash. It holds for orders
	// that reduce, too: whoever sells the cover first is left with what it covered.
	RuleUncovered Rule = "uncovered_option"

	// The order itself.
	RuleQuantity  Rule = "order_quantity"
	RuleNotional  Rule = "order_notional"
	RuleCollar    Rule = "price_collar"
	RuleDuplicate Rule = "duplicate_order"
	RuleOrderRate Rule = "order_rate"
	RuleOrders    Rule = "orders_per_day"
	RuleTrades    Rule = "trades_per_day"
	RuleDayTrades Rule = "day_trades"

	RuleInvalid Rule = "order_invalid" // by Check alone; Reserve returns ErrInvalid

	// What cannot be told. Nothing is ever let pass because something was not known.
	RuleNoMark    Rule = "mark_missing"
	RuleStaleMark Rule = "mark_stale"
	RuleNoFX      Rule = "rate_missing"
	RuleStaleFX   Rule = "rate_stale"
	RuleEquity    Rule = "equity_unknown"
	RuleNoLimits  Rule = "limits_unknown" // the profile's limits are not valid

	// What would be held.
	RulePosition    Rule = "position_size"
	RuleUnderlying  Rule = "underlying_size"
	RulePositions   Rule = "open_positions"
	RuleGross       Rule = "gross_exposure"
	RuleNet         Rule = "net_exposure"
	RuleLeverage    Rule = "leverage"
	RuleStrategy    Rule = "strategy_exposure"
	RuleSector      Rule = "sector_exposure"
	RuleBuyingPower Rule = "buying_power"

	// What was lost.
	RuleDailyLoss Rule = "daily_loss"
	RuleDrawdown  Rule = "drawdown"

	// What Route refuses before there is an order.
	RuleSize      Rule = "order_size"  // less than one unit, or nothing to close
	RuleExpired   Rule = "expired"     // the signal is too old
	RuleAllOrNone Rule = "all_or_none" // another profile refused

	// RuleDone is that of an order that was accepted, and is filled or released by now: it is not held any longer.
	RuleDone Rule = "order_done"
)
