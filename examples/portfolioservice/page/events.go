package page

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/httpapi"
)

var eventRoutes = []route{
	{method: "GET", path: "/events", right: httpapi.Read, stream: true, run: streamEvents},
}

// Streams are bounded, and say that they are alive.
const (
	maxStreams     = 1000
	maxStreamsEach = 50 // of one caller
	keepAlive      = 15 * time.Second
	writeTimeout   = 20 * time.Second // a browser that does not read for so long loses the stream
)

// streams counts the streams that are open.
type streams struct {
	mu  sync.Mutex
	all int
	of  map[string]int // by caller
}

// begin counts a stream of a caller's, and reports false if there are too many.
func (s *streams) begin(caller string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= maxStreams || s.of[caller] >= maxStreamsEach {
		return false
	}
	s.all++
	s.of[caller]++
	return true
}

// end counts a stream that has ended.
func (s *streams) end(caller string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if s.of[caller]--; s.of[caller] == 0 {
		delete(s.of, caller)
	}
}

// streamEvents tells the browser when something has changed that the page shows. An event has no
// figures: it is a hint to read the page again. The parameter account bounds it to one account.
func streamEvents(c *call) error {
	only := accounts.ProfileID(c.r.URL.Query().Get("account"))
	if only != "" {
		if !nameable(string(only)) {
			return accounts.ErrProfileNotFound
		}
		if _, err := c.page.Manager.Profile(c.ctx, only); err != nil {
			return err
		}
	}
	who := string(c.caller.Owner) + "\x00" + c.caller.Name
	if !c.page.streams.begin(who) {
		return errBusy
	}
	defer c.page.streams.end(who)
	ctx, cancel := context.WithCancel(c.ctx)
	defer cancel()
	defer context.AfterFunc(c.page.life, cancel)()
	if c.session != nil {
		defer context.AfterFunc(c.session.life, cancel)()
	}
	events, err := c.page.Manager.Subscribe(ctx, accounts.EventProfile, accounts.EventSwitched, accounts.EventRecorded,
		accounts.EventRefused, accounts.EventWarning, accounts.EventBreach, accounts.EventState, accounts.EventCredentials)
	if err != nil {
		return err
	}
	s := &stream{call: c, control: http.NewResponseController(c.w)}
	s.run(ctx, events, only)
	return nil
}

// stream is an answer that goes on.
type stream struct {
	*call
	control *http.ResponseController
}

// run writes events until the stream ends. Its end is no error: the answer has begun.
func (s *stream) run(ctx context.Context, events <-chan accounts.Event, only accounts.ProfileID) {
	s.w.Header().Set("Content-Type", "text/event-stream")
	s.w.Header().Set("X-Accel-Buffering", "no")
	s.w.WriteHeader(http.StatusOK)
	if !s.send("retry: 2000\n\n") {
		return
	}
	alive := time.NewTicker(keepAlive)
	defer alive.Stop()
	for {
		kind := "changed"
		select {
		case <-ctx.Done():
			_ = s.send("event: end\ndata: {}\n\n") // the stream ends all the same
			return
		case <-alive.C:
			kind = "keepalive"
			if !s.allowed() {
				kind = "end"
			}
		case e, ok := <-events:
			if !ok {
				kind = "end"
			} else if only != "" && e.ProfileID != only {
				continue
			}
		}
		if !s.send("event: "+kind+"\ndata: {}\n\n") || kind == "end" {
			return
		}
	}
}

// allowed reports whether the caller is still known, and the same, and may read. Where that cannot
// be told, the caller is not.
func (s *stream) allowed() bool {
	caller, err := s.identify(false)
	if err != nil && !errors.Is(err, httpapi.ErrUnauthenticated) {
		s.page.Logger.WarnContext(s.ctx, "a stream ends: who calls cannot be told", "err", err)
	}
	return err == nil && same(s.caller, caller)
}

// send writes a text at once, and reports whether the browser is still there.
func (s *stream) send(text string) bool {
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return false
	}
	_, err := s.w.Write([]byte(text))
	return err == nil && s.control.Flush() == nil
}
