package accounts

import (
	"context"
	"errors"
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
	buffer    []byte // the payloads' bytes
	scratch   []byte
	restated  int64 // how many of the entries are restatements
}

func newDraft(f *fold) *draft { return &draft{fold: f, scratch: make([]byte, 0, 2048)} }

// reset starts over from a copy of the live fold.
func (d *draft) reset(f *fold) {
	d.fold = f
	d.clear()
}

// clear drops the entries, and keeps the buffers.
func (d *draft) clear() {
	clear(d.entries)
	clear(d.payloads)
	d.entries, d.payloads, d.positions, d.buffer = d.entries[:0], d.payloads[:0], d.positions[:0], d.buffer[:0]
	d.keys, d.restated = nil, 0
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

// batch returns the batch that the store is to append.
func (d *draft) batch(id ProfileID) Batch {
	d.positions = d.fold.Changed(d.positions[:0], d.payloads)
	first := &d.entries[0]
	return Batch{ProfileID: id, After: first.Seq - 1, Hash: first.Prev, Entries: d.entries, Positions: d.positions}
}

// recordFacts adds the entries that one command's facts make, and returns how many facts were new.
func (p *Portfolio) recordFacts(ctx context.Context, list []ledger.Payload, known map[string]int64) (int, error) {
	d := p.draft
	if d.keys == nil && len(list) > 1 {
		d.keys = make(map[string]int64, len(list))
	}
	added, amended, pointed, looked := 0, false, false, false
	for _, f := range knownFirst(list, known) {
		if amended && !fills(f) {
			// Whether it fits shows in the book as the amendments leave it.
			if err := p.restateDraft(ctx); err != nil {
				return added, err
			}
			amended = false
		}
		next, err := p.place(ctx, f, known)
		if err != nil {
			return added, err
		}
		if next == nil {
			continue
		}
		if _, late := next.(*ledger.Amendment); late && !looked {
			looked = true
			if err := p.requireNew(ctx, list, known); err != nil {
				return added, err
			}
		}
		if m, ok := next.(*ledger.CashMovement); ok && m.Kind.IsCapital() && !pointed {
			if err := p.writePointBefore(known); err != nil {
				return added, err
			}
			pointed = true
		}
		if _, ok := next.(*ledger.Amendment); ok {
			amended = true
		}
		if err := d.add(next); err != nil {
			return added, err
		}
		added++
	}
	if amended {
		return added, p.restateDraft(ctx)
	}
	return added, nil
}

// writePointBefore writes an equity point before a deposit or withdrawal, if the profile has equity
// points and its equity is known. It separates earlier gains and losses from the movement.
func (p *Portfolio) writePointBefore(known map[string]int64) error {
	d := p.draft
	if !d.fold.HasPoints() {
		return nil
	}
	p.mu.RLock()
	t := d.fold.Totals(p.prices)
	p.mu.RUnlock()
	point := t.Point(d.now)
	if _, dup := p.seen(ledger.KeyOf(&point), known); dup || !t.Complete() {
		return nil
	}
	return d.add(&point)
}

// knownFirst puts facts whose key the journal has in front. Corrections among them take their place
// by time wherever they stand, and other facts may fit the book only after them.
func knownFirst(list []ledger.Payload, known map[string]int64) []ledger.Payload {
	if len(known) == 0 {
		return list
	}
	ordered := make([]ledger.Payload, 0, len(list))
	for _, first := range []bool{true, false} {
		for _, f := range list {
			if _, dup := known[ledger.KeyOf(f)]; dup == first {
				ordered = append(ordered, f)
			}
		}
	}
	return ordered
}

// fills reports whether every book accepts the fact, whatever the positions.
func fills(f ledger.Payload) bool {
	switch f.(type) {
	case *ledger.Split, *ledger.Opening:
		return false
	}
	return true
}

// restateDraft writes the restatement for the draft's amendments.
func (p *Portfolio) restateDraft(ctx context.Context) error {
	after, err := p.refoldAll(ctx)
	if err != nil {
		return err
	}
	p.draft.restated++
	return p.draft.add(ledger.Diff(p.draft.fold.Book, after))
}

// seen returns the number of the entry with the key in the journal or the draft.
func (p *Portfolio) seen(key string, known map[string]int64) (int64, bool) {
	if seq, ok := known[key]; ok {
		return seq, true
	}
	seq, ok := p.draft.keys[key]
	return seq, ok
}

// place returns the payload that a fact becomes: itself, an amendment of history, or nil if the
// journal has it.
func (p *Portfolio) place(ctx context.Context, f ledger.Payload, known map[string]int64) (ledger.Payload, error) {
	seq, dup := p.seen(ledger.KeyOf(f), known)
	switch f := f.(type) {
	case *ledger.Trade:
		if dup {
			return p.correct(ctx, f, seq, known)
		}
	case *ledger.CashMovement:
		if dup {
			return nil, p.sameCash(ctx, f, seq)
		}
	case *ledger.Cancellation:
		if !dup {
			return p.cancel(ctx, f)
		}
	}
	if dup {
		return nil, nil
	}
	return p.draft.fold.Place(f, p.draft.fold.seq+1)
}

// sameCash returns ErrIDReused unless entry seq is the same movement.
func (p *Portfolio) sameCash(ctx context.Context, m *ledger.CashMovement, seq int64) error {
	f, err := p.payloadAt(ctx, seq)
	if err != nil {
		return err
	}
	if was, ok := f.(*ledger.CashMovement); !ok || was.Currency != m.Currency || !was.Amount.Equal(m.Amount) {
		return fmt.Errorf("cash movement %q of %s %s: %w, entry %d", m.ID, m.Amount, m.Currency, ErrIDReused, seq)
	}
	return nil
}

// errKnown says that the journal has facts that the command did not know of: look them up, and
// decide again.
var errKnown = errors.New("the journal has some of the facts")

// requireNew returns errKnown if the journal has facts that the command did not know of. It runs
// before an amendment, which reads the whole journal: a fact that was recorded long ago looks late
// when it comes again.
func (p *Portfolio) requireNew(ctx context.Context, list []ledger.Payload, known map[string]int64) error {
	found, err := p.lookUp(ctx, list, known)
	if err == nil && len(found) > 0 {
		err = errKnown
	}
	return err
}

// lookUp finds those of the facts' keys that the journal has and the command did not know of.
func (p *Portfolio) lookUp(
	ctx context.Context, list []ledger.Payload, known map[string]int64,
) (map[string]int64, error) {
	var wanted []string
	for _, f := range list {
		key := ledger.KeyOf(f)
		if _, noticed := known[key]; !noticed && key != "" {
			wanted = append(wanted, key)
		}
	}
	if len(wanted) == 0 {
		return nil, nil
	}
	slices.Sort(wanted)
	return p.find(ctx, slices.Compact(wanted)...)
}

// errBehind says that the journal has more than the live book: catch up, and decide again.
var errBehind = errors.New("the journal has moved on")

// find returns the numbers of the journal's entries with the keys, each of which is given once. It
// looks no further than the live book has come: it returns errBehind if the journal has more
// entries and not all keys were found.
func (p *Portfolio) find(ctx context.Context, keys ...string) (map[string]int64, error) {
	found, err := p.store.Lookup(ctx, p.id, keys)
	if err != nil {
		return nil, err
	}
	last := int64(0)
	for _, seq := range found {
		last = max(last, seq)
	}
	if len(found) == len(keys) && last <= p.live.seq {
		return found, nil
	}
	if err := p.current(ctx); err != nil { // another process may have written what is missing
		return nil, err
	}
	if last > p.live.seq { // catching up would not bring it
		return nil, &CorruptError{ProfileID: p.id, Seq: last, Reason: "has a key, and lies behind the journal's end"}
	}
	return found, nil
}

// correct decides about a trade whose execution is in the journal as entry seq. A higher correction
// number replaces the execution; anything else is the same fill again.
func (p *Portfolio) correct(
	ctx context.Context, t *ledger.Trade, seq int64, known map[string]int64,
) (ledger.Payload, error) {
	was, err := p.tradeAt(ctx, seq)
	if err != nil {
		return nil, err
	}
	if was.ExecID == t.ExecID && (was.Contract() != t.Contract() || !was.Quantity.Equal(t.Quantity)) {
		return nil, fmt.Errorf("trade %q of %s %s: %w, entry %d", t.ExecID, t.Quantity, t.Contract(), ErrIDReused, seq)
	}
	a, err := p.draft.fold.Correct(t, was, seq)
	if a == nil || err != nil {
		return nil, err
	}
	if _, dup := p.seen(ledger.KeyOf(a), known); dup {
		return nil, nil
	}
	return a, nil
}

// cancel finds the execution that a cancellation takes back, and returns the amendment.
func (p *Portfolio) cancel(ctx context.Context, c *ledger.Cancellation) (ledger.Payload, error) {
	key := ledger.ExecutionKey(c.Cancels)
	seq, ok := p.draft.keys[key]
	if !ok {
		found, err := p.find(ctx, key)
		if err != nil {
			return nil, err
		}
		seq, ok = found[key]
	}
	if !ok {
		return nil, fmt.Errorf("cancellation %q of %q: %w", c.ExecID, c.Cancels, ErrExecutionNotFound)
	}
	was, err := p.tradeAt(ctx, seq)
	if err != nil {
		return nil, err
	}
	if a := p.draft.fold.Cancel(c, was, seq); a != nil {
		return a, nil
	}
	return nil, nil
}

// payloadAt returns the payload of one entry, which may still be in the draft.
func (p *Portfolio) payloadAt(ctx context.Context, seq int64) (any, error) {
	if first := p.live.seq + 1; seq >= first {
		return p.draft.payloads[seq-first], nil
	}
	for e, err := range p.store.Entries(ctx, p.id, seq-1) {
		if err != nil {
			return nil, err
		}
		return e.Decode()
	}
	return nil, &CorruptError{ProfileID: p.id, Seq: seq, Reason: "missing"}
}

// tradeAt returns the trade of one entry.
func (p *Portfolio) tradeAt(ctx context.Context, seq int64) (*ledger.Trade, error) {
	found, err := p.payloadAt(ctx, seq)
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

// refoldAll folds the whole journal and the draft again, with every change in its place.
func (p *Portfolio) refoldAll(ctx context.Context) (*ledger.Book, error) {
	r := ledger.NewRefold(p.base, p.draft.fold.Amendments(), nil)
	return refoldEntries(r, p.id, p.store.Entries(ctx, p.id, 0), p.live.seq, p.draft.payloads)
}
