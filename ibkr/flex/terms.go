package flex

import (
	"regexp"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// What the fields of an option, a warrant or a future's option leave out, its description or symbol
// tells: "AZO 17JAN26 2600 C", "LOF9 P6000", "C ODAX DEC 18 12000".

var (
	describedText = regexp.MustCompile(`(?i)\b(\d{1,2})\s?([A-Z]{3})\s?(\d{2}|\d{4})\s+([\d,]*\.?\d+)\s+(C|P|CALL|PUT)\b`)
	rightLast     = regexp.MustCompile(`^\S+ ([CP])[\d.]+$`)
	rightFirst    = regexp.MustCompile(`^([CP]) \S`)
	rightWord     = regexp.MustCompile(`(?i)\b(CALL|PUT)\b`)
)

// describedTerms fills in the terms that are still missing.
func describedTerms(con *Contract) {
	for _, text := range []string{con.Description, con.LocalSymbol} {
		m := describedText.FindStringSubmatch(text)
		if m == nil {
			continue
		}
		expiry, _, err := parseDay(m[1]+"-"+m[2]+"-"+m[3], dayFirst)
		strike, wrong := parseDecimal(m[4])
		if err != nil || wrong != nil {
			continue
		}
		if con.Expiry == 0 {
			con.Expiry = expiry
		}
		if con.Strike.IsZero() {
			con.Strike = strike
		}
		if con.Right == "" {
			con.Right = rightOf(m[5])
		}
		return
	}
	for _, try := range []struct {
		text  string
		right *regexp.Regexp
	}{{con.LocalSymbol, rightLast}, {con.LocalSymbol, rightFirst}, {con.Description, rightWord}} {
		if m := try.right.FindStringSubmatch(try.text); m != nil && con.Right == "" {
			con.Right = rightOf(m[1])
		}
	}
}

func rightOf(word string) ledger.Right {
	if strings.HasPrefix(strings.ToUpper(word), "C") {
		return ledger.Call
	}
	return ledger.Put
}

// withoutTerms makes a warrant or structured product that tells no strike, right or expiry a
// security like a share: it is paid in full, and nothing follows from terms that nobody knows.
func (b *builder) withoutTerms(c *reading, con *Contract) {
	if con.SecType != ledger.Warrant || con.Right != "" && con.Expiry != 0 && !con.Strike.IsZero() {
		return
	}
	con.SecType, con.Right, con.Expiry, con.Strike, con.Underlying = ledger.Stock, "", 0, ledger.Decimal{}, ""
	b.termless = append(b.termless, termless{c.r.line, c.sec, *con})
}

// termless is a row of a contract that lacks terms, which another row of it may tell.
type termless struct {
	line int
	sec  section
	of   Contract
}

// finishTerms gives the rows of a contract the terms that another row of it tells, and says which
// have none.
func (b *builder) finishTerms() {
	if len(b.termless) == 0 {
		return
	}
	terms := map[int64]ledger.Instrument{}
	b.contracts(func(con *Contract) {
		if con.ConID != 0 && con.SecType == ledger.Warrant {
			terms[con.ConID] = con.Instrument
		}
	})
	lacking := map[int64]bool{}
	for _, t := range b.termless {
		if _, told := terms[t.of.ConID]; told {
			lacking[t.of.ConID] = true
			continue
		}
		b.count(t.line, t.sec.String(), quoted(t.of.LocalSymbol)+" tells no strike, right or expiry: kept like a share", 1)
	}
	b.contracts(func(con *Contract) {
		if lacking[con.ConID] && con.SecType == ledger.Stock {
			con.Instrument = terms[con.ConID]
		}
	})
}

// contracts calls f with the contracts of all rows, which rows may share.
func (b *builder) contracts(f func(*Contract)) {
	for i := range b.st.Trades.contracts.all {
		f(&b.st.Trades.contracts.all[i])
	}
	for i := range b.st.Positions {
		f(&b.st.Positions[i].Contract)
	}
	for i := range b.st.CorporateActions {
		f(&b.st.CorporateActions[i].Contract)
	}
	for i := range b.st.Transfers {
		f(&b.st.Transfers[i].Contract)
	}
}

// leftOut reports a row whose contract the library does not know.
func (b *builder) leftOut(c *reading, con *Contract, problem string) {
	b.issue(c.r.line, c.sec.String(), "%.40q is left out: %s", con.LocalSymbol, problem)
	b.st.Issues[len(b.st.Issues)-1].Unread = true
}

// unreadTrade is the type of the money of trades whose contract is not known.
const unreadTrade = "Trade"

// moneyOf books what a trade moved in cash where its contract is not known.
func (b *builder) moneyOf(t *Trade) {
	if !t.Currency.Valid() {
		return
	}
	m := CashRow{Line: t.Line, TransactionID: b.own(t.TransactionID), TradeID: b.own(t.TradeID), Type: unreadTrade, Kind: ledger.OtherCash,
		Currency: t.Currency, FXRate: t.FXRate, Symbol: t.LocalSymbol, ConID: t.ConID, ISIN: t.ISIN,
		Description: "trade of a contract that is left out: " + t.Description,
		Time:        t.Time, DateOnly: t.DateOnly, ReportDate: t.ReportDate, SettleDate: t.SettleDate}
	same := t.paidIn() == t.Currency
	switch {
	case t.NetCash.Valid && same:
		m.Amount = t.NetCash.Value
	case t.SecType == ledger.Future, t.SecType == ledger.CFD, t.SecType == ledger.Forex:
		m.Amount = t.Taxes
	case t.Proceeds.Valid:
		m.Amount = t.Proceeds.Value.Add(t.Taxes)
	default:
		m.Amount = grossOf(t).Add(t.Taxes)
	}
	fee := m
	if same && !t.NetCash.Valid {
		m.Amount = m.Amount.Add(t.Commission.Value)
	}
	b.st.Cash = append(b.st.Cash, m)
	if !same && !t.Commission.Value.IsZero() {
		fee.Kind, fee.Currency, fee.Amount, fee.FXRate = ledger.Fee, t.paidIn(), t.Commission.Value, ledger.Decimal{}
		b.st.Cash = append(b.st.Cash, fee)
	}
}
