package broker_test

import (
	"context"
	"iter"
	"sync/atomic"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// life is that of a process which is killed: from one of its steps on, nothing of what it does is done. A step
// is a write to the store, or a question to the broker. left counts the steps until then, two for each: the
// process dies before the step, or after the step is done and before anybody learns of that.
type life struct {
	left atomic.Int64
	dead atomic.Bool
}

// newLife returns a life of some steps; zero for one without an end.
func newLife(steps int64) *life {
	l := &life{}
	if steps == 0 {
		steps = 1 << 40
	}
	l.left.Store(steps)
	return l
}

// die takes half a step and reports whether the process is dead.
func (l *life) die() bool {
	if l.left.Add(-1) <= 0 {
		l.dead.Store(true)
	}
	return l.dead.Load()
}

// mortalStore is a store as a process that dies sees it.
type mortalStore struct {
	accounts.Store
	*life
}

func (s mortalStore) Append(ctx context.Context, b accounts.Batch) error {
	if s.die() {
		return accounts.ErrUnavailable
	}
	err := s.Store.Append(ctx, b)
	if s.die() {
		return accounts.ErrOutcomeUnknown
	}
	return err
}

func (s mortalStore) AppendLocked(ctx context.Context, id accounts.ProfileID, after int64, decide func(iter.Seq2[accounts.Entry, error]) (accounts.Batch, error)) error {
	if s.die() {
		return accounts.ErrUnavailable
	}
	err := s.Store.AppendLocked(ctx, id, after, decide)
	if s.die() {
		return accounts.ErrOutcomeUnknown
	}
	return err
}

// mortalBroker is a broker as a process that dies sees it.
type mortalBroker struct {
	broker.Broker
	*life
}

func (mortalBroker) Close() error { return nil }

func (b mortalBroker) Accounts(ctx context.Context) (broker.Answer[broker.Account], error) {
	if b.die() {
		return broker.Answer[broker.Account]{}, broker.ErrNotConnected
	}
	return b.Broker.Accounts(ctx)
}

func (b mortalBroker) Positions(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Position], error) {
	if b.die() {
		return broker.Answer[broker.Position]{}, broker.ErrNotConnected
	}
	return b.Broker.Positions(ctx, a)
}

func (b mortalBroker) Cash(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Balance], error) {
	if b.die() {
		return broker.Answer[broker.Balance]{}, broker.ErrNotConnected
	}
	return b.Broker.Cash(ctx, a)
}

func (b mortalBroker) Orders(ctx context.Context, a broker.AccountID) (broker.Answer[broker.Order], error) {
	if b.die() {
		return broker.Answer[broker.Order]{}, broker.ErrNotConnected
	}
	return b.Broker.Orders(ctx, a)
}

func (b mortalBroker) Executions(ctx context.Context, a broker.AccountID, since time.Time) (broker.Executions, error) {
	if b.die() {
		return broker.Executions{}, broker.ErrNotConnected
	}
	return b.Broker.Executions(ctx, a, since)
}

func (b mortalBroker) Place(ctx context.Context, a broker.AccountID, t broker.Ticket) (broker.Ack, error) {
	if b.die() {
		return broker.Ack{}, broker.ErrOutcomeUnknown
	}
	ack, err := b.Broker.Place(ctx, a, t)
	if b.die() {
		return broker.Ack{}, broker.ErrOutcomeUnknown
	}
	return ack, err
}

func (b mortalBroker) Cancel(ctx context.Context, a broker.AccountID, ref broker.Ref) error {
	if b.die() {
		return broker.ErrOutcomeUnknown
	}
	return b.Broker.Cancel(ctx, a, ref)
}

func (b mortalBroker) CancelByID(ctx context.Context, a broker.AccountID, id string) error {
	if b.die() {
		return broker.ErrOutcomeUnknown
	}
	return b.Broker.CancelByID(ctx, a, id)
}

func (b mortalBroker) Quotes(ctx context.Context, contracts []ledger.Instrument) ([]broker.Quote, error) {
	if b.die() {
		return nil, broker.ErrNotConnected
	}
	return b.Broker.Quotes(ctx, contracts)
}
