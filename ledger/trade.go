package ledger

import (
	"fmt"
	"time"

	"github.com/ai-ots/accounts/internal/num"
	"github.com/ai-ots/accounts/internal/text"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/invalid"
)

// Trade is one execution. Its proceeds are −Quantity × Price × Multiplier.
type Trade struct {
	ExecID     ExecID     `json:"exec_id"` // makes it idempotent
	OrderID    OrderID    `json:"order_id,omitempty"`
	Kind       TradeKind  `json:"kind,omitempty"`
	Instrument Instrument `json:"instrument"`
	Quantity   Decimal    `json:"quantity"` // negative for a sale; never zero
	Price      Decimal    `json:"price"`    // per unit, in the instrument's currency; negative for futures alone
	// Proceeds overrides what Quantity, Price and Multiplier would give, where the broker's own
	// figure differs from it: bonds quoted per cent, averaged prices. Its sign is against Quantity's.
	// Zero means no override.
	Proceeds   Decimal `json:"proceeds,omitzero"`
	Commission Decimal `json:"commission,omitzero"` // a cost is positive, a rebate negative
	// CommissionCurrency may differ from the instrument's for Forex alone; empty means the same.
	CommissionCurrency Currency  `json:"commission_currency,omitempty"`
	Taxes              Decimal   `json:"taxes,omitzero"`   // a cost is positive
	FXRate             Decimal   `json:"fx_rate,omitzero"` // base currency per unit of the instrument's; zero if not known
	Time               time.Time `json:"time"`

	derived derived // once normalized
}

// Contract returns the instrument's key without making it anew for a normalized trade.
func (t *Trade) Contract() InstrumentKey {
	if t.derived.key == "" {
		return t.Instrument.Key()
	}
	return t.derived.key
}

// Amount returns the trade's proceeds.
func (t *Trade) Amount() Decimal {
	if t.derived.key != "" {
		return t.derived.amount
	}
	if !t.Proceeds.IsZero() {
		return t.Proceeds
	}
	return t.Quantity.Mul(t.Instrument.Multiplier).Mul(t.Price).Neg()
}

// Normalize is normalizeFact in place. After an error the trade is not as it was.
func (t *Trade) Normalize() error {
	if err := t.normalizeFields(); err != nil {
		return fmt.Errorf("trade %.60q in %s: %w", t.ExecID, t.Instrument.Key(), err)
	}
	return nil
}

// Bare is the trade without what is cached in it.
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

func (t *Trade) derive() {
	t.derived = derived{key: t.Instrument.Key(), entry: ExecutionKey(t.ExecID), amount: t.Amount()}
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
	num.CheckAmount(&v, "Commission", t.Commission)
	num.CheckAmount(&v, "Taxes", t.Taxes)
	num.CheckRate(&v, "FXRate", t.FXRate)
	checkTime(&v, "Time", t.Time)
	return v.Err()
}

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
		return fmt.Errorf("%w: commission in %.20q, contract in %s", ErrCurrencyMismatch, t.CommissionCurrency, t.Instrument.Currency)
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

func (t *Trade) appendFields(b []byte) []byte {
	b = wire.AppendString(b, "exec_id", t.ExecID, false)
	b = wire.AppendString(b, "order_id", t.OrderID, true)
	b = wire.AppendString(b, "kind", t.Kind, true)
	b = t.Instrument.AppendJSON(b, "instrument")
	b = wire.AppendDecimal(b, "quantity", t.Quantity, false)
	b = wire.AppendDecimal(b, "price", t.Price, false)
	b = wire.AppendDecimal(b, "proceeds", t.Proceeds, true)
	b = wire.AppendDecimal(b, "commission", t.Commission, true)
	b = wire.AppendString(b, "commission_currency", t.CommissionCurrency, true)
	b = wire.AppendDecimal(b, "taxes", t.Taxes, true)
	b = wire.AppendDecimal(b, "fx_rate", t.FXRate, true)
	return wire.AppendTime(b, "time", t.Time)
}

func (Trade) fact() {}

// What each fact must be before a journal accepts it. Everything that could make the fold fail or
// round is refused here, so that the fold itself cannot.

func (t *Trade) kind() EntryKind { return KindTrade }

func (t *Trade) when() time.Time { return t.Time }

// Keys of different kinds differ by their first letter. All versions of an execution share the
// first one's key; a correction has a key of its own besides.
func (t *Trade) entryKey() string {
	if t.derived.key == "" {
		return ExecutionKey(t.ExecID)
	}
	return t.derived.entry
}

// OrderID names an order, as whoever placed it does.
type OrderID string

// TradeKind says how a trade came about.
type TradeKind string

// The kinds of trade. An assignment or exercise has two sides, both of that kind and at the same
// time: the option, which closes at price zero, and its underlying, which trades at the strike.
// The option's premium moves into the underlying's proceeds, so the option realizes nothing.
const (
	Execution  TradeKind = "execution" // on a market; the default
	Expiry     TradeKind = "expiry"    // closed at price zero by lapse of time
	Assignment TradeKind = "assignment"
	Exercise   TradeKind = "exercise"
	Corporate  TradeKind = "corporate" // by a corporate action, such as a cash merger
)

// derived is what is worked out from a trade's fields once and used often.
type derived struct {
	key    InstrumentKey // the instrument's
	entry  string        // the entry key
	amount Decimal       // the proceeds
}
