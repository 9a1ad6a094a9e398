package cpapi

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"github.com/ai-ots/accounts/broker"
)

// supervise keeps the session up until Close. It closes tried after the first attempt. No error
// ends it.
func (c *Client) supervise(tried chan struct{}) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = c.config.Limits.Retry, c.config.Limits.RetryMax
	suspect, last := false, time.Time{}
	for {
		started := time.Now()
		usable := c.attempt(suspect) && c.isTold()
		if tried != nil {
			close(tried)
			tried = nil
		}
		wait := c.config.Limits.Tickle
		if usable {
			// A session that lives for a moment only is no success.
			if time.Since(last) > c.config.Limits.RetryMax {
				pauses.Reset()
			}
		} else {
			wait = pauses.NextBackOff()
			last = started
		}
		var open bool
		if suspect, open = c.pause(wait, pauses); !open {
			return
		}
		if suspect {
			last = time.Now()
		}
	}
}

// pause waits, or until a call says that the session is lost; then it waits for the pause between
// attempts, so that calls that are refused cannot hurry attempts. open is false after Close.
func (c *Client) pause(wait time.Duration, pauses *backoff.ExponentialBackOff) (suspect, open bool) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-c.life.Done():
		return false, false
	case <-timer.C:
		return false, true
	case <-c.lost:
	}
	short := time.NewTimer(pauses.NextBackOff())
	defer short.Stop()
	select {
	case <-c.life.Done():
		return false, false
	case <-short.C:
		return true, true
	}
}

// attempt looks at the session, makes one where there is none, and reports whether it can be used.
func (c *Client) attempt(suspect bool) bool {
	status, made, err := c.check(c.life, suspect)
	state, reason := stateOf(status, err)
	c.mu.Lock()
	fresh := state == broker.SessionUsable && (made || c.status.Session != broker.SessionUsable)
	if fresh {
		c.forget()
	}
	c.mu.Unlock()
	told := c.isTold()
	if state == broker.SessionUsable && !told { // a login tells of its accounts by and by
		if err := c.tell(c.life); err != nil {
			state, reason = stateOf(authStatus{}, err)
		}
	}
	c.turn(state, reason)
	if !fresh && told != c.isTold() {
		c.hint(broker.EventSession, "")
	}
	return state == broker.SessionUsable
}

// forget begins a new session: it knows nothing of what the last was told. c.mu is held.
func (c *Client) forget() {
	c.epoch++
	c.prepared, c.told, c.prompt = false, false, ""
	c.lines.end()
	c.warm, c.searched, c.seenBy = map[warmth]int{}, map[string]bool{}, map[broker.AccountID]*seen{}
}

// turn puts the session into a state, and hints at the change.
func (c *Client) turn(state broker.SessionState, reason string) {
	c.mu.Lock()
	was := c.status
	if state == broker.SessionUsable {
		reason = c.prompt // the one thing that there is to say of a session that can be used
	}
	if was.Session == broker.SessionClosed || was.Session == state && was.Reason == reason {
		c.mu.Unlock()
		return
	}
	c.status = broker.Status{Session: state, Since: was.Since, Reason: reason}
	if was.Session != state {
		c.status.Since = c.now()
	}
	c.mu.Unlock()
	if state == broker.SessionUsable {
		select {
		case c.connected <- struct{}{}:
		default:
		}
	}
	c.hint(broker.EventSession, "")
}

// seen looks at the error of a call for signs that the session is lost, and returns the error.
func (c *Client) seen(err error) error {
	var refusal *APIError
	if errors.As(err, &refusal) && refusal.Status < 500 && (errors.Is(err, broker.ErrLoginNeeded) || errors.Is(err, broker.ErrNotConnected)) {
		c.lose(refusal.epoch, refusal.Reason)
	}
	if errors.Is(err, errNotPrepared) {
		c.mu.Lock()
		c.prepared = false
		c.mu.Unlock()
	}
	return err
}

// lose says that a session is lost, until the supervisor has looked. What is told late of an
// earlier session says nothing.
func (c *Client) lose(epoch int64, reason string) {
	c.mu.Lock()
	current := c.status.Usable() && c.epoch == epoch
	c.mu.Unlock()
	if !current {
		return
	}
	c.turn(broker.SessionDisconnected, reason)
	select {
	case c.lost <- struct{}{}:
	default:
	}
}

// prepare tells the session of its accounts, once: other calls need it. Callers that come meanwhile
// wait.
func (c *Client) prepare(ctx context.Context) error {
	if c.isPrepared() {
		return nil
	}
	if err := c.preparing.lock(ctx, prioSession); err != nil {
		return c.ended(ctx, err)
	}
	defer c.preparing.unlock()
	if c.isPrepared() {
		return nil
	}
	_, _, err := c.loadAccounts(ctx)
	return err
}

// tell tells the session of its accounts, even if it was told before.
func (c *Client) tell(ctx context.Context) error {
	c.mu.Lock()
	c.prepared = false
	c.mu.Unlock()
	return c.prepare(ctx)
}

// isPrepared reports whether the session was told of its accounts.
func (c *Client) isPrepared() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.prepared
}

// isTold reports whether the session has told of all accounts. Until then the supervisor asks
// again.
func (c *Client) isTold() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told
}
