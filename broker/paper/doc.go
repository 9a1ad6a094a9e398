// Package paper is a broker in memory: it fills orders against the quotes that it is given, charges
// a spread and commissions, and fails on demand. It is for trying strategies without money, and for
// testing what stands between a portfolio and a broker.
//
// A [Broker] is made with [New], gets accounts by [Broker.Open], holdings by [Broker.Deliver] and
// prices by [Broker.Price] or [Broker.Quote]. Nothing moves by itself: orders fill while one of
// these calls, or one that places an order, runs. A broker keeps books of its own, which share
// nothing with package ledger's, so that a portfolio's book can be held against [Broker.Statement].
//
// What it is not: it has no trading hours but those of [Broker.OpenMarket] and
// [Broker.CloseMarket], no margin and no order book, and forgets everything with the process. A
// market order fills at the bid or the ask, as far as Options.Liquidity goes.
//
// Read paper.go first, then account.go, orders.go, matching.go and faults.go.
package paper
