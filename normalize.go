package accounts

import (
	"fmt"
	"reflect"
	"slices"
	"time"
)

// What each fact must be before a journal accepts it. Everything that could make the fold fail or
// round is refused here, so that the fold itself cannot.

func (t *Trade) kind() EntryKind        { return KindTrade }
func (m *CashMovement) kind() EntryKind { return KindCash }
func (s *Split) kind() EntryKind        { return KindSplit }
func (o *Opening) kind() EntryKind      { return KindOpening }
func (p *EquityPoint) kind() EntryKind  { return KindEquity }
func (a *Amendment) kind() EntryKind    { return KindAmendment }
func (r *Restatement) kind() EntryKind  { return KindRestatement }

func (t *Trade) when() time.Time        { return t.Time }
func (m *CashMovement) when() time.Time { return m.Time }
func (s *Split) when() time.Time        { return s.Time }
func (o *Opening) when() time.Time      { return o.Time }
func (p *EquityPoint) when() time.Time  { return p.Time }
func (r *Restatement) when() time.Time  { return time.Time{} }

func (a *Amendment) when() time.Time {
	switch {
	case a.Trade != nil:
		return a.Trade.Time
	case a.Split != nil:
		return a.Split.Time
	case a.Opening != nil:
		return a.Opening.Time
	case a.Cancellation != nil:
		return a.Cancellation.Time
	}
	return time.Time{}
}

// Keys of different kinds differ by their first letter. All versions of an execution share the
// first one's key; a correction has a key of its own besides.
func (t *Trade) entryKey() string {
	if t.derived.key == "" {
		return executionKey(t.ExecID)
	}
	return t.derived.entry
}
func (m *CashMovement) entryKey() string { return "c:" + m.ID }
func (s *Split) entryKey() string        { return "s:" + s.ID }
func (o *Opening) entryKey() string      { return "o:" + o.ID }
func (p *EquityPoint) entryKey() string  { return "e:" + p.Time.Format(time.RFC3339Nano) }
func (r *Restatement) entryKey() string  { return "" }

func (a *Amendment) entryKey() string {
	switch {
	case a.Cancellation != nil:
		return a.Cancellation.entryKey()
	case a.Split != nil:
		return a.Split.entryKey()
	case a.Opening != nil:
		return a.Opening.entryKey()
	case a.Trade != nil && a.corrects:
		return "v:" + string(a.Trade.ExecID)
	case a.Trade != nil:
		return a.Trade.entryKey()
	}
	return ""
}

func (c *Cancellation) kind() EntryKind  { return KindAmendment }
func (c *Cancellation) when() time.Time  { return c.Time }
func (c *Cancellation) entryKey() string { return "k:" + string(c.ExecID) }
func (c *Cancellation) appendFields(b []byte) []byte {
	return appendRare(b, &Amendment{Cancellation: c})
}

const maxNote = 500

// normalTime is t in UTC at microseconds.
func normalTime(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

func checkTime(v *ValidationError, field string, t time.Time) {
	if y := t.UTC().Year(); t.IsZero() || y < 1900 || y > 9999 {
		v.add(field, "%s is not within 1900 to 9999", t.Format(time.RFC3339))
	}
}

func checkAmount(v *ValidationError, field string, d Decimal) {
	if !d.IsZero() && d.Abs().GreaterThanOrEqual(maxInput) {
		v.add(field, "%s is 1e15 or more", d)
	}
}

func checkRate(v *ValidationError, field string, d Decimal) {
	if d.IsNeg() || d.GreaterThanOrEqual(maxInput) {
		v.add(field, "%s is negative, or 1e15 or more", d)
	}
}

// validate checks every field but the instrument.
func (t *Trade) validate() error {
	v := ValidationError{What: "trade"}
	if !validExecID(t.ExecID) {
		v.add("ExecID", "%.120q is not 1 to 100 bytes of printable ASCII", t.ExecID)
	}
	if len(t.OrderID) > 100 || !isPrintable(string(t.OrderID), true) {
		v.add("OrderID", "%.120q is not at most 100 printable bytes", t.OrderID)
	}
	switch t.Kind {
	case Execution, Expiry, Assignment, Exercise, Corporate:
	default:
		v.add("Kind", "%.20q is unknown", t.Kind)
	}
	if t.Quantity.IsZero() {
		v.add("Quantity", "is zero")
	}
	if t.Price.IsNeg() && t.Instrument.SecType != Future {
		v.add("Price", "%s is negative", t.Price)
	}
	if t.Proceeds.Abs().GreaterThanOrEqual(maxNotional) {
		v.add("Proceeds", "%s is 1e18 or more", t.Proceeds)
	}
	if !t.Proceeds.IsZero() && t.Proceeds.IsNeg() == t.Quantity.IsNeg() && !t.Price.IsNeg() {
		v.add("Proceeds", "%s has the sign of the quantity %s", t.Proceeds, t.Quantity)
	}
	checkAmount(&v, "Quantity", t.Quantity)
	checkAmount(&v, "Price", t.Price)
	checkAmount(&v, "Commission", t.Commission)
	checkAmount(&v, "Taxes", t.Taxes)
	checkRate(&v, "FXRate", t.FXRate)
	checkTime(&v, "Time", t.Time)
	return v.err()
}

// normalizeFact returns a pointer to a copy of a fact with defaults filled in, times in UTC at microseconds and
// decimals trimmed, or the reason why no book could accept it. A nil pointer is ErrInvalid.
func normalizeFact(f Fact) (ledgerPayload, error) {
	switch f := f.(type) {
	case Trade:
		return &f, f.normalize()
	case CashMovement:
		return &f, f.normalize()
	case Split:
		return &f, f.normalize()
	case Opening:
		return &f, f.normalize()
	case Cancellation:
		return &f, f.normalize()
	case EquityPoint:
		return &f, f.normalize()
	}
	return normalizePointer(f)
}

// normalizePointer is normalizeFact for pointers to facts.
func normalizePointer(f Fact) (ledgerPayload, error) {
	switch f := f.(type) {
	case *Trade:
		if f != nil {
			return normalizeFact(*f)
		}
	case *CashMovement:
		if f != nil {
			return normalizeFact(*f)
		}
	case *Split:
		if f != nil {
			return normalizeFact(*f)
		}
	case *Opening:
		if f != nil {
			return normalizeFact(*f)
		}
	case *Cancellation:
		if f != nil {
			return normalizeFact(*f)
		}
	case *EquityPoint:
		if f != nil {
			return normalizeFact(*f)
		}
	}
	return nil, fmt.Errorf("%w: fact is a nil %v", ErrInvalid, reflect.TypeOf(f)) // %T would move every fact to the heap
}

// normalize is normalizeFact in place. After an error the trade is not as it was.
func (t *Trade) normalize() error {
	if err := t.normalizeFields(); err != nil {
		return fmt.Errorf("trade %.60q in %s: %w", t.ExecID, t.Instrument.Key(), err)
	}
	return nil
}

func (t *Trade) normalizeFields() error {
	t.derived = derived{}
	if t.Kind == "" {
		t.Kind = Execution
	}
	if err := t.validate(); err != nil {
		return err
	}
	if err := t.Instrument.normalize(); err != nil {
		return err
	}
	if t.CommissionCurrency == t.Instrument.Currency {
		t.CommissionCurrency = ""
	}
	if t.CommissionCurrency != "" && (t.Instrument.SecType != Forex || !t.CommissionCurrency.Valid()) {
		return fmt.Errorf("%w: commission in %.20q, contract in %s", ErrCurrencyMismatch, t.CommissionCurrency, t.Instrument.Currency)
	}
	t.Quantity, t.Price, t.Proceeds = trimZeros(t.Quantity), trimZeros(t.Price), trimZeros(t.Proceeds)
	t.Commission, t.Taxes, t.FXRate = trimZeros(t.Commission), trimZeros(t.Taxes), trimZeros(t.FXRate)
	units, err := mulExact(t.Quantity, t.Instrument.Multiplier)
	if err == nil && t.Proceeds.IsZero() {
		_, err = mulExact(units, t.Price)
	}
	if err != nil {
		return err
	}
	t.Time = normalTime(t.Time)
	t.derive()
	return nil
}

func validExecID(id ExecID) bool { return len(id) >= 1 && len(id) <= 100 && plain(string(id)) }

func (m *CashMovement) normalize() error {
	v := &ValidationError{What: "cash movement"}
	checkID(v, m.ID)
	v.check(slices.Contains([]CashKind{Deposit, Withdrawal, OpeningCash, Dividend, PaymentInLieu, Interest, Fee, Tax, OtherCash}, m.Kind), "Kind", "%.20q is unknown", m.Kind)
	v.check(m.Currency.Valid(), "Currency", "%.20q is not three capital letters", m.Currency)
	v.check(!m.Amount.IsZero(), "Amount", "is zero")
	v.check(m.Kind != Deposit || m.Amount.IsPos(), "Amount", "%s of a deposit is not positive", m.Amount)
	v.check(m.Kind != Withdrawal || m.Amount.IsNeg(), "Amount", "%s of a withdrawal is not negative", m.Amount)
	checkAmount(v, "Amount", m.Amount)
	checkRate(v, "FXRate", m.FXRate)
	v.check(len(m.Symbol) <= 50 && isPrintable(m.Symbol, true), "Symbol", "%.60q is not at most 50 printable bytes", m.Symbol)
	v.check(len(m.Note) <= maxNote && isPrintable(m.Note, true), "Note", "is longer than %d bytes or not printable", maxNote)
	checkTime(v, "Time", m.Time)
	if err := v.err(); err != nil {
		return fmt.Errorf("cash movement %.60q: %w", m.ID, err)
	}
	m.Amount, m.FXRate = trimZeros(m.Amount), trimZeros(m.FXRate)
	m.Time = normalTime(m.Time)
	return nil
}

// id checks what makes a fact idempotent. It is not made up where it is missing: a caller who is
// told that the outcome is unknown could not repeat the fact.
func checkID(v *ValidationError, id string) {
	v.check(id != "" && len(id) <= 100 && isPrintable(id, true), "ID", "%.120q is not 1 to 100 printable bytes", id)
}

func (s *Split) normalize() error {
	v := &ValidationError{What: "split"}
	checkID(v, s.ID)
	v.check(s.Numerator.IsPos() && s.Numerator.LessThan(maxInput), "Numerator", "%s is not positive and below 1e15", s.Numerator)
	v.check(s.Denominator.IsPos() && s.Denominator.LessThan(maxInput), "Denominator", "%s is not positive and below 1e15", s.Denominator)
	checkTime(v, "Time", s.Time)
	err := v.err()
	if err == nil {
		err = s.From.normalize()
	}
	if err == nil {
		err = s.To.normalize()
	}
	if err == nil && (s.From.SecType == Forex || s.To.SecType == Forex) {
		err = fmt.Errorf("%w: a currency pair cannot split", ErrInvalid)
	}
	if err == nil && s.From.Currency != s.To.Currency {
		err = fmt.Errorf("%w: from %s to %s", ErrCurrencyMismatch, s.From.Currency, s.To.Currency)
	}
	if err != nil {
		return fmt.Errorf("split %.60q: %w", s.ID, err)
	}
	s.Numerator, s.Denominator = trimZeros(s.Numerator), trimZeros(s.Denominator)
	s.Time = normalTime(s.Time)
	return nil
}

func (o *Opening) normalize() error {
	v := &ValidationError{What: "opening balance"}
	checkID(v, o.ID)
	v.check(len(o.Lots) > 0, "Lots", "is empty")
	v.check(o.Instrument.SecType != Forex, "Instrument", "is a currency pair: open a cash balance")
	checkRate(v, "FXRate", o.FXRate)
	checkTime(v, "Time", o.Time)
	lots := make([]Lot, len(o.Lots))
	for i, l := range o.Lots {
		field := fmt.Sprintf("Lots[%d].", i)
		v.check(!l.Quantity.IsZero(), field+"Quantity", "is zero")
		checkAmount(v, field+"Quantity", l.Quantity)
		v.check(l.Quantity.IsNeg() == o.Lots[0].Quantity.IsNeg(), field+"Quantity", "%s has another sign than the first", l.Quantity)
		checkAmount(v, field+"Basis", l.Basis)
		checkTime(v, field+"OpenedAt", l.OpenedAt)
		v.check(!l.OpenedAt.After(o.Time), field+"OpenedAt", "%s is after the opening's own time", l.OpenedAt.UTC().Format(time.RFC3339))
		v.check(l.ExecID == "" || validExecID(l.ExecID), field+"ExecID", "%.120q is not at most 100 bytes of printable ASCII", l.ExecID)
		l.Quantity, l.Basis, l.OpenedAt = trimZeros(l.Quantity), trimZeros(l.Basis), normalTime(l.OpenedAt)
		lots[i] = l
	}
	err := v.err()
	if err == nil {
		err = o.Instrument.normalize()
	}
	if err != nil {
		return fmt.Errorf("opening balance %.60q in %s: %w", o.ID, o.Instrument.Key(), err)
	}
	o.FXRate = trimZeros(o.FXRate)
	o.Lots, o.Time = lots, normalTime(o.Time)
	return nil
}

func (p *EquityPoint) normalize() error {
	v := &ValidationError{What: "equity point"}
	checkTime(v, "Time", p.Time)
	for field, d := range map[string]Decimal{"Equity": p.Equity, "Cash": p.Cash, "Realized": p.Realized, "Unrealized": p.Unrealized, "Capital": p.Capital} {
		v.check(d.Abs().LessThan(maxNotional), field, "%.40s is 1e18 or more", d)
	}
	if err := v.err(); err != nil {
		return err
	}
	p.Time = normalTime(p.Time)
	return nil
}

func (c *Cancellation) normalize() error {
	v := &ValidationError{What: "cancellation"}
	v.check(validExecID(c.ExecID), "ExecID", "%.120q is not 1 to 100 bytes of printable ASCII", c.ExecID)
	v.check(validExecID(c.Cancels), "Cancels", "%.120q is not 1 to 100 bytes of printable ASCII", c.Cancels)
	checkTime(v, "Time", c.Time)
	if err := v.err(); err != nil {
		return fmt.Errorf("cancellation %.60q: %w", c.ExecID, err)
	}
	c.Time = normalTime(c.Time)
	return nil
}
