package paper

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/ledger"
)

// Options say what trading costs, and how orders fill.
type Options struct {
	// Clock tells the time of fills; time.Now if nil. It must not call the broker.
	Clock func() time.Time
	// Commission returns what a fill costs in the contract's currency, above zero; nothing is
	// charged if nil. It must not call the broker.
	Commission func(t *ledger.Trade) ledger.Decimal
	// LateCommissions makes executions come with CommissionPending, until [Broker.TellCommissions].
	LateCommissions bool
	// Spread is the distance of bid and ask that [Broker.Price] makes, as a fraction of the price.
	Spread ledger.Decimal
	// Liquidity is the most that fills at one quote of a contract; zero for no bound. Below zero
	// nothing fills.
	Liquidity ledger.Decimal
}

// Broker is a broker in memory; it implements [broker.Broker]. It is safe for concurrent use, and
// has no goroutine.
type Broker struct {
	options Options
	started string // begins the ids of executions: a broker of another day gives others

	mu       sync.Mutex
	status   broker.Status
	accounts map[broker.AccountID]*account
	quotes   map[ledger.InstrumentKey]*quoted
	refs     map[broker.Ref]*order             // of the whole login, for ever
	working  map[ledger.InstrumentKey][]*order // those that are not terminal, in the order in which they came
	number   int64                             // of the last order or execution
	faults   []fault
	watchers map[chan broker.Event]func() bool // with what lets go of the watch's context
	shut     bool                              // the market is
}

var _ broker.Broker = (*Broker)(nil)

// New returns a broker without accounts, with a session that can be used.
func New(o Options) *Broker {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	b := &Broker{
		options: o, accounts: map[broker.AccountID]*account{}, quotes: map[ledger.InstrumentKey]*quoted{},
		refs: map[broker.Ref]*order{}, working: map[ledger.InstrumentKey][]*order{}, watchers: map[chan broker.Event]func() bool{},
	}
	b.status = broker.Status{Session: broker.SessionUsable, Since: b.now()}
	b.started = fmt.Sprintf("%016x", uint64(b.status.Since.UnixMicro()))
	return b
}

// now returns the time in UTC at the precision of journals.
func (b *Broker) now() time.Time { return b.options.Clock().UTC().Truncate(time.Microsecond) }

// SetSession puts the session into a state. Calls fail as the state says; orders work on.
// SessionClosed is for good, as Close is.
func (b *Broker) SetSession(s broker.SessionState, reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.status.Session == broker.SessionClosed {
		return
	}
	b.status = broker.Status{Session: s, Since: b.now(), Reason: reason}
	b.hint(broker.EventSession, "")
	if s == broker.SessionClosed {
		b.unwatchAll()
	}
}

// Status implements [broker.Broker].
func (b *Broker) Status() broker.Status {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.status
}

// Close implements [broker.Broker].
func (b *Broker) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.status.Session != broker.SessionClosed {
		b.status = broker.Status{Session: broker.SessionClosed, Since: b.now()}
	}
	b.unwatchAll()
	return nil
}

func (b *Broker) unwatchAll() {
	for w := range b.watchers {
		b.unwatch(w)
	}
}

// watched is how many events a watcher can be behind.
const watched = 64

// Watch implements [broker.Broker].
func (b *Broker) Watch(ctx context.Context) (<-chan broker.Event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if b.status.Session == broker.SessionClosed {
		return nil, broker.ErrClosed
	}
	w := make(chan broker.Event, watched)
	w <- broker.Event{Kind: broker.EventSession}
	b.watchers[w] = context.AfterFunc(ctx, func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.unwatch(w)
	})
	return w, nil
}

// unwatch ends a watch, once.
func (b *Broker) unwatch(w chan broker.Event) {
	if letGo, on := b.watchers[w]; on {
		letGo()
		delete(b.watchers, w)
		close(w)
	}
}

// hint sends an event to every watcher whose channel has room for the event.
func (b *Broker) hint(kind broker.EventKind, id broker.AccountID) {
	for w := range b.watchers {
		select {
		case w <- broker.Event{Kind: kind, Account: id}:
		default:
		}
	}
}

// begin locks the broker for a call, and returns the account; nil for a call without one. The
// caller unlocks, whatever the error.
func (b *Broker) begin(ctx context.Context, op Op, id broker.AccountID) (*account, fault, error) {
	b.mu.Lock()
	if err := ctx.Err(); err != nil {
		return nil, fault{}, err
	}
	if err := b.status.Session.Err(); err != nil {
		return nil, fault{}, err
	}
	a := b.accounts[id]
	if op.ofAccount() && (a == nil || a.Kind != broker.WholeAccount) {
		return nil, fault{}, fmt.Errorf("account %.60q: %w", id, broker.ErrForeignAccount)
	}
	f := b.next(op, id)
	switch f.what {
	case Paced:
		return nil, f, broker.ErrPaced
	case Disconnected:
		return nil, f, broker.ErrNotConnected
	}
	return a, f, nil
}

// Accounts implements [broker.Broker].
func (b *Broker) Accounts(ctx context.Context) (out broker.Answer[broker.Account], err error) {
	_, f, err := b.begin(ctx, OpAccounts, "")
	defer b.mu.Unlock()
	if err != nil {
		return out, err
	}
	var list []broker.Account
	for _, a := range b.accounts {
		list = append(list, a.Account)
	}
	slices.SortFunc(list, func(x, y broker.Account) int { return compare(x.ID, y.ID) })
	return answer(b, f, list), nil
}

// Positions implements [broker.Broker].
func (b *Broker) Positions(ctx context.Context, id broker.AccountID) (out broker.Answer[broker.Position], err error) {
	a, f, err := b.begin(ctx, OpPositions, id)
	defer b.mu.Unlock()
	if err != nil {
		return out, err
	}
	return answer(b, f, a.list(b)), nil
}

// Cash implements [broker.Broker].
func (b *Broker) Cash(ctx context.Context, id broker.AccountID) (out broker.Answer[broker.Balance], err error) {
	a, f, err := b.begin(ctx, OpCash, id)
	defer b.mu.Unlock()
	if err != nil {
		return out, err
	}
	return answer(b, f, a.balances(b)), nil
}

// Quotes implements [broker.Broker].
func (b *Broker) Quotes(ctx context.Context, contracts []ledger.Instrument) ([]broker.Quote, error) {
	_, _, err := b.begin(ctx, OpQuotes, "")
	defer b.mu.Unlock()
	if err != nil {
		return nil, err
	}
	var out []broker.Quote
	for _, i := range contracts {
		if q := b.quotes[i.Key()]; q != nil {
			out = append(out, q.Quote)
		}
	}
	return out, nil
}

// answer makes an answer of a list: one that lacks everything, where the fault says so.
func answer[T any](b *Broker, f fault, list []T) broker.Answer[T] {
	if f.what == Incomplete {
		list = nil
	}
	return broker.Answer[T]{List: list, AsOf: b.now(), Complete: f.what != Incomplete}
}
