package ledger

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
)

// Trade is one execution. Its proceeds are −Quantity × Price × Multiplier, negative for a purchase.
type Trade struct {
	ExecID     ExecID     `json:"exec_id"` // makes it idempotent
	OrderID    OrderID    `json:"order_id,omitempty"`
	Kind       TradeKind  `json:"kind,omitempty"`
	Instrument Instrument `json:"instrument"`
	Quantity   Decimal    `json:"quantity"` // negative for a sale; never zero
	Price      Decimal    `json:"price"`    // per unit, in the instrument's currency; negative for futures alone
	// Proceeds overrides the product of Quantity, Price and Multiplier, where the broker's own
	// figure differs from it: bonds quoted per cent, averaged prices. Its sign is opposite to
	// Quantity's. Zero means no override.
	Proceeds   Decimal `json:"proceeds,omitzero"`
	Commission Decimal `json:"commission,omitzero"` // a cost is positive, a rebate negative
	// CommissionPending says that commission and taxes are not known yet: both are zero. The same
	// execution recorded again without it completes the trade; see Completion. Where it is false,
	// commission and taxes are final.
	CommissionPending bool `json:"commission_pending,omitempty"`
	// CommissionCurrency may differ from the contract's currency for Forex alone; empty means the
	// same.
	CommissionCurrency Currency  `json:"commission_currency,omitempty"`
	Taxes              Decimal   `json:"taxes,omitzero"`   // a cost is positive
	FXRate             Decimal   `json:"fx_rate,omitzero"` // base currency per unit of the contract's; zero: unknown
	Time               time.Time `json:"time"`

	derived derived // set by Normalize
}

// Contract returns the instrument's key. It does not allocate for a normalized trade.
func (t *Trade) Contract() InstrumentKey {
	if t.derived.key == "" {
		return t.Instrument.Key()
	}
	return t.derived.key
}

// Amount returns the trade's proceeds, in the contract's currency: negative for a purchase.
func (t *Trade) Amount() Decimal {
	if t.derived.key != "" {
		return t.derived.amount
	}
	if !t.Proceeds.IsZero() {
		return t.Proceeds
	}
	return t.Quantity.Mul(t.Instrument.Multiplier).Mul(t.Price).Neg()
}

// Net returns the trade's proceeds less commission and taxes, in the contract's currency. Of a
// trade that was normalized or read from a journal, they are those of then: a copy with another
// commission has the same Net.
func (t *Trade) Net() Decimal {
	if t.derived.key != "" {
		return t.derived.net
	}
	return t.Amount().Sub(t.Commission).Sub(t.Taxes)
}

// Exercised reports whether the trade is the option's side of an exercise or assignment that
// delivers the underlying. An exercise that settles in cash has proceeds, and is an ordinary
// closing.
func (t *Trade) Exercised() bool {
	return (t.Kind == Assignment || t.Kind == Exercise) && t.Instrument.IsOption() && t.Amount().IsZero()
}

// delivers reports whether the trade is the underlying's side of an exercise or assignment.
func (t *Trade) delivers() bool {
	return (t.Kind == Assignment || t.Kind == Exercise) && !t.Instrument.IsOption()
}

// Normalize is the function Normalize for a trade, in place. After an error the trade may be
// changed in part.
func (t *Trade) Normalize() error {
	if err := t.normalizeFields(); err != nil {
		return fmt.Errorf("trade %.60q in %s: %w", t.ExecID, t.Instrument.Key(), err)
	}
	return nil
}

// normalizeFields is Normalize without the trade's name in errors.
func (t *Trade) normalizeFields() error {
	t.derived = derived{}
	if t.Kind == "" {
		t.Kind = Execution
	}
	if err := t.validate(); err != nil {
		return err
	}
	if err := t.Instrument.Normalize(); err != nil {
		return err
	}
	if t.CommissionCurrency == t.Instrument.Currency {
		t.CommissionCurrency = ""
	}
	if t.CommissionCurrency != "" && (t.Instrument.SecType != Forex || !t.CommissionCurrency.Valid()) {
		return fmt.Errorf("%w: commission in %.20q, contract in %s", ErrCurrencyMismatch, t.CommissionCurrency,
			t.Instrument.Currency)
	}
	t.Quantity, t.Price, t.Proceeds = num.Trim(t.Quantity), num.Trim(t.Price), num.Trim(t.Proceeds)
	t.Commission, t.Taxes, t.FXRate = num.Trim(t.Commission), num.Trim(t.Taxes), num.Trim(t.FXRate)
	units, err := num.MulExact(t.Quantity, t.Instrument.Multiplier)
	if err == nil && t.Proceeds.IsZero() {
		_, err = num.MulExact(units, t.Price)
	}
	if err != nil {
		return err
	}
	t.Time = wire.Time(t.Time)
	t.derive()
	return nil
}

// validate checks every field but the instrument.
func (t *Trade) validate() error {
	v := invalid.Error{What: "trade"}
	if !validExecID(t.ExecID) {
		v.Add("ExecID", "%.120q is not 1 to 100 bytes of printable ASCII", t.ExecID)
	}
	if len(t.OrderID) > 100 || !text.Printable(string(t.OrderID), true) {
		v.Add("OrderID", "%.120q is not at most 100 printable bytes", t.OrderID)
	}
	switch t.Kind {
	case Execution, Expiry, Assignment, Exercise, Corporate:
	default:
		v.Add("Kind", "%.20q is unknown", t.Kind)
	}
	if t.Quantity.IsZero() {
		v.Add("Quantity", "is zero")
	}
	if t.Price.IsNeg() && t.Instrument.SecType != Future {
		v.Add("Price", "%s is negative", t.Price)
	}
	if t.Proceeds.Abs().GreaterThanOrEqual(num.MaxNotional) {
		v.Add("Proceeds", "%s is 1e18 or more", t.Proceeds)
	}
	if !t.Proceeds.IsZero() && t.Proceeds.IsNeg() == t.Quantity.IsNeg() && !t.Price.IsNeg() {
		v.Add("Proceeds", "%s has the sign of the quantity %s", t.Proceeds, t.Quantity)
	}
	num.CheckAmount(&v, "Quantity", t.Quantity)
	num.CheckAmount(&v, "Price", t.Price)
	if t.CommissionPending && (!t.Commission.IsZero() || !t.Taxes.IsZero()) {
		v.Add("CommissionPending", "is set, and Commission or Taxes is not zero")
	}
	num.CheckAmount(&v, "Commission", t.Commission)
	num.CheckAmount(&v, "Taxes", t.Taxes)
	num.CheckRate(&v, "FXRate", t.FXRate)
	checkTime(&v, "Time", t.Time)
	return v.Err()
}

// Bare returns a copy without the values that Normalize and Decode cache, so that equal trades
// compare equal.
func (t *Trade) Bare() Trade {
	out := *t
	out.derived = derived{}
	return out
}

// clone returns a copy that the caller may keep.
func (t *Trade) clone() *Trade {
	c := *t
	return &c
}

// derive caches the values that are used often.
func (t *Trade) derive() {
	t.derived = derived{}
	t.derived = derived{t.Instrument.Key(), ExecutionKey(t.ExecID), t.Amount(), t.Net()}
}

func (t *Trade) appendFields(b []byte) []byte {
	b = wire.AppendString(b, "exec_id", t.ExecID, false)
	b = wire.AppendString(b, "order_id", t.OrderID, true)
	b = wire.AppendString(b, "kind", t.Kind, true)
	b = t.Instrument.AppendJSON(b, "instrument")
	b = wire.AppendDecimal(b, "quantity", t.Quantity, false)
	b = wire.AppendDecimal(b, "price", t.Price, false)
	b = wire.AppendDecimal(b, "proceeds", t.Proceeds, true)
	b = wire.AppendDecimal(b, "commission", t.Commission, true)
	b = wire.AppendTrue(b, "commission_pending", t.CommissionPending)
	b = wire.AppendString(b, "commission_currency", t.CommissionCurrency, true)
	b = wire.AppendDecimal(b, "taxes", t.Taxes, true)
	b = wire.AppendDecimal(b, "fx_rate", t.FXRate, true)
	return wire.AppendTime(b, "time", t.Time)
}

// scan reads the trade in the very form that appendFields writes. It returns false for any other
// form, and the trade is of no use then.
func (t *Trade) scan(data []byte) bool {
	s := wire.NewScanner(data)
	t.ExecID = ExecID(s.String("exec_id"))
	t.OrderID = OrderID(s.String("order_id"))
	t.Kind = TradeKind(s.String("kind"))
	t.Instrument.scan(&s, "instrument")
	s.Text("quantity", &t.Quantity)
	s.Text("price", &t.Price)
	s.Text("proceeds", &t.Proceeds)
	s.Text("commission", &t.Commission)
	t.CommissionPending = s.True("commission_pending")
	t.CommissionCurrency = Currency(s.String("commission_currency"))
	s.Text("taxes", &t.Taxes)
	s.Text("fx_rate", &t.FXRate)
	s.Text("time", &t.Time)
	var b [wire.ScanSize]byte
	return s.Done(t.appendFields(wire.AppendVersion(append(b[:0], '{'))))
}

func (Trade) fact()              {}
func (t *Trade) kind() EntryKind { return KindTrade }
func (t *Trade) when() time.Time { return t.Time }

// entryKey returns the execution's key. Keys of different kinds of fact differ by their first
// letter. All versions of an execution share the key of the first; a correction has a key of its
// own besides.
func (t *Trade) entryKey() string {
	if t.derived.key == "" {
		return ExecutionKey(t.ExecID)
	}
	return t.derived.entry
}

// derived holds values worked out from a trade's fields once and used often.
type derived struct {
	key    InstrumentKey // the key of the instrument
	entry  string        // the key of the entry
	amount Decimal       // the proceeds
	net    Decimal       // the proceeds less commission and taxes
}

// OrderID is the name that the sender of an order gives it.
type OrderID string

// TradeKind says how a trade came about.
type TradeKind string

// The kinds of trade. An assignment or exercise has two sides, both of that kind and at the same
// time: the option, which closes at price zero, and its underlying, which trades at the strike. The
// option's premium moves into the underlying's proceeds, so the option realizes nothing.
const (
	Execution  TradeKind = "execution" // on a market; the default
	Expiry     TradeKind = "expiry"    // closed at price zero by lapse of time
	Assignment TradeKind = "assignment"
	Exercise   TradeKind = "exercise"
	Corporate  TradeKind = "corporate" // by a corporate action, such as a cash merger
)
