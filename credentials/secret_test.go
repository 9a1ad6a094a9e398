package credentials_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/davecgh/go-spew/spew"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/invalid"
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

func secretOf(s string) credentials.Secret { return credentials.NewSecret([]byte(s)) }

// Printers that walk values by reflection, unexported fields and pointers too, do not come to the bytes.
func TestReflectionDoesNotReachASecret(t *testing.T) {
	s := secretOf(secretText)
	hidden := struct {
		s credentials.Secret
		p *credentials.Secret
		c credentials.Set
	}{s, &s, credentials.Set{"password": s}}
	raw := spew.ConfigState{DisableMethods: true, DisablePointerMethods: true, Indent: " "}
	for how, text := range map[string]string{"spew": spew.Sdump(hidden, &hidden), "spew without methods": raw.Sdump(hidden, &hidden)} {
		for _, leak := range leaks {
			require.NotContains(t, text, leak, "%s shows a secret", how)
		}
	}
	var failed recorder
	require.Equal(&failed, hidden.c, credentials.Set{"password": secretOf("other")})
	for _, leak := range leaks {
		require.NotContains(t, failed.text, leak, "a failed assertion shows a secret")
	}
}

// recorder is a test that fails on purpose.
type recorder struct{ text string }

func (r *recorder) Errorf(format string, args ...any) { r.text += fmt.Sprintf(format, args...) }

func (r *recorder) FailNow() {}

func TestSecretCannotBeEncodedNorReadBack(t *testing.T) {
	type holder struct {
		S credentials.Secret
		A credentials.Secret `xml:",attr"`
	}
	v := holder{secretOf(secretText), secretOf(secretText)}
	var asGob bytes.Buffer
	require.NoError(t, gob.NewEncoder(&asGob).Encode(v))
	require.NotContains(t, asGob.String(), secretText, "gob shows a secret")
	asXML, err := xml.Marshal(v)
	require.NoError(t, err)
	requireNoLeak(t, "XML", string(asXML))
	asJSON, err := json.Marshal(v)
	require.NoError(t, err)
	requireNoLeak(t, "JSON", string(asJSON))
	var back holder
	require.ErrorIs(t, gob.NewDecoder(&asGob).Decode(&back), invalid.Err, "gob made a secret of nothing")
	require.ErrorIs(t, json.Unmarshal(asJSON, &back), invalid.Err, "JSON made a secret of nothing")
	require.ErrorIs(t, xml.Unmarshal(asXML, &back), invalid.Err, "XML made a secret of nothing")
}

func TestWipe(t *testing.T) {
	s := secretOf(secretText)
	shared, own := s, s.Clone()
	s.Wipe()
	require.Equal(t, make([]byte, len(secretText)), shared.Reveal(), "a copy kept what was wiped")
	require.Equal(t, secretText, string(own.Reveal()), "a clone was wiped too")
	credentials.Secret{}.Wipe()
	require.Zero(t, credentials.Secret{}.Len())
}
