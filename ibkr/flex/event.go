package flex

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

// event is something that moves lots: a trade, a transfer, or one or both sides of a corporate
// action. There are as many as trades: what few have is apart.
type event struct {
	at    time.Time
	tx    string
	trade *plannedTrade
	rows  *Trades
	row   int32 // of the trade among the rows, see rowAt; noRow for corporate actions
	place int32 // among the events, as they were found
	// instrument is the trade's by the name that the statement has for it.
	instrument *ledger.Instrument
	tally      *tally // of the instrument, once there is one
	rank       int8   // an option before its stock
	known      bool   // recorded already
	void       bool   // cancelled or superseded within the statement
	left       bool   // not booked, for a corporate action of its contract is not
	early      bool   // it changes what the journal has
	unlisted   bool   // no row tells it as it is booked: it is none of Plan.Rows
	settles    bool   // it realizes with a cash settlement, and not as its row says
	side       string // "O", "C", "C;O" or ""
	line       int
	*rare
}

// rare is what few events have.
type rare struct {
	action    *CorporateAction // the row; nil for trades and transfers
	says      *saying          // nil if the event says what the trade's row does
	fxRate    ledger.Decimal   // of a corporate action's trade
	leg       int              // of several events of one row, or of rows that are one corporate action
	split     *ledger.Split
	division  *division // of the basis, where a split is one of the ways it goes
	transfer  *ledger.Transfer
	leaves    bool           // of a transfer: the position left
	found     []*ledger.Lot  // of a transfer: what came
	exchange  *event         // of a sale that was paid in another currency: of the money
	unstated  bool           // of a split: the ratio is not told, moved is
	moved     ledger.Decimal // of a split: what arrives in the new contract
	gone      ledger.Decimal // and what leaves the old one, negative
	completed *ledger.Trade  // the trade in the book with the costs that the row tells
}

// saying is what the broker says about an event.
type saying struct {
	cost     Optional // minus the consumed basis, of a closing
	real     Optional
	text     string      // the contract, for reports
	reported ledger.Date // zero if not given
}

// said returns what the broker says about the event.
func (e *event) said() saying {
	if e.says != nil {
		return *e.says
	}
	var t Trade
	e.rows.read(int(e.row)-1, &t)
	return saying{t.Cost, t.Realized, t.LocalSymbol, t.ReportDate}
}

func (e *event) cost() Optional        { return e.said().cost }
func (e *event) real() Optional        { return e.said().real }
func (e *event) text() string          { return e.said().text }
func (e *event) reported() ledger.Date { return e.said().reported }

// sayOtherwise makes the event say something else than its row, in what change changes.
func (e *event) sayOtherwise(change func(*saying)) {
	says, own := e.said(), *e.rare
	change(&says)
	own.says = &says
	e.rare = &own
}

// nothingRare is what most events have of it. It is never changed.
var nothingRare = &rare{}

// plannedTrade is what the plan has of a trade: a ledger.Trade is made of it when it is recorded.
type plannedTrade struct {
	ExecID            ledger.ExecID
	Kind              ledger.TradeKind
	Instrument        *ledger.Instrument // shared with others
	Quantity          ledger.Decimal
	Price             ledger.Decimal
	Proceeds          ledger.Decimal
	Commission        ledger.Decimal
	Taxes             ledger.Decimal
	CommissionPending bool
}

// bookEvent is an event of a fact that the book has and no row of the statement tells.
func bookEvent(f ledger.Fact) *event {
	e := &event{at: timeOf(f), rank: 1, row: noRow, known: true, rare: &rare{says: &saying{}}}
	switch f := f.(type) {
	case *ledger.Trade:
		e.instrument = &f.Instrument
		e.trade = &plannedTrade{ExecID: f.ExecID, Kind: f.Kind, Instrument: &f.Instrument, Quantity: f.Quantity, Price: f.Price,
			Proceeds: f.Proceeds, Commission: f.Commission, Taxes: f.Taxes}
	case ledger.Split:
		e.split = &f
	case ledger.Transfer:
		e.instrument, e.transfer = &f.Instrument, &f
	case ledger.Opening: // lots come, as by a transfer
		e.instrument, e.transfer = &f.Instrument, &ledger.Transfer{ID: f.ID, Instrument: f.Instrument, Time: f.Time}
	}
	return e
}

// id names what the event records: all versions of an execution have one.
func (e *event) id() string {
	switch {
	case e.split != nil:
		return e.split.ID
	case e.trade != nil:
		return root(e.trade.ExecID)
	case e.transfer != nil:
		return e.transfer.ID
	}
	return ""
}

// contracts are those whose lots the event moves.
func (e *event) contracts() []ledger.InstrumentKey {
	switch {
	case e.split != nil:
		return []ledger.InstrumentKey{e.split.From.Key(), e.split.To.Key()}
	case e.trade != nil, e.transfer != nil:
		return []ledger.InstrumentKey{e.instrument.Key()}
	}
	return nil
}

// fact is what the event records; nil for nothing.
func (e *event) fact() ledger.Fact {
	switch {
	case e.left:
		return nil
	case e.split != nil:
		return *e.split
	case e.isTrade():
		return e.ledgerTrade()
	case e.transfer != nil:
		return *e.transfer
	}
	return nil
}

// isTrade reports whether the event is recorded as a trade.
func (e *event) isTrade() bool { return !e.left && e.split == nil && e.trade != nil }

// ledgerTrade returns the trade as it is recorded.
func (e *event) ledgerTrade() *ledger.Trade {
	t := new(ledger.Trade)
	e.fill(t)
	return t
}

// fill makes a trade what is recorded.
func (e *event) fill(t *ledger.Trade) {
	if e.completed != nil {
		*t = *e.completed
		return
	}
	x := e.trade
	*t = ledger.Trade{
		ExecID: x.ExecID, Kind: x.Kind, Instrument: *x.Instrument, Quantity: x.Quantity, Price: x.Price, Proceeds: x.Proceeds,
		Commission: x.Commission, CommissionPending: x.CommissionPending, Taxes: x.Taxes, FXRate: e.fxRate, Time: e.at,
	}
	if e.row == noRow {
		return
	}
	var row Trade
	e.rows.read(int(e.row)-1, &row)
	t.FXRate = row.FXRate
	if c := row.paidIn(); t.Instrument.SecType == ledger.Forex && c != e.instrument.Currency {
		t.CommissionCurrency = c
	}
}

// recordedAt is the time of the fact.
func (e *event) recordedAt() time.Time {
	switch {
	case e.split != nil:
		return e.split.Time
	case e.transfer != nil:
		return e.transfer.Time
	}
	if e.completed != nil {
		return e.completed.Time
	}
	return e.at
}

// sortEvents puts them into the order in which they happened, and leaves those that compare says
// nothing about in the order in which they are.
func sortEvents(events []*event) {
	for i, e := range events {
		e.place = int32(i)
	}
	slices.SortFunc(events, func(a, b *event) int {
		if c := a.compare(b); c != 0 {
			return c
		}
		return cmp.Compare(a.place, b.place)
	})
}

// quantity is what a trade or a transfer changes the position by.
func (e *event) quantity() ledger.Decimal {
	if e.transfer != nil {
		return e.transfer.Quantity
	}
	return e.trade.Quantity
}

// compare orders events as the broker matches lots: by time, an option before its stock, by id.
func (e *event) compare(o *event) int {
	if c := e.at.Compare(o.at); c != 0 {
		return c
	}
	if c := cmp.Compare(e.rank, o.rank); c != 0 {
		return c
	}
	if c := compareIDs(e.tx, o.tx); c != 0 {
		return c
	}
	return cmp.Compare(e.leg, o.leg)
}

// compareIDs orders ids that are numbers by value, and any others by length and letters.
func compareIDs(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

// splitUnits is how much was held before a split within one contract, by how much it changed that.
func (e *event) splitUnits() ledger.Decimal {
	q := share(e.moved, e.split.Denominator, e.split.Numerator.Sub(e.split.Denominator))
	if whole := q.RoundBank(0); !whole.IsZero() && !q.Equal(q.RoundBank(4)) { // the broker rounded
		return whole
	}
	return q
}

// explained reports whether the split of held units alone makes the change that the row tells.
// Fractions of a share can have more decimals than splitUnits takes for a holding's.
func (e *event) explained(held ledger.Decimal) bool {
	s := e.split
	return share(held, s.Numerator.Sub(s.Denominator), s.Denominator).Equal(e.moved)
}

// opens reports whether the broker says that the trade, where x is held, opens and closes nothing:
// by its mark, else by a cost that is all that was paid. Of a trade that closes a part alone, the
// cost is that part's.
func (e *event) opens(x ledger.Decimal) bool {
	switch {
	case e.trade == nil:
		return false
	case e.side != "":
		return e.side == "O"
	case x.Abs().GreaterThanOrEqual(e.trade.Quantity.Abs()):
		return false
	}
	return e.row != noRow && !e.delivery() && e.cost().Valid && e.real().Valid && e.real().Value.IsZero() && !e.net().IsZero() &&
		e.cost().Value.Add(e.net()).Abs().LessThan(cent)
}

// closes reports whether the trade closes something, by what the broker says.
func (e *event) closes() bool {
	switch {
	case e.side != "":
		return e.side != "O"
	case e.trade.Kind == ledger.Expiry || e.exercised():
		return true
	}
	return e.real().Valid && !e.real().Value.IsZero()
}

// closing is the part of the trade's quantity that closes, where x is held as far as is known. Of a
// flip the broker says what the closing part realized and consumed, and so what share of the
// proceeds it had.
func (e *event) closing(x ledger.Decimal) ledger.Decimal {
	q := e.trade.Quantity
	if e.side != "C;O" && (e.side != "" || e.trade.Kind != ledger.Execution) {
		return q
	}
	if e.real().Valid && e.cost().Valid && !e.delivery() { // a delivery has the premium in it
		part, err := e.real().Value.Sub(e.cost().Value).Div(e.net())
		if err == nil && part.IsPos() && part.LessThan(almost) {
			closed := part.RoundBank(9).Mul(q)
			if inst := e.trade.Instrument; inst.IsOption() || inst.SecType == ledger.Future { // which have no fractions
				return closed.RoundBank(0)
			}
			// Told by rounded figures, and the broker may be a cent off.
			if off := share(closed.Add(x), e.net(), q); !x.IsZero() && !off.Abs().GreaterThan(reconcile.Explained(e.net(), 1)) {
				return x.Neg()
			}
			return closed.RoundBank(4)
		}
	}
	if e.side == "C;O" && !x.IsZero() && x.IsNeg() != q.IsNeg() && x.Abs().LessThan(q.Abs()) {
		return x.Neg()
	}
	return q
}

// net is proceeds less commission and taxes.
func (e *event) net() ledger.Decimal {
	return e.gross().Sub(e.trade.Commission).Sub(e.trade.Taxes)
}

func (e *event) gross() ledger.Decimal { return e.trade.gross() }

// gross is what the trade brought before its costs.
func (x *plannedTrade) gross() ledger.Decimal {
	if !x.Proceeds.IsZero() {
		return x.Proceeds
	}
	return x.Quantity.Mul(x.Price).Mul(nonZero(x.Instrument.Multiplier)).Neg()
}

// gross is what a recorded trade brought before its costs.
func gross(t *ledger.Trade) ledger.Decimal {
	if !t.Proceeds.IsZero() {
		return t.Proceeds
	}
	return t.Quantity.Mul(t.Price).Mul(nonZero(t.Instrument.Multiplier)).Neg()
}

// exercised reports whether the trade is the option's side of an exercise or assignment that
// delivers the underlying.
func (e *event) exercised() bool {
	return e.trade.Instrument.Right != "" && e.delivery() && e.gross().IsZero()
}

func (e *event) delivery() bool {
	return e.trade.Kind == ledger.Assignment || e.trade.Kind == ledger.Exercise
}

// consumed is the basis of what the trade closed, by what the broker says: its cost, else what it
// realized. alone says that a delivered underlying found no option's premium, which is in what it
// realized but not in its cost.
func (e *event) consumed(net ledger.Decimal, alone bool) (ledger.Decimal, string) {
	cost := e.cost().Valid && (e.row != noRow || !e.cost().Value.IsZero())
	switch {
	case cost && !(alone && e.real().Valid):
		return e.cost().Value.Neg(), fmt.Sprintf("cost of the closing in line %d", e.line)
	case e.real().Valid && !e.exercised():
		return net.Sub(e.real().Value), fmt.Sprintf("realized P&L of the closing in line %d", e.line)
	}
	return net, fmt.Sprintf("proceeds of the closing in line %d, which does not say what it consumed", e.line)
}

// roundAsBroker makes the ratio that of the quantities where the broker, who rounds the outcome,
// arrives at another one than the ratio in its text gives.
func (e *event) roundAsBroker(total ledger.Decimal) {
	s := e.split
	after := total.Add(e.moved)
	switch {
	case s.SpinsOff():
		s.Numerator, s.Denominator = e.moved.Abs(), total.Abs()
		return
	case s.From.Key() != s.To.Key():
		return
	case e.unstated && !after.IsZero() && after.IsNeg() == total.IsNeg():
		s.Numerator, s.Denominator = after.Abs(), total.Abs()
		return
	}
	off := share(total, s.Numerator, s.Denominator).Sub(after)
	if !off.IsZero() && off.Abs().LessThan(unit) && !after.IsZero() && after.IsNeg() == total.IsNeg() {
		s.Numerator, s.Denominator = after.Abs(), total.Abs()
	}
}
