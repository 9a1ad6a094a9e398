package flex

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// activitySource reads activity statements: the CSV file that the broker's pages offer, whose
// records begin with the name of a section and say Header or Data. It is one statement of one
// account; files that were put together are several.
type activitySource struct {
	csvRecords
	loc  *time.Location
	rows *rowCount
	done bool
	*activityStatement
}

// activityStatement is one statement. The contracts are told at its end, so that rows are kept,
// packed, until all are read.
type activityStatement struct {
	begun   int // the line of its first record
	b       *builder
	header  map[string]*activityHeader // the last one of every section
	records []activityRecord
	info    map[string]map[string]string // what the sections of names and values say
	terms   map[contractName]*instrumentInfo
	symbols map[string]string // by security id
	rates   map[string]string // to the base currency
	cash    map[string]*row   // the cash report, by currency
	order   []string          // its currencies
	fields  fieldIndex
	known   bool // a section is one that this package knows
}

// activityHeader is the columns of a section, as the last header record has them.
type activityHeader struct {
	section *activitySection
	fields  []field
	names   []string // folded
	// commission is the currency that the header names for commissions: of currency pairs it is the
	// base.
	commission string
}

// activityRecord is a row that waits for the contracts.
type activityRecord struct {
	header *activityHeader
	packedRow
}

// isActivity reports whether a file begins as an activity statement does: with a section and
// "Header".
func isActivity(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	cells := bytes.SplitN(line, []byte(","), 3)
	return len(cells) == 3 && string(bytes.Trim(cells[1], `"`)) == "Header"
}

func newActivitySource(in *bufio.Reader, loc *time.Location, rows *rowCount) *activitySource {
	s := &activitySource{csvRecords: newCSVRecords(in), loc: loc, rows: rows}
	s.another()
	return s
}

// another makes place for a statement.
func (s *activitySource) another() {
	s.activityStatement = &activityStatement{begun: max(s.line, 1), b: newBuilder(s.loc, "", s.rows), header: map[string]*activityHeader{}, fields: newFieldIndex(),
		info: map[string]map[string]string{}, terms: map[contractName]*instrumentInfo{}, symbols: map[string]string{}, rates: map[string]string{}, cash: map[string]*row{}}
	s.b.ordersCount = true
}

// beginsAnother reports whether the record is the first of a statement behind one.
func (s *activitySource) beginsAnother(rec []string) bool {
	return s.header["Statement"] != nil && len(s.header) > 1 && strings.TrimSpace(rec[0]) == "Statement" && at(rec, 1) == "Header"
}

// next reads the next statement.
func (s *activitySource) next() (*Statement, error) {
	if s.done {
		return nil, io.EOF
	}
	for {
		rec, err := s.record()
		if err == io.EOF {
			s.done = true
			return s.finish()
		}
		var before *Statement
		if err == nil && s.beginsAnother(rec) {
			line := s.line
			before, err = s.finish()
			s.line = line
			s.another()
		}
		if err == nil {
			err = s.take(rec)
		}
		if before != nil || err != nil {
			return before, err
		}
	}
}

func (s *activitySource) fail(format string, args ...any) error {
	return &ReadError{Line: s.line, Err: fmt.Errorf(format, args...)}
}

// take notes one record.
func (s *activitySource) take(rec []string) error {
	if len(rec) < 3 {
		return nil // a page's title, or an empty line
	}
	name, kind := strings.TrimSpace(rec[0]), strings.TrimSpace(rec[1])
	switch kind {
	case "Header":
		if language := languageOf(rec, len(s.header) == 0); language != "" {
			return s.fail("an activity statement in %s: choose English as its language, or export a Flex query", language)
		}
		return s.begins(name, rec[2:])
	case "Data":
	default:
		return nil // subtotals, totals and notes
	}
	h := s.header[name]
	if h == nil {
		return s.fail("an activity statement whose section %s has a row before its header", quoted(name))
	}
	values := rec[2:]
	switch h.section.kind {
	case activityInforms:
	case activityValues:
		return s.note(name, values)
	case activityTerms:
		return s.noteTerms(h, values)
	case activityRates:
		if len(values) > 1 {
			s.rates[strings.TrimSpace(values[0])] = values[1]
			return s.b.rows.other(s.line)
		}
	case activityCash:
		return s.noteCash(values)
	case activityUnknown:
		s.b.unread(s.line, name, "section is unknown: its rows are not read", 1)
		return s.b.rows.over
	default:
		return s.keep(h, values)
	}
	return nil
}

// begins notes the columns of a section.
func (s *activitySource) begins(name string, columns []string) error {
	_, again := s.header[name]
	h := newActivityHeader(name, columns, s.fields)
	s.header[name], s.known = h, s.known || h.section.kind != activityUnknown
	if again {
		return nil
	}
	return s.b.rows.other(s.line)
}

// keep packs a row until the contracts are told.
func (s *activitySource) keep(h *activityHeader, values []string) error {
	r := row{line: s.line}
	for i, v := range values {
		if i < len(h.fields) {
			r.set(h.fields[i], v)
		}
	}
	sec := h.section.sec
	if sec == secFunds {
		fundsRow(h, values, &r)
	}
	if (sec == secFunds || sec == secOptionEAE) && !settles(sec, &r) {
		if sec == secFunds {
			s.b.seeFunds(&r)
		}
		return nil
	}
	s.records = append(s.records, activityRecord{h, r.pack(sec)})
	return s.b.rows.add(sec, &r)
}

var optionInBrackets = regexp.MustCompile(`\(\s*([^()]+?)\s*\)`)

// fundsRow makes a row of the statement of funds what Flex statements have: there one column has
// debits and another one credits, and the text tells the option in brackets.
func fundsRow(h *activityHeader, values []string, r *row) {
	for i, name := range h.names {
		amount := at(values, i)
		if d, err := parseDecimal(amount); err != nil || d.IsZero() {
			continue
		}
		switch name {
		case "debit":
			r.v[fAmount] = "-" + strings.TrimPrefix(amount, "-")
		case "credit":
			r.v[fAmount] = amount
		}
	}
	if strings.HasPrefix(r.v[fCurrency], "Base Currency") {
		r.v[fCurrency], r.v[fLevel] = "", "BaseCurrency"
	}
	if m := optionInBrackets.FindStringSubmatch(r.v[fActivity]); m != nil {
		r.set(fSymbol, m[1])
		r.set(fAssetCategory, "OPT")
	}
}

// note keeps a name and its value.
func (s *activitySource) note(section string, values []string) error {
	if s.info[section] == nil {
		s.info[section] = map[string]string{}
	}
	s.info[section][strings.TrimSpace(values[0])] = at(values, 1)
	return s.b.rows.other(s.line)
}

// noteCash keeps the balances of one currency: the first column of figures is the total.
func (s *activitySource) noteCash(values []string) error {
	currency := at(values, 1)
	if strings.HasPrefix(currency, "Base Currency") {
		currency = "BASE_SUMMARY"
	}
	f := map[string]field{"Starting Cash": fStartingCash, "Ending Cash": fEndingCash, "Ending Settled Cash": fEndingSettledCash}[at(values, 0)]
	if f == fNone || currency == "" {
		return nil
	}
	r := s.cash[currency]
	if r == nil {
		r = &row{line: s.line}
		r.set(fCurrency, currency)
		s.cash[currency] = r
		s.order = append(s.order, currency)
	}
	r.set(f, at(values, 2))
	return s.b.rows.other(s.line)
}

// finish makes the statement of what was noted.
func (s *activitySource) finish() (*Statement, error) {
	b := s.b
	if err := s.begin(); err != nil {
		return nil, err
	}
	var r row
	b.rows.drop(len(s.records))
	for i := range s.records {
		rec := &s.records[i]
		if s.line = rec.line; s.row(rec, &r) {
			b.present(rec.sec)
			if err := b.add(rec.sec, &r); err != nil {
				return nil, s.consolidated(err)
			}
		}
		*rec = activityRecord{}
	}
	s.records = nil
	for _, currency := range s.order {
		b.present(secCashReport)
		if err := b.add(secCashReport, s.cash[currency]); err != nil {
			return nil, err
		}
	}
	if _, shown := s.header["Cash Report"]; shown {
		b.st.HasCash = true // it is a whole statement, which leaves out sections without rows
	}
	return b.finish()
}

// consolidated tells the statement of several accounts from others that cannot be read.
func (s *activitySource) consolidated(err error) error {
	var wrong *ReadError
	if errors.As(err, &wrong) && wrong.Field == fAccountID.String() {
		return s.fail("a consolidated activity statement, of %s and %.40s: export a statement of each account", s.b.st.AccountID, wrong.Value)
	}
	return err
}

// begin reads what the statement says about itself.
func (s *activitySource) begin() error {
	if !s.known || len(s.records)+len(s.cash) == 0 && len(s.b.st.Issues) > 0 {
		return s.fail("looks like an activity statement, and no section of it that moves money or positions is known (title %s): "+
			"export an activity statement in English, or a Flex query", quoted(s.info["Statement"]["Title"]))
	}
	about, account := s.info["Statement"], s.info["Account Information"]
	b := s.b
	b.st.QueryName = about["Title"]
	if id, _, _ := strings.Cut(account["Account"], " "); accountLike(id) {
		b.st.AccountID = id
	}
	if alias := account["Account Alias"]; alias != "-" {
		b.st.Alias = alias
	}
	if cur := ledger.Currency(account["Base Currency"]); cur.Valid() {
		b.st.BaseCurrency = cur
	}
	b.st.rates = s.ratesToBase()
	b.header = row{line: s.begun}
	b.header.set(fWhenGenerated, about["WhenGenerated"])
	from, to, ok := parsePeriod(about["Period"])
	if about["Period"] != "" && !ok {
		return &ReadError{Line: s.begun, Section: "statement", Field: "Period", Value: about["Period"], Err: errNoDate}
	}
	if ok {
		b.header.set(fFromDate, from)
		b.header.set(fToDate, to)
	}
	return nil
}

// ratesToBase returns the rates that the statement gives, without those that cannot be.
func (s *activitySource) ratesToBase() map[ledger.Currency]ledger.Decimal {
	rates := map[ledger.Currency]ledger.Decimal{}
	for currency, text := range s.rates {
		if rate, err := parseDecimal(strings.TrimSpace(text)); err == nil && rate.IsPos() {
			rates[ledger.Currency(strings.Clone(currency))] = rate
		}
	}
	return rates
}

// accountLike reports whether an account's name begins as an id does, and is not "Custom".
func accountLike(id string) bool {
	return len(id) > 3 && strings.ContainsAny(id[1:], "0123456789*") && strings.ContainsRune("UDFI", rune(id[0]))
}

// parsePeriod reads "January 1, 2025 - January 31, 2025", or one day, as dates that rows have.
func parsePeriod(s string) (from, to string, ok bool) {
	first, last, several := strings.Cut(s, " - ")
	if !several {
		last = first
	}
	f, errF := time.Parse("January 2, 2006", strings.TrimSpace(first))
	t, errT := time.Parse("January 2, 2006", strings.TrimSpace(last))
	return f.Format(time.DateOnly), t.Format(time.DateOnly), errF == nil && errT == nil
}

// row makes the row of a record; false for a total.
func (s *activitySource) row(rec *activityRecord, r *row) bool {
	h := rec.header
	rec.unpack(r)
	if strings.HasPrefix(r.v[fCurrency], "Total") || strings.HasPrefix(r.v[fType], "Total") && r.v[fCurrency] == "" || strings.HasPrefix(r.v[fAssetCategory], "Total") {
		return false
	}
	if r.v[fCurrency] == "" {
		r.set(fCurrency, string(s.b.st.BaseCurrency))
	}
	switch rec.sec {
	case secTrades:
		r.v[fLevel] = strings.ToUpper(r.v[fLevel])
		switch r.v[fLevel] {
		case "TRADE":
			r.v[fLevel] = "EXECUTION"
		case "CLOSEDLOT":
			r.v[fLevel] = "CLOSED_LOT"
		}
		if h.commission != "" {
			r.set(fCommissionCurrency, h.commission)
		}
	case secPositions:
		r.set(fFXRate, s.rates[r.v[fCurrency]])
	case secCash:
		s.cashType(r, h.section)
	case secCorporate:
		s.actionContract(r)
	}
	s.contract(r)
	return true
}

// cashType gives a cash row the type that Flex statements have, and the security that its text
// begins with.
func (s *activitySource) cashType(r *row, sec *activitySection) {
	text := strings.ToUpper(r.v[fDescription])
	switch {
	case sec.word == "Dividends" && strings.Contains(text, "IN LIEU"):
		r.v[fType] = "Payment In Lieu Of Dividends"
	case sec.word != "":
		r.v[fType] = sec.word
	}
	if symbol, _, ok := strings.Cut(r.v[fDescription], "("); ok && sec.security {
		r.set(fSymbol, symbol)
	}
}
