// Package oauth1 signs requests of IBKR's Client Portal Web API by OAuth 1.0a, as IBKR understands
// it. It does no I/O.
//
// A login begins with an exchange: [Signer.Begin] makes a challenge of Diffie and Hellman and the
// header that asks for a live session token, and [Exchange.Finish] derives the token from the
// answer and checks it. Every other request is signed with the token, by [Signer.Authorize]. A
// token lives for a day.
//
// IBKR differs from RFC 5849 in two things: parameters are not escaped before they are joined, and
// the request for the token is signed over a text that begins with the decrypted secret of the
// access token.
//
// No error, text or JSON of this package has a secret in it. Files: signer, exchange, token.
package oauth1
