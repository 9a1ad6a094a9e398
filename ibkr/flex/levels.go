package flex

import "strings"

// A query can show a section at several levels of detail, which tell the same thing again: an
// order's executions and the order. Of those levels one counts, the finest that the section has.

// rank orders the levels of a section. The finest is zero.
type rank uint8

const (
	finest  rank = iota
	second       // orders beside executions, lots beside positions, summaries beside details
	third        // symbols beside orders
	undated      // summaries that tell no time, and so cannot be booked
	never        // rows that break others down, or sum different contracts up
)

// summary is the level of rows that stand for several.
const summary = "SUMMARY"

// tradeDates are the fields that tell when a trade was, the best first.
var tradeDates = []field{fDateTime, fTradeDate, fReportDate}

// levelOf tells the level of a row and how it ranks in its section; ok is false for one that nobody
// knows.
func levelOf(sec section, r *row) (level string, _ rank, ok bool) {
	level = strings.ToUpper(r.v[fLevel])
	switch sec {
	case secTrades:
		return tradeLevel(level, r)
	case secPositions:
		switch {
		case level == "LOT", level == "" && r.v[fOpenDateTime] != "": // only lots were opened at one time
			return "LOT", second, true
		}
		return level, finest, level == "" || level == "SUMMARY"
	case secTransfers, secGrants, secCFDCharges, secTransactionTaxes, secClientFees, secDebitCards, secSalesTax:
		switch level {
		case "LOT":
			return level, never, true
		case "SUMMARY":
			return level, second, true
		}
		return level, finest, true // they have names of their own
	case secAccrued, secOptionEAE:
		return level, finest, true
	case secFunds:
		if level == "BASECURRENCY" {
			return level, second, true
		}
		return level, finest, true
	case secCashReport:
		return level, finest, true // it is the currency's
	}
	if level == "SUMMARY" {
		return level, second, true
	}
	return level, finest, level == "" || level == "DETAIL"
}

func tradeLevel(level string, r *row) (string, rank, bool) {
	switch level {
	case "EXECUTION":
		return level, finest, true
	case "ORDER", "SYMBOL_SUMMARY":
		switch {
		case r.first(tradeDates...) == fNone:
			return level, undated, true
		case level == "ORDER":
			return level, second, true
		}
		return level, third, true
	case "ASSET_SUMMARY", "CLOSED_LOT", "LOT", "WASH_SALE":
		return level, never, true
	case "":
		if r.first(fTradeID, fTransactionID, fExecID) == fNone && r.first(tradeDates...) == fNone {
			return "SUMMARY", undated, true
		}
		return level, finest, true
	}
	return level, finest, false
}

// sectionLevels is what a section has shown of its levels.
type sectionLevels struct {
	best    rank
	seen    bool
	line    int         // of the first row that never counts
	parts   int         // rows that never count
	name    string      // the level of the waiting rows, or of the parts
	waiting []packedRow // rows of the best level so far, unless that is the finest
	spots   map[tradeSpot]*spotRows
}

// tradeSpot is a contract and a day, as the rows write them.
type tradeSpot struct{ contract, day string }

// spotRows are the orders of one.
type spotRows struct {
	executed   bool // there are executions too
	line, rows int
}

// note notes what levels a contract has trades of on a day: where it has executions, its orders
// repeat those.
func (b *builder) note(s *sectionLevels, r *row, at rank) {
	day := r.v[r.first(fTradeDate, fDateTime, fReportDate)]
	spot := tradeSpot{r.v[r.first(fConID, fSymbol)], day[:min(len(day), 10)]}
	rows, known := s.spots[spot]
	if !known {
		if s.spots == nil {
			s.spots = map[tradeSpot]*spotRows{}
		}
		rows = &spotRows{}
		s.spots[tradeSpot{b.keep(spot.contract), b.keep(spot.day)}] = rows
	}
	switch {
	case at == finest:
		rows.executed = true
	case rows.rows == 0:
		rows.line = r.line
		fallthrough
	default:
		rows.rows++
	}
}

// unexecuted says which orders have no executions, in a section that has others: files of several
// levels of detail were put together.
func (b *builder) unexecuted(s *sectionLevels) {
	line, rows := 0, 0
	for _, spot := range s.spots {
		if spot.executed {
			continue
		}
		if rows += spot.rows; line == 0 || spot.line < line {
			line = spot.line
		}
	}
	if rows > 0 && s.best == finest {
		b.unread(line, secTrades.String(), "orders of contracts and days without executions, beside executions of others: "+
			"import files of several levels of detail one by one", rows)
	}
	s.spots = nil
}

// level decides whether the row counts now. Rows of a coarser level wait until all are seen.
func (b *builder) level(sec section, r *row) (counts bool, err error) {
	name, at, ok := levelOf(sec, r)
	s := &b.levels[sec]
	if sec == secTrades && ok && (at == finest || at == second) {
		b.note(s, r, at)
	}
	switch {
	case !ok:
		b.unread(r.line, sec.String(), "level of detail "+quoted(name)+" is unknown", 1)
		return false, b.rows.over
	case at == never:
		if s.parts++; s.parts == 1 {
			s.line = r.line
		}
		b.skip(b.keep(name))
		return false, nil
	case s.seen && at > s.best:
		b.skip(b.keep(name))
		return false, nil
	case !s.seen || at < s.best:
		for range s.waiting {
			b.skip(s.name)
		}
		b.rows.drop(len(s.waiting))
		s.waiting, s.seen, s.best, s.name = nil, true, at, b.keep(name)
	}
	if at == finest {
		return true, nil
	}
	s.waiting = append(s.waiting, r.pack(sec))
	return false, b.rows.add(sec, r)
}

// settleLevels lets the rows of a coarser level count where there is no finer one.
func (b *builder) settleLevels() error {
	var r row
	for sec := range b.levels {
		s, name := &b.levels[sec], section(sec).String()
		if s.parts > 0 && !s.seen {
			b.unread(s.line, name, "the section has only rows that break down or sum up others, and none of those: "+
				"let the query show executions", s.parts)
		}
		b.unexecuted(s)
		if len(s.waiting) == 0 {
			continue
		}
		line := s.waiting[0].line
		if s.best == undated {
			b.unread(line, name, "rows of level "+quoted(s.name)+" tell no date, and there are no others: let the query show executions", len(s.waiting))
			continue
		}
		if section(sec) == secTrades && !b.ordersCount {
			b.count(line, name, "rows of level "+s.name+" are taken for the trades, for there is no finer level", len(s.waiting))
		}
		b.rows.drop(len(s.waiting))
		for i := range s.waiting {
			s.waiting[i].unpack(&r)
			if err := b.place(section(sec), &r); err != nil {
				return err
			}
			s.waiting[i] = packedRow{}
		}
		s.waiting = nil
	}
	return nil
}
