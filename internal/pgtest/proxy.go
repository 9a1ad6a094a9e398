package pgtest

import (
	"bytes"
	"encoding/binary"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// socketName is what clients look for in a server's folder.
const socketName = ".s.PGSQL.5432"

// Proxy stands between clients and a server of the test's own, and does what networks do.
type Proxy struct {
	dir      string
	listener net.Listener
	serving  sync.WaitGroup

	mu      sync.Mutex
	server  string // its socket
	conns   map[net.Conn]struct{}
	latency time.Duration
	lost    string        // what no request may contain; empty for nothing
	held    chan struct{} // closed when answers go on; nil while they do
	blocked chan struct{} // closed when an answer is held back
	cancels int           // how many requests to cancel a statement came
	closed  bool
}

// NewProxy returns a proxy that lives as long as the test.
func NewProxy(t testing.TB, s *Server) *Proxy {
	t.Helper()
	dir, err := os.MkdirTemp(shortTemp(), "accounts-proxy-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	p := &Proxy{dir: dir, server: filepath.Join(s.dir, socketName), conns: map[net.Conn]struct{}{}}
	if p.listener, err = net.Listen("unix", filepath.Join(dir, socketName)); err != nil {
		t.Fatal(err)
	}
	p.serving.Go(p.serve)
	t.Cleanup(p.close)
	return p
}

// DSN returns the data source name of the server's first database, through the proxy.
func (p *Proxy) DSN() string {
	return "host=" + p.dir + " user=postgres dbname=postgres sslmode=disable"
}

// LeadTo has the proxy lead to another server from now on, as an address that follows the primary
// does, and ends every connection.
func (p *Proxy) LeadTo(s *Server) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.server = filepath.Join(s.dir, socketName)
	p.cut()
}

// Cut ends every connection, in the middle of whatever it does. New ones can be made.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut()
}

func (p *Proxy) cut() {
	for c := range p.conns {
		_ = c.Close()
	}
	if p.held != nil {
		close(p.held)
		p.held = nil
	}
}

// HoldAnswers lets requests through and holds the server's answers back, until Cut loses them. The
// channel is closed when the first answer is held.
func (p *Proxy) HoldAnswers() <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.held, p.blocked = make(chan struct{}), make(chan struct{})
	return p.blocked
}

// Lose loses requests that contain the text, as though the network had gone silent just then.
func (p *Proxy) Lose(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = text
}

// Cancels returns how many requests to cancel a statement clients have sent.
func (p *Proxy) Cancels() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cancels
}

// isCancel reports whether what a client says first on a connection is CancelRequest: its length,
// and the number of that message.
func isCancel(said []byte) bool {
	return len(said) >= 8 && binary.BigEndian.Uint32(said[4:]) == 80877102
}

// SetLatency delays every answer.
func (p *Proxy) SetLatency(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.latency = d
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.cut()
	p.mu.Unlock()
	p.serving.Wait()
}

func (p *Proxy) serve() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		to := p.server
		p.mu.Unlock()
		server, err := net.Dial("unix", to)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.add(to, client, server) {
			continue
		}
		both := sync.OnceFunc(func() { p.remove(client, server) })
		p.serving.Go(func() { defer both(); p.ask(server, client) })
		p.serving.Go(func() { defer both(); p.answer(client, server) })
	}
}

// ask copies what the client says, but for what is to be lost.
func (p *Proxy) ask(server, client net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil {
			return
		}
		p.mu.Lock()
		lost := p.lost
		if isCancel(buffer[:n]) {
			p.cancels++
		}
		p.mu.Unlock()
		if lost != "" && bytes.Contains(buffer[:n], []byte(lost)) {
			continue
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// answer copies what the server says, late or not at all.
func (p *Proxy) answer(client, server net.Conn) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := server.Read(buffer)
		if err != nil {
			return
		}
		p.mu.Lock()
		held, latency := p.held, p.latency
		if held != nil && p.blocked != nil {
			close(p.blocked)
			p.blocked = nil
		}
		p.mu.Unlock()
		if held != nil {
			<-held
		}
		if latency > 0 {
			<-time.After(latency)
		}
		if _, err := client.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// add keeps both ends of a connection to the server, or closes them where that is not to be any
// longer.
func (p *Proxy) add(to string, conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	open := !p.closed && to == p.server
	for _, c := range conns {
		if open {
			p.conns[c] = struct{}{}
		} else {
			_ = c.Close()
		}
	}
	return open
}

func (p *Proxy) remove(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
		delete(p.conns, c)
	}
}
