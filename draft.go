package accounts

import (
	"fmt"
	"slices"
	"time"

	"github.com/ai-ots/accounts/ledger"
	"github.com/ai-ots/accounts/risk"
)

// draft is the book ahead of the durable one: commands decide on it, and their entries are
// appended. Its buffers are reused from group to group. The leader alone touches it.
type draft struct {
	fold      *fold
	now       time.Time
	entries   []Entry
	payloads  []payload        // of the entries
	keys      map[string]int64 // of the entries, where more than one fact is recorded
	positions []ledger.Position
	buffer    []byte   // the payloads' bytes, or the last of several buffers
	full      [][]byte // the others
	spare     [][]byte // those of the group before, if that had several
	scratch   []byte
	restated  int64            // how many of the entries are restatements
	span      int64            // how many entries were read for them
	lent      bool             // the store may still read the buffers: its append goes on
	spoiled   bool             // a panic left it unlike the live book
	start     int              // where the entries of the command that is being decided begin
	known     map[string]int64 // keys of refused batches that turned out to be in the journal
}

func newDraft(f *fold) *draft { return &draft{fold: f, scratch: make([]byte, 0, 2048)} }

// A group of many entries has its payloads in buffers of bufferSize: one that grew would be copied,
// and stay with the entries that have their payloads in it. What was made for more than keptEntries
// is not kept for the next group.
const (
	bufferSize  = 256 << 10
	keptEntries = 4096
)

// room makes room for n entries more.
func (d *draft) room(n int) {
	d.entries, d.payloads = slices.Grow(d.entries, n), slices.Grow(d.payloads, n)
}

// clear drops the entries, and keeps the buffers, unless the store still has them or they are
// large. Of several buffers all but one are kept for the next group alone: large groups come one
// behind the other.
func (d *draft) clear() {
	if d.lent || cap(d.entries) > keptEntries {
		d.entries, d.payloads, d.positions, d.buffer, d.full, d.lent = nil, nil, nil, nil, nil, false
	}
	d.full, d.spare = nil, d.full
	clear(d.entries)
	clear(d.payloads)
	d.entries, d.payloads, d.positions, d.buffer = d.entries[:0], d.payloads[:0], d.positions[:0], d.buffer[:0]
	d.keys, d.restated, d.span = nil, 0, 0
}

// begin starts a group behind the live book's last entry.
func (d *draft) begin(seq int64, hash Hash, now time.Time, several bool) {
	d.clear()
	d.now = now
	d.fold.seq, d.fold.hash = seq, hash
	if several {
		d.keys = map[string]int64{}
	}
}

// add makes an entry of the payload and folds it into the draft. A payload of a rare kind is read
// back first: what cannot be read again must not get into a journal.
func (d *draft) add(p payload) error {
	if cap(d.buffer) >= bufferSize && cap(d.buffer)-len(d.buffer) < bufferSize/16 {
		d.full, d.buffer = append(d.full, d.buffer), d.another()
	}
	start, kind := len(d.buffer), kindOf(p)
	d.buffer = encodePayload(d.buffer, p)
	switch p.(type) {
	case *ledger.Trade, *ledger.CashMovement, *risk.Hold, *risk.Release:
	default:
		if _, err := decodePayload(kind, d.buffer[start:]); err != nil {
			return fmt.Errorf("%w: %s that cannot be written: %w", ErrInvalid, kind, err)
		}
	}
	e := Entry{
		ProfileID: d.fold.profile,
		Seq:       d.fold.seq + 1,
		Kind:      kind,
		Key:       keyOf(p),
		Time:      d.now,
		Payload:   d.buffer[start:len(d.buffer):len(d.buffer)],
		Prev:      d.fold.hash,
	}
	e.Hash = e.sum(d.scratch)
	d.entries = append(d.entries, e)
	d.payloads = append(d.payloads, p)
	if d.keys != nil && e.Key != "" {
		d.keys[e.Key] = e.Seq
	}
	d.fold.apply(p, e.Seq)
	d.fold.hash = e.Hash
	return nil
}

// another returns an empty buffer of bufferSize.
func (d *draft) another() []byte {
	n := len(d.spare)
	if n == 0 {
		return make([]byte, 0, bufferSize)
	}
	b := d.spare[n-1]
	d.spare = d.spare[:n-1]
	return b[:0]
}

// batch returns the batch that the store is to append.
func (d *draft) batch(id ProfileID) Batch {
	d.positions = d.fold.Changed(d.positions[:0], d.payloads)
	first := &d.entries[0]
	return Batch{ProfileID: id, After: first.Seq - 1, Hash: first.Prev, Entries: d.entries, Positions: d.positions,
		first: first, payloads: d.payloads}
}

// recordFacts adds the entries that the command's facts make, and returns how many facts were new.
func (p *Portfolio) recordFacts(cmd *command) (int, error) {
	d := p.draft
	if d.keys == nil && len(cmd.facts) > 1 {
		d.keys = make(map[string]int64, len(cmd.facts))
	}
	d.room(len(cmd.facts))
	added, amended, pointed, looked := 0, false, false, false
	for _, f := range p.knownFirst(cmd) {
		if amended && !fills(f) {
			// Whether it fits shows in the book as the amendments leave it.
			if err := p.restateDraft(cmd); err != nil {
				return added, err
			}
			amended = false
		}
		next, err := p.place(cmd, f)
		if err != nil {
			return added, err
		}
		if next == nil {
			continue
		}
		if _, late := next.(*ledger.Amendment); late {
			amended = true
			if !looked { // a fact that was recorded long ago looks late when it comes again
				looked = true
				if err := cmd.lookUpFacts(); err != nil {
					return added, err
				}
			}
		}
		if ledger.IsCapital(next) {
			timely := p.priceFlow(cmd, next)
			if timely && !pointed {
				if err := p.writePointBefore(cmd); err != nil {
					return added, err
				}
				pointed = true
				if a, late := next.(*ledger.Amendment); late {
					a.Place = d.fold.seq + 1 // behind the point
				}
			}
		}
		if err := unpriced(next); err != nil {
			return added, err
		}
		if err := d.add(next); err != nil {
			return added, err
		}
		added++
	}
	if amended {
		return added, p.restateDraft(cmd)
	}
	return added, nil
}

// unpriced returns ErrInvalid for a transfer that goes, is late, and has no price: what it was
// worth does not show in the lots of now.
func unpriced(f ledger.Payload) error {
	a, late := f.(*ledger.Amendment)
	if !late || a.Transfer == nil || a.Completes != (ledger.Completion{}) || len(a.Transfer.Lots) > 0 || !a.Transfer.Price.IsZero() {
		return nil
	}
	return fmt.Errorf("transfer %q: %w: the price of a late transfer is not known", a.Transfer.ID, ErrInvalid)
}

// priceFlow fills in, once, what capital was worth when it came: the rate and the price of now,
// where they are known, the fact does not say, and it is of now. It reports whether the fact is of
// now: what prices of today say of another time is nothing.
func (p *Portfolio) priceFlow(cmd *command, f ledger.Payload) bool {
	if a, late := f.(*ledger.Amendment); late {
		f = a.Fact()
	}
	if timely, priced := cmd.priced[f]; priced {
		return timely
	}
	if cmd.priced == nil {
		cmd.priced = map[ledger.Payload]bool{}
	}
	cmd.priced[f] = p.priceOnce(f)
	return cmd.priced[f]
}

// priceOnce is priceFlow for a fact that it has not seen.
func (p *Portfolio) priceOnce(f ledger.Payload) bool {
	p.mu.RLock()
	defer p.mu.RUnlock()
	m := p.market(p.draft.fold.Account, p.draft.now)
	rate := func(c ledger.Currency, own ledger.Decimal) (rate ledger.Decimal) {
		if now, fresh := m.FreshRate(c); fresh && c != p.base && own.IsZero() {
			return now
		}
		return rate
	}
	price := func(i *ledger.Instrument, own ledger.Decimal) ledger.Decimal {
		if now, fresh := m.FreshMark(i.Key()); fresh && own.IsZero() {
			return now
		}
		return own
	}
	if p.draft.now.Sub(ledger.TimeOf(f)).Abs() > clockSkew {
		return false
	}
	switch f := f.(type) {
	case *ledger.CashMovement:
		f.MarketRate = rate(f.Currency, f.FXRate)
	case *ledger.Opening:
		f.MarketRate, f.Price = rate(f.Instrument.Currency, f.FXRate), price(&f.Instrument, f.Price)
	case *ledger.Transfer:
		f.MarketRate, f.Price = rate(f.Instrument.Currency, f.FXRate), price(&f.Instrument, f.Price)
	}
	return true
}

// writePointBefore writes an equity point before capital that comes or goes, if the profile has
// equity points and its equity is known. It separates earlier gains and losses from the movement.
func (p *Portfolio) writePointBefore(cmd *command) error {
	d := p.draft
	if !d.fold.HasPoints() || !p.draftTold() {
		return nil
	}
	point, t := p.draftPoint()
	point.Before = true
	if _, dup := p.seen(cmd, ledger.KeyOf(&point)); dup || !t.Known() {
		return nil
	}
	return d.add(&point)
}

// knownFirst puts facts whose key the journal has in front. Corrections among them take their place
// by time wherever they stand, and other facts may fit the book only after them.
func (p *Portfolio) knownFirst(cmd *command) []ledger.Payload {
	if len(p.draft.known) == 0 && cmd.studies == nil {
		return cmd.facts
	}
	ordered := make([]ledger.Payload, 0, len(cmd.facts))
	for _, first := range []bool{true, false} {
		for _, f := range cmd.facts {
			if _, known := p.journaled(cmd, ledger.KeyOf(f)); known == first {
				ordered = append(ordered, f)
			}
		}
	}
	return ordered
}

// fills reports whether every book accepts the fact, whatever the positions.
func fills(f ledger.Payload) bool {
	switch f.(type) {
	case *ledger.Split, *ledger.Opening, *ledger.Transfer:
		return false
	}
	return true
}

// restateDraft writes the restatements for the draft's amendments: of the book, and of what limits
// count.
func (p *Portfolio) restateDraft(cmd *command) error {
	after, err := p.restated(cmd)
	if err != nil {
		return err
	}
	d := p.draft
	d.restated++
	r := ledger.Diff(d.fold.Book, after.Book)
	r.Shifts = p.shifts()
	if err := d.add(r); err != nil {
		return err
	}
	if r := d.fold.Restated(after); !r.Empty() {
		return d.add(r)
	}
	return nil
}

// shifts returns the shifts that the draft's amendments make which no restatement stands behind
// yet. Those of one execution are one.
func (p *Portfolio) shifts() []ledger.Shift {
	p.mu.RLock()
	defer p.mu.RUnlock()
	var out []ledger.Shift
	for _, f := range slices.Backward(p.draft.payloads) {
		if _, done := f.(*ledger.Restatement); done {
			break
		}
		a, ok := f.(*ledger.Amendment)
		if !ok {
			continue
		}
		s, ok := a.Shift(p.prices)
		at := slices.IndexFunc(out, func(x ledger.Shift) bool { return x.Behind == s.Behind })
		switch {
		case !ok:
		case at < 0:
			out = append(out, s)
		default:
			out[at].By = out[at].By.Add(s.By)
		}
	}
	return out
}

// seen returns the number of the entry with the key in the journal, as far as that is known, or in
// the draft.
func (p *Portfolio) seen(cmd *command, key string) (int64, bool) {
	if seq, ok := p.journaled(cmd, key); ok {
		return seq, true
	}
	seq, ok := p.draft.keys[key]
	return seq, ok
}

// journaled returns the number of the entry with the key in the journal, as far as that is known.
func (p *Portfolio) journaled(cmd *command, key string) (int64, bool) {
	if seq, ok := p.draft.known[key]; ok {
		return seq, true
	}
	return cmd.studies.found(key)
}

// place returns the payload that a fact becomes: itself, an amendment of history, or nil if the
// journal has it.
func (p *Portfolio) place(cmd *command, f ledger.Payload) (ledger.Payload, error) {
	seq, dup := p.seen(cmd, ledger.KeyOf(f))
	switch f := f.(type) {
	case *ledger.Trade:
		if dup {
			return p.correct(cmd, f, seq)
		}
	case *ledger.Cancellation:
		if !dup {
			return p.cancel(cmd, f)
		}
	case *ledger.CashMovement, *ledger.Opening, *ledger.Transfer:
		if dup {
			return p.complete(cmd, f, seq)
		}
	}
	if dup {
		return nil, p.same(cmd, f, seq)
	}
	return p.draft.fold.Place(f, p.draft.fold.seq+1)
}

// same returns ErrIDReused unless entry seq records the same fact. Of the points that RecordEquity
// makes, the first of a time counts: the next is worked out at other marks.
func (p *Portfolio) same(cmd *command, f ledger.Payload, seq int64) error {
	if cmd.judged {
		return nil
	}
	was, err := p.factAt(cmd, seq)
	if err != nil {
		return err
	}
	return inEntry(ledger.CheckSame(was, f), seq)
}

// inEntry adds to an error the number of the entry that has the fact.
func inEntry(err error, seq int64) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w, entry %d", err, seq)
}

// correct decides about a trade whose execution is in the journal as entry seq: it corrects the
// execution, completes it, or is the same fill again.
func (p *Portfolio) correct(cmd *command, t *ledger.Trade, seq int64) (ledger.Payload, error) {
	was, err := p.tradeAt(cmd, seq)
	if err != nil {
		return nil, err
	}
	a, err := p.draft.fold.Correct(t, was, seq)
	if a == nil || err != nil {
		return nil, inEntry(err, seq)
	}
	if _, dup := p.seen(cmd, ledger.KeyOf(a)); dup {
		return nil, nil
	}
	return a, nil
}

// complete decides about a cash movement, opening or transfer that is in the journal as entry seq:
// it completes what is recorded, or is the same again.
func (p *Portfolio) complete(cmd *command, f ledger.Payload, seq int64) (ledger.Payload, error) {
	was, err := p.factAt(cmd, seq)
	if err != nil {
		return nil, err
	}
	a, err := p.draft.fold.Complete(f, was, seq)
	if a == nil || err != nil {
		return nil, inEntry(err, seq)
	}
	if _, dup := p.seen(cmd, ledger.KeyOf(a)); dup {
		return nil, nil
	}
	return a, nil
}

// cancel finds the execution that a cancellation takes back, and returns the amendment.
func (p *Portfolio) cancel(cmd *command, c *ledger.Cancellation) (ledger.Payload, error) {
	key := ledger.ExecutionKey(c.Cancels)
	seq, ok := p.seen(cmd, key)
	if !ok {
		if err := cmd.lookUp(key); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("cancellation %q of %q: %w", c.ExecID, c.Cancels, ErrExecutionNotFound)
	}
	was, err := p.tradeAt(cmd, seq)
	if err != nil {
		return nil, err
	}
	if a := p.draft.fold.Cancel(c, was, seq); a != nil {
		return a, nil
	}
	// Nothing is left to cancel: it may be the cancellation that did so, which no append would
	// tell.
	own := ledger.KeyOf(c)
	if err := cmd.lookUpAll(own); err != nil {
		return nil, err
	}
	if seq, dup := p.seen(cmd, own); dup {
		return nil, p.same(cmd, c, seq)
	}
	return nil, nil
}

// payloadAt returns the payload of one entry, which may still be in the draft.
func (p *Portfolio) payloadAt(cmd *command, seq int64) (any, error) {
	if first := p.live.seq + 1; seq >= first {
		return p.draft.payloads[seq-first], nil
	}
	return cmd.readEntry(seq)
}

// factAt returns the payload of one entry about a fact.
func (p *Portfolio) factAt(cmd *command, seq int64) (ledger.Payload, error) {
	found, err := p.payloadAt(cmd, seq)
	if err != nil {
		return nil, err
	}
	if f, ok := found.(ledger.Payload); ok {
		return f, nil
	}
	return nil, &CorruptError{ProfileID: p.id, Seq: seq, Reason: "holds no fact under a fact's key"}
}

// tradeAt returns the trade of one entry.
func (p *Portfolio) tradeAt(cmd *command, seq int64) (*ledger.Trade, error) {
	found, err := p.payloadAt(cmd, seq)
	if err != nil {
		return nil, err
	}
	switch f := found.(type) {
	case *ledger.Trade:
		return f, nil
	case *ledger.Amendment:
		if f.Trade != nil {
			return f.Trade, nil
		}
	}
	return nil, &CorruptError{ProfileID: p.id, Seq: seq, Reason: "holds no trade under a trade's key"}
}
