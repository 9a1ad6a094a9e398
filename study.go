package accounts

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/ai-ots/accounts/internal/exposure"
	"github.com/ai-ots/accounts/ledger"
)

// studies are what was read from the journal for one command, beyond what the book holds. A command
// that needs more says so while it is decided, and is set aside; its caller reads what is needed
// and gets in line again. What was read is kept over all tries.
type studies struct {
	wanted []string         // keys to look up
	looked map[string]int64 // what was looked up or learned: the entry's number, 0 where the journal had none
	upTo   int64            // the highest of these numbers

	unread []int64       // entries to read
	read   map[int64]any // their payloads

	request   []placedFact // what the next history is to contain beyond the journal
	histories []*history   // one for each restatement of the command
	used      int          // how many of them the present run has used
	front     bool         // it needs a history, and must be the first on the draft

	doubt   bool // the command's answer is no, by what the book says: it must not be outdated
	checked bool // whether the book was, was looked up after the keys were
	behind  bool // it was

	rounds int // how often the command was set aside
	redone int // how often a history was of no use, because others had changed history meanwhile
}

// lockAfter is the number of histories in vain after which a command takes the journal's lock.
const lockAfter = 3

// errUnstudied says that a command cannot be decided before its studies are complete.
var errUnstudied = errors.New("more of the journal must be read")

// found returns the number of the entry with the key, if it was looked up or learned.
func (s *studies) found(key string) (int64, bool) {
	if s == nil {
		return 0, false
	}
	seq := s.looked[key]
	return seq, seq > 0
}

// ahead reports whether the studies know of entries that a book up to entry seq lacks.
func (s *studies) ahead(seq int64) bool {
	if s == nil {
		return false
	}
	ahead := s.behind || s.upTo > seq
	s.behind = false
	return ahead
}

// first reports whether the command must be the first of its group.
func (s *studies) first() bool { return s != nil && (s.front || len(s.histories) > 0) }

// locks reports whether the command is to be decided under the journal's lock.
func (s *studies) locks() bool { return s != nil && s.redone >= lockAfter }

// begin prepares for a run. It returns a *CorruptError if an entry was found that the journal does
// not reach.
func (s *studies) begin(p *Portfolio) error {
	s.used = 0
	if s.upTo > p.live.seq {
		return &CorruptError{ProfileID: p.id, Seq: s.upTo, Reason: "has a key, and lies behind the journal's end"}
	}
	return nil
}

// study returns the command's studies.
func (cmd *command) study() *studies {
	if cmd.studies == nil {
		cmd.studies = &studies{looked: map[string]int64{}, read: map[int64]any{}}
	}
	return cmd.studies
}

// lookUp returns errUnstudied until the key was looked up. The command is of use only if the
// journal has it.
func (cmd *command) lookUp(key string) error {
	cmd.study().doubt = true
	return cmd.lookUpAll(append(cmd.keys(), key)...)
}

// lookUpAll returns errUnstudied until the keys were looked up.
func (cmd *command) lookUpAll(keys ...string) error {
	s := cmd.study()
	for _, key := range keys {
		if _, looked := s.looked[key]; !looked && key != "" {
			s.wanted = append(s.wanted, key)
		}
	}
	if len(s.wanted) > 0 {
		return errUnstudied
	}
	return nil
}

// lookUpFacts returns errUnstudied until the keys of all of the command's facts were looked up, in
// one query.
func (cmd *command) lookUpFacts() error { return cmd.lookUpAll(cmd.keys()...) }

// keys returns the keys of the command's facts, and of the executions that they cancel.
func (cmd *command) keys() []string {
	keys := make([]string, 0, len(cmd.facts))
	for _, f := range cmd.facts {
		keys = append(keys, ledger.KeyOf(f))
		if c, cancels := f.(*ledger.Cancellation); cancels {
			keys = append(keys, ledger.ExecutionKey(c.Cancels))
		}
	}
	return keys
}

// readEntry returns the payload of an entry of the journal, or errUnstudied until it was read.
func (cmd *command) readEntry(seq int64) (any, error) {
	s := cmd.study()
	if payload, read := s.read[seq]; read {
		return payload, nil
	}
	s.unread = append(s.unread, seq)
	return nil, errUnstudied
}

// must reports whether the command failed only because it must know more of the journal. No command
// is answered with an error before it is sure that the book was not outdated, and that the journal
// does not have the command's facts already.
func (cmd *command) must(err error) bool {
	if errors.Is(err, errUnstudied) {
		return true
	}
	if errors.Is(err, ErrCorrupt) {
		return false
	}
	s := cmd.study()
	s.doubt = true
	return cmd.lookUpFacts() != nil || !s.checked
}

// park sets a command aside until its studies are complete.
func (p *Portfolio) park(cmd *command) {
	cmd.parked = true
	s := cmd.study()
	for key, seq := range p.draft.known {
		s.looked[key] = seq
		s.upTo = max(s.upTo, seq)
	}
	s.rounds++
}

// study reads what the command asked for. The caller does so, or the leader under the journal's
// lock.
func (p *Portfolio) study(ctx context.Context, cmd *command) error {
	s := cmd.studies
	if s == nil {
		return nil
	}
	if s.rounds > 4*(len(cmd.facts)+maxTries) {
		return fmt.Errorf("%w: gave up after %d rounds", ErrConflict, s.rounds)
	}
	if len(s.wanted) > 0 {
		found, err := p.store.Lookup(ctx, p.id, s.wanted)
		if err != nil {
			return err
		}
		for _, key := range s.wanted {
			s.looked[key] = found[key]
			s.upTo = max(s.upTo, found[key])
		}
		s.wanted = nil
	}
	if s.doubt && !s.checked {
		for _, err := range p.store.Entries(ctx, p.id, p.visible.Load()) {
			if err != nil {
				return err
			}
			s.behind = true
			break
		}
		s.checked = true
	}
	if err := p.readEntries(ctx, cmd); err != nil {
		return err
	}
	if s.request == nil {
		return nil
	}
	h, err := p.workOut(ctx, s.request)
	if err != nil {
		return err
	}
	s.request, s.histories = nil, append(s.histories, h)
	return nil
}

// nearby is the distance up to which two entries are read in one go.
const nearby = 64

// readEntries reads the entries that the command asked for, together with those that its other
// facts will ask for: where one fact is known, most are.
func (p *Portfolio) readEntries(ctx context.Context, cmd *command) error {
	s := cmd.studies
	if len(s.unread) == 0 {
		return nil
	}
	for _, key := range cmd.keys() {
		if seq, known := s.found(key); known {
			s.unread = append(s.unread, seq)
		}
	}
	slices.Sort(s.unread)
	for rest := slices.Compact(s.unread); len(rest) > 0; {
		n := 1
		for n < len(rest) && rest[n]-rest[n-1] <= nearby {
			n++
		}
		if err := p.readRun(ctx, s, rest[:n]); err != nil {
			return err
		}
		rest = rest[n:]
	}
	s.unread = nil
	return nil
}

// readRun reads entries that are near each other, in one go.
func (p *Portfolio) readRun(ctx context.Context, s *studies, seqs []int64) error {
	for e, err := range p.store.Entries(ctx, p.id, seqs[0]-1) {
		if err != nil {
			return err
		}
		if e.Seq != seqs[0] {
			continue
		}
		payload, err := e.Decode()
		if err != nil {
			return err
		}
		s.read[e.Seq] = payload
		if seqs = seqs[1:]; len(seqs) == 0 {
			return nil
		}
	}
	return &CorruptError{ProfileID: p.id, Seq: seqs[0], Reason: "missing"}
}

// placedFact is a fact, or an amendment, of a command that is being decided. Its place is not known
// before it is appended, and counts from own on.
type placedFact struct {
	place   int64
	payload ledger.Payload
}

// own is a place behind every entry of a journal.
const own = int64(1) << 62

// history is the account of a journal and of a command's own facts behind it, folded in their
// effective order. It is worked out beside the queue, and then follows what others append to the
// journal.
type history struct {
	facts   []placedFact
	account *exposure.Account // nil until it is worked out
	span    int64             // how many entries of the journal it was worked out from
	// tail is what was folded into the live book since; the leader alone touches it. It is not kept
	// beyond maxTail, and lost then says so.
	tail []decoded
	lost bool
}

// maxTail bounds the memory for entries that a history is to follow.
const maxTail = 4096

// tell notes an entry that was folded into the live book.
func (h *history) tell(p payload, seq int64) {
	switch {
	case h.lost:
		return
	case len(h.tail) == maxTail:
		h.tail, h.lost = nil, true
		return
	}
	if t, trade := p.(*ledger.Trade); trade { // its memory is the recording command's, to be used again
		kept := *t
		p = &kept
	}
	h.tail = append(h.tail, decoded{p, seq})
}

// answers reports whether the history is that of the facts.
func (h *history) answers(facts []placedFact) bool {
	return slices.EqualFunc(h.facts, facts, func(a, b placedFact) bool {
		return a.place == b.place && ledger.KindOf(a.payload) == ledger.KindOf(b.payload) &&
			ledger.KeyOf(a.payload) == ledger.KeyOf(b.payload)
	})
}

// follow folds in what others have appended. It reports false if that changes history.
func (h *history) follow() bool {
	for _, e := range h.tail {
		if h.lost || !h.account.Follow(e.payload, e.seq) {
			return false
		}
	}
	h.tail = h.tail[:0]
	return !h.lost
}

// restated returns the account that the draft's amendments lead to, or errUnstudied until that was
// worked out.
func (p *Portfolio) restated(cmd *command) (*exposure.Account, error) {
	s := cmd.study()
	if p.draft.start > 0 { // the command shares the draft with others, whose entries may be refused
		s.front = true
		return nil, errUnstudied
	}
	facts := p.draft.facts(p.live.seq)
	if s.used < len(s.histories) {
		if h := s.histories[s.used]; h.answers(facts) && h.follow() {
			s.used++
			p.draft.span = max(p.draft.span, h.span)
			return h.account, nil
		}
		p.unfollow(s.histories[s.used:])
		s.histories = s.histories[:s.used]
		s.redone++
	}
	s.request = facts
	return nil, errUnstudied
}

// facts returns the draft's facts and amendments. last is the journal's last entry.
func (d *draft) facts(last int64) []placedFact {
	var out []placedFact
	at := map[int64]int64{} // entries of the draft, and their places
	for i, p := range d.payloads {
		place := own + int64(len(out))
		switch f := p.(type) {
		case *ledger.Trade, *ledger.Split, *ledger.Opening, *ledger.Transfer, *ledger.CashMovement:
			out = append(out, placedFact{place, f.(ledger.Payload)})
			at[d.entries[i].Seq] = place
		case *ledger.Amendment:
			at[d.entries[i].Seq] = place
			moved := *f
			if moved.Place > last {
				moved.Place = at[moved.Place]
			}
			out = append(out, placedFact{place, &moved})
		}
	}
	return out
}

// workOut works the history of the journal and the facts out. It goes on from the newest checkpoint
// to which no change of history reaches back, so that its cost is in proportion to what lies behind
// the facts.
func (p *Portfolio) workOut(ctx context.Context, facts []placedFact) (*history, error) {
	h := &history{facts: facts}
	p.mu.Lock()
	upTo, changes := p.live.seq, p.live.Amendments()
	p.following = append(p.following, h)
	p.mu.Unlock()
	done := false
	defer func() {
		if !done {
			p.unfollow([]*history{h})
		}
	}()
	oldest := upTo
	for _, f := range facts {
		if a, ok := f.payload.(*ledger.Amendment); ok {
			changes[a.Place] = *a
			oldest = min(oldest, a.Place-1)
		}
	}
	r, from, err := p.refoldFrom(ctx, oldest, changes)
	if err != nil {
		return nil, err
	}
	if err := p.refoldTail(ctx, r, from, upTo); err != nil {
		return nil, err
	}
	for _, f := range facts {
		r.Add(f.place, f.payload)
	}
	h.account, h.span, done = r.Finish(), upTo-from.Seq, true
	return h, nil
}

// refoldFrom returns the refold that goes on from the newest checkpoint at or before entry upTo to
// which no change reaches back, and that checkpoint; from nothing if there is none.
func (p *Portfolio) refoldFrom(
	ctx context.Context, upTo int64, changes map[int64]ledger.Amendment,
) (*exposure.Refold, Checkpoint, error) {
	for range MaxSlot + 1 {
		if upTo < 1 {
			break
		}
		c, err := p.store.Checkpoint(ctx, p.id, upTo)
		if errors.Is(err, ErrNoCheckpoint) {
			break
		}
		if err != nil {
			return nil, Checkpoint{}, err
		}
		if f, ok := foldFrom(c, p.id, p.base); ok {
			if r, ok := exposure.ResumeRefold(f.Account, c.Seq, changes); ok {
				return r, c, nil
			}
		}
		upTo = c.Seq - 1
	}
	r, _ := exposure.ResumeRefold(exposure.NewAccount(p.base), 0, changes)
	return r, Checkpoint{}, nil
}

// refoldTail adds the journal's entries behind the checkpoint, up to and including entry upTo. It
// returns a *CorruptError if the journal lacks the checkpoint's entry.
func (p *Portfolio) refoldTail(ctx context.Context, r refold, from Checkpoint, upTo int64) error {
	var failed error
	err := refoldEntries(r, p.id, from.Seq, upTo, func(yield func(Entry, error) bool) {
		failed = p.behind(ctx, from, func(e Entry) bool { return yield(e, nil) })
	})
	if failed != nil {
		return failed
	}
	return err
}

// unfollow ends what histories are told.
func (p *Portfolio) unfollow(list []*history) {
	p.mu.Lock()
	p.following = slices.DeleteFunc(p.following, func(h *history) bool { return slices.Contains(list, h) })
	p.mu.Unlock()
}

// forget ends what the command's histories are told.
func (p *Portfolio) forget(cmd *command) {
	if cmd.studies != nil && len(cmd.studies.histories) > 0 {
		p.unfollow(cmd.studies.histories)
	}
}
