package cpapi

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/coder/websocket"

	"github.com/ai-ots/accounts/broker"
)

// listen hears the websocket while there is a session, until Close.
func (c *Client) listen() {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = c.config.Limits.Retry, c.config.Limits.RetryMax
	for {
		select {
		case <-c.life.Done():
			return
		case <-c.connected:
		}
		for c.Status().Usable() {
			if c.stream() {
				pauses.Reset()
			}
			if !c.rest(pauses.NextBackOff()) {
				return
			}
		}
	}
}

// rest waits, or until there is a new session. It returns false after Close.
func (c *Client) rest(wait time.Duration) bool {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-c.life.Done():
		return false
	case <-c.connected:
	case <-timer.C:
	}
	return true
}

const (
	// maxMessage bounds a message of the websocket.
	maxMessage = 4 << 20
	// deafAfter is how many signs of life may be missing before the connection counts as broken.
	deafAfter = 3
)

// subscriptions are what the client wants to hear of. After a connection nothing of before it is
// sent again.
var subscriptions = []string{`sor+{}`, `str+{"realtimeUpdatesOnly":true}`}

// stream hears one connection until it breaks, and reports whether it came to be. What happened
// before it was missed: the hints when it begins are about everything.
func (c *Client) stream() bool {
	ctx, cancel := context.WithCancel(c.life)
	defer cancel()
	epoch := c.session()
	conn, err := c.dial(ctx)
	if err != nil {
		return false // polling goes on: the stream has hints only
	}
	defer func() { _ = conn.CloseNow() }() // it is broken, or nobody listens any more
	conn.SetReadLimit(maxMessage)
	for _, s := range subscriptions {
		if conn.Write(ctx, websocket.MessageText, []byte(s)) != nil {
			return false
		}
	}
	c.lines.begin()
	defer c.lines.end()
	for _, kind := range []broker.EventKind{broker.EventSession, broker.EventOrders, broker.EventExecutions, broker.EventPositions} {
		c.hint(kind, "")
	}
	var heard atomic.Bool
	var keeper sync.WaitGroup
	keeper.Go(func() {
		defer cancel()
		c.keepAlive(ctx, conn, &heard)
	})
	defer keeper.Wait()
	defer cancel()
	for {
		_, body, err := conn.Read(ctx)
		if err != nil {
			return true
		}
		heard.Store(true)
		c.hear(epoch, body)
	}
}

// dial opens the websocket. Its address may have a secret: no error of it is kept.
func (c *Client) dial(ctx context.Context) (*websocket.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Limits.Timeout)
	defer cancel()
	if err := c.config.Breaker.err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	token := c.token
	c.mu.Unlock()
	u := *c.base
	u.Scheme, u.Path = "wss", u.Path+"/ws"
	cookie := `api={"session":"` + token + `"}`
	if c.config.OAuth != nil {
		u.RawQuery = url.Values{"oauth_token": {c.config.OAuth.AccessToken()}}.Encode()
		cookie = "api=" + token
	}
	header := http.Header{"Cookie": {cookie}, "User-Agent": {"ClientPortalGW/1"}}
	conn, res, err := websocket.Dial(ctx, u.String(), &websocket.DialOptions{HTTPClient: c.http, HTTPHeader: header})
	if err != nil {
		if res != nil && res.StatusCode == http.StatusTooManyRequests {
			c.config.Breaker.trip()
		}
		return nil, fmt.Errorf("/ws: %w", broker.ErrNotConnected)
	}
	return conn, nil
}

// keepAlive gives signs of life, subscribes to quotes that are asked for, and hints at those that
// came. It returns when the connection is deaf, when there is a new session, or when the context
// ends.
func (c *Client) keepAlive(ctx context.Context, conn *websocket.Conn, heard *atomic.Bool) {
	ticker, quotes := time.NewTicker(c.config.Limits.Ping), time.NewTicker(c.config.Limits.Quotes)
	defer ticker.Stop()
	defer quotes.Stop()
	missing := 0
	for {
		for _, text := range c.lines.commands(time.Now()) {
			if conn.Write(ctx, websocket.MessageText, []byte(text)) != nil {
				return
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-c.connected:
			select { // listen goes on with it
			case c.connected <- struct{}{}:
			default:
			}
			return
		case <-c.lines.changed:
			continue
		case <-quotes.C:
			if c.lines.hasMoved() {
				c.hint(broker.EventQuotes, "")
			}
			continue
		case <-ticker.C:
		}
		if missing++; heard.Swap(false) {
			missing = 0
		}
		if missing >= deafAfter || conn.Write(ctx, websocket.MessageText, []byte("tic")) != nil {
			return
		}
	}
}

// message is a message of the websocket.
type message struct {
	Topic string          `json:"topic"`
	Args  json.RawMessage `json:"args"`
}

// decodeMessage reads a message and the accounts that its rows are of. A row may name none.
func decodeMessage(body []byte) (m message, accounts []string, err error) {
	if err := json.Unmarshal(body, &m); err != nil {
		return m, nil, fmt.Errorf("message: %w: %w", ErrUnreadable, err)
	}
	type row struct {
		Account text `json:"account"`
		Acct    text `json:"acct"`
		Code    text `json:"accountCode"`
	}
	var rows []row
	if len(m.Args) > 0 && json.Unmarshal(m.Args, &rows) != nil {
		rows = make([]row, 1)
		_ = json.Unmarshal(m.Args, &rows[0]) // any other form names no account
	}
	for _, r := range rows {
		accounts = append(accounts, string(cmp.Or(r.Account, r.Acct, r.Code)))
	}
	return m, accounts, nil
}

// hear turns a message of a session into hints. What cannot be read is a sign of life all the same.
func (c *Client) hear(epoch int64, body []byte) {
	m, accounts, err := decodeMessage(body)
	if err != nil {
		return
	}
	if strings.HasPrefix(m.Topic, topicOfQuotes) {
		if c.session() == epoch {
			c.lines.hear(time.Now(), m.Topic, body)
		}
		return
	}
	var kinds []broker.EventKind
	switch m.Topic {
	case "sor":
		kinds = []broker.EventKind{broker.EventOrders}
	case "str":
		kinds = []broker.EventKind{broker.EventExecutions, broker.EventPositions}
	case "sts":
		c.hearStatus(epoch, m.Args)
		return
	case "ntf":
		c.hearNotifications(epoch, m.Args)
		return
	}
	for _, id := range accounts {
		if !c.hears(broker.AccountID(id)) {
			continue
		}
		for _, kind := range kinds {
			c.hint(kind, broker.AccountID(id))
		}
	}
}

// hears reports whether hints of an account are passed on: those of accounts that the login does
// not have would have no bound.
func (c *Client) hears(id broker.AccountID) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, known := c.accounts[id]
	return known || id == ""
}

// hearStatus lets the supervisor look where the session has ended or is used elsewhere.
func (c *Client) hearStatus(epoch int64, args json.RawMessage) {
	var s struct {
		Authenticated *bool `json:"authenticated"`
		Competing     bool  `json:"competing"`
		Message       text  `json:"message"`
		Fail          text  `json:"fail"`
	}
	if json.Unmarshal(args, &s) != nil {
		return
	}
	if s.Competing || s.Authenticated != nil && !*s.Authenticated {
		a := authStatus{Message: s.Message, Fail: s.Fail}
		c.lose(epoch, a.reason())
	}
}
