package flex

import (
	"encoding/csv"
	"fmt"
	"html"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"
)

// simQuery is what a user may have set up in a query.
type simQuery struct {
	csv, positions, report, repeats bool
	without                         []string // columns
	settled                         string   // the sections that tell of cash settlements: "exercises", "funds", or both
}

func drawQuery(t *rapid.T) simQuery {
	q := simQuery{csv: rapid.Bool().Draw(t, "csv"), positions: true, report: rapid.Bool().Draw(t, "cash report"), repeats: rapid.Bool().Draw(t, "repeats")}
	q.without = rapid.SampledFrom([][]string{nil, {"ibExecID"}, {"openCloseIndicator"}, {"cost"}, {"fifoPnlRealized"}, {"ibCommission"},
		{"ibExecID", "tradeID", "openCloseIndicator"}, {"origTransactionID"}, {"tradeDate", "reportDate"}, {"underlyingSymbol"}, {"proceeds"}}).Draw(t, "without")
	q.settled = rapid.SampledFrom([]string{"both", "exercises", "funds"}).Draw(t, "settlements")
	if len(q.without) == 0 {
		q.positions = rapid.Bool().Draw(t, "positions")
	}
	return q
}

func (q simQuery) lacks(column string) bool { return slices.Contains(q.without, column) }

// window is the rows that a statement from one day up to another shows.
func (h *simHistory) window(from, to int) []*simRow {
	return h.rows[h.days[from].row:h.days[to].row]
}

// void reports whether the row is cancelled or replaced by what a statement up to the day shows.
func (h *simHistory) void(row *simRow, to int) bool {
	return row.voidAt > 0 && row.voidAt < h.days[to].row
}

// render writes the statement from one day up to another.
func (h *simHistory) render(t *rapid.T, q simQuery, from, to int) string {
	sections := map[string][]map[string]string{}
	put := func(section string, fields map[string]string) {
		f := maps.Clone(fields)
		for _, column := range q.without {
			if section != "OptionEAE" || column != "proceeds" { // nothing else there tells the amount
				delete(f, column)
			}
		}
		sections[section] = append(sections[section], f)
	}
	for _, row := range h.window(from, to) {
		put(row.section, row.fields)
		if q.repeats && row.section == "Trades" {
			for _, level := range []string{"ORDER", "CLOSED_LOT", "SYMBOL_SUMMARY"} {
				again := maps.Clone(row.fields)
				again["levelOfDetail"] = level
				put("Trades", again)
			}
		}
	}
	if from == to-1 && h.days[from].row == h.days[to].row {
		put("CashTransactions", map[string]string{})
	}
	state := h.days[to].state
	if q.positions {
		for _, f := range state.positions(h.lastDay(to)) {
			put("OpenPositions", f)
		}
	}
	if q.report {
		for _, f := range h.cashReport(from, to) {
			put("CashReport", f)
		}
	}
	for _, name := range []string{"Trades", "OpenPositions", "CashTransactions", "CorporateActions", "OptionEAE", "StmtFunds"} {
		sections[name] = rapid.Permutation(sections[name]).Draw(t, name)
	}
	first, last := h.days[from].date.Format("20060102"), h.lastDay(to)
	if q.csv {
		return renderCSV(sections, q, first, last)
	}
	return renderXML(sections, q, first, last)
}

// lastDay is the day before a statement's end.
func (h *simHistory) lastDay(to int) string {
	return h.days[to].date.AddDate(0, 0, -1).Format("20060102")
}

func (s *simState) positions(day string) (out []map[string]string) {
	for _, id := range slices.Sorted(maps.Keys(s.lots)) {
		q := s.quantity(id)
		if q.Sign() == 0 {
			continue
		}
		c := s.contracts[id]
		f := s.about(c)
		maps.Copy(f, map[string]string{"position": plain(q, 12), "markPrice": plain(c.mark, 6), "costBasisMoney": plain(s.basis(id), 6),
			"positionValue": plain(times(times(q, c.mark), c.multiplier), 6), "reportDate": day, "levelOfDetail": "SUMMARY"})
		out = append(out, f)
	}
	return out
}

func (h *simHistory) cashReport(from, to int) (out []map[string]string) {
	for _, currency := range []string{"EUR", "USD"} {
		out = append(out, map[string]string{"accountId": "U1234567", "currency": currency, "startingCash": plain(h.days[from].state.ending(currency), 9),
			"endingCash": plain(h.days[to].state.ending(currency), 9)})
	}
	return out
}

// simSections are the sections with what is selected even where there are no rows.
var simSections = []struct{ name, element, code, title, columns string }{
	{"CashReport", "CashReportCurrency", "CRTT", "Cash Report; trade date basis", "startingCash endingCash"},
	{"OpenPositions", "OpenPosition", "POST", "Position; trade date basis", "position costBasisMoney"},
	{"Trades", "Trade", "TRNT", "Trades; trade date basis", "dateTime quantity tradePrice proceeds"},
	{"CorporateActions", "CorporateAction", "CORP", "Corporate Actions", "dateTime quantity actionDescription"},
	{"OptionEAE", "OptionEAE", "OPTT", "Option Exercises, Assignments and Expirations", "date transactionType proceeds"},
	{"StmtFunds", "StatementOfFundsLine", "STFU", "Statement of Funds", "date activityCode amount"},
	{"CashTransactions", "CashTransaction", "CTRN", "Cash Transactions", "dateTime amount type"},
}

// shows reports whether the query has a section, even if nothing is in it.
func (q simQuery) shows(name string) bool {
	return (name != "CashReport" || q.report) && (name != "OpenPositions" || q.positions)
}

func renderXML(sections map[string][]map[string]string, q simQuery, first, last string) string {
	var b strings.Builder
	fmt.Fprintf(&b, `<FlexQueryResponse queryName="Q" type="AF"><FlexStatements count="1"><FlexStatement accountId="U1234567" fromDate="%s" toDate="%s">`, first, last)
	for _, s := range simSections {
		if !q.shows(s.name) {
			continue
		}
		fmt.Fprintf(&b, "<%s>\n", s.name)
		for _, f := range sections[s.name] {
			if len(f) == 0 {
				continue
			}
			b.WriteString("<" + s.element)
			for _, name := range slices.Sorted(maps.Keys(f)) {
				fmt.Fprintf(&b, ` %s="%s"`, name, html.EscapeString(f[name]))
			}
			b.WriteString("/>\n")
		}
		fmt.Fprintf(&b, "</%s>", s.name)
	}
	b.WriteString("</FlexStatement></FlexStatements></FlexQueryResponse>")
	return b.String()
}

func renderCSV(sections map[string][]map[string]string, q simQuery, first, last string) string {
	names := map[string]string{}
	for _, n := range fieldNames {
		names[n.xml] = n.csv
	}
	maps.Copy(names, map[string]string{"position": "Quantity", "realizedPnl": "RealizedP/L", "activityCode": "ActivityCode"})
	var b strings.Builder
	w := csv.NewWriter(&b)
	_ = w.Write([]string{"BOF", "U1234567", "Q", "1", first, last, last + ";230000"})
	_ = w.Write([]string{"BOA", "U1234567"})
	for _, s := range simSections {
		if !q.shows(s.name) {
			continue
		}
		columns := map[string]bool{}
		for _, name := range strings.Fields("accountId currency symbol conid " + s.columns) {
			columns[name] = !q.lacks(name)
		}
		for _, f := range sections[s.name] {
			for name := range f {
				columns[name] = true
			}
		}
		maps.DeleteFunc(columns, func(_ string, shown bool) bool { return !shown })
		header := slices.Sorted(maps.Keys(columns))
		_ = w.Write([]string{"BOS", s.code, s.title})
		record := make([]string, len(header))
		for i, name := range header {
			record[i] = names[name]
		}
		_ = w.Write(record)
		for _, f := range sections[s.name] {
			if len(f) == 0 {
				continue
			}
			for i, name := range header {
				record[i] = f[name]
			}
			_ = w.Write(record)
		}
		_ = w.Write([]string{"EOS", s.code, "0", "0"})
	}
	_ = w.Write([]string{"EOA", "U1234567"})
	_ = w.Write([]string{"EOF"})
	w.Flush()
	return b.String()
}
