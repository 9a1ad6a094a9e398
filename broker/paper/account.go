package paper

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/ai-ots/accounts/broker"
	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

// account is one account with its books.
type account struct {
	broker.Account
	cash       map[ledger.Currency]ledger.Decimal
	positions  map[ledger.InstrumentKey]*position
	orders     []*order // all that there ever were
	executions []*execution
}

// position is what is held of a contract. Lots are kept of contracts that settle by differences
// alone.
type position struct {
	instrument ledger.Instrument
	quantity   ledger.Decimal
	lots       []lot
}

type lot struct{ quantity, price ledger.Decimal }

// Open opens an account with cash. It returns ErrInvalid for an account without an ID, for one that
// is open already, and for a currency that is not three capital letters.
func (b *Broker) Open(a broker.Account, cash ...broker.Balance) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a.ID == "" || b.accounts[a.ID] != nil {
		return fmt.Errorf("%w: account %.60q has no id, or is open", broker.ErrInvalid, a.ID)
	}
	for _, c := range cash {
		if !c.Currency.Valid() {
			return fmt.Errorf("%w: currency %.20q", broker.ErrInvalid, c.Currency)
		}
	}
	if a.Kind == "" {
		a.Kind = broker.WholeAccount
	}
	own := &account{Account: a, cash: map[ledger.Currency]ledger.Decimal{}, positions: map[ledger.InstrumentKey]*position{}}
	for _, c := range cash {
		own.cash[c.Currency] = own.cash[c.Currency].Add(c.Cash)
	}
	b.accounts[a.ID] = own
	return nil
}

// Deposit adds to an account's cash or, below zero, takes from it. Errors: ErrForeignAccount for an
// account that is not open, ErrInvalid for a currency that is not three capital letters.
func (b *Broker) Deposit(id broker.AccountID, c ledger.Currency, amount ledger.Decimal) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.accounts[id]
	if a == nil {
		return fmt.Errorf("account %.60q: %w", id, broker.ErrForeignAccount)
	}
	if !c.Valid() {
		return fmt.Errorf("%w: currency %.20q", broker.ErrInvalid, c)
	}
	a.pay(c, amount)
	b.hint(broker.EventPositions, id)
	return nil
}

// Deliver adds to what an account holds of a security or, below zero, takes from it, without a
// trade: as when holdings come from another broker. Cash stays as it is. Errors: ErrForeignAccount
// for an account that is not open, ErrInvalid for a wrong contract, and for a future, a CFD or a
// currency pair.
func (b *Broker) Deliver(id broker.AccountID, i ledger.Instrument, quantity ledger.Decimal) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.accounts[id]
	if a == nil {
		return fmt.Errorf("account %.60q: %w", id, broker.ErrForeignAccount)
	}
	if err := i.Normalize(); err != nil {
		return err
	}
	if !i.SettlesNotional() || i.SecType == ledger.Forex {
		return fmt.Errorf("%w: %s is no security that can be delivered", broker.ErrInvalid, i.Key())
	}
	p := a.hold(&i)
	p.quantity = p.quantity.Add(quantity)
	b.hint(broker.EventPositions, id)
	return nil
}

// hold returns the account's position in a contract, which may be flat.
func (a *account) hold(i *ledger.Instrument) *position {
	p := a.positions[i.Key()]
	if p == nil {
		p = &position{instrument: *i}
		a.positions[i.Key()] = p
	}
	return p
}

// Split turns every denominator units of a security into numerator units, in all accounts. It is
// ErrInvalid, and changes nothing, in a future, a CFD or a currency pair, and where it does not
// come out even. The security has no price until the next one is set. Orders in it stay as they
// are, and executions from before cannot be corrected any more.
func (b *Broker) Split(i ledger.Instrument, numerator, denominator ledger.Decimal) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := i.Normalize(); err != nil {
		return err
	}
	if !i.SettlesNotional() || i.SecType == ledger.Forex {
		return fmt.Errorf("%w: %s is no security that splits", broker.ErrInvalid, i.Key())
	}
	if !numerator.IsPos() || !denominator.IsPos() {
		return fmt.Errorf("%w: split %s for %s", broker.ErrInvalid, numerator, denominator)
	}
	scale := func(q ledger.Decimal) (ledger.Decimal, error) {
		scaled, err := q.Mul(numerator).Div(denominator)
		if err != nil || !scaled.Mul(denominator).Equal(q.Mul(numerator)) {
			return q, fmt.Errorf("%w: split %s for %s of %s does not come out even", broker.ErrInvalid, numerator, denominator, q)
		}
		return scaled, nil
	}
	after := map[broker.AccountID]ledger.Decimal{}
	for id, a := range b.accounts {
		if p := a.positions[i.Key()]; p != nil {
			q, err := scale(p.quantity)
			if err != nil {
				return err
			}
			after[id] = q
		}
	}
	delete(b.quotes, i.Key())
	for _, a := range b.accounts {
		for _, e := range a.executions {
			e.split = e.split || e.Trade.Instrument.Key() == i.Key()
		}
	}
	for id, q := range after {
		b.accounts[id].positions[i.Key()].quantity = q
		b.hint(broker.EventPositions, id)
	}
	return nil
}

// Statement is what the broker holds of an account: all positions and balances. It returns
// ErrForeignAccount for an account that is not open. It does not fail where the session does.
func (b *Broker) Statement(id broker.AccountID) (reconcile.Statement, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	a := b.accounts[id]
	if a == nil {
		return reconcile.Statement{}, fmt.Errorf("account %.60q: %w", id, broker.ErrForeignAccount)
	}
	s := reconcile.Statement{AllPositions: true}
	for _, p := range a.list(b) {
		held := reconcile.Position{Instrument: p.Instrument, Quantity: p.Quantity}
		if !p.Mark.Time.IsZero() {
			held.Mark = &p.Mark.Price
		}
		s.Positions = append(s.Positions, held)
	}
	for _, c := range a.balances(b) {
		s.Cash = append(s.Cash, reconcile.Cash{Currency: c.Currency, Balance: c.Cash})
	}
	return s, nil
}

// balances returns the cash by currency, with what open futures and CFDs have gained at their
// marks.
func (a *account) balances(b *Broker) (out []broker.Balance) {
	gains := map[ledger.Currency]ledger.Decimal{}
	for key, p := range a.positions {
		if q := b.quotes[key]; q != nil && !q.mark.Time.IsZero() {
			c := p.instrument.Currency
			gains[c] = gains[c].Add(p.gain(q.mark.Price).Mul(p.instrument.Multiplier))
		}
	}
	for _, c := range slices.Sorted(maps.Keys(a.cash)) {
		out = append(out, broker.Balance{Currency: c, Cash: a.cash[c].Add(gains[c]), Rate: b.rate(c, a.Currency)})
	}
	return out
}

// rate returns the worth of a currency in another, by the quote of the pair; zero if there is none.
func (b *Broker) rate(c, base ledger.Currency) ledger.Decimal {
	if c == base {
		return num.One
	}
	pair := ledger.Instrument{SecType: ledger.Forex, Symbol: string(c), Currency: base}
	pair.SetDefaults()
	if q := b.quotes[pair.Key()]; q != nil {
		return q.mark.Price
	}
	return ledger.Decimal{}
}

// list returns the positions that are not flat, by key, with their marks.
func (a *account) list(b *Broker) (out []broker.Position) {
	for _, key := range slices.Sorted(maps.Keys(a.positions)) {
		p := a.positions[key]
		if p.quantity.IsZero() {
			continue
		}
		held := broker.Position{Instrument: p.instrument, Quantity: p.quantity}
		if q := b.quotes[key]; q != nil {
			held.Mark = q.mark
		}
		out = append(out, held)
	}
	return out
}

// book takes a trade into the books; for a sign of -1, as though it had never been. Futures and
// CFDs are booked for good.
func (a *account) book(t *ledger.Trade, sign int64) {
	i := t.Instrument
	quantity, amount := t.Quantity.Mul(num.Int(sign)), t.Quantity.Mul(t.Price).Mul(i.Multiplier).Mul(num.Int(sign))
	a.pay(i.Currency, t.Commission.Mul(num.Int(-sign)))
	if i.SecType == ledger.Forex {
		a.pay(ledger.Currency(i.Symbol), quantity)
		a.pay(i.Currency, amount.Neg())
		return
	}
	p := a.hold(&i)
	p.quantity = p.quantity.Add(quantity)
	if i.SettlesNotional() {
		a.pay(i.Currency, amount.Neg())
		return
	}
	a.pay(i.Currency, p.settle(lot{quantity, t.Price}).Mul(i.Multiplier))
}

// gain returns the difference of a price to those of the lots.
func (p *position) gain(price ledger.Decimal) (sum ledger.Decimal) {
	for _, l := range p.lots {
		sum = sum.Add(l.quantity.Mul(price.Sub(l.price)))
	}
	return sum
}

// settle sets a lot against those in the other direction, oldest first, queues what is left of it,
// and returns the difference of the prices.
func (p *position) settle(l lot) (gain ledger.Decimal) {
	for !l.quantity.IsZero() && len(p.lots) > 0 && p.lots[0].quantity.IsNeg() != l.quantity.IsNeg() {
		first := &p.lots[0]
		n := l.quantity.Neg() // as much of the first lot
		if n.Abs().GreaterThan(first.quantity.Abs()) {
			n = first.quantity
		}
		gain = gain.Add(n.Mul(l.price.Sub(first.price)))
		first.quantity, l.quantity = first.quantity.Sub(n), l.quantity.Add(n)
		if first.quantity.IsZero() {
			p.lots = p.lots[1:]
		}
	}
	if !l.quantity.IsZero() {
		p.lots = append(p.lots, l)
	}
	return gain
}

func (a *account) pay(c ledger.Currency, amount ledger.Decimal) { a.cash[c] = a.cash[c].Add(amount) }

func compare[S ~string](a, b S) int { return cmp.Compare(a, b) }
