package accounts

import "time"

// ledgerPayload is what an entry about facts holds: a pointer to a Trade, CashMovement, Split, Opening, EquityPoint,
// Amendment or Restatement. The set is closed. A pointer to a Cancellation is one until the entry that it cancels
// is known, and goes into the journal as an Amendment.
type ledgerPayload interface {
	kind() EntryKind
	entryKey() string
	when() time.Time
	appendFields(b []byte) []byte
}

// ledgerKind returns the kind of a payload's entry.
func ledgerKind(p ledgerPayload) EntryKind { return p.kind() }

// ledgerKey returns the key that makes a payload's entry idempotent within its journal; empty for one that need not
// be.
func ledgerKey(p ledgerPayload) string { return p.entryKey() }

// ledgerTime returns when it happened; zero for a Restatement.
func ledgerTime(p ledgerPayload) time.Time { return p.when() }

// ledgerFields appends the payload's JSON fields, each behind a comma.
func ledgerFields(b []byte, p ledgerPayload) []byte { return p.appendFields(b) }

// Fact is something that happened to an account and goes into its journal: a Trade,
// CashMovement, Split, Opening, Cancellation or EquityPoint, or a pointer to one. The set is closed.
type Fact interface {
	fact()
}

func (Trade) fact()        {}
func (CashMovement) fact() {}
func (Split) fact()        {}
func (Opening) fact()      {}
func (Cancellation) fact() {}
func (EquityPoint) fact()  {}

// Facts returns a list of one kind of fact as facts of any.
func Facts[F Fact](list []F) []Fact {
	facts := make([]Fact, len(list))
	for i, f := range list {
		facts[i] = f
	}
	return facts
}

// ExecID names one execution, as the broker does. Ids of IBKR's form, such as
// "0000d514.5159662d.01.02" (four parts of letters and digits, the last of two digits), end in a
// correction number: the same id with a higher one replaces the earlier execution. Ids of any
// other form are opaque.
type ExecID string

// Correction parts the id into what all versions of the execution share and the correction number;
// 0 for an id that has none.
func (id ExecID) Correction() (root string, number int) {
	s := string(id)
	n := len(s)
	if n < 8 || s[n-3] != '.' || !digits(s[n-2:]) || !threeParts(s[:n-3]) {
		return s, 0
	}
	return s[:n-3], int(s[n-2]-'0')*10 + int(s[n-1]-'0')
}

// threeParts reports whether s is three parts of letters and digits with points between them.
func threeParts(s string) bool {
	points, length := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.' && length > 0:
			points, length = points+1, 0
		case '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z':
			length++
		default:
			return false
		}
	}
	return points == 2 && length > 0
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

// derived is what is worked out from a trade's fields once and used often.
type derived struct {
	key    InstrumentKey // the instrument's
	entry  string        // the entry key
	amount Decimal       // the proceeds
}

// clone returns a copy that the caller may keep.
func (t *Trade) clone() *Trade {
	c := *t
	return &c
}

func (t *Trade) derive() {
	t.derived = derived{key: t.Instrument.Key(), entry: executionKey(t.ExecID), amount: t.amount()}
}

// executionKey is the key of an execution's entry, which all its versions share.
func executionKey(id ExecID) string {
	root, _ := id.Correction()
	return "x:" + root
}

// instrumentKey returns the instrument's key without making it anew for a normalized trade.
func (t *Trade) instrumentKey() InstrumentKey {
	if t.derived.key == "" {
		return t.Instrument.Key()
	}
	return t.derived.key
}

// amount returns the trade's proceeds.
func (t *Trade) amount() Decimal {
	if t.derived.key != "" {
		return t.derived.amount
	}
	if !t.Proceeds.IsZero() {
		return t.Proceeds
	}
	return t.Quantity.Mul(t.Instrument.Multiplier).Mul(t.Price).Neg()
}

// CashKind says what moved cash.
type CashKind string

// The kinds of cash movement. Deposits, withdrawals and opening balances are capital: they are
// never profit or loss. All others are income or cost.
const (
	Deposit       CashKind = "deposit"
	Withdrawal    CashKind = "withdrawal"
	OpeningCash   CashKind = "opening" // the balance at the beginning of the journal
	Dividend      CashKind = "dividend"
	PaymentInLieu CashKind = "payment_in_lieu"
	Interest      CashKind = "interest"
	Fee           CashKind = "fee"
	Tax           CashKind = "tax"
	OtherCash     CashKind = "other"
)

// capital reports whether movements of the kind are neither income nor cost.
func (k CashKind) capital() bool { return k == Deposit || k == Withdrawal || k == OpeningCash }

// CashMovement is money that came or went other than by a trade.
type CashMovement struct {
	ID       string    `json:"id"` // required; makes it idempotent
	Kind     CashKind  `json:"kind"`
	Currency Currency  `json:"currency"`
	Amount   Decimal   `json:"amount"` // what the balance changes by: negative for money that went; never zero
	FXRate   Decimal   `json:"fx_rate,omitzero"`
	Symbol   string    `json:"symbol,omitempty"` // the security that paid, as a hint
	Note     string    `json:"note,omitempty"`   // at most 500 bytes
	Time     time.Time `json:"time"`
}

// Split is a corporate action that turns every Denominator units of From into Numerator units
// of To, and leaves the cost basis as it is: a stock split (4 for 1), a reverse split (1 for 25), a
// stock dividend (21 for 20), a change of name or contract (1 for 1).
type Split struct {
	ID          string     `json:"id"` // required; makes it idempotent
	From        Instrument `json:"from"`
	To          Instrument `json:"to"` // the same as From unless the contract changes
	Numerator   Decimal    `json:"numerator"`
	Denominator Decimal    `json:"denominator"`
	Time        time.Time  `json:"time"`
}

// Opening is a position that was there before the journal began, with its cost basis. It moves
// no cash. Its lots are all long or all short, and none was opened after Time.
type Opening struct {
	ID         string     `json:"id"` // required; makes it idempotent
	Instrument Instrument `json:"instrument"`
	Lots       []Lot      `json:"lots"`
	FXRate     Decimal    `json:"fx_rate,omitzero"`
	Time       time.Time  `json:"time"`
}

// Cancellation takes back an execution as though it had never been: the broker broke the trade.
type Cancellation struct {
	ExecID  ExecID    `json:"exec_id"` // of the cancellation itself; makes it idempotent
	Cancels ExecID    `json:"cancels"` // ErrExecutionNotFound if it is not in the journal
	Time    time.Time `json:"time"`
}

// EquityPoint is what a profile was worth at one time, in its base currency.
type EquityPoint struct {
	Time       time.Time `json:"time"` // makes it idempotent
	Equity     Decimal   `json:"equity"`
	Cash       Decimal   `json:"cash"`
	Realized   Decimal   `json:"realized"`   // since the journal began
	Unrealized Decimal   `json:"unrealized"` // at that time's marks
	Capital    Decimal   `json:"capital"`    // net deposits, withdrawals and opening balances since the journal began
}

// Amendment changes what went before: it corrects or cancels an execution, or brings one that
// happened before others that are in the journal already. The portfolio makes it where a recorded
// fact turns out to be one.
type Amendment struct {
	// Place is the entry whose place it takes among facts of the same time: that of the execution
	// it changes, or its own.
	Place        int64         `json:"place"`
	Trade        *Trade        `json:"trade,omitempty"`
	Split        *Split        `json:"split,omitempty"`
	Opening      *Opening      `json:"opening,omitempty"`
	Cancellation *Cancellation `json:"cancellation,omitempty"`

	corrects bool // the trade corrects an execution; only while it is being recorded
}

// Restatement is what amendments made of the book: the journal folded again with every change in
// its place, as far as the outcome differs. It spares whoever folds the journal later from going
// back, and can be checked by doing so.
type Restatement struct {
	Positions []Position               `json:"positions,omitempty"` // replace those of the same contract
	Cash      map[Currency]CashBalance `json:"cash,omitempty"`      // replace those of the same currency
	Pending   []PendingPremium         `json:"pending,omitempty"`   // replaces all
	Trades    int64                    `json:"trades"`              // replaces the count
}
