package credentials

// Login is what logs in to a gateway.
type Login struct {
	Username Secret
	Password Secret
	Mode     string // paper or live
}

// Login returns the credentials of a gateway login, with copies of the secrets; false for a set of
// another kind.
func (s Set) Login() (Login, bool) {
	if s.Kind() != GatewayLogin {
		return Login{}, false
	}
	return Login{s[fieldUsername].Clone(), s[fieldPassword].Clone(), string(s[fieldMode].Reveal())}, true
}

// Flex returns the token of the Flex web service, as a copy, and the number of the query; false for
// a set of another kind.
func (s Set) Flex() (token Secret, queryID string, ok bool) {
	if s.Kind() != FlexToken {
		return Secret{}, "", false
	}
	return s[fieldFlexToken].Clone(), string(s[fieldFlexQuery].Reveal()), true
}

// OAuth1 returns the credentials of the web API, with copies of the secrets; false for a set of
// another kind.
func (s Set) OAuth1() (OAuth1, bool) {
	if s.Kind() != OAuth1a {
		return OAuth1{}, false
	}
	return OAuth1{
		ConsumerKey: s[fieldConsumerKey].Clone(), AccessToken: s[fieldAccessToken].Clone(),
		AccessTokenSecret: s[fieldAccessTokenSecret].Clone(), SignatureKey: s[fieldSignatureKey].Clone(),
		EncryptionKey: s[fieldEncryptionKey].Clone(), DHPrime: s[fieldDHPrime].Clone(),
	}, true
}
