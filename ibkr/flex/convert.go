package flex

import (
	"slices"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// trade reads one execution.
func (b *builder) trade(c *reading) {
	r := c.r
	weak := r.v[fLevel] == "" && r.first(fTradeID, fTransactionID, fExecID) == fNone
	b.trades.ids = b.trades.ids || r.v[fLevel] == "" && !weak
	t := Trade{Line: r.line, BuySell: b.keep(r.v[fBuySell]), Codes: b.codes(r, fNotes), OpenClose: b.openClose(r),
		TransactionType: b.keep(r.v[fTransactionType]), Exchange: b.keep(r.v[fExchange])}
	if len(t.Codes) == 0 {
		t.Codes = b.codes(r, fCode) // as trade confirmations have it
	}
	if t.OpenClose == "" {
		t.OpenClose = openCloseOf(t.Codes)
	}
	if level := strings.ToUpper(r.v[fLevel]); level == "ORDER" || level == "SYMBOL_SUMMARY" {
		t.Level = b.keep(level)
	}
	tradeIDs(r, &t)
	var problem string
	t.Contract, problem = b.contract(c, fProceeds, fPrice)
	tradeFigures(c, &t)
	b.tradeDates(c, &t)
	if t.SecType != ledger.Forex { // whose commissions are in another: see finishCommissions
		t.CommissionCurrency = t.Currency
	}
	if r.v[fCommissionCurrency] != "" {
		t.CommissionCurrency = ledger.Currency(b.keep(r.v[fCommissionCurrency]))
		if !t.CommissionCurrency.Valid() {
			c.fail(fCommissionCurrency, errNoCurrency)
		}
	}
	if c.err != nil {
		return
	}
	if problem != "" {
		b.leftOut(c, &t.Contract, problem)
		b.moneyOf(&t)
		return
	}
	if !c.decimal(fAccruedInt).IsZero() {
		b.coupons.see(r)
	}
	if weak {
		b.trades.at = append(b.trades.at, b.st.Trades.Len())
	}
	b.st.Trades.add(&t)
}

// tradeIDs notes the ids, which are the row's: the list of trades copies them. Zero stands for none
// where another row is named.
func tradeIDs(r *row, t *Trade) {
	t.TradeID, t.TransactionID, t.ExecID, t.OrderID = r.v[fTradeID], r.v[fTransactionID], r.v[fExecID], r.v[fOrderID]
	other := func(f field) string {
		if r.v[f] == "0" {
			return ""
		}
		return r.v[f]
	}
	t.OrigTradeID, t.OrigTransactionID = other(fOrigTradeID), other(fOrigTransactionID)
	t.RelatedTradeID, t.RelatedTransactionID = other(fRelatedTradeID), other(fRelatedTransactionID)
}

func tradeFigures(c *reading, t *Trade) {
	c.require(fQuantity)
	c.require(fPrice, fProceeds)
	t.Quantity = c.decimal(fQuantity)
	if t.BuySell == "SELL" && t.Quantity.IsPos() { // as some trade confirmations have it
		t.Quantity = t.Quantity.Neg()
	}
	t.Price = c.decimal(fPrice)
	t.Proceeds, t.Commission, t.Taxes = c.optional(fProceeds), c.optional(fCommission), c.decimal(fTaxes)
	t.Cost, t.Realized, t.NetCash = c.optional(fCost), c.optional(fRealized), c.optional(fNetCash)
	t.FXRate = c.rate()
	if c.err != nil || c.r.v[fPrice] != "" {
		return
	}
	price, err := t.Proceeds.Value.Neg().Div(t.Quantity)
	if err == nil {
		price, err = price.Div(nonZero(t.Multiplier)) // a contract that is left out may have none
	}
	if err != nil { // no units: nothing to derive a price from
		c.fail(fPrice, errAbsent)
		return
	}
	t.Price, t.PriceDerived = price.RoundBank(9), true
}

func (b *builder) tradeDates(c *reading, t *Trade) {
	st := c.tradeTime()
	t.Time, t.DateOnly, t.TradeDate = st.time, !st.clock, st.date
	if d := c.date(fTradeDate); d != 0 {
		t.TradeDate = d
	}
	t.ReportDate = c.date(fReportDate)
	if f := c.r.first(fSettleDateTarget, fSettleDate); f != fNone {
		t.SettleDate = c.date(f)
	}
}

// openClose reads "O", "C" and both, in whatever order and spacing.
func (b *builder) openClose(r *row) string {
	if side := openCloseOf(b.codes(r, fOpenClose)); side != "" {
		return side
	}
	return b.keep(r.v[fOpenClose])
}

func openCloseOf(codes []string) string {
	open, closing := slices.Contains(codes, "O"), slices.Contains(codes, "C")
	switch {
	case open && closing:
		return "C;O"
	case open:
		return "O"
	case closing:
		return "C"
	}
	return ""
}

// position reads what is held of one contract, or one lot of it.
func (b *builder) position(c *reading) {
	r := c.r
	c.require(fQuantity, fPosition)
	p := Position{Line: r.line, Rows: 1, Quantity: c.quantity(), ReportDate: c.date(fReportDate), FXRate: c.rate(),
		Mark: c.optional(fMark), Value: c.optional(fPositionValue), CostPrice: c.optional(fCostPrice),
		CostBasis: c.optional(fCostBasis), Unrealized: c.optional(fUnrealized)}
	var problem string
	p.Contract, problem = b.contract(c, fPositionValue, fMark)
	switch {
	case c.err != nil:
	case problem != "":
		b.leftOut(c, &p.Contract, problem)
	default:
		b.st.Positions = append(b.st.Positions, p)
	}
}

// cashRow reads one movement of cash.
func (b *builder) cashRow(c *reading) {
	r := c.r
	weak := r.v[fLevel] == "" && r.v[fTransactionID] == ""
	b.cash.ids = b.cash.ids || r.v[fLevel] == "" && !weak
	m := b.movement(c, fAmount, b.keep(r.v[fType]))
	m.Description, m.ActionID = b.keep(r.v[fDescription]), b.own(r.v[fActionID])
	m.Kind = cashKind(m.Type, m.Amount)
	if strings.EqualFold(r.v[fLevel], summary) {
		m.Level = summary
	}
	if c.err != nil {
		return
	}
	if weak {
		b.cash.at = append(b.cash.at, len(b.st.Cash))
	}
	b.st.Cash = append(b.st.Cash, m)
}

// movement reads what all movements of cash have.
func (b *builder) movement(c *reading, amount field, kind string) CashRow {
	r := c.r
	c.require(amount)
	st := c.when(fDateTime, fDate, fTradeDate, fReportDate, fSettleDate)
	cur := c.currency()
	return CashRow{Line: r.line, Type: kind, Currency: ledger.Currency(b.keep(string(cur))), Amount: c.decimal(amount),
		TransactionID: b.own(r.v[fTransactionID]), TradeID: b.own(r.v[fTradeID]), FXRate: c.rate(),
		Symbol: b.keep(r.v[fSymbol]), ConID: c.id(fConID), ISIN: b.isin(r), Codes: b.codes(r, r.first(fCode, fNotes)),
		Time: st.time, DateOnly: !st.clock, SettleDate: c.date(fSettleDate), ReportDate: c.date(fReportDate)}
}

// cashKind tells what the broker's word for a movement stands for; empty if it is not known.
func cashKind(word string, amount ledger.Decimal) ledger.CashKind {
	switch word {
	case "Deposits/Withdrawals", "Deposits & Withdrawals":
		if amount.IsNeg() {
			return ledger.Withdrawal
		}
		return ledger.Deposit
	case "Dividends":
		return ledger.Dividend
	case "Payment In Lieu Of Dividends":
		return ledger.PaymentInLieu
	case "Broker Interest Paid", "Broker Interest Received", "Bond Interest Paid", "Bond Interest Received":
		return ledger.Interest
	case "Withholding Tax", "871(m) Withholding":
		return ledger.Tax
	case "Other Fees", "Broker Fees", "Advisor Fees", "Client Fees", "Commission Adjustments":
		return ledger.Fee
	case "Price Adjustments", "Other Income":
		return ledger.OtherCash
	}
	return ""
}

// corporateAction reads one side of a corporate action.
func (b *builder) corporateAction(c *reading) {
	r := c.r
	if r.v[fQuantity] == "" || r.first(fDateTime, fReportDate) == fNone {
		b.issue(r.line, c.sec.String(), "%.40q is left out: quantity or date is absent", r.v[fSymbol])
		b.st.Issues[len(b.st.Issues)-1].Unread = true
		return
	}
	st := c.when(fDateTime, fReportDate)
	a := CorporateAction{Line: r.line, TransactionID: b.own(r.v[fTransactionID]), ActionID: b.own(r.v[fActionID]),
		Type: b.keep(r.v[fType]), Text: b.keep(r.v[r.first(fActionDescription, fDescription)]), Codes: b.codes(r, r.first(fCode, fNotes)),
		Time: st.time, DateOnly: !st.clock, ReportDate: c.date(fReportDate), Quantity: c.decimal(fQuantity), FXRate: c.rate(),
		Amount: c.optional(fAmount), Proceeds: c.optional(fProceeds), Value: c.optional(fValue),
		Cost: c.optional(fCost), Realized: c.optional(fRealized)}
	var problem string
	a.Contract, problem = b.contract(c, fNone, fNone)
	switch {
	case c.err != nil:
	case problem != "":
		b.leftOut(c, &a.Contract, problem)
	default:
		b.st.CorporateActions = append(b.st.CorporateActions, a)
	}
}

// cashBalance reads one currency of the cash report.
func (b *builder) cashBalance(c *reading) {
	r := c.r
	cur := ledger.Currency(r.v[fCurrency])
	base := cur == "BASE_SUMMARY" || strings.EqualFold(r.v[fLevel], "BaseCurrency")
	if !base && !cur.Valid() {
		b.issue(r.line, c.sec.String(), "balance is left out: %.20q is not a currency", cur)
		return
	}
	if base && cur.Valid() && b.base == "" {
		b.base = ledger.Currency(b.keep(string(cur)))
	}
	m := CashBalance{Line: r.line, Base: base, From: c.date(fFromDate), To: c.date(fToDate),
		Starting: c.optional(fStartingCash), Ending: c.optional(fEndingCash), EndingSettled: c.optional(fEndingSettledCash)}
	if !base {
		m.Currency = ledger.Currency(b.keep(string(cur)))
	}
	if c.err == nil {
		b.st.CashReport = append(b.st.CashReport, m)
	}
}
