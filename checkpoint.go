package accounts

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math/bits"
	"sync/atomic"

	"github.com/ai-ots/accounts/internal/exposure"
	"github.com/ai-ots/accounts/internal/wire"
	"github.com/ai-ots/accounts/ledger"
)

// SaveCheckpoint stores the book as it stands, so that opening the portfolio is quick. The
// portfolio does so by itself after about a thousand entries. It saves nothing for an empty
// journal. Its error is the store's. Commands go on meanwhile.
func (p *Portfolio) SaveCheckpoint(ctx context.Context) error {
	c, err := p.copyLive().checkpoint()
	if err != nil || c.Seq == 0 {
		return err
	}
	c.Slot = slotOf(p.kept.Load(), c.Seq)
	if err := p.store.SaveCheckpoint(ctx, c); err != nil {
		p.counters.checkpointFailures.Add(1)
		return fmt.Errorf("save checkpoint of profile %q: %w", p.id, err)
	}
	raise(&p.kept, c.Seq)
	p.counters.checkpoints.Add(1)
	return nil
}

// raise sets the number to n, if n is higher.
func raise(number *atomic.Int64, n int64) {
	for was := number.Load(); n > was && !number.CompareAndSwap(was, n); was = number.Load() {
	}
}

// checkpointEvery is the number of entries after which a checkpoint is saved; a large book waits
// for more.
const checkpointEvery = 1024

// checkpointDue reports whether the leader whose command this is should save a checkpoint: enough
// entries have come since the last time, or a restatement had to go back much further than that:
// what it changed lies behind the checkpoints that are newer, and the next would have to go as far.
// The kill switch, releases and dispatches save none, nor does a caller who waits no longer: the
// next leader does.
func (p *Portfolio) checkpointDue(cmd *command) bool {
	switch cmd.task.(type) {
	case *changing, *releasing, *dispatching:
		return false
	}
	since, span := p.live.seq-p.saved.Load(), p.far.Load()
	if since < checkpointEvery && span < 4*checkpointEvery { // nearly always: the book's size takes time
		return false
	}
	far := max(checkpointEvery, 4*int64(p.live.Size()))
	due := since >= far || span >= 4*far
	return due && p.live.seq >= p.resave.Load() && cmd.ctx.Err() == nil && p.saving.CompareAndSwap(false, true)
}

// resaveAfter is the number of entries after which saving is tried again that its caller could not
// wait for: a store that does not answer must not cost every caller the rest of its time.
const resaveAfter = 64

// saveCheckpoint saves the live book. The caller has led, and does so in its own time: others
// append meanwhile. A failure is no failure of the command, which is durable: it is reported as an
// event, and saving is tried again later. Where the caller's context ends, another leader tries
// soon.
func (p *Portfolio) saveCheckpoint(ctx context.Context) {
	defer p.saving.Store(false)
	before, far := p.saved.Swap(p.visible.Load()), p.far.Swap(0)
	err := p.SaveCheckpoint(ctx)
	switch {
	case err == nil:
	case ctx.Err() != nil:
		p.saved.Store(before)
		raise(&p.far, far)
		p.resave.Store(p.visible.Load() + resaveAfter)
	default:
		p.notSaved(ctx, err)
		p.emit(Event{Kind: EventCheckpointFailed, ProfileID: p.id, Owner: p.owner, Seq: p.visible.Load(),
			Time: wire.Time(p.clock()), Err: err})
	}
}

// slotOf returns the slot of a checkpoint at entry seq, where the one before is at entry before:
// the exponent of the highest power of two whose multiple, in steps of checkpointEvery, lies
// between them. The newest of every slot remain, at distances behind the journal's end that double,
// however far apart checkpoints are saved. A late fact thus finds one that is not much older than
// the fact.
func slotOf(before, seq int64) int {
	crossed := uint64(before/checkpointEvery) ^ uint64(seq/checkpointEvery)
	return min(max(bits.Len64(crossed)-1, 0), MaxSlot)
}

// checkpointVersion is the version of a checkpoint's state. A checkpoint of another version is not
// used: the journal is folded from the beginning.
const checkpointVersion = 5

// foldRecord is the state of a fold in a checkpoint.
type foldRecord struct {
	Version int `json:"v"`
	exposure.Record
}

// checkpoint returns the fold in the form that a store keeps: a SHA-256 over profile, sequence
// number, hash and state, and then the state.
func (f *fold) checkpoint() (Checkpoint, error) {
	data, err := json.Marshal(foldRecord{checkpointVersion, f.Account.Record()})
	if err != nil {
		return Checkpoint{}, fmt.Errorf("checkpoint of profile %q: %w", f.profile, err)
	}
	c := Checkpoint{ProfileID: f.profile, Seq: f.seq, Hash: f.hash}
	sum := c.sum(data)
	c.State = append(sum[:], data...)
	return c, nil
}

// sound reports whether the checkpoint is the profile's and whole. A sound one may still be of a
// version that cannot be used.
func (c *Checkpoint) sound(id ProfileID) bool {
	return c.ProfileID == id && c.Seq > 0 && len(c.State) >= sha256.Size &&
		c.sum(c.State[sha256.Size:]) == Hash(c.State[:sha256.Size])
}

// missing returns the error for a journal that lacks the checkpoint's entry.
func (c *Checkpoint) missing() error {
	return &CorruptError{ProfileID: c.ProfileID, Seq: c.Seq,
		Reason: "the journal lacks this entry, of which there is a checkpoint"}
}

// foldFrom returns the fold that a checkpoint holds; false if the checkpoint cannot be used.
func foldFrom(c Checkpoint, id ProfileID, base ledger.Currency) (f *fold, ok bool) {
	if !c.sound(id) {
		return nil, false
	}
	var r foldRecord
	dec := json.NewDecoder(bytes.NewReader(c.State[sha256.Size:]))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&r); err != nil || r.Version != checkpointVersion || r.Base != base {
		return nil, false
	}
	a, err := r.Account()
	if err != nil {
		return nil, false
	}
	return &fold{Account: a, profile: id, seq: c.Seq, hash: c.Hash}, true
}

// sum returns the SHA-256 with which a checkpoint's state begins.
func (c *Checkpoint) sum(state []byte) Hash {
	b := append([]byte(c.ProfileID), 0)
	b = binary.BigEndian.AppendUint64(b, uint64(c.Seq))
	b = append(b, c.Hash[:]...)
	return sha256.Sum256(append(b, state...))
}
