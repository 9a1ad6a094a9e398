package flex

import "strings"

// field is an attribute of a row that this package reads, whatever the encoding calls it.
type field uint8

const (
	fNone field = iota // an attribute this package has no use for
	fAccountID
	fAlias
	fCurrency
	fFXRate
	fAssetCategory
	fSymbol
	fDescription
	fConID
	fISIN
	fSecurityID
	fSecurityIDType
	fListingExchange
	fUnderlyingConID
	fUnderlyingSymbol
	fMultiplier
	fStrike
	fExpiry
	fPutCall
	fTradeID
	fTransactionID
	fExecID
	fOrderID
	fOrigTradeID
	fOrigTransactionID
	fRelatedTradeID
	fRelatedTransactionID
	fTransactionType
	fExchange
	fBuySell
	fNotes
	fCode
	fOpenClose
	fDateTime
	fDate
	fTradeDate
	fTradeTime
	fReportDate
	fSettleDateTarget
	fSettleDate
	fOpenDateTime
	fFromDate
	fToDate
	fWhenGenerated
	fQuantity
	fPosition
	fPrice
	fTradeMoney
	fProceeds
	fCommission
	fCommissionCurrency
	fTaxes
	fCost
	fRealized
	fNetCash
	fLevel
	fMark
	fPositionValue
	fCostPrice
	fCostBasis
	fUnrealized
	fAmount
	fType
	fActionID
	fActionDescription
	fValue
	fSalesTax
	fTaxableDescription
	fFunctionalCurrency
	fStartingCash
	fEndingCash
	fEndingSettledCash
	fDirection
	fTransferPrice
	fPositionAmount
	fCashTransfer
	fCompany
	fTotal
	fTaxAmount
	fNet
	fActivity
	fActivityCode
	fAccruedInt
	numFields
)

// fieldNames is the one table of all fields: the name in XML and the column in CSV.
var fieldNames = [numFields]struct{ xml, csv string }{
	fAccountID:            {"accountId", "ClientAccountID"},
	fAlias:                {"acctAlias", "AccountAlias"},
	fCurrency:             {"currency", "CurrencyPrimary"},
	fFXRate:               {"fxRateToBase", "FXRateToBase"},
	fAssetCategory:        {"assetCategory", "AssetClass"},
	fSymbol:               {"symbol", "Symbol"},
	fDescription:          {"description", "Description"},
	fConID:                {"conid", "Conid"},
	fISIN:                 {"isin", "ISIN"},
	fSecurityID:           {"securityID", "SecurityID"},
	fSecurityIDType:       {"securityIDType", "SecurityIDType"},
	fListingExchange:      {"listingExchange", "ListingExchange"},
	fUnderlyingConID:      {"underlyingConid", "UnderlyingConid"},
	fUnderlyingSymbol:     {"underlyingSymbol", "UnderlyingSymbol"},
	fMultiplier:           {"multiplier", "Multiplier"},
	fStrike:               {"strike", "Strike"},
	fExpiry:               {"expiry", "Expiry"},
	fPutCall:              {"putCall", "Put/Call"},
	fTradeID:              {"tradeID", "TradeID"},
	fTransactionID:        {"transactionID", "TransactionID"},
	fExecID:               {"ibExecID", "IBExecID"},
	fOrderID:              {"ibOrderID", "IBOrderID"},
	fOrigTradeID:          {"origTradeID", "OrigTradeID"},
	fOrigTransactionID:    {"origTransactionID", "OrigTransactionID"},
	fRelatedTradeID:       {"relatedTradeID", "RelatedTradeID"},
	fRelatedTransactionID: {"relatedTransactionID", "RelatedTransactionID"},
	fTransactionType:      {"transactionType", "TransactionType"},
	fExchange:             {"exchange", "Exchange"},
	fBuySell:              {"buySell", "Buy/Sell"},
	fNotes:                {"notes", "Notes/Codes"},
	fCode:                 {"code", "Code"},
	fOpenClose:            {"openCloseIndicator", "Open/CloseIndicator"},
	fDateTime:             {"dateTime", "Date/Time"},
	fDate:                 {"date", "Date"},
	fTradeDate:            {"tradeDate", "TradeDate"},
	fTradeTime:            {"tradeTime", "TradeTime"},
	fReportDate:           {"reportDate", "ReportDate"},
	fSettleDateTarget:     {"settleDateTarget", "SettleDateTarget"},
	fSettleDate:           {"settleDate", "SettleDate"},
	fOpenDateTime:         {"openDateTime", "OpenDateTime"},
	fFromDate:             {"fromDate", "FromDate"},
	fToDate:               {"toDate", "ToDate"},
	fWhenGenerated:        {"whenGenerated", "WhenGenerated"},
	fQuantity:             {"quantity", "Quantity"},
	fPosition:             {"position", "Position"},
	fPrice:                {"tradePrice", "TradePrice"},
	fTradeMoney:           {"tradeMoney", "TradeMoney"},
	fProceeds:             {"proceeds", "Proceeds"},
	fCommission:           {"ibCommission", "IBCommission"},
	fCommissionCurrency:   {"ibCommissionCurrency", "IBCommissionCurrency"},
	fTaxes:                {"taxes", "Taxes"},
	fCost:                 {"cost", "CostBasis"},
	fRealized:             {"fifoPnlRealized", "FifoPnlRealized"},
	fNetCash:              {"netCash", "NetCash"},
	fLevel:                {"levelOfDetail", "LevelOfDetail"},
	fMark:                 {"markPrice", "MarkPrice"},
	fPositionValue:        {"positionValue", "PositionValue"},
	fCostPrice:            {"costBasisPrice", "CostBasisPrice"},
	fCostBasis:            {"costBasisMoney", "CostBasisMoney"},
	fUnrealized:           {"fifoPnlUnrealized", "FifoPnlUnrealized"},
	fAmount:               {"amount", "Amount"},
	fType:                 {"type", "Type"},
	fActionID:             {"actionID", "ActionID"},
	fActionDescription:    {"actionDescription", "ActionDescription"},
	fValue:                {"value", "Value"},
	fSalesTax:             {"salesTax", "SalesTax"},
	fTaxableDescription:   {"taxableDescription", "TaxableDescription"},
	fFunctionalCurrency:   {"functionalCurrency", "FunctionalCurrency"},
	fStartingCash:         {"startingCash", "StartingCash"},
	fEndingCash:           {"endingCash", "EndingCash"},
	fEndingSettledCash:    {"endingSettledCash", "EndingSettledCash"},
	fDirection:            {"direction", "Direction"},
	fTransferPrice:        {"transferPrice", "TransferPrice"},
	fPositionAmount:       {"positionAmount", "PositionAmount"},
	fCashTransfer:         {"cashTransfer", "CashTransfer"},
	fCompany:              {"company", "TransferCompany"},
	fTotal:                {"total", "Total"},
	fTaxAmount:            {"taxAmount", "TaxAmount"},
	fNet:                  {"net", "Net"},
	fActivity:             {"activityDescription", "ActivityDescription"},
	fActivityCode:         {"activityCode", "ActivityCode"},
	fAccruedInt:           {"accruedInt", "AccruedInterest"},
}

// fieldAliases are the names that other sections and kinds of query have for the same fields.
var fieldAliases = map[string]field{
	// Trade confirmations.
	"price": fPrice, "commission": fCommission, "commissionCurrency": fCommissionCurrency, "tax": fTaxes, "execID": fExecID, "orderID": fOrderID,
	"accruedInterest": fAccruedInt,
	// Option exercises.
	"realizedPnl": fRealized, "realizedPL": fRealized, "commisionsAndTax": fCommission, "commissionsAndTax": fCommission,
	// Transaction taxes, debit cards, transfers.
	"taxDescription": fTaxableDescription, "postingDateTime": fDateTime, "merchantNameLocation": fDescription, "xferPrice": fTransferPrice,
}

// String returns the XML name, which is what errors use.
func (f field) String() string { return fieldNames[f].xml }

// fieldIndex finds fields by name. It learns the spellings it meets, so that the usual look-up is
// one access; the table alone decides what they mean.
type fieldIndex map[string]field

// maxLearned bounds what a hostile file can make an index learn.
const maxLearned = 4096

func newFieldIndex() fieldIndex {
	x := make(fieldIndex, 4*int(numFields))
	for f := fNone + 1; f < numFields; f++ {
		x[fold(fieldNames[f].xml)] = f
		x[fold(fieldNames[f].csv)] = f
	}
	for name, f := range fieldAliases {
		x[fold(name)] = f
	}
	return x
}

// field returns the field of the name. Case and punctuation do not count: Put/Call is putCall.
func (x fieldIndex) field(name string) field {
	f, ok := x[name]
	if !ok {
		f = x[fold(name)]
		if len(x) < maxLearned && len(name) <= 100 {
			x[strings.Clone(name)] = f
		}
	}
	return f
}

// known reports whether a field has the name. It learns nothing: most of what it is asked about are
// values.
func (x fieldIndex) known(name string) bool {
	return len(name) <= 100 && x[fold(name)] != fNone
}

// fold reduces a name to its letters and digits, in lower case.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}
