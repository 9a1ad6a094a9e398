package httpapi

import (
	"reflect"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
	"github.com/ai-ots/accounts/risk"
)

// enums are the values of the types that have a list of them. A test holds the lists against the
// constants of the types. Rules, kinds of entry and kinds of event are not among them: they are
// added to, and a client must show one that it does not know as it is.
var enums = map[reflect.Type][]string{
	reflect.TypeFor[accounts.TradingMode]():   texts(accounts.ModePaper, accounts.ModeLive),
	reflect.TypeFor[accounts.RiskTolerance](): texts(accounts.RiskLow, accounts.RiskBalanced, accounts.RiskModerate, accounts.RiskHigh),
	reflect.TypeFor[accounts.SignalAction]():  texts(accounts.SignalBuy, accounts.SignalSell, accounts.SignalClose),
	reflect.TypeFor[risk.ProfileStatus](): texts(risk.StatusActive, risk.StatusInactive, risk.StatusSuspended,
		risk.StatusArchived),
	reflect.TypeFor[risk.TradingState]():   texts(risk.TradingActive, risk.TradingReducing, risk.TradingHalted),
	reflect.TypeFor[risk.AccountType]():    texts(risk.CashAccount, risk.MarginAccount),
	reflect.TypeFor[risk.DayTradePolicy](): texts(risk.DayTradesFree, risk.PatternDayTrader, risk.IntradayMargin),
	reflect.TypeFor[risk.Severity]():       {"normal", "warning", "moderate", "severe", "critical"},
	reflect.TypeFor[ledger.SecType](): texts(ledger.Stock, ledger.Option, ledger.Future, ledger.FutureOption,
		ledger.Forex, ledger.CFD, ledger.Warrant, ledger.Bond, ledger.Fund, ledger.Crypto),
	reflect.TypeFor[ledger.Right]():        texts(ledger.Call, ledger.Put),
	reflect.TypeFor[ledger.TradeKind]():    texts(ledger.Execution, ledger.Expiry, ledger.Assignment, ledger.Exercise, ledger.Corporate),
	reflect.TypeFor[broker.OrderType]():    texts(broker.LimitOrder, broker.MarketOrder, broker.StopOrder, broker.StopLimitOrder),
	reflect.TypeFor[broker.TimeInForce]():  texts(broker.Day, broker.GoodTillCanceled),
	reflect.TypeFor[broker.AccountKind]():  texts(broker.WholeAccount, broker.Segment, broker.Group),
	reflect.TypeFor[performance.Unit]():    texts(performance.UnitFraction, performance.UnitRatio, performance.UnitMoney),
	reflect.TypeFor[performance.Span]():    texts(performance.SpanWindow, performance.SpanYear, performance.SpanPeriod, performance.SpanMean, performance.SpanTrip),
	reflect.TypeFor[credentials.Kind]():    texts(credentials.GatewaySession, credentials.GatewayLogin, credentials.FlexToken, credentials.OAuth1a),
	reflect.TypeFor[broker.SessionState](): texts(broker.SessionUsable, broker.SessionDisconnected, broker.SessionCompeting, broker.SessionLoginNeeded, broker.SessionClosed),
	reflect.TypeFor[broker.OrderStatus]():  texts(broker.OrderPending, broker.OrderWorking, broker.OrderCancelling, broker.OrderInactive, broker.OrderFilled, broker.OrderCancelled, broker.OrderExpired),
	reflect.TypeFor[broker.Verdict]():      texts(broker.Free, broker.Linked, broker.ViewOnly, broker.NotWhole, broker.ModeUnclear, broker.CurrencyGone),
}

// descriptions are what the description says of types, in the clients' terms.
var descriptions = map[reflect.Type]string{
	reflect.TypeFor[accounts.AccountProfile](): "One account at the broker, and how it may trade.",
	reflect.TypeFor[accounts.Snapshot]():       "Everything about one profile at one moment. Totals mean something only while `missing` is absent.",
	reflect.TypeFor[risk.Limits]():             "Limits are positive magnitudes in the profile's base currency. A limit that is left out binds nothing.",
	reflect.TypeFor[risk.Limit]():              "A bound by an amount, by a fraction of equity, or by the smaller of the two.",
	reflect.TypeFor[risk.Decision]():           "Whether an order is accepted and, if not, every rule that it breaks.",
	reflect.TypeFor[risk.Violation]():          "A rule that an order breaks, or a limit that it brings to its warning level.",
	reflect.TypeFor[risk.Order]():              "An order. Its quantity is negative to sell.",
	reflect.TypeFor[ledger.Instrument]():       "A contract, by its terms.",
}

// texts returns the values of an enumeration as plain strings.
func texts[S ~string](list ...S) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = string(s)
	}
	return out
}
