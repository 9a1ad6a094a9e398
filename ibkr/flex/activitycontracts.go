package flex

import (
	"regexp"
	"strings"

	"github.com/ai-ots/accounts/ledger"
)

// contractName is what the rows of an activity statement call a contract.
type contractName struct {
	category, symbol string
}

// instrumentInfo is what an activity statement tells about a contract.
type instrumentInfo struct {
	values [numFields]string
}

// activityCategories are the codes of the kinds of contract.
var activityCategories = map[string]string{
	"Stocks": "STK", "Equity and Index Options": "OPT", "Equity Options": "OPT", "Index Options": "OPT", "Options": "OPT",
	"Options On Futures": "FOP", "Options on Futures": "FOP", "Futures Options": "FOP", "Futures": "FUT", "Forex": "CASH", "Cash": "CASH",
	"CFDs": "CFD", "Forex CFDs": "CFD", "Warrants": "WAR", "Structured Products": "IOPT", "Bonds": "BOND", "Corporate Bonds": "BOND",
	"Municipal Bonds": "BOND", "Government Bonds": "BOND", "Treasury Bills": "BILL", "US Treasury Bills": "BILL", "T-Bills": "BILL",
	"Mutual Funds": "FUND", "Funds": "FUND", "Crypto": "CRYPTO", "Cryptocurrencies": "CRYPTO", "Futures Style Options": "FSOPT",
}

// categoryOf returns the code of a kind of contract, which may name who holds it: "Stocks - Held
// with …".
func categoryOf(name string) string {
	kind, _, _ := strings.Cut(name, " - ")
	if code, ok := activityCategories[strings.TrimSpace(kind)]; ok {
		return code
	}
	return name
}

// noteTerms keeps what the statement tells about a contract, under every symbol that it has had.
func (s *activitySource) noteTerms(h *activityHeader, values []string) error {
	r := &row{line: s.line}
	var symbol string
	for i, v := range values {
		if i >= len(h.names) {
			break
		}
		v = strings.TrimSpace(v)
		switch h.names[i] {
		case "symbol":
			symbol = v
		case "type":
			if v == "C" || v == "P" {
				r.set(fPutCall, v)
			}
		case "securityid":
			r.set(fSecurityID, v)
			if len(v) >= 12 { // a shorter one is a CUSIP or the like
				r.set(fISIN, v)
			}
		case "code", "deliverymonth", "issuer", "maturity":
		default:
			r.set(h.fields[i], v)
		}
	}
	category := categoryOf(r.v[fAssetCategory])
	r.v[fAssetCategory] = category
	if category == "BILL" || category == "BOND" || category == "STK" {
		r.v[fExpiry] = ""
	}
	info := &instrumentInfo{r.v}
	for name := range strings.SplitSeq(symbol, ",") {
		if err := s.b.rows.other(s.line); err != nil {
			return err
		}
		name = strings.TrimSpace(name)
		s.terms[contractName{category, name}] = info
		if id := r.v[fSecurityID]; id != "" && s.symbols[id] == "" {
			s.symbols[id] = name
		}
	}
	return nil
}

var beforeTerms = regexp.MustCompile(`^(\S+) \d{1,2}[A-Z]{3}\d{2} `)

// contract fills in what the statement tells elsewhere about the row's contract.
func (s *activitySource) contract(r *row) {
	if r.v[fAssetCategory] == "" && r.v[fSymbol] == "" {
		return
	}
	category := categoryOf(r.v[fAssetCategory])
	if category == "" {
		category = "STK" // rows of dividends, taxes and grants name none
	}
	r.v[fAssetCategory] = category
	if info, ok := s.terms[contractName{category, r.v[fSymbol]}]; ok {
		for f, v := range info.values {
			r.set(field(f), v)
		}
	}
	if category == "OPT" {
		optionSymbol(r)
	}
	if category == "CASH" {
		r.v[fMultiplier] = ""
	}
}

// optionSymbol turns the symbol of an option, "NU 16MAY25 12 C", into the one that Flex statements
// have.
func optionSymbol(r *row) {
	m := beforeTerms.FindStringSubmatch(r.v[fSymbol])
	if m == nil {
		return
	}
	r.set(fUnderlyingSymbol, m[1])
	con := Contract{Instrument: ledger.Instrument{SecType: ledger.Option, Symbol: m[1], LocalSymbol: r.v[fSymbol]}}
	describedTerms(&con)
	if occ, err := con.OCC(); err == nil {
		r.v[fSymbol] = occ
	}
}

var aboutText = regexp.MustCompile(`\(([^(),]+),[^()]*(?:\([^()]*\)[^()]*)*,\s*([A-Z0-9]*)\)\s*$`)

// actionContract tells by its text what contract a row of a corporate action is about: the one in
// the last brackets, by its security id where that has another symbol by now, or by its symbol;
// else the one that the text begins with.
func (s *activitySource) actionContract(r *row) {
	text := r.v[fActionDescription]
	if m := aboutText.FindStringSubmatch(text); m != nil {
		symbol := m[1]
		info := s.terms[contractName{categoryOf(r.v[fAssetCategory]), symbol}]
		if now := s.symbols[m[2]]; now != "" && (info == nil || info.values[fSecurityID] != m[2]) {
			symbol = now
		}
		r.set(fSymbol, symbol)
	} else if symbol, _, ok := strings.Cut(text, "("); ok {
		r.set(fSymbol, symbol)
	}
	r.set(fType, actionType(text))
}

// actionType is the broker's code for what a text says happened; empty if none of these.
func actionType(text string) string {
	text = strings.ToUpper(text)
	for _, t := range []struct{ word, code string }{
		{"CASH and STOCK MERGER", "TC"}, {"MERGED", "TC"}, {"MERGER", "TC"}, {"SPINOFF", "SO"}, {"SPIN-OFF", "SO"}, {"TENDERED", "TO"}, {"STOCK DIVIDEND", "HI"},
		{"SUBSCRIBABLE RIGHTS", "RI"}, {"DELISTED", "DW"}, {"CUSIP/ISIN CHANGE", "IC"}, {"MATURITY", "BM"}, {"MATURED", "TM"},
	} {
		if strings.Contains(text, strings.ToUpper(t.word)) {
			return t.code
		}
	}
	return ""
}
