// Package credentials has the secrets with which a profile reaches its broker.
//
// A [Secret] is a value that prints as [redacted] everywhere. A [Set] holds the named secrets of
// one login, for one [Kind] of connection: [NewGatewaySession], [NewGatewayLogin], [NewFlexToken]
// and [NewOAuth1] make sets, and [Set.Login], [Set.Flex] and [Set.OAuth1] read them.
//
// The package stores nothing and knows no profile: accounts.CredentialStore keeps sets by login and
// kind, and the packages below this one implement it. No error, log or event carries a secret. Read
// secret.go, set.go, kinds.go, read.go.
package credentials
