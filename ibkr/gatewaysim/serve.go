package gatewaysim

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// reply is what the gateway answers.
type reply struct {
	status int
	body   any    // JSON; nothing if nil
	page   string // in place of body: a page of HTML
	words  string // in place of body: bare text
	to     string // where the answer sends the client
	cut    bool   // the connection breaks in the middle of the body
	drop   bool   // the connection breaks instead
	holds  []*Injection
	// upgrade makes a websocket of the connection
	upgrade bool
}

func ok(body any) reply { return reply{status: http.StatusOK, body: body} }

// failed is an error with a status, as most of IBKR's are.
func failed(status int, text string) reply {
	return reply{status: status, body: object{"error": text, "statusCode": status}}
}

// refused is an error under status 200, as IBKR's orders have them.
func refused(text string) reply { return ok(object{"error": text}) }

const maxBody = 1 << 20

// ServeHTTP answers a request, as the server that Start starts does.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !g.enter() {
		panic(http.ErrAbortHandler)
	}
	defer g.running.Done()
	came := g.config.Pacing.Clock() // before the lock, as it may be the market's
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body cannot be read", http.StatusBadRequest)
		return
	}
	c := newCall(r, body)
	c.came = came
	early, paced := g.arrive(c, r.Method)
	if !g.wait(r.Context(), early) {
		panic(http.ErrAbortHandler)
	}
	a, text := g.answer(c, early, paced)
	if !g.wait(r.Context(), a.holds) || a.drop {
		panic(http.ErrAbortHandler)
	}
	if a.upgrade {
		g.serveSocket(w, r)
		return
	}
	a.write(w, text)
}

// write writes the answer to a client, which may have gone.
func (a *reply) write(w http.ResponseWriter, text []byte) {
	kind := "application/json"
	switch {
	case a.page != "":
		kind = "text/html"
	case a.words != "":
		kind = "text/plain"
	}
	w.Header().Set("Content-Type", kind+"; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	if a.to != "" {
		w.Header().Set("Location", a.to)
	}
	w.WriteHeader(a.status)
	if a.cut {
		_, _ = w.Write(text[:len(text)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(text)
}

// enter makes Close wait for a request, whose end is running.Done; false if the gateway is closed.
func (g *Gateway) enter() bool {
	g.market.lock()
	defer g.market.mu.Unlock()
	if g.isClosed() {
		return false
	}
	g.running.Add(1)
	return true
}

// arrive notes a request, and returns the faults that strike before it is processed, and whether it
// came too fast.
func (g *Gateway) arrive(c *call, method string) (early []*Injection, paced bool) {
	g.market.lock()
	defer g.market.mu.Unlock()
	g.note(c, method)
	if !g.take(c.route, c.came) {
		return nil, true
	}
	return g.strikesAt(onArrival, c), false
}

// answer processes a request, and returns the answer with its bytes.
func (g *Gateway) answer(c *call, early []*Injection, paced bool) (reply, []byte) {
	g.market.lock()
	defer g.market.mu.Unlock()
	var a reply
	if paced {
		a = tooMany()
	} else {
		a = g.process(c, early)
	}
	c.entry.Status = a.status
	if a.drop {
		c.entry.Status = 0
	}
	text, err := a.text()
	if err != nil {
		panic(err) // answers are made of what JSON has
	}
	g.happened()
	return a, text
}

func tooMany() reply { return failed(http.StatusTooManyRequests, "Too many requests") }

func (a *reply) text() ([]byte, error) {
	if a.page != "" || a.words != "" || a.body == nil {
		return []byte(a.page + a.words), nil
	}
	return json.Marshal(a.body)
}

// wait waits until faults let go of a request; false if the request or the gateway ends before.
func (g *Gateway) wait(ctx context.Context, list []*Injection) bool {
	for _, n := range list {
		if n.fault.Kind != HoldRequest && n.fault.Kind != HoldAnswer {
			continue
		}
		select {
		case <-n.open:
		case <-ctx.Done():
			return false
		case <-g.closed:
			return false
		}
	}
	return true
}

// process answers a request that was taken.
func (g *Gateway) process(c *call, early []*Injection) reply {
	if a := g.early(c, early); a.status != 0 || a.drop {
		return a
	}
	a := g.handle(c)
	for _, n := range g.strikesAt(onAnswer, c) {
		a = g.bend(n, c, a)
	}
	if c.route != nil && a.status == http.StatusOK {
		g.remember(c, a.body)
	}
	return a
}

// early does what faults do before a request is processed. An answer with a status is given in the
// gateway's place.
func (g *Gateway) early(c *call, faults []*Injection) reply {
	for _, n := range faults {
		c.entry.Faults = append(c.entry.Faults, n.fault.Kind)
		if a := g.act(n.fault, c); a.status != 0 || a.drop {
			return a
		}
	}
	return reply{}
}

// act does what a fault does by itself, and returns what it answers in the gateway's place; nothing
// if it has no status and does not drop the connection.
func (g *Gateway) act(f Fault, c *call) reply {
	switch f.Kind {
	case SessionDies:
		g.loseBridge("")
	case SessionCompetes:
		g.compete()
	case NightlyReset:
		g.newDay()
	case LoginExpires:
		g.expireLogin()
	case AccountSwitched:
		_ = g.selectAccount(f.Text) // which Inject has checked
	case QuestionVoided:
		g.question = nil
	case SnapshotsForgot:
		clear(g.bridge.quoted)
	case OrdersFiltered:
		g.bridge.filtered = true
	case LiveOrdersForgot:
		clear(g.bridge.preflights)
	case LockAddress:
		g.config.Address.Lock(c.came.Add(g.config.Pacing.Lockout))
	}
	return inPlace(f)
}

// inPlace is what a fault answers in the gateway's place; without a status if it does not.
func inPlace(f Fault) reply {
	switch f.Kind {
	case DropRequest, DropAnswer:
		return reply{drop: true}
	case Answer401:
		return failed(http.StatusUnauthorized, "not authenticated")
	case Answer429, LockAddress:
		return tooMany()
	case Answer500:
		return failed(http.StatusInternalServerError, "unknown")
	case Answer503:
		return failed(http.StatusServiceUnavailable, "Service Unavailable")
	case AnswerHTML:
		return reply{status: http.StatusOK, page: "<html><head><title>Login</title></head><body>Login</body></html>"}
	case AnswerText:
		return reply{status: http.StatusServiceUnavailable, words: "Service Unavailable"}
	case AnswerRedirect:
		return reply{status: http.StatusFound, to: "/sso/Login"}
	case AnswerEmpty:
		return reply{status: http.StatusOK}
	case AnswerNoBridge:
		return noBridge()
	case AnswerError:
		return refused(f.Text)
	}
	return reply{}
}

func noBridge() reply { return failed(http.StatusBadRequest, "Bad Request: no bridge") }

// handle answers a request as IBKR does where nothing goes wrong.
func (g *Gateway) handle(c *call) reply {
	switch {
	case c.route == nil:
		return failed(http.StatusNotFound, "Not Found")
	case g.login.ended:
		return failed(http.StatusUnauthorized, "not authenticated")
	case g.market.down():
		return failed(http.StatusServiceUnavailable, "Service Unavailable")
	}
	if strings.HasPrefix(c.path, "/iserver/") && !c.route.free {
		if g.market.inMaintenance() {
			return failed(http.StatusServiceUnavailable, "Service Unavailable")
		}
		if !g.bridge.open {
			return noBridge()
		}
	}
	if c.route.pattern == RouteSocket {
		return reply{status: http.StatusSwitchingProtocols, upgrade: true}
	}
	return c.route.answer(g, c)
}
