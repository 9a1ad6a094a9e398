package pgstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quagmt/udecimal"
	"github.com/stretchr/testify/require"

	"github.com/ai-ots/accounts"
	"github.com/ai-ots/accounts/ledger"
)

// loadProfiles is over how many profiles a load spreads: few enough that workers meet.
const loadProfiles = 4

// load trades the profiles without rest, from several workers, and tells of every execution that was
// acknowledged. Whatever fails is repeated with the same id, as a service would. Each worker has
// contracts of its own: a trade that is older than others of its contract would have the whole journal read.
type load struct {
	name    string
	patient bool // no call's context ends while the load lasts
	ack     func(id accounts.ProfileID, exec ledger.ExecID)

	stop    context.CancelFunc
	workers sync.WaitGroup
	close   func() error
}

// startLoad begins to trade, through a store of its own.
func startLoad(name string, s accounts.Store, workers int, ack func(accounts.ProfileID, ledger.ExecID)) (*load, error) {
	l := &load{name: name, ack: ack}
	return l, l.start(s, workers)
}

func (l *load) start(s accounts.Store, workers int) error {
	m, err := accounts.New(s)
	if err != nil {
		return err
	}
	l.close = m.Close
	var ctx context.Context
	ctx, l.stop = context.WithCancel(context.Background())
	for w := range workers {
		l.workers.Go(func() { l.trade(ctx, m, w) })
	}
	return nil
}

func (l *load) end() error {
	l.stop()
	l.workers.Wait()
	return l.close()
}

func (l *load) trade(ctx context.Context, m *accounts.MultiAccountManager, worker int) {
	random := rand.New(rand.NewPCG(uint64(worker), uint64(os.Getpid())))
	for n := 0; ctx.Err() == nil; n++ {
		id := testProfile(random.IntN(loadProfiles)).ID
		trades := make([]ledger.Trade, 1+random.IntN(3))
		for i := range trades {
			trades[i] = ledger.Trade{
				ExecID:     ledger.ExecID(fmt.Sprintf("%s.%d.%d.%d", l.name, worker, n, i)),
				Instrument: ledger.NewStock(fmt.Sprint("S", worker, random.IntN(5), l.name), "USD"),
				Quantity:   udecimal.MustFromInt64(int64(random.IntN(100)+1)*int64(1-2*random.IntN(2)), 0),
				Price:      udecimal.MustFromInt64(int64(random.IntN(10000)+1), 2), Commission: udecimal.One, Time: time.Now(),
			}
		}
		for ctx.Err() == nil && l.record(ctx, m, id, trades, !l.patient && random.IntN(20) == 0) != nil {
		}
	}
}

// record records trades, sometimes with little patience, and tells of them if that was acknowledged.
func (l *load) record(ctx context.Context, m *accounts.MultiAccountManager, id accounts.ProfileID, trades []ledger.Trade, hasty bool) error {
	if hasty {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Millisecond)
		defer cancel()
	}
	p, err := m.Portfolio(ctx, id)
	if err == nil {
		_, err = p.Record(ctx, ledger.Facts(trades)...)
	}
	if err == nil {
		for i := range trades {
			l.ack(id, trades[i].ExecID)
		}
	}
	return err
}

// acks collects what was acknowledged.
type acks struct {
	mu     sync.Mutex
	list   map[accounts.ProfileID][]ledger.ExecID
	n      int
	wanted int
	enough chan struct{}
}

func newAcks() *acks { return &acks{list: map[accounts.ProfileID][]ledger.ExecID{}} }

func (a *acks) add(id accounts.ProfileID, exec ledger.ExecID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list[id] = append(a.list[id], exec)
	if a.n++; a.enough != nil && a.n >= a.wanted {
		close(a.enough)
		a.enough = nil
	}
}

// more returns a channel that is closed when so many more were acknowledged.
func (a *acks) more(n int) <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	enough := make(chan struct{})
	a.wanted, a.enough = a.n+n, enough
	return enough
}

// requireKept checks after a fault: every acknowledged execution is in its journal, none is twice, no
// number is missing, the chain holds, and the rows are what the journals say.
func (a *acks) requireKept(t *testing.T, s *Store, when string) {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for i := range loadProfiles {
		id := testProfile(i).ID
		require.NoError(t, s.Verify(t.Context(), id), "%s: Verify failed", when)
		found := map[ledger.ExecID]int{}
		for e, err := range s.Entries(t.Context(), id, 0) {
			require.NoError(t, err, "%s: Entries failed", when)
			if f, err := e.Decode(); err == nil {
				switch f := f.(type) {
				case *ledger.Trade:
					found[f.ExecID]++
				case *ledger.Amendment:
					if f.Trade != nil {
						found[f.Trade.ExecID]++
					}
				}
			}
		}
		for exec, n := range found {
			require.Equal(t, 1, n, "%s: execution %s is in the journal %d times", when, exec, n)
		}
		for _, exec := range a.list[id] {
			require.Equal(t, 1, found[exec], "%s: acknowledged execution %s is lost", when, exec)
		}
	}
}

// createLoadProfiles creates what loads trade.
func createLoadProfiles(t *testing.T, s *Store) {
	t.Helper()
	for i := range loadProfiles {
		require.NoError(t, s.CreateProfile(t.Context(), testProfile(i)), "CreateProfile failed")
	}
}

// loadChild is a process that trades and prints what was acknowledged.
func loadChild() {
	s, err := Open(context.Background(), os.Getenv(childDSNEnv))
	if err != nil {
		fmt.Fprintln(os.Stderr, "another process:", err)
		os.Exit(1)
	}
	var mu sync.Mutex
	_, err = startLoad(os.Getenv(childArgEnv), s, 4, func(id accounts.ProfileID, exec ledger.ExecID) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(id, exec)
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "another process:", err)
		os.Exit(1)
	}
	untilOrphaned()
	os.Exit(0)
}

// addLine adds a line of loadChild's. The last one of a killed process may be cut.
func (a *acks) addLine(line string) {
	if id, exec, ok := strings.Cut(line, " "); ok && strings.Count(exec, ".") == 3 {
		a.add(accounts.ProfileID(id), ledger.ExecID(exec))
	}
}
