package cpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ibkr/cpapi/oauth1"
)

// authStatus is the state of the brokerage session. The answer has the HTTP status 200 for a
// session that is lost too.
type authStatus struct {
	Authenticated bool  `json:"authenticated"`
	Established   *bool `json:"established,omitempty"` // older gateways do not send it
	Connected     bool  `json:"connected"`
	Competing     bool  `json:"competing"`
	Fail          text  `json:"fail,omitempty"`
	Message       text  `json:"message,omitempty"`
}

// usable reports whether orders can be placed.
func (a *authStatus) usable() bool {
	return a.Authenticated && a.Connected && !a.Competing && (a.Established == nil || *a.Established)
}

// reason returns the broker's words.
func (a *authStatus) reason() string {
	if a.Fail != "" {
		return string(a.Fail)
	}
	return string(a.Message)
}

// decodeStatus reads the answer of auth/status and ssodh/init.
func decodeStatus(r *reply) (authStatus, error) {
	var s struct {
		Authenticated *bool `json:"authenticated"`
		authStatus
	}
	if err := r.decode(&s); err != nil {
		return authStatus{}, err
	}
	if s.Authenticated == nil {
		return authStatus{}, fmt.Errorf("%s: %w: it has no state of the session", r.path, ErrUnreadable)
	}
	s.authStatus.Authenticated = *s.Authenticated
	return s.authStatus, nil
}

// tickle is the answer to a sign of life.
type tickle struct {
	Session string      `json:"session"` // a secret
	Status  *authStatus `json:"status,omitempty"`
}

// decodeTickle reads the answer to a sign of life. What it says of hmds, the history service, is
// not about the session.
func decodeTickle(r *reply) (tickle, error) {
	var t struct {
		Session text `json:"session"`
		Server  struct {
			Status *authStatus `json:"authStatus"`
		} `json:"iserver"`
	}
	if err := r.decode(&t); err != nil {
		return tickle{}, err
	}
	return tickle{Session: string(t.Session), Status: t.Server.Status}, nil
}

// check finds out what the session is, and makes a new one where there is none. suspect says that
// calls were refused for want of a session, whatever the session says of itself. made says that the
// session is a new one. It returns an error if the session is not known.
func (c *Client) check(ctx context.Context, suspect bool) (status authStatus, made bool, err error) {
	if err := c.logIn(ctx); err != nil {
		return authStatus{}, false, err
	}
	status, err = c.tickle(ctx)
	if errors.Is(err, broker.ErrLoginNeeded) && c.config.OAuth != nil { // the token was revoked
		c.setToken(oauth1.Token{})
		if err = c.logIn(ctx); err == nil {
			status, err = c.tickle(ctx)
		}
	}
	if err != nil {
		return authStatus{}, false, err
	}
	if status.usable() && !suspect || status.Competing && !c.mayCompete() {
		return status, false, nil
	}
	if c.Status().Usable() { // calls wait until the new session is told of its accounts
		c.turn(broker.SessionDisconnected, status.reason())
	}
	status, err = c.initialize(ctx, status.Competing)
	return status, true, err
}

// tickle gives a sign of life.
func (c *Client) tickle(ctx context.Context) (authStatus, error) {
	r, _, err := c.do(ctx, request{method: http.MethodPost, path: "/tickle", priority: prioSession})
	if err != nil {
		return authStatus{}, err
	}
	t, err := decodeTickle(r)
	if err != nil {
		return authStatus{}, err
	}
	c.mu.Lock()
	c.token = t.Session
	c.mu.Unlock()
	if t.Status != nil {
		return *t.Status, nil
	}
	if r, _, err = c.do(ctx, request{method: http.MethodGet, path: "/iserver/auth/status", priority: prioSession}); err != nil {
		return authStatus{}, err
	}
	return decodeStatus(r)
}

// initialize makes a new brokerage session.
func (c *Client) initialize(ctx context.Context, compete bool) (authStatus, error) {
	body := map[string]bool{"publish": true, "compete": compete} // publish: false is answered with 500
	r, _, err := c.do(ctx, request{method: http.MethodPost, path: "/iserver/auth/ssodh/init", body: body, priority: prioSession})
	if err != nil {
		return authStatus{}, err
	}
	return decodeStatus(r)
}

// The bounds of competing: two programs that compete would take the login from each other for ever.
const (
	competeMost  = 3
	competeEvery = time.Hour
)

// mayCompete reports whether the login may be taken back now, and counts it. Only the supervisor
// calls it.
func (c *Client) mayCompete() bool {
	if !c.config.Compete {
		return false
	}
	now := time.Now()
	var recent []time.Time
	for _, at := range c.login.competed {
		if now.Sub(at) < competeEvery {
			recent = append(recent, at)
		}
	}
	if len(recent) >= competeMost {
		c.login.competed = recent
		return false
	}
	c.login.competed = append(recent, now)
	return true
}

// stateOf returns what the outcome of a check says about the session.
func stateOf(s authStatus, err error) (broker.SessionState, string) {
	switch {
	case errors.Is(err, broker.ErrLoginNeeded):
		return broker.SessionLoginNeeded, reasonOf(err)
	case err != nil:
		return broker.SessionDisconnected, reasonOf(err)
	case s.usable():
		return broker.SessionUsable, ""
	case s.Competing:
		return broker.SessionCompeting, s.reason()
	}
	return broker.SessionDisconnected, s.reason()
}

// reasonOf returns the broker's words, or else the error's.
func reasonOf(err error) string {
	var refusal *APIError
	if errors.As(err, &refusal) && refusal.Reason != "" {
		return refusal.Reason
	}
	return err.Error()
}
