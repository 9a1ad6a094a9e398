package flex

import (
	"regexp"
	"strings"
	"unicode"
)

// activityKind says what to do with the rows of a section.
type activityKind uint8

const (
	activityUnknown activityKind = iota // counted and reported
	activityInforms                     // repeats or only informs: passed over
	activityValues                      // names and values
	activityTerms                       // the contracts
	activityRates                       // to the base currency
	activityCash                        // the cash report
	activityRows                        // rows as a Flex statement has them
)

// activitySection is a section of an activity statement.
type activitySection struct {
	kind     activityKind
	sec      section
	word     string // the type of its cash rows, if it has but one
	security bool   // its texts begin with a security
}

// activitySections are the sections that are read, by their names.
var activitySections = map[string]*activitySection{
	"Statement":                        {kind: activityValues},
	"Account Information":              {kind: activityValues},
	"Financial Instrument Information": {kind: activityTerms},
	"Base Currency Exchange Rate":      {kind: activityRates},
	"Cash Report":                      {kind: activityCash},
	"Trades":                           {kind: activityRows, sec: secTrades},
	"Open Positions":                   {kind: activityRows, sec: secPositions},
	"Corporate Actions":                {kind: activityRows, sec: secCorporate},
	"Transfers":                        {kind: activityRows, sec: secTransfers},
	"Incoming Transfers":               {kind: activityRows, sec: secTransfers},
	"Grant Activity":                   {kind: activityRows, sec: secGrants},
	"CFD Charges":                      {kind: activityRows, sec: secCFDCharges},
	"Transaction Fees":                 {kind: activityRows, sec: secTransactionTaxes},
	"Sales Tax Details":                {kind: activityRows, sec: secSalesTax},
	"Debit Card Activity":              {kind: activityRows, sec: secDebitCards},
	"Deposits & Withdrawals":           {kind: activityRows, sec: secCash, word: "Deposits & Withdrawals"},
	"Dividends":                        {kind: activityRows, sec: secCash, word: "Dividends", security: true},
	"Payment In Lieu Of Dividends":     {kind: activityRows, sec: secCash, word: "Payment In Lieu Of Dividends", security: true},
	"Withholding Tax":                  {kind: activityRows, sec: secCash, word: "Withholding Tax", security: true},
	"871(m) Withholding":               {kind: activityRows, sec: secCash, word: "871(m) Withholding", security: true},
	"Interest":                         {kind: activityRows, sec: secCash, word: "Broker Interest Received"},
	"Broker Interest Paid":             {kind: activityRows, sec: secCash, word: "Broker Interest Paid"},
	"Broker Interest Received":         {kind: activityRows, sec: secCash, word: "Broker Interest Received"},
	"Bond Interest Paid":               {kind: activityRows, sec: secCash, word: "Bond Interest Paid"},
	"Bond Interest Received":           {kind: activityRows, sec: secCash, word: "Bond Interest Received"},
	"Fees":                             {kind: activityRows, sec: secCash, word: "Other Fees"},
	"Other Fees":                       {kind: activityRows, sec: secCash, word: "Other Fees"},
	"Broker Fees":                      {kind: activityRows, sec: secCash, word: "Broker Fees"},
	"Advisor Fees":                     {kind: activityRows, sec: secCash, word: "Advisor Fees"},
	"Client Fees":                      {kind: activityRows, sec: secCash, word: "Client Fees"},
	"Commission Adjustments":           {kind: activityRows, sec: secCash, word: "Commission Adjustments"},
	"Commission Credits":               {kind: activityRows, sec: secCash, word: "Commission Adjustments"},
	"Price Adjustments":                {kind: activityRows, sec: secCash, word: "Price Adjustments"},
	"Other Income":                     {kind: activityRows, sec: secCash, word: "Other Income"},
}

// activityInforming are the beginnings of the names of sections that only inform.
var activityInforming = []string{"Net Asset Value", "Change in NAV", "Mark-to-Market Performance", "Realized & Unrealized Performance",
	"Month & Year to Date Performance", "Month to Date Performance", "Year to Date Performance", "Total P/L for Statement Period", "Net Stock Position",
	"Forex Balances", "Forex P/L Details", "Open Dividend Accruals", "Change in Dividend Accruals", "Interest Accruals", "Tier Interest Details",
	"Codes", "Notes", "Legal Notes", "Trade Summary", "Complex Positions", "Pending Exercises", "Location of Customer Assets", "Deposits On Hold",
	"Change in Position Value", "Prior Period Positions", "Account Summary", "Routing", "Borrow Fee Details",
	"Hard to Borrow", "Stock Yield Enhancement Program", "IBKR Managed Securities", "Securities Lent",
	"Commission Details", "Collateral", "Performance", "Concentration", "Key Statistics", "Crypto Balances", "Unsettled Transfers", "Interest Details"}

// activitySettling are the beginnings of the names of sections of which cash settlements count
// alone.
var activitySettling = []struct {
	name string
	sec  section
}{{"Option Exercises", secOptionEAE}, {"Exercises", secOptionEAE}, {"Statement of Funds", secFunds}}

func findActivitySection(name string) *activitySection {
	if s, ok := activitySections[name]; ok {
		return s
	}
	for _, s := range activitySettling {
		if strings.HasPrefix(name, s.name) {
			return &activitySection{kind: activityRows, sec: s.sec}
		}
	}
	for _, informs := range activityInforming {
		if strings.HasPrefix(name, informs) {
			return &activitySection{kind: activityInforms}
		}
	}
	return &activitySection{}
}

// activityColumns are the fields that columns of activity statements stand for, beside those that
// are called as in Flex statements.
var activityColumns = map[string]field{
	"datadiscriminator": fLevel, "assetcategory": fAssetCategory, "account": fAccountID, "datetime": fDateTime, "tradedatetime": fDateTime,
	"tprice": fPrice, "commfee": fCommission, "comm": fCommission, "basis": fCost, "realizedpl": fRealized, "code": fCode,
	"mult": fMultiplier, "costprice": fCostPrice, "costbasis": fCostBasis, "closeprice": fMark, "unrealizedpl": fUnrealized, "open": fOpenDateTime,
	"subtitle": fType, "xfercompany": fCompany, "qty": fQuantity, "marketvalue": fPositionAmount, "cashamount": fCashTransfer,
	"value": fValue, "underlying": fUnderlyingSymbol, "listingexch": fListingExchange, "conid": fConID,
	"mtmpl": fNone, "cprice": fNone, "cost": fNone, "time": fNone,
}

var commissionIn = regexp.MustCompile(`^Comm(?:/Fee)? in ([A-Z]{3})$`)

// newActivityHeader reads the columns of a section.
func newActivityHeader(name string, columns []string, index fieldIndex) *activityHeader {
	h := &activityHeader{section: findActivitySection(name)}
	for _, c := range columns {
		c = strings.TrimSpace(c)
		folded := fold(c)
		f, known := activityColumns[folded]
		switch m := commissionIn.FindStringSubmatch(c); {
		case strings.HasSuffix(c, "%"): // a figure in per cent beside the figure itself
			f = fNone
		case m != nil:
			f, h.commission = fCommission, m[1]
		case !known:
			f = index.field(c)
		}
		switch {
		case h.section.sec == secTrades && folded == "type": // of trade confirmations
			f = fBuySell
		case h.section.sec == secPositions && folded == "value":
			f = fPositionValue
		case h.section.sec == secTransactionTaxes && folded == "amount":
			f = fTaxAmount
		case h.section.sec == secCorporate && folded == "description":
			f = fActionDescription
		case (h.section.sec == secGrants || h.section.sec == secFunds) && folded == "description":
			f = fActivity
		case h.section.sec == secFunds && folded == "activitydate":
			f = fDate
		case h.section.sec == secOptionEAE && folded == "commtax":
			f = fCommission
		}
		h.fields, h.names = append(h.fields, f), append(h.names, folded)
	}
	return h
}

// languages are told by letters that no other has, or by what the columns of the first section are
// called.
var (
	scripts = []struct {
		name   string
		script *unicode.RangeTable
	}{{"Russian", unicode.Cyrillic}, {"Japanese", unicode.Katakana}, {"Japanese", unicode.Hiragana}, {"Korean", unicode.Hangul},
		{"Chinese", unicode.Han}, {"Hebrew", unicode.Hebrew}, {"Arabic", unicode.Arabic}, {"Greek", unicode.Greek}}
	fieldName = []struct{ words, language string }{{"feldname", "German"}, {"nom de", "French"}, {"nom du", "French"}, {"nombre de", "Spanish"},
		{"nome campo", "Italian"}, {"nome del", "Italian"}, {"nome do", "Portuguese"}, {"nazwa pola", "Polish"}, {"veldnaam", "Dutch"}, {"mezőnév", "Hungarian"}}
)

// languageOf names the language of a header that is not English; empty for one that is. first says
// that it is the file's first, in whose section names and values stand.
func languageOf(rec []string, first bool) string {
	known := findActivitySection(strings.TrimSpace(rec[0])).kind != activityUnknown
	about := first && strings.TrimSpace(rec[0]) == "Statement" && !strings.EqualFold(strings.TrimSpace(rec[2]), "Field Name")
	if known && !about {
		return ""
	}
	all := strings.ToLower(strings.Join(rec, " "))
	for _, s := range scripts {
		if strings.ContainsFunc(all, func(r rune) bool { return unicode.Is(s.script, r) }) {
			return s.name
		}
	}
	for _, f := range fieldName {
		if first && strings.Contains(all, f.words) {
			return f.language
		}
	}
	if about {
		return "a language other than English"
	}
	return ""
}
