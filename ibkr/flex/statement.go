package flex

import (
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// Optional is a figure that a statement may or may not give; zero and absent are different things.
type Optional struct {
	Value ledger.Decimal // zero if not Valid
	Valid bool
}

// Statement is what one account did in one period, as the broker states it.
type Statement struct {
	// AccountID is the broker's id of the account, or its alias where the query shows aliases
	// instead. Rows of a segment of the account (U1234567F for U1234567) belong to it. Empty if
	// the file names no account at all. Stars stand for digits that the file masks; see Masked and
	// Of.
	AccountID string
	Alias     string
	// BaseCurrency is the currency that FXRate converts to, empty if the file does not say.
	BaseCurrency ledger.Currency
	QueryName    string
	From, To     ledger.Date // the period, both ends included; zero if the file does not say
	Generated    time.Time   // UTC; zero if the file does not say

	// Trades are executions, in file order, which is not chronological; orders, or summaries of
	// them, where the file has no executions.
	Trades           Trades
	Positions        []Position
	HasPositions     bool // the section was there, even if empty: what it does not list is not held
	Cash             []CashRow
	HasCash          bool // the cash transactions section was there, even if empty
	CorporateActions []CorporateAction
	Transfers        []Transfer // of positions: transfers of cash are in Cash
	Settlements      []Settlement
	CashReport       []CashBalance
	HasCashReport    bool

	loc   *time.Location                     // of the times that name none; nil is UTC
	rates map[ledger.Currency]ledger.Decimal // to base at the end, where no row needs to have them
	// guessed are the ids of options of which no row tells the multiplier.
	guessed map[int64]bool

	// Issues is everything that was in the file and could not be interpreted.
	Issues []Issue
	// SkippedRows counts the rows left out because they repeat or break down others, by level of
	// detail: "ORDER", "SYMBOL_SUMMARY", "ASSET_SUMMARY", "CLOSED_LOT", "WASH_SALE", "LOT",
	// "SUMMARY". "REPEATED" are charges that a cash row or a trade tells too.
	SkippedRows map[string]int
}

// Issue is something in a statement that was read but not interpreted.
type Issue struct {
	Line    int    // where it (first) stands: the line of the file, from 1
	Section string // such as "trade", or the name of the section nobody knows
	Text    string
	Rows    int // how many rows of the file it stands for
	// Unread says that the rows move money or positions, or may, and that what they move is not
	// told by the statement's other rows either.
	Unread bool
}

// Unread counts the rows that move money or positions, or may, and are not in the book, by section.
// It is empty, and not nil, if there are none.
func Unread(issues []Issue) map[string]int {
	rows := map[string]int{}
	for _, i := range issues {
		if i.Unread {
			rows[i.Section] += i.Rows
		}
	}
	return rows
}

// Contract is an instrument with what else the statement tells about it. LocalSymbol is the
// statement's own symbol. The instrument passes Validate.
type Contract struct {
	ledger.Instrument
	UnderlyingConID int64 // 0 if not given
	ISIN            string
	Description     string
	ListingExchange string
}

// Trade is one execution, or what the broker books like one: expiries, assignments, exercises
// and cancellations of earlier executions. Signs are as in the file.
type Trade struct {
	Line int // of the file
	Contract

	TradeID              string
	TransactionID        string
	ExecID               string // ibExecID, such as "0000d514.5159662d.01.01"
	OrderID              string
	OrigTradeID          string
	OrigTransactionID    string
	RelatedTradeID       string
	RelatedTransactionID string

	// Level is "ORDER" or "SYMBOL_SUMMARY" where the row stands for all executions of an order, or
	// of a contract and day; empty for an execution.
	Level           string
	TransactionType string   // "ExchTrade", "BookTrade", "TradeCancel" …
	Exchange        string   // where it executed
	BuySell         string   // "BUY", "SELL", "SELL (Ca.)" …
	Codes           []string // the notes, such as "A", "Ep", "P"
	OpenClose       string   // "O", "C", "C;O" or "" if not given

	Time       time.Time   // UTC
	DateOnly   bool        // the file gives a day without a time: Time is that day's midnight
	TradeDate  ledger.Date // the day it counts for; zero if not given
	ReportDate ledger.Date
	SettleDate ledger.Date

	Quantity ledger.Decimal // negative for a sale
	// Price is per unit. Where the file gives proceeds alone it is derived from them, at 9 places;
	// the proceeds are then the exact figure.
	Price        ledger.Decimal
	PriceDerived bool
	Proceeds     Optional       // positive for a sale
	Commission   Optional       // negative when paid
	Taxes        ledger.Decimal // negative when paid; zero if not given
	// CommissionCurrency is the contract's currency where the file does not say.
	CommissionCurrency ledger.Currency
	FXRate             ledger.Decimal // base currency per unit of the contract's; zero if not given
	Cost               Optional       // of an opening, the basis; of a closing, minus the consumed basis
	Realized           Optional       // FIFO, in the contract's currency
	NetCash            Optional       // of futures, the mark-to-market: not for P&L
}

// Position is what is held of one contract at the end of the period. Rows of the same contract
// (lots where the query gives nothing else, or one row per model) are summed; a figure that not
// all of them give is not Valid.
type Position struct {
	Line int // of the first row
	Contract
	Rows       int // how many rows of the file it sums
	ReportDate ledger.Date
	Quantity   ledger.Decimal // negative if short
	FXRate     ledger.Decimal // base currency per unit of the contract's; zero if not given
	Mark       Optional       // closing price per unit
	Value      Optional       // at the mark, negative if short
	CostPrice  Optional       // per unit; only of a single row
	CostBasis  Optional       // the whole position's, negative if short
	Unrealized Optional
}

// CashRow is money that came or went other than by a trade.
type CashRow struct {
	Line          int
	TransactionID string
	TradeID       string
	ActionID      string
	Level         string          // "SUMMARY" where the row stands for several; empty for others
	Type          string          // the file's own word, such as "Withholding Tax"; the section's name for rows of other sections
	Kind          ledger.CashKind // what Type stands for; empty if it is not known
	Currency      ledger.Currency
	Amount        ledger.Decimal // negative for money that went
	FXRate        ledger.Decimal // base currency per unit; zero if not given
	Symbol        string         // the security that paid, if any
	ConID         int64
	ISIN          string
	Description   string
	Codes         []string
	Time          time.Time // UTC
	DateOnly      bool      // the file gives a day without a time: Time is that day's midnight
	SettleDate    ledger.Date
	ReportDate    ledger.Date
}

// CorporateAction is one side of a split, merger, spin-off and the like: what it did to the
// holding of one contract.
type CorporateAction struct {
	Line int
	Contract
	TransactionID string
	ActionID      string
	Type          string // the broker's code, such as "FS", "RS", "TC"; old files give none
	Text          string // "GCM(CA38501D2041) SPLIT 1 FOR 25 (GCM, …)"
	Codes         []string
	Time          time.Time // UTC
	DateOnly      bool
	ReportDate    ledger.Date
	Quantity      ledger.Decimal // what the holding changes by
	FXRate        ledger.Decimal
	Amount        Optional // minus the proceeds
	Proceeds      Optional // cash received
	Value         Optional // at the market
	Cost          Optional
	Realized      Optional
}

// Transfer is a position that came from another account or went to one, or shares that were
// granted.
type Transfer struct {
	Line int
	Contract
	TransactionID string
	Type          string // the broker's code, such as "ACATS", "FOP", "INTERNAL"; "GRANT" for shares that were granted
	Out           bool   // the position left the account
	Text          string // who gave or took it
	Time          time.Time
	DateOnly      bool
	ReportDate    ledger.Date
	Quantity      ledger.Decimal // as in the file, which may leave the sign of what left to Out
	FXRate        ledger.Decimal
	Price         Optional // per unit, at the market
	Value         Optional // at the market
}

// CashBalance is one currency's cash over the period.
type CashBalance struct {
	Line          int
	Base          bool            // all currencies converted to the base currency; Currency is then empty
	Currency      ledger.Currency // of the balances
	From, To      ledger.Date
	Starting      Optional
	Ending        Optional // by trade date
	EndingSettled Optional
}
