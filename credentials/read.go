package credentials

// Login is what logs in to a gateway.
type Login struct {
	Username Secret
	Password Secret
	Mode     string // paper or live
}

// Login returns the credentials of a gateway login, with copies of the secrets; false for a set of
// another kind.
func (c Set) Login() (Login, bool) {
	if c.Kind() != GatewayLogin {
		return Login{}, false
	}
	return Login{c[fieldUsername].Clone(), c[fieldPassword].Clone(), string(c[fieldMode].Reveal())}, true
}

// Flex returns the token of the Flex web service, as a copy, and the number of the query; false for
// a set of another kind.
func (c Set) Flex() (token Secret, queryID string, ok bool) {
	if c.Kind() != FlexToken {
		return Secret{}, "", false
	}
	return c[fieldFlexToken].Clone(), string(c[fieldFlexQuery].Reveal()), true
}

// OAuth1 returns the credentials of the web API, with copies of the secrets; false for a set of
// another kind.
func (c Set) OAuth1() (OAuth1, bool) {
	if c.Kind() != OAuth1a {
		return OAuth1{}, false
	}
	return OAuth1{
		ConsumerKey: c[fieldConsumerKey].Clone(), AccessToken: c[fieldAccessToken].Clone(),
		AccessTokenSecret: c[fieldAccessTokenSecret].Clone(), SignatureKey: c[fieldSignatureKey].Clone(),
		EncryptionKey: c[fieldEncryptionKey].Clone(), DHPrime: c[fieldDHPrime].Clone(),
	}, true
}
