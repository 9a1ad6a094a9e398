package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/risk"
)

// eventKinds are the kinds of event that a client can ask for. EventCheckpointFailed is for
// operators.
var eventKinds = texts(accounts.EventProfile, accounts.EventSwitched, accounts.EventRecorded, accounts.EventRefused,
	accounts.EventWarning, accounts.EventBreach, accounts.EventState, accounts.EventCredentials)

var eventRoutes = []route{
	{method: "GET", path: "/events", id: "streamEvents", tag: "events", right: Read, stream: true, codes: []Code{CodeBusy, CodeProfileNotFound},
		text: "Hear what changes, as server-sent events.",
		more: "An event is a hint to look again: `event` is its kind, `data` the JSON of an Event. What is missed is not sent again: after a stream breaks off, read anew. " +
			"A comment comes at least every 15 seconds. The stream ends when the caller is no longer known.",
		params: []param{
			{name: "kind", in: "query", many: true, text: "Only these kinds; all if left out.", schema: schema{Type: types{"string"}, Enum: eventKinds}},
			{name: "profile", in: "query", text: "Only this profile.", schema: schema{Type: types{"string"}, MinLength: 1, MaxLength: 50}}},
		action: just(streamEvents)},
}

// eventView is an event as a stream has it.
type eventView struct {
	Kind      accounts.EventKind `json:"kind"`
	ProfileID accounts.ProfileID `json:"profile_id,omitempty"`
	Seq       int64              `json:"seq,omitempty"`
	Time      time.Time          `json:"time,omitzero"`
	Rule      risk.Rule          `json:"rule,omitempty"`
}

// streamType is the type of a stream of events.
const streamType = "text/event-stream"

// retryAfter is how long a client waits before it connects anew, in milliseconds.
const retryAfter = 2000

// writeTimeout bounds how long one write to a stream may take: a client that does not read loses
// it.
const writeTimeout = 20 * time.Second

func streamEvents(c *call) (*eventView, error) {
	if err := c.stopping(); err != nil {
		return nil, err
	}
	if !c.api.streams.begin(c.caller, c.api.MaxStreams, c.api.MaxStreamsEach) {
		return nil, newProblem(CodeBusy, "")
	}
	defer c.api.streams.end(c.caller)
	only := accounts.ProfileID(c.query("profile"))
	if only != "" {
		if !nameable(string(only)) {
			return nil, newProblem(CodeProfileNotFound, "")
		}
		if _, err := c.api.Manager.Profile(c.ctx, only); err != nil {
			return nil, err
		}
	}
	kinds := []accounts.EventKind{}
	for _, k := range eventKinds {
		if len(c.values["kind"]) == 0 || slices.Contains(c.values["kind"], k) {
			kinds = append(kinds, accounts.EventKind(k))
		}
	}
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	defer context.AfterFunc(c.api.life, cancel)()
	events, err := c.api.Manager.Subscribe(ctx, kinds...)
	if err != nil {
		return nil, err
	}
	s := &stream{call: c, control: http.NewResponseController(c.w)}
	return nil, s.run(ctx, events, only)
}

// streams counts the streams that are open.
type streams struct {
	mu  sync.Mutex
	all int
	of  map[Caller]int
}

// begin counts a stream of a caller's, and reports false if there are too many.
func (s *streams) begin(c Caller, most, mostEach int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= most || s.of[c] >= mostEach {
		return false
	}
	s.all++
	s.of[c]++
	return true
}

// end counts a stream that has ended.
func (s *streams) end(c Caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.of[c]--; s.of[c] == 0 {
		delete(s.of, c)
	}
}

// stream is an answer that goes on.
type stream struct {
	*call
	control *http.ResponseController
	n       int
}

// run writes events until the stream ends. Its end is no error: the answer has begun.
func (s *stream) run(ctx context.Context, events <-chan accounts.Event, only accounts.ProfileID) error {
	s.answered = true
	s.w.Header().Set("Content-Type", streamType)
	s.w.Header().Set("X-Accel-Buffering", "no")
	s.w.WriteHeader(http.StatusOK)
	if s.write(fmt.Sprintf("retry: %d\n\n", retryAfter)) != nil {
		return nil
	}
	alive := time.NewTicker(s.api.KeepAlive)
	defer alive.Stop()
	for {
		var text string
		select {
		case <-ctx.Done():
			return nil
		case <-alive.C:
			if !s.allowed() {
				_ = s.write("event: end\ndata: {}\n\n") // the stream ends all the same
				return nil
			}
			text = ": still here\n\n"
		case e, ok := <-events:
			if !ok {
				return nil
			}
			if only != "" && e.ProfileID != only {
				continue
			}
			text = s.format(e)
		}
		if s.write(text) != nil {
			return nil // the client has left
		}
	}
}

// allowed reports whether the caller is still known, and the same, and may read. Where that cannot
// be told, the caller is not.
func (s *stream) allowed() bool {
	caller, err := s.api.Auth.Authenticate(s.r)
	if err != nil && !errors.Is(err, ErrUnauthenticated) {
		s.api.Logger.WarnContext(s.ctx, "a stream ends: who calls cannot be told", "request_id", requestID(s.r), "err", err)
	}
	return err == nil && s.caller.same(caller)
}

// format writes an event as text.
func (s *stream) format(e accounts.Event) string {
	s.n++
	data, err := json.Marshal(eventView{e.Kind, e.ProfileID, e.Seq, e.Time, e.Rule})
	if err != nil {
		panic(err) // an event is plain values
	}
	return fmt.Sprintf("id: %d\nevent: %s\ndata: %s\n\n", s.n, e.Kind, data)
}

// write sends a text at once.
func (s *stream) write(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
