package storetest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ai-ots/accounts"
)

// renumber numbers the entries behind last, whatever their numbers were.
func renumber(b *accounts.Batch, last int64) {
	b.After = last
	for i := range b.Entries {
		b.Entries[i].Seq = last + 1 + int64(i)
	}
}

// rechain chains the entries behind hash, whatever they continued.
func rechain(b *accounts.Batch, hash accounts.Hash) {
	b.Hash = hash
	for i := range b.Entries {
		b.Entries[i].Prev = hash
		hash = b.Entries[i].Hash
	}
}

// acceptsForks appends behind whatever entry has the number.
func acceptsForks(s accounts.Store) *broken {
	return eachBatch(s, func(b *accounts.Batch) {
		if end := endOf(context.Background(), s, b.ProfileID); b.Check() == nil && end.last == b.After {
			rechain(b, end.hash)
		}
	})
}

// acceptsStale appends wherever the journal ends.
func acceptsStale(s accounts.Store) *broken {
	var mu sync.Mutex
	return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error {
		mu.Lock()
		defer mu.Unlock()
		b.Entries = cloneEntries(b.Entries)
		end := endOf(ctx, s, b.ProfileID)
		renumber(&b, end.last)
		rechain(&b, end.hash)
		return s.Append(ctx, b)
	}}
}

// appendsOneByOne leaves the first entries of a batch behind when a later one is refused.
func appendsOneByOne(s accounts.Store) *broken {
	return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error {
		for i, e := range b.Entries {
			err := s.Append(ctx, accounts.Batch{ProfileID: b.ProfileID, After: b.After + int64(i), Hash: e.Prev, Entries: []accounts.Entry{e}})
			if err != nil {
				return err
			}
		}
		return nil
	}}
}

// sharesKeys has one index of keys for all profiles.
func sharesKeys(s accounts.Store) *broken {
	var mu sync.Mutex
	owner := map[string]accounts.ProfileID{}
	return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error {
		mu.Lock()
		defer mu.Unlock()
		for _, e := range b.Entries {
			if id, taken := owner[e.Key]; taken && id != b.ProfileID && e.Key != "" {
				return &accounts.DuplicateError{ProfileID: b.ProfileID, Duplicates: []accounts.Duplicate{{Key: e.Key, Seq: e.Seq}}}
			}
			owner[e.Key] = b.ProfileID
		}
		return s.Append(ctx, b)
	}}
}

func appendMutants() []mutant { return slices.Concat(batchMutants(), keyMutants()) }

const (
	staleEmpty = "Append of an empty batch is refused where the journal ends elsewhere"
	linear     = "calls on one profile's journal are linearizable"
)

// emptyBatch breaks Append of a batch without entries.
func emptyBatch(f func(context.Context, accounts.Store, accounts.Batch) error) func(accounts.Store) *broken {
	return func(s accounts.Store) *broken {
		return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error {
			if len(b.Entries) == 0 {
				return f(ctx, s, b)
			}
			return s.Append(ctx, b)
		}}
	}
}

// tellsOfEmptyBatches has its own event for a batch without entries.
func tellsOfEmptyBatches(s accounts.Store) *broken {
	var seq atomic.Int64 // of the last one
	b := piping(true, func(e accounts.Event, send func(accounts.Event)) {
		if seq := seq.Swap(0); seq > 0 {
			send(recordEvent(profile("p"), seq))
		}
		send(e)
	})(s)
	b.append = func(ctx context.Context, batch accounts.Batch) error {
		err := s.Append(ctx, batch)
		if len(batch.Entries) == 0 && err == nil {
			seq.Store(batch.After)
		}
		return err
	}
	return b
}

func batchMutants() []mutant {
	return []mutant{
		{name: "re-encodes payloads", caught: one("Append keeps what it accepted, byte for byte"), breaks: func(s accounts.Store) *broken {
			return eachBatch(s, func(b *accounts.Batch) {
				for i := range b.Entries {
					var compact bytes.Buffer
					if json.Compact(&compact, b.Entries[i].Payload) == nil {
						b.Entries[i].Payload = compact.Bytes()
					}
				}
			})
		}},
		{name: "accepts every empty batch", caught: []string{staleEmpty, linear}, breaks: emptyBatch(func(ctx context.Context, s accounts.Store, b accounts.Batch) error {
			return swallow(s.Append(ctx, b), accounts.ErrConflict)
		})},
		{name: "accepts an empty batch for no profile", caught: one(staleEmpty), breaks: emptyBatch(func(ctx context.Context, s accounts.Store, b accounts.Batch) error {
			return swallow(s.Append(ctx, b), accounts.ErrProfileNotFound)
		})},
		{name: "looks at the number of an empty batch alone", caught: one(staleEmpty), breaks: emptyBatch(func(ctx context.Context, s accounts.Store, b accounts.Batch) error {
			if end := endOf(ctx, s, b.ProfileID); end.last == b.After {
				b.Hash = end.hash
			}
			return s.Append(ctx, b)
		})},
		{name: "refuses empty batches", caught: one("Append of an empty batch adds none"), breaks: emptyBatch(func(context.Context, accounts.Store, accounts.Batch) error {
			return accounts.ErrInvalid
		})},
		{name: "writes an entry for an empty batch", caught: one("Append of an empty batch adds none"), breaks: emptyBatch(func(ctx context.Context, s accounts.Store, b accounts.Batch) error {
			j := journal{id: b.ProfileID, last: b.After, hash: b.Hash}
			return s.Append(ctx, j.batch(""))
		})},
		{name: "tells of empty batches", caught: one("Append of an empty batch adds none"), breaks: tellsOfEmptyBatches},
		{name: "appends one by one", caught: []string{"Append adds all of a large batch or none", "a refused Append leaves no trace", "Append refuses a batch that repeats a key within itself"}, breaks: appendsOneByOne},
		{name: "appends to nothing", caught: one("Append to an unknown profile is a miss"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error {
				return swallow(s.Append(ctx, b), accounts.ErrProfileNotFound)
			}}
		}},
		{name: "takes entries of another profile", caught: one("Append refuses an entry of another profile"), breaks: func(s accounts.Store) *broken {
			return eachBatch(s, func(b *accounts.Batch) {
				for i := range b.Entries {
					b.Entries[i].ProfileID = b.ProfileID
				}
			})
		}},
		{name: "chains entries itself", caught: one("Append refuses an entry whose Prev is not the hash before it"), breaks: func(s accounts.Store) *broken {
			return eachBatch(s, func(b *accounts.Batch) { rechain(b, b.Hash) })
		}},
		{name: "does not look at the first entry's Prev", caught: one("Append refuses an entry whose Prev is not the hash before it"), breaks: func(s accounts.Store) *broken {
			return eachBatch(s, func(b *accounts.Batch) {
				if len(b.Entries) > 0 {
					b.Entries[0].Prev = b.Hash
				}
			})
		}},
		{name: "numbers entries itself", caught: one("Append refuses sequence numbers that do not run on from After"), breaks: func(s accounts.Store) *broken {
			return eachBatch(s, func(b *accounts.Batch) { renumber(b, b.After) })
		}},
		{name: "looks only at the first and last number", caught: one("Append refuses sequence numbers that do not run on from After"), breaks: func(s accounts.Store) *broken {
			return eachBatch(s, func(b *accounts.Batch) {
				if n := len(b.Entries); n > 0 && b.Entries[0].Seq == b.After+1 && b.Entries[n-1].Seq == b.After+int64(n) {
					renumber(b, b.After)
				}
			})
		}},
	}
}

func keyMutants() []mutant {
	return []mutant{
		{name: "drops repeated keys", caught: one("Append refuses a batch that repeats a key within itself"), breaks: func(s accounts.Store) *broken {
			return eachBatch(s, func(b *accounts.Batch) {
				seen := map[string]bool{}
				for i := range b.Entries {
					if e := &b.Entries[i]; seen[e.Key] {
						e.Key = ""
					} else {
						seen[e.Key] = true
					}
				}
			})
		}},
		{name: "keys ignore case", caught: one("Append refuses a batch that repeats a key within itself"), breaks: func(s accounts.Store) *broken {
			return eachBatch(s, func(b *accounts.Batch) {
				for i := range b.Entries {
					b.Entries[i].Key = string(bytes.ToLower([]byte(b.Entries[i].Key)))
				}
			})
		}},
		{name: "accepts a stale After", caught: []string{"Append refuses a batch behind another number", "Append refuses a batch behind another entry of the same number",
			"of concurrent appends after one entry exactly one wins", linear}, breaks: acceptsStale},
		{name: "looks at the number alone", caught: []string{"Append refuses a batch behind another entry of the same number", linear}, breaks: acceptsForks},
		{name: "looks at the hash alone", caught: one("Append refuses a batch behind another number"), breaks: func(s accounts.Store) *broken {
			return eachBatch(s, func(b *accounts.Batch) {
				if end := endOf(context.Background(), s, b.ProfileID); b.Check() == nil && end.hash == b.Hash {
					renumber(b, end.last)
				}
			})
		}},
		{name: "an empty journal has any hash", caught: one("Append refuses a batch behind another entry of the same number"), breaks: func(s accounts.Store) *broken {
			return eachBatch(s, func(b *accounts.Batch) {
				if b.After == 0 && b.Check() == nil {
					rechain(b, accounts.Hash{})
				}
			})
		}},
		{name: "lists one duplicate", caught: one("Append lists every duplicate key in the batch's order"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error {
				err := s.Append(ctx, b)
				var duplicate *accounts.DuplicateError
				if errors.As(err, &duplicate) {
					duplicate.Duplicates = duplicate.Duplicates[:1]
				}
				return err
			}}
		}},
		{name: "the empty key is a key", caught: one("empty keys are no duplicates of each other"), breaks: func(s accounts.Store) *broken {
			return eachBatch(s, func(b *accounts.Batch) {
				for i := range b.Entries {
					if b.Entries[i].Key == "" {
						b.Entries[i].Key = "none"
					}
				}
			})
		}},
		{name: "keys are shared by all profiles", caught: []string{"keys are unique within a profile, not across profiles", "journals of different profiles stay apart"}, breaks: sharesKeys},
		{name: "looks for conflicts first", caught: one("Append tells its errors in the order of precedence"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error {
				if _, err := s.Profile(ctx, b.ProfileID); err == nil && b.After != lastSeq(ctx, s, b.ProfileID) {
					return accounts.ErrConflict
				}
				return s.Append(ctx, b)
			}}
		}},
		{name: "looks for duplicates before conflicts", caught: one("Append tells its errors in the order of precedence"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error {
				err := s.Append(ctx, b)
				if errors.Is(err, accounts.ErrConflict) && len(b.Entries) > 0 && b.Entries[0].Key == "a" {
					return &accounts.DuplicateError{ProfileID: b.ProfileID}
				}
				return err
			}}
		}},
		{name: "remembers the keys of refused batches", caught: one("a refused Append leaves no trace"), breaks: func(s accounts.Store) *broken {
			refused := map[string]bool{}
			return &broken{Store: s, append: func(ctx context.Context, b accounts.Batch) error {
				err := s.Append(ctx, b)
				for _, e := range b.Entries {
					if refused[e.Key] && err == nil {
						return accounts.ErrDuplicate
					}
					refused[e.Key] = refused[e.Key] || err != nil
				}
				return err
			}}
		}},
	}
}

// reading breaks Entries: f yields what it likes.
func reading(f func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, yield func(accounts.Entry, error) bool)) func(accounts.Store) *broken {
	return func(s accounts.Store) *broken {
		return &broken{Store: s, entries: func(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
			return func(yield func(accounts.Entry, error) bool) { f(ctx, s, id, after, yield) }
		}}
	}
}

func entriesMutants() []mutant {
	return []mutant{
		{name: "after is the first to be read", caught: one("Entries yields what lies above after, in ascending order without a gap"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, entries: func(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
				return s.Entries(ctx, id, after-1)
			}}
		}},
		{name: "reads one page", caught: one("Entries yields what lies above after, in ascending order without a gap"),
			breaks: reading(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, yield func(accounts.Entry, error) bool) {
				n := 0
				for e, err := range s.Entries(ctx, id, after) {
					if n++; n > 1000 || !yield(e, err) {
						return
					}
				}
			})},
		{name: "past the end is an error", caught: one("Entries of a profile without entries, or past the end, yields nothing"),
			breaks: reading(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, yield func(accounts.Entry, error) bool) {
				if after > lastSeq(ctx, s, id) {
					yield(accounts.Entry{}, accounts.ErrInvalid)
					return
				}
				s.Entries(ctx, id, after)(yield)
			})},
		{name: "an unknown profile has an empty journal", caught: one("Entries of an unknown profile yields ErrProfileNotFound"),
			breaks: reading(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, yield func(accounts.Entry, error) bool) {
				for e, err := range s.Entries(ctx, id, after) {
					if errors.Is(err, accounts.ErrProfileNotFound) || !yield(e, err) {
						return
					}
				}
			})},
		{name: "yields its error twice", caught: one("Entries yields an error once, as the last pair, with a zero Entry"),
			breaks: reading(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, yield func(accounts.Entry, error) bool) {
				for e, err := range s.Entries(ctx, id, after) {
					if !yield(e, err) || err != nil && !yield(e, err) {
						return
					}
				}
			})},
		{name: "yields an entry with its error", caught: one("Entries yields an error once, as the last pair, with a zero Entry"),
			breaks: reading(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, yield func(accounts.Entry, error) bool) {
				for e, err := range s.Entries(ctx, id, after) {
					e.ProfileID = id
					if !yield(e, err) {
						return
					}
				}
			})},
		{name: "shows half a batch", caught: one("Entries is as of some moment not before the call"),
			breaks: reading(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, yield func(accounts.Entry, error) bool) {
				const page = 40 // the last one is not looked for
				for range 3 {
					n := 0
					for e, err := range s.Entries(ctx, id, after) {
						if !yield(e, err) {
							return
						}
						if after, n = e.Seq, n+1; n == page {
							break
						}
					}
				}
			})},
		{name: "holds its lock while it yields", caught: one("Entries is as of some moment not before the call"), waits: true, breaks: func(s accounts.Store) *broken { return locking(s, true) }},
		{name: "never gives back what it held", caught: one("breaking out of Entries early releases what it held"), waits: true, breaks: func(s accounts.Store) *broken { return locking(s, false) }},
		{name: "ends in silence", caught: one("Entries stops with the context's error when it ends"),
			breaks: reading(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, yield func(accounts.Entry, error) bool) {
				for e, err := range s.Entries(ctx, id, after) {
					if err != nil || !yield(e, nil) {
						return
					}
				}
			})},
		{name: "looks at the context too late", caught: one("Entries stops with the context's error when it ends"),
			breaks: reading(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, yield func(accounts.Entry, error) bool) {
				for e, err := range s.Entries(context.WithoutCancel(ctx), id, after) {
					if !yield(e, err) {
						return
					}
				}
				if ctx.Err() != nil {
					yield(accounts.Entry{}, ctx.Err())
				}
			})},
	}
}

// locking has one lock, which an iteration holds to its end, and past an early end unless it is
// released. Whoever waits for it gives up with its context.
func locking(s accounts.Store, released bool) *broken {
	lock := make(chan struct{}, 1)
	acquire := func(ctx context.Context) error {
		select {
		case lock <- struct{}{}:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	b := reading(func(ctx context.Context, s accounts.Store, id accounts.ProfileID, after int64, yield func(accounts.Entry, error) bool) {
		if err := acquire(ctx); err != nil {
			yield(accounts.Entry{}, err)
			return
		}
		for e, err := range s.Entries(ctx, id, after) {
			if !yield(e, err) {
				if released {
					<-lock
				}
				return
			}
		}
		<-lock
	})(s)
	b.append = func(ctx context.Context, batch accounts.Batch) error {
		if err := acquire(ctx); err != nil {
			return err
		}
		defer func() { <-lock }()
		return s.Append(ctx, batch)
	}
	return b
}

func checkpointMutants() []mutant {
	return []mutant{
		{name: "keeps the state as text", caught: one("Checkpoint returns the profile's newest checkpoint"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, save: func(ctx context.Context, c accounts.Checkpoint) error {
				c.State = bytes.ToValidUTF8(c.State, []byte("?"))
				return s.SaveCheckpoint(ctx, c)
			}}
		}},
		{name: "none is a zero checkpoint", caught: one("Checkpoint is ErrNoCheckpoint when none was saved"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, checkpoint: func(ctx context.Context, id accounts.ProfileID, upTo int64) (accounts.Checkpoint, error) {
				c, err := s.Checkpoint(ctx, id, upTo)
				return c, swallow(err, accounts.ErrNoCheckpoint)
			}}
		}},
		{name: "an unknown profile has no checkpoint", caught: one("checkpoints of an unknown profile are a miss"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, checkpoint: func(ctx context.Context, id accounts.ProfileID, upTo int64) (accounts.Checkpoint, error) {
				c, err := s.Checkpoint(ctx, id, upTo)
				if errors.Is(err, accounts.ErrProfileNotFound) {
					err = accounts.ErrNoCheckpoint
				}
				return c, err
			}}
		}},
		{name: "saves for an unknown profile", caught: one("checkpoints of an unknown profile are a miss"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, save: func(ctx context.Context, c accounts.Checkpoint) error {
				return swallow(s.SaveCheckpoint(ctx, c), accounts.ErrProfileNotFound)
			}}
		}},
		{name: "the last one saved stays", caught: []string{"SaveCheckpoint ignores an older one without an error", "of checkpoints saved at once the newest stays"}, breaks: func(s accounts.Store) *broken {
			var (
				mu   sync.Mutex
				last accounts.Checkpoint
			)
			return &broken{Store: s,
				save: func(_ context.Context, c accounts.Checkpoint) error {
					mu.Lock()
					defer mu.Unlock()
					last = c
					return nil
				},
				checkpoint: func(context.Context, accounts.ProfileID, int64) (accounts.Checkpoint, error) {
					mu.Lock()
					defer mu.Unlock()
					return last, nil
				},
			}
		}},
		{name: "one slot for all", caught: []string{"SaveCheckpoint keeps one in each slot", "Checkpoint returns the newest of any slot up to an entry"}, breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, save: func(ctx context.Context, c accounts.Checkpoint) error {
				c.Slot = 0
				return s.SaveCheckpoint(ctx, c)
			}}
		}},
		{name: "an older one than any is ignored", caught: one("SaveCheckpoint keeps one in each slot"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, save: func(ctx context.Context, c accounts.Checkpoint) error {
				if old, err := s.Checkpoint(ctx, c.ProfileID, newest); err == nil && old.Seq > c.Seq {
					return nil
				}
				return s.SaveCheckpoint(ctx, c)
			}}
		}},
		{name: "forgets the slot", caught: one("SaveCheckpoint keeps one in each slot"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, checkpoint: func(ctx context.Context, id accounts.ProfileID, upTo int64) (accounts.Checkpoint, error) {
				c, err := s.Checkpoint(ctx, id, upTo)
				c.Slot = 0
				return c, err
			}}
		}},
		{name: "up to does not count", caught: one("Checkpoint returns the newest of any slot up to an entry"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, checkpoint: func(ctx context.Context, id accounts.ProfileID, _ int64) (accounts.Checkpoint, error) {
				return s.Checkpoint(ctx, id, newest)
			}}
		}},
		{name: "up to means below", caught: one("Checkpoint returns the newest of any slot up to an entry"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, checkpoint: func(ctx context.Context, id accounts.ProfileID, upTo int64) (accounts.Checkpoint, error) {
				if upTo < newest {
					upTo--
				}
				return s.Checkpoint(ctx, id, upTo)
			}}
		}},
		{name: "any slot goes", caught: one("SaveCheckpoint refuses another slot"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, save: func(ctx context.Context, c accounts.Checkpoint) error {
				c.Slot = min(max(c.Slot, 0), accounts.MaxSlot)
				return s.SaveCheckpoint(ctx, c)
			}}
		}},
		{name: "an older one is an error", caught: one("SaveCheckpoint ignores an older one without an error"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, save: func(ctx context.Context, c accounts.Checkpoint) error {
				if old, err := s.Checkpoint(ctx, c.ProfileID, newest); err == nil && old.Seq > c.Seq {
					return accounts.ErrConflict
				}
				return s.SaveCheckpoint(ctx, c)
			}}
		}},
		{name: "the first of a Seq stays", caught: one("SaveCheckpoint replaces one of the same Seq"), breaks: func(s accounts.Store) *broken {
			return &broken{Store: s, save: func(ctx context.Context, c accounts.Checkpoint) error {
				if old, err := s.Checkpoint(ctx, c.ProfileID, newest); err == nil && old.Seq == c.Seq {
					return nil
				}
				return s.SaveCheckpoint(ctx, c)
			}}
		}},
	}
}
