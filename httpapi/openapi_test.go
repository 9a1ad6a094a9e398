package httpapi

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func jsonLogger(w *syncBuffer) *slog.Logger {
	return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// TestDescription: the description is served to everybody, is the same each time, and every schema in
// it is right and used.
func TestDescription(t *testing.T) {
	r := newRig(t)
	a := r.do(request{method: "GET", path: prefix + "/openapi.json"}).want(t, 200)
	require.Equal(t, string(r.api.OpenAPI()), a.text)
	again, err := New(t.Context(), r.config)
	require.NoError(t, err)
	require.True(t, bytes.Equal(again.OpenAPI(), r.api.OpenAPI()), "two APIs describe themselves differently")
	var doc struct {
		OpenAPI    string
		Paths      map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	require.NoError(t, json.Unmarshal([]byte(a.text), &doc))
	require.Equal(t, "3.1.0", doc.OpenAPI)
	for name := range doc.Components.Schemas {
		require.NotNil(t, r.spec.at(t, "components", "schemas", name))
		require.Contains(t, a.text, `"#/components/schemas/`+name+`"`, "nothing uses the schema %s", name)
	}
	for _, ref := range strings.Split(a.text, `"$ref":"#/components/schemas/`)[1:] {
		name, _, _ := strings.Cut(ref, `"`)
		require.Contains(t, doc.Components.Schemas, name, "a reference leads nowhere")
	}
	for _, route := range r.api.routes {
		require.Contains(t, doc.Paths[route.full()], strings.ToLower(route.method))
	}
}

// FuzzBody: whatever is in a body, reading it ends, and what is accepted is what the library takes.
func FuzzBody(f *testing.F) {
	r := newRig(f)
	var targets []*route
	for _, route := range r.api.routes {
		if route.action.in != nil {
			targets = append(targets, route)
			f.Add(byte(len(targets)-1), []byte(route.sample))
		}
	}
	for _, text := range []string{"", "null", `{"a":1,"a":2}`, `{"limits":{"mark_age":"9999999h"}}`, `{"quantity":"-0","expiry":"0000-00-00"}`, `[[[[`, "\xff", `{"gateway":null}`} {
		f.Add(byte(0), []byte(text))
		f.Add(byte(1), []byte(text))
	}
	f.Fuzz(func(t *testing.T, which byte, body []byte) {
		route := targets[int(which)%len(targets)]
		into := reflect.New(route.action.in).Interface()
		err := r.api.decodeInto(bytes.Clone(body), route, into)
		if err != nil {
			p, log := problemOf(err, route.action.in)
			require.False(t, log, "a body is no operator's matter: %v", err)
			require.Less(t, p.Status, 500)
			text, err := json.Marshal(p)
			require.NoError(t, err)
			require.Less(t, len(text), 1<<16, "the problem is larger than the body may be")
			return
		}
		var v any
		require.NoError(t, json.Unmarshal(body, &v), "what is no JSON was accepted")
	})
}
