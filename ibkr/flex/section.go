package flex

import "strings"

// section is what a row is about.
type section uint8

const (
	secUnknown section = iota // nobody knows: counted and reported
	secIgnored                // repeats or only informs: passed over
	secHint                   // as secIgnored, but may name the base currency
	secAccount
	secTrades
	secPositions
	secCash
	secCorporate
	secCashReport
	secSalesTax
	secTransfers
	secGrants
	secCFDCharges
	secTransactionTaxes
	secClientFees
	secDebitCards
	secAccrued   // what cash transactions charge later
	secOptionEAE // exercises and the like: cash settlements count, the rest repeats trades
	secFunds     // the statement of funds: cash settlements count, the rest repeats other sections
	numSections
)

// String returns what errors and issues call a row of the section.
func (s section) String() string {
	switch s {
	case secAccount:
		return "account information"
	case secTrades:
		return "trade"
	case secPositions:
		return "position"
	case secCash:
		return "cash transaction"
	case secCorporate:
		return "corporate action"
	case secCashReport:
		return "cash report"
	case secSalesTax:
		return "sales tax"
	case secTransfers:
		return "transfer"
	case secGrants:
		return "stock grant"
	case secCFDCharges:
		return "CFD charge"
	case secTransactionTaxes:
		return "transaction tax"
	case secClientFees:
		return "client fee"
	case secDebitCards:
		return "debit card"
	case secAccrued:
		return "accrued fee"
	case secOptionEAE:
		return "option exercise"
	case secFunds:
		return "statement of funds"
	}
	return "statement"
}

// xmlSection tells the section by its element.
func xmlSection(name string) section {
	switch name {
	case "AccountInformation":
		return secAccount
	case "Trades":
		return secTrades
	case "OpenPositions":
		return secPositions
	case "CashTransactions":
		return secCash
	case "CorporateActions":
		return secCorporate
	case "CashReport":
		return secCashReport
	case "SalesTaxes":
		return secSalesTax
	case "TradeConfirms":
		return secTrades
	case "Transfers":
		return secTransfers
	case "StockGrantActivities":
		return secGrants
	case "CFDCharges":
		return secCFDCharges
	case "TransactionTaxes":
		return secTransactionTaxes
	case "ClientFees":
		return secClientFees
	case "DebitCardActivities":
		return secDebitCards
	case "SLBFees", "HardToBorrowDetails":
		return secAccrued
	case "OptionEAE":
		return secOptionEAE
	case "StmtFunds":
		return secFunds
	case "ChangeInNAV", "EquitySummaryInBase", "FxTransactions":
		return secHint
	case "FIFOPerformanceSummaryInBase", "MTMPerformanceSummaryInBase", "MTDYTDPerformanceSummary",
		"ChangeInPositionValues", "NetStockPositionSummary", "FxPositions", "FxLots",
		"PriorPeriodPositions", "SecuritiesInfo", "ConversionRates", "OpenDividendAccruals",
		"ChangeInDividendAccruals", "InterestAccruals", "TierInterestDetails",
		"ClientFeesDetail", "SLBOpenContracts", "SLBActivities", "SLBCollaterals", "UnsettledTransfers", "DepositsOnHold",
		"MutualFundDividendDetails",
		"HardToBorrowMarkupDetails", "IncentiveCouponAccrualDetails", "FdicInsuredDepositsByBank",
		"PendingExcercises", "PendingExercises", "ComplexPositions",
		"RoutingCommissions", "UnbundledCommissionDetails":
		return secIgnored
	}
	return secUnknown
}

// xmlRow reports whether an element is the row of the section that this package reads.
func xmlRow(s section, name string) bool {
	switch s {
	case secTrades:
		return name == "Trade" || name == "TradeConfirm"
	case secPositions:
		return name == "OpenPosition"
	case secCash:
		return name == "CashTransaction"
	case secCorporate:
		return name == "CorporateAction"
	case secCashReport:
		return name == "CashReportCurrency"
	case secSalesTax:
		return name == "SalesTax"
	case secTransfers:
		return name == "Transfer"
	case secGrants:
		return name == "StockGrantActivity"
	case secCFDCharges:
		return name == "CFDCharge"
	case secTransactionTaxes:
		return name == "TransactionTax" || name == "TransactionTaxDetail"
	case secClientFees:
		return name == "ClientFee"
	case secDebitCards:
		return name == "DebitCardActivity"
	case secAccrued:
		return true
	case secOptionEAE:
		return name == "OptionEAE"
	case secFunds:
		return name == "StatementOfFundsLine"
	}
	return false
}

// xmlRepeats returns the level of detail of an element that repeats or breaks down other rows
// under a name of its own.
func xmlRepeats(name string) (level string, ok bool) {
	switch name {
	case "Order":
		return "ORDER", true
	case "SymbolSummary":
		return "SYMBOL_SUMMARY", true
	case "AssetSummary":
		return "ASSET_SUMMARY", true
	case "Lot":
		return "CLOSED_LOT", true
	case "WashSale":
		return "WASH_SALE", true
	}
	return "", false
}

// csvSection tells the section by its code, else by its title.
func csvSection(code, title string) section {
	switch code {
	case "ACCT":
		return secAccount
	case "TRNT":
		return secTrades
	case "POST":
		return secPositions
	case "CTRN":
		return secCash
	case "CORP":
		return secCorporate
	case "CRTT":
		return secCashReport
	case "OPTT":
		return secOptionEAE
	case "STFU":
		return secFunds
	case "CNAV", "EQUT", "FXTR":
		return secHint
	case "FIFO", "MTMP", "MTDY", "SECU", "RATE", "PPPO", "IACC", "CDIV", "ODIV", "FXPO", "NSTK":
		return secIgnored
	}
	return titleSection(title)
}

// titleSection tells the section by what the line that begins it says, such as
// "Trades; trade date basis".
func titleSection(title string) section {
	title, _, _ = strings.Cut(strings.ToLower(title), ";")
	title = strings.TrimSpace(title)
	switch title {
	case "account information":
		return secAccount
	case "trades":
		return secTrades
	case "position", "positions", "open positions":
		return secPositions
	case "cash transactions":
		return secCash
	case "corporate actions":
		return secCorporate
	case "cash report":
		return secCashReport
	case "sales tax", "sales taxes", "sales tax details":
		return secSalesTax
	case "trade confirmations", "trade confirms", "trade confirmation":
		return secTrades
	case "transfers", "transfer":
		return secTransfers
	case "grant activity", "stock grant activity", "stock grant activities":
		return secGrants
	case "cfd charges":
		return secCFDCharges
	case "transaction tax", "transaction taxes", "transaction tax details":
		return secTransactionTaxes
	case "client fees", "fees charged by advisor":
		return secClientFees
	case "debit card activity", "debit card activities":
		return secDebitCards
	case "slb fees", "borrow fee details", "hard to borrow details", "ibkr managed securities (slb) fees":
		return secAccrued
	case "option exercises, assignments and expirations", "option exercises, assignments & expirations":
		return secOptionEAE
	case "statement of funds":
		return secFunds
	case "change in nav", "net asset value (nav) in base", "forex p/l details":
		return secHint
	}
	for _, informs := range []string{"realized & unrealized", "realized and unrealized", "mark-to-market", "month & year to date",
		"month and year to date", "statement of funds", "change in position value", "net stock position", "forex balances",
		"prior period positions", "financial instrument information", "conversion rate", "base currency exchange rate",
		"open dividend accruals", "change in dividend accruals", "interest accruals", "tier interest", "borrow fee",
		"hard to borrow", "option exercises", "pending exercises", "routing", "unbundled commission"} {
		if strings.HasPrefix(title, informs) {
			return secIgnored
		}
	}
	return secUnknown
}

// columnSection tells the section of a header row by columns that no other section has.
func columnSection(header []string) section {
	has := make(map[string]bool, len(header))
	for _, name := range header {
		has[fold(name)] = true
	}
	any := func(names ...string) bool {
		for _, name := range names {
			if has[name] {
				return true
			}
		}
		return false
	}
	switch {
	case any("cashtransfer", "transferprice", "xferprice"):
		return secTransfers
	case any("received") && any("paid") && any("total"):
		return secCFDCharges
	case any("taxamount"):
		return secTransactionTaxes
	case any("awarddate", "vestingdate"):
		return secGrants
	case any("expenseindicator"):
		return secClientFees
	case any("merchantnamelocation"):
		return secDebitCards
	case any("borrowfee", "borrowfeerate", "netlendfee"):
		return secAccrued
	case any("startingvalue", "endingvalue", "functionalcurrency", "stocklong", "dividendaccrualslong"):
		return secHint
	case any("commisionsandtax", "commissionsandtax") && any("transactiontype"):
		return secOptionEAE
	case any("activitycode") && any("amount"):
		return secFunds
	// Before trades: the statement of funds has a trade price as well.
	case any("activitydescription", "activitycode", "totalrealizedpnl", "totalunrealizedpnl", "totalfifopnl", "transactionmtm",
		"prioropenmtm", "priormtmpnl", "exdate", "endingaccrualbalance", "netshares", "fromcurrency", "valuemethod"):
		return secIgnored
	case any("execid") && any("price"):
		return secTrades
	case any("tradeprice", "trademoney", "ibcommission", "ibexecid", "opencloseindicator"):
		return secTrades
	case any("markprice", "costbasismoney", "costbasisprice", "positionvalue"):
		return secPositions
	case any("startingcash", "endingcash", "endingsettledcash"):
		return secCashReport
	case any("salestax"):
		return secSalesTax
	case any("actiondescription"):
		return secCorporate
	case any("amount") && any("type"):
		return secCash
	case any("accounttype", "customertype", "accountcapabilities", "dateopened"):
		return secAccount
	}
	return secUnknown
}
