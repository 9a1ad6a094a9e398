package gatewaysim

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Gateway is a simulated gateway with one login. It is safe for concurrent use. It has no goroutine
// before Start and none after Close.
type Gateway struct {
	config Config
	market *Market // whose lock guards what follows

	accounts map[string]*account
	listed   []*account // in the order of the configuration
	login    login
	bridge   bridge
	question *asked
	refs     map[string]time.Time // when a cOID was used
	faults   []*Injection
	sockets  map[*socket]bool
	requests []*Request
	counts   map[Route]int // of requests
	pace     pace
	answered map[string]any // the newest answers, by path

	server  *http.Server
	url     string
	cert    *certificate
	closed  chan struct{}
	changed chan struct{} // closed, and made anew, when something has happened
	running sync.WaitGroup
	once    sync.Once
}

// New returns a gateway that serves nothing yet; scripts can prepare it. The login has been made,
// as a person makes it in a browser, and the brokerage session is open. It returns an error for
// accounts that are none, and where the machine's time zones cannot be read.
func New(c Config) (*Gateway, error) {
	if err := c.complete(); err != nil {
		return nil, err
	}
	g := &Gateway{
		config: c, market: c.Market, accounts: map[string]*account{}, refs: map[string]time.Time{}, sockets: map[*socket]bool{},
		counts: map[Route]int{}, closed: make(chan struct{}), changed: make(chan struct{}),
	}
	for _, a := range c.Accounts {
		g.listed = append(g.listed, newAccount(g, a))
		g.accounts[a.ID] = g.listed[len(g.listed)-1]
	}
	g.market.lock()
	defer g.market.mu.Unlock()
	g.market.gateways = append(g.market.gateways, g)
	g.logIn()
	return g, nil
}

// Start makes a certificate, and serves until Close. It returns an error if it cannot listen, or
// was started before.
func (g *Gateway) Start() error {
	g.market.lock()
	defer g.market.mu.Unlock()
	if g.server != nil || g.isClosed() {
		return errors.New("start the gateway: it was started or closed before")
	}
	cert, err := newCertificate()
	if err != nil {
		return fmt.Errorf("start the gateway: %w", err)
	}
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", g.config.Listen)
	if err != nil {
		return fmt.Errorf("start the gateway: %w", err)
	}
	g.cert = cert
	g.url = "https://" + listener.Addr().String() + "/v1/api"
	g.server = &http.Server{
		Handler: g, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(discard{}, "", 0),
		TLSConfig:    &tls.Config{Certificates: []tls.Certificate{cert.pair}, MinVersion: tls.VersionTLS12},
		TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}, // HTTP/1.1, as IBKR's gateway
	}
	g.running.Go(func() { _ = g.server.ServeTLS(listener, "", "") }) // it ends with ErrServerClosed, by Close
	if g.market.config.Realtime {
		g.running.Go(g.beat)
	}
	return nil
}

// discard takes what the server logs: broken connections, which faults make.
type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// beat keeps a clock that goes by itself from standing still while no request comes.
func (g *Gateway) beat() {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-g.closed:
			return
		case <-tick.C:
			g.market.Now() // does what is due
		}
	}
}

const beatEvery = 250 * time.Millisecond

// Close ends the gateway, every connection and every goroutine. Requests that a fault holds end
// without an answer. Calling it again does nothing.
func (g *Gateway) Close() error {
	g.once.Do(func() {
		g.market.lock()
		defer g.market.mu.Unlock()
		close(g.closed)
		for s := range g.sockets {
			s.end()
		}
		g.market.gateways = slices.DeleteFunc(g.market.gateways, func(o *Gateway) bool { return o == g })
		if g.server != nil {
			_ = g.server.Close() // of the listener: requests end by themselves
		}
	})
	g.running.Wait()
	return nil
}

// URL returns the base of every path, such as https://127.0.0.1:5000/v1/api; empty before Start.
func (g *Gateway) URL() string {
	g.market.lock()
	defer g.market.mu.Unlock()
	return g.url
}

// Fingerprint returns the SHA-256 of the certificate, as 64 hexadecimal digits; empty before Start.
func (g *Gateway) Fingerprint() string {
	if cert := g.certificate(); cert != nil {
		return cert.fingerprint
	}
	return ""
}

// TLSConfig returns the configuration of a client that trusts the gateway's certificate and no
// other; nil before Start.
func (g *Gateway) TLSConfig() *tls.Config {
	cert := g.certificate()
	if cert == nil {
		return nil
	}
	roots := x509.NewCertPool()
	roots.AddCert(cert.leaf)
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
}

func (g *Gateway) certificate() *certificate {
	g.market.lock()
	defer g.market.mu.Unlock()
	return g.cert
}

// isClosed reports whether the gateway was closed.
func (g *Gateway) isClosed() bool {
	select {
	case <-g.closed:
		return true
	default:
		return false
	}
}

// Client returns an HTTP client that trusts the gateway's certificate. Its connections are the
// caller's to close.
func (g *Gateway) Client() *http.Client {
	return &http.Client{Transport: &http.Transport{TLSClientConfig: g.TLSConfig()}}
}

// Market returns the market in which the accounts trade.
func (g *Gateway) Market() *Market { return g.market }
