package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"}

// fillPath puts values into a route's pattern.
func fillPath(r *route, id string) string {
	return strings.NewReplacer("{id}", url.PathEscape(id), "{position}", "STK:XYZ:USD", "{order}", "api.none", "{kind}", "gateway_session",
		"{broker_id}", "17", "{account}", "DU1000001").Replace(r.full())
}

// headers are what a right request of a route has besides.
func headers(r *route) map[string]string {
	h := map[string]string{}
	for _, p := range r.params {
		switch p.name {
		case keyParam.name:
			h[p.name] = "walk"
		case matchParam.name:
			h[p.name] = `"77"`
		}
	}
	if r.upload {
		h["Content-Type"] = "application/xml"
	}
	return h
}

// walk calls f for every route but the streams.
func (r *rig) walk(f func(route *route)) {
	for _, route := range r.api.routes {
		if !route.stream {
			f(route)
		}
	}
}

// never requires that an answer is no 500.
func never(t *testing.T, a response, what string, args ...any) {
	t.Helper()
	require.NotEqual(t, 500, a.StatusCode, "%s: %s", fmt.Sprintf(what, args...), a.text)
	require.Greater(t, a.StatusCode, 199)
	if a.StatusCode >= 400 && a.Request == nil && a.text != "" {
		var p Problem
		require.NoError(t, json.Unmarshal([]byte(a.text), &p), a.text)
		require.Contains(t, codes, p.Code)
	}
}

// TestEveryMethod: what a path does not take is 405, with what the path takes.
func TestEveryMethod(t *testing.T) {
	r := newRig(t)
	takes := map[string]map[string]bool{}
	for _, route := range r.api.routes {
		if takes[route.full()] == nil {
			takes[route.full()] = map[string]bool{}
		}
		takes[route.full()][route.method] = true
	}
	for _, route := range r.api.routes {
		for _, method := range methods {
			taken := takes[route.full()][method] || method == "HEAD" && takes[route.full()]["GET"] && !route.stream
			if taken {
				continue
			}
			a := r.do(request{token: "ann", method: method, path: fillPath(route, "x"), body: "{}"})
			require.Equal(t, 405, a.StatusCode, "%s %s", method, route.path)
			require.NotEmpty(t, a.Header.Get("Allow"))
		}
	}
	for _, path := range []string{"/", "/api", "/api/v1", "/api/v1/", "/api/v1/profiles/", "/api/v1//profiles", "/api/v1/profiles/../profiles", "/api/v2/profiles", "/api/v1/profiles/%2e%2e/x", "/favicon.ico"} {
		for _, method := range methods {
			a := r.do(request{token: "ann", method: method, path: path})
			require.Equal(t, 404, a.StatusCode, "%s %s: %s", method, path, a.text)
		}
	}
}

// TestEveryRouteAuthenticates: without a token nothing is told, and a right is needed for each call.
func TestEveryRouteAuthenticates(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	for _, route := range r.api.routes {
		if route.raw {
			continue
		}
		path := fillPath(route, string(p.ID))
		for _, token := range []string{"", "wrong", "ann "} {
			a := r.do(request{token: token, method: route.method, path: path, body: route.sample, header: headers(route)})
			a.problem(t, CodeUnauthenticated)
			require.Contains(t, a.Header.Get("WWW-Authenticate"), "Bearer")
		}
		r.auth.set("less", Caller{Name: "less", Owner: "ann", Rights: AllRights &^ route.right})
		problem := r.do(request{token: "less", method: route.method, path: path, body: route.sample, header: headers(route)}).problem(t, CodeForbidden)
		require.Contains(t, problem.Detail, route.right.String())
		if route.method != "GET" {
			h := headers(route)
			h["Sec-Fetch-Site"] = "cross-site"
			r.do(request{token: "ann", method: route.method, path: path, body: route.sample, header: h}).problem(t, CodeCrossOrigin)
		}
	}
}

// TestEveryRouteIsolates: what is another owner's does not exist, whatever the call.
func TestEveryRouteIsolates(t *testing.T) {
	r := newRig(t)
	r.profile("ann", "A", "DU1000001")
	other := r.profile("bob", "B", "DU1000002")
	look := func() string { // the journal tells of attempts on credentials: number and hash of its end apart
		var s accounts.Snapshot
		r.call("bob", "GET", "/profiles/"+string(other.ID)+"/snapshot", nil).want(t, 200, &s)
		s.Seq, s.Hash = 0, accounts.Hash{}
		text, err := json.Marshal(s)
		require.NoError(t, err)
		return string(text)
	}
	before := look()
	for _, id := range []string{string(other.ID), "nobody", "x y", strings.Repeat("a", 51), "ä", "a\x00b", "..%2f", "%"} {
		r.walk(func(route *route) {
			if !strings.Contains(route.path, "{id}") {
				return
			}
			h := headers(route)
			h["If-Match"] = `"1"`
			a := r.do(request{token: "ann", method: route.method, path: fillPath(route, id), body: route.sample, header: h})
			a.problem(t, CodeProfileNotFound)
			require.NotContains(t, a.text, "DU1000002")
		})
	}
	require.Equal(t, before, look(), "nothing of the other's changed")
	var list profileList
	r.call("ann", "GET", "/profiles", nil).want(t, 200, &list)
	require.Len(t, list.Profiles, 1)
	r.call("ann", "GET", "/comparison?profiles="+string(other.ID), nil).problem(t, CodeProfileNotFound)
	r.call("ann", "GET", "/portfolios/account/DU1000002", nil).problem(t, CodeProfileNotFound)
	r.call("ann", "POST", "/halt", sampleReason).want(t, 200)
	require.Equal(t, before, look(), "the kill switch is the owner's alone")
}

// bodies are wrong in every kind of way.
func bodies(sample string) []string {
	list := []string{"", "{", "null", "[]", "17", `""`, "{}", `{"":1}`, `{"a":{"b":{"c":null}}}`, strings.Repeat(`{"a":`, 500), "\x00", "\xff\xfe",
		strings.Repeat("[", 10000), `{"reason":"` + strings.Repeat("x", 600) + `"}`, `{"reason":"a\u0000b"}`, `{"reason":"äöü€"}`}
	var fields map[string]any
	if json.Unmarshal([]byte(sample), &fields) != nil {
		return list
	}
	for name := range fields {
		for _, wrong := range []any{nil, true, 1.5, -1, 1e300, "", "x", strings.Repeat("y", 3000), []any{}, []any{nil}, map[string]any{}, map[string]any{"z": 1}, "1e999", "NaN", "-0", "\x00", "💸"} {
			changed := map[string]any{}
			for n, v := range fields {
				changed[n] = v
			}
			changed[name] = wrong
			text, _ := json.Marshal(changed)
			list = append(list, string(text))
		}
		text, _ := json.Marshal(map[string]any{name: fields[name]})
		list = append(list, string(text))
	}
	return list
}

// TestEveryRouteBadInput: whatever is sent, the answer is a valid problem and no 500.
func TestEveryRouteBadInput(t *testing.T) {
	for name, open := range map[string]func(testing.TB) accounts.Store{"memory": newMemory, "PostgreSQL": newPostgres} {
		t.Run(name, func(t *testing.T) {
			r := newRigOn(t, open(t), func(c *Config) { c.MaxBody = 20000 })
			badInput(t, r)
			require.Empty(t, r.log.String())
		})
	}
}

// badInput makes requests that are wrong, of every route.
func badInput(t *testing.T, r *rig) {
	p := r.profile("ann", "A", "DU1000001")
	r.walk(func(route *route) {
		path := fillPath(route, string(p.ID))
		for _, body := range bodies(route.sample) {
			a := r.do(request{token: "ann", method: route.method, path: path, body: body, header: headers(route)})
			never(t, a, "%s %s with %.100q", route.method, path, body)
			if route.action.in != nil && a.StatusCode < 300 {
				require.True(t, json.Valid([]byte(body)), "accepted %q", body)
			}
		}
		if route.action.in != nil {
			for _, kind := range []string{"", "text/plain", "application/xml", "multipart/form-data", "application/x-www-form-urlencoded", ";", "application/json; charset"} {
				h := headers(route)
				h["Content-Type"] = kind
				r.do(request{token: "ann", method: route.method, path: path, body: route.sample, header: h}).problem(t, CodeNotAcceptable)
			}
			r.do(request{token: "ann", method: route.method, path: path, body: strings.Repeat(" ", 20001), header: headers(route)}).problem(t, CodeTooLarge)
		}
		for _, query := range []string{"?x=1", "?limit=1&limit=2", "?limit=9999999999999999999", "?limit=NaN", "?cursor=%00", "?cursor=" + strings.Repeat("a", 400),
			"?from=0001-01-01T00:00:00Z", "?from=2026-13-45", "?to=%ff", "?a;b", "?%zz=1", "?profiles=" + strings.Repeat("a,", 200), "?status=,", "?dry_run=maybe", "?instrument=",
			"?ibkr_account_id=%00", "?capital_level=25K%00", "?profile=%00", "?instrument=%00", "?account=%27", "?state=working&cursor=" + cursor("working", "zz"),
			"?cursor=" + cursor("profiles", "a\x00"), "?cursor=" + cursor("profiles", "'; --"), "?cursor=" + cursor("trades", "-1"),
			"?cursor=" + cursor("trades", "9223372036854775807"), "?cursor=" + cursor("closings", "3"), "?cursor=" + cursor("closings", "9223372036854775807"), "?cursor=" + cursor("equity", "9223372036854775807"),
			"?cursor=" + cursor("activity-newest", "9223372036854775807"), "?order=oldest&cursor=" + cursor("activity", "9223372036854775807"), "?cursor=" + cursor("positions", "x")} {
			a := r.do(request{token: "ann", method: route.method, path: path + query, body: route.sample, header: headers(route)})
			never(t, a, "%s %s", route.method, path+query)
			if !route.raw && strings.HasPrefix(query, "?x") {
				a.problem(t, CodeInvalid)
			}
		}
		for name := range headers(route) {
			for _, wrong := range []string{"", "\"", "W/\"1\"", strings.Repeat("k", 300), "a,b", "\x01"} {
				h := headers(route)
				h[name] = wrong
				never(t, r.do(request{token: "ann", method: route.method, path: path, body: route.sample, header: h}), "%s %s with %s: %q", route.method, path, name, wrong)
			}
		}
	})
}

// TestEveryRouteEndedContext: a client that has left, and time that is over, are no 500.
func TestEveryRouteEndedContext(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	ended, cancel := context.WithCancel(context.Background())
	cancel()
	late, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
	defer cancel()
	r.walk(func(route *route) {
		h := headers(route)
		if h["If-Match"] != "" {
			h["If-Match"] = `"1"`
		}
		for _, ctx := range []context.Context{ended, late} {
			never(t, r.do(request{token: "ann", method: route.method, path: fillPath(route, string(p.ID)), body: route.sample, header: h, ctx: ctx}),
				"%s %s with an ended context", route.method, route.path)
		}
	})
}

// TestEveryRouteClosed: a manager that is closed makes the service unavailable, and nothing worse.
func TestEveryRouteClosed(t *testing.T) {
	r := newRig(t)
	p := r.profile("ann", "A", "DU1000001")
	require.NoError(t, r.manager.Close())
	r.walk(func(route *route) {
		a := r.do(request{token: "ann", method: route.method, path: fillPath(route, string(p.ID)), body: route.sample, header: headers(route)})
		never(t, a, "%s %s of a closed manager", route.method, route.path)
		if a.StatusCode == http.StatusServiceUnavailable {
			require.NotEmpty(t, a.Header.Get("Retry-After"))
		}
	})
	r.do(request{method: "GET", path: "/readyz"}).problem(t, CodeUnavailable)
	r.do(request{method: "GET", path: "/healthz"}).want(t, 200)
}

// TestSamples: the description's examples are right.
func TestSamples(t *testing.T) {
	r := newRig(t)
	for _, route := range r.api.routes {
		require.Equal(t, route.action.in != nil, route.sample != "", "%s: a body has an example", route.id)
		if route.action.in == nil {
			continue
		}
		check(t, r.spec.at(t, "paths", route.full(), strings.ToLower(route.method), "requestBody", "content", "application/json", "schema"), route.sample, "the example of "+route.id)
	}
	var ids = map[string]bool{}
	for _, route := range r.api.routes {
		require.False(t, ids[route.id], "%s comes twice", route.id)
		ids[route.id] = true
		require.Contains(t, tagTexts, route.tag)
		require.NotEmpty(t, route.text)
		for _, code := range route.problems() {
			require.Contains(t, codes, code)
		}
		if !route.raw {
			require.NotZero(t, route.right, "%s needs no right", route.id)
		}
	}
}
