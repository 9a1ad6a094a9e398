package flex

import (
	"fmt"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// form is what the id of a fact is made of. Of facts with ids of one form, equal ones are the same.
// Of two with ids of different forms nobody could say. A row has several forms where it has several
// ids.
type form uint16

const (
	byExecution   form = 1 << iota // the broker's execution id, or whatever else a trade was recorded under
	byTransaction                  // the broker's transaction id
	byTrade                        // the broker's trade id
	byOrder                        // the broker's order id, with contract and day
	byOrderWords                   // what the row of an order says
	byWords                        // what any other row says
	bySummary                      // what a row says that stands for several
	byOwn                          // what the program recorded something else than a trade under
	byFormerWords                  // what a row without ids says, in the ids of earlier releases: no row has one now

	byBroker = byExecution | byTransaction | byTrade
	byRow    = byOrderWords | byWords | bySummary
)

var formNames = []string{"execution id", "transaction id", "trade id", "order id", "order without an id", "row without an id",
	"summary", "own id", "row without an id, as earlier versions named it"}

// String names what the ids are made of.
func (f form) String() string {
	var names []string
	for i, name := range formNames {
		if f&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return strings.Join(names, " or ")
}

const (
	orderPrefix   = "order-"   // begins the ids of trades that stand for all executions of an order
	summaryPrefix = "summary-" // and of those of a contract and day
	wordsPrefix   = "row-"     // begins what a row without ids says
	chargePrefix  = "charge-"  // begins the ids of charges that trade rows without units tell
	backPrefix    = "back-"    // begins the ids of splits that take others back
	renamePrefix  = "rename-"  // begins those of splits that no row tells
	// openingPrefix begins the ids of opening balances, which are numbered by contract and bear no
	// date: a statement that is planned while another one begins the book is refused then, and no
	// second beginning is booked.
	openingPrefix = "opening-"

	commissionPrefix = "commission-" // begins the ids of commissions that are booked beside their trades
	keptPrefix       = "kept-"       // of those that a cancellation did not give back
	settlementPrefix = "settlement-" // and of cash settlements beside their trades
)

// isCharge reports whether a recorded movement is the charge of a trade row without units.
func isCharge(id string) bool { return strings.HasPrefix(id, chargePrefix) }

// besideTrade reports whether a recorded movement came with a trade, or is told by it.
func besideTrade(id string) bool {
	return strings.HasPrefix(id, commissionPrefix) || strings.HasPrefix(id, keptPrefix) || strings.HasPrefix(id, settlementPrefix)
}

// formPrefixes tell the form by how an id begins, the longer ones first.
var formPrefixes = []struct {
	begins string
	form   form
}{
	{"order-row-", byOrderWords}, {orderPrefix, byOrder}, {summaryPrefix, bySummary}, {wordsPrefix, byWords},
	{"cancel-row-", byRow | byOrder}, {"cancel-", byBroker},
	{"cash-row-", byWords}, {"cash-summary-", bySummary}, {"action-row-", byWords}, {"transfer-row-", byWords},
	{"cash-", byTransaction}, {"action-", byTransaction}, {"transfer-", byTransaction}, {"tx-", byTransaction},
	{"tax-", byTransaction}, {"unread-", byTransaction}, {"trade-tax-", byTransaction}, {"transferred-", byTransaction},
	{"cfd-", byTransaction}, {"client-fee-", byTransaction}, {"card-", byTransaction}, {"trade-", byTrade},
}

// formOf is the form of the id of a recorded fact that is no trade.
func formOf(id string) form {
	id = strings.TrimPrefix(strings.TrimPrefix(id, chargePrefix), backPrefix)
	for _, p := range formPrefixes {
		switch rest, ok := strings.CutPrefix(id, p.begins); {
		case !ok:
		case p.form == byTransaction && beginsWithTime(rest):
			return byFormerWords
		default:
			return p.form
		}
	}
	return byOwn
}

// beginsWithTime reports whether the rest of an id is what a row says, and not a transaction id:
// earlier releases wrote what a row without ids says behind "cash-", "action-" and "transfer-"
// alone, its time first.
func beginsWithTime(rest string) bool {
	digits, _, found := strings.Cut(rest, "-")
	return found && len(digits) == len(wordsTime) && strings.Trim(digits, "0123456789") == ""
}

// wordsTime is the layout of the time in the id of a row without ids.
const wordsTime = "20060102150405"

// formOfTrade is the form of the id of a recorded trade. What the broker books without an execution
// has no execution id to be known by.
func formOfTrade(t *ledger.Trade) form {
	f := formOf(string(t.ExecID))
	if f == byOwn && t.Kind != ledger.Corporate {
		f = byExecution
	}
	if f&byBroker != 0 && t.Kind != ledger.Execution {
		return byBroker
	}
	return f
}

// forms are those of the ids that the row may be recorded under.
func (p *planner) forms(row *Trade) (f form) {
	switch {
	case row.Level == "SYMBOL_SUMMARY":
		return bySummary
	case row.Level != "" && row.OrderID != "":
		return byOrder
	case row.Level != "":
		return byOrderWords
	}
	if row.ExecID != "" {
		f |= byExecution
	}
	if row.TransactionID != "" {
		f |= byTransaction
	}
	if row.TradeID != "" {
		f |= byTrade
	}
	switch {
	case f == 0:
		return byWords
	case f&byExecution == 0 && (p.execIDs() || row.withoutExecution()):
		return byBroker
	}
	return f
}

// execIDs reports whether the statement shows execution ids: then a row without one is of no
// execution.
func (p *planner) execIDs() bool {
	if p.showsExecIDs == nil {
		shows := false
		for _, t := range p.st.Trades.All() {
			if shows = t.ExecID != ""; shows {
				break
			}
		}
		p.showsExecIDs = &shows
	}
	return *p.showsExecIDs
}

// withoutExecution reports whether the broker booked the row without an execution: it has no
// execution id.
func (t *Trade) withoutExecution() bool {
	if t.Quantity.IsZero() || t.TransactionType != "" && t.TransactionType != "ExchTrade" {
		return true
	}
	for _, code := range t.Codes {
		if code == "A" || code == "Ex" || code == "Ep" {
			return true
		}
	}
	return false
}

// orderName is the id of a row that stands for several executions: of its order, contract and day,
// or of what it says.
func (t *Trade) orderName() ledger.ExecID {
	switch {
	case t.Level == "SYMBOL_SUMMARY":
		return summaryPrefix + t.words()
	case t.OrderID == "":
		return orderPrefix + t.words()
	}
	return ledger.ExecID(fmt.Sprintf("%s%s-%d-%s", orderPrefix, t.OrderID, t.ConID, t.Time.Format("20060102")))
}
