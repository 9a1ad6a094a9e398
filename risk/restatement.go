package risk

import (
	"fmt"

	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
)

// Restatement is the effect of amendments on what limits count from facts: the difference after
// counting the facts again with every change in its place. It stands behind the
// [ledger.Restatement] of the same amendments, spares later readers of the journal the way back,
// and can be checked by counting again. What limits count from decisions, such as orders a day,
// does not change.
type Restatement struct {
	// Orders replace the working orders with the same ids. An order that was filled whole works
	// again where a correction or a cancellation left a remainder.
	Orders []WorkingOrder `json:"orders,omitempty"`
	// Done are orders that no longer work: they are filled whole.
	Done []ledger.OrderID `json:"done,omitempty"`
	// Parts replace the strategies' parts of the positions in these contracts.
	Parts map[ledger.InstrumentKey][]StrategyPart `json:"parts,omitempty"`
	// Trades replaces the number of executions of the newest day with an order or an execution; nil
	// where the number stays.
	Trades *int `json:"trades,omitempty"`
	// DayTrades replace the numbers of day trades of these days.
	DayTrades []DayTradeCount `json:"day_trades,omitempty"`
	// Opened replace the days on which these contracts were last bought or sold to open; zero for
	// none.
	Opened map[ledger.InstrumentKey]ledger.Date `json:"opened,omitempty"`
	// Sales replace the proceeds of these days and currencies that may be unsettled; zero for none.
	Sales []Sale `json:"sales,omitempty"`
}

// StrategyPart is the part of a position that one strategy's orders made.
type StrategyPart struct {
	Strategy string         `json:"strategy"`
	Quantity ledger.Decimal `json:"quantity"` // with the position's sign; never zero
}

// DayTradeCount is the number of day trades of one trading day.
type DayTradeCount struct {
	Date ledger.Date `json:"date"`
	N    int         `json:"n"`
}

// Sale is the cash from one day's sales in one currency, after costs. It settles later.
type Sale struct {
	Date     ledger.Date     `json:"date"`
	Currency ledger.Currency `json:"currency"`
	Amount   ledger.Decimal  `json:"amount"`
}

// Empty reports whether the restatement changes nothing.
func (r *Restatement) Empty() bool {
	return len(r.Orders) == 0 && len(r.Done) == 0 && len(r.Parts) == 0 && r.Trades == nil && len(r.DayTrades) == 0 &&
		len(r.Opened) == 0 && len(r.Sales) == 0
}

// check returns an error for a restatement that no fold can take.
func (r *Restatement) check() error {
	if r.Empty() {
		return fmt.Errorf("restatement of nothing")
	}
	for i := range r.Orders {
		o := &r.Orders[i]
		if left := o.Remaining(); left.IsZero() || left.IsNeg() != o.Quantity.IsNeg() {
			return fmt.Errorf("restatement of order %.60q: %s of %s are filled", o.ID, o.Filled, o.Quantity)
		}
	}
	return nil
}

func (r *Restatement) kind() ledger.EntryKind { return KindRestatement }
func (r *Restatement) entryKey() string       { return "" }
func (r *Restatement) appendFields(b []byte) []byte {
	return wire.AppendFields(b, (*storedRestatement)(r))
}
