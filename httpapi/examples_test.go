package httpapi

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts/internal/desktest"
)

var update = flag.Bool("update", false, "write examples.json anew")

// chance is what differs each time: ids that are made, references and hashes.
var chance = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9a-f]{64}|[0-9a-f]{32}`)

// settled returns an answer with what differs each time put in order.
func settled(text string) json.RawMessage {
	seen := map[string]string{}
	return json.RawMessage(chance.ReplaceAllStringFunc(text, func(s string) string {
		if !strings.Contains(s, "-") {
			return strings.Repeat("5b", len(s)/2)
		}
		if seen[s] == "" {
			seen[s] = fmt.Sprintf("0192f0c1-2a6b-7c30-9f3e-5b8e6d1f4a%02d", 70+len(seen))
		}
		return seen[s]
	}))
}

// TestExamples: the answers in the description are what the API answers, and every call has one.
// With -update they are written anew.
func TestExamples(t *testing.T) {
	d := newTradingDesk(t)
	got := examples{Answers: map[string]json.RawMessage{}, Problems: map[string]json.RawMessage{}}
	at := "/profiles/" + string(d.ann.ID)
	ask := func(id, method, path string, body any, header ...string) {
		a := d.call("ann", method, path, body, header...)
		require.Less(t, a.StatusCode, 300, "%s: %s", id, a.text)
		if a.text != "" {
			got.Answers[id] = settled(a.text)
		}
	}
	fail := func(method, path string, body any, header ...string) {
		a := d.call("ann", method, path, body, header...)
		require.GreaterOrEqual(t, a.StatusCode, 400, "%s %s", method, path)
		got.Problems[fmt.Sprint(a.StatusCode)] = settled(a.text)
	}
	ask("", "PUT", at+"/credentials/gateway_login", `{"username":"trader","password":"correct horse battery staple","mode":"paper"}`)
	d.mark("ann", d.ann.ID)
	ask("checkOrder", "POST", at+"/orders/check", anOrder("10", "42"))
	ask("placeOrder", "POST", at+"/orders", anOrder("10", "42"), "Idempotency-Key", "k1")
	d.sync(t)
	ask("", "POST", at+"/orders", anOrder("-4", "40"), "Idempotency-Key", "k2")
	d.sync(t)
	ask("", "POST", at+"/orders", anOrder("5", "30"), "Idempotency-Key", "k3")
	d.sync(t)
	require.NoError(t, d.portfolio("ann", d.ann.ID).RecordEquity(owned("ann"), desktest.Now))
	for _, route := range d.api.routes {
		if route.method == "GET" && !route.stream && route.id != "getDescription" {
			path := strings.NewReplacer("{id}", string(d.ann.ID), "{position}", "STK:XYZ:USD", "{account}", "DU1000001").Replace(route.path)
			if route.id == "getActiveProfile" || strings.HasPrefix(path, "//") {
				continue
			}
			ask(route.id, "GET", path, nil)
		}
	}
	ask("", "DELETE", at+"/orders/api.k3", nil) // the broker may have told by now, or not
	d.sync(t)
	ask("cancelOrder", "DELETE", at+"/orders/api.k3", nil)
	ask("routeSignal", "POST", "/signals?dry_run=true", signalRoutes[0].sample)
	ask("createProfile", "POST", "/profiles", aBalanced)
	ask("setActiveProfile", "PUT", "/active-profile", `{"profile_id":"`+string(d.ann.ID)+`"}`)
	ask("getActiveProfile", "GET", "/active-profile", nil)
	ask("switchAccount", "POST", "/accounts/"+string(d.ann.ID)+"/switch", nil)
	ask("importStatements", "POST", at+"/statements?dry_run=true", strings.ReplaceAll(aStatement, "DU1000050", "DU1000001"), "Content-Type", "application/xml")
	fail("PATCH", at, `{"name":"B"}`)
	fail("PATCH", at, `{"name":"B"}`, "If-Match", `"77"`)
	fail("GET", "/profiles/none", nil)
	fail("GET", at+"/trades?limit=0", nil)
	fail("POST", at+"/orders", anOrder("0", "42"), "Idempotency-Key", "k4")
	fail("POST", at+"/orders", anOrder("9", "42"), "Idempotency-Key", "k1")
	ask("reduceProfile", "POST", at+"/reduce", sampleReason)
	ask("haltProfile", "POST", at+"/halt", sampleReason)
	fail("POST", at+"/orders", anOrder("10", "42"), "Idempotency-Key", "k5")
	ask("resumeProfile", "POST", at+"/resume", sampleReason)
	ask("haltAll", "POST", "/halt", sampleReason)
	ask("changeProfile", "PATCH", at, `{"name":"B"}`, "If-Match", `"1"`)
	ask("setLimits", "PUT", at+"/limits", sampleLimits, "If-Match", `"2"`)
	ask("archiveProfile", "POST", "/profiles/"+string(d.ann.ID)+"/archive", nil, "If-Match", `"3"`)
	got.Answers["getHealth"] = settled(d.do(request{method: "GET", path: "/healthz"}).want(t, 200).text)
	got.Answers["getReadiness"] = settled(d.do(request{method: "GET", path: "/readyz"}).want(t, 200).text)
	delete(got.Answers, "")

	for _, route := range d.api.routes {
		if route.action.out != nil && !route.stream && route.id != "getDescription" {
			require.Contains(t, got.Answers, route.id, "no example of the answer")
		}
	}
	text, err := json.Marshal(got)
	require.NoError(t, err)
	var lines bytes.Buffer
	require.NoError(t, json.Indent(&lines, text, "", "  "))
	lines.WriteByte('\n')
	if *update {
		require.NoError(t, os.WriteFile("examples.json", lines.Bytes(), 0o644))
		return
	}
	const anew = "the API answers otherwise: go test ./httpapi -run TestExamples -update"
	was := readExamples()
	for id, answer := range got.Answers {
		require.JSONEq(t, string(was.Answers[id]), string(answer), "%s: %s", id, anew)
	}
	require.JSONEq(t, string(exampleText), lines.String(), anew)
}
