package endtoend

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
)

// stage is a moment on an order's way to the gateway, or on a fill's way into the book.
type stage string

const (
	reserved    stage = "reserved"    // Reserve has returned
	dispatching stage = "dispatching" // the store is asked to append the dispatch
	dispatched  stage = "dispatched"
	placing     stage = "placing" // the engine has called Place
	sending     stage = "sending" // the request of the order has had its turn, and goes to the transport
	onTheWire   stage = "wire"    // the gateway has read the head of the request

	filled    stage = "filled"    // the gateway makes the execution
	hinted    stage = "hinted"    // the engine has the first hint
	looking   stage = "looking"   // Orders is called
	listed    stage = "listed"    // Orders has returned
	asking    stage = "asking"    // Executions is called
	told      stage = "told"      // Executions has returned
	recording stage = "recording" // the store is asked to append the execution
	recorded  stage = "recorded"  // the append has returned
	inTheBook stage = "book"      // EventRecorded tells of it, and the hold has ended

	halting    stage = "halting"    // Halt is called
	cancelling stage = "cancelling" // the gateway has the head of the request to cancel the order
	halted     stage = "halted"     // Halt has returned

	otherStage stage = "not a stage of interest"
)

// moment is when something was, and what the process had spent on requests by then.
type moment struct {
	at       time.Time
	requests int           // to the gateway, that have returned
	http     time.Duration // that they took
	gateway  time.Duration // of which the gateway had them
}

// moments are those of one order.
type moments map[stage]moment

// probe notes when things happen to the accounts that are measured. Of a stage that comes several times it
// keeps the last before the execution is recorded, and the first hint.
type probe struct {
	mu       sync.Mutex
	spent    moment
	measured map[string]moments // by account
	looks    map[string]int     // calls of Orders, by account
	accounts map[accounts.ProfileID]string
}

func newProbe() *probe {
	return &probe{measured: map[string]moments{}, looks: map[string]int{}, accounts: map[accounts.ProfileID]string{}}
}

// begin begins to measure an account, at a stage.
func (p *probe) begin(account string, s stage) {
	p.mu.Lock()
	p.measured[account] = moments{}
	p.mu.Unlock()
	p.note(account, s)
}

// end ends the measurement of an account at a time, as a stage, and returns what was noted.
func (p *probe) end(account string, s stage, at time.Time) moments {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.measured[account]
	delete(p.measured, account)
	m[s] = moment{at: at, requests: p.spent.requests, http: p.spent.http, gateway: p.spent.gateway}
	return m
}

// note notes that an account has come to a stage now.
func (p *probe) note(account string, s stage) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if s == looking {
		p.looks[account]++
	}
	m := p.measured[account]
	if m == nil || s == otherStage {
		return
	}
	_, again := m[s]
	if _, over := m[recorded]; over || again && (s == hinted || s == onTheWire || s == cancelling) {
		return
	}
	m[s] = moment{now, p.spent.requests, p.spent.http, p.spent.gateway}
}

// spend counts a request.
func (p *probe) spend(requests int, http, gateway time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.spent.requests += requests
	p.spent.http += http
	p.spent.gateway += gateway
}

// looked returns how often the orders of an account were asked for.
func (p *probe) looked(account string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.looks[account]
}

// timedStore notes the appends of dispatches and executions.
type timedStore struct {
	accounts.Store
	*probe
}

// stagesOf are the stages before and after a batch is appended.
func stagesOf(b accounts.Batch) (before, after stage) {
	switch kind(b) {
	case "dispatch":
		return dispatching, dispatched
	case "trade":
		return recording, recorded
	}
	return otherStage, otherStage
}

func (s timedStore) Append(ctx context.Context, b accounts.Batch) error {
	before, after := stagesOf(b)
	s.note(s.accounts[b.ProfileID], before)
	err := s.Store.Append(ctx, b)
	s.note(s.accounts[b.ProfileID], after)
	return err
}

func (s timedStore) AppendLocked(ctx context.Context, id accounts.ProfileID, after int64, decide func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error)) error {
	var then stage
	err := s.Store.AppendLocked(ctx, id, after, func(tail iter.Seq2[accounts.Entry, error]) (accounts.Batch, error) {
		b, err := decide(tail)
		var before stage
		before, then = stagesOf(b)
		s.note(s.accounts[id], before)
		return b, err
	})
	s.note(s.accounts[id], then)
	return err
}

// timedSession notes the calls of the engine.
type timedSession struct {
	broker.Broker
	*probe
}

func (s timedSession) Place(ctx context.Context, a broker.AccountID, t broker.Ticket) (broker.Ack, error) {
	s.note(string(a), placing)
	return s.Broker.Place(ctx, a, t)
}

func (s timedSession) Orders(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Order], error) {
	s.note(string(a), looking)
	defer s.note(string(a), listed)
	return s.Broker.Orders(ctx, a)
}

func (s timedSession) Executions(ctx context.Context, a broker.AccountID, since time.Time) (broker.Executions, error) {
	s.note(string(a), asking)
	defer s.note(string(a), told)
	return s.Broker.Executions(ctx, a, since)
}

// Watch passes the hints on, and notes them.
func (s timedSession) Watch(ctx context.Context) (<-chan broker.Event, error) {
	from, err := s.Broker.Watch(ctx)
	if err != nil {
		return nil, err
	}
	to := make(chan broker.Event)
	go func() {
		defer close(to)
		for event := range from {
			if event.Kind == broker.EventOrders || event.Kind == broker.EventExecutions {
				s.note(string(event.Account), hinted)
			}
			select {
			case to <- event:
			case <-ctx.Done():
				return
			}
		}
	}()
	return to, nil
}

// timedTransport notes the requests of orders as they leave, and counts all.
type timedTransport struct {
	http.RoundTripper
	*probe
}

// about returns the account of a request that places or cancels an order; empty for any other.
func about(r *http.Request, method string) string {
	parts := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/api/iserver/account/"), "/")
	if r.Method != method || len(parts) < 2 || !strings.HasPrefix(parts[1], "order") {
		return ""
	}
	return parts[0]
}

func (t timedTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.note(about(r, http.MethodPost), sending)
	began := time.Now()
	res, err := t.RoundTripper.RoundTrip(r)
	if err == nil && res.StatusCode != http.StatusSwitchingProtocols {
		t.spend(1, time.Since(began), 0)
	}
	return res, err
}

// barePath answers a request that nobody has to think about.
const barePath = "/bare"

// timedHandler notes the requests of orders as they arrive.
type timedHandler struct {
	http.Handler
	*probe
}

func (h timedHandler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.note(about(r, http.MethodPost), onTheWire)
	h.note(about(r, http.MethodDelete), cancelling)
	if r.URL.Path == barePath {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode([]string{"as good as nothing"})
		return
	}
	if strings.HasSuffix(r.URL.Path, "/ws") {
		h.Handler.ServeHTTP(w, r)
		return
	}
	began := time.Now()
	h.Handler.ServeHTTP(w, r)
	h.spend(0, 0, time.Since(began))
}

// get asks for the bare path.
func get(client *http.Client, url string) error {
	res, err := client.Get(url)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %w", res.Status, err)
	}
	return nil
}
