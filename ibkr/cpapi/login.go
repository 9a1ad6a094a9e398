package cpapi

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/ai-ots/accounts/ibkr/cpapi/oauth1"
)

// login is what is known of the web session.
type login struct {
	competed []time.Time // when the login was taken back; the supervisor's alone

	mu    sync.Mutex
	token oauth1.Token // zero for a gateway, and before the first login
}

// renewBefore is how long before its end a token is replaced.
const renewBefore = 10 * time.Minute

// tokenPath is where a live session token is asked for.
const tokenPath = "/oauth/live_session_token"

// logIn sees to it that requests can be signed. Only the supervisor calls it: there are no two at
// once.
func (c *Client) logIn(ctx context.Context) error {
	if c.config.OAuth == nil {
		return nil
	}
	c.login.mu.Lock()
	valid := c.login.token.Valid() && time.Until(c.login.token.Expires) > renewBefore
	c.login.mu.Unlock()
	if valid {
		return nil
	}
	exchange, err := c.config.OAuth.Begin(c.base.String()+tokenPath, time.Now())
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	r, _, err := c.do(ctx, request{method: http.MethodPost, path: tokenPath, priority: prioSession, header: exchange.Header()})
	if err != nil {
		return err
	}
	var answer struct {
		Response  string `json:"diffie_hellman_response"`
		Signature string `json:"live_session_token_signature"`
		Expires   whole  `json:"live_session_token_expiration"`
	}
	if err := r.decode(&answer); err != nil {
		return err
	}
	token, err := exchange.Finish(answer.Response, answer.Signature, instant(answer.Expires))
	if err != nil {
		return fmt.Errorf("log in: %w", err)
	}
	c.setToken(token)
	return nil
}

func (c *Client) setToken(t oauth1.Token) {
	c.login.mu.Lock()
	defer c.login.mu.Unlock()
	c.login.token = t
}

// sign adds what authenticates the request; a gateway needs nothing but its cookies.
func (c *Client) sign(r *http.Request, q request) error {
	if c.config.OAuth == nil {
		return nil
	}
	header := q.header
	if header == "" {
		c.login.mu.Lock()
		token := c.login.token
		c.login.mu.Unlock()
		u := *r.URL
		u.RawQuery = ""
		var err error
		if header, err = c.config.OAuth.Authorize(token, r.Method, u.String(), q.query, time.Now()); err != nil {
			return fmt.Errorf("sign: %w", err)
		}
	}
	r.Header.Set("Authorization", header)
	return nil
}
