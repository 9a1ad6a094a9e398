package accounts

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Portfolio is a handle on one profile's book, bound to that profile for life: switching the
// active profile never redirects it. Get one from MultiAccountManager.Portfolio; it is safe for
// concurrent use and needs no closing of its own.
//
// Commands from many goroutines are combined: whoever waits goes into the same append. Readers
// see only what is durable, and a batch as a whole or not at all. When another process has
// moved the journal on, the book catches up and each command decides again.
//
// A command returns the context's error if it ended before the command's turn came, and
// ErrOutcomeUnknown with it if it ended while the append was under way; ErrOutcomeUnknown with the
// store's own error if that failed in a way that leaves it open whether the facts were written;
// ErrClosed after the manager was closed. Facts carry ids, so repeating a command is always safe.
// Of the callers combined, one appends for all, and may be kept beyond its own context's end until
// that append has ended: it is given up when nobody waits for it any longer.
type Portfolio struct {
	id      ProfileID
	base    Currency
	owner   OwnerID
	store   Store
	clock   func() time.Time
	emit    func(Event)
	visible atomic.Int64 // live's sequence number, for whoever asks without the lock
	// profile is the newest that is known, and policy what it permits; the manager keeps both up to date.
	profile atomic.Pointer[AccountProfile]
	policy  atomic.Pointer[policy]
	// queue is who leads and who waits; see commit.go.
	queue    queue
	commands sync.Pool // of *command

	// The leader alone uses these.
	draft *draft
	stale bool  // the journal may hold more than live
	saved int64 // sequence number at which a checkpoint was last tried

	mu   sync.RWMutex // guards what follows
	live *Book        // what is durable; changed by the leader alone
	// appending is the sequence number that the append under way leads to, 0 if there is none;
	// appended is closed when it has ended, and nil while nobody waits for that.
	appending int64
	appended  chan struct{}
	marks     map[InstrumentKey]Mark
	fx        map[Currency]FXRate
	checking  check
	past      *chronicle // nil until somebody asks how the profile did
	marked    exposure   // which marks the draft's exposure has not heard of; its touch methods alone are used
}

// portfolioConfig is what the manager opens a portfolio with.
type portfolioConfig struct {
	store   Store
	profile AccountProfile
	clock   func() time.Time
	emit    func(Event)
}

// openPortfolio loads the book: from its checkpoint and the entries behind, or from the beginning
// where no usable checkpoint is found.
func openPortfolio(ctx context.Context, cfg portfolioConfig) (*Portfolio, error) {
	p := &Portfolio{
		id: cfg.profile.ID, base: cfg.profile.BaseCurrency, owner: cfg.profile.Owner,
		store: cfg.store, clock: cfg.clock, emit: cfg.emit,
		marks: map[InstrumentKey]Mark{}, fx: map[Currency]FXRate{},
	}
	p.setProfile(cfg.profile)
	book, err := p.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("open portfolio of profile %q: %w", p.id, err)
	}
	p.live, p.draft = book, newDraft(book.clone())
	p.visible.Store(book.seq)
	return p, nil
}

func (p *Portfolio) load(ctx context.Context) (*Book, error) {
	c, err := p.store.Checkpoint(ctx, p.id)
	if err != nil && !errors.Is(err, ErrNoCheckpoint) {
		return nil, err
	}
	if book, ok := bookFrom(c, p.id, p.base); ok && err == nil {
		sound, err := p.confirm(ctx, c)
		if err != nil {
			return nil, err
		}
		if sound {
			p.saved = c.Seq
			return book, p.foldTail(ctx, book)
		}
	}
	book := NewBook(p.id, p.base)
	return book, p.foldTail(ctx, book)
}

// confirm reports whether the journal has the entry that the checkpoint stands for.
func (p *Portfolio) confirm(ctx context.Context, c Checkpoint) (bool, error) {
	for e, err := range p.store.Entries(ctx, p.id, c.Seq-1) {
		return err == nil && e.Seq == c.Seq && e.Hash == c.Hash, err
	}
	return false, nil
}

func (p *Portfolio) foldTail(ctx context.Context, book *Book) error {
	for e, err := range p.store.Entries(ctx, p.id, book.seq) {
		if err != nil {
			return err
		}
		if err := book.Apply(e); err != nil {
			return err
		}
	}
	return nil
}

// close makes every later command fail with ErrClosed.
func (p *Portfolio) close() { p.queue.close() }

// ProfileID returns the profile the portfolio is bound to.
func (p *Portfolio) ProfileID() ProfileID { return p.id }

// IBKRAccountID returns the broker's id of the account, as the profile has it now. It can change;
// the profile's id cannot.
func (p *Portfolio) IBKRAccountID() string { return p.profile.Load().IBKRAccountID }

// BaseCurrency returns the currency that the portfolio's totals are in.
func (p *Portfolio) BaseCurrency() Currency { return p.base }

// Record writes trades to the journal, all or none, and returns how many were new: a trade whose
// execution id is known, or known with a higher correction number, changes nothing. The trades
// may be in any order. One that corrects an execution, or is older than trades of the same
// contract in the journal, is put in its place and the book restated, which reads the whole journal.
//
// ErrInvalid, ErrInexact or ErrCurrencyMismatch for a trade that no book can accept;
// ErrFutureTime for one dated more than five minutes ahead of the clock; ErrIDReused for one that
// bears the id of another contract's or quantity's execution; ErrExecutionMismatch for a correction of
// another contract. What happened is recorded whatever the profile's status.
func (p *Portfolio) Record(ctx context.Context, trades ...Trade) (int, error) {
	return p.recordAll(ctx, len(trades), false, func(cmd *command, i int) (payload, error) {
		return cmd.trade(&trades[i])
	})
}

// RecordCash writes cash movements to the journal, all or none. One whose id is known changes
// nothing. Before a deposit or withdrawal it writes an equity point, if there are any and the present worth is known. ErrIDReused for one with the id of another amount or currency; other errors are those of Record.
func (p *Portfolio) RecordCash(ctx context.Context, movements ...CashMovement) error {
	_, err := recordEach(ctx, p, movements)
	return err
}

// RecordSplit writes corporate actions to the journal, all or none. One whose id is known changes
// nothing. ErrPositionNotFound when the contract is not held; other errors are those of Record.
func (p *Portfolio) RecordSplit(ctx context.Context, splits ...Split) error {
	_, err := recordEach(ctx, p, splits)
	return err
}

// RecordOpening writes opening balances to the journal, all or none. One whose id is known changes
// nothing. ErrInvalid also when the lots contradict the direction of the position they would
// join; other errors are those of Record.
func (p *Portfolio) RecordOpening(ctx context.Context, openings ...Opening) error {
	_, err := recordEach(ctx, p, openings)
	return err
}

// RecordCancellation takes executions back as though they had never been, all or none. One whose
// id is known changes nothing, nor does one of an execution that was corrected since.
// ErrExecutionNotFound when the execution is not in the journal; other errors are those of Record.
// One that takes something back reads the whole journal, to fold it again; any other does not.
func (p *Portfolio) RecordCancellation(ctx context.Context, cancellations ...Cancellation) error {
	_, err := recordEach(ctx, p, cancellations)
	return err
}

// RecordFacts writes facts of any kinds, passed by value, to the journal, all or none, and returns how many were
// new. It is what an importer uses, for which half a statement is worse than none. Facts of one
// contract are folded in the order of their times, an exercised option before what it delivers,
// and else in the order given. Errors are those of the methods for one kind.
func (p *Portfolio) RecordFacts(ctx context.Context, facts ...Fact) (int, error) {
	for _, f := range facts {
		switch f.(type) {
		case Trade, CashMovement, Split, Opening, Cancellation, EquityPoint:
		default:
			return 0, fmt.Errorf("record to profile %q: %w: fact of type %T", p.id, ErrInvalid, f)
		}
	}
	return recordEach(ctx, p, facts)
}

// recordEach is RecordFacts for facts of one kind or several.
func recordEach[F Fact](ctx context.Context, p *Portfolio, facts []F) (int, error) {
	return p.recordAll(ctx, len(facts), false, func(_ *command, i int) (payload, error) { return facts[i].normalized() })
}

// recordAll records n facts that normalized returns, and looks at losses if they are to be judged.
func (p *Portfolio) recordAll(ctx context.Context, n int, judged bool, normalized func(cmd *command, i int) (payload, error)) (int, error) {
	if n == 0 {
		return 0, ctx.Err()
	}
	cmd := p.newCommand(n)
	cmd.judged = judged
	latest := p.clock().Add(clockSkew)
	for i := range n {
		f, err := normalized(cmd, i)
		if err == nil && f.when().After(latest) {
			err = fmt.Errorf("%s of %s: %w", f.kind(), f.when().Format(time.RFC3339), ErrFutureTime)
		}
		if err != nil {
			return 0, fmt.Errorf("record to profile %q: %w", p.id, err)
		}
		cmd.payloads = append(cmd.payloads, f)
	}
	sortFacts(cmd.payloads)
	if err := p.submit(ctx, cmd); err != nil {
		return 0, fmt.Errorf("record to profile %q: %w", p.id, err)
	}
	added := cmd.added
	p.commands.Put(cmd)
	return added, nil
}

// newCommand returns a command with room for n trades, one that was used before if possible. A
// command that failed is not used again: its leader may still have it.
func (p *Portfolio) newCommand(n int) *command {
	if cmd, ok := p.commands.Get().(*command); ok && n <= cap(cmd.trades) {
		*cmd = command{payloads: cmd.payloads[:0], trades: cmd.trades[:0]}
		return cmd
	}
	n = max(n, 1)
	return &command{payloads: make([]payload, 0, n), trades: make([]Trade, 0, n)}
}

// clockSkew is how far ahead of our clock a broker's may be.
const clockSkew = 5 * time.Minute
