// Package cpapi is a client of IBKR's Client Portal Web API for one login. [Client] implements
// [broker.Broker], through the Client Portal Gateway or, with package oauth1, directly.
//
// What the API does not say of itself, and what the client does about it:
//
//   - The answers of a call depend on the account that the session has selected. The client selects the
//     account, holds the selection while it asks, and believes the rows' own account alone: rows of other
//     accounts are dropped and counted.
//   - The first list of orders or trades after a selection is a warming up and proves nothing. The client
//     asks again before it calls a list complete.
//   - A status of 200 may be an order, a question or a refusal. Questions are answered by the ids of their
//     messages, from a list ([Config.Answers]); a question that is not in the list is answered no.
//   - A request that places or cancels is sent once. Whatever fails after its first byte is
//     [broker.ErrOutcomeUnknown].
//   - Too many requests lock the address out for ten minutes, whichever login made them: the client paces
//     requests by session and endpoint, and shares a [Breaker] with the other logins.
//   - An answer that cannot be read is an error (ErrUnreadable), and no empty list.
//
// A goroutine keeps the session up: it asks for a new one with growing pauses, takes the login back
// from another session only where [Config.Compete] says so, and ends by Close alone. A second one
// hears the websocket, whose messages are hints. Quotes alone are taken from there, where they are
// new and whole.
//
// The client suppresses no message of the broker's: that would hold for every order of the session,
// and silence what a person should read. What the broker asks on the websocket, outside of an
// order's placement, is never answered: the words are the Reason of [broker.Status], and a person
// has to answer.
//
// Files, in the order in which to read them: config, client; session, supervisor, login; stream,
// lines, notice; request, reply, pace, breaker; number, account, contract, search, selection, seen,
// position, cash, order, execution, quote; ticket, refs, place, cancel, whatif.
package cpapi
