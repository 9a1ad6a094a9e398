// Package risk says what an account may do: the orders that are held against limits, the limits and
// rules themselves, and the decisions that come of both.
//
// An [Order] is judged by the [Limits] of its profile, and ends in a [Decision]: allowed, or
// refused with a [Violation] for each [Rule] that it breaks. Accepted orders are [WorkingOrder]
// values, whose exposure counts until fills or a release end that. Losses lead to a [Severity] and
// a [TradingState] that restrict trading. A [Report] shows where a profile stands. The journal
// holds all of it as a [Payload]: [Hold], [Release], [Refusal], [Breach], [StateChange] and
// [PolicyChange].
//
// The package states the terms and does not judge: it knows no positions, no marks and no profile
// beyond its [ProfileStatus]. Portfolio.Check and Portfolio.Reserve of package accounts judge
// orders. Default limits are accounts.DefaultLimits. Money is in the profile's base currency. All
// types are plain values; a wrong input is an [invalid.Error], which wraps invalid.Err.
//
// Files, in the order in which to read them: order, limits, daytrades and drawdown (what is asked
// and what bounds it), rule and decision (the outcome), state and zone, entry and payload (the form
// in a journal), report.
package risk
