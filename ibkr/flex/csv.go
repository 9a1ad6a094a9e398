package flex

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// csvSource reads statements of the CSV encoding. A file may have records that begin and end the
// file (BOF, EOF), each account (BOA, EOA) and each section (BOS, EOS), rows that say HEADER or
// DATA and their section's code, or nothing but columns and rows: the query's user decides.
type csvSource struct {
	csvRecords
	loc    *time.Location
	rows   *rowCount
	fields fieldIndex

	file      bool // after BOF and before EOF
	fileRow   row  // account, period and time of the file
	query     string
	inSection bool     // after BOS and before EOS
	account   *builder // after BOA and before EOA
	// Without BOA the rows themselves name their accounts, in any order, so that all of them
	// are built at once, until the file ends.
	pool     map[string]*builder
	order    []*builder
	nameless map[section]namelessRows // rows of the pool that name no account
	ready    []*Statement             // of the pool, not yet returned
	had      [numSections]bool        // the sections that came while the pool was built

	sec     section
	code    string
	head    int // line of the section
	columns []field
	row     row
}

func newCSVSource(in *bufio.Reader, loc *time.Location, rows *rowCount) *csvSource {
	return &csvSource{csvRecords: newCSVRecords(in), loc: loc, rows: rows, fields: newFieldIndex(), pool: make(map[string]*builder), nameless: map[section]namelessRows{}}
}

// next reads up to the end of the next account.
func (s *csvSource) next() (*Statement, error) {
	for len(s.ready) == 0 {
		rec, err := s.record()
		if err == io.EOF {
			if err := s.end(); err != nil {
				return nil, err
			}
			if len(s.ready) == 0 {
				return nil, io.EOF
			}
			break
		}
		if err != nil {
			return nil, err
		}
		st, err := s.take(rec)
		if err == nil && len(s.order) > maxStatements {
			err = &ReadError{Line: s.line, Err: errTooMany}
		}
		if st != nil || err != nil {
			return st, err
		}
	}
	st := s.ready[0]
	s.ready = s.ready[1:]
	return st, nil
}

func (s *csvSource) fail(format string, args ...any) error {
	return &ReadError{Line: s.line, Section: s.sectionName(), Err: fmt.Errorf(format, args...)}
}

func (s *csvSource) sectionName() string {
	if s.columns == nil && !s.inSection {
		return ""
	}
	return s.sec.String()
}

// take handles one record; it returns a statement when the record ends an account.
func (s *csvSource) take(rec []string) (*Statement, error) {
	switch rec[0] {
	case "BOF":
		return nil, s.beginFile(rec)
	case "BOA":
		return nil, s.beginAccount(rec)
	case "BOS":
		return nil, s.beginSection(rec)
	case "EOS":
		if !s.inSection || at(rec, 1) != s.code {
			return nil, s.fail("EOS of %s does not match its BOS", quoted(at(rec, 1)))
		}
		s.inSection, s.columns = false, nil
		return nil, nil
	case "EOA":
		return s.endAccount()
	case "EOF":
		return nil, s.endFile()
	case "HEADER":
		return nil, s.codedHeader(rec)
	case "DATA":
		return nil, s.codedData(rec)
	}
	return nil, s.plain(rec)
}

// plain handles a record that begins with neither a mark nor a code: columns or a row.
func (s *csvSource) plain(rec []string) error {
	columns := s.areColumns(rec)
	switch {
	case columns && !s.inSection:
		s.sec, s.code, s.head = columnSection(rec), "", s.line
		s.present()
		return s.header(rec)
	case columns, s.inSection && s.columns == nil:
		return s.header(rec)
	case s.columns == nil:
		return s.fail("%s begins neither a section nor a row of one: not a flex statement", quoted(rec[0]))
	}
	return s.data(rec)
}

// areColumns reports whether a record names columns: that of the account, or else many that are
// known, of a section that they tell. A record as long as a row of a section that names accounts is
// a row.
func (s *csvSource) areColumns(rec []string) bool {
	if slices.Contains(rec, "ClientAccountID") {
		return true
	}
	if len(rec) == len(s.columns) && slices.Contains(s.columns, fAccountID) || len(rec) < 3 || !slices.ContainsFunc(rec[:3], s.fields.known) {
		return false
	}
	known := 0
	for _, name := range rec {
		if s.fields.known(name) {
			known++
		}
	}
	return known >= 3 && 2*known >= len(rec) && columnSection(rec) != secUnknown
}

func at(rec []string, i int) string {
	if i < len(rec) {
		return strings.TrimSpace(rec[i])
	}
	return ""
}

// beginFile handles BOF, account, query, count of accounts, from, to, time of making.
func (s *csvSource) beginFile(rec []string) error {
	if s.file || len(s.order) > 0 {
		return s.fail("BOF before the end of what came before it")
	}
	s.file, s.columns = true, nil
	s.fileRow = row{line: s.line}
	s.fileRow.set(fAccountID, strings.Clone(at(rec, 1)))
	s.query = strings.Clone(at(rec, 2))
	s.fileRow.set(fFromDate, strings.Clone(at(rec, 4)))
	s.fileRow.set(fToDate, strings.Clone(at(rec, 5)))
	s.fileRow.set(fWhenGenerated, strings.Clone(at(rec, 6)))
	return nil
}

func (s *csvSource) beginAccount(rec []string) error {
	if s.account != nil || s.inSection {
		return s.fail("BOA before the end of the account or section before it")
	}
	s.account, s.columns = s.build(at(rec, 1)), nil
	return nil
}

func (s *csvSource) build(account string) *builder {
	b := newBuilder(s.loc, strings.Clone(account), s.rows)
	b.header = s.fileRow
	b.st.QueryName = s.query
	return b
}

func (s *csvSource) beginSection(rec []string) error {
	if s.inSection {
		return s.fail("BOS before the end of the section before it")
	}
	s.inSection, s.columns = true, nil
	s.code, s.head = strings.Clone(at(rec, 1)), s.line
	s.sec = csvSection(s.code, at(rec, 2))
	s.present()
	return nil
}

// present notes that the current section is there, whether or not rows follow.
func (s *csvSource) present() {
	if s.account != nil {
		s.account.present(s.sec)
	} else {
		s.had[s.sec] = true
	}
}

func (s *csvSource) endAccount() (*Statement, error) {
	if s.account == nil || s.inSection {
		return nil, s.fail("EOA without BOA, or before the end of a section")
	}
	b := s.account
	s.account, s.columns = nil, nil
	return b.finish()
}

func (s *csvSource) endFile() error {
	if !s.file || s.account != nil || s.inSection {
		return s.fail("EOF without BOF, or before the end of an account or section")
	}
	s.file = false
	return s.flush()
}

// end handles the end of the input.
func (s *csvSource) end() error {
	if s.file || s.account != nil || s.inSection {
		return &ReadError{Line: s.line, Err: fmt.Errorf("the file is cut off: %w", io.ErrUnexpectedEOF)}
	}
	return s.flush()
}

// flush finishes the accounts of the pool. An empty section speaks for a file's only account; of
// several it cannot be told whom it is about.
func (s *csvSource) flush() error {
	if err := s.checkNameless(); err != nil {
		return err
	}
	for _, b := range s.order {
		for sec := range s.had {
			if s.had[sec] && len(s.order) == 1 {
				b.present(section(sec))
			}
		}
		st, err := b.finish()
		if err != nil {
			return err
		}
		s.ready = append(s.ready, st)
	}
	clear(s.nameless)
	s.order, s.columns, s.fileRow, s.query = nil, nil, row{}, ""
	s.had = [len(s.had)]bool{}
	clear(s.pool)
	return nil
}

// checkNameless refuses rows that name no account among those of several. Summaries of rows that do
// name theirs are not counted.
func (s *csvSource) checkNameless() error {
	if len(s.order) < 2 {
		return nil
	}
	for sec, n := range s.nameless {
		if n.at == finest || n.at != never && s.order[0].levels[sec].best == n.at {
			return &ReadError{Line: n.line, Section: sec.String(), Field: fieldNames[fAccountID].csv,
				Err: errors.New("is absent, and the file has several accounts: add the column to the query")}
		}
	}
	return nil
}

// codedHeader handles HEADER, code, columns.
func (s *csvSource) codedHeader(rec []string) error {
	if len(rec) < 3 {
		return s.fail("HEADER without columns")
	}
	code := at(rec, 1)
	if !s.inSection || code != s.code {
		s.sec, s.code, s.head = csvSection(code, ""), strings.Clone(code), s.line
		s.present()
	}
	return s.header(rec[2:])
}

// codedData handles DATA, code, values.
func (s *csvSource) codedData(rec []string) error {
	if s.columns == nil || at(rec, 1) != s.code {
		return s.fail("DATA of section %s without its HEADER", quoted(at(rec, 1)))
	}
	return s.data(rec[2:])
}

// header notes the columns of the section.
func (s *csvSource) header(names []string) error {
	s.columns = make([]field, len(names))
	var has [numFields]bool
	for i, name := range names {
		s.columns[i] = s.fields.field(name)
		has[s.columns[i]] = true
	}
	if s.sec == secUnknown && has[fExecID] && has[fPrice] && has[fBuySell] { // trade confirmations under another code
		s.sec = secTrades
		s.present()
	}
	for _, needed := range requiredColumns(s.sec) {
		if !slices.ContainsFunc(needed, func(f field) bool { return has[f] }) {
			return &ReadError{Line: s.line, Section: s.sec.String(), Field: fieldNames[needed[0]].csv, Err: errNoColumn}
		}
	}
	return nil
}

var errNoColumn = errors.New("the column is missing and cannot be derived: add it to the query")

// requiredColumns returns what the rows of a section cannot do without: one of each list.
func requiredColumns(sec section) [][]field {
	switch sec {
	case secTrades:
		return [][]field{{fQuantity}, {fPrice, fProceeds}, {fCurrency}, {fSymbol, fConID}, tradeDates}
	case secPositions:
		return [][]field{{fQuantity, fPosition}, {fCurrency}, {fSymbol, fConID}}
	case secCash:
		return [][]field{{fAmount}, {fCurrency}, {fDateTime, fDate, fReportDate, fSettleDate}}
	case secSalesTax:
		return [][]field{{fSalesTax}, {fCurrency}, {fDateTime, fDate, fReportDate, fSettleDate}}
	case secCashReport:
		return [][]field{{fCurrency}}
	}
	return nil
}

// data hands one row to the builder of its account.
func (s *csvSource) data(values []string) error {
	if len(values) != len(s.columns) {
		return s.fail("the row has %d columns, its header %d", len(values), len(s.columns))
	}
	s.row = row{line: s.line}
	for i, v := range values {
		s.row.set(s.columns[i], v)
	}
	b := s.account
	if b == nil {
		b = s.pooled()
	}
	b.present(s.sec)
	if s.sec == secUnknown {
		b.unread(s.head, s.unknownName(), "section is unknown: its rows are not read", 1)
		return b.rows.over
	}
	return b.add(s.sec, &s.row)
}

func (s *csvSource) unknownName() string {
	if s.code == "" {
		return "section without a code"
	}
	return s.code
}

// namelessRows are rows that name no account, in a file whose rows do.
type namelessRows struct {
	line int
	at   rank // the finest level among them
}

// pooled returns the builder of the account that the current row names, else of the file's. A row
// that names none belongs to the first account: flush sees to it that there is no other.
func (s *csvSource) pooled() *builder {
	account := s.row.v[fAccountID]
	if account == "" {
		account = s.fileRow.v[fAccountID]
	}
	if account == "" && s.sec != secIgnored && s.sec != secUnknown {
		_, at, _ := levelOf(s.sec, &s.row)
		if before, some := s.nameless[s.sec]; !some || at < before.at {
			s.nameless[s.sec] = namelessRows{s.line, at}
		}
	}
	account = wholeAccount(account)
	b, ok := s.pool[account]
	switch {
	case ok:
	case account == "" && len(s.order) > 0:
		return s.order[0]
	case len(s.order) == 1 && s.order[0].st.AccountID == "":
		b = s.order[0]
		b.st.AccountID = strings.Clone(account) // whatever becomes of the row
		s.pool[b.st.AccountID] = b
	default:
		b = s.build(account)
		s.pool[b.st.AccountID] = b
		s.order = append(s.order, b)
	}
	return b
}
