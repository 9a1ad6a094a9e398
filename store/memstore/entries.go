package memstore

import (
	"bytes"
	"context"
	"iter"

	"github.com/ai-ots/accounts"
)

// Entries implements accounts.Store. Each iteration sees the journal as it is when it begins, and
// holds no lock: the loop's body may append to the journal it reads.
func (s *Store) Entries(ctx context.Context, id accounts.ProfileID, after int64) iter.Seq2[accounts.Entry, error] {
	return func(yield func(accounts.Entry, error) bool) {
		if err := s.ready(ctx); err != nil {
			yield(accounts.Entry{}, err)
			return
		}
		j, err := s.journal(id)
		if err != nil {
			yield(accounts.Entry{}, err)
			return
		}
		blocks, last := j.snapshot()
		for i := max(after, 0); i < last; i++ {
			if err := ctx.Err(); err != nil {
				yield(accounts.Entry{}, err)
				return
			}
			e := blocks[i/blockSize][i%blockSize]
			e.Payload = bytes.Clone(e.Payload)
			if !yield(e, nil) {
				return
			}
		}
	}
}
