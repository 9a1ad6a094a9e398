package credentials_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/credentials"
)

// A set gives its secrets back by its kind, as copies, and nothing for another kind.
func TestReadingASet(t *testing.T) {
	secret := func(s string) credentials.Secret { return credentials.NewSecret([]byte(s)) }
	set, err := credentials.NewGatewayLogin(secret("anna1"), secret("pass word"), "live")
	require.NoError(t, err)
	login, ok := set.Login()
	require.True(t, ok, "a login that is none")
	require.Equal(t, "anna1 live", string(login.Username.Reveal())+" "+login.Mode)
	require.True(t, login.Password.Equal(secret("pass word")), "the password is another")
	login.Password.Wipe()
	again, _ := set.Login()
	require.True(t, again.Password.Equal(secret("pass word")), "wiping a copy wiped the set")
	_, _, ok = set.Flex()
	require.False(t, ok, "a login is no Flex token")
	_, ok = set.OAuth1()
	require.False(t, ok, "a login is no OAuth")

	set, err = credentials.NewFlexToken(secret("123456789"), "987654")
	require.NoError(t, err)
	token, query, ok := set.Flex()
	require.True(t, ok, "a Flex token that is none")
	require.Equal(t, "987654", query)
	require.True(t, token.Equal(secret("123456789")), "the token is another")
	_, ok = set.Login()
	require.False(t, ok, "a Flex token is no login")
	_, ok = credentials.Set{}.Login()
	require.False(t, ok, "an empty set is no login")
}
