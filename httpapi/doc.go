// Package httpapi serves a manager of accounts over HTTP: profiles, books, orders, halts, signals,
// statements and events, as JSON. Its description is OpenAPI 3.1, so that clients can be generated.
//
// [New] makes an [API], an http.Handler, of a [Config]. The config has the manager, an
// [Authenticator] that tells who calls ([BearerToken] for one user, [Loopback] for one machine),
// and, if orders are to be sent, the engine of each profile ([Engine], which broker.Engine is).
//
// # Rules
//
//   - The account is in the path of every call. The active profile is a preference: no other call
//     depends on it.
//   - A [Caller] sees the profiles of his owner. Another owner's do not exist: 404, never 403. What he
//     may do is in his [Rights].
//   - Money, prices and quantities are strings. Times are RFC 3339. A request is held against the
//     schemas that the description publishes: unknown fields, unknown parameters and names that come
//     twice are refused, and every wrong field is listed at once.
//   - Whatever fails is a [Problem] (RFC 9457) with a stable [Code]. No problem tells of the inside:
//     the log does, under the id in the header X-Request-Id.
//   - A profile is changed with its version in the header If-Match. Without it the answer is 428, with
//     another version 412 and the profile as it is.
//   - A call may be sent again. An order's id is made of its Idempotency-Key, a profile's of its key and
//     owner, a signal has an id, facts have ids, and halting again changes nothing. All of this is in
//     the journal, and so it holds after a restart and in every process.
//
// # Limits
//
// Bodies, pages, streams and the work on a request are bounded; see [Config]. The http.Server
// bounds reading and writing: give it ReadHeaderTimeout, ReadTimeout and IdleTimeout. Do not give
// it a WriteTimeout: it would end streams, which bound their writes themselves. TLS is the server's
// too.
//
// # Reading the code
//
// The table of routes is all there is. Requests are served by it, the description is made of it,
// and the tests walk it. Read route.go (a row of the table), api.go (from a request to its row),
// call.go (from a row to its action), then any file of routes: profiles, portfolio, history,
// orders, trading, performance, credentials, statements, link, signals, events, health, alias. The
// rest is schema.go, enums.go and fieldtexts.go (schemas of Go types), body.go and check.go (a body
// against its schema), problem.go and failure.go (errors as problems), openapi.go, auth.go,
// rights.go, cursor.go and engine.go.
package httpapi
