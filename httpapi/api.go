package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/invalid"
)

// Config is what an [API] serves, and how. Manager and Auth are required.
type Config struct {
	Manager *accounts.MultiAccountManager
	// Auth tells who calls. There is no default: [Loopback] says that everybody on the machine may.
	Auth Authenticator
	// Engine returns the engine that works the account of a profile, and nil if none does. It must
	// be quick, and return the same pointer for all profiles of an engine. Without it no order is
	// sent: placing an order holds its exposure alone.
	Engine func(accounts.ProfileID) Engine

	// Hosts are the names under which clients may reach the service, without ports. Other requests
	// are answered with status 421, so that a name that somebody else owns cannot be pointed at the
	// service (DNS rebinding). Empty: all, but with Loopback those of loopback alone.
	Hosts []string
	// Timeout bounds the work on a request; 30 s if zero. Reading the request and writing the
	// answer are bounded by the http.Server's timeouts.
	Timeout time.Duration
	// StatementTimeout is Timeout for the import of statements; five minutes if zero.
	StatementTimeout time.Duration
	// MaxBody bounds the body of a request in bytes; 1 MiB if zero.
	MaxBody int64
	// MaxStatement bounds an uploaded statement in bytes; 64 MiB if zero.
	MaxStatement int64
	// MaxStreams bounds how many streams of events are open at once; 1,000 if zero.
	MaxStreams int
	// MaxStreamsEach bounds how many of them one caller has; 50 if zero.
	MaxStreamsEach int
	// KeepAlive is how often a stream without events gets a comment, and its caller is
	// authenticated again; 15 s if zero.
	KeepAlive time.Duration

	// Logger is told what is broken, with the request's id, route and caller; nothing is logged if
	// nil. No line has a body, a token or a secret.
	Logger *slog.Logger
}

// withDefaults fills in what is left out, and checks the rest.
func (c Config) withDefaults() (Config, error) {
	v := &invalid.Error{What: "HTTP API"}
	v.Check(c.Manager != nil, "Manager", "is missing")
	v.Check(c.Auth != nil, "Auth", "is missing")
	v.Check(c.Timeout >= 0, "Timeout", "%s is negative", c.Timeout)
	v.Check(c.StatementTimeout >= 0, "StatementTimeout", "%s is negative", c.StatementTimeout)
	v.Check(c.KeepAlive >= 0, "KeepAlive", "%s is negative", c.KeepAlive)
	v.Check(c.MaxBody >= 0, "MaxBody", "%d is negative", c.MaxBody)
	v.Check(c.MaxStatement >= 0, "MaxStatement", "%d is negative", c.MaxStatement)
	v.Check(c.MaxStreams >= 0, "MaxStreams", "%d is negative", c.MaxStreams)
	fill(&c.Timeout, 30*time.Second)
	fill(&c.StatementTimeout, 5*time.Minute)
	fill(&c.KeepAlive, 15*time.Second)
	fill(&c.MaxBody, 1<<20)
	fill(&c.MaxStatement, 64<<20)
	fill(&c.MaxStreams, 1000)
	fill(&c.MaxStreamsEach, 50)
	v.Check(c.MaxStreamsEach >= 0, "MaxStreamsEach", "%d is negative", c.MaxStreamsEach)
	if c.Engine == nil {
		c.Engine = func(accounts.ProfileID) Engine { return nil }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if _, loopback := c.Auth.(Loopback); loopback && len(c.Hosts) == 0 {
		c.Hosts = loopbackHosts
	}
	c.Hosts = clone(c.Hosts)
	for i, host := range c.Hosts {
		c.Hosts[i] = strings.ToLower(host)
	}
	return c, v.Err()
}

// fill sets a field that was left out.
func fill[T ~int | ~int64](field *T, standard T) {
	if *field == 0 {
		*field = standard
	}
}

// API is an http.Handler that serves a manager. It is safe for concurrent use, has no goroutine of
// its own, and needs no closing: its streams end with the context that it was made with.
type API struct {
	Config
	life        context.Context // streams end with it
	mux         *http.ServeMux
	routes      []*route
	components  map[string]*schema
	description []byte
	origins     *http.CrossOriginProtection
	patterns    sync.Map
	streams     streams
	reading     chan struct{} // has room for the imports of statements that are under way
}

// maxReading is how many files of statements are read at once.
const maxReading = 4

// prefix is the path of the API. What lies elsewhere says so with a path that begins with "//".
const prefix = "/api/v1"

// New returns the API of a manager. The streams of events end with ctx, and /readyz answers with
// status 503 from then on: end it before the server is shut down, which waits for the streams. It
// returns ErrInvalid for a wrong config.
func New(ctx context.Context, c Config) (*API, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	a := &API{Config: c, life: ctx, mux: http.NewServeMux(), origins: http.NewCrossOriginProtection(), streams: streams{of: map[Caller]int{}}, reading: make(chan struct{}, maxReading)}
	for _, list := range [][]route{profileRoutes, portfolioRoutes, historyRoutes, orderRoutes, tradingRoutes,
		performanceRoutes, credentialRoutes, statementRoutes, linkRoutes, signalRoutes, eventRoutes, healthRoutes, aliasRoutes} {
		for _, r := range list {
			a.routes = append(a.routes, &r)
		}
	}
	byPath := map[string]map[string]*route{}
	for _, r := range a.routes {
		if byPath[r.full()] == nil {
			byPath[r.full()] = map[string]*route{}
		}
		byPath[r.full()][r.method] = r
	}
	for pattern, methods := range byPath {
		a.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { a.dispatch(w, r, methods) })
	}
	a.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { a.fail(w, r, nil, newProblem(CodeNotFound, "")) })
	a.describe()
	return a, nil
}

// full returns the route's pattern.
func (r *route) full() string {
	if elsewhere, ok := strings.CutPrefix(r.path, "//"); ok {
		return "/" + elsewhere
	}
	return prefix + r.path
}

// OpenAPI returns the description of the API in OpenAPI 3.1, as JSON, as openapi.json has it.
func (a *API) OpenAPI() []byte { return slices.Clone(a.description) }

// requestKey is the key of a request's id in its context.
type requestKey struct{}

// requestID returns the id of a request.
func requestID(r *http.Request) string {
	id, _ := r.Context().Value(requestKey{}).(string)
	return id
}

// name gives a request an id, which its answer has too.
func name(w http.ResponseWriter, r *http.Request) (*http.Request, string) {
	id := uuid.NewString()
	w.Header().Set("X-Request-Id", id)
	return r.WithContext(context.WithValue(r.Context(), requestKey{}, id)), id
}

// misdirected reports whether a request names a host that is none of the service's.
func (a *API) misdirected(r *http.Request) bool {
	return len(a.Hosts) > 0 && !slices.Contains(a.Hosts, hostOf(r))
}

// Foreign reports whether a browser says that a page of another site, or of another port of this
// host, makes the request by itself: with a script, or as a picture. Such a page cannot read the
// answer, but it could keep streams open and have much worked out. A person who follows a link is
// not foreign.
func Foreign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return false
	}
	return r.Header.Get("Sec-Fetch-Mode") != "navigate"
}

// Guard returns a handler that serves what lies beside the API, such as metrics, by the API's
// rules: under the names of Config.Hosts alone, and to callers who have the right. Others get the
// API's problems.
func (a *API) Guard(right Rights, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, _ = name(w, r)
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		c := &call{api: a, route: &route{right: right}, w: w, r: r, ctx: r.Context()}
		switch err := a.origins.Check(r); {
		case a.misdirected(r):
			a.fail(w, r, nil, newProblem(CodeMisdirected, ""))
		case err != nil || Foreign(r):
			a.fail(w, r, nil, newProblem(CodeCrossOrigin, ""))
		default:
			if err := c.authenticate(); err != nil {
				a.fail(w, r, nil, err)
				return
			}
			h.ServeHTTP(w, r)
		}
	})
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r, id := name(w, r)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	defer func() {
		if broken := recover(); broken != nil {
			if broken == http.ErrAbortHandler {
				panic(broken)
			}
			// The value of the panic may hold a secret: the log has its type alone.
			a.Logger.ErrorContext(r.Context(), "a handler panicked", "request_id", id, "method", r.Method, "route", r.Pattern,
				"type", fmt.Sprintf("%T", broken), "stack", string(debug.Stack()))
			if h.Get("Content-Type") == streamType { // the answer has begun: it breaks off
				panic(http.ErrAbortHandler)
			}
			a.answer(w, r, newProblem(CodeInternal, "The log tells more, under the request's id."))
		}
	}()
	switch escaped := r.URL.EscapedPath(); {
	case a.misdirected(r):
		a.fail(w, r, nil, newProblem(CodeMisdirected, ""))
	case !strings.HasPrefix(escaped, "/") || path.Clean(escaped) != escaped: // the mux would redirect
		a.fail(w, r, nil, newProblem(CodeNotFound, ""))
	default:
		a.mux.ServeHTTP(w, r)
	}
}

// dispatch serves a request of one path by its method.
func (a *API) dispatch(w http.ResponseWriter, r *http.Request, methods map[string]*route) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	found, ok := methods[method]
	if !ok || r.Method == http.MethodHead && found.stream {
		w.Header().Set("Allow", allow(methods))
		a.fail(w, r, nil, newProblem(CodeMethod, ""))
		return
	}
	c := &call{api: a, route: found, w: w, r: r, status: found.status}
	out, err := c.do()
	switch {
	case err != nil:
		a.fail(w, r, c, err)
	case !c.answered:
		a.write(w, r, max(c.status, http.StatusOK), "application/json", out)
	}
}

// allow lists methods for the header Allow.
func allow(methods map[string]*route) string {
	list := []string{}
	for m, r := range methods {
		list = append(list, m)
		if m == http.MethodGet && !r.stream {
			list = append(list, http.MethodHead)
		}
	}
	slices.Sort(list)
	return strings.Join(list, ", ")
}

// fail answers with the problem that an error is, and logs what is broken.
func (a *API) fail(w http.ResponseWriter, r *http.Request, c *call, err error) {
	var in reflect.Type
	var caller string
	if c != nil {
		in, caller = c.route.action.in, c.caller.Name
	}
	p, log := problemOf(err, in)
	if log {
		level := slog.LevelError
		if p.Status == http.StatusServiceUnavailable {
			level = slog.LevelWarn
		}
		a.Logger.Log(r.Context(), level, "a request failed", "request_id", requestID(r), "method", r.Method, "route", r.Pattern,
			"code", string(p.Code), "caller", caller, "err", err)
	}
	a.answer(w, r, p)
}

// answer writes a problem.
func (a *API) answer(w http.ResponseWriter, r *http.Request, p *Problem) {
	out := *p
	out.RequestID = requestID(r)
	switch p.Status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "2")
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="accounts"`)
	}
	w.Header().Del("ETag")
	if p.Current != nil {
		w.Header().Set("ETag", etag(p.Current.Version))
	}
	a.write(w, r, p.Status, "application/problem+json", out)
}

// write writes an answer: JSON, or nothing with status 204.
func (a *API) write(w http.ResponseWriter, r *http.Request, status int, kind string, out any) {
	if _, none := out.(nothing); none {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	body, raw := out.(json.RawMessage)
	if !raw {
		var err error
		if body, err = json.Marshal(out); err != nil {
			a.Logger.ErrorContext(r.Context(), "an answer cannot be written", "request_id", requestID(r), "route", r.Pattern, "err", err)
			status, kind = http.StatusInternalServerError, "application/problem+json"
			p := newProblem(CodeInternal, "")
			p.RequestID = requestID(r)
			body, _ = json.Marshal(p)
		}
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a client that has left is no failure of the service
	}
}
