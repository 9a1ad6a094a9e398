package memstore

import (
	"sync"

	"github.com/ai-ots/accounts"
)

// blockSize is how many entries are kept in one piece. Entries never move, so that a reader can
// go on without the lock and a long journal is not copied as it grows.
const blockSize = 16

type block [blockSize]accounts.Entry

// journal is the journal of one profile.
type journal struct {
	id    accounts.ProfileID
	owner accounts.OwnerID // never changes, so events need no look at the profile

	mu       sync.Mutex
	last     int64            // the last sequence number
	blocks   []*block         // entry n is at n-1; what is there is never changed
	keys     map[string]int64 // the sequence number of each non-empty key
	payloads arena
	held     chan struct{} // closed when AppendLocked lets go; nil while nobody holds the journal
	// checkpoints has one for each slot; each is replaced as a whole, so that readers may keep it.
	checkpoints map[int]*accounts.Checkpoint
}

func newJournal(id accounts.ProfileID, owner accounts.OwnerID) *journal {
	return &journal{id: id, owner: owner, keys: make(map[string]int64)}
}

// add keeps a copy of e as the next entry. The caller holds the lock and has checked it.
func (j *journal) add(e accounts.Entry) {
	at := j.last % blockSize
	if at == 0 {
		j.blocks = append(j.blocks, new(block))
	}
	e.Payload = j.payloads.copy(e.Payload)
	e.Time = stored(e.Time)
	e.ProfileID = j.id // equal, but keeps nothing else of the caller's alive
	j.blocks[len(j.blocks)-1][at] = e
	j.last++
	if e.Key != "" {
		j.keys[e.Key] = j.last
	}
}

// head returns the last entry's hash, zero for an empty journal. The caller holds the lock.
func (j *journal) head() accounts.Hash {
	if j.last == 0 {
		return accounts.Hash{}
	}
	return j.blocks[len(j.blocks)-1][(j.last-1)%blockSize].Hash
}

// snapshot returns the entries as they are now. They may be read without the lock, up to last.
func (j *journal) snapshot() (blocks []*block, last int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.blocks, j.last
}

// arena keeps many small payloads in few allocations.
type arena struct{ free []byte }

const (
	arenaMin = 1 << 10
	arenaMax = 64 << 10
)

// copy returns a copy of b that nothing else refers to. Chunks grow with what was copied already,
// so that a short journal stays small.
func (a *arena) copy(b []byte) []byte {
	if len(b) > cap(a.free)-len(a.free) {
		if len(b) > arenaMax/4 { // a chunk of its own; the one in use goes on
			return append([]byte(nil), b...)
		}
		a.free = make([]byte, 0, max(arenaMin, len(b), min(2*cap(a.free), arenaMax)))
	}
	from := len(a.free)
	a.free = append(a.free, b...)
	return a.free[from:len(a.free):len(a.free)]
}
