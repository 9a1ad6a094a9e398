package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/jmoiron/sqlx"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials/memcreds"
	"github.com/ai-ots/accounts/internal/desktest"
	"github.com/ai-ots/accounts/internal/pgtest"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/store/memstore"
	"github.com/ai-ots/accounts/store/pgstore"
)

func TestMain(m *testing.M) { pgtest.Main(m) } // which looks for goroutines that are left, too

// newPostgres returns a store on PostgreSQL.
func newPostgres(t testing.TB) accounts.Store {
	t.Helper()
	db, err := sqlx.Open("pgx", pgtest.Database(t))
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	require.NoError(t, pgstore.Migrate(t.Context(), db))
	store, err := pgstore.New(t.Context(), db)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

var dec = desktest.Dec

// tokens is an authenticator that knows callers by their tokens, and can forget them.
type tokens struct {
	mu      sync.Mutex
	callers map[string]Caller
}

func (k *tokens) Authenticate(r *http.Request) (Caller, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	caller, known := k.callers[token]
	if !known {
		return Caller{}, ErrUnauthenticated
	}
	return caller, nil
}

func (k *tokens) set(token string, c Caller) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.callers[token] = c
}

func (k *tokens) forget(token string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.callers, token)
}

// rig is an API on a store in memory, with two owners, ann and bob, whose tokens are their names.
type rig struct {
	t       testing.TB
	store   accounts.Store
	manager *accounts.MultiAccountManager
	auth    *tokens
	api     *API
	log     *syncBuffer
	spec    *spec
	engine  func(accounts.ProfileID) Engine
	config  Config
}

// syncBuffer is a buffer for logs.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newRig(t testing.TB, change ...func(*Config)) *rig {
	t.Helper()
	return newRigOn(t, newMemory(t), change...)
}

// newMemory returns a store in memory.
func newMemory(t testing.TB) accounts.Store {
	store := memstore.New()
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	return store
}

// newRigOn returns a rig on a store.
func newRigOn(t testing.TB, store accounts.Store, change ...func(*Config)) *rig {
	t.Helper()
	creds := memcreds.New()
	m, err := accounts.New(store, accounts.WithClock(func() time.Time { return desktest.Now }), accounts.RequireOwner(),
		accounts.WithCredentialStore(creds))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()); require.NoError(t, creds.Close()) })
	r := &rig{t: t, store: store, manager: m, log: &syncBuffer{}, auth: &tokens{callers: map[string]Caller{}}}
	for _, name := range []string{"ann", "bob"} {
		r.auth.set(name, Caller{Name: name, Owner: accounts.OwnerID(name), Rights: AllRights})
	}
	life, end := context.WithCancel(context.Background())
	t.Cleanup(end)
	r.config = Config{Manager: m, Auth: r.auth, Logger: jsonLogger(r.log), Engine: func(id accounts.ProfileID) Engine {
		if r.engine == nil {
			return nil
		}
		return r.engine(id)
	}}
	for _, f := range change {
		f(&r.config)
	}
	r.api, err = New(life, r.config)
	require.NoError(t, err)
	r.spec = newSpec(t, r.api)
	return r
}

// owned is a context of an owner.
func owned(name string) context.Context {
	return accounts.WithOwner(context.Background(), accounts.OwnerID(name))
}

// profile makes a profile of an owner that holds 10 XYZ bought at 40, with 100,000 in cash, and marks.
func (r *rig) profile(owner, name, account string) accounts.AccountProfile {
	r.t.Helper()
	p := accounts.Optimal100K(account)
	p.Name, p.Limits = name, desktest.Loose()
	created, err := r.manager.CreateProfile(owned(owner), p)
	require.NoError(r.t, err)
	portfolio := r.portfolio(owner, created.ID)
	_, err = portfolio.Record(owned(owner),
		ledger.CashMovement{ID: "d", Kind: ledger.Deposit, Currency: "USD", Amount: dec("100000"), Time: desktest.At(0)},
		ledger.Trade{ExecID: "e-1", Instrument: desktest.XYZ, Quantity: dec("10"), Price: dec("40"), Commission: dec("1"), Time: desktest.At(1)},
		ledger.Trade{ExecID: "e-2", Instrument: desktest.ABC, Quantity: dec("10"), Price: dec("20"), Commission: dec("1"), Time: desktest.At(2)},
		ledger.Trade{ExecID: "e-3", Instrument: desktest.ABC, Quantity: dec("-10"), Price: dec("25"), Commission: dec("1"), Time: desktest.At(3)})
	require.NoError(r.t, err)
	r.mark(owner, created.ID)
	require.NoError(r.t, portfolio.RecordEquity(owned(owner), desktest.Now))
	return created
}

func (r *rig) portfolio(owner string, id accounts.ProfileID) *accounts.Portfolio {
	r.t.Helper()
	p, err := r.manager.Portfolio(owned(owner), id)
	require.NoError(r.t, err)
	return p
}

func (r *rig) mark(owner string, id accounts.ProfileID) {
	r.t.Helper()
	require.NoError(r.t, r.portfolio(owner, id).Mark(
		ledger.Mark{Instrument: desktest.XYZ, Price: dec("41"), Time: desktest.Now},
		ledger.Mark{Instrument: desktest.ABC, Price: dec("25"), Time: desktest.Now}))
}

// request is a request of a test.
type request struct {
	token, method, path string
	body                string
	header              map[string]string
	ctx                 context.Context
}

// response is an answer, which was held against the description.
type response struct {
	*http.Response
	text string
}

// do makes a request, and holds it and its answer against the description.
func (r *rig) do(in request) response {
	r.t.Helper()
	ctx := in.ctx
	if ctx == nil {
		ctx = context.Background()
	}
	req := httptest.NewRequestWithContext(ctx, in.method, in.path, strings.NewReader(in.body))
	if in.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if in.token != "" {
		req.Header.Set("Authorization", "Bearer "+in.token)
	}
	for name, value := range in.header {
		if value == "" {
			req.Header.Del(name)
			continue
		}
		req.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	r.api.ServeHTTP(rec, req)
	text, err := io.ReadAll(rec.Result().Body)
	require.NoError(r.t, err)
	out := response{rec.Result(), string(text)}
	r.spec.hold(r.t, r.api, req, in.body, out)
	return out
}

// call is do with a token, a body of any kind and headers in pairs.
func (r *rig) call(token, method, path string, body any, header ...string) response {
	r.t.Helper()
	in := request{token: token, method: method, path: prefix + path, header: map[string]string{}}
	switch b := body.(type) {
	case nil:
	case string:
		in.body = b
	default:
		text, err := json.Marshal(b)
		require.NoError(r.t, err)
		in.body = string(text)
	}
	for i := 0; i+1 < len(header); i += 2 {
		in.header[header[i]] = header[i+1]
	}
	return r.do(in)
}

// want requires a status, and reads the answer.
func (a response) want(t testing.TB, status int, into ...any) response {
	t.Helper()
	require.Equal(t, status, a.StatusCode, "another status than expected: %s", a.text)
	for _, v := range into {
		require.NoError(t, json.Unmarshal([]byte(a.text), v), "the answer cannot be read: %s", a.text)
	}
	return a
}

// problem requires a problem of a code.
func (a response) problem(t testing.TB, code Code) Problem {
	t.Helper()
	var p Problem
	require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"), "no problem: %s", a.text)
	require.NoError(t, json.Unmarshal([]byte(a.text), &p))
	require.Equal(t, code, p.Code, "another problem than expected: %s", a.text)
	require.Equal(t, codes[code].status, a.StatusCode)
	require.Equal(t, a.StatusCode, p.Status)
	return p
}

// fields returns the wrong fields of a problem.
func (p Problem) fields() (list []string) {
	for _, e := range p.Errors {
		list = append(list, e.Field+" "+e.Code)
	}
	return list
}

// spec is the description, closed: nothing may be in an answer that the description does not have.
type spec struct {
	doc      map[string]any
	compiler *jsonschema.Compiler
	mu       sync.Mutex
	compiled map[string]*jsonschema.Schema
}

func newSpec(t testing.TB, api *API) *spec {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(api.OpenAPI()))
	require.NoError(t, err)
	s := &spec{doc: doc.(map[string]any), compiler: jsonschema.NewCompiler(), compiled: map[string]*jsonschema.Schema{}}
	closeObjects(s.doc["components"])
	s.compiler.AssertFormat()
	require.NoError(t, s.compiler.AddResource("api.json", s.doc))
	return s
}

// closeObjects lets the objects of schemas have no other properties than those described.
func closeObjects(v any) {
	switch v := v.(type) {
	case map[string]any:
		_, has := v["properties"].(map[string]any)
		for _, inner := range v {
			closeObjects(inner)
		}
		if has && v["type"] == "object" {
			v["additionalProperties"] = false
		}
	case []any:
		for _, inner := range v {
			closeObjects(inner)
		}
	}
}

// at returns the schema at a place in the description; nil if there is none.
func (s *spec) at(t testing.TB, path ...string) *jsonschema.Schema {
	t.Helper()
	var v any = s.doc
	pointer := ""
	for _, name := range path {
		m, _ := v.(map[string]any)
		if v = m[name]; v == nil {
			return nil
		}
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D").Replace(name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.compiled[pointer] == nil {
		compiled, err := s.compiler.Compile("api.json#" + pointer)
		require.NoError(t, err, "the schema at %s is wrong", pointer)
		s.compiled[pointer] = compiled
	}
	return s.compiled[pointer]
}

// check holds a JSON text against a schema.
func check(t testing.TB, s *jsonschema.Schema, text, what string) {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	require.NoError(t, err, "%s is no JSON: %s", what, text)
	if err := s.Validate(v); err != nil {
		require.NoError(t, err, "%s is not as described: %s", what, text)
	}
}

// hold holds a request and its answer against the description.
func (s *spec) hold(t testing.TB, api *API, req *http.Request, body string, out response) {
	t.Helper()
	require.Equal(t, "no-store", out.Header.Get("Cache-Control"))
	require.Equal(t, "nosniff", out.Header.Get("X-Content-Type-Options"))
	require.NotEmpty(t, out.Header.Get("X-Request-Id"))
	for _, inside := range []string{"goroutine", "memstore", ".go:", "json:", "sql", "profile \"", "panic"} {
		require.NotContains(t, strings.ToLower(out.text), inside, "the answer tells of the inside")
	}
	kind := out.Header.Get("Content-Type")
	problem := kind == "application/problem+json"
	_, pattern := api.mux.Handler(req)
	method := strings.ToLower(req.Method)
	if method == "head" {
		require.Empty(t, out.text, "HEAD has no body")
		return
	}
	if problem {
		check(t, s.at(t, "components", "schemas", "Problem"), out.text, "the problem")
	}
	status := strconv.Itoa(out.StatusCode)
	general := out.StatusCode == 405 || out.StatusCode == statusCanceled || out.StatusCode == http.StatusMisdirectedRequest ||
		pattern == "/" || pattern == "" || out.StatusCode == 404 && strings.Contains(out.text, `"not_found"`)
	if general {
		require.True(t, problem, "%s %s: %s", req.Method, req.URL, out.text)
		return
	}
	answer := []string{"paths", pattern, method, "responses", status}
	if out.StatusCode == http.StatusNoContent {
		require.Empty(t, out.text)
		return
	}
	schema := s.at(t, append(answer, "content", kind, "schema")...)
	require.NotNil(t, schema, "%s %s: status %s of type %q is not described: %s", req.Method, req.URL, status, kind, out.text)
	if !strings.HasPrefix(kind, "text/") && pattern != prefix+"/openapi.json" {
		check(t, schema, out.text, fmt.Sprintf("the answer to %s %s", req.Method, req.URL))
	}
	described := s.doc["paths"].(map[string]any)[pattern].(map[string]any)[method].(map[string]any)["responses"].(map[string]any)[status].(map[string]any)["headers"].(map[string]any)
	for _, name := range []string{"X-Request-Id", "ETag", "Retry-After", "WWW-Authenticate"} {
		_, promised := described[name]
		require.Equal(t, promised, out.Header.Get(name) != "", "%s %s, status %s: the header %s", req.Method, req.URL, status, name)
	}
	if problem {
		codes := s.doc["paths"].(map[string]any)[pattern].(map[string]any)[method].(map[string]any)["responses"].(map[string]any)[status].(map[string]any)["x-codes"]
		var p Problem
		require.NoError(t, json.Unmarshal([]byte(out.text), &p))
		require.Contains(t, codes, string(p.Code), "%s %s: the problem's code is not described", req.Method, req.URL)
		return
	}
	if asked := s.at(t, "paths", pattern, method, "requestBody", "content", "application/json", "schema"); asked != nil {
		check(t, asked, body, "a request that was accepted")
	}
}
