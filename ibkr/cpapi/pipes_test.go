package cpapi_test

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/ai-ots/accounts/ibkr/gatewaysim"
)

// pipes is a network within the process, for tests in which time is not real: whoever waits for a socket of the
// operating system keeps a bubble's clock from moving on.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept implements [net.Listener].
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements [net.Listener].
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements [net.Listener].
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "unix"} }

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// serve serves a gateway on pipes, without TLS, until the function that is returned is called. The transport is for
// a client of the gateway.
func serve(g *gatewaysim.Gateway) (transport *http.Transport, end func()) {
	p := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: g, ReadHeaderTimeout: time.Minute}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(p) }) // it ends with ErrServerClosed
	transport = &http.Transport{DialTLSContext: p.dial, MaxIdleConnsPerHost: 4, IdleConnTimeout: 10 * time.Second}
	return transport, func() {
		transport.CloseIdleConnections()
		_ = server.Close() // of the pipes: requests have ended with the client
		serving.Wait()
	}
}
