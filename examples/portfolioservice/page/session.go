package page

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// How long a browser stays signed in, and how many do at the same time.
const (
	sessionLife = 12 * time.Hour
	sessionIdle = 2 * time.Hour
	maxSessions = 1000
)

// session is a browser that has signed in. The token is in the memory of this process alone: it is
// shown to the authenticator with each request, so that one that was withdrawn ends the session.
type session struct {
	token  string
	begun  time.Time
	used   time.Time
	life   context.Context // streams end with it
	cancel context.CancelFunc
}

// sessions are the browsers that have signed in, by the SHA-256 of what their cookies say.
type sessions struct {
	mu sync.Mutex
	of map[[sha256.Size]byte]*session
}

// begin makes a session, and returns the value of its cookie: 256 random bits. Where there are too
// many, the one that was used longest ago ends.
func (s *sessions) begin(token string, now time.Time) string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // it never fails
	value := base64.RawURLEncoding.EncodeToString(b[:])
	life, cancel := context.WithCancel(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	for len(s.of) >= maxSessions {
		s.endOldest()
	}
	s.of[sha256.Sum256([]byte(value))] = &session{token, now, now, life, cancel}
	return value
}

// sweep ends the sessions whose time is over.
func (s *sessions) sweep(now time.Time) {
	for key, one := range s.of {
		if one.over(now) {
			one.cancel()
			delete(s.of, key)
		}
	}
}

// endOldest ends the session that was used longest ago.
func (s *sessions) endOldest() {
	var oldest [sha256.Size]byte
	var found *session
	for key, one := range s.of {
		if found == nil || one.used.Before(found.used) {
			oldest, found = key, one
		}
	}
	found.cancel()
	delete(s.of, oldest)
}

// over reports whether a session's time is over.
func (o *session) over(now time.Time) bool {
	return now.Sub(o.begun) >= sessionLife || now.Sub(o.used) >= sessionIdle
}

// find returns the session of a cookie; nil if there is none. touch says that a person uses it.
func (s *sessions) find(value string, now time.Time, touch bool) *session {
	key := sha256.Sum256([]byte(value))
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.of[key]
	if one == nil {
		return nil
	}
	if one.over(now) {
		one.cancel()
		delete(s.of, key)
		return nil
	}
	if touch {
		one.used = now
	}
	return one
}

// end ends the session of a cookie, and its streams.
func (s *sessions) end(value string) {
	key := sha256.Sum256([]byte(value))
	s.mu.Lock()
	defer s.mu.Unlock()
	if one := s.of[key]; one != nil {
		one.cancel()
		delete(s.of, key)
	}
}

// cookieName returns the name of the cookie. Over TLS it has the prefix with which no other host
// and no plain connection can set it.
func cookieName(r *http.Request) string {
	if r.TLS != nil {
		return "__Host-session"
	}
	return "session"
}

// cookie returns a session's cookie; an empty value takes it away. It ends with the browser: how
// long the session lasts is known here.
func cookie(r *http.Request, value string) *http.Cookie {
	out := &http.Cookie{Name: cookieName(r), Value: value, Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode}
	if value == "" {
		out.MaxAge = -1
	}
	return out
}

// How many wrong tokens an address may try, and how many addresses are remembered.
const (
	maxAttempts   = 10
	attemptWindow = time.Minute
	maxAddresses  = 1000
)

// attempts counts tries to sign in, by address: before a token is looked at, so that none pass by
// at the same time.
type attempts struct {
	mu sync.Mutex
	of map[netip.Prefix]*tries
}

// tries are those of one address since a time.
type tries struct {
	since time.Time
	n     int
}

// others counts for all addresses that there is no room for.
var others = netip.PrefixFrom(netip.IPv4Unspecified(), 0)

// count counts a try, and reports false if there were too many.
func (a *attempts) count(from netip.Prefix, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.of[from]
	if t == nil && len(a.of) >= maxAddresses {
		for key, one := range a.of {
			if now.Sub(one.since) >= attemptWindow {
				delete(a.of, key)
			}
		}
		if len(a.of) >= maxAddresses {
			from = others
			t = a.of[from]
		}
	}
	if t == nil || now.Sub(t.since) >= attemptWindow {
		t = &tries{since: now}
		a.of[from] = t
	}
	t.n++
	return t.n <= maxAttempts
}

// forget takes back the tries of an address whose token was right.
func (a *attempts) forget(from netip.Prefix) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.of, from)
}

// addressOf returns where a request comes from: an address of IPv4, or the 64 bits of an IPv6 one
// that a single network has. What a header says is not believed.
func addressOf(r *http.Request) netip.Prefix {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return others
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return others
	}
	ip = ip.Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	out, err := ip.Prefix(bits)
	if err != nil {
		return others
	}
	return out
}
