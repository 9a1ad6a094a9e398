package cpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/internal/hub"
)

// Client is one login at IBKR; it implements [broker.Broker]. Make one with [Open]. It is safe for
// concurrent use.
//
// Errors besides those of [broker.Broker]: ErrUnreadable for an answer that cannot be read, and
// *APIError for a refusal. Place returns them for what it asks before it sends the order alone.
//
// Contracts are looked up once in the life of a client. Stocks, options and futures are found by
// their terms; an option on an index wants its Underlying, such as SPX for SPXW. Other contracts
// are found by their ConID alone, which positions, orders and executions give. Where a ConID is
// given, its terms must be the contract's.
type Client struct {
	config Config
	base   *url.URL
	http   *http.Client

	life    context.Context // ends with Close
	end     context.CancelFunc
	running sync.WaitGroup // the supervisor and the stream

	pace      *pacer
	preparing turnstile // held while the session is told of its accounts
	selection turnstile // held while an account is selected and asked about
	ordering  turnstile // held during one conversation about an order: any other would void its questions
	contracts contracts
	refs      refs
	lines     *lines
	login     login
	hints     *hub.Hub[broker.Event, broker.Event]
	hinting   sync.Mutex // held while events are published, and while a watch begins

	lost      chan struct{} // tells the supervisor to look at the session now
	connected chan struct{} // tells the stream that there is a new session; has room for one

	mu       sync.Mutex
	status   broker.Status
	epoch    int64  // counts the sessions that could be used
	token    string // the session's secret, for the websocket
	accounts map[broker.AccountID]broker.Account
	prepared bool           // this session was told of its accounts
	told     bool           // and has told of all
	prompt   string         // what the broker asked a person in this session
	warm     map[warmth]int // the lists that are warm, with how many rows they had
	seenBy   map[broker.AccountID]*seen
	searched map[string]bool // underlyings whose derivatives this session can look up
}

// warmth is a list that has been asked for once in a session.
type warmth struct {
	endpoint endpoint
	account  broker.AccountID
}

var _ broker.Broker = (*Client)(nil)

// Open returns a client, after its first attempt to connect has ended. That the attempt failed is
// no error: the client tries on, and Status tells. The caller calls Close. Errors: ErrInvalid for a
// wrong configuration, and the context's, which bounds the first attempt alone.
func Open(ctx context.Context, config Config) (*Client, error) {
	base, err := config.complete()
	if err != nil {
		return nil, err
	}
	c := &Client{
		config: config, base: base, pace: newPacer(&config.Limits), lines: newLines(config.Limits.Lines),
		lost: make(chan struct{}, 1), connected: make(chan struct{}, 1), warm: map[warmth]int{}, searched: map[string]bool{}, seenBy: map[broker.AccountID]*seen{},
		hints: hub.New(func(e broker.Event) broker.Event { return e }, broker.ErrClosed),
	}
	if c.http, err = config.client(); err != nil {
		return nil, err
	}
	c.status = broker.Status{Session: broker.SessionDisconnected, Since: c.now(), Reason: "connecting"}
	c.life, c.end = context.WithCancel(context.Background())
	tried := make(chan struct{})
	c.running.Go(func() { c.supervise(tried) })
	c.running.Go(c.listen)
	select {
	case <-tried:
		return c, nil
	case <-ctx.Done():
		_ = c.Close() // which has no error
		return nil, ctx.Err()
	}
}

// now returns the time in UTC at the precision of journals.
func (c *Client) now() time.Time { return c.config.Clock().UTC().Truncate(time.Microsecond) }

// Status implements [broker.Broker].
func (c *Client) Status() broker.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	s := c.status
	if s.Session != broker.SessionClosed {
		s.Reset = c.config.Reset(c.now())
	}
	return s
}

// Close implements [broker.Broker]. It waits for the client's goroutines, and leaves the broker's
// session as it is: other programs may use it.
func (c *Client) Close() error {
	c.mu.Lock()
	if c.status.Session != broker.SessionClosed {
		c.status = broker.Status{Session: broker.SessionClosed, Since: c.now()}
	}
	c.mu.Unlock()
	c.end()
	c.hints.Close()
	c.running.Wait()
	c.http.CloseIdleConnections()
	return nil
}

// Watch implements [broker.Broker].
func (c *Client) Watch(ctx context.Context) (<-chan broker.Event, error) {
	c.hinting.Lock()
	defer c.hinting.Unlock()
	events, err := c.hints.Subscribe(ctx, nil)
	if err == nil {
		c.hints.Publish(broker.Event{Kind: broker.EventSession}) // the others hear it too: a hint more
	}
	return events, err
}

func (c *Client) hint(kind broker.EventKind, id broker.AccountID) {
	c.hinting.Lock()
	defer c.hinting.Unlock()
	c.hints.Publish(broker.Event{Kind: kind, Account: id})
}

// begin returns the error of a call in this context and session; nil if it can go on.
func (c *Client) begin(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return c.Status().Session.Err()
}

// beginOf is begin for a call about an account. It returns the account, or ErrForeignAccount.
func (c *Client) beginOf(ctx context.Context, id broker.AccountID) (broker.Account, error) {
	if err := c.begin(ctx); err != nil {
		return broker.Account{}, err
	}
	c.mu.Lock()
	a, found := c.accounts[id]
	c.mu.Unlock()
	switch {
	case !found && !c.isTold():
		return a, untold(id)
	case !found || a.Kind != broker.WholeAccount:
		return a, fmt.Errorf("account %.60q: %w", id, broker.ErrForeignAccount)
	}
	return a, nil
}

// mayTrade reports whether the login may trade in an account. It returns ErrNotConnected while the
// broker has not told.
func (c *Client) mayTrade(a *broker.Account) (bool, error) {
	if !a.Tradable && !c.isTold() {
		return false, untold(a.ID)
	}
	return a.Tradable, nil
}

// untold returns the error of a call about an account that the broker may tell of in a moment.
func untold(id broker.AccountID) error {
	return fmt.Errorf("account %.60q: %w: the broker has not told of all accounts yet", id, broker.ErrNotConnected)
}
