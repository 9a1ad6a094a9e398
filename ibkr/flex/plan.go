package flex

import (
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/reconcile"
)

// Plan is what a statement means: the facts to record, the broker's figures to hold the book
// against, and what had to be inferred or could not be interpreted.
type Plan struct {
	Broker reconcile.Statement
	// Instruments tells the instrument of every contract id in the statement. A contract that was
	// renamed within the period goes by its last name.
	Instruments map[int64]ledger.Instrument
	// Inferred is every lot whose opening lies before the statement.
	Inferred []InferredLot
	// Issues is the statement's own and what came up while planning.
	Issues []Issue

	st     *Statement
	items  []item
	done   int // how many of the items are recorded: by an import that broke off
	events []*event
}

// InferredLot is a lot that was held before the statement began. Its basis is what the closing
// trade's own row says it consumed, or what the open position says is left.
type InferredLot struct {
	Instrument ledger.Instrument
	Quantity   ledger.Decimal // negative for short
	Basis      ledger.Decimal // negative for short
	Source     string         // where quantity and basis come from
}

// planner turns one statement into a plan.
type planner struct {
	*Plan
	held    Held
	past    *history
	extra   []ledger.Fact           // what no event is recorded as
	after   []ledger.Fact           // cancellations, which follow what they cancel
	told    map[ledger.ExecID]int32 // rows by the ids of their trades
	gone    map[string]bool         // executions in the book that this statement cancels or corrects
	undone  map[string]string
	cash    []newCash
	atEnd   map[ledger.InstrumentKey]*Position          // the statement's positions
	inBook  map[ledger.InstrumentKey][]*ledger.Position // the book's
	began   time.Time                                   // see start
	barred  map[ledger.InstrumentKey]int                // contracts that a corporate action names which could not be booked: the line of its row
	why     string                                      // the rows of a corporate action cannot be booked
	renames []renamed                                   // contracts that go by another name from now on
	acted   time.Time                                   // when the corporate action that is planned is booked
	trades  slab[plannedTrade]

	instruments map[ledger.Instrument]*ledger.Instrument // see share
	made        slab[event]

	executed        *executed        // see replacement
	tradedContracts []tradedContract // see traded
	actedContracts  []Contract       // see subjects

	claims       claims
	refused      error                     // an order that the book has otherwise
	cashIDs      []string                  // of the statement's cash rows
	sharing      map[string]int            // how many rows have an id, or say the same, beyond the first
	keptIn       map[*event]ledger.Decimal // commissions that the book has in a trade which it has
	transferIDs  []string                  // of its transfers
	toldMoney    map[string]bool           // ids of movements that the statement tells
	toldRoots    map[string]bool           // and of trades, whatever their correction
	showsExecIDs *bool                     // see execIDs
}

// newCash is a row that moves cash and is not in the book yet.
type newCash struct {
	line     int
	currency ledger.Currency
	at       time.Time
}

// NewPlan plans a statement for a portfolio that holds what held says. It changes nothing.
// ErrOutOfOrder if the statement belongs before one that held knows already, and together they
// would count something twice. ErrLevels if held may have in another form what the statement tells,
// such as orders where that tells executions.
func NewPlan(st *Statement, held Held) (*Plan, error) {
	p := &planner{
		Plan: &Plan{st: st, Instruments: map[int64]ledger.Instrument{}, Issues: slices.Clone(st.Issues)},
		held: Held{Positions: slices.Clone(held.Positions), Facts: pointing(held.Facts)},
		told: make(map[ledger.ExecID]int32, st.Trades.Len()),
		gone: map[string]bool{}, barred: map[ledger.InstrumentKey]int{}, toldMoney: map[string]bool{},
		instruments: map[ledger.Instrument]*ledger.Instrument{}, keptIn: map[*event]ledger.Decimal{}, sharing: map[string]int{},
	}
	p.past = newHistory(p.held.Facts)
	p.resolveContracts()
	p.indexPositions()
	p.undone = p.undoing()
	p.planTrades()
	sortEvents(p.events)
	p.planCancellations()
	p.voidSuperseded()
	p.nameCash()
	p.nameTransfers()
	if err := p.checkForms(); err != nil {
		return nil, err
	}
	p.told, p.sharing, p.toldRoots = nil, nil, nil // which take much memory
	p.planSettlements()
	if p.refused != nil {
		return nil, p.refused
	}
	p.uncoded()
	p.restatedTrades()
	p.restatedCash()
	p.planCorporateActions()
	p.planTransfers()
	sortEvents(p.events)
	p.events = p.possible(p.events)
	if err := p.infer(); err != nil {
		return nil, err
	}
	beside := p.extra
	p.extra = nil
	p.planCash()
	p.collect(beside, p.after, p.extra)
	p.brokerFigures()
	err := p.checkOrder()
	p.useFormerNames()
	return p.Plan, err
}

// collect makes the plan of what the journal lacks: what is beside the events, the events, and what
// comes behind.
func (p *planner) collect(beside []ledger.Fact, behind ...[]ledger.Fact) {
	p.items = make([]item, 0, len(beside)+len(p.events)+len(p.after)+len(p.st.Cash))
	var t ledger.Trade
	add := func(it item) {
		f := it.into(&t)
		if f == nil || p.past.has(f) || p.unfit(&it, f) {
			return
		}
		if f == ledger.Fact(&t) {
			_, it.event.early = p.past.versions[root(t.ExecID)]
		}
		p.items = append(p.items, it)
	}
	for _, f := range beside {
		add(item{other: f})
	}
	for _, e := range p.events {
		add(item{event: e})
		e.tally = nil // which has all of the planner
	}
	for _, list := range behind {
		for _, f := range list {
			add(item{other: f})
		}
	}
	sortItems(p.items)
}

// unfit reports a fact that no book would take, and says so: it does not keep the others out.
func (p *planner) unfit(it *item, f ledger.Fact) bool {
	var err error
	if t, trade := f.(*ledger.Trade); trade { // one of many
		err = t.Normalize()
	} else {
		_, err = ledger.Normalize(f)
	}
	if err == nil {
		return false
	}
	line := 0
	if it.event != nil && it.event.trade != nil {
		line = it.event.line
	}
	p.unread(line, "statement", "left out: %s", err)
	return true
}

func (p *planner) issue(line int, section, format string, args ...any) {
	p.Issues = append(p.Issues, Issue{Line: line, Section: section, Text: fmt.Sprintf(format, args...), Rows: 1})
}

// unread is issue for rows that move money or positions and are not booked.
func (p *planner) unread(line int, section, format string, args ...any) {
	p.issue(line, section, format, args...)
	p.Issues[len(p.Issues)-1].Unread = true
}

// start is a moment before everything that moves lots in the statement: the beginning of its
// period, or a second before its first event.
func (p *planner) start() time.Time {
	if p.began.IsZero() {
		p.began = p.findStart()
	}
	return p.began
}

func (p *planner) findStart() time.Time {
	start := time.Time{}
	if p.st.From.Valid() {
		start = p.st.From.Time(time.UTC)
	}
	for _, e := range p.events {
		if start.IsZero() || !start.Before(e.at) {
			start = e.at.Add(-time.Second)
		}
	}
	if !start.IsZero() {
		return start
	}
	for _, c := range p.st.Cash {
		if start.IsZero() || !start.Before(c.Time) {
			start = c.Time.Add(-time.Second)
		}
	}
	for _, pos := range p.st.Positions {
		if start.IsZero() && pos.ReportDate.Valid() {
			start = pos.ReportDate.Time(time.UTC)
		}
	}
	if start.IsZero() {
		start = p.st.Generated
	}
	if start.IsZero() {
		start = ledger.NewDate(1970, time.January, 1).Time(time.UTC)
	}
	return start
}

// end is a moment after everything in the statement and before what later ones tell: the first
// hours of the day after, for the broker's day ends in New York.
func (p *planner) end() time.Time {
	end := time.Time{}
	if p.st.To.Valid() {
		end = p.st.To.Time(time.UTC).Add(29 * time.Hour)
	}
	for _, e := range p.events {
		if end.Before(e.at) {
			end = e.at
		}
	}
	if end.IsZero() {
		end = p.st.Generated
	}
	if end.IsZero() {
		end = lastMoment
	}
	return end
}

var lastMoment = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

// resolveContracts gives every contract id one instrument. A contract that changed its symbol
// within the period goes by the last one; two contracts that bear the same name are told apart.
func (p *planner) resolveContracts() {
	latest := map[int64]time.Time{}
	see := func(c Contract, at time.Time) {
		if last, ok := latest[c.ConID]; c.ConID != 0 && (!ok || !at.Before(last)) {
			latest[c.ConID] = at
			p.Instruments[c.ConID] = c.Instrument
		}
	}
	for _, t := range p.st.Trades.All() {
		see(t.Contract, t.Time)
	}
	known := p.held.newest()
	for _, paid := range []bool{false, true} { // those that were paid last: their currency may be that of the money
		for i := range p.st.CorporateActions {
			row := &p.st.CorporateActions[i]
			c := row.Contract
			if now, ok := p.Instruments[c.ConID]; row.cash() != paid || ok && now.Currency != c.Currency {
				continue
			}
			if was, ok := known[c.ConID]; ok && paid {
				c.Currency = was.Instrument.Currency
			}
			see(c, row.Time)
		}
	}
	for i := range p.st.Transfers {
		see(p.st.Transfers[i].Contract, p.st.Transfers[i].Time)
	}
	for i := range p.st.Settlements {
		see(p.st.Settlements[i].Contract, time.Time{})
	}
	for i := range p.st.Positions {
		see(p.st.Positions[i].Contract, lastMoment)
	}
	for id, pos := range known {
		if inst, ok := p.Instruments[id]; ok && p.st.guessed[id] {
			inst.Multiplier = pos.Instrument.Multiplier
			p.Instruments[id] = inst
		}
		if inst, ok := p.Instruments[id]; ok && inst.Key() != pos.Instrument.Key() && (p.keepsName(pos) || p.anothersName(inst)) {
			p.Instruments[id] = pos.Instrument
		}
	}
	byKey := map[ledger.InstrumentKey]int64{}
	ids := make([]int64, 0, len(p.Instruments))
	for id := range p.Instruments {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		inst := p.Instruments[id]
		if other, taken := byKey[inst.Key()]; taken {
			p.issue(0, "contracts", "contracts %d and %d are both called %s; the second goes by %s#%d", other, id, inst.Key(), inst.Symbol, id)
			inst.Symbol = fmt.Sprintf("%s#%d", inst.Symbol, id)
			p.Instruments[id] = inst
		}
		byKey[inst.Key()] = id
	}
	for i := range p.held.Positions {
		held := &p.held.Positions[i].Instrument
		_, told := p.Instruments[held.ConID]
		if id := byKey[held.Key()]; id != 0 && held.ConID != 0 && !told && !p.held.Positions[i].Quantity.IsZero() {
			p.issue(0, "contracts", "contract %d is called %s, as contract %d is that the book holds and the statement does not tell of: taken for the same, renumbered", id, held.Key(), held.ConID)
		}
	}
}

// anothersName reports whether the book holds another contract under the name that the statement
// has for this one, and the statement does not tell of that: the book knows both, and they stay
// apart.
func (p *planner) anothersName(inst ledger.Instrument) bool {
	for i := range p.held.Positions {
		other := &p.held.Positions[i]
		_, told := p.Instruments[other.Instrument.ConID]
		if other.Instrument.Key() == inst.Key() && other.Instrument.ConID != 0 && !told && !other.Quantity.IsZero() {
			return true
		}
	}
	return false
}

// keepsName reports whether a contract goes by the name that the book has for it, whatever the
// statement says: a statement that is old, or tells nothing new of the contract, does not rename
// it. And what a cancellation or correction brings back of a contract that is flat stays where it
// was, with what comes after.
func (p *planner) keepsName(pos ledger.Position) bool {
	if pos.LastTrade.After(p.end()) {
		return true
	}
	if now := p.Instruments[pos.Instrument.ConID]; now.SecType == ledger.Bond && !now.Multiplier.Equal(pos.Instrument.Multiplier) {
		return false // earlier versions took the price in per cent for one per unit
	}
	fresh, undoes := false, false
	for _, t := range p.st.Trades.All() {
		if t.ConID != pos.Instrument.ConID {
			continue
		}
		_, version := ledger.ExecID(t.ExecID).Correction()
		undoes = undoes || t.cancels() || version > 1
		fresh = fresh || !t.cancels() && !slices.ContainsFunc(t.names(), p.past.recorded)
	}
	actions, _ := p.st.actionsInForce()
	booked := map[string]bool{} // by one of their rows, as a whole
	for _, c := range actions {
		booked[c.group()] = booked[c.group()] || p.hasAction(c)
	}
	for _, c := range actions {
		fresh = fresh || c.ConID == pos.Instrument.ConID && !booked[c.group()]
	}
	return !fresh || undoes && pos.Quantity.IsZero()
}

// instrument returns the one instrument of a contract, with its underlying by its last name.
func (p *planner) instrument(c Contract) ledger.Instrument { return p.instrumentOf(c) }

func (p *Plan) instrumentOf(c Contract) ledger.Instrument {
	inst := c.Instrument
	if known, ok := p.Instruments[c.ConID]; ok {
		inst = known
	}
	if u, ok := p.Instruments[c.UnderlyingConID]; ok && c.UnderlyingConID != 0 && inst.Right != "" {
		inst.Underlying = u.Symbol
		if u.SecType == ledger.Future {
			inst.Underlying = u.LocalSymbol
		}
	}
	return inst
}

// pointer returns a pointer to an optional figure, nil if there is none.
func (o Optional) pointer() *ledger.Decimal {
	if !o.Valid {
		return nil
	}
	return &o.Value
}
