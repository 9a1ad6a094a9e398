package broker

import (
	"context"
	"fmt"
	"time"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// Candidate is an account that the login sees, and whether a profile can be linked to it.
type Candidate struct {
	Account Account            `json:"account"`
	Verdict Verdict            `json:"verdict"`
	Profile accounts.ProfileID `json:"profile,omitempty"` // the engine's profile that has the account
}

// Verdict says whether a profile can be linked to an account.
type Verdict string

// The verdicts on an account.
const (
	Free         Verdict = "free"          // no profile of the engine's has it
	Linked       Verdict = "linked"        // a profile of the engine's has it
	ViewOnly     Verdict = "view_only"     // the login may not trade in it
	NotWhole     Verdict = "not_whole"     // it is a segment or a group
	ModeUnclear  Verdict = "mode_unclear"  // the broker's sources contradict each other on paper or live
	CurrencyGone Verdict = "currency_gone" // the broker does not say its base currency
)

// verdict returns what speaks against an account; Free for nothing.
func verdict(a *Account) Verdict {
	switch {
	case a.Kind != WholeAccount:
		return NotWhole
	case !a.Tradable:
		return ViewOnly
	case a.Mode == "":
		return ModeUnclear
	case a.Currency == "":
		return CurrencyGone
	}
	return Free
}

// Discover returns the accounts that the login sees. Errors: ErrStandby, those of [Broker].
func (e *Engine) Discover(ctx context.Context) ([]Candidate, error) {
	s, err := e.working()
	if err != nil {
		return nil, err
	}
	answer, err := s.broker.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]Candidate, len(answer.List))
	for i, a := range answer.List {
		list[i] = Candidate{Account: a, Verdict: verdict(&a)}
		for _, w := range e.all() {
			if w.account == a.ID {
				list[i].Profile = w.profile
				if list[i].Verdict == Free {
					list[i].Verdict = Linked
				}
			}
		}
	}
	return list, nil
}

// Attach adds a profile to those that the engine works: its account is the profile's IBKRAccountID. The
// account is checked against the profile before anything is booked or sent, with every session: the login may
// trade in it, it is a whole account, its mode and base currency are the profile's. Attaching a
// profile again does nothing. Errors: ErrProfileNotFound, ErrNotLinked for a profile that is not active and
// for an account that another profile of the engine's has, ErrClosed.
func (e *Engine) Attach(ctx context.Context, id accounts.ProfileID) error {
	w, err := newWorker(ctx, e, id)
	if err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return ErrClosed
	}
	if e.workers[id] != nil {
		return nil
	}
	for _, other := range e.workers {
		if other.account == w.account {
			return fmt.Errorf("profile %q: %w: profile %q has account %s", id, ErrNotLinked, other.profile, w.account)
		}
	}
	e.workers[id] = w
	if e.starting != nil {
		e.starting(w)
	}
	return nil
}

// check looks the worker's account up in the login, and holds it against the profile.
func (w *worker) check(ctx context.Context, b Broker) error {
	p, err := w.engine.config.Manager.Profile(ctx, w.profile)
	if err != nil {
		return err
	}
	answer, err := b.Accounts(ctx)
	if err != nil {
		return err
	}
	for i := range answer.List {
		a := &answer.List[i]
		if a.ID != w.account {
			continue
		}
		switch v := verdict(a); {
		case v != Free:
			return fmt.Errorf("%w: account %s is %s", ErrNotLinked, a.ID, v)
		case a.Mode != p.Mode:
			return fmt.Errorf("%w: account %s is %s, and the profile %s", ErrNotLinked, a.ID, a.Mode, p.Mode)
		case a.Currency != p.BaseCurrency:
			return fmt.Errorf("%w: account %s is in %s, and the profile in %s", ErrNotLinked, a.ID, a.Currency, p.BaseCurrency)
		}
		return nil
	}
	return fmt.Errorf("account %s: %w", w.account, ErrForeignAccount)
}

// Adopt books what the account holds as the beginning of a profile without a history: its positions at the
// broker's average cost, marked as inferred, and its cash. A statement tells better: costs by lots, and what
// moved before. Errors: ErrInvalid for a profile that has booked anything, or a position without an average
// cost, ErrNotLinked, ErrStandby, ErrNotReady for an answer that is not complete, those of [Broker] and of
// [accounts.Portfolio.Record].
func (e *Engine) Adopt(ctx context.Context, id accounts.ProfileID) error {
	w, err := e.worker(ctx, id)
	if err != nil {
		return err
	}
	s, err := e.working()
	if err != nil {
		return err
	}
	if err := w.check(ctx, s.broker); err != nil {
		return err
	}
	for range w.portfolio.Facts(ctx, accounts.Page{Limit: 1}) {
		return fmt.Errorf("%w: profile %q has a history", ErrInvalid, id)
	}
	positions, err := s.broker.Positions(ctx, w.account)
	if err != nil {
		return err
	}
	cash, err := s.broker.Cash(ctx, w.account)
	if err != nil {
		return err
	}
	if !positions.Complete || !cash.Complete {
		return fmt.Errorf("%w: positions or cash are not complete", ErrNotReady)
	}
	facts, err := beginning(positions, cash)
	if err == nil {
		_, err = w.portfolio.Record(ctx, facts...)
	}
	return err
}

// beginning returns what an account has as the facts with which a book begins. What futures and CFDs have
// gained is in the broker's cash already: they begin at their marks.
func beginning(positions Answer[Position], cash Answer[Balance]) (facts []ledger.Fact, err error) {
	at := positions.AsOf.Truncate(time.Microsecond)
	rates := map[ledger.Currency]ledger.Decimal{}
	for _, b := range cash.List {
		rates[b.Currency] = b.Rate
		if !b.Cash.IsZero() {
			facts = append(facts, ledger.CashMovement{ID: "adopted-" + string(b.Currency), Kind: ledger.OpeningCash,
				Currency: b.Currency, Amount: b.Cash, FXRate: b.Rate, Time: at})
		}
	}
	for i := range positions.List {
		p := &positions.List[i]
		if p.Quantity.IsZero() {
			continue
		}
		price := p.Average
		if p.Instrument.SecType == ledger.Future || p.Instrument.SecType == ledger.CFD {
			price = p.Mark.Price
		}
		if price.IsZero() {
			return nil, fmt.Errorf("%w: the broker tells no cost of %s", ErrInvalid, p.Instrument.Key())
		}
		if err := p.Instrument.Normalize(); err != nil {
			return nil, err
		}
		facts = append(facts, ledger.Opening{
			ID: "adopted-" + string(p.Instrument.Key()), Instrument: p.Instrument, Price: p.Mark.Price, FXRate: rates[p.Instrument.Currency], Time: at,
			Lots: []ledger.Lot{{Quantity: p.Quantity, Basis: price.Mul(p.Quantity).Mul(p.Instrument.Multiplier), OpenedAt: at, Inferred: true}},
		})
	}
	return facts, nil
}
