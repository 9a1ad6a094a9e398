package httpapi

import (
	"context"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// Engine is what the API needs of a [broker.Engine], which implements it.
type Engine interface {
	Submit(ctx context.Context, profile accounts.ProfileID, o risk.Order, terms broker.Terms) (broker.Ack, error)
	Cancel(ctx context.Context, profile accounts.ProfileID, id ledger.OrderID) error
	Settle(ctx context.Context, profile accounts.ProfileID, id ledger.OrderID, reason string) error
	CancelExternal(ctx context.Context, profile accounts.ProfileID, brokerID string) error
	Halt(ctx context.Context, reason string, profiles ...accounts.ProfileID) ([]broker.Halted, error)
	Status() broker.EngineStatus
	Discover(ctx context.Context) ([]broker.Candidate, error)
}

var _ Engine = (*broker.Engine)(nil)
