package cpapi

import (
	"fmt"
	"sync"
	"time"

	"github.com/ai-ots/accounts/broker"
)

// lockout is how long IBKR refuses an address that made too many requests.
const lockout = 10 * time.Minute

// Breaker stops the requests of every login behind one address, while IBKR locks the address out.
// Give all logins of a machine the same. It is safe for concurrent use.
type Breaker struct {
	mu    sync.Mutex
	until time.Time
}

// NewBreaker returns a breaker that lets requests through.
func NewBreaker() *Breaker { return &Breaker{} }

// trip stops requests for as long as an address is locked out.
func (b *Breaker) trip() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.until = time.Now().Add(lockout) // by the machine's own clock, whichever the client was given
}

// err returns an error that matches ErrPaced while requests are stopped.
func (b *Breaker) err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if left := time.Until(b.until); left > 0 {
		return fmt.Errorf("%w: the address is locked out for %s", broker.ErrPaced, left.Round(time.Second))
	}
	return nil
}

// breakers are those of the clients that were given none, by the host and port of their base
// address.
var breakers sync.Map

func breakerOf(host string) *Breaker {
	b, _ := breakers.LoadOrStore(host, NewBreaker())
	return b.(*Breaker)
}
