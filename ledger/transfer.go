package ledger

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
)

// Transfer is a position, or a part of one, that came from another account or went to one other
// than by a trade. It moves no cash, and realizes and closes nothing: it is capital in kind. What
// comes brings its lots. What goes leaves first in, first out, with its part of the basis.
//
// A change of history can leave less than went, or a position in the other direction than what
// came. Of the first, the rest is a position in the other direction at Price, or else at its part
// of Basis. Of the second, the lots close what they meet, as a trade at their basis would.
type Transfer struct {
	ID         string     `json:"id"` // required; makes it idempotent
	Instrument Instrument `json:"instrument"`
	// Quantity is what the position changes by: below zero for a long position that goes and for a
	// short one that comes.
	Quantity Decimal `json:"quantity"`
	// Lots are what comes, with their basis; they add up to Quantity. They are empty for what goes.
	// No lot was opened after Time.
	Lots []Lot `json:"lots,omitempty"`
	// Basis is the basis of what goes, as the lots were when the transfer was recorded. The
	// portfolio fills it in. It is zero for what comes.
	Basis  Decimal `json:"basis,omitzero"`
	FXRate Decimal `json:"fx_rate,omitzero"`
	// Price and MarketRate are as those of an [Opening].
	Price      Decimal   `json:"price,omitzero"`
	MarketRate Decimal   `json:"market_rate,omitzero"`
	Time       time.Time `json:"time"`
}

// Worth returns what the transfer adds to equity, and so to capital, in the contract's currency:
// the value at Price of what comes; for futures and CFDs the gain at Price over the basis, zero
// without a price. Worth of what goes is the same below zero.
func (t *Transfer) Worth() Decimal {
	return worth(&t.Instrument, t.Quantity, t.basis(), t.Price)
}

// basis returns what the transfer adds to the position's basis, as far as the fact tells.
func (t *Transfer) basis() Decimal {
	basis := t.Basis.Neg()
	for _, l := range t.Lots {
		basis = basis.Add(l.Basis)
	}
	return basis
}

// InBase returns Worth in base currency; false if the transfer has no rate.
func (t *Transfer) InBase(base Currency) (Decimal, bool) {
	rate, rated := capitalRate(t.Instrument.Currency, base, t.FXRate, t.MarketRate)
	return num.Convert(t.Worth(), rate), rated
}

// goes reports whether the transfer takes away from the account.
func (t *Transfer) goes() bool { return len(t.Lots) == 0 }

// normalize checks every field, trims the decimals and cuts times to microseconds in UTC.
func (t *Transfer) normalize() error {
	v := &invalid.Error{What: "transfer"}
	checkID(v, t.ID)
	v.Check(!t.Quantity.IsZero(), "Quantity", "is zero")
	num.CheckAmount(v, "Quantity", t.Quantity)
	v.Check(t.Instrument.SecType != Forex, "Instrument", "is a currency pair: record a deposit or withdrawal")
	v.Check(t.goes() || t.Basis.IsZero(), "Basis", "%s of what comes is in its lots", t.Basis)
	num.CheckAmount(v, "Basis", t.Basis)
	num.CheckRate(v, "FXRate", t.FXRate)
	num.CheckRate(v, "MarketRate", t.MarketRate)
	checkPrice(v, &t.Instrument, t.Price)
	checkTime(v, "Time", t.Time)
	lots := checkLots(v, t.Lots, t.Time)
	var sum Decimal
	for _, l := range lots {
		sum = sum.Add(l.Quantity)
	}
	v.Check(t.goes() || sum.Equal(t.Quantity), "Quantity", "%s is not the sum of the lots, %s", t.Quantity, sum)
	err := v.Err()
	if err == nil {
		err = t.Instrument.Normalize()
	}
	if err != nil {
		return fmt.Errorf("transfer %.60q of %s: %w", t.ID, t.Instrument.Key(), err)
	}
	t.Quantity, t.Basis, t.Price = num.Trim(t.Quantity), num.Trim(t.Basis), num.Trim(t.Price)
	t.FXRate, t.MarketRate = num.Trim(t.FXRate), num.Trim(t.MarketRate)
	t.Lots, t.Time = lots, wire.Time(t.Time)
	return nil
}

func (t *Transfer) appendFields(b []byte) []byte { return wire.AppendFields(b, (*storedTransfer)(t)) }
func (Transfer) fact()                           {}
func (t *Transfer) kind() EntryKind              { return KindTransfer }
func (t *Transfer) when() time.Time              { return t.Time }
func (t *Transfer) entryKey() string             { return "x:" + t.ID }
func (t *Transfer) currency() Currency           { return t.Instrument.Currency }

func (t *Transfer) unrated() inKind {
	was := *t
	was.FXRate = Decimal{}
	return &was
}

// transfer folds a transfer in. Ended of what it returns is true if the position ended with it.
func (b *Book) transfer(t *Transfer) Closed {
	if !t.goes() {
		return b.bring(&t.Instrument, t.Lots, t.Time, t.FXRate)
	}
	h := b.holding(&t.Instrument, t.Instrument.Key())
	if t.Time.After(h.LastTrade) {
		h.LastTrade = t.Time
	}
	if t.Time.After(h.LastClose) {
		h.LastClose = t.Time
	}
	rest := t.Quantity
	var c Closed
	if held := h.Quantity; !held.IsZero() && held.IsNeg() != rest.IsNeg() {
		n := num.Min(held.Abs(), rest.Abs())
		h.consume(n)
		rest, c.Ended = rest.Add(num.WithSign(n, held)), h.Quantity.IsZero()
	}
	if !rest.IsZero() {
		// After a change of history, less may be held than went. The rest is owed at what it was
		// worth.
		value := worthAtPrice(&t.Instrument, t.Quantity, t.Price)
		if t.Price.IsZero() {
			value = t.Basis.Neg()
		}
		h.add(&Lot{Quantity: rest, Basis: num.Share(value, rest, t.Quantity), OpenedAt: t.Time, Inferred: true})
	}
	return c
}

// placeTransfer is Place for transfers.
func (b *Book) placeTransfer(t *Transfer, place int64) (Payload, error) {
	h := b.positions[t.Instrument.Key()]
	if t.goes() {
		t.Basis = h.front(t.Quantity)
	}
	if b.late(t.Instrument.Key(), Decimal{}, t.Time) {
		return &Amendment{Place: place, Transfer: t}, nil
	}
	switch {
	case !t.goes():
		return t, b.checkJoins("transfer", &t.Instrument, t.Quantity)
	case h == nil || h.Quantity.IsZero() || h.Quantity.IsNeg() == t.Quantity.IsNeg():
		return nil, fmt.Errorf("transfer %q of %s of %s: %w", t.ID, t.Quantity, t.Instrument, ErrPositionNotFound)
	case t.Quantity.Abs().GreaterThan(h.Quantity.Abs()):
		return nil, fmt.Errorf("transfer %q: %w: %s of %s go from a position of %s", t.ID, invalid.Err, t.Quantity,
			t.Instrument, h.Quantity)
	}
	return t, nil
}

// front returns the basis of what a quantity in the other direction would consume, as far as so
// much is held; zero for no holding.
func (h *Holding) front(quantity Decimal) (basis Decimal) {
	if h == nil || h.Quantity.IsZero() || h.Quantity.IsNeg() == quantity.IsNeg() {
		return basis
	}
	n := quantity.Abs()
	for _, l := range h.lots() {
		size := l.Quantity.Abs()
		if size.GreaterThan(n) {
			return basis.Add(num.Share(l.Basis, n, size))
		}
		basis, n = basis.Add(l.Basis), n.Sub(size)
	}
	return basis
}
