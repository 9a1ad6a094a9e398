package gatewaysim

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// socket is a websocket. What is sent goes through a queue; a client that does not read is cut off.
type socket struct {
	g       *Gateway
	queue   chan []byte
	stop    context.CancelFunc
	known   bool // the client has named the session
	orders  bool
	trades  bool
	quotes  map[int64][]string // fields by contract
	told    map[int64]object   // the fields told last, by contract
	rows    map[*order]object  // the rows told last
	held    []byte             // the message that comes after the next one
	lastHB  time.Time
	dropped bool
}

const (
	queueSize      = 1 << 12
	heartbeatEvery = 10 * time.Second
)

// serveSocket serves a websocket until either side ends it.
func (g *Gateway) serveSocket(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true}) // of the Origin, which no program sends
	if err != nil {
		return // Accept has answered
	}
	defer func() { _ = conn.CloseNow() }()
	ctx, stop := context.WithCancel(context.WithoutCancel(r.Context()))
	defer stop()
	s := &socket{g: g, queue: make(chan []byte, queueSize), stop: stop, quotes: map[int64][]string{}, told: map[int64]object{}, rows: map[*order]object{}}
	if !s.join(sessionOf(r)) {
		return
	}
	defer s.leave()
	written := make(chan struct{})
	go func() {
		defer close(written)
		defer stop()
		s.write(ctx, conn)
	}()
	s.read(ctx, conn)
	stop()
	<-written
}

// join makes the gateway tell the socket what happens; false if the gateway is closed.
func (s *socket) join(session string) bool {
	s.g.market.lock()
	defer s.g.market.mu.Unlock()
	if s.g.isClosed() {
		return false
	}
	s.g.sockets[s] = true
	s.lastHB = s.g.market.now
	if session == "" {
		s.send("", object{"message": "waiting for session"})
		return true
	}
	return s.greet(session)
}

func (s *socket) leave() {
	s.g.market.lock()
	defer s.g.market.mu.Unlock()
	delete(s.g.sockets, s)
}

// sessionOf returns the session that a cookie names: as JSON, escaped or not, or alone.
func sessionOf(r *http.Request) string {
	for _, part := range strings.Split(r.Header.Get("Cookie"), ";") {
		value, found := strings.CutPrefix(strings.TrimSpace(part), "api=")
		if !found {
			continue
		}
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
		var body struct{ Session string }
		if json.Unmarshal([]byte(value), &body) == nil {
			return body.Session
		}
		return value
	}
	return ""
}

// greet takes the session that the client names; false for a wrong one.
func (s *socket) greet(session string) bool {
	g := s.g
	if session != g.login.session || g.login.ended {
		s.end()
		return false
	}
	s.known = true
	s.send("", object{"topic": "system", "success": g.config.Username, "isFT": false, "isPaper": !g.config.Live})
	s.send("", object{"topic": "act", "args": g.accountsBody()})
	s.send("", g.statusMessage())
	return true
}

// end ends the socket; its goroutines follow.
func (s *socket) end() { s.dropped = true; s.stop() }

// write sends what is queued.
func (s *socket) write(ctx context.Context, conn *websocket.Conn) {
	for {
		select {
		case <-ctx.Done():
			return
		case text := <-s.queue:
			if conn.Write(ctx, websocket.MessageText, text) != nil {
				return
			}
		}
	}
}

// read does what the client wants.
func (s *socket) read(ctx context.Context, conn *websocket.Conn) {
	for {
		_, text, err := conn.Read(ctx)
		if err != nil {
			return
		}
		s.g.market.lock()
		goes := s.command(string(text))
		s.g.happened()
		s.g.market.mu.Unlock()
		if !goes {
			return
		}
	}
}

// command does what a message says; false for one that ends the socket.
func (s *socket) command(text string) bool {
	if !s.known {
		var body struct{ Session string }
		return json.Unmarshal([]byte(text), &body) == nil && s.greet(body.Session)
	}
	g := s.g
	topic, rest, _ := strings.Cut(text, "+")
	if topic == "tic" {
		s.send("", object{"topic": "tic", "alive": true, "id": g.login.session, "lastAccessed": g.market.now.UnixMilli()})
		return true
	}
	if !g.bridge.open {
		return true // there is nothing to subscribe to
	}
	switch topic {
	case "sor":
		s.orders = true
		s.tellAllOrders()
	case "uor":
		s.orders = false
	case "str":
		s.trades = true
		s.tellTrades(rest)
	case "utr":
		s.trades = false
	case "smd":
		s.subscribe(rest)
	case "umd":
		id, _, _ := strings.Cut(rest, "+")
		delete(s.quotes, int64(number32(id)))
		delete(s.told, int64(number32(id)))
	default:
		s.send("", object{"topic": "error", "error": "unknown topic"})
	}
	return true
}

// subscribe makes the socket tell a contract's quotes.
func (s *socket) subscribe(rest string) {
	text, arguments, _ := strings.Cut(rest, "+")
	id := int64(number32(text))
	var body struct{ Fields []string }
	c := s.g.market.contracts[id]
	if json.Unmarshal([]byte(arguments), &body) != nil || c == nil || c.derivative() && !s.g.bridge.searched[c.Underlying] {
		s.send("", object{"topic": "error", "error": "no such contract, or no fields"})
		return
	}
	if streamed := s.g.streamed(); !slices.Contains(streamed, id) && len(streamed) >= s.g.config.Lines {
		s.send("", object{"topic": "error", "error": "too many market data lines"})
		return
	}
	s.quotes[id] = body.Fields
	delete(s.told, id)
	s.tellQuote(id)
}

// send queues a message about an account, or about none, as faults let it.
func (s *socket) send(account string, message object) {
	if s.dropped {
		return
	}
	g := s.g
	switch {
	case g.strike(SocketSilent, account):
		return
	case g.strike(SocketDrops, account):
		s.end()
		return
	}
	text, err := json.Marshal(message)
	if err != nil {
		panic(err) // messages are made of what JSON has
	}
	if g.strike(SocketReorders, account) && s.held == nil {
		s.held = text
		return
	}
	s.push(text)
	if g.strike(SocketDuplicates, account) {
		s.push(text)
	}
	if s.held != nil {
		s.push(s.held)
		s.held = nil
	}
}

func (s *socket) push(text []byte) {
	select {
	case s.queue <- text:
	default:
		s.end() // the client does not read
	}
}
