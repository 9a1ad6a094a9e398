package pgstore

import (
	"context"
	"sync"

	"github.com/ai-ots/accounts"
)

// lockQueues let one caller at a time wait for the lock of a journal, in the order in which they
// came: the others need no connection meanwhile.
type lockQueues struct {
	mu    sync.Mutex
	byID  map[accounts.ProfileID]chan struct{} // holds a token while it is somebody's turn
	users map[accounts.ProfileID]int
}

// take returns what ends the turn; that may be called more than once. The context ends waiting, and
// so does the store's: ErrClosed.
func (q *lockQueues) take(ctx, store context.Context, id accounts.ProfileID) (end func(), err error) {
	q.mu.Lock()
	if q.byID == nil {
		q.byID, q.users = map[accounts.ProfileID]chan struct{}{}, map[accounts.ProfileID]int{}
	}
	turn := q.byID[id]
	if turn == nil {
		turn = make(chan struct{}, 1)
		q.byID[id] = turn
	}
	q.users[id]++
	q.mu.Unlock()
	select {
	case turn <- struct{}{}:
		return sync.OnceFunc(func() {
			<-turn
			q.leave(id)
		}), nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-store.Done():
		err = accounts.ErrClosed
	}
	q.leave(id)
	return nil, err
}

func (q *lockQueues) leave(id accounts.ProfileID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.users[id]--; q.users[id] == 0 {
		delete(q.users, id)
		delete(q.byID, id)
	}
}
