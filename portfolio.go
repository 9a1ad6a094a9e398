package accounts

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ai-ots/accounts/internal/exposure"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/performance"
)

// Portfolio is a handle on one profile's book, bound to that profile for life: a switch of the
// active profile never redirects it. [MultiAccountManager.Portfolio] returns one. It is safe for
// concurrent use, and ends with the manager.
//
// Commands from many goroutines are combined into one append. Readers see a batch as a whole or not
// at all: what this process has appended once it is durable, and what other processes have appended
// once the store shows it. When another process has moved the journal on, the book catches up, and
// each command decides again. Of the callers combined, one appends for all, and may wait beyond the
// end of its own context until nobody waits for that append any longer. An append is never
// cancelled: it goes on when the callers have left.
//
// Every command ends, whatever other processes do. A group of commands is refused four times at
// most, and then appends under the journal's lock ([Store.AppendLocked]). A command that must read
// the journal (a correction, a cancellation, a late fact, facts recorded again) reads it in its
// caller's goroutine, keeps what was read, and gets in line again: no other command waits for that.
// Halt, Reduce, Resume and Release therefore wait for one append under way, and for the reading of
// what other processes have appended since. A command whose history others change three times while
// it reads is decided under the lock; the lock lasts as long as folding what lies behind the
// change, and ten seconds at most: the command then fails with ErrUnavailable, having written
// nothing. A command that is refused 16 times ends with ErrConflict, having written nothing.
//
// An answer that needs no entry of its own (facts that are known, an order that is held, a state
// that is so already) is given when the journal has no more than the book. Where the newest entries
// are not this process's own, the answer waits for a barrier that makes them as durable as the
// store makes anything.
//
// Facts carry ids, so repeating a command is always safe. Errors of every command:
//   - the context's error, if the context ended before the command was appended;
//   - ErrUnavailable, if the store cannot be reached; nothing was written;
//   - ErrOutcomeUnknown with the context's error, if the context ended during the append;
//   - ErrOutcomeUnknown with the store's error, if the store failed and the entries may be written;
//   - a *CorruptError (ErrCorrupt), if the journal cannot be read, or lacks entries that the book has,
//     or has others in their place: after a failover that lost them, or a restored backup. Nothing is
//     written then; a manager that is made anew works with the journal as it is;
//   - ErrConflict, if every try was refused; nothing was written;
//   - ErrClosed after the manager was closed.
type Portfolio struct {
	id    ProfileID
	base  ledger.Currency
	owner OwnerID
	store *observedStore
	tel   *telemetry
	clock func() time.Time
	emit  func(Event)
	// visible is live's sequence number, for readers without the lock.
	visible atomic.Int64
	// profile is the newest version that is known, and policy what it permits. The manager keeps
	// both up to date.
	profile atomic.Pointer[AccountProfile]
	policy  atomic.Pointer[exposure.Policy]
	// queue says who leads and who waits; see commit.go.
	queue    queue
	commands sync.Pool // of *command
	counters counters

	saving atomic.Bool  // somebody who has led saves a checkpoint
	saved  atomic.Int64 // sequence number at which a checkpoint was last tried
	kept   atomic.Int64 // that of the last checkpoint that was saved
	far    atomic.Int64 // how many entries were read for a restatement since a checkpoint was last tried
	resave atomic.Int64 // before this sequence number saving is not tried again

	// The leader alone uses these.
	draft    *draft
	stale    bool  // the journal may hold more than live
	underWay bool  // an append of unknown outcome may still come behind live's last entry: nothing else has
	durable  int64 // the last entry known to be as durable as the store makes it
	corrupt  bool  // the journal was found corrupt, and that was logged

	mu   sync.RWMutex // guards what follows
	live *fold        // what is durable; changed by the leader alone
	// appending is the sequence number that the append under way leads to, 0 if there is none;
	// appended is closed when it has ended, and nil while nobody waits for that.
	appending int64
	appended  chan struct{}
	written   appends
	prices    *ledger.Prices
	checking  exposure.Judge
	following []*history           // those that are told what is folded into live
	past      *performance.History // nil until somebody asks how the profile did
	marked    exposure.Stale       // which prices the draft's exposure has not heard of
}

// portfolioConfig is what the manager opens a portfolio with.
type portfolioConfig struct {
	store   *observedStore
	profile AccountProfile
	clock   func() time.Time
	emit    func(Event)
}

// openPortfolio loads the book: from its checkpoint and the entries behind it, or from the
// beginning without a usable checkpoint.
func openPortfolio(ctx context.Context, cfg portfolioConfig) (*Portfolio, error) {
	p := &Portfolio{
		id: cfg.profile.ID, base: cfg.profile.BaseCurrency, owner: cfg.profile.Owner,
		store: cfg.store, tel: cfg.store.tel, clock: cfg.clock, emit: cfg.emit,
		prices: ledger.NewPrices(cfg.profile.BaseCurrency),
	}
	p.setProfile(cfg.profile)
	live, err := p.load(ctx)
	if err != nil {
		return nil, fmt.Errorf("open portfolio of profile %q: %w", p.id, err)
	}
	p.live, p.draft = live, newDraft(live.clone())
	p.visible.Store(live.seq)
	return p, nil
}

// load folds the journal, from its newest checkpoint on where that can be used. A checkpoint whose
// entry the journal lacks is evidence that entries were lost, whether or not it can be used.
func (p *Portfolio) load(ctx context.Context) (*fold, error) {
	c, err := p.store.Checkpoint(ctx, p.id, math.MaxInt64)
	if err != nil && !errors.Is(err, ErrNoCheckpoint) {
		return nil, err
	}
	if err != nil || !c.sound(p.id) {
		c = Checkpoint{}
	}
	f, ok := foldFrom(c, p.id, p.base)
	if ok {
		p.saved.Store(c.Seq)
		p.kept.Store(c.Seq)
	} else {
		f = newFold(p.id, p.base)
	}
	var failed error
	err = p.behind(ctx, Checkpoint{Seq: f.seq, Hash: f.hash}, func(e Entry) bool {
		if failed = f.next(e); failed == nil && e.Seq == c.Seq && e.Hash != c.Hash {
			failed = c.missing()
		}
		return failed == nil
	})
	switch {
	case failed != nil:
		return nil, failed
	case err != nil:
		return nil, err
	case f.seq < c.Seq:
		return nil, c.missing()
	}
	return f, nil
}

// behind calls each with every entry behind a checkpoint, until each returns false. It returns a
// *CorruptError if the journal lacks the entry of which the checkpoint is the fold.
func (p *Portfolio) behind(ctx context.Context, c Checkpoint, each func(Entry) bool) error {
	met := c.Seq == 0
	for e, err := range p.store.Entries(ctx, p.id, max(c.Seq-1, 0)) {
		if err != nil {
			return err
		}
		if met {
			if !each(e) {
				return nil
			}
			continue
		}
		if e.Seq != c.Seq || e.Hash != c.Hash {
			break
		}
		met = true
	}
	if !met {
		c.ProfileID = p.id
		return c.missing()
	}
	return nil
}

// close makes every later command fail with ErrClosed.
func (p *Portfolio) close() { p.queue.close() }

// ProfileID returns the profile the portfolio is bound to.
func (p *Portfolio) ProfileID() ProfileID { return p.id }

// IBKRAccountID returns the broker's id of the account, which can change, as the profile has it
// now.
func (p *Portfolio) IBKRAccountID() string { return p.profile.Load().IBKRAccountID }

// BaseCurrency returns the currency that the portfolio's totals are in.
func (p *Portfolio) BaseCurrency() ledger.Currency { return p.base }

// Record writes facts to the journal, all or none, and returns how many were new. A fact that the
// journal has changes nothing; another one with the same id is ErrIDReused. The facts may be in any
// order: they are folded in the order of their times, exercised options before other facts of the
// same time, and else in the order given.
//
// A trade with a known execution id and a higher correction number corrects the execution. A trade
// with the id of the execution in force completes it, once, by what was not known before, and
// counts as new: the commission and taxes where these were pending (see ledger.Trade), the order,
// the conversion rate. A correction, a completion, a cancellation, and a fact that is older than
// facts of the same contract in the journal are put in their place and the book is restated. That
// reads the journal from the newest checkpoint on that the change does not reach back behind: twice
// to four times what lies behind the fact, and some two thousand entries; all of it where the fact
// is older than most.
//
// A deposit, a withdrawal and an opening are capital, and no profit. If one is of now, within five
// minutes, its entry gets the conversion rate and the price of now where it has none of its own,
// and an equity point is written before it, if points exist and equity is known. Else the next
// point adjusts the high-water mark, and the first order to be decided writes one.
//
// Facts are recorded whatever the profile's status.
//
// Errors:
//   - ErrInvalid, ErrInexact or ErrCurrencyMismatch for a fact that no book can accept, ErrInvalid
//     also for an opening balance in the other direction than the position that it would join;
//   - ErrFutureTime for a fact dated more than five minutes ahead of the clock;
//   - ErrIDReused for a fact with the id of another one: one that differs in any field but those that
//     ledger.Differences excepts;
//   - ErrExecutionMismatch for a correction of another contract;
//   - ErrExecutionNotFound for a cancellation of an execution that is not in the journal;
//   - ErrPositionNotFound for a split of a contract that is not held;
//   - those that Portfolio lists for every command.
func (p *Portfolio) Record(ctx context.Context, facts ...ledger.Fact) (int, error) {
	if len(facts) == 0 {
		return 0, ctx.Err()
	}
	cmd := p.newCommand(len(facts))
	latest := p.clock().Add(clockSkew)
	for i := range facts {
		f, err := cmd.normalize(facts[i])
		if err == nil {
			err = notAhead(f, latest)
		}
		if err != nil {
			return 0, fmt.Errorf("record to profile %q: %w", p.id, err)
		}
		cmd.facts = append(cmd.facts, f)
	}
	ledger.SortFacts(cmd.facts)
	if err := p.submit(ctx, cmd); err != nil {
		return 0, fmt.Errorf("record to profile %q: %w", p.id, err)
	}
	added := cmd.added
	p.commands.Put(cmd)
	return added, nil
}

// normalize returns the fact in the form that the journal takes. It keeps a trade in the command,
// so that recording trades does not allocate for each.
func (cmd *command) normalize(f ledger.Fact) (ledger.Payload, error) {
	switch t := f.(type) {
	case ledger.Trade:
		return cmd.trade(&t)
	case *ledger.Trade:
		if t != nil {
			return cmd.trade(t)
		}
	}
	return ledger.Normalize(f)
}

// notAhead returns ErrFutureTime for a fact dated later than the clock allows.
func notAhead(f ledger.Payload, latest time.Time) error {
	if at := ledger.TimeOf(f); at.After(latest) {
		return fmt.Errorf("%s of %s: %w", ledger.KindOf(f), at.Format(time.RFC3339), ErrFutureTime)
	}
	return nil
}

// newCommand returns a command with room for n trades, a used one if possible. A command that
// failed is not used again: its leader may still have it.
func (p *Portfolio) newCommand(n int) *command {
	if cmd, ok := p.commands.Get().(*command); ok && n <= cap(cmd.trades) {
		*cmd = command{facts: cmd.facts[:0], trades: cmd.trades[:0]}
		return cmd
	}
	n = max(n, 1)
	return &command{facts: make([]ledger.Payload, 0, n), trades: make([]ledger.Trade, 0, n)}
}

// CatchUp reads what other processes have appended to the journal, up to its end as of some moment
// not before the call. Readers and following commands know all of that when CatchUp returns nil. A
// process catches up by itself, too, as soon as the store tells of an entry: call CatchUp where
// what other processes did must be known now, as by one that takes over from another. Errors: those
// that Portfolio lists for every command but ErrOutcomeUnknown; nothing is written.
func (p *Portfolio) CatchUp(ctx context.Context) error {
	if err := p.refresh(ctx, math.MaxInt64); err != nil {
		return fmt.Errorf("catch up with the journal of profile %q: %w", p.id, err)
	}
	return nil
}

// clockSkew is the time by which a broker's clock may be ahead of ours.
const clockSkew = 5 * time.Minute

// RecordEquity writes an equity point to the journal for the time: the worth of the profile at its
// present marks. It changes nothing if the journal has a point for the time. Then it writes a loss
// or drawdown that has come to another level, which may make trading reduce.
//
// Errors:
//   - a *MissingError (ErrNoMark) if a mark or a rate is missing that equity or capital needs; a rate of
//     what was realized alone is not needed, see ledger.EquityPoint.Unrated;
//   - ErrFutureTime for a time more than five minutes ahead of the clock;
//   - those that Portfolio lists for every command.
func (p *Portfolio) RecordEquity(ctx context.Context, at time.Time) error {
	p.mu.RLock()
	point, t := p.live.Point(p.prices, at)
	known := t.Known() && p.live.CapitalRated(p.prices)
	p.mu.RUnlock()
	if !known {
		return fmt.Errorf("record equity: %w", &MissingError{ProfileID: p.id, Marks: t.NoMark, Rates: t.Lacking()})
	}
	cmd := p.newCommand(0)
	cmd.judged = true
	f, err := ledger.Normalize(point)
	if err == nil {
		err = notAhead(f, p.clock().Add(clockSkew))
	}
	if err == nil {
		cmd.facts = append(cmd.facts, f)
		err = p.submit(ctx, cmd)
	}
	if err != nil {
		return fmt.Errorf("record equity of profile %q: %w", p.id, err)
	}
	p.commands.Put(cmd)
	return nil
}
