package main

import (
	"context"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
)

// login is the broker that the service trades at.
type login interface {
	// connect opens a session, for the process that works the login.
	connect(ctx context.Context) (broker.Broker, error)
	// admit makes the account of a profile ready, before the engine is told of the profile.
	admit(ctx context.Context, p *accounts.AccountProfile) error
	// tend does what the session wants done when something has happened. One goroutine calls it.
	tend(ctx context.Context, e *broker.Engine) error
	// end brings what the session has filled into the books, before the engine is closed.
	end(ctx context.Context, e *broker.Engine) error
}

var (
	_ login = (*paperLogin)(nil)
	_ login = (*gatewayLogin)(nil)
)
