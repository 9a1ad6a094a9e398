package cpapi

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ibkr/cpapi/oauth1"
	"github.com/ai-ots/accounts/invalid"
	"github.com/ai-ots/accounts/risk"
)

// DefaultURL is where the Client Portal Gateway listens if nobody changed its configuration.
const DefaultURL = "https://localhost:5000/v1/api"

// Config says how one login is reached. The zero value is a gateway on this machine whose
// certificate the machine trusts.
type Config struct {
	// URL is the API's base address; DefaultURL if empty. It must be https.
	URL string
	// Fingerprint is the SHA-256 of the gateway's certificate in hexadecimal digits, with or
	// without colons. Where it is given, a server with that certificate is trusted and no other.
	Fingerprint string
	// InsecureLoopback trusts any certificate. Open refuses it for an address that is not this
	// machine's.
	InsecureLoopback bool
	// Transport replaces the transport, and with it what Fingerprint and InsecureLoopback ask for.
	Transport http.RoundTripper
	// OAuth signs requests; nil for a gateway, which has the login itself.
	OAuth *oauth1.Signer

	// Compete takes the login back from another session, three times in an hour at most. Without
	// it, the client waits until the other session ends. Two programs that both compete take the
	// login from each other.
	Compete bool
	// Answers are the ids of the messages that are answered yes when an order is placed;
	// DefaultAnswers if nil, none if empty. Every other question is answered no, and the order
	// rejected.
	Answers []string
	// Operator names who is responsible for orders in futures, as CME's rule 536-B asks; empty to
	// say nothing.
	Operator string

	// Breaker is shared by all logins behind one address. If nil, the clients of this process that
	// have the same host and port share one.
	Breaker *Breaker
	Limits  Limits
	// Clock tells the times in answers and of the nightly reset; time.Now if nil. Neither it nor
	// Reset may call the client.
	Clock func() time.Time
	// Reset returns when the broker ends sessions next after a time; midnight in New York if nil.
	Reset func(after time.Time) time.Time
}

// DefaultAnswers returns the ids of the messages that are answered yes by default: no market data
// (o354), fills at once (o403), a market order (o10151), and stop orders (o10152, o10331). Warnings
// about price, size, value and tick are not among them: they stop an order that is probably wrong.
func DefaultAnswers() []string { return []string{"o354", "o403", "o10151", "o10152", "o10331"} }

// Rate is how many requests there may be in a time, evenly spread. Burst is how many may come at
// once: in no span of Per are there more than Requests and Burst together.
type Rate struct {
	Requests int
	Per      time.Duration
	Burst    int
}

// Limits are the client's bounds. Where a field is zero, its default holds.
type Limits struct {
	// Session paces the requests of the login. IBKR takes 10 in a second. The default is 8 and no
	// burst: requests that are delayed on their way arrive together.
	Session Rate
	// Slow paces each endpoint that IBKR paces by itself: orders, trades, accounts. IBKR takes one
	// in 5 s; the default is one in 5.5 s.
	Slow    Rate
	Timeout time.Duration // of one request: 20 s
	Tickle  time.Duration // between two signs of life: 60 s
	Warm    time.Duration // between a first snapshot of quotes and the next: 500 ms
	// Retry and RetryMax are the first and the longest pause between attempts to connect: 1 s and
	// 60 s. The pauses grow, and vary by chance.
	Retry, RetryMax time.Duration
	Ping            time.Duration // between two signs of life on the websocket: 30 s
	// Lines is how many contracts the websocket tells quotes of: 100, which is what IBKR gives a
	// login without more; none if below zero. Quotes of the others are asked for.
	Lines int
	// Quotes is the time between two hints that quotes have changed: 5 s.
	Quotes time.Duration
}

// withDefaults returns the limits with defaults where there is zero.
func (l Limits) withDefaults() Limits {
	if l.Session == (Rate{}) {
		l.Session = Rate{Requests: 8, Per: time.Second, Burst: 1}
	}
	if l.Slow == (Rate{}) {
		l.Slow = Rate{Requests: 1, Per: 5500 * time.Millisecond, Burst: 1}
	}
	if l.Lines == 0 {
		l.Lines = 100
	}
	for _, d := range []struct {
		field *time.Duration
		usual time.Duration
	}{
		{&l.Timeout, 20 * time.Second}, {&l.Tickle, time.Minute}, {&l.Warm, 500 * time.Millisecond},
		{&l.Retry, time.Second}, {&l.RetryMax, time.Minute}, {&l.Ping, 30 * time.Second},
		{&l.Quotes, 5 * time.Second},
	} {
		if *d.field == 0 {
			*d.field = d.usual
		}
	}
	return l
}

func (l *Limits) validate(v *invalid.Error) {
	for _, r := range []struct {
		field string
		rate  Rate
	}{{"Limits.Session", l.Session}, {"Limits.Slow", l.Slow}} {
		v.Check(r.rate.Requests > 0 && r.rate.Per > 0 && r.rate.Burst > 0, r.field, "%+v is not positive", r.rate)
	}
	for _, d := range []struct {
		field string
		value time.Duration
	}{
		{"Limits.Timeout", l.Timeout}, {"Limits.Tickle", l.Tickle}, {"Limits.Warm", l.Warm},
		{"Limits.Retry", l.Retry}, {"Limits.RetryMax", l.RetryMax - l.Retry + 1}, {"Limits.Ping", l.Ping},
		{"Limits.Quotes", l.Quotes},
	} {
		v.Check(d.value > 0, d.field, "is out of bounds")
	}
}

// complete fills in the defaults and checks the configuration.
func (c *Config) complete() (*url.URL, error) {
	v := &invalid.Error{What: "configuration of the API"}
	if c.URL == "" {
		c.URL = DefaultURL
	}
	base, err := url.Parse(strings.TrimSuffix(c.URL, "/"))
	if err != nil || base.Scheme != "https" || base.Host == "" || base.RawQuery != "" || base.User != nil {
		v.Add("URL", "is no plain https address")
		base = &url.URL{}
	}
	c.Fingerprint = strings.ToLower(strings.ReplaceAll(c.Fingerprint, ":", ""))
	if sum, err := hex.DecodeString(c.Fingerprint); c.Fingerprint != "" && (err != nil || len(sum) != sha256.Size) {
		v.Add("Fingerprint", "is not the %d hexadecimal digits of a SHA-256", 2*sha256.Size)
	}
	v.Check(!c.InsecureLoopback || isLoopback(base.Hostname()), "InsecureLoopback", "the address is not this machine's")
	c.Limits = c.Limits.withDefaults()
	c.Limits.validate(v)
	if c.Answers == nil {
		c.Answers = DefaultAnswers()
	}
	c.Answers = slices.Clone(c.Answers)
	if c.Clock == nil {
		c.Clock = time.Now
	}
	if c.Breaker == nil {
		c.Breaker = breakerOf(base.Host)
	}
	if c.Reset == nil {
		zone, err := risk.NewYork()
		v.Check(err == nil, "Reset", "%v", err)
		c.Reset = func(after time.Time) time.Time { return midnight(after, zone) }
	}
	return base, v.Err()
}

// midnight returns the first midnight in the zone after a time.
func midnight(after time.Time, zone *time.Location) time.Time {
	y, m, d := after.In(zone).Date()
	return time.Date(y, m, d+1, 0, 0, 0, 0, zone).UTC()
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// client returns an HTTP client that follows no redirection: the API has none but to a login.
func (c *Config) client() (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	transport := c.Transport
	if transport == nil {
		// A transport with a TLS configuration of its own speaks HTTP/1.1, as the gateway does.
		// A connection that the server closes at the moment at which an order is sent would leave
		// the order's outcome unknown: idle connections are not kept for long.
		transport = &http.Transport{TLSClientConfig: c.tls(), MaxIdleConnsPerHost: 4, IdleConnTimeout: 10 * time.Second,
			Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second}
	}
	return &http.Client{Transport: transport, Jar: jar,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, nil
}

var errWrongCertificate = errors.New("the server's certificate is not the pinned one")

// tls returns how the server is trusted.
func (c *Config) tls() *tls.Config {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	switch {
	case c.Fingerprint != "":
		pinned := c.Fingerprint
		t.InsecureSkipVerify = true // the certificate itself is compared instead
		t.VerifyConnection = func(s tls.ConnectionState) error {
			if len(s.PeerCertificates) > 0 {
				sum := sha256.Sum256(s.PeerCertificates[0].Raw)
				if hex.EncodeToString(sum[:]) == pinned {
					return nil
				}
			}
			return fmt.Errorf("pinned %.16s…: %w", pinned, errWrongCertificate)
		}
	case c.InsecureLoopback:
		t.InsecureSkipVerify = true
	}
	return t
}
