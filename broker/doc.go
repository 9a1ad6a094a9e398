// Package broker stands between portfolios and a broker: one login, the accounts that are behind
// it, and the engine that keeps their books in step.
//
// A [Broker] is one login. It answers what the broker holds of an account, takes orders out, and
// hints when to look again. It decides nothing about trading, and knows no profile. Package
// broker/paper is a broker in memory, and broker/brokertest the conformance suite of every broker.
//
// An [Engine] works a login for some profiles: it sends orders that are held, books executions,
// ends holds, and holds books against the broker's positions. [Start] one for each login. Several
// processes may start one for the same login: the store's lease lets one of them work.
// [Engine.Submit] sends an order, [Engine.Status] tells what is in question, and [Engine.Halt] is
// the kill switch.
//
// Four rules hold for every broker, because each was broken at somebody's cost:
//
//   - Unknown is never empty. An [Answer] says as of when it holds and whether it is complete. What could
//     not be read is an error, and no empty list.
//   - An account is named in every call and in every row. There is no account that is selected, and no
//     default one. A row of another account is dropped and counted ([Answer.Foreign]).
//   - An order is sent once. Place returns [ErrRejected] only where the broker surely does not have the
//     order. Every other failure after the first byte was sent is [ErrOutcomeUnknown]: look the order up by
//     its Ref, and never send it again.
//   - Hints are no facts. What [Broker.Watch] sends says that it is worth looking; what happened is in
//     Orders and Executions.
//
// Quantities are signed as in package ledger: negative to sell, and for a short position. Prices
// are per unit in the contract's currency. Times are in UTC.
//
// Files of the interface, in the order in which to read them: broker, account, answer, ticket,
// order, execution, event, errors. Files of the engine: engine, notice, session (lease and
// connection), worker (one account), link, fills, outcome, send, halt, breaks, market, closes.
package broker
