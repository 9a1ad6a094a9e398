package page

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/credentials"
	"github.com/ai-ots/accounts/httpapi"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/risk"
)

// Config is what the pages show, and how. Manager and Auth are required.
type Config struct {
	Manager *accounts.MultiAccountManager
	// Engine returns the engine that works the account of a profile, and nil if none does. It must
	// be quick. Without it no order is sent: placing an order holds its exposure alone.
	Engine func(accounts.ProfileID) httpapi.Engine
	// Auth tells who calls. With httpapi.Loopback everybody on the machine may. Every other is
	// shown the token with which a browser signed in, in the header Authorization, with each
	// request of that browser; a request of a browser that has not signed in is shown as it is.
	Auth httpapi.Authenticator
	// Download asks the broker for the statement of a login of the kind credentials.FlexToken,
	// waits for it, and writes it to out; see flex.Downloader.Download. Its errors must not have
	// the token. Without it the pages take files alone.
	Download func(ctx context.Context, login credentials.Set, out io.Writer) error
	// Hosts are the names under which browsers may reach the pages, without ports. Other requests
	// are answered with status 421, so that a name that somebody else owns cannot be pointed at the
	// pages (DNS rebinding). Empty: all, but with Loopback those of loopback alone.
	Hosts []string
	// Clock tells the time; time.Now if nil. It must be the manager's clock.
	Clock func() time.Time
	// Location is the time zone in which times are written; America/New_York if nil.
	Location *time.Location
	// Logger is told what is broken, with the request's id, route and caller; nothing is logged if
	// nil.
	Logger *slog.Logger
}

// withDefaults fills in what is left out, and checks the rest.
func (c Config) withDefaults() (Config, error) {
	v := &invalid.Error{What: "page"}
	v.Check(c.Manager != nil, "Manager", "is missing")
	v.Check(c.Auth != nil, "Auth", "is missing")
	if c.Engine == nil {
		c.Engine = func(accounts.ProfileID) httpapi.Engine { return nil }
	}
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Location == nil {
		zone, err := risk.NewYork()
		v.Check(err == nil, "Location", "%v", err)
		c.Location = zone
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if _, loopback := c.Auth.(httpapi.Loopback); loopback && len(c.Hosts) == 0 {
		c.Hosts = []string{"localhost", "127.0.0.1", "::1"}
	}
	c.Hosts = slices.Clone(c.Hosts)
	for i, host := range c.Hosts {
		c.Hosts[i] = strings.ToLower(host)
	}
	return c, v.Err()
}

// Page is the http.Handler of all pages. It is safe for concurrent use. Each download has a
// goroutine of its own; see Wait.
type Page struct {
	Config
	life    context.Context // streams and downloads end with it
	mux     *http.ServeMux
	origins *http.CrossOriginProtection
	screens map[string]*template.Template // by the names of their files
	assets  map[string]*asset             // by their paths
	streams streams

	sessions sessions
	attempts attempts
	uploads  uploads

	downloads downloads
}

// timeout bounds the work on a request.
const timeout = 30 * time.Second

// maxForm bounds the body of a form in bytes, and maxStranger that of somebody who is not known
// yet.
const (
	maxForm     = 1 << 20
	maxStranger = 16 << 10
)

// policy is the Content-Security-Policy of every answer.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// New returns the handler of the pages of a manager. The streams of events end with ctx, and so do
// downloads: end it before the server is shut down, which waits for streams. It returns ErrInvalid
// for a wrong config.
func New(ctx context.Context, c Config) (*Page, error) {
	c, err := c.withDefaults()
	if err != nil {
		return nil, err
	}
	p := &Page{Config: c, life: ctx, mux: http.NewServeMux(), origins: http.NewCrossOriginProtection(),
		screens: parseScreens(), assets: loadAssets(), streams: streams{of: map[string]int{}},
		sessions: sessions{of: map[[sha256.Size]byte]*session{}}, attempts: attempts{of: map[netip.Prefix]*tries{}}, uploads: uploads{reading: make(chan struct{}, maxReading)}}
	byPath := map[string]map[string]*route{}
	for _, r := range table() {
		if byPath[r.path] == nil {
			byPath[r.path] = map[string]*route{}
		}
		byPath[r.path][r.method] = &r
	}
	for pattern, methods := range byPath {
		p.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { p.dispatch(w, r, methods) })
	}
	p.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, &route{run: nowhere, right: httpapi.Read}) })
	return p, nil
}

// nowhere is the action of a path that leads nowhere.
func nowhere(*call) error { return errNoPage }

// errNoPage says that a path leads nowhere.
var errNoPage = errors.New("there is no such page")

// ServeHTTP implements http.Handler.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	id := uuid.NewString()
	r = r.WithContext(context.WithValue(r.Context(), requestKey{}, id))
	h := w.Header()
	h.Set("X-Request-Id", id)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Content-Security-Policy", policy)
	defer func() {
		if broken := recover(); broken != nil {
			if broken == http.ErrAbortHandler {
				panic(broken)
			}
			// The value of the panic may hold a secret: the log has its type alone.
			p.Logger.ErrorContext(r.Context(), "a handler panicked", "request_id", id, "method", r.Method, "route", r.Pattern,
				"type", fmt.Sprintf("%T", broken), "stack", string(debug.Stack()))
			if h.Get("Content-Type") != "" { // the answer has begun: it breaks off
				panic(http.ErrAbortHandler)
			}
			p.newCall(w, r, &route{}).fail(errors.New("panic"))
		}
	}()
	bare := p.newCall(w, r, &route{})
	switch escaped := r.URL.EscapedPath(); {
	case len(p.Hosts) > 0 && !slices.Contains(p.Hosts, hostOf(r)):
		bare.fail(errMisdirected)
	case !strings.HasPrefix(escaped, "/") || path.Clean(escaped) != escaped: // the mux would redirect
		p.serve(w, r, &route{run: nowhere, right: httpapi.Read})
	case p.origins.Check(r) != nil || httpapi.Foreign(r) || unsourced(r):
		bare.fail(errCrossOrigin)
	default:
		p.mux.ServeHTTP(w, r)
	}
}

// unsourced reports whether a form comes from nobody knows where: browsers that say neither Origin
// nor Sec-Fetch-Site, which are old, must say by Referer that the page is of this service.
func unsourced(r *http.Request) bool {
	if r.Method != http.MethodPost || r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
		return false
	}
	from, err := url.Parse(r.Referer())
	return err != nil || from.Host == "" || from.Host != r.Host
}

// requestKey is the key of a request's id in its context.
type requestKey struct{}

// hostOf returns the host of a request without its port.
func hostOf(r *http.Request) string {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"))
}

// dispatch serves a request of one path by its method.
func (p *Page) dispatch(w http.ResponseWriter, r *http.Request, methods map[string]*route) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	found, ok := methods[method]
	if !ok || r.Method == http.MethodHead && found.stream {
		w.Header().Set("Allow", allow(methods))
		p.newCall(w, r, &route{}).fail(errMethod)
		return
	}
	p.serve(w, r, found)
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

// serve runs a route for a request.
func (p *Page) serve(w http.ResponseWriter, r *http.Request, found *route) {
	c := p.newCall(w, r, found)
	if err := c.do(); err != nil {
		c.fail(err)
	}
}

// write answers with a body, shorter where the browser takes that.
func write(w http.ResponseWriter, r *http.Request, status int, kind string, plain []byte, zipped func() []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Add("Vary", "Accept-Encoding")
	if acceptsGzip(r) {
		plain = zipped()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", itoa(len(plain)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = bytes.NewReader(plain).WriteTo(w) // a browser that has left is no failure of the service
	}
}
