package accounts_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/credentials"
)

const secretText = "hunter2"

// leaks are the forms in which a verb might give the text away.
var leaks = []string{secretText, "68756e74657232", "68756E74657232", "104 117 110", "0x68,", "150 165 156", "1101000 1110101", "U+0068", "h u n"}

func requireNoLeak(t *testing.T, how, output string) {
	t.Helper()
	for _, leak := range leaks {
		require.NotContains(t, output, leak, "%s shows a secret", how)
	}
	require.Contains(t, output, "[redacted]", "%s does not say that something is hidden", how)
}

// secretHolder has a secret in every place where formatting by reflection might look.
type secretHolder struct {
	Exported credentials.Secret
	Pointer  *credentials.Secret
	List     []credentials.Secret
	Creds    credentials.Set
}

// Hidden fields are where fmt prints by reflection, without asking the secret.
func TestSecretInUnexportedFieldsIsNotShown(t *testing.T) {
	s := credentials.NewSecret([]byte(secretText))
	type inner struct{ s credentials.Secret }
	hidden := struct {
		s credentials.Secret
		p *credentials.Secret
		l []credentials.Secret
		c credentials.Set
		i inner
	}{s, &s, []credentials.Secret{s}, credentials.Set{"password": s}, inner{s}}
	for _, verb := range allVerbs {
		for name, v := range map[string]any{"value": hidden, "pointer": &hidden} {
			out := fmt.Sprintf(verb, v)
			for _, leak := range leaks {
				require.NotContains(t, out, leak, "%s under %s shows a secret", name, verb)
			}
		}
	}
}

var allVerbs = []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U", "%t", "%e", "% x", "%#x", "%20s", "%z"}

func TestSecretIsRedactedEverywhere(t *testing.T) {
	s := credentials.NewSecret([]byte(secretText))
	creds := credentials.Set{"password": s}
	values := map[string]any{
		"secret": s, "pointer": &s, "credentials": creds,
		"struct": secretHolder{s, &s, []credentials.Secret{s}, creds}, "list": []credentials.Secret{s},
	}
	for name, v := range values {
		for _, verb := range allVerbs {
			requireNoLeak(t, name+" under "+verb, fmt.Sprintf(verb, v))
		}
		requireNoLeak(t, name+" in Sprint", fmt.Sprint(v))
		requireNoLeak(t, name+" in an error", fmt.Errorf("log in with %v: %w", v, errors.New("no")).Error())

		b, err := json.Marshal(v)
		require.NoError(t, err)
		requireNoLeak(t, name+" in JSON", string(b))

		var text, asJSON bytes.Buffer
		slog.New(slog.NewTextHandler(&text, nil)).Info("log in", "with", v, slog.Group("g", "with", v))
		slog.New(slog.NewJSONHandler(&asJSON, nil)).Info("log in", "with", v, slog.Group("g", "with", v))
		requireNoLeak(t, name+" in a text log", text.String())
		requireNoLeak(t, name+" in a JSON log", asJSON.String())
	}
	b, err := xml.Marshal(s)
	require.NoError(t, err)
	requireNoLeak(t, "XML", string(b))
	require.Equal(t, "[redacted]", s.String())
	require.Equal(t, "[redacted]", s.GoString())
}

func TestSecretNeverAliases(t *testing.T) {
	given := []byte(secretText)
	s := credentials.NewSecret(given)
	clear(given)
	require.Equal(t, secretText, string(s.Reveal()), "wiping what it was made from wiped the secret")
	clear(s.Reveal())
	require.Equal(t, secretText, string(s.Reveal()), "wiping what was revealed wiped the secret")
	creds := credentials.Set{"a": s}
	clone := creds.Clone()
	clone["b"] = s
	require.Len(t, creds, 1, "a clone shares its map")
}

func TestSecretEqual(t *testing.T) {
	s := credentials.NewSecret([]byte(secretText))
	require.True(t, s.Equal(s.Clone()))
	require.False(t, s.Equal(credentials.NewSecret([]byte("hunter3"))))
	require.False(t, s.Equal(credentials.Secret{}))
	require.True(t, credentials.Secret{}.Equal(credentials.NewSecret(nil)), "two empty secrets differ")
}

// What was redacted must not come back as a secret of its own.
func TestSecretIsNotReadBackFromRedactedJSON(t *testing.T) {
	b, err := json.Marshal(credentials.Set{"password": credentials.NewSecret([]byte(secretText))})
	require.NoError(t, err)
	var c credentials.Set
	require.Error(t, json.Unmarshal(b, &c), "the word [redacted] became a secret")
}
