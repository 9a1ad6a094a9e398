package cpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/ai-ots/accounts/broker"
)

// endpoint names what IBKR paces by itself.
type endpoint int

const (
	anyEndpoint endpoint = iota
	ordersEndpoint
	tradesEndpoint
	portfolioAccountsEndpoint
	subaccountsEndpoint
	endpoints
)

// request is a request of the API.
type request struct {
	method   string
	path     string // below the base address
	query    url.Values
	body     any    // as JSON; nil for none
	header   string // replaces the signature; usually empty
	endpoint endpoint
	priority priority
}

// maxBody bounds an answer. A thousand orders are half a megabyte.
const maxBody = 16 << 20

// get asks for something that changes nothing, and reads the answer into v.
func (c *Client) get(ctx context.Context, path string, query url.Values, p priority, v any) error {
	r, _, err := c.do(ctx, request{method: http.MethodGet, path: path, query: query, priority: p})
	if err != nil {
		return err
	}
	return c.seen(r.decode(v))
}

// do waits for the request's turn and sends it, once. sent is false only where the broker surely
// did not get the request: after an error with sent, the request may have been done. Errors: the
// context's, ErrNotConnected, ErrPaced, ErrClosed.
func (c *Client) do(caller context.Context, q request) (r *reply, sent bool, err error) {
	ctx, cancel := context.WithCancel(caller)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	if err := c.pace.wait(ctx, q.endpoint, q.priority); err != nil {
		return nil, false, c.ended(caller, err)
	}
	if err := c.config.Breaker.err(); err != nil {
		return nil, false, err
	}
	return c.send(caller, q)
}

// ended returns ErrClosed where it was Close that ended a context, and the error otherwise.
func (c *Client) ended(ctx context.Context, err error) error {
	if c.life.Err() != nil {
		return broker.ErrClosed
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// send sends a request.
func (c *Client) send(caller context.Context, q request) (r *reply, sent bool, err error) {
	ctx, cancel := context.WithTimeout(caller, c.config.Limits.Timeout)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)()
	var connecting, wrote atomic.Bool
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { connecting.Store(true) },
		WroteHeaders: func() { wrote.Store(true) },
	})
	req, err := c.build(ctx, q)
	if err != nil {
		return nil, false, err
	}
	asked, epoch := c.now(), c.session()
	res, err := c.http.Do(req)
	if err == nil {
		r = &reply{path: q.path, status: res.StatusCode, asOf: asked, epoch: epoch}
		r.body, err = io.ReadAll(io.LimitReader(res.Body, maxBody+1))
		err = errors.Join(err, res.Body.Close())
		if err == nil && len(r.body) > maxBody {
			return nil, true, fmt.Errorf("%s: %w: it is longer than %d bytes", q.path, ErrUnreadable, maxBody)
		}
	}
	if r != nil && r.status == http.StatusTooManyRequests {
		c.config.Breaker.trip()
	}
	if err != nil {
		// A transport that does not tell when it writes may have written.
		sent = wrote.Load() || !connecting.Load() || r != nil
		if caller.Err() != nil || c.life.Err() != nil {
			return nil, sent, c.ended(caller, err)
		}
		return nil, sent, fmt.Errorf("%s %s: %w: %w", q.method, q.path, broker.ErrNotConnected, withoutURL(err))
	}
	return r, true, nil
}

// session returns the number of the session.
func (c *Client) session() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.epoch
}

// build makes the HTTP request. It has no GetBody: the transport cannot send the body a second
// time.
func (c *Client) build(ctx context.Context, q request) (*http.Request, error) {
	u := *c.base
	u.Path += q.path
	u.RawQuery = q.query.Encode()
	var body io.Reader
	if q.body != nil {
		b, err := json.Marshal(q.body)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.path, err)
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, u.String(), body)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", q.path, withoutURL(err))
	}
	req.GetBody = nil
	req.Header.Set("User-Agent", "accounts/1") // the gateway refuses a request without one
	req.Header.Set("Accept", "application/json")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	return req, c.sign(req, q)
}

// withoutURL takes the address, whose query may be a secret, out of an error.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// pathOf joins parts of a path, each escaped.
func pathOf(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString("/" + url.PathEscape(p))
	}
	return b.String()
}
