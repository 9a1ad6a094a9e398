// Package gatewaysim is a test gateway: a server that speaks IBKR's Client Portal Web API over
// HTTPS and websocket, with accounts, a market and a clock of its own. It is for tests of programs
// that trade through that API, and for people who want to look.
//
//	g, err := gatewaysim.New(gatewaysim.Config{Accounts: []gatewaysim.Account{{ID: "DU1000025", Cash: cash}}})
//	err = g.Start()
//	defer g.Close()
//	client := g.Client() // trusts the certificate that Start made
//
// A [Gateway] is one login, as one process of IBKR's gateway is. Several gateways can share a
// [Market], which has the contracts, the prices and the clock, and an [Address], which IBKR locks
// when requests come too fast.
//
// What the gateway does by itself is what IBKR is known to do: calls that others have to precede,
// questions that any other order request voids, sessions that die when nobody calls, orders that
// end at the close. Whatever else can go wrong is a [Fault] that a test injects. [Gateway.Truth]
// tells what really happened.
//
// Answers have the fields, and the types of fields, of recorded payloads where there are some, and
// of IBKR's documentation elsewhere. Where the two differ, or neither says, the gateway does what
// is harder to get right: the words of such errors, and the answer to a question that was declined,
// are made up.
//
// The clock stands still until [Market.Advance] moves it, unless [MarketConfig].Realtime is set. A
// test needs no sleep. Pacing is measured by a clock that [Pacing] names, which is the real one by
// default.
//
// A test that waits for what a program does calls [Gateway.Await], or holds a request with a fault
// and waits for [Injection.Reached]. At the end it compares the program's books with
// [Gateway.Truth], and wants [Gateway.Excesses] to be zero.
//
// Not simulated: OAuth, whose signatures are not looked at, the history of prices, IBKR's analyses,
// alerts, margin, assignments and expiries of contracts, combinations, brackets, fractions of
// shares, holidays, and contracts whose regular hours are not those of New York's stock exchanges.
//
// Files, in the order in which to read them: config, gateway, market, hours, contract, quote, walk,
// account, order, ticket, question, matching, execution, session, route, serve, pacing, fault,
// bend, render, routes_*, socket, stream, script, truth, log.
package gatewaysim
