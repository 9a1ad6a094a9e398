package main

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// talk runs the program with lines of input.
func talk(t *testing.T, hidden func() ([]byte, error), lines ...string) string {
	t.Helper()
	var out bytes.Buffer
	in := &input{lines: bufio.NewScanner(strings.NewReader(strings.Join(lines, "\n"))), hidden: hidden, prompt: io.Discard}
	vault, err := open(false)
	require.NoError(t, err)
	require.NoError(t, run(t.Context(), vault, in, &out))
	return out.String()
}

func TestSession(t *testing.T) {
	got := talk(t, nil, "switch aggressive", "set aggressive", "anna", "hunter2", "switch aggressive", "set aggressive", "anna", "hunter3", "list",
		"delete aggressive", "list", "log aggressive", "set nobody", "x", "hunter4", "quit", "list")
	require.Equal(t, `error: switch to profile "aggressive": read credentials: credentials not found: login "aggressive" has none
stored: map[kind:[redacted] mode:[redacted] password:[redacted] username:[redacted]]
active: Aggressive-25K
stored: map[kind:[redacted] mode:[redacted] password:[redacted] username:[redacted]]
"aggressive"
switch : begun
switch : missing
set gateway_login: begun
set gateway_login: ok
switch : begun
switch : ok
set gateway_login: begun
set gateway_login: ok
delete : begun
delete : ok
error: set credentials of profile "nobody": profile not found
`, got)
	require.NotContains(t, got, "hunter", "a password is printed")
}

func TestSharedLogin(t *testing.T) {
	got := talk(t, nil, "share aggressive main", "set aggressive", "anna", "hunter2", "share balanced main", "switch balanced",
		"flex balanced", "123456", "98", "kinds aggressive", "list", "delete balanced", "share balanced", "switch aggressive", "kinds balanced",
		"delete aggressive", "list", "share nobody main")
	require.Equal(t, `stored: map[kind:[redacted] mode:[redacted] password:[redacted] username:[redacted]]
active: Balanced-50K
stored: map[flex_query_id:[redacted] flex_token:[redacted] kind:[redacted]]
[flex gateway_login]
" main"
error: delete credentials of profile "balanced": login is shared: login "main", by "aggressive"
active: Aggressive-25K
[]
error: profile "nobody": profile not found
`, got)
}

func TestHiddenInput(t *testing.T) {
	answers := [][]byte{[]byte("anna"), []byte("hunter2")}
	n := 0
	got := talk(t, func() ([]byte, error) { n++; return answers[n-1], nil }, "set balanced", "list")
	require.Contains(t, got, "\n\"balanced\"\n", "what was typed was not stored")
	require.Equal(t, make([]byte, 7), answers[1], "what was typed is left in memory")
	require.Contains(t, talk(t, func() ([]byte, error) { return nil, errors.New("no terminal") }, "set balanced"), "error: no terminal")
	require.Contains(t, talk(t, nil, "set balanced", "anna"), "error: unexpected EOF")
	require.Contains(t, talk(t, nil, "nonsense"), "commands:")
}
