package httpapi

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
)

const goodToken = "Zk3-9fQ_aL0xT7wE"

func TestBearerToken(t *testing.T) {
	caller := Caller{Name: "me", Rights: Read}
	for _, weak := range []string{"", "short", strings.Repeat("a", 40), "abcdefgabcdefgabcdefg", "has a space in the middle", "ümläut-ümläut-ümläut-", goodToken + "\n"} {
		_, err := NewBearerToken(weak, caller)
		require.ErrorIs(t, err, accounts.ErrInvalid, "%q must not be taken", weak)
		if len(weak) > 5 {
			require.NotContains(t, err.Error(), weak, "no error has a token")
		}
	}
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(goodToken+"\n"), 0o600))
	fromFile, err := BearerTokenFromFile(file, caller)
	require.NoError(t, err)
	_, err = BearerTokenFromFile(file+"x", caller)
	require.ErrorIs(t, err, os.ErrNotExist)
	t.Setenv("ACCOUNTS_TEST_TOKEN", goodToken)
	fromEnv, err := BearerTokenFromEnv("ACCOUNTS_TEST_TOKEN", caller)
	require.NoError(t, err)
	_, err = BearerTokenFromEnv("ACCOUNTS_TEST_NONE", caller)
	require.ErrorIs(t, err, accounts.ErrInvalid)
	for _, auth := range []*BearerToken{fromFile, fromEnv} {
		for header, known := range map[string]bool{"Bearer " + goodToken: true, "bearer " + goodToken: true, "Basic " + goodToken: false,
			"Bearer " + goodToken + "x": false, "Bearer": false, "": false, goodToken: false, "Bearer  " + goodToken: false} {
			req := httptest.NewRequest("GET", "/", nil)
			req.Header.Set("Authorization", header)
			got, err := auth.Authenticate(req)
			if known {
				require.NoError(t, err, header)
				require.Equal(t, caller, got)
				continue
			}
			require.ErrorIs(t, err, ErrUnauthenticated, header)
		}
		req := httptest.NewRequest("GET", "/", nil)
		req.Header["Authorization"] = []string{"Bearer " + goodToken, "Bearer x"}
		_, err := auth.Authenticate(req)
		require.ErrorIs(t, err, ErrUnauthenticated, "two tokens are none")
	}
}

func TestLoopback(t *testing.T) {
	auth := Loopback{Caller{Name: "me", Rights: AllRights}}
	for address, known := range map[string]bool{"127.0.0.1:5": true, "127.9.9.9:5": true, "[::1]:5": true, "[::1%lo]:5": true, "10.0.0.1:5": false, "@": false,
		"": false, "192.168.1.1:80": false, "[::ffff:127.0.0.1]:80": true, "localhost:80": false} {
		req := httptest.NewRequest("GET", "/", nil)
		req.RemoteAddr = address
		_, err := auth.Authenticate(req)
		require.Equal(t, known, err == nil, "%q", address)
		for _, header := range []string{"X-Forwarded-For", "Forwarded", "Via"} {
			req.Header.Set(header, "127.0.0.1")
			_, err = auth.Authenticate(req)
			require.ErrorIs(t, err, ErrUnauthenticated, "%s says that the request came from elsewhere", header)
			req.Header.Del(header)
		}
	}
}

// TestHosts: a name that somebody else owns cannot be pointed at a service on loopback.
func TestHosts(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Auth = Loopback{Caller{Name: "me", Owner: "ann", Rights: AllRights}} })
	for host, status := range map[string]int{"localhost": 200, "localhost:8080": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200, "LOCALHOST": 200,
		"evil.example": 421, "localhost.evil.example": 421, "": 421, "10.0.0.1": 421} {
		req := httptest.NewRequest("GET", "/api/v1/profiles", nil)
		req.Host, req.RemoteAddr = host, "127.0.0.1:1234"
		rec := httptest.NewRecorder()
		r.api.ServeHTTP(rec, req)
		require.Equal(t, status, rec.Code, "%q: %s", host, rec.Body)
	}
}

// TestOwners: who is nobody's sees nothing of a service for owners, and the system sees all.
func TestOwners(t *testing.T) {
	r := newRig(t)
	r.profile("ann", "A", "DU1000001")
	r.profile("bob", "B", "DU1000002")
	r.auth.set("nobody", Caller{Name: "nobody", Rights: AllRights})
	r.auth.set("system", Caller{Name: "system", System: true, Rights: AllRights})
	r.call("nobody", "GET", "/profiles", nil).problem(t, CodeForbidden)
	var list profileList
	r.call("system", "GET", "/profiles", nil).want(t, 200, &list)
	require.Len(t, list.Profiles, 2)
}

func TestWrongConfigs(t *testing.T) {
	_, err := New(t.Context(), Config{Timeout: -1, StatementTimeout: -1, KeepAlive: -1, MaxBody: -1, MaxStatement: -1, MaxStreams: -1, MaxStreamsEach: -1})
	var fields *accounts.ValidationError
	require.True(t, errors.As(err, &fields))
	require.Len(t, fields.Fields, 9, "every wrong field is named: %v", err)
}

func TestRights(t *testing.T) {
	require.Equal(t, "read,check,trade,halt,resume,record,administer", AllRights.String())
	require.True(t, AllRights.Has(Halt|Resume))
	require.False(t, (Read | Halt).Has(Halt|Resume))
	require.Equal(t, "", Rights(0).String())
}

// What is guarded is served by the API's rules.
func TestGuard(t *testing.T) {
	r := newRig(t, func(c *Config) { c.Hosts = []string{"api.example"} })
	r.auth.set("reader", Caller{Name: "reader", Owner: "ann", Rights: Read})
	guarded := r.api.Guard(Halt, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "served") }))
	for what, c := range map[string]struct {
		host, token, site string
		status            int
	}{
		"a caller with the right": {"api.example", "ann", "", http.StatusOK},
		"nobody":                  {"api.example", "", "", http.StatusUnauthorized},
		"a caller without it":     {"api.example", "reader", "", http.StatusForbidden},
		"another host":            {"rebound.example", "ann", "", http.StatusMisdirectedRequest},
		"another site's page":     {"api.example", "ann", "cross-site", http.StatusForbidden},
	} {
		req := httptest.NewRequest(http.MethodPost, "/metrics", nil)
		req.Host = c.host
		req.Header.Set("Authorization", "Bearer "+c.token)
		if c.site != "" {
			req.Header.Set("Sec-Fetch-Site", c.site)
		}
		rec := httptest.NewRecorder()
		guarded.ServeHTTP(rec, req)
		require.Equal(t, c.status, rec.Code, what)
		require.NotEmpty(t, rec.Header().Get("X-Request-Id"), what)
		require.Equal(t, c.status == http.StatusOK, rec.Body.String() == "served", "%s: %s", what, rec.Body)
		require.Equal(t, "no-store", rec.Header().Get("Cache-Control"), what)
	}
}

// A page of another site reads nothing by itself, and opens no stream; a person who follows its link does.
func TestForeign(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{"/profiles", "/events", "/comparison"} {
		for _, from := range []string{"cross-site", "same-site"} {
			r.do(request{token: "ann", method: http.MethodGet, path: prefix + path, header: map[string]string{"Sec-Fetch-Site": from, "Sec-Fetch-Mode": "no-cors"}}).problem(t, CodeCrossOrigin)
		}
	}
	for from, mode := range map[string]string{"cross-site": "navigate", "same-origin": "cors", "none": "navigate", "": ""} {
		r.do(request{token: "ann", method: http.MethodGet, path: prefix + "/profiles", header: map[string]string{"Sec-Fetch-Site": from, "Sec-Fetch-Mode": mode}}).want(t, 200)
	}
}
