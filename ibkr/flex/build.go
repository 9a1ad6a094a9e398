package flex

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ai-ots/accounts/ledger"
)

// builder makes one statement from its rows, whatever encoding they come in.
type builder struct {
	st   Statement
	loc  *time.Location
	rows *rowCount // that are in memory, those of other statements too
	// header holds the statement's own dates. They are read last, like every row from the first
	// slashed date on: how slashed dates are meant is known when all are seen.
	header   row
	order    dateOrder
	waiting  bool
	deferred []packedRow
	seen     map[string]string
	base     ledger.Currency // named in passing by a section that only informs
	known    map[string]int  // issues that are counted, by section and text

	levels   [numSections]sectionLevels
	trades   weakRows
	cash     weakRows
	termless []termless
	untold   untold
	charged  []charged
	// ordersCount says that orders are what this kind of file has for trades.
	ordersCount bool
	accrued     []int                      // the lines of rows of fees that cash transactions charge later
	funds       unsaid                     // rows of the statement of funds
	coupons     unsaid                     // trades with accrued interest
	had         map[[sha256.Size]byte]bool // what rows with ids say, see repeats
}

// weakRows are rows without level of detail and without any id. They are all there is if the
// query leaves ids out; among rows with ids they are summaries of those.
type weakRows struct {
	at  []int // where they are among all rows
	ids bool  // another row has an id
}

// dropWeak returns the rows without the weak ones if others have ids, and those that it dropped.
func dropWeak(rows []CashRow, weak weakRows) (kept, dropped []CashRow) {
	if !weak.ids || len(weak.at) == 0 {
		return rows, nil
	}
	for i, row := range rows {
		if len(weak.at) > 0 && weak.at[0] == i {
			weak.at = weak.at[1:]
			dropped = append(dropped, row)
		} else {
			kept = append(kept, row)
		}
	}
	return kept, dropped
}

func newBuilder(loc *time.Location, account string, rows *rowCount) *builder {
	return &builder{st: Statement{AccountID: account, loc: loc}, loc: loc, rows: rows,
		seen: make(map[string]string), known: make(map[string]int)}
}

// add takes one row of a section. The row is the caller's again afterwards.
func (b *builder) add(sec section, r *row) error {
	if (sec == secOptionEAE || sec == secFunds) && !settles(sec, r) {
		if sec == secFunds {
			b.seeFunds(r)
		}
		return nil
	}
	if err := b.checkAccount(sec, r); err != nil {
		return err
	}
	switch sec {
	case secIgnored:
		return nil
	case secHint:
		b.hint(r)
		return nil
	case secAccount:
		if cur := ledger.Currency(r.v[fCurrency]); cur.Valid() {
			b.st.BaseCurrency = ledger.Currency(b.keep(string(cur)))
		}
		return nil
	}
	if counts, err := b.level(sec, r); !counts {
		return err
	}
	return b.place(sec, r)
}

// place converts a row that counts, or lets it wait until the order of slashed dates is known.
func (b *builder) place(sec section, r *row) error {
	if err := intact(sec, r); err != nil {
		return err
	}
	if b.repeats(sec, r) {
		return nil
	}
	if err := b.rows.add(sec, r); err != nil {
		return err
	}
	if b.waiting || r.slashed() {
		b.waiting = true
		b.deferred = append(b.deferred, r.pack(sec))
		return nil
	}
	return b.convert(sec, r)
}

// present notes that the statement has a section, even if it is empty.
func (b *builder) present(sec section) {
	switch sec {
	case secPositions:
		b.st.HasPositions = true
	case secCash:
		b.st.HasCash = true
	case secCashReport:
		b.st.HasCashReport = true
	}
}

// hint notes the base currency from sections whose currency can only be that one.
func (b *builder) hint(r *row) {
	for _, f := range []field{fFunctionalCurrency, fCurrency} {
		if cur := ledger.Currency(r.v[f]); b.base == "" && cur.Valid() {
			b.base = ledger.Currency(b.keep(string(cur)))
		}
	}
}

// convert makes what the row stands for.
func (b *builder) convert(sec section, r *row) error {
	c := &reading{r: r, sec: sec, order: b.order, loc: b.loc}
	switch sec {
	case secTrades:
		b.trade(c)
	case secPositions:
		b.position(c)
	case secCash:
		b.cashRow(c)
	case secCorporate:
		b.corporateAction(c)
	case secCashReport:
		b.cashBalance(c)
	case secTransfers:
		b.transfer(c)
	case secGrants:
		b.grant(c)
	case secOptionEAE, secFunds:
		b.settlement(c)
	case secAccrued:
		b.accrued = append(b.accrued, r.line)
	default:
		b.charge(c)
	}
	if c.err == errLater {
		b.untold.later = append(b.untold.later, r.pack(sec))
		return nil
	}
	if sec >= secTransfers && c.err != nil { // one such row does not keep the rest of the statement out
		var wrong *ReadError
		if errors.As(c.err, &wrong) {
			b.unread(r.line, sec.String(), fmt.Sprintf("the row is left out: %s %s", wrong.Field, wrong.Err), 1)
			return nil
		}
	}
	return c.err
}

// keep returns s as the statement's own, once for all its repetitions.
func (b *builder) keep(s string) string {
	if s == "" {
		return ""
	}
	k, ok := b.seen[s]
	if !ok {
		k = b.own(s)
		b.seen[k] = k
	}
	return k
}

// own returns s as the statement's own; for values that hardly repeat. The values of a row are
// parts of one larger string, which must not be kept alive for the sake of a symbol.
func (b *builder) own(s string) string { return strings.Clone(s) }

// codes splits notes such as "A;P;".
func (b *builder) codes(r *row, f field) []string {
	var codes []string
	for s := range strings.FieldsFuncSeq(r.v[f], func(c rune) bool { return c == ';' || c == ',' }) {
		if s = strings.TrimSpace(s); s != "" {
			codes = append(codes, b.keep(s))
		}
	}
	return codes
}

// issue reports one row that is kept out.
func (b *builder) issue(line int, section, format string, args ...any) {
	b.st.Issues = append(b.st.Issues, Issue{Line: line, Section: b.own(section), Text: fmt.Sprintf(format, args...), Rows: 1})
}

// unread reports rows that move money or positions, or may, and are not read, as one issue for each
// reason.
func (b *builder) unread(line int, section, text string, rows int) {
	b.count(line, section, text, rows)
	b.st.Issues[b.known[section+"\x00"+text]].Unread = true
}

// count reports rows for the same reason as one issue. Too many issues are an error of rows.over.
func (b *builder) count(line int, section, text string, rows int) {
	key := section + "\x00" + text
	i, ok := b.known[key]
	if !ok {
		i = len(b.st.Issues)
		b.known[key] = i
		_ = b.rows.other(line) // which keeps its error
		b.st.Issues = append(b.st.Issues, Issue{Line: line, Section: b.own(section), Text: text})
	}
	b.st.Issues[i].Rows += rows
}

// skip counts a row that repeats others.
func (b *builder) skip(level string) {
	if b.st.SkippedRows == nil {
		b.st.SkippedRows = make(map[string]int)
	}
	b.st.SkippedRows[level]++
}

// finish returns the statement. The builder is of no use afterwards.
func (b *builder) finish() (*Statement, error) {
	if err := b.settleLevels(); err != nil {
		return nil, err
	}
	if err := b.decideOrder(); err != nil {
		return nil, err
	}
	if err := b.convertDeferred(); err != nil {
		return nil, err
	}
	if err := b.convertLater(); err != nil {
		return nil, err
	}
	if err := b.finishHeader(); err != nil {
		return nil, err
	}
	b.st.Trades.finish()
	b.dropSummaries()
	b.finishCharges()
	b.payingActions()
	b.withoutCash()
	b.finishSettlements()
	b.finishTerms()
	b.lastPositions()
	b.finishPositions()
	b.finishCashReport()
	if b.st.BaseCurrency == "" {
		b.st.BaseCurrency = b.base
	}
	b.finishCommissions()
	slices.SortStableFunc(b.st.Issues, func(x, y Issue) int { return x.Line - y.Line })
	return &b.st, nil
}

// convertDeferred converts the rows that waited for the order of slashed dates, and lets go of
// each.
func (b *builder) convertDeferred() error {
	var r row
	for i := range b.deferred {
		packed := &b.deferred[i]
		packed.unpack(&r)
		if err := b.convert(packed.sec, &r); err != nil {
			return err
		}
		*packed = packedRow{}
	}
	b.deferred = nil
	return nil
}

// decideOrder reads the evidence in all slashed dates.
func (b *builder) decideOrder() error {
	if !b.waiting && !b.header.slashed() {
		return nil
	}
	var e evidence
	e.period(b.header.v[fFromDate], b.header.v[fToDate])
	e.see(b.header.v[fWhenGenerated], false)
	line := max(b.header.line, 1) // of the first date that is not clear
	var r row
	for i := range b.deferred {
		if b.deferred[i].unpack(&r); e.unclear == "" {
			line = r.line
		}
		for f := fDateTime; f <= fWhenGenerated; f++ {
			e.see(r.v[f], f <= fReportDate)
		}
		e.see(r.v[fExpiry], false)
	}
	order, guessed, err := e.order()
	if err != nil {
		return &ReadError{Line: line, Section: "statement", Err: err}
	}
	if guessed {
		b.issue(line, "statement", "nothing tells whether dates such as %.30q are day first or month first: they are read day first; "+
			"let the query show dates as yyyyMMdd", e.unclear)
	}
	b.order = order
	return nil
}

func (b *builder) finishHeader() error {
	c := &reading{r: &b.header, order: b.order, loc: b.loc}
	b.st.From, b.st.To = c.date(fFromDate), c.date(fToDate)
	if b.header.v[fWhenGenerated] != "" {
		b.st.Generated = c.stamp(fWhenGenerated).time
	}
	return c.err
}

const weakText = "has neither level of detail nor an id, among rows that have one: it seems to repeat them"

// dropSummaries takes out rows that are summaries by all appearances, and says so.
func (b *builder) dropSummaries() {
	b.perhapsOrders()
	if b.trades.ids && len(b.trades.at) > 0 {
		for _, i := range b.trades.at {
			b.count(b.st.Trades.At(i).Line, secTrades.String(), weakText, 1)
		}
		b.st.Trades = b.st.Trades.without(b.trades.at)
	}
	cash, repeated := dropWeak(b.st.Cash, b.cash)
	for _, m := range repeated {
		b.count(m.Line, secCash.String(), weakText, 1)
	}
	b.st.Cash = cash
}

// finishCommissions gives commissions of currency pairs that name no currency the one in which the
// broker charges them, which is the base currency.
func (b *builder) finishCommissions() {
	manners := b.st.Trades.manners.all
	unnamed := func(m manner) bool { return m.commissionCurrency == "" }
	if !slices.ContainsFunc(manners, unnamed) {
		return
	}
	base := b.st.Base()
	for _, t := range b.st.Trades.All() {
		if t.CommissionCurrency == "" && !t.Commission.Value.IsZero() && t.Currency != base {
			b.count(t.Line, secTrades.String(), "the commission of a currency pair names no currency: taken to be in base currency, "+string(base), 1)
		}
	}
	for i := range manners {
		if unnamed(manners[i]) {
			manners[i].commissionCurrency = base
		}
	}
}

// finishPositions sums the rows of each contract.
func (b *builder) finishPositions() {
	type contract struct { // two contracts may bear one name
		key ledger.InstrumentKey
		id  int64
	}
	at := make(map[contract]int, len(b.st.Positions))
	summed := b.st.Positions[:0]
	for _, p := range b.st.Positions {
		this := contract{p.Key(), p.ConID}
		i, ok := at[this]
		if !ok {
			at[this] = len(summed)
			summed = append(summed, p)
			continue
		}
		if b.levels[secPositions].best == finest && p.repeats(summed[i]) {
			b.count(p.Line, secPositions.String(), "the row is another one again, in all that it says: counts once", 1)
			continue
		}
		summed[i].merge(p)
	}
	b.st.Positions = slices.Clip(summed)
}

// repeats reports whether the row says the same as another one.
func (p Position) repeats(q Position) bool {
	p.Line = q.Line
	return p == q
}

// merge adds another row of the same contract.
func (p *Position) merge(q Position) {
	p.Rows += q.Rows
	p.Quantity = p.Quantity.Add(q.Quantity)
	p.Value, p.CostBasis, p.Unrealized = p.Value.plus(q.Value), p.CostBasis.plus(q.CostBasis), p.Unrealized.plus(q.Unrealized)
	p.CostPrice = Optional{}
	if !p.Mark.Valid {
		p.Mark = q.Mark
	}
}

// plus adds two figures; the sum of what is not known is not known.
func (o Optional) plus(p Optional) Optional {
	if !o.Valid || !p.Valid {
		return Optional{}
	}
	return Optional{Value: o.Value.Add(p.Value), Valid: true}
}
